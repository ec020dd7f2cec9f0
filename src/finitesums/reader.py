"""From sympy to polynomials: what each letter is, which sums are read, what is refused."""

from __future__ import annotations

from functools import reduce

import sympy as sp

from finitesums.evaluation import whole_range
from finitesums.factors import Entry, Index, Poly, Range, Scalar, fresh, spelling
from finitesums.functions import Hypotheses, exponential, logarithm, positive, power
from finitesums.letters import Defined, OutsideFragment, is_index, outermost, spoken
from finitesums.objects import Table
from finitesums.polynomials import add, constant, delta, multiply, scale, single
from finitesums.sums import bind


class Reader:
    """Turns sympy expressions into polynomials; notes which letters are indices, which are numbers.

    ``bound`` holds the letters of the sums around the current place.  A letter in it is an index:
    it is refused as a number and as a limit, so nothing bound can leave its sum.
    """

    def __init__(self, hypotheses: Hypotheses) -> None:
        self.hypotheses = hypotheses
        self.bound: dict[sp.Symbol, Index] = {}
        self.index_letters: set[sp.Symbol] = set()
        self.scalar_letters: set[sp.Symbol] = set()

    def read(self, expr: sp.Expr) -> Poly:
        poly = self._read(sp.sympify(expr))
        if both := self.index_letters & self.scalar_letters:
            raise OutsideFragment(
                f"used both as an index and as a number: {sorted(map(str, both))}"
            )
        return poly

    def _read(self, expr: sp.Basic) -> Poly:
        if isinstance(expr, Defined):
            return self._read(expr.definition())
        if isinstance(expr, sp.Add):
            return add(*(self._read(arg) for arg in expr.args))
        if isinstance(expr, sp.Mul):
            return reduce(multiply, (self._read(arg) for arg in expr.args))
        if isinstance(expr, sp.exp):
            return exponential(self._read(expr.exp))
        if expr is sp.E:
            return exponential(constant(1))
        if isinstance(expr, sp.Pow):
            return self._power(*expr.args)
        if isinstance(expr, sp.log) and len(expr.args) == 1:
            return self._log(expr.args[0])
        if isinstance(expr, sp.Sum):
            return self._sum(expr)
        return self._leaf(expr)

    def _leaf(self, expr: sp.Basic) -> Poly:
        """A number, a letter, an entry of a table or a delta."""
        if expr.is_Rational:
            return constant(expr)
        if isinstance(expr, sp.Symbol):
            return self._scalar(expr)
        if isinstance(expr, sp.Indexed):
            return self._entry(expr)
        if isinstance(expr, sp.KroneckerDelta) and len(expr.args) == 2:
            return delta(*(self._index(i) for i in expr.args))
        raise OutsideFragment(f"{type(expr).__name__} is outside the fragment: {spoken(expr)}")

    def _scalar(self, symbol: sp.Symbol) -> Poly:
        if symbol in self.bound or is_index(symbol):
            raise OutsideFragment(f"the index {spoken(symbol)} is used as a number")
        if symbol.is_extended_real is False or not symbol.is_commutative:
            raise OutsideFragment(f"{symbol} is not a real number")
        self.scalar_letters.add(symbol)
        return single(Scalar(symbol))

    def _index(self, expr: sp.Basic) -> Index:
        if expr.is_Integer:
            return Index(str(expr), None, expr)
        if not isinstance(expr, sp.Symbol):
            raise OutsideFragment(f"the index {spoken(expr)} is not a letter")
        if expr in self.bound:
            return self.bound[expr]
        self.index_letters.add(expr)
        upper = getattr(expr, "upper", None)
        return Index(spelling(expr), None if upper is None else Range(1, upper), expr)

    def _entry(self, expr: sp.Indexed) -> Poly:
        indices = [self._index(i) for i in expr.indices]
        if isinstance(expr.base, Table):
            wanted = [Range(1, upper) for upper in expr.base.uppers]
            fits = len(wanted) == len(indices) and all(map(_may_lie_in, indices, wanted))
            if not fits:
                ranges = ", ".join(map(str, wanted))
                raise OutsideFragment(
                    f"{spoken(expr)}: wrong kind of index, expected ranges {ranges}"
                )
        return single(Entry(expr.base, indices))

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Poly:
        if exponent.is_Integer:
            return power(self._read(base), int(exponent), self.hypotheses)
        return exponential(multiply(self._read(exponent), logarithm(self._read(base))))

    def _log(self, expr: sp.Expr) -> Poly:
        """log of a product as a sum where each factor is positive as it is written."""
        powers = [_integer_power(factor) for factor in sp.Mul.make_args(expr)]
        factors = [(self._read(base), k) for base, k in powers]
        if all(positive(base) for base, _ in factors):
            return add(*(scale(logarithm(base), k) for base, k in factors))
        return logarithm(self._read(expr))

    def _sum(self, expr: sp.Sum) -> Poly:
        letter, low, high, body = outermost(expr)
        if low.is_Integer and high.is_Integer:
            return self._listed(letter, whole_range(expr, int(low), int(high)), body)
        range_ = self._range(expr, letter, low, high)
        extra = range(int(low), range_.low) if low.is_Integer else range(0)
        index = fresh(range_, letter)
        return add(
            self._listed(letter, extra, body), bind(self._under(letter, index, body), [index])
        )

    def _listed(self, letter: sp.Symbol, places: range, body: sp.Expr) -> Poly:
        """The sum over given integers, written out."""
        numbers = (Index(str(k), None, sp.Integer(k)) for k in places)
        return add(*(self._under(letter, number, body) for number in numbers))

    def _range(self, expr: sp.Sum, letter: sp.Symbol, low: sp.Expr, high: sp.Expr) -> Range:
        """The symbolic range of a sum: N terms from ``low``; of -k..N, the part 1..N."""
        terms = sp.expand(high - low + 1)
        span = f"a sum over {spoken(low)}..{spoken(high)}"
        if (low.free_symbols | high.free_symbols) & self.bound.keys():
            raise OutsideFragment(f"{span}: a letter of its limits is bound by a sum around it")
        if low.is_Integer and self._is_size(terms):
            range_ = Range(int(low), terms)
        elif low.is_Integer and low <= 0 and self._is_size(high):
            range_ = Range(1, high)
        else:
            raise OutsideFragment(
                f"{span}: a range has a free positive integer symbol as its number "
                "of terms (1..n, 0..n-1) or as its end (0..n)"
            )
        if is_index(letter) and (range_ != Range(1, letter.upper) or low != 1):
            raise OutsideFragment(
                f"the index {letter} of {spoken(expr)} belongs to the range 1..{letter.upper}"
            )
        self.scalar_letters.add(range_.size)
        return range_

    @staticmethod
    def _is_size(expr: sp.Expr) -> bool:
        """A positive integer symbol that is not an index."""
        size = isinstance(expr, sp.Symbol) and expr.is_integer and expr.is_positive
        return bool(size and not is_index(expr))

    def _under(self, letter: sp.Symbol, index: Index, body: sp.Expr) -> Poly:
        outside = self.bound
        self.bound = {**outside, letter: index}
        poly = self._read(body)
        self.bound = outside
        return poly


def _integer_power(factor: sp.Expr) -> tuple[sp.Expr, sp.Integer]:
    if isinstance(factor, sp.Pow) and factor.exp.is_Integer:
        return factor.base, factor.exp
    return factor, sp.S.One


def _may_lie_in(index: Index, wanted: Range) -> bool:
    """An index of that range, a letter of no declared range, or a number from 1 on."""
    if index.is_number:
        return bool(index.shown >= wanted.low)
    return index.range is None or index.range == wanted
