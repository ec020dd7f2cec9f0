"""On a phone every display and every table is seen whole: set smaller or as cards, without scrolling."""

import pytest
from browsing import LARGEST_SHIFT, NARROW, PAGES, ROOT, SHIFT, Visit

pytestmark = pytest.mark.browser
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
OTHERS = [name for name in PAGES if name.startswith("book/") and not name.startswith("book/api/")]
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

# beginnings of the tables that are wider than the column
WIDE_TABLES = """() => [...document.querySelectorAll('main table')]
    .filter(table => table.clientWidth > 0 && [table, table.parentElement].some(box => box.scrollWidth > box.clientWidth + 1))
    .map(table => table.textContent.trim().slice(0, 60))"""


@pytest.fixture(scope="module")
def phone(browser, site):
    with browser.new_context(viewport=NARROW) as context:
        yield Visit(context, site)


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_display_and_no_table_is_cut_off(phone, name):
    tab = phone.open(f"notebooks/{name}.html")
    assert tab.evaluate(SHIFT) < LARGEST_SHIFT
    assert tab.evaluate(CUT) == []
    assert tab.evaluate(WIDE_TABLES) == []


@pytest.mark.parametrize("name", OTHERS)
def test_no_table_of_another_page_is_cut_off_or_moves(phone, name):
    tab = phone.open(name)
    assert tab.evaluate(SHIFT) < LARGEST_SHIFT
    assert tab.evaluate(WIDE_TABLES) == []


def test_a_row_of_a_wide_table_is_a_card_whose_cells_say_their_column(phone):
    tab = phone.open("book/index.html")
    cells = tab.locator("#a-map-of-results tbody tr").first.locator("td")
    assert [cells.nth(i).get_attribute("data-head") for i in range(4)] == [
        *(None, "answer", "statement", "check")
    ]
    assert len({cells.nth(i).bounding_box()["x"] for i in range(4)}) == 1
    tab.evaluate("() => document.querySelectorAll('.rl-cards').forEach(t => t.className = 'table')")
    assert tab.evaluate(WIDE_TABLES)[0].startswith("you are")


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
