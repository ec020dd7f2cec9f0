"""Confidence: how far an empirical distribution, its entropy and a softmax policy can be from the
truth.

The inequalities on which the bonuses of the learners of part II rest, as functions.
"""

from math import e

import numpy as np
from numpy.typing import ArrayLike

from rlentropy.portable import log
from rlentropy.validation import check_array, check_confidence, check_integer, check_sizes, refuse


def log_confidence(n: ArrayLike, S: int, A: int, H: int, delta: float) -> np.ndarray:
    """alpha(delta, n) = log(2 S A H / delta) + S log(e (1 + n)); n any array.

    With probability at least 1 - delta/2, KL(phat_n || p) <= alpha(delta, n) / n for all n >= 1,
    all (h, s, a) at once.
    Raises ValueError unless 0 < delta < 1. Source: lem-kl-concentration.
    """
    check_sizes(S=S, A=A, H=H)
    check_confidence("delta", delta)
    n = check_array("n", n)
    refuse("n", n, n < 0, "a count cannot be negative")
    return log(2 * S * A * H / delta) + S * log(e * (1 + n))


def total_variation_radius(n: ArrayLike, S: int, A: int, H: int, delta: float) -> np.ndarray:
    """eps_n = sqrt(alpha(delta, n) / (2 n)): on the same event TV(phat_n, p) <= eps_n, by Pinsker;
    inf at n = 0.

    Raises ValueError unless 0 < delta < 1. Source: lem-kl-concentration, eq-pinsker-step.
    """
    alpha = log_confidence(n, S, A, H, delta)
    with np.errstate(divide="ignore"):
        return np.sqrt(alpha / 2 / np.asarray(n, dtype=float))


def count_margin(S: int, A: int, H: int, delta: float) -> float:
    """L' = log(6 S A H / delta): n >= N / 2 - L' after every episode, all (h, s, a),
    with probability >= 1 - delta/6.

    N is the sum of the visit probabilities of the policies played. Source: lem-counts.
    """
    check_sizes(S=S, A=A, H=H)
    check_confidence("delta", delta)
    return float(log(6 * S * A * H / delta))


def fannes_width(eps: ArrayLike, S: int) -> np.ndarray:
    """phi_S(eps) = h_2(eps) + eps log(S - 1) for eps < 1 - 1/S, log S beyond;
    nondecreasing in eps >= 0, in nats.

    |H(p) - H(q)| <= phi_S(TV(p, q)) for distributions on S symbols. Source: lem-fannes (i).
    """
    S = check_integer("S", S, low=1)
    eps = check_array("eps", eps)
    refuse("eps", eps, eps < 0, "a total variation distance is >= 0")
    if S == 1:
        return np.zeros_like(eps)
    inside = np.minimum(eps, 1 - 1 / S)  # the formula reaches log S there, and stays
    positive = np.where(inside > 0, inside, 1.0)
    coin = -positive * log(positive) - (1 - inside) * log(1 - inside)
    return coin + inside * log(S - 1)


def visits_radius(T: ArrayLike, S: int, A: int, H: int, delta: float) -> np.ndarray:
    """eps_T = (2^(1/4) + 2^(-1/4)) / 2 sqrt(L_k / (2 T)),  k = floor(log2 T),
    L_k = S A log 2 + log(6 H (k + 1) (k + 2) / delta); T any array >= 1, inf at 0.

    With probability at least 1 - delta/6, for all h and all T at once, the visits n_h / T of T
    episodes are within eps_T in total variation of the mean visitation of the policies played.
    Raises ValueError unless 0 < delta < 1, and for T < 0. Source: lem-visits-anytime.
    """
    check_sizes(S=S, A=A, H=H)
    check_confidence("delta", delta)
    T = check_array("T", T)
    refuse("T", T, T < 0, "a number of episodes is >= 0")
    k = np.frexp(np.maximum(T, 1))[1] - 1.0
    signs = S * A * log(2.0) + log(6 * H * (k + 1) * (k + 2) / delta)
    fourth = np.sqrt(np.sqrt(2.0))
    with np.errstate(divide="ignore"):
        return (fourth + 1 / fourth) / 2 * np.sqrt(signs / (2 * T))
