"""The loop of every learner: random numbers of some episodes, then those episodes, and so on."""

from collections.abc import Callable, Iterator

import numpy as np

from rlentropy._types import Floats
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners.simulator import draws
from rlentropy.validation import check_integer


def blocks(
    mdp: EpisodicMDP,
    rng: np.random.Generator,
    episodes: int,
    *,
    transitions: int,
    first: int = 0,
    block: int = 4096,
    until: Callable[[int], int] | None = None,
) -> Iterator[tuple[int, Floats]]:
    """(number of episodes done, uniform numbers of the next ones, a row each), from ``first`` to
    ``episodes``; at most ``block`` rows, and to ``until(done)`` > done at the latest.

    The numbers are the same however they are divided. Raises ValueError for episodes < 0.
    """
    episodes = check_integer("episodes", episodes)
    done = first
    while done < episodes:
        end = min(done + block, episodes if until is None else until(done))
        yield done, rng.random((end - done, draws(mdp, transitions)))
        done = end
