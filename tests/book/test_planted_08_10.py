"""Errors planted into chapters 8 to 10, in cells and in functions that they call: all are noticed.

A chapter is run once. Before the first cell that a planting names, the planting and its cells run
on a copy.
"""

import importlib
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from fractions import Fraction
from io import StringIO
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from scipy.special import softmax

from proofledger.checks import CheckFailed

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
MVE = "rlentropy.episodic.max_entropy"
VIS = "rlentropy.episodic.visitation"
EXACT = "rlentropy.exact.forecaster"
FORECASTER = "rlentropy.episodic.forecaster"


@dataclass(frozen=True)
class Cell:
    """``old`` becomes ``new`` in a cell; the cell ``check`` after it is run as well."""

    cell: str
    old: str
    new: str
    check: str = ""

    @property
    def cells(self):
        return (self.cell, self.check) if self.check else (self.cell,)


@dataclass(frozen=True)
class Function:
    """A function of the package becomes ``wrong(function)`` while the cells run."""

    cells: tuple
    module: str
    name: str
    wrong: object


def plus(amount):
    return lambda f: lambda *a, **k: f(*a, **k) + amount


def times(factor):
    return lambda f: lambda *a, **k: factor * f(*a, **k)


def arguments(change):
    """The function of changed arguments."""
    return lambda f: lambda *a, **k: f(*change(*a), **k)


def blurred(solve):
    """An optimum with a thousandth of its first stage's actions swapped."""

    def wrong(mdp, **options):
        best = solve(mdp, **options)
        return replace(
            best, visitation=0.999 * best.visitation + 0.001 * best.visitation[:, :, ::-1]
        )

    return wrong


def warm(policy):
    """Softmax at temperature 1.01."""
    return lambda mdp, V: softmax(np.log(policy(mdp, V)) / 1.01, axis=-1)


def late(predict):
    """The denominator that the source prints."""

    def wrong(counts, n0=1.0):
        t0 = np.shape(counts)[-1] * n0
        total = np.sum(counts, axis=-1, keepdims=True)
        return predict(counts, n0) * (total + t0) / (total + t0 + 1)

    return wrong


def unit_weights(_):
    def wrong(d, other):
        pi, rho = (
            x / np.where(x.sum(-1, keepdims=True) > 0, x.sum(-1, keepdims=True), 1)
            for x in (d, other)
        )
        return float(np.sum(d * np.log(np.where(d > 0, pi, 1) / np.where(d > 0, rho, 1))))

    return wrong


def no_memory(_):
    """Drawing once without learning from the history which policy was drawn."""
    return lambda weights, policies: (
        lambda history: [
            sum(w * p(history)[a] for w, p in zip(weights, policies, strict=True)) for a in (0, 1)
        ]
    )


PLANTED = {
    "08_reward_free_processes": {
        "enumeration with 0.99 of the mass": Function(
            ("cell-010", "cell-010b", "cell-010c"),
            "rlentropy.exact.histories",
            "visitation_by_enumeration",
            times(0.99),
        ),
        "entropy a hundredth too large": Function(
            ("cell-022", "cell-022b"), VIS, "visitation_entropy", times(1.01)
        ),
        "equal weights in a mixture": Function(
            ("cell-022", "cell-022b"),
            VIS,
            "mixture",
            lambda f: lambda w, ds: f(np.full(len(w), 1 / len(w)), ds),
        ),
        "a blurred Markov policy": Function(
            ("cell-010c",), VIS, "markov_policy", lambda f: lambda d: 0.99 * f(d) + 0.005
        ),
        "a best response that earns less": Function(
            ("cell-014",),
            "rlentropy.episodic.induction",
            "best_response",
            lambda f: lambda mdp, r: (f(mdp, r)[0] - 0.01, f(mdp, r)[1]),
        ),
        "drawn anew at each stage": Function(
            ("cell-016",), "rlentropy.exact.histories", "draw_once", no_memory
        ),
        "a blurred optimum": Function(("cell-024", "cell-024b"), MVE, "solve", blurred),
        "divergence turned round": Function(
            ("cell-022", "cell-022b"),
            "rlentropy.distributions",
            "kl",
            arguments(lambda p, q: (q, p)),
        ),
        "flow to another stage": Cell(
            "cell-006", "flow(signed, P),\n    claim", "flow(signed[[1, 1, 2]], P),\n    claim"
        ),
        "weights exchanged": Cell(
            "cell-016", "quarter * d0 + rest * d1", "rest * d0 + quarter * d1"
        ),
        "one h(x) too few": Cell("cell-027b", "(2 + x) * h(x)", "(1 + x) * h(x)"),
        "H - 3 for H - 2": Cell("cell-027b", "10 * (h(x**2)", "9 * (h(x**2)"),
        "the chord the other way": Cell("cell-028", "0, chord - values[1]", "0, values[1] - chord"),
        "memory gains more": Cell("cell-031c", "F(3, 2), part", "F(8, 5), part"),
        "Markov policies gain less": Cell(
            "cell-031c2", "[F(5, 4)] * 5, part", "[F(6, 5)] * 5, part"
        ),
        "the first action at stage 2": Cell(
            "cell-025", "[int(history[1] == a) for a in (0, 1)]", "[1, 0]"
        ),
    },
    "09_prediction_game": {
        "certificate less 3.5": Function(("cell-012",), MVE, "certificate", plus(-3.5)),
        "certificate less 0.01": Function(("cell-012",), MVE, "certificate", plus(-0.01)),
        "certificate plus 0.01": Function(("cell-006",), MVE, "certificate", plus(0.01)),
        "dual a thousandth too large": Function(
            ("cell-014", "cell-014b"), MVE, "dual_value", times(1.001)
        ),
        "dual without the first potential": Function(
            ("cell-014", "cell-014b"),
            MVE,
            "dual_value",
            lambda f: lambda mdp, V: f(mdp, V) - V[0, mdp.start],
        ),
        "policy of the potentials too warm": Function(
            ("cell-016b",), MVE, "policy_of_potentials", warm
        ),
        "potentials a hundredth too large": Function(
            ("cell-022", "cell-022b"), MVE, "potentials_of_visitation", times(1.01)
        ),
        "path divergence 0.99": Function(
            ("cell-024e", "cell-024f"), MVE, "path_divergence", times(0.99)
        ),
        "path divergence 1.01": Function(
            ("cell-024e", "cell-024f"), MVE, "path_divergence", times(1.01)
        ),
        "path divergence without weights": Function(
            ("cell-024e", "cell-024f"), MVE, "path_divergence", unit_weights
        ),
        "a sweep too many": Function(
            ("cell-024h",), MVE, "mirror_ascent", lambda f: lambda mdp, t, **k: f(mdp, t + 1, **k)
        ),
        "no sweep at all": Function(
            ("cell-024h",), MVE, "mirror_ascent", lambda f: lambda mdp, _, **k: f(mdp, 0, **k)
        ),
        "bound for one stage fewer": Function(("cell-024m",), MVE, "mirror_bound", times(5 / 6)),
        "bound a sweep early": Function(
            ("cell-024m",), MVE, "mirror_bound", lambda f: lambda mdp, t: f(mdp, t + 1)
        ),
        "average dual 0.999": Function(("cell-035",), MVE, "average_dual_value", times(0.999)),
        "blurred optima": Function(("cell-006",), MVE, "solve", blurred),
        "1 - 2/H for 1 - 1/H": Cell("cell-024k2", "1 - 1 / mdp.H", "1 - 2 / mdp.H", "cell-024l"),
        "H - 0.1 for H": Cell("cell-024f", "paths, 5 * visits", "paths, 4.9 * visits"),
        "0.99 of the path divergence": Cell("cell-024f", "visits, paths,", "visits, 0.99 * paths,"),
        "H^2/2 for H (H + 1)/2": Cell("cell-024m", "5 * 6 / 2", "5 * 5 / 2"),
        "less than the divergence gained": Cell("cell-024i", "moved, gains", "moved, 0.98 * gains"),
        "a tenth more gaps": Cell(
            "cell-024k2", "sums.append(np", "sums.append(1.1 * np", "cell-024l"
        ),
        "no action at the last stage": Cell(
            "cell-024", "reward[-1] + np.log(mdp.A)", "reward[-1]", "cell-024a"
        ),
        "0.98 of the divergence": Cell(
            "cell-008",
            "+ divergence(d, d_bar),\n    tol",
            "+ 0.98 * divergence(d, d_bar),\n    tol",
        ),
        "one constant too many": Cell("cell-018c", "nullities, 5,", "nullities, 6,"),
        "e^(-c) to the power 2": Cell("cell-020", "expected=1", "expected=2"),
    },
    "10_forecaster": {
        "printed denominator": Function(("cell-013",), FORECASTER, "predict", late),
        "worst regret 1.01": Function(
            ("cell-011", "cell-011b"), FORECASTER, "worst_regret", times(1.01)
        ),
        "worst regret at n_0 + 0.01": Function(
            ("cell-011", "cell-011b"),
            FORECASTER,
            "worst_regret",
            arguments(lambda T, m, n0: (T, m, n0 + 0.01)),
        ),
        "simple bound 0.97": Function(("cell-013b",), FORECASTER, "simple_bound", times(0.97)),
        "simple bound of m - 1 symbols": Function(
            ("cell-013b",), FORECASTER, "simple_bound", arguments(lambda T, m, n0: (T, m - 1, n0))
        ),
        "regret at 1.01 n_0": Function(
            ("cell-013",), FORECASTER, "regret", arguments(lambda n, n0: (n, 1.01 * n0))
        ),
        "least regret of T + 1": Function(
            ("cell-020b",), FORECASTER, "minimax_regret", arguments(lambda T, m: (np.add(T, 1), m))
        ),
        "least regret of m + 1": Function(
            ("cell-020c",), FORECASTER, "minimax_regret", arguments(lambda T, m: (T, m + 1))
        ),
        "probability at n_0 + 1/100": Function(
            ("cell-009",), EXACT, "probability", arguments(lambda n, n0: (n, n0 + Fraction(1, 100)))
        ),
        "losses a hundredth too large": Function(("cell-007b",), FORECASTER, "losses", times(1.01)),
        "half the regret of distributions": Function(
            ("cell-021", "cell-021b"), FORECASTER, "regret", times(0.97)
        ),
        "m for m - 1": Cell("cell-013b2", "(m - 1) * n0 * np.log(T)", "m * n0 * np.log(T)"),
        "Gamma(n_0) to the power 1.01": Cell(
            "cell-013b2", "+ gammaln(n0)", "+ 1.01 * gammaln(n0) + 0.001"
        ),
        "convex below one half": Cell("cell-015", "k + 0.5)", "k + 0.49)"),
        "log T/2 for log T/4": Cell("cell-018b", "np.log(T / 4)", "np.log(T / 2)"),
        "pi for 2 pi": Cell("cell-020c", "2 * np.pi", "np.pi"),
        "m/2 for (m - 1)/2": Cell("cell-020c2", "(m - 1) / 2 * log2, tol", "m / 2 * log2, tol"),
        "n_0 - 0.4 for n_0 - 0.5": Cell("cell-020c2", "(n0 - 0.5)", "(n0 - 0.4)"),
        "t_0 - 1 for t_0": Cell("cell-007", "prod(factor[:k]) for", "prod(factor[1:k]) for"),
        "half the binomial": Cell(
            "cell-011", "comb(T + m - k, m - 1)", "comb(T + m - k, m - 1) // 2"
        ),
    },
}


def noticed(planting, cells, names):
    """Does a check fail when the cells of a planting run on a copy of the names?"""
    copy = dict(names)
    sources = {cell: cells[cell] for cell in planting.cells}
    restore = []
    if isinstance(planting, Cell):
        assert sources[planting.cell].count(planting.old) == 1, planting
        sources[planting.cell] = sources[planting.cell].replace(planting.old, planting.new)
    else:
        module = importlib.import_module(planting.module)
        right = getattr(module, planting.name)
        wrong = planting.wrong(right)
        restore = [(vars(module), planting.name)]
        restore += [
            (space, name)
            for space in (copy, names)
            for name, value in space.items()
            if value is right
        ]
        for space, name in restore:
            space[name] = wrong
    try:
        for source in sources.values():
            exec(source, copy)
    except CheckFailed:
        return True
    finally:
        for space, name in restore:
            space[name] = right
    return False


@pytest.fixture(scope="module", params=PLANTED)
def survivors(request):
    """The plantings of a chapter that no check noticed."""
    matplotlib.use("agg")
    cells = {
        cell["id"]: "".join(line for line in cell["source"] if not line.startswith("%"))
        for cell in json.loads((NOTEBOOKS / f"{request.param}.ipynb").read_text(encoding="utf-8"))[
            "cells"
        ]
        if cell["cell_type"] == "code"
    }
    plantings = PLANTED[request.param]
    last = list(cells).index(max((p.cells[0] for p in plantings.values()), key=list(cells).index))
    names = {"__name__": "chapter"}
    found = []
    with redirect_stdout(StringIO()):
        for cell, source in list(cells.items())[: last + 1]:
            found += [
                name
                for name, p in plantings.items()
                if p.cells[0] == cell and not noticed(p, cells, names)
            ]
            if "plotting.figure" not in source:
                exec(source, names)
    return found


def test_every_planted_error_is_noticed(survivors):
    assert survivors == []
