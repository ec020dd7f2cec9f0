"""Exact evaluation against hand solutions, truncated series, brute force over policies; dense = sparse; refusals."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from rlentropy.discounted import environments as discounted_environments
from rlentropy.discounted import evaluation
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic import environments, induction
from rlentropy.validation import NotConverged

RNG = np.random.default_rng(11)


def policy(mdp, rng=RNG):
    return rng.dirichlet(np.ones(mdp.A), size=mdp.S)


def thin(mdp):
    rows = sparse.csr_array(mdp.P.reshape(mdp.S * mdp.A, mdp.S))
    return DiscountedMDP(P=rows, r=mdp.r, mu=mdp.mu, gamma=mdp.gamma)


# ------------------------------------------------------------------------------------------------------ closed forms


def test_two_state_values_in_fractions():
    # policy (1/2, 1/2) on two_state(1/2, stay=3/4): P_pi has all entries 1/2, r_pi = (0, 1/2), so
    # V = r_pi + gamma/(1-gamma) * mean(r_pi) = (1/4, 3/4)
    value = evaluation.evaluate(discounted_environments.two_state(0.5, stay=0.75), np.full((2, 2), 0.5))
    np.testing.assert_allclose(value.V, [1 / 4, 3 / 4], rtol=1e-15)
    q10 = Fraction(1) + Fraction(1, 2) * (Fraction(1, 4) * Fraction(1, 4) + Fraction(3, 4) * Fraction(3, 4))
    assert value.Q[1, 0] == pytest.approx(float(q10), rel=1e-15)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9999])
def test_constant_rewards_are_worth_one_over_one_minus_gamma(gamma):
    base = discounted_environments.garnet(6, 3, 2, gamma, seed=2)
    mdp = DiscountedMDP(P=base.P, r=np.full((6, 3), 2.0), mu=base.mu, gamma=gamma)
    for model in (mdp, thin(mdp)):
        value = evaluation.evaluate(model, policy(mdp))
        np.testing.assert_allclose(value.V, 2 / (1 - gamma), rtol=1e-11)
        np.testing.assert_allclose(value.adv, 0, atol=1e-11 / (1 - gamma))


# --------------------------------------------------------------------------------- invariants and independent oracles


def series(mdp, pi, terms):
    """sum_{t < terms} gamma^t P_pi^t r_pi, by repeated multiplication."""
    kernel, reward = mdp.policy_kernel(pi), np.sum(pi * mdp.r, axis=1)
    total = np.zeros(mdp.S)
    for t in range(terms):
        total += mdp.gamma**t * reward
        reward = kernel @ reward
    return total


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.9]), st.integers(1, 6), st.integers(1, 4))
def test_values_are_the_discounted_series(seed, gamma, S, A):
    mdp = discounted_environments.garnet(S, A, max(1, S // 2), gamma, seed)
    pi = policy(mdp, np.random.default_rng(seed))
    value = evaluation.evaluate(mdp, pi)
    np.testing.assert_allclose(value.V, series(mdp, pi, 400), atol=1e-12)
    np.testing.assert_allclose(np.sum(pi * value.Q, axis=1), value.V, atol=1e-12)
    np.testing.assert_allclose(np.sum(pi * value.adv, axis=1), 0, atol=1e-12)
    assert evaluation.objective(mdp, pi) == pytest.approx(mdp.mu @ value.V, abs=1e-14)


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("states", [1, 30])
def test_sparse_equals_dense(gamma, states):
    mdp = discounted_environments.garnet(states, 3, 1, gamma, seed=4)
    pi = policy(mdp)
    dense, light = evaluation.evaluate(mdp, pi), evaluation.evaluate(thin(mdp), pi)
    np.testing.assert_allclose(light.V, dense.V, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(light.Q, dense.Q, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("form", [lambda m: m, thin], ids=["dense", "sparse"])
def test_the_solver_solves_both_systems(form):
    mdp = form(discounted_environments.garnet(8, 2, 3, 0.97, seed=6))
    pi, b = policy(mdp), RNG.standard_normal(8)
    kernel = mdp.policy_kernel(pi)
    matrix = np.eye(8) - 0.97 * (kernel.toarray() if mdp.sparse else kernel)
    solver = evaluation.policy_solver(mdp, pi)
    np.testing.assert_allclose(matrix @ solver.solve(b), b, atol=1e-10)
    np.testing.assert_allclose(matrix.T @ solver.solve_transposed(b), b, atol=1e-10)
    np.testing.assert_array_equal(solver.solve(np.zeros(8)), 0)


def test_an_iterative_solve_that_breaks_down_falls_back_on_the_factorisation(monkeypatch):
    mdp = thin(discounted_environments.garnet(8, 2, 3, 0.97, seed=6))
    pi, b = policy(mdp), np.ones(8)
    expected = evaluation.policy_solver(mdp, pi).solve(b)
    monkeypatch.setattr(evaluation.sparse_linalg, "bicgstab", lambda *_, **__: (np.full(8, np.nan), -10))
    np.testing.assert_allclose(evaluation.policy_solver(mdp, pi).solve(b), expected, rtol=1e-10)


def test_a_deterministic_policy_with_exact_zeros():
    mdp = discounted_environments.two_state(0.5, stay=1.0)
    value = evaluation.evaluate(mdp, np.array([[0.0, 1.0], [1.0, 0.0]]))  # move once, then stay for ever
    np.testing.assert_allclose(value.V, [1, 2])


def brute_force_optimum(mdp):
    policies = itertools.product(range(mdp.A), repeat=mdp.S)
    return np.max([evaluation.evaluate(mdp, np.eye(mdp.A)[list(actions)]).V for actions in policies], axis=0)


@pytest.mark.parametrize("gamma", [0.0, 0.6, 0.99])
def test_policy_iteration_against_all_deterministic_policies(gamma):
    for seed in range(5):
        mdp = discounted_environments.garnet(4, 3, 2, gamma, seed)
        best = evaluation.optimal(mdp)
        np.testing.assert_allclose(best.V, brute_force_optimum(mdp), rtol=1e-11)
        np.testing.assert_allclose(best.Q.max(axis=1), best.V, rtol=1e-11)
        np.testing.assert_allclose(evaluation.evaluate(mdp, best.pi).V, best.V, rtol=1e-12)
        assert best.residual <= 1e-10
        assert np.all(evaluation.evaluate(mdp, policy(mdp)).V <= best.V + 1e-12)


def test_policy_iteration_at_gamma_0_9999_and_with_ties():
    mdp = discounted_environments.garnet(10, 3, 2, 0.9999, seed=1)
    best = evaluation.optimal(mdp)
    assert best.residual < 1e-6
    assert evaluation.optimal(discounted_environments.bandit([1.0, 1.0, 1.0])).iterations == 1


def test_policy_iteration_says_when_it_gave_up():
    with pytest.raises(NotConverged, match="after 1 iterations"):
        evaluation.optimal(discounted_environments.two_state(0.9), max_iterations=1)


# ---------------------------------------------------------------------------------------------------------- episodic


def enumerated_value(mdp, pi, reward):
    """E sum_h reward_h(s_h, a_h) as a sum over all trajectories."""
    dense, total = mdp.dense(), 0.0
    pairs = list(itertools.product(range(mdp.S), range(mdp.A)))
    for path in itertools.product(pairs, repeat=mdp.H):
        p = float(path[0][0] == mdp.start)
        for h, (s, a) in enumerate(path):
            p *= pi[h, s, a] * (dense[h, s, a, path[h + 1][0]] if h + 1 < mdp.H else 1)
        total += p * sum(reward[h, s, a] for h, (s, a) in enumerate(path))
    return total


def test_episodic_values_against_enumeration_of_trajectories():
    mdp = environments.garnet(3, 2, 3, 2, seed=5)
    pi = RNG.dirichlet(np.ones(2), size=(3, 3))
    reward = RNG.standard_normal((3, 3, 2))
    V = induction.evaluate(mdp, pi, reward)
    assert V[0, mdp.start] == pytest.approx(enumerated_value(mdp, pi, reward), abs=1e-13)


def test_best_response_against_all_deterministic_policies():
    mdp = environments.garnet(2, 2, 3, 2, seed=9)
    reward = RNG.standard_normal((3, 2, 2))
    value, actions = induction.best_response(mdp, reward)
    candidates = itertools.product(range(2), repeat=6)
    values = [
        induction.evaluate(mdp, induction.deterministic_policy(np.reshape(c, (3, 2)), 2), reward)[0, mdp.start]
        for c in candidates
    ]
    assert value == pytest.approx(max(values), abs=1e-14)
    realised = induction.evaluate(mdp, induction.deterministic_policy(actions, 2), reward)
    assert realised[0, mdp.start] == pytest.approx(value, abs=1e-14)


def test_best_response_takes_infinite_rewards_and_the_first_of_equals():
    mdp = environments.double_chain(3, 0.0, 2)
    reward = np.zeros((2, 3, 2))
    value, actions = induction.best_response(mdp, reward)
    assert (value, actions.max()) == (0, 0)
    reward[1, 2] = np.inf
    assert induction.best_response(mdp, reward)[0] == np.inf
    reward[1] = -np.inf
    assert induction.best_response(mdp, reward)[0] == -np.inf


# --------------------------------------------------------------------------------------------------------- rejection

TWO = discounted_environments.two_state(0.9)
CHAIN = environments.double_chain(3, 0.1, 2)
UNIFORM = np.full((2, 3, 2), 0.5)
REFUSALS = [
    (lambda: evaluation.optimal(TWO, max_iterations=0), "max_iterations = 0: must be >= 1"),
    (lambda: evaluation.evaluate(TWO, [[0.5, 0.6], [0.5, 0.5]]), r"pi\[0\] sums to 1.1"),
    (lambda: evaluation.evaluate(TWO, [[0.5, 0.5]]), r"pi: shape \(1, 2\), expected \(2, 2\)"),
    (lambda: evaluation.evaluate(TWO, [[0.5, 0.5], [1.5, -0.5]]), r"pi\[1, 1\] = -0.5"),
    (lambda: evaluation.policy_solver(TWO, [[0.5, np.nan], [1, 0]]), r"pi\[0, 1\] = nan"),
    (lambda: induction.evaluate(CHAIN, UNIFORM[:1], np.zeros((2, 3, 2))), r"pi: shape \(1, 3, 2\)"),
    (lambda: induction.evaluate(CHAIN, UNIFORM + 0.1, np.zeros((2, 3, 2))), r"pi\[0, 0\] sums to 1.2"),
    (lambda: induction.evaluate(CHAIN, UNIFORM, np.zeros((2, 3))), r"reward: shape \(2, 3\)"),
    (lambda: induction.best_response(CHAIN, np.zeros((2, 3))), r"reward: shape \(2, 3\)"),
    (lambda: induction.best_response(CHAIN, np.full((2, 3, 2), np.nan)), r"reward\[0, 0, 0\] = nan"),
    (lambda: induction.deterministic_policy(np.array([[0, 2]]), 2), r"actions\[0, 1\] = 2"),
    (lambda: induction.deterministic_policy(np.array([[-1, 0]]), 2), r"actions\[0, 0\] = -1"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS, ids=range(len(REFUSALS)))
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
