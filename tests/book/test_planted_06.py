"""Errors planted in chapter 6, in cells and in the package: each is noticed."""

import numpy as np
import pytest
from planted_chapters import Rehearsal

from rlentropy import distributions as dist
from rlentropy.discounted import trajectories
from rlentropy.discounted.evaluation import PolicyInMDP


@pytest.fixture(scope="module")
def chapter():
    return Rehearsal("06_trajectory_entropy_dynamics")


# cell, what stood there, what stands there now, the cell whose check must fail
PLANTS = {
    "entropy to go 1 % off": (
        "ch06-def",
        "(1 - m.gamma) * m.mu",
        "1.01 * (1 - m.gamma) * m.mu",
        None,
    ),
    "next values held, without tau": (
        "ch06-one-state-check",
        "+ tau * S.entropy(s, new)",
        "+ S.entropy(s, new)",
        None,
        "cell-011",
    ),
    "two policies, KL halved": ("cell-015", "kl = TAU *", "kl = TAU / 2 *", "ch06-pdl-check"),
    "shift of the visitation halved bound": (
        "ch06-norm",
        "limit = gammas / (1 - gammas) * far",
        "limit = gammas / (1 - gammas) * far / 2",
        None,
    ),
    "shift of the visitation without gamma": (
        "ch06-norm",
        "limit = gammas / (1 - gammas) * far",
        "limit = gammas**2 / (1 - gammas) * far",
        None,
    ),
    "gamma/8 for gamma/4": ("ch06-frozen-check", "0.9 / 4", "0.9 / 8", None),
    "slopes with the note's sign": (
        "cell-027",
        "frozen + shifts, tol",
        "-frozen + shifts, tol",
        None,
    ),
    "exact change with the old divergence": (
        "cell-031",
        "action - kl, tol",
        "action - 1.02 * kl, tol",
        None,
    ),
    "path integral of the frozen slope": (
        "cell-032",
        "part.total for part in along",
        "part.frozen for part in along",
        None,
    ),
    "second derivative without the variance": (
        "ch06-score-derivatives",
        "p @ (end * (M**2 - V))\n",
        "p @ (end * M**2)\n",
        None,
    ),
    "variance of the score 1/8": (
        "ch06-score-size",
        "D**2 / 4 * square",
        "D**2 / 8 * square",
        None,
    ),
    "walk with the horizon": (
        "ch06-walk-check",
        "gammas[::2] / root",
        "gammas[::2] / root**2",
        None,
    ),
    "curvature with z for z + 1": ("ch06-curvature-check", "(2 * phi + 1)", "(2 * phi)", None),
    "shift slope D/8": ("ch06-speed-bounds", "cap * tops / 2, part", "cap * tops / 4, part", None),
    "wrong sign example with 27/8": ("ch06-wrong-sign-check", "R(27, 4)", "R(27, 8)", None),
    "directions with the deviation": (
        "cell-046",
        "spread.append(at.d @ variance)",
        "spread.append(at.d @ variance**0.5)",
        "ch06-still-check",
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_formula_is_noticed(chapter, name):
    assert chapter.catches(*PLANTS[name])


# Wrong by one factor, exponent or term each: growth(D, n, x^2) in the place of
# D^2 log n (1 + min(x, x^2) + x^2 / 4)
WRONG_BOUNDS = {
    "log 2 for log n": lambda D, _, y: D**2 * np.log(2) * (1 + min(y**0.5, y) + y / 4),
    "D for its square": lambda D, n, y: D * np.log(n) * (1 + min(y**0.5, y) + y / 4),
    "D cubed": lambda D, n, y: D**3 * np.log(n) * (1 + min(y**0.5, y) + y / 4),
    "the root of the horizon": lambda D, n, y: D**2 * np.log(n) * (1 + 1.25 * min(y**0.5, y)),
    "a fifth": lambda D, n, y: D**2 * np.log(n) * (1 + min(y**0.5, y) + y / 4) / 5,
}


@pytest.mark.parametrize("name", WRONG_BOUNDS)
def test_a_wrong_bound_of_the_remainder_is_noticed(chapter, monkeypatch, name):
    def wrong(mdp, direction, eta):
        D, square = np.ptp(direction, axis=1).max(), mdp.gamma / (1 - mdp.gamma)
        return eta**2 / 2 * WRONG_BOUNDS[name](D, mdp.A, square)

    monkeypatch.setattr(trajectories, "remainder_bound", wrong)
    assert chapter.catches("cell-034", check="ch06-remainders")


WRONG_CAPS = {
    "D squared": lambda D, y: D**2 / 2 * min(y**0.5, y),
    "no D": lambda _, y: min(y**0.5, y) / 2,
    "D/3": lambda D, y: D / 3 * min(y**0.5, y),
    "a constant horizon": lambda D, y: D / 2 * min(y**0.5, 4),
}


@pytest.mark.parametrize("name", WRONG_CAPS)
def test_a_wrong_speed_of_the_visitation_is_noticed(chapter, monkeypatch, name):
    def wrong(mdp, direction):
        return WRONG_CAPS[name](np.ptp(direction, axis=1).max(), mdp.gamma / (1 - mdp.gamma))

    monkeypatch.setattr(trajectories, "spread_bound", wrong)
    assert chapter.catches("ch06-speed-check", check="ch06-speed-bounds")


# Functions that used to stand on both sides of a check, made wrong by one per cent.
@pytest.mark.parametrize(
    ("cells", "where", "name"),
    [
        (("cell-027", "cell-027"), dist, "covariance"),
        (("cell-028", "cell-028"), dist, "covariance"),
        (("cell-031", "cell-031"), dist, "kl"),
        (("ch06-d-slope", "ch06-d-slope"), trajectories, "visitation_slope"),
        (("cell-019", "cell-019"), trajectories, "visitation_shift"),
    ],
)
def test_a_function_one_per_cent_off_is_noticed(chapter, monkeypatch, cells, where, name):
    right = getattr(where, name)
    monkeypatch.setattr(where, name, lambda *args: 1.01 * right(*args))
    assert chapter.catches(cells[0], check=cells[1])


@pytest.mark.parametrize("name", ["d", "policy_entropy"])
@pytest.mark.parametrize(("first", "last"), [("cell-008", "ch06-def"), ("cell-027", "cell-027")])
def test_a_visitation_or_entropy_one_per_cent_off_is_noticed(
    chapter, monkeypatch, name, first, last
):
    right = vars(PolicyInMDP)[name]
    monkeypatch.setattr(PolicyInMDP, name, property(lambda self: 1.01 * right.func(self)))
    assert chapter.catches(first, check=last)


def test_the_chapter_as_it_is_passes(chapter):
    assert not chapter.catches("cell-008", check="ch06-norm")
