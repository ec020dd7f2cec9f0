"""Learners on an environment that only steps: no kernel, no table, one episode after the other.

The algorithms are those of the learners on an `EpisodicMDP`, by the same compiled code, which here
is called once or twice a step. Where the environment draws from the kernel of an MDP as they do
(`simulator.Sampler`), every number is equal:

`EntGame`   `entgame.run` with ``saturated="source"`` (def-entgame)
`Explorer`  `rf_ucrl.rf_ucrl`, `ucbvi_ent.run`, `optimistic_soft_vi.run`, `regularized_game.run`

What needs the kernel is absent: the visitation of the mixture, its entropies, the gap to the
optimum. `SimulatedRun.frequency` is the mean of the visits seen, an estimate of that visitation.

An unavailable action has Qbar = -infinity and counts as tried. Where masks come with the states, a
state that was not entered yet is taken to have all actions.
"""

import inspect
from types import SimpleNamespace
from typing import Any

import numpy as np

from rlentropy.episodic.visitation import markov_policy
from rlentropy.learners import _entgame_kernels as kernels
from rlentropy.learners import entgame, optimistic_soft_vi, regularized_game, rf_ucrl, ucbvi_ent
from rlentropy.learners._loop import Learner, blocks
from rlentropy.learners.simulator import Sampler
from rlentropy.parallel import progress_bar
from rlentropy.results import described, result
from rlentropy.seeds import generator
from rlentropy.validation import (
    check_available,
    check_choice,
    check_flag,
    check_integer,
    check_kind,
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
        return _described(self)

    @property
    def frequency(self) -> np.ndarray:
        """n_h(s, a) / T, an unbiased estimate of the visitation of the mixture; (H, S, A).

        Its entropy is a biased estimate, in either direction, since the policies react to the
        visits; `stopping.certified_gap` says by how much it may be off.
        """
        return _frequency(self)

    @property
    def policy(self) -> np.ndarray:
        """pi_h(a|s) = n_h(s, a) / n_h(s), uniform where n_h(s) = 0; (H, S, A)."""
        return markov_policy(self.counts, available=self.available)


@result
class ExplorerConfig:
    """What a run was asked to do: the learner, sizes, and the options of the learner's `run`.

    seed         of the environment's episodes, or None: the environment draws by itself
    action_seed  of the actions that the learner draws
    masks        True: ``info["action_mask"]`` says which actions are available
    """

    learner: str
    states: int
    actions: int
    horizon: int
    seed: int | None
    action_seed: int | None
    masks: bool
    options: dict[str, Any]


@result
class ExplorerRun:
    """A run of an `Explorer`, and all that it needs to go on.

    config     `ExplorerConfig`
    episodes   played so far
    outcome    what the learner returns on an `EpisodicMDP`, its counts (H, S, A) among it
    available  (S, A) booleans
    ended      (S,) whole numbers, as in `SimulatedRun`
    memory     the tables of the learner, by name
    """

    config: ExplorerConfig
    episodes: int
    outcome: Any
    available: np.ndarray
    ended: np.ndarray
    memory: dict[str, Any]

    def __repr__(self) -> str:
        return _described(self, learner=self.config.learner)

    @property
    def counts(self) -> np.ndarray:
        """(H, S, A) whole numbers: visits n_h(s, a)."""
        return self.outcome.counts

    @property
    def frequency(self) -> np.ndarray:
        """n_h(s, a) / T, an unbiased estimate of the visitation of the mixture; (H, S, A)."""
        return _frequency(self)

    @property
    def policy(self) -> np.ndarray:
        """That of the outcome, (H, S, A): what would be played next; of RF-UCRL that of its
        counts."""
        return self.outcome.policy


def _described(run, **first):
    sizes = {"S": run.config.states, "A": run.config.actions, "H": run.config.horizon}
    seen = int(np.count_nonzero(run.counts))
    return described(run, **first, episodes=run.episodes, **sizes, pairs_seen=seen)


def _frequency(run):
    if run.episodes == 0:
        raise ValueError("episodes = 0: there is no frequency yet")
    return run.counts / run.episodes


# ------------------------------------------------------------------------------------- the episodes


class _Episodes:
    """A learner, an environment, and the episodes that they play."""

    config: Any

    def __init__(self, env, config, available, action_seed=None):
        self.config = config
        shape = (config.states, config.actions)
        if config.masks and available is not None:
            raise ValueError("available: masks = True takes it from the environment")
        given = np.ones(shape, dtype=bool) if available is None else available
        self._door = _Door(env, config, check_available("available", given, shape))
        self._learner = self._made(self._door.available)
        self._door.close = self._learner.close
        self._action_seed = action_seed
        self.episodes = 0

    def _made(self, available):
        """The learner before its first episode."""
        raise NotImplementedError

    def play(self, episodes: int, *, progress: bool = False) -> Any:
        """Play ``episodes`` more episodes; the run so far, an `ExplorerRun` or `SimulatedRun`.

        progress  True shows a bar on a terminal
        """
        more = check_integer("episodes", episodes)
        progress = check_flag("progress", progress)
        numbers = self._learner.numbers
        rng = generator(self._action_seed or 0)
        # one number a draw: PCG64 can be put forward
        rng.bit_generator.advance(numbers * self.episodes)  # type: ignore
        rows = blocks(numbers, rng, self.episodes + more, first=self.episodes)
        with progress_bar(more if progress else 0, "episode") as bar:
            for uniforms in (row for _, block in rows for row in block):
                self._play_one(uniforms)
                self.episodes += 1
                if progress:
                    bar.update()
        return self.run

    @property
    def run(self) -> Any:
        """The run so far."""
        raise NotImplementedError

    def _play_one(self, uniforms):
        H = self.config.horizon
        steps = H if self._learner.last else H - 1
        self._learner.begin(self.episodes)
        s = self._door.begin(self._episode_seed())
        uniforms = self._door.numbers(uniforms)
        episode = []
        for h in range(H):
            a = self._learner.act(h, s, uniforms[2 * h] if len(uniforms) else 0.0)
            after = self._door.step(a, h, steps) if h < steps else -1
            episode.append((h, s, a, after))
            s = after
        for step in episode:  # counted when it is whole: one that fails is not counted
            self._learner.note(*step)
        self._learner.end()

    def _episode_seed(self):
        """A whole number made from the seed and the number of the episode."""
        if self.config.seed is None:
            return None
        child = np.random.SeedSequence(self.config.seed, spawn_key=(self.episodes,))
        return int(child.generate_state(1)[0])

    @classmethod
    def _resumed(cls, env, run, memory):
        """One that goes on where ``run`` ended; its learner goes on from ``memory``."""
        sizes = {"observation_space": run.config.states, "action_space": run.config.actions}
        for space, n in sizes.items():
            found = _told(env, space)
            if found not in (None, n):
                raise ValueError(f"env.{space}.n = {found}: the run was on one with {n}")
        asked = dict(vars(run.config))
        options = asked.pop("options", {})
        known = None if run.config.masks else run.available
        self = cls(env, **asked, **options, available=known)
        self._door.available[:] = run.available
        self._door.ended[:] = run.ended
        self._door.known[:] = run.ended >= 0
        self._learner.restore(memory)
        self.episodes = run.episodes
        return self


class EntGame(_Episodes):
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
        game = entgame.settings(
            "per stage", 0, n0=n0, delta=delta, bonus_scale=bonus_scale, ceiling=ceiling
        )
        config = SimulatorConfig(
            **_asked(env, horizon, states, actions, seed, masks),
            n0=game.n0,
            delta=game.delta,
            bonus_scale=game.bonus_scale,
            ceiling=game.ceiling,
        )
        super().__init__(env, config, available)

    def _made(self, available):
        return _Plan(self.config, available)

    @classmethod
    def resume(cls, env: Any, run: SimulatedRun) -> "EntGame":
        """An explorer that goes on where ``run`` ended, on the same environment.

        With a seed the numbers are those of one run. Without one the environment has to be where
        it was: a `simulator.Sampler` with ``done=run.episodes`` is.
        """
        return cls._resumed(env, check_kind("run", run, SimulatedRun), run)

    @property
    def run(self) -> SimulatedRun:
        """The run so far."""
        plan, door = self._learner, self._door
        return SimulatedRun(
            config=self.config,
            episodes=self.episodes,
            counts=plan.counts().astype(np.int64),
            moves=plan.listed(),
            optimistic=plan.plan.V[0].copy(),
            available=door.available.copy(),
            ended=door.ended.copy(),
        )


LEARNERS = {
    "RF-UCRL": rf_ucrl._State,
    "UCBVI-Ent": ucbvi_ent._State,
    "optimistic soft VI": optimistic_soft_vi._State,
    "regularised game": regularized_game._State,
}


def _known_options(learner, options):
    """The name of the learner, which has to take these options."""
    check_choice("learner", learner, tuple(LEARNERS))
    takes = [*inspect.signature(LEARNERS[learner]).parameters][2:]
    for name in options:
        if name not in takes:
            raise ValueError(f"{name}: {learner} takes {', '.join(takes)}")
    return learner


class Explorer(_Episodes):
    """A learner as an explorer of an environment: made once, and played on as often as wanted.

    env          as in `EntGame`
    learner      "RF-UCRL", "UCBVI-Ent", "optimistic soft VI" or "regularised game"
    horizon, states, actions, available, masks  as in `EntGame`; a learner that observes an H-th
                 transition takes H steps of the environment
    seed         of the episodes, as in `EntGame`
    action_seed  whole number, of the actions that the learner draws; ``seed`` if it is None
    options      those of the learner's `run`: ``options=RewardFreeOptions(...)`` of RF-UCRL,
                 ``options=Options(...)`` of UCBVI-Ent, ``delta`` and ``bonus_scale`` of the others

    A learner that pools the counts of all stages takes for granted that the environment does not
    depend on the stage. On a `simulator.Sampler` with the ``numbers`` of the learner the actions
    are drawn from its numbers too, so the run is that on its MDP.

    Raises ValueError as `EntGame`, and for neither seed on another environment.
    """

    def __init__(
        self,
        env: Any,
        learner: str,
        *,
        horizon: int,
        states: int | None = None,
        actions: int | None = None,
        seed: int | None = None,
        action_seed: int | None = None,
        available: np.ndarray | None = None,
        masks: bool = False,
        **options: Any,
    ):
        given = seed if action_seed is None else check_integer("action_seed", action_seed)
        config = ExplorerConfig(
            learner=_known_options(learner, options),
            **_asked(env, horizon, states, actions, seed, masks),
            action_seed=given,
            options=options,
        )
        super().__init__(env, config, available, given)
        if isinstance(env, Sampler):
            self._door.in_step(env, self._learner.numbers)
        elif given is None:
            raise ValueError(f"seed = None: {learner} draws actions; give it or action_seed")

    def _made(self, available):
        return LEARNERS[self.config.learner](self.config.horizon, available, **self.config.options)

    @classmethod
    def resume(cls, env: Any, run: ExplorerRun) -> "Explorer":
        """An explorer that goes on where ``run`` ended, on the same environment; see
        `EntGame.resume`."""
        return cls._resumed(env, check_kind("run", run, ExplorerRun), run.memory)

    @property
    def run(self) -> ExplorerRun:
        """The run so far."""
        return ExplorerRun(
            config=self.config,
            episodes=self.episodes,
            outcome=self._learner.result(),
            available=self._door.available.copy(),
            ended=self._door.ended.copy(),
            memory=self._learner.tables(),
        )


def _asked(env, horizon, states, actions, seed, masks):
    """What every explorer is asked to do, checked."""
    return {
        "states": _size(env, "states", states, "observation_space"),
        "actions": _size(env, "actions", actions, "action_space"),
        "horizon": check_integer("horizon", horizon, low=1),
        "seed": None if seed is None else check_integer("seed", seed),
        "masks": check_flag("masks", masks),
    }


def _size(env, name, given, space):
    if given is not None:
        return check_integer(name, given, low=1)
    n = _told(env, space)
    if n is None:
        raise ValueError(f"{name}: the environment has no {space}.n, so give the number")
    if int(getattr(getattr(env, space), "start", 0)) != 0:
        raise ValueError(f"env.{space}: does not begin at 0")
    return check_integer(f"env.{space}.n", int(n), low=1)


def _told(env, space):
    """The number of elements of a space of the environment; None if it does not say."""
    return getattr(getattr(env, space, None), "n", None)


# ---------------------------------------------------------------------------------- the environment


class _Door:
    """The environment, with every answer checked."""

    def __init__(self, env, config, available):
        pair = isinstance(env, (tuple, list)) and len(env) == 2
        self._reset, self._step = env if pair else (_method(env, "reset"), _method(env, "step"))
        if not (callable(self._reset) and callable(self._step)):
            raise ValueError("env: a pair has to be of two functions, reset and step")
        if isinstance(env, type):
            raise ValueError(f"env: the class {env.__name__}, expected an instance")
        if config.seed is not None and not _takes_seed(self._reset):
            raise ValueError(f"seed = {config.seed}: this reset takes no seed, so give None")
        self.config = config
        self.sampler = None
        self.close: Any = None  # is told of a state's mask when it is news
        self.available = available.copy()
        self.known = np.full(config.states, not config.masks)
        self.ended = np.full(config.states, -1)
        self.over = False
        self.state = 0

    def in_step(self, sampler, numbers):
        """Actions are drawn from the numbers of the sampler, which has to have as many."""
        if sampler.numbers != numbers:
            what = f"numbers = {sampler.numbers}, this learner takes {numbers}"
            raise ValueError(f"env: a Sampler with {what}")
        self.sampler = sampler

    def numbers(self, own):
        """The uniform numbers of the episode that has begun."""
        return own if self.sampler is None else self.sampler.uniforms

    def begin(self, seed):
        found = self._reset() if seed is None else self._reset(seed=seed)
        if isinstance(found, tuple) and not (len(found) == 2 and isinstance(found[1], dict)):
            raise ValueError(f"reset() = {found!r}: expected a state, or a state and a dict")
        state, info = found if isinstance(found, tuple) else (found, {})
        self.over = False
        return self._arrive("reset()", state, info, False)

    def step(self, a, h, steps):
        if self.over:
            return self.state
        found = self._step(a)
        if not isinstance(found, tuple):
            return self._arrive(f"step({a})", found, {}, False)
        if len(found) != 5:
            what = f"{len(found)} values"
            raise ValueError(f"step({a}): {what}, expected a state, or the five of gymnasium")
        state, _, terminated, truncated, info = found
        terminated = _flag(f"terminated of step({a})", terminated)
        truncated = _flag(f"truncated of step({a})", truncated)
        if truncated and not terminated and h + 1 < steps:
            raise ValueError(
                f"step({a}): truncated after {h + 1} steps, horizon {self.config.horizon} needs "
                f"{steps}; make the environment without its time limit"
            )
        return self._arrive(f"step({a})", state, info, terminated)

    def _arrive(self, name, state, info, over):
        if isinstance(state, np.ndarray) and state.ndim == 0:
            state = state[()]
        s = check_integer(f"the state of {name}", state, high=self.config.states - 1)
        if self.ended[s] == 1 - over:
            raise ValueError(f"{name}: episodes end in state {s} and also go on in it")
        self.ended[s] = over
        self.over = over
        self.state = s
        if self.config.masks and not over:  # an end is left by no action, so it has them all
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
        if not self.known[s]:
            self.available[s] = mask
            self.known[s] = True
            self.close(s, mask == 0)


def _flag(name, x):
    whole = isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype == bool
    return check_flag(name, bool(x) if whole else x)


def _takes_seed(reset):
    """Can ``reset(seed=...)`` be called, as far as its signature tells?"""
    try:
        inspect.signature(reset).bind(seed=0)
    except TypeError:
        return False
    except ValueError:  # it has no signature
        return True
    return True


def _method(env, name):
    method = getattr(env, name, None)
    if method is None:
        raise ValueError(f"env: has no {name}; expected reset and step, or a pair of functions")
    return method


# -------------------------------------------------------------------------------------- the planner


class _Plan(entgame._PerStage, Learner):
    """The game of `entgame`, told of one step after the other; its tables grow with the run."""

    numbers = 0

    def __init__(self, config, available):
        self.config = config
        sizes = {"H": config.horizon, "S": config.states, "A": config.actions}
        self.sizes = SimpleNamespace(**sizes, available=available)
        super().__init__(self.sizes, self._tables(0))
        self.plan.V[0] = config.horizon * self.tables.bound[0]

    def _world(self, _sizes):
        return None

    def _tables(self, episodes):
        """For twice as many episodes; with the entries of unavailable actions, of which it may
        hear later."""
        c = self.config
        options = {"n0": c.n0, "delta": c.delta, "bonus_scale": c.bonus_scale, "ceiling": c.ceiling}
        settings = entgame.settings("per stage", max(2 * episodes, 1024), **options)
        return kernels.masked(entgame._stage_tables(self.sizes, settings))

    def begin(self, t):
        """Qbar and Vbar after t episodes."""
        if t + 1 >= len(self.tables.bound):
            self.tables = self._tables(t)
        self.bound = self.tables.bound[t]
        kernels.plan_stages(self.plan, self.bound, self.tables.scale, self.tables.staged)

    def act(self, h, s, u):  # noqa: ARG002  it draws nothing
        """The first available action that was never taken, else the greedy one."""
        return int(kernels.act(self.books, self.plan, self.tables, self.bound, h, s))

    def note(self, h, s, a, after):
        kernels.note(self.books, self.plan, self.tables, self.bound, h, s, a, after)
        while self.full():
            self.widen()

    def close(self, s, away):
        self.books.n[:, s, away] = -1
        self.books.tried[:, s] = (~away).argmax()

    def listed(self):
        """The moves as rows (h, s, a, s', n), successors of a (h, s) in their order."""
        h, s, k, a = np.nonzero(self.books.moves.transpose(0, 1, 3, 2))
        after = self.books.nexts[h, s, k]
        return np.stack([h, s, a, after, self.books.moves[h, s, a, k]], axis=1).astype(np.int64)

    def restore(self, run):
        """Counts and moves of an earlier run."""
        self.tables = self._tables(run.episodes)
        self.books.n[:] = np.where(run.available, run.counts, -1)
        for h, s, a, after, times in run.moves.tolist():
            known = self.books.degree[h, s]
            k = [*self.books.nexts[h, s, :known], after].index(after)
            if k == self.room:
                self.widen()
            self.books.nexts[h, s, k] = after
            self.books.moves[h, s, a, k] = times
            self.books.degree[h, s] = max(known, k + 1)
        while self.full():
            self.widen()
        full = [np.flatnonzero(stage.all(axis=1)) for stage in self.books.n]
        kernels.fill(self.books, self.plan, self.tables, full)
        self.plan.V[0] = run.optimistic
