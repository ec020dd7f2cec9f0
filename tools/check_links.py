"""Look through the built book for what Sphinx does not report:
``python tools/check_links.py [_build/html]``.

Dead internal links and anchors, repeated ids, images without a describing text,
resources from other hosts.
"""

import sys
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
        self.ids, self.links, self.loaded, self.images = [], [], [], []
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
        path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("**/*.html"))
    }
    pages = {
        path: page
        for path, page in pages.items()
        if "_static" not in path.relative_to(folder).parts
    }
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder).as_posix()
        repeated = sorted({identity for identity in page.ids if page.ids.count(identity) > 1})
        found += [f"{name}: id {identity!r} stands more than once" for identity in repeated]
        found += [
            f"{name}: loads {address} from another host"
            for address in page.loaded
            if outside(address)
        ]
        found += [
            f"{name}: image {src} {why}" for src, alt in page.images if (why := alt_fault(src, alt))
        ]
        found += [
            f"{name}: {fault}" for link in page.links if (fault := link_fault(path, link, pages))
        ]
        found += [
            f"{name}: loads {src}, which is missing"
            for src in page.loaded
            if not _present(path, src)
        ]
    return found


def _present(path, address):
    parts = urlsplit(address)
    if parts.scheme or address.startswith("//") or not parts.path:
        return True
    return (path.parent / unquote(parts.path)).resolve().exists()


def link_fault(path, link, pages):
    """Why an internal link leads nowhere, or ''."""
    parts = urlsplit(link)
    if parts.scheme or link.startswith("//"):
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.exists():
        return f"link to {link}, which is missing"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].ids:
        return f"link to {link}, whose anchor is missing"
    return ""


def main(arguments):
    folder = Path(arguments[0]) if arguments else ROOT / "_build" / "html"
    if not folder.is_dir():
        print(f"error: {folder} is not there; run: make book", file=sys.stderr)
        return 2
    found = problems(folder)
    print(
        "\n".join(found) if found else f"No problem in {len(list(folder.glob('**/*.html')))} pages."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
