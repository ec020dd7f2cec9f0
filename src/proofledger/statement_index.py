"""An index of statements and terms, made from the labelled statements themselves,
for readers and for the search.

The directive ``statement-index`` lists, letter by letter, every statement by its title and every
term that a definition sets in bold or italics. The same list goes into ``_static/statements.js``,
which the search page reads.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata

from proofledger.ledger import Ledger, Place, Statement, number, placeholder
from proofledger.plain_titles import SIGNS, plain

ARTICLES = re.compile(r"^(the|an|a) +", re.IGNORECASE)
# emphasis in a definition that stresses a word and names nothing
NO_TERMS = {"all", "and", "any", "each", "every", "exactly", "is", "no", "not", "or"}


@dataclass(frozen=True)
class Entry:
    """A line of the index: what is sought, as nodes and in letters,
    and the statement it is found in."""

    words: tuple[nodes.Node, ...]
    text: str
    label: str

    @property
    def key(self) -> tuple[bool, str]:
        """The place in the alphabet: without article, and without what is no letter."""
        letters = re.sub(r"[^a-z0-9 ]", "", ARTICLES.sub("", self.text).lower()).strip()
        return (not letters[:1].isalpha(), letters)

    @property
    def letter(self) -> str:
        other, letters = self.key
        return "Signs" if other else letters[0].upper()


def terms(s: Statement) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The terms that a definition introduces, as (nodes, letters);
    words that are only stressed are left out."""
    for node in s.terms:
        text = plain(node).strip(" .:,")
        if text.lower() not in NO_TERMS and re.search(r"\w{2}", text):
            yield tuple(node.children), text


def entries(ledger: Ledger) -> list[Entry]:
    """Entries of all statements and terms in the order of the alphabet."""
    found: dict[tuple[str, str], Entry] = {}
    for s in ledger.statements.values():
        titled = [(tuple(s.words), s.title)] if s.title else []
        for words, text in [*titled, *terms(s)]:
            found.setdefault((text.lower(), s.label), Entry(words, text, s.label))
    return sorted(found.values(), key=lambda entry: (entry.key, entry.label))


# ----------------------------------------------------------------------------------------- writing


class WriteIndex(SphinxPostTransform):
    """Fills the placeholder."""

    default_priority = 6
    env: Any

    def run(self, **_kwargs: Any) -> None:
        for node in list(self.document.findall(placeholder)):
            if node["what"] == "statement-index":
                node.replace_self(self._list())

    def _list(self) -> list[nodes.Node]:
        parts = []
        for letter, found in groupby(entries(self.env.ledger), key=lambda entry: entry.letter):
            lines = nodes.bullet_list("", *map(self._line, found), classes=["rl-index"])
            parts += [nodes.rubric("", letter), lines]
        return parts

    def _line(self, entry: Entry) -> nodes.list_item:
        s = self.env.ledger.statements[entry.label]
        uri = f"{self.app.builder.get_relative_uri(self.env.docname, s.doc)}#{s.label}"
        name = nodes.inline("", number(self.env, s))
        link = nodes.reference("", "", name, internal=True, refuri=uri)
        words = [word.deepcopy() for word in entry.words]
        if words and isinstance(words[0], nodes.Text):
            words[0] = nodes.Text(words[0][:1].upper() + words[0][1:])
        return nodes.list_item("", nodes.paragraph("", "", *words, nodes.Text(", "), link))


def table(env: Any) -> list[list[str]]:
    """What the search page reads: [name, what is sought, page, anchor] of every entry."""
    found = [(entry, env.ledger.statements[entry.label]) for entry in entries(env.ledger)]
    return [[number(env, s), entry.text, s.doc, s.label] for entry, s in found]


def write_table(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        script = f"const STATEMENTS = {json.dumps(table(app.env), ensure_ascii=False)};\n"
        script += f"const SIGNS = {json.dumps(SIGNS, ensure_ascii=False)};\n"
        (Path(app.outdir) / "_static" / "statements.js").write_text(script, encoding="utf-8")


def load_table(app: Sphinx, pagename: str, *_page: Any) -> None:
    if pagename == "search":
        app.add_js_file("statements.js")
        app.add_js_file("search.js")


def setup(app: Sphinx) -> ExtensionMetadata:
    app.setup_extension("proofledger.ledger")
    app.add_directive("statement-index", Place)
    app.add_post_transform(WriteIndex)
    app.connect("html-page-context", load_table)
    app.connect("build-finished", write_table)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
