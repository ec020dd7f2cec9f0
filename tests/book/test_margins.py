"""Margin notes stand beside what they correct."""

import margins
import pytest
from docutils import nodes
from sphinx_proof.nodes import NODE_TYPES, proof_node


def after_placing(*before):
    """The kinds of nodes in the order in which they stand after a note at the end found its place."""
    section = nodes.section("", *before, nodes.sidebar("", classes=["margin"]), nodes.paragraph())
    margins.place(next(section.findall(nodes.sidebar)))
    return [type(node).__name__ for node in section]


@pytest.mark.parametrize("block", [proof_node, NODE_TYPES["theorem"], nodes.table])
def test_a_note_after_a_block_moves_beside_it(block):
    assert after_placing(nodes.paragraph(), block()) == [
        "paragraph",
        "sidebar",
        block.__name__,
        "paragraph",
    ]


def test_the_label_of_a_display_stays_with_it():
    assert after_placing(nodes.target(), nodes.math_block())[0] == "sidebar"


def test_a_note_after_words_stays():
    assert after_placing(proof_node(), nodes.paragraph()) == [
        "proof_node",
        "paragraph",
        "sidebar",
        "paragraph",
    ]


def test_two_notes_keep_their_order():
    notes = [nodes.sidebar("", classes=["margin"], ids=[name]) for name in "ab"]
    section = nodes.section("", proof_node(), *notes)
    for note in notes:
        margins.place(note)
    assert [node.get("ids") for node in section] == [["a"], ["b"], []]
