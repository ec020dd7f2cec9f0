"""A failure speaks to its reader: which lines, at which numbers, with which values."""

import re

import pytest
import sympy as sp

import finitesums as S
from finitesums import Delta, a, log_pi, pi, s, s1, theta

INTERNAL = re.compile(r"_\d|\ba_|\bs_|\b_[a-z]|\?\d|#\d|Dummy|Bound")


def covariance():
    return -S.covariance(s, lambda a: log_pi(s, a), lambda a: Delta[s, a])


def test_true_lines_need_no_explanation():
    mean = S.expectation(s, lambda a: log_pi(s, a))
    centred = -S.expectation(s, lambda a: Delta[s, a] * (log_pi(s, a) - mean))
    assert S.explain(covariance(), centred) is None
    assert S.explain(covariance()) is None
    assert S.disagreement(covariance(), centred) is None


def test_the_first_wrong_pair_is_named_with_numbers_and_both_values():
    mean = S.expectation(s, lambda a: log_pi(s, a))
    centred = -S.expectation(s, lambda a: Delta[s, a] * (log_pi(s, a) - mean))
    text = S.explain(covariance(), centred, -centred, centred)
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
    "logarithm": lambda: S.sum_actions(lambda b: sp.log(Delta[s, b])),
    "logarithm of a sum": lambda: S.sum_actions(
        lambda b: sp.log(S.sum_actions(lambda c: Delta[s, c] * theta[s, b]))
    ),
    "division": lambda: S.sum_actions(lambda b: 1 / (pi(s, b) - 1)),
    "index as number": lambda: S.sum_actions(lambda b: b * Delta[s, b]),
    "kinds": lambda: S.sum_actions(lambda b: Delta[b, s]),
    "delta": lambda: S.sum_actions(lambda b: S.indicator(b, s)),
    "function": lambda: S.sum_actions(lambda b: sp.sin(theta[s, b])),
    "limit": lambda: S.sum_actions(lambda b: sp.Sum(Delta[s, a], (a, 1, b))),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_refusals_name_no_internal_letter(name):
    with pytest.raises(S.OutsideFragment) as refusal:
        S.equal(OUTSIDE[name](), 0)
    assert not INTERNAL.search(str(refusal.value)), str(refusal.value)


def test_derivatives_and_substitutions_refuse_in_the_readers_letters():
    line = S.sum_actions(lambda b: sp.sin(theta[s, b]))
    for work in (lambda: S.derivative(line, theta[s1, a]), lambda: S.at(line, {S.n: 2})):
        with pytest.raises(S.OutsideFragment) as refusal:
            work()
        assert not INTERNAL.search(str(refusal.value)), str(refusal.value)
