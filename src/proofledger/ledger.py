"""The ledger of the book: which statement rests on which, and how strongly each was checked.

Nothing about a status is typed by hand. The extension reads, from the built pages themselves,

* statements: the ``prf:`` blocks with a label; a ``prf:proof`` belongs to the statement before it;
* uses: the ``prf:ref`` and ``eq`` references inside a statement and its proof;
* checks: the records that executed cells left (nodes with an attribute ``check``, made by
  ``proofledger._mystnb``).

From these it derives every statement's status and writes it in three places: a mark in the
statement's title, the table of the ``ledger`` directive, and the graphs (``statement-graph``
directive, and at the end of every chapter).
The role ``check`` links to the executed check of a statement from anywhere.

A statement may have parts (option ``parts`` of its block).
The status of a part is its strongest check; the status of a
statement is that of its weakest part; its derived status is the weakest of all that it rests on.
A part without a check is a warning, and so are a check of an unknown statement or part, and a
circle of uses; the book is built with warnings as errors.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata
from sphinx_proof.nodes import NODE_TYPES, proof_node, unenumerable_node

from proofledger import certificates, graph, sabotage
from proofledger.folds import fold, summary
from proofledger.plain_titles import plain
from proofledger.records import KINDS, STATEMENT

logger = logging.getLogger(__name__)

CHAPTER_GRAPH = "chapter-graph"  # the anchor of a chapter's drawing
NEEDS_CHECK = {"theorem", "lemma", "proposition", "corollary", "example"}
UNPROVED = {"conjecture", "assumption"}
# A row of the table: its anchor and its cells.
Row = tuple[str, list[list[nodes.Node]]]
STATEMENT_NODES = (*NODE_TYPES.values(), unenumerable_node)
STATEMENTS_AND_PROOFS: Any = (*STATEMENT_NODES, proof_node)


class placeholder(nodes.General, nodes.Element):
    """What is filled with statements of the whole book when all pages are read."""


class ledger_table(placeholder):
    """Placeholder of the ``ledger`` directive."""


class sabotage_totals(placeholder):
    """Placeholder of the ``sabotage`` directive."""


class display_totals(placeholder):
    """Placeholder of the ``displays`` directive."""


class check_link(nodes.Inline, nodes.Element):
    """Placeholder of the ``check`` role; attribute ``label`` is a statement."""


class statement_graph(placeholder):
    """Placeholder of a graph; attribute ``chapter`` is a docname, or empty for the whole book."""


@dataclass
class Statement:
    """One ``prf:`` block: where it stands, what it refers to, and the records of its checks."""

    label: str
    doc: str
    type: str
    counter: str
    title: str
    order: int
    parts: tuple[str, ...] = ("",)
    refs: set[str] = field(default_factory=set)
    checks: list[dict[str, Any]] = field(default_factory=list)
    words: list[nodes.Node] = field(
        default_factory=list
    )  # the title as nodes, with its mathematics
    displays: int = 0  # displayed formulas inside of it
    terms: list[nodes.Node] = field(
        default_factory=list
    )  # the nodes of a definition that name what it defines

    @property
    def needs_check(self) -> bool:
        return self.type in NEEDS_CHECK

    @property
    def kinds(self) -> list[str]:
        """Kinds of its checks, strongest first."""
        return [kind for kind in KINDS if any(check["kind"] == kind for check in self.checks)]

    def status(self, part: str) -> str | None:
        """The strongest kind among the checks of a part, or None."""
        found = [check["kind"] for check in self.checks if check["part"] == part]
        return min(found, key=KINDS.index, default=None)

    @property
    def own(self) -> str | None:
        """Its own status: the weakest of the statuses of its parts; None if a part has no check."""
        statuses = [self.status(part) for part in self.parts]
        return None if None in statuses else max(statuses, key=KINDS.index)

    @property
    def lacks_check(self) -> bool:
        """True if whoever rests on it rests on something unchecked."""
        return self.own is None and (self.needs_check or self.type in UNPROVED)

    @property
    def mutants(self) -> int:
        return sum(len(check["mutants"]) for check in self.checks)


# -------------------------------------------------------------------------------------- collecting


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Store what one page holds: statements with their references, labelled equations,
    check records."""
    env = app.env
    doc = app.env.docname
    page: dict[str, Any] = {
        "statements": [],
        "equations": {},
        "checks": [],
        "places": False,
        "ledger": False,
    }
    current = None
    node: Any
    for node in doctree.findall():
        if isinstance(node, STATEMENT_NODES):
            words = title_words(node)
            current = Statement(
                label=node["label"],
                doc=doc,
                type=node["realtype"],
                counter=node["countertype"],
                title="".join(map(plain, words)),
                order=len(page["statements"]),
                parts=tuple(node.get("parts", ("",))),
                words=words,
                displays=len(list(node.findall(nodes.math_block))),
                terms=terms(node),
            )
            page["statements"].append(current)
        if isinstance(node, STATEMENTS_AND_PROOFS) and current is not None:
            current.refs |= {ref["reftarget"] for ref in _references(node)}
            page["equations"].update(
                {
                    block["label"]: current.label
                    for block in node.findall(nodes.math_block)
                    if block.get("label")
                }
            )
        if isinstance(node, nodes.Element) and "check" in node:
            page["checks"].append(dict(node["check"]))
            nth = sum(check["label"] == node["check"]["label"] for check in page["checks"])
            node["ids"].append(_check_id(node["check"]["label"], nth))
        page["places"] |= isinstance(node, placeholder)
        page["ledger"] |= isinstance(node, ledger_table)
    if page["statements"]:
        _append_chapter_graph(doctree, doc)
    _pages(env)[doc] = page


def title_words(node: Any) -> list[Any]:
    """Copies of the nodes of a statement's title, without the parentheses around it."""
    words = [word.deepcopy() for word in node.children[0].children]
    if words and isinstance(words[0], nodes.Text):
        words[0] = nodes.Text(words[0].lstrip().removeprefix("("))
    if words and isinstance(words[-1], nodes.Text):
        words[-1] = nodes.Text(words[-1].rstrip().removesuffix(")"))
    return words


def terms(node: Any) -> list[Any]:
    """Copies of what a definition sets in bold or italics: the terms that it introduces."""
    if node["realtype"] != "definition":
        return []
    marked = (nodes.strong, nodes.emphasis)
    return [
        word.deepcopy()
        for part in node.children[1:]
        for word in part.findall(lambda n: isinstance(n, marked))
    ]


def _check_id(label: str, nth: int) -> str:
    return f"check-{label}-{nth}"


def _references(node: Any) -> Iterator[Any]:
    from sphinx.addnodes import pending_xref

    return (ref for ref in node.findall(pending_xref) if ref.get("refdomain") in ("prf", "math"))


def _append_chapter_graph(doctree: nodes.document, doc: str) -> None:
    last = next(doctree.findall(nodes.section), doctree)
    last += nodes.rubric("", "What the statements of this chapter rest on", ids=[CHAPTER_GRAPH])
    last += statement_graph("", chapter=doc)


def _pages(env: Any) -> dict[str, Any]:
    if not hasattr(env, "ledger_pages"):
        env.ledger_pages, env.ledger_seen = {}, {}
    return env.ledger_pages


def purge(_app: Sphinx, env: Any, doc: str) -> None:
    _pages(env).pop(doc, None)


def merge(_app: Sphinx, env: Any, docs: Iterable[str], other: Any) -> None:
    _pages(env).update({doc: _pages(other)[doc] for doc in docs if doc in _pages(other)})


# ---------------------------------------------------------------------------------------- deriving


@dataclass
class Ledger:
    """All statements by label in the order of the book, and what each uses."""

    statements: dict[str, Statement]
    uses: dict[str, set[str]]

    @property
    def circles(self) -> list[list[str]]:
        """Lists of statements that use each other in a ring: none of them is proved."""
        import networkx as nx

        rings = nx.strongly_connected_components(self.network)
        order = list(self.statements)
        return [sorted(ring, key=order.index) for ring in rings if len(ring) > 1]

    def derived(self, label: str) -> str | None:
        """The weakest status among the statement's own and those of all it uses;
        None if nothing on the way has one."""
        import networkx as nx

        reach = {label} | nx.ancestors(self.network, label)
        statuses = [self.statements[other].own for other in reach if self.statements[other].own]
        missing = any(self.statements[other].lacks_check for other in reach)
        return "unchecked" if missing else max(statuses, key=KINDS.index, default=None)

    @property
    def network(self) -> Any:
        """Directed graph with an edge from each used statement to its user."""
        import networkx as nx

        network = nx.DiGraph()
        network.add_nodes_from(self.statements)
        network.add_edges_from(
            (used, label) for label, used_ones in self.uses.items() for used in used_ones
        )
        return network


def derive(
    pages: dict[str, Any],
    docs: Sequence[str],
    theorems: dict[str, list[certificates.Theorem]] | None = None,
) -> Ledger:
    """`Ledger` from the pages, in reading order, and the machine-checked theorems by label."""
    statements = {s.label: s for doc in docs if doc in pages for s in pages[doc]["statements"]}
    owner = {label: s for page in pages.values() for label, s in page["equations"].items()}
    uses = {}
    for label, s in statements.items():
        targets = {owner.get(ref, ref) for ref in s.refs}
        uses[label] = {t for t in targets if t in statements and t != label}
    for s in statements.values():
        s.checks = []
    for doc in docs:
        for check in pages.get(doc, {"checks": []})["checks"]:
            if check["label"] in statements:
                statements[check["label"]].checks.append({**check, "doc": doc})
    for label, proved in (theorems or {}).items():
        if label in statements:
            checks = [theorem.check for theorem in proved if theorem.check]
            statements[label].checks += [
                {**check, "doc": statements[label].doc} for check in checks
            ]
    return Ledger(statements, uses)


def faults(ledger: Ledger, pages: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(doc, message) for each check of an unknown statement or part,
    statement or part without check, and circle."""
    for doc, page in sorted(pages.items()):
        named = {check["label"] for check in page["checks"] if STATEMENT.match(check["label"])}
        for label in sorted(named - set(ledger.statements)):
            yield doc, f"check of an unknown statement: {label}"
    for circle in ledger.circles:
        yield (
            ledger.statements[circle[0]].doc,
            f"statements that use each other in a circle: {', '.join(circle)}",
        )
    for s in ledger.statements.values():
        for part in sorted({check["part"] for check in s.checks} - set(s.parts)):
            yield s.doc, f"check of an unknown part of {s.label}: {part!r}"
        missing = [part for part in s.parts if s.status(part) is None]
        if s.needs_check and not s.checks:
            yield s.doc, f"statement without a check: {s.label}"
        elif s.checks and missing:
            yield s.doc, f"part of {s.label} without a check: {', '.join(missing)}"
        elif s.checks and all(check["doc"] != s.doc for check in s.checks):
            yield s.doc, f"statement whose checks stand on another page: {s.label}"


def reading_order(env: Any) -> list[str]:
    """Docnames in the order of the table of contents."""
    found = []
    waiting = [env.config.root_doc]
    while waiting:
        doc = waiting.pop(0)
        if doc not in found:
            found.append(doc)
            waiting = list(env.toctree_includes.get(doc, ())) + waiting
    return found + sorted(set(env.found_docs) - set(found))


def update(app: Sphinx, env: Any) -> list[str]:
    """Derive the ledger, report faults, and name the pages that must be written again because a
    status changed."""
    pages = _pages(env)
    top = Path(app.srcdir)
    env.proofledger_theorems = certificates.theorems(top / app.config.proofledger_machine_checked)
    env.proofledger_opinions = certificates.second_opinions(
        top / app.config.proofledger_second_prover
    )
    env.proofledger_noticed = sabotage.load(top / app.config.proofledger_sabotage)
    transcribed = top / app.config.proofledger_transcribed
    env.proofledger_transcribed = (
        json.loads(transcribed.read_text(encoding="utf-8")) if transcribed.is_file() else {}
    )
    env.ledger = derive(pages, reading_order(env), env.proofledger_theorems)
    # titles bring mathematics to the pages that list statements;
    # without this MathJax would not be loaded there
    env.get_domain("math").data["has_equations"].update(
        {doc: True for doc, page in pages.items() if page["places"]}
    )
    for doc, message in faults(env.ledger, pages):
        logger.warning(message, location=doc, type="ledger")
    seen = {
        label: (s.kinds, len(s.checks), s.mutants, sorted(env.ledger.uses[label]))
        for label, s in env.ledger.statements.items()
    }
    if seen == env.ledger_seen:
        return []
    env.ledger_seen = seen
    return [doc for doc, page in pages.items() if page["statements"] or page["places"]]


# ----------------------------------------------------------------------------------------- writing


class WriteLedger(SphinxPostTransform):
    """Puts marks into statement titles and fills the placeholders;
    runs before references are resolved."""

    default_priority = 5

    def run(self, **_kwargs: Any) -> None:
        env: Any = self.env
        ledger = env.ledger
        for node in list(self.document.findall(lambda n: isinstance(n, STATEMENT_NODES))):
            self._tidy_ids(node)
            s = ledger.statements.get(node["label"])
            if s is not None and s.checks:
                node.children[0] += nodes.Text(" ")
                node.children[0] += self._mark(s)
            node.children[0] += permalink(node)
        for node in list(
            self.document.findall(lambda n: isinstance(n, nodes.Element) and "check" in n)
        ):
            self._name_statement(node, ledger.statements.get(node["check"]["label"]))
        for node in list(self.document.findall(proof_node)):
            self._tidy_ids(node)
        for node in list(self.document.findall(check_link)):
            node.replace_self(self._check_link(ledger, node["label"]))
        for node in list(self.document.findall(ledger_table)):
            node.replace_self(self._table(ledger))
        for node in list(self.document.findall(sabotage_totals)):
            node.replace_self(self._totals())
        for node in list(self.document.findall(display_totals)):
            node.replace_self(self._displays())
        for node in list(self.document.findall(statement_graph)):
            node.replace_self(self._graph(ledger, node["chapter"]))

    def _name_statement(self, line: Any, s: Statement | None) -> None:
        """Call the statement of a check by the name that readers know, "Lemma 3.1"."""
        for text in list(line.findall(nodes.Text)):
            if s is not None and text.startswith(f" {s.label}"):
                text.parent.replace(text, nodes.Text(text.replace(s.label, self._name(s), 1)))

    @staticmethod
    def _tidy_ids(node: Any) -> None:
        """sphinx-proof repeats the ids 'proof' and 'proof-content' on a page,
        which is no valid HTML."""
        for part in node.findall(nodes.Element):
            part["ids"] = [i for i in part.get("ids", []) if i not in ("proof", "proof-content")]

    def _number(self, s: Statement) -> str:
        numbers = self.env.toc_fignumbers.get(s.doc, {}).get(s.counter, {}).get(s.label)
        return ".".join(map(str, numbers)) if numbers else ""

    def _name(self, s: Statement) -> str:
        return f"{s.type.title()} {self._number(s)}".strip()

    def _uri(self, doc: str, anchor: str) -> str:
        return f"{self.app.builder.get_relative_uri(self.env.docname, doc)}#{anchor}"

    def _ledger_doc(self) -> str | None:
        return next((doc for doc, page in _pages(self.env).items() if page["ledger"]), None)

    def _mark(self, s: Statement) -> nodes.Element:
        kinds = s.own or "unchecked"
        checks = len(s.checks)
        text = f"✓ {kinds}"
        tried = f"{_count(checks, 'check')}, {_count(s.mutants, 'mutant')} rejected"
        words = f"Checked: {', '.join(s.kinds)}; {tried}"
        inner = nodes.inline("", text, classes=["rl-mark", f"rl-{kinds}"])
        doc = self._ledger_doc()
        if doc is None:
            return inner
        uri = self._uri(doc, f"ledger-{s.label}")
        return nodes.reference(
            "", "", inner, internal=True, refuri=uri, reftitle=words, classes=["rl-marklink"]
        )

    def _check_link(self, ledger: Ledger, label: str) -> nodes.Element:
        s = ledger.statements.get(label)
        if s is None or not s.checks:
            logger.warning(
                "check of %s: there is none", label, location=self.env.docname, type="ledger"
            )
            return nodes.inline("", label)
        inner = nodes.inline("", f"✓ {s.own}", classes=["rl-mark", f"rl-{s.own}"])
        uri = self._uri(s.doc, _check_id(label, 1))
        words = f"{self._name(s)}: its executed check"
        return nodes.reference("", "", inner, internal=True, refuri=uri, reftitle=words)

    def _link(self, s: Statement, text: str) -> nodes.reference:
        uri = self._uri(s.doc, s.label)
        return nodes.reference(
            "", "", nodes.inline("", text), internal=True, refuri=uri, reftitle=s.title
        )

    def _table(self, ledger: Ledger) -> nodes.container:
        heads = (
            "Statement, and how to run its checks again",
            "Status with all it uses",
            "Own checks, and what they measured",
            "Mutants rejected",
            "Uses",
        )
        rows = [
            self._row(ledger, s) for s in ledger.statements.values() if s.checks or s.needs_check
        ]
        table = _build_table(heads, rows)
        return nodes.container("", table, classes=["rl-ledger"], is_div=True)

    def _row(self, ledger: Ledger, s: Statement) -> Row:
        status = ledger.derived(s.label) or "unchecked"
        used = [
            ledger.statements[label]
            for label in sorted(ledger.uses[s.label], key=list(ledger.statements).index)
        ]
        uses = nodes.paragraph()
        for i, other in enumerate(used):
            uses += [nodes.Text(", ")] if i else []
            uses += self._link(other, self._name(other))
        title = nodes.paragraph(
            "",
            "",
            self._link(s, self._name(s)),
            nodes.Text(" "),
            *(word.deepcopy() for word in s.words),
        )
        command = nodes.paragraph(
            "", "", nodes.literal("", f"make check LABEL={s.label}"), classes=["rl-command"]
        )
        measured = nodes.line_block()
        for check in s.checks:
            part = f"{check['part']}, " if check["part"] else ""
            measured += nodes.line(
                "", f"{part}{check['kind']}: {check['claim']} ({check['measured']})"
            )
        env: Any = self.env
        for theorem in env.proofledger_theorems.get(s.label, []):
            if not theorem.check:
                place = f"theorem {theorem.name} ({theorem.file})"
                words = f"machine-checked in part: {place}: {theorem.covers}"
                measured += nodes.line("", f"{words}; {theorem.scope}" if theorem.scope else words)
        if s.label in env.proofledger_opinions:
            measured += nodes.line("", env.proofledger_opinions[s.label])
        noticed = sabotage.words(
            env.proofledger_noticed, self._notebook(s.doc), Path(s.doc).name, s.label
        )
        if noticed:
            measured += nodes.line("", noticed)
        if s.displays:
            read = len(env.proofledger_transcribed.get(s.label, ()))
            measured += nodes.line("", f"displays transcribed by a test: {read} of {s.displays}")
        cells = [
            [title, command],
            [
                nodes.paragraph(
                    "", "", nodes.inline("", status, classes=["rl-mark", f"rl-{status}"])
                )
            ],
            [measured],
            [nodes.paragraph("", str(s.mutants))],
            [uses],
        ]
        return f"ledger-{s.label}", cells

    def _notebook(self, doc: str) -> dict[str, Any]:
        """The JSON of a page's notebook; one without cells for a page that is none."""
        path = Path(self.env.doc2path(doc))
        if path.suffix != ".ipynb":
            return {"cells": []}
        return json.loads(path.read_text(encoding="utf-8"))

    def _displays(self) -> nodes.paragraph:
        """The sentence of the ``displays`` directive."""
        env: Any = self.env
        stated = [s for s in env.ledger.statements.values() if s.needs_check and s.displays]
        total = sum(s.displays for s in stated)
        read = sum(len(env.proofledger_transcribed.get(s.label, ())) for s in stated)
        text = f"Of {total} displayed formulas in statements that need a check, {read} are so held."
        return nodes.paragraph("", text)

    def _totals(self) -> nodes.paragraph:
        """The sentence of the ``sabotage`` directive."""
        env: Any = self.env
        docs = [doc for doc, page in _pages(env).items() if page["checks"]]
        found = sabotage.totals(
            env.proofledger_noticed,
            {Path(doc).name: self._notebook(doc) for doc in docs},
        )
        blind = ", ".join(found["blind"]) or "none"
        text = (
            f"Measured on {found['chapters']} of {len(docs)} chapters: {found['functions']} "
            f"functions made wrong, {found['checks']} checks, of which {found['touched']} rest on "
            f"numbers of the package; of these, notice nothing: {blind}. "
            f"Pairs of a check and a function without a verdict: {found['open']}."
        )
        return nodes.paragraph("", text)

    def _graph(self, ledger: Ledger, chapter: str) -> list[nodes.Node]:
        """The drawing of one chapter; for the whole book that of its chapters,
        and all statements on demand."""
        if self.app.builder.format != "html":
            return [nodes.comment()]
        if chapter:
            return [self._drawing(ledger, chapter, "this chapter and what it uses", 5)]
        whole = self._drawing(ledger, "", "the whole book", graph.PER_ROW)
        count = nodes.Text(f"All {len(ledger.statements)} statements in one drawing")
        return [
            self._chapters(ledger),
            fold("", summary("", "", count), whole, classes=["rl-folded"]),
        ]

    def _drawing(self, ledger: Ledger, chapter: str, where: str, per_row: int) -> nodes.raw:
        """Statements, of one chapter with what they use, or all."""
        statements = ledger.statements.values()
        keep = {s.label for s in statements if not chapter or s.doc == chapter}
        keep |= {used for label in keep for used in ledger.uses[label]} if chapter else set()
        boxes = {
            label: graph.Box(
                name=self._name(s),
                title=f"{self._name(s)}: {s.title} ({ledger.derived(label) or s.type})",
                link=self._uri(s.doc, label),
                style=ledger.derived(label) or "definition",
                here=not chapter or s.doc == chapter,
                words=s.title,
            )
            for label, s in ledger.statements.items()
            if label in keep
        }
        edges = [(used, label) for label in boxes for used in ledger.uses[label] if used in boxes]
        drawing = graph.svg(boxes, edges, title=f"Dependency graph of {where}", per_row=per_row)
        return nodes.raw("", drawing, format="html")

    def _chapters(self, ledger: Ledger) -> nodes.raw:
        """Chapters, each below those whose statements it uses;
        a box leads to the drawing of its chapter."""
        boxes = {}
        for s in ledger.statements.values():
            number = ".".join(map(str, self.env.toc_secnumbers.get(s.doc, {}).get("", ())))
            title = plain(self.env.titles[s.doc])
            boxes[s.doc] = graph.Box(
                f"Chapter {number}".strip(),
                title,
                self._uri(s.doc, CHAPTER_GRAPH),
                "definition",
                words=title,
            )
        edges = {
            (ledger.statements[used].doc, s.doc)
            for s in ledger.statements.values()
            for used in ledger.uses[s.label]
        }
        places = {doc: i for i, doc in enumerate(boxes)}
        forward = sorted((a, b) for a, b in edges if places[a] < places[b])
        return nodes.raw(
            "", graph.svg(boxes, forward, "What the chapters rest on", per_row=5), format="html"
        )


def permalink(node: Any) -> nodes.reference:
    """A link from a statement's title to itself, as headings have one."""
    words = "Link to this statement"
    return nodes.reference(
        "", "#", internal=True, refid=node["ids"][0], reftitle=words, classes=["headerlink"]
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _build_table(heads: Sequence[str], rows: Iterable[Row]) -> nodes.table:
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=1) for _ in heads]
    head = nodes.row()
    for text in heads:
        head += nodes.entry("", nodes.paragraph("", text))
    group += nodes.thead("", head)
    body = nodes.tbody()
    for identifier, cells in rows:
        row = nodes.row(ids=[identifier])
        for cell in cells:
            row += nodes.entry("", *cell)
        body += row
    group += body
    return nodes.table("", group, classes=["rl-ledger-table"])


# -------------------------------------------------------------------------------------- directives


class LedgerDirective(SphinxDirective):
    """``{ledger}``: the table of all statements."""

    def run(self) -> list[nodes.Node]:
        return [ledger_table()]


class SabotageDirective(SphinxDirective):
    """``{sabotage}``: how many checks notice a wrong function, over the book."""

    def run(self) -> list[nodes.Node]:
        return [sabotage_totals()]


class DisplaysDirective(SphinxDirective):
    """``{displays}``: how many displays of statements a test transcribes, over the book."""

    def run(self) -> list[nodes.Node]:
        return [display_totals()]


class CheckRole(SphinxRole):
    """``{check}`thm-x```: a link to the first executed check of a statement, with its kind."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [check_link("", label=self.text)], []


class GraphDirective(SphinxDirective):
    """``{statement-graph}``: the graph of the whole book."""

    def run(self) -> list[nodes.Node]:
        return [statement_graph("", chapter="")]


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_config_value("proofledger_machine_checked", "proofs/certified.json", "env")
    app.add_config_value("proofledger_second_prover", "proofs/symbolic.json", "env")
    app.add_config_value("proofledger_sabotage", "book/sabotage.json", "env")
    app.add_node(ledger_table)
    app.add_config_value("proofledger_transcribed", "book/transcribed.json", "env")
    app.add_node(sabotage_totals)
    app.add_node(display_totals)
    app.add_node(check_link)
    app.add_role("check", CheckRole())
    app.add_node(statement_graph)
    app.add_directive("ledger", LedgerDirective)
    app.add_directive("sabotage", SabotageDirective)
    app.add_directive("displays", DisplaysDirective)
    app.add_directive("statement-graph", GraphDirective)
    app.add_post_transform(WriteLedger)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", update)
    return {
        "version": "1",
        "env_version": 2,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
