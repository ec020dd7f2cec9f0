"""Environments: kernels against step-by-step definitions, seeds, sparse = dense, refusals."""

import itertools

import numpy as np
import pytest
from refusals import refusals

from rlentropy import transitions
from rlentropy.discounted import environments as discounted
from rlentropy.discounted import evaluation
from rlentropy.episodic import environments
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.stand_ins import Taxi


def test_bandit_has_q_equal_to_the_rewards():
    mdp = discounted.bandit([1.0, 0.0, -2.0])
    assert (mdp.S, mdp.A, mdp.gamma) == (1, 3, 0)
    np.testing.assert_array_equal(evaluation.evaluate(mdp, np.full((1, 3), 1 / 3)).Q, [[1, 0, -2]])


def test_two_state_by_hand():
    mdp = discounted.two_state(0.5, stay=0.75)
    np.testing.assert_array_equal(mdp.P[0], [[0.75, 0.25], [0.25, 0.75]])
    np.testing.assert_array_equal(mdp.P[1], [[0.25, 0.75], [0.75, 0.25]])
    np.testing.assert_array_equal(mdp.r, [[0, 0], [1, 0]])
    np.testing.assert_array_equal(mdp.mu, [1, 0])


@pytest.mark.parametrize(("states", "branching"), [(6, 3), (50, 2), (1, 1), (5, 5), (40, 1)])
def test_garnet_rows_have_the_branching_and_are_distributions(states, branching):
    mdp = discounted.garnet(states=states, actions=3, branching=branching, gamma=0.9, seed=1)
    np.testing.assert_array_equal((mdp.P > 0).sum(axis=2), branching)
    np.testing.assert_allclose(mdp.P.sum(axis=2), 1, atol=1e-14)
    np.testing.assert_allclose(mdp.mu, 1 / states)


@pytest.mark.parametrize("states", [6, 200])
def test_garnet_is_the_same_dense_or_sparse_and_repeats_with_its_seed(states):
    dense, thin = (
        discounted.garnet(
            states=states, actions=2, branching=2, gamma=0.9, seed=7, sparse_kernel=kind
        )
        for kind in (False, True)
    )
    np.testing.assert_array_equal(dense.P.reshape(-1, states), thin.P.toarray())
    np.testing.assert_array_equal(dense.r, thin.r)
    assert not np.array_equal(
        dense.r,
        discounted.garnet(states=states, actions=2, branching=2, gamma=0.9, seed=8).r,
    )


@pytest.mark.parametrize("states", [4, 40])
def test_garnet_successors_are_uniform(states):
    # each state is a successor of a row with probability branching / states;
    # 8000 rows, six standard errors
    P = transitions.garnet_kernel(np.random.default_rng(3), states, 8000 // states, 2)
    share = np.asarray((P > 0).sum(axis=0)).ravel() / P.shape[0]
    p = 2 / states
    assert np.abs(share - p).max() < 6 * np.sqrt(p * (1 - p) / P.shape[0])


def grid_row(rows, cols, success, cell, action):
    """The next-state distribution of one move, written from the words of the docstring."""
    row, (i, j) = np.zeros(rows * cols), divmod(cell, cols)
    for k, (di, dj) in enumerate([(-1, 0), (1, 0), (0, -1), (0, 1)]):
        to_i, to_j = i + di, j + dj
        if not (0 <= to_i < rows and 0 <= to_j < cols):
            to_i, to_j = i, j
        row[to_i * cols + to_j] += success if k == action else (1 - success) / 3
    return row


@pytest.mark.parametrize(
    ("rows", "cols", "success"), [(3, 4, 0.8), (1, 1, 0.5), (1, 5, 1.0), (2, 2, 0.0)]
)
def test_grid_kernel_against_its_definition(rows, cols, success):
    S = rows * cols
    expected = [
        grid_row(rows, cols, success, s, a) for s, a in itertools.product(range(S), range(4))
    ]
    grid = {"rows": rows, "cols": cols, "success": success}
    mdp = environments.grid_world(**grid, horizon=3)
    np.testing.assert_allclose(mdp.kernel(0).toarray(), expected, atol=1e-15)
    twin = discounted.grid_world(**grid, gamma=0.9)
    np.testing.assert_allclose(twin.P.reshape(-1, S), expected, atol=1e-15)
    assert mdp.start == rows // 2 * cols + cols // 2
    assert np.all(mdp.kernel(0).data > 0)


def test_discounted_grid_world_rewards_its_goal_and_starts_at_its_start():
    mdp = discounted.grid_world(rows=2, cols=3, success=0.9, gamma=0.5, goal=1, start=4)
    np.testing.assert_array_equal(mdp.r, np.eye(6)[1][:, None] * np.ones(4))
    np.testing.assert_array_equal(mdp.mu, np.eye(6)[4])
    default = discounted.grid_world(rows=2, cols=3, success=0.9, gamma=0.5)
    assert (default.r[5, 0], default.mu[0]) == (1, 1)


def test_a_large_sparse_grid_stays_small():
    mdp = discounted.grid_world(rows=120, cols=120, success=0.9, gamma=0.99, sparse_kernel=True)
    assert mdp.sparse
    assert mdp.P.nnz <= 4 * 4 * 120 * 120


def test_double_chain_moves():
    P = environments.double_chain(length=5, failure=0.1, horizon=4).dense()[0]
    np.testing.assert_allclose(P[2], [[0, 0.9, 0, 0.1, 0], [0, 0.1, 0, 0.9, 0]])
    np.testing.assert_allclose(P[0], [[0.9, 0.1, 0, 0, 0], [0.1, 0.9, 0, 0, 0]])
    assert environments.double_chain(length=5, failure=0.1, horizon=4).start == 2
    np.testing.assert_array_equal(
        environments.double_chain(length=1, failure=0.3, horizon=2).kernel(0).toarray(), [[1], [1]]
    )
    assert np.all(environments.double_chain(length=5, failure=0.0, horizon=4).kernel(0).data == 1)


def test_sticky_chain_moves():
    P = environments.sticky_chain(length=3, success=0.25, horizon=4).dense()[0]
    np.testing.assert_allclose(P[1], [[0, 1, 0], [0, 0.75, 0.25]])
    np.testing.assert_allclose(P[2], [[0, 0, 1], [0, 0, 1]])


def test_episodic_garnet():
    mdp = environments.garnet(states=5, actions=2, horizon=4, branching=2, seed=0)
    assert (len(mdp.P), mdp.start) == (3, 0)
    assert not np.array_equal(mdp.P[0].toarray(), mdp.P[1].toarray())
    assert environments.garnet(
        states=5, actions=2, horizon=4, branching=2, seed=0, stationary=True
    ).stationary
    assert environments.garnet(states=5, actions=2, horizon=1, branching=2, seed=0).H == 1
    again = environments.garnet(states=5, actions=2, horizon=4, branching=2, seed=0)
    assert all(
        np.array_equal(a.toarray(), b.toarray()) for a, b in zip(mdp.P, again.P, strict=True)
    )


def test_road_is_found_from_its_end():
    road = discounted.road(length=3, stay=0.1, gamma=0.5)
    assert (road.S, road.A) == (4, 2)
    np.testing.assert_array_equal(road.P[:, 0].argmax(axis=1), [1, 2, 3, 3])
    np.testing.assert_array_equal(road.P[:, 1].argmax(axis=1), [0, 1, 2, 3])
    np.testing.assert_array_equal(road.r, [[0, 0.1], [0, 0.1], [0, 0.1], [1, 1]])
    # going pays from every state: 0.1 < 0.5^3
    np.testing.assert_allclose(evaluation.optimal(road).V, 2 * 0.5 ** np.array([3, 2, 1, 0]))
    back = discounted.road(length=3, stay=0.1, gamma=0.5, reset=True)
    np.testing.assert_array_equal(back.P[3].argmax(axis=1), [0, 0])


def test_coin_walk_moves_by_one_and_pays_for_the_right():
    walk = discounted.coin_walk(reach=2, sides=3, gamma=0.9)
    kernel = walk.P.toarray().reshape(5, 6, 5)
    np.testing.assert_array_equal(
        kernel[:, :3].argmax(axis=2), np.tile([[0], [0], [1], [2], [3]], 3)
    )
    np.testing.assert_array_equal(
        kernel[:, 3:].argmax(axis=2), np.tile([[1], [2], [3], [4], [4]], 3)
    )
    np.testing.assert_array_equal(walk.r, np.tile([-0.5] * 3 + [0.5] * 3, (5, 1)))
    np.testing.assert_array_equal(walk.mu, [0, 0, 1, 0, 0])
    even = evaluation.evaluate(walk, np.full((5, 6), 1 / 6))
    np.testing.assert_allclose(even.adv, walk.r, atol=1e-15)


def test_tied_garnet_has_its_ties_and_the_values_of_the_garnet():
    options = {"states": 6, "actions": 3, "branching": 2, "gamma": 0.9, "seed": 4}
    plain = discounted.garnet(**options)
    tied = discounted.tied_garnet(**options, ties=4)
    best = evaluation.optimal(tied)
    np.testing.assert_allclose(best.V, evaluation.optimal(plain).V, rtol=1e-12)
    near = (best.Q > best.V[:, None] - 1e-9).sum(axis=1)
    np.testing.assert_array_equal(near, [2, 2, 2, 2, 1, 1])


GARNET = {"states": 2, "actions": 2, "branching": 1, "gamma": 0.9, "seed": 0}
GRID = {"rows": 2, "cols": 2, "success": 0.9, "gamma": 0.9}
# test_fuzz tries no number just above a limit
test_what_lies_above_a_limit_is_refused = refusals(
    (lambda: discounted.two_state(stay=1.2), "stay = 1.2"),
    (lambda: discounted.road(length=2, stay=1.5, gamma=0.5), "stay = 1.5"),
    (lambda: discounted.garnet(**GARNET | {"branching": 3}), "branching = 3"),
    (lambda: discounted.tied_garnet(**GARNET, ties=4), "ties = 4"),
    (lambda: discounted.grid_world(**GRID, goal=4), "goal = 4"),
    (lambda: discounted.grid_world(**GRID, start=4), "start = 4"),
    (lambda: environments.grid_world(rows=2, cols=2, success=1.1, horizon=3), "success = 1.1"),
    (lambda: environments.double_chain(length=3, failure=1.1, horizon=2), "failure = 1.1"),
    (lambda: environments.sticky_chain(length=3, success=1.1, horizon=2), "success = 1.1"),
    (lambda: EpisodicMDP(np.full((2, 1, 2), 0.5), 3, start=2), "start = 2"),
    (lambda: Taxi().step(6), "action = 6"),
    (lambda: Taxi().action_mask(500), "state = 500"),
)
