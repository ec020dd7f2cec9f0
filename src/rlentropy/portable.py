"""Logarithm and exponential with the same bits on every processor, and arithmetic of twice the digits for tables.

A learner takes the largest of numbers that may differ in their last digit alone, and one digit decides a whole run.
But log and exp of NumPy and of the system round differently from processor to processor, and ``long double`` is
another type on each. Only + - * / and the square root are fixed by IEEE 754, so all here is made of these, in an order
that is written down. What the package promises:

    same bits everywhere    this module; the tables, draws, counts and visitation of every learner, from the same
                            environment and seed
    within the gap          values of iterative solvers: two processors' brackets [value, value + gap] overlap. They
                            use BLAS and sparse products, whose sums are ordered differently, and end by a certificate
    to 1e-12 relative       everything else that is computed in closed form, where it is well conditioned

"Everywhere" is a processor with IEEE double precision, the same release of numba or any other (compiled code rounds
after every operation: `rlentropy._compile`). ``make test-elsewhere`` tries it on emulated processors.

`log`, `log1p`, `exp` take arrays and refuse what is outside their domain; their error is below one unit in the last
place (at most 0.8 in the tests). Compiled code calls the same functions of one number in `rlentropy._portable_kernels`,
which answer as IEEE asks (nan, infinity) instead of raising. `Wide` has errors of about 1e-29 before it is rounded, so
that what is rounded from it is correctly rounded but for one case in 1e12 or so.
"""

import numpy as np

from rlentropy import _portable_kernels as kernels
from rlentropy.validation import refuse


def log(x):
    """log x in nats; any array of numbers > 0 (infinity among them) -> float array of the same shape, a float for one.

    Raises ValueError for an entry <= 0 or nan.
    """
    return _each(kernels.logs, x, lambda x: x > 0, "the logarithm needs numbers > 0")


def log1p(x):
    """log(1 + x), accurate near 0; any array of numbers > -1. Raises ValueError for an entry <= -1 or nan."""
    return _each(kernels.log1ps, x, lambda x: x > -1, "log(1 + x) needs numbers > -1")


def exp(x):
    """e^x, with 0 and infinity where it leaves the doubles; any array. Raises ValueError for nan."""
    return _each(kernels.exps, x, lambda x: ~np.isnan(x), "not a number")


def log_softmax(x):
    """x - log sum_y exp x(y) along the last axis, of length >= 1; (..., n) -> (..., n). Raises ValueError for nan."""
    x = np.asarray(x, dtype=float)
    below = x - x.max(axis=-1, keepdims=True)
    return below - log(exp(below).sum(axis=-1, keepdims=True))


def _each(function, x, inside, why):
    x = np.array(x, dtype=float, order="C")
    refuse("x", x, ~inside(x), why)
    function(x.reshape(-1))
    return x if x.ndim else float(x)


# --------------------------------------------------------------------------------------------- twice the digits


class Wide:
    """Arrays of numbers high + low, where low is less than the last digit of high; for making tables.

    The errors of + * / with arrays or other `Wide`, and of `sqrt`, are a few 2^-104 of the result (of the summands,
    where they cancel); that of `log` is 2^-83. For entries between 1e-140 and 1e140 in size, unchecked; `log` and
    `sqrt` for such entries > 0. Source: Dekker (1971), a floating-point technique for extending the available precision.
    """

    def __init__(self, high, low=0.0):
        self.high, self.low = np.asarray(high, dtype=float), np.asarray(low, dtype=float)

    __array_ufunc__ = None  # so that array + Wide comes here

    def rounded(self):
        """The nearest doubles."""
        return self.high + self.low

    def __add__(self, other):
        return Wide(*kernels.pair_sum(self.high, self.low, *_pair(other)))

    def __mul__(self, other):
        return Wide(*kernels.pair_product(self.high, self.low, *_pair(other)))

    def __truediv__(self, other):
        return Wide(*kernels.pair_quotient(self.high, self.low, *_pair(other)))

    __radd__, __rmul__ = __add__, __mul__

    def sqrt(self):
        """The square root of entries >= 0."""
        root = np.sqrt(self.high)
        high, error = kernels.exact_product(root, root)
        rest = (self.high - high) - error + self.low
        return Wide(*kernels.tidy(root, rest / np.where(root > 0, 2 * root, 1.0)))

    def log(self):
        """The logarithm of entries > 0."""
        high, low = (np.array(x) for x in np.broadcast_arrays(self.high, self.low))
        kernels.pair_logs(high.reshape(-1), low.reshape(-1))
        return Wide(high, low)


def _pair(x):
    return (x.high, x.low) if isinstance(x, Wide) else (np.asarray(x, dtype=float), 0.0)
