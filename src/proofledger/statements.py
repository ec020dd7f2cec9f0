"""Statements with parts: the option ``parts`` of the blocks of sphinx-proof.

    :::{prf:theorem} A rate and a limit
    :label: (its label)
    :parts: rate, limit

Each part wants a check of its own (``verify.bound(label, …, part="rate")``).
"""

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata
from sphinx_proof.domain import ProofDomain
from sphinx_proof.nodes import NODE_TYPES, unenumerable_node

# The nodes of statements; a proof is none of them.
STATEMENT_NODES = (*NODE_TYPES.values(), unenumerable_node)


def part_names(argument: str) -> tuple[str, ...]:
    """The names in "rate, limit"; ValueError for an empty or repeated one."""
    names = tuple(name.strip() for name in directives.unchanged_required(argument).split(","))
    if "" in names or len(set(names)) < len(names):
        raise ValueError("expected different names of parts, separated by commas")
    return names


def with_parts(directive: Any) -> Any:
    """The directive of a kind of statement, with the option ``parts``."""

    class Statement(directive):
        option_spec: ClassVar = {**directive.option_spec, "parts": part_names}

        def run(self) -> list[nodes.Node]:
            produced = super().run()
            produced[0]["parts"] = self.options.get("parts", ("",))
            return produced

    Statement.__name__ = directive.__name__
    return Statement


def setup(app: Sphinx) -> ExtensionMetadata:
    app.setup_extension("sphinx_proof")
    for name, directive in ProofDomain.directives.items():
        if name != "proof":
            app.add_directive_to_domain("prf", name, with_parts(directive), override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
