r"""LaTeX for lines of a derivation: expectations as \mathbb{E}, deltas as indicators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, count
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from finitesums.letters import State
from finitesums.objects import Expectation, LogProbability, Probability

_SPARE = {"a": "bcda", "s": "xyzs"}


_ORDER = (
    sp.Number,
    sp.Symbol,
    sp.KroneckerDelta,
    sp.Indexed,
    Probability,
    sp.exp,
    sp.Add,
    sp.Sum,
    LogProbability,
)


def _rank(factor: sp.Expr) -> int:
    base = factor.base if factor.is_Pow else factor
    return next((k for k, kind in enumerate(_ORDER) if isinstance(base, kind)), len(_ORDER))


class _BookPrinter(LatexPrinter):
    """sympy's printer with the book's sums; ``_used`` holds the names that are taken so far."""

    def __init__(self, expr: sp.Expr, short: bool = False) -> None:
        super().__init__({"fold_short_frac": False})
        self._short = short
        self._used = {
            x.name for x in expr.free_symbols if isinstance(x, sp.Symbol) and hasattr(x, "upper")
        }

    def _as_ordered_terms(self, expr: sp.Expr, order: Any = None) -> list[sp.Expr]:
        """Terms with a minus sign last."""
        return sorted(
            super()._as_ordered_terms(expr, order), key=lambda term: term.could_extract_minus_sign()
        )

    def _print_KroneckerDelta(self, expr: sp.Expr, exp: Any = None) -> str:
        i, j = sorted(expr.args, key=str)
        text = rf"\mathbf{{1}}\{{{self._print(i)}={self._print(j)}\}}"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _print_Mul(self, expr: sp.Expr) -> str:
        """Products without a denominator in the order of the book (``_ORDER``)."""
        factors = sp.Mul.make_args(expr)
        if any(sp.denom(f) != 1 for f in factors if f.is_Pow or f.is_Rational) or len(factors) < 2:
            return super()._print_Mul(expr)
        sign, factors = ("- ", factors[1:]) if factors[0] is sp.S.NegativeOne else ("", factors)
        factors = sorted(factors, key=lambda f: (_rank(f), sp.default_sort_key(f)))
        last = len(factors) - 1
        return sign + " ".join(self._bracketed(f, k == last) for k, f in enumerate(factors))

    def _bracketed(self, factor: sp.Expr, last: bool) -> str:
        """A factor, in brackets if what follows could be read as part of it."""
        text = self._print(factor)
        open_ended = (
            isinstance(factor, (sp.Sum, LogProbability, sp.log))
            and not last
            and "{E}_" not in text[:12]
        )
        return rf"\left({text}\right)" if open_ended or isinstance(factor, sp.Add) else text

    def _print_Indexed(self, expr: sp.Expr) -> str:
        return rf"{self._print(expr.base)}_{{{','.join(map(self._print, expr.indices))}}}"

    def _print_Sum(self, expr: sp.Expr) -> str:
        taken = set(self._used)
        names = {}
        for letter, *_ in expr.limits:
            names[letter] = next(name for name in _names(letter) if name not in self._used)
            self._used.add(names[letter])
        shown = {letter: sp.Symbol(name) for letter, name in names.items()}
        text = self._expectation(expr, shown) if isinstance(expr, Expectation) else None
        text = text or self._plain_sum(expr, shown)
        self._used = taken
        return text

    _print_Expectation = _print_Sum

    def _expectation(self, expr: sp.Expr, shown: Mapping[sp.Basic, sp.Symbol]) -> str | None:
        """E_{b ~ pi(.|s)}[f] for sum_b pi(b|s) f, if the policy is a factor once; or None."""
        factors = sp.Mul.make_args(expr.function)
        letter = expr.limits[0][0]
        weights = [
            f
            for f in factors
            if isinstance(f, Probability) and f.args[1] == letter and f.args[0] != letter
        ]
        if len(expr.limits) > 1 or len(weights) != 1:
            return None
        rest = sp.Mul(*(f for f in factors if f is not weights[0]))
        law = rf"{weights[0].policy.name}(\cdot|{self._print(weights[0].args[0])})"
        inside = self._print(rest.xreplace(shown))
        if self._short:
            return rf"\mathrm{{E}}_{{{self._print(shown[letter])}}}\left[{inside}\right]"
        return rf"\mathbb{{E}}_{{{self._print(shown[letter])}\sim {law}}}\left[{inside}\right]"

    def _plain_sum(self, expr: sp.Expr, shown: Mapping[sp.Basic, sp.Symbol]) -> str:
        body = expr.function.xreplace(shown)
        text = self._print(body)
        letters = ",".join(self._print(shown[letter]) for letter, *_ in reversed(expr.limits))
        return rf"\sum_{{{letters}}} " + (
            rf"\left({text}\right)" if isinstance(body, sp.Add) else text
        )


def _names(letter: sp.Symbol) -> Iterator[str]:
    """The letter's own name, then spare letters of its kind, then numbered ones."""
    own = letter.name
    kind = "s" if str(getattr(letter, "upper", "n")) == str(State.upper) else "a"
    return chain([own], _SPARE[kind], (f"{kind}_{k}" for k in count(1)))


def latex(expr: sp.Expr, *, short: bool = False) -> str:
    r"""LaTeX of one line.

    What ``expectation`` made prints as ``\mathbb{E}_{a\sim\pi(\cdot|s)}[f(a)]``, a Kronecker
    delta as an indicator, sums without limits (the ranges are those of the letters).  Where nested
    sums carry one name, the inner one is renamed.  ``short`` leaves the law of an expectation away,
    for narrow pages: ``\mathrm{E}_{a}[f(a)]``.
    """
    expr = sp.sympify(expr)
    return _BookPrinter(expr, short).doprint(expr)


class Derivation:
    """Lines of a derivation, shown one under the other by a notebook."""

    def __init__(self, left: str | sp.Expr, *lines: sp.Expr, short: bool = False) -> None:
        self.left = left if isinstance(left, str) else latex(left, short=short)
        self.lines = lines
        self.short = short

    def _repr_latex_(self) -> str:
        first, *others = (latex(line, short=self.short) for line in self.lines)
        rows = [rf"{self.left} &= {first}", *(rf"&= {line}" for line in others)]
        return r"$$\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}$$"

    def __repr__(self) -> str:
        return "\n".join(f"= {line}" for line in self.lines)


def chain_of(left: str | sp.Expr, *lines: sp.Expr, short: bool = False) -> Derivation:
    """left = line 1 = line 2 = ..., as the last value of a cell; ``short`` as in ``latex``."""
    return Derivation(left, *lines, short=short)
