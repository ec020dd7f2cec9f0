"""The built book in a browser with the network cut: no outside request, no error, all mathematics typeset and whole."""

import pytest
from browsing import NARROW, PAGES, WIDE

pytestmark = pytest.mark.browser


# ---------------------------------------------------------------------------------------------- what is wrong

# text that should have become mathematics or a reference, outside of code
RAW = r"""() => {
    const raw = /\$[^$\n]+\$|\\\(|\\\[|\\begin\{|\\(frac|pi|mathcal|sum|log|eta|theta)\b|\{[a-z]+:?[a-z]*\}`/;
    const skip = 'script, style, pre, code, textarea, mjx-container, .bibtex';
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode())
        if (raw.test(node.data) && !node.parentElement.closest(skip))
            found.push(node.data.trim().slice(0, 80));
    return found;
}"""

# mathematics that was not typeset, or typeset as an error or an unknown command (shown in red)
UNSET = """() => [...document.querySelectorAll('.math')].filter(box => {
    const set = box.querySelector('mjx-container');
    const broken = 'mjx-merror, [data-mjx-error], mjx-mtext[style*="red"]';
    return !set || set.querySelector(broken);
}).map(box => box.textContent.slice(0, 80))"""

# how many pixels a page is wider than the window
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

# the elements that stick out, to name the culprit
CULPRITS = """() => [...document.querySelectorAll('main *')].filter(box => {
    const right = box.getBoundingClientRect().right;
    const scrolled = box.parentElement.closest('[style*="overflow"], pre, .rl-graph, mjx-container, .math');
    return right > document.documentElement.clientWidth + 1 && !scrolled;
}).slice(0, 5).map(box => box.tagName + '.' + box.className)"""


# raw bytes of all that a first visit loads, without MathJax, which all pages share
WEIGHT = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(file => !file.name.includes('/_static/mathjax/'))
    .reduce((sum, file) => sum + file.decodedBodySize, 0)"""
HEAVIEST = 1_500_000

# icons that were asked for and are not drawn
NO_ICON = """() => [...document.querySelectorAll('i[class*="fa-"], svg[data-icon]')]
    .filter(icon => icon.tagName === 'I' || !icon.querySelector(':scope > path[d]'))
    .map(icon => icon.getAttribute('class'))"""

# displays that the reader can neither see whole nor scroll
CUT = """() => [...document.querySelectorAll('mjx-container[display="true"]')].filter(box => {
    const inner = box.getBoundingClientRect(), outer = box.closest('main').getBoundingClientRect();
    const hidden = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== 'auto';
    return hidden || inner.right > outer.right + 1;
}).map(box => box.parentElement.textContent.slice(0, 80))"""


@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole_offline(visit, name):
    """One visit a page: loading is what takes the time."""
    tab = visit.open(name)
    assert visit.outside == []
    assert visit.errors == []
    assert tab.evaluate(RAW) == []
    assert tab.evaluate(UNSET) == []
    assert tab.evaluate(NO_ICON) == []
    assert tab.evaluate(WEIGHT) < HEAVIEST
    assert {size["width"]: overflow(tab, size) for size in (WIDE, NARROW)} == {1400: [], 390: []}


def overflow(tab, size):
    """What sticks out of the page in a window of this size."""
    tab.set_viewport_size(size)
    try:
        tab.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        wide = (tab.evaluate(CULPRITS) or ["the page"]) if tab.evaluate(OVERFLOW) > 0 else []
        return wide + tab.evaluate(CUT)
    finally:
        tab.set_viewport_size(WIDE)


def test_the_front_door_leads_to_the_preface(visit):
    visit.tab.goto(f"{visit.site}/index.html")
    visit.tab.wait_for_url("**/book/index.html")
    assert visit.outside == []


# --------------------------------------------------------------------------------------------- tests can fail


@pytest.fixture
def planted(visit):
    """Put a fragment into the open page, away from its own faults."""

    def planted(fragment):
        visit.tab.goto(f"{visit.site}/{PAGES[0]}")
        visit.tab.evaluate("html => { document.querySelector('main').innerHTML += html }", fragment)
        return visit.tab

    return planted


@pytest.mark.parametrize("text", [r"$x^2$", r"\(x\)", r"\[x\]", r"a \frac{1}{2}", "{prf:ref}`thm-x`"])
def test_raw_text_is_seen(planted, text):
    assert len(planted(f"<p>{text}</p>").evaluate(RAW)) == 1


def test_raw_text_in_code_is_no_fault(planted):
    assert planted("<pre>$x$</pre><p>costs 5 dollars</p>").evaluate(RAW) == []


@pytest.mark.parametrize(
    "inside", ["x", "<mjx-container><mjx-merror>x</mjx-merror></mjx-container>"], ids=["unset", "error"]
)
def test_mathematics_that_is_not_set_is_seen(planted, inside):
    assert len(planted(f'<div class="math">{inside}</div>').evaluate(UNSET)) == 1


def test_a_wide_page_is_seen(planted):
    assert planted('<div style="width: 3000px">x</div>').evaluate(OVERFLOW) > 0


def test_a_request_to_another_host_is_seen_and_cut(visit, planted):
    visit.outside.clear()
    planted('<img src="https://example.org/x.png" alt="">').wait_for_timeout(200)
    assert visit.outside == ["https://example.org/x.png"]


def test_a_heavy_page_is_seen(visit, planted):
    visit.tab.route("**/heavy.txt", lambda route: route.fulfill(body="x" * HEAVIEST))
    tab = planted("")
    tab.evaluate("() => fetch('heavy.txt').then(answer => answer.text())")
    tab.wait_for_function(f"({WEIGHT})() > {HEAVIEST}")


def test_a_missing_icon_and_a_cut_display_are_seen(planted):
    wide = '<mjx-container display="true" style="overflow: hidden; display: block; max-width: 90px">'
    tab = planted(f'{wide}<b style="display: block; width: 900px">x</b></mjx-container><i class="fa-solid fa-no"></i>')
    assert len(tab.evaluate(CUT)) == 1
    assert len(tab.evaluate(NO_ICON)) == 1
