"""Modules stand on floors and import downwards only; the floors are read from the package's own docstring."""

import ast
import re
from pathlib import Path

import pytest

import rlentropy

SOURCE = Path(rlentropy.__file__).parent
# what the side modules may import from the package; every module may import them
SIDE = {"symbolic": set(), "verify": {"symbolic"}, "_mystnb": {"verify"}, "_version": set()}


def floors(docstring=rlentropy.__doc__):
    """{module: floor} from the lines ``0  distributions, validation``; module names may continue on the next line."""
    found, number = {}, None
    for line in docstring.splitlines():
        if match := re.match(r"\s{4}(\d)\s{2,}(.*)", line):
            number, names = int(match[1]), match[2]
        elif number is not None and re.match(r"\s{6,}[\w, ]+$", line):
            names = line
        else:
            number = None
            continue
        names = re.findall(r"\w+", names)
        assert not found.keys() & names, f"on two floors: {sorted(found.keys() & names)}"
        found |= dict.fromkeys(names, number)
    return found


def modules(source=SOURCE):
    """{module name: its files}; a subpackage is one module."""
    files = {}
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source).parts[0].removesuffix(".py")
        if name != "__init__":
            files.setdefault(name, []).append(path)
    return files


def imports_of(text):
    """Modules of rlentropy that a source text imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("rlentropy.")}
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            if parts == ["rlentropy"]:
                found |= {alias.name for alias in node.names}
            elif parts[0] == "rlentropy":
                found.add(parts[1])
            elif node.level == 1 and node.module:
                found.add(parts[0])
    return found


def violations(name, imported, heights):
    """The imports of ``name`` that do not go down (the same floor counts as down, see `cycle`)."""
    if name in SIDE:
        return sorted(imported - SIDE[name] - {name})
    return sorted(
        other for other in imported if other not in SIDE and other != name and heights.get(other, 99) > heights[name]
    )


def cycle(graph):
    """A list of modules that import each other in a ring, or None."""
    done, path = set(), []

    def visit(name):
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return None
        path.append(name)
        ring = next(filter(None, map(visit, sorted(graph.get(name, ())))), None)
        path.pop()
        done.add(name)
        return ring

    return next(filter(None, map(visit, sorted(graph))), None)


def helper_of(name, heights):
    """A private module ``_x_kernels`` stands on the floor of the module x that it serves."""
    owner = next((m for m in sorted(heights, key=len, reverse=True) if name.strip("_").startswith(m)), None)
    return heights.get(owner) if name.startswith("_") else None


HEIGHTS = floors()
FILES = modules()
GRAPH = {name: set().union(*(imports_of(path.read_text()) for path in paths)) - {name} for name, paths in FILES.items()}


def heights_with_helpers():
    helpers = {name: helper_of(name, HEIGHTS) for name in FILES if name not in HEIGHTS and name not in SIDE}
    return HEIGHTS | {name: height for name, height in helpers.items() if height is not None}


@pytest.mark.parametrize("name", sorted(FILES))
def test_imports_go_down(name):
    heights = heights_with_helpers()
    assert name in heights or name in SIDE, f"{name} is on no floor: add it to the docstring of rlentropy/__init__.py"
    assert violations(name, GRAPH[name], heights) == []


def test_no_ring_of_imports():
    assert cycle(GRAPH) is None


def test_symbolic_knows_sympy_only():
    for path in FILES["symbolic"]:
        tree = ast.parse(path.read_text())
        tops = {alias.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
        assert not tops & {"numpy", "scipy", "matplotlib", "numba"}, path.name


def test_the_floors_are_read_whole():
    assert HEIGHTS["distributions"] == HEIGHTS["validation"] == 0
    assert HEIGHTS["mdp"] == 1
    assert HEIGHTS["bellman"] == 2
    assert HEIGHTS["natural_gradient"] == 3
    assert HEIGHTS["entropy_dynamics"] == 4
    assert HEIGHTS["plotting"] == max(HEIGHTS.values())
    assert floors("x\n\n    0  a, b\n    1  c,\n       d\n    side: e\n") == {"a": 0, "b": 0, "c": 1, "d": 1}


# ---------------------------------------------------------------------------------------------------- test the tester


def test_a_module_on_two_floors_is_found():
    with pytest.raises(AssertionError, match="on two floors"):
        floors("x\n\n    0  a, b\n    1  c, a\n")


@pytest.mark.parametrize(
    "planted",
    [
        "from rlentropy import plotting",
        "import rlentropy.plotting",
        "import rlentropy.plotting as p",
        "from rlentropy.plotting import use_style",
        "def f():\n    from rlentropy.plotting import use_style",
        "from .plotting import use_style",
        "from rlentropy import (\n    distributions,\n    plotting as p,\n)",
        "if True:\n    import numpy\n    from rlentropy import plotting",
    ],
)
def test_a_planted_upward_import_is_found(planted):
    text = FILES["mdp"][0].read_text() + "\n" + planted + "\n"
    assert violations("mdp", imports_of(text), HEIGHTS) == ["plotting"]


def test_a_planted_import_in_a_side_module_is_found():
    text = FILES["verify"][0].read_text() + "\nfrom rlentropy import bellman\n"
    assert violations("verify", imports_of(text), HEIGHTS) == ["bellman"]
    assert violations("symbolic", {"distributions"}, HEIGHTS) == ["distributions"]


def test_an_import_from_no_floor_is_found():
    assert violations("mdp", {"unheard_of"}, HEIGHTS) == ["unheard_of"]


def test_a_planted_ring_is_found():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None
