"""Visitations against series, enumeration of trajectories and the flow equations; visited states; refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from rlentropy.discounted import environments as discounted_environments
from rlentropy.discounted import evaluation
from rlentropy.discounted import visitation as discounted_visitation
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic import environments
from rlentropy.episodic import visitation as vis

RNG = np.random.default_rng(12)


def thin(mdp):
    rows = sparse.csr_array(mdp.P.reshape(mdp.S * mdp.A, mdp.S))
    return DiscountedMDP(P=rows, r=mdp.r, mu=mdp.mu, gamma=mdp.gamma)


def island(gamma=0.9, *, seed=0):
    """States 0, 1, 2 are closed and hold the start; states 3, 4 lead everywhere but are never entered."""
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(5), size=(5, 2))
    P[:3, :, 3:] = 0
    P /= P.sum(axis=2, keepdims=True)
    return DiscountedMDP(P=P, r=rng.standard_normal((5, 2)), mu=[0.5, 0.5, 0, 0, 0], gamma=gamma)


# -------------------------------------------------------------------------------------------------------- discounted


def test_two_state_by_hand():
    # all entries of P_pi are 1/2: d = (1-gamma) mu + gamma (1/2, 1/2) = (3/4, 1/4) at gamma = 1/2
    mdp = discounted_environments.two_state(0.5, stay=0.75)
    np.testing.assert_allclose(discounted_visitation.policy_visitation(mdp, np.full((2, 2), 0.5)), [0.75, 0.25], rtol=1e-15)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 0.9]), st.integers(1, 6), st.integers(1, 3))
def test_discounted_visitation_is_the_series_a_distribution_and_stationary_in_flow(seed, gamma, S, A):
    rng = np.random.default_rng(seed)
    base = discounted_environments.garnet(S, A, 1, gamma, seed)
    mdp = DiscountedMDP(P=base.P, r=base.r, mu=rng.dirichlet(np.ones(S)), gamma=gamma)
    pi = rng.dirichlet(np.ones(A), size=S)
    d, where, total = discounted_visitation.policy_visitation(mdp, pi), mdp.mu, np.zeros(S)
    for t in range(500):
        total += (1 - gamma) * gamma**t * where
        where = where @ mdp.policy_kernel(pi)
    np.testing.assert_allclose(d, total, atol=1e-13)
    assert d.min() >= 0
    assert d.sum() == pytest.approx(1, abs=1e-13)
    assert discounted_visitation.flow_residual(mdp, pi, d) < 1e-14
    reward = d @ np.sum(pi * mdp.r, axis=1)
    assert reward == pytest.approx((1 - gamma) * evaluation.objective(mdp, pi), abs=1e-13)


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.9999])
def test_sparse_equals_dense(gamma):
    mdp = discounted_environments.garnet(30, 2, 2, gamma, seed=3)
    pi = RNG.dirichlet(np.ones(2), size=30)
    dense, light = discounted_visitation.policy_visitation(mdp, pi), discounted_visitation.policy_visitation(thin(mdp), pi)
    np.testing.assert_allclose(light, dense, atol=1e-10)
    assert light.sum() == pytest.approx(1, abs=1e-9)
    np.testing.assert_array_equal(discounted_visitation.visited(mdp, pi), discounted_visitation.visited(thin(mdp), pi))


@pytest.mark.parametrize("form", [lambda m: m, thin], ids=["dense", "sparse"])
def test_visited_states_are_decided_without_rounding(form):
    for seed in range(20):
        mdp = form(island(0.99, seed=seed))
        pi = np.random.default_rng(seed).dirichlet(np.ones(2), size=5)
        np.testing.assert_array_equal(discounted_visitation.visited(mdp, pi), [True, True, True, False, False])
        assert discounted_visitation.policy_visitation(mdp, pi)[3:].max() < 1e-15


def test_visited_states_along_a_chain_and_by_policy():
    chain = discounted_environments.grid_world(1, 6, 1.0, 0.5)
    right, stay = np.tile([0, 0, 0, 1.0], (6, 1)), np.tile([1.0, 0, 0, 0], (6, 1))
    assert discounted_visitation.visited(chain, right).all()
    np.testing.assert_array_equal(discounted_visitation.visited(chain, stay), np.eye(6, dtype=bool)[0])
    at_once = discounted_environments.grid_world(1, 6, 1.0, 0.0)
    np.testing.assert_array_equal(discounted_visitation.visited(at_once, right), np.eye(6, dtype=bool)[0])


def test_flow_residual_sees_a_wrong_visitation():
    mdp, pi = island(), np.full((5, 2), 0.5)
    d = discounted_visitation.policy_visitation(mdp, pi)
    assert discounted_visitation.flow_residual(mdp, pi, d[::-1]) > 0.01
    assert discounted_visitation.flow_residual(mdp, pi, 2 * d) > 0.01


# ---------------------------------------------------------------------------------------------------------- episodic


def enumerated_visitation(mdp, pi):
    dense, d = mdp.dense(), np.zeros((mdp.H, mdp.S, mdp.A))
    pairs = list(itertools.product(range(mdp.S), range(mdp.A)))
    for path in itertools.product(pairs, repeat=mdp.H):
        p = float(path[0][0] == mdp.start)
        for h, (s, a) in enumerate(path):
            p *= pi[h, s, a] * (dense[h, s, a, path[h + 1][0]] if h + 1 < mdp.H else 1)
        for h, (s, a) in enumerate(path):
            d[h, s, a] += p
    return d


@pytest.mark.parametrize("stationary", [True, False])
def test_episodic_visitation_against_enumeration(stationary):
    mdp = environments.garnet(3, 2, 3, 2, seed=4, stationary=stationary)
    pi = RNG.dirichlet(np.ones(2), size=(3, 3))
    d = vis.policy_visitation(mdp, pi)
    np.testing.assert_allclose(d, enumerated_visitation(mdp, pi), atol=1e-14)
    assert vis.flow_residual(mdp, d) < 1e-15
    np.testing.assert_allclose(d.sum(axis=(1, 2)), 1, atol=1e-14)
    np.testing.assert_allclose((d > 0).any(axis=2), mdp.reachable())


def test_horizon_one_and_one_state():
    mdp = environments.double_chain(1, 0.1, 1)
    d = vis.policy_visitation(mdp, np.array([[[0.3, 0.7]]]))
    np.testing.assert_array_equal(d, [[[0.3, 0.7]]])
    assert vis.flow_residual(mdp, d) == 0


def test_markov_policy_inverts_the_visitation():
    mdp = environments.garnet(4, 3, 3, 2, seed=4)
    pi = RNG.dirichlet(np.ones(3), size=(3, 4))
    d = vis.policy_visitation(mdp, pi)
    back = vis.markov_policy(d)
    np.testing.assert_allclose(back[d.sum(axis=2) > 0], pi[d.sum(axis=2) > 0], atol=1e-14)
    np.testing.assert_allclose(back[d.sum(axis=2) == 0], 1 / 3)
    np.testing.assert_allclose(vis.policy_visitation(mdp, back), d, atol=1e-15)


def test_mixture_is_realised_by_its_markov_policy_and_not_by_the_average_policy():
    mdp = environments.garnet(3, 2, 4, 2, seed=8)
    pis = RNG.dirichlet([0.3, 0.3], size=(2, 4, 3))
    ds = np.array([vis.policy_visitation(mdp, pi) for pi in pis])
    d = vis.mixture([0.25, 0.75], ds)
    np.testing.assert_allclose(d, 0.25 * ds[0] + 0.75 * ds[1], atol=1e-16)
    assert vis.flow_residual(mdp, d) < 1e-15
    np.testing.assert_allclose(vis.policy_visitation(mdp, vis.markov_policy(d)), d, atol=1e-15)
    average = vis.policy_visitation(mdp, 0.25 * pis[0] + 0.75 * pis[1])
    assert np.abs(average - d).max() > 1e-3


def test_flow_residual_sees_negative_mass_and_wrong_flow():
    mdp = environments.double_chain(3, 0.1, 3)
    d = vis.policy_visitation(mdp, np.full((3, 3, 2), 0.5))
    shifted = d.copy()
    shifted[1, 0] += [-0.5, 0.5]  # keeps every state's mass, spoils the sign
    assert vis.flow_residual(mdp, shifted) >= 0.2
    wrong = d.copy()
    wrong[2] = wrong[1]
    assert vis.flow_residual(mdp, wrong) > 0.1


CHAIN = environments.double_chain(3, 0.1, 2)
REFUSALS = [
    (lambda: vis.policy_visitation(CHAIN, np.full((2, 3, 2), 0.6)), r"pi\[0, 0\] sums to 1.2"),
    (lambda: vis.policy_visitation(CHAIN, np.full((3, 3, 2), 0.5)), r"pi: shape \(3, 3, 2\)"),
    (lambda: vis.flow_residual(CHAIN, np.full((2, 3), 0.5)), r"d: shape \(2, 3\)"),
    (lambda: vis.flow_residual(CHAIN, np.full((2, 3, 2), np.nan)), r"d\[0, 0, 0\] = nan"),
    (lambda: vis.markov_policy([[0.5, np.nan]]), r"d\[0, 1\] = nan"),
    (lambda: vis.mixture([0.5, 0.6], np.zeros((2, 1, 1, 1))), "weights sums to 1.1"),
    (lambda: vis.mixture([1.0], np.zeros((2, 1, 1, 1))), r"ds: shape \(2, 1, 1, 1\), expected \(1, any, any, any\)"),
    (lambda: vis.mixture([], np.zeros((0, 1, 1, 1))), "weights: .*empty axis 0"),
    (lambda: discounted_visitation.policy_visitation(island(), np.full((5, 3), 1 / 3)), r"pi: shape \(5, 3\)"),
    (lambda: discounted_visitation.visited(island(), np.full((5, 2), 0.7)), r"pi\[0\] sums to 1.4"),
    (lambda: discounted_visitation.flow_residual(island(), np.full((5, 2), 0.5), np.ones(4)), r"d: shape \(4,\)"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS, ids=range(len(REFUSALS)))
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
