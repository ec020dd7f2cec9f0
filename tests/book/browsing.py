"""What the browser tests share: Chromium as the system has it, the served book, a tab that notes what goes wrong."""

import functools
import http.server
import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
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
NOT_READ = (
    "404.html",
    "index.html",
    "genindex.html",
    "search.html",
    "prf-prf.html",
    "py-modindex.html",
)
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.glob("**/*.html")
    if "_static" not in path.parts and path.relative_to(HTML).as_posix() not in NOT_READ
)


def text_of(page):
    """The HTML of a page, named by its place in the book."""
    return (HTML / page).read_text(encoding="utf-8")


def browser_path():
    """Chromium as the system has it, or None."""
    names = (os.environ.get("RLENTROPY_BROWSER"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The address of a folder, served on this machine."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def window(tab, size):
    """A wide tab in a window of another size, for a while."""
    tab.set_viewport_size(size)
    try:
        yield
    finally:
        tab.set_viewport_size(WIDE)


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

DRAWN = "() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"

# how much of the page moved under the reader's eyes while it was loading (the measure of browsers, 0 to 1)
SHIFT = """() => new Promise(done => {
    let sum = 0;
    new PerformanceObserver(list => list.getEntries().forEach(shift => { sum += shift.hadRecentInput ? 0 : shift.value }))
        .observe({type: 'layout-shift', buffered: true});
    setTimeout(() => done(sum), 200);
})"""
LARGEST_SHIFT = 0.05
