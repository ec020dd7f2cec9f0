"""The chain of inequalities behind the fast rate, evaluated exactly along a run with the true
kernel.

For the policies softmax(Q^t) of optimistic soft value iteration,
per episode and summed over episodes:

    regret = E sum KL(pi_h || pi*_h)  <=  second order = 1/2 E sum G_h^2  <=  squared width =
    H(H-1)/4 E sum w_h^2
                                      <=  capped = H(H-1)/4 E sum min{U^2,
                                          2 alpha Lambda^2 / n}  <=  `fast_bound`

and, without the second-order step (what optimism alone gives),

    regret  <=  bias = E Vbar_1(s_1) + H(s_1) - H(q)  <=  width = E sum w_h  <=  `slow_bound`,

G = Qbar - Q* over available actions, expectations under the policy played.
Only whoever judges a learner may use this module, for it
reads the kernel.
Source: thm-mtee-fast-rate, prop-slow-rate.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from math import e, log, sqrt

import numpy as np

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy.audits import _given, _inverse, _judged
from rlentropy.episodic import trajectory_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners.optimistic_soft_vi import Block
from rlentropy.results import result
from rlentropy.validation import (
    check_confidence,
    check_integer,
    check_kind,
    check_number,
    check_sizes,
)


def width_constants(T: float, S: int, A: int, H: int, delta: float) -> tuple[float, float, float]:
    """(U, alpha, Lambda): U = (H-1) log(S A), alpha = alpha(delta, T),
    Lambda = U + log(e S) + log(T) / 2.

    w^2 <= min{U^2, 2 alpha Lambda^2 / n} for 1 <= n <= T.
    Raises ValueError unless S, A >= 2, H >= 1, T >= 1 and 0 < delta < 1. Source: eq-width-cap.
    """
    check_integer("S", S, low=2)
    check_integer("A", A, low=2)
    check_integer("H", H, low=1)
    if not check_number("T", T) >= 1:
        raise ValueError(f"T = {T}: a run has at least one episode")
    U = (H - 1) * log(S * A)
    return U, float(confidence.log_confidence(T, S, A, H, delta)), U + log(e * S) + log(T) / 2


def fast_bound(T: float, S: int, A: int, H: int, delta: float) -> float:
    """H (H-1)^2 S A [4 alpha Lambda^2 log T + U^2 (4 L' + 1) / 4]:
    bound on the regret of T episodes; 0 at H = 1, where the uniform policy is optimal.

    Raises ValueError as `width_constants`. Source: thm-mtee-fast-rate, eq-fast-bound.
    """
    U, alpha, Lam = width_constants(T, S, A, H, delta)
    margin = confidence.count_margin(S, A, H, delta)
    return H * (H - 1) ** 2 * S * A * (4 * alpha * Lam**2 * log(T) + U**2 * (4 * margin + 1) / 4)


def slow_bound(T: float, S: int, A: int, H: int, delta: float) -> float:
    """(H-1) [8 Lambda sqrt(alpha S A T) + S A U (4 L' + 1)]: what optimism alone gives.

    Raises ValueError as `width_constants`. Source: prop-slow-rate.
    """
    U, alpha, Lam = width_constants(T, S, A, H, delta)
    margin = confidence.count_margin(S, A, H, delta)
    return (H - 1) * (8 * Lam * sqrt(alpha * S * A * T) + S * A * U * (4 * margin + 1))


def episodes_needed(
    bound: Callable[[float, int, int, int, float], float],
    eps: float,
    S: int,
    A: int,
    H: int,
    delta: float,
) -> float:
    """Smallest whole T >= 1 (to a relative 1e-6) with bound(T, S, A, H, delta) / T <= eps.

    For a bound whose average over T episodes rises at most once and then falls, as that of
    `fast_bound` and `slow_bound`.

    Raises ValueError for eps <= 0. Source: thm-mtee-fast-rate, prop-slow-rate.
    """
    check_sizes(S=S, A=A, H=H)
    check_confidence("delta", delta)
    return _inverse.of_sum(bound, eps, S, A, H, delta, least=1.0)


@result
class Links:
    """Sums over the first T episodes, for each T of ``T`` (k,),
    and the smallest slacks over the whole run.

    regret, second_order, squared_width, capped, bias, width  (k,) sums, in nats;
                                                              ``capped`` with the constants at T[-1]
    slack       smallest slack of each link over all episodes (for optimism and width:
                over all (h, s, a) with h < H)
    divergence  largest n KL(phat || p) / alpha(delta, n) seen at the ends of blocks:
                at most 1 on the confidence event
    """

    T: np.ndarray
    divergence: float
    regret: np.ndarray = field(repr=False)
    second_order: np.ndarray = field(repr=False)
    squared_width: np.ndarray = field(repr=False)
    capped: np.ndarray = field(repr=False)
    bias: np.ndarray = field(repr=False)
    width: np.ndarray = field(repr=False)
    slack: dict = field(repr=False)


SUMS = ("regret", "second_order", "squared_width", "capped", "bias", "width")


def measure(mdp: EpisodicMDP, blocks: Iterable[Block], T: Sequence[int], *, delta: float) -> Links:
    """`Links` of a run given as an iterable of blocks (fields first, Q, w, n,
    moves as in `optimistic_soft_vi.Block`).

    T  increasing whole numbers >= 1, at which the sums are reported; the run must be at least
       that long
    At H = 1 nothing can be lost: all sums are 0, and a link about stages before the last has the
    slack infinity. Raises ValueError for times out of order, and for a run that is too short.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    times = _given.times(T)
    judge = _Judge(mdp, times, delta)
    judge.follow(blocks, Block)
    return Links(T=times, **judge.sums, slack=judge.slack, divergence=judge.divergence)


class _Judge(_judged.Judge):
    """Accumulates `Links` block by block."""

    def __init__(self, mdp, T, delta):
        super().__init__(mdp, T, delta)
        self.best = trajectory_entropy.soft_optimum(mdp)
        self.total = dict.fromkeys(SUMS, 0.0)
        self.sums = {name: np.zeros(len(T)) for name in SUMS}

    def look(self, block):
        played = _played(self.mdp, self.best, block.Q, block.w)
        played["capped"] = self._capped(played["d"], block.n)
        self._sum(played)
        links = {
            "optimism": played["G"][:, :-1],
            "width": (played["ahead"] - played["G"])[:, :-1],
            "second order": played["second_order"] - played["regret"],
            "squared width": played["squared_width"] - played["second_order"],
            "capped width": played["capped"] - played["squared_width"],
            "bias": played["bias"] - played["regret"],
            "linear width": played["width"] - played["bias"],
        }
        self.count(played["d"], block.n, **links)

    def _sum(self, played):
        inside = (self.T > self.seen) & (self.T <= self.seen + len(played["d"]))
        for name in SUMS:
            running = self.total[name] + np.cumsum(played[name])
            self.sums[name][inside] = running[self.T[inside] - self.seen - 1]
            self.total[name] = float(running[-1])

    def _capped(self, d, n):
        H = self.mdp.H
        U, alpha, Lam = width_constants(int(self.T[-1]), *self.sizes)
        cap = np.minimum(U**2, 2 * alpha * Lam**2 / np.maximum(n[:, :-1], 1e-300))
        return H * (H - 1) / 4 * np.sum(d[:, :-1] * cap, axis=(1, 2, 3))


def _played(mdp, best, Q, w):
    """Per episode: visitation d, G = Q - Q*, ahead = w + p (V - V*),
    and the terms of the two chains."""
    log_pi = dist.log_softmax(Q)
    G = _judged.apart(mdp, Q, best.Q)
    rise = _judged.soft_values(mdp, Q, log_pi) - best.V
    d = _judged.visitations(mdp, log_pi)
    ahead = w.copy()
    for h in range(mdp.H - 1):
        ahead[:, h] += _judged.next_mean(mdp, h, rise[:, h + 1])
    regret = np.sum(d * _judged.apart(mdp, log_pi, best.log_pi), axis=(1, 2, 3))
    return {
        "d": d,
        "G": G,
        "ahead": ahead,
        "regret": regret,
        "second_order": np.sum(d * G**2, axis=(1, 2, 3)) / 2,
        "squared_width": mdp.H * (mdp.H - 1) / 4 * np.sum(d * w**2, axis=(1, 2, 3)),
        "bias": rise[:, 0] @ mdp.start_distribution + regret,
        "width": np.sum(d * w, axis=(1, 2, 3)),
    }
