"""Errors planted in chapter 18, in cells and in the package: each is noticed."""

import importlib

import pytest
from planted_chapters import Rehearsal

from rlentropy.audits import hellinger

AUDIT = "rlentropy.audits.regularized_game"


@pytest.fixture(scope="module")
def chapter():
    return Rehearsal("18_regularised_game")


# cell, what stood there, what stands there now, the cell whose check must fail
PLANTS = {
    "payoff without a divergence": ("cell-009", "paid, sum(parts)", "paid, parts[0]"),
    "certificate for 0.98 of the excess": ("cell-011", "apart, excess", "apart, 0.98 * excess"),
    "gap as a divergence of states": ("cell-011", "gap, over", "gap, less"),
    "square of the wrong size": ("cell-021", "-np.log1p(-y) - y, y**2", "-np.log1p(-y) - y, 0.7*y**2"),
    "comparison without its factor": ("cell-023", "k, factor * k_turned", "k, k_turned"),
    "step without kappa D": ("cell-023b", "2 * kappa * D", "1.9 * kappa * D", "cell-024"),
    "squares against half": ("cell-025", "found[:, i], bound[:, i]", "found[:, i], 0.5 * bound[:, i]"),
    "balance without the forecaster": (
        "cell-027",
        "regret + 3 * (R + 2) + noise",
        "regret + noise",
    ),
    "no square root": ("cell-030c", "np.expm1(theta / 2)**2", "np.expm1(theta / 2)", "cell-030c"),
    "1.9 for 2 before the distance": ("cell-030c", "2 * roots + logs_up", "1.9 * roots + logs_up", "cell-030c"),
    "3.9 for 9/2": ("cell-030c", "np.full(2001, 4.5 * L3)", "np.full(2001, 3.9 * L3)", "cell-030c"),
    "sharper balance without the forecaster": (
        "cell-030d", "run.regret[0] + paid + run", "run.regret[0] + 0 * paid + run", "cell-030d"),
    "d* for r in the split": ("cell-030d", "proof.payoff(N / t_, r)", "proof.payoff(N / t_, r + 1e-6)", "cell-030e"),
    "2 for 4": ("cell-030e", "four=4, nine", "four=2, nine", "cell-030e"),
    "H^4 for H^5": ("cell-030f", "[2, 1, 5, 1]", "[2, 1, 4, 1]", "cell-030f"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_formula_is_noticed(chapter, name):
    cell, old, new, *rest = PLANTS[name]
    check = rest[0] if rest else None
    assert chapter.catches(cell, old, new, check=check)


def times(factor):
    return lambda right: lambda *args, **kwargs: factor * right(*args, **kwargs)


def half_uniform(N):
    return (N + N.mean(axis=(1, 2), keepdims=True)) / 2


# cell to start at, cell whose check must fail, function, what is wrong with it
WRONG = {
    "payoff 1 % off": ("cell-009", "cell-009", "payoff", times(1.01)),
    "explorer's bound 3 % off": ("cell-013b", "cell-013b", "sampler_bound", times(1.03)),
    "price 3 % off": ("cell-013b", "cell-013b", "forecast_price", times(1.03)),
    "older bound 3 % off": ("cell-019b", "cell-019b", "slow_bound", times(1.03)),
    "bound 3 % off": ("cell-028b", "cell-028b", "fast_bound", times(1.03)),
}
SHARPER = {
    "sharper bound 3 % off": ("cell-030e", "cell-030e", "sharper_bound", times(1.03)),
    "margin 3 % off": ("cell-030e", "cell-030e", "count_margin", times(1.03)),
    "a tenth of the distance": ("cell-030d", "cell-030e", "distance", times(0.05)),
    "visitations half uniform": (
        "cell-030d",
        "cell-030d",
        "visits",
        lambda right: lambda *run: (right(*run)[0], half_uniform(right(*run)[1])),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_noticed(chapter, monkeypatch, name):
    start, check, function, wrong = WRONG[name]
    home = importlib.import_module(AUDIT)
    monkeypatch.setattr(home, function, wrong(getattr(home, function)))
    assert chapter.catches(start, check=check)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARPER)
def test_a_wrong_function_of_the_sharper_bound_is_noticed(chapter, monkeypatch, name):
    start, check, function, wrong = SHARPER[name]
    monkeypatch.setattr(hellinger, function, wrong(getattr(hellinger, function)))
    assert chapter.catches(start, check=check)


@pytest.mark.slow
def test_the_chapter_as_it_is_passes(chapter):
    assert not chapter.catches("cell-009", check="cell-030f")
