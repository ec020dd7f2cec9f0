r"""A normal form for finite sums over symbolic numbers of actions and states, and the equality it decides.

**Fragment.**  Rational numbers, real scalars, entries of tables, ``KroneckerDelta``, ``exp``, ``log`` of
expressions that are manifestly positive, products, sums, integer powers, real powers of positive expressions,
reciprocals of expressions that are positive or declared non-zero, and sums ``sum_{b=1}^{n}`` or
``sum_{x=1}^{m}``, nested at will. Whatever else occurs raises ``OutsideFragment``.

**Normal form.**  An expression becomes a polynomial {monomial: rational coefficient}.  A monomial is a
product of powers of the following factors.

=========  ==============================================================================================
Scalar     a real symbol (``t``, ``eta``, also ``n`` and ``m`` themselves)
Entry      an entry of a table, ``theta[s, a]``
Exp        exp of ONE monomial, so that exp(x + 2 y) is the product of exp(x) and exp(y)^2
Log        log of a polynomial that does not split further (of ``Z(s)``, of 2)
Group      a polynomial of several terms that is divided by
Delta      a Kronecker delta between two indices that are free at that place
Total      a sum over one or more indices of one monomial that does not fall apart into independent sums
=========  ==============================================================================================

**Rewriting rules.**  Each replaces an expression by another that has the same value for every n, m >= 1 and
all real values of the letters, wherever both are defined; that is the whole of the soundness argument.

1. the laws of commutative rings, exp(x + y) = exp(x) exp(y), log(x y) = log x + log y and
   log(x^p) = p log x for positive factors, x^p = exp(p log x) for positive x;
2. 1{i=j} f(i) = 1{i=j} f(j), 1{i=j}^2 = 1{i=j}, exp(1{i=j} x) = 1 + 1{i=j} (exp(x) - 1);
3. sum_b 1{b=j} f(b) = f(j), *provided* j is an index of the same range, which is checked, not assumed;
4. sum_b (f + g) = sum_b f + sum_b g;  sum_b c f(b) = c sum_b f(b) and sum_b 1 = n when c has no b;
   (sum_b f(b)) (sum_c g(c)) = sum_b sum_c f(b) g(c) after renaming b and c apart; finite sums commute;
5. renaming of summation indices to canonical letters.

Two expressions with one normal form are therefore equal (``equal`` returns True: no false positive).
Conversely two different normal forms may still be equal (the procedure is sound, not complete); ``equal``
then returns False, which reads "not proved".  A reciprocal 1/x of something not manifestly positive is
refused unless ``nonzero=[x]`` says that x is not 0, so every hypothesis of a proof is in sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, reduce
from itertools import count, permutations
from math import gcd, lcm

import sympy as sp

from finitesums.calculus import OutsideFragment
from finitesums.objects import SIGNATURES, Defined

Mono = tuple  # of (Factor, exponent) pairs, sorted by key; () is the monomial 1
Poly = dict  # {Mono: sympy Rational}, no zero coefficient; {} is the polynomial 0

MAX_POWER = 32
MAX_LINKED = 5  # summation indices tied together in one Total, all orders of which are compared

ONE: Poly = {(): sp.S.One}


# --------------------------------------------------------------------------------------- factors and indices


@cache
def _spell(leaf: sp.Basic) -> str:
    """A text that determines a sympy symbol or table with its class, assumptions and dummy number."""
    return sp.srepr(leaf)


@dataclass(frozen=True, order=True)
class Index:
    """An index: its identity ``key``, the upper limit of its ``range`` (None: unknown), the letter shown."""

    key: str
    range: sp.Basic | None = field(compare=False)
    shown: sp.Basic | None = field(compare=False, default=None)


class Factor:
    """A factor of a monomial: ``key`` determines it and orders factors, ``free`` are the indices in it.

    ``height`` counts how deep Totals are nested in it.  Factors are values: never changed once made.
    """

    def __init__(self, key: str, free: Iterable[Index] = (), height: int = 0):
        self.key, self.free, self.height = key, frozenset(free), height

    def __eq__(self, other):
        return isinstance(other, Factor) and self.key == other.key

    def __hash__(self):
        return hash(self.key)


class Scalar(Factor):
    def __init__(self, symbol: sp.Symbol):
        super().__init__(f"S<{_spell(symbol)}>")
        self.symbol = symbol


class Entry(Factor):
    def __init__(self, base: sp.IndexedBase, indices: Iterable[Index]):
        self.base, self.indices = base, tuple(indices)
        super().__init__(f"T<{_spell(base)};{';'.join(i.key for i in self.indices)}>", self.indices)


class Delta(Factor):
    def __init__(self, i: Index, j: Index):
        self.pair = tuple(sorted((i, j)))
        super().__init__(f"D<{self.pair[0].key};{self.pair[1].key}>", self.pair)


class Exp(Factor):
    def __init__(self, mono: Mono):
        self.mono = mono
        super().__init__(f"E<{_mono_key(mono)}>", _mono_free(mono), _mono_height(mono))


class _OfPoly(Factor):
    letter = ""

    def __init__(self, poly: Poly):
        self.terms = tuple(sorted(poly.items(), key=lambda term: _mono_key(term[0])))
        text = "+".join(f"{c}*{_mono_key(mono)}" for mono, c in self.terms)
        free = frozenset().union(*(_mono_free(mono) for mono in poly))
        super().__init__(f"{self.letter}<{text}>", free, max(map(_mono_height, poly)))

    @property
    def poly(self) -> Poly:
        return dict(self.terms)


class Log(_OfPoly):
    letter = "L"


class Group(_OfPoly):
    letter = "G"


class Total(Factor):
    """sum over ``bound`` of ``mono``; indices are named by its height, so no inner Total captures them."""

    def __init__(self, bound: Iterable[Index], mono: Mono):
        self.bound, self.mono = tuple(bound), mono
        head = ",".join(f"{b.key}:{_spell(b.range)}" for b in self.bound)
        super().__init__(
            f"Z<{head}|{_mono_key(mono)}>", _mono_free(mono) - set(self.bound), 1 + _mono_height(mono)
        )


def _mono_key(mono: Mono) -> str:
    return "*".join(f"({factor.key})^{power}" for factor, power in mono)


def _mono_free(mono: Mono) -> frozenset[Index]:
    return frozenset().union(*(factor.free for factor, _ in mono))


def _mono_height(mono: Mono) -> int:
    return max((factor.height for factor, _ in mono), default=0)


# ------------------------------------------------------------------------------------- polynomial arithmetic


def constant(value) -> Poly:
    value = sp.sympify(value)
    return {(): value} if value != 0 else {}


def add(*polys: Poly) -> Poly:
    total: Poly = {}
    for poly in polys:
        for mono, c in poly.items():
            total[mono] = total.get(mono, sp.S.Zero) + c
    return {mono: c for mono, c in total.items() if c != 0}


def scale(poly: Poly, c) -> Poly:
    return {mono: c * d for mono, d in poly.items()} if c != 0 else {}


def multiply(p: Poly, q: Poly) -> Poly:
    return add(*(scale(product(x + y), c * d) for x, c in p.items() for y, d in q.items()))


def power(poly: Poly, k: int, hypotheses: Hypotheses) -> Poly:
    if k < 0:
        return power(reciprocal(poly, hypotheses), -k, hypotheses)
    if k > MAX_POWER:
        raise OutsideFragment(f"power {k} is above the limit {MAX_POWER}")
    return reduce(multiply, [poly] * k, ONE)


def product(pairs: Iterable[tuple[Factor, sp.Rational]]) -> Poly:
    """The product of powers of factors: collects powers, lets deltas act, undoes exp(k log x) and Group^k."""
    powers: dict[Factor, sp.Rational] = {}
    for factor, k in pairs:
        powers[factor] = powers.get(factor, sp.S.Zero) + k
    powers = {
        factor: (sp.S.One if isinstance(factor, Delta) else k) for factor, k in powers.items() if k != 0
    }
    for factor, k in powers.items():
        opened = _opened(factor, k)
        if opened is not None:
            del powers[factor]
            return multiply(opened, product(powers.items()))
    deltas = [factor for factor in powers if isinstance(factor, Delta)]
    return _with_deltas(deltas, powers) if deltas else {_sorted(powers.items()): sp.S.One}


def _sorted(pairs: Iterable) -> Mono:
    return tuple(sorted(pairs, key=lambda pair: pair[0].key))


def _opened(factor: Factor, k) -> Poly | None:
    """exp(k log x) = x^k and Group(x)^k for natural k, written out; None for all other powers."""
    if isinstance(factor, Exp) and len(factor.mono) == 1 and k.is_Integer:
        inner, one = factor.mono[0]
        if isinstance(inner, Log) and one == 1:
            return power(inner.poly, int(k), Hypotheses())
    if isinstance(factor, Group) and k > 0:
        return power(factor.poly, int(k), Hypotheses())
    return None


def _with_deltas(deltas: list[Delta], powers: dict) -> Poly:
    """Indices tied by deltas are written 1{r=i} 1{r=j} ..., and their representative r is put everywhere."""
    leader: dict[Index, Index] = {}
    for i, j in (delta.pair for delta in deltas):
        i, j = leader.get(i, i), leader.get(j, j)
        first, second = sorted((i, j), key=lambda x: (not _is_number(x), x))
        if first != second:
            if _is_number(second):
                return {}  # two different integers cannot be the same index
            leader = {x: first if y == second else y for x, y in leader.items()} | {second: first}
    ties = [(Delta(first, member), sp.S.One) for member, first in leader.items()]
    others = [(factor, k) for factor, k in powers.items() if not isinstance(factor, Delta)]
    if not any(factor.free & leader.keys() for factor, _ in others):
        return {_sorted([*others, *ties]): sp.S.One}
    return multiply(product(ties), _substitute_pairs(others, leader))


def _is_number(index: Index) -> bool:
    return index.shown is not None and index.shown.is_Integer


# ---------------------------------------------------------------------- positivity, reciprocals, exp and log


class Hypotheses:
    """The expressions declared non-zero; all others must be manifestly positive to be divided by."""

    def __init__(self, nonzero: Iterable[Poly] = ()):
        self.factors: set[Factor] = set()
        for poly in nonzero:
            if not poly:
                raise OutsideFragment(
                    "a hypothesis nonzero=[...] is about an expression that is identically zero"
                )
            if len(poly) == 1:
                self.factors |= {factor for factor, _ in next(iter(poly))}
            else:
                self.factors |= {Group(_primitive(poly)[2])}

    def allow(self, factor: Factor) -> None:
        """Raise unless 1/factor makes sense."""
        if _positive(factor) or factor in self.factors or _nonzero_symbol(factor):
            return
        shown = to_sympy(factor.poly if isinstance(factor, Group) else {((factor, sp.S.One),): sp.S.One})
        raise OutsideFragment(
            f"division by {shown}, which is not manifestly positive: pass nonzero=[...] if it holds"
        )


def _nonzero_symbol(factor: Factor) -> bool:
    return isinstance(factor, Scalar) and bool(factor.symbol.is_nonzero)


def _positive(factor: Factor) -> bool:
    """True only if the factor is > 0 for all real values of the letters (a sum over 1..n is never empty)."""
    if isinstance(factor, Scalar):
        return bool(factor.symbol.is_positive)
    if isinstance(factor, Entry):
        return bool(factor.base.is_positive or factor.base.label.is_positive)
    if isinstance(factor, Total):
        return _positive_mono(factor.mono)
    if isinstance(factor, Group):
        return positive(factor.poly)
    return isinstance(factor, Exp)


def _positive_mono(mono: Mono) -> bool:
    return all(_positive(factor) for factor, _ in mono)


def positive(poly: Poly) -> bool:
    """Manifestly positive: at least one term, positive coefficients, positive factors."""
    return bool(poly) and all(c > 0 and _positive_mono(mono) for mono, c in poly.items())


def _primitive(poly: Poly) -> tuple[sp.Rational, Mono, Poly]:
    """content, common monomial, rest: poly = content * mono * rest.

    The content is positive; only positive factors are taken out.
    """
    content = sp.Rational(
        reduce(gcd, (int(c.p) for c in poly.values())), reduce(lcm, (int(c.q) for c in poly.values()))
    )
    tables = [dict(mono) for mono in poly]
    shared = [f for f in tables[0] if _positive(f) and all(f in powers for powers in tables)]
    common = [(f, min(powers[f] for powers in tables)) for f in shared]
    inverse = [(f, -k) for f, k in common]
    return (
        content,
        _sorted(common),
        add(*(scale(product([*mono, *inverse]), c / content) for mono, c in poly.items())),
    )


def reciprocal(poly: Poly, hypotheses: Hypotheses) -> Poly:
    """1/poly; raises where poly may vanish."""
    if not poly:
        raise OutsideFragment("division by an expression that is identically zero")
    if len(poly) == 1:
        ((mono, c),) = poly.items()
        for factor, _ in mono:
            if not isinstance(factor, Group):  # a Group is there only as 1/Group, allowed when it was made
                hypotheses.allow(factor)
        return scale(product((factor, -k) for factor, k in mono), 1 / c)
    content, common, rest = _primitive(poly)
    if len(rest) == 1:
        return reciprocal(multiply({common: content}, rest), hypotheses)
    if rest[max(rest, key=_mono_key)] < 0:
        content, rest = -content, scale(rest, -1)
    group = Group(rest)
    if Group(scale(rest, -1)) not in hypotheses.factors:
        hypotheses.allow(group)
    return scale(product([(group, -sp.S.One), *((factor, -k) for factor, k in common)]), 1 / content)


def exponential(poly: Poly) -> Poly:
    """exp(sum_i c_i mu_i) = prod_i exp(mu_i)^{c_i}; a delta in the exponent is 0 or 1 and comes down."""
    result = ONE
    for mono, c in poly.items():
        ties = [(factor, k) for factor, k in mono if isinstance(factor, Delta)]
        rest = tuple(pair for pair in mono if pair not in ties)
        value = product([(Exp(rest), c)])
        if ties:
            value = add(ONE, multiply(product(ties), add(value, scale(ONE, -1))))
        result = multiply(result, value)
    return result


def logarithm(poly: Poly) -> Poly:
    """log of a manifestly positive polynomial, split along products and powers; log exp x = x."""
    if not positive(poly):
        raise OutsideFragment(f"logarithm of {to_sympy(poly)}, which is not manifestly positive")
    content, common, rest = _primitive(poly)
    parts = [_log_number(content), *(_log_factor(factor, k) for factor, k in common)]
    if len(rest) > 1:
        parts.append({((Log(rest), sp.S.One),): sp.S.One})
    elif rest != ONE:
        parts.append(logarithm(rest))
    return add(*parts)


def _log_number(value: sp.Rational) -> Poly:
    """log(p/q) = sum of log(prime), each a factor of its own."""
    powers = [*sp.factorint(value.p).items(), *((prime, -k) for prime, k in sp.factorint(value.q).items())]
    return add(*({((Log(constant(prime)), sp.S.One),): sp.Integer(k)} for prime, k in powers))


def _log_factor(factor: Factor, k) -> Poly:
    if isinstance(factor, Exp):
        return {factor.mono: k}
    inner = factor.poly if isinstance(factor, Group) else {((factor, sp.S.One),): sp.S.One}
    return {((Log(inner), sp.S.One),): k}


# ------------------------------------------------------------------------------------- substitution and sums

_numbers = count()


def _fresh(range_: sp.Basic) -> Index:
    return Index(f"?{next(_numbers)}", range_)


def substitute(poly: Poly, renaming: dict[Index, Index]) -> Poly:
    """``poly`` with free indices replaced, brought back to normal form."""
    return add(*(scale(_substitute_pairs(mono, renaming), c) for mono, c in poly.items()))


def _substitute_pairs(pairs: Iterable, renaming: dict[Index, Index]) -> Poly:
    still = [(factor, k) for factor, k in pairs if not factor.free & renaming.keys()]
    result = product(still)
    for factor, k in pairs:
        if factor.free & renaming.keys():
            result = multiply(result, _substitute_factor(factor, k, renaming))
    return result


def _substitute_factor(factor: Factor, k, renaming: dict[Index, Index]) -> Poly:
    if isinstance(factor, Exp):
        return exponential(scale(substitute({factor.mono: sp.S.One}, renaming), k))
    # what was divided by before the renaming was allowed then; the value after it is a special case
    return power(_renamed(factor, renaming), int(k), _Inherited())


class _Inherited(Hypotheses):
    """The licence to divide was given before a renaming of indices."""

    def allow(self, factor):
        return None


def _renamed(factor: Factor, renaming: dict[Index, Index]) -> Poly:
    if isinstance(factor, Entry):
        return product([(Entry(factor.base, [renaming.get(i, i) for i in factor.indices]), sp.S.One)])
    if isinstance(factor, Delta):
        return delta(*(renaming.get(i, i) for i in factor.pair))
    if isinstance(factor, Log):
        return logarithm(substitute(factor.poly, renaming))
    if isinstance(factor, Group):
        return substitute(factor.poly, renaming)
    bound, mono = _reopened(factor)
    return bind(substitute(mono, renaming), bound)


def _reopened(total: Total) -> tuple[list[Index], Poly]:
    """The indices of a Total, renamed to fresh ones, and its summand."""
    fresh = {b: _fresh(b.range) for b in total.bound}
    return list(fresh.values()), substitute({total.mono: sp.S.One}, fresh)


def delta(i: Index, j: Index) -> Poly:
    if i == j:
        return ONE
    if i.range is not None and j.range is not None and i.range != j.range:
        raise OutsideFragment(f"a Kronecker delta joins indices of different ranges: {i.shown} and {j.shown}")
    return product([(Delta(i, j), sp.S.One)])


def bind(poly: Poly, bound: Iterable[Index]) -> Poly:
    """sum over the indices ``bound`` of ``poly``."""
    bound = frozenset(bound)
    return add(*(scale(_bind_mono(mono, bound), c) for mono, c in poly.items()))


def _bind_mono(mono: Mono, bound: frozenset[Index]) -> Poly:
    """Open inner sums that speak of a bound index; spend the deltas; then sum, actions first."""
    for position, (factor, k) in enumerate(mono):
        if isinstance(factor, Total) and k > 0 and factor.free & bound:
            rest = mono[:position] + mono[position + 1 :]
            more, inner = _reopened(factor)
            whole = multiply(product([*rest, (factor, k - 1)]), inner)
            return bind(whole, bound | set(more))
    for factor, _ in mono:
        if isinstance(factor, Delta) and factor.free & bound:
            i, j = factor.pair
            gone, kept = (i, j) if i in bound else (j, i)
            _check_same_range(gone, kept)
            rest = [pair for pair in mono if pair[0] != factor]
            return bind(_substitute_pairs(rest, {gone: kept}), bound - {gone})
    return _scoped(mono, bound)


def _check_same_range(gone: Index, kept: Index) -> None:
    if gone.range != kept.range:
        raise OutsideFragment(
            f"a sum up to {gone.range} meets a delta with the index {kept.shown}, not known to lie in "
            f"1..{gone.range}: declare it with action(...) or state(...)"
        )


def _scoped(mono: Mono, bound: frozenset[Index]) -> Poly:
    """Sum over the indices of one range after the other; indices that no factor links are summed apart."""
    if not bound:
        return {mono: sp.S.One}
    first = min((b.range for b in bound), key=lambda range_: (str(range_) != "n", _spell(range_)))
    here = sorted(b for b in bound if b.range == first)
    pairs, coefficient = list(mono), sp.S.One
    for group in _linked(mono, here):
        inside = [pair for pair in pairs if pair[0].free & group]
        if not inside:
            pairs.append((Scalar(first), sp.Integer(len(group))))
            continue
        c, total = _total(group, _sorted(inside))
        coefficient *= c
        pairs = [pair for pair in pairs if pair not in inside] + [(total, sp.S.One)]
    rest = bound - set(here)
    return scale(add(*(scale(_scoped(x, rest), c) for x, c in product(pairs).items())), coefficient)


def _linked(mono: Mono, indices: list[Index]) -> Iterator[set[Index]]:
    """The classes of ``indices`` that share a factor."""
    classes = [{b} for b in indices]
    for factor, _ in mono:
        touched = [c for c in classes if c & factor.free]
        if len(touched) > 1:
            classes = [c for c in classes if c not in touched] + [set().union(*touched)]
    return iter(classes)


def _total(group: set[Index], mono: Mono) -> tuple[sp.Rational, Total]:
    """The sum of one monomial with canonical index names: the order of the names with the least key."""
    group = sorted(group)
    height = 1 + _mono_height(mono)
    names = [Index(f"#{height}.{k}", group[0].range) for k in range(len(group))]
    orders = permutations(group) if len(group) <= MAX_LINKED else [group]
    renamed = (_rename_one(mono, dict(zip(order, names, strict=True))) for order in orders)
    best, c = min(renamed, key=lambda x: _mono_key(x[0]))
    return c, Total(names, best)


def _rename_one(mono: Mono, renaming: dict[Index, Index]) -> tuple[Mono, sp.Rational]:
    """A one-to-one renaming of a monomial: again one monomial (the sign of a Group may come out)."""
    renamed = substitute({mono: sp.S.One}, renaming)
    if len(renamed) != 1:
        raise OutsideFragment("internal error: a renaming changed the number of terms")
    return next(iter(renamed.items()))


# ----------------------------------------------------------------------------------------- to and from sympy


class _Reader:
    """Turns a sympy expression into a polynomial; notes which letters are indices and which are numbers."""

    def __init__(self, hypotheses: Hypotheses):
        self.hypotheses = hypotheses
        self.bound: dict[sp.Symbol, Index] = {}
        self.index_letters: set[sp.Symbol] = set()
        self.scalar_letters: set[sp.Symbol] = set()

    def read(self, expr) -> Poly:
        poly = self._read(sp.sympify(expr))
        if both := self.index_letters & self.scalar_letters:
            raise OutsideFragment(f"used both as an index and as a number: {sorted(map(str, both))}")
        return poly

    def _read(self, expr: sp.Basic) -> Poly:
        if expr.is_Rational:
            return constant(expr)
        if isinstance(expr, Defined):
            return self._read(expr.definition())
        if isinstance(expr, sp.Indexed):
            return self._entry(expr)
        if isinstance(expr, sp.Symbol):
            return self._scalar(expr)
        if isinstance(expr, sp.Add):
            return add(*(self._read(arg) for arg in expr.args))
        if isinstance(expr, sp.Mul):
            return reduce(multiply, (self._read(arg) for arg in expr.args))
        if isinstance(expr, sp.exp) or expr is sp.E:
            return exponential(self._read(expr.exp if expr is not sp.E else sp.S.One))
        if isinstance(expr, sp.Pow):
            return self._power(*expr.args)
        if isinstance(expr, sp.log) and len(expr.args) == 1:
            return logarithm(self._read(expr.args[0]))
        if isinstance(expr, sp.KroneckerDelta) and len(expr.args) == 2:
            return delta(*(self._index(i) for i in expr.args))
        if isinstance(expr, sp.Sum):
            return self._sum(expr)
        raise OutsideFragment(f"{type(expr).__name__} is outside the fragment: {expr}")

    def _scalar(self, symbol: sp.Symbol) -> Poly:
        if symbol in self.bound or hasattr(symbol, "upper"):
            raise OutsideFragment(f"the index {symbol} is used as a number")
        if symbol.is_extended_real is False or not symbol.is_commutative:
            raise OutsideFragment(f"{symbol} is not a real number")
        self.scalar_letters.add(symbol)
        return {((Scalar(symbol), sp.S.One),): sp.S.One}

    def _index(self, expr: sp.Basic) -> Index:
        if expr.is_Integer:
            return Index(str(expr), None, expr)
        if not isinstance(expr, sp.Symbol):
            raise OutsideFragment(f"the index {expr} is not a letter")
        if expr in self.bound:
            return self.bound[expr]
        self.index_letters.add(expr)
        return Index(_spell(expr), getattr(expr, "upper", None), expr)

    def _entry(self, expr: sp.Indexed) -> Poly:
        indices = [self._index(i) for i in expr.indices]
        wanted = SIGNATURES.get(expr.base, [i.range for i in indices])
        ranges = [i.range if i.range is not None else w for i, w in zip(indices, wanted, strict=False)]
        if len(indices) != len(wanted) or ranges != list(wanted):
            raise OutsideFragment(f"{expr}: wrong kind of index, expected ranges {tuple(wanted)}")
        return {((Entry(expr.base, indices), sp.S.One),): sp.S.One}

    def _power(self, base: sp.Expr, exponent: sp.Expr) -> Poly:
        if exponent.is_Integer:
            return power(self._read(base), int(exponent), self.hypotheses)
        return exponential(multiply(self._read(exponent), logarithm(self._read(base))))

    def _sum(self, expr: sp.Sum) -> Poly:
        """The first limit of a sympy Sum is the innermost, so the last is read first."""
        *inner, (letter, low, high) = expr.limits
        body = sp.Sum(expr.function, *inner) if inner else expr.function
        if low.is_Integer and high.is_Integer:
            terms = [Index(str(k), None, sp.Integer(k)) for k in range(int(low), int(high) + 1)]
            return add(*(self._under(letter, k, body) for k in terms))
        if low != 1 or not (isinstance(high, sp.Symbol) and high.is_integer and high.is_positive):
            raise OutsideFragment(
                f"a sum over {low}..{high}; the range must be 1 to a positive integer symbol"
            )
        if getattr(letter, "upper", high) != high:
            raise OutsideFragment(f"the index {letter} of {expr} belongs to the range 1..{letter.upper}")
        self.scalar_letters.add(high)
        fresh = _fresh(high)
        return bind(self._under(letter, fresh, body), [fresh])

    def _under(self, letter: sp.Symbol, index: Index, body: sp.Expr) -> Poly:
        outside = self.bound
        self.bound = {**outside, letter: index}
        poly = self._read(body)
        self.bound = outside
        return poly


class Canonical(sp.Symbol):
    """A summation index in a normal form; its class keeps it apart from every letter of the author."""

    __slots__ = ()


def to_sympy(poly: Poly) -> sp.Expr:
    """The polynomial as a sympy expression, with canonical summation indices."""
    return sp.Add(*(c * _mono_sympy(mono) for mono, c in poly.items()))


def _mono_sympy(mono: Mono) -> sp.Expr:
    return sp.Mul(*(_factor_sympy(factor) ** k for factor, k in mono))


def _index_sympy(index: Index) -> sp.Basic:
    if index.shown is not None:
        return index.shown
    letter = {"n": "a", "m": "s"}.get(str(index.range), "i")
    height, _, place = index.key.strip("#?").partition(".")
    return Canonical(f"{letter}_{height}" + "'" * int(place or 0), integer=True, positive=True)


def _factor_sympy(factor: Factor) -> sp.Expr:
    if isinstance(factor, Scalar):
        return factor.symbol
    if isinstance(factor, Entry):
        return factor.base[tuple(_index_sympy(i) for i in factor.indices)]
    if isinstance(factor, Delta):
        return sp.KroneckerDelta(*(_index_sympy(i) for i in factor.pair))
    if isinstance(factor, Exp):
        return sp.exp(_mono_sympy(factor.mono))
    if isinstance(factor, Log):
        return sp.log(to_sympy(factor.poly))
    if isinstance(factor, Group):
        return to_sympy(factor.poly)
    limits = [(_index_sympy(b), 1, b.range) for b in factor.bound]
    return sp.Sum(_mono_sympy(factor.mono), *limits)


# ------------------------------------------------------------------------------------------------- decisions


def _hypotheses(nonzero: Iterable[sp.Expr]) -> Hypotheses:
    return Hypotheses([_Reader(_Inherited()).read(expr) for expr in nonzero])


def normal_form(expr: sp.Expr, *, nonzero: Iterable[sp.Expr] = ()) -> sp.Expr:
    """The normal form as a sympy expression.  ``nonzero`` lists expressions that may be divided by.

    Raises OutsideFragment.
    """
    return to_sympy(_Reader(_hypotheses(nonzero)).read(expr))


def equal(lhs: sp.Expr, rhs: sp.Expr, *, nonzero: Iterable[sp.Expr] = ()) -> bool:
    """True only if lhs = rhs for all n, m >= 1 and all real values of the letters, where both are defined.

    Decided by the normal form of lhs - rhs (module docstring: rules, soundness).  False means "not proved".
    Expressions without sums, policies, symbolic indices and deltas that lie outside the fragment, or are not
    settled by it, go to sympy's ``simplify``; its verdict "zero" is accepted only if the difference also
    vanishes at five points to 25 digits.

    Raises OutsideFragment on what the layer does not understand: an unknown function beside a sum, a float
    beside a sum, an index used as a number or of the wrong kind, a division by something that is neither
    manifestly positive nor in ``nonzero``.
    """
    lhs, rhs = _scalar_expression(lhs), _scalar_expression(rhs)
    plain = _plain(lhs) and _plain(rhs)
    reader = _Reader(_hypotheses(nonzero))
    try:
        if not _cleared(add(reader.read(lhs), scale(reader.read(rhs), -1))):
            return True
    except OutsideFragment:
        if not plain:
            raise
    return plain and _simplifies_to_zero(lhs - rhs)


def _scalar_expression(value) -> sp.Expr:
    value = sp.sympify(value)
    if not isinstance(value, sp.Expr) or getattr(value, "is_Matrix", False):
        raise OutsideFragment(f"not an expression: {value!r}")
    if value.has(sp.nan, sp.oo, sp.zoo, -sp.oo):
        raise OutsideFragment(f"not a finite expression: {value}")
    return value


def _plain(expr: sp.Expr) -> bool:
    """Free of everything that sympy's ``simplify`` may not be trusted with."""
    foreign = expr.has(sp.Sum, sp.Product, sp.Integral, Defined, sp.KroneckerDelta, sp.Float)
    indices = (i for entry in expr.atoms(sp.Indexed) for i in entry.indices)
    return not foreign and expr.is_commutative and all(i.is_Integer for i in indices)


def _cleared(poly: Poly) -> Poly:
    """``poly`` times its denominators of several terms: they are not 0, so zero stays zero and only zero."""
    while groups := {factor for mono in poly for factor, _ in mono if isinstance(factor, Group)}:
        group = min(groups, key=lambda factor: factor.key)
        depth = max(-dict(mono).get(group, 0) for mono in poly)
        poly = add(*(_times(mono, c, group, depth) for mono, c in poly.items()))
    return poly


def _times(mono: Mono, c, group: Group, depth) -> Poly:
    """c * mono * group^depth, with the power of the group written out."""
    left = int(dict(mono).get(group, 0) + depth)
    rest = product(pair for pair in mono if pair[0] != group)
    return scale(multiply(rest, power(group.poly, left, Hypotheses())), c)


_POINTS = (sp.Rational(7, 5), sp.Rational(3, 11), sp.Rational(13, 9), sp.Rational(5, 23), sp.Rational(17, 29))


def _simplifies_to_zero(difference: sp.Expr) -> bool:
    """sympy's verdict, and agreement at five points (positive integers for integer letters)."""
    if sp.simplify(sp.expand(difference)) != 0:
        return False
    letters = sorted(
        difference.atoms(sp.Indexed) | (difference.free_symbols - _inside_entries(difference)), key=str
    )
    for shift, point in enumerate(_POINTS):
        signs = [1 if x.is_positive else (-1) ** (k + shift) for k, x in enumerate(letters)]
        values = {
            x: sp.Integer(k + shift + 2) if x.is_integer else signs[k] * (point + k)
            for k, x in enumerate(letters)
        }
        value = difference.xreplace(values)
        if not (value.is_number and abs(sp.N(value, 40)) < sp.Rational(1, 10**25)):
            return False
    return True


def _inside_entries(expr: sp.Expr) -> set[sp.Basic]:
    return set().union(*(entry.free_symbols for entry in expr.atoms(sp.Indexed)))
