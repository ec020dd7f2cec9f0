"""Evaluation at concrete sizes, in exact numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy as sp

from finitesums.letters import Defined, OutsideFragment, outermost, spoken


def instantiate(
    expr: sp.Expr, values: Mapping[sp.Basic, object] | None = None, **named: object
) -> sp.Expr:
    """``expr`` with sums written out and letters replaced: ``instantiate(x, {s1: 2}, n=3, m=2)``.

    Keys are symbols, tables, or (as keywords) their names.  Tables are nested lists of ints,
    Fractions or sympy numbers; free indices are integers counted from 1.  What is not given stays
    symbolic (``theta[1, 2]``), so ``instantiate(x, n=3)`` shows a statement for three actions.
    This evaluator shares with the normal form how a sum is taken apart, nothing else, and serves as
    its oracle.

    Raises ValueError on a float (inexact) and on a sum whose number of terms is not given.
    """
    by_name = {str(key): value for key, value in {**(values or {}), **named}.items()}
    return _evaluate(sp.sympify(expr), by_name, {})


def whole_range(expr: sp.Sum, low: int, high: int) -> range:
    """low..high; refused where sympy takes a sum over it with a minus sign."""
    if high < low - 1:
        raise OutsideFragment(f"the range {low}..{high} of {spoken(expr)} runs backwards")
    return range(low, high + 1)


def _exact(value: object) -> sp.Expr:
    if isinstance(value, (float, sp.Float)):
        raise ValueError(f"{value!r} is a float; give an int, a Fraction or a sympy number")
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return sp.sympify(value)


def _evaluate(expr: sp.Expr, named: Mapping[str, object], bound: dict[sp.Symbol, int]) -> sp.Expr:
    if isinstance(expr, Defined):
        return _evaluate(expr.definition(), named, bound)
    if isinstance(expr, sp.Indexed):
        return _entry(expr, named, bound)
    if isinstance(expr, sp.Symbol):
        return sp.Integer(bound[expr]) if expr in bound else _exact(named.get(str(expr), expr))
    if isinstance(expr, sp.Sum):
        return _written_out(expr, named, bound)
    if not expr.args:
        return _exact(expr)
    return expr.func(*(_evaluate(arg, named, bound) for arg in expr.args))


def _entry(expr: sp.Indexed, named: Mapping[str, object], bound: dict[sp.Symbol, int]) -> sp.Expr:
    """T[i, j] looked up in the nested list, or kept as T[1, 2] when T is not given."""
    where = [_evaluate(i, named, bound) for i in expr.indices]
    value: object = named.get(str(expr.base))
    if value is None:
        return expr.base[tuple(where)]
    for index in where:
        if not (index.is_Integer and 1 <= index <= len(value)):  # type: ignore[arg-type]
            raise ValueError(f"{expr}: index {index} is not in 1..{len(value)}")  # type: ignore
        value = value[int(index) - 1]  # type: ignore[index]
    return _exact(value)


def _written_out(expr: sp.Sum, named: Mapping[str, object], bound: dict[sp.Symbol, int]) -> sp.Expr:
    """The sum as an explicit addition."""
    b, low, high, body = outermost(expr)
    low = _evaluate(low, named, bound)
    high = _evaluate(high, named, bound)
    if not (low.is_Integer and high.is_Integer):
        raise ValueError(f"the number of terms of {expr} is not given: {low}..{high}")
    places = whole_range(expr, int(low), int(high))
    return sp.Add(*(_evaluate(body, named, {**bound, b: k}) for k in places))
