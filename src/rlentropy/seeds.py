"""Seeds and generators: every random number comes from a whole number or a SeedSequence,
never from the clock."""

import numpy as np

from rlentropy._types import Seed
from rlentropy.validation import LARGEST, check_integer


def spawn(seed: Seed, count: int) -> list[np.random.SeedSequence]:
    """``count`` independent children of one root seed, as ``numpy.random.SeedSequence``.

    seed   whole number >= 0, or a SeedSequence (which is copied,
           so the same argument always gives the same children)
    Raises ValueError for any other seed or a negative count.
    """
    count = check_integer("count", count)
    if isinstance(seed, np.random.SeedSequence):
        root = np.random.SeedSequence(
            seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size
        )
    else:
        root = np.random.SeedSequence(_whole(seed))
    return root.spawn(count)


def generator(seed: Seed) -> np.random.Generator:
    """The PCG64 generator of a whole number >= 0 or a SeedSequence;
    ValueError for anything else (None among it)."""
    if not isinstance(seed, np.random.SeedSequence):
        seed = np.random.SeedSequence(_whole(seed))
    return np.random.Generator(np.random.PCG64(seed))


def _whole(seed: object) -> int:
    """A seed that is a whole number >= 0; a generator has a hidden state,
    so a run could not be repeated from it."""
    if type(seed) is int and seed > LARGEST:  # a seed may have any number of digits
        return seed
    if isinstance(seed, (int, np.integer)):
        return check_integer("seed", seed)
    raise ValueError(f"seed = {seed!r}: must be a whole number or a numpy.random.SeedSequence")
