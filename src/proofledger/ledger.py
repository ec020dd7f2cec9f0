"""The ledger of the book: which statement rests on which, and how strongly each was checked.

Nothing about a status is typed by hand. The extension reads, from the built pages themselves,

* statements: the ``prf:`` blocks with a label; a ``prf:proof`` belongs to the statement before it;
* uses: the ``prf:ref`` and ``eq`` references inside a statement and its proof;
* checks: the records that executed cells left (nodes with an attribute ``check``, made by
  ``proofledger._mystnb``).

From these it derives every statement's status, which ``proofledger._ledger_pages`` writes in three
places: a mark in the statement's title, the table of the ``ledger`` directive, and the graphs
(``statement-graph`` directive, and at the end of every chapter).
The role ``check`` links to the executed check of a statement from anywhere.

A statement may have parts (option ``parts`` of its block).
The status of a part is its strongest check; the status of a
statement is that of its weakest part; its derived status is the weakest of all that it rests on.
A part without a check is a warning, and so are a check of an unknown statement or part, and a
circle of uses; the book is built with warnings as errors.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import networkx as nx
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata
from sphinx_proof.nodes import proof_node

from proofledger import certificates, sabotage
from proofledger.plain_titles import plain
from proofledger.records import KINDS, STATEMENT
from proofledger.statements import STATEMENT_NODES

logger = logging.getLogger(__name__)

CHAPTER_GRAPH = "chapter-graph"  # the anchor of a chapter's drawing
NEEDS_CHECK = {"theorem", "lemma", "proposition", "corollary", "example"}
UNPROVED = {"conjecture", "assumption"}
STATEMENTS_AND_PROOFS: Any = (*STATEMENT_NODES, proof_node)
# What other tools found out about statements: the setting that names a file, its default, and how
# the file is read into ``env.proofledger_files``.
FILES: dict[str, tuple[str, Any]] = {
    "proofledger_machine_checked": ("proofs/certified.json", certificates.theorems),
    "proofledger_second_prover": ("proofs/symbolic.json", certificates.second_opinions),
    "proofledger_sabotage": ("book/sabotage.json", sabotage.load),
    "proofledger_transcribed": ("book/transcribed.json", sabotage.load),
}


class placeholder(nodes.General, nodes.Element):
    """What is filled with statements of the whole book when all pages are read.

    what     the name of its directive; ``chapter`` a docname where it shows one chapter only
    """


class check_link(nodes.Inline, nodes.Element):
    """Placeholder of the ``check`` role; attribute ``label`` is a statement."""


@dataclass
class Statement:
    """One ``prf:`` block: where it stands, what it refers to, and the records of its checks.

    words     the title as nodes, with its mathematics
    displays  displayed formulas inside of it
    terms     the nodes of a definition that name what it defines
    """

    label: str
    doc: str
    type: str
    counter: str
    title: str
    order: int
    parts: tuple[str, ...] = ("",)
    refs: set[str] = field(default_factory=set)
    checks: list[dict[str, Any]] = field(default_factory=list)
    words: list[nodes.Node] = field(default_factory=list)
    displays: int = 0
    terms: list[nodes.Node] = field(default_factory=list)

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
    doc = app.env.docname
    statements: list[Statement] = []
    equations: dict[str, str] = {}
    checks: list[dict[str, Any]] = []
    node: Any
    for node in doctree.findall(nodes.Element):
        if isinstance(node, STATEMENT_NODES):
            statements.append(_statement(node, doc, len(statements)))
        if isinstance(node, STATEMENTS_AND_PROOFS) and statements:
            current = statements[-1]
            current.refs |= {ref["reftarget"] for ref in _references(node)}
            displays = node.findall(nodes.math_block)
            equations |= {block["label"]: current.label for block in displays if block.get("label")}
        if "check" in node:
            checks.append(dict(node["check"]))
            label = node["check"]["label"]
            nth = sum(check["label"] == label for check in checks)
            node["ids"].append(check_id(label, nth))
    places = [node["what"] for node in doctree.findall(placeholder)]
    if statements:
        last = next(doctree.findall(nodes.section), doctree)
        last += nodes.rubric("", "What the statements of this chapter rest on", ids=[CHAPTER_GRAPH])
        last += placeholder("", what="statement-graph", chapter=doc)
    page_store(app.env)[doc] = {
        "statements": statements,
        "equations": equations,
        "checks": checks,
        "places": places,
    }


def _statement(node: Any, doc: str, order: int) -> Statement:
    words = title_words(node)
    return Statement(
        label=node["label"],
        doc=doc,
        type=node["realtype"],
        counter=node["countertype"],
        title="".join(map(plain, words)),
        order=order,
        parts=tuple(node.get("parts", ("",))),
        words=words,
        displays=len(list(node.findall(nodes.math_block))),
        terms=terms(node),
    )


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


def check_id(label: str, nth: int) -> str:
    """The anchor of the nth check of a statement."""
    return f"check-{label}-{nth}"


def _references(node: Any) -> Iterator[Any]:
    return (ref for ref in node.findall(pending_xref) if ref.get("refdomain") in ("prf", "math"))


def page_store(env: Any) -> dict[str, Any]:
    """{docname: what `collect` found there}."""
    if not hasattr(env, "ledger_pages"):
        env.ledger_pages, env.ledger_seen = {}, {}
    return env.ledger_pages


def purge(_app: Sphinx, env: Any, doc: str) -> None:
    page_store(env).pop(doc, None)


def merge(_app: Sphinx, env: Any, docs: Iterable[str], other: Any) -> None:
    page_store(env).update(
        {doc: page_store(other)[doc] for doc in docs if doc in page_store(other)}
    )


# ---------------------------------------------------------------------------------------- deriving


@dataclass
class Ledger:
    """All statements by label in the order of the book, and what each uses."""

    statements: dict[str, Statement]
    uses: dict[str, set[str]]

    @property
    def circles(self) -> list[list[str]]:
        """Lists of statements that use each other in a ring: none of them is proved."""
        rings = nx.strongly_connected_components(self.network)
        order = list(self.statements)
        return [sorted(ring, key=order.index) for ring in rings if len(ring) > 1]

    def derived(self, label: str) -> str | None:
        """The weakest status among the statement's own and those of all it uses;
        None if nothing on the way has one."""
        reach = {label} | nx.ancestors(self.network, label)
        statuses = [self.statements[other].own for other in reach if self.statements[other].own]
        missing = any(self.statements[other].lacks_check for other in reach)
        return "unchecked" if missing else max(statuses, key=KINDS.index, default=None)

    @cached_property
    def network(self) -> Any:
        """Directed graph with an edge from each used statement to its user."""
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
    pages = page_store(env)
    top = Path(app.srcdir)
    env.proofledger_files = {
        name: read(top / app.config[name]) for name, (_, read) in FILES.items()
    }
    theorems = env.proofledger_files["proofledger_machine_checked"]
    env.ledger = derive(pages, reading_order(env), theorems)
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


def number(env: Any, s: Statement) -> str:
    """The name of a statement that readers know, "Theorem 3.4"."""
    numbers = env.toc_fignumbers.get(s.doc, {}).get(s.counter, {}).get(s.label, ())
    return f"{s.type.title()} {'.'.join(map(str, numbers))}".strip()


# -------------------------------------------------------------------------------------- directives


class Place(SphinxDirective):
    """A `placeholder` of its name.

    ``{ledger}`` is the table of all statements, ``{statement-graph}`` the graph of the whole book,
    ``{sabotage}`` says how many checks notice a wrong function, ``{displays}`` how many displays
    of statements a test transcribes.
    """

    def run(self) -> list[nodes.Node]:
        return [placeholder("", what=self.name)]


class CheckRole(SphinxRole):
    """``{check}`thm-x```: a link to the first executed check of a statement, with its kind."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [check_link("", label=self.text)], []


def setup(app: Sphinx) -> ExtensionMetadata:
    for name, (file, _) in FILES.items():
        app.add_config_value(name, file, "env")
    app.add_node(placeholder)
    app.add_node(check_link)
    app.add_role("check", CheckRole())
    for name in ("ledger", "sabotage", "displays", "statement-graph"):
        app.add_directive(name, Place)
    app.setup_extension("proofledger._ledger_pages")
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", update)
    return {
        "version": "1",
        "env_version": 3,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
