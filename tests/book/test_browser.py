"""The built book in a browser with the network cut: no outside request, no error, all mathematics typeset and whole."""

import pytest
from browsing import DRAWN, HTML, LARGEST_SHIFT, NARROW, PAGES, SHIFT, WIDE, window

pytestmark = pytest.mark.browser


# ---------------------------------------------------------------------------------------------- what is wrong

# text that should have become mathematics or a reference, outside of code
RAW = r"""() => {
    const raw = /\$[^$\n]+\$|\\\(|\\\[|\\begin\{|\\(frac|pi|mathcal|sum|log|eta|theta)\b|\{[a-z]+:?[a-z]*\}`/;
    const skip = 'script, style, pre, code, .sig, textarea, mjx-container, .bibtex';
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
HEAVIEST = 1_200_000

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


# formulas in lines whose size is not that of the others in their paragraph
UNEVEN = """() => [...document.querySelectorAll('main :is(p, li, td, th, dd, figcaption)')].filter(text => {
    const own = [...text.querySelectorAll('mjx-container:not([display="true"])')]
        .filter(box => box.offsetParent && box.closest('p, li, td, th, dd, figcaption') === text);
    return new Set(own.map(box => getComputedStyle(box).fontSize)).size > 1;
}).map(text => text.textContent.slice(0, 60))"""

# punctuation that begins a line because the formula before it ends one
PARTED = """() => [...document.querySelectorAll('main mjx-container:not([display="true"])')].filter(box => {
    const after = box.nextSibling ?? box.closest('span.math')?.nextSibling;
    if (!box.offsetParent || after?.nodeType !== Node.TEXT_NODE || !/^[,.;:!?)]/.test(after.data)) return false;
    const sign = document.createRange();
    sign.setStart(after, 0);
    sign.setEnd(after, 1);
    return sign.getBoundingClientRect().top > box.getBoundingClientRect().bottom;
}).map(box => box.closest('p, li, td, th, dd, figcaption')?.textContent.slice(0, 60))"""

# displays that were made smaller although they would fit: size asked for, width of what is seen, width of the box
SHRUNK = """() => {
    const size = box => parseFloat(getComputedStyle(box).fontSize);
    return [...document.querySelectorAll('mjx-container[display="true"]')].filter(box => {
        const asked = size(box.parentElement) * parseFloat(box.dataset.size) / 100;
        const whole = box.querySelector('mjx-math').getBoundingClientRect().width * asked / size(box);
        return box.clientWidth > 0 && size(box) < 0.995 * asked && whole <= box.clientWidth;
    }).map(box => box.parentElement.textContent.slice(0, 60));
}"""

# boxes of code and output that scroll sideways, those in folds too
SIDEWAYS = """() => {
    document.querySelectorAll('main details').forEach(part => { part.open = true });
    return [...document.querySelectorAll('main :is(pre, .highlight, .cell_output, .cell_output .output)')]
        .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.textContent.slice(0, 60));
}"""

VIEWPORTS = "() => document.querySelectorAll('meta[name=viewport]').length"
UNSIZED = """() => [...document.querySelectorAll('main article img')]
    .filter(image => image.loading !== 'lazy' || !image.width || !image.height).map(image => image.src)"""


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
    assert tab.evaluate(SHIFT) < LARGEST_SHIFT
    assert tab.evaluate(VIEWPORTS) == 1
    assert tab.evaluate(UNSIZED) == []
    assert tab.evaluate(SIDEWAYS) == []
    assert {size["width"]: overflow(tab, size) for size in (WIDE, NARROW)} == {1400: [], 390: []}
    assert {size["width"]: uneven(tab, size) for size in (WIDE, NARROW)} == {1400: [], 390: []}
    assert on_paper(tab) == []


def uneven(tab, size):
    """Formulas of sizes that nothing asks for, or parted from their punctuation, in a window of this size."""
    with window(tab, size):
        tab.evaluate("() => window.fitDisplays?.(0.72)")
        return tab.evaluate(UNEVEN) + tab.evaluate(SHRUNK) + tab.evaluate(PARTED)


def on_paper(tab):
    """The same in print."""
    tab.emulate_media(media="print")
    try:
        tab.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        return tab.evaluate(UNEVEN) + tab.evaluate(SHRUNK)
    finally:
        tab.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
        tab.emulate_media(media="screen")


def overflow(tab, size):
    """What sticks out of the page in a window of this size."""
    with window(tab, size):
        tab.evaluate(DRAWN)
        wide = (tab.evaluate(CULPRITS) or ["the page"]) if tab.evaluate(OVERFLOW) > 0 else []
        return wide + tab.evaluate(CUT)


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


@pytest.mark.parametrize(
    "text", [r"$x^2$", r"\(x\)", r"\[x\]", r"a \frac{1}{2}", "{prf:ref}`thm-x`"]
)
def test_raw_text_is_seen(planted, text):
    assert len(planted(f"<p>{text}</p>").evaluate(RAW)) == 1


def test_punctuation_at_the_start_of_a_line_is_seen(planted):
    box = '<mjx-container style="display: inline-block; width: 50px; height: 9px"></mjx-container>'
    assert planted(f'<p style="width: 52px">{box}, x</p>').evaluate(PARTED) == [", x"]
    held = f'<p style="width: 52px"><span class="rl-held">{box},</span> x</p>'
    assert planted(held).evaluate(PARTED) == []


def test_raw_text_in_code_is_no_fault(planted):
    assert planted("<pre>$x$</pre><p>costs 5 dollars</p>").evaluate(RAW) == []


@pytest.mark.parametrize(
    "inside",
    ["x", "<mjx-container><mjx-merror>x</mjx-merror></mjx-container>"],
    ids=["unset", "error"],
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
    wide = (
        '<mjx-container display="true" style="overflow: hidden; display: block; max-width: 90px">'
    )
    tab = planted(
        f'{wide}<b style="display: block; width: 900px">x</b></mjx-container><i class="fa-solid fa-no"></i>'
    )
    assert len(tab.evaluate(CUT)) == 1
    assert len(tab.evaluate(NO_ICON)) == 1


# the old way of fitting: every formula, by a width that counts MathJax's hidden markup
OLD_FIT = """() => document.querySelectorAll('mjx-container').forEach(box => {
    const share = box.clientWidth / box.scrollWidth;
    if (share < 1) box.style.fontSize = `calc(${box.style.fontSize || '100%'} * ${Math.max(0.99 * share, 0.72)})`;
})"""


def test_formulas_fitted_by_hidden_markup_are_seen(visit):
    tab = visit.open(next(name for name in PAGES if "covariance_identity" in name))
    # so that lines are boxes with a width, as they were
    tab.add_style_tag(
        content="span.math mjx-container { display: inline-block; overflow: auto hidden; max-width: 100% }"
    )
    tab.evaluate(OLD_FIT)
    assert len(tab.evaluate(UNEVEN)) > 10


def test_a_display_made_smaller_in_vain_is_seen(visit):
    tab = visit.open(next(name for name in PAGES if "covariance_identity" in name))
    assert tab.evaluate(SHRUNK) == []
    tab.evaluate(
        "() => { document.querySelector('mjx-container[display=true]').style.fontSize = '80%' }"
    )
    assert len(tab.evaluate(SHRUNK)) == 1


def test_a_box_that_scrolls_sideways_is_seen(planted):
    tab = planted(
        '<details><summary>x</summary><pre style="white-space: pre">'
        + "x" * 400
        + "</pre></details>"
    )
    assert len(tab.evaluate(SIDEWAYS)) == 1


def test_a_picture_without_a_size_is_seen(planted):
    tab = planted("")
    tab.evaluate(
        "() => document.querySelector('article').insertAdjacentHTML('beforeend', '<img alt=\"\">')"
    )
    assert len(tab.evaluate(UNSIZED)) == 1


def test_text_that_moves_is_seen(visit):
    tab = visit.open(PAGES[0])
    before = tab.evaluate(SHIFT)
    tab.evaluate("""() => new Promise(done => setTimeout(() => {
        document.querySelector('article').style.marginTop = '300px';
        setTimeout(done, 300);
    }, 600))""")
    assert tab.evaluate(SHIFT) > before + LARGEST_SHIFT


def test_a_lost_address_leads_back_into_the_book(visit):
    """A server shows 404.html at any depth; its links find the book's folder."""
    lost = (HTML / "404.html").read_text(encoding="utf-8")
    visit.tab.route(
        "**/no/such/page.html", lambda route: route.fulfill(body=lost, content_type="text/html")
    )
    visit.tab.goto(f"{visit.site}/no/such/page.html")
    visit.tab.wait_for_function(
        "() => document.querySelector('[data-page]').getAttribute('href').startsWith('/')"
    )
    found = visit.tab.eval_on_selector_all(
        "[data-page]", "links => links.map(link => link.getAttribute('href'))"
    )
    assert found[0] == "/book/index.html" and all(
        (HTML / page.lstrip("/")).is_file() for page in found
    )
