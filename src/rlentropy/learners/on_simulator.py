"""EntGame on an environment that only steps: no kernel, no table, one episode after the other.

The algorithm is that of `entgame.run` with ``saturated="source"`` (def-entgame): counts per stage,
an optimistic plan before each episode, the first maximiser in index order. Where the environment
draws from the kernel of an `EpisodicMDP` as `entgame` does (`simulator.Sampler`), every count is
equal. It is written in NumPy, so an episode takes milliseconds where the compiled learner takes
microseconds.

What needs the kernel is absent: the visitation of the mixture, its entropies, the gap to the
optimum. `SimulatedRun.frequency` is the mean of the visits seen, an estimate of that visitation.

An unavailable action has Qbar = -infinity and counts as tried. B_t keeps its S A pairs.
"""

from typing import Any

import numpy as np

from rlentropy.episodic.visitation import markov_policy
from rlentropy.parallel import progress_bar
from rlentropy.portable import Wide
from rlentropy.results import described, result
from rlentropy.validation import (
    check_available,
    check_choice,
    check_confidence,
    check_integer,
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
        options = {name: getattr(run.config, name) for name in vars(run.config)}
        explorer = cls(env, **options, available=run.available)
        explorer._door.ended[:] = run.ended
        explorer._door.known[:] = run.ended >= 0
        explorer._plan.restore(run.counts, run.moves)
        explorer._plan.V[:] = run.optimistic
        explorer.episodes = run.episodes
        return explorer

    def play(self, episodes: int, *, progress: bool = False) -> SimulatedRun:
        """Play ``episodes`` more episodes; the `SimulatedRun` so far.

        progress  True shows a bar on a terminal
        """
        more = check_integer("episodes", episodes)
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
            counts=plan.n.astype(np.int64),
            moves=plan.listed(),
            optimistic=plan.V.copy(),
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


class _Tables:
    """log(1 + n / n_0) and sqrt(2 alpha(n) / n) by the count n, grown as counts grow.

    Made with twice the digits, as those of `entgame`, since one digit decides where two tie.
    """

    def __init__(self, config):
        c = self.config = config
        self.least = (Wide(2 * c.states * c.actions * c.horizon) / c.delta).log()
        self.log = np.zeros(0)
        self.spread = np.zeros(0)

    def grow(self, n):
        while len(self.log) <= n:
            first = len(self.log)
            count = Wide(np.arange(first, max(2 * first, 1024)))
            alpha = self.least + self.config.states * (1 + (1 + count).log())
            spread = (2 * alpha / np.maximum(count.high, 1)).sqrt()
            self.log = np.append(self.log, (1 + count / self.config.n0).log().rounded())
            self.spread = np.append(self.spread, spread.rounded())

    def bound(self, t):
        """B_t = log(t / n_0 + S A)."""
        pairs = self.config.states * self.config.actions
        return float((Wide(float(t)) / self.config.n0 + pairs).log().rounded())


class _Plan:
    """Counts, and rows over the *open* states, in which every available action has been tried.

    Slot j of stage h belongs to state[h][j]; log, spread (A, j), nexts (K, j) and p (K, A, j) hold
    what planning reads, p the empirical probabilities of the K successors.
    """

    def __init__(self, config, available):
        self.config = config
        self.available = available
        self.tables = _Tables(config)
        H, S, A = config.horizon, config.states, config.actions
        self.n = np.zeros((H, S, A), dtype=np.int64)
        self.seen: list[dict[int, dict[int, np.ndarray]]] = [{} for _ in range(H)]
        self.greedy = np.zeros((H, S), dtype=np.int64)
        self.slot = np.full((H, S), -1)
        self.size = np.zeros(H, dtype=np.int64)
        self.stages = [_Rows(A) for _ in range(H)]
        self.V = np.full(S, H * self.tables.bound(0))

    def action(self, h, s):
        """The first available action that was never taken, else the greedy one."""
        untried = self.available[s] & (self.n[h, s] == 0)
        return int(untried.argmax()) if untried.any() else int(self.greedy[h, s])

    def record(self, h, s, a, after):
        self.n[h, s, a] += 1
        self.tables.grow(self.n[h, s, a])
        if after is not None:
            moves = self.seen[h].setdefault(s, {})
            moves.setdefault(after, np.zeros(self.config.actions, dtype=np.int64))[a] += 1
        self.refresh(h, s, a)

    def refresh(self, h, s, a):
        """Hand the news of a pair to the rows, or open its state."""
        if self.slot[h, s] >= 0:
            self._copy(h, s, [a])
        elif (self.n[h, s][self.available[s]] > 0).all():
            self.slot[h, s] = self.stages[h].open(s)
            self._copy(h, s, range(self.config.actions))

    def _copy(self, h, s, actions):
        rows = self.stages[h]
        j = self.slot[h, s]
        moves = self.seen[h].get(s, {})
        rows.widen(len(moves))
        rows.nexts[: len(moves), j] = list(moves)
        for a in actions:
            count = self.n[h, s, a]
            there = self.available[s, a]
            rows.log[a, j] = self.tables.log[count] if there else np.inf
            rows.spread[a, j] = self.tables.spread[count] if there else 0.0
            if there and moves:
                rows.p[: len(moves), a, j] = [times[a] / count for times in moves.values()]

    def make(self, t):
        """Qbar and Vbar after t episodes, over the open states; every other state has the ceiling.

        The sum over successors is taken in the order in which they were first seen.
        """
        c = self.config
        B = self.tables.bound(t)
        beta = c.bonus_scale * (c.horizon * B)
        ahead = np.zeros(c.states)
        for h in reversed(range(c.horizon)):
            ceiling = (c.horizon - h if c.ceiling == "stage" else c.horizon) * B
            V = np.full(c.states, ceiling)
            rows = self.stages[h]
            m = len(rows.state)
            if m > 0:
                q = B - rows.log[:, :m]
                if beta > 0:
                    q += beta * rows.spread[:, :m]
                for p, after in zip(rows.p, rows.nexts, strict=True):
                    q += p[:, :m] * ahead[after[:m]]
                V[rows.state] = np.minimum(q.max(axis=0), ceiling)
                self.greedy[h, rows.state] = q.argmax(axis=0)
            ahead = V
        self.V = ahead

    def listed(self):
        """The moves as rows (h, s, a, s', n), successors of a (h, s) in their order."""
        rows = [
            (h, s, a, after, times[a])
            for h, stage in enumerate(self.seen)
            for s, moves in stage.items()
            for after, times in moves.items()
            for a in np.flatnonzero(times)
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, 5)

    def restore(self, counts, moves):
        """Counts and moves of an earlier run."""
        self.n[:] = counts
        self.tables.grow(int(self.n.max(initial=0)))
        for h, s, a, after, times in moves.tolist():
            row = self.seen[h].setdefault(s, {})
            row.setdefault(after, np.zeros(self.config.actions, dtype=np.int64))[a] = times
        for h, s in zip(*np.nonzero(self.n.any(axis=2)), strict=True):
            self.refresh(int(h), int(s), 0)


class _Rows:
    """The open states of one stage; all arrays have room for more slots than are used."""

    def __init__(self, A):
        self.state: list[int] = []
        self.log = np.zeros((A, 4))
        self.spread = np.zeros((A, 4))
        self.nexts = np.zeros((0, 4), dtype=np.int64)
        self.p = np.zeros((0, A, 4))

    def open(self, s):
        j = len(self.state)
        self.state.append(s)
        if j == self.log.shape[1]:
            for name in ("log", "spread", "nexts", "p"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)], axis=-1))
        return j

    def widen(self, K):
        """Room for K successors of a state."""
        more = K - len(self.nexts)
        if more > 0:
            _, A, slots = self.p.shape
            self.nexts = np.concatenate([self.nexts, np.zeros((more, slots), dtype=np.int64)])
            self.p = np.concatenate([self.p, np.zeros((more, A, slots))])
