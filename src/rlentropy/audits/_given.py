"""What audits are given: lengths of runs, counts of a learner, times, policies; refused by name."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Bools, Floats, Ints
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.validation import (
    LARGEST,
    check_array,
    check_available,
    check_indices,
    check_integer,
    check_interval,
    check_kind,
    refuse,
)

# Beyond this, sums of products leave the doubles.
MOST = 1e150
LONGEST = 1e300


def length(T: object, least: float = 0.0) -> float:
    """A number of episodes, which may be no whole one."""
    return check_interval("T", T, least, LONGEST)


def draws(n: ArrayLike) -> Floats:
    """Numbers of draws, which may be no whole ones."""
    n = check_array("n", n)
    refuse("n", n, (n < 0) | (n > LONGEST), f"must lie in [0, {LONGEST:g}]")
    return n


def prior(n0: object) -> float:
    """A prior count > 0 that can be multiplied and divided by."""
    return check_interval("n0", n0, 1 / MOST, MOST)


def scale(bonus_scale: object) -> float:
    """The factor of a bonus."""
    return check_interval("bonus_scale", bonus_scale, 0.0, MOST)


def counts(n: ArrayLike, moves: ArrayLike) -> tuple[Floats, Floats]:
    """Visits (H, S, A) and transitions (H-1, S, A, S)."""
    n = check_array("n", n, (None, None, None))
    H, S, A = n.shape
    moves = check_array("moves", moves, (H - 1, S, A, S)) if H > 1 else np.zeros((0, S, A, S))
    for name, x in (("n", n), ("moves", moves)):
        refuse(name, x, (x < 0) | (x > LARGEST), f"a count lies between 0 and {LARGEST}")
    return n, moves


def actions(available: ArrayLike | None, S: int, A: int) -> Bools:
    """Which actions a state has, booleans (S, A); None for all."""
    given = np.ones((S, A), dtype=bool) if available is None else available
    return check_available("available", given, (S, A))


def for_mdp(mdp: EpisodicMDP, n: ArrayLike) -> None:
    """ValueError unless the counts are of the size of the MDP."""
    check_kind("mdp", mdp, EpisodicMDP)
    check_array("n", n, (mdp.H, mdp.S, mdp.A))


def times(T: Any, least: int = 1) -> Ints:
    """Increasing whole numbers, not below the least, at least one."""
    if isinstance(T, str) or not isinstance(T, Iterable):
        raise ValueError(f"T: {type(T).__name__}, expected increasing whole numbers")
    found = np.array([check_integer(f"T[{i}]", t, low=least) for i, t in enumerate(T)])
    if len(found) == 0 or np.any(np.diff(found) <= 0):
        raise ValueError("T: must hold at least one number, in increasing order")
    return found


def decisions(mdp: EpisodicMDP, actions: ArrayLike, reward: ArrayLike) -> tuple[Ints, Floats]:
    """A deterministic policy (H, S) and a reward (H, S, A) of an `EpisodicMDP`."""
    check_kind("mdp", mdp, EpisodicMDP)
    actions = check_indices("actions", actions, mdp.A, (mdp.H, mdp.S))
    there = mdp.available[np.arange(mdp.S), actions]
    refuse("actions", actions, ~there, "the action is not available in this state")
    reward = check_array("reward", reward, (mdp.H, mdp.S, mdp.A))
    refuse("reward", reward, np.abs(reward) > MOST, f"no reward is above {MOST:g}")
    return actions, reward
