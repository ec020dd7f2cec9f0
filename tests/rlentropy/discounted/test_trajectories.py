"""Entropy along trajectories: closed forms, enumeration of trajectories, finite differences,
exact identities, bad input."""

import itertools
import time

import numpy as np
import pytest
from refusals import refusals
from worlds import case, central

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, natural_gradient
from rlentropy.discounted import trajectories as de
from rlentropy.discounted.evaluation import evaluate_softmax
from rlentropy.discounted.mdp import DiscountedMDP

LOG2 = np.log(2)


def wrong_sign_model():
    """The counter-example: the frozen slope is positive, the true one negative."""
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[0, 1, 2] = 1
    P[1, :, 1] = P[2, :, 2] = 1
    model = DiscountedMDP(P=P, r=[[1, 0], [0, 0], [0, 0]], mu=[1, 0, 0], gamma=0.9)
    return model, np.log([[1 / 3, 2 / 3], [3 / 4, 1 / 4], [1 / 2, 1 / 2]])


# -------------------------------------------------------------------------------------- evaluation


def test_value_is_the_discounted_sum_over_enumerated_trajectories():
    model, theta, _ = case(1, states=3, actions=2, gamma=0.3, branching=2)
    pi, total = dist.softmax(theta), 0.0
    h, kernel, horizon = dist.entropy(np.log(pi)), model.policy_kernel(pi), 8
    for states in itertools.product(range(3), repeat=horizon):
        chance = model.mu[states[0]] * np.prod(
            [kernel[x, y] for x, y in itertools.pairwise(states)]
        )
        total += chance * sum(0.3**t * h[x] for t, x in enumerate(states))
    assert evaluate_softmax(model, theta).discounted_entropy == pytest.approx(
        0.7 * total, abs=2 * 0.3**horizon
    )


def test_extreme_logits_give_zero_entropy_without_warnings():
    model, theta, _ = case(3)
    theta = np.where(np.arange(3) == 1, 1e4, 0.0) + 0 * theta
    at = evaluate_softmax(model, theta)
    assert at.discounted_entropy == 0 and np.all(at.entropy_V == 0)
    assert de.slope(model, theta, np.ones_like(theta)).total == 0


# ------------------------------------------------------------------------------------- first order


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(5))
def test_slope_is_the_derivative(gamma, seed):
    model, theta, direction = case(seed, gamma=gamma)
    numeric = central(lambda t: evaluate_softmax(model, theta + t * direction).discounted_entropy)
    assert de.slope(model, theta, direction).total == pytest.approx(numeric, abs=1e-9)


def test_frozen_slope_is_the_derivative_at_a_frozen_visitation():
    model, theta, direction = case(6)
    d = evaluate_softmax(model, theta).d
    numeric = central(lambda t: d @ dist.entropy(dist.log_softmax(theta + t * direction)))
    assert de.slope(model, theta, direction).frozen == pytest.approx(numeric, abs=1e-10)


@pytest.mark.parametrize("sparse_kernel", [False, True])
def test_shift_slope_is_the_derivative_through_the_visitation(sparse_kernel):
    model, theta, direction = case(7, sparse_kernel=sparse_kernel)
    at, part = evaluate_softmax(model, theta), de.slope(model, theta, direction)
    moved = de.visitation_slope(model, theta, direction)
    assert part.shift == pytest.approx(moved @ at.policy_entropy, abs=1e-13)
    numeric = central(lambda t: evaluation.evaluate_softmax(model, theta + t * direction).d)
    np.testing.assert_allclose(moved, numeric, atol=1e-10)
    assert moved.sum() == pytest.approx(0, abs=1e-14)


def test_wrong_sign_example():
    model, theta = wrong_sign_model()
    adv = evaluate_softmax(model, theta).adv
    np.testing.assert_allclose(adv, [[2 / 3, -1 / 3], [0, 0], [0, 0]], atol=1e-15)
    part = de.slope(model, theta, adv)
    assert part.frozen == pytest.approx(LOG2 / 45, abs=1e-15)
    assert part.total == pytest.approx((10 * LOG2 - 27 / 4 * np.log(3)) / 45, abs=1e-14)
    eta = de.certified_step(model, theta, adv)
    assert de.difference(model, theta, theta + 0.999 * eta * adv).total < 0


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 0.99])
def test_remainder_bound_holds(gamma):
    for seed in range(20):
        model, theta, direction = case(seed, gamma=gamma)
        for eta in (0.01, 0.3, 2.0):
            change = de.difference(model, theta, theta + eta * direction).total
            remainder = abs(change - eta * de.slope(model, theta, direction).total)
            assert remainder <= de.remainder_bound(model, direction, eta)


@pytest.mark.parametrize("gamma", [0.2, 0.9])
def test_spread_bound_by_hand(gamma):
    """D = 2: min(x, x^2)."""
    model, *_ = case(0, gamma=gamma)
    x = (gamma / (1 - gamma)) ** 0.5
    found = de.spread_bound(model, np.tile([0.0, 1.0, 2.0], (5, 1)))
    assert found == pytest.approx(min(x, x**2), rel=1e-12)


def test_certified_step_at_its_ends():
    model, theta, _ = case(9)
    assert de.certified_step(model, theta, np.ones_like(theta)) == np.inf
    assert de.certified_step(model, 0 * theta, theta) == pytest.approx(0, abs=1e-14)


# ------------------------------------------------------------------------------------------- exact


@pytest.mark.parametrize("gamma", [0.0, 0.6, 0.99])
@pytest.mark.parametrize("seed", range(5))
def test_difference_is_exact_for_far_policies(gamma, seed):
    model, theta, other = case(seed, gamma=gamma)
    part = de.difference(model, theta, 3 * other)
    assert part.kl >= 0
    change = (
        evaluate_softmax(model, 3 * other).discounted_entropy
        - evaluate_softmax(model, theta).discounted_entropy
    )
    assert part.total == pytest.approx(change, abs=1e-12)


@pytest.mark.parametrize("sparse_kernel", [False, True])
def test_visitation_shift_is_exact(sparse_kernel):
    model, theta, other = case(5, states=30, sparse_kernel=sparse_kernel)
    pi, new = dist.softmax(theta), dist.softmax(other)
    change = evaluation.evaluate(model, new).d - evaluation.evaluate(model, pi).d
    np.testing.assert_allclose(de.visitation_shift(model, pi, new), change, atol=1e-14)


@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_along_a_run_repeats_the_pointwise_results(tau):
    model, theta, _ = case(10)
    run = natural_gradient.run(model, theta, eta=0.2, iterations=4, tau=tau)
    path = de.along_run(run)
    for k in range(5):
        part = de.slope(model, run.theta[k], run.adv[k])
        assert path.value[k] == evaluate_softmax(model, run.theta[k]).discounted_entropy
        assert (path.frozen[k], path.shift[k], path.total[k]) == (
            part.frozen,
            part.shift,
            part.total,
        )


def test_ten_thousand_states_in_seconds():
    model = environments.garnet(
        states=10_000, actions=5, branching=2, gamma=0.99, seed=3, sparse_kernel=True
    )
    assert model.P.nnz == 100_000
    theta = np.random.default_rng(0).normal(size=(10_000, 5))
    started = time.perf_counter()
    at = evaluate_softmax(model, theta)
    predicted = de.slope(model, theta, at.adv).total
    change = (
        evaluate_softmax(model, theta + 1e-6 * at.adv).discounted_entropy - at.discounted_entropy
    )
    assert time.perf_counter() - started < 10  # about 0.3 s on one core of 2024
    assert change == pytest.approx(1e-6 * predicted, rel=0.01)
    assert de.difference(model, theta, theta + 1e-6 * at.adv).total == pytest.approx(
        change, abs=1e-14
    )


# --------------------------------------------------------------------------------------- bad input


MODEL, THETA, _ = case(0)
test_bad_input_is_named = refusals(
    (lambda: de.difference(MODEL, THETA[0], THETA), r"theta_old: shape \(3,\), expected \(5, 3\)"),
    (lambda: de.difference(MODEL, THETA, THETA[0]), r"theta_new: shape \(3,\)"),
    (
        lambda: de.visitation_shift(MODEL, dist.softmax(THETA), np.full((5, 3), 0.5)),
        r"pi_new\[0\] sums to 1.5",
    ),
)
