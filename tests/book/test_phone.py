"""On a phone every display of every chapter is seen whole: set smaller where it has to, without scrolling."""

import pytest
from browsing import NARROW, ROOT, Visit

pytestmark = pytest.mark.browser
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
LEAST = 0.68  # of the size of a display on a desktop

# [share of the text's size, TeX as it is read out] of the displays that are cut off
CUT = """() => {
    document.querySelectorAll('details').forEach(fold => { fold.open = true; });
    window.fitDisplays(LEAST);
    const boxes = [...document.querySelectorAll('main mjx-container[display="true"]')];
    return boxes.filter(box => box.clientWidth > 0).filter(box =>
        box.querySelector('mjx-math').getBoundingClientRect().width > box.clientWidth + 1
    ).map(box => (box.querySelector('mjx-assistive-mml') ?? box).textContent.slice(0, 80));
}""".replace("LEAST", str(LEAST))


@pytest.fixture(scope="module")
def phone(browser, site):
    context = browser.new_context(viewport=NARROW)
    yield Visit(context, site)
    context.close()


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_display_is_cut_off(phone, name):
    assert phone.open(f"notebooks/{name}.html").evaluate(CUT) == []


def test_a_display_that_is_far_too_wide_would_be_noticed(phone):
    tab = phone.open("notebooks/20_check_your_own.html")
    tab.evaluate(
        """async () => {
            const box = document.createElement('div');
            box.className = 'math';
            box.textContent = String.raw`\\[` + 'abcdefgh+'.repeat(20) + String.raw`a\\]`;
            document.querySelector('article').append(box);
            await MathJax.typesetPromise([box]);
        }"""
    )
    assert len(tab.evaluate(CUT)) == 1
