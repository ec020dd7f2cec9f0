"""NPG in its three forms, the Fisher form and runs, against optimisers, pseudo-inverses and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import optimize, sparse

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, softmax
from rlentropy.discounted import natural_gradient as ng
from rlentropy.discounted.mdp import DiscountedMDP

RNG = np.random.default_rng(13)
VECTORS = hnp.arrays(float, (3, 4), elements=st.floats(-20, 20))
ETA = st.floats(1e-3, 10)


def island(gamma=0.9):
    """State 2 is never entered from the start states 0 and 1, but has actions and values of its own."""
    rng = np.random.default_rng(1)
    P = rng.dirichlet(np.ones(3), size=(3, 3))
    P[:2, :, 2] = 0
    P /= P.sum(axis=2, keepdims=True)
    return DiscountedMDP(P=P, r=rng.standard_normal((3, 3)), mu=[0.5, 0.5, 0], gamma=gamma)


# ------------------------------------------------------------------------------------------------------ the one step


def test_step_by_hand():
    # pi = (1/2, 1/4, 1/4), q = (0, log 2, log 4), eta = 1: weights 1/2, 2/4, 4/4, sum 2, value log 2
    log_pi, q = np.log([0.5, 0.25, 0.25]), np.log([1.0, 2.0, 4.0])
    np.testing.assert_allclose(np.exp(ng.multiplicative_step(log_pi, q, 1)), [0.25, 0.25, 0.5], rtol=1e-15)
    assert ng.prox_value(log_pi, q, 1) == pytest.approx(np.log(2), rel=1e-15)


@given(VECTORS, VECTORS, ETA)
def test_logit_step_equals_multiplicative_step(theta, q, eta):
    direct = dist.log_softmax(ng.logit_step(theta, q, eta))
    np.testing.assert_allclose(ng.multiplicative_step(dist.log_softmax(theta), q, eta), direct, atol=1e-11)
    shifted = ng.multiplicative_step(dist.log_softmax(theta), q - 7.0, eta)
    np.testing.assert_allclose(shifted, direct, atol=1e-11)


@given(VECTORS, VECTORS, ETA)
def test_value_and_gap_identity(theta, q, eta):
    log_pi = dist.log_softmax(theta)
    best = ng.multiplicative_step(log_pi, q, eta)
    value = ng.prox_value(log_pi, q, eta)
    scale = 1 + 60 / eta
    np.testing.assert_allclose(ng.prox_objective(best, log_pi, q, eta), value, atol=1e-13 * scale)
    other = dist.log_softmax(np.sin(theta + q))
    gap = value - ng.prox_objective(other, log_pi, q, eta)
    np.testing.assert_allclose(gap, dist.kl(other, best) / eta, atol=1e-12 * scale)
    assert np.all(gap >= -1e-12 * scale)


def test_step_against_a_generic_optimiser():
    log_pi, q, eta = dist.log_softmax(RNG.standard_normal(4)), RNG.standard_normal(4), 0.7
    found = optimize.minimize(lambda x: -ng.prox_objective(dist.log_softmax(x), log_pi, q, eta), np.zeros(4), tol=1e-12)
    np.testing.assert_allclose(dist.softmax(found.x), np.exp(ng.multiplicative_step(log_pi, q, eta)), atol=1e-6)


def test_small_and_extreme_steps():
    log_pi, q = dist.log_softmax(np.zeros(3)), np.array([1.0, 0.0, -1.0])
    np.testing.assert_allclose(np.exp(ng.multiplicative_step(log_pi, q, 1e4)), [1, 0, 0])
    np.testing.assert_allclose(np.exp(ng.multiplicative_step(log_pi, 1e4 * q, 1)), [1, 0, 0])
    assert ng.prox_value(log_pi, q, 1e-6) == pytest.approx(0, abs=1e-6)
    zero = dist.log_probabilities([0.5, 0.5, 0.0])
    assert np.exp(ng.multiplicative_step(zero, [0.0, 0.0, 50.0], 1))[2] == 0


# --------------------------------------------------------------------------------------------------- gradient, Fisher


@pytest.mark.parametrize("gamma", [0.0, 0.6, 0.95])
def test_policy_gradient_against_finite_differences(gamma):
    mdp = environments.garnet(4, 3, 2, gamma, seed=3)
    theta, step = RNG.standard_normal((4, 3)), 1e-5
    slopes = np.zeros((4, 3))
    for index in np.ndindex(4, 3):
        bump = np.zeros((4, 3))
        bump[index] = step
        high, low = (evaluation.objective(mdp, softmax.policy(theta + sign * bump)) for sign in (1, -1))
        slopes[index] = (high - low) / (2 * step)
    gradient = ng.policy_gradient(mdp, theta)
    np.testing.assert_allclose(gradient, slopes, atol=1e-8)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-13)


def test_fisher_matrix_against_its_definition():
    mdp = island()
    theta = RNG.standard_normal((3, 3))
    pi, score = softmax.policy(theta), softmax.score(theta)
    solver = evaluation.policy_solver(mdp, pi)
    d = solver.solve_transposed(0.1 * mdp.mu)
    expected = np.zeros((9, 9))
    for s, a in np.ndindex(3, 3):
        gradient = np.zeros((3, 3))
        gradient[s] = score[s, a]
        expected += d[s] * pi[s, a] * np.outer(gradient, gradient)
    np.testing.assert_allclose(ng.fisher_matrix(mdp, theta), expected, atol=1e-15)


@pytest.mark.parametrize("gamma", [0.0, 0.9])
@pytest.mark.parametrize("form", ["dense", "sparse"])
def test_natural_gradient_is_the_pseudo_inverse_also_with_an_unvisited_state(gamma, form):
    mdp = island(gamma)
    if form == "sparse":
        rows = sparse.csr_array(mdp.P.reshape(9, 3))
        mdp = DiscountedMDP(P=rows, r=mdp.r, mu=mdp.mu, gamma=gamma)
    theta = RNG.standard_normal((3, 3))
    inverse = np.linalg.pinv(ng.fisher_matrix(mdp, theta), rcond=1e-10, hermitian=True)
    expected = (inverse @ ng.policy_gradient(mdp, theta).ravel()).reshape(3, 3)
    natural = ng.natural_gradient(mdp, theta)
    np.testing.assert_allclose(natural, expected, atol=1e-10)
    np.testing.assert_array_equal(natural[2], 0)
    assert np.abs(natural[:2]).min() > 0


# -------------------------------------------------------------------------------------------------------------- runs


def test_run_on_a_bandit_in_closed_form():
    rewards = np.array([1.0, 0.5, 0.0])
    theta = np.array([[0.0, 1.0, 2.0]])
    run = ng.run(environments.bandit(rewards), theta, 0.3, 10)
    expected = dist.log_softmax(theta + 0.3 * np.arange(11)[:, None, None] * rewards)
    np.testing.assert_allclose(run.log_pi, expected, atol=1e-13)
    np.testing.assert_allclose(run.V[:, 0], np.sum(np.exp(expected[:, 0]) * rewards, axis=1), atol=1e-14)


def test_run_repeats_single_steps_and_never_loses_value():
    mdp = environments.garnet(5, 3, 2, 0.9, seed=5)
    theta = RNG.standard_normal((5, 3))
    run = ng.run(mdp, theta, 0.5, 30)
    assert run.theta.shape == (31, 5, 3)
    assert (run.V.shape, run.d.shape, run.adv.shape) == ((31, 5), (31, 5), (31, 5, 3))
    for k in range(3):
        pi = softmax.policy(theta)
        np.testing.assert_allclose(np.exp(run.log_pi[k]), pi, atol=1e-13)
        theta = theta + 0.5 * evaluation.evaluate(mdp, pi).adv
    assert np.diff(run.V, axis=0).min() > -1e-12
    assert np.all(run.theta.max(axis=2) == 0)
    assert np.all(run.V[-1] <= evaluation.optimal(mdp).V + 1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.9999])
def test_run_with_one_state_or_one_action(gamma):
    lone = DiscountedMDP(P=np.ones((1, 2, 1)), r=[[1.0, 0.0]], mu=[1], gamma=gamma)
    assert np.all(np.diff(ng.run(lone, np.zeros((1, 2)), 1.0, 5).V[:, 0]) > 0)
    single = environments.garnet(3, 1, 2, gamma, seed=0)
    run = ng.run(single, np.zeros((3, 1)), 1.0, 3)
    np.testing.assert_array_equal(run.log_pi, 0)
    np.testing.assert_allclose(run.V, run.V[:1].repeat(4, axis=0), rtol=1e-12)


def test_long_runs_underflow_quietly():
    run = ng.run(environments.bandit([1.0, 0.0]), np.zeros((1, 2)), 1000.0, 20)
    assert run.V[-1, 0] == 1
    assert run.theta.min() == -20_000
    assert dist.entropy(run.log_pi[-1])[0] == 0


TWO = environments.two_state(0.9)
ZERO = np.zeros((2, 2))
REFUSALS = [
    (lambda: ng.logit_step([0.0, 0.0], [1.0, 0.0], 0), "eta = 0.0"),
    (lambda: ng.logit_step([0.0, 0.0], [1.0, 0.0], -1), "eta = -1.0"),
    (lambda: ng.logit_step([0.0, 0.0], [1.0, np.nan], 1), r"q\[1\] = nan"),
    (lambda: ng.logit_step([0.0, 0.0], [1.0], 1), r"q: shape \(1,\), expected \(2,\)"),
    (lambda: ng.logit_step([0.0, np.inf], [1.0, 0.0], 1), r"theta\[1\] = inf"),
    (lambda: ng.multiplicative_step(np.log([0.5, 0.5]), [1.0, 0.0], 0), "eta = 0.0"),
    (lambda: ng.multiplicative_step(np.log([0.5, 0.5]), [np.nan, 0.0], 1), r"q\[0\] = nan"),
    (lambda: ng.prox_objective(np.log([0.5, 0.5]), np.log([0.5, 0.5]), [1.0, 0.0], np.nan), "eta = nan"),
    (lambda: ng.prox_objective(np.log([0.5, 0.5]), np.log([0.5, 0.5]), [np.inf, 0.0], 1), r"q\[0\] = inf"),
    (lambda: ng.prox_value(np.log([0.5, 0.5]), [1.0, np.nan], 1), r"q\[1\] = nan"),
    (lambda: ng.run(TWO, ZERO, 0, 3), "eta = 0.0"),
    (lambda: ng.run(TWO, ZERO, 1, -1), "iterations = -1"),
    (lambda: ng.run(TWO, np.zeros((2, 3)), 1, 3), r"theta: shape \(2, 3\), expected \(2, 2\)"),
    (lambda: ng.policy_gradient(TWO, np.zeros((2, 3))), r"theta: shape \(2, 3\)"),
    (lambda: ng.fisher_matrix(TWO, np.full((2, 2), np.nan)), r"theta\[0, 0\] = nan"),
    (lambda: ng.natural_gradient(TWO, np.zeros(2)), r"theta: shape \(2,\)"),
    (lambda: ng.soft_policy_gradient(TWO, np.zeros((2, 3)), 0.1), r"theta: shape \(2, 3\)"),
    (lambda: ng.regularised_step(np.log([0.5, 0.5]), [1.0, np.nan], 0.1, 1), r"q\[1\] = nan"),
    (lambda: ng.regularised_prox_value(np.log([0.5, 0.5]), [1.0, np.inf], 0.1, 1), r"q\[1\] = inf"),
    (lambda: ng.run_regularised(TWO, ZERO, 2, 1, 3), r"eta \* tau = 2.0: must lie in \[0, 1\]"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS, ids=range(len(REFUSALS)))
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
