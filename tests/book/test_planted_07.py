"""Errors planted in chapter 7, in cells and in the package: each is noticed."""

import numpy as np
import pytest
from planted_chapters import Rehearsal

from rlentropy.discounted import evaluation, natural_gradient
from rlentropy.discounted.evaluation import PolicyInMDP


@pytest.fixture(scope="module")
def chapter():
    return Rehearsal("07_maximum_entropy_rl")


# cell, what stood there, what stands there now, the cell whose check must fail
PLANTS = {
    "bonus halved": ("ch07-def", 'taus * plain[0]["H"])', 'taus / 2 * plain[0]["H"])', None),
    "contraction by 0.98 gamma": (
        "cell-011",
        "discounts * apart, slack",
        "0.98 * discounts * apart, slack",
        None,
    ),
    "gap with the divergence turned round": (
        "ch07-gap",
        "special.rel_entr(value.pi, np.exp(best.log_pi)).sum",
        "special.rel_entr(np.exp(best.log_pi), value.pi).sum",
        None,
    ),
    "gap without tau": ("ch07-gap", "tau * divergence", "divergence", None),
    "certificate without 1-gamma": (
        "ch07-certificate",
        "/ np.tile(1 - discounts, 2)",
        "/ np.tile(1 + 0 * discounts, 2)",
        None,
    ),
    "soft maximum without tau": ("ch07-forms", "tau * sp.log(soft_max", "sp.log(soft_max", None),
    "proximal with 1/eta": (
        "cell-013",
        "(1 / eta - tau) * S.kl(s, p, S.pi)",
        "1 / eta * S.kl(s, p, S.pi)",
        None,
    ),
    "gap of the proximal step times eta": (
        "cell-013",
        "largest - gap / eta,",
        "largest - gap * eta,",
        None,
    ),
    "power 1 + eta tau": (
        "cell-013",
        "(1 - eta * tau) * log_pi",
        "(1 + eta * tau) * log_pi",
        "cell-014",
    ),
    "variance twice": ("cell-020", "pull + push,", "pull + 2 * push,", None, "cell-014"),
    "state rate without the bonus": ("cell-021", "rate = bonus -", "rate = -", None),
    "fixed point by half the advantage": ("ch07-only", "allowed, part", "allowed / 2, part", None),
    "rate to the power 1.5": (
        "ch07-rate-check",
        "rate * before, slack",
        "rate**1.5 * before, slack",
        None,
    ),
    "rate 1 - 1.5 eta tau": ("cell-027", "1 - share)", "1 - 1.5 * share)", "ch07-rate-check"),
    "rate gamma squared": ("cell-027", "(m.gamma, 1", "(m.gamma**2, 1", "ch07-rate-check"),
    "potential without 1/eta": ("cell-026", "@ nu * tau / share", "@ nu * tau", "ch07-rate-check"),
    "potential with the gap doubled": (
        "cell-026",
        "gaps.append((",
        "gaps.append(4 * (",
        "ch07-rate-check",
    ),
    "price halved": ("ch07-price", "lost, paid,", "lost, paid / 2,", None),
    "slope of the value without 1-gamma": ("cell-032", "/ (1 - grid.gamma)", "", None),
    "exponential price with half the gap": (
        "ch07-exponential",
        "np.outer(inverse, gaps)",
        "np.outer(inverse, gaps / 2)",
        None,
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_formula_is_noticed(chapter, name):
    assert chapter.catches(*PLANTS[name])


def test_the_chapter_as_it_is_passes(chapter):
    assert not chapter.catches("cell-007", check="cell-014")


@pytest.mark.parametrize("name", ["d", "policy_entropy", "V"])
def test_a_value_one_per_cent_off_is_noticed(chapter, monkeypatch, name):
    right = vars(PolicyInMDP)[name]
    monkeypatch.setattr(PolicyInMDP, name, property(lambda self: 1.01 * right.func(self)))
    assert chapter.catches("cell-007", check="cell-022")


def test_a_step_that_forgets_too_little_is_noticed(chapter, monkeypatch):
    right = natural_gradient.step
    monkeypatch.setattr(
        natural_gradient, "step", lambda *args, tau=0.0: right(*args, tau=0.98 * tau)
    )
    assert chapter.catches("cell-015", check="ch07-forms-check")


def test_a_backup_without_temperature_is_noticed(chapter, monkeypatch):
    right = evaluation.soft_backup
    monkeypatch.setattr(
        evaluation, "soft_backup", lambda m, V, *, tau: right(m, np.asarray(V) * 1.001, tau=tau)
    )
    assert chapter.catches("cell-011")
