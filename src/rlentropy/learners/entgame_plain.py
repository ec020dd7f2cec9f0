"""EntGame in plain NumPy, line by line as in def-entgame and def-unclipped-rule: for reading, and
for whoever wants to check the compiled learner.

Slow, and equal to `entgame.run` and `entgame.run_pooled` in every count: it takes logarithms and
bonuses from the same tables and adds in the same order. The options are those of `entgame`.
"""

from typing import Any, NamedTuple

import numpy as np

from rlentropy.episodic.induction import deterministic_policy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import push_forward
from rlentropy.learners import _entgame_kernels as kernels
from rlentropy.learners import entgame, simulator
from rlentropy.seeds import generator
from rlentropy.validation import (
    LARGEST,
    check_array,
    check_available,
    check_choice,
    check_integer,
    check_kind,
    check_sizes,
    refuse,
)


class Plan(NamedTuple):
    """Qbar (H, S, A), Vbar (H + 1, S), unclipped U (H, S, A), and the actions taken (H, S)."""

    Q: np.ndarray
    V: np.ndarray
    U: np.ndarray
    actions: np.ndarray


class Memory:
    """What a learner has seen: visits n and transitions moves, one table for each stage, or one
    for all of them if ``stages`` is 1.

    n (stages, S, A), moves (stages, S, A, S). Visited states, and successors of each state, are
    listed in the order in which they were first seen: sums are taken in that order.
    available (S, A) booleans, None for all.
    """

    def __init__(self, stages: int, S: int, A: int, available: np.ndarray | None = None):
        check_sizes(stages=stages, S=S, A=A)
        given = np.ones((S, A), bool) if available is None else available
        self.available = check_available("available", given, (S, A))
        self.n = np.zeros((stages, S, A), np.int64)
        self.moves = np.zeros((stages, S, A, S))
        self.visited: list[list[int]] = [[] for _ in range(stages)]
        self.successors: list[list[list[int]]] = [[[] for _ in range(S)] for _ in range(stages)]

    def record(self, h: int, s: int, a: int, after: int | None = None) -> None:
        """Count a visit, and the transition to ``after`` unless it is None."""
        self.n[h, s, a] += 1
        if s not in self.visited[h]:
            self.visited[h].append(s)
        if after is not None:
            self.moves[h, s, a, after] += 1
            if after not in self.successors[h][s]:
                self.successors[h][s].append(after)

    def add_means(self, h: int, values: np.ndarray, Q: np.ndarray) -> None:
        """Q (S, A) += phat values, where there are data."""
        for s in self.visited[h]:
            for after in self.successors[h][s]:
                Q[s] += self.moves[h, s, :, after] / np.maximum(self.n[h, s], 1) * values[after]


def tables(mdp: EpisodicMDP, episodes: int, **options: Any) -> kernels.Tables:
    """What `plan` looks up by a count n or a time t, both 0, ..., episodes: log(1 + n / n0) and
    the spread sqrt(2 alpha(delta, n) / max(n, 1)) of the bonus, and the bound B_t, in nats.

    options   those of `entgame.run` that concern the rule
    Raises ValueError for arguments out of range. Source: def-entgame.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    return entgame._stage_tables(mdp, entgame.settings("per stage", episodes, **options))


def plan(
    memory: Memory,
    t: int,
    tables: kernels.Tables,
    *,
    saturated: str = "unclipped",
    unvisited: str = "ceiling",
) -> Plan:
    """The plan per stage after t episodes; ``tables`` (see `tables`) are those of the compiled
    learner.

    ``unvisited="nothing"`` is the tempting mistake: a pair without data keeps its reward but
    nothing beyond it, so that nobody goes far for it.
    Raises ValueError for another value. Source: def-entgame, def-unclipped-rule.
    """
    check_choice("unvisited", unvisited, ("ceiling", "nothing"))
    check_choice("saturated", saturated, ("unclipped", "source"))
    _check_plan(memory, t, tables)
    n = memory.n
    H, S, _ = n.shape
    B = tables.bound[t]
    own = B - tables.log[n] + tables.scale * (H * B) * tables.spread[n]  # reward and bonus
    Q = own.copy()
    U = own.copy()
    V = np.zeros((H + 1, S))
    W = np.zeros(S)
    actions = np.zeros((H, S), np.int64)
    average = 0.0
    for h in reversed(range(H)):
        U[h] += np.where(n[h] == 0, average, 0.0)  # phat uniform
        memory.add_means(h, W, U[h])
        memory.add_means(h, V[h + 1], Q[h])
        if unvisited == "ceiling":
            Q[h][n[h] == 0] = np.inf
        Q[h][~memory.available] = -np.inf
        U[h][~memory.available] = -np.inf
        W = U[h].max(axis=1)
        average = _average(W, memory.visited[h])
        ceiling = (H - h if tables.staged else H) * B
        if not tables.clip:
            V[h], actions[h] = W, U[h].argmax(axis=1)
            continue
        V[h], actions[h] = np.minimum(Q[h].max(axis=1), ceiling), Q[h].argmax(axis=1)
        if saturated == "unclipped":
            reached = np.where(Q[h] >= ceiling, U[h], -np.inf)
            actions[h] = np.where(V[h] == ceiling, reached.argmax(axis=1), actions[h])
    return Plan(Q, V, U, actions)


def _average(W: np.ndarray, visited: list[int]) -> float:
    """The mean of W over all states; those never visited share one value."""
    others = np.setdiff1d(np.arange(len(W)), visited)
    total = len(others) * W[others[0]] if len(others) else 0.0
    for s in visited:
        total += W[s]
    return total / len(W)


def run(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    unvisited: str = "ceiling",
    **options: Any,
) -> tuple[np.ndarray, np.ndarray, Plan]:
    """`entgame.run` through `plan`: counts (H, S, A), visitation (H, S, A) of the mixture, and
    the last plan.

    options   those of `entgame.run` that concern the rule
    Raises ValueError for arguments out of range. Source: def-entgame.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    H, S, A = mdp.H, mdp.S, mdp.A
    config = entgame.settings("per stage", episodes, **options)
    given = tables(mdp, episodes, **options)
    rules = {"unvisited": unvisited}
    rules["saturated"] = config.saturated
    memory = Memory(H, S, A, mdp.available)
    world = simulator.world(mdp, drawn=True)
    total = np.zeros((H, S, A))
    now = plan(memory, 0, given, **rules)
    shape = (config.episodes, simulator.draws(mdp, H - 1))
    for t, uniforms in enumerate(generator(seed).random(shape)):
        now = plan(memory, t, given, **rules)
        total += push_forward(mdp, deterministic_policy(now.actions, A))
        s = simulator.begin(world, uniforms)
        for h in range(H):
            a = now.actions[h, s]
            after = None
            if h < H - 1:
                after = simulator.draw(world, h, s * A + a, uniforms[h])
            memory.record(h, s, a, after)
            s = s if after is None else after
    return memory.n, total / max(config.episodes, 1), now


def _check_plan(memory, t, tables):
    """What both plans are made of."""
    check_kind("memory", memory, Memory)
    check_kind("tables", tables, kernels.Tables)
    check_integer("t", t, high=len(tables.bound) - 1)


def plan_pooled(
    memory: Memory, t: int, tables: kernels.Tables, H: int, luck: np.ndarray | None = None
) -> Plan:
    """The plan of the pooled variant after t episodes; ``tables`` as in `plan`.

    luck (H,): uniform numbers, one a stage, that decide among near-ties; None takes the first
    maximiser. Without a ceiling Qbar and U are the same. Source: rem-published-code.
    """
    _check_plan(memory, t, tables)
    H = check_integer("H", H, low=1, high=LARGEST)
    if luck is not None:
        luck = check_array("luck", luck, (H,))
        refuse("luck", luck, (luck < 0) | (luck >= 1), "a uniform number lies in [0, 1)")
    n = memory.n[0]
    S, A = n.shape
    B = tables.bound[t]
    log = tables.log[n]
    spread = tables.spread[n]
    Q, V = np.zeros((H, S, A)), np.zeros((H + 1, S))
    actions = np.zeros((H, S), np.int64)
    for h in reversed(range(H)):
        ceiling = (H - h) * B
        Q[h] = B - log + tables.scale * ceiling * spread
        Q[h] += np.where(n == 0, np.cumsum(V[h + 1])[-1] / S, 0.0)  # phat uniform
        memory.add_means(0, V[h + 1], Q[h])
        Q[h][~memory.available] = -np.inf
        V[h] = Q[h].max(axis=1)
        actions[h] = Q[h].argmax(axis=1)
        if luck is not None:
            for s in range(S):
                near = np.flatnonzero(np.isclose(Q[h, s], V[h, s]))
                actions[h, s] = near[int(luck[h] * len(near))]
        if tables.clip:
            V[h] = np.minimum(V[h], ceiling)
    return Plan(Q, V, Q, actions)


def run_pooled(
    mdp: EpisodicMDP, episodes: int, seed: int | np.random.SeedSequence, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """`entgame.run_pooled` through `plan_pooled`: counts (H, S, A) and visitation of the mixture.

    Raises ValueError for arguments out of range. Source: rem-published-code.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    H, S, A = mdp.H, mdp.S, mdp.A
    config = entgame.settings("pooled", episodes, **options)
    tables = entgame._pooled_tables(mdp, config)
    near = config.ties == "near"
    memory = Memory(1, S, A, mdp.available)
    world = simulator.world(mdp, drawn=True)
    counts, total = np.zeros((H, S, A), np.int64), np.zeros((H, S, A))
    shape = (config.episodes, simulator.draws(mdp, 2 * H if near else H))
    uniforms = generator(seed).random(shape)
    for t, row in enumerate(uniforms):
        actions = plan_pooled(memory, t, tables, H, row[H : 2 * H] if near else None).actions
        total += push_forward(mdp, deterministic_policy(actions, A))
        s = simulator.begin(world, row)
        for h in range(H):
            a = actions[h, s]
            after = simulator.draw(world, h, s * A + a, row[h])
            memory.record(0, s, a, after)
            counts[h, s, a] += 1
            s = after
    return counts, total / max(config.episodes, 1)
