"""How many episodes a bound asks for. Private; the doors are the functions ``episodes_needed``."""

from collections.abc import Callable
from math import ceil, isfinite

from rlentropy.audits._given import LONGEST
from rlentropy.validation import check_callable, check_positive


def episodes_needed(
    average: Callable[[float], float], eps: float, *, least: float, relative: float
) -> float:
    """Smallest whole T >= least, to a relative error, with average(T) <= eps,
    for an average that decreases in T.

    Raises ValueError for eps <= 0, and where no T is small enough to be a float.
    """
    eps = check_positive("eps", eps)
    low = high = float(least)
    while average(high) > eps:
        low = high
        high = 2 * high
        if high > LONGEST or not isfinite(average(high)):
            raise ValueError(f"eps = {eps}: too small, the number of episodes is beyond floats")
    while high - low > relative * high:
        middle = (low + high) / 2
        if average(middle) <= eps:
            high = middle
        else:
            low = middle
    return float(ceil(high))


def of_sum(bound: Callable[..., float], eps: float, *sizes: float, least: float) -> float:
    """Smallest whole T >= least, to a relative 1e-6, with bound(T, *sizes) / T <= eps."""
    check_callable("bound", bound)
    return episodes_needed(lambda T: bound(T, *sizes) / T, eps, least=least, relative=1e-6)
