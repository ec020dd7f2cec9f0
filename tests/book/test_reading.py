"""What a reader does with the built book: search, keyboard, copy, sort, filter, and reading with assistive tools."""

from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing import HTML, NARROW, PAGES, WIDE

pytestmark = pytest.mark.browser
LEDGER = "book/ledger.html"


# ------------------------------------------------------------------------------------------------ accessibility

# What repeats is looked at once, for the time it takes: MathJax's own markup, the same on all pages and thousands of
# nodes long, gives way to a letter of its colour; of each kind of word in code the first stays marked, and of a long
# table, whose rows are made alike, the first twenty rows stay.
SHORTER = """() => {
    document.querySelectorAll('mjx-container').forEach(box => { box.textContent = 'x' });
    document.querySelectorAll('main tbody tr:nth-child(n + 21)').forEach(row => row.remove());
    const seen = new Set();
    document.querySelectorAll('pre span').forEach(word =>
        seen.has(word.className) ? word.replaceWith(...word.childNodes) : seen.add(word.className));
    document.querySelectorAll('pre').forEach(box => box.normalize());
}"""

# faults that keep somebody from reading
AUDIT = """async only => {
    const options = {resultTypes: ['violations'], ...(only ? {runOnly: {type: 'rule', values: only}} : {})};
    const found = await axe.run(document, options);
    return found.violations.filter(fault => ['serious', 'critical'].includes(fault.impact)).map(fault =>
        fault.id + ': ' + fault.nodes.slice(0, 3).map(node => node.target.join(' ') + ' ' +
            (node.any[0]?.data?.contrastRatio ?? '')).join('; '));
}"""
COLOURS = ["color-contrast", "link-in-text-block"]


def audit(tab, scheme, size, only=None):
    """Serious and critical faults of the open page in one colour scheme at one width."""
    tab.set_viewport_size(size)
    tab.evaluate("scheme => { document.documentElement.dataset.theme = scheme }", scheme)
    tab.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    try:
        return tab.evaluate(AUDIT, only)
    finally:
        tab.set_viewport_size(WIDE)


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_serious_fault_of_accessibility(visit, name):
    tab = visit.open(name)
    tab.evaluate(SHORTER)
    tab.evaluate(AXE_SCRIPT)
    assert audit(tab, "light", WIDE) == []
    assert audit(tab, "dark", NARROW) == []
    assert audit(tab, "dark", WIDE, COLOURS) == []
    assert audit(tab, "light", NARROW, COLOURS) == []


@pytest.mark.parametrize(
    ("fragment", "rule"),
    [
        ('<p style="color: #999; background: #fff">hardly to be read</p>', "color-contrast"),
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "image-alt"),
        ("<button></button>", "button-name"),
    ],
)
def test_a_planted_fault_of_accessibility_is_seen(visit, fragment, rule):
    tab = visit.open(PAGES[0])
    tab.evaluate(AXE_SCRIPT)
    tab.evaluate("html => document.querySelector('article').insertAdjacentHTML('afterbegin', html)", fragment)
    assert [fault.split(":")[0] for fault in audit(tab, "light", WIDE)] == [rule]


# ----------------------------------------------------------------------------------------------------- keyboard

STOPS = {
    "skip link": "#pst-skip-link a, a.skip-link",
    "search": ".search-button-field, .search-button__button",
    "sidebar": ".bd-sidebar-primary nav a",
    "colour scheme": ".theme-switch-button",
    "link in the text": ".bd-article p a",
    "box of the graph": "a.rl-node",
    "sort button": ".rl-ledger th button",
    "filter": ".rl-filter input",
    "next page": ".prev-next-footer a",
}
FOCUSED = """stops => Object.entries(stops).filter(([, selector]) => document.activeElement.matches(selector))
    .map(([name]) => name)"""


def reached(tab, presses):
    """The kinds of things that the Tab key comes by."""
    found, wanted = set(), set(STOPS)
    for _ in range(presses):
        tab.keyboard.press("Tab")
        found |= set(tab.evaluate(FOCUSED, STOPS))
        if found == wanted:
            break
    return found


def test_the_keyboard_reaches_everything(visit):
    tab = visit.open(LEDGER)
    assert reached(tab, 1) == {"skip link"}
    places = tab.locator("a[href], button, input, select, [tabindex]").count()
    assert {"skip link", *reached(tab, places)} == set(STOPS)


def test_what_the_keyboard_cannot_reach_is_seen(visit):
    tab = visit.open(LEDGER)
    tab.evaluate("() => document.querySelectorAll('.rl-ledger th button, a.rl-node').forEach(x => { x.tabIndex = -1 })")
    missed = set(STOPS) - reached(tab, 300)
    assert {"sort button", "box of the graph"} <= missed


def test_enter_on_the_skip_link_leads_to_the_text(visit):
    tab = visit.open(LEDGER)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#main-content")


# ------------------------------------------------------------------------------------------- search and buttons


def test_search_finds_the_covariance_identity(visit):
    home = next(name for name in PAGES if 'id="thm-covariance-identity"' in (HTML / name).read_text(encoding="utf-8"))
    tab = visit.open("search.html?q=covariance+identity")
    tab.wait_for_selector("#search-results li a")
    tab.wait_for_function("() => /[Ff]ound|finished/.test(document.querySelector('#search-results').textContent)")
    found = tab.eval_on_selector_all("#search-results li a", "links => links.map(link => link.href)")
    assert any(Path(home).name in address for address in found), found
    assert visit.outside == [] and visit.errors == []


def test_search_for_nonsense_finds_nothing(visit):
    tab = visit.open("search.html?q=xyzzyplugh")
    tab.wait_for_function("() => document.querySelector('#search-results p')?.textContent.length > 20")
    assert tab.locator("#search-results li a").count() == 0


def test_the_copy_button_copies_the_code(browser, site):
    context = browser.new_context(viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto(f"{site}/{next(name for name in PAGES if name.startswith('notebooks/'))}")
    cell = tab.locator("div.cell_input div.highlight:visible").first
    cell.hover()
    cell.locator("button.copybtn").click()
    tab.wait_for_function("() => navigator.clipboard.readText().then(text => text.length > 0)")
    copied = tab.evaluate("() => navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()
    context.close()


def test_the_page_follows_the_colour_scheme_of_the_reader(browser, site):
    context = browser.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.goto(f"{site}/{PAGES[0]}")
    background = tab.evaluate("() => getComputedStyle(document.body).backgroundColor")
    context.close()
    assert max(int(part) for part in background.strip("rgba()").split(",")[:3]) < 80


# --------------------------------------------------------------------------------------------------- the ledger

COLUMN = """([column]) => [...document.querySelectorAll('.rl-ledger tbody tr')]
    .filter(row => !row.hidden).map(row => row.cells[column].textContent.trim())"""


def test_the_ledger_is_sorted_by_a_column(visit):
    tab = visit.open(LEDGER)
    heads = tab.locator(".rl-ledger thead th").all_inner_texts()
    seconds = heads.index("Seconds")
    before = tab.evaluate(COLUMN, [seconds])
    for direction, reverse in (("ascending", False), ("descending", True)):
        tab.locator(".rl-ledger thead th button").nth(seconds).click()
        assert tab.evaluate(COLUMN, [seconds]) == sorted(before, key=float, reverse=reverse)
        assert tab.locator(".rl-ledger th[aria-sort]").get_attribute("aria-sort") == direction


def test_the_ledger_is_filtered_by_words_and_by_status(visit):
    tab = visit.open(LEDGER)
    every = tab.evaluate(COLUMN, [0])
    tab.locator(".rl-filter input").fill("lemma")
    some = tab.evaluate("() => [...document.querySelectorAll('.rl-ledger tbody tr')].filter(row => !row.hidden).length")
    assert 0 < some < len(every)
    tab.locator(".rl-filter input").fill("")
    tab.locator(".rl-filter select").select_option("exact")
    kept = tab.evaluate(COLUMN, [2])
    assert kept and set(kept) == {"exact"} and len(kept) < len(every)
    assert tab.locator(".rl-filter [role=status]").inner_text() == f"{len(kept)} of {len(every)} statements"


def test_the_ledger_is_a_plain_table_without_scripts(browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{site}/{LEDGER}")
    rows = tab.locator(".rl-ledger tbody tr")
    assert rows.count() > 10 and rows.last.is_visible() and rows.last.locator("a").count() > 0
    assert tab.locator(".rl-filter, .rl-ledger th button").count() == 0
    context.close()
