"""Equality of exact real or complex numbers: decided, or refused."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from finitesums.letters import OutsideFragment

DIGITS = 60


def same_number(x: sp.Expr | int, y: sp.Expr | int) -> bool:
    """x = y for exact numbers: rationals, roots, exp and log, and sums and products of these.

    False only if 60 digits of the difference show that it is not 0.  True only if they show 0 and
    sympy proves it: by simplification that assumes nothing about branches (log(x^2) = 2 log x only
    for x > 0), or by the minimal polynomial of an algebraic difference.

    Raises OutsideFragment for letters, floats and infinities, and where neither is settled.
    """
    left = _number(x)
    right = _number(y)
    difference = left - right
    if difference == 0:
        return True
    if not _vanishes(difference, left, right):
        return False
    if any(form == 0 for form in _simplified(difference)) or _algebraic_zero(difference):
        return True
    raise OutsideFragment(f"{left} and {right} agree to {DIGITS} digits, but no proof was found")


def _number(value: sp.Expr | int) -> sp.Expr:
    number = sp.sympify(value)
    exact = isinstance(number, sp.Expr) and not number.has(
        sp.Float, sp.nan, sp.oo, sp.zoo, sp.Sum, sp.Integral, sp.Limit
    )
    if not exact or not number.is_number or number.free_symbols:
        raise OutsideFragment(f"{value} is not an exact number")
    return number


def _vanishes(difference: sp.Expr, left: sp.Expr, right: sp.Expr) -> bool:
    """To 60 digits of the larger side; working precision rises tenfold against cancellation."""
    size = max(1, *(abs(sp.N(side, 15)) for side in (left, right)))
    value = difference.evalf(DIGITS, maxn=10 * DIGITS)
    return bool(abs(value) < size * sp.Float(10, 15) ** (5 - DIGITS))


def _simplified(difference: sp.Expr) -> Iterator[sp.Expr]:
    yield sp.expand(difference)
    opened = sp.expand_log(difference, factor=True)
    yield sp.expand(opened)
    yield sp.simplify(opened)
    yield sp.radsimp(opened)


def _algebraic_zero(difference: sp.Expr) -> bool:
    if not difference.is_algebraic:
        return False
    x = sp.Dummy("x")
    return bool(sp.minimal_polynomial(difference, x) == x)
