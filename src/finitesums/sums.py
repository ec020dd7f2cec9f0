"""Sums over a symbolic range: opened, spent by deltas, split into independent sums, and named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import permutations

import sympy as sp

from finitesums.factors import (
    Factor,
    Index,
    Mono,
    Poly,
    Range,
    Renaming,
    Scalar,
    fresh,
    mono_free,
    mono_height,
    mono_key,
    mono_positive,
    mono_to_sympy,
)
from finitesums.functions import Inherited, power
from finitesums.letters import OutsideFragment, spoken
from finitesums.polynomials import (
    Delta,
    add,
    in_order,
    multiply,
    product,
    scale,
    substitute,
    substitute_pairs,
)

MAX_LINKED = 5  # summation indices tied together in one Total, all orders of which are compared


class Canonical(sp.Symbol):
    """A summation index in a normal form; its class keeps it apart from all other letters."""

    __slots__ = ()


@cache
def _canonical(letter: str, height: int, place: int) -> Canonical:
    return Canonical(f"{letter}_{height}" + "'" * place, integer=True, positive=True)


class Total(Factor):
    """sum over ``bound`` of ``mono``; named by its height, so no inner Total captures an index."""

    def __init__(self, bound: Iterable[Index], mono: Mono) -> None:
        self.bound = tuple(bound)
        self.mono = mono
        head = ",".join(f"{b.key}:{_range(b).key}" for b in self.bound)
        free = mono_free(mono) - set(self.bound)
        super().__init__(f"Z<{head}|{mono_key(mono)}>", free, 1 + mono_height(mono))

    @property
    def is_positive(self) -> bool:
        """A sum over a range that is never empty."""
        return mono_positive(self.mono)

    def reopened(self) -> tuple[list[Index], Poly]:
        """The indices, renamed to fresh ones, and the summand."""
        new = {b: fresh(_range(b), b.shown) for b in self.bound}
        return list(new.values()), substitute({self.mono: sp.S.One}, new)

    def renamed(self, k: sp.Rational, renaming: Renaming) -> Poly:
        bound, mono = self.reopened()
        return power(bind(substitute(mono, renaming), bound), int(k), Inherited())

    def terms_at(self, indices: Iterable[Index]) -> Iterator[Poly]:
        if len(self.bound) == 1:
            (b,) = self.bound
            for index in sorted(indices):
                if index.lies_in(b.range):
                    yield substitute({self.mono: sp.S.One}, {b: index})

    def to_sympy(self) -> sp.Expr:
        limits = ((b.shown, _range(b).low, _range(b).high) for b in self.bound)
        return sp.Sum(mono_to_sympy(self.mono), *limits)


def _range(index: Index) -> Range:
    assert index.range is not None
    return index.range


def bind(poly: Poly, bound: Iterable[Index]) -> Poly:
    """sum over the indices ``bound`` of ``poly``."""
    bound = frozenset(bound)
    return add(*(scale(_bind_mono(mono, bound), c) for mono, c in poly.items()))


def _bind_mono(mono: Mono, bound: frozenset[Index]) -> Poly:
    """Open inner sums that speak of a bound index; spend the deltas; then sum, actions first."""
    for position, (factor, k) in enumerate(mono):
        if isinstance(factor, Total) and k > 0 and factor.free & bound:
            rest = mono[:position] + mono[position + 1 :]
            more, inner = factor.reopened()
            whole = multiply(product([*rest, (factor, k - 1)]), inner)
            return bind(whole, bound | set(more))
    for factor, _ in mono:
        if isinstance(factor, Delta) and factor.free & bound:
            i, j = factor.pair
            gone, kept = (i, j) if i in bound else (j, i)
            _check_in_range(gone, kept)
            rest = tuple(pair for pair in mono if pair[0] != factor)
            return bind(substitute_pairs(rest, {gone: kept}), bound - {gone})
    return _scoped(mono, bound)


def _check_in_range(gone: Index, kept: Index) -> None:
    if not kept.lies_in(gone.range):
        raise OutsideFragment(
            f"a sum over {gone.range} meets a delta with the index {spoken(kept.shown)}, "
            f"not known to lie in {gone.range}: declare it with action(...) or state(...)"
        )


def _scoped(mono: Mono, bound: frozenset[Index]) -> Poly:
    """Sum over the indices of one range after the other; indices not linked are summed apart."""
    if not bound:
        return {mono: sp.S.One}
    first = min((_range(b) for b in bound), key=lambda r: (str(r.size) != "n", r.key))
    here = sorted(b for b in bound if b.range == first)
    pairs = list(mono)
    coefficient = sp.S.One
    for group in _linked(mono, here):
        inside = [pair for pair in pairs if pair[0].free & group]
        if not inside:
            pairs.append((Scalar(first.size), sp.Integer(len(group))))
            continue
        c, total = _total(group, in_order(inside))
        coefficient *= c
        pairs = [pair for pair in pairs if pair not in inside] + [(total, sp.S.One)]
    rest = bound - set(here)
    parts = (scale(_scoped(x, rest), c) for x, c in product(pairs).items())
    return scale(add(*parts), coefficient)


def _linked(mono: Mono, indices: list[Index]) -> Iterator[set[Index]]:
    """The classes of ``indices`` that share a factor."""
    classes = [{b} for b in indices]
    for factor, _ in mono:
        touched = [c for c in classes if c & factor.free]
        if len(touched) > 1:
            merged: set[Index] = set().union(*touched)
            classes = [c for c in classes if c not in touched] + [merged]
    return iter(classes)


def _total(group: set[Index], mono: Mono) -> tuple[sp.Rational, Total]:
    """The sum of one monomial, its indices named in the order that gives the least key."""
    members = sorted(group)
    names = _names(_range(members[0]), 1 + mono_height(mono), len(members))
    orders = permutations(members) if len(members) <= MAX_LINKED else [tuple(members)]
    renamed = (_rename_one(mono, dict(zip(order, names, strict=True))) for order in orders)
    best, c = min(renamed, key=lambda x: mono_key(x[0]))
    return c, Total(names, best)


def _names(range_: Range, height: int, how_many: int) -> list[Index]:
    letter = {"n": "a", "m": "s"}.get(str(range_.size), "i")
    return [Index(f"#{height}.{k}", range_, _canonical(letter, height, k)) for k in range(how_many)]


def _rename_one(mono: Mono, renaming: Renaming) -> tuple[Mono, sp.Rational]:
    """A one-to-one renaming of a monomial: again one monomial (a sign of a Group may come out)."""
    renamed = substitute({mono: sp.S.One}, renaming)
    if len(renamed) != 1:
        raise AssertionError("a renaming changed the number of terms")
    return next(iter(renamed.items()))
