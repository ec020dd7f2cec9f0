"""What a first visit needs: what the page is about, in one sentence,
and room for its pictures before they come."""

import re
from html import escape
from pathlib import Path

import imagesize
from docutils import nodes

from proofledger.plain_titles import plain

LONGEST = 200  # letters of a description; search engines and cards cut about there
IMAGE = re.compile(r'<img (?P<rest>[^>]*?src="[^"]*_images/(?P<name>[^"]+)"[^>]*?)\s*/?>')
VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>')


# -------------------------------------------------------------------------------- what it is about


def description(doctree):
    """The first sentences of a page, mathematics in letters: of a chapter its question."""
    for paragraph in doctree.findall(nodes.paragraph):
        words = re.sub(r"\s+", " ", plain(paragraph)).strip().removeprefix("Question. ")
        if len(words) > 60 and isinstance(paragraph.parent, (nodes.section, nodes.document)):
            return shortened(words)
    return ""


def shortened(words):
    """At most `LONGEST` letters: whole sentences where the first one fits, else whole words."""
    if len(words) <= LONGEST:
        return words
    cut = words[:LONGEST]
    sentences = re.match(r".*[.?!](?= )", cut)
    return sentences[0] if sentences else cut.rsplit(" ", 1)[0] + " …"


def tags(title, words, book, address="", page=""):
    """The tags of a page: description and social card;
    its own address and a picture if the book's is known."""
    found = {"og:type": "article", "og:site_name": book, "og:title": title, "og:description": words}
    if address:
        root = address.rstrip("/")
        found |= {"og:url": f"{root}/{page}.html", "og:image": f"{root}/_static/card.png"}
        found |= {
            "og:image:alt": "Paths of a policy on a triangle of actions, and visits of a grid"
        }
    lines = [f'<meta name="description" content="{escape(words)}"/>'] if words else []
    lines += [
        f'<meta property="{name}" content="{escape(text)}"/>'
        for name, text in found.items()
        if text
    ]
    lines.append(
        f'<meta name="twitter:card" content="{"summary_large_image" if address else "summary"}"/>'
    )
    return "\n".join(lines)


def add_tags(app, pagename, templatename, context, doctree):
    words = description(doctree) if doctree is not None else ""
    title = re.sub(r"<[^>]+>", "", context.get("title") or "")
    context["card_tags"] = tags(
        title, words, app.config.html_title, app.config.html_baseurl, pagename
    )
    context["metatags"] = VIEWPORT.sub("", context.get("metatags") or "")


# ------------------------------------------------------------------------------- room for pictures


def add_sizes(app, pagename, templatename, context, doctree):
    """Every picture says its size and waits until it is nearly in view."""
    files = {name: Path(app.srcdir) / source for source, name in app.builder.images.items()}

    def sized(image):
        width, height = imagesize.get(files[image["name"]]) if image["name"] in files else (-1, -1)
        size = f' width="{width}" height="{height}"' if width > 0 < height else ""
        return f'<img {image["rest"]} loading="lazy"{size} />'

    if context.get("body"):
        context["body"] = IMAGE.sub(sized, context["body"])


# ------------------------------------------------------------------------------ code without spans

# names and punctuation have the colour of the code around them
UNCOLOURED = re.compile(r'<span class="[np]">([^<]*)</span>')


def lighten(app, exception):
    """Takes the marks of words without a colour out of code: a quarter of a long page."""
    if exception is None and app.builder.format == "html":
        for path in Path(app.outdir).rglob("*.html"):
            page = path.read_text(encoding="utf-8")
            path.write_text(UNCOLOURED.sub(r"\1", page), encoding="utf-8")


def setup(app):
    app.connect("html-page-context", add_tags)
    app.connect("html-page-context", add_sizes)
    app.connect("build-finished", lighten, priority=900)  # after the links of names in code
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
