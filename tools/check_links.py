"""Look through the built book for what Sphinx does not report:
``python tools/check_links.py [_build/html]``.

Dead internal links and anchors, repeated ids, images without a describing text,
resources from other hosts.
"""

import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
# attributes through which a page loads something at once;
# a link that a reader may follow is not among them
LOADED = {"link": "href"} | dict.fromkeys(
    ("script", "img", "iframe", "source", "video", "audio"), "src"
)
NOT_LOADED = ("canonical", "author", "license", "next", "prev", "search", "index")
PICTURES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")


class Page(HTMLParser):
    """The ids, links, loaded resources and images of one page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.ids = []
        self.links = []
        self.loaded = []
        self.images = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if values.get("id"):
            self.ids.append(values["id"])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        loads = values.get(LOADED.get(tag, ""))
        if loads and values.get("rel") not in NOT_LOADED:
            self.loaded.append(loads)
        if tag == "img":
            self.images.append((values.get("src") or "", values.get("alt")))

    handle_startendtag = handle_starttag


def outside(address):
    return urlsplit(address).scheme in ("http", "https") or address.startswith("//")


def alt_fault(source, alt):
    """Why an image's text does not describe it, or ''."""
    if alt is None:
        return "has no alt text"
    if alt.strip().lower().endswith(PICTURES) or (alt and alt in source):
        return f"has a file name as alt text ({alt})"
    return ""


def problems(folder):
    """All faults of the pages below ``folder``, one line each."""
    folder = Path(folder).resolve()
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("**/*.html"))
        if "_static" not in path.relative_to(folder).parts
    }
    return [
        f"{path.relative_to(folder).as_posix()}: {fault}"
        for path in pages
        for fault in faults(path, pages)
    ]


def faults(path, pages):
    """What is wrong on one of the pages {path: `Page`}."""
    page = pages[path]
    for identity, times in Counter(page.ids).items():
        if times > 1:
            yield f"id {identity!r} stands more than once"
    for address in page.loaded:
        file = target(path, address)
        if outside(address):
            yield f"loads {address} from another host"
        elif file and not file.exists():
            yield f"loads {address}, which is missing"
    for source, alt in page.images:
        if why := alt_fault(source, alt):
            yield f"image {source} {why}"
    for link in page.links:
        if why := link_fault(path, link, pages):
            yield f"link to {link}, {why}"


def link_fault(path, link, pages):
    """Why a link leads nowhere, or ''."""
    file = target(path, link)
    if file is None:
        return ""
    if not file.exists():
        return "which is missing"
    anchor = unquote(urlsplit(link).fragment)
    found = not anchor or file not in pages or anchor in pages[file].ids
    return "" if found else "whose anchor is missing"


def target(path, address):
    """The file that an address on a page leads to; None outside of the book."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return file / "index.html" if file.is_dir() else file


def main(arguments):
    folder = Path(arguments[0]) if arguments else ROOT / "_build" / "html"
    if not folder.is_dir():
        print(f"error: {folder} is not there; run: make book", file=sys.stderr)
        return 2
    found = problems(folder)
    pages = len(list(folder.glob("**/*.html")))
    print("\n".join(found) or f"No problem in {pages} pages.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
