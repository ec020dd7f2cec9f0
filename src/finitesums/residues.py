r"""A second prover, which shares no algebra with the normal form: lines evaluated over finite
fields.  Only the letters, and how a sum is taken apart, are common.

**Method.**  A line is written out at n = 1, ..., 4 and m = 1, 2, for every pattern of coincident
free indices, and evaluated at random residues.  exp and log are kept as homomorphisms by a *tower*
of primes p_0 > p_1 > ... > p_4 with p_k = 2 p_{k+1} + 1.  The squares mod p_k form a group of prime
order p_{k+1} with a generator g_k, so an expression x gets one residue x_k on every floor k, with

    (x + y)_k = x_k + y_k,   (x y)_k = x_k y_k,   (exp x)_k = g_k^(x_{k+1}),
    (log x)_{k+1} = the discrete logarithm of x_k to the base g_k.

The letters are drawn on every floor by themselves; positive letters are squares.  Thus
exp(x + y) = exp x exp y, log(x y) = log x + log y, log exp x = x hold at every point, and exp log x
= x where x_k is a square: a point where it is not, under an exponential, is drawn anew.  Lines are
compared on floor 1, so a log is a residue like any other, and one logarithm and three exponentials
may be nested.

**What a verdict means.**  Whatever follows from the laws of fields, of exp and of log agrees at
every point: "refuted" is a disproof as an identity of formal exponential polynomials.  A line whose
two sides are formally different agrees at a random point with probability about 1/p_1 (p_1 =
78,318,239), and must agree at all of them: "confirmed" says that no formal difference was seen at
these sizes, not more. It is no proof for every n; that is the normal form's part.

**Not covered.**  Signs and domains (log(x^2) = 2 log x is confirmed; that arguments of logarithms
are positive is not looked at), n > 4, functions other than exp, log and powers, a logarithm
directly inside a logarithm; those come out as "outside".  ``partial(f, x)`` is differentiated by
sympy, so the rules of ``finitesums.calculus`` are checked too; a partial of a partial opens the
inner one by its definition.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import isqrt, prod
from typing import Any

import sympy as sp

from finitesums.calculus import Partial
from finitesums.evaluation import whole_range
from finitesums.letters import Bound, Defined, OutsideFragment, is_index, outermost
from finitesums.letters import m as states
from finitesums.letters import n as actions

TOWER = (156636479, 78318239, 39159119, 19579559, 9789779)
GENERATORS = tuple(pow(1234577, 2, p) for p in TOWER)
VALUE = 1  # the floor on which lines are compared
MOST_ACTIONS = 4
MOST_STATES = 2
DRAWS = 256


class BadPoint(ArithmeticError):
    """A division by zero, or a logarithm of a non-square under an exponential: draw again."""


@dataclass(frozen=True)
class Verdict:
    """``outcome``: confirmed, refuted or outside; at how many points; where or why."""

    outcome: str
    points: int
    reason: str = ""

    def __bool__(self) -> bool:
        return self.outcome == "confirmed"


def check(left: sp.Expr, right: sp.Expr, *, seed: int = 0) -> Verdict:
    """Compare two lines at random residues, at all sizes and patterns of indices."""
    sides = [_opened(sp.sympify(side)) for side in (left, right)]
    points = 0
    try:
        for place in _places(sp.Tuple(*sides)):
            values = _values(sides, place, f"{seed} {points}")
            points += 1
            if values[0] != values[1]:
                return Verdict("refuted", points, _said(place))
    except OutsideFragment as problem:
        return Verdict("outside", points, str(problem))
    return Verdict("confirmed", points)


def check_derivative(expr: sp.Expr, x: sp.Expr, result: sp.Expr, *, seed: int = 0) -> Verdict:
    """Compare ``result`` with d expr / d x, differentiated by sympy."""
    return check(Partial(expr, x), result, seed=seed)


def _said(place: dict[sp.Basic, int]) -> str:
    return ", ".join(f"{letter} = {value}" for letter, value in place.items())


def _opened(expr: sp.Basic) -> sp.Basic:
    """Definitions written out, but for derivatives."""
    if isinstance(expr, Partial):
        return Partial(_opened(expr.args[0]), expr.args[1])
    if isinstance(expr, Defined):
        return _opened(expr.definition())
    if not expr.has(Defined):
        return expr
    return expr.func(*(_opened(arg) for arg in expr.args))


# ------------------------------------------------------------------------------- sizes and patterns


def _places(lines: sp.Tuple) -> Iterator[dict[sp.Basic, int]]:
    """Sizes, and values of the free indices up to renaming: every pattern of coincidence, once."""
    letters = sorted((x for x in lines.free_symbols if is_index(x)), key=str)
    fixed = sorted({int(i) for i in _numbers_as_indices(lines)})
    sizes = product(
        range(1, 1 + _largest(lines, letters, actions, MOST_ACTIONS)),
        range(1, 1 + _largest(lines, letters, states, MOST_STATES)),
    )
    for n, m in sizes:
        size = {actions: n, states: m}
        free = {upper: [x for x in letters if x.upper == upper] for upper in size}
        ways = product(
            *(_patterns(len(free[upper]), fixed, size[upper]) for upper in (actions, states))
        )
        for act, state in ways:
            yield {
                **size,
                **dict(zip(free[actions], act, strict=True)),
                **dict(zip(free[states], state, strict=True)),
            }


def _largest(lines: sp.Tuple, letters: Iterable[sp.Symbol], size: sp.Symbol, most: int) -> int:
    """One size is enough if nothing in the lines speaks of it."""
    return most if size in lines.free_symbols or any(x.upper == size for x in letters) else 1


def _numbers_as_indices(lines: sp.Tuple) -> Iterator[sp.Integer]:
    for node in lines.atoms(sp.Indexed, sp.KroneckerDelta):
        places = node.indices if isinstance(node, sp.Indexed) else node.args
        yield from (i for i in places if i.is_Integer)


def _patterns(k: int, fixed: list[int], size: int) -> Iterator[tuple[int, ...]]:
    """Values in 1..size of k letters: each a number of ``fixed``, an earlier one, or a new one."""
    if k == 0:
        yield ()
        return
    for start in _patterns(k - 1, fixed, size):
        known = {x for x in [*fixed, *start] if x <= size}
        new = [x for x in range(1, size + 1) if x not in known][:1]
        yield from ((*start, x) for x in sorted(known) + new)


# --------------------------------------------------------------------------------------- evaluation


def _values(sides: list[sp.Expr], place: dict[sp.Basic, int], seed: str) -> list[int]:
    for draw in range(DRAWS):
        point = _Point(place, f"{seed} {draw}")
        try:
            return [point.value(side, VALUE, (), False) for side in sides]
        except BadPoint:
            continue
    raise OutsideFragment(f"no point found where the lines are defined at {_said(place)}")


class _Point:
    """One residue for every letter on every floor, drawn when first asked for."""

    def __init__(self, place: dict[sp.Basic, int], seed: str) -> None:
        self.place = place
        self.seed = seed
        self.drawn: dict[tuple[Any, ...], int] = {}
        self.memo: dict[tuple[Any, ...], int] = {}

    # -- letters

    def draw(self, letter: sp.Basic, where: tuple[int, ...], floor: int, positive: bool) -> int:
        key = (letter, where, floor)
        if key not in self.drawn:
            draw = random.Random(f"{self.seed} {floor} {sp.srepr(letter)} {where}")
            p = TOWER[floor]
            residue = draw.randrange(1, p)
            self.drawn[key] = residue * residue % p if positive else residue
        return self.drawn[key]

    def number(self, letter: sp.Symbol, bound: dict[sp.Symbol, int]) -> int:
        """The value of an index, a size or a limit."""
        for known in (bound, self.place):
            if letter in known:
                return known[letter]
        if _is_size(letter):
            return random.Random(f"{self.seed} {letter}").randint(1, 3)
        raise OutsideFragment(f"no value for {letter}")

    def whole(self, expr: sp.Basic, bound: dict[sp.Symbol, int]) -> int:
        """The value of an integer expression in an index or a limit."""
        if expr.is_Integer:
            return int(expr)
        if isinstance(expr, sp.Symbol):
            return self.number(expr, bound)
        if isinstance(expr, sp.Add):
            return sum(self.whole(arg, bound) for arg in expr.args)
        raise OutsideFragment(f"{expr} as an index or a limit")

    # -- values

    def value(self, expr: sp.Expr, floor: int, bound: Bound, strict: bool) -> int:
        """The residue of ``expr``; ``strict`` under an exponential: logarithms need squares."""
        letters = _free(expr)
        seen = tuple(pair for pair in bound if pair[0] in letters)
        key = (expr, floor, seen, strict)
        if key not in self.memo:
            self.memo[key] = self._value(expr, floor, seen, strict) % TOWER[floor]
        return self.memo[key]

    def _value(self, expr: sp.Expr, floor: int, bound: Bound, strict: bool) -> int:
        args = expr.args
        if isinstance(expr, sp.Add):
            return sum(self.value(arg, floor, bound, strict) for arg in args)
        if isinstance(expr, sp.Mul):
            return prod(self.value(arg, floor, bound, strict) for arg in args)
        if isinstance(expr, sp.exp):
            return self._power_of_generator(expr.exp, floor, bound)
        if isinstance(expr, sp.log) and len(args) == 1:
            if floor == 0:
                raise OutsideFragment("a logarithm inside a logarithm")
            return _logarithm(self.value(args[0], floor - 1, bound, False), floor - 1, strict)
        if isinstance(expr, sp.Pow):
            return self._power(self.value(args[0], floor, bound, strict), args[1], floor, bound)
        if isinstance(expr, sp.Sum):
            return self._sum(expr, floor, bound, strict)
        if isinstance(expr, Partial):
            return self._slope(args[0], args[1], floor, bound, strict)
        return self._leaf(expr, floor, dict(bound))

    def _leaf(self, expr: sp.Expr, floor: int, bound: dict[sp.Symbol, int]) -> int:
        """A number, a letter, an entry of a table or a delta."""
        if expr.is_Rational:
            return int(expr.p) * pow(int(expr.q), -1, TOWER[floor]) % TOWER[floor]
        if expr is sp.E:
            return self._power_of_generator(sp.S.One, floor, ())
        if isinstance(expr, sp.Symbol):
            if expr in bound or expr in self.place or is_index(expr) or _is_size(expr):
                return self.number(expr, bound)
            return self.draw(expr, (), floor, bool(expr.is_positive))
        if isinstance(expr, sp.Indexed):
            where = tuple(self.whole(i, bound) for i in expr.indices)
            return self.draw(expr.base, where, floor, _positive_table(expr.base))
        if isinstance(expr, sp.KroneckerDelta) and len(expr.args) == 2:
            i, j = (self.whole(arg, bound) for arg in expr.args)
            return int(i == j)
        raise OutsideFragment(f"{type(expr).__name__}: {expr}")

    def _sum(self, expr: sp.Sum, floor: int, bound: Bound, strict: bool) -> int:
        letter, low, high, body = outermost(expr)
        places = whole_range(expr, *(self.whole(end, dict(bound)) for end in (low, high)))
        outside = tuple(pair for pair in bound if pair[0] != letter)
        return sum(self.value(body, floor, (*outside, (letter, k)), strict) for k in places)

    def _slope(self, f: sp.Expr, x: sp.Expr, floor: int, bound: Bound, strict: bool) -> int:
        """d f / d x; an entry x gets letters of its own as indices, and f captures none."""
        if isinstance(x, sp.Indexed):
            own = _own_letters(len(x.indices))
            places = (self.whole(i, dict(bound)) for i in x.indices)
            bound = (*bound, *zip(own, places, strict=True))
            x = x.base[own]
        return self.value(_differentiated(f, x), floor, bound, strict)

    def _power(self, base: int, exponent: sp.Expr, floor: int, bound: Bound) -> int:
        if not exponent.is_Integer:
            return self._power_of_generator(exponent, floor, bound, _logarithm(base, floor, True))
        if exponent < 0 and base == 0:
            raise BadPoint
        return pow(base, int(exponent), TOWER[floor])

    def _power_of_generator(
        self, exponent: sp.Expr, floor: int, bound: Bound, times: int = 1
    ) -> int:
        """g^(times * exponent): exp of the exponent for times = 1."""
        if floor + 1 == len(TOWER):
            raise OutsideFragment("exponentials are nested too deep")
        power = times * self.value(exponent, floor + 1, bound, True)
        return pow(GENERATORS[floor], power, TOWER[floor])


def _is_size(letter: sp.Symbol) -> bool:
    return bool(letter.is_integer and letter.is_positive and not is_index(letter))


def _positive_table(base: sp.IndexedBase) -> bool:
    return bool(base.is_positive or base.label.is_positive)


@cache
def _free(expr: sp.Expr) -> frozenset[sp.Basic]:
    return frozenset(expr.free_symbols)


@cache
def _own_letters(how_many: int) -> tuple[sp.Dummy, ...]:
    return sp.symbols(f"i:{how_many}", cls=sp.Dummy, integer=True)


@cache
def _differentiated(expr: sp.Expr, x: sp.Expr) -> sp.Expr:
    return sp.diff(expr, x)


# ------------------------------------------------------------------------------ discrete logarithms


def _logarithm(residue: int, floor: int, strict: bool) -> int:
    if residue == 0 or (strict and pow(residue, TOWER[floor] // 2, TOWER[floor]) != 1):
        raise BadPoint
    return discrete_logarithm(residue, floor)


@cache
def _small_steps(floor: int) -> dict[int, int]:
    """{g^j: j} for j below twice the root of the order of g."""
    p = TOWER[floor]
    steps: dict[int, int] = {}
    residue = 1
    for j in range(2 * isqrt(p)):
        steps.setdefault(residue, j)
        residue = residue * GENERATORS[floor] % p
    return steps


@cache
def discrete_logarithm(residue: int, floor: int) -> int:
    """x mod p_{floor+1} with g^(2 x) = residue^2 mod p_floor, by small and large steps.

    A homomorphism on all residues, and the logarithm to the base g on the squares.
    """
    p = TOWER[floor]
    order = p // 2
    steps = _small_steps(floor)
    leap = pow(GENERATORS[floor], -len(steps), p)
    at = residue * residue % p
    for k in range(order // len(steps) + 1):
        if at in steps:
            return (k * len(steps) + steps[at]) * pow(2, -1, order) % order
        at = at * leap % p
    raise AssertionError(f"{residue} has no logarithm mod {p}")
