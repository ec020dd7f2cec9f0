"""Random expressions made twice: as sympy trees, and as plain functions that know no sympy.

Letters are shared, shadowed and hidden on purpose.  ``number`` evaluates any sympy tree by itself,
so what the library returns is compared with what the generator meant.
"""

import cmath
import random
from dataclasses import dataclass
from math import prod
from operator import add, mul, sub

import sympy as sp

import finitesums as S
from finitesums import Delta, V, a, pi, s, t, theta
from finitesums.letters import Defined, outermost, put

K = S.table("K", S.Action, S.Action)
MOVE = S.table("P", S.State, S.Action, S.State)
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


FUNCTIONS = {
    sp.Add: lambda *terms: sum(terms),
    sp.Mul: lambda *factors: prod(factors),
    sp.Pow: pow,
    sp.exp: cmath.exp,
    sp.log: cmath.log,
    sp.KroneckerDelta: lambda i, j: int(i == j),
}


def number(expr, env, world):
    """The value of a sympy expression; ``env`` gives the indices."""
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
    if isinstance(expr, sp.Sum):
        *inner, (letter, low, high) = expr.limits
        body = sp.Sum(expr.function, *inner) if inner else expr.function
        places = range(int(number(low, env, world)), int(number(high, env, world)) + 1)
        return sum(number(body, {**env, letter: place}, world) for place in places)
    return FUNCTIONS[expr.func](*(number(arg, env, world) for arg in expr.args))


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


def applied(symbolic, plain, *parts):
    """A function of expressions: what it is for sympy, and what it is for numbers."""
    return Made(
        symbolic(*(part.expr for part in parts)),
        lambda e, u: plain(*(part.value(e, u) for part in parts)),
    )


def summed(letter, size, x):
    """The sum of ``x`` over ``letter`` from 1 to the symbol ``size``."""

    def value(env, world):
        places = range(1, world.sizes[size.name] + 1)
        return sum(x.value({**env, letter: place}, world) for place in places)

    return Made(sp.Sum(x.expr, (letter, 1, size)), value)


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


ARITHMETIC = {"add": add, "mul": mul, "sub": sub}


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
            Made(MOVE[v, i, x], lambda e, u: u.entry("P", e[v], e[i], e[x])),
            Made(
                sp.exp(S.indicator(i, c) * t),
                lambda e, u: cmath.exp((e[i] == e[c]) * u.scalar("t")),
            ),
        ]
    )


def rearranged(draw, expr):
    """An expression with the same value: bound letters renamed, products multiplied out."""
    if isinstance(expr, (Defined, sp.Indexed, sp.KroneckerDelta)) or not expr.has(sp.Sum, Defined):
        return sp.expand(S.expand_definitions(expr)) if draw.random() < 0.5 else expr
    if isinstance(expr, sp.Sum):
        letter, low, high, body = outermost(expr)
        fresh = sp.Symbol("fresh", integer=True, positive=True)
        return sp.Sum(put(rearranged(draw, body), {letter: fresh}), (fresh, low, high))
    return expr.func(*(rearranged(draw, arg) for arg in expr.args))


def _normaliser(state, world):
    acts = range(1, world.sizes["n"] + 1)
    return sum(cmath.exp(world.entry("theta", state, act)) for act in acts)


def make(draw, depth, acts=(a, b), states=(s, y)):
    """A random expression with free indices among ``acts`` and ``states``."""
    if depth == 0:
        return leaf(draw, acts, states)

    def deeper(acts=acts, states=states):
        return make(draw, depth - 1, acts, states)

    kind = draw.choice([*ARITHMETIC, "exp", "log", "mix", "sum", "sum", "sum", "states", "size"])
    if kind in ARITHMETIC:
        return applied(ARITHMETIC[kind], ARITHMETIC[kind], deeper(), deeper())
    if kind == "exp":
        x = leaf(draw, acts, states)
        return applied(lambda x: sp.exp(x / 2), lambda x: cmath.exp(x / 2), x)
    if kind == "log":
        x = leaf(draw, acts, states)
        return applied(lambda x: sp.log(1 + sp.exp(x)), lambda x: cmath.log(1 + cmath.exp(x)), x)
    if kind == "mix":
        return _mixture(draw, acts, states)
    if kind == "size":
        x = deeper()
        entry = Made(F[j], lambda e, u: u.entry("F", e[j]))
        return x if j in x.expr.free_symbols else summed(j, N, applied(mul, mul, x, entry))
    if kind == "states":
        letter = draw.choice([y, sp.Symbol("z", integer=True, positive=True)])
        return summed(letter, S.m, deeper(states=(*states, letter, letter)))
    letter = draw.choice([j, k, b])
    return summed(letter, S.n, deeper(acts=(*acts, letter, letter)))


def _mixture(draw, acts, states):
    i = draw.choice(acts)
    v = draw.choice(states)
    p, first = draw.choice(POLICIES)
    q, second = draw.choice(POLICIES)

    def value(e, u):
        share = u.scalar("w")
        return cmath.log((1 - share) * first(e, u, e[v], e[i]) + share * second(e, u, e[v], e[i]))

    return Made(sp.log((1 - w) * p(v, i) + w * q(v, i)), value)


def worlds(seed, moved=None):
    """(env, world) at n = 1, 2, 3, with random places for the free letters."""
    draw = random.Random(seed)
    for n, m, size in ((1, 2, 2), (2, 1, 3), (3, 2, 1)):
        env = {letter: draw.randint(1, n) for letter in (a, b, j, k)}
        env |= {letter: draw.randint(1, m) for letter in (s, y)}
        yield env, World(seed, n, m, size, moved)
