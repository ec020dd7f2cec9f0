"""Exact evaluation against hand solutions, truncated series, brute force over policies;
dense = sparse; refusals."""

import itertools
import pickle
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusals
from worlds import TAU, case, random_policy, thin

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, softmax, visitation
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.validation import NotConverged

RNG = np.random.default_rng(11)


# -------------------------------------------------------------- invariants and independent oracles


def series(mdp, pi, terms):
    """sum_{t < terms} gamma^t P_pi^t r_pi, by repeated multiplication."""
    kernel, reward = mdp.policy_kernel(pi), np.sum(pi * mdp.r, axis=1)
    total = np.zeros(mdp.S)
    for t in range(terms):
        total += mdp.gamma**t * reward
        reward = kernel @ reward
    return total


@given(
    st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.9]), st.integers(1, 6), st.integers(1, 4)
)
def test_values_are_the_discounted_series(seed, gamma, S, A):
    mdp = environments.garnet(states=S, actions=A, branching=max(1, S // 2), gamma=gamma, seed=seed)
    pi = random_policy(mdp, seed)
    value = evaluation.evaluate(mdp, pi)
    np.testing.assert_allclose(value.V, series(mdp, pi, 400), atol=1e-12)
    np.testing.assert_allclose(np.sum(pi * value.Q, axis=1), value.V, atol=1e-12)
    np.testing.assert_allclose(np.sum(pi * value.adv, axis=1), 0, atol=1e-12)
    assert value.objective == pytest.approx(mdp.mu @ value.V, abs=1e-14)


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("states", [1, 30])
def test_sparse_equals_dense(gamma, states):
    mdp = environments.garnet(states=states, actions=3, branching=1, gamma=gamma, seed=4)
    pi = random_policy(mdp, RNG)
    dense, light = evaluation.evaluate(mdp, pi), evaluation.evaluate(thin(mdp), pi)
    np.testing.assert_allclose(light.V, dense.V, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(light.Q, dense.Q, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("form", [lambda m: m, thin], ids=["dense", "sparse"])
def test_both_linear_systems_are_solved(form):
    mdp = form(environments.garnet(states=8, actions=2, branching=3, gamma=0.97, seed=6))
    pi, b = random_policy(mdp, RNG), RNG.standard_normal(8)
    kernel = mdp.policy_kernel(pi)
    matrix = np.eye(8) - 0.97 * (kernel.toarray() if mdp.sparse else kernel)
    at = evaluation.evaluate(mdp, pi)
    np.testing.assert_allclose(matrix @ at.solve(b), b, atol=1e-10)
    np.testing.assert_allclose(matrix.T @ at.solve_transposed(b), b, atol=1e-10)
    np.testing.assert_array_equal(at.solve(np.zeros(8)), 0)


def test_an_iterative_solve_that_breaks_down_falls_back_on_the_factorisation(monkeypatch):
    mdp = thin(environments.garnet(states=8, actions=2, branching=3, gamma=0.97, seed=6))
    pi, b = random_policy(mdp, RNG), np.ones(8)
    expected = evaluation.evaluate(mdp, pi).solve(b)
    monkeypatch.setattr(
        evaluation.sparse_linalg, "bicgstab", lambda *_, **__: (np.full(8, np.nan), -10)
    )
    np.testing.assert_allclose(evaluation.evaluate(mdp, pi).solve(b), expected, rtol=1e-10)


def test_a_sparse_solve_survives_a_small_right_side(monkeypatch):
    """scipy's BiCGSTAB reports a breakdown for residuals near 1e-16; no slow LU may follow."""
    mdp = environments.garnet(
        states=10_000, actions=5, branching=2, gamma=0.999, seed=3, sparse_kernel=True
    )
    monkeypatch.setattr(evaluation.sparse_linalg, "splu", None)  # a fallback would raise
    pi = dist.softmax(np.random.default_rng(0).normal(size=(10_000, 5)))
    d = evaluation.evaluate(mdp, pi).d
    assert d.sum() == pytest.approx(1, abs=1e-11)
    assert visitation.flow_residual(mdp, pi, d) < 1e-15


def brute_force_optimum(mdp):
    policies = itertools.product(range(mdp.A), repeat=mdp.S)
    return np.max(
        [evaluation.evaluate(mdp, np.eye(mdp.A)[list(actions)]).V for actions in policies], axis=0
    )


@pytest.mark.parametrize("gamma", [0.0, 0.6, 0.99])
def test_policy_iteration_against_all_deterministic_policies(gamma):
    for seed in range(5):
        mdp = environments.garnet(states=4, actions=3, branching=2, gamma=gamma, seed=seed)
        best = evaluation.optimal(mdp)
        np.testing.assert_allclose(best.V, brute_force_optimum(mdp), rtol=1e-11)
        np.testing.assert_allclose(best.Q.max(axis=1), best.V, rtol=1e-11)
        np.testing.assert_allclose(evaluation.evaluate(mdp, best.pi).V, best.V, rtol=1e-12)
        assert best.residual <= 1e-10
        assert np.all(evaluation.evaluate(mdp, random_policy(mdp, RNG)).V <= best.V + 1e-12)


@pytest.mark.parametrize("tau", [0.0, TAU])
def test_a_solver_says_when_it_gave_up(tau):
    solver = partial(evaluation.soft_optimal, tau=tau) if tau else evaluation.optimal
    with pytest.raises(NotConverged, match="after 1 iterations"):
        solver(environments.two_state(0.9), max_iterations=1)


def exact_optimum(mdp):
    """V* in Fractions: the best of all deterministic policies, by elimination."""
    P = [[[Fraction(float(p)) for p in row] for row in rows] for rows in mdp.P]
    r = [[Fraction(float(x)) for x in row] for row in mdp.r]
    gamma, S = Fraction(mdp.gamma), mdp.S
    best = None
    for actions in itertools.product(range(mdp.A), repeat=S):
        M = [
            [(s == t) - gamma * P[s][actions[s]][t] for t in range(S)] + [r[s][actions[s]]]
            for s in range(S)
        ]
        for k in range(S):
            M[k] = [x / M[k][k] for x in M[k]]
            for i in range(S):
                if i != k:
                    M[i] = [x - M[i][k] * y for x, y in zip(M[i], M[k], strict=True)]
        V = [row[-1] for row in M]
        best = V if best is None else [max(x, y) for x, y in zip(best, V, strict=True)]
    return np.array([float(x) for x in best])


def dyadic(gamma, seed, scale=1.0):
    """A garnet whose rows of P sum to one exactly, also as Fractions."""
    mdp = environments.garnet(states=4, actions=3, branching=2, gamma=gamma, seed=seed)
    P = np.round(mdp.P * 2**20)
    P[..., -1] += 2**20 - P.sum(axis=2)
    return DiscountedMDP(P=np.abs(P) / 2**20, r=mdp.r * scale, mu=mdp.mu, gamma=gamma)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e-10, 1.0, 1e12, 1e300])
def test_policy_iteration_does_not_care_for_the_scale_of_rewards(scale):
    P = np.array([[[0.5, 0.5], [1, 0]], [[0, 1], [0.3, 0.7]]])
    r = np.array([[0, 1], [2, 3.0]])
    best = evaluation.optimal(DiscountedMDP(P=P, r=r * scale, mu=[1, 0], gamma=0.9))
    right = exact_optimum(DiscountedMDP(P=P, r=r, mu=[1, 0], gamma=0.9))
    np.testing.assert_allclose(best.V / scale, right, rtol=1e-14)
    assert best.certificate <= 1e-12 * scale


@pytest.mark.parametrize("gamma", [0.9, 1 - 1e-9, 1 - 1e-10, 1 - 1e-11, 1 - 1e-12])
@pytest.mark.parametrize("form", [lambda m: m, thin], ids=["dense", "sparse"])
def test_policy_iteration_for_gamma_near_one(gamma, form):
    for seed in range(5):
        mdp = dyadic(gamma, seed)
        right = exact_optimum(mdp)
        best = evaluation.optimal(form(mdp))
        error = np.abs(best.V - right).max()
        assert error <= 1e-12 * np.abs(right).max()
        assert error <= best.certificate + 4e-16 * np.abs(right).max()
        assert best.certificate <= 1e-14 / (1 - gamma)


def test_policy_iteration_tells_small_advantages_from_rounding():
    """A reward that is better by 1e-12 is taken, for ever; at gamma = 1 - 1e-9 it is worth 1e-3."""
    gain = 1e-12
    mdp = DiscountedMDP(P=np.ones((1, 2, 1)), r=[[0.5, 0.5 + gain]], mu=[1], gamma=1 - 1e-9)
    best = evaluation.optimal(mdp)
    np.testing.assert_array_equal(best.pi, [[0, 1]])
    np.testing.assert_allclose(best.V, (0.5 + gain) / (1 - (1 - 1e-9)), rtol=1e-15)
    assert best.iterations == 1
    back = DiscountedMDP(
        P=[[[0, 1.0], [0, 1.0]], [[1.0, 0], [1.0, 0]]],
        r=[[0, 0], [1, 1 - 1e-13]],
        mu=[1, 0],
        gamma=0.5,
    )
    np.testing.assert_array_equal(evaluation.optimal(back).pi[1], [1, 0])


def test_policy_iteration_says_when_values_overflow():
    mdp = DiscountedMDP(P=np.ones((1, 1, 1)), r=[[1.7e308]], mu=[1], gamma=0.9)
    with pytest.raises(
        NotConverged, match=r"values overflow, rewards up to 8.99e\+307 and gamma = 0.9"
    ):
        evaluation.optimal(mdp)
    fits = DiscountedMDP(P=np.ones((1, 1, 1)), r=[[1.7e308]], mu=[1], gamma=0.0)
    assert evaluation.optimal(fits).V == 1.7e308


# ------------------------------------------------------------------------- the policy as an object


def test_the_answers_of_a_policy_hang_together():
    model, theta, _ = case(0)
    at = evaluation.evaluate_softmax(model, theta, tau=TAU)
    np.testing.assert_array_equal(at.pi, softmax.policy(theta))
    np.testing.assert_array_equal(at.log_pi, softmax.log_policy(theta))
    np.testing.assert_array_equal(at.policy_entropy, softmax.policy_entropy(theta))
    assert at.mdp is model
    assert at.objective == pytest.approx(model.mu @ at.V, abs=1e-15)
    assert at.V is at.V  # found once


@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_probabilities_and_logits_give_the_same_policy(tau):
    model, theta, _ = case(1)
    by_pi = evaluation.evaluate(model, softmax.policy(theta), tau=tau)
    by_theta = evaluation.evaluate_softmax(model, theta + np.arange(5.0)[:, None], tau=tau)
    for name in ("V", "Q", "G", "adv", "d", "policy_entropy", "entropy_V", "entropy_Q"):
        np.testing.assert_allclose(getattr(by_pi, name), getattr(by_theta, name), atol=1e-12)
    assert by_pi.discounted_entropy == pytest.approx(by_theta.discounted_entropy, abs=1e-14)


def test_impossible_actions_keep_the_entropies_exact():
    mdp = environments.two_state(0.5, stay=0.75)
    at = evaluation.evaluate(mdp, [[1.0, 0.0], [0.5, 0.5]], tau=TAU)
    np.testing.assert_array_equal(at.policy_entropy, [0, np.log(2)])
    assert np.isfinite(at.V).all() and np.isfinite(at.entropy_V).all()
    assert (at.G[0, 1], at.entropy_Q[0, 1]) == (np.inf, np.inf)
    assert np.isfinite(evaluation.evaluate(mdp, [[1.0, 0.0], [0.5, 0.5]]).adv).all()


def test_no_answer_can_be_written_to_and_a_copy_finds_its_own():
    model, theta, _ = case(2, sparse_kernel=True)
    at = evaluation.evaluate_softmax(model, theta)
    twin = pickle.loads(pickle.dumps(at))
    for which in (at, twin):
        for name in ("pi", "log_pi", "V", "Q", "G", "adv", "d", "policy_entropy", "entropy_Q"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(which, name)[0] = 9
    np.testing.assert_array_equal(at.V, twin.V)
    assert at != twin
    with pytest.raises(AttributeError):
        at.tau = 1.0


def test_a_policy_shows_sizes_and_its_value_once_found():
    at = evaluation.evaluate(environments.two_state(0.5, stay=0.75), np.full((2, 2), 0.5))
    assert repr(at) == "PolicyInMDP(S=2, A=2, gamma=0.5, tau=0)"
    assert at.objective == 0.25
    assert repr(at) == "PolicyInMDP(S=2, A=2, gamma=0.5, tau=0, objective=0.25)"


# ---------------------------------------------------------------------------- with an entropy bonus


@pytest.mark.parametrize("tau", [-0.5, 0.0, 0.7])
@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.999])
def test_soft_values_satisfy_their_definition(tau, gamma):
    model, theta, _ = case(1, gamma=gamma)
    value = evaluation.evaluate_softmax(model, theta, tau=tau)
    pi = dist.softmax(theta)
    reward = np.sum(pi * model.r, axis=1) + tau * softmax.policy_entropy(theta)
    expected = np.linalg.inv(np.eye(5) - gamma * model.policy_kernel(pi)) @ reward
    rounding = 1e-13 / (1 - gamma)  # the system's condition, and V may be small beside r
    np.testing.assert_allclose(value.V, expected, rtol=rounding)
    np.testing.assert_allclose(np.sum(pi * value.G, axis=1), value.V, rtol=rounding)
    np.testing.assert_allclose(np.sum(pi * value.adv, axis=1), 0, atol=1e-10)


# ----------------------------------------------------------------------------------------- optimum


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("tau", [1e-3, 0.3, 50.0])
@pytest.mark.parametrize("sparse_kernel", [False, True])
def test_soft_optimum_is_the_fixed_point(gamma, tau, sparse_kernel):
    model, *_ = case(7, states=40, gamma=gamma, sparse_kernel=sparse_kernel)
    best = evaluation.soft_optimal(model, tau=tau)
    assert best.certificate == best.residual / (1 - gamma) and best.residual <= 1e-12 * max(
        1, np.abs(best.V).max()
    )
    np.testing.assert_allclose(
        evaluation.soft_backup(model, best.V, tau=tau), best.V, rtol=1e-11, atol=1e-12
    )
    np.testing.assert_allclose(best.log_pi, dist.log_softmax(best.Q / tau), atol=1e-12)


# --------------------------------------------------------------------------------------- rejection

TWO = environments.two_state(0.9)
test_bad_input_is_refused = refusals(
    (lambda: evaluation.evaluate(TWO, [[0.5, 0.6], [0.5, 0.5]]), r"pi\[0\] sums to 1.1"),
    (lambda: evaluation.evaluate(TWO, np.eye(2)).solve(np.zeros((2, 1))), r"b: shape \(2, 1\)"),
    (lambda: evaluation.evaluate_softmax(TWO, np.full((2, 2), -np.inf)), r"theta\[0, 0\] = -inf"),
)
