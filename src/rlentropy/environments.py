"""Environments: functions that return an MDP, discounted (part I) or episodic (part II).

Grid cells are numbered row by row: cell (i, j) of a grid with ``cols`` columns is state i * cols + j.
"""

import numpy as np
from scipy import sparse

from rlentropy.mdp import DiscountedMDP, EpisodicMDP
from rlentropy.parallel import generator
from rlentropy.validation import check_array, check_integer, check_interval, check_positive

# Row and column moves of the four grid actions.
GRID_MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
GRID_ACTIONS = tuple(GRID_MOVES)


# ------------------------------------------------------------------------------------------------------- discounted


def bandit(rewards):
    """One state, gamma = 0, r[0, a] = rewards[a]: a discounted MDP in which Q = r. rewards (A,)."""
    r = check_array("rewards", rewards, (None,))[None, :]
    return DiscountedMDP(P=np.ones((1, r.size, 1)), r=r, mu=[1.0], gamma=0.0)


def two_state(gamma=0.9, *, stay=0.9):
    """Two states, two actions: action 0 stays, action 1 moves to the other state, each with probability ``stay``.

    Reward 1 in state 1 for staying there, 0 otherwise; starts in state 0. Small enough to evaluate by hand.
    """
    q = check_interval("stay", stay, 0, 1)
    keep, move = np.array([[q, 1 - q], [1 - q, q]]), np.array([[1 - q, q], [q, 1 - q]])
    return DiscountedMDP(P=np.stack([keep, move], axis=1), r=[[0.0, 0.0], [1.0, 0.0]], mu=[1.0, 0.0], gamma=gamma)


def garnet(states, actions, branching, gamma, seed, *, sparse_kernel=False):
    """Random MDP: each pair has ``branching`` distinct successors with flat-Dirichlet probabilities, r ~ N(0, 1).

    The start distribution is uniform. ``sparse_kernel=True`` stores P sparsely; the numbers are the same either way.
    Source: Archibald, McKinnon & Thomas (1995), generalised average-reward non-stationary environment test-bench.
    """
    rng = generator(seed)
    K = _garnet_kernel(rng, states, actions, branching)
    r = rng.standard_normal((states, actions))
    P = K if sparse_kernel else K.toarray().reshape(states, actions, states)
    return DiscountedMDP(P=P, r=r, mu=np.full(states, 1 / states), gamma=gamma)


def _garnet_kernel(rng, states, actions, branching):
    """CSR (S*A, S) with ``branching`` positive entries a row."""
    S = check_integer("states", states, low=1)
    A = check_integer("actions", actions, low=1)
    b = check_integer("branching", branching, low=1, high=S)
    rows = S * A
    if b * 4 >= S:  # few states: draw without replacement by sorting noise
        columns = np.argsort(rng.random((rows, S)), axis=1)[:, :b]
    else:  # many states: draw with replacement and redraw the rows with a repetition
        columns = rng.integers(S, size=(rows, b))
        while len(bad := np.flatnonzero((np.diff(np.sort(columns, axis=1), axis=1) == 0).any(axis=1))):
            columns[bad] = rng.integers(S, size=(len(bad), b))
    weights = rng.exponential(size=(rows, b))
    weights /= weights.sum(axis=1, keepdims=True)
    return sparse.csr_array((weights.ravel(), columns.ravel(), np.arange(0, rows * b + 1, b)), shape=(rows, S))


def discounted_grid_world(rows, cols, success, gamma, *, goal=None, start=None, sparse_kernel=False):
    """Grid world with reward 1 on every action taken in ``goal`` (default: last cell), 0 elsewhere.

    The goal is not absorbing. Moves as in `grid_world`. ``start`` is a cell (default: first cell).
    """
    K = _grid_kernel(rows, cols, success)
    S = rows * cols
    goal = check_integer("goal", S - 1 if goal is None else goal, high=S - 1)
    start = check_integer("start", 0 if start is None else start, high=S - 1)
    r, mu = np.zeros((S, 4)), np.zeros(S)
    r[goal], mu[start] = 1, 1
    P = K if sparse_kernel else K.toarray().reshape(S, 4, S)
    return DiscountedMDP(P=P, r=r, mu=mu, gamma=gamma)


# --------------------------------------------------------------------------------------------------------- episodic


def double_chain(length, failure, horizon):
    """States 0, ..., length-1 in a line; action 0 moves left, 1 right, with probability ``failure`` the other way.

    A wall keeps you. Episodes start in the middle, state length // 2. Returns an `EpisodicMDP`.
    Source: Kaufmann et al. (2021), section 5, and the published EntGame experiments of Tiapkin et al. (2023).
    """
    L = check_integer("length", length, low=1)
    f = check_interval("failure", failure, 0, 1)
    here = np.arange(L)
    left, right = np.maximum(here - 1, 0), np.minimum(here + 1, L - 1)
    rows = 2 * here
    entries = np.concatenate([np.full(L, 1 - f), np.full(L, f), np.full(L, f), np.full(L, 1 - f)])
    places = (np.concatenate([rows, rows, rows + 1, rows + 1]), np.concatenate([left, right, left, right]))
    return EpisodicMDP(P=_drop_zeros(entries, places, (2 * L, L)), horizon=horizon, start=L // 2)


def grid_world(rows, cols, success, horizon):
    """Grid of rows x cols cells; actions up, down, left, right, in this order. Returns an `EpisodicMDP`.

    A move succeeds with probability ``success``; else one of the three other directions, equally likely.
    A wall keeps you. Episodes start in the middle, cell (rows // 2, cols // 2).
    """
    K = _grid_kernel(rows, cols, success)
    return EpisodicMDP(P=K, horizon=horizon, start=(rows // 2) * cols + cols // 2)


def _grid_kernel(rows, cols, success):
    """CSR (4 rows*cols, rows*cols) of the four noisy moves."""
    R, C = check_integer("rows", rows, low=1), check_integer("cols", cols, low=1)
    p = check_interval("success", success, 0, 1)
    i, j = np.divmod(np.arange(R * C), C)
    targets = [np.clip(i + di, 0, R - 1) * C + np.clip(j + dj, 0, C - 1) for di, dj in GRID_MOVES.values()]
    entries, pairs, nexts = [], [], []
    for action in range(4):
        for direction, target in enumerate(targets):
            entries.append(np.full(R * C, p if direction == action else (1 - p) / 3))
            pairs.append(4 * np.arange(R * C) + action)
            nexts.append(target)
    return _drop_zeros(np.concatenate(entries), (np.concatenate(pairs), np.concatenate(nexts)), (4 * R * C, R * C))


def _drop_zeros(entries, places, shape):
    """CSR with duplicate places added up and explicit zeros removed."""
    K = sparse.csr_array(sparse.coo_array((entries, places), shape=shape))
    K.eliminate_zeros()
    return K


def episodic_garnet(states, actions, horizon, branching, seed, *, stationary=False):
    """Random episodic MDP started in state 0: as `garnet`, a fresh kernel per transition unless ``stationary``."""
    rng = generator(seed)
    H = check_integer("horizon", horizon, low=1)
    count = 1 if stationary or H == 1 else H - 1
    kernels = [_garnet_kernel(rng, states, actions, branching) for _ in range(count)]
    return EpisodicMDP(P=kernels if count > 1 else kernels[0], horizon=H, start=0)


def sticky_chain(length, success, horizon):
    """A line started at its left end: action 0 stays, action 1 moves right with probability ``success``, else stays.

    Small ``success`` makes far states nearly unreachable: a hard case for solvers of the maximum-entropy problem.
    """
    L = check_integer("length", length, low=1)
    p = check_positive("success", check_interval("success", success, 0, 1))
    here = np.arange(L)
    entries = np.concatenate([np.ones(L), np.full(L, 1 - p), np.full(L, p)])
    right = np.minimum(here + 1, L - 1)
    places = (np.concatenate([2 * here, 2 * here + 1, 2 * here + 1]), np.concatenate([here, here, right]))
    return EpisodicMDP(P=_drop_zeros(entries, places, (2 * L, L)), horizon=horizon, start=0)


def grid_coordinates(rows, cols):
    """(rows*cols, 2) row and column of each cell, for drawing."""
    return np.stack(np.divmod(np.arange(rows * cols), cols), axis=1)
