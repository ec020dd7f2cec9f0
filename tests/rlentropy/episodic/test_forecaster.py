"""The forecaster against hand values, exact arithmetic and the definition of regret."""

from fractions import Fraction
from itertools import product
from math import comb, log, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusals
from scipy.special import gammaln

from rlentropy.episodic import forecaster
from rlentropy.exact import forecaster as exact_forecaster

PRIORS = [Fraction(1, 2), Fraction(1), Fraction(2), Fraction(5)]


def brute_regret(symbols, m, n0):
    """Loss of each prediction, added up, less that of the best fixed distribution: the definition, term by term."""
    n, loss = np.zeros(m), 0.0
    for t, x in enumerate(symbols, start=1):
        loss -= log((n[x] + n0) / (t - 1 + m * n0))
        n[x] += 1
    return loss + sum(k * log(k / len(symbols)) for k in n if k)


def test_the_smallest_case():
    """m = 2, n_0 = 1, sequence 0 1 0: predictions 1/2, 1/3, 1/2; best fixed (2/3)^2 (1/3); regret log(16/9)."""
    np.testing.assert_allclose(
        np.exp(-forecaster.losses(forecaster.one_hot([0, 1, 0], 2))), [1 / 2, 1 / 3, 1 / 2]
    )
    assert exact_forecaster.exp_regret([2, 1], 1) == Fraction(16, 9)
    assert forecaster.regret([2, 1]) == pytest.approx(log(16 / 9))


def test_predictions_sum_to_one():
    n = np.random.default_rng(0).integers(0, 9, size=(5, 4, 3))
    for n0 in (0.01, 0.5, 1, 7):
        np.testing.assert_allclose(forecaster.predict(n, n0).sum(axis=-1), 1)
    np.testing.assert_allclose(forecaster.predict(np.zeros(4)), 0.25)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=30), st.sampled_from([0.25, 0.5, 1.0, 3.0]))
def test_regret_depends_on_counts_only(symbols, n0):
    n = np.bincount(symbols, minlength=3)
    expected = brute_regret(symbols, 3, n0)
    assert forecaster.regret(n, n0) == pytest.approx(expected, abs=1e-10)
    assert forecaster.regret_curve(forecaster.one_hot(symbols, 3), n0)[-1] == pytest.approx(
        expected, abs=1e-10
    )
    assert float(exact_forecaster.exp_regret(n, Fraction(n0))) == pytest.approx(
        np.exp(expected), rel=1e-10
    )


@pytest.mark.parametrize("n0", PRIORS)
@pytest.mark.parametrize(("T", "m"), [(1, 2), (7, 2), (12, 3), (10, 4)])
def test_the_constant_sequence_is_the_worst(T, m, n0):
    """Exactly, over all count vectors."""
    worst = max(exact_forecaster.exp_regret(n, n0) for n in exact_forecaster.count_vectors(T, m))
    assert worst == exact_forecaster.exp_regret([T] + [0] * (m - 1), n0)
    assert float(worst) == pytest.approx(np.exp(forecaster.worst_regret(T, m, float(n0))))
    assert (
        forecaster.worst_regret(T, m, float(n0)) <= forecaster.simple_bound(T, m, float(n0)) + 1e-12
    )
    if n0 == 1:
        assert worst == comb(T + m - 1, m - 1)


def test_a_small_prior_has_another_worst_case():
    """n_0 = 1/4, T = 30, m = 3: the balanced sequence loses more than the constant one and the simple bound."""
    balanced = forecaster.regret([10, 10, 10], 0.25)
    assert balanced > forecaster.simple_bound(30, 3, 0.25) > forecaster.worst_regret(30, 3, 0.25)


@given(st.integers(1, 40), st.integers(1, 5), st.sampled_from([0.5, 1.0, 2.5]), st.integers(0, 999))
def test_fractional_outcomes_lose_no_more(T, m, n0, seed):
    """Regret of distributions as outcomes <= closed form at the real counts <= R_T (lem-fractional)."""
    d = np.random.default_rng(seed).dirichlet(np.full(m, 0.3), size=T)
    measured = forecaster.regret_curve(d, n0)[-1]
    assert measured <= forecaster.regret(d.sum(axis=0), n0) + 1e-9
    assert forecaster.regret(d.sum(axis=0), n0) <= forecaster.worst_regret(T, m, n0) + 1e-9


def test_limits():
    assert forecaster.worst_regret(0, 5) == pytest.approx(0)
    assert forecaster.regret(np.zeros(5)) == pytest.approx(0)
    np.testing.assert_allclose(
        forecaster.regret([[9.0], [0.0]]), 0, atol=1e-12
    )  # one symbol: nothing to learn
    assert forecaster.losses(np.zeros((1, 3)) + 1 / 3) == pytest.approx(log(3))
    T = 10.0**12  # the mean loss per symbol vanishes
    assert forecaster.worst_regret(T, 4) == pytest.approx(3 * log(T) - gammaln(4), rel=1e-10)


def test_count_vectors():
    n = exact_forecaster.count_vectors(4, 3)
    assert n.shape == (15, 3)
    assert (n.sum(axis=1) == 4).all() and (n >= 0).all()
    assert len({tuple(row) for row in n}) == 15
    assert exact_forecaster.count_vectors(5, 1).tolist() == [[5]]


test_bad_input_is_named = refusals(
    (lambda: forecaster.predict([1, -2]), r"counts\[1\] = -2"),
    (lambda: forecaster.predict(3), r"counts: shape \(\)"),
    (lambda: forecaster.losses([[0.5, 0.6]]), r"outcomes\[0\] sums to 1.1"),
    (lambda: forecaster.one_hot([0, 3], 3), r"symbols\[1\] = 3"),
    (lambda: forecaster.minimax_regret([2, 2.5], 3), r"T\[1\] = 2.5: not a whole number"),
)


@pytest.mark.parametrize(("T", "m"), [(0, 3), (1, 1), (1, 4), (6, 2), (7, 3), (5, 6)])
def test_the_least_regret_is_the_sum_over_all_sequences(T, m):
    words = product(range(m), repeat=T)
    total = sum(prod(Fraction(w.count(x), T) ** w.count(x) for x in set(w)) for w in words)
    assert exact_forecaster.shtarkov_sum(T, m) == total
    assert forecaster.minimax_regret(T, m) == pytest.approx(log(total), abs=1e-13)


def test_no_prior_count_beats_the_least_regret():
    T = np.array([3, 30, 300])
    least = forecaster.minimax_regret(T, 5)
    assert least.shape == (3,)
    for n0 in (0.5, 1, 2):
        assert (forecaster.worst_regret(T, 5, n0) > least).all()
