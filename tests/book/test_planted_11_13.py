"""Errors planted into chapters 11 and 13, in cells and in functions that they call: all are noticed.

Only the cells that a planting needs are run, the long runs of the chapters by their stored data.
"""

import importlib
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from proofledger.checks import CheckFailed

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
GAME = "rlentropy.learners.entgame"
PLAIN = "rlentropy.learners.entgame_plain"
MVE = "rlentropy.episodic.max_entropy"


@dataclass(frozen=True)
class Planting:
    """In the cell ``old`` becomes ``new``, or a function ``module.name`` becomes ``wrong`` of it;
    then the cell and those ``after`` it must fail."""

    cell: str
    old: str = ""
    new: str = ""
    after: tuple = ()
    module: str = ""
    name: str = ""
    wrong: object = None


def times(factor):
    return lambda f: lambda *a, **k: factor * f(*a, **k)


def unrestricted(plan):
    """The rule without "among the actions with Qbar >= H B_t"."""

    def wrong(memory, t, tables, **options):
        right = plan(memory, t, tables, **options)
        high = right.Q.max(axis=2) >= memory.n.shape[0] * tables.bound[t]
        return right._replace(actions=np.where(high, right.U.argmax(axis=2), right.actions))

    return wrong


def next_best(plan):
    """Plays the second action whatever the values say."""

    def wrong(*arguments, **options):
        right = plan(*arguments, **options)
        return right._replace(actions=np.ones_like(right.actions))

    return wrong


def blurred(solve):
    """An optimum with a hundredth of its actions exchanged."""

    def wrong(mdp, **options):
        best = solve(mdp, **options)
        return replace(best, visitation=0.99 * best.visitation + 0.01 * best.visitation[:, :, ::-1])

    return wrong


# Cells that have to run before, by chapter: short ones only.
NEEDED = {
    "11_entgame": ("cell-002", "cell-007", "cell-011b", "cell-011c", "cell-012", "cell-012b"),
    "13_what_explorers_see": (
        "cell-002", "cell-005", "cell-008", "cell-008b", "cell-010", "cell-012", "cell-012b",
        "cell-013",
    ),
}  # fmt: skip
PLANTED = {
    "11_entgame": {
        "regret a fiftieth too small": Planting(
            "cell-007",
            module="rlentropy.episodic.forecaster",
            name="worst_regret",
            wrong=times(0.98),
        ),
        "one stage for two": Planting("cell-007", "world.H * regret", "world.H / 2 * regret"),
        "regret of one symbol fewer": Planting(
            "cell-007", "world.S * world.A)", "world.S * world.A - 1)"
        ),
        "a larger optimum": Planting(
            "cell-007", "best - point.visitation", "1.02 * best - point.visitation"
        ),
        "the rule without its restriction": Planting(
            "cell-011b", module=PLAIN, name="plan", wrong=unrestricted, after=("cell-011c",)
        ),
        "second action always": Planting("cell-011c", module=PLAIN, name="plan", wrong=next_best),
        "unclipped values too small": Planting(
            "cell-011b", "(U1, U2) = now.Q[0, 0], now.U[0, 0]",
            "(U1, U2) = now.Q[0, 0], now.U[0, 0] * [1, 0.9]",
        ),
        "four actions' ceiling": Planting(
            "cell-011b", "ceiling = 2 * entgame", "ceiling = 1.4 * entgame"
        ),
        "0.99 of Q": Planting("cell-011c", "played += at_play[finite]", "played += (0.99 * at_play)[finite]"),
        "B_t a thousandth too small": Planting(
            "cell-012", module=GAME, name="reward_bound", wrong=times(0.999), after=("cell-012b",)
        ),
        "B_t a thousandth too large": Planting(
            "cell-012", module=GAME, name="reward_bound", wrong=times(1.001), after=("cell-012b",)
        ),
        "the prior forgotten": Planting(
            "cell-012", "/ (n + n0))", "/ (n + 1))", after=("cell-012b",)
        ),
        "H - h for H - h + 1": Planting(
            "cell-012", "chain.H - np.arange(chain.H)", "chain.H - 1 - np.arange(chain.H)",
            after=("cell-012b",),
        ),
        "visited once counts as never": Planting(
            "cell-012", "r[n == 0].min()", "r[n <= 1].min()", after=("cell-012b",)
        ),
    },
    "13_what_explorers_see": {
        "a blurred optimum": Planting(
            "cell-008", module=MVE, name="solve", wrong=blurred, after=("cell-008b",)
        ),
        "divergence 1.01": Planting("cell-008b", "divergence(d, top", "1.01 * divergence(d, top"),
        "divergence turned round": Planting(
            "cell-008b", "[divergence(d, top.visitation)", "[divergence(top.visitation, d)"
        ),
        "0.97 of the visits' bound": Planting(
            "cell-010", "bound = np.sqrt(2 * loss", "bound = 0.97 * np.sqrt(2 * loss"
        ),
        "a bound three per cent too large": Planting(
            "cell-010", "bound = np.sqrt(2 * loss", "bound = 1.03 * np.sqrt(2 * loss"
        ),
        "half from a sixth on": Planting("cell-010", "seen_if(1 / 8)", "seen_if(1 / 6)"),
        "average optimum 0.9995": Planting(
            "cell-012", "    top.value - float", "    0.9995 * top.value - float",
            after=("cell-012b",),
        ),
        "average divergence 1.02": Planting(
            "cell-012", "kls = [divergence(mean", "kls = [1.02 * divergence(mean",
            after=("cell-012b",),
        ),
        "average visits' bound without the 2": Planting("cell-013", "np.sqrt(2)", "np.sqrt(1.9)"),
        "average visits' bound a tenth too large": Planting(
            "cell-013", "np.sqrt(2)", "np.sqrt(2.2)"
        ),
    },
}  # fmt: skip


def noticed(planting, cells, names):
    """Does a check fail when the cells of a planting run on a copy of the names?"""
    copy = dict(names)
    sources = [cells[c] for c in (planting.cell, *planting.after)]
    restore = []
    if planting.module:
        module = importlib.import_module(planting.module)
        right = getattr(module, planting.name)
        restore.append((module, right))
        setattr(module, planting.name, planting.wrong(right))
    else:
        assert sources[0].count(planting.old) == 1, planting
        sources[0] = sources[0].replace(planting.old, planting.new)
    try:
        for source in sources:
            exec(source, copy)
    except CheckFailed:
        return True
    finally:
        for module, right in restore:
            setattr(module, planting.name, right)
    return False


@pytest.fixture(scope="module", params=PLANTED)
def survivors(request):
    """The plantings of a chapter that no check noticed."""
    matplotlib.use("agg")
    chapter = json.loads((NOTEBOOKS / f"{request.param}.ipynb").read_text(encoding="utf-8"))
    cells = {
        cell["id"]: "".join(line for line in cell["source"] if not line.startswith("%"))
        for cell in chapter["cells"]
        if cell["cell_type"] == "code"
    }
    names, found = {"__name__": "chapter"}, []
    with redirect_stdout(StringIO()):
        for cell in NEEDED[request.param]:
            found += [
                name
                for name, planting in PLANTED[request.param].items()
                if planting.cell == cell and not noticed(planting, cells, names)
            ]
            exec(cells[cell], names)
    return found


def test_every_planted_error_is_noticed(survivors):
    assert survivors == []
