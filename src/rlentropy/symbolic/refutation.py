"""Counterexamples: two expressions are shown to differ by their values at concrete numbers."""

from __future__ import annotations

import random
from math import prod

import mpmath
import sympy as sp

from rlentropy.symbolic.calculus import OutsideFragment
from rlentropy.symbolic.objects import expand_definitions
from rlentropy.symbolic.objects import m as states
from rlentropy.symbolic.objects import n as actions

DIGITS = 50


def differ(lhs: sp.Expr, rhs: sp.Expr, *, n: int = 3, m: int = 2, trials: int = 8, seed: int = 0) -> bool:
    """True only if lhs and rhs have different values at some drawn point with n actions and m states.

    ``equal`` returns False for "not proved"; ``differ`` returns True for "disproved".  A mutant of a check
    should be rejected by this one.  Letters get random rationals (positive where declared so).  By turns, all free
    indices coincide, only those of states, only those of actions, or all are random.  Values are computed with
    50 digits and count as different from 1e-25 of the larger one on.
    """
    lhs, rhs = (expand_definitions(sp.sympify(side)) for side in (lhs, rhs))
    draw = random.Random(seed)
    with mpmath.workdps(DIGITS):
        points = (point(sp.Tuple(lhs, rhs), n, m, draw, k % 4) for k in range(trials))
        return any(_apart(_Evaluation(values)(lhs), _Evaluation(values)(rhs)) for values in points)


def _apart(x, y) -> bool:
    return bool(abs(x - y) > mpmath.mpf(10) ** (-DIGITS // 2) * max(1, abs(x), abs(y)))


class _Evaluation:
    """The value of an expression at one point, in mpmath numbers; inner sums are kept in a memo."""

    def __init__(self, values: dict[sp.Basic, object]):
        self.values = values
        self.memo: dict = {}

    def __call__(self, expr: sp.Expr, bound: tuple = ()):
        letters = expr.free_symbols
        key = expr, tuple(pair for pair in bound if pair[0] in letters)
        if key not in self.memo:
            self.memo[key] = self._value(expr, dict(bound), bound)
        return self.memo[key]

    def _value(self, expr: sp.Expr, where: dict, bound: tuple):
        args = expr.args
        if expr.is_Rational:
            return mpmath.mpf(int(expr.p)) / int(expr.q)
        if isinstance(expr, sp.Symbol):
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
        if isinstance(expr, sp.Sum):
            return self._sum(expr, bound)
        if expr.is_number:
            return mpmath.mpmathify(sp.N(expr, DIGITS))
        raise OutsideFragment(f"no numerical value for {type(expr).__name__}: {expr}")

    def _sum(self, expr: sp.Sum, bound: tuple):
        *inner, (letter, low, high) = expr.limits
        body = sp.Sum(expr.function, *inner) if inner else expr.function
        outside = tuple(pair for pair in bound if pair[0] != letter)
        first, last = int(self(low, bound)), int(self(high, bound))
        return sum(self(body, (*outside, (letter, k))) for k in range(first, last + 1))


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


def point(expr: sp.Basic, n: int, m: int, draw: random.Random, style: int) -> dict[sp.Basic, object]:
    """Values for all tables, scalars and free indices of ``expr``; ``style`` as in ``differ``."""
    size = {actions: n, states: m}
    values: dict[sp.Basic, object] = dict(size)
    entries = sorted(expr.atoms(sp.Indexed), key=str)
    for entry in entries:
        values.setdefault(entry.base, _Table(entry.is_positive, draw))
    labels = {entry.base.label for entry in entries}
    free = [x for x in expr.free_symbols if isinstance(x, sp.Symbol) and x not in labels and x not in values]
    seen = {actions: 0, states: 0}
    for letter in sorted(free, key=str):
        if hasattr(letter, "upper"):
            kind, most = letter.upper, size[letter.upper]
            spread = {actions: 1, states: 2}[kind] == style
            values[letter] = draw.randint(1, most) if style == 3 else 1 + (seen[kind] % most if spread else 0)
            seen[kind] += 1
        else:
            values[letter] = draw.randint(1, 5) if letter.is_integer else _number(letter.is_positive, draw)
    return values
