"""exp, log and reciprocals of polynomials, and what is known to be positive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, reduce
from math import comb, gcd, lcm

import sympy as sp

from finitesums.factors import (
    Factor,
    Mono,
    Poly,
    Renaming,
    Scalar,
    mono_free,
    mono_height,
    mono_key,
    mono_positive,
    mono_to_sympy,
    to_sympy,
)
from finitesums.letters import OutsideFragment, spoken
from finitesums.polynomials import (
    ONE,
    Delta,
    add,
    constant,
    in_order,
    multiply,
    natural_power,
    product,
    scale,
    single,
    substitute,
    subtract,
)


class Exp(Factor):
    def __init__(self, mono: Mono) -> None:
        self.mono = mono
        super().__init__(f"E<{mono_key(mono)}>", mono_free(mono), mono_height(mono))

    @property
    def is_positive(self) -> bool:
        return True

    def opened(self, k: sp.Rational) -> Poly | None:
        """exp(k log x) = x^k for an integer k."""
        if len(self.mono) != 1 or not k.is_Integer:
            return None
        inner, one = self.mono[0]
        if not isinstance(inner, Log) or one != 1:
            return None
        return power(inner.poly, int(k), Hypotheses())

    def renamed(self, k: sp.Rational, renaming: Renaming) -> Poly:
        return exponential(scale(substitute({self.mono: sp.S.One}, renaming), k))

    def to_sympy(self) -> sp.Expr:
        return sp.exp(mono_to_sympy(self.mono))


class _OfPoly(Factor):
    letter = ""

    def __init__(self, poly: Poly) -> None:
        self.terms = tuple(sorted(poly.items(), key=lambda term: mono_key(term[0])))
        text = "+".join(f"{c}*{mono_key(mono)}" for mono, c in self.terms)
        free = frozenset().union(*(mono_free(mono) for mono in poly))
        super().__init__(f"{self.letter}<{text}>", free, max(map(mono_height, poly)))

    @property
    def poly(self) -> Poly:
        return dict(self.terms)


class Log(_OfPoly):
    letter = "L"

    def renamed(self, k: sp.Rational, renaming: Renaming) -> Poly:
        return power(logarithm(substitute(self.poly, renaming)), int(k), Inherited())

    def to_sympy(self) -> sp.Expr:
        return sp.log(to_sympy(self.poly))


class Group(_OfPoly):
    letter = "G"

    @cached_property
    def _positive(self) -> bool:
        return positive(self.poly)

    @property
    def is_positive(self) -> bool:
        return self._positive

    def opened(self, k: sp.Rational) -> Poly | None:
        """Only 1/Group is a factor; a natural power is multiplied out."""
        return natural_power(self.poly, int(k)) if k > 0 else None

    def reduced(self, powers: Mapping[Factor, sp.Rational]) -> Poly | None:
        """M/(p + q M) = (1 - p/(p + q M))/q and 1/(M (p + q M)) = (1/M - q/(p + q M))/p."""
        if len(self.terms) != 2 or self.terms[0][0] != ():
            return None
        (_, p), (mono, q) = self.terms
        if any(isinstance(factor, Delta) for factor, _ in mono):
            return None
        times = [powers.get(factor, sp.S.Zero) / k for factor, k in mono]
        inverse = [(factor, -k) for factor, k in mono]
        group = (self, sp.S.One)
        if all(k >= 1 for k in times):
            without = [*powers.items(), *inverse]
            split = subtract(product([*without, group]), scale(product(without), p))
            return scale(split, 1 / q)
        if all(k <= -1 for k in times):
            split = subtract(
                product([*powers.items(), group]), scale(product([*powers.items(), *mono]), q)
            )
            return scale(split, 1 / p)
        return None

    def renamed(self, k: sp.Rational, renaming: Renaming) -> Poly:
        return power(substitute(self.poly, renaming), int(k), Inherited())

    def to_sympy(self) -> sp.Expr:
        return to_sympy(self.poly)


# --------------------------------------------------------------------------------------- hypotheses


class Hypotheses:
    """The expressions declared non-zero; all others must be positive to be divided by."""

    def __init__(self, nonzero: Iterable[Poly] = ()) -> None:
        self.factors: set[Factor] = set()
        for poly in nonzero:
            if not poly:
                raise OutsideFragment(
                    "a hypothesis nonzero=[...] is about an expression that is identically zero"
                )
            if len(poly) == 1:
                self.factors |= {factor for factor, _ in next(iter(poly))}
            else:
                self.factors |= {Group(primitive(poly)[2])}

    def allow(self, factor: Factor) -> None:
        """Raise unless 1/factor makes sense."""
        if factor.is_nonzero or factor in self.factors:
            return
        raise OutsideFragment(
            f"division by {spoken(factor.to_sympy())}, which is not manifestly positive: "
            "pass nonzero=[...] if it holds"
        )


class Inherited(Hypotheses):
    """The licence to divide was given before indices were renamed, which makes a special case."""

    def allow(self, _factor: Factor) -> None:
        return None


# --------------------------------------------------------------------------------------- positivity


def positive(poly: Poly) -> bool:
    """Manifestly positive: for all real values of the letters, wherever it is defined.

    After taking out positive factors: in each weight w in (0, 1) by its Bernstein coefficients;
    negative terms are covered by sums that contain them, as e^x_a by sum_b e^x_b; then all
    coefficients and factors must be positive and one term must be left.
    """
    return bool(poly) and _sign(primitive(poly)[2]) == 1


def _sign(poly: Poly) -> int | None:
    """1: positive; 0: at least not negative; None: not known."""
    weight = next(
        (f for mono in poly for f, _ in mono if isinstance(f, Scalar) and f.is_weight), None
    )
    if weight is not None:
        signs = [_sign(part) for part in _bernstein(poly, weight)]
        return None if None in signs else max(signs)  # type: ignore[type-var]
    left = _covered(poly)
    if not all(c > 0 and mono_positive(mono) for mono, c in left.items()):
        return None
    return 1 if left else 0


def _bernstein(poly: Poly, weight: Scalar) -> list[Poly]:
    """b_0, ..., b_d with poly = sum_k C(d, k) b_k w^k (1 - w)^(d - k)."""
    degree = max(int(dict(mono).get(weight, 0)) for mono in poly)
    powers: list[Poly] = [{} for _ in range(degree + 1)]
    for mono, c in poly.items():
        rest = tuple(pair for pair in mono if pair[0] != weight)
        k = int(dict(mono).get(weight, 0))
        powers[k] = add(powers[k], {rest: c})
    return [
        add(*(scale(powers[i], sp.Rational(comb(k, i), comb(degree, i))) for i in range(k + 1)))
        for k in range(degree + 1)
    ]


def _covered(poly: Poly) -> Poly:
    """``poly`` less terms c N (sum_b f(b) - f(j)) >= 0, for positive c, N, f and j in range."""
    for small, c in poly.items():
        if c > 0 or not mono_positive(small):
            continue
        for large, rate in _covers(poly, small):
            amount = min(-c, poly[large] * rate)
            rest = add(poly, {small: amount}, {large: -amount / rate})
            return _covered(rest)
    return poly


def _covers(poly: Poly, small: Mono) -> Iterator[tuple[Mono, sp.Rational]]:
    """The monomials N sum_b f(b) of ``poly`` with N f(j) = rate * small for some j in range."""
    for large, c in poly.items():
        if c < 0 or not mono_positive(large):
            continue
        for factor, k in large:
            if not k.is_Integer or k < 1:
                continue
            for term in factor.terms_at(mono_free(small)):
                rest = product([*large, (factor, sp.S.NegativeOne)])
                covered = multiply(rest, term)
                if covered.keys() == {small} and covered[small] > 0:
                    yield large, covered[small]


def primitive(poly: Poly) -> tuple[sp.Rational, Mono, Poly]:
    """content, common monomial, rest: poly = content * mono * rest.

    The content is positive; only positive factors are taken out, with their least power, so that
    none is left in a denominator.
    """
    numerators = reduce(gcd, (int(c.p) for c in poly.values()), 0)
    denominators = reduce(lcm, (int(c.q) for c in poly.values()))
    content = sp.Rational(numerators, denominators)
    common = _common(poly)
    inverse = [(factor, -k) for factor, k in common]
    parts = (scale(product([*mono, *inverse]), c / content) for mono, c in poly.items())
    return content, in_order(common), add(*parts)


def _common(poly: Poly) -> list[tuple[Factor, sp.Rational]]:
    tables = [dict(mono) for mono in poly]
    factors = {factor for table in tables for factor in table if factor.is_positive}
    least = {f: min(table.get(f, sp.S.Zero) for table in tables) for f in factors}
    return [(factor, k) for factor, k in least.items() if k != 0]


# -------------------------------------------------------------------------------- powers, exp, log


def power(poly: Poly, k: int, hypotheses: Hypotheses) -> Poly:
    if k >= 0:
        return natural_power(poly, k)
    return natural_power(reciprocal(poly, hypotheses), -k)


def reciprocal(poly: Poly, hypotheses: Hypotheses) -> Poly:
    """1/poly; raises where poly may vanish."""
    if not poly:
        raise OutsideFragment("division by an expression that is identically zero")
    if len(poly) == 1:
        ((mono, c),) = poly.items()
        for factor, _ in mono:
            if not isinstance(factor, Group):  # only 1/Group is there, allowed when it was made
                hypotheses.allow(factor)
        return scale(product((factor, -k) for factor, k in mono), 1 / c)
    content, common, rest = primitive(poly)
    if len(rest) == 1:
        return reciprocal(multiply({common: content}, rest), hypotheses)
    if rest[max(rest, key=mono_key)] < 0:
        content = -content
        rest = scale(rest, sp.S.NegativeOne)
    group = Group(rest)
    opposite = Group(scale(rest, sp.S.NegativeOne))
    if opposite not in hypotheses.factors and not opposite.is_positive:
        hypotheses.allow(group)
    inverse = [(factor, -k) for factor, k in common]
    return scale(product([(group, sp.S.NegativeOne), *inverse]), 1 / content)


def exponential(poly: Poly) -> Poly:
    """exp(sum_i c_i mu_i) = prod_i exp(mu_i)^{c_i}; a delta in the exponent, 0 or 1, comes down."""
    result = ONE
    for mono, c in poly.items():
        ties = [pair for pair in mono if isinstance(pair[0], Delta)]
        rest = tuple(pair for pair in mono if pair not in ties)
        value = product([(Exp(rest), c)])
        if ties:
            value = add(ONE, multiply(product(ties), subtract(value, ONE)))
        result = multiply(result, value)
    return result


def logarithm(poly: Poly) -> Poly:
    """log of a positive polynomial, split along deltas, products and powers; log exp x = x."""
    tie = next((f for mono in poly for f, _ in mono if isinstance(f, Delta)), None)
    if tie is not None:
        return _by_cases(poly, tie)
    if not positive(poly):
        shown = spoken(to_sympy(poly))
        raise OutsideFragment(f"logarithm of {shown}, which is not manifestly positive")
    content, common, rest = primitive(poly)
    parts = [_log_number(content), *(_log_factor(factor, k) for factor, k in common)]
    if len(rest) > 1:
        parts.append(single(Log(rest)))
    elif rest != ONE:
        parts.append(logarithm(rest))
    return add(*parts)


def _by_cases(poly: Poly, tie: Delta) -> Poly:
    """log f(1{i=j}) = log f(0) + 1{i=j} (log f(1) - log f(0))."""
    no = {mono: c for mono, c in poly.items() if tie not in dict(mono)}
    yes = add(*({tuple(x for x in mono if x[0] != tie): c} for mono, c in poly.items()))
    change = subtract(logarithm(yes), logarithm(no))
    return add(logarithm(no), multiply(product([(tie, sp.S.One)]), change))


def _log_number(value: sp.Rational) -> Poly:
    """log(p/q) = sum of log(prime), each a factor of its own."""
    above = sp.factorint(value.p).items()
    below = ((prime, -k) for prime, k in sp.factorint(value.q).items())
    return add(*(single_log(prime, k) for prime, k in [*above, *below]))


def single_log(prime: int, k: int) -> Poly:
    return scale(single(Log(constant(prime))), sp.Integer(k))


def _log_factor(factor: Factor, k: sp.Rational) -> Poly:
    if isinstance(factor, Exp):
        return {factor.mono: k}
    inner = factor.poly if isinstance(factor, Group) else single(factor)
    return scale(single(Log(inner)), k)
