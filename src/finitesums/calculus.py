"""Differentiation through symbolic sums, and substitution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from finitesums.letters import (
    Defined,
    OutsideFragment,
    Weight,
    is_index,
    outermost,
    put,
    roles,
    spoken,
)
from finitesums.objects import Probability


def derivative(expr: sp.Expr, *variables: sp.Expr) -> sp.Expr:
    """d expr / d x for each x of ``variables``: an entry ``theta[s1, a1]`` or a scalar ``t``.

    The rules: d theta[i, j] / d theta[k, l] = 1{i=k} 1{j=l}; finite sums are differentiated term by
    term; the product, power, exp and log rules; d pi = pi d log pi.  Nothing is simplified: deltas
    stay in the sums.

    Raises OutsideFragment on an index or a size as variable and on any function without a rule.
    """
    for x in variables:
        expr = sp.sympify(expr)
        if not isinstance(x, sp.Indexed):
            _check_scalar(expr, x, "differentiate with respect to")
        expr = _derivative(expr, x)
    return expr


def _check_scalar(expr: sp.Expr, letter: sp.Expr, doing: str) -> None:
    """Raise unless ``letter`` is a symbol that stands for a real number everywhere in ``expr``."""
    if not isinstance(letter, sp.Symbol) or is_index(letter) or letter.is_integer:
        raise OutsideFragment(f"cannot {doing} {letter}: it is not a scalar letter")
    places = roles(expr)
    if letter in places.indices | places.limits | places.bound:
        raise OutsideFragment(
            f"cannot {doing} {letter}: it is an index or a limit in {spoken(expr)}"
        )


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
        terms = (sp.Mul(*args[:i], _derivative(f, x), *args[i + 1 :]) for i, f in enumerate(args))
        return sp.Add(*terms)
    if isinstance(expr, sp.Sum):
        return _sum_derivative(expr, x)
    return _chain_rule(expr, x)


def _chain_rule(expr: sp.Expr, x: sp.Expr) -> sp.Expr:
    """d f(u) = f'(u) du for exp, log and powers."""
    args = expr.args
    if isinstance(expr, sp.exp):
        return expr * _derivative(args[0], x)
    if isinstance(expr, sp.log) and len(args) == 1:
        return _derivative(args[0], x) / args[0]
    if isinstance(expr, sp.Pow):
        base, power = args
        change = _derivative(power, x)
        rest = expr * sp.log(base) * change if change != 0 else 0
        return power * base ** (power - 1) * _derivative(base, x) + rest
    raise OutsideFragment(f"no rule to differentiate {type(expr).__name__}: {spoken(expr)}")


def _entry_derivative(entry: sp.Indexed, x: sp.Expr) -> sp.Expr:
    """d T[i, j] / d T[k, l] = 1{i=k} 1{j=l}; entries of another table, or a scalar x, give 0."""
    if not isinstance(x, sp.Indexed) or entry.base != x.base:
        return sp.S.Zero
    pairs = zip(entry.indices, x.indices, strict=True)
    return sp.Mul(*(sp.KroneckerDelta(i, j) for i, j in pairs))


def _sum_derivative(expr: sp.Sum, x: sp.Expr) -> sp.Expr:
    """d/dx sum_b f(b) = sum_b d f(b)/dx, with b renamed where x itself speaks of b."""
    b, low, high, body = outermost(expr)
    if b in x.free_symbols:
        fresh = sp.Dummy(b.name, integer=True, positive=True)
        body = put(body, {b: fresh})
        b = fresh
    change = _derivative(body, x)
    return sp.Sum(change, (b, low, high)) if change != 0 else sp.S.Zero


class Partial(Defined):
    """d f / d x, not carried out: prints as a partial derivative, opens to ``derivative(f, x)``."""

    nargs = 2

    def definition(self) -> sp.Expr:
        return derivative(*self.args)

    def hidden(self) -> frozenset[sp.Basic]:
        """Renaming an index commutes with the derivative; replacing anything else opens it."""
        written = set().union(*(arg.free_symbols for arg in self.args))
        return frozenset(x for x in written if not is_index(x))

    def _latex(self, printer: Any, exp: Any = None) -> str:
        f, x = self.args
        below = rf"\partial {printer._print(x)}"
        text = rf"\frac{{\partial}}{{{below}}} \left({printer._print(f)}\right)"
        if isinstance(f, Defined):
            text = rf"\frac{{\partial {printer._print(f)}}}{{{below}}}"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _sympystr(self, printer: Any) -> str:
        return f"d({printer._print(self.args[0])})/d({self.args[1]})"


def partial(f: sp.Expr, x: sp.Expr) -> sp.Expr:
    """The derivative of ``f`` with respect to ``x``, as a symbol: printed, and not carried out."""
    return Partial(f, x)


def at(expr: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """``expr`` with scalars replaced, also inside definitions of policies: ``at(speed, {t: 0})``.

    Raises OutsideFragment if a key is not a scalar letter throughout ``expr`` (an index, a size, a
    limit, a bound letter), if a value is not real, breaks an assumption of its letter, or holds an
    index (a sum may capture it).
    """
    expr = sp.sympify(expr)
    numbers = {letter: sp.sympify(value) for letter, value in values.items()}
    for letter, value in numbers.items():
        _check_scalar(expr, letter, "replace")
        _check_value(expr, letter, value)
    result = put(expr, numbers)
    if result.has(sp.nan, sp.oo, sp.zoo, -sp.oo):
        raise OutsideFragment(f"the expression is not defined at {values}: {spoken(expr)}")
    return result


def _check_value(expr: sp.Expr, letter: sp.Symbol, value: sp.Expr) -> None:
    indexed = value.has(sp.Indexed) or any(is_index(x) for x in value.free_symbols)
    if indexed or value.free_symbols & roles(expr).bound:
        raise OutsideFragment(f"the value {value} of {letter} speaks of an index")
    too_small = letter.is_positive and not value.is_positive
    too_large = isinstance(letter, Weight) and not (1 - value).is_positive
    if value.is_extended_real is False or too_small or too_large:
        raise OutsideFragment(f"the value {value} of {letter} breaks an assumption about {letter}")
