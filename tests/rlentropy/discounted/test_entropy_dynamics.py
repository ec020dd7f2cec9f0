"""Entropy dynamics at one state: closed forms, 60-digit arithmetic, the definition, refusal of bad input."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from refusals import refusals

from rlentropy import distributions as dist
from rlentropy.discounted import entropy_dynamics as ed
from rlentropy.logits import entropy_change
from rlentropy.validation import NotConverged


def cases(seed, shape=(7, 3, 5), scale=2.0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal(shape), rng.standard_normal(shape)


# ----------------------------------------------------------------------------------------------------- Taylor


def test_contributions_add_up_to_first_order():
    theta, x = cases(0)
    np.testing.assert_allclose(
        ed.contributions(theta, x).sum(-1), ed.first_order(theta, x), atol=1e-13
    )


@pytest.mark.parametrize("function", [ed.first_order, ed.curvature, ed.second_order, ed.realised])
def test_gauge_invariance(function):
    theta, x = cases(1)
    shift = np.arange(21.0).reshape(7, 3, 1)
    np.testing.assert_allclose(
        function(theta + shift, x - 2 * shift), function(theta, x), atol=1e-11
    )


def derivatives(theta, x, order):
    """d^m H / dt^m at 0, m = 1, ..., order, by the joint cumulants of prop-taylor-all-orders."""
    log_pi = dist.log_softmax(theta)
    x = x - dist.mean(log_pi, x)[..., None]
    powers = [x**k for k in range(order + 1)]
    moments = [dist.mean(log_pi, power) for power in powers]
    mixed_moments = [dist.mean(log_pi, log_pi * power) for power in powers]
    pure, mixed = ed.joint_cumulants(moments, mixed_moments)
    return [-mixed[m] - (m - 1) * pure[m] for m in range(1, order + 1)]


def test_joint_cumulants_give_the_named_functions():
    theta, x = cases(2)
    first, second = derivatives(theta, x, 2)
    np.testing.assert_allclose(first, ed.first_order(theta, x), atol=1e-12)
    np.testing.assert_allclose(second, ed.curvature(theta, x), atol=1e-11)
    np.testing.assert_allclose(ed.second_order(theta, x), first + second / 2, atol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_joint_cumulants_against_numerical_differentiation_in_60_digits(order):
    theta, x = cases(4, (4,), scale=1.0)

    def entropy(t):
        z = [mp.mpf(a) + t * mp.mpf(b) for a, b in zip(theta, x, strict=True)]
        total = mp.log(mp.fsum(map(mp.exp, z)))
        return -mp.fsum((v - total) * mp.exp(v - total) for v in z)

    with mp.workdps(60):
        expected = float(mp.diff(entropy, 0, order))
    assert derivatives(theta, x, order)[order - 1] == pytest.approx(expected, rel=1e-10)


def test_joint_cumulants_of_a_coin_in_fractions():
    # x Bernoulli(1/3), y = 2 x + 5: kappa_{m+1}(y, x, ..., x) = 2 kappa_{m+1}(x) for m >= 1
    p = Fraction(1, 3)
    pure, mixed = ed.joint_cumulants(
        [Fraction(1), p, p, p, p], [2 * p + 5, 7 * p, 7 * p, 7 * p, 7 * p]
    )
    assert pure[1:4] == [p, p * (1 - p), p * (1 - p) * (1 - 2 * p)]
    assert mixed[0] == 2 * p + 5
    assert mixed[1:4] == [2 * kappa for kappa in pure[2:5]]


# ---------------------------------------------------------------------------------------------- exact changes


def test_path_integral_equals_the_entropy_difference():
    theta, x = cases(5)
    result = ed.path_integral(theta, x)
    np.testing.assert_allclose(result.value, ed.realised(theta, x), atol=1e-12)
    assert result.error <= 1e-12 * max(1, np.abs(result.value).max())
    assert result.evaluations >= 21


@pytest.mark.parametrize(
    "theta", [[0.0, -300.0, -500.0], [0.0, -1000.0, -900.0], [0.0, -450.0, -460.0]]
)
def test_path_integral_through_sharp_transitions(theta):
    x = np.array([0.0, 1000.0, 900.0])
    assert ed.path_integral(theta, x).value == pytest.approx(ed.realised(theta, x), abs=1e-11)


def test_path_integral_raises_when_it_cannot_converge():
    with pytest.raises(NotConverged, match="path integral: 126 panels"):
        ed.path_integral([0.0, -300.0, -500.0], [0.0, 1000.0, 900.0], max_intervals=1)


def test_identity_terms_with_excluded_outcomes():
    log_old = dist.log_probabilities([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    log_new = dist.log_probabilities([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
    shift, kl = ed.identity_terms(log_old, log_new)
    np.testing.assert_allclose(
        shift - kl, dist.entropy(log_new) - dist.entropy(log_old), atol=1e-15
    )
    _, kl = ed.identity_terms(log_new[1], log_old[0])
    assert kl == np.inf


# ------------------------------------------------------------------------------------------- signs and bounds


def test_remainder_bound_holds_and_radius_certifies():
    theta, x = cases(6, (20_000, 4), scale=3.0)
    step = 1.5 * np.random.default_rng(7).random(20_000)
    remainder = np.abs(ed.realised(theta, step[:, None] * x) - step * ed.first_order(theta, x))
    assert np.all(remainder <= ed.remainder_bound(step[:, None] * x))
    radius = ed.certificate_radius(theta, x)
    change = ed.realised(theta, 0.999 * radius[:, None] * x)
    assert np.all(np.sign(change) == np.sign(ed.first_order(theta, x)))
    assert ed.certificate_radius([0.0, 1.0, 2.0], [3.0, 3.0, 3.0]) == 0


def test_regression_slope_gives_the_derivative():
    theta, x = cases(8)
    times = np.linspace(0, 2, 21).reshape(7, 3)
    log_pi = dist.log_softmax(theta + times[..., None] * x)
    expected = -dist.covariance(log_pi, log_pi, x)
    slope = -(times + ed.regression_slope(theta, x, times)) * dist.variance(log_pi, x)
    np.testing.assert_allclose(slope, expected, atol=1e-12)
    assert np.isnan(ed.regression_slope([0.0, 1.0], [2.0, 2.0], 0.0))


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_local_remainder_bound_holds_and_is_at_most_a_little_above_the_global_one(n):
    rng = np.random.default_rng(n)
    theta = rng.exponential(3.0, (2000, 1)) * rng.standard_normal((2000, n))
    x = 10 ** rng.uniform(-3, 1, (2000, 1)) * rng.standard_normal((2000, n))
    change = entropy_change(theta, theta + x)
    left = np.abs(change.exact - change.first_order)
    bound = ed.local_remainder_bound(theta, x)
    assert np.all(left <= bound * (1 + 1e-12) + 1e-14)
    assert np.all(left[:200] > 0)
    assert np.median(bound / ed.remainder_bound(x)) < 1
    shifted = ed.local_remainder_bound(theta + 3.0, x - 5.0)
    np.testing.assert_allclose(shifted, bound, rtol=1e-9)


@pytest.mark.parametrize("bits", [8, 11])
def test_rounding_error_covers_rounded_logits(bits):
    rng = np.random.default_rng(bits)
    logits = 8 * rng.standard_normal((500, 300))
    mantissa, exponent = np.frexp(logits)
    rounded = np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent)
    bar = ed.rounding_error(logits, unit=2.0**-bits)
    assert np.all(np.abs(entropy_change(logits, rounded).exact) <= bar)
    with pytest.raises(ValueError, match="unit"):
        ed.rounding_error(logits, unit=0.0)


test_a_bare_number_has_no_oscillation = refusals(
    (lambda: ed.remainder_bound(3.0), r"direction: shape \(\)"),
)
