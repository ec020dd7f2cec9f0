"""Counterexamples: two expressions are shown to differ by their values at concrete numbers.

A point is looked at in floating point first; that they differ there is then *proved* in interval
arithmetic, whose precision rises until the enclosures are narrow.  So neither rounding nor
cancellation can disprove a true statement.  Where a side is not defined (a division by zero, the
logarithm of a negative number) a point says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import mpmath
import sympy as sp

from finitesums.evaluation import whole_range
from finitesums.letters import (
    Bound,
    OutsideFragment,
    Weight,
    expand_definitions,
    is_index,
    outermost,
    spoken,
)
from finitesums.letters import m as states
from finitesums.letters import n as actions

DIGITS = (50, 100, 200, 400, 800)
MOST_PATTERNS = 4
SIZES = ((1, 1), (2, 1), (2, 2), (3, 2))


class Contradiction(AssertionError):
    """Numbers refute what was proved: the layer itself is wrong."""


@dataclass(frozen=True)
class Disagreement:
    """Numbers at which two expressions differ: sizes, letters with their values, both values."""

    letters: tuple[tuple[str, int | Fraction], ...]
    left: str
    right: str

    def __str__(self) -> str:
        where = ", ".join(f"{name} = {value}" for name, value in self.letters)
        place = f"at {where}" if where else "as numbers"
        return f"{place}: left {self.left}, right {self.right}"


def differ(
    lhs: sp.Expr, rhs: sp.Expr, *, n: int = 3, m: int = 2, trials: int = 4, seed: int = 0
) -> bool:
    """True only if lhs and rhs have different values at some drawn point, n actions and m states.

    ``equal`` returns False for "not proved"; ``differ`` returns True for "disproved".  A mutant of
    a check should be rejected by this one.  Letters get random rationals (positive where declared
    so); the free indices run through all patterns of 1 and 2 (up to four indices) and ``trials``
    random values.
    """
    return _first_difference(lhs, rhs, {actions: n, states: m}, trials, seed) is not None


def disagreement(
    lhs: sp.Expr,
    rhs: sp.Expr,
    *,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    patterns: bool = True,
    trials: int = 1,
    seed: int = 0,
) -> Disagreement | None:
    """The first numbers at which lhs and rhs differ, for (n, m) in ``sizes``; None if none are.

    Without ``patterns`` the free indices are all 1, and random.
    """
    for n, m in sizes:
        size = {actions: n, states: m}
        found = _first_difference(lhs, rhs, size, trials, seed, patterns)
        if found is not None:
            return found
    return None


def _first_difference(
    lhs: sp.Expr,
    rhs: sp.Expr,
    size: Mapping[sp.Basic, int],
    trials: int,
    seed: int,
    patterns: bool = True,
) -> Disagreement | None:
    left = expand_definitions(sp.sympify(lhs))
    right = expand_definitions(sp.sympify(rhs))
    for k, place in enumerate(_places(sp.Tuple(left, right), size, trials, seed, patterns)):
        point = Point({**size, **place}, f"{seed}.{k}")
        if _apart(point, left, right):
            return _described(point, left, right)
    return None


def _places(
    expr: sp.Basic, size: Mapping[sp.Basic, int], trials: int, seed: int, patterns: bool
) -> Iterator[dict[sp.Symbol, int]]:
    """Values for the free indices: all patterns of 1 and 2 (or 1 alone), then random ones."""
    draw = random.Random(seed)
    free = sorted((x for x in expr.free_symbols if is_index(x)), key=str)
    most = 2 if patterns and len(free) <= MOST_PATTERNS else 1
    for values in product(*(range(1, min(most, size[x.upper]) + 1) for x in free)):
        yield dict(zip(free, values, strict=True))
    for _ in range(trials):
        yield {x: draw.randint(1, size[x.upper]) for x in free}


# ------------------------------------------------------------------------------------------ verdict


def _apart(point: Point, left: sp.Expr, right: sp.Expr) -> bool:
    """Different at this point: seen in floating point, then proved by disjoint intervals."""
    with mpmath.workdps(DIGITS[0]):
        try:
            x = _Evaluation(point, mpmath.mp)(left)
            y = _Evaluation(point, mpmath.mp)(right)
        except Undefined:
            return False
        tolerance = mpmath.mpf(10) ** (-DIGITS[0] // 2)
        if abs(x - y) <= tolerance * max(1, abs(x), abs(y)):
            return False
    return any(_proved_apart(point, left, right, digits) for digits in DIGITS)


def _proved_apart(point: Point, left: sp.Expr, right: sp.Expr, digits: int) -> bool:
    before = mpmath.iv.dps
    mpmath.iv.dps = digits
    try:
        x = _Evaluation(point, mpmath.iv)(left)
        y = _Evaluation(point, mpmath.iv)(right)
        return bool(x.b < y.a or y.b < x.a)
    except Undefined:
        return False
    finally:
        mpmath.iv.dps = before


def _described(point: Point, left: sp.Expr, right: sp.Expr) -> Disagreement:
    with mpmath.workdps(DIGITS[-1]):
        values = [mpmath.nstr(_Evaluation(point, mpmath.mp)(x), 10) for x in (left, right)]
    return Disagreement(point.used(), *values)


# ------------------------------------------------------------------------------------------- values


class Point:
    """Values for sizes, indices, tables and scalars; what is not given is drawn when asked for.

    Each draw depends on the seed and the letter alone, so both sides see the same numbers.
    """

    def __init__(self, given: Mapping[sp.Basic, int], seed: str) -> None:
        self.given = given
        self.seed = seed
        self.drawn: dict[tuple[Any, ...], Fraction | int] = {}
        self.asked: dict[str, Fraction | int] = {}

    def scalar(self, letter: sp.Symbol) -> Fraction | int:
        if is_index(letter) and letter not in self.given:
            raise OutsideFragment(f"no value for the index {letter}")
        given = letter in self.given
        value = self.given[letter] if given else self._draw(letter, (), letter)
        self.asked[letter.name] = value
        return value

    def index(self, letter: sp.Symbol) -> int:
        if letter not in self.given:
            raise OutsideFragment(
                f"no value for {letter}: declare an index with action(...) or state(...)"
            )
        value = self.given[letter]
        self.asked[letter.name] = value
        return value

    def entry(self, base: sp.IndexedBase, where: tuple[int, ...]) -> Fraction | int:
        value = self._draw(base, where, base[where])
        self.asked[str(base[where])] = value
        return value

    def used(self) -> tuple[tuple[str, Fraction | int], ...]:
        """All that was asked for: sizes, then letters, then entries of tables."""
        return tuple(
            sorted(self.asked.items(), key=lambda x: (x[0] not in "nm", "[" in x[0], x[0]))
        )

    def _draw(self, letter: sp.Basic, where: tuple[int, ...], kind: sp.Expr) -> Fraction | int:
        key = (letter, where)
        if key not in self.drawn:
            draw = random.Random(f"{self.seed} {sp.srepr(letter)} {where}")
            self.drawn[key] = _number(kind, draw)
        return self.drawn[key]


def _number(kind: sp.Expr, draw: random.Random) -> Fraction | int:
    if kind.is_integer:
        return draw.randint(1, 4)
    if isinstance(kind, Weight):
        return Fraction(draw.randint(1, 14), 15)
    if kind.is_positive:
        return Fraction(draw.randint(1, 40), 14)
    return Fraction(draw.choice((-1, 1)) * draw.randint(1, 30), 14)


class Undefined(ArithmeticError):
    """An expression has no real value at a point."""


class _Evaluation:
    """The value of an expression at a point, in numbers or intervals of mpmath."""

    def __init__(self, point: Point, numbers: Any) -> None:
        self.point = point
        self.numbers = numbers
        self.memo: dict[tuple[Any, ...], Any] = {}

    def __call__(self, expr: sp.Expr, bound: Bound = ()) -> Any:
        if not isinstance(expr, sp.Sum):
            return self._value(expr, bound)
        letters = _letters(expr)
        key = expr, tuple(pair for pair in bound if pair[0] in letters)
        if key not in self.memo:
            self.memo[key] = self._sum(expr, key[1])
        return self.memo[key]

    def _value(self, expr: sp.Expr, bound: Bound) -> Any:
        args = expr.args
        if isinstance(expr, sp.Add):
            return sum((self(arg, bound) for arg in args), self.numbers.mpf(0))
        if isinstance(expr, sp.Mul):
            return prod(self(arg, bound) for arg in args)
        if isinstance(expr, sp.exp):
            return self.numbers.exp(self(args[0], bound))
        if isinstance(expr, sp.log) and len(args) == 1:
            return self._log(self(args[0], bound))
        if isinstance(expr, sp.Pow):
            return self._power(self(args[0], bound), args[1], bound)
        return self._leaf(expr, dict(bound))

    def _leaf(self, expr: sp.Expr, bound: dict[sp.Symbol, int]) -> Any:
        """A number, a letter, an entry of a table or a delta."""
        if expr.is_Rational:
            return self._rational(Fraction(int(expr.p), int(expr.q)))
        if isinstance(expr, sp.Symbol):
            return self._rational(bound[expr] if expr in bound else self.point.scalar(expr))
        if isinstance(expr, sp.Indexed):
            place = tuple(self._place(i, bound) for i in expr.indices)
            return self._rational(self.point.entry(expr.base, place))
        if isinstance(expr, sp.KroneckerDelta) and len(expr.args) == 2:
            i, j = (self._place(arg, bound) for arg in expr.args)
            return self.numbers.mpf(int(i == j))
        if expr.is_NumberSymbol:
            return self._constant(expr)
        raise OutsideFragment(f"no numerical value for {type(expr).__name__}: {spoken(expr)}")

    def _rational(self, value: Fraction | int) -> Any:
        """p/q, enclosed where the numbers are intervals."""
        return self.numbers.mpf(value.numerator) / value.denominator

    def _constant(self, expr: sp.Expr) -> Any:
        digits = self.numbers.dps
        value = self.numbers.mpf(str(expr.evalf(digits + 10)))
        error = self.numbers.mpf(10) ** -digits
        return value + error * self.numbers.mpf([-1, 1]) if self.numbers is mpmath.iv else value

    def _log(self, x: Any) -> Any:
        if not _lower(x) > 0:
            raise Undefined
        return self.numbers.log(x)

    def _power(self, base: Any, exponent: sp.Expr, bound: Bound) -> Any:
        if exponent.is_Integer:
            if exponent < 0 and _lower(base) <= 0 <= _upper(base):
                raise Undefined
            return base ** int(exponent)
        return self.numbers.exp(self(exponent, bound) * self._log(base))

    def _place(self, expr: sp.Basic, bound: dict[sp.Symbol, int]) -> int:
        """The value of an index: an integer, a letter of a sum around, or a free index."""
        if expr.is_Integer:
            return int(expr)
        if not isinstance(expr, sp.Symbol):
            raise OutsideFragment(f"the index {expr} is not a letter")
        return bound[expr] if expr in bound else self.point.index(expr)

    def _limit(self, expr: sp.Basic, bound: dict[sp.Symbol, int]) -> int:
        """The value of a limit; a bound letter in it has its value, so nothing leaks here."""
        if expr.is_Integer:
            return int(expr)
        if isinstance(expr, sp.Symbol):
            value = bound[expr] if expr in bound else self.point.scalar(expr)
            if not isinstance(value, int):
                raise OutsideFragment(f"the limit {expr} is not an integer")
            return value
        if isinstance(expr, sp.Add):
            return sum(self._limit(arg, bound) for arg in expr.args)
        raise OutsideFragment(f"the limit {expr} is not read")

    def _sum(self, expr: sp.Sum, bound: Bound) -> Any:
        letter, low, high, body = outermost(expr)
        places = whole_range(expr, *(self._limit(end, dict(bound)) for end in (low, high)))
        outside = tuple(pair for pair in bound if pair[0] != letter)
        terms = (self(body, (*outside, (letter, k))) for k in places)
        return sum(terms, self.numbers.mpf(0))


def _lower(x: Any) -> Any:
    return x.a if hasattr(x, "a") else x


def _upper(x: Any) -> Any:
    return x.b if hasattr(x, "b") else x


@lru_cache(maxsize=4096)
def _letters(expr: sp.Sum) -> frozenset[sp.Basic]:
    return frozenset(expr.free_symbols)
