"""Proofs that may be folded (``:class: dropdown``) and may begin with anything, unlike sphinx-proof's own.

sphinx-proof writes "Proof." into the first line of the source, which spoils a proof that begins with a list
or a display, and a folded proof stops the script of the toggle buttons because it has no title. Here the word
is a node of its own, and a folded proof is a ``details`` element, which needs no script.
"""

from docutils import nodes
from sphinx_proof.directive import ProofDirective
from sphinx_proof.nodes import proof_node


class folded(nodes.General, nodes.Element):  # docutils names node classes in lower case
    """A proof that stays closed until the reader opens it."""


class Proof(ProofDirective):
    """``prf:proof`` with option ``class: dropdown`` to fold it."""

    def run(self):
        self.assert_has_content()
        classes = self.options.get("class", [])
        body = folded() if "dropdown" in classes else nodes.container(is_div=True)
        body["classes"] += ["rl-proof", *(name for name in classes if name != "dropdown")]
        self.state.nested_parse(self.content, self.content_offset, body)
        if not isinstance(body, folded):
            announce(body)
        node = proof_node("", body)
        self.set_source_info(node)
        return [node]


def announce(body):
    """Put "Proof." before the first words, or in a paragraph of its own when the proof begins otherwise."""
    word = [nodes.emphasis("", "Proof."), nodes.Text(" ")]
    if body.children and isinstance(body.children[0], nodes.paragraph):
        body.children[0][0:0] = word
    else:
        body.insert(0, nodes.paragraph("", "", *word))


def open_html(self, node):
    self.body.append(self.starttag(node, "details", CLASS="rl-folded"))
    self.body.append("<summary>Proof</summary>\n")


def close_html(self, node):
    self.body.append("</details>\n")


def open_latex(self, node):
    self.body.append("\n\n\\emph{Proof.} ")


def close_latex(self, node):
    self.body.append("\n\n")


def setup(app):
    app.setup_extension("sphinx_proof")
    app.add_node(folded, html=(open_html, close_html), latex=(open_latex, close_latex))
    app.add_directive_to_domain("prf", "proof", Proof, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
