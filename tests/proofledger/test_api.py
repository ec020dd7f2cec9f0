"""Docstrings as restructured text, and which functions cite which statements."""

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from sphinx.util.typing import stringify_annotation

from proofledger import api


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Source: thm-covariance-identity.", "Source: :prf:ref:`thm-covariance-identity`."),
        ("V = r + gamma P V (eq-bellman)", "V = r + gamma P V (:eq:`eq-bellman`)"),
        ("P[s, a, s'] of the book's `garnet`", "P[s, a, s\N{PRIME}] of the book's ``garnet``"),
        ("a row s*A + a, d_h | x", r"a row s\*A + a, d\_h \| x"),
        ("a not-a-thm-label and `thm-kept`", "a not-a-thm-label and ``thm-kept``"),
    ],
)
def test_a_line_is_marked_up(line, shown):
    assert api.marked_up(line) == shown


def test_arguments_become_definitions_and_formulas_keep_their_lines():
    lines = [
        "P   (S, A, S): kernel",
        "    of the process",
        "mu  (S,)",
        "",
        "two lines",
        "of prose",
        "",
        "    V = r",
        "    W = V",
    ]
    assert api.restructured(lines) == [
        "``P``",
        "   (S, A, S): kernel of the process",
        "``mu``",
        "   (S,)",
        "",
        "two lines of prose",
        "",
        ".. parsed-literal::",
        "",
        "       V = r",
        "       W = V",
        "",
    ]


def test_titles_and_tables_of_a_module_do_not_become_sections():
    assert api.restructured(["Recipes", "-------", "one"]) == ["**Recipes**", "", "one", ""]
    table = ["====  ====", "a     b", "====  ===="]
    assert api.restructured(table) == [
        ".. parsed-literal::",
        "",
        *(f"   {line}" for line in table),
        "",
    ]


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (ArrayLike, "~numpy.typing.ArrayLike"),
        (ArrayLike | None, "~numpy.typing.ArrayLike | None"),
        (tuple[NDArray[np.float64], int], "tuple[~numpy.typing.NDArray[~numpy.float64], int]"),
        (str | None, "str | None"),
    ],
)
def test_types_of_arrays_have_their_short_names(annotation, shown):
    assert api.short_types(stringify_annotation(annotation, "smart")) == shown


def test_compiled_functions_and_classes_are_found_where_they_are_defined():
    members = api.public_members("rlentropy.learners.simulator")
    assert {"draw", "rollouts", "World"} <= set(members)
    assert "generator" not in members  # imported from elsewhere
    assert not any(name.startswith("_") for name in members)


def test_citations_name_the_functions_that_compute_a_statement():
    cited = api.citations(["rlentropy"])
    assert "rlentropy.discounted.softmax.score" in cited["lem-log-derivative"]
    assert all(
        label.split("-")[0] in {"thm", "lem", "prop", "cor", "def", "rem", "ex", "alg"}
        for label in cited
    )
