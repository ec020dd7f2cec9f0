"""Mirror steps: known cases, optimality against random policies, the rate against differences."""

import numpy as np
import pytest

from rlentropy import distributions as dist
from rlentropy.discounted import entropy_dynamics as ed
from rlentropy.discounted import mirror

ORDERS = (0.5, 1.0, 1.5, 2.0, 3.0)


def cases(seed, shape=(40, 5)):
    rng = np.random.default_rng(seed)
    return dist.log_softmax(rng.standard_normal(shape)), rng.standard_normal(shape)


def divergence(p, pi, q):
    """The Bregman divergence of the map of order q, written from the definition."""
    if q == 1:
        phi = lambda x: x * np.log(x)  # noqa: E731
        slope = lambda x: np.log(x) + 1  # noqa: E731
    else:
        phi = lambda x: x**q / (q * (q - 1))  # noqa: E731
        slope = lambda x: x ** (q - 1) / (q - 1)  # noqa: E731
    return np.sum(phi(p) - phi(pi) - slope(pi) * (p - pi), axis=-1)


def test_order_one_is_the_natural_gradient_step():
    log_pi, adv = cases(0)
    np.testing.assert_allclose(
        mirror.step(log_pi, adv, 0.7, order=1), dist.softmax(log_pi + 0.7 * adv), atol=1e-14
    )
    np.testing.assert_allclose(
        mirror.first_order(log_pi, adv, order=1), ed.first_order(log_pi, adv), atol=1e-13
    )


def test_order_two_is_a_shift_by_the_mean_while_it_stays_inside():
    log_pi, adv = cases(1)
    expected = np.exp(log_pi) + 1e-3 * (adv - adv.mean(axis=-1, keepdims=True))
    np.testing.assert_allclose(mirror.step(log_pi, adv, 1e-3, order=2), expected, atol=1e-14)


@pytest.mark.parametrize("order", ORDERS)
def test_no_other_policy_does_better(order):
    log_pi, adv = cases(2)
    pi = np.exp(log_pi)
    best = mirror.step(log_pi, adv, 0.3, order=order)
    value = lambda p: 0.3 * np.sum(p * adv, axis=-1) - divergence(p, pi, order)  # noqa: E731
    others = np.random.default_rng(3).dirichlet(np.ones(5), size=40)
    for share in (1e-3, 0.1, 1.0):
        assert np.all(value((1 - share) * best + share * others) < value(best))


@pytest.mark.parametrize("order", ORDERS)
def test_the_rate_of_entropy(order):
    log_pi, adv = cases(4)
    log_pi = dist.log_softmax(log_pi / 3)
    after = dist.entropy(dist.log_probabilities(mirror.step(log_pi, adv, 1e-6, order=order)))
    rate = mirror.first_order(log_pi, adv, order=order)
    np.testing.assert_allclose((after - dist.entropy(log_pi)) / 1e-6, rate, atol=2e-4, rtol=2e-3)


def test_a_large_euclidean_step_ends_on_the_boundary():
    p = mirror.step(np.log([0.5, 0.3, 0.2]), [1.0, 0.0, -1.0], 0.5, order=2)
    np.testing.assert_allclose(p, [0.85, 0.15, 0.0], atol=1e-14)


def test_a_policy_at_the_boundary_is_refused():
    with pytest.raises(ValueError, match="log_pi"):
        mirror.first_order([0.0, -np.inf], [0.0, 1.0], order=1)


def test_effects_of_one_sampled_action():
    theta, adv = cases(6)
    pi = np.exp(theta)
    found = ed.sampled_contributions(theta, adv)
    for b in range(5):
        direction = adv[:, b, None] * (np.eye(5)[b] - pi)
        np.testing.assert_allclose(found[:, b], ed.first_order(theta, direction), atol=1e-13)
    centred = adv - np.sum(pi * adv, axis=1, keepdims=True)
    mean = np.sum(pi * ed.sampled_contributions(theta, centred), axis=1)
    np.testing.assert_allclose(mean, ed.first_order(theta, pi * centred), atol=1e-13)
    shifted = np.sum(pi * ed.sampled_contributions(theta, centred + 7), axis=1)
    np.testing.assert_allclose(shifted, mean, atol=1e-12)
