"""Notebooks for readers: each chapter with its numbers, references and values filled in.

Stock JupyterLab and the viewers of code hosts know Markdown and TeX, and nothing of this book's
directives and roles. So the build writes each chapter once more, into ``_build/lab``:

* a statement is a quotation that begins "**Theorem 3.4 (The covariance identity).**", a display
  carries its number, a figure its caption;
* a reference is a link with the number that its page shows; it leads to the cell, or to the page;
* code cells, their outputs and the ids of all cells are those of the chapter.

``make lab`` and Binder open these, the download button of a page delivers them.
Every number is asked of Sphinx, so it is the number of the page.
"""

import hashlib
import json
import posixpath
import re
import shutil
import sys
from pathlib import Path

from build_book import stand_in
from docutils import nodes
from myst_nb.core.variables import format_plain_text
from sphinx.addnodes import pending_xref

WRITTEN = ".written.json"  # what the last build wrote, so that a reader's changes are noticed
YOURS = "yours"  # where notebooks that a reader has changed are kept

ROLES = {
    "prf:ref": ("prf", "ref"),
    "eq": ("math", "eq"),
    "ref": ("std", "ref"),
    "numref": ("std", "numref"),
    "doc": ("std", "doc"),
    "term": ("std", "term"),
    "cite:t": ("cite", "t"),
    "cite:p": ("cite", "p"),
}
FENCE = re.compile(r"(?P<indent> *)(?P<marks>:{3,}|`{3,})(?P<rest>.*)")
DIRECTIVE = re.compile(r"\{(?P<name>[\w:-]+)\} *(?P<title>.*)")
OPTION = re.compile(r":(?P<key>[\w-]+): *(?P<value>.*)")
HEADING = re.compile(r"(?P<marks>#{1,6}) +(?P<title>.*)")
TARGET = re.compile(r"\((?P<label>[\w-]+)\)=")
WORDS = re.compile(
    r"""
      (?<!`)\{(?P<role>[\w:-]+)\}`(?P<content>[^`]+)`
    | (?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))
    | \$\$(?P<display>.+?)\$\$(?:\ *\((?P<label>[\w-]+)\))?
    | (?P<formula>(?<!\\)\$[^$\n]+?\$)
    | \]\((?P<link>[^)\s]+)\)
    """,
    re.VERBOSE | re.DOTALL,
)
DEFINED = re.compile(r"^ *:label: *([\w-]+)|\$\$ *\(([\w-]+)\)|^\(([\w-]+)\)=$", re.MULTILINE)


class Chapter:
    """One chapter and what it may refer to.

    ``cells`` has for each chapter the cell in which a label is defined.
    """

    def __init__(self, app, docname, notebook, cells):
        self.env, self.builder = app.env, app.builder
        self.docname, self.notebook, self.cells = docname, notebook, cells
        self.book = f"{app.config.html_baseurl.rstrip('/') or '../html'}/"
        self.headings = self._headings()
        self.values = glued(notebook)

    def _headings(self):
        """The numbers of the chapter's headings in turn, '' where there is none."""
        numbers = self.env.toc_secnumbers.get(self.docname, {})
        titles = list(self.env.get_doctree(self.docname).findall(nodes.title))
        sections = [title.parent for title in titles if isinstance(title.parent, nodes.section)]
        anchors = ["", *(f"#{section['ids'][0]}" for section in sections[1:])]
        return iter([".".join(map(str, numbers.get(anchor, ()))) for anchor in anchors])

    # --------------------------------------------------------------------------------- references

    def resolved(self, role, target, words=""):
        """The node into which Sphinx resolves a reference; ValueError if it cannot."""
        domain, kind = ROLES[role]
        content = nodes.inline("", words or target)
        reference = pending_xref(
            "",
            content,
            refdomain=domain,
            reftype=kind,
            reftarget=target,
            refexplicit=bool(words),
            refdoc=self.docname,
        )
        found = self.env.domains[domain].resolve_xref(
            self.env, self.docname, self.builder, kind, target, reference, content
        )
        if found is None:
            raise ValueError(f"{self.docname}: no target of {{{role}}}`{target}`")
        return found

    def markdown(self, node):
        """An inline node in Markdown."""
        if isinstance(node, nodes.Text):
            return node.astext()
        inner = "".join(map(self.markdown, node.children))
        if isinstance(node, nodes.reference):
            return f"[{inner}]({self.address(node)})"
        if isinstance(node, nodes.math):
            return f"${node.astext()}$"
        return f"*{inner}*" if isinstance(node, nodes.emphasis) else inner

    def address(self, reference):
        """Where a resolved reference leads: to a cell of a chapter, or to a page."""
        if "refid" in reference:
            return self.place(self.docname, reference["refid"])
        uri = reference["refuri"]
        if "://" in uri:
            return uri
        page, _, anchor = uri.partition("#")
        folder = posixpath.dirname(self.docname)
        docname = posixpath.normpath(posixpath.join(folder, page)).removesuffix(".html")
        return self.place(docname, anchor)

    def place(self, docname, label):
        if docname not in self.cells:
            return f"{self.book}{docname}.html{'#' if label else ''}{label}"
        cell = self.cells[docname].get(label.removeprefix("equation-"))
        own = docname == self.docname
        file = "" if own else f"{posixpath.basename(docname)}.ipynb"
        return f"{file}#cell-id={cell}" if cell else file or "#"

    def number(self, label):
        """The number of a display, as in "(3.2)" on its page."""
        return self.resolved("eq", label).astext().strip("()")

    # -------------------------------------------------------------------------------------- words

    def words(self, text):
        """Text with its roles, numbered displays and links of files filled in."""
        return WORDS.sub(self._word, text)

    def _word(self, found):
        if found["role"]:
            return self.role(found["role"], found["content"])
        if found["display"]:
            return display(found["display"], self.number(found["label"]) if found["label"] else "")
        if found["link"]:
            return f"]({self.file(found['link'])})"
        return found[0]

    def role(self, name, content):
        if name == "glue:text":
            key, _, form = content.partition(":")
            return format_plain_text(self.values[key]["text/plain"], form or "s")
        if name not in ROLES:
            raise ValueError(f"{self.docname}: a role that notebooks cannot show: {{{name}}}")
        explicit = re.fullmatch(r"(?P<words>.+?) *<(?P<target>[^<>]+)>", content, re.DOTALL)
        words, target = explicit.groups() if explicit else ("", content)
        return self.markdown(self.resolved(name, target, words))

    def file(self, link):
        """The address of a link in a chapter's Markdown."""
        page, _, anchor = link.partition("#")
        if "://" in link or page.endswith(".ipynb"):
            return link
        if not page:
            return self.place(self.docname, anchor)
        folder = posixpath.dirname(self.docname)
        docname = posixpath.normpath(posixpath.join(folder, page)).removesuffix(".md")
        return self.place(docname, anchor)

    # ------------------------------------------------------------------------------------- blocks

    def blocks(self, text):
        """A Markdown cell, or the content of a directive, as plain Markdown."""
        lines, done, waiting = text.split("\n"), [], []

        def flush():
            done.append(self.words("\n".join(waiting)))
            waiting.clear()

        while lines:
            line = lines.pop(0)
            fence = FENCE.fullmatch(line)
            if fence:
                flush()
                inner = until_closed(lines, fence)
                done.append(self.fenced(fence, inner))
            elif heading := HEADING.fullmatch(line):
                flush()
                number = next(self.headings)
                title = self.words(heading["title"])
                done.append(f"{heading['marks']} {number}{'. ' if number else ''}{title}")
            elif not TARGET.fullmatch(line):
                waiting.append(line)
        flush()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(part for part in done if part)).strip("\n")

    def fenced(self, fence, lines):
        directive = DIRECTIVE.fullmatch(fence["rest"])
        if directive is None:  # code that is only shown
            return "\n".join([fence[0], *lines, fence["indent"] + fence["marks"]])
        indent = fence["indent"]
        inner = [line.removeprefix(indent) for line in lines]
        options = {}
        while inner and (option := OPTION.fullmatch(inner[0])):
            options[option["key"]] = option["value"]
            inner.pop(0)
        body = "\n".join(inner).strip("\n")
        shown = self.directive(directive["name"], directive["title"], options, body)
        return "\n" + indented(shown, indent) + "\n"

    def directive(self, name, title, options, body):
        folded = "dropdown" in options.get("class", "").split()
        if name == "glue:math":
            return display(
                self.values[title]["text/latex"].strip().strip("$"), self.number(options["label"])
            )
        body = self.blocks(body)
        if name == "prf:proof":
            return fold("Proof", body) if folded else proof(body)
        if name.startswith("prf:"):
            kind = self.resolved("prf:ref", options["label"]).astext()
            words = f"{kind} ({self.words(title)})" if title else kind
            return quoted(begun(f"**{words}.**", body))
        if name == "margin":
            return quoted(begun("*In the margin.*", body))
        if name == "admonition":
            title = self.words(title)
            return fold(title, body) if folded else quoted(begun(f"**{title}.**", body))
        raise ValueError(f"{self.docname}: a directive that notebooks cannot show: {{{name}}}")

    # ------------------------------------------------------------------------------------- cells

    def notebook_for_readers(self):
        """The notebook as a dict like that of its file."""
        cells = []
        for cell in self.notebook["cells"]:
            if cell["cell_type"] == "markdown":
                text = self.blocks("".join(cell["source"]))
                cells.append({**cell, "source": text if cells else self.with_note(text)})
            else:
                cells += [self.with_words(cell), *self.captions(cell)]
        return {**self.notebook, "cells": cells}

    def with_note(self, text):
        """The first cell: the title, and how to run what follows."""
        title, _, rest = text.partition("\n")
        figures = "Stored figures show once their cells have run, or after *Trust Notebook*.\n"
        note = quoted(
            "A chapter of *Entropy in Reinforcement Learning*; "
            f"it is also [a page]({self.page()}).\n"
            '`make lab` in a checkout of the book opens it ready to run; `pip install ".[book]"` '
            "there installs what its cells need.\n"
            f"{figures if hides_figures(self.notebook) else ''}"
            "A check whose statement fails stops its cell."
        )
        return f"{title}\n\n{note}\n{rest}".rstrip("\n")

    def page(self):
        return f"{self.book}{self.docname}.html"

    def with_words(self, cell):
        """A code cell; Markdown among its outputs has its references filled in."""

        def filled(output):
            text = output.get("data", {}).get("text/markdown")
            if text is None:
                return output
            return {
                **output,
                "data": {**output["data"], "text/markdown": self.words("".join(text))},
            }

        return {**cell, "outputs": [filled(output) for output in cell["outputs"]]}

    def captions(self, cell):
        """The caption of a cell's figure, in a cell of its own."""
        figure = cell["metadata"].get("mystnb", {}).get("figure")
        if figure is None:
            return []
        number = self.resolved("numref", figure["name"]).astext()
        words = f"**{number}.** {self.words(figure['caption'])}"
        own = {"cell_type": "markdown", "id": f"caption-{figure['name']}"[:64], "metadata": {}}
        return [{**own, "source": words}]


# ---------------------------------------------------------------------------------------- Markdown


def until_closed(lines, fence):
    """Take the lines of a fence, and the one that closes it."""
    inner, close = [], re.compile(rf" *{re.escape(fence['marks'][0])}{{{len(fence['marks'])},}} *")
    while lines:
        line = lines.pop(0)
        if close.fullmatch(line):
            return inner
        inner.append(line)
    raise ValueError(f"a fence that is not closed: {fence[0]}")


def display(tex, number=""):
    """A display with its number; the lines of its TeX are kept."""
    lines = [line for line in tex.strip().split("\n") if line.strip()]
    indent = " " * min((len(line) - len(line.lstrip()) for line in lines[1:]), default=0)
    tag = [f"{indent}\\tag{{{number}}}"] if number else []
    return "\n".join(["$$", indent + lines[0].strip(), *lines[1:], *tag, f"{indent}$$"])


def quoted(text):
    """A block quotation; a display in it is one line, lest its sign become part of a formula."""
    flat = re.sub(r"\$\$.+?\$\$", lambda found: " ".join(found[0].split()), text, flags=re.DOTALL)
    return "\n".join(f"> {line}".rstrip() for line in flat.split("\n"))


def begun(words, body):
    """A block that begins with these words; in its first sentence, if it begins with one."""
    sentence = body and not re.match(r"\$\$|[>|<]|[-*+] |\d+\. |```", body)
    return f"{words} {body}" if sentence else f"{words}\n\n{body}".rstrip()


def proof(body):
    """A proof with its first word and its last sign."""
    block = re.search(r"(\$\$|</details>|```)$|\n *[|>][^\n]*$", body)
    return begun("*Proof.*", body) + ("\n\n∎" if block else " ∎")


def fold(title, body):
    """A part that is closed until the reader opens it; Markdown needs the empty lines."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def indented(text, indent):
    return "\n".join(f"{indent}{line}".rstrip() for line in text.split("\n"))


def glued(notebook):
    """{name: data} of what the cells of a notebook keep for its text."""
    found = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                prefix = output["metadata"]["scrapbook"]["mime_prefix"]
                data = output["data"].items()
                found[name] = {key.removeprefix(prefix): "".join(text) for key, text in data}
    return found


def hides_figures(notebook):
    """True if a stored figure is there as a vector picture only, which wants trust to be shown."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    kinds = [set(output.get("data", ())) for output in outputs]
    return any("image/svg+xml" in kind and "image/png" not in kind for kind in kinds)


def defined(notebook):
    """{label: id of the cell that defines it}."""
    found = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for labels in DEFINED.findall("".join(cell["source"])):
                found["".join(labels)] = cell["id"]
        elif figure := cell["metadata"].get("mystnb", {}).get("figure"):
            found[figure["name"]] = cell["id"]
    return found


# ------------------------------------------------------------------------------------------- files


def chapters(app):
    """{name of the document: its notebook, as its page shows it}."""
    found = {}
    for docname in sorted(app.env.found_docs):
        path = Path(app.env.doc2path(docname))
        if path.suffix == ".ipynb":
            found[docname] = stand_in(path) or json.loads(path.read_text(encoding="utf-8"))
    return found


def digest(text):
    """Of what a reader writes into a notebook; a new run alone is no change."""
    try:
        sources = [
            [cell["cell_type"], "".join(cell["source"])] for cell in json.loads(text)["cells"]
        ]
    except (ValueError, KeyError):
        sources = text
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def clear(lab, written):
    """Remove the notebooks of the last build; those that a reader has changed go to `YOURS`."""
    for path in lab.glob("*.ipynb"):
        if digest(path.read_text(encoding="utf-8")) == written.get(path.name):
            path.unlink()
        else:
            kept = free_name(lab / YOURS / path.name)
            kept.parent.mkdir(exist_ok=True)
            path.rename(kept)
            sys.stdout.write(f"Your changes to {path.name} are kept in {kept}.\n")


def free_name(path):
    """The path, or one with a number where something is there already."""
    names = [path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, 1000))]
    return next(name for name in names if not name.exists())


def write(lab, texts, data):
    """Write the notebooks ``{name: text}`` and the data that they read."""
    lab.mkdir(parents=True, exist_ok=True)
    record = lab / WRITTEN
    clear(lab, json.loads(record.read_text()) if record.is_file() else {})
    for name, text in texts.items():
        (lab / name).write_text(text, encoding="utf-8")
    record.write_text(json.dumps({name: digest(text) for name, text in texts.items()}, indent=1))
    shutil.copytree(data, lab / "data", dirs_exist_ok=True)


def write_notebooks(app, exception):
    """Write all notebooks, and put them where the download buttons lead."""
    if exception is not None or app.builder.name != "html":  # on paper no button leads to them
        return
    found = chapters(app)
    cells = {docname: defined(notebook) for docname, notebook in found.items()}
    texts = {}
    for docname, notebook in found.items():
        own = Chapter(app, docname, notebook, cells).notebook_for_readers()
        text = json.dumps(own, indent=1, ensure_ascii=False) + "\n"
        texts[f"{posixpath.basename(docname)}.ipynb"] = text
        (Path(app.outdir) / "_sources" / f"{docname}.ipynb").write_text(text, encoding="utf-8")
    write(Path(app.outdir).parent / "lab", texts, Path(app.srcdir) / "notebooks" / "data")


def setup(app):
    app.connect("build-finished", write_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
