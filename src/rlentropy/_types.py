"""Names of types for signatures.

A result of shape () is a NumPy number; it answers to what an array answers to, and counts as one.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
# What every random number comes from: never from the clock.
Seed = int | np.random.SeedSequence
