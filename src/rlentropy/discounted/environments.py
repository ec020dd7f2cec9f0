"""Discounted environments: functions that return a `DiscountedMDP`."""

import numpy as np

from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.seeds import generator
from rlentropy.transitions import garnet_kernel, grid_kernel
from rlentropy.validation import check_array, check_integer, check_interval


def bandit(rewards):
    """One state, gamma = 0, r[0, a] = rewards[a]: a discounted MDP in which Q = r. rewards (A,)."""
    r = check_array("rewards", rewards, (None,))[None, :]
    return DiscountedMDP(P=np.ones((1, r.size, 1)), r=r, mu=[1.0], gamma=0.0)


def two_state(gamma=0.9, *, stay=0.9):
    """Two states, two actions: action 0 stays, action 1 moves to the other state,
    each with probability ``stay``.

    Reward 1 in state 1 for staying there, 0 otherwise; starts in state 0.
    Small enough to evaluate by hand.
    """
    q = check_interval("stay", stay, 0, 1)
    keep, move = np.array([[q, 1 - q], [1 - q, q]]), np.array([[1 - q, q], [q, 1 - q]])
    return DiscountedMDP(
        P=np.stack([keep, move], axis=1), r=[[0.0, 0.0], [1.0, 0.0]], mu=[1.0, 0.0], gamma=gamma
    )


def garnet(*, states, actions, branching, gamma, seed, sparse_kernel=False):
    """Random MDP: each pair has ``branching`` distinct successors with flat-Dirichlet
    probabilities, r ~ N(0, 1).

    The start distribution is uniform.
    ``sparse_kernel=True`` stores P sparsely; the numbers are the same either way.
    Source: Archibald, McKinnon & Thomas (1995), generalised average-reward non-stationary
    environment test-bench.
    """
    rng = generator(seed)
    K = garnet_kernel(rng, states, actions, branching)
    r = rng.standard_normal((states, actions))
    P = K if sparse_kernel else K.toarray().reshape(states, actions, states)
    return DiscountedMDP(P=P, r=r, mu=np.full(states, 1 / states), gamma=gamma)


def grid_world(*, rows, cols, success, gamma, goal=None, start=None, sparse_kernel=False):
    """Grid world with reward 1 on every action taken in ``goal`` (default: last cell), 0 elsewhere.

    The goal is not absorbing. Moves as in `rlentropy.episodic.environments.grid_world`.
    ``start`` is a cell (default: first cell).
    """
    K = grid_kernel(rows, cols, success)
    S = rows * cols
    goal = check_integer("goal", S - 1 if goal is None else goal, high=S - 1)
    start = check_integer("start", 0 if start is None else start, high=S - 1)
    r, mu = np.zeros((S, 4)), np.zeros(S)
    r[goal], mu[start] = 1, 1
    P = K if sparse_kernel else K.toarray().reshape(S, 4, S)
    return DiscountedMDP(P=P, r=r, mu=mu, gamma=gamma)
