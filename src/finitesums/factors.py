"""The factors of a monomial, and the indices in them.

=========  =========================================================================================
Scalar     a real symbol (``t``, ``eta``, also ``n`` and ``m`` themselves)
Entry      an entry of a table, ``theta[s, a]``
Delta      a Kronecker delta between two indices that are free at that place (``polynomials``)
Exp        exp of ONE monomial: exp(x + 2 y) is the product of exp(x) and exp(y)^2 (``functions``)
Log        log of a polynomial that does not split further, of ``Z(s)``, of 2 (``functions``)
Group      a polynomial of several terms that is divided by (``functions``)
Total      a sum over one or more indices of one monomial that does not fall apart (``sums``)
=========  =========================================================================================

A monomial is a sorted tuple of (factor, exponent); a polynomial is {monomial: rational
coefficient}. Each factor says itself how its indices are replaced, so the arithmetic below it need
not know it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count

import sympy as sp

from finitesums.letters import Weight


@cache
def spelling(leaf: sp.Basic) -> str:
    """A text that determines a symbol or table, its class, assumptions and dummy number."""
    return sp.srepr(leaf)


@dataclass(frozen=True)
class Range:
    """low, low + 1, ..., low + size - 1 for a symbol ``size`` >= 1: never empty."""

    low: int
    size: sp.Symbol

    @property
    def key(self) -> str:
        return f"{self.low}:{spelling(self.size)}"

    @property
    def high(self) -> sp.Expr:
        return self.size + self.low - 1

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


@dataclass(frozen=True, order=True)
class Index:
    """An index: its identity ``key``, its ``range`` (None: unknown), the letter or number shown."""

    key: str
    range: Range | None = field(compare=False)
    shown: sp.Expr = field(compare=False)

    @property
    def is_number(self) -> bool:
        return bool(self.shown.is_Integer)

    def lies_in(self, range_: Range | None) -> bool:
        """Known to be an element of ``range_``, whatever its size."""
        if self.is_number:
            return range_ is not None and self.shown == range_.low
        return self.range == range_


_serial = count()


def fresh(range_: Range, shown: sp.Expr) -> Index:
    """A new index, shown as the author's letter."""
    return Index(f"?{next(_serial)}", range_, shown)


class Factor:
    """A factor of a monomial: ``key`` determines and orders it, ``free`` are the indices in it.

    ``height`` counts how deep Totals are nested in it.  Factors are values: never changed once
    made.
    """

    def __init__(self, key: str, free: Iterable[Index] = (), height: int = 0) -> None:
        self.key = key
        self.free = frozenset(free)
        self.height = height

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Factor) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def is_positive(self) -> bool:
        """True only if the factor is > 0 for all real values of the letters."""
        return False

    @property
    def is_nonzero(self) -> bool:
        """True only if the factor vanishes for no real values of the letters."""
        return self.is_positive

    def opened(self, _k: sp.Rational) -> Poly | None:
        """self^k written out as a polynomial, where that is its normal form; None otherwise."""
        return None

    def reduced(self, _powers: Mapping[Factor, sp.Rational]) -> Poly | None:
        """The product of ``powers``, self among them, by a rule of self; None if none applies."""
        return None

    def renamed(self, k: sp.Rational, renaming: Renaming) -> Poly:
        """self^k with indices replaced."""
        raise NotImplementedError

    def terms_at(self, _indices: Iterable[Index]) -> Iterator[Poly]:
        """For a sum: its terms at those of ``indices`` that lie in its range."""
        return iter(())

    def to_sympy(self) -> sp.Expr:
        raise NotImplementedError


Mono = tuple[tuple[Factor, sp.Rational], ...]
Poly = dict[Mono, sp.Rational]
Renaming = Mapping[Index, Index]


class Scalar(Factor):
    def __init__(self, symbol: sp.Symbol) -> None:
        super().__init__(f"S<{spelling(symbol)}>")
        self.symbol = symbol

    @property
    def is_positive(self) -> bool:
        return bool(self.symbol.is_positive)

    @property
    def is_nonzero(self) -> bool:
        return bool(self.symbol.is_nonzero)

    @property
    def is_weight(self) -> bool:
        return isinstance(self.symbol, Weight)

    def to_sympy(self) -> sp.Expr:
        return self.symbol


class Entry(Factor):
    def __init__(self, base: sp.IndexedBase, indices: Iterable[Index]) -> None:
        self.base = base
        self.indices = tuple(indices)
        super().__init__(
            f"T<{spelling(base)};{';'.join(i.key for i in self.indices)}>", self.indices
        )

    @property
    def is_positive(self) -> bool:
        return bool(self.base.is_positive or self.base.label.is_positive)

    def renamed(self, k: sp.Rational, renaming: Renaming) -> Poly:
        moved = Entry(self.base, [renaming.get(i, i) for i in self.indices])
        return {((moved, k),): sp.S.One}

    def to_sympy(self) -> sp.Expr:
        return self.base[tuple(i.shown for i in self.indices)]


def mono_key(mono: Mono) -> str:
    return "*".join(f"({factor.key})^{power}" for factor, power in mono)


def mono_free(mono: Mono) -> frozenset[Index]:
    return frozenset().union(*(factor.free for factor, _ in mono))


def mono_height(mono: Mono) -> int:
    return max((factor.height for factor, _ in mono), default=0)


def mono_positive(mono: Mono) -> bool:
    return all(factor.is_positive for factor, _ in mono)


def mono_to_sympy(mono: Mono) -> sp.Expr:
    return sp.Mul(*(factor.to_sympy() ** k for factor, k in mono))


def to_sympy(poly: Poly) -> sp.Expr:
    """The polynomial as a sympy expression, with canonical summation indices."""
    return sp.Add(*(c * mono_to_sympy(mono) for mono, c in poly.items()))
