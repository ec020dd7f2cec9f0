"""Margin notes stand beside the statement, proof or display that they speak of.

A note is written after that block, as one comments on what was read,
and a browser would put it beside the next one.
"""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_proof.nodes import NODE_TYPES, proof_node, unenumerable_node

from proofledger.folds import fold

BLOCKS = (*NODE_TYPES.values(), unenumerable_node, proof_node, nodes.math_block, nodes.table, fold)


class PlaceMargins(SphinxPostTransform):
    """Moves each margin note before the block that it follows."""

    default_priority = 160

    def run(self, **kwargs):
        for note in list(self.document.findall(nodes.sidebar)):
            if "margin" in note["classes"]:
                place(note)


def place(note):
    """Before the block that stands before the note, if there is one;
    several notes keep their order."""
    parent = note.parent
    spot = parent.index(note)
    if not spot or not isinstance(parent[spot - 1], BLOCKS):
        return
    spot -= 1
    while spot and isinstance(parent[spot - 1], nodes.target):  # the label of a display
        spot -= 1
    parent.remove(note)
    parent.insert(spot, note)


def setup(app):
    app.add_post_transform(PlaceMargins)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
