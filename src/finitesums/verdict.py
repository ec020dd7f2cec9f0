r"""A normal form for finite sums over symbolic ranges, and the equality that it decides.

**Fragment.**  Rational numbers, real scalars, entries of tables, ``KroneckerDelta``, ``exp``,
``log`` of expressions that are manifestly positive, products, sums, integer powers, real powers of
positive expressions, reciprocals of expressions that are positive or declared non-zero, and sums
over 1..n, 0..n-1 or 0..n for a positive integer symbol n, nested at will.  Whatever else occurs
raises ``OutsideFragment``.

**Normal form.**  An expression becomes a polynomial {monomial: rational coefficient} in the factors
that the module ``factors`` lists.

**Rewriting rules.**  Each replaces an expression by another that has the same value for every
n, m >= 1 and all real values of the letters, wherever both are defined; that is the whole of the
soundness argument.

1. the laws of commutative rings, exp(x + y) = exp(x) exp(y), log(x y) = log x + log y and
   log(x^p) = p log x for positive factors, x^p = exp(p log x) for positive x;
2. 1{i=j} f(i) = 1{i=j} f(j), 1{i=j}^2 = 1{i=j}, exp(1{i=j} x) = 1 + 1{i=j} (exp(x) - 1),
   log f(1{i=j}) = log f(0) + 1{i=j} (log f(1) - log f(0));
3. sum_b 1{b=j} f(b) = f(j), *provided* j is known to lie in the range: an index of the same range,
   or its first number;
4. sum_b (f + g) = sum_b f + sum_b g;  sum_b c f(b) = c sum_b f(b) and sum_b 1 = n when c has no b;
   (sum_b f(b)) (sum_c g(c)) = sum_b sum_c f(b) g(c) after renaming b and c apart; finite sums
   commute;
5. renaming of summation indices to canonical letters;
6. M/(p + q M) = (1 - p/(p + q M))/q and 1/(M (p + q M)) = (1/M - q/(p + q M))/p, as for logistic
   functions.

Positivity is found by ``functions.positive``: positive terms, mixtures (1 - w) p + w q of a
``Weight`` w, and sums that cover the negative terms, as Z - exp(x_a) + exp(x_a + t) for
Z = sum_b exp(x_b).

Two expressions with one normal form are therefore equal (``equal`` returns True: no false
positive), and ``equal`` asks numbers too: a proof that numbers refute is an error of this layer,
and raised as such. Conversely two different normal forms may still be equal (the procedure is
sound, not complete); ``equal`` then returns False, which reads "not proved".  A reciprocal 1/x of
something not manifestly positive is refused unless ``nonzero=[x]`` says that x is not 0, so every
hypothesis of a proof is in sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import sympy as sp

from finitesums.factors import Mono, Poly, to_sympy
from finitesums.functions import Group, Hypotheses, Inherited
from finitesums.letters import Defined, OutsideFragment, spoken
from finitesums.polynomials import add, multiply, natural_power, product, scale, subtract
from finitesums.reader import Reader
from finitesums.refutation import Contradiction, disagreement

GUARD = ((2, 1), (3, 2))  # the sizes (n, m) at which each proof is guarded by numbers


def _hypotheses(nonzero: Iterable[sp.Expr]) -> Hypotheses:
    return Hypotheses([Reader(Inherited()).read(expr) for expr in nonzero])


def normal_form(expr: sp.Expr, *, nonzero: Iterable[sp.Expr] = ()) -> sp.Expr:
    """The normal form as a sympy expression.  ``nonzero`` lists expressions that may be divided by.

    Raises OutsideFragment.
    """
    return to_sympy(Reader(_hypotheses(nonzero)).read(expr))


def equal(lhs: sp.Expr, rhs: sp.Expr, *, nonzero: Iterable[sp.Expr] = ()) -> bool:
    """True only if lhs = rhs for all n, m >= 1 and all real letters, where both are defined.

    Decided by the normal form of lhs - rhs (module docstring: rules, soundness), and guarded by
    numbers: both sides are evaluated at drawn points of the sizes ``GUARD``.  False means "not
    proved". Expressions without sums, policies, symbolic indices and deltas that lie outside the
    fragment, or are not settled by it, go to sympy's ``simplify``; its verdict "zero" is accepted
    only if the difference also vanishes at five points to 25 digits.

    Raises OutsideFragment on what the layer does not understand: an unknown function beside a sum,
    a float beside a sum, an index used as a number or of the wrong kind, a limit that is bound, a
    division by something that is neither manifestly positive nor in ``nonzero``. Raises
    Contradiction if numbers refute what the normal form proves: an error of this layer.
    """
    lhs = _scalar_expression(lhs)
    rhs = _scalar_expression(rhs)
    plain = _plain(lhs) and _plain(rhs)
    hypotheses = _hypotheses(nonzero)
    try:
        proved = not _difference(lhs, rhs, hypotheses)
    except OutsideFragment:
        if not plain:
            raise
        proved = False
    if proved:
        _ask_numbers(lhs, rhs)
        return True
    return plain and _simplifies_to_zero(lhs - rhs)


def explain(*lines: sp.Expr, nonzero: Iterable[sp.Expr] = ()) -> str | None:
    """None if each two consecutive lines are proved equal; otherwise what is wrong, in words.

    Names the first pair of lines that is not proved, and numbers at which they differ, with both
    values; or, where no numbers tell them apart, the normal form of their difference.
    """
    nonzero = list(nonzero)
    for k, (left, right) in enumerate(pairwise(lines), start=1):
        if equal(left, right, nonzero=nonzero):
            continue
        apart = disagreement(left, right)
        if apart is not None:
            return f"lines {k} and {k + 1} differ {apart}"
        return f"lines {k} and {k + 1} are not proved equal{_what_is_left(left, right, nonzero)}"
    return None


def _what_is_left(left: sp.Expr, right: sp.Expr, nonzero: Iterable[sp.Expr]) -> str:
    try:
        rest = to_sympy(_difference(sp.sympify(left), sp.sympify(right), _hypotheses(nonzero)))
    except OutsideFragment as problem:
        return f": {problem}"
    return f", and no drawn numbers tell them apart; left to show is {spoken(rest)} = 0"


def _difference(lhs: sp.Expr, rhs: sp.Expr, hypotheses: Hypotheses) -> Poly:
    """The normal form of lhs - rhs, cleared of its denominators; {} if they are equal."""
    reader = Reader(hypotheses)
    return _cleared(subtract(reader.read(lhs), reader.read(rhs)))


def _ask_numbers(lhs: sp.Expr, rhs: sp.Expr) -> None:
    try:
        apart = disagreement(lhs, rhs, sizes=GUARD, patterns=False)
    except OutsideFragment:  # an index of no declared range has no values
        return
    if apart is not None:
        lines = f"{spoken(lhs)} and {spoken(rhs)}"
        raise Contradiction(f"the normal forms of {lines} agree, but the two differ {apart}")


def _scalar_expression(value: object) -> sp.Expr:
    expr = sp.sympify(value)
    if not isinstance(expr, sp.Expr) or getattr(expr, "is_Matrix", False):
        raise OutsideFragment(f"not an expression: {value!r}")
    if expr.has(sp.nan, sp.oo, sp.zoo, -sp.oo):
        raise OutsideFragment(f"not a finite expression: {value}")
    return expr


def _cleared(poly: Poly) -> Poly:
    """``poly`` times its denominators of several terms: not 0, so zero stays zero and only zero."""
    while groups := {factor for mono in poly for factor, _ in mono if isinstance(factor, Group)}:
        group = min(groups, key=lambda factor: factor.key)
        depth = max(-dict(mono).get(group, 0) for mono in poly)
        poly = add(*(_times(mono, c, group, depth) for mono, c in poly.items()))
    return poly


def _times(mono: Mono, c: sp.Rational, group: Group, depth: int) -> Poly:
    """c * mono * group^depth, with the power of the group written out."""
    left = int(dict(mono).get(group, 0) + depth)
    rest = product(pair for pair in mono if pair[0] != group)
    return scale(multiply(rest, natural_power(group.poly, left)), c)


# ------------------------------------------------------------------------- expressions without sums

_POINTS = tuple(sp.Rational(p, q) for p, q in ((7, 5), (3, 11), (13, 9), (5, 23), (17, 29)))


def _plain(expr: sp.Expr) -> bool:
    """Free of everything that sympy's ``simplify`` may not be trusted with."""
    foreign = expr.has(sp.Sum, sp.Product, sp.Integral, Defined, sp.KroneckerDelta, sp.Float)
    indices = (i for entry in expr.atoms(sp.Indexed) for i in entry.indices)
    return not foreign and expr.is_commutative and all(i.is_Integer for i in indices)


def _simplifies_to_zero(difference: sp.Expr) -> bool:
    """sympy's verdict, and agreement at five points (positive integers for integer letters)."""
    if sp.simplify(sp.expand(difference)) != 0:
        return False
    entries = difference.atoms(sp.Indexed)
    inside = set().union(*(entry.free_symbols for entry in entries))
    letters = sorted(entries | (difference.free_symbols - inside), key=str)
    return all(_vanishes_at(difference, letters, k, point) for k, point in enumerate(_POINTS))


def _vanishes_at(
    difference: sp.Expr, letters: Sequence[sp.Expr], shift: int, point: sp.Rational
) -> bool:
    values = {x: _value(x, k, shift, point) for k, x in enumerate(letters)}
    value = difference.xreplace(values)
    return bool(value.is_number and abs(sp.N(value, 40)) < sp.Rational(1, 10**25))


def _value(letter: sp.Expr, k: int, shift: int, point: sp.Rational) -> sp.Rational:
    if letter.is_integer:
        return sp.Integer(k + shift + 2)
    sign = 1 if letter.is_positive else (-1) ** (k + shift)
    return sign * (point + k)
