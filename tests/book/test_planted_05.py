"""Errors planted in chapter 5, in cells and in the package: each is noticed."""

import numpy as np
import pytest
from planted_chapters import Rehearsal

from rlentropy.discounted import long_run, natural_gradient


@pytest.fixture(scope="module")
def chapter():
    return Rehearsal("05_long_run")


# cell, what stood there, what stands there now, the cell whose check must fail
PLANTS = {
    "1-gamma once in the sum of the gaps": (
        "cell-012",
        "np.ptp(mdp.r) / (1 - mdp.gamma) ** 2",
        "np.ptp(mdp.r) / (1 - mdp.gamma)",
        "ch05-sum-check",
    ),
    "first term without 1-gamma": (
        "cell-012",
        "worst / eta / (1 - mdp.gamma)",
        "worst / eta",
        "ch05-sum-check",
    ),
    "a third of the second term": (
        "cell-012",
        "np.ptp(mdp.r)",
        "np.ptp(mdp.r) / 3",
        "ch05-sum-check",
    ),
    "performance difference 1 % off": (
        "cell-006",
        "1 / (1 - mdp.gamma)",
        "1.01 / (1 - mdp.gamma)",
        "cell-007",
    ),
    "three points with a sign turned": (
        "cell-009",
        "old - new - moved,",
        "old - new + moved,",
        None,
    ),
    "a local gain twice": (
        "ch05-monotone-check",
        "local.append((",
        "local.append(2 * (",
        "ch05-monotone-bounds",
    ),
    "k gaps for k/2": ("ch05-rate-check", "k / 2 * loss", "k * loss", None),
    "logits 1 % too fast": (
        "cell-019",
        "c - 800 * eta * gap, tol",
        "c - 808 * eta * gap, tol",
        None,
    ),
    "entropy with 1.01 for 1": (
        "cell-018",
        "(line + 1 - np.log(C))",
        "(line + 1.01 - np.log(C))",
        None,
    ),
    "entropy with the constant squared": (
        "cell-017",
        "C = np.exp(c[",
        "C = np.exp(2 * c[",
        "cell-018",
    ),
    "rate 1 % off": ("cell-028", "-eta * delta.min(), tol", "-1.01 * eta * delta.min(), tol", None),
    "limit without the factor of the step": (
        "cell-024",
        "eta * (best.V - run.V)",
        "(best.V - run.V)",
        "cell-025",
    ),
    "tie of the bandit not conditioned": (
        "ch05-bandit-tie",
        "np.exp(start[:3]).sum()",
        "np.exp(start).sum()",
        None,
    ),
    "balance without half of the moves": (
        "ch05-balance",
        "moves.append(at",
        "moves.append(0.5 * at",
        "ch05-balance-check",
    ),
    "lower half of the regret 5 % more": (
        "ch05-two-sided",
        "W / steps, regret",
        "1.05 * W / steps, regret",
        None,
    ),
    "upper half with 1-gamma once": (
        "ch05-from-above",
        "append(room, second_term",
        "append(room, powers[:2] * second_term",
        None,
    ),
    "distance a fifteenth": (
        "ch05-distance",
        "factor = np.array(factor)",
        "factor = np.array(factor) / 15",
        None,
    ),
    "fork without gamma": (
        "ch05-fork-check",
        "0.5 * np.array(odds), tol",
        "np.array(odds), tol",
        None,
    ),
    "certificate of small entropy 5 % less": (
        "cell-033",
        "even = at.solve(1",
        "even = 0.95 * at.solve(1",
        None,
    ),
    "small entropy with the square": (
        "cell-032",
        "solve(certain * largest)",
        "solve(certain**2 * largest)",
        "cell-033",
    ),
    "entropy of the early leader with L/2": (
        "cell-035",
        "L * epsilon /",
        "L / 2 * epsilon /",
        None,
    ),
    "later rise with 14/20": (
        "cell-038",
        "sp.Rational(13, 20) - value",
        "sp.Rational(14, 20) - value",
        None,
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_formula_is_noticed(chapter, name):
    assert chapter.catches(*PLANTS[name])


def test_the_chapter_as_it_is_passes(chapter):
    assert not chapter.catches("cell-024", check="ch05-distance")


def less_W(function):
    def wrong(*args, **options):
        found = function(*args, **options)
        return long_run.NearestPolicy(
            1.02 * found.W, found.log_pi, found.residual, found.iterations
        )

    return wrong


def test_a_wrong_least_divergence_is_noticed(chapter, monkeypatch):
    monkeypatch.setattr(long_run, "nearest_policy", less_W(long_run.nearest_policy))
    assert chapter.catches("ch05-nearest-policies", check="ch05-nearest-check")


def test_a_limit_without_discount_is_noticed(chapter, monkeypatch):
    right = long_run.tilted
    monkeypatch.setattr(
        long_run,
        "tilted",
        lambda m, theta, W, allowed: right(m, theta, W / m.gamma, allowed=allowed),
    )
    assert chapter.catches("cell-025")


def test_a_run_that_steps_a_little_too_far_is_noticed(chapter, monkeypatch):
    right = natural_gradient.run
    monkeypatch.setattr(
        natural_gradient,
        "run",
        lambda m, theta, *, eta, **more: right(m, theta, eta=1.01 * eta, **more),
    )
    assert chapter.catches("cell-024", check="cell-025")


def test_the_rehearsal_refuses_a_plant_that_changes_nothing(chapter):
    with pytest.raises(ValueError, match="does not contain"):
        chapter.catches("cell-024", "no such text", "")
    assert np.isfinite(chapter.names["cell-025"]["paid"]).all()
