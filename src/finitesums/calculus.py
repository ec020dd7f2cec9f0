"""Differentiation through symbolic sums, substitution, and evaluation at concrete sizes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import sympy as sp

from finitesums.objects import Defined, Probability, expand_definitions


class OutsideFragment(ValueError):
    """The expression holds something about which this layer refuses to reason."""


def derivative(expr: sp.Expr, *variables: sp.Expr) -> sp.Expr:
    """d expr / d x, for each x of ``variables`` in turn: an entry ``theta[s1, a1]`` or a scalar ``t``.

    The rules: d theta[i, j] / d theta[k, l] = 1{i=k} 1{j=l}; finite sums are differentiated term by term; the
    product, power, exp and log rules; d pi = pi d log pi.  Nothing is simplified: deltas stay in the sums.

    Raises OutsideFragment on an index as variable and on any function without a rule.
    """
    for x in variables:
        if not (isinstance(x, sp.Indexed) or (isinstance(x, sp.Symbol) and not hasattr(x, "upper"))):
            raise OutsideFragment(
                f"cannot differentiate with respect to {x}: neither a table entry nor a scalar"
            )
        expr = _derivative(sp.sympify(expr), x)
    return expr


def _derivative(expr: sp.Expr, x: sp.Expr) -> sp.Expr:
    """One derivative, by recursion over the tree of ``expr``."""
    args = expr.args
    if isinstance(expr, sp.Indexed):
        return _entry_derivative(expr, x)
    if expr.is_Atom or isinstance(expr, sp.KroneckerDelta):
        return sp.Integer(expr == x)
    if isinstance(expr, Probability):
        return expr * _derivative(expr.policy.log(*args), x)
    if isinstance(expr, Defined):
        return _derivative(expr.definition(), x)
    if isinstance(expr, sp.Add):
        return sp.Add(*(_derivative(term, x) for term in args))
    if isinstance(expr, sp.Mul):
        return sp.Add(*(sp.Mul(*args[:i], _derivative(f, x), *args[i + 1 :]) for i, f in enumerate(args)))
    if isinstance(expr, sp.exp):
        return expr * _derivative(args[0], x)
    if isinstance(expr, sp.log) and len(args) == 1:
        return _derivative(args[0], x) / args[0]
    if isinstance(expr, sp.Pow):
        base, power = args
        change = _derivative(power, x)
        rest = expr * sp.log(base) * change if change != 0 else 0
        return power * base ** (power - 1) * _derivative(base, x) + rest
    if isinstance(expr, sp.Sum):
        return _sum_derivative(expr, x)
    raise OutsideFragment(f"no rule to differentiate {type(expr).__name__}: {expr}")


def _entry_derivative(entry: sp.Indexed, x: sp.Expr) -> sp.Expr:
    """d T[i, j] / d T[k, l] = 1{i=k} 1{j=l}; entries of another table, or a scalar x, give 0."""
    if not isinstance(x, sp.Indexed) or entry.base != x.base:
        return sp.S.Zero
    return sp.Mul(*(sp.KroneckerDelta(i, j) for i, j in zip(entry.indices, x.indices, strict=True)))


def _sum_derivative(expr: sp.Sum, x: sp.Expr) -> sp.Expr:
    """d/dx sum_b f(b) = sum_b d f(b)/dx, with b renamed where x itself speaks of b."""
    if any(
        x.has(symbol) for _, low, high in expr.limits for symbol in (low.free_symbols | high.free_symbols)
    ):
        raise OutsideFragment(f"{x} occurs in the limits of {expr}")
    body, limits = expr.function, list(expr.limits)
    for k, (b, low, high) in enumerate(limits):
        if b in x.free_symbols:
            fresh = sp.Dummy(b.name, integer=True)
            body, limits[k] = body.xreplace({b: fresh}), (fresh, low, high)
    change = _derivative(body, x)
    return sp.Sum(change, *limits) if change != 0 else sp.S.Zero


def at(expr: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """``expr`` with scalars replaced, also inside the definitions of policies: ``at(speed, {t: 0})``.

    Raises OutsideFragment if a key is not a scalar letter, or a value holds an index (a sum may capture it).
    """
    for letter, value in values.items():
        if not isinstance(letter, sp.Symbol) or hasattr(letter, "upper"):
            raise OutsideFragment(f"{letter} is not a scalar letter")
        if sp.sympify(value).has(sp.Indexed) or any(
            hasattr(x, "upper") for x in sp.sympify(value).free_symbols
        ):
            raise OutsideFragment(f"the value {value} of {letter} speaks of an index")
    return _at(sp.sympify(expr), {letter: sp.sympify(value) for letter, value in values.items()})


def _at(expr: sp.Basic, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Basic:
    if expr in values:
        return values[expr]
    if isinstance(expr, Defined):
        opened = expand_definitions(expr)
        return _at(opened, values) if opened.free_symbols & set(values) else expr
    if not expr.args or isinstance(expr, (sp.Indexed, sp.Tuple)):
        return expr
    return expr.func(*(_at(arg, values) for arg in expr.args))


# ------------------------------------------------------------------------------------------------ evaluation


def instantiate(expr: sp.Expr, values: Mapping[sp.Basic, object] | None = None, **named: object) -> sp.Expr:
    """``expr`` with sums written out, letters replaced: ``instantiate(x, {s1: 2}, n=3, m=2, theta=[[...]])``.

    Keys are symbols, tables, or (as keywords) their names.  Tables are nested lists of ints, Fractions or
    sympy numbers; free indices are integers counted from 1.  What is not given stays symbolic (``theta[1,
    2]``), so ``instantiate(x, n=3)`` shows a statement for three actions.  This evaluator shares no code with
    the normal form and serves as its oracle.

    Raises ValueError on a float (inexact) and on a sum whose number of terms is not given.
    """
    by_name = {str(key): value for key, value in {**(values or {}), **named}.items()}
    return _evaluate(sp.sympify(expr), by_name, {})


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


def _entry(expr: sp.Indexed, named, bound) -> sp.Expr:
    """T[i, j] looked up in the nested list, or kept as T[1, 2] when T is not given."""
    where = [_evaluate(i, named, bound) for i in expr.indices]
    value = named.get(str(expr.base))
    if value is None:
        return expr.base[tuple(where)]
    for index in where:
        if not (index.is_Integer and 1 <= index <= len(value)):
            raise ValueError(f"{expr}: index {index} is not in 1..{len(value)}")
        value = value[int(index) - 1]
    return _exact(value)


def _written_out(expr: sp.Sum, named, bound) -> sp.Expr:
    """The sum as an explicit addition; the last limit of a sympy Sum is the outermost."""
    *inner, (b, low, high) = expr.limits
    low, high = _evaluate(low, named, bound), _evaluate(high, named, bound)
    if not (low.is_Integer and high.is_Integer):
        raise ValueError(f"the number of terms of {expr} is not given: {low}..{high}")
    body = sp.Sum(expr.function, *inner) if inner else expr.function
    return sp.Add(*(_evaluate(body, named, {**bound, b: k}) for k in range(int(low), int(high) + 1)))
