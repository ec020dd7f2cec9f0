"""Discounted environments: functions that return a `DiscountedMDP`."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from rlentropy._types import Seed
from rlentropy.discounted import evaluation
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.seeds import generator
from rlentropy.transitions import garnet_kernel, grid_kernel
from rlentropy.validation import check_array, check_flag, check_integer, check_interval


def bandit(rewards: ArrayLike) -> DiscountedMDP:
    """One state, gamma = 0, r[0, a] = rewards[a]: a discounted MDP in which Q = r. rewards (A,)."""
    r = check_array("rewards", rewards, (None,))[None, :]
    return DiscountedMDP(P=np.ones((1, r.size, 1)), r=r, mu=[1.0], gamma=0.0)


def two_state(gamma: float = 0.9, *, stay: float = 0.9) -> DiscountedMDP:
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


def coin_walk(*, reach: int, sides: int, gamma: float) -> DiscountedMDP:
    """A walk on -reach, ..., reach from 0, and a coin with ``sides`` sides that moves nothing.

    Action (move, side) is number ``move * sides + side``; move 0 goes left and costs 1/2, move 1
    goes right and pays 1/2; at an end a move off the line stays.
    Position x is state x + reach. The kernel is sparse.
    Under a policy that goes either way with probability 1/2 the advantage is the reward.
    Source: ex-walk-order.
    """
    reach = check_integer("reach", reach, low=1)
    sides = check_integer("sides", sides, low=1)
    S = 2 * reach + 1
    states = np.arange(S)
    targets = np.stack([np.maximum(states - 1, 0), np.minimum(states + 1, S - 1)], axis=1)
    columns = np.repeat(targets, sides, axis=1).ravel()
    rows = np.arange(columns.size)
    P = sparse.csr_array((np.ones(columns.size), (rows, columns)), shape=(columns.size, S))
    r = np.tile(np.repeat([-0.5, 0.5], sides), (S, 1))
    mu = np.zeros(S)
    mu[reach] = 1
    return DiscountedMDP(P=P, r=r, mu=mu, gamma=gamma)


def road(*, length: int, stay: float, gamma: float, reset: bool = False) -> DiscountedMDP:
    """States 0, ..., length: action 0 goes to the next one and pays 0, action 1 stays and pays
    ``stay``; the last state pays 1 for either action and is kept, or with ``reset`` leads to 0.

    Starts in state 0. Where ``stay`` < gamma^length going is optimal everywhere, but a greedy
    learner that begins by staying finds it out one state at a time, from the far end.
    Source: thm-npg-summable, thm-soft-linear-rate.
    """
    length = check_integer("length", length, low=1)
    S = length + 1
    states = np.arange(S)
    P = np.zeros((S, 2, S))
    P[states, 0, np.minimum(states + 1, length)] = 1
    P[states, 1, states] = 1
    r = np.stack([np.zeros(S), np.full(S, check_interval("stay", stay, 0, 1))], axis=1)
    r[length] = 1
    if check_flag("reset", reset):
        P[length] = np.eye(S)[0]
    return DiscountedMDP(P=P, r=r, mu=np.eye(S)[0], gamma=gamma)


def tied_garnet(
    *, states: int, actions: int, branching: int, gamma: float, ties: int, seed: Seed
) -> DiscountedMDP:
    """A `garnet` in whose first ``ties`` states a second action is made optimal.

    Its reward is raised to r(s, a) + V*(s) - Q*(s, a), which changes no optimal value.
    """
    model = garnet(states=states, actions=actions, branching=branching, gamma=gamma, seed=seed)
    check_integer("actions", actions, low=2)
    tied = np.arange(check_integer("ties", ties, high=states))
    best = evaluation.optimal(model)
    second = (best.Q[tied].argmax(axis=1) + 1) % actions
    r = model.r.copy()
    r[tied, second] += best.V[tied] - best.Q[tied, second]
    return DiscountedMDP(P=model.P, r=r, mu=model.mu, gamma=gamma)


def garnet(
    *,
    states: int,
    actions: int,
    branching: int,
    gamma: float,
    seed: Seed,
    sparse_kernel: bool = False,
) -> DiscountedMDP:
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
    thin = check_flag("sparse_kernel", sparse_kernel)
    P = K if thin else K.toarray().reshape(states, actions, states)
    return DiscountedMDP(P=P, r=r, mu=np.full(states, 1 / states), gamma=gamma)


def grid_world(
    *,
    rows: int,
    cols: int,
    success: float,
    gamma: float,
    goal: int | None = None,
    start: int | None = None,
    sparse_kernel: bool = False,
) -> DiscountedMDP:
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
    P = K if check_flag("sparse_kernel", sparse_kernel) else K.toarray().reshape(S, 4, S)
    return DiscountedMDP(P=P, r=r, mu=mu, gamma=gamma)
