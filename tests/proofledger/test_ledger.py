"""The ledger extension: derivation of statuses, faults, circles, and the drawing."""

import pytest

pytest.importorskip("sphinx_proof")
from docutils import nodes

from proofledger import certificates, graph, plain_titles
from proofledger import ledger as book_ledger


def check(label, kind, mutants=1, part=""):
    return {
        "label": label,
        "part": part,
        "kind": kind,
        "mutants": ["m"] * mutants,
        "claim": "c",
        "measured": "0",
        "seconds": 0.1,
    }


def page(statements, checks, equations=None, parts=("",)):
    """statements: {label: (type, refs)}"""
    rows = [
        book_ledger.Statement(label, "doc", kind, "theorem", label, i, parts, set(refs))
        for i, (label, (kind, refs)) in enumerate(statements.items())
    ]
    return {
        "doc": {
            "statements": rows,
            "checks": checks,
            "equations": equations or {},
            "places": [],
        }
    }


def faults(pages):
    return list(book_ledger.faults(book_ledger.derive(pages, ["doc"]), pages))


def derived(pages):
    book = book_ledger.derive(pages, ["doc"])
    return {label: book.derived(label) for label in book.statements}


def test_a_status_is_the_weakest_on_the_way():
    pages = page(
        {"lem-a": ("lemma", []), "thm-b": ("theorem", ["lem-a"]), "thm-c": ("theorem", ["thm-b"])},
        [
            check("lem-a", "bound"),
            check("thm-b", "symbolic"),
            check("thm-b", "numeric"),
            check("thm-c", "exact"),
        ],
    )
    assert derived(pages) == {"lem-a": "bound", "thm-b": "bound", "thm-c": "bound"}


def test_the_status_of_a_part_is_the_strongest_of_its_checks():
    pages = page({"lem-a": ("lemma", [])}, [check("lem-a", "sampled"), check("lem-a", "exact")])
    assert derived(pages) == {"lem-a": "exact"}


def test_the_status_of_a_statement_is_that_of_its_weakest_part():
    checks = [check("lem-a", "exact", part="side"), check("lem-a", "sampled", part="main")]
    pages = page({"lem-a": ("lemma", [])}, checks, parts=("main", "side"))
    assert derived(pages) == {"lem-a": "sampled"}
    assert faults(pages) == []


def test_a_part_without_a_check_is_a_fault_and_leaves_the_statement_unchecked():
    pages = page(
        {"lem-a": ("lemma", [])}, [check("lem-a", "exact", part="side")], parts=("main", "side")
    )
    assert derived(pages) == {"lem-a": "unchecked"}
    assert faults(pages) == [("doc", "part of lem-a without a check: main")]


@pytest.mark.parametrize("part", ["", "another"])
def test_a_check_of_an_unknown_part_is_a_fault(part):
    checks = [check("lem-a", "exact", part="main"), check("lem-a", "exact", part=part)]
    pages = page({"lem-a": ("lemma", [])}, checks, parts=("main",))
    assert faults(pages) == [("doc", f"check of an unknown part of lem-a: {part!r}")]


def test_what_rests_on_a_conjecture_is_unchecked():
    pages = page(
        {"rem-a": ("conjecture", []), "thm-b": ("theorem", ["rem-a"])}, [check("thm-b", "exact")]
    )
    assert derived(pages)["thm-b"] == "unchecked"


def test_definitions_do_not_weaken_and_need_no_check():
    pages = page(
        {"def-a": ("definition", []), "thm-b": ("theorem", ["def-a"])}, [check("thm-b", "exact")]
    )
    assert derived(pages) == {"def-a": None, "thm-b": "exact"}
    assert faults(pages) == []


def test_an_unchecked_link_is_visible_downstream_and_a_fault():
    pages = page(
        {"lem-a": ("lemma", []), "thm-b": ("theorem", ["lem-a"])}, [check("thm-b", "exact")]
    )
    assert derived(pages) == {"lem-a": "unchecked", "thm-b": "unchecked"}
    assert faults(pages) == [("doc", "statement without a check: lem-a")]


def test_a_check_of_nothing_is_a_fault():
    pages = page({}, [check("thm-ghost", "exact")])
    assert faults(pages) == [("doc", "check of an unknown statement: thm-ghost")]


def test_a_machine_checked_part_counts_and_another_theorem_does_not():
    pages = page(
        {"lem-a": ("lemma", [])}, [check("lem-a", "sampled", part="main")], parts=("main", "side")
    )
    named = {"name": "t", "file": "f", "line": "1", "covers": "", "scope": ""}
    proved = [certificates.Theorem("lem-a", part=part, **named) for part in ("side", "")]
    book = book_ledger.derive(pages, ["doc"], {"lem-a": proved})
    assert book.statements["lem-a"].status("side") == "machine-checked"
    assert book.statements["lem-a"].own == "sampled"
    assert len(book.statements["lem-a"].checks) == 2


def test_a_reader_s_own_label_is_no_fault():
    assert faults(page({}, [check("my-own", "symbolic")])) == []


def test_equation_references_lead_to_their_statement():
    pages = page(
        {"lem-a": ("lemma", []), "thm-b": ("theorem", ["eq-a"])}, [], equations={"eq-a": "lem-a"}
    )
    assert book_ledger.derive(pages, ["doc"]).uses["thm-b"] == {"lem-a"}


def test_a_circle_of_uses_is_a_fault():
    checks = [check("lem-a", "symbolic"), check("thm-b", "sampled")]
    pages = page({"lem-a": ("lemma", ["thm-b"]), "thm-b": ("theorem", ["lem-a"])}, checks)
    assert faults(pages) == [("doc", "statements that use each other in a circle: lem-a, thm-b")]
    assert derived(pages) == {"lem-a": "sampled", "thm-b": "sampled"}


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
