"""Two worlds that no learner tells apart in time: why 1/eps episodes are needed for either entropy.

S = A = H = 2. From state 0 the first action leads to state 0 with probability 1/10 - eta in one
world and 1/10 + eta in the other, else to state 1; the second action leads to state 1.
Whatever is put out loses more than eta^2 / 4 of visitation entropy in one of the worlds, and more
than eta^2 / 2 of trajectory entropy, while an episode tells at most 24.2 eta^2 nats about which
world it is.
Only whoever judges a learner may use this module, for it knows the kernels.
Source: thm-entropy-lower-bound.
"""

from math import log

import numpy as np
from scipy.stats import binom

from rlentropy import distributions as dist
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.validation import check_choice, check_confidence, check_integer, check_number

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
    no (eps, delta)-PAC learner stops after fewer episodes on average, in the first of `worlds`.

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


def _shift(eta):
    if not 0 < check_number("eta", eta) <= LARGEST_SHIFT:
        raise ValueError(f"eta = {eta}: the worlds differ by 0 < eta <= {LARGEST_SHIFT}")
    return eta
