"""Logarithm and exponential with the same bits on every processor, and twice the digits for tables.

A learner takes the largest of numbers that may differ in their last digit alone, and one digit
decides a whole run. But log and exp of NumPy and of the system round differently from processor to
processor, and ``long double`` is another type on each. Only + - * / and the square root are fixed
by IEEE 754, so all here is made of these, in an order that is written down.

What the package promises, on every processor with IEEE double precision:

    the same bits         this module; tables, draws, counts and visitation of every learner,
                          from the same environment and seed
    within the gap        values of iterative solvers: the brackets [value, value + gap] of two
                          processors overlap; BLAS and sparse products order their sums differently
    to 1e-12 relative     what else is computed in closed form, where it is well conditioned

``make test-elsewhere`` shows the first two on emulated processors. Random numbers come from NumPy,
whose uniform and whole numbers are exact; a normal or exponential one may, once in thousands, take
a logarithm from the system.

`log`, `log1p` and `exp` take arrays and refuse what is outside their domain; their error is below
one unit in the last place (in the tests at most 0.8). Compiled code calls the same functions of one
number in `rlentropy._portable_kernels`, which answer as IEEE asks (nan, infinity) and do not raise.
Tables are made of `Wide` numbers, whose errors are about 1e-25 before they are rounded: they are
correctly rounded, but for one entry in a hundred million or so.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import _portable_kernels as kernels
from rlentropy._types import Bools, Floats
from rlentropy.validation import as_array, refuse


def log(x: ArrayLike) -> Floats:
    """log x in nats; numbers > 0 (also infinity) of any shape -> floats of that shape.

    Raises ValueError for an entry <= 0 or nan.
    """
    return _each(kernels.logs, x, lambda x: x > 0, "the logarithm needs numbers > 0")


def log1p(x: ArrayLike) -> Floats:
    """log(1 + x), accurate near 0; numbers > -1 of any shape -> floats of that shape.

    Raises ValueError for an entry <= -1 or nan.
    """
    return _each(kernels.log1ps, x, lambda x: x > -1, "log(1 + x) needs numbers > -1")


def exp(x: ArrayLike) -> Floats:
    """e^x, with 0 and infinity where it leaves the doubles; any shape -> floats of that shape.

    Raises ValueError for nan.
    """
    return _each(kernels.exps, x, lambda x: ~np.isnan(x), "not a number")


def log_softmax(x: ArrayLike) -> Floats:
    """x(a) - log sum_b exp x(b) along the last axis; (..., n) -> (..., n), n >= 1.

    Raises ValueError for nan and infinity.
    """
    x = _doubles(x)
    refuse("x", x, ~(x < np.inf), "not a number below infinity")
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError("x: the last axis is missing or empty; a distribution needs an outcome")
    below = x - x.max(axis=-1, keepdims=True)
    return below - log(exp(below).sum(axis=-1, keepdims=True))


def _doubles(x: ArrayLike) -> Floats:
    """A C array of its own; what is no number is refused."""
    x = as_array("x", x)
    if x.dtype.kind not in "fiub":
        raise ValueError(f"x: entries of type {x.dtype}, expected real numbers")
    return np.array(x, dtype=float, order="C")


def _each(
    function: Callable[[Floats], None], x: ArrayLike, inside: Callable[[Floats], Bools], why: str
) -> Any:
    x = _doubles(x)
    refuse("x", x, ~inside(x), why)
    function(x.reshape(-1))
    return x if x.ndim else float(x)


# ------------------------------------------------------------------------------ twice the digits


class Wide:
    """Arrays of numbers high + low, where low is less than the last digit of high; for tables.

    The errors of + * / with arrays or other `Wide`, and of `sqrt`, are a few 2^-104 of the result
    (of the summands, where they cancel); that of `log` is 2^-83. For entries between 1e-140 and
    1e140 in size, > 0 for `log`, >= 0 for `sqrt`; this is not checked.
    Source: Dekker (1971), a floating-point technique for extending the available precision.
    """

    def __init__(self, high: ArrayLike, low: ArrayLike = 0.0) -> None:
        self.high, self.low = np.asarray(high, dtype=float), np.asarray(low, dtype=float)

    __array_ufunc__ = None  # so that array + Wide comes here

    def rounded(self) -> Floats:
        """The nearest doubles."""
        return self.high + self.low

    def __add__(self, other: "Wide | ArrayLike") -> "Wide":
        return Wide(*kernels.pair_sum(self.high, self.low, *_pair(other)))

    def __mul__(self, other: "Wide | ArrayLike") -> "Wide":
        return Wide(*kernels.pair_product(self.high, self.low, *_pair(other)))

    def __truediv__(self, other: "Wide | ArrayLike") -> "Wide":
        return Wide(*kernels.pair_quotient(self.high, self.low, *_pair(other)))

    __radd__ = __add__
    __rmul__ = __mul__

    def sqrt(self) -> "Wide":
        """The square root of entries >= 0."""
        root = np.sqrt(self.high)
        high, error = kernels.exact_product(root, root)
        rest = (self.high - high) - error + self.low
        return Wide(*kernels.tidy(root, rest / np.where(root > 0, 2 * root, 1.0)))

    def log(self) -> "Wide":
        """The logarithm of entries > 0."""
        high, low = (np.array(x) for x in np.broadcast_arrays(self.high, self.low))
        kernels.pair_logs(high.reshape(-1), low.reshape(-1))
        return Wide(high, low)


def _pair(x: Wide | ArrayLike) -> tuple[Floats, Floats | float]:
    return (x.high, x.low) if isinstance(x, Wide) else (np.asarray(x, dtype=float), 0.0)
