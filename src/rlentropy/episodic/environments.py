"""Episodic environments: functions that return a reward-free `EpisodicMDP`."""

import numpy as np

from rlentropy._types import Seed
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.seeds import generator
from rlentropy.transitions import drop_zeros, garnet_kernel, grid_kernel
from rlentropy.validation import check_flag, check_integer, check_interval, check_positive


def double_chain(*, length: int, failure: float, horizon: int) -> EpisodicMDP:
    """States 0, ..., length-1 in a line; action 0 moves left, 1 right,
    with probability ``failure`` the other way.

    A wall keeps you. Episodes start in the middle, state length // 2. Returns an `EpisodicMDP`.
    Source: Kaufmann et al. (2021), section 5, and the published EntGame experiments of Tiapkin et
    al. (2023).
    """
    L = check_integer("length", length, low=1)
    f = check_interval("failure", failure, 0, 1)
    here = np.arange(L)
    left = np.maximum(here - 1, 0)
    right = np.minimum(here + 1, L - 1)
    rows = 2 * here
    entries = np.concatenate([np.full(L, 1 - f), np.full(L, f), np.full(L, f), np.full(L, 1 - f)])
    places = (
        np.concatenate([rows, rows, rows + 1, rows + 1]),
        np.concatenate([left, right, left, right]),
    )
    return EpisodicMDP(P=drop_zeros(entries, places, (2 * L, L)), horizon=horizon, start=L // 2)


def grid_world(*, rows: int, cols: int, success: float, horizon: int) -> EpisodicMDP:
    """Grid of rows x cols cells; actions up, down, left, right, in this order.
    Returns an `EpisodicMDP`.

    A move succeeds with probability ``success``;
    else one of the three other directions, equally likely.
    A wall keeps you. Episodes start in the middle, cell (rows // 2, cols // 2).
    """
    K = grid_kernel(rows, cols, success)
    return EpisodicMDP(P=K, horizon=horizon, start=(rows // 2) * cols + cols // 2)


def garnet(
    *, states: int, actions: int, horizon: int, branching: int, seed: Seed, stationary: bool = False
) -> EpisodicMDP:
    """Random episodic MDP started in state 0:
    as `garnet`, a fresh kernel per transition unless ``stationary``."""
    rng = generator(seed)
    H = check_integer("horizon", horizon, low=1)
    count = 1 if check_flag("stationary", stationary) or H == 1 else H - 1
    kernels = [garnet_kernel(rng, states, actions, branching) for _ in range(count)]
    return EpisodicMDP(P=tuple(kernels) if count > 1 else kernels[0], horizon=H, start=0)


def sticky_chain(*, length: int, success: float, horizon: int) -> EpisodicMDP:
    """A line started at its left end: action 0 stays, action 1 moves right with probability
    ``success``, else stays.

    Small ``success`` makes far states nearly unreachable:
    a hard case for solvers of the maximum-entropy problem.
    """
    L = check_integer("length", length, low=1)
    p = check_positive("success", check_interval("success", success, 0, 1))
    here = np.arange(L)
    entries = np.concatenate([np.ones(L), np.full(L, 1 - p), np.full(L, p)])
    right = np.minimum(here + 1, L - 1)
    places = (
        np.concatenate([2 * here, 2 * here + 1, 2 * here + 1]),
        np.concatenate([here, here, right]),
    )
    return EpisodicMDP(P=drop_zeros(entries, places, (2 * L, L)), horizon=horizon, start=0)
