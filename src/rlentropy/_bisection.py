"""Bisection of many equations at once."""

from collections.abc import Callable

import numpy as np

from rlentropy._types import Bools, Floats


def bisect(
    lies_above: Callable[[Floats], Bools], low: Floats, high: Floats, *, steps: int
) -> tuple[Floats, Floats]:
    """Both ends of brackets of any shape after ``steps`` halvings, each bracket for itself.

    lies_above(x) says where the root is larger than x.
    """
    for _ in range(steps):
        middle = (low + high) / 2
        above = lies_above(middle)
        low = np.where(above, middle, low)
        high = np.where(above, high, middle)
    return low, high
