"""A failure speaks to its reader: which lines, at which numbers, with which values."""

import re

import pytest
import sympy as sp

import finitesums as S
from finitesums import A, Delta, V, Z, a, log_pi, pi, s, s1, theta

b = S.action("b")
INTERNAL = re.compile(r"_\d|\ba_|\bs_|\b_[a-z]|\?\d|#\d|Dummy|Bound")


mean = S.expectation(s, lambda a: log_pi(s, a))
centred = -S.expectation(s, lambda a: Delta[s, a] * (log_pi(s, a) - mean))
covariance = -S.covariance(s, lambda a: log_pi(s, a), lambda a: Delta[s, a])


def A_s(a):
    return A[s, a]


def test_true_lines_need_no_explanation():
    assert S.explain(covariance, centred) is None
    assert S.explain(covariance) is None
    assert S.disagreement(covariance, centred) is None


def test_the_first_wrong_pair_is_named_with_numbers_and_both_values():
    text = S.explain(covariance, centred, -centred, centred)
    assert text.startswith("lines 2 and 3 differ at n = 2, s = 1, Delta[1, 1] = ")
    left, right = (float(x) for x in re.search(r"left (\S+), right (\S+)$", text).groups())
    assert left == -right != 0
    assert not INTERNAL.search(text)


def test_the_numbers_are_those_of_the_disagreement():
    """Put in again by another evaluator, the letters give both values."""
    wrong = S.entropy(s) + S.expectation(s, lambda a: Delta[s, a])
    apart = S.disagreement(S.entropy(s), wrong)
    letters = dict(apart.letters)
    assert letters["n"] == 1 and letters["s"] == 1
    table = {
        name: [[letters[f"{name}[1, 1]"]]]
        for name in ("theta", "Delta")
        if f"{name}[1, 1]" in letters
    }
    assert sorted(table) == ["Delta", "theta"]
    for line, shown in ((S.entropy(s), apart.left), (wrong, apart.right)):
        value = S.instantiate(line, n=1, s=1, **table)
        assert abs(float(sp.N(value)) - float(shown)) < 1e-9


def test_the_smallest_sizes_come_first():
    assert dict(S.disagreement(S.n, 1).letters) == {"n": 2}
    assert dict(S.disagreement(S.m * S.n, S.n).letters) == {"m": 2, "n": 2}
    assert str(S.disagreement(sp.Integer(1), sp.Integer(2))) == "as numbers: left 1.0, right 2.0"


def test_what_is_left_to_show_is_printed():
    f = S.table("f", S.Action)

    def share(b, c):
        return sp.exp(f[b]) / (sp.exp(f[b]) + sp.exp(f[c]))

    text = S.explain(S.sum_actions(lambda b: S.sum_actions(lambda c: share(b, c))), S.n**2 / 2)
    assert "no drawn numbers tell them apart" in text
    assert "exp(f[b])/(exp(f[b]) + exp(f[c]))" in text
    assert not INTERNAL.search(text)


OUTSIDE = {
    "unknown function": lambda: S.sum_actions(lambda b: sp.sin(theta[s, b])),
    "float": lambda: Z(s) + 0.5,
    "division by a sign-free entry": lambda: 1 / Delta[s, a] + Z(s),
    "log of a sign-free entry": lambda: S.sum_actions(lambda b: sp.log(Delta[s, b])),
    "log of a sum": lambda: S.sum_actions(
        lambda b: sp.log(S.sum_actions(lambda c: Delta[s, c] * theta[s, b]))
    ),
    "log of a negative": lambda: sp.log(-Z(s)),
    "log of a difference": lambda: sp.log(Z(s) - 1),
    "division by a difference": lambda: S.sum_actions(lambda b: 1 / (pi(s, b) - 1)),
    "root of a square": lambda: sp.sqrt(Delta[s, a] ** 2) + Z(s),
    "kinds swapped": lambda: S.sum_actions(lambda b: theta[b, s]),
    "index as number": lambda: a * theta[s, a],
    "shifted index": lambda: theta[s, a + 1],
    "unknown range of an index": lambda: S.sum_actions(
        lambda k: S.indicator(k, sp.Symbol("j")) * theta[s, k]
    ),
    "number against a symbolic range": lambda: S.sum_actions(
        lambda k: S.indicator(k, 2) * theta[s, k]
    ),
    "state against actions": lambda: S.sum_actions(lambda k: S.indicator(k, s)),
    "bound index as number": lambda: S.sum_actions(lambda b: b * Delta[s, b]),
    "bound index as a limit": lambda: S.sum_actions(lambda b: sp.Sum(Delta[s, a], (a, 1, b))),
    "range from 2": lambda: sp.Sum(theta[s, b], (b, 2, S.n)),
    "range from 0 of actions": lambda: sp.Sum(theta[s, b], (b, 0, S.n - 1)),
    "infinite range": lambda: sp.Sum(theta[s, b], (b, 1, sp.oo)),
    "range that is not a positive integer": lambda: sp.Sum(theta[s, b], (b, 1, sp.Symbol("k"))),
    "action up to m": lambda: sp.Sum(V[s], (b, 1, S.m)),
    "division by zero": lambda: 1 / (S.variance(s, A_s) - S.cumulant(s, A_s, A_s)),
    "imaginary": lambda: Z(s) * sp.I,
    "nan": lambda: Z(s) + sp.nan,
    "non-commutative": lambda: Z(s) * sp.Symbol("u", commutative=False),
    "product": lambda: sp.Product(theta[s, b], (b, 1, S.n)),
    "matrix": lambda: sp.Matrix([1]),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_outside_the_fragment_is_refused_without_an_internal_letter(name):
    value = OUTSIDE[name]()
    with pytest.raises(S.OutsideFragment) as refusal:
        S.equal(value, value)
    assert not INTERNAL.search(str(refusal.value)), str(refusal.value)


def test_derivatives_and_substitutions_refuse_in_the_readers_letters():
    line = S.sum_actions(lambda b: sp.sin(theta[s, b]))
    for work in (lambda: S.derivative(line, theta[s1, a]), lambda: S.at(line, {S.n: 2})):
        with pytest.raises(S.OutsideFragment) as refusal:
            work()
        assert not INTERNAL.search(str(refusal.value)), str(refusal.value)
