"""The regularised game: EntGame with a forecaster of states and a soft answer.

After t episodes, with n = n_h(s, a) visits, eps_n = sqrt(alpha(delta, n) / (2 n)) and
B_t = log(t + S):

    q_h(s) = (n_h(s) + 1) / (t + S),   r_h(s) = log 1 / q_h(s),   u_h = (H - h) (B_t + log A),
    Qbar_h = r_h + min{u_h, phat_h Vbar_{h+1} + c u_h eps_n},   Qbar_h = r_h + u_h where n = 0,
    Vbar_h = log sum_a exp Qbar_h,   Vbar_{H+1} = 0,

c = 1 in the theorems, and the next episode is played with softmax(Qbar). The output is the uniform
mixture of the policies played. An unavailable action has Qbar = -infinity, and A is the largest
number of actions that a state has. Source: alg-regularised-game, thm-regularised-fast (this book's
own; that regularisation helps visitation entropy is the announcement of Tiapkin et al. 2023).
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
    return explore(mdp, episodes, seed, _State, delta, bonus_scale)


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
    run = followed(mdp, episodes, seed, block, _State, delta, bonus_scale)
    for first, (Q, n, states), moves in run:
        yield GameBlock(first=first, Q=Q, n=n, states=states, moves=moves)


class _State(CountLearner):
    """Counts, radii and Qbar; arrays that the kernel updates in place."""

    changing = ("n", "m", "radius", "Q")

    def __init__(self, H, available, delta=0.1, bonus_scale=1.0):
        super().__init__(H, available, delta, bonus_scale)
        self.radius = np.zeros(self.n.shape)  # eps_n of the pairs that were visited
        self.Q = np.tile(np.where(available, 0.0, -np.inf), (H, 1, 1))
        self.end()

    def advance(self, world, uniforms, kept=0):
        """Play the episodes; Qbar and visits before each of the first ``kept``, and their
        states."""
        shape = (kept, *self.n.shape)
        Q = np.empty(shape)
        n = np.empty(shape, dtype=np.int64)
        states = np.empty(shape[:2], dtype=np.int64)
        tables = (self.n, self.m, self.radius, self.Q)
        settings = (self.delta, self.scale, self.choices)
        _play(uniforms, world, *settings, *tables, Q, n, states)
        return Q, n, states

    def note(self, h, s, a, after):
        self.n[h, s, a] += 1
        if after >= 0:
            _observe(h, s, a, after, self.delta, self.choices, self.n, self.m, self.radius)

    def end(self):
        t = self.n[0].sum()
        _plan(t, self.scale, self.choices, self.n, self.m, self.radius, self.Q)

    def result(self):
        return GameRun(counts=self.n.copy(), Q=self.Q.copy())


@kernel
def _plan(t, scale, choices, n, m, radii, Q):
    """Backward recursion of Qbar after t episodes; what is -infinity is unavailable, and stays."""
    H, S, A = n.shape
    bound = log(float(t + S))
    V = np.zeros(S)
    for h in range(H - 1, -1, -1):
        ceiling = (H - 1 - h) * (bound + log(float(choices)))
        for s in range(S):
            total = 0
            for a in range(A):
                total += n[h, s, a]
            reward = bound - log(float(total + 1))
            for a in range(A):
                if Q[h, s, a] == -np.inf:
                    continue
                visits = n[h, s, a]
                ahead = ceiling
                if h < H - 1 and visits > 0:
                    mean = 0.0
                    for k in range(S):
                        mean += m[h, s, a, k] * V[k]
                    ahead = min(ceiling, mean / visits + scale * ceiling * radii[h, s, a])
                Q[h, s, a] = reward + ahead
        for s in range(S):
            V[s] = log_sum_exp(Q[h, s])


@kernel
def _observe(h, s, a, after, delta, A, n, m, radii):
    """A transition of a pair that has just been visited, and the radius that follows."""
    H, S, _ = n.shape
    m[h, s, a, after] += 1
    radii[h, s, a] = radius(n[h, s, a], S, A, H, delta)


@kernel
def _play(uniforms, world, delta, scale, choices, n, m, radii, Q, Qs, ns, states):
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
            keep(Q, Qs[b])
            keep(n, ns[b])
        s = simulator.begin(world, uniforms[b])
        for h in range(H):
            if kept:
                states[b, h] = s
            a = draw_available(Q[h, s], uniforms[b, 2 * h])
            n[h, s, a] += 1
            if h < H - 1:
                after = simulator.draw(world, h, s * A + a, uniforms[b, 2 * h + 1])
                _observe(h, s, a, after, delta, choices, n, m, radii)
                s = after
        t += 1
        _plan(t, scale, choices, n, m, radii, Q)
