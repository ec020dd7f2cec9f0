"""Log-space arithmetic of categorical distributions against closed forms, invariants,
scipy and enumeration."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats

from rlentropy import distributions as dist

PROPERTY = settings(max_examples=60)
LOGITS = hnp.arrays(
    float, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.floats(-1e4, 1e4)
)


def rows(seed, n=5, count=20, spread=3.0):
    rng = np.random.default_rng(seed)
    return dist.log_softmax(spread * rng.standard_normal((count, n))), rng


# ------------------------------------------------------------------------------------ closed forms


def test_log_softmax_of_two_logits_is_the_log_sigmoid():
    # log 1 / (1 + e^{-x}) for logits (x, 0); Bishop (2006), equation (4.59)
    x = np.linspace(-40, 40, 81)
    logits = np.stack([x, np.zeros_like(x)], axis=-1)
    np.testing.assert_allclose(dist.log_softmax(logits)[:, 0], special.log_expit(x), rtol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
def test_uniform_entropy_is_log_n(n):
    # Cover & Thomas (2006), theorem 2.6.4
    assert dist.entropy(np.full(n, -np.log(n))) == pytest.approx(np.log(n), abs=1e-14 * n)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_certain_outcome_has_entropy_exactly_zero(n):
    log_p = dist.log_probabilities(np.eye(n)[0])
    assert dist.entropy(log_p) == 0.0
    assert math.copysign(1, dist.entropy(log_p)) == 1.0


def test_bernoulli_cumulants():
    # f = (1, 0): mean p, variance p(1-p), third cumulant p(1-p)(1-2p)
    p = np.array([0.1, 0.5, 0.9, 1.0])
    log_p = dist.log_probabilities(np.stack([p, 1 - p], axis=-1))
    f = np.array([1.0, 0.0])
    np.testing.assert_allclose(dist.mean(log_p, f), p, atol=1e-16)
    np.testing.assert_allclose(dist.variance(log_p, f), p * (1 - p), atol=1e-16)
    np.testing.assert_allclose(
        dist.cumulant3(log_p, f, f, f), p * (1 - p) * (1 - 2 * p), atol=1e-16
    )


# -------------------------------------------------------------------------------------- invariants


@PROPERTY
@given(LOGITS)
def test_entropy_lies_between_zero_and_log_n(x):
    h = dist.entropy(dist.log_softmax(x))
    assert np.all(h >= 0)
    assert np.all(h <= np.log(x.shape[-1]) + 1e-12)


@PROPERTY
@given(LOGITS, st.floats(-1e3, 1e3))
def test_a_constant_added_to_the_logits_changes_nothing(x, c):
    np.testing.assert_allclose(dist.log_softmax(x + c), dist.log_softmax(x), atol=2e-8)


# ----------------------------------------------------------------------------- independent oracles


def test_against_scipy():
    log_p, rng = rows(2)
    log_q = dist.log_softmax(rng.standard_normal(log_p.shape))
    x = 50 * rng.standard_normal((6, 9))
    np.testing.assert_allclose(dist.logsumexp(x), special.logsumexp(x, axis=-1), rtol=1e-14)
    np.testing.assert_allclose(dist.log_softmax(x), special.log_softmax(x, axis=-1), atol=1e-12)
    np.testing.assert_allclose(
        dist.entropy(log_p), stats.entropy(np.exp(log_p), axis=-1), rtol=1e-13
    )
    np.testing.assert_allclose(
        dist.kl(log_p, log_q), stats.entropy(np.exp(log_p), np.exp(log_q), axis=-1), rtol=1e-12
    )


def test_moments_against_exact_fractions():
    p = [Fraction(1, 6), Fraction(1, 3), Fraction(1, 2)]
    f, g, k = [2, -1, 5], [0, -3, 1], [-4, 2, 2]

    def average(values):
        return sum(a * b for a, b in zip(p, values, strict=True))

    def centred(values):
        return [v - average(values) for v in values]

    cov = average([a * b for a, b in zip(centred(f), centred(g), strict=True)])
    third = average([a * b * c for a, b, c in zip(centred(f), centred(g), centred(k), strict=True)])
    log_p = np.log([float(x) for x in p])
    assert dist.covariance(log_p, f, g) == pytest.approx(float(cov), abs=1e-14)
    assert dist.cumulant3(log_p, f, g, k) == pytest.approx(float(third), abs=1e-13)


@pytest.mark.parametrize("gap", [1.0, 30.0, 200.0, 700.0])
def test_tiny_entropies_keep_relative_accuracy(gap):
    # two logits (0, -gap): H = log(1+e^-gap) + gap e^-gap / (1+e^-gap), in 400 digits
    with mpmath.workdps(400):
        e = mpmath.exp(-mpmath.mpf(gap))
        exact = float(mpmath.log1p(e) + gap * e / (1 + e))
    assert dist.entropy(dist.log_softmax(np.array([0.0, -gap]))) == pytest.approx(exact, rel=1e-13)


# --------------------------------------------------------------------------- edges and exact zeros


def test_extreme_logits():
    log_p = dist.log_softmax(np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]]))
    np.testing.assert_array_equal(np.exp(log_p[0]), [1, 0, 0])
    np.testing.assert_allclose(np.exp(log_p[1]), 1 / 3, rtol=1e-14)
    assert log_p[0, 1] == -1e4
    np.testing.assert_allclose(dist.entropy(log_p), [0, np.log(3)], atol=1e-15)


def test_exact_zeros_contribute_nothing_whatever_stands_there():
    log_p = dist.log_probabilities([0.25, 0.75, 0.0])
    f = np.array([1.0, 3.0, np.inf])
    assert dist.mean(log_p, f) == 2.5
    assert dist.variance(log_p, f) == pytest.approx(0.75)
    assert dist.covariance(log_p, log_p, f) == pytest.approx(0.1875 * 2 * np.log(3))
    assert dist.cumulant3(log_p, f, f, f) == pytest.approx(8 * 0.25 * 0.75 * (1 - 2 * 0.75))
    assert dist.entropy(log_p) == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))


def test_kl_with_zeros():
    p, q = dist.log_probabilities([0.5, 0.5, 0.0]), dist.log_probabilities([1.0, 0.0, 0.0])
    assert dist.kl(p, q) == np.inf
    assert dist.kl(q, p) == pytest.approx(np.log(2))
    assert dist.kl(q, q) == 0


def test_one_outcome():
    log_p = dist.log_softmax(np.array([[7.0], [-1e4]]))
    np.testing.assert_array_equal(log_p, 0)
    np.testing.assert_array_equal(dist.variance(log_p, np.array([[3.0], [4.0]])), 0)


def test_minus_infinity_logits():
    assert dist.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf
    np.testing.assert_array_equal(dist.log_softmax(np.array([-np.inf, 2.0])), [-np.inf, 0])


def test_integers_and_broadcasting():
    np.testing.assert_allclose(dist.softmax(np.array([0, 0])), [0.5, 0.5])
    log_p, _ = rows(3, n=4, count=6)
    f = np.arange(4)
    np.testing.assert_allclose(dist.mean(log_p, f), np.exp(log_p) @ f)
    np.testing.assert_allclose(
        dist.mean(log_p[0], np.tile(f, (2, 1))), np.full(2, np.exp(log_p[0]) @ f)
    )


# --------------------------------------------------------------------------------------- rejection


@pytest.mark.parametrize("function", [dist.logsumexp, dist.log_softmax, dist.softmax])
@pytest.mark.parametrize("empty", [np.empty((3, 0)), 1.0])
def test_an_empty_set_of_outcomes_is_refused(function, empty):
    with pytest.raises(ValueError, match="last axis is missing or empty"):
        function(empty)


def test_a_row_without_any_weight_is_refused_by_index():
    with pytest.raises(ValueError, match=r"the largest x\[1\] = -inf: some outcome"):
        dist.log_softmax(np.array([[0.0, 1.0], [-np.inf, -np.inf]]))


# ------------------------------------------------------------------------------------ never a silent number


def test_an_average_with_nan_is_nan_unless_its_outcome_is_impossible():
    assert np.isnan(dist.mean(np.log([0.5, 0.5]), [1.0, np.nan]))
    assert dist.mean([0.0, -np.inf], [1.0, np.nan]) == 1


def test_half_precision_is_summed_in_double():
    uniform = dist.log_softmax(np.zeros(70_000, np.float16))
    assert dist.entropy(uniform) == pytest.approx(np.log(70_000), rel=1e-12)
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert dist.entropy(dist.log_softmax(np.zeros(300, ml_dtypes.bfloat16))) == pytest.approx(
        np.log(300)
    )


@pytest.mark.parametrize("log_p", [[0.5, 0.5], [-0.7, 1.0]])
def test_probabilities_and_padding_are_refused_as_logarithms(log_p):
    with pytest.raises(
        ValueError, match=r"log_p\[[01]\] = (0.5|1.0): a log-probability is at most 0"
    ):
        dist.entropy(log_p)
    with pytest.raises(ValueError, match=r"log_q\[[01]\]"):
        dist.kl([-0.7, -0.7], log_p)
    with pytest.raises(ValueError, match=r"log_p\[[01]\]"):
        dist.covariance(log_p, [1, 2], [3, 4])
    assert dist.entropy([1e-7, -np.inf]) == pytest.approx(0, abs=1e-6)
    assert dist.entropy_from_logits([1.0, 1.0]) == pytest.approx(np.log(2))


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"log_p: shape \(2,\), log_q: shape \(3,\)"):
        dist.kl([0.0, -np.inf], [0.0, -np.inf, -np.inf])
    with pytest.raises(ValueError, match=r"log_p: shape \(2,\), f: shape \(3,\)"):
        dist.covariance([0.0, -np.inf], [1, 2, 3], [1, 2, 3])
