"""Planted errors: a chapter is run once, then single cells are run again with an error in them.

An error is a formula of a cell (`planted_cells.toml`) or a function of the package (the tables of
`test_planted_*.py`). `Rehearsal` keeps the names before each cell, so that a wrong cell and the
cells that follow it run as they would in the chapter, without the rest of it.
"""

import copy
import inspect
import io
import json
import textwrap
import tomllib
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import pytest

from proofledger.checks import CheckFailed

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CELLS = tomllib.loads(Path(__file__).with_name("planted_cells.toml").read_text(encoding="utf-8"))
# Of chapters with long runs, which no planted error needs: the cells that are run.
SHORT = {
    "11_entgame": "cell-002 cell-007 cell-011b cell-011c cell-012 cell-012b".split(),
    "13_what_explorers_see": (
        "cell-002 cell-005 cell-008 cell-008b cell-010 cell-012 cell-012b cell-013".split()
    ),
}


class Formula(NamedTuple):
    """``old`` becomes ``new`` in the one of the cells, "only" or "first..last", where it stands."""

    cells: str
    old: str
    new: str


class Function(NamedTuple):
    """The function ``home.name`` becomes ``wrong(function)`` while the cells run."""

    cells: str
    home: object
    name: str
    wrong: object


def faults(stem, functions):
    """(name, fault) for each error in the cells of a chapter and in these functions."""
    yield from ((name, Formula(*row)) for name, row in CELLS[stem].items())
    yield from ((name, Function(*row)) for name, row in functions.items())


def planted(tables):
    """The parameters (chapter, fault) of a test, for ``tables`` {chapter: functions}."""
    return [
        pytest.param(stem, fault, id=f"{stem[:2]}-{name}")
        for stem, functions in tables.items()
        for name, fault in faults(stem, functions)
    ]


# ------------------------------------------------------------------------------- wrong functions


def times(factor):
    return lambda right: lambda *args, **options: factor * right(*args, **options)


def each_times(factor):
    """For functions that give several numbers."""
    return lambda right: lambda *args: tuple(factor * np.array(right(*args)))


def plus(amount):
    return lambda right: lambda *args, **options: right(*args, **options) + amount


def arguments(change):
    """The function of changed arguments."""
    return lambda right: lambda *args, **options: right(*change(*args), **options)


def option(name, change):
    """The function of one changed option."""
    return lambda right: lambda *args, **given: right(*args, **{**given, name: change(given[name])})


def cached_times(factor):
    """For what a class computes once."""
    return lambda right: property(lambda self: factor * right.func(self))


def text(old, new):
    """The function with ``old`` replaced by ``new`` in its body."""

    def wrong(right):
        head, _, body = textwrap.dedent(inspect.getsource(right)).split('"""', 2)
        assert old in body, (right.__name__, old)
        names = dict(vars(inspect.getmodule(right)))
        exec(head + '""""""' + body.replace(old, new), names)
        return names[right.__name__]

    return wrong


# ------------------------------------------------------------------------------------- chapters


def is_figure(cell):
    """A cell that draws; no check depends on it."""
    return "figure" in cell["metadata"].get("mystnb", {})


def without_magics(lines):
    """The source of a cell less the lines that speak to the notebook only."""
    return "".join(line for line in lines if not line.startswith("%"))


def fresh(value):
    """A copy of what cells change in place: collections, and the state of random generators."""
    if type(value) is dict:
        return {key: fresh(part) for key, part in value.items()}
    if type(value) is list:
        return [fresh(part) for part in value]
    return copy.deepcopy(value) if isinstance(value, np.random.Generator) else value


class Rehearsal:
    """The code cells of a chapter, run in order; ``names[id]`` is what a cell starts with."""

    def __init__(self, stem):
        cells = json.loads((NOTEBOOKS / f"{stem}.ipynb").read_text(encoding="utf-8"))["cells"]
        self.sources = {
            cell["id"]: without_magics(cell["source"])
            for cell in cells
            if cell["cell_type"] == "code" and not is_figure(cell)
            if stem not in SHORT or cell["id"] in SHORT[stem]
        }
        self.names = {}
        self._now = {"__name__": "__main__"}
        for cell, source in self.sources.items():
            self.names[cell] = fresh(self._now)
            self._run(cell, source)

    def _run(self, cell, source):
        matplotlib.use("agg")
        with chdir(NOTEBOOKS), redirect_stdout(io.StringIO()):
            exec(compile(source, cell, "exec"), self._now)

    def between(self, cells):
        """{cell: source} of "only" or of "first..last"."""
        order = list(self.sources)
        first, _, last = cells.partition("..")
        steps = order[order.index(first) : order.index(last or first) + 1]
        return {cell: self.sources[cell] for cell in steps}

    def fails(self, sources):
        """True if a check fails when these cells run, in their place.

        They run in the dictionary of the first run, set back: functions that earlier cells made
        look their names up in it.
        """
        self._now.clear()
        self._now.update(fresh(self.names[next(iter(sources))]))
        try:
            for cell, source in sources.items():
                self._run(cell, source)
        except CheckFailed:
            return True
        return False

    def notices(self, fault, monkeypatch):
        """True if a check fails with the fault planted."""
        sources = self.between(fault.cells)
        if isinstance(fault, Formula):
            found = [cell for cell, source in sources.items() if fault.old in source]
            if len(found) != 1:
                raise ValueError(f"{fault.old!r} stands in {found or 'no cell'} of {fault.cells}")
            sources[found[0]] = sources[found[0]].replace(fault.old, fault.new)
        else:
            self._plant(fault, monkeypatch)
        return self.fails(sources)

    def _plant(self, fault, monkeypatch):
        """The wrong function, in its home and under the names by which the chapter imported it."""
        right = getattr(fault.home, fault.name)
        wrong = fault.wrong(right)
        monkeypatch.setattr(fault.home, fault.name, wrong)
        for names in self.names.values():
            for known in [name for name, value in names.items() if value is right]:
                monkeypatch.setitem(names, known, wrong)

    def false_alarms(self, named_faults):
        """The cells of the faults that fail with nothing planted."""
        ranges = dict.fromkeys(fault.cells for _, fault in named_faults)
        return [cells for cells in ranges if self.fails(self.between(cells))]
