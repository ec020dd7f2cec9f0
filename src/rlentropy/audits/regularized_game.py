"""The chain of inequalities behind the regularised game, evaluated exactly along a run.

A run of `learners.regularized_game` with policies pi^t = softmax(Q^t), visitations d^t, state
predictions q^t and visited states s^t; dhat the visitation of the mixture, pihat its Markov policy,
dtilde the frequencies of states, r = (1 - 1/T) d* + 1/(S T). Stage by stage

    T KL(dhat || d*)  <=  H T E_dhat KL(pihat || pi*),
    T E_dhat KL(pihat || pi*) + sum KL(d* || q^t) + T KL(dtilde || r)
        <=  soft regret + H (R_T + 2) + sum_t [<d^t, log r/q^t> - log r/q^t(s^t)],

and the last sum is bounded by the seen squares of log r/q^t, which are bounded by the two
divergences on the left.
Only whoever judges a learner may use this module, for it reads the kernel.
Source: thm-regularised-fast, lem-soft-regret, lem-forecast-squares, prop-regularised-slow.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from itertools import pairwise
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.audits import _given, _inverse, _judged
from rlentropy.episodic import forecaster, max_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import markov_policy, visitation_entropy
from rlentropy.learners.regularized_game import GameBlock
from rlentropy.results import result
from rlentropy.validation import (
    check_array,
    check_confidence,
    check_distribution,
    check_extended,
    check_integer,
    check_kind,
    check_number,
    refuse,
)

# ----------------------------------------------------------------------------------- the bounds


def sampler_bound(T: float, S: int, A: int, H: int, delta: float) -> float:
    """G_T = H^2 (H-1)^2 (2H-1) / 24 (B_T + log A)^2 S A [16 alpha log T + 4 L' + 1], B_T =
    log(T + S): bound on the soft regret of T episodes.

    Raises ValueError unless S, A >= 2, H >= 1, T >= 2 and 0 < delta < 1. Source: lem-soft-regret.
    """
    T = _checked(T, S, A, H)
    alpha = float(confidence.log_confidence(T, S, A, H, delta))
    margin = confidence.count_margin(S, A, H, delta)
    stages = H**2 * (H - 1) ** 2 * (2 * H - 1) / 24
    late = 16 * alpha * log(T)
    return stages * (log(T + S) + log(A)) ** 2 * S * A * (late + 4 * margin + 1)


def forecast_price(T: float, S: int, H: int, delta: float) -> float:
    """C_T = S (log T + 2) + 2 log(1 + T) + 2 (1 + log(S T)) log(6 H / delta): what the forecaster
    of one stage pays for seeing samples.

    Raises ValueError as `sampler_bound`. Source: lem-forecast-squares.
    """
    T = _checked(T, S, 2, H)
    check_confidence("delta", delta)
    return S * (log(T) + 2) + 2 * log(1 + T) + 2 * (1 + log(S * T)) * log(6 * H / delta)


def fast_bound(T: float, S: int, A: int, H: int, delta: float) -> float:
    """H [G_T + H (R_T + 2 + C_T)]: bound on T times the gap of the mixture.

    R_T is the regret of a forecaster of S symbols with prior count 1.
    Raises ValueError as `sampler_bound`. Source: thm-regularised-fast.
    """
    T = _checked(T, S, A, H)
    regret = float(forecaster.worst_regret(T, S))
    price = regret + 2 + forecast_price(T, S, H, delta)
    return H * (sampler_bound(T, S, A, H, delta) + H * price)


def slow_bound(T: float, S: int, A: int, H: int, delta: float) -> float:
    """G_T + H B_T sqrt(T L_1 / 2) + H log(S T) sqrt(S L_2 T) + H (R_T + 2): bound on T times the
    gap without the squares, for T >= S L_2; L_1 = log(6/delta), L_2 = log(12 S H / delta).

    Raises ValueError as `sampler_bound`. Source: prop-regularised-slow.
    """
    T = _checked(T, S, A, H)
    sampler = sampler_bound(T, S, A, H, delta)
    there = log(T + S) * sqrt(T * log(6 / delta) / 2)
    back = log(S * T) * sqrt(S * log(12 * S * H / delta) * T)
    return sampler + H * (there + back + float(forecaster.worst_regret(T, S)) + 2)


def episodes_needed(
    bound: Callable[[float, int, int, int, float], float],
    eps: float,
    S: int,
    A: int,
    H: int,
    delta: float,
) -> float:
    """Smallest whole T >= 2 (to a relative 1e-6) from which bound(T, S, A, H, delta) / T <= eps.

    Raises ValueError for eps <= 0.
    """
    _checked(2.0, S, A, H)
    check_confidence("delta", delta)
    return _inverse.of_sum(bound, eps, S, A, H, delta, least=2.0)


def _checked(T, S, A, H):
    """T as a float."""
    check_integer("S", S, low=2)
    check_integer("A", A, low=2)
    check_integer("H", H, low=1)
    episodes = check_number("T", T)
    if not episodes >= 2:
        raise ValueError(f"T = {T}: the bound is about two episodes or more")
    return episodes


# ------------------------------------------------------------------------------------- the game


@result
class SoftAnswer:
    """The best answer to state predictions: values for the reward log 1/q_h(s) plus the entropy of
    the policy.

    value    (...,): E V_1(s_1), the largest payoff against q, in nats
    Q, log_pi  (..., H, S, A)
    """

    value: np.ndarray
    Q: np.ndarray = field(repr=False)
    log_pi: np.ndarray = field(repr=False)


def soft_answer(mdp: EpisodicMDP, q: ArrayLike) -> SoftAnswer:
    """Q_h = log 1/q_h(s) + p_h V_{h+1}, V_h = log sum_a exp Q_h, pi_h = softmax Q_h; Q_h is
    -infinity where an action is unavailable.

    q  (..., H, S) positive: a prediction of the state at each stage
    Raises ValueError for an entry that is not positive. Source: thm-soft-game.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    q = check_array("q", q)
    if q.shape[-2:] != (mdp.H, mdp.S):
        raise ValueError(f"q: shape {q.shape}, expected (..., {mdp.H}, {mdp.S})")
    refuse("q", q, q <= 0, "a prediction has to be positive")
    Q = np.empty((*q.shape, mdp.A))
    V = np.zeros((*q.shape[:-2], mdp.S))
    for h in reversed(range(mdp.H)):
        ahead = _judged.next_mean(mdp, h, V) if h + 1 < mdp.H else 0.0
        Q[..., h, :, :] = np.where(mdp.available, ahead - np.log(q[..., h, :, None]), -np.inf)
        V = dist.logsumexp(Q[..., h, :, :])
    return SoftAnswer(value=V @ mdp.start_distribution, Q=Q, log_pi=dist.log_softmax(Q))


def payoff(d: ArrayLike, q: ArrayLike) -> Floats:
    """sum_h E_{s ~ d_h} [log 1/q_h(s) + H(pi_h(. | s))], pi the policy of d, in nats.

    d (..., H, S, A) visitations, q (..., H, S) predictions of states. Source: eq-soft-payoff.
    """
    d = check_array("d", d)
    if d.ndim < 3:
        raise ValueError(f"d: shape {d.shape}, expected (..., H, S, A)")
    refuse("d", d, (d < 0) | (d > 1 + dist.SLACK), "not a probability")
    q = check_array("q", q)
    mass = d.sum(axis=-1)
    if q.shape[-2:] != mass.shape[-2:]:
        raise ValueError(f"q: shape {q.shape}, expected (..., {d.shape[-3]}, {d.shape[-2]})")
    refuse("q", q, (q <= 0) & (mass > 0), "a visited state has to be predicted")
    surprise = -np.sum(mass * np.log(np.where(mass > 0, q, 1.0)), axis=(-2, -1))
    return surprise + _policy_entropy(d)


def visitations(mdp: EpisodicMDP, Q: ArrayLike) -> Floats:
    """The visitations of the policies softmax(Q) of available actions; (B, H, S, A) ->
    (B, H, S, A)."""
    check_kind("mdp", mdp, EpisodicMDP)
    Q = check_extended("Q", Q, (None, mdp.H, mdp.S, mdp.A))
    refuse("Q", Q, ~np.isfinite(Q) & mdp.available, "not a finite number")
    log_pi = dist.log_softmax(np.where(mdp.available, Q, -np.inf))
    return _judged.visitations(mdp, log_pi)


def _policy_entropy(d):
    """sum_h E_{s ~ d_h} H(pi_h(. | s)) = sum_h [H(d_h) - H(d_h(s))]."""
    return visitation_entropy(d) - visitation_entropy(d.sum(axis=-1, keepdims=True))


# --------------------------------------------------------------------------------- the seen squares


@result
class Squares:
    """A forecaster of S symbols (prior count 1) along T symbols x_1, ..., x_T, against a law r.

    squares   sum_t log(q^t(x_t) / r(x_t))^2
    reverse   sum_t KL(r || q^t);  forward  sum_t KL(q^t || r)
    last      (T + S) KL(q^{T+1} || r), after the last symbol;  seen  T KL(x's frequencies || r)
    """

    squares: np.ndarray
    reverse: np.ndarray
    forward: np.ndarray
    last: np.ndarray
    seen: np.ndarray


def forecast_squares(symbols: ArrayLike, r: ArrayLike) -> Squares:
    """`Squares` of whole numbers ``symbols`` (T,) in 0, ..., S - 1 and a positive law r (S,).

    Raises ValueError for symbols out of range and for r that is not positive.
    Source: lem-forecast-squares.
    """
    r = check_distribution("r", r, (None,))
    refuse("r", r, r <= 0, "a probability has to be positive")
    x = forecaster.one_hot(symbols, len(r))
    if len(x) == 0:
        raise ValueError("symbols: there is none")
    before = np.cumsum(x, axis=0) - x
    sums = _ForecastSums(1, len(r))
    sums.add(forecaster.predict(before)[:, None], x[:, None])
    one = sums.squares(x.sum(axis=0)[None], r[None])
    return Squares(**{name: value[0] for name, value in one.items()})


class _ForecastSums:
    """Sums over episodes of functions of q^t, from which `Squares` follow for any law r."""

    def __init__(self, H, S):
        self.total = {name: np.zeros((H, S)) for name in ("log", "law", "neg", "seen", "seen2")}

    def add(self, q, x):
        """Episodes with predictions q (B, H, S), and visited states x (B, H, S) as 0 and 1."""
        logs = np.log(q)
        terms = {"log": logs, "law": q, "neg": q * logs, "seen": x * logs, "seen2": x * logs**2}
        for name, term in terms.items():
            self.total[name] = self.total[name] + term.sum(axis=0)

    def squares(self, n, r):
        """The fields of `Squares` (H,) for visits n (H, S) of T episodes, and laws r (H, S)."""
        T = n.sum(axis=-1, keepdims=True)
        S = n.shape[-1]
        log_r = np.log(r)
        after = (n + 1) / (T + S)
        share = n / T
        squares = self.total["seen2"] - 2 * log_r * self.total["seen"] + n * log_r**2
        gone = np.where(share > 0, np.log(np.where(share > 0, share, 1.0)) - log_r, 0.0)
        return {
            "squares": squares.sum(axis=-1),
            "reverse": np.sum(r * (T * log_r - self.total["log"]), axis=-1),
            "forward": np.sum(self.total["neg"] - log_r * self.total["law"], axis=-1),
            "last": (T[:, 0] + S) * np.sum(after * (np.log(after) - log_r), axis=-1),
            "seen": T[:, 0] * np.sum(share * gone, axis=-1),
        }


# -------------------------------------------------------------------------------------- along a run


@result
class GameLinks:
    """Terms of the chain after T episodes, for each T of ``T`` (k,), and the smallest slacks.

    optimum     H*, in nats
    gap         (k,) H* - H_visit(dhat)
    policy      (k,) sum_h E_dhat KL(pihat_h || pi*_h)
    regret, second_order, squared_width, capped   (k,) sums over episodes; ``capped`` with the
                constants at T[-1]
    excess      (k,) sum over t and h of KL(d*_h || q^t_h), laws of states
    expected, paid   (k, H) sums of <d^t, log 1/q^t>, and of log 1/q^t(s^t)
    states      (k, 2) sum_h H(dtilde_h) and sum_h H(dhat_h), laws of states
    visits      (k, H) sum_s |n_h(s) - N_h(s)|
    noise       (k, H) sum_t [<d^t, log r/q^t> - log r/q^t(s^t)]
    squares     {name: (k, H)}: fields of `Squares`
    slack       smallest slack over all episodes (optimism, width, counts: over all h, s, a)
    divergence  largest n KL(phat || p) / alpha(delta, n) seen at the ends of blocks
    """

    T: np.ndarray
    optimum: float
    divergence: float
    gap: np.ndarray = field(repr=False)
    policy: np.ndarray = field(repr=False)
    regret: np.ndarray = field(repr=False)
    second_order: np.ndarray = field(repr=False)
    squared_width: np.ndarray = field(repr=False)
    capped: np.ndarray = field(repr=False)
    excess: np.ndarray = field(repr=False)
    expected: np.ndarray = field(repr=False)
    paid: np.ndarray = field(repr=False)
    states: np.ndarray = field(repr=False)
    visits: np.ndarray = field(repr=False)
    noise: np.ndarray = field(repr=False)
    squares: dict = field(repr=False)
    slack: dict = field(repr=False)


SUMS = ("regret", "second_order", "squared_width", "capped", "excess", "expected", "paid")


def measure(
    mdp: EpisodicMDP,
    blocks: Iterable[GameBlock],
    T: Sequence[int],
    *,
    delta: float,
    optimum: max_entropy.Optimum | None = None,
) -> GameLinks:
    """`GameLinks` of a run given as an iterable of blocks.

    T        increasing whole numbers >= 2; the run must be at least that long
    optimum  `max_entropy.solve(mdp)`, solved here if it is not given
    Raises ValueError for times out of order, and for a run that is too short.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    times = _given.times(T, least=2)
    judge = _Judge(mdp, times, delta, optimum or max_entropy.solve(mdp, tol=1e-12))
    judge.follow(blocks, GameBlock)
    rows: dict[str, Any] = {
        name: np.array([row[name] for row in judge.rows]) for name in judge.rows[0]
    }
    names = ("squares", "reverse", "forward", "last", "seen")
    squares = {name: rows.pop(f"squares: {name}") for name in names}
    return GameLinks(
        T=times,
        optimum=judge.best.value,
        divergence=judge.divergence,
        squares=squares,
        slack=judge.slack,
        **rows,
    )


class _Judge(_judged.Judge):
    """Accumulates `GameLinks` block by block."""

    def __init__(self, mdp, T, delta, best):
        super().__init__(mdp, T, delta)
        self.best = best
        self.total = dict.fromkeys(SUMS, 0.0)
        self.visits = np.zeros((mdp.H, mdp.S))
        self.sums = _ForecastSums(mdp.H, mdp.S)
        self.rows = []

    def look(self, block):
        """A block, cut at the times of the report."""
        inside = self.T[(self.T > self.seen) & (self.T < self.seen + len(block.Q))]
        cuts = [0, *(inside - self.seen), len(block.Q)]
        for low, high in pairwise(cuts):
            self._piece(block.Q[low:high], block.n[low:high], block.states[low:high])
            if self.seen in self.T:
                self.rows.append(self._report())

    def _piece(self, Q, n, states):
        played = _played(self.mdp, self.best, self.seen, Q, n)
        x = np.eye(self.mdp.S)[states]
        played["capped"] = self._capped(played["d"], n)
        played["paid"] = -np.sum(x * np.log(played["q"]), axis=2)
        self._links(played, n)
        for name in SUMS:
            self.total[name] = self.total[name] + played[name].sum(axis=0)
        self.sums.add(played["q"], x)
        self.visits = self.visits + x.sum(axis=0)

    def _capped(self, d, n):
        S, A, H, _ = self.sizes
        alpha = confidence.log_confidence(float(self.T[-1]), *self.sizes)
        u = _ceilings(H, S, A, float(self.T[-1]))
        share = np.minimum(1.0, 2 * alpha / np.maximum(n, 1e-300))
        return H * (H - 1) / 4 * np.sum(d * u[:, None, None] ** 2 * share, axis=(1, 2, 3))

    def _links(self, played, n):
        H = self.mdp.H
        w = _widths(n, np.arange(self.seen, self.seen + len(n)), self.sizes)
        played["squared_width"] = H * (H - 1) / 4 * np.sum(played["d"] * w**2, axis=(1, 2, 3))
        links = {
            "optimism": played["G"][:, :-1],
            "width": (played["ahead"] + w - played["G"])[:, :-1],
            "second order": played["second_order"] - played["regret"],
            "squared width": played["squared_width"] - played["second_order"],
            "capped width": played["capped"] - played["squared_width"],
            "certificate": played["margin"],
        }
        self.count(played["d"], n, **links)

    def _report(self):
        """The terms after self.seen episodes."""
        T = self.seen
        S = self.mdp.S
        d = self.expected_visits / T
        star = self.best.visitation.sum(axis=-1)
        r = (1 - 1 / T) * star + 1 / (S * T)
        squares = self.sums.squares(self.visits, r)
        log_r = np.log(r)
        seen = self.visits / T
        of_r = np.sum((self.expected_visits.sum(axis=-1) - self.visits) * log_r, axis=-1)
        laws = np.array([seen, d.sum(axis=-1)])
        log_pi = dist.log_probabilities(markov_policy(d, available=self.mdp.available))
        log_star = dist.log_probabilities(self.best.policy)
        apart = dist.kl(log_pi, log_star)
        return {
            **{name: self.total[name] for name in SUMS},
            "gap": self.best.value - visitation_entropy(d),
            "policy": float(np.sum(np.where(d.sum(axis=-1) > 0, d.sum(axis=-1) * apart, 0.0))),
            "states": dist.entropy(dist.log_probabilities(laws)).sum(axis=-1),
            "visits": np.abs(self.visits - self.expected_visits.sum(axis=-1)).sum(axis=-1),
            "noise": of_r + self.total["expected"] - self.total["paid"],
            **{f"squares: {name}": value for name, value in squares.items()},
        }


def _ceilings(H, S, A, t):
    """u_h = (H - h) (log(t + S) + log A) for h = 1, ..., H."""
    return np.arange(H - 1, -1, -1) * (np.log(t + S) + np.log(A))


def _widths(n, t, sizes):
    """w_h = u_h min{1, 2 eps_n}, u_h where n = 0; n (B, H, S, A) visits after t (B,) episodes."""
    S, A, H, _ = sizes
    u = np.array([_ceilings(H, S, A, float(x)) for x in t])[:, :, None, None]
    radius = confidence.total_variation_radius(n, *sizes)
    return u * np.minimum(1.0, 2 * radius)


def _played(mdp, best, first, Q, n):
    """Per episode: visitation d, predictions q, G = Q - Q*, ahead = p (V - V*), and the terms."""
    t = first + np.arange(len(Q))
    q = (n.sum(axis=-1) + 1) / (t[:, None, None] + mdp.S)
    answer = soft_answer(mdp, q)
    log_pi = dist.log_softmax(Q)
    G = _judged.apart(mdp, Q, answer.Q)
    above = _judged.apart(mdp, log_pi, answer.log_pi)
    best_values = _judged.soft_values(mdp, answer.Q, answer.log_pi)
    rise = _judged.soft_values(mdp, Q, log_pi) - best_values
    d = visitations(mdp, Q)
    ahead = np.zeros_like(Q)
    for h in range(mdp.H - 1):
        ahead[:, h] = _judged.next_mean(mdp, h, rise[:, h + 1])
    star = best.visitation.sum(axis=-1)
    apart = dist.kl(dist.log_probabilities(star), np.log(q)).sum(axis=-1)
    return {
        "d": d,
        "q": q,
        "G": G,
        "ahead": ahead,
        "regret": np.sum(d * above, axis=(1, 2, 3)),
        "second_order": np.sum(d * G**2, axis=(1, 2, 3)) / 2,
        "excess": apart,
        "margin": answer.value - best.value - apart,
        "expected": -np.sum(d.sum(axis=-1) * np.log(q), axis=2),
    }
