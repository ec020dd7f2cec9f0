"""The index of statements and terms."""

import pytest

pytest.importorskip("sphinx_proof")
from docutils import nodes

from proofledger import statement_index
from proofledger.ledger import Ledger, Statement


def statement(label, kind, title, terms=()):
    words = [nodes.Text(title)]
    return Statement(
        label,
        "doc",
        kind,
        "theorem",
        title,
        0,
        words=words,
        terms=[nodes.strong("", t) for t in terms],
    )


def index(*statements):
    found = statement_index.entries(Ledger({s.label: s for s in statements}, {}))
    return [(entry.letter, entry.text, entry.label) for entry in found]


def test_statements_stand_by_their_title_without_article():
    found = index(
        statement("thm-b", "theorem", "The zeta rule"), statement("lem-a", "lemma", "An alpha")
    )
    assert found == [("A", "An alpha", "lem-a"), ("Z", "The zeta rule", "thm-b")]


def test_terms_of_definitions_are_entries_and_stressed_words_are_not():
    found = index(statement("def-a", "definition", "Softmax", ["logits", "and", "x"]))
    assert found == [("L", "logits", "def-a"), ("S", "Softmax", "def-a")]


def test_a_term_that_is_the_title_is_named_once():
    assert len(index(statement("def-a", "definition", "Regret", ["regret"]))) == 1


def test_titles_without_letters_stand_at_the_end():
    found = index(
        statement("thm-a", "theorem", "0 is a bound"), statement("thm-b", "theorem", "Zeta")
    )
    assert [letter for letter, *_ in found] == ["Z", "Signs"]
