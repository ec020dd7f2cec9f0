"""EntGame: maximum-entropy exploration of an unknown MDP as a game between a forecaster and an
optimistic sampler.

Before each episode the forecaster predicts the next visits from the counts so far;
the sampler then plans,
optimistically in the empirical model, for the reward log(1 / prediction), and plays one episode.
The output is the
uniform mixture of the T policies played.
Two different algorithms bear the name, and they are kept apart:

`run`         per stage (the second source; def-entgame):
              counts n_h(s, a), objective sum over stages of H(d_h).

    B_t = log(t / n_0 + S A),   ceiling H B_t at every stage,
    bonus b = bonus_scale H B_t sqrt(2 alpha(delta, n) / n)
    alpha(delta, n) = log(2 S A H / delta) + S log(e (1 + n))
    Qbar_h = log((t + S A n_0) / (n_h + n_0)) + b + phat_h Vbar_{h+1}   where n_h(s, a) >= 1,
    +infinity where n_h = 0
    Vbar_h = min(max_a Qbar_h, H B_t),   Vbar_{H+1} = 0

    A pair that was never visited has Q = +infinity:
    its state has the ceiling as value, and the first unvisited
    action in index order is taken there. So phat is never needed where it is undefined.
    With ceiling="stage" the ceiling is (H - h + 1) B_t at stage h,
    which bounds the true values as well (rem-clip).

`run_pooled`  pooled (the published code of Tiapkin et al.
              2023, commit 74af23f): counts n(s, a) over all stages,
    objective H(mean over stages of d_h).
    Needs a stationary kernel; observes an H-th transition, after the last action.

    B_t = log(t H / n_0 + S A),   ceiling (H - h + 1) B_t at stage h,   m = max(1, n)
    bonus b_h = bonus_scale (H - h + 1) B_t sqrt(beta(n) / m),
    beta(n) = log(4 S A H / delta) + (S - 1) log(e (1 + n / (S - 1)))
    Qbar_h = log((t H + S A n_0) / (n + n_0)) + b_h + phat Vbar_{h+1},   phat = 1/S where n = 0

    A pair that was never visited thus leads everywhere alike.
    Departure from the published code: ties go to the first
    action, there they are broken at random.

The learner meets the true kernel only through `simulator.draw`.
The exact visitation of the mixture is computed by an
evaluator beside it, one exact roll-out for each episode's policy, and never read by the learner.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rlentropy import portable
from rlentropy.confidence import log_confidence
from rlentropy.episodic.induction import deterministic_policy
from rlentropy.episodic.visitation import (
    average_visitation_entropy,
    markov_policy,
    policy_visitation,
    push_forward,
    visitation_entropy,
)
from rlentropy.learners import _entgame_kernels as kernels
from rlentropy.learners import simulator
from rlentropy.parallel import progress_bar
from rlentropy.portable import Wide
from rlentropy.seeds import generator
from rlentropy.validation import check_confidence, check_integer, check_number, check_positive

# Episodes between two looks at the clock and at the progress bar;
# a multiple of nothing, and no number depends on it.
BLOCK = 512
# Entries of a table made at a time.
TABLE_PIECE = 8192
# First guess of the number of distinct successors of a state; grows when needed.
ROOM = 6


@dataclass(frozen=True)
class Config:
    """What a run was asked to do. ``variant`` is "per stage", "pooled" or "known model"."""

    variant: str
    episodes: int
    n0: float
    delta: float
    bonus_scale: float
    ceiling: str = "source"


@dataclass(frozen=True)
class Checkpoint:
    """The run after ``episodes`` episodes, in nats.

    visitation_entropy          sum_h H(d_h) of the mixture of the policies so far;
                                NaN in a run without evaluation
    average_visitation_entropy  H(mean_h d_h) of the same
    optimistic_value            Vbar_1(s_1) of the last planning:
                                while optimism holds, an upper bound of the largest
                                visitation entropy (per stage),
                                of H times the largest average one (pooled)
    """

    episodes: int
    visitation_entropy: float
    average_visitation_entropy: float
    optimistic_value: float


@dataclass(frozen=True, eq=False)
class Result:
    """What a run of EntGame returns.

    counts       (H, S, A) whole numbers (real ones in `run_known`): visits n_h(s, a);
                 a pooled run counts by stage as
                 well, for the reader only
    visitation   (H, S, A): exact visitation of the output mixture; None in a run without evaluation
    checkpoints  tuple of `Checkpoint`, in increasing order of episodes
    """

    config: Config
    counts: np.ndarray = field(repr=False)
    visitation: np.ndarray | None = field(repr=False)
    checkpoints: tuple = field(repr=False)

    @cached_property
    def policy(self):
        """(H, S, A): the Markov policy with the visitation of the mixture;
        uniform where it never comes."""
        return markov_policy(self._evaluated())

    @property
    def visitation_entropy(self):
        """sum_h H(d_h) of the output mixture, in nats."""
        return float(visitation_entropy(self._evaluated()))

    @property
    def average_visitation_entropy(self):
        """H(mean_h d_h) of the output mixture, in nats."""
        return float(average_visitation_entropy(self._evaluated()))

    def _evaluated(self):
        if self.visitation is None:
            raise ValueError(
                "a run made with evaluate=False knows its counts, "
                "not the visitation of its policies"
            )
        return self.visitation


def run(
    mdp,
    episodes,
    seed,
    *,
    n0=1,
    delta=0.1,
    bonus_scale=1.0,
    ceiling="source",
    checkpoints=(),
    evaluate=True,
):
    """EntGame with counts per stage, as in def-entgame; returns a `Result`.

    episodes     T >= 0; with T = 0 the output is the uniform policy
    seed         whole number >= 0 or SeedSequence; the same seed gives the same numbers
    n0           prior count > 0 (theory: n0 >= 1/2)
    delta        confidence in (0, 1), inside the bonus
    bonus_scale  factor >= 0 of the bonus: 1 is the source, 1/2 suffices for the theorem,
                 0 plans without optimism
    ceiling      "source": H B_t at every stage; "stage": (H - h + 1) B_t at stage h
    checkpoints  numbers of episodes after which the mixture so far is looked at
    evaluate     False saves the exact roll-outs (about half of the time); the counts are the same

    Raises ValueError for arguments out of range. Source: def-entgame; Tiapkin et al.
    (2023), algorithm 1.
    """
    config = _config("per stage", episodes, n0, delta, bonus_scale, ceiling)
    game = _PerStage(mdp, _stage_tables(mdp, config))
    return _play(mdp, config, game, mdp.H - 1, generator(seed), checkpoints, evaluate)


def run_pooled(
    mdp, episodes, seed, *, n0=1, delta=0.1, bonus_scale=1.0, checkpoints=(), evaluate=True
):
    """EntGame with pooled counts, as in the published code (module docstring);
    arguments and result as in `run`.

    Raises ValueError also if the kernel of the MDP depends on the stage.
    Source: published code of Tiapkin et al. (2023), commit 74af23f.
    """
    if not mdp.stationary:
        raise ValueError(
            "mdp: pooled counts need a stationary kernel, this one changes with the stage"
        )
    config = _config("pooled", episodes, n0, delta, bonus_scale)
    game = _Pooled(mdp, _pooled_tables(mdp, config))
    return _play(mdp, config, game, mdp.H, generator(seed), checkpoints, evaluate)


def run_known(mdp, episodes, *, n0=1, checkpoints=()):
    """The game with the kernel known: exact best responses, and the exact visitation as outcome;
    returns a `Result`.

    d^t = visitation of a best response to log(1 / dbar^t),
    dbar^{t+1} = (sum_{i<=t} d^i + n_0) / (t + S A n_0):
    the Frank-Wolfe method on sum_h H(d_h), with a prior.
    No randomness, no bonus; ``counts`` are the real sums of d^i.
    In a `Checkpoint` optimistic_value is U(dbar^t) >= optimum, a certificate.
    Source: thm-known-model-rate; Frank & Wolfe (1956).
    """
    config = _config("known model", episodes, n0, 0.5, 0.0)
    stops, taken = _stops(checkpoints, config.episodes), []
    world, total = simulator.world(mdp), np.zeros((mdp.H, mdp.S, mdp.A))
    V, actions, mass = (
        np.zeros((mdp.H, mdp.S)),
        np.zeros((mdp.H, mdp.S), np.int64),
        np.zeros((2, mdp.S)),
    )
    first = 0
    for last in sorted({*stops, config.episodes}):
        kernels.run_known(world, config.n0, first, last, V, actions, mass, total)
        if last in stops:
            taken.append(_look(mdp, last, total, V, True))
        first = last
    return Result(
        config, _frozen(total.copy()), _mixture(mdp, total, config.episodes, True), tuple(taken)
    )


def reward_bound(t, S, A, n0=1):
    """B_t = log(t / n_0 + S A) in nats, the largest reward log(1 / dbar) that the forecaster can
    leave.

    t any array of episode counts. Raises ValueError for n0 <= 0. Source: lem-ranges.
    """
    return portable.log(np.asarray(t, dtype=float) / check_positive("n0", n0) + S * A)


# ------------------------------------------------------------------------------------------ inside


def _config(variant, episodes, n0, delta, bonus_scale, ceiling="source"):
    episodes, n0 = check_integer("episodes", episodes), check_positive("n0", n0)
    delta, scale = check_confidence("delta", delta), check_number("bonus_scale", bonus_scale)
    if scale < 0:
        raise ValueError(f"bonus_scale = {scale}: must be >= 0")
    return Config(variant, episodes, n0, delta, scale, _ceiling(ceiling))


def _ceiling(ceiling):
    if ceiling not in ("source", "stage"):
        raise ValueError(f"ceiling = {ceiling!r}: must be 'source' or 'stage'")
    return ceiling


def _stage_tables(mdp, config):
    """`kernels.Tables` by the count n = 0, ..., T and the time t = 0, ..., T;
    alpha as `confidence.log_confidence`."""
    S, A = mdp.S, mdp.A
    least = (Wide(2 * S * A * mdp.H) / config.delta).log()
    return _tables(config, 1, lambda n: 2 * (least + S * (1 + (1 + n).log())), S * A)


def _pooled_tables(mdp, config):
    """The same for pooled counts: n = 0, ..., T H."""
    S, A = mdp.S, mdp.A
    least = (Wide(4 * S * A * mdp.H) / config.delta).log()
    return _tables(
        config, mdp.H, lambda n: least + (S - 1) * (1 + (1 + n / max(S - 1, 1)).log()), S * A
    )


def _tables(config, step, radius, pairs):
    """For ``step`` counts an episode; made with twice the digits,
    since one digit decides where two actions tie."""
    n = np.arange(config.episodes * step + 1)
    log = _rounded(lambda n: (1 + n / config.n0).log(), n)
    spread = _rounded(lambda n: (radius(n) / np.maximum(n.high, 1)).sqrt(), n)
    bound = _rounded(lambda t: (t / config.n0 + pairs).log(), n[::step])
    return kernels.Tables(log, spread, bound, config.bonus_scale, config.ceiling == "stage")


def _rounded(function, n):
    """The nearest doubles, in pieces that stay in the processor's cache."""
    pieces = np.array_split(n, len(n) // TABLE_PIECE + 1)
    return np.concatenate([function(Wide(piece)).rounded() for piece in pieces])


class _PerStage:
    """State of a run per stage, between two calls of its kernel."""

    def __init__(self, mdp, tables):
        self.world, self.tables, self.S = simulator.world(mdp), tables, mdp.S
        self.room = min(ROOM, mdp.S)
        self.books = kernels.books(mdp.H, mdp.S, mdp.A, self.room)
        self.plan = kernels.plan(mdp.H, mdp.S, mdp.A, self.room)

    def advance(self, done, uniforms, evaluate, mass, total):
        return kernels.run_stages(
            self.world, self.books, self.plan, self.tables, done, uniforms, evaluate, mass, total
        )

    def full(self):
        """Could the next episode see more successors of a state than there is room for?"""
        return self.room < self.S and self.books.degree.max() == self.room

    def widen(self):
        self.room = min(2 * self.room, self.S)
        self.books, self.plan = kernels.widened(self.books, self.plan, self.room)

    def values(self):
        return self.plan.V

    def counts(self):
        return self.books.n


class _Pooled:
    """State of a pooled run, between two calls of its kernel."""

    def __init__(self, mdp, tables):
        self.world, self.tables, self.S = simulator.world(mdp), tables, mdp.S
        self.room = min(ROOM + mdp.H, mdp.S)
        self.books = kernels.pooled_books(mdp.H, mdp.S, mdp.A, self.room)

    def advance(self, done, uniforms, evaluate, mass, total):
        return kernels.run_pooled(
            self.world, self.books, self.tables, done, uniforms, evaluate, mass, total
        )

    def full(self):
        """As `_PerStage.full`; here an episode may return to a state."""
        return self.room < self.S and self.books.shape[1] + len(self.books.greedy) > self.room

    def widen(self):
        self.room = min(2 * self.room, self.S)
        self.books = kernels.widened_pooled(self.books, self.room)

    def values(self):
        return self.books.V

    def counts(self):
        return self.books.per_stage


def _play(mdp, config, game, draws, rng, checkpoints, evaluate):
    """Advance the game block by block: to the next checkpoint,
    or to where a list of successors has to grow."""
    stops = _stops(checkpoints, config.episodes)
    total, mass, taken, done = np.zeros((mdp.H, mdp.S, mdp.A)), np.zeros((2, mdp.S)), [], 0
    with progress_bar(config.episodes, "episode") as bar:
        while done < config.episodes:
            end = min(
                done + BLOCK, stops[len(taken)] if len(taken) < len(stops) else config.episodes
            )
            uniforms = rng.random((end - done, draws))
            while len(uniforms):
                played = game.advance(done, uniforms, evaluate, mass, total)
                done, uniforms = done + played, uniforms[played:]
                while game.full():
                    game.widen()
            bar.update(done - bar.n)
            if len(taken) < len(stops) and done == stops[len(taken)]:
                taken.append(_look(mdp, done, total, game.values(), evaluate))
    return Result(
        config,
        _frozen(game.counts().astype(np.int64)),
        _mixture(mdp, total, done, evaluate),
        tuple(taken),
    )


def _stops(checkpoints, episodes):
    if not np.iterable(checkpoints):
        raise ValueError(f"checkpoints = {checkpoints!r}: expected a list of numbers of episodes")
    stops = sorted(
        {
            check_integer(
                f"checkpoints[{i}]",
                int(c) if isinstance(c, np.integer) else c,
                low=1,
                high=episodes,
            )
            for i, c in enumerate(checkpoints)
        }
    )
    return stops


def _look(mdp, done, total, V, evaluate):
    d = total / done
    both = (visitation_entropy(d), average_visitation_entropy(d)) if evaluate else (np.nan, np.nan)
    return Checkpoint(done, float(both[0]), float(both[1]), float(V[0, mdp.start]))


def _mixture(mdp, total, done, evaluate):
    if not evaluate:
        return None
    if done == 0:
        return _frozen(policy_visitation(mdp, np.full(total.shape, 1 / mdp.A)))
    return _frozen(total / done)


def _frozen(x):
    x.setflags(write=False)
    return x


# ------------------------------------------------------------------------- the same in plain NumPy


def plan(n, moves, t, *, n0=1, delta=0.1, bonus_scale=1.0, ceiling="source", unvisited="ceiling"):
    """Qbar (H, S, A) and Vbar (H, S) after t episodes of `run`, on dense arrays:
    def-entgame line by line, for reading.

    n (H, S, A) visits, moves (H-1, S, A, S) transitions.
    ``unvisited="nothing"`` is the tempting mistake: a pair
    without data keeps its reward but nothing beyond it, so that nobody goes far for it.
    Raises ValueError for another value of ``unvisited`` or ``ceiling``.
    """
    if unvisited not in ("ceiling", "nothing"):
        raise ValueError(f"unvisited = {unvisited!r}: must be 'ceiling' or 'nothing'")
    H, S, A = n.shape
    B, visited = reward_bound(t, S, A, n0), np.maximum(n, 1)
    bonus = bonus_scale * H * B * np.sqrt(2 * log_confidence(n, S, A, H, delta) / visited)
    Q = portable.log((t + S * A * n0) / (n + n0)) + bonus
    if unvisited == "ceiling":
        Q[n == 0] = np.inf
    V, stages = (
        np.zeros((H + 1, S)),
        H - np.arange(H) if _ceiling(ceiling) == "stage" else np.full(H, H),
    )
    for h in reversed(range(H)):
        if h < H - 1:
            Q[h] += (moves[h] * V[h + 1]).sum(axis=2) / visited[h]
        V[h] = np.minimum(Q[h].max(axis=1), stages[h] * B)
    return Q, V[:-1]


def run_plain(mdp, episodes, seed, **options):
    """`run` through `plan`: slow, and equal to it up to ties;
    returns counts (H, S, A) and visitation of the mixture.

    options   those of `plan`
    """
    H, S, A = mdp.H, mdp.S, mdp.A
    n, moves, total = np.zeros((H, S, A)), np.zeros((H - 1, S, A, S)), np.zeros((H, S, A))
    world, uniforms = (
        simulator.world(mdp),
        generator(seed).random((check_integer("episodes", episodes, low=1), H - 1)),
    )
    for t, u in enumerate(uniforms):
        actions = plan(n, moves, t, **options)[0].argmax(axis=2)
        total += push_forward(mdp, deterministic_policy(actions, A))
        s = mdp.start
        for h in range(H):
            a = actions[h, s]
            n[h, s, a] += 1
            if h < H - 1:
                after = simulator.draw(world, h, s * A + a, u[h])
                moves[h, s, a, after] += 1
                s = after
    return n.astype(np.int64), total / episodes
