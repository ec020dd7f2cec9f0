"""Visitations against series, enumeration of trajectories and the flow equations; visited states;
refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusals
from worlds import island, random_policy, thin

from rlentropy.discounted import environments, evaluation, visitation
from rlentropy.discounted.mdp import DiscountedMDP

RNG = np.random.default_rng(12)


@given(
    st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 0.9]), st.integers(1, 6), st.integers(1, 3)
)
def test_visitation_is_the_series_a_distribution_and_stationary_in_flow(seed, gamma, S, A):
    rng = np.random.default_rng(seed)
    base = environments.garnet(states=S, actions=A, branching=1, gamma=gamma, seed=seed)
    mdp = DiscountedMDP(P=base.P, r=base.r, mu=rng.dirichlet(np.ones(S)), gamma=gamma)
    pi = random_policy(mdp, rng)
    d, where, total = evaluation.evaluate(mdp, pi).d, mdp.mu, np.zeros(S)
    for t in range(500):
        total += (1 - gamma) * gamma**t * where
        where = where @ mdp.policy_kernel(pi)
    np.testing.assert_allclose(d, total, atol=1e-13)
    assert d.min() >= 0
    assert d.sum() == pytest.approx(1, abs=1e-13)
    assert visitation.flow_residual(mdp, pi, d) < 1e-14
    reward = d @ np.sum(pi * mdp.r, axis=1)
    assert reward == pytest.approx((1 - gamma) * evaluation.evaluate(mdp, pi).objective, abs=1e-13)


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.9999])
def test_sparse_equals_dense(gamma):
    mdp = environments.garnet(states=30, actions=2, branching=2, gamma=gamma, seed=3)
    pi = random_policy(mdp, RNG)
    dense, light = evaluation.evaluate(mdp, pi).d, evaluation.evaluate(thin(mdp), pi).d
    np.testing.assert_allclose(light, dense, atol=1e-10)
    assert light.sum() == pytest.approx(1, abs=1e-9)
    np.testing.assert_array_equal(visitation.visited(mdp, pi), visitation.visited(thin(mdp), pi))


@pytest.mark.parametrize("form", [lambda m: m, thin], ids=["dense", "sparse"])
def test_visited_states_are_decided_without_rounding(form):
    for seed in range(20):
        mdp = form(island(0.99, seed=seed))
        pi = random_policy(mdp, seed)
        np.testing.assert_array_equal(visitation.visited(mdp, pi), [True, True, True, False, False])
        # rounding times 1 / (1 - gamma)
        assert evaluation.evaluate(mdp, pi).d[3:].max() < 1e-14


def test_visited_states_along_a_chain_and_by_policy():
    chain = environments.grid_world(rows=1, cols=6, success=1.0, gamma=0.5)
    right, stay = np.tile([0, 0, 0, 1.0], (6, 1)), np.tile([1.0, 0, 0, 0], (6, 1))
    assert visitation.visited(chain, right).all()
    np.testing.assert_array_equal(visitation.visited(chain, stay), np.eye(6, dtype=bool)[0])
    at_once = environments.grid_world(rows=1, cols=6, success=1.0, gamma=0.0)
    np.testing.assert_array_equal(visitation.visited(at_once, right), np.eye(6, dtype=bool)[0])


def test_flow_residual_sees_a_wrong_visitation():
    mdp, pi = island(), np.full((5, 2), 0.5)
    d = evaluation.evaluate(mdp, pi).d
    assert visitation.flow_residual(mdp, pi, d[::-1]) > 0.01
    assert visitation.flow_residual(mdp, pi, 2 * d) > 0.01


test_bad_input_is_refused = refusals(
    (lambda: evaluation.evaluate(island(), np.full((5, 3), 1 / 3)), r"pi: shape \(5, 3\)"),
    (lambda: visitation.visited(island(), np.full((5, 2), 0.7)), r"pi\[0\] sums to 1.4"),
)
