"""Optimistic soft value iteration against a plain NumPy twin on the same random numbers; its chain of inequalities."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_learners import choose, difference, explore, masked, widened

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy.audits import optimistic_soft_vi as soft_vi_audit
from rlentropy.episodic import environments, trajectory_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import optimistic_soft_vi

WORLD = environments.garnet(states=3, actions=2, horizon=3, branching=3, seed=0)


def twin(mdp, episodes, seed, *, delta, bonus_scale):
    """The algorithm as the book states it, of the actions that there are: Q before each episode,
    counts, and Q at the end."""
    H, S = mdp.H, mdp.S
    A = max(len(np.flatnonzero(row)) for row in mdp.available)
    ceiling = np.arange(H - 1, -1, -1) * np.log(S * A)
    start = np.where(mdp.available, ceiling[:, None, None], -np.inf)

    def plan(n, m):
        Q, V = start.copy(), dist.logsumexp(start[-1])
        for h in reversed(range(H - 1)):
            hat = m[h] / np.maximum(n[h], 1)[..., None]
            eps = confidence.total_variation_radius(np.maximum(n[h], 1), S, A, H, delta)
            bonus = confidence.fannes_width(eps, S) + (ceiling[h + 1] + np.log(A)) * eps
            own = dist.entropy(dist.log_probabilities(hat)) + bonus_scale * bonus + hat @ V
            Q[h] = np.where(n[h] > 0, np.minimum(ceiling[h], own), start[h])
            V = dist.logsumexp(Q[h])
        return Q

    rules = {"draw": choose, "plan": plan, "numbers": 2 * H - 1}
    counts, tables = explore(mdp, episodes, seed, Q=start, **rules)
    return tables[:-1], counts, tables[-1]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(0, 30), st.integers(0, 10**6),
    st.sampled_from([0.0, 0.3, 1.0]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_kernel_equals_twin(S, A, H, episodes, seed, bonus_scale, stationary, some):
    mdp = environments.garnet(
        states=S, actions=A, horizon=H, branching=1 + seed % S, seed=seed, stationary=stationary
    )
    mdp = masked(mdp, seed) if some else mdp
    history, n, Q = twin(mdp, episodes, seed, delta=0.1, bonus_scale=bonus_scale)
    result = optimistic_soft_vi.run(mdp, episodes, seed, bonus_scale=bonus_scale)
    assert np.array_equal(result.counts, n)
    assert difference(result.Q, Q) < 1e-9
    played = [
        block.Q
        for block in optimistic_soft_vi.play(mdp, episodes, seed, bonus_scale=bonus_scale, block=7)
    ]
    if episodes:
        assert difference(np.concatenate(played), np.array(history)) < 1e-9


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_masked_action_is_one_that_does_not_exist(place):
    """Bit for bit, of visits, values and judgement: an action more that no state has."""
    mdp = masked(environments.garnet(states=4, actions=3, horizon=4, branching=2, seed=5), 1)
    wide = widened(mdp, place)
    without = np.delete(np.arange(4), place)
    plain = optimistic_soft_vi.run(mdp, 500, 9, bonus_scale=0.1)
    found = optimistic_soft_vi.run(wide, 500, 9, bonus_scale=0.1)
    assert found.counts[:, :, place].sum() == 0
    assert (found.policy[:, :, place] == 0).all()
    np.testing.assert_array_equal(found.counts[:, :, without], plain.counts)
    np.testing.assert_array_equal(found.Q[:, :, without], plain.Q)
    of_wide, of_plain = (
        soft_vi_audit.measure(m, optimistic_soft_vi.play(m, 300, 9), [100, 300], delta=0.1)
        for m in (wide, mdp)
    )
    for name in soft_vi_audit.SUMS:
        assert getattr(of_wide, name) == pytest.approx(getattr(of_plain, name), rel=1e-13)
    assert of_wide.slack == pytest.approx(of_plain.slack, rel=1e-13)
    assert of_wide.divergence == pytest.approx(of_plain.divergence, rel=1e-13)


def test_every_link_holds_with_masks():
    mdp = masked(environments.garnet(states=4, actions=3, horizon=4, branching=2, seed=5), 1)
    assert not mdp.available.all()
    blocks = list(optimistic_soft_vi.play(mdp, 1500, 9, block=400))
    links = soft_vi_audit.measure(mdp, blocks, [1, 1500], delta=0.1)
    assert links.divergence <= 1
    assert min(links.slack.values()) >= 0
    lost = [
        trajectory_entropy.suboptimality(mdp, dist.softmax(Q)) for block in blocks for Q in block.Q
    ]
    assert links.regret == pytest.approx([lost[0], sum(lost)], rel=1e-10)
    assert (links.regret <= links.second_order).all()
    assert (links.second_order <= links.squared_width).all()


def test_absorbing_and_unreachable_states():
    P = np.zeros((3, 2, 3))
    P[0, :, 0], P[1, :, 1], P[2, :, 0] = 1, 1, 1
    mdp = EpisodicMDP(P, 3, 1)
    result = optimistic_soft_vi.run(mdp, 50, 0)
    assert result.counts[:, [0, 2]].sum() == 0
    assert result.counts.sum() == 150


@pytest.fixture(scope="module")
def links():
    blocks = optimistic_soft_vi.play(WORLD, 4000, 5, delta=0.1, block=1000)
    return soft_vi_audit.measure(WORLD, blocks, [1, 10, 1500, 4000], delta=0.1)


def test_every_link_holds_along_a_run(links):
    assert links.divergence <= 1
    assert min(links.slack.values()) >= 0
    bounds = np.array([soft_vi_audit.fast_bound(T, 3, 2, 3, 0.1) for T in links.T])
    assert (links.regret <= links.second_order).all() and (
        links.second_order <= links.squared_width
    ).all()
    assert (links.squared_width <= links.capped).all() and links.capped[-1] <= bounds[-1]
    assert (links.regret <= links.bias).all() and (links.bias <= links.width).all()
    assert links.width[-1] <= soft_vi_audit.slow_bound(4000, 3, 2, 3, 0.1)


def test_sums_do_not_depend_on_the_blocks(links):
    blocks = optimistic_soft_vi.play(WORLD, 4500, 5, block=337)
    again = soft_vi_audit.measure(WORLD, blocks, [1, 10, 1500, 4000], delta=0.1)
    for name in soft_vi_audit.SUMS:
        assert getattr(again, name) == pytest.approx(getattr(links, name), rel=1e-10)


def test_regret_is_the_sum_of_suboptimalities(links):
    (block,) = optimistic_soft_vi.play(WORLD, 10, 5)
    loss = sum(trajectory_entropy.suboptimality(WORLD, dist.softmax(Q)) for Q in block.Q)
    assert links.regret[1] == pytest.approx(loss, rel=1e-12)


def test_without_bonus_optimism_and_the_second_order_step_fail():
    blocks = optimistic_soft_vi.play(WORLD, 4000, 5, bonus_scale=0.0)
    slack = soft_vi_audit.measure(WORLD, blocks, [4000], delta=0.1).slack
    assert slack["optimism"] < 0 and slack["bias"] < 0


def test_memory_does_not_grow_with_the_run():
    """On a grid of 225 cells one record of Q, widths and visits is 430 kB, 600 of them 260 MB."""
    mdp = environments.grid_world(rows=15, cols=15, success=0.95, horizon=20)
    optimistic_soft_vi.run(mdp, 1, 0)  # compiled outside of the measurement
    peaks = []
    for episodes in (20, 600):
        tracemalloc.start()
        optimistic_soft_vi.run(mdp, episodes, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    tables = 20 * 225 * 4 * (225 + 4) * 8  # transitions, and four tables of one policy
    assert peaks[1] < 1.5 * tables
    assert peaks[1] < peaks[0] + 10**6


def test_one_stage_has_nothing_to_lose():
    mdp = environments.garnet(states=3, actions=2, horizon=1, branching=2, seed=0)
    links = soft_vi_audit.measure(mdp, optimistic_soft_vi.play(mdp, 20, 0), [5, 20], delta=0.1)
    for name in soft_vi_audit.SUMS:
        assert getattr(links, name) == pytest.approx([0, 0], abs=1e-12)
    assert links.slack["second order"] == pytest.approx(0, abs=1e-15)
    assert links.slack["optimism"] == np.inf
