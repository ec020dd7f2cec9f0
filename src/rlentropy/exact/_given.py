"""What the oracles are given: kernels and policies of Fractions or floats, checked as floats and
kept as they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlentropy.validation import as_array, check_distribution, check_shape


def kernels(P: Any) -> NDArray[Any]:
    """Transition probabilities (H-1, S, A, S); an empty list where there is no transition."""
    given = as_array("P", P)
    if given.shape == (0,):
        return given
    if given.ndim != 4 or given.shape[1] != given.shape[3]:
        raise ValueError(f"P: shape {given.shape}, expected (H-1, S, A, S)")
    check_shape("P[0]", np.empty(given.shape[1:]), (None, None, None))
    if len(given):
        check_distribution("P", given)
    return given


def policy(name: str, pi: Any, P: NDArray[Any]) -> NDArray[Any]:
    """A Markov policy (H, S, A) for these kernels."""
    given = as_array(name, pi)
    S, A = P.shape[1:3] if P.ndim == 4 else (None, None)
    check_distribution(name, given, (len(P) + 1, S, A))
    return given
