"""Sphinx: API pages from docstrings, linked to the statements that they cite, and back.

The directive ``api`` takes names of modules, one a line,
and documents the public functions and classes of each:

    ```{eval-rst}
    .. api::

       rlentropy.distributions
       rlentropy.seeds
    ```

A label in a docstring ("Source: thm-covariance-identity") becomes a link to the statement or
equation of the book, and
the statement gets a line with links to the functions whose docstrings cite it.
A label that the book does not have is a warning. Docstrings are shown as they are written: prose as
prose, indented and aligned lines line by line.
The packages whose docstrings are read are named in the setting ``proofledger_api_packages``.
"""

import importlib
import inspect
import pkgutil
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypeVar

from docutils import nodes
from docutils.statemachine import StringList
from numpy.typing import ArrayLike
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.ext.autodoc import FunctionDocumenter
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles
from sphinx.util.typing import ExtensionMetadata, stringify_annotation

from proofledger.statements import STATEMENT_NODES

STATEMENT = r"(?<![\w`-])(?:thm|lem|prop|cor|def|rem|ex|alg)-[a-z0-9]+(?:-[a-z0-9]+)*"
EQUATION = r"(?<![\w`-])eq-[a-z0-9]+(?:-[a-z0-9]+)*"
# Marks of restructured text that a docstring may hold as plain characters.
MARKUP = re.compile(r"([\\*|_])")
# A rule under a title, or above and below a table.
RULE = re.compile(r"[=-]{3,}( +[=-]{3,})*")
# The apostrophe of s' is a prime; that of "the book's" is not.
PRIME = re.compile(r"(?<=\b[A-Za-z])'(?!\w)")
# NumPy's names for types, and what autodoc writes out for them.
ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")
ARRAY = re.compile(r"~numpy\.ndarray\[tuple\[~typing\.Any, \.\.\.\], ~numpy\.dtype\[(.*?)\]\]")


# ----------------------------------------------------------------------------------------- reading


def modules(packages: Iterable[str]) -> list[str]:
    """Dotted names of all public modules of the packages, the packages among them."""
    names = []
    for package in packages:
        root = importlib.import_module(package)
        names.append(package)
        for found in pkgutil.walk_packages(root.__path__, package + "."):
            if not any(part.startswith("_") for part in found.name.split(".")):
                names += [found.name]
    return names


def plain_function(member: Any) -> Any:
    """The Python function behind a compiled one (numba keeps it as ``py_func``),
    else the member itself."""
    return getattr(member, "py_func", member)


def public_members(module: str) -> dict[str, Any]:
    """{name: object} of the public functions and classes that a module defines itself."""
    members = {}
    for name, member in vars(importlib.import_module(module)).items():
        source = plain_function(member)
        defined_here = getattr(source, "__module__", None) == module
        of_interest = inspect.isroutine(source) or inspect.isclass(source)
        if defined_here and of_interest and not name.startswith("_"):
            members[name] = source
    return members


def citations(packages: Iterable[str]) -> dict[str, list[str]]:
    """{label: [dotted names of the functions and classes whose docstrings cite it]}."""
    found = defaultdict(list)
    for module in modules(packages):
        for name, member in public_members(module).items():
            for label in dict.fromkeys(re.findall(STATEMENT, inspect.getdoc(member) or "")):
                found[label].append(f"{module}.{name}")
    return dict(found)


# ----------------------------------------------------------------------------------------- writing


def marked_up(text: str) -> str:
    """A line of a docstring as restructured text:
    labels become references, `names` literals, the rest is escaped."""
    pieces = re.split(r"(``.+?``|`[^`]+`)", text)
    for i, piece in enumerate(pieces):
        if i % 2:
            pieces[i] = f"``{piece.strip('`')}``"
            continue
        escaped = MARKUP.sub(r"\\\1", PRIME.sub("\N{PRIME}", piece).replace("`", "\\`"))
        escaped = re.sub(STATEMENT, lambda label: f":prf:ref:`{label[0]}`", escaped)
        pieces[i] = re.sub(EQUATION, lambda label: f":eq:`{label[0]}`", escaped)
    return "".join(pieces)


def entries(lines: list[str]) -> list[list[str]] | None:
    """[(name, description)] of a paragraph that lists arguments ("P   (S, A, S):
    kernel"), or None for any other."""
    found = []
    for line in lines:
        start = re.fullmatch(r"(\S+(?:, \S+)*)\s{2,}(\S.*)", line)
        if start:
            found.append([start[1], start[2]])
        elif found and line.startswith("  "):
            found[-1][1] += " " + line.strip()
        else:
            return None
    return found


def restructured(lines: list[str]) -> list[str]:
    """The lines of a docstring as restructured text:
    prose, lists of arguments, and lines laid out by hand."""
    out = []
    paragraph = []
    for line in [*lines, ""]:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            out += [*_paragraph(paragraph), ""]
            paragraph = []
    return out


def _paragraph(lines: list[str]) -> list[str]:
    if len(lines) > 1 and RULE.fullmatch(lines[1]) and not RULE.fullmatch(lines[0]):
        return [f"**{marked_up(lines[0])}**", "", *(_paragraph(lines[2:]) if lines[2:] else [])]
    ruled = any(RULE.fullmatch(line) for line in lines)
    listed = None if ruled else entries(lines)
    if listed:
        pairs = [(f"``{name.strip('`')}``", f"   {marked_up(text)}") for name, text in listed]
        return [line for pair in pairs for line in pair]
    if any(line.startswith(" ") or "   " in line for line in lines) or ruled:
        return [".. parsed-literal::", "", *(f"   {marked_up(line)}" for line in lines)]
    return [marked_up(" ".join(lines))]


class CompiledDocumenter(FunctionDocumenter):
    """Documents a compiled function through the Python function behind it."""

    objtype = "compiledfunction"
    directivetype = "function"
    priority = FunctionDocumenter.priority + 10

    @classmethod
    def can_document_member(
        cls, member: Any, _membername: str, _isattr: bool, _parent: Any
    ) -> bool:
        return hasattr(member, "py_func")

    def import_object(self, raiseerror: bool = False) -> bool:
        found = super().import_object(raiseerror)
        self.object = plain_function(self.object)
        return found


class ApiDirective(SphinxDirective):
    """Documents the modules named in its content, each under a rubric."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        # formulas set line by line are no code whose names could be linked
        lines = [".. highlight:: none", ""]
        for module in filter(None, (line.strip() for line in self.content)):
            lines += [f".. rubric:: {module}", "   :heading-level: 2", ""]
            lines += [f".. automodule:: {module}", ""]
            for name, member in public_members(module).items():
                kind = "autoclass" if inspect.isclass(member) else "autocompiledfunction"
                members = "   :members:" if kind == "autoclass" else ""
                lines += [f".. {kind}:: {module}.{name}", members, ""]
        node = nodes.Element()
        nested_parse_with_titles(self.state, StringList(lines, self.env.docname), node)
        return node.children


def process_docstring(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Called by autodoc for each docstring: replace it by `restructured`."""
    lines[:] = restructured(lines)


def short_types(text: str | None) -> str | None:
    """A signature in which NumPy's types have the names that sources give them."""
    if text is None:
        return None
    named = text.replace(ARRAY_LIKE, "~numpy.typing.ArrayLike")
    return ARRAY.sub(r"~numpy.typing.NDArray[\1]", named)


def process_signature(
    _app: Sphinx,
    _what: str,
    _name: str,
    _obj: Any,
    _options: Any,
    signature: str | None,
    result: str | None,
) -> tuple[str | None, str | None]:
    """Called by autodoc for each signature: its types get their short names."""
    return short_types(signature), short_types(result)


def without_page(app: Sphinx, _env: Any, node: Any, shown: Any) -> Any:
    """Called for a reference that leads nowhere.

    A type of a private module, or a variable of types, has no page and is shown as it is.
    """
    module, _, name = node.get("reftarget", "").rpartition(".")
    if module.split(".")[0] not in app.config.proofledger_api_packages:
        return None
    hidden = any(part.startswith("_") for part in module.split("."))
    found = getattr(sys.modules.get(module), name, None)
    return shown if hidden or isinstance(found, TypeVar) else None


class CitedBy(SphinxPostTransform):
    """Ends each statement with links to the functions that compute it;
    runs before references are resolved."""

    default_priority = 4

    def run(self, **_kwargs: Any) -> None:
        app: Any = self.app
        cited = app.proofledger_citations
        for node in list(self.document.findall(lambda n: isinstance(n, STATEMENT_NODES))):
            names = cited.get(node["label"], [])
            if names:
                node += self._line(names)

    def _line(self, names: list[str]) -> nodes.paragraph:
        line = nodes.paragraph("", "", classes=["pl-code-links"])
        common = {"refdomain": "py", "reftype": "obj", "refexplicit": True}
        for name in names:
            line += nodes.Text(", " if line.children else "In code: ")
            short = nodes.literal("", ".".join(name.split(".")[-2:]))
            line += pending_xref("", short, **common, reftarget=name, refdoc=self.env.docname)
        return line


def read_citations(app: Any) -> None:
    app.proofledger_citations = citations(app.config.proofledger_api_packages)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.setup_extension("sphinx.ext.autodoc")
    app.add_config_value("proofledger_api_packages", [], "env")
    app.add_autodocumenter(CompiledDocumenter)
    app.add_directive("api", ApiDirective)
    app.add_post_transform(CitedBy)
    app.connect("builder-inited", read_citations)
    app.connect("autodoc-process-docstring", process_docstring)
    app.connect("autodoc-process-signature", process_signature)
    app.connect("missing-reference", without_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
