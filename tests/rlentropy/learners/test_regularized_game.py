"""The regularised game against a plain NumPy twin on the same random numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_learners import choose, difference, masked, next_state, widened

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy.episodic import environments
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import regularized_game
from rlentropy.seeds import generator

WORLD = environments.garnet(states=3, actions=2, horizon=3, branching=3, seed=0)


def plan(n, m, t, delta, bonus_scale, available):
    """Qbar as alg-regularised-game states it, of the actions that there are."""
    H, S, _ = n.shape
    A = max(len(np.flatnonzero(row)) for row in available)
    Q, V = np.zeros(n.shape), np.zeros(S)
    for h in reversed(range(H)):
        u = (H - 1 - h) * (np.log(t + S) + np.log(A))
        hat = m[h] / np.maximum(n[h], 1)[..., None]
        eps = confidence.total_variation_radius(np.maximum(n[h], 1), S, A, H, delta)
        ahead = np.where(n[h] > 0, np.minimum(u, hat @ V + bonus_scale * u * eps), u)
        Q[h] = -np.log((n[h].sum(axis=1) + 1) / (t + S))[:, None] + ahead
        Q[h][~available] = -np.inf
        V = dist.logsumexp(Q[h])
    return Q


def twin(mdp, episodes, seed, *, delta, bonus_scale):
    H, S, A = mdp.H, mdp.S, mdp.A
    n, m = np.zeros((H, S, A)), np.zeros((H, S, A, S))
    history, seen = [], []
    for t, uniforms in enumerate(generator(seed).random((episodes, 2 * H - 1))):
        Q = plan(n, m, t, delta, bonus_scale, mdp.available)
        history.append(Q)
        s, path = mdp.start, []
        for h in range(H):
            path.append(s)
            a = choose(Q[h, s], uniforms[2 * h])
            n[h, s, a] += 1
            if h < H - 1:
                following = next_state(mdp, h, s, a, uniforms[2 * h + 1])
                m[h, s, a, following] += 1
                s = following
        seen.append(path)
    return history, seen, n, plan(n, m, episodes, delta, bonus_scale, mdp.available)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(0, 30),
    st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 1.0]), st.booleans(),
)  # fmt: skip
def test_kernel_equals_twin(S, A, H, episodes, seed, bonus_scale, some):
    mdp = environments.garnet(states=S, actions=A, horizon=H, branching=1 + seed % S, seed=seed)
    mdp = masked(mdp, seed) if some else mdp
    history, seen, n, Q = twin(mdp, episodes, seed, delta=0.1, bonus_scale=bonus_scale)
    run = regularized_game.run(mdp, episodes, seed, bonus_scale=bonus_scale)
    assert np.array_equal(run.counts, n)
    assert difference(run.Q, Q) < 1e-9
    blocks = list(regularized_game.play(mdp, episodes, seed, bonus_scale=bonus_scale, block=7))
    if episodes:
        assert difference(np.concatenate([x.Q for x in blocks]), np.array(history)) < 1e-9
        assert np.array_equal(np.concatenate([x.states for x in blocks]), seen)
        assert [x.first for x in blocks] == list(range(0, episodes, 7))


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_masked_action_is_one_that_does_not_exist(place):
    """Bit for bit: an action more that no state has."""
    mdp = masked(environments.garnet(states=4, actions=3, horizon=4, branching=2, seed=5), 1)
    without = np.delete(np.arange(4), place)
    plain = regularized_game.run(mdp, 500, 9, bonus_scale=0.1)
    found = regularized_game.run(widened(mdp, place), 500, 9, bonus_scale=0.1)
    assert found.counts[:, :, place].sum() == 0
    assert (found.policy[:, :, place] == 0).all()
    np.testing.assert_array_equal(found.counts[:, :, without], plain.counts)
    np.testing.assert_array_equal(found.Q[:, :, without], plain.Q)


def test_blocks_tell_what_was_counted_before():
    first, second = regularized_game.play(WORLD, 40, 3, block=20)
    assert (first.n[0] == 0).all()
    assert (second.n[0].sum(axis=(1, 2)) == 20).all()
    assert second.moves.sum() == 40 * (WORLD.H - 1)


def test_one_stage_is_optimal_at_once():
    mdp = EpisodicMDP(np.full((3, 4, 3), 1 / 3), 1, 0)
    assert np.allclose(regularized_game.run(mdp, 5, 0).policy, 1 / 4, atol=1e-15)
