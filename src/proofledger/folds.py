"""Folds that need no script: proofs, solutions, and the code of checks behind the lines that say
what it found.

An admonition with ``class: dropdown`` becomes a ``details`` element with its title in front.
A code cell whose output holds check records shows their lines; its code unfolds from them.
A code cell that shows nothing (it prepares a display, a number in a sentence, the next check) is
folded as well.

The tag ``show-code`` keeps the code of a cell open, for code that teaches.
"""

import re
from itertools import chain
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata


class fold(nodes.General, nodes.Element):  # docutils names node classes in lower case
    """A part that stays closed until the reader opens it; its first child is the `summary`."""


class summary(nodes.TextElement):
    """What is seen of a closed fold."""


# ---------------------------------------------------------------------------------- code of checks


class FoldCode(SphinxPostTransform):
    """Folds the code of cells; after their outputs are chosen,
    before myst-nb would hide what tags ask for."""

    default_priority = 150

    def run(self, **_kwargs: Any) -> None:
        for cell in list(self.document.findall(is_foldable)):
            records = [node for node in cell.findall(nodes.Element) if "check" in node]
            if records:
                fold_check(cell, records)
            elif cell.get("hide_mode") or not shows(cell[1:]):
                fold_code(cell, summary("", "", nodes.Text("Code")), "rl-code-fold")


def is_foldable(node: Any) -> bool:
    """A code cell that shows its code and is not kept open by its tag."""
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "cell_code"
        and node.get("hide_mode") in (None, "input")
        and "tag_show-code" not in node["classes"]
        and len(node) > 0
        and node[0].get("nb_element") == "cell_code_source"
    )


def shows(outputs: list[Any]) -> bool:
    """Whether there is anything to see: words, formulas, pictures."""
    return any(
        isinstance(node, (nodes.Text, nodes.image, nodes.raw))
        for part in outputs
        for node in part.findall()
    )


def fold_check(cell: Any, records: list[Any]) -> None:
    """``[code, output with lines]`` -> ``[fold(lines; code), rest of the output]``."""
    front = summary()
    for line in records:
        parts = [part if isinstance(part, nodes.paragraph) else [part] for part in line]
        words = chain.from_iterable(parts)  # a summary holds words, no paragraphs
        front += nodes.inline("", "", *words, ids=line["ids"], classes=line["classes"])
        line.parent.remove(line)
    fold_code(cell, front, "rl-check-fold")


def fold_code(cell: Any, front: summary, name: str) -> None:
    """Put the code of a cell into a fold behind ``front``; leave out outputs that show nothing."""
    code, *outputs = cell.children
    cell.attributes.pop("hide_mode", None)
    cell.children = []
    cell += fold("", front, code, classes=[name])
    cell += [output for output in outputs if shows([output])]


# --------------------------------------------------------------------------------------- dropdowns


class FoldAdmonitions(SphinxPostTransform):
    """Makes admonitions with class ``dropdown`` folds."""

    default_priority = 151

    def run(self, **_kwargs: Any) -> None:
        for box in list(self.document.findall(nodes.Admonition)):
            if "dropdown" in box.get("classes", ()):
                box.replace_self(folded(box))


def folded(box: Any) -> fold:
    """The fold of an admonition with a title."""
    title, *body = box.children
    front = summary("", "", *title.children)
    own = [name for name in box["classes"] if not re.match(r"dropdown$|admonition-", name)]
    return fold("", front, *body, ids=box["ids"], classes=["rl-folded", *own])


def visitors(tag: str, suffix: str = "\n") -> tuple[Any, Any]:
    """How the HTML writer opens and closes a node that is an element of its own."""

    def opens(self: Any, node: Any) -> None:
        self.body.append(self.starttag(node, tag, suffix))

    def closes(self: Any, _node: Any) -> None:
        self.body.append(f"</{tag}>\n")

    return opens, closes


# -------------------------------------------------------------------------------- a switch for all


def add_switch(
    _app: Sphinx,
    _pagename: str,
    _templatename: str,
    context: dict[str, Any],
    _doctree: nodes.document | None,
) -> None:
    """A button that shows or folds all code of the page, where there is any;
    ``switch.js`` does it and remembers."""
    body = context.get("body") or ""
    if "rl-check-fold" in body or "rl-code-fold" in body:
        context["header_buttons"].append(
            {
                "type": "javascript",
                "javascript": "showCode()",
                "text": "Code",
                "tooltip": "Show or fold all code",
                "icon": "fas fa-code",
                "label": "code-switch",
                "classes": "pst-js-only pst-navbar-icon",
            }
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_node(fold, html=visitors("details"))
    app.add_node(summary, html=visitors("summary", suffix=""))
    app.add_post_transform(FoldCode)
    app.add_post_transform(FoldAdmonitions)
    app.connect("html-page-context", add_switch, priority=502)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
