"""The loop of every learner: random numbers of some episodes, then those episodes, and so on."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rlentropy._compile import kernel
from rlentropy._portable_kernels import draw_softmax
from rlentropy._types import Bools, Floats, Seed
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import simulator
from rlentropy.seeds import generator
from rlentropy.validation import check_integer


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
    changing  names of what changes along a run

    Besides, each has advance(world, uniforms), which plays an episode for each row of uniform
    numbers; note(h, s, a, after), a step that was seen, with after = -1 if the next state was not;
    close(s, away): s has no actions where away (A,) is True; result().
    """

    numbers: int
    last: bool
    changing: tuple[str, ...]
    Q: Floats

    def begin(self, t):
        """What is to be done before an episode, after t of them."""

    def end(self):
        """What is to be done after an episode."""

    def act(self, h, s, u):
        """The action in s at stage h."""
        return int(draw_available(self.Q[h, s], u))

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


def explore(
    mdp: EpisodicMDP, episodes: int, seed: Seed, learner: Callable[..., Any], *options: Any
) -> Any:
    """What learner(H, available, *options), a `Learner`, returns after ``episodes`` episodes."""
    world = simulator.world(mdp, drawn=True)
    state = learner(mdp.H, mdp.available, *options)
    numbers = simulator.draws(mdp, state.numbers)
    for _, uniforms in blocks(numbers, generator(seed), episodes):
        state.advance(world, uniforms)
    return state.result()
