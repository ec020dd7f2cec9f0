"""Optimistic soft value iteration: learns a policy of nearly maximal trajectory entropy at the fast
rate.

After t episodes, with n = n_h(s, a) visits, eps_n = sqrt(alpha(n) / (2 n)) and alpha as in
`confidence.log_confidence`:

    Qbar_H = 0,   Qbar_h = min{u_h, H(phat_h) + phi_S(eps_n) + v_{h+1} eps_n + phat_h Vbar_{h+1}}
    for h < H,
    Qbar_h = u_h where n = 0,
    Vbar_h = log sum_a exp Qbar_h,   u_h = (H - h) log(S A),   v_h = u_h + log A,

and the next episode is played with softmax(Qbar). There is no other exploration.
An unavailable action has Qbar = -infinity, and A is the largest number of actions that a state has.
Source: alg-optimistic-soft-vi, thm-mtee-fast-rate (this book's own).
"""

from collections.abc import Iterator
from dataclasses import field

import numpy as np

from rlentropy import portable
from rlentropy._compile import kernel
from rlentropy._portable_kernels import log, log_sum_exp
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import simulator
from rlentropy.learners._loop import CountLearner, draw_available, explore, followed, keep, radius
from rlentropy.results import lazy, result


@result
class Block:
    """Episodes first, ..., first + B - 1 (counted from 0) as they were played.

    Q      (B, H, S, A): Qbar before each episode, -infinity where an action is unavailable; the
           policy played is softmax Q
    w      (B, H, S, A): width before each, Qbar - Q* <= w + p (Vbar - V*) on the confidence event
           (for bonus_scale 1)
    n      (B, H, S, A): visits before each
    moves  (H-1, S, A, S): transitions counted up to the end of the block
    """

    first: int
    Q: np.ndarray = field(repr=False)
    w: np.ndarray = field(repr=False)
    n: np.ndarray = field(repr=False)
    moves: np.ndarray = field(repr=False)


@result
class SoftVIRun:
    """counts (H, S, A) of all episodes, and Q (H, S, A) after the last:
    softmax Q is what would be played next."""

    counts: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)

    @lazy
    def policy(self) -> np.ndarray:
        """softmax Q; shape (H, S, A)."""
        return portable.exp(portable.log_softmax(self.Q))


def run(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
) -> SoftVIRun:
    """Play ``episodes`` episodes and return a `SoftVIRun`; arguments as in `play`.

    Memory: the tables of one policy, whatever the number of episodes.
    Raises ValueError for arguments out of range.
    """
    return explore(mdp, episodes, seed, _State, delta, bonus_scale)


def play(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
    block: int = 10_000,
) -> Iterator[Block]:
    """Play ``episodes`` episodes and yield `Block`s of at most ``block`` of them,
    for whoever measures the run.

    mdp          `EpisodicMDP`, its first state may be drawn; the learner sees samples only
    seed         whole number >= 0 or SeedSequence
    delta        confidence level of the bonuses, in (0, 1)
    bonus_scale  factor of phi_S(eps_n) + v_{h+1} eps_n; the theorem is about 1
    Same seed, same episodes, whatever the block.
    Raises ValueError for arguments out of range, when the first block is asked for.
    """
    run = followed(mdp, episodes, seed, block, _State, delta, bonus_scale)
    for first, (Q, w, n), moves in run:
        yield Block(first=first, Q=Q, w=w, n=n, moves=moves)


class _State(CountLearner):
    """Counts, empirical kernel, widths and Qbar; arrays that the kernel updates in place."""

    changing = ("n", "m", "own", "w", "Q")

    def __init__(self, H, available, delta=0.1, bonus_scale=1.0):
        super().__init__(H, available, delta, bonus_scale)
        left = np.arange(H - 1, -1, -1.0)
        self.ceiling = left * portable.log(len(available) * self.choices)  # u_h
        self.own = np.zeros(self.n.shape)  # H(phat) + scaled bonus
        self.w = np.zeros(self.n.shape) + self.ceiling[:, None, None]
        self.Q = np.where(available, self.w, -np.inf)

    def advance(self, world, uniforms, kept=0):
        """Play the episodes; Qbar, widths and visits before each of the first ``kept`` of them."""
        shape = (kept, *self.n.shape)
        Q = np.empty(shape)
        w = np.empty(shape)
        n = np.empty(shape, dtype=np.int64)
        settings = (self.delta, self.scale, self.choices, self.ceiling)
        _play(uniforms, world, *settings, self.n, self.m, self.own, self.w, self.Q, Q, w, n)
        return Q, w, n

    def note(self, h, s, a, after):
        self.n[h, s, a] += 1
        if after >= 0:
            settings = (self.delta, self.scale, self.choices, self.ceiling)
            _observe(h, s, a, after, *settings, self.n, self.m, self.own, self.w)

    def end(self):
        _plan(self.ceiling, self.n, self.m, self.own, self.Q)

    def result(self):
        return SoftVIRun(counts=self.n.copy(), Q=self.Q.copy())


@kernel
def _phi(eps, S):
    """`confidence.fannes_width` of one number."""
    x = min(eps, 1 - 1 / S)
    if x <= 0:
        return 0.0
    return -x * log(x) - (1 - x) * log(1 - x) + x * log(max(S - 1, 1))


@kernel
def _observe(h, s, a, after, delta, scale, A, ceiling, n, m, own, w):
    """A transition of a pair that has just been visited: H(phat) + scaled bonus, and the width."""
    H, S, _ = n.shape
    m[h, s, a, after] += 1
    visits = n[h, s, a]
    entropy = 0.0
    for k in range(S):
        if m[h, s, a, k] > 0:
            p = m[h, s, a, k] / visits
            entropy -= p * log(p)
    eps = radius(visits, S, A, H, delta)
    bonus = _phi(eps, S) + (ceiling[h + 1] + log(A)) * eps
    own[h, s, a] = entropy + scale * bonus
    w[h, s, a] = min(ceiling[h], 2 * bonus)


@kernel
def _plan(ceiling, n, m, own, Q):
    """Backward recursion of Qbar; Q[-1] stays 0, and -infinity what is unavailable."""
    H, S, A = n.shape
    V = np.empty(S)
    for s in range(S):
        V[s] = log_sum_exp(Q[H - 1, s])
    for h in range(H - 2, -1, -1):
        for s in range(S):
            for a in range(A):
                visits = n[h, s, a]
                if visits > 0:
                    total = 0.0
                    for k in range(S):
                        total += m[h, s, a, k] * V[k]
                    Q[h, s, a] = min(ceiling[h], own[h, s, a] + total / visits)
        for s in range(S):
            V[s] = log_sum_exp(Q[h, s])


@kernel
def _play(uniforms, world, delta, scale, choices, ceiling, n, m, own, w, Q, Qs, ws, ns):
    """len(uniforms) episodes, in place; Qs, ws, ns receive the state before each of the first
    len(Qs). The tests hold a plain twin."""
    H, _, A = n.shape
    for t in range(uniforms.shape[0]):
        if t < len(Qs):
            keep(Q, Qs[t])
            keep(w, ws[t])
            keep(n, ns[t])
        s = simulator.begin(world, uniforms[t])
        for h in range(H):
            a = draw_available(Q[h, s], uniforms[t, 2 * h])
            n[h, s, a] += 1
            if h < H - 1:
                after = simulator.draw(world, h, s * A + a, uniforms[t, 2 * h + 1])
                _observe(h, s, a, after, delta, scale, choices, ceiling, n, m, own, w)
                s = after
        _plan(ceiling, n, m, own, Q)
