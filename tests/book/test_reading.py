"""What a reader does with the built book: search, keyboard, copy, sort, filter, and reading with assistive tools."""

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browsing import DRAWN, NARROW, PAGES, WIDE, text_of, window

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
SETTLED = """() => Promise.all(document.getAnimations()
    .filter(change => change.effect.getComputedTiming().iterations !== Infinity)
    .map(change => change.finished.catch(() => {})))"""


def audit(tab, scheme, size, only=None):
    """Serious and critical faults of the open page in one colour scheme at one width."""
    with window(tab, size):
        tab.evaluate("scheme => { document.documentElement.dataset.theme = scheme }", scheme)
        tab.evaluate(SETTLED)  # colours change in steps
        tab.evaluate(DRAWN)
        return tab.evaluate(AUDIT, only)


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_serious_fault_of_accessibility(visit, name):
    """Every rule at one width, the colours of the other scheme at the other; pages take turns."""
    one, other = (WIDE, NARROW) if PAGES.index(name) % 2 else (NARROW, WIDE)
    tab = visit.open(name)
    tab.evaluate(SHORTER)
    tab.evaluate(AXE_SCRIPT)
    assert audit(tab, "light", one) == []
    assert audit(tab, "dark", other, COLOURS) == []


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
    tab.evaluate(
        "html => document.querySelector('article').insertAdjacentHTML('afterbegin', html)", fragment
    )
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
    tab.evaluate(
        "() => document.querySelectorAll('.rl-ledger th button, a.rl-node').forEach(x => { x.tabIndex = -1 })"
    )
    missed = set(STOPS) - reached(tab, 300)
    assert {"sort button", "box of the graph"} <= missed


def test_enter_on_the_skip_link_leads_to_the_text(visit):
    tab = visit.open(LEDGER)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#main-content")


# ------------------------------------------------------------------------------------------- search and buttons


STATED = next(name for name in PAGES if 'id="thm-covariance-identity"' in text_of(name))
THEOREM = f"{Path(STATED).name}#thm-covariance-identity"


def search(visit, words):
    """Links and excerpts of the results for a query, in their order."""
    tab = visit.open("search.html?" + urlencode({"q": words}))
    tab.wait_for_function(
        "() => /match|finished/.test(document.querySelector('#search-results p')?.textContent)"
    )
    tab.wait_for_load_state("networkidle")
    found = tab.eval_on_selector_all(
        "#search-results li a", "links => links.map(link => link.href)"
    )
    return found, tab.eval_on_selector_all(
        "#search-results .context", "texts => texts.map(text => text.textContent)"
    )


@pytest.mark.parametrize(
    "words", ["covariance identity", "Theorem 3.4", "the Covariance Identities"]
)
def test_search_finds_a_statement_first_where_it_is_stated(visit, words):
    found, _ = search(visit, words)
    assert found[0].endswith(THEOREM), found
    assert visit.outside == [] and visit.errors == []


def test_search_finds_a_term_first_where_it_is_defined(visit):
    found, _ = search(visit, "logits")
    assert found[0].endswith("#def-softmax-policy")


@pytest.mark.parametrize("word", ["qqz", "xyzzyplugh"])
def test_search_for_a_word_that_no_page_has_finds_nothing(visit, word):
    assert not any(re.search(rf"\b{word}\b", text_of(name), re.I) for name in PAGES)
    assert search(visit, word) == ([], [])


def test_search_finds_a_whole_word_in_the_text(visit):
    found, excerpts = search(visit, "overleveraged garnet")
    assert found == [] and excerpts == []
    found, excerpts = search(visit, "garnet")
    assert found and all(
        "garnet" in text_of(link.removeprefix(visit.site + "/").split("#")[0].split("?")[0]).lower()
        for link in found
    )


# names of commands that are no words of the text
TEX = re.compile(r"[\\$]|[_^]\{|[dt]?frac|[^a-z]binom[^i]|Vert|mathcal|widehat|\bhat |operatorname")


@pytest.mark.parametrize(
    "words", ["covariance identity", "policy gradient", "visitation entropy", "Theorem 3.4", "PPO"]
)
def test_excerpts_have_no_tex(visit, words):
    _, excerpts = search(visit, words)
    assert len(excerpts) > 3
    assert not [text for text in excerpts if TEX.search(text)]


def test_an_excerpt_shows_the_word_and_not_a_longer_one(visit):
    _, excerpts = search(visit, "PPO")  # chapter 16 has "support" long before
    assert len(excerpts) > 3 and all(re.search(r"\bPPO\b", text) for text in excerpts)


def test_the_index_lists_every_statement(visit):
    tab = visit.open("book/statements.html")
    listed = tab.eval_on_selector_all(
        ".rl-index a", "links => links.map(link => link.href.split('#')[1])"
    )
    stated = {
        label
        for name in PAGES
        for label in re.findall(r'class="proof \w+ admonition" id="([\w-]+)"', text_of(name))
    }
    assert len(stated) > 100 and stated <= set(listed)
    text = tab.locator(".rl-index li", has_text="covariance identity, Theorem 3.4")
    assert text.count() == 1


def test_the_copy_button_copies_the_code(opened):
    tab = opened(
        next(name for name in PAGES if name.startswith("notebooks/")),
        viewport=WIDE,
        permissions=["clipboard-read", "clipboard-write"],
    )
    cell = tab.locator("div.cell_input div.highlight:visible").first
    cell.hover()
    cell.locator("button.copybtn").click()
    tab.wait_for_function("() => navigator.clipboard.readText().then(text => text.length > 0)")
    copied = tab.evaluate("() => navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()


def test_the_page_follows_the_colour_scheme_of_the_reader(opened):
    tab = opened(PAGES[0], color_scheme="dark")
    background = tab.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in background.strip("rgba()").split(",")[:3]) < 80


# --------------------------------------------------------------------------------------------------- the ledger

COLUMN = """([column]) => [...document.querySelectorAll('.rl-ledger tbody tr')]
    .filter(row => !row.hidden).map(row => row.cells[column].textContent.trim())"""


def test_the_ledger_is_sorted_by_a_column(visit):
    tab = visit.open(LEDGER)
    heads = tab.locator(".rl-ledger thead th").all_inner_texts()
    mutants = heads.index("Mutants rejected")
    before = tab.evaluate(COLUMN, [mutants])
    for direction, reverse in (("ascending", False), ("descending", True)):
        tab.locator(".rl-ledger thead th button").nth(mutants).click()
        assert tab.evaluate(COLUMN, [mutants]) == sorted(before, key=float, reverse=reverse)
        assert tab.locator(".rl-ledger th[aria-sort]").get_attribute("aria-sort") == direction


def test_the_ledger_is_filtered_by_words_and_by_status(visit):
    tab = visit.open(LEDGER)
    every = tab.evaluate(COLUMN, [0])
    tab.locator(".rl-filter input").fill("lemma")
    some = tab.evaluate(
        "() => [...document.querySelectorAll('.rl-ledger tbody tr')].filter(row => !row.hidden).length"
    )
    assert 0 < some < len(every)
    tab.locator(".rl-filter input").fill("")
    tab.locator(".rl-filter select").select_option("exact")
    kept = tab.evaluate(COLUMN, [1])
    assert kept and set(kept) == {"exact"} and len(kept) < len(every)
    assert (
        tab.locator(".rl-filter [role=status]").inner_text()
        == f"{len(kept)} of {len(every)} statements"
    )


@pytest.mark.parametrize("width", [1400, 1920])
def test_how_to_run_a_check_again_is_seen_without_scrolling(visit, width):
    tab = visit.open(LEDGER)
    with window(tab, {"width": width, "height": 900}):
        outside = tab.evaluate("""() => {
            const box = document.querySelector('.rl-ledger').getBoundingClientRect();
            const commands = [...document.querySelectorAll('.rl-ledger .rl-command')];
            return commands.map(line => line.getBoundingClientRect().right).filter(right => right > box.right).length
                + (commands.length ? 0 : 1);
        }""")
    assert outside == 0


def test_on_a_phone_a_statement_of_the_ledger_is_a_card(opened):
    tab = opened(LEDGER, viewport=NARROW)
    sideways = "box => box.scrollWidth - box.clientWidth"
    assert tab.locator(".rl-ledger").evaluate(sideways) <= 0
    cells = tab.locator("#ledger-thm-covariance-identity td")
    boxes = [cells.nth(i).bounding_box() for i in range(cells.count())]
    assert len({box["x"] for box in boxes}) == 1
    assert sorted(boxes, key=lambda box: box["y"]) == boxes


def test_a_command_of_the_ledger_is_copied(opened):
    tab = opened(LEDGER, viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
    row = tab.locator("#ledger-thm-covariance-identity .rl-command")
    row.locator("button").click()
    row.locator("button", has_text="copied").wait_for()
    assert (
        tab.evaluate("() => navigator.clipboard.readText()")
        == "make check LABEL=thm-covariance-identity"
    )


def test_the_graph_of_the_book_has_titles_and_the_whole_is_on_demand(visit):
    tab = visit.open(LEDGER)
    shown = tab.locator(".rl-graph").first.locator(".rl-node")
    stating = [name for name in PAGES if 'id="chapter-graph"' in text_of(name)]
    assert shown.count() == len(stating) > 10
    assert "Entropy falls at the" in shown.filter(has_text="Chapter 3").first.text_content()
    whole = tab.locator("details .rl-graph")
    assert not whole.is_visible()
    tab.locator("details:has(.rl-graph) > summary").click()
    assert whole.is_visible() and whole.locator(".rl-words").count() > 100
    # a box of the overview leads to the drawing of its chapter
    place = shown.filter(has_text="Chapter 3").first.get_attribute("href")
    assert 'id="chapter-graph"' in text_of(f"book/{place.split('#')[0]}")


def test_the_ledger_is_a_plain_table_without_scripts(opened):
    tab = opened(LEDGER, java_script_enabled=False)
    rows = tab.locator(".rl-ledger tbody tr")
    assert rows.count() > 10 and rows.last.is_visible() and rows.last.locator("a").count() > 0
    assert tab.locator(".rl-filter, .rl-ledger button").count() == 0


# --------------------------------------------------------------------------------------------- folds and previews

CHECK = "details.rl-check-fold"


def test_the_code_of_a_check_unfolds_from_its_line(visit):
    tab = visit.open(STATED)
    fold = tab.locator(CHECK).first
    assert fold.locator("summary .rl-kind").first.inner_text().startswith("✓")
    assert not fold.locator("pre").is_visible()
    fold.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert fold.locator("pre").is_visible()


@pytest.mark.usefixtures("visit")
def test_no_code_of_a_check_lies_open():
    """But where the author keeps it open, with the tag show-code."""
    for name in PAGES:
        text = text_of(name)
        lines, folded = (
            text.count('class="rl-check '),
            len(re.findall(r'<span class="rl-check ', text)),
        )
        assert folded == lines or "tag_show-code" in text, name


def test_all_code_is_shown_at_once_and_on_the_next_page(opened, site):
    shown = "details.rl-check-fold pre:visible, details.rl-code-fold pre:visible"
    tab = opened(STATED, viewport=WIDE)
    assert tab.locator(shown).count() == 0
    switch = tab.locator("button.btn-code-switch")
    assert switch.get_attribute("aria-pressed") == "false"
    switch.focus()
    tab.keyboard.press("Enter")
    every = tab.locator("details.rl-check-fold pre, details.rl-code-fold pre").count()
    assert tab.locator(shown).count() == every > 10
    tab.goto(f"{site}/{next(name for name in PAGES if '04_' in name)}")
    assert tab.locator(shown).count() > 10 and switch.get_attribute("aria-pressed") == "true"
    switch.click()
    assert tab.locator(shown).count() == 0


def test_folds_open_and_code_is_reached_without_scripts(opened):
    tab = opened(STATED, java_script_enabled=False)
    tab.locator(f"{CHECK} > summary").first.click()
    assert tab.locator(f"{CHECK} pre").first.is_visible()
    assert not tab.locator("button.btn-code-switch").is_visible()


def preview(tab):
    box = tab.locator(".rl-preview")
    box.wait_for()
    return box


def hidden(tab):
    tab.locator(".rl-preview").wait_for(state="detached")


def test_hovering_a_reference_shows_a_statement_of_another_page_typeset(visit):
    tab = visit.open("book/index.html")
    link = tab.locator("article p a[href*='#thm-covariance-identity']").first
    link.hover()
    box = preview(tab)
    assert "Theorem 3.4" in box.inner_text() and "direction" in box.inner_text()
    box.locator("mjx-container").first.wait_for()
    assert tab.evaluate("() => document.querySelectorAll('#thm-covariance-identity').length") == 0
    box.hover()  # what is shown can be pointed at
    tab.wait_for_timeout(600)
    assert box.is_visible()
    tab.keyboard.press("Escape")
    hidden(tab)
    assert visit.errors == []


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("#equation-eq-", "("),
        ("#lem-log-derivative", "Derivative of the log-probability"),
        ("bibliography.html#", "20"),
    ],
)
def test_the_keyboard_shows_what_a_reference_says(visit, target, words):
    tab = visit.open(STATED)
    link = tab.locator(f"article a[href*='{target}']:not(.headerlink)").first
    link.focus()
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Tab")
    assert words in preview(tab).inner_text()
    assert link.get_attribute("aria-describedby") == "rl-preview"
    tab.wait_for_function("""() => {
        const box = document.querySelector('.rl-preview').getBoundingClientRect();
        return box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight;
    }""")
    tab.keyboard.press("Escape")
    hidden(tab)
    assert link.get_attribute("aria-describedby") is None


def test_a_touch_shows_and_the_second_touch_follows(opened):
    tab = opened("book/index.html", viewport=NARROW, has_touch=True, is_mobile=True)
    link = tab.locator("article p a[href*='#thm-covariance-identity']").first
    link.tap()
    assert "Theorem 3.4" in preview(tab).inner_text()
    assert tab.url.endswith("book/index.html")
    tab.locator(".rl-preview .rl-go").tap()
    tab.wait_for_url(f"**/{THEOREM}")


def test_where_nothing_can_be_fetched_a_reference_is_a_link(opened):
    tab = opened("book/index.html", viewport=NARROW, has_touch=True, is_mobile=True)
    tab.evaluate("() => { window.fetch = () => Promise.reject(new Error('no')) }")
    tab.locator("article p a[href*='#thm-covariance-identity']").first.tap()
    tab.wait_for_url(f"**/{THEOREM}")


def test_statements_and_displays_have_permalinks(visit):
    tab = visit.open(STATED)
    statements = tab.locator(".proof.admonition")
    titles = statements.locator(".admonition-title a.headerlink")
    assert statements.count() == titles.count() > 5
    displays = tab.locator("div.math:has(.eqno)")
    assert displays.count() == displays.locator("a.headerlink").count() > 5


def test_a_margin_note_stands_beside_what_it_corrects(visit):
    """The first note of chapter 3 is about the first lines of the proof that the source has before it."""
    tab = visit.open(STATED)
    note = tab.locator(
        "aside.margin", has_text="The summation letter must be another one"
    ).bounding_box()
    proof = tab.locator(".rl-proof").first.bounding_box()
    assert note["x"] > proof["x"] + proof["width"] - 20
    assert proof["y"] - 20 <= note["y"] < proof["y"] + 200


@pytest.mark.parametrize("place", [90, 450, 800])
def test_a_margin_note_is_never_behind_the_contents(visit, place):
    """The theme takes the contents away only when a note is in the upper two thirds of the window."""
    tab = visit.open(STATED)
    covered = tab.evaluate(
        """async place => {
            const covered = [];
            for (const note of document.querySelectorAll('aside.margin')) {
                const top = note.getBoundingClientRect().top + scrollY - place;
                window.scrollTo({top, behavior: 'instant'});
                await new Promise(drawn => setTimeout(drawn, 300));
                const box = note.getBoundingClientRect();
                const seen = document.elementFromPoint(box.left + box.width / 2, box.top + 8);
                if (!note.contains(seen)) covered.push(note.textContent.trim().slice(0, 40));
            }
            return covered;
        }""",
        place,
    )
    assert tab.locator("aside.margin").count() > 2 and covered == []
