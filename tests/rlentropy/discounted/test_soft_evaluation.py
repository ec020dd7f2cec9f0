"""Maximum-entropy RL: soft evaluation and optimum (bellman), regularised steps and runs (natural_gradient)."""

import numpy as np
import pytest

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, natural_gradient, softmax, visitation
from rlentropy.validation import NotConverged

TAU = 0.3


def case(seed=0, states=5, actions=3, gamma=0.9, sparse_kernel=False):
    """A garnet and random logits."""
    model = environments.garnet(states, actions, 3, gamma, seed, sparse_kernel=sparse_kernel)
    return model, np.random.default_rng(seed).normal(size=(states, actions))


def central(f, step=1e-3):
    """Fourth-order central difference of f at 0."""
    return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)


# ------------------------------------------------------------------------------------------------------- evaluation


def test_soft_values_on_a_bandit():
    bandit = environments.bandit([1.0, 3.0])
    value = evaluation.evaluate_soft(bandit, np.log([[0.25, 0.75]]), 2.0)
    entropy = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    assert value.V[0] == pytest.approx(2.5 + 2 * entropy, abs=1e-14)
    np.testing.assert_allclose(value.Q, [[1, 3]])


@pytest.mark.parametrize("tau", [-0.5, 0.0, 0.7])
@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.999])
def test_soft_values_satisfy_their_definition(tau, gamma):
    model, theta = case(1, gamma=gamma)
    value = evaluation.evaluate_soft(model, theta, tau)
    pi = dist.softmax(theta)
    reward = np.sum(pi * model.r, axis=1) + tau * softmax.policy_entropy(theta)
    expected = np.linalg.inv(np.eye(5) - gamma * model.policy_kernel(pi)) @ reward
    np.testing.assert_allclose(value.V, expected, rtol=1e-11)
    np.testing.assert_allclose(np.sum(pi * value.G, axis=1), value.V, rtol=1e-11)
    np.testing.assert_allclose(np.sum(pi * value.adv, axis=1), 0, atol=1e-10)


def test_tau_zero_is_the_plain_evaluation():
    model, theta = case(2)
    plain, soft = evaluation.evaluate(model, dist.softmax(theta)), evaluation.evaluate_soft(model, theta, 0.0)
    np.testing.assert_allclose(soft.V, plain.V, atol=1e-13)
    np.testing.assert_allclose(soft.adv, plain.adv, atol=1e-13)


def test_soft_values_with_exact_zeros_are_finite():
    model, theta = case(3)
    value = evaluation.evaluate_soft(model, theta + np.array([0.0, 1e4, -1e4]), TAU)
    assert np.all(np.isfinite(value.V)) and np.all(np.isfinite(value.adv))


# ---------------------------------------------------------------------------------------------------------- optimum


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("tau", [1e-3, 0.3, 50.0])
def test_soft_optimum_is_the_fixed_point(gamma, tau):
    model, _ = case(4, gamma=gamma)
    best = evaluation.soft_optimal(model, tau)
    assert best.certificate == best.residual / (1 - gamma) and best.residual <= 1e-12 * max(1, np.abs(best.V).max())
    np.testing.assert_allclose(evaluation.soft_backup(model, best.V, tau), best.V, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(best.log_pi, dist.log_softmax(best.Q / tau), atol=1e-12)


def test_soft_optimum_against_value_iteration_and_random_policies():
    model, _ = case(5)
    best, V = evaluation.soft_optimal(model, TAU), np.zeros(5)
    for _ in range(400):
        V = evaluation.soft_backup(model, V, TAU)
    np.testing.assert_allclose(best.V, V, atol=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert np.all(evaluation.evaluate_soft(model, 2 * rng.normal(size=(5, 3)), TAU).V <= best.V)


def test_soft_optimum_on_a_bandit_and_for_small_tau():
    rewards = np.array([0.0, 1.0, 0.5])
    best = evaluation.soft_optimal(environments.bandit(rewards), TAU)
    assert best.V[0] == pytest.approx(TAU * np.log(np.sum(np.exp(rewards / TAU))), abs=1e-14)
    model, _ = case(6)
    plain = evaluation.optimal(model)
    gap = evaluation.soft_optimal(model, 1e-3).V - plain.V
    assert np.all(gap >= 0) and np.all(gap <= 1e-3 * np.log(3) / (1 - model.gamma))


def test_soft_optimum_sparse_equals_dense():
    dense, sparse = case(7, states=40)[0], case(7, states=40, sparse_kernel=True)[0]
    np.testing.assert_allclose(evaluation.soft_optimal(dense, TAU).V, evaluation.soft_optimal(sparse, TAU).V, atol=1e-11)


def test_soft_optimum_says_when_it_did_not_converge():
    model, _ = case(8)
    with pytest.raises(NotConverged, match=r"residual .* after 1 iterations"):
        evaluation.soft_optimal(model, TAU, max_iterations=1)


# ------------------------------------------------------------------------------------------------ regularised steps


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_three_forms_of_the_step_agree(share):
    model, theta = case(9)
    eta = share / TAU
    value = evaluation.evaluate_soft(model, theta, TAU)
    log_new = natural_gradient.regularised_step(value.log_pi, value.Q, eta, TAU)
    by_logits = dist.log_softmax(natural_gradient.logit_step(theta, value.adv, eta))
    np.testing.assert_allclose(log_new, by_logits, atol=1e-12)
    best = natural_gradient.regularised_prox_value(value.log_pi, value.Q, eta, TAU)
    reached = natural_gradient.regularised_prox_objective(log_new, value.log_pi, value.Q, eta, TAU)
    np.testing.assert_allclose(reached, best, atol=1e-12)
    for seed in range(20):
        log_p = dist.log_softmax(np.random.default_rng(seed).normal(size=(5, 3)))
        lower = natural_gradient.regularised_prox_objective(log_p, value.log_pi, value.Q, eta, TAU)
        np.testing.assert_allclose(best - lower, dist.kl(log_p, log_new) / eta, atol=1e-12)


def test_step_of_size_one_over_tau_is_soft_policy_iteration():
    model, theta = case(10)
    for tau in (0.3, 0.1, 49.0, 1e-3, 1 / 3):
        value = evaluation.evaluate_soft(model, theta, tau)
        step = natural_gradient.regularised_step(value.log_pi, value.Q, 1 / tau, tau)
        np.testing.assert_allclose(step, dist.log_softmax(value.Q / tau), atol=1e-9)


def test_soft_policy_gradient_is_the_derivative():
    model, theta = case(11)
    direction = np.random.default_rng(1).normal(size=theta.shape)
    gradient = natural_gradient.soft_policy_gradient(model, theta, TAU)
    numeric = central(lambda t: model.mu @ evaluation.evaluate_soft(model, theta + t * direction, TAU).V)
    assert np.sum(gradient * direction) == pytest.approx(numeric, abs=1e-9)


def test_natural_gradient_of_the_soft_objective():
    model, theta = case(12)
    gradient = natural_gradient.soft_policy_gradient(model, theta, TAU)
    natural = np.linalg.pinv(natural_gradient.fisher_matrix(model, theta), rcond=1e-12) @ gradient.ravel()
    adv = evaluation.evaluate_soft(model, theta, TAU).adv
    expected = (adv - adv.mean(axis=1, keepdims=True)) / (1 - model.gamma)
    np.testing.assert_allclose(natural.reshape(adv.shape), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("share", [0.15, 0.5, 1.0])
def test_run_rises_and_reaches_the_soft_optimum(share):
    model, theta = case(13)
    run = natural_gradient.run_regularised(model, theta, share / TAU, TAU, 160)
    assert run.theta.shape == (161, 5, 3) and run.eta == share / TAU and run.tau == TAU
    assert np.all(np.diff(run.V, axis=0) >= -1e-12)
    best = evaluation.soft_optimal(model, TAU)
    np.testing.assert_allclose(run.V[-1], best.V, atol=1e-8)
    assert np.abs(run.adv[-1]).max() < 1e-6
    pi = np.exp(run.log_pi[3])
    np.testing.assert_allclose(run.d[3], visitation.policy_visitation(model, pi), atol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: evaluation.evaluate_soft(m, x[:, :2], TAU), r"theta: shape \(5, 2\)"),
        (lambda m, x: evaluation.evaluate_soft(m, x, np.inf), r"tau = inf"),
        (lambda m, x: evaluation.evaluate_soft(m, x, TAU, reward=x[0]), r"reward: shape \(3,\)"),
        (lambda m, x: evaluation.soft_optimal(m, 0.0), r"tau = 0.0: must be greater than 0"),
        (lambda m, x: evaluation.soft_optimal(m, TAU, max_iterations=0), r"max_iterations = 0"),
        (lambda m, x: evaluation.soft_backup(m, x[0], TAU), r"V: shape \(3,\)"),
        (lambda m, x: natural_gradient.regularised_step(x, x, 4.0, TAU), r"eta \* tau = 1.2: must lie in"),
        (lambda m, x: natural_gradient.regularised_step(x, x, -1.0, TAU), r"eta = -1.0"),
        (lambda m, x: natural_gradient.run_regularised(m, x, 1.0, 0.0, 3), r"tau = 0.0"),
        (lambda m, x: natural_gradient.run_regularised(m, x, 1.0, TAU, 2.5), r"iterations = 2.5"),
    ],
)
def test_bad_input_is_named(call, message):
    model, theta = case(0)
    with pytest.raises(ValueError, match=message):
        call(model, theta)


def test_sparse_solver_survives_a_small_right_side():
    """scipy's BiCGSTAB reports a breakdown for residuals near 1e-16; the answer must not fall back to a slow LU."""
    model = environments.garnet(10_000, 5, 2, 0.999, 3, sparse_kernel=True)
    pi = dist.softmax(np.random.default_rng(0).normal(size=(10_000, 5)))
    solver = evaluation.policy_solver(model, pi)
    d = visitation.policy_visitation(model, pi, solver=solver)
    assert "_sparse_lu" not in vars(solver)
    assert d.sum() == pytest.approx(1, abs=1e-11)
    assert visitation.flow_residual(model, pi, d) < 1e-15
