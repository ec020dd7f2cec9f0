"""Sampled transitions against the kernel they are drawn from; exact roll-outs against matrix products."""

import numpy as np
import pytest
from refusals import refusals

from rlentropy.episodic import visitation
from rlentropy.episodic.environments import double_chain, garnet, grid_world
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import simulator

CASES = {
    "chain": double_chain(length=7, failure=0.1, horizon=5),
    "grid": grid_world(rows=3, cols=4, success=0.8, horizon=4),
    "a kernel per stage": garnet(states=6, actions=3, horizon=4, branching=3, seed=0),
    "long rows": garnet(states=40, actions=2, horizon=3, branching=40, seed=1),
    "one state, one stage": EpisodicMDP(P=np.ones((1, 2, 1)), horizon=1, start=0),
}
both = pytest.mark.parametrize("mdp", CASES.values(), ids=CASES)


def random_policy(mdp, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(mdp.A), size=(mdp.H, mdp.S))


@both
def test_draw_inverts_the_distribution_function(mdp):
    """For each row, the fraction of an even grid of uniform numbers sent to s' is p(s'), up to one grid cell."""
    world, grid = simulator.world(mdp), (np.arange(1000) + 0.5) / 1000
    for h in range(mdp.H - 1):
        for row in (0, mdp.S * mdp.A - 1):
            states = [simulator.draw(world, h, row, u) for u in grid]
            share = np.bincount(states, minlength=mdp.S) / 1000
            np.testing.assert_allclose(share, mdp.kernel(h).toarray()[row], atol=1.001e-3)


def test_draw_at_the_ends_of_the_interval():
    mdp = EpisodicMDP(
        P=[[[0.0, 1.0, 0.0]], [[0.3, 0.0, 0.7]], [[1.0, 0.0, 0.0]]], horizon=2, start=0
    )
    world = simulator.world(mdp)
    assert [simulator.draw(world, 0, row, 0.0) for row in range(3)] == [1, 0, 0]
    assert [simulator.draw(world, 0, row, np.nextafter(1, 0)) for row in range(3)] == [1, 2, 0]


@both
def test_exact_visitation_of_a_deterministic_policy(mdp):
    actions = np.random.default_rng(2).integers(mdp.A, size=(mdp.H, mdp.S))
    total, mass = np.ones((mdp.H, mdp.S, mdp.A)), np.zeros((2, mdp.S))
    simulator.add_visitation(simulator.world(mdp), actions, mass, total)
    expected = 1 + visitation.push_forward(mdp, np.eye(mdp.A)[actions])
    np.testing.assert_allclose(total, expected, atol=1e-14)
    assert (mass == 0).all()


@both
def test_rollouts_follow_the_visitation(mdp):
    """Frequencies stay within five standard errors (and ten counts, for rare events) of the exact ones."""
    pi, episodes = random_policy(mdp), 20_000
    rare = 10 / episodes
    states, actions = simulator.rollouts(mdp, pi, episodes, 1)
    d = visitation.policy_visitation(mdp, pi)
    error = 5 * np.sqrt(d * (1 - d) / episodes)
    n = simulator.counts(states, actions, mdp.S, mdp.A)
    assert (np.abs(n / episodes - d) <= error + rare).all()
    np.testing.assert_array_equal(simulator.roll_out(mdp, pi, episodes, 1), n)
    if mdp.H > 1:
        joint = d[:-1, :, :, None] * mdp.dense()
        moves = simulator.transition_counts(states, actions, mdp.S, mdp.A) / episodes
        assert (np.abs(moves - joint) <= 5 * np.sqrt(joint * (1 - joint) / episodes) + rare).all()
        assert (moves[joint == 0] == 0).all()


def test_actions_of_probability_zero_are_never_taken():
    mdp = EpisodicMDP(P=np.ones((1, 4, 1)), horizon=3, start=0)
    pi = np.broadcast_to([0.0, 0.7, 0.3, 0.0], (3, 1, 4))
    _, actions = simulator.rollouts(mdp, pi, 5000, 0)
    assert set(np.unique(actions)) == {1, 2}


def test_same_seed_same_episodes():
    mdp = CASES["chain"]
    pi = random_policy(mdp)
    first, second = (simulator.rollouts(mdp, pi, 50, s) for s in (3, np.random.SeedSequence(3)))
    np.testing.assert_array_equal(first, second)
    assert (first[0] != simulator.rollouts(mdp, pi, 50, 4)[0]).any()


def test_counts_by_hand():
    states, actions = [[0, 1, 1], [0, 0, 1], [0, 1, 0]], [[1, 0, 0], [0, 0, 1], [1, 0, 0]]
    n = simulator.counts(states, actions, 2, 2)
    assert n[0].tolist() == [[1, 2], [0, 0]]
    assert n[2].tolist() == [[1, 0], [1, 1]]
    moves = simulator.transition_counts(states, actions, 2, 2)
    assert moves[0, 0, 1].tolist() == [0, 2]
    assert moves[1, 1, 0].tolist() == [1, 1]
    assert moves[0, 1].sum() == 0  # state 1 was not visited at the first stage


def test_no_episode():
    states, actions = simulator.rollouts(CASES["chain"], random_policy(CASES["chain"]), 0, 0)
    assert states.shape == actions.shape == (0, 5)
    assert simulator.counts(states, actions, 7, 2).sum() == 0


test_bad_input_is_named = refusals(
    (lambda: simulator.rollouts(CASES["chain"], np.ones((5, 7, 2)), 3, 0), "sums to 2"),
    (lambda: simulator.counts([[0, 9]], [[0, 0]], 7, 2), r"states\[0, 1\] = 9"),
    (lambda: simulator.counts([[0, 1]], [[0, -1]], 7, 2), r"actions\[0, 1\] = -1"),
    (lambda: simulator.counts([0, 1], [0, 1], 7, 2), "states: 1 axes"),
    (lambda: simulator.counts([[0, 1]], [[0]], 7, 2), "differs from that of states"),
)
