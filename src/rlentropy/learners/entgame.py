"""EntGame: maximum-entropy exploration of an unknown MDP as a game between a forecaster and an
optimistic sampler.

Before each episode the forecaster predicts the next visits from the counts so far; the sampler
then plans, optimistically in the empirical model, for the reward log(1 / prediction), and plays
one episode. The output is the uniform mixture of the T policies played.
Two different algorithms bear the name, and they are kept apart:

`run`         per stage (the second source; def-entgame):
              counts n_h(s, a), objective sum over stages of H(d_h).

    B_t = log(t / n_0 + S A),   ceiling H B_t at every stage,
    bonus b = bonus_scale H B_t sqrt(2 alpha(delta, n) / n)
    alpha(delta, n) = log(2 S A H / delta) + S log(e (1 + n))
    Qbar_h = log((t + S A n_0) / (n_h + n_0)) + b + phat_h Vbar_{h+1}   where n_h(s, a) >= 1,
    +infinity where n_h = 0
    Vbar_h = min(max_a Qbar_h, H B_t),   Vbar_{H+1} = 0

    So phat is never needed for Qbar where it is undefined. Played is the first maximiser of Qbar
    while Qbar < H B_t. Where max_a Qbar reaches the ceiling the values tie behind it, and
    saturated="unclipped" (the default, def-unclipped-rule) takes, among the actions with
    Qbar >= H B_t, the first with the largest U_h = r + b + phat max U_{h+1}
    (b of one visit and phat uniform where n = 0). saturated="source" is the note's rule:
    the first maximiser of Qbar there too.
    With ceiling="stage" the ceiling is (H - h + 1) B_t at stage h,
    which bounds the true values as well (rem-clip).
    With clip=False there is no ceiling: greedy in U everywhere; no theorem of this book covers it.

`run_pooled`  pooled (the published code of Tiapkin et al. 2023, commit 74af23f):
              counts n(s, a) over all stages, objective H(mean over stages of d_h).
    Needs a stationary kernel; observes an H-th transition, after the last action.

    B_t = log(t H / n_0 + S A),   ceiling (H - h + 1) B_t at stage h,   m = max(1, n)
    bonus b_h = bonus_scale (H - h + 1) B_t sqrt(beta(n) / m),
    beta(n) = log(4 S A H / delta) + (S - 1) log(e (1 + n / (S - 1)))
    Qbar_h = log((t H + S A n_0) / (n + n_0)) + b_h + phat Vbar_{h+1},   phat = 1/S where n = 0

    The published configuration of the chain clips at the ceiling, that of the grid does not:
    clip=True and clip=False. The published code plays one of the actions whose value is within
    ``numpy.isclose`` of the largest, at random: ties="near"; ties="first" is the first best.
    What still differs from that code: its random numbers and the order of its sums; n_0 = 1 and
    delta = 0.1 are fixed there and free here; it plans once more after the last episode.

An unavailable action has Qbar = U = -infinity; B_t keeps its S A pairs.
A run goes on by `resume`, with the numbers of one run.

The learner meets the true kernel only through `simulator.draw`.
The exact visitation of the mixture is computed by an evaluator beside it, one exact roll-out for
each episode's policy, and never read by the learner. `entgame_plain` is the same for reading.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import portable
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.trajectory_entropy import uniform_policy
from rlentropy.episodic.visitation import (
    average_visitation_entropy,
    markov_policy,
    policy_visitation,
    visitation_entropy,
)
from rlentropy.learners import _entgame_kernels as kernels
from rlentropy.learners import _entgame_unclipped as unclipped
from rlentropy.learners import simulator
from rlentropy.learners._loop import blocks
from rlentropy.learners.stopping import StoppingRule
from rlentropy.parallel import progress_bar
from rlentropy.portable import Wide
from rlentropy.results import described, lazy, result
from rlentropy.seeds import generator
from rlentropy.validation import (
    check_array,
    check_choice,
    check_confidence,
    check_flag,
    check_integer,
    check_interval,
    check_kind,
    check_positive,
    check_sizes,
    refuse,
)

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
    clip: bool = True
    saturated: str = "unclipped"
    ties: str = "first"


@dataclass(frozen=True)
class Checkpoint:
    """The run after ``episodes`` episodes, in nats.

    visitation_entropy          sum_h H(d_h) of the mixture of the policies so far;
                                NaN in a run without evaluation
    average_visitation_entropy  H(mean_h d_h) of the same
    optimistic_value            Vbar_1(s_1) of the last planning: while optimism holds, an upper
                                bound of the largest visitation entropy (per stage), of H times
                                the largest average one (pooled)
    """

    episodes: int
    visitation_entropy: float
    average_visitation_entropy: float
    optimistic_value: float


@result
class Memory:
    """What a run knows beside its counts, for `resume`; M = H models, or 1 if pooled.

    generator   state of the random numbers
    visitation  (H, S, A): sum of the exact visitations of the policies played, 0 if not evaluated
    opened      (M, S): states in the order in which plans list them, then -1
    degree      (M, S): how many successors of a state were seen
    successors  (M, S, K): those, in the order in which they were first seen
    moves       (M, S, A, K): transitions to them
    looks       (next, least value) of the rule that may stop the run; None without one
    """

    generator: dict
    visitation: np.ndarray = field(repr=False)
    opened: np.ndarray = field(repr=False)
    degree: np.ndarray = field(repr=False)
    successors: np.ndarray = field(repr=False)
    moves: np.ndarray = field(repr=False)
    looks: tuple[int, float] | None = None


@result
class EntGameRun:
    """What a run of EntGame returns.

    available    (S, A) booleans: the actions there are
    counts       (H, S, A) whole numbers (real ones in `run_known`): visits n_h(s, a); a pooled
                 run counts by stage as well, for the reader only
    visitation   (H, S, A): exact visitation of the output mixture; None in a run without evaluation
    checkpoints  tuple of `Checkpoint`, in increasing order of episodes
    certified_gap  with probability at least 1 - delta the output loses at most so much
                 (thm-entgame-stops); None in a run that was not asked for an accuracy
    memory       `Memory`, for `resume`; None in `run_known`
    """

    config: Config
    available: np.ndarray
    counts: np.ndarray
    visitation: np.ndarray | None
    checkpoints: tuple[Checkpoint, ...]
    certified_gap: float | None = None
    memory: Memory | None = None

    def __repr__(self) -> str:
        parts = {"episodes": self.episodes, "counts": self.counts, "config": self.config}
        if self.visitation is not None:
            parts["visitation_entropy"] = self.visitation_entropy
        if self.certified_gap is not None:
            parts["certified_gap"] = self.certified_gap
        return described(self, **parts)

    @property
    def episodes(self) -> int:
        """Episodes played: fewer than asked for in a run that stopped by itself."""
        return round(float(self.counts[0].sum()))

    @lazy
    def policy(self) -> np.ndarray:
        """(H, S, A): the Markov policy with the visitation of the mixture;
        uniform where it never comes."""
        return markov_policy(self._evaluated(), available=self.available)

    @property
    def visitation_entropy(self) -> float:
        """sum_h H(d_h) of the output mixture, in nats."""
        return float(visitation_entropy(self._evaluated()))

    @property
    def average_visitation_entropy(self) -> float:
        """H(mean_h d_h) of the output mixture, in nats."""
        return float(average_visitation_entropy(self._evaluated()))

    def _evaluated(self) -> np.ndarray:
        if self.visitation is None:
            raise ValueError(
                "a run made with evaluate=False knows its counts, "
                "not the visitation of its policies"
            )
        return self.visitation


def run(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    n0: float = 1,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
    ceiling: str = "source",
    clip: bool = True,
    saturated: str = "unclipped",
    checkpoints: Iterable[int] = (),
    evaluate: bool = True,
    eps: float | None = None,
) -> EntGameRun:
    """EntGame with counts per stage, as in def-entgame; returns an `EntGameRun`.

    episodes     T >= 0; with T = 0 the output is the uniform policy
    seed         whole number >= 0 or SeedSequence; the same seed gives the same numbers
    n0           prior count > 0 (theory: n0 >= 1/2)
    delta        confidence in (0, 1), inside the bonus
    bonus_scale  factor >= 0 of the bonus: 1 is the source, 1/2 suffices for the theorem,
                 0 plans without optimism
    ceiling      "source": H B_t at every stage; "stage": (H - h + 1) B_t at stage h
    clip         False: no ceiling at all (then ``ceiling`` and ``saturated`` have no effect)
    saturated    what decides where values reach the ceiling: "unclipped" (def-unclipped-rule)
                 or "source" (the first maximiser of Qbar)
    checkpoints  numbers of episodes after which the mixture so far is looked at
    evaluate     False saves the exact roll-outs; the counts are the same
    eps          stop as soon as the run proves, at confidence delta, that its output loses at
                 most eps (thm-entgame-stops), after ``episodes`` at the latest: see
                 ``certified_gap`` of the result; the episodes played are those of a run without

    Raises ValueError for arguments out of range, and for eps with a bonus_scale below 1/2 or
    without clip, where nothing can be certified.
    Source: def-entgame, def-unclipped-rule, thm-entgame-stops; Tiapkin et al. (2023), algorithm 1.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    config = settings(
        "per stage",
        episodes,
        n0=n0,
        delta=delta,
        bonus_scale=bonus_scale,
        ceiling=ceiling,
        clip=clip,
        saturated=saturated,
    )
    rule = None if eps is None else _stopping(mdp, config, eps)
    return _begin(mdp, config, generator(seed), checkpoints, evaluate, rule)


def run_pooled(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    n0: float = 1,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
    clip: bool = True,
    ties: str = "first",
    checkpoints: Iterable[int] = (),
    evaluate: bool = True,
) -> EntGameRun:
    """EntGame with pooled counts, as in the published code (module docstring);
    arguments and result as in `run`.

    clip   True: the ceiling (H - h + 1) B_t (published for the chain); False: none (the grid)
    ties   "first": the first maximiser; "near": at random among those within 1e-5 (published)
    Raises ValueError also if the kernel of the MDP depends on the stage.
    Source: published code of Tiapkin et al. (2023), commit 74af23f.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    if not mdp.stationary:
        raise ValueError(
            "mdp: pooled counts need a stationary kernel, this one changes with the stage"
        )
    config = settings(
        "pooled", episodes, n0=n0, delta=delta, bonus_scale=bonus_scale, clip=clip, ties=ties
    )
    return _begin(mdp, config, generator(seed), checkpoints, evaluate)


def resume(
    mdp: EpisodicMDP,
    run: EntGameRun,
    episodes: int,
    *,
    checkpoints: Iterable[int] = (),
    eps: float | None = None,
) -> EntGameRun:
    """``episodes`` episodes more of a run of `run` or `run_pooled`, on the same MDP and with the
    same options; returns the `EntGameRun` of all episodes: its numbers are those of one run.

    checkpoints  numbers of episodes, counted from the beginning of the whole run
    eps          as in `run`; a run that was made with eps looks at the times of one run
    Raises ValueError for a run of `run_known`, and for another MDP where sizes or available actions
    tell. Source: def-entgame.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    check_kind("run", run, EntGameRun)
    if run.memory is None:
        raise ValueError("run: of run_known, which has no memory to go on from")
    same = run.counts.shape == (mdp.H, mdp.S, mdp.A)
    if not (same and (run.available == mdp.available).all()):
        raise ValueError("run: of another MDP, its sizes or its available actions differ")
    more = check_integer("episodes", episodes)
    config = replace(run.config, episodes=run.episodes + more)
    rng = generator(0)
    rng.bit_generator.state = run.memory.generator
    rule = None
    if eps is not None:
        rule = _stopping(mdp, config, eps)
        rule.next, rule.least = run.memory.looks or (run.episodes + 1, rule.least)
    return _begin(mdp, config, rng, checkpoints, run.visitation is not None, rule, run)


def run_known(
    mdp: EpisodicMDP, episodes: int, *, n0: float = 1, checkpoints: Iterable[int] = ()
) -> EntGameRun:
    """The game with the kernel known: exact best responses, and the exact visitation as outcome;
    returns an `EntGameRun`.

    d^t = visitation of a best response to log(1 / dbar^t),
    dbar^{t+1} = (sum_{i<=t} d^i + n_0) / (t + S A n_0):
    the Frank-Wolfe method on sum_h H(d_h), with a prior.
    No randomness, no bonus; ``counts`` are the real sums of d^i.
    In a `Checkpoint` optimistic_value is U(dbar^t) >= optimum, a certificate.
    Source: thm-known-model-rate; Frank & Wolfe (1956).
    """
    config = settings("known model", episodes, n0=n0, delta=0.5, bonus_scale=0.0)
    stops = _stops(checkpoints, config.episodes)
    taken = []
    world = simulator.world(mdp, drawn=True)
    total = np.zeros((mdp.H, mdp.S, mdp.A))
    V = np.zeros((mdp.H, mdp.S))
    actions = np.zeros((mdp.H, mdp.S), np.int64)
    mass = np.zeros((2, mdp.S))
    first = 0
    for last in sorted({*stops, config.episodes}):
        kernels.run_known(world, config.n0, first, last, V, actions, mass, total)
        if last in stops:
            taken.append(_look(mdp, last, total, V, True))
        first = last
    mixture = _mixture(mdp, total, config.episodes, True)
    return EntGameRun(config, mdp.available, total, mixture, tuple(taken))


def reward_bound(t: ArrayLike, S: int, A: int, n0: float = 1) -> np.ndarray:
    """B_t = log(t / n_0 + S A) in nats, the largest reward log(1 / dbar) that the forecaster can
    leave.

    t any array of episode counts. Raises ValueError for n0 <= 0. Source: lem-ranges.
    """
    check_sizes(S=S, A=A)
    t = check_array("t", t)
    refuse("t", t, t < 0, "a number of episodes cannot be negative")
    return portable.log(t / check_positive("n0", n0) + S * A)


# ------------------------------------------------------------------------------------------ inside


def settings(
    variant: str,
    episodes: int,
    *,
    n0: float = 1,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
    ceiling: str = "source",
    clip: bool = True,
    saturated: str = "unclipped",
    ties: str = "first",
) -> Config:
    """The `Config` of these options; raises ValueError for one out of range."""
    return Config(
        variant,
        check_integer("episodes", episodes),
        check_interval("n0", n0, 1e-150, 1e150),  # beyond this, products leave the doubles
        check_confidence("delta", delta),
        check_interval("bonus_scale", bonus_scale, 0.0, 1e150),
        check_choice("ceiling", ceiling, ("source", "stage")),
        check_flag("clip", clip),
        check_choice("saturated", saturated, ("unclipped", "source")),
        check_choice("ties", ties, ("first", "near")),
    )


def _stage_tables(mdp: Any, config: Config) -> kernels.Tables:
    """`kernels.Tables` by the count n = 0, ..., T and the time t = 0, ..., T;
    alpha as `confidence.log_confidence`. Of the MDP it asks S, A and H."""
    S, A = mdp.S, mdp.A
    least = (Wide(2 * S * A * mdp.H) / config.delta).log()
    return _tables(config, 1, lambda n: 2 * (least + S * (1 + (1 + n).log())), S * A)


def _pooled_tables(mdp: EpisodicMDP, config: Config) -> kernels.Tables:
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
    staged = config.ceiling == "stage"
    return kernels.Tables(log, spread, bound, config.bonus_scale, staged, config.clip)


def _rounded(function, n):
    """The nearest doubles, in pieces that stay in the processor's cache."""
    pieces = np.array_split(n, len(n) // TABLE_PIECE + 1)
    return np.concatenate([function(Wide(piece)).rounded() for piece in pieces])


class _PerStage:
    """State of a run per stage, between two calls of its kernel; ``run``: the one that goes on."""

    pooled = False

    def __init__(self, mdp, tables, run=None, *, near=False):
        self.near = near
        H, S, A = mdp.H, mdp.S, mdp.A
        self.world = self._world(mdp)
        self.tables = tables if mdp.available.all() else kernels.masked(tables)
        self.S = S
        self.growth = H if self.pooled else 1  # so many successors can be new in an episode
        models = 1 if self.pooled else H
        counts = np.zeros((H, S, A), np.int64) if run is None else run.counts
        known = 0 if run is None else run.memory.moves.shape[-1]
        self.room = min(known + ROOM + self.growth - 1, S)
        self.books = kernels.books(models, S, A, self.room)
        self.plan = kernels.plan(models, S, A, self.room, H)
        self.books.n[:] = counts.sum(axis=0) if self.pooled else counts
        self.books.n[:, ~mdp.available] = -1
        opened = [np.zeros(0, np.int64)] * models
        if run is not None:
            self.books.degree[:] = run.memory.degree
            self.books.nexts[..., :known] = run.memory.successors
            self.books.moves[..., :known] = run.memory.moves
            opened = [states[states >= 0] for states in run.memory.opened]
        kernels.fill(self.books, self.plan, self.tables, opened)
        self._prepare(counts)

    def _world(self, mdp):
        return simulator.world(mdp, drawn=True)

    def _prepare(self, counts):
        """What this variant keeps beside books and plan."""

    def advance(self, *given):
        return kernels.run_stages(self.world, self.books, self.plan, self.tables, *given)

    def full(self):
        """Could the next episode see more successors of a state than there is room for?"""
        return self.room < self.S and self.books.degree.max() + self.growth > self.room

    def widen(self):
        self.room = min(2 * self.room, self.S)
        self.books, self.plan = kernels.widened(self.books, self.plan, self.room)

    def values(self):
        return self.plan.V

    def counts(self):
        return np.maximum(self.books.n, 0)

    def memory(self, rng, total, rule):
        known = self.books.degree.max()
        listed = np.arange(self.S) < self.plan.size[:, None]
        return Memory(
            generator=rng.bit_generator.state,
            visitation=total,
            opened=np.where(listed, self.plan.state, -1).astype(np.int32),
            degree=self.books.degree,
            successors=self.books.nexts[..., :known].copy(),
            moves=self.books.moves[..., :known].copy(),
            looks=None if rule is None else (rule.next, rule.least),
        )


class _Unclipped(_PerStage):
    """State of a run per stage by the rule of def-unclipped-rule, or without a ceiling."""

    def _prepare(self, counts):
        H, S, _ = counts.shape
        self.ahead = unclipped.ahead(H, S, self.room)

    def advance(self, *given):
        state = (self.books, self.plan, self.ahead)
        return unclipped.run_unclipped(self.world, *state, self.tables, *given)

    def widen(self):
        super().widen()
        self.ahead = unclipped.widened(self.ahead, self.room)


class _Pooled(_PerStage):
    """State of a pooled run; here an episode may return to a state."""

    pooled = True

    def _prepare(self, counts):
        self.pool = kernels.pool(self.books, self.plan, counts)

    def advance(self, *given):
        state = (self.books, self.plan, self.pool)
        return kernels.run_pooled(self.world, *state, self.tables, self.near, *given)

    def counts(self):
        return self.pool.per_stage


def _begin(mdp, config, rng, checkpoints, evaluate, rule=None, run=None):
    """Make the state of a run, new or of one that goes on, and play."""
    near = config.ties == "near"
    game: _PerStage
    if config.variant == "pooled":
        game = _Pooled(mdp, _pooled_tables(mdp, config), run, near=near)
        transitions = 2 * mdp.H if near else mdp.H
    else:
        kind = _Unclipped if config.saturated == "unclipped" or not config.clip else _PerStage
        game = kind(mdp, _stage_tables(mdp, config), run)
        transitions = mdp.H - 1
    return _play(mdp, config, game, transitions, rng, checkpoints, evaluate, rule, run)


def _stopping(mdp, config, eps):
    if np.ndim(mdp.start):
        raise ValueError("eps: certified for one first state only, and mdp.start is a distribution")
    if config.bonus_scale < 0.5:
        raise ValueError(f"bonus_scale = {config.bonus_scale}: eps needs at least 1/2, no optimism")
    if not config.clip:
        raise ValueError("clip = False: eps needs the ceiling, no theorem covers a run without")
    return StoppingRule(eps, delta=config.delta)


def _enough(rule, done, config, game, start):
    """Is it time to look, and does the rule let the run stop?"""
    if done not in (rule.next, config.episodes):
        return False
    looks = (rule.next, rule.least)
    enough = rule.satisfied(done, float(game.values()[0, start]), game.counts())
    if done < looks[0]:  # a last look out of turn, which a longer run does not take
        rule.next, rule.least = looks
    return enough


def _play(mdp, config, game, transitions, rng, checkpoints, evaluate, rule=None, run=None):
    """Advance the game block by block: to the next checkpoint, to the next look of the stopping
    rule, or to where a list of successors has to grow."""
    check_flag("evaluate", evaluate)
    done = 0 if run is None else run.episodes
    stops = _stops(checkpoints, config.episodes, done + 1)
    total = np.zeros((mdp.H, mdp.S, mdp.A)) if run is None else run.memory.visitation.copy()
    mass = np.zeros((2, mdp.S))
    taken: list[Checkpoint] = []

    def until(done):
        looks = [done + BLOCK, config.episodes, *stops[len(taken) :]]
        return min(looks if rule is None else [*looks, rule.next])

    numbers = simulator.draws(mdp, transitions)
    rows = blocks(numbers, rng, config.episodes, first=done, until=until)
    with progress_bar(config.episodes - done, "episode") as bar:
        for _, uniforms in rows:
            bar.update(len(uniforms))
            while len(uniforms):
                played = game.advance(done, uniforms, evaluate, mass, total)
                done = done + played
                uniforms = uniforms[played:]
                while game.full():
                    game.widen()
            if done in stops:
                taken.append(_look(mdp, done, total, game.values(), evaluate))
            if rule is not None and _enough(rule, done, config, game, mdp.first_state):
                break
    return EntGameRun(
        config,
        mdp.available,
        game.counts().astype(np.int64),
        _mixture(mdp, total, done, evaluate),
        (() if run is None else run.checkpoints) + tuple(taken),
        None if rule is None else rule.gap,
        game.memory(rng, total, rule),
    )


def _stops(checkpoints, episodes, low=1):
    if not np.iterable(checkpoints):
        raise ValueError(f"checkpoints = {checkpoints!r}: expected a list of numbers of episodes")
    times = enumerate(checkpoints)
    return sorted({check_integer(f"checkpoints[{i}]", t, low, episodes) for i, t in times})


def _look(mdp, done, total, V, evaluate):
    d = total / done
    both = (visitation_entropy(d), average_visitation_entropy(d)) if evaluate else (np.nan, np.nan)
    return Checkpoint(done, float(both[0]), float(both[1]), mdp.start_mean(V[0]))


def _mixture(mdp, total, done, evaluate):
    if not evaluate:
        return None
    if done == 0:
        return policy_visitation(mdp, uniform_policy(mdp))
    return total / done
