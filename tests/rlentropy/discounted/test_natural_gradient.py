"""NPG in its three forms, the Fisher form and runs, against optimisers,
pseudo-inverses and finite differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import refusals
from scipy import optimize
from worlds import TAU, case, island, thin

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, softmax
from rlentropy.discounted import natural_gradient as ng
from rlentropy.discounted.mdp import DiscountedMDP

RNG = np.random.default_rng(13)
VECTORS = hnp.arrays(float, (3, 4), elements=st.floats(-20, 20))
ETA = st.floats(1e-3, 10)
SHARE = st.sampled_from([0.0, 0.01, 0.5, 1.0])  # eta tau


# ------------------------------------------------------------------------------------ the one step


@given(VECTORS, VECTORS, ETA, SHARE)
def test_logit_step_equals_multiplicative_step(theta, q, eta, share):
    log_pi = dist.log_softmax(theta)
    tau = share / eta
    direct = dist.log_softmax(ng.logit_step(theta, q - tau * log_pi, eta))
    for values in (q, q - 7.0):
        found = ng.step(log_pi, values, eta, tau=tau)
        np.testing.assert_allclose(found, direct, atol=1e-11)


@given(VECTORS, VECTORS, ETA, SHARE)
def test_value_and_gap_identity(theta, q, eta, share):
    log_pi = dist.log_softmax(theta)
    bonus = {"tau": share / eta}
    best = ng.step(log_pi, q, eta, **bonus)
    value = ng.prox_value(log_pi, q, eta, **bonus)
    scale = 1 + 60 / eta
    reached = ng.prox_objective(log_pi, best, q, eta, **bonus)
    np.testing.assert_allclose(reached, value, atol=1e-13 * scale)
    other = dist.log_softmax(np.sin(theta + q))
    gap = value - ng.prox_objective(log_pi, other, q, eta, **bonus)
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


@pytest.mark.parametrize("tau", [0.0, TAU])
@pytest.mark.parametrize("gamma", [0.0, 0.6, 0.95])
def test_policy_gradient_against_finite_differences(gamma, tau):
    mdp, theta, _ = case(3, gamma=gamma)
    step = 1e-5
    slopes = np.zeros(theta.shape)
    for index in np.ndindex(theta.shape):
        bump = np.zeros(theta.shape)
        bump[index] = step
        ends = (evaluation.evaluate_softmax(mdp, theta + x, tau=tau) for x in (bump, -bump))
        slopes[index] = np.subtract(*(at.objective for at in ends)) / (2 * step)
    gradient = ng.policy_gradient(mdp, theta, tau=tau)
    np.testing.assert_allclose(gradient, slopes, atol=1e-8)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-13)


def test_fisher_matrix_against_its_definition():
    mdp = island()
    theta = RNG.standard_normal((5, 2))
    pi, score = softmax.policy(theta), softmax.score(theta)
    d = np.linalg.solve(np.eye(5) - 0.9 * mdp.policy_kernel(pi).T, 0.1 * mdp.mu)
    expected = np.zeros((10, 10))
    for s, a in np.ndindex(5, 2):
        gradient = np.zeros((5, 2))
        gradient[s] = score[s, a]
        expected += d[s] * pi[s, a] * np.outer(gradient, gradient)
    np.testing.assert_allclose(ng.fisher_matrix(mdp, theta), expected, atol=1e-15)


@pytest.mark.parametrize("tau", [0.0, TAU])
@pytest.mark.parametrize("gamma", [0.0, 0.9])
@pytest.mark.parametrize("form", [lambda m: m, thin], ids=["dense", "sparse"])
def test_natural_gradient_is_the_pseudo_inverse_also_with_unvisited_states(gamma, form, tau):
    mdp = form(island(gamma))
    theta = RNG.standard_normal((5, 2))
    inverse = np.linalg.pinv(ng.fisher_matrix(mdp, theta), rcond=1e-10, hermitian=True)
    expected = (inverse @ ng.policy_gradient(mdp, theta, tau=tau).ravel()).reshape(5, 2)
    natural = ng.natural_gradient(mdp, theta, tau=tau)
    np.testing.assert_allclose(natural, expected, atol=1e-10)
    np.testing.assert_array_equal(natural[3:], 0)
    seen = mdp.mu > 0 if gamma == 0 else np.arange(5) < 3
    assert np.abs(natural[seen]).min() > 0


# -------------------------------------------------------------------------------------------- runs


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


def test_step_of_size_one_over_tau_is_soft_policy_iteration():
    model, theta, _ = case(10)
    for tau in (0.3, 0.1, 49.0, 1e-3, 1 / 3):
        value = evaluation.evaluate_softmax(model, theta, tau=tau)
        step = ng.step(value.log_pi, value.Q, 1 / tau, tau=tau)
        np.testing.assert_allclose(step, dist.log_softmax(value.Q / tau), atol=1e-9)


@pytest.mark.parametrize("share", [0.15, 0.5, 1.0])
def test_run_rises_and_reaches_the_soft_optimum(share):
    model, theta, _ = case(13)
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
