"""Worlds that no learner tells apart in time: why H S A/eps episodes are needed for either entropy.

Two worlds, S = A = H = 2. From state 0 the first action leads to state 0 with probability
1/10 - eta in one world and 1/10 + eta in the other, else to state 1; the second action leads to
state 1.
Whatever is put out loses more than eta^2 / 4 of visitation entropy in one of the worlds, and more
than eta^2 / 2 of trajectory entropy, while an episode tells at most 24.2 eta^2 nats about which
world it is.
In `many_worlds` there are K S A / 2 pairs of such actions, and which of a pair is the better one
makes 2^(K S A / 2) worlds.
Only whoever judges a learner may use this module, for it knows the kernels.
Source: thm-entropy-lower-bound, thm-entropy-lower-bound-sizes.
"""

from math import log

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.validation import (
    check_array,
    check_choice,
    check_confidence,
    check_flag,
    check_integer,
    check_number,
    refuse,
)

BASE = 0.1
LARGEST_SHIFT = 0.05
# (least loss / eta^2 in the worse world, E tau >= kl(delta, 1 - delta) / (this eps))
CONSTANTS = {"visitation": (1 / 4, 97.0), "trajectory": (1 / 2, 49.0)}


def worlds(eta: float) -> tuple[EpisodicMDP, EpisodicMDP]:
    """The worlds with 1/10 - eta and 1/10 + eta; 0 < eta <= 1/20.

    Raises ValueError for another eta. Source: thm-entropy-lower-bound.
    """
    eta = _shift(eta)
    low, high = (
        EpisodicMDP([[[[p, 1 - p], [0, 1]], [[p, 1 - p], [0, 1]]]], 2, 0)
        for p in (BASE - eta, BASE + eta)
    )
    return low, high


def divergence(eta: float) -> float:
    """KL(coin of 1/10 - eta || coin of 1/10 + eta) in nats: what one first action 0 tells.

    At most 24.2 eta^2. Raises ValueError unless 0 < eta <= 1/20. Source: thm-entropy-lower-bound.
    """
    eta = _shift(eta)
    low, high = (np.log([p, 1 - p]) for p in (BASE - eta, BASE + eta))
    return float(dist.kl(low, high))


def least_episodes(eps: float, delta: float, kind: str = "visitation") -> float:
    """(1 - 2 delta) log((1 - delta) / delta) / (97 eps), or 49 eps for kind "trajectory":
    no (eps, delta)-PAC learner stops after fewer episodes on average, in the first of
    `worlds(eta)`, eta = 2 sqrt(eps), or sqrt(2 eps) for trajectories.

    0 < delta < 1/2; 0 < eps <= 1/1600 for the visitation entropy, 1/800 for that of trajectories.
    Raises ValueError for other arguments. Source: thm-entropy-lower-bound.
    """
    check_choice("kind", kind, tuple(CONSTANTS))
    least, factor = CONSTANTS[kind]
    largest = least * LARGEST_SHIFT**2
    if not 0 < check_number("eps", eps) <= largest:
        raise ValueError(f"eps = {eps}: the theorem speaks of 0 < eps <= {largest:.6g}")
    if not check_confidence("delta", delta) < 0.5:
        raise ValueError(f"delta = {delta}: below 1/2, else any guess will do")
    return (1 - 2 * delta) * log((1 - delta) / delta) / (factor * eps)


def least_error(trials: int, eta: float) -> float:
    """The least error probability, equal in both `worlds`, of whoever only has to say which of the
    two it is after ``trials`` episodes that all begin with the first action.

    The best test decides by the number of times that state 0 came, with a threshold that is drawn
    (Neyman and Pearson). Raises ValueError for eta outside (0, 1/20] and no trials.
    """
    eta = _shift(eta)
    heads = np.arange(-1, check_integer("trials", trials, low=1) + 1)
    missed = 1 - binom.cdf(heads, trials, BASE - eta)  # more heads than the threshold in the first
    alarm = binom.cdf(heads, trials, BASE + eta)  # no more in the second
    cut = int(np.argmax(missed <= alarm))
    above, below = (missed - alarm)[cut - 1 : cut + 1]
    weight = above / (above - below)
    return float((1 - weight) * alarm[cut - 1] + weight * alarm[cut])


def many_worlds(signs: ArrayLike, eta: float, *, spare: bool = False) -> EpisodicMDP:
    """The world of these signs, H = 2 K + 1; actions 2 j and 2 j + 1 are the pair j.

    signs  (K, S, A/2) of 1 and -1: 1 where action 2 j has the probability 1/10 + eta of state 0
    eta    0 < eta <= 1/20
    spare  True: one stage more, so that H = 2 K + 2
    Raises ValueError for other signs, for S < 2 and for eta. Source: thm-entropy-lower-bound-sizes.
    """
    marks = _signs("signs", signs)
    eta = _shift(eta)
    check_flag("spare", spare)
    K, S, pairs = marks.shape
    p = BASE + eta * np.stack([marks, -marks], axis=-1).reshape(K, S, 2 * pairs)
    P = np.zeros((2 * K + spare, S, 2 * pairs, S))
    P[::2] = 1 / S
    P[1 : 2 * K : 2, :, :, 0] = p
    P[1 : 2 * K : 2, :, :, 1] = 1 - p
    return EpisodicMDP(P, len(P) + 1, 0)


def wrong_share(policy: ArrayLike, signs: ArrayLike) -> float:
    """The share of the pairs of `many_worlds` whose better action is not the more probable one.

    policy (H, S, A) probabilities, signs (K, S, A/2). Source: thm-entropy-lower-bound-sizes.
    """
    marks = _signs("signs", signs)
    K, S, pairs = marks.shape
    pi = check_array("policy", policy, (None, S, 2 * pairs))
    if len(pi) not in (2 * K + 1, 2 * K + 2):
        raise ValueError(f"policy: {len(pi)} stages, expected {2 * K + 1} or {2 * K + 2}")
    both = pi[1 : 2 * K : 2].reshape(K, S, pairs, 2)
    return float(np.mean((both[..., 0] - both[..., 1]) * marks <= 0))


def least_episodes_sizes(eps: float, S: int, A: int, H: int) -> float:
    """K S A / (452 eps), K = floor((H-1)/2): on average over no fewer episodes stops a learner that
    is (eps, 1/8)-PAC for one of the entropies, in the worst of `many_worlds` at
    eta = 2 sqrt(eps / K).

    S >= 2, A >= 2 even, H >= 3, 0 < eps <= K/1600.
    Raises ValueError for other arguments. Source: thm-entropy-lower-bound-sizes.
    """
    check_integer("S", S, low=2)
    if check_integer("A", A, low=2) % 2:
        raise ValueError(f"A = {A}: the actions come in pairs")
    K = (check_integer("H", H, low=3) - 1) // 2
    if not 0 < check_number("eps", eps) <= K / 1600:
        raise ValueError(f"eps = {eps}: the theorem speaks of 0 < eps <= {K / 1600:.6g}")
    return K * S * A / (452 * eps)


def _signs(name: str, x: ArrayLike) -> Floats:
    signs = check_array(name, x, (None, None, None))
    refuse(name, signs, np.abs(signs) != 1, "a sign is 1 or -1")
    if signs.shape[1] < 2:
        raise ValueError(f"{name}: shape {signs.shape}, expected (K, S, A/2) with S >= 2")
    return signs


def _shift(eta):
    if not 0 < check_number("eta", eta) <= LARGEST_SHIFT:
        raise ValueError(f"eta = {eta}: the worlds differ by 0 < eta <= {LARGEST_SHIFT}")
    return eta
