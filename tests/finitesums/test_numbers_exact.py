"""Exact numbers: decided by digits and a proof, or refused."""

import pytest
import sympy as sp
from sympy import Rational, exp, log, sqrt

from finitesums import OutsideFragment, same_number

root = 1 - sqrt(2)

EQUAL = {
    "integers": (3, sp.Integer(3)),
    "roots": (sqrt(2) * sqrt(3), sqrt(6)),
    "nested roots": (sqrt(3 + 2 * sqrt(2)), 1 + sqrt(2)),
    "golden ratio": (((1 + sqrt(5)) / 2) ** 2, (3 + sqrt(5)) / 2),
    "cube roots": ((2 + sqrt(5)) ** Rational(1, 3) - (sqrt(5) - 2) ** Rational(1, 3), 1),
    "logarithms": (log(8), 3 * log(2)),
    "logarithms of fractions": (log(Rational(4, 9)), 2 * log(2) - 2 * log(3)),
    "logarithm of a positive product": (log(sqrt(2) * 3), log(2) / 2 + log(3)),
    "book value": (
        Rational(5, 8) * (log(2) / 4 - Rational(3, 8) * log(5)),
        5 * log(2) / 32 - 15 * log(5) / 64,
    ),
    "exponentials": (exp(log(2) + 1), 2 * sp.E),
    "logarithm of a negative": (log(-2), log(2) + sp.I * sp.pi),
}

DIFFERENT = {
    "integers": (3, 4),
    "near": (sqrt(2), Rational(14142135623730951, 10**16)),
    "close": (sp.pi, Rational(355, 113)),
    "close beyond floats": (log(2), log(2) + Rational(1, 10**40)),
    "squared logarithm of a negative": ((log(root**2) - 2 * log(root)) ** 2, 0),
    "logarithm of a negative": (log(root**2), 2 * log(root)),
    "product of negatives": (
        log(sp.Mul(root, 1 - sqrt(3), evaluate=False)),
        log(root) + log(1 - sqrt(3)),
    ),
    "cancellation": ((exp(100) + 1) - exp(100) + Rational(1, 10**30), 1),
    "almost an integer": (exp(sp.pi * sqrt(163)), 262537412640768744),
}

REFUSED = {
    "float": (sp.Float(0.5), Rational(1, 2)),
    "letter": (sp.Symbol("x"), sp.Symbol("x")),
    "letter that cancels": (
        log(sp.Symbol("x", real=True) ** 2),
        2 * log(sp.Symbol("x", real=True)),
    ),
    "infinity": (sp.oo, sp.oo),
    "nan": (sp.nan, 0),
    "unevaluated sum": (sp.Sum(1, (sp.Symbol("k"), 1, 3)), 3),
    "equal to 60 digits": (log(2) + Rational(1, 10**70), log(2)),
    "matrix": (sp.Matrix([1]), 1),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name):
    left, right = EQUAL[name]
    assert same_number(left, right)
    assert same_number(right, left)
    assert not same_number(left, right + Rational(1, 10**20))


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(name):
    assert not same_number(*DIFFERENT[name])


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    with pytest.raises(OutsideFragment):
        same_number(*REFUSED[name])
