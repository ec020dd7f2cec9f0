"""Arithmetic of polynomials in factors, and the Kronecker deltas that act in every product."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import sympy as sp

from finitesums.factors import Factor, Index, Mono, Poly, Renaming
from finitesums.letters import OutsideFragment, spoken

MAX_POWER = 32

ONE: Poly = {(): sp.S.One}


def constant(value: sp.Rational | int) -> Poly:
    value = sp.sympify(value)
    return {(): value} if value != 0 else {}


def single(factor: Factor, k: sp.Rational = sp.S.One) -> Poly:
    """factor^k as a polynomial, taken as it is."""
    return {((factor, k),): sp.S.One}


def add(*polys: Poly) -> Poly:
    total: Poly = {}
    for poly in polys:
        for mono, c in poly.items():
            total[mono] = total.get(mono, sp.S.Zero) + c
    return {mono: c for mono, c in total.items() if c != 0}


def scale(poly: Poly, c: sp.Rational) -> Poly:
    return {mono: c * d for mono, d in poly.items()} if c != 0 else {}


def subtract(p: Poly, q: Poly) -> Poly:
    return add(p, scale(q, sp.S.NegativeOne))


def multiply(p: Poly, q: Poly) -> Poly:
    return add(*(scale(product(x + y), c * d) for x, c in p.items() for y, d in q.items()))


def natural_power(poly: Poly, k: int) -> Poly:
    """poly^k for k >= 0."""
    if k > MAX_POWER:
        raise OutsideFragment(f"power {k} is above the limit {MAX_POWER}")
    return reduce(multiply, [poly] * k, ONE)


def product(pairs: Iterable[tuple[Factor, sp.Rational]]) -> Poly:
    """The product of powers of factors: collected, opened, reduced; then the deltas act."""
    powers = _collected(pairs)
    for factor, k in powers.items():
        opened = factor.opened(k)
        if opened is not None:
            rest = product(pair for pair in powers.items() if pair[0] != factor)
            return multiply(opened, rest)
    for factor in powers:
        reduced = factor.reduced(powers)
        if reduced is not None:
            return reduced
    return _with_deltas(powers)


def _collected(pairs: Iterable[tuple[Factor, sp.Rational]]) -> dict[Factor, sp.Rational]:
    powers: dict[Factor, sp.Rational] = {}
    for factor, k in pairs:
        powers[factor] = powers.get(factor, sp.S.Zero) + k
    for factor in powers:
        if isinstance(factor, Delta):
            powers[factor] = sp.S.One
    return {factor: k for factor, k in powers.items() if k != 0}


def in_order(pairs: Iterable[tuple[Factor, sp.Rational]]) -> Mono:
    return tuple(sorted(pairs, key=lambda pair: pair[0].key))


def substitute(poly: Poly, renaming: Renaming) -> Poly:
    """``poly`` with free indices replaced, brought back to normal form."""
    return add(*(scale(substitute_pairs(mono, renaming), c) for mono, c in poly.items()))


def substitute_pairs(pairs: Iterable[tuple[Factor, sp.Rational]], renaming: Renaming) -> Poly:
    pairs = list(pairs)
    result = product(pair for pair in pairs if not pair[0].free & renaming.keys())
    for factor, k in pairs:
        if factor.free & renaming.keys():
            result = multiply(result, factor.renamed(k, renaming))
    return result


# ------------------------------------------------------------------------------------------- deltas


class Delta(Factor):
    def __init__(self, i: Index, j: Index) -> None:
        first, second = sorted((i, j))
        self.pair = (first, second)
        super().__init__(f"D<{first.key};{second.key}>", self.pair)

    def renamed(self, _k: sp.Rational, renaming: Renaming) -> Poly:
        i, j = self.pair
        return delta(renaming.get(i, i), renaming.get(j, j))

    def to_sympy(self) -> sp.Expr:
        return sp.KroneckerDelta(*(i.shown for i in self.pair))


def delta(i: Index, j: Index) -> Poly:
    """1{i = j}."""
    if i == j:
        return ONE
    if i.range is not None and j.range is not None and i.range != j.range:
        raise OutsideFragment(
            "a Kronecker delta joins indices of different ranges: "
            f"{spoken(i.shown)} and {spoken(j.shown)}"
        )
    return product([(Delta(i, j), sp.S.One)])


def _with_deltas(powers: dict[Factor, sp.Rational]) -> Poly:
    """Tied indices are written 1{r=i} 1{r=j} ..., and their representative r is put everywhere."""
    leader = _leaders(factor for factor in powers if isinstance(factor, Delta))
    if leader is None:
        return {}
    ties = [(Delta(first, member), sp.S.One) for member, first in leader.items()]
    others = [(factor, k) for factor, k in powers.items() if not isinstance(factor, Delta)]
    if not any(factor.free & leader.keys() for factor, _ in others):
        return {in_order([*others, *ties]): sp.S.One}
    return multiply(product(ties), substitute_pairs(others, leader))


def _leaders(deltas: Iterable[Delta]) -> dict[Index, Index] | None:
    """{tied index: its representative, a number if there is one}; None if two numbers are tied."""
    leader: dict[Index, Index] = {}
    for tie in deltas:
        ends = {leader.get(i, i) for i in tie.pair}
        if len(ends) == 1:
            continue
        first, second = sorted(ends, key=lambda index: (not index.is_number, index))
        if second.is_number:
            return None
        leader = {x: first if y == second else y for x, y in leader.items()}
        leader[second] = first
    return leader
