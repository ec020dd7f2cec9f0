"""Planted errors: a chapter is run once, then single cells are run again with a wrong formula in them.

`Rehearsal` keeps the names before each cell, so that a wrong cell and the cells that follow it run as
they would in the chapter, without the rest of it.
"""

import io
import json
import os
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib

from proofledger.checks import CheckFailed

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def is_figure(cell):
    """A cell that draws; no check depends on it."""
    return "figure" in cell["metadata"].get("mystnb", {})


def without_magics(lines):
    """The source of a cell less the lines that speak to the notebook only."""
    return "".join(line for line in lines if not line.startswith("%"))


class Rehearsal:
    """The code cells of a chapter, run in order; ``names[id]`` is what a cell finds when it starts."""

    def __init__(self, stem):
        self.folder = NOTEBOOKS
        cells = json.loads((NOTEBOOKS / f"{stem}.ipynb").read_text())["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code" and not is_figure(cell)]
        self.sources = {cell["id"]: without_magics(cell["source"]) for cell in code}
        self.names = {}
        names = {"__name__": "__main__"}
        for cell, source in self.sources.items():
            self.names[cell] = dict(names)
            self._run(cell, source, names)

    def _run(self, cell, source, names):
        matplotlib.use("agg")
        before = os.getcwd()
        os.chdir(self.folder)
        try:
            with redirect_stdout(io.StringIO()):
                exec(compile(source, cell, "exec"), names)
        finally:
            os.chdir(before)

    def catches(self, cell, old="", new="", check=None, start=None):
        """True if a check fails after ``old`` became ``new`` in ``cell``.

        Runs the cells from ``start`` (the planted one, unless given) to ``check`` (likewise). Functions
        of one line see the names of the run in which their cell ran: start there if the plant needs one.
        """
        order = list(self.sources)
        if old and old not in self.sources[cell]:
            raise ValueError(f"{cell} does not contain {old!r}")
        first = start or cell
        names = dict(self.names[first])
        for step in order[order.index(first) : order.index(check or cell) + 1]:
            source = self.sources[step]
            planted = source.replace(old, new) if step == cell and old else source
            try:
                self._run(step, planted, names)
            except CheckFailed:
                return True
        return False
