"""Random expressions made twice: as sympy trees, and as plain functions that know no sympy.

Letters are shared, shadowed and hidden on purpose.  ``number`` evaluates any sympy tree by itself,
so what the library returns is compared with what the generator meant.
"""

import cmath
import random
from dataclasses import dataclass
from math import prod

import sympy as sp

import finitesums as S
from finitesums import Delta, V, a, pi, s, t, theta
from finitesums.letters import Defined

K = S.table("K", S.Action, S.Action)
F = sp.IndexedBase("F", real=True)
N = sp.Symbol("N", integer=True, positive=True)
w = S.weight("w")
b = S.action("b")
y = S.state("y")
j, k = sp.symbols("j k", integer=True, positive=True)
pi_t = S.path(Delta)
STEP = 1e-30


class World:
    """Sizes and numbers; ``moved`` is the entry or scalar that takes a small imaginary step."""

    def __init__(self, seed, n, m, size, moved=None):
        self.seed = seed
        self.sizes = {"n": n, "m": m, "N": size}
        self.moved = moved
        self.given = {}

    def entry(self, name, *where):
        value = random.Random(f"{self.seed} {name} {where}").uniform(-1, 1)
        return value + (STEP * 1j if self.moved == (name, *where) else 0)

    def scalar(self, name):
        if name in self.given:
            return self.given[name]
        if name in self.sizes:
            return self.sizes[name]
        low = 0 if name == "w" else -1
        value = random.Random(f"{self.seed} {name}").uniform(low + 0.05, 0.95)
        return value + (STEP * 1j if self.moved == (name,) else 0)


# ------------------------------------------------------------------------ evaluation of sympy trees


def number(expr, env, world):
    """The value of a sympy expression; ``env`` gives the indices."""
    args = expr.args
    if expr.is_Rational:
        return int(expr.p) / int(expr.q)
    if expr is sp.E:
        return cmath.e
    if isinstance(expr, Defined):
        return number(expr.definition(), env, world)
    if isinstance(expr, sp.Symbol):
        return env[expr] if expr in env else world.scalar(expr.name)
    if isinstance(expr, sp.Indexed):
        where = (int(number(i, env, world)) for i in expr.indices)
        return world.entry(str(expr.base), *where)
    if isinstance(expr, sp.KroneckerDelta):
        return int(number(args[0], env, world) == number(args[1], env, world))
    if isinstance(expr, sp.Add):
        return sum(number(arg, env, world) for arg in args)
    if isinstance(expr, sp.Mul):
        return prod(number(arg, env, world) for arg in args)
    if isinstance(expr, sp.exp):
        return cmath.exp(number(args[0], env, world))
    if isinstance(expr, sp.log):
        return cmath.log(number(args[0], env, world))
    if isinstance(expr, sp.Pow):
        return number(args[0], env, world) ** number(args[1], env, world)
    assert isinstance(expr, sp.Sum), type(expr)
    *inner, (letter, low, high) = expr.limits
    body = sp.Sum(expr.function, *inner) if inner else expr.function
    places = range(int(number(low, env, world)), int(number(high, env, world)) + 1)
    return sum(number(body, {**env, letter: place}, world) for place in places)


def close(x, y, tolerance=1e-8):
    return abs(x - y) <= tolerance * max(1, abs(x), abs(y))


def shares(x, y):
    """Equal values, and equal slopes: the imaginary parts over the step."""
    return close(x.real, y.real) and close(x.imag / STEP, y.imag / STEP, 1e-6)


# --------------------------------------------------------------------------------------- generation


@dataclass(frozen=True)
class Made:
    """An expression, and its meaning as a function of (env, world)."""

    expr: sp.Expr
    value: object


def softmax(logit):
    def probability(env, world, state, act):
        weights = [cmath.exp(logit(env, world, state, c + 1)) for c in range(world.sizes["n"])]
        return weights[act - 1] / sum(weights)

    return probability


def hiding(letter):
    """A policy whose logits speak of ``letter`` without having it as an argument."""
    rule = S.Softmax(lambda s, a: theta[s, a] * K[a, letter], "q")

    def logit(env, world, state, act):
        return world.entry("theta", state, act) * world.entry("K", act, env[letter])

    return rule, softmax(logit)


def trapping(letter):
    """A policy whose rule binds ``letter`` in a plain sum: an argument of that name stays free."""
    rule = S.Softmax(lambda s, a: sp.Sum(K[a, letter] * theta[s, letter], (letter, 1, S.n)), "r")

    def logit(_, world, state, act):
        places = range(1, world.sizes["n"] + 1)
        return sum(world.entry("K", act, c) * world.entry("theta", state, c) for c in places)

    return rule, softmax(logit)


def _theta(_, world, state, act):
    return world.entry("theta", state, act)


def _moved(_, world, state, act):
    return world.entry("theta", state, act) + world.scalar("t") * world.entry("Delta", state, act)


POLICIES = [
    (pi, softmax(_theta)),
    (pi_t, softmax(_moved)),
    *map(hiding, (j, k, b)),
    *map(trapping, (j, k)),
]


def leaf(draw, acts, states):
    i = draw.choice(acts)
    c = draw.choice(acts)
    v = draw.choice(states)
    x = draw.choice(states)
    policy, probability = draw.choice(POLICIES)
    whole = draw.randint(-2, 2)
    return draw.choice(
        [
            Made(sp.Integer(whole), lambda _e, _u: whole),
            Made(S.indicator(i, c), lambda e, _: int(e[i] == e[c])),
            Made(S.indicator(v, x), lambda e, _: int(e[v] == e[x])),
            Made(theta[v, i], lambda e, u: u.entry("theta", e[v], e[i])),
            Made(K[i, c], lambda e, u: u.entry("K", e[i], e[c])),
            Made(V[v], lambda e, u: u.entry("V", e[v])),
            Made(t, lambda _, u: u.scalar("t")),
            Made(S.n, lambda _, u: u.sizes["n"]),
            Made(policy(v, i), lambda e, u: probability(e, u, e[v], e[i])),
            Made(policy(v, i), lambda e, u: probability(e, u, e[v], e[i])),
            Made(policy.log(v, i), lambda e, u: cmath.log(probability(e, u, e[v], e[i]))),
            Made(1 / S.Z(v), lambda e, u: 1 / _normaliser(e[v], u)),
            Made(S.indicator(i, 1), lambda e, _: int(e[i] == 1)),
        ]
    )


def _normaliser(state, world):
    acts = range(1, world.sizes["n"] + 1)
    return sum(cmath.exp(world.entry("theta", state, act)) for act in acts)


def make(draw, depth, acts=(a, b), states=(s, y)):
    """A random expression with free indices among ``acts`` and ``states``."""
    if depth == 0:
        return leaf(draw, acts, states)

    def deeper(acts=acts, states=states):
        return make(draw, depth - 1, acts, states)

    kind = draw.choice(
        ["add", "mul", "sub", "exp", "log", "mix", "sum", "sum", "sum", "states", "size"]
    )
    if kind in ("add", "mul", "sub"):
        return _pair(kind, deeper(), deeper())
    if kind == "exp":
        x = leaf(draw, acts, states)
        return Made(sp.exp(x.expr / 2), lambda e, u: cmath.exp(x.value(e, u) / 2))
    if kind == "log":
        x = leaf(draw, acts, states)
        return Made(
            sp.log(1 + sp.exp(x.expr)), lambda e, u: cmath.log(1 + cmath.exp(x.value(e, u)))
        )
    if kind == "mix":
        return _mixture(draw, acts, states)
    if kind == "size":
        x = deeper()
        size = Made(sp.Sum(x.expr * F[j], (j, 1, N)), lambda e, u: _over(j, "N", x, e, u))
        return size if j not in x.expr.free_symbols else x
    if kind == "states":
        letter = draw.choice([y, sp.Symbol("z", integer=True, positive=True)])
        x = deeper(states=(*states, letter, letter))
        return Made(sp.Sum(x.expr, (letter, 1, S.m)), lambda e, u: _sum(letter, "m", x, e, u))
    letter = draw.choice([j, k, b])
    x = deeper(acts=(*acts, letter, letter))
    return Made(sp.Sum(x.expr, (letter, 1, S.n)), lambda e, u: _sum(letter, "n", x, e, u))


def _pair(kind, x, y):
    if kind == "add":
        return Made(x.expr + y.expr, lambda e, u: x.value(e, u) + y.value(e, u))
    if kind == "sub":
        return Made(x.expr - y.expr, lambda e, u: x.value(e, u) - y.value(e, u))
    return Made(x.expr * y.expr, lambda e, u: x.value(e, u) * y.value(e, u))


def _mixture(draw, acts, states):
    i = draw.choice(acts)
    v = draw.choice(states)
    p, first = draw.choice(POLICIES)
    q, second = draw.choice(POLICIES)

    def value(e, u):
        share = u.scalar("w")
        return cmath.log((1 - share) * first(e, u, e[v], e[i]) + share * second(e, u, e[v], e[i]))

    return Made(sp.log((1 - w) * p(v, i) + w * q(v, i)), value)


def _sum(letter, size, x, env, world):
    places = range(1, world.sizes[size] + 1)
    return sum(x.value({**env, letter: place}, world) for place in places)


def _over(_letter, size, x, env, world):
    places = range(1, world.sizes[size] + 1)
    return sum(x.value(env, world) * world.entry("F", place) for place in places)


def worlds(seed, moved=None):
    """(env, world) at n = 1, 2, 3, with random places for the free letters."""
    draw = random.Random(seed)
    for n, m, size in ((1, 2, 2), (2, 1, 3), (3, 2, 1)):
        env = {letter: draw.randint(1, n) for letter in (a, b, j, k)}
        env |= {letter: draw.randint(1, m) for letter in (s, y)}
        yield env, World(seed, n, m, size, moved)
