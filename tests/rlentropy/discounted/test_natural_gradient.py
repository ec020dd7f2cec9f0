"""NPG in its three forms, the Fisher form and runs, against optimisers,
pseudo-inverses and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import refusals
from scipy import optimize, sparse

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, softmax
from rlentropy.discounted import natural_gradient as ng
from rlentropy.discounted.mdp import DiscountedMDP

RNG = np.random.default_rng(13)
VECTORS = hnp.arrays(float, (3, 4), elements=st.floats(-20, 20))
ETA = st.floats(1e-3, 10)


def island(gamma=0.9):
    """State 2 is never entered from the start states 0 and 1,
    but has actions and values of its own."""
    rng = np.random.default_rng(1)
    P = rng.dirichlet(np.ones(3), size=(3, 3))
    P[:2, :, 2] = 0
    P /= P.sum(axis=2, keepdims=True)
    return DiscountedMDP(P=P, r=rng.standard_normal((3, 3)), mu=[0.5, 0.5, 0], gamma=gamma)


# ------------------------------------------------------------------------------------ the one step


def test_step_by_hand():
    # pi = (1/2, 1/4, 1/4), q = (0, log 2, log 4), eta = 1:
    # weights 1/2, 2/4, 4/4, sum 2, value log 2
    log_pi, q = np.log([0.5, 0.25, 0.25]), np.log([1.0, 2.0, 4.0])
    np.testing.assert_allclose(np.exp(ng.step(log_pi, q, 1)), [0.25, 0.25, 0.5], rtol=1e-15)
    assert ng.prox_value(log_pi, q, 1) == pytest.approx(np.log(2), rel=1e-15)


@given(VECTORS, VECTORS, ETA)
def test_logit_step_equals_multiplicative_step(theta, q, eta):
    direct = dist.log_softmax(ng.logit_step(theta, q, eta))
    np.testing.assert_allclose(ng.step(dist.log_softmax(theta), q, eta), direct, atol=1e-11)
    shifted = ng.step(dist.log_softmax(theta), q - 7.0, eta)
    np.testing.assert_allclose(shifted, direct, atol=1e-11)


@given(VECTORS, VECTORS, ETA)
def test_value_and_gap_identity(theta, q, eta):
    log_pi = dist.log_softmax(theta)
    best = ng.step(log_pi, q, eta)
    value = ng.prox_value(log_pi, q, eta)
    scale = 1 + 60 / eta
    np.testing.assert_allclose(ng.prox_objective(log_pi, best, q, eta), value, atol=1e-13 * scale)
    other = dist.log_softmax(np.sin(theta + q))
    gap = value - ng.prox_objective(log_pi, other, q, eta)
    np.testing.assert_allclose(gap, dist.kl(other, best) / eta, atol=1e-12 * scale)
    assert np.all(gap >= -1e-12 * scale)


def test_step_against_a_generic_optimiser():
    log_pi, q, eta = dist.log_softmax(RNG.standard_normal(4)), RNG.standard_normal(4), 0.7
    found = optimize.minimize(
        lambda x: -ng.prox_objective(log_pi, dist.log_softmax(x), q, eta), np.zeros(4), tol=1e-12
    )
    np.testing.assert_allclose(dist.softmax(found.x), np.exp(ng.step(log_pi, q, eta)), atol=1e-6)


def test_small_and_extreme_steps():
    log_pi, q = dist.log_softmax(np.zeros(3)), np.array([1.0, 0.0, -1.0])
    np.testing.assert_allclose(np.exp(ng.step(log_pi, q, 1e4)), [1, 0, 0])
    np.testing.assert_allclose(np.exp(ng.step(log_pi, 1e4 * q, 1)), [1, 0, 0])
    assert ng.prox_value(log_pi, q, 1e-6) == pytest.approx(0, abs=1e-6)
    zero = dist.log_probabilities([0.5, 0.5, 0.0])
    assert np.exp(ng.step(zero, [0.0, 0.0, 50.0], 1))[2] == 0


# -------------------------------------------------------------------------------- gradient, Fisher


@pytest.mark.parametrize("gamma", [0.0, 0.6, 0.95])
def test_policy_gradient_against_finite_differences(gamma):
    mdp = environments.garnet(states=4, actions=3, branching=2, gamma=gamma, seed=3)
    theta, step = RNG.standard_normal((4, 3)), 1e-5
    slopes = np.zeros((4, 3))
    for index in np.ndindex(4, 3):
        bump = np.zeros((4, 3))
        bump[index] = step
        high, low = (
            evaluation.evaluate_softmax(mdp, theta + sign * bump).objective for sign in (1, -1)
        )
        slopes[index] = (high - low) / (2 * step)
    gradient = ng.policy_gradient(mdp, theta)
    np.testing.assert_allclose(gradient, slopes, atol=1e-8)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-13)


def test_fisher_matrix_against_its_definition():
    mdp = island()
    theta = RNG.standard_normal((3, 3))
    pi, score = softmax.policy(theta), softmax.score(theta)
    d = np.linalg.solve(np.eye(3) - 0.9 * mdp.policy_kernel(pi).T, 0.1 * mdp.mu)
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


# -------------------------------------------------------------------------------------------- runs


def test_run_on_a_bandit_in_closed_form():
    rewards = np.array([1.0, 0.5, 0.0])
    theta = np.array([[0.0, 1.0, 2.0]])
    run = ng.run(environments.bandit(rewards), theta, eta=0.3, iterations=10)
    expected = dist.log_softmax(theta + 0.3 * np.arange(11)[:, None, None] * rewards)
    np.testing.assert_allclose(run.log_pi, expected, atol=1e-13)
    np.testing.assert_allclose(
        run.V[:, 0], np.sum(np.exp(expected[:, 0]) * rewards, axis=1), atol=1e-14
    )


def test_run_repeats_single_steps_and_never_loses_value():
    mdp = environments.garnet(states=5, actions=3, branching=2, gamma=0.9, seed=5)
    theta = RNG.standard_normal((5, 3))
    run = ng.run(mdp, theta, eta=0.5, iterations=30)
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
    assert np.all(np.diff(ng.run(lone, np.zeros((1, 2)), eta=1.0, iterations=5).V[:, 0]) > 0)
    single = environments.garnet(states=3, actions=1, branching=2, gamma=gamma, seed=0)
    run = ng.run(single, np.zeros((3, 1)), eta=1.0, iterations=3)
    np.testing.assert_array_equal(run.log_pi, 0)
    np.testing.assert_allclose(run.V, run.V[:1].repeat(4, axis=0), rtol=1e-12)


def test_long_runs_underflow_quietly():
    run = ng.run(environments.bandit([1.0, 0.0]), np.zeros((1, 2)), eta=1000.0, iterations=20)
    assert run.V[-1, 0] == 1
    assert run.theta.min() == -20_000
    assert dist.entropy(run.log_pi[-1])[0] == 0


def test_a_run_is_read_only_and_shows_its_answer():
    run = ng.run(environments.bandit([1.0, 0.0]), np.zeros((1, 2)), eta=1.0, iterations=2)
    with pytest.raises(ValueError, match="read-only"):
        run.V[0] = 9
    end = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(run.objective, [0.5, 1 / (1 + np.exp(-1.0)), end], rtol=1e-14)
    sizes = "NPGRun(iterations=2, S=1, A=2, eta=1, tau=0, "
    assert repr(run) == f"{sizes}first_objective=0.5, last_objective={end:.6g})"


# ------------------------------------------------------------------------ with an entropy bonus tau

TAU = 0.3


def case(seed=0):
    """A garnet and random logits."""
    model = environments.garnet(states=5, actions=3, branching=3, gamma=0.9, seed=seed)
    return model, np.random.default_rng(seed).normal(size=(5, 3))


def central(f, step=1e-3):
    """Fourth-order central difference of f at 0."""
    return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_three_forms_of_the_step_agree(share):
    model, theta = case(9)
    eta = share / TAU
    value = evaluation.evaluate_softmax(model, theta, tau=TAU)
    log_new = ng.step(value.log_pi, value.Q, eta, tau=TAU)
    by_logits = dist.log_softmax(ng.logit_step(theta, value.adv, eta))
    np.testing.assert_allclose(log_new, by_logits, atol=1e-12)
    best = ng.prox_value(value.log_pi, value.Q, eta, tau=TAU)
    reached = ng.prox_objective(value.log_pi, log_new, value.Q, eta, tau=TAU)
    np.testing.assert_allclose(reached, best, atol=1e-12)
    for seed in range(20):
        log_p = dist.log_softmax(np.random.default_rng(seed).normal(size=(5, 3)))
        lower = ng.prox_objective(value.log_pi, log_p, value.Q, eta, tau=TAU)
        np.testing.assert_allclose(best - lower, dist.kl(log_p, log_new) / eta, atol=1e-12)


def test_step_of_size_one_over_tau_is_soft_policy_iteration():
    model, theta = case(10)
    for tau in (0.3, 0.1, 49.0, 1e-3, 1 / 3):
        value = evaluation.evaluate_softmax(model, theta, tau=tau)
        step = ng.step(value.log_pi, value.Q, 1 / tau, tau=tau)
        np.testing.assert_allclose(step, dist.log_softmax(value.Q / tau), atol=1e-9)


def test_soft_policy_gradient_is_the_derivative():
    model, theta = case(11)
    direction = np.random.default_rng(1).normal(size=theta.shape)
    gradient = ng.policy_gradient(model, theta, tau=TAU)
    numeric = central(
        lambda t: evaluation.evaluate_softmax(model, theta + t * direction, tau=TAU).objective
    )
    assert np.sum(gradient * direction) == pytest.approx(numeric, abs=1e-9)


def test_natural_gradient_of_the_soft_objective():
    model, theta = case(12)
    gradient = ng.policy_gradient(model, theta, tau=TAU)
    natural = np.linalg.pinv(ng.fisher_matrix(model, theta), rcond=1e-12) @ gradient.ravel()
    adv = evaluation.evaluate_softmax(model, theta, tau=TAU).adv
    expected = (adv - adv.mean(axis=1, keepdims=True)) / (1 - model.gamma)
    np.testing.assert_allclose(natural.reshape(adv.shape), expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ng.natural_gradient(model, theta, tau=TAU), expected, rtol=1e-12)


@pytest.mark.parametrize("share", [0.15, 0.5, 1.0])
def test_run_rises_and_reaches_the_soft_optimum(share):
    model, theta = case(13)
    run = ng.run(model, theta, eta=share / TAU, iterations=160, tau=TAU)
    assert run.theta.shape == (161, 5, 3) and run.eta == share / TAU and run.tau == TAU
    assert np.all(np.diff(run.V, axis=0) >= -1e-12)
    best = evaluation.soft_optimal(model, tau=TAU)
    np.testing.assert_allclose(run.V[-1], best.V, atol=1e-8)
    assert np.abs(run.adv[-1]).max() < 1e-6
    pi = np.exp(run.log_pi[3])
    np.testing.assert_allclose(run.d[3], evaluation.evaluate(model, pi).d, atol=1e-14)


def test_a_step_that_forgets_the_old_policy_revives_its_excluded_actions():
    old = dist.log_probabilities([0.5, 0.5, 0.0])
    q = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(ng.step(old, q, 0.5, tau=2.0), dist.log_softmax(q / 2), atol=1e-15)
    new = dist.log_softmax(q / 2)
    reached = ng.prox_objective(old, new, q, 0.5, tau=2.0)
    assert reached == pytest.approx(ng.prox_value(old, q, 0.5, tau=2.0), abs=1e-15)
    assert reached == pytest.approx(2 * dist.logsumexp(q / 2), abs=1e-15)


# ---------------------------------------------------------------------------------------- refusals


TWO = environments.two_state(0.9)
ZERO = np.zeros((2, 2))
test_bad_input_is_refused = refusals(
    (lambda: ng.logit_step([0.0, 0.0], [1.0], 1), r"adv: shape \(1,\), expected \(2,\)"),
    (lambda: ng.run(TWO, ZERO, eta=1e308, iterations=3), r"theta\[2, 1, 1\] = -inf: not a finite"),
    (lambda: ng.run(TWO, ZERO, eta=2, iterations=3, tau=1), r"eta \* tau = 2.0: must lie in"),
    (lambda: ng.step(ZERO, ZERO, 4.0, tau=TAU), r"eta \* tau = 1.2: must lie in \[0, 1\]"),
)
