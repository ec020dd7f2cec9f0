"""Counterexamples: two expressions are shown to differ by their values at concrete numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod

import mpmath
import sympy as sp

from finitesums.calculus import OutsideFragment
from finitesums.objects import expand_definitions
from finitesums.objects import m as states
from finitesums.objects import n as actions

DIGITS = 50
MOST_PATTERNS = 4


def differ(lhs: sp.Expr, rhs: sp.Expr, *, n: int = 3, m: int = 2, trials: int = 4, seed: int = 0) -> bool:
    """True only if lhs and rhs have different values at some drawn point with n actions and m states.

    ``equal`` returns False for "not proved"; ``differ`` returns True for "disproved".  A mutant of a check
    should be rejected by this one.  Letters get random rationals (positive where declared so); the free
    indices run through all patterns of 1 and 2 (up to four indices) and ``trials`` random values.  Values are
    computed with 50 digits and count as different from 1e-25 of the larger one on.
    """
    lhs, rhs = (expand_definitions(sp.sympify(side)) for side in (lhs, rhs))
    both, draw = sp.Tuple(lhs, rhs), random.Random(seed)
    places = list(_places(both, {actions: n, states: m}, trials, draw))
    with mpmath.workdps(DIGITS):
        points = ({actions: n, states: m, **place, **_letters_at_random(both, draw)} for place in places)
        return any(_apart_at(values, lhs, rhs) for values in points)


def _places(expr: sp.Basic, size: dict, trials: int, draw: random.Random) -> Iterator[dict[sp.Symbol, int]]:
    """Values for the free indices: all patterns of 1 and 2, then random ones."""
    free = sorted((x for x in expr.free_symbols if hasattr(x, "upper")), key=str)
    if len(free) <= MOST_PATTERNS:
        for values in product(*(range(1, min(2, size[x.upper]) + 1) for x in free)):
            yield dict(zip(free, values, strict=True))
    for _ in range(trials):
        yield {x: draw.randint(1, size[x.upper]) for x in free}


def _apart_at(values: dict[sp.Basic, object], lhs: sp.Expr, rhs: sp.Expr) -> bool:
    try:
        x, y = _Evaluation(values)(lhs), _Evaluation(values)(rhs)
    except ZeroDivisionError:  # one side is not defined here: the point says nothing
        return False
    return bool(abs(x - y) > mpmath.mpf(10) ** (-DIGITS // 2) * max(1, abs(x), abs(y)))


class _Evaluation:
    """The value of an expression at one point, in mpmath numbers; values of sums are kept in a memo."""

    def __init__(self, values: dict[sp.Basic, object]):
        self.values = values
        self.memo: dict = {}

    def __call__(self, expr: sp.Expr, bound: tuple = ()):
        if not isinstance(expr, sp.Sum):
            return self._value(expr, dict(bound), bound)
        letters = _letters(expr)
        key = expr, tuple(pair for pair in bound if pair[0] in letters)
        if key not in self.memo:
            self.memo[key] = self._sum(expr, key[1])
        return self.memo[key]

    def _value(self, expr: sp.Expr, where: dict, bound: tuple):
        args = expr.args
        if expr.is_Rational:
            return mpmath.mpf(int(expr.p)) / int(expr.q)
        if isinstance(expr, sp.Symbol):
            if expr not in where and expr not in self.values:
                raise OutsideFragment(f"no value for {expr}: declare an index with action(...) or state(...)")
            return where.get(expr, self.values.get(expr))
        if isinstance(expr, sp.Indexed):
            return self.values[expr.base][tuple(int(self(i, bound)) for i in expr.indices)]
        if isinstance(expr, sp.Add):
            return sum(self(arg, bound) for arg in args)
        if isinstance(expr, sp.Mul):
            return prod(self(arg, bound) for arg in args)
        if isinstance(expr, sp.exp):
            return mpmath.exp(self(args[0], bound))
        if isinstance(expr, sp.log):
            return mpmath.log(self(args[0], bound))
        if isinstance(expr, sp.Pow):
            return self(args[0], bound) ** self(args[1], bound)
        if isinstance(expr, sp.KroneckerDelta):
            return mpmath.mpf(self(args[0], bound) == self(args[1], bound))
        if expr.is_number:
            return mpmath.mpmathify(sp.N(expr, DIGITS))
        raise OutsideFragment(f"no numerical value for {type(expr).__name__}: {expr}")

    def _sum(self, expr: sp.Sum, bound: tuple):
        *inner, (letter, low, high) = expr.limits
        body = sp.Sum(expr.function, *inner) if inner else expr.function
        outside = tuple(pair for pair in bound if pair[0] != letter)
        first, last = int(self(low, bound)), int(self(high, bound))
        return sum(self(body, (*outside, (letter, k))) for k in range(first, last + 1))


@lru_cache(maxsize=4096)
def _letters(expr: sp.Sum) -> frozenset[sp.Basic]:
    return frozenset(expr.free_symbols)


class _Table(dict):
    """Entries drawn when first asked for."""

    def __init__(self, positive: bool | None, draw: random.Random):
        super().__init__()
        self.positive, self.draw = positive, draw

    def __missing__(self, where):
        self[where] = _number(self.positive, self.draw)
        return self[where]


def _number(positive: bool | None, draw: random.Random):
    return mpmath.mpf(draw.randint(1, 40) if positive else draw.choice((-1, 1)) * draw.randint(1, 30)) / 14


def _letters_at_random(expr: sp.Basic, draw: random.Random) -> dict[sp.Basic, object]:
    """Values for all tables and scalars of ``expr``."""
    entries = sorted(expr.atoms(sp.Indexed), key=str)
    values: dict[sp.Basic, object] = {entry.base: _Table(entry.is_positive, draw) for entry in entries}
    indices = {i for entry in entries for i in entry.indices}
    known = {entry.base.label for entry in entries} | indices | {actions, states}
    for letter in sorted(expr.free_symbols - known, key=str):
        if isinstance(letter, sp.Symbol) and not hasattr(letter, "upper"):
            values[letter] = draw.randint(1, 5) if letter.is_integer else _number(letter.is_positive, draw)
    return values
