"""Writes what the ledger knows into the pages: marks, the table, sentences, and the graphs."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata
from sphinx_proof.nodes import proof_node

from proofledger import graph, sabotage
from proofledger.folds import fold, summary
from proofledger.ledger import (
    CHAPTER_GRAPH,
    Statement,
    check_id,
    check_link,
    number,
    page_store,
    placeholder,
)
from proofledger.plain_titles import plain
from proofledger.statements import STATEMENT_NODES

logger = logging.getLogger(__name__)

HEADS = (
    "Statement, and how to run its checks again",
    "Status with all it uses",
    "Own checks, and what they measured",
    "Mutants rejected",
    "Uses",
)
# A row of the table: its anchor and its cells.
Row = tuple[str, list[nodes.Node]]


class WriteLedger(SphinxPostTransform):
    """Puts marks into statement titles and fills the placeholders;
    runs before references are resolved."""

    default_priority = 5
    env: Any

    def run(self, **_kwargs: Any) -> None:
        self.ledger = self.env.ledger
        self.files = self.env.proofledger_files
        for node in self._every(*STATEMENT_NODES, proof_node):
            tidy_ids(node)
        for node in self._every(*STATEMENT_NODES):
            s = self.ledger.statements.get(node["label"])
            if s is not None and s.checks:
                node.children[0] += nodes.Text(" ")
                node.children[0] += self._mark(s)
            node.children[0] += permalink(node)
        for node in self._every(nodes.Element):
            if "check" in node:
                self._name_statement(node, self.ledger.statements.get(node["check"]["label"]))
        for node in self._every(check_link):
            node.replace_self(self._check_link(node["label"]))
        fill = {
            "ledger": self._table,
            "sabotage": self._totals,
            "displays": self._displays,
            "statement-graph": self._graph,
        }
        for node in self._every(placeholder):
            if node["what"] in fill:
                node.replace_self(fill[node["what"]](node))

    def _every(self, *kinds: Any) -> list[Any]:
        return list(self.document.findall(lambda node: isinstance(node, kinds)))

    # ----------------------------------------------------------------------------- marks and links

    def _name(self, s: Statement) -> str:
        return number(self.env, s)

    def _name_statement(self, line: Any, s: Statement | None) -> None:
        """Call the statement of a check by the name that readers know, "Lemma 3.1"."""
        for text in list(line.findall(nodes.Text)):
            if s is not None and text.startswith(f" {s.label}"):
                text.parent.replace(text, nodes.Text(text.replace(s.label, self._name(s), 1)))

    def _uri(self, doc: str, anchor: str) -> str:
        return f"{self.app.builder.get_relative_uri(self.env.docname, doc)}#{anchor}"

    def _reference(self, shown: nodes.Node, uri: str, title: str, **more: Any) -> nodes.reference:
        return nodes.reference("", "", shown, internal=True, refuri=uri, reftitle=title, **more)

    def _mark(self, s: Statement) -> nodes.Element:
        """The status in a statement's title; a link to its row, where the book has a ledger."""
        shown = badge(s.own or "unchecked", "✓ ")
        tried = f"{_count(len(s.checks), 'check')}, {_count(s.mutants, 'mutant')} rejected"
        title = f"Checked: {', '.join(s.kinds)}; {tried}"
        for doc, page in page_store(self.env).items():
            if "ledger" in page["places"]:
                uri = self._uri(doc, f"ledger-{s.label}")
                return self._reference(shown, uri, title, classes=["rl-marklink"])
        return shown

    def _check_link(self, label: str) -> nodes.Element:
        s = self.ledger.statements.get(label)
        if s is None or not s.checks:
            where = self.env.docname
            logger.warning("check of %s: there is none", label, location=where, type="ledger")
            return nodes.inline("", label)
        uri = self._uri(s.doc, check_id(label, 1))
        title = f"{self._name(s)}: its executed check"
        return self._reference(badge(str(s.own), "✓ "), uri, title)

    def _link(self, s: Statement) -> nodes.reference:
        shown = nodes.inline("", self._name(s))
        return self._reference(shown, self._uri(s.doc, s.label), s.title)

    # ----------------------------------------------------------------------------------- the table

    def _table(self, _place: Any) -> nodes.container:
        statements = self.ledger.statements.values()
        rows = [self._row(s) for s in statements if s.checks or s.needs_check]
        return nodes.container("", _build_table(HEADS, rows), classes=["rl-ledger"], is_div=True)

    def _row(self, s: Statement) -> Row:
        words = [word.deepcopy() for word in s.words]
        command = nodes.literal("", f"make check LABEL={s.label}")
        status = badge(self.ledger.derived(s.label) or "unchecked")
        title = nodes.paragraph("", "", self._link(s), nodes.Text(" "), *words)
        cells = [
            [title, nodes.paragraph("", "", command, classes=["rl-command"])],
            [nodes.paragraph("", "", status)],
            [nodes.line_block("", *(nodes.line("", text) for text in self._measured(s)))],
            [nodes.paragraph("", str(s.mutants))],
            [self._uses(s)],
        ]
        return f"ledger-{s.label}", [nodes.entry("", *cell) for cell in cells]

    def _uses(self, s: Statement) -> nodes.paragraph:
        order = list(self.ledger.statements).index
        paragraph = nodes.paragraph()
        for label in sorted(self.ledger.uses[s.label], key=order):
            paragraph += [nodes.Text(", ")] if paragraph.children else []
            paragraph += self._link(self.ledger.statements[label])
        return paragraph

    def _measured(self, s: Statement) -> Iterable[str]:
        """The lines of a row that say what each check, prover and test found."""
        for check in s.checks:
            part = f"{check['part']}, " if check["part"] else ""
            yield f"{part}{check['kind']}: {check['claim']} ({check['measured']})"
        for theorem in self.files["proofledger_machine_checked"].get(s.label, []):
            if not theorem.check:
                place = f"theorem {theorem.name} ({theorem.file})"
                scope = f"; {theorem.scope}" if theorem.scope else ""
                yield f"machine-checked in part: {place}: {theorem.covers}{scope}"
        if s.label in self.files["proofledger_second_prover"]:
            yield self.files["proofledger_second_prover"][s.label]
        matrices = self.files["proofledger_sabotage"]
        noticed = sabotage.words(matrices, self._notebook(s.doc), Path(s.doc).name, s.label)
        if noticed:
            yield noticed
        if s.displays:
            yield f"displays transcribed by a test: {self._transcribed(s)} of {s.displays}"

    def _transcribed(self, s: Statement) -> int:
        return len(self.files["proofledger_transcribed"].get(s.label, ()))

    def _notebook(self, doc: str) -> dict[str, Any]:
        """The JSON of a page's notebook; one without cells for a page that is none."""
        path = Path(self.env.doc2path(doc))
        if path.suffix != ".ipynb":
            return {"cells": []}
        return json.loads(path.read_text(encoding="utf-8"))

    # ------------------------------------------------------------------------------- the sentences

    def _displays(self, _place: Any) -> nodes.paragraph:
        stated = [s for s in self.ledger.statements.values() if s.needs_check and s.displays]
        total = sum(s.displays for s in stated)
        read = sum(map(self._transcribed, stated))
        text = f"Of {total} displayed formulas in statements that need a check, {read} are so held."
        return nodes.paragraph("", text)

    def _totals(self, _place: Any) -> nodes.paragraph:
        docs = [doc for doc, page in page_store(self.env).items() if page["checks"]]
        notebooks = {Path(doc).name: self._notebook(doc) for doc in docs}
        found = sabotage.totals(self.files["proofledger_sabotage"], notebooks)
        blind = ", ".join(found["blind"]) or "none"
        text = (
            f"Measured on {found['chapters']} of {len(docs)} chapters: {found['functions']} "
            f"functions made wrong, {found['checks']} checks, of which {found['touched']} rest on "
            f"numbers of the package; of these, notice nothing: {blind}. "
            f"Pairs of a check and a function without a verdict: {found['open']}."
        )
        return nodes.paragraph("", text)

    # ---------------------------------------------------------------------------------- the graphs

    def _graph(self, place: Any) -> list[nodes.Node]:
        """The drawing of one chapter; for the whole book that of its chapters,
        and all statements on demand."""
        if self.app.builder.format != "html":
            return [nodes.comment()]
        if place.get("chapter"):
            return [self._drawing(place["chapter"], "this chapter and what it uses", 5)]
        whole = self._drawing("", "the whole book", graph.PER_ROW)
        count = nodes.Text(f"All {len(self.ledger.statements)} statements in one drawing")
        closed = fold("", summary("", "", count), whole, classes=["rl-folded"])
        return [self._chapters(), closed]

    def _drawing(self, chapter: str, where: str, per_row: int) -> nodes.raw:
        """Statements, of one chapter with what they use, or all."""
        statements = self.ledger.statements
        uses = self.ledger.uses
        keep = {s.label for s in statements.values() if not chapter or s.doc == chapter}
        keep |= {used for label in keep for used in uses[label]}
        boxes = {label: self._box(s, chapter) for label, s in statements.items() if label in keep}
        edges = [(used, label) for label in boxes for used in uses[label] if used in boxes]
        drawing = graph.svg(boxes, edges, title=f"Dependency graph of {where}", per_row=per_row)
        return nodes.raw("", drawing, format="html")

    def _box(self, s: Statement, chapter: str) -> graph.Box:
        status = self.ledger.derived(s.label)
        return graph.Box(
            name=self._name(s),
            title=f"{self._name(s)}: {s.title} ({status or s.type})",
            link=self._uri(s.doc, s.label),
            style=status or "definition",
            here=not chapter or s.doc == chapter,
            words=s.title,
        )

    def _chapters(self) -> nodes.raw:
        """Chapters, each below those whose statements it uses;
        a box leads to the drawing of its chapter."""
        statements = self.ledger.statements
        boxes = {}
        for doc in dict.fromkeys(s.doc for s in statements.values()):
            numbers = ".".join(map(str, self.env.toc_secnumbers.get(doc, {}).get("", ())))
            name = f"Chapter {numbers}".strip()
            title = plain(self.env.titles[doc])
            uri = self._uri(doc, CHAPTER_GRAPH)
            boxes[doc] = graph.Box(name, title, uri, "definition", words=title)
        edges = {
            (statements[used].doc, s.doc)
            for s in statements.values()
            for used in self.ledger.uses[s.label]
        }
        places = {doc: i for i, doc in enumerate(boxes)}
        forward = sorted((a, b) for a, b in edges if places[a] < places[b])
        drawing = graph.svg(boxes, forward, "What the chapters rest on", per_row=5)
        return nodes.raw("", drawing, format="html")


def badge(status: str, sign: str = "") -> nodes.inline:
    """A status as a coloured word."""
    return nodes.inline("", f"{sign}{status}", classes=["rl-mark", f"rl-{status}"])


def permalink(node: Any) -> nodes.reference:
    """A link from a statement's title to itself, as headings have one."""
    words = "Link to this statement"
    return nodes.reference(
        "", "#", internal=True, refid=node["ids"][0], reftitle=words, classes=["headerlink"]
    )


def tidy_ids(node: Any) -> None:
    """sphinx-proof repeats the ids 'proof' and 'proof-content' on a page: no valid HTML."""
    for part in node.findall(nodes.Element):
        part["ids"] = [i for i in part.get("ids", []) if i not in ("proof", "proof-content")]


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _build_table(heads: Sequence[str], rows: Iterable[Row]) -> nodes.table:
    head = nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in heads))
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in heads), cols=len(heads))
    group += nodes.thead("", head)
    group += nodes.tbody("", *(nodes.row("", *cells, ids=[anchor]) for anchor, cells in rows))
    return nodes.table("", group, classes=["rl-ledger-table"])


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_post_transform(WriteLedger)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
