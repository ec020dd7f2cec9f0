"""Errors planted in chapters 16 and 17, in cells and in the package: each is noticed."""

import importlib

import numpy as np
import pytest
from planted_chapters import Rehearsal

CHAPTERS = {"16": "16_entropy_control", "17": "17_reward_entropy_law"}
STUDIES = "rlentropy.studies."
CONTROL = STUDIES + "entropy_control"
CONSTRAINED = STUDIES + "constrained_step"
SEQUENCES = STUDIES + "sequence_model"
NETWORK = STUDIES + "neural_policy"
LAW = STUDIES + "reward_entropy_law"


@pytest.fixture(scope="module")
def chapters():
    return {number: Rehearsal(stem) for number, stem in CHAPTERS.items()}


# chapter, cell, what stood there, what stands there now, the cell whose check must fail
# and the cell to start at, where they are others
PLANTS = {
    "vanilla rate without the centre": (
        "16",
        "cell-006",
        "formula = -S.covariance(s, lambda a: S.log_pi(s, a), lambda a: S.pi(s, a) * A[s, a])",
        "formula = -S.expectation(s, lambda a: S.log_pi(s, a) * S.pi(s, a) * A[s, a])",
    ),
    "entropy rate of a mask 2 % off": (
        "16",
        "cell-009",
        "rate(lambda a: W[s, a]), loss",
        "rate(lambda a: W[s, a]), 49 * loss / 50",
    ),
    "reward rate without the square": (
        "16",
        "cell-009-2",
        "gain, kept",
        "gain, 49 * kept / 50",
        None,
        "cell-009",
    ),
    "share to another power": (
        "16",
        "cell-009b",
        "change, share",
        "change, share * q",
        None,
        "cell-009",
    ),
    "slopes 1 % off": ("16", "cell-011a", "/ (2 * step)", "/ (2.02 * step)"),
    "best trade by c": ("16", "cell-014", "gains, frontier, slack", "gains, by_covariance, slack"),
    "contribution with twice the sum": (
        "16",
        "cell-015a",
        "surprise(b) - squares",
        "surprise(b) - 2 * squares",
    ),
    "first-order rate 3 % off": (
        "16",
        "cell-018-2",
        "abs(rate_now - rate_then)",
        "abs(rate_now - 1.03 * rate_then)",
    ),
    "threshold 2 % too low": ("16", "cell-019", "(1.01, 0.97)", "(0.98, 0.97)"),
    "difference with the wrong mean": (
        "16",
        "cell-020",
        "gap = -mean_kept *",
        "gap = -0.98 * mean_kept *",
    ),
    "kink 2 % off": ("16", "cell-022-2", "np.full((2, 4), kink)", "np.full((2, 4), 0.98 * kink)"),
    "split without the last means": ("16", "cell-024", "within + between, tol", "within, tol"),
    "price with T for T - 1": ("16", "constrained-price", "+ (T - 1) * spare", "+ T * spare"),
    "price with the divergence turned": (
        "16",
        "constrained-price",
        "T * S.kl(s, other, cool) +",
        "T * S.kl(s, cool, other) +",
    ),
    "slope with T squared": (
        "16",
        "constrained-slope",
        "warming, heat / T**3",
        "warming, heat / T**2",
    ),
    "multiplier without eta": ("16", "constrained-slope", "-(T - 1) / e *", "-(T - 1) *"),
    "earned 0.1 % more": (
        "16",
        "constrained-solver-check",
        "values, solver",
        "1.001 * np.array(values), solver",
    ),
    "floor missed by 1e-6": (
        "16",
        "constrained-solver-check",
        "floors, entropies",
        "np.array(floors) + 1e-6, entropies",
    ),
    "one tie too many": (
        "16",
        "constrained-solver-check",
        "np.log([2, 4]), tol",
        "np.log([3, 4]), tol",
    ),
    "price of other steps 2 % off": (
        "16",
        "frontier-check",
        "parted + surplus, tol",
        "0.98 * (parted + surplus), tol",
    ),
    "bound for the logits halved thrice": (
        "16",
        "cell-030-2",
        "np.log(2) / 2 *",
        "np.log(2) / 7 *",
        "cell-030a",
    ),
    "own response without a bias": (
        "16",
        "cell-031a",
        "network.own_response(X, G)[chosen]",
        "(network.own_response(X, G) - G)[chosen]",
        "cell-031a-2",
    ),
    "entropies of one token less": (
        "16",
        "sequence-check",
        "dist.mean(log_p, sums), tol",
        "dist.mean(log_p, sums - rates[0]), tol",
    ),
    "lengths without the division": (
        "16",
        "sequence-check",
        "bend, tol",
        "bend * base.mean_size, tol",
    ),
    "variance without the covariance": (
        "16",
        "sequence-check",
        "log_p, log_p), whole",
        "log_p, log_p), whole - joint",
    ),
    "rate 1 % off": ("16", "sequence-rate", "/ 2e-5, whole", "/ 2e-5, 1.01 * whole"),
    "visits as they are": ("16", "sequence-rate", "held + visits, tol", "held, tol"),
    "a spread in the first example": ("16", "sequence-spread", "[3, 3, 1]", "[3, 2, 1]"),
    "reward 2 % off": ("17", "cell-006", "rise, spread, part", "rise, 49 * spread / 50, part"),
    "entropy without the start": (
        "17",
        "cell-006-2",
        "fall, -t * spread - start",
        "fall, -t * spread",
    ),
    "exponent without the square": ("17", "cell-006a", "slowing, heat", "slowing, heat / t"),
    "slope 1 % off": ("17", "cell-007-2", "slopes, found", "slopes, 1.01 * np.array(found)"),
    "amplitude without e": ("17", "cell-009", "sp.exp(-1 - c / alpha)", "sp.exp(-c / alpha)"),
    "1 gives another 2": ("17", "cell-009a", "alpha / k,", "1 / k,"),
    "density of another power": (
        "17",
        "cell-009b",
        "weight, time**-alpha",
        "weight, time**(1 - alpha)",
    ),
    "ceiling of the local exponent 5 % lower": (
        "17",
        "cell-011",
        "local, ceiling",
        "local, 0.95 * ceiling",
    ),
    "limit without Gamma": ("17", "cell-013", "(np.log(K) + gammas)", "np.log(K)", "cell-013a"),
    "alpha 1 % off": ("17", "cell-013a", "scaled, powers", "scaled, 1.01 * powers"),
    "band 2 % narrower": (
        "17",
        "cell-016",
        "-error, np.full(index.shape, 0.5",
        "-error, np.full(index.shape, 0.49",
    ),
    "error falls": ("17", "cell-016-2", "-error[1:], -error[:-1]", "-error[:-1], -error[1:]"),
    "mean of log U without 1": ("17", "cell-017", "mean_log, H_m - 1", "mean_log, H_m"),
    "finite arms, band 2 % narrower": (
        "17",
        "cell-019-2",
        "np.full(60, band)",
        "np.full(60, 0.98 * band)",
    ),
    "products of two": ("17", "cell-021", "3 * single,", "2 * single,"),
    "start without the factor 2": ("17", "cell-023", "np.sqrt(2 * spent)", "np.sqrt(spent)"),
    "end without its 1": ("17", "cell-023-2", "(late.t * second + 1)", "(late.t * second)"),
    "odds 1 % slower": (
        "17",
        "cell-025b-2",
        "np.exp(-times)),\n               tol",
        "np.exp(-0.99 * times)),\n               tol",
    ),
    "curve without the binary entropy": (
        "17",
        "cell-025c",
        "run.policy_entropy, curve",
        "run.policy_entropy, curve - success * right",
    ),
    "a conditional policy too flat": (
        "17",
        "cell-025c-2",
        "p[:8].sum(), inside[0]",
        "p[:8].sum(), flat[0]",
    ),
    "one right answer more": (
        "17",
        "cell-025e-2",
        "np.log([good, bad]),\n",
        "np.log([good + 1, bad]),\n",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_formula_is_noticed(chapters, name):
    number, cell, old, new, *rest = PLANTS[name]
    check, start = [*rest, None, None][:2]
    assert chapters[number].catches(cell, old, new, check=check, start=start)


def times(factor):
    return lambda right: lambda *args, **kwargs: factor * right(*args, **kwargs)


def warmer(right):
    return lambda z, target: 1.03 * right(z, target)


# chapter, cell to start at, cell whose check must fail, module, function, what is wrong with it
WRONG = {
    "action covariance 2 % off": (
        "16",
        "cell-013-2",
        "cell-014",
        CONTROL,
        "action_covariance",
        times(1.02),
    ),
    "clip rates of the mask turned": (
        "16",
        "cell-011",
        "cell-011a",
        CONTROL,
        "clip_rates",
        lambda right: lambda log_pi, adv, selected: right(log_pi, adv, ~np.asarray(selected)),
    ),
    "frontier 2 % lower": ("16", "cell-013", "cell-014", CONTROL, "clip_frontier", times(0.98)),
    "penalised rate 3 % off": (
        "16",
        "cell-018",
        "cell-018-2",
        CONTROL,
        "penalised_rate",
        times(1.03),
    ),
    "frozen rate 2 % off": ("16", "cell-020", "cell-020", CONTROL, "frozen_rate", times(0.98)),
    "temperature 3 % too high": (
        "16",
        "constrained-solver",
        "constrained-solver-check",
        CONSTRAINED,
        "_temperature",
        warmer,
    ),
    "temperature 1 % off": (
        "16",
        "constrained-range",
        "constrained-range",
        CONSTRAINED,
        "_temperature",
        lambda right: lambda z, target: 1.01 * right(z, target),
    ),
    "entropies along an answer 1 % off": (
        "16",
        "sequence-model",
        "sequence-check",
        SEQUENCES,
        "summed_entropies",
        times(1.01),
    ),
    "first order 1 % off": (
        "16",
        "sequence-rate",
        "sequence-rate",
        SEQUENCES,
        "predicted_change",
        lambda right: lambda *args: tuple(1.01 * np.array(right(*args))),
    ),
    "verifiable curve 0.1 % off": (
        "17",
        "cell-025b-2",
        "cell-025c",
        LAW,
        "verifiable_curve",
        times(1.001),
    ),
    "amplitude 2 % off": ("17", "cell-013a", "cell-013a", LAW, "law_amplitude", times(1.02)),
    "gaps 1 % too large": ("17", "cell-013", "cell-013a", LAW, "quantile_gaps", times(1.01)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_noticed(chapters, monkeypatch, name):
    number, start, check, module, function, wrong = WRONG[name]
    home = importlib.import_module(module)
    right = getattr(home, function)
    monkeypatch.setattr(home, function, wrong(right))
    for names in chapters[number].names.values():
        if names.get(function) is right:
            monkeypatch.setitem(names, function, getattr(home, function))
    assert chapters[number].catches(start, check=check, start=start)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "first", "last"), [("16", "cell-006", "cell-009b"), ("17", "cell-006", "cell-009b")]
)
def test_the_chapter_as_it_is_passes(chapters, number, first, last):
    assert not chapters[number].catches(first, check=last)
