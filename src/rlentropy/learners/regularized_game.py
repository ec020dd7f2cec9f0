"""The regularised game: EntGame with a forecaster of states and a soft answer.

After t episodes, with n = n_h(s, a) visits, eps_n = sqrt(alpha(delta, n) / (2 n)) and
B_t = log(t + S):

    q_h(s) = (n_h(s) + 1) / (t + S),   r_h(s) = log 1 / q_h(s),   u_h = (H - h) (B_t + log A),
    Qbar_h = r_h + min{u_h, phat_h Vbar_{h+1} + c u_h eps_n},   Qbar_h = r_h + u_h where n = 0,
    Vbar_h = log sum_a exp Qbar_h,   Vbar_{H+1} = 0,

c = 1 in the theorems, and the next episode is played with softmax(Qbar). The output is the uniform
mixture of the policies played. Source: alg-regularised-game, thm-regularised-fast (this book's own;
that regularisation helps visitation entropy is the announcement of Tiapkin et al. 2023).
"""

from collections.abc import Iterator
from dataclasses import field
from math import e, sqrt

import numpy as np

from rlentropy import portable
from rlentropy._compile import kernel
from rlentropy._portable_kernels import draw_softmax, log, log_sum_exp
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import simulator
from rlentropy.results import lazy, result
from rlentropy.seeds import generator
from rlentropy.validation import (
    check_confidence,
    check_integer,
    check_kind,
    check_nonnegative,
)

# Episodes that `run` plays at a time; no number depends on it. It keeps their random numbers only.
BLOCK = 512


@result
class GameBlock:
    """Episodes first, ..., first + B - 1 (counted from 0) as they were played.

    Q       (B, H, S, A): Qbar before each episode; the policy played is softmax Q
    n       (B, H, S, A): visits before each
    states  (B, H): s_1, ..., s_H of each
    moves   (H-1, S, A, S): transitions counted up to the end of the block
    """

    first: int
    Q: np.ndarray = field(repr=False)
    n: np.ndarray = field(repr=False)
    states: np.ndarray = field(repr=False)
    moves: np.ndarray = field(repr=False)


@result
class GameRun:
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
) -> GameRun:
    """Play ``episodes`` episodes and return a `GameRun`; arguments as in `play`.

    Memory: the tables of one policy, whatever the number of episodes.
    Raises ValueError for arguments out of range.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    state = _State(mdp, delta, bonus_scale)
    rng = generator(seed)
    for _, B in _pieces(episodes, BLOCK):
        state.advance(rng, B, kept=0)
    return GameRun(counts=state.n, Q=state.Q)


def play(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
    block: int = 10_000,
) -> Iterator[GameBlock]:
    """Play ``episodes`` episodes and yield `GameBlock`s of at most ``block`` of them,
    for whoever measures the run.

    mdp          `EpisodicMDP`, its first state may be drawn; the learner sees samples only
    seed         whole number >= 0 or SeedSequence
    delta        confidence level of the bonuses, in (0, 1)
    bonus_scale  c >= 0; the theorems are about 1
    Same seed, same episodes, whatever the block.
    Raises ValueError for arguments out of range, when the first block is asked for.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    state = _State(mdp, delta, bonus_scale)
    block = check_integer("block", block, low=1)
    rng = generator(seed)
    for first, B in _pieces(episodes, block):
        Q, n, states = state.advance(rng, B, kept=B)
        yield GameBlock(first=first, Q=Q, n=n, states=states, moves=state.m[: mdp.H - 1].copy())


def _pieces(episodes, block):
    """(first, length) of consecutive pieces of at most ``block`` episodes."""
    episodes = check_integer("episodes", episodes)
    return [(first, min(block, episodes - first)) for first in range(0, episodes, block)]


class _State:
    """Counts, radii and Qbar; arrays that the kernel updates in place."""

    def __init__(self, mdp, delta, bonus_scale):
        H, S, A = mdp.H, mdp.S, mdp.A
        self.delta = check_confidence("delta", delta)
        self.scale = check_nonnegative("bonus_scale", bonus_scale)
        self.world = simulator.world(mdp, drawn=True)
        self.numbers = simulator.draws(mdp, 2 * H - 1)
        self.n = np.zeros((H, S, A), dtype=np.int64)
        self.m = np.zeros((max(H - 1, 1), S, A, S), dtype=np.int64)
        self.radius = np.zeros((H, S, A))  # eps_n of the pairs that were visited
        self.Q = np.zeros((H, S, A))
        _plan(0, self.scale, self.n, self.m, self.radius, self.Q)

    def advance(self, rng, B, kept):
        """Play B episodes; Qbar and visits before each of the first ``kept``, and their states."""
        shape = (kept, *self.n.shape)
        Q = np.empty(shape)
        n = np.empty(shape, dtype=np.int64)
        states = np.empty(shape[:2], dtype=np.int64)
        uniforms = rng.random((B, self.numbers))
        tables = (self.n, self.m, self.radius, self.Q)
        _play(uniforms, self.world, self.delta, self.scale, *tables, Q, n, states)
        return Q, n, states


@kernel
def _plan(t, scale, n, m, radius, Q):
    """Backward recursion of Qbar after t episodes."""
    H, S, A = n.shape
    bound = log(float(t + S))
    V = np.zeros(S)
    for h in range(H - 1, -1, -1):
        ceiling = (H - 1 - h) * (bound + log(float(A)))
        for s in range(S):
            total = 0
            for a in range(A):
                total += n[h, s, a]
            reward = bound - log(float(total + 1))
            for a in range(A):
                visits = n[h, s, a]
                ahead = ceiling
                if h < H - 1 and visits > 0:
                    mean = 0.0
                    for k in range(S):
                        mean += m[h, s, a, k] * V[k]
                    ahead = min(ceiling, mean / visits + scale * ceiling * radius[h, s, a])
                Q[h, s, a] = reward + ahead
        for s in range(S):
            V[s] = log_sum_exp(Q[h, s])


@kernel
def _play(uniforms, world, delta, scale, n, m, radius, Q, Qs, ns, states):
    """len(uniforms) episodes, in place; Qs, ns receive the tables before, and states what was seen
    in, each of the first len(Qs). The tests hold a plain twin."""
    H, S, A = n.shape
    t = 0
    for s in range(S):
        for a in range(A):
            t += n[0, s, a]
    for b in range(uniforms.shape[0]):
        kept = b < len(Qs)
        if kept:
            # in loops: numba spends seconds on compiling the assignment of a slice
            for h in range(H):
                for s in range(S):
                    for a in range(A):
                        Qs[b, h, s, a] = Q[h, s, a]
                        ns[b, h, s, a] = n[h, s, a]
        s = simulator.begin(world, uniforms[b])
        for h in range(H):
            if kept:
                states[b, h] = s
            a = draw_softmax(Q[h, s], uniforms[b, 2 * h])
            n[h, s, a] += 1
            if h < H - 1:
                nxt = simulator.draw(world, h, s * A + a, uniforms[b, 2 * h + 1])
                m[h, s, a, nxt] += 1
                visits = n[h, s, a]
                alpha = log(2 * S * A * H / delta) + S * log(e * (1 + visits))
                radius[h, s, a] = sqrt(alpha / (2 * visits))
                s = nxt
        t += 1
        _plan(t, scale, n, m, radius, Q)
