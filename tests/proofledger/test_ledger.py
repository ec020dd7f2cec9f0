"""The ledger extension: derivation of statuses, faults, circles, and the drawing."""

import pytest

pytest.importorskip("sphinx_proof")
from docutils import nodes

from proofledger import certificates, graph, plain_titles
from proofledger import ledger as book_ledger


def check(label, kind, part=""):
    return {"label": label, "part": part, "kind": kind, "mutants": ["m"]}


def page(statements, *checks, equations=None, parts=("",)):
    """statements: {label: (type, refs)}"""
    rows = [
        book_ledger.Statement(label, "doc", kind, "theorem", label, i, parts, set(refs))
        for i, (label, (kind, refs)) in enumerate(statements.items())
    ]
    found = {"statements": rows, "checks": checks, "equations": equations or {}, "places": []}
    return {"doc": found}


def lemma(*checks, parts=("",)):
    return page({"lem-a": ("lemma", [])}, *checks, parts=parts)


def used(label, kind, *checks):
    """A statement, and a theorem that uses it and has an exact check."""
    statements = {label: (kind, []), "thm-b": ("theorem", [label])}
    return page(statements, check("thm-b", "exact"), *checks)


SIDE = check("lem-a", "exact", part="side")
MAIN = check("lem-a", "sampled", part="main")
BOOKS = {  # pages, derived statuses, faults
    "a status is the weakest on the way": (
        page(
            {
                "lem-a": ("lemma", []),
                "thm-b": ("theorem", ["lem-a"]),
                "thm-c": ("theorem", ["thm-b"]),
            },
            check("lem-a", "bound"),
            check("thm-b", "symbolic"),
            check("thm-b", "numeric"),
            check("thm-c", "exact"),
        ),
        {"lem-a": "bound", "thm-b": "bound", "thm-c": "bound"},
        [],
    ),
    "the status of a part is the strongest of its checks": (
        lemma(check("lem-a", "sampled"), check("lem-a", "exact")),
        {"lem-a": "exact"},
        [],
    ),
    "the status of a statement is that of its weakest part": (
        lemma(SIDE, MAIN, parts=("main", "side")),
        {"lem-a": "sampled"},
        [],
    ),
    "a part without a check is a fault and leaves the statement unchecked": (
        lemma(SIDE, parts=("main", "side")),
        {"lem-a": "unchecked"},
        ["part of lem-a without a check: main"],
    ),
    "a check of an unknown part is a fault": (
        lemma(SIDE, MAIN, parts=("main",)),
        {"lem-a": "sampled"},
        ["check of an unknown part of lem-a: 'side'"],
    ),
    "a check of no part is a fault where there are parts": (
        lemma(MAIN, check("lem-a", "exact"), parts=("main",)),
        {"lem-a": "sampled"},
        ["check of an unknown part of lem-a: ''"],
    ),
    "what rests on a conjecture is unchecked": (
        used("rem-a", "conjecture"),
        {"rem-a": "unchecked", "thm-b": "unchecked"},
        [],
    ),
    "definitions do not weaken and need no check": (
        used("def-a", "definition"),
        {"def-a": None, "thm-b": "exact"},
        [],
    ),
    "an unchecked link is visible downstream and a fault": (
        used("lem-a", "lemma"),
        {"lem-a": "unchecked", "thm-b": "unchecked"},
        ["statement without a check: lem-a"],
    ),
    "a check of nothing is a fault": (
        page({}, check("thm-ghost", "exact")),
        {},
        ["check of an unknown statement: thm-ghost"],
    ),
    "a reader's own label is no fault": (page({}, check("my-own", "symbolic")), {}, []),
    "a circle of uses is a fault": (
        page(
            {"lem-a": ("lemma", ["thm-b"]), "thm-b": ("theorem", ["lem-a"])},
            check("lem-a", "symbolic"),
            check("thm-b", "sampled"),
        ),
        {"lem-a": "sampled", "thm-b": "sampled"},
        ["statements that use each other in a circle: lem-a, thm-b"],
    ),
}


@pytest.mark.parametrize(("pages", "statuses", "said"), BOOKS.values(), ids=BOOKS)
def test_statuses_and_faults(pages, statuses, said):
    book = book_ledger.derive(pages, ["doc"])
    assert {label: book.derived(label) for label in book.statements} == statuses
    assert list(book_ledger.faults(book, pages)) == [("doc", message) for message in said]


def test_a_machine_checked_part_counts_and_another_theorem_does_not():
    pages = lemma(MAIN, parts=("main", "side"))
    named = {"name": "t", "file": "f", "line": "1", "covers": "", "scope": ""}
    proved = [certificates.Theorem("lem-a", part=part, **named) for part in ("side", "")]
    book = book_ledger.derive(pages, ["doc"], {"lem-a": proved})
    assert book.statements["lem-a"].status("side") == "machine-checked"
    assert book.statements["lem-a"].own == "sampled"
    assert len(book.statements["lem-a"].checks) == 2


def test_equation_references_lead_to_their_statement():
    statements = {"lem-a": ("lemma", []), "thm-b": ("theorem", ["eq-a"])}
    pages = page(statements, equations={"eq-a": "lem-a"})
    assert book_ledger.derive(pages, ["doc"]).uses["thm-b"] == {"lem-a"}


def test_layers_stand_below_what_they_use():
    names = list("abcdef")
    edges = [("a", "c"), ("b", "c"), ("c", "d"), ("a", "d"), ("e", "f")]
    depth = {name: i for i, row in enumerate(graph.layers(names, edges)) for name in row}
    assert sorted(depth) == names
    assert all(depth[used] < depth[user] for used, user in edges)


def test_a_circle_can_be_drawn():
    rows = graph.layers(["a", "b", "c"], [("a", "b"), ("b", "a"), ("b", "c"), ("c", "a")])
    assert rows == [["a"], ["b"], ["c"]]


def test_a_wide_layer_is_broken_into_rows():
    rows = graph.layers([str(i) for i in range(3 * graph.PER_ROW)], [])
    assert [len(row) for row in rows] == [graph.PER_ROW] * 3


def test_svg_leaves_out_implied_edges_and_escapes_titles():
    boxes = {name: graph.Box(name, f'{name} "<&"', f"#{name}", "exact") for name in "abc"}
    drawing = graph.svg(boxes, [("a", "b"), ("b", "c"), ("a", "c")], title="t")
    assert drawing.count("<path") == 2
    assert drawing.count("<a href") == 3
    assert "&lt;&amp;" in drawing


# ----------------------------------------------------------------------------------------- titles without TeX


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"-\log d_h(s)", "-log d_h(s)"),
        (r"\frac{1}{\varepsilon}", "1/ε"),
        (r"\eta\,\mathrm{Cov}_\pi(A)", "η Cov_π(A)"),
        (r"R = b - a\,e^{H/\alpha}", "R = b - a e^H/α"),
        (r"\lambda\in\Pi", "λ∈Π"),
    ],
)
def test_tex_becomes_readable(tex, words):
    assert plain_titles.readable(tex) == words


def test_a_statement_keeps_its_mathematics_in_the_table_and_loses_it_in_the_tooltip():
    title = nodes.title(
        "", "", nodes.Text("(The cost "), nodes.math("", r"-\log d_h(s)"), nodes.Text(")")
    )
    words = book_ledger.title_words(nodes.container("", title))
    assert [type(word) for word in words] == [nodes.Text, nodes.math, nodes.Text]
    assert "".join(map(plain_titles.plain, words)) == "The cost -log d_h(s)"
