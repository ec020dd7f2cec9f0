"""Proofs that may be folded (``:class: dropdown``) and may begin with anything,
unlike sphinx-proof's own.

sphinx-proof writes "Proof." into the first line of the source, which spoils a proof that begins
with a list or a display. Here the word is a node of its own, and a folded proof is a fold of the
book (``folds``).
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx_proof.directive import ProofDirective
from sphinx_proof.nodes import proof_node

from proofledger.folds import fold, summary


class Proof(ProofDirective):
    """``prf:proof`` with option ``class: dropdown`` to fold it."""

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        classes = self.options.get("class", [])
        own = ["rl-proof", *(name for name in classes if name != "dropdown")]
        if "dropdown" in classes:
            body = fold("", summary("", "", nodes.Text("Proof")), classes=["rl-folded", *own])
        else:
            body = nodes.container(is_div=True, classes=own)
        self.state.nested_parse(self.content, self.content_offset, body)
        if not isinstance(body, fold):
            announce(body)
        node = proof_node("", body)
        self.set_source_info(node)
        return [node]


def announce(body: nodes.Element) -> None:
    """Put "Proof." before the first words, or in a paragraph of its own when the proof begins
    otherwise."""
    word = [nodes.emphasis("", "Proof."), nodes.Text(" ")]
    if body.children and isinstance(body.children[0], nodes.paragraph):
        body.children[0][0:0] = word
    else:
        body.insert(0, nodes.paragraph("", "", *word))


def setup(app: Sphinx) -> ExtensionMetadata:
    app.setup_extension("sphinx_proof")
    app.setup_extension("proofledger.folds")
    app.add_directive_to_domain("prf", "proof", Proof, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
