"""Compiled kernels of `rlentropy.portable`: functions from + - * / alone, in a written order.

A number is split by its bits, so that a short series is left over beside a table:

    log x = k log 2 + log c + log(1 + r),   x = 2^k m, c the multiple of 1/512 next to m,
                                            r = (m - c) / c
    exp x = 2^k 2^(i/64) exp(r),            64 k + i the whole number next to 64 x / log 2

The tables come from the standard library's `decimal`, whose logarithm and exponential are correctly
rounded by specification; an entry is split into parts so short that multiples of them are exact.
Where a sum would lose digits, its rounding error is kept.
"""

from decimal import Context, Decimal, localcontext
from math import inf, nan
from typing import Any

import numpy as np
from numba.extending import register_jitable

from rlentropy._compile import kernel
from rlentropy._types import Floats

# The pairs below are of numbers or of arrays.
Number = Any
Pair = tuple[Any, Any]

# Grid points for a doubling of the argument of the logarithm, and of the value of the exponential.
LOG_STEPS, EXP_STEPS = 512, 64
# The logarithm's table is for m between FIRST / LOG_STEPS and twice that: around 1, so that k = 0
# where x is near 1.
FIRST = 362
# First parts are multiples of 2^-BITS, second ones of 2^-2BITS.
BITS = 40
# Beyond these exp x rounds to infinity, to 0.
LARGEST = 709.79
SMALLEST = -745.14


def _parts(value: Decimal) -> tuple[float, float, float]:
    """A `Decimal` as a multiple of 2^-BITS, one of 2^-2BITS, and the double next to the rest."""
    first = round(value * 2**BITS) / 2**BITS
    second = round((value - Decimal(first)) * 4**BITS) / 4**BITS
    return first, second, float(value - Decimal(first) - Decimal(second))


def _pair(value: Decimal) -> tuple[float, float]:
    """A `Decimal` as the next double and what is left."""
    return float(value), float(value - Decimal(float(value)))


with localcontext(Context(prec=60)):  # whatever the caller's context is
    LOG_2 = _parts(Decimal(2).ln())
    STEP = _parts(Decimal(2).ln() / EXP_STEPS)
    # LOGS[:, i] = log(i / LOG_STEPS) for FIRST <= i <= 2 FIRST, POWERS[:, i] = 2^(i / EXP_STEPS);
    # one row a part
    LOGS = np.array(
        [_parts((Decimal(max(i, FIRST)) / LOG_STEPS).ln()) for i in range(2 * FIRST + 1)]
    ).T.copy()
    POWERS = np.array(
        [_pair((Decimal(2).ln() * i / EXP_STEPS).exp()) for i in range(EXP_STEPS)]
    ).T.copy()

LOG_2_FIRST, LOG_2_SECOND = LOG_2[:2]
STEP_FIRST = STEP[0]
STEP_SECOND = STEP[1] + STEP[2]
STEPS_IN_ONE = 1 / (STEP_FIRST + STEP_SECOND)
TURN = 2 * FIRST / LOG_STEPS
FRACTION = (1 << 52) - 1
EXPONENT_OF_ONE = 1023 << 52
# Added and taken away again, it rounds to a whole number.
ROUNDER = 1.5 * 2.0**52


@kernel
def log(x: float) -> float:
    """log x; nan for x < 0, -infinity at 0."""
    if x > 0.0 and x < inf:
        return _log(float(x), 0.0)
    return x if x == inf else -inf if x == 0.0 else nan


@kernel
def log1p(x: float) -> float:
    """log(1 + x), accurate near 0; nan for x < -1, -infinity at -1."""
    if not (x > -1.0 and x < 2.0**54):
        return log(x + 1.0)
    one = 1.0 + x
    lost = (x - (one - 1.0)) if x < 1.0 else (1.0 - (one - x))
    return _log(one, lost)


@kernel
def _log(x: float, rest: float) -> float:
    """log(x + rest), 0 < x < infinity; the rest is below the last digit of x, 0 for x > 2^60."""
    m, k, i = _place(x)
    c = i / LOG_STEPS
    if rest != 0.0:
        rest *= _power_of_2(-k)
    r = (m - c + rest) / c
    series = r * r * (-1 / 2 + r * (1 / 3 + r * (-1 / 4 + r * (1 / 5 - r * (1 / 6)))))
    first = k * LOG_2_FIRST + LOGS[0, i]
    total = first + r
    return total + ((first - total) + r + (k * LOG_2_SECOND + LOGS[1, i] + series))


@kernel
def _place(x: float) -> tuple[Number, Number, Number]:
    """(m, k, i): x = 2^k m, m next to i / LOG_STEPS, FIRST <= i <= 2 FIRST; 0 < x < infinity."""
    k: Number = 0
    if x < 2.0**-1022:
        x *= 2.0**54
        k = -54
    bits = np.float64(x).view(np.int64)
    k += (bits >> 52) - 1023
    m = np.int64((bits & FRACTION) | EXPONENT_OF_ONE).view(np.float64)
    if m >= TURN:
        m *= 0.5
        k += 1
    return m, k, np.int64(m * LOG_STEPS + 0.5)


@kernel
def exp(x: float) -> float:
    """e^x, with 0 and infinity where it leaves the doubles."""
    if not (x < LARGEST and x > SMALLEST):
        return inf if x > 0.0 else 0.0 if x < 0.0 else nan
    steps = (x * STEPS_IN_ONE + ROUNDER) - ROUNDER
    r = (x - steps * STEP_FIRST) - steps * STEP_SECOND
    series = r + r * r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720)))))
    n = np.int64(steps)
    i = n & (EXP_STEPS - 1)
    y = POWERS[0, i] + (POWERS[1, i] + POWERS[0, i] * series)
    k = (n - i) // EXP_STEPS
    half = k >> 1
    return y * _power_of_2(half) * _power_of_2(k - half)


@kernel
def _power_of_2(k: Number) -> float:
    """2^k for -1023 < k < 1024."""
    return np.int64((k + 1023) << 52).view(np.float64)


# ------------------------------------------------------------- twice the digits: pairs (high, low)
# These work on arrays and inside compiled code.


@register_jitable
def exact_sum(a: Number, b: Number) -> Pair:
    """a + b as the rounded sum and its rounding error. Source: Knuth, two-sum."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


@register_jitable
def tidy(high: Number, low: Number) -> Pair:
    """high + low with |low| at most half a last digit of high; for |high| >= |low|."""
    total = high + low
    return total, low - (total - high)


@register_jitable
def exact_product(a: Number, b: Number) -> Pair:
    """a b as the rounded product and its rounding error. Source: Dekker (1971)."""
    product = a * b
    a_top, a_rest = halves(a)
    b_top, b_rest = halves(b)
    return product, ((a_top * b_top - product) + a_top * b_rest + a_rest * b_top) + a_rest * b_rest


@register_jitable
def halves(x: Number) -> Pair:
    """x as a sum of two numbers of 26 digits at most."""
    scaled = (2.0**27 + 1) * x
    top = scaled - (scaled - x)
    return top, x - top


@register_jitable
def pair_sum(a: Number, a_low: Number, b: Number, b_low: Number) -> Pair:
    high, error = exact_sum(a, b)
    low, rest = exact_sum(a_low, b_low)
    high, error = tidy(high, error + low)
    return tidy(high, error + rest)


@register_jitable
def pair_product(a: Number, a_low: Number, b: Number, b_low: Number) -> Pair:
    high, error = exact_product(a, b)
    return tidy(high, error + (a * b_low + a_low * b))


@register_jitable
def pair_quotient(a: Number, a_low: Number, b: Number, b_low: Number) -> Pair:
    quotient = a / b
    high, error = exact_product(quotient, b)
    return tidy(quotient, (((a - high) - error + a_low) - quotient * b_low) / b)


@kernel
def pair_logs(high: Floats, low: Floats) -> None:
    """high[j], low[j] <- log of the pair, to 2^-83, with log((1 + s) / (1 - s)) = 2 artanh(s)."""
    for j in range(len(high)):
        m, k, i = _place(high[j])
        c = i / LOG_STEPS
        d, d_low = exact_sum(m - c, low[j] * _power_of_2(-k))
        e, e_low = exact_sum(2 * c, d)
        s, s_low = pair_quotient(d, d_low, e, e_low + d_low)
        x = s * s
        series = s * x * (1 / 3 + x * (1 / 5 + x * (1 / 7 + x * (1 / 9))))
        total, lost = exact_sum(k * LOG_2[0] + LOGS[0, i], 2 * s)
        rest = 2 * (series + s_low) + (k * LOG_2[1] + LOGS[1, i] + (k * LOG_2[2] + LOGS[2, i]))
        high[j], low[j] = tidy(total, lost + rest)


# ------------------------------------------------------------------------------- of many numbers


@kernel
def logs(x: Floats) -> None:
    """x[i] <- log x[i]."""
    for i in range(len(x)):
        x[i] = log(x[i])


@kernel
def log1ps(x: Floats) -> None:
    """x[i] <- log(1 + x[i])."""
    for i in range(len(x)):
        x[i] = log1p(x[i])


@kernel
def exps(x: Floats) -> None:
    """x[i] <- exp x[i]."""
    for i in range(len(x)):
        x[i] = exp(x[i])


@kernel
def log_sum_exp(q: Floats) -> float:
    """log sum_a exp q_a of a row."""
    top = q.max()
    total = 0.0
    for a in range(len(q)):
        total += exp(q[a] - top)
    return top + log(total)


@kernel
def draw_softmax(q: Floats, u: float) -> int:
    """First a with sum_{b <= a} exp q_b > u sum_b exp q_b, for u uniform in [0, 1)."""
    top = q.max()
    total = 0.0
    for a in range(len(q)):
        total += exp(q[a] - top)
    rest = u * total
    for a in range(len(q) - 1):
        rest -= exp(q[a] - top)
        if rest < 0:
            return a
    return len(q) - 1
