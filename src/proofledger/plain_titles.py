"""Titles without TeX where no mathematics can be typeset:
tooltips of the graphs, the sidebar, the browser's tab.

Headings themselves keep their mathematics.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

SIGNS = dict(
    pair.split("=")
    for pair in """
    alpha=α beta=β gamma=γ delta=δ Delta=Δ epsilon=ε varepsilon=ε eta=η theta=θ kappa=κ lambda=λ
    mu=μ nu=ν pi=π Pi=Π
    rho=ρ sigma=σ Sigma=Σ tau=τ phi=φ varphi=φ chi=χ psi=ψ omega=ω Omega=Ω nabla=∇ ell=ℓ infty=∞
    sum=Σ sqrt=√ star=*
    le=≤ leq=≤ ge=≥ geq=≥ ne=≠ neq=≠ approx=≈ propto=∝ in=∈ to=→ mid=| times=× cdot=· cdots=… dots=…
    ldots=… pm=±
    langle=⟨ rangle=⟩""".split()
)
SPACES = r"\\[,;:! ]|~|\\q?quad\b"
SWITCHES = (
    r"\\(?:left|right|math(?:rm|cal|bb|bf|sf)|operatorname\*?|text|[bB]ig[lr]?|displaystyle)"
    r"(?![a-zA-Z])"
)


def readable(tex: str) -> str:
    """TeX as a line of text: ``-\\log d_h(s)`` -> ``-log d_h(s)``,
    ``\\frac{1}{\\varepsilon}`` -> ``1/ε``."""
    text = re.sub(SWITCHES, "", re.sub(SPACES, " ", tex))
    text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda name: SIGNS.get(name[1], name[1]), text)
    return re.sub(r"\s+", " ", re.sub(r"[{}\\]", "", text)).strip()


def plain(node: Any) -> str:
    """The text of a node, its mathematics made `readable`."""
    if isinstance(node, nodes.math):
        return readable(node.astext())
    if isinstance(node, nodes.Text):
        return node.astext()
    return "".join(map(plain, node.children))


def without_mathematics(node: Any) -> None:
    """Replace each formula below ``node`` by its `readable` text."""
    for formula in list(node.findall(nodes.math)):
        formula.replace_self(nodes.Text(readable(formula.astext())))


def plain_titles(app: Sphinx, _doctree: nodes.document) -> None:
    """Make the titles of a page plain in all lists of pages, after Sphinx collected them."""
    env = app.env
    doc = app.env.docname
    for titles in (env.titles, env.longtitles):
        if doc in titles:
            without_mathematics(titles[doc])
    own = next(iter(env.tocs[doc].findall(nodes.reference)), None) if doc in env.tocs else None
    if own is not None:
        without_mathematics(own)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("doctree-read", plain_titles, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
