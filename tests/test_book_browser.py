"""The built book in a browser with the network cut: no outside request, no error, all mathematics typeset."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
# the front door only leads on; the others have no text of their own
NOT_READ = ("index.html", "genindex.html", "search.html", "prf-prf.html")
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.glob("**/*.html")
    if "_static" not in path.parts and path.relative_to(HTML).as_posix() not in NOT_READ
)

pytestmark = pytest.mark.browser


# ----------------------------------------------------------------------------------------- server and browser


def browser_path():
    """Chromium as the system has it, or None."""
    names = (os.environ.get("RLENTROPY_BROWSER"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    """The address of the built book, served on this machine."""
    assert (HTML / "index.html").is_file(), "the book is not built; run: make book"
    handler = functools.partial(Quiet, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    path = browser_path()
    if path is None:
        why = (
            "no Chromium to test the pages with (Debian: apt-get install chromium)"
        )
        if os.environ.get("CI") == "true" or os.environ.get("RLENTROPY_REQUIRE_BROWSER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()


class Visit:
    """One tab, with everything that went wrong in it: requests to other hosts (which are cut) and errors."""

    def __init__(self, context, site):
        self.site, self.outside, self.errors = site, [], []
        self.tab = context.new_page()
        self.tab.route("**/*", self._route)
        self.tab.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("response", self._response)

    def _route(self, route):
        address = route.request.url
        inside = address.startswith(self.site) or urlsplit(address).scheme in ("data", "blob")
        if inside:
            route.continue_()
        else:
            self.outside.append(address)
            route.abort()

    def _response(self, response):
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")

    def open(self, name):
        """Load a page and wait until its mathematics is typeset."""
        self.outside.clear()
        self.errors.clear()
        self.tab.goto(f"{self.site}/{name}")
        self.tab.evaluate(TYPESET)
        return self.tab


TYPESET = """async () => {
    await document.fonts.ready;
    if (document.querySelector('script[src*="tex-chtml"]')) {
        while (!(window.MathJax && MathJax.startup && MathJax.startup.promise))
            await new Promise(done => setTimeout(done, 20));
        await MathJax.startup.promise;
    }
}"""


@pytest.fixture(scope="module")
def visit(browser, site):
    context = browser.new_context(viewport=WIDE)
    yield Visit(context, site)
    context.close()


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


@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole_offline(visit, name):
    """One visit a page: loading is what takes the time."""
    tab = visit.open(name)
    assert visit.outside == []
    assert visit.errors == []
    assert tab.evaluate(RAW) == []
    assert tab.evaluate(UNSET) == []
    assert {size["width"]: overflow(tab, size) for size in (WIDE, NARROW)} == {1400: [], 390: []}


def overflow(tab, size):
    """What sticks out of the page in a window of this size."""
    tab.set_viewport_size(size)
    try:
        tab.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        return (tab.evaluate(CULPRITS) or ["the page"]) if tab.evaluate(OVERFLOW) > 0 else []
    finally:
        tab.set_viewport_size(WIDE)


def test_search_finds_entropy(visit):
    tab = visit.open("search.html?q=entropy")
    tab.wait_for_selector("#search-results li")
    assert tab.locator("#search-results li").count() >= 1
    assert visit.outside == [] and visit.errors == []


def test_the_front_door_leads_to_the_preface(visit):
    visit.tab.goto(f"{visit.site}/index.html")
    visit.tab.wait_for_url("**/book/index.html")
    assert visit.outside == []


def test_the_dark_page_is_dark(visit):
    visit.tab.emulate_media(color_scheme="dark")
    tab = visit.open(PAGES[0])
    background = tab.evaluate("() => getComputedStyle(document.body).backgroundColor")
    visit.tab.emulate_media(color_scheme="light")
    assert max(int(part) for part in background.strip("rgba()").split(",")[:3]) < 80


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
