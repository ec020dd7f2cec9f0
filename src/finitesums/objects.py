"""The vocabulary: indices, tables, softmax policies, sums and moments, all as sympy expressions.

An expectation over an unknown number ``n`` of actions is an ordinary ``sympy.Sum`` from 1 to ``n``.
The symbols ``pi(s, a)``, ``log_pi(s, a)`` and ``Z(s)`` are kept closed, so that a line of a
derivation prints as it is written in the book; each knows its definition, and
``expand_definitions`` opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import sympy as sp
from sympy.utilities.iterables import multiset_partitions

from finitesums.letters import (
    Action,
    BoundAction,
    BoundState,
    Defined,
    State,
    Weight,
    m,
    n,
    put,
)


def action(name: str) -> Action:
    """A free action index, for instance ``action("b")``."""
    return Action(name, integer=True, positive=True)


def state(name: str) -> State:
    """A free state index, for instance ``state("s'")``."""
    return State(name, integer=True, positive=True)


def weight(name: str) -> Weight:
    """A real number with 0 < w < 1, for mixtures: ``(1 - w) * p + w * q`` is positive."""
    return Weight(name, positive=True)


class Table(sp.IndexedBase):
    """Real unknowns with indices of given kinds, which are a part of what the table is.

    Two tables of one name and different kinds are different tables.
    """

    uppers: tuple[sp.Symbol, ...] = ()

    def _hashable_content(self) -> tuple[Any, ...]:
        return super()._hashable_content() + self.uppers

    def _sympyrepr(self, printer: Any) -> str:
        return f"Table({printer._print(self.label)}, {', '.join(map(str, self.uppers))})"


def table(name: str, *kinds: type[Action] | type[State], positive: bool | None = None) -> Table:
    """A table of real unknowns: ``table("Delta", State, Action)`` is used as ``Delta[s, a]``.

    The normal form refuses indices of the wrong kind (``Delta[a, s]``).  ``positive=True``: all
    entries > 0.
    """
    base = Table(name, real=True, positive=positive)
    base.uppers = tuple(kind.upper for kind in kinds)
    return base


theta = table("theta", State, Action)
Delta = table("Delta", State, Action)
A = table("A", State, Action)
Q = table("Q", State, Action)
V = table("V", State)
s, s1 = state("s"), state("s'")
a, a1 = action("a"), action("a'")
t = sp.Symbol("t", real=True)
eta = sp.Symbol("eta", positive=True)
tau = sp.Symbol("tau", positive=True)


def indicator(i: sp.Expr, j: sp.Expr) -> sp.Expr:
    """1{i = j}, a Kronecker delta."""
    return sp.KroneckerDelta(i, j)


# --------------------------------------------------------------------------------------------- sums


def _name(f: Callable[..., Any], default: str) -> str:
    """The name of the argument of ``f``, the letter for the summation index (``a1`` gives a')."""
    code = getattr(f, "__code__", None)
    if code is None or code.co_argcount == 0:
        return default
    name = code.co_varnames[0]
    return name[:-1] + "'" if len(name) > 1 and name.endswith("1") else name


def sum_actions(f: Callable[[sp.Symbol], sp.Expr]) -> sp.Expr:
    """sum_{b=1}^{n} f(b), with a fresh index that carries the name of the argument of ``f``."""
    b = BoundAction(_name(f, "a"), integer=True, positive=True)
    return sp.Sum(sp.sympify(f(b)), (b, 1, n))


def sum_states(f: Callable[[sp.Symbol], sp.Expr]) -> sp.Expr:
    """sum_{x=1}^{m} f(x), with a fresh index that carries the name of the argument of ``f``."""
    x = BoundState(_name(f, "s"), integer=True, positive=True)
    return sp.Sum(sp.sympify(f(x)), (x, 1, m))


# --------------------------------------------------------------------------------- softmax policies


class OfPolicy(Defined):
    """What a policy gives: its probabilities, their logarithms, its normaliser."""

    policy: Softmax

    def hidden(self) -> frozenset[sp.Basic]:
        return self.policy.hidden


class Probability(OfPolicy):
    """pi(a|s) = exp(logit(s, a)) / Z(s)."""

    nargs = 2
    is_positive = True

    def definition(self) -> sp.Expr:
        return sp.exp(self.policy.logit(*self.args)) / self.policy.Z(self.args[0])

    def _latex(self, printer: Any, exp: Any = None) -> str:
        text = rf"{self.policy.name}({printer._print(self.args[1])}|{printer._print(self.args[0])})"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _sympystr(self, _printer: Any) -> str:
        return f"{self.policy.ascii}({self.args[1]}|{self.args[0]})"


class LogProbability(OfPolicy):
    """log pi(a|s) = logit(s, a) - log Z(s)."""

    nargs = 2

    def definition(self) -> sp.Expr:
        return self.policy.logit(*self.args) - sp.log(self.policy.Z(self.args[0]))

    def _latex(self, printer: Any, exp: Any = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\log{power} {printer._print(self.policy(*self.args))}"

    def _sympystr(self, _printer: Any) -> str:
        return f"log {self.policy.ascii}({self.args[1]}|{self.args[0]})"


class Partition(OfPolicy):
    """Z(s) = sum_b exp(logit(s, b))."""

    nargs = 1
    is_positive = True

    def definition(self) -> sp.Expr:
        return sum_actions(lambda b: sp.exp(self.policy.logit(self.args[0], b)))

    def _latex(self, printer: Any, exp: Any = None) -> str:
        text = rf"Z{self.policy.mark}({printer._print(self.args[0])})"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _sympystr(self, _printer: Any) -> str:
        return f"Z{self.policy.mark}({self.args[0]})"


_serial = count()


@dataclass(frozen=True, eq=False)
class Softmax:
    """pi(a|s) = exp(logits(s, a)) / sum_b exp(logits(s, b)), for a rule ``logits`` of two indices.

    ``policy(s, a)`` is the probability, ``policy.log(s, a)`` its logarithm, ``policy.Z(s)`` the
    normaliser. ``name`` is the LaTeX name.  A Softmax policy has full support whatever its logits.
    """

    logits: Callable[[sp.Expr, sp.Expr], sp.Expr]
    name: str = r"\pi"
    _id: int = field(default_factory=lambda: next(_serial), repr=False)

    def __post_init__(self) -> None:
        """The rule is read when the policy is made; what its names mean later does not count."""
        _ = self._rule

    @cached_property
    def _parts(self) -> list[type]:
        """Probability, LogProbability and Partition of this policy."""
        kinds = Probability, LogProbability, Partition
        return [type(f"{kind.__name__}_{self._id}", (kind,), {"policy": self}) for kind in kinds]

    @cached_property
    def _rule(self) -> tuple[sp.Symbol, sp.Symbol, sp.Expr]:
        """The letters that stand for the arguments, and the logit at them."""
        x = BoundState("s", integer=True, positive=True)
        b = BoundAction("a", integer=True, positive=True)
        return x, b, sp.sympify(self.logits(x, b))

    @cached_property
    def hidden(self) -> frozenset[sp.Basic]:
        """The letters that every value of the policy speaks of, besides its arguments."""
        x, b, rule = self._rule
        return frozenset(letter for letter in rule.free_symbols if not letter.has(x, b))

    def logit(self, s: sp.Expr, a: sp.Expr) -> sp.Expr:
        """The logit at (s, a): the rule with its letters replaced, without capture."""
        x, b, rule = self._rule
        return put(rule, {x: sp.sympify(s), b: sp.sympify(a)})

    def __call__(self, s: sp.Expr, a: sp.Expr) -> sp.Expr:
        return self._parts[0](s, a)

    def log(self, s: sp.Expr, a: sp.Expr) -> sp.Expr:
        """log pi(a|s)."""
        return self._parts[1](s, a)

    def Z(self, s: sp.Expr) -> sp.Expr:
        """The normaliser Z(s)."""
        return self._parts[2](s)

    @property
    def mark(self) -> str:
        """What follows pi in the name ("_t" in ``\\pi_t``), to be put on Z too."""
        return self.name.removeprefix(r"\pi")

    @property
    def ascii(self) -> str:
        return self.name.replace("\\", "")


pi = Softmax(lambda s, a: theta[s, a])
log_pi = pi.log
Z = pi.Z


def path(direction: sp.IndexedBase = A, *, name: str = r"\pi_t") -> Softmax:
    """pi_t(a|s) proportional to pi(a|s) exp(t direction[s, a]): the logits theta + t direction."""
    return Softmax(lambda s, a: theta[s, a] + t * direction[s, a], name)


# ------------------------------------------------------------------------------------------ moments

Statistic = Callable[[sp.Symbol], sp.Expr]


class Expectation(sp.Sum):
    """sum_a pi(a|s) f(a) that prints as an expectation; in every other respect a ``sympy.Sum``."""

    __slots__ = ()


def expectation(s: sp.Expr, f: Statistic, policy: Softmax = pi) -> sp.Expr:
    """E_{a ~ pi(.|s)} f(a) = sum_a pi(a|s) f(a)."""
    b = BoundAction(_name(f, "a"), integer=True, positive=True)
    return Expectation(policy(s, b) * f(b), (b, 1, n))


def centred(s: sp.Expr, f: Statistic, policy: Softmax = pi) -> Statistic:
    """The statistic a -> f(a) - E f."""
    mean = expectation(s, f, policy)
    return lambda a: f(a) - mean


def _central_moment(s: sp.Expr, fs: Sequence[Statistic], policy: Softmax) -> sp.Expr:
    """E of the product of f - E f over ``fs``; one given twice is centred once, and squared."""
    parts = {f: centred(s, f, policy) for f in fs}
    return expectation(s, lambda a: sp.Mul(*(parts[f](a) for f in fs)), policy)


def covariance(s: sp.Expr, f: Statistic, g: Statistic, policy: Softmax = pi) -> sp.Expr:
    """Cov(f, g) = E[(f - E f)(g - E g)]."""
    return _central_moment(s, (f, g), policy)


def variance(s: sp.Expr, f: Statistic, policy: Softmax = pi) -> sp.Expr:
    """Var(f) = Cov(f, f)."""
    return _central_moment(s, (f, f), policy)


def cumulant3(
    s: sp.Expr, f: Statistic, g: Statistic, k: Statistic, policy: Softmax = pi
) -> sp.Expr:
    """kappa_3(f, g, k) = E[(f - E f)(g - E g)(k - E k)]."""
    return _central_moment(s, (f, g, k), policy)


def cumulant(s: sp.Expr, *fs: Statistic, policy: Softmax = pi) -> sp.Expr:
    """kappa(f_1, ...) = sum over partitions P of (-1)^{|P|-1} (|P|-1)! prod_{B in P} E prod_B f."""

    def moment(block: Sequence[int]) -> sp.Expr:
        return expectation(s, lambda a: sp.Mul(*(fs[i](a) for i in block)), policy)

    total = sp.S.Zero
    for parts in multiset_partitions(list(range(len(fs)))):
        sign = (-1) ** (len(parts) - 1) * sp.factorial(len(parts) - 1)
        total += sign * sp.Mul(*(moment(block) for block in parts))
    return total


def entropy(s: sp.Expr, policy: Softmax = pi) -> sp.Expr:
    """H(pi(.|s)) = -E log pi, in nats."""
    return -expectation(s, lambda a: policy.log(s, a), policy)


def kl(s: sp.Expr, p: Softmax, q: Softmax) -> sp.Expr:
    """KL(p(.|s) || q(.|s)) = E_p [log p - log q], in nats."""
    return expectation(s, lambda a: p.log(s, a) - q.log(s, a), p)
