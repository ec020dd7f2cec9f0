"""The loop of every learner: random numbers of some episodes, then those episodes, and so on."""

from collections.abc import Callable, Iterator
from math import e, sqrt
from typing import Any

import numpy as np

from rlentropy._compile import kernel
from rlentropy._portable_kernels import draw_softmax, log
from rlentropy._types import Bools, Floats, Ints, Seed
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import model as empirical_model
from rlentropy.learners import simulator
from rlentropy.seeds import generator
from rlentropy.validation import check_confidence, check_integer, check_kind, check_nonnegative


def blocks(
    numbers: int,
    rng: np.random.Generator,
    episodes: int,
    *,
    first: int = 0,
    block: int = 4096,
    until: Callable[[int], int] | None = None,
) -> Iterator[tuple[int, Floats]]:
    """(number of episodes done, uniform numbers of the next ones, a row of so many each), from
    ``first`` to ``episodes``; at most ``block`` rows, and to ``until(done)`` > done at the latest.

    The numbers are the same however they are divided. Raises ValueError for episodes < 0.
    """
    episodes = check_integer("episodes", episodes)
    done = first
    while done < episodes:
        end = min(done + block, episodes if until is None else until(done))
        yield done, rng.random((end - done, numbers))
        done = end


def choices(available: Bools) -> int:
    """The largest number of actions that a state has, of booleans (S, A)."""
    return int(available.sum(axis=1).max())


@kernel
def draw_available(q: Floats, u: float) -> int:
    """The action of softmax q that the uniform number u draws; never one with q = -infinity."""
    a = draw_softmax(q, u)
    while q[a] == -np.inf:  # rounding of the sums must not choose such an action
        a -= 1
    return a


class Learner:
    """What a learner knows between two episodes, or between two steps of a simulator.

    numbers   uniform numbers of an episode: of an action and of a transition by turns
    last      is an H-th transition observed?
    pooled    are the counts of all stages one, for a kernel that does not depend on the stage?
    changing  names of what changes along a run

    Besides, each has advance(world, uniforms), which plays an episode for each row of uniform
    numbers; note(h, s, a, after), a step that was seen, with after = -1 if the next state was not;
    result().
    """

    numbers: int
    last: bool = False
    pooled: bool = False
    changing: tuple[str, ...]
    Q: Floats

    def begin(self, t):
        """What is to be done before an episode, after t of them."""

    def end(self):
        """What is to be done after an episode."""

    def act(self, h, s, u):
        """The action in s at stage h."""
        return int(draw_available(self.Q[h, s], u))

    def close(self, s, away):
        """Hear that s has no actions where away (A,) is True."""
        self.Q[:, s, away] = -np.inf

    def tables(self):
        """All that changes along a run, by name; copies."""
        return {name: _copied(getattr(self, name)) for name in self.changing}

    def restore(self, tables):
        """Go on from `tables` of an earlier run."""
        for name in self.changing:
            now, found = getattr(self, name), _copied(tables[name])
            setattr(self, name, type(now)(*found) if isinstance(now, tuple) else found)


def _copied(x):
    return tuple(map(np.array, x)) if isinstance(x, tuple) else np.array(x)


class CountLearner(Learner):
    """A learner with visits n (H, S, A), transitions m (max(H - 1, 1), S, A, S) and softmax Q."""

    def __init__(self, H, available, delta, bonus_scale):
        S, A = available.shape
        self.numbers = 2 * H - 1
        self.delta = check_confidence("delta", delta)
        self.scale = check_nonnegative("bonus_scale", bonus_scale)
        self.choices = choices(available)
        self.n = np.zeros((H, S, A), dtype=np.int64)
        self.m = np.zeros((max(H - 1, 1), S, A, S), dtype=np.int64)


class ModelLearner(Learner):
    """A learner with a `Model` for each stage, or one for all if its ``options`` say ``pooled``."""

    kind: type

    def __init__(self, H, available, options):
        self.options = self.kind() if options is None else check_kind("options", options, self.kind)
        self.numbers = 2 * H
        self.pooled = self.options.pooled
        models = 1 if self.pooled else H
        self.model = empirical_model.empty(models, *available.shape, available=available)
        self.counts = np.zeros((H, *available.shape), dtype=np.int64)

    def note(self, h, s, a, after):
        self.counts[h, s, a] += 1
        if after >= 0:
            self.observe(0 if self.pooled else h, s, a, after)

    def observe(self, k, s, a, after):
        """A transition, to be counted in model k."""
        raise NotImplementedError

    def close(self, s, away):
        self.model.visits[:, s * len(away) + np.flatnonzero(away)] = -1


@kernel
def radius(n: int, S: int, A: int, H: int, delta: float) -> float:
    """`confidence.total_variation_radius` of one number n >= 1."""
    alpha = log(2 * S * A * H / delta) + S * log(e * (1 + n))
    return sqrt(alpha / (2 * n))


@kernel
def keep(table: Floats, kept: Floats) -> None:
    """kept[h, s, a] = table[h, s, a]: numba spends seconds on compiling the assignment of a
    slice."""
    H, S, A = table.shape
    for h in range(H):
        for s in range(S):
            for a in range(A):
                kept[h, s, a] = table[h, s, a]


def _begun(mdp, learner, options):
    """The `World`, the learner before its first episode, and its uniform numbers an episode."""
    world = simulator.world(mdp, drawn=True)
    state = learner(mdp.H, mdp.available, *options)
    if (state.pooled or state.last) and not mdp.stationary:
        raise ValueError("options: pooled counts and an H-th transition need a stationary kernel")
    return world, state, simulator.draws(mdp, state.numbers)


def explore(
    mdp: EpisodicMDP, episodes: int, seed: Seed, learner: Callable[..., Any], *options: Any
) -> Any:
    """What learner(H, available, *options), a `Learner`, returns after ``episodes`` episodes."""
    world, state, numbers = _begun(mdp, learner, options)
    for _, uniforms in blocks(numbers, generator(seed), episodes):
        state.advance(world, uniforms)
    return state.result()


def followed(
    mdp: EpisodicMDP,
    episodes: int,
    seed: Seed,
    block: int,
    learner: Callable[..., Any],
    *options: Any,
) -> Iterator[tuple[int, Any, Ints]]:
    """The run of a `CountLearner` as (number of the first episode, what advance kept of each,
    transitions so far), at most ``block`` episodes at a time."""
    world, state, numbers = _begun(mdp, learner, options)
    block = check_integer("block", block, low=1)
    for first, uniforms in blocks(numbers, generator(seed), episodes, block=block):
        kept = state.advance(world, uniforms, kept=len(uniforms))
        yield first, kept, state.m[: mdp.H - 1].copy()
