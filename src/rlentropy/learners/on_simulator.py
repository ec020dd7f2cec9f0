"""EntGame on an environment that only steps: no kernel, no table, one episode after the other.

The algorithm is that of `entgame.run` with ``saturated="source"`` (def-entgame): counts per stage,
an optimistic plan before each episode, the first maximiser in index order. Where the environment
draws from the kernel of an `EpisodicMDP` as `entgame` does (`simulator.Sampler`), every count is
equal. It plans by the same compiled code; between two steps the environment answers, so an episode
takes as long as that and a call or two a step.

What needs the kernel is absent: the visitation of the mixture, its entropies, the gap to the
optimum. `SimulatedRun.frequency` is the mean of the visits seen, an estimate of that visitation.

An unavailable action has Qbar = -infinity and counts as tried. B_t keeps its S A pairs.
"""

from typing import Any, NamedTuple

import numpy as np

from rlentropy.episodic.visitation import markov_policy
from rlentropy.learners import _entgame_kernels as kernels
from rlentropy.learners import entgame
from rlentropy.parallel import progress_bar
from rlentropy.results import described, result
from rlentropy.validation import (
    check_available,
    check_choice,
    check_confidence,
    check_flag,
    check_integer,
    check_kind,
    check_nonnegative,
    check_positive,
)


@result
class SimulatorConfig:
    """What a run was asked to do: sizes, and the options of `entgame.run`.

    seed  of the environment's episodes, or None: the environment draws by itself
    masks True: ``info["action_mask"]`` says which actions are available
    """

    states: int
    actions: int
    horizon: int
    seed: int | None
    n0: float
    delta: float
    bonus_scale: float
    ceiling: str
    masks: bool


@result
class SimulatedRun:
    """A run of EntGame on a simulator, and all that it needs to go on.

    config      `SimulatorConfig`
    episodes    played so far
    counts      (H, S, A) whole numbers: visits n_h(s, a)
    moves       (M, 5) rows (h, s, a, s', n): n transitions; the successors of a (h, s) stand in the
                order in which they were first seen
    optimistic  (S,): Vbar_1(s) of the last plan; while optimism holds, at least the largest
                visitation entropy that an episode from s can have; the ceiling before any episode
    available   (S, A) booleans
    ended       (S,) whole numbers: 1 for a state in which episodes end, 0 for one in which they go
                on, -1 for one that was not entered
    """

    config: SimulatorConfig
    episodes: int
    counts: np.ndarray
    moves: np.ndarray
    optimistic: np.ndarray
    available: np.ndarray
    ended: np.ndarray

    def __repr__(self) -> str:
        sizes = {"S": self.config.states, "A": self.config.actions, "H": self.config.horizon}
        seen = int(np.count_nonzero(self.counts))
        return described(self, episodes=self.episodes, **sizes, pairs_seen=seen)

    @property
    def frequency(self) -> np.ndarray:
        """n_h(s, a) / T, an unbiased estimate of the visitation of the mixture; (H, S, A).

        Its entropy is a biased estimate, too low by about the number of pairs over 2 T.
        """
        if self.episodes == 0:
            raise ValueError("episodes = 0: there is no frequency yet")
        return self.counts / self.episodes

    @property
    def policy(self) -> np.ndarray:
        """pi_h(a|s) = n_h(s, a) / n_h(s), uniform where n_h(s) = 0; (H, S, A)."""
        return markov_policy(self.counts, available=self.available)


class EntGame:
    """EntGame as an explorer of an environment: made once, and played on as often as wanted.

    env      has ``reset`` and ``step`` as a gymnasium environment with finitely many states and
             actions; or is a pair of functions (reset, step), the first of which returns a state,
             the second, of an action, the next state
    horizon  H: an episode is s_1, a_1, ..., s_H, a_H; H - 1 steps of the environment
    states, actions  S and A; None where ``env.observation_space.n`` and ``env.action_space.n`` say
    seed     whole number: episode k begins with ``env.reset(seed=...)``, a number made from it and
             k, so that a run is the same however it is divided; None: ``env.reset()``
    available  (S, A) booleans, None for all; masks True takes them from ``info["action_mask"]``
    n0, delta, bonus_scale, ceiling  as in `entgame.run`

    After ``terminated`` the rest of the episode is spent in that state, whatever the action. A
    state in which episodes end and also go on is refused, for its visits would mix two things; so
    is an episode that is truncated before H.

    Raises ValueError for arguments out of range, and for states or masks that cannot be.
    Source: def-entgame; Tiapkin et al. (2023), algorithm 1.
    """

    def __init__(
        self,
        env: Any,
        *,
        horizon: int,
        states: int | None = None,
        actions: int | None = None,
        seed: int | None = None,
        available: np.ndarray | None = None,
        masks: bool = False,
        n0: float = 1,
        delta: float = 0.1,
        bonus_scale: float = 1.0,
        ceiling: str = "source",
    ):
        self.config = SimulatorConfig(
            states=_size(env, "states", states, "observation_space"),
            actions=_size(env, "actions", actions, "action_space"),
            horizon=check_integer("horizon", horizon, low=1),
            seed=None if seed is None else check_integer("seed", seed),
            n0=check_positive("n0", n0),
            delta=check_confidence("delta", delta),
            bonus_scale=check_nonnegative("bonus_scale", bonus_scale),
            ceiling=check_choice("ceiling", ceiling, ("source", "stage")),
            masks=bool(masks),
        )
        shape = (self.config.states, self.config.actions)
        given = np.ones(shape, dtype=bool) if available is None else available
        self._door = _Door(env, self.config, check_available("available", given, shape))
        self._plan = _Plan(self.config, self._door.available)
        self._seeds = None if seed is None else np.random.SeedSequence(seed)
        self.episodes = 0

    @classmethod
    def resume(cls, env: Any, run: SimulatedRun) -> "EntGame":
        """An explorer that goes on where ``run`` ended, on the same environment.

        With a seed the numbers are those of one run. Without one the environment has to be where
        it was: a `simulator.Sampler` with ``done=run.episodes`` is.
        """
        check_kind("run", run, SimulatedRun)
        options = {name: getattr(run.config, name) for name in vars(run.config)}
        explorer = cls(env, **options, available=run.available)
        explorer._door.ended[:] = run.ended
        explorer._door.known[:] = run.ended >= 0
        explorer._plan = _Plan(explorer.config, explorer._door.available, run)
        explorer.episodes = run.episodes
        return explorer

    def play(self, episodes: int, *, progress: bool = False) -> SimulatedRun:
        """Play ``episodes`` more episodes; the `SimulatedRun` so far.

        progress  True shows a bar on a terminal
        """
        more = check_integer("episodes", episodes)
        progress = check_flag("progress", progress)
        with progress_bar(more if progress else 0, "episode") as bar:
            for _ in range(more):
                self._plan.make(self.episodes)
                self._play_one()
                self.episodes += 1
                if progress:
                    bar.update()
        return self.run

    @property
    def run(self) -> SimulatedRun:
        """The run so far."""
        plan, door = self._plan, self._door
        return SimulatedRun(
            config=self.config,
            episodes=self.episodes,
            counts=plan.counts().astype(np.int64),
            moves=plan.listed(),
            optimistic=plan.plan.V[0].copy(),
            available=door.available.copy(),
            ended=door.ended.copy(),
        )

    def _play_one(self):
        H = self.config.horizon
        s = self._door.begin(self._episode_seed())
        episode = []
        for h in range(H):
            a = self._plan.action(h, s)
            after = self._door.step(a, h) if h < H - 1 else None
            episode.append((h, s, a, after))
            s = after
        for step in episode:  # counted when it is whole: an episode that fails leaves no trace
            self._plan.record(*step)

    def _episode_seed(self):
        """A whole number made from the seed and the number of the episode."""
        if self._seeds is None:
            return None
        child = np.random.SeedSequence(self._seeds.entropy, spawn_key=(self.episodes,))
        return int(child.generate_state(1)[0])


def _size(env, name, given, space):
    if given is not None:
        return check_integer(name, given, low=1)
    n = getattr(getattr(env, space, None), "n", None)
    if n is None:
        raise ValueError(f"{name}: the environment has no {space}.n, so give the number")
    if int(getattr(getattr(env, space), "start", 0)) != 0:
        raise ValueError(f"env.{space}: does not begin at 0")
    return check_integer(f"env.{space}.n", int(n), low=1)


# ---------------------------------------------------------------------------------- the environment


class _Door:
    """The environment, with every answer checked."""

    def __init__(self, env, config, available):
        pair = isinstance(env, (tuple, list)) and len(env) == 2
        self._reset, self._step = env if pair else (_method(env, "reset"), _method(env, "step"))
        if not (callable(self._reset) and callable(self._step)):
            raise ValueError("env: a pair has to be of two functions, reset and step")
        self.config = config
        self.available = available.copy()
        self.known = np.full(config.states, not config.masks)
        self.ended = np.full(config.states, -1)
        self.over = False
        self.state = 0

    def begin(self, seed):
        found = self._reset() if seed is None else self._reset(seed=seed)
        state, info = found if isinstance(found, tuple) and len(found) == 2 else (found, {})
        self.over = False
        return self._arrive("reset()", state, info, False)

    def step(self, a, h):
        if self.over:
            return self.state
        found = self._step(a)
        if not isinstance(found, tuple):
            return self._arrive(f"step({a})", found, {}, False)
        if len(found) != 5:
            what = f"{len(found)} values"
            raise ValueError(f"step({a}): {what}, expected a state, or the five of gymnasium")
        state, _, terminated, truncated, info = found
        if truncated and not terminated and h + 2 < self.config.horizon:
            raise ValueError(
                f"step({a}): truncated after {h + 1} steps, horizon {self.config.horizon} needs "
                f"{self.config.horizon - 1}; make the environment without its time limit"
            )
        return self._arrive(f"step({a})", state, info, bool(terminated))

    def _arrive(self, name, state, info, over):
        if isinstance(state, np.ndarray) and state.ndim == 0:
            state = state[()]
        s = check_integer(f"the state of {name}", state, high=self.config.states - 1)
        if self.ended[s] == 1 - over:
            raise ValueError(f"{name}: episodes end in state {s} and also go on in it")
        self.ended[s] = over
        self.over = over
        self.state = s
        if self.config.masks:
            self._mask(name, s, info)
        return s

    def _mask(self, name, s, info):
        mask = info.get("action_mask") if isinstance(info, dict) else None
        if mask is None:
            raise ValueError(f"{name}: masks = True, and info has no action_mask")
        mask = np.asarray(mask)
        if mask.shape != (self.config.actions,) or not np.isin(mask, (0, 1)).all():
            raise ValueError(
                f"{name}: action_mask = {mask}, expected {self.config.actions} of 0, 1"
            )
        if not mask.any():
            raise ValueError(f"{name}: action_mask leaves no action in state {s}")
        if self.known[s] and (self.available[s] != mask).any():
            raise ValueError(f"{name}: action_mask of state {s} has changed")
        self.available[s] = mask
        self.known[s] = True


def _method(env, name):
    method = getattr(env, name, None)
    if method is None:
        raise ValueError(f"env: has no {name}; expected reset and step, or a pair of functions")
    return method


# -------------------------------------------------------------------------------------- the planner


class _World(NamedTuple):
    """What a game has to know of an environment."""

    H: int
    S: int
    A: int
    available: np.ndarray


class _Plan(entgame._PerStage):
    """The game of `entgame`, told of one step after the other; its tables grow with the run."""

    def __init__(self, config, available, run=None):
        self.config = config
        self.available = available
        self.sizes = _World(config.horizon, config.states, config.actions, available)
        super().__init__(self.sizes, self._tables(0 if run is None else run.episodes))
        self.plan.V[0] = config.horizon * self.tables.bound[0]
        if run is not None:
            self._restore(run)

    def _world(self, _sizes):
        return None

    def _tables(self, episodes):
        """For twice as many episodes; with the entries of unavailable actions, of which it may
        hear later."""
        c = self.config
        options = {"n0": c.n0, "delta": c.delta, "bonus_scale": c.bonus_scale, "ceiling": c.ceiling}
        settings = entgame.settings("per stage", max(2 * episodes, 1024), **options)
        return kernels.masked(entgame._stage_tables(self.sizes, settings))

    def make(self, t):
        """Qbar and Vbar after t episodes."""
        if t + 1 >= len(self.tables.bound):
            self.tables = self._tables(t)
        self.bound = self.tables.bound[t]
        kernels.plan_stages(self.plan, self.bound, self.tables.scale, self.tables.staged)

    def action(self, h, s):
        """The first available action that was never taken, else the greedy one."""
        away = ~self.available[s]
        if (self.books.n[0, s, away] == 0).any():  # its mask is news
            self.books.n[:, s, away] = -1
            self.books.tried[:, s] = self.available[s].argmax()
        return int(kernels.act(self.books, self.plan, self.tables, self.bound, h, s))

    def record(self, h, s, a, after):
        after = -1 if after is None else after
        kernels.note(self.books, self.plan, self.tables, self.bound, h, s, a, after)
        while self.full():
            self.widen()

    def listed(self):
        """The moves as rows (h, s, a, s', n), successors of a (h, s) in their order."""
        h, s, k, a = np.nonzero(self.books.moves.transpose(0, 1, 3, 2))
        after = self.books.nexts[h, s, k]
        return np.stack([h, s, a, after, self.books.moves[h, s, a, k]], axis=1).astype(np.int64)

    def _restore(self, run):
        """Counts and moves of an earlier run."""
        order: dict[tuple[int, int], dict[int, int]] = {}
        for h, s, _, after, _ in run.moves.tolist():
            places = order.setdefault((h, s), {})
            places.setdefault(after, len(places))
        while self.room < min(1 + max(map(len, order.values()), default=0), self.S):
            self.widen()
        books = self.books
        books.n[:] = np.where(self.available, run.counts, -1)
        for h, s, a, after, times in run.moves.tolist():
            k = order[h, s][after]
            books.nexts[h, s, k] = after
            books.moves[h, s, a, k] = times
            books.degree[h, s] = len(order[h, s])
        full = [np.flatnonzero(stage.all(axis=1)) for stage in books.n]
        kernels.fill(books, self.plan, self.tables, full)
        self.plan.V[0] = run.optimistic
