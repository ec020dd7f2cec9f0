"""Letters, and which of them are bound where: the ground on which the other modules stand.

**Invariants.**  Every module keeps them; ``tests/finitesums/test_scope.py`` tries to break them.

1. A ``sympy.Sum`` binds its letter in its body, never in its limits; the inner of two equal letters
   wins.  A limit is an integer or a free size: a limit that is bound by an outer sum is refused.
2. A closed symbol (``pi(s, a)``) means its definition written out.  A letter that the definition
   hides is bound by the sums around it, exactly as if it were written there, and whatever replaces
   letters (``put``, ``xreplace``, ``subs``) opens a definition that hides one of them.
3. A rule (the logits of a policy) is read once, at letters of its own; its arguments are put in
   without capture: a letter bound inside the rule is another letter than an argument of that name.
4. A letter is an index or a number, not both; substitution (``at``) replaces numbers alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, reduce
from itertools import chain, count
from typing import Any

import sympy as sp

n = sp.Symbol("n", integer=True, positive=True)
"""Number of actions, symbolic."""
m = sp.Symbol("m", integer=True, positive=True)
"""Number of states, symbolic."""

# Letters that sums around an expression bind, with their values.
Bound = tuple[tuple[sp.Symbol, int], ...]


class OutsideFragment(ValueError):
    """The expression holds something about which this layer refuses to reason."""


class Action(sp.Symbol):
    """A free index that names one action: an unknown element of {1, ..., n}."""

    __slots__ = ()
    upper = n


class State(sp.Symbol):
    """A free index that names one state: an unknown element of {1, ..., m}."""

    __slots__ = ()
    upper = m


class BoundAction(sp.Dummy):
    """A summation index over actions; each is new, so none is captured."""

    __slots__ = ()
    upper = n


class BoundState(sp.Dummy):
    """A summation index over states."""

    __slots__ = ()
    upper = m


class Weight(sp.Symbol):
    """A real number strictly between 0 and 1, for mixtures (1 - w) p + w q."""

    __slots__ = ()


def is_index(letter: sp.Basic) -> bool:
    """True for the letters that are declared as an index, free or bound."""
    return hasattr(letter, "upper")


# ----------------------------------------------------------------------------------- closed symbols


class Defined(sp.Function):
    """A closed symbol that knows its definition: three subclasses for each policy, and ``Partial``.

    The letters hidden inside the definition count as free symbols, and replacing one of them opens
    the definition, so sympy's ``diff``, ``subs`` and ``xreplace`` see inside.
    """

    is_real = True

    def definition(self) -> sp.Expr:
        """The right side of the definition, one level deep."""
        raise NotImplementedError

    def hidden(self) -> frozenset[sp.Basic]:
        """The free symbols of the definition that do not come from the arguments."""
        raise NotImplementedError

    def doit(self, **hints: Any) -> sp.Expr:
        """The definition, opened."""
        return self.definition().doit(**hints) if hints.get("deep", True) else self.definition()

    @property
    def free_symbols(self) -> set[sp.Basic]:
        return set(_free_symbols(self))  # a new set: sympy takes letters out of it

    def _eval_derivative(self, x: sp.Basic) -> sp.Expr:
        return expand_definitions(self).diff(x)

    def _eval_subs(self, old: sp.Basic, new: sp.Basic) -> sp.Expr | None:
        return expand_definitions(self)._subs(old, new) if self._hides(old) else None

    def _xreplace(self, rule: Mapping[sp.Basic, sp.Basic]) -> tuple[sp.Expr, bool]:
        if self not in rule and any(self._hides(key) for key in rule):
            return expand_definitions(self)._xreplace(rule)
        return super()._xreplace(rule)

    def _hides(self, expr: sp.Basic) -> bool:
        return bool(expr.free_symbols & self.hidden())


@cache
def _free_symbols(node: Defined) -> frozenset[sp.Basic]:
    written: frozenset[sp.Basic] = frozenset().union(*(arg.free_symbols for arg in node.args))
    return written | expand_definitions(node).free_symbols


def expand_definitions(expr: sp.Expr) -> sp.Expr:
    """``expr`` with every pi, log pi and Z opened down to tables, exp, log and sums."""
    expr = sp.sympify(expr)
    if isinstance(expr, Defined):
        return expand_definitions(expr.definition())
    if not expr.has(Defined):
        return expr
    return expr.func(*(expand_definitions(arg) for arg in expr.args))


def outermost(expr: sp.Sum) -> tuple[sp.Symbol, sp.Expr, sp.Expr, sp.Expr]:
    """(letter, low, high, body) of the outermost of nested sums: the last limit of a sympy Sum."""
    *inner, (letter, low, high) = expr.limits
    return letter, low, high, sp.Sum(expr.function, *inner) if inner else expr.function


# ------------------------------------------------------------------------------------- substitution


def put(expr: sp.Basic, values: Mapping[sp.Basic, sp.Basic]) -> sp.Basic:
    """``expr`` with free letters replaced at once; a sum that would capture a value is renamed."""
    if not expr.free_symbols & values.keys():
        return expr
    if isinstance(expr, sp.Symbol):
        return values[expr]
    if isinstance(expr, Defined) and expr.hidden() & values.keys():
        return put(expand_definitions(expr), values)
    if isinstance(expr, sp.Sum):
        return _put_in_sum(expr, values)
    if isinstance(expr, sp.Indexed):
        return expr.base[tuple(put(i, values) for i in expr.indices)]
    return expr.func(*(put(arg, values) for arg in expr.args))


def _put_in_sum(expr: sp.Sum, values: Mapping[sp.Basic, sp.Basic]) -> sp.Expr:
    letter, low, high, body = outermost(expr)
    coming = {
        key: value for key, value in values.items() if key in body.free_symbols and key != letter
    }
    fresh = letter
    if any(letter in value.free_symbols for value in coming.values()):
        fresh = alike(letter)
        coming[letter] = fresh
    limits = (fresh, put(low, values), put(high, values))
    return type(expr)(put(body, coming), limits)


def alike(letter: sp.Symbol) -> sp.Symbol:
    """A new letter of the same range and name."""
    kinds = {n: BoundAction, m: BoundState}
    return kinds.get(getattr(letter, "upper", None), sp.Dummy)(letter.name, **letter.assumptions0)


# --------------------------------------------------------------------------------- roles of letters


@dataclass(frozen=True)
class Roles:
    """The letters of an expression by their places."""

    indices: frozenset[sp.Basic] = frozenset()
    limits: frozenset[sp.Basic] = frozenset()
    bound: frozenset[sp.Basic] = frozenset()

    def __or__(self, other: Roles) -> Roles:
        return Roles(
            self.indices | other.indices, self.limits | other.limits, self.bound | other.bound
        )


def roles(expr: sp.Basic) -> Roles:
    """Where the letters of ``expr`` stand, its definitions written out."""
    return _roles(expand_definitions(expr))


@cache
def _roles(expr: sp.Basic) -> Roles:
    if isinstance(expr, sp.Indexed):
        return Roles(indices=frozenset().union(*(i.free_symbols for i in expr.indices)))
    if isinstance(expr, sp.KroneckerDelta):
        return Roles(indices=frozenset(expr.free_symbols))
    here = Roles()
    if isinstance(expr, sp.Sum):
        limits = frozenset().union(
            *(low.free_symbols | high.free_symbols for _, low, high in expr.limits)
        )
        here = Roles(limits=limits, bound=frozenset(letter for letter, *_ in expr.limits))
        return here | _roles(expr.function)
    return reduce(Roles.__or__, (_roles(arg) for arg in expr.args), here)


# ----------------------------------------------------------------------------------------- messages


def spoken(expr: sp.Basic) -> str:
    """One line of text for people: bound letters are called b, c, d or x, y, z."""
    own = {x: sp.Symbol(x.name) for x in expr.free_symbols if isinstance(x, sp.Dummy)}
    shown = expr.xreplace(own)
    return str(_renamed(shown, {x.name for x in shown.free_symbols if isinstance(x, sp.Symbol)}))


def _renamed(expr: sp.Basic, used: set[str]) -> sp.Basic:
    """Each bound letter gets the first spare name that is free at its place."""
    if isinstance(expr, sp.Sum):
        names = set(used)
        shown = {}
        for letter, _, high in expr.limits:
            kind = "xyz" if high == m else "bcdefgh"
            spare = chain(kind, (f"{kind[0]}{k}" for k in count(1)))
            shown[letter] = sp.Symbol(next(name for name in spare if name not in names))
            names.add(shown[letter].name)
        body = _renamed(expr.function.xreplace(shown), names)
        limits = [(shown[letter], low, high) for letter, low, high in expr.limits]
        return sp.Sum(body, *limits)
    if not expr.args or not expr.has(sp.Sum):
        return expr
    return expr.func(*(_renamed(arg, used) for arg in expr.args))
