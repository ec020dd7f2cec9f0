"""log, log1p, exp and tables of twice the digits against mpmath, on points where they are hard."""

import math

import mpmath
import numpy as np
import pytest
from refusals import refusals

from rlentropy import _portable_kernels as kernels
from rlentropy import portable
from rlentropy.episodic import environments
from rlentropy.learners import entgame

RNG = np.random.default_rng(0)
GRID = np.arange(kernels.FIRST, 2 * kernels.FIRST + 1) / kernels.LOG_STEPS
POWERS = np.ldexp(1 + RNG.random(1000), RNG.integers(-1022, 1023, size=1000))
SUBNORMAL = 5e-324 * RNG.integers(1, 2**40, size=200)
BESIDE_ONE = [
    math.nextafter(1, 0),
    math.nextafter(1, 2),
    1 - 2**-30,
    1 + 2**-30,
    0.9989184182170223,
]
EDGES = [5e-324, 2.0**-1022, 1.7976931348623157e308, kernels.TURN, math.nextafter(kernels.TURN, 0)]
LOGS = np.concatenate([
    POWERS, SUBNORMAL, 1 + 1e-3 * RNG.standard_normal(1000), GRID, GRID + 2.0**-10, BESIDE_ONE,
    EDGES,
])  # fmt: skip
LOG1PS = np.concatenate([
    POWERS[POWERS < 1e300], -RNG.random(1000), 1e-3 * RNG.standard_normal(1000), SUBNORMAL,
    -SUBNORMAL, GRID - 1,
    np.arange(1.0, 2000), 2.0 ** np.arange(-60, 60), [-1 + 2.0**-53, 0.0009770092262777219],
])  # fmt: skip
HALVES = np.arange(-2000, 2001) / 2 * math.log(2) / kernels.EXP_STEPS
EXPS = np.concatenate([
    HALVES, RNG.uniform(-745, 709.7, 1000), 1e-3 * RNG.standard_normal(1000), SUBNORMAL, -SUBNORMAL,
    [0.0, 709.782712893384, -708.4, -744.9, -745.13],
])  # fmt: skip


def errors(function, exact, x):
    """Errors in units in the last place of the exact values."""
    with mpmath.workprec(200):
        right = [exact(mpmath.mpf(float(value))) for value in x]
        return np.array(
            [
                abs(y - r) / math.ulp(float(r))
                for y, r in zip(function(x).tolist(), right, strict=True)
            ]
        )


@pytest.mark.parametrize(
    ("name", "points"),
    [("log", LOGS), ("log1p", LOG1PS), ("exp", EXPS)],
    ids=["log", "log1p", "exp"],
)
def test_functions_are_right_to_less_than_one_unit_in_the_last_place(name, points):
    assert errors(getattr(portable, name), getattr(mpmath, name), points).max() < 0.8


def test_shapes_and_numbers():
    assert portable.log(1.0) == 0.0 and isinstance(portable.log(2), float)
    x = RNG.random((2, 3, 4))
    before = x.copy()
    np.testing.assert_allclose(portable.log(x.T), np.log(x.T), rtol=1e-15, atol=1e-15)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(portable.exp([]), [])
    np.testing.assert_array_equal(
        portable.exp([-np.inf, np.inf, -800, 800]), [0, np.inf, 0, np.inf]
    )
    np.testing.assert_allclose(np.exp(portable.log_softmax(x)).sum(axis=-1), 1, rtol=1e-14)


test_numbers_outside_the_domain_are_named = refusals(
    (lambda: portable.log([[1.0, 0.0]]), r"x\[0, 1\] = 0.0: the logarithm needs numbers > 0"),
    (lambda: portable.log(-2.0), r"x = -2.0: the logarithm"),
    (lambda: portable.log1p([0.5, -1.0]), r"x\[1\] = -1.0: log\(1 \+ x\) needs numbers > -1"),
)


def test_kernels_answer_as_ieee_asks():
    answers = [
        kernels.log(0.0),
        kernels.log(np.inf),
        kernels.log1p(-1.0),
        kernels.exp(-np.inf),
        kernels.exp(1e4),
    ]
    assert answers == [-np.inf, np.inf, -np.inf, 0.0, np.inf]
    assert all(
        map(
            math.isnan,
            [kernels.log(-1.0), kernels.log1p(-1.5), kernels.log(np.nan), kernels.exp(np.nan)],
        )
    )


def test_softmax_of_a_row():
    q = np.array([0.3, -1.0, 2.0, -np.inf])
    assert kernels.log_sum_exp(q) == pytest.approx(np.log(np.exp(q).sum()), rel=1e-14)
    ends = np.cumsum(np.exp(q - 2)) / np.exp(q - 2).sum()
    drawn = [
        kernels.draw_softmax(q, u)
        for u in (0.0, ends[0] - 1e-9, ends[0] + 1e-9, ends[1] + 1e-9, 1 - 1e-9)
    ]
    assert drawn == [0, 0, 1, 2, 2]


# ------------------------------------------------------------------------------ twice the digits


def relative_error(wide, exact):
    pairs = zip(wide.high.tolist(), wide.low.tolist(), exact, strict=True)
    return max(abs((mpmath.mpf(high) + mpmath.mpf(low)) / e - 1) for high, low, e in pairs)


@mpmath.workprec(300)
def test_wide_numbers_keep_twice_the_digits():
    x, y = np.exp(RNG.uniform(-200, 200, size=(2, 200)))
    a, b = np.vectorize(mpmath.mpf)([x, y])
    third, logs = portable.Wide(x) / 3, [mpmath.log(p / 3) for p in a]
    assert relative_error(third + y, a / 3 + b) < 2.0**-100
    assert relative_error(third * y, a / 3 * b) < 2.0**-100
    assert relative_error(portable.Wide(y) / third, 3 * b / a) < 2.0**-100
    assert relative_error(third.sqrt(), [mpmath.sqrt(p / 3) for p in a]) < 2.0**-100
    assert relative_error(third.log(), logs) < 2.0**-80
    np.testing.assert_array_equal((y + third).rounded(), (third + y).rounded())
    np.testing.assert_array_equal((2.0 * third).low, 2.0 * third.low)
    np.testing.assert_array_equal(third.log().rounded(), [float(e) for e in logs])


# Long-double logarithms were not correctly rounded there, on one processor or another.
KNOWN = [106, 7284]
CHAIN = environments.double_chain(length=31, failure=0.1, horizon=20)


@pytest.mark.parametrize("n0", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("pooled", [False, True])
def test_the_tables_of_entgame_are_correctly_rounded(n0, pooled):
    S, A, H, delta, T = CHAIN.S, CHAIN.A, CHAIN.H, 0.1, 20_000
    config = entgame.Config(
        "pooled" if pooled else "per stage", T // (H if pooled else 1), n0, delta, 1.0
    )
    tables = (entgame._pooled_tables if pooled else entgame._stage_tables)(CHAIN, config)
    assert len(tables.log) == len(tables.spread) == T + 1
    with mpmath.workprec(200):
        for n in [*range(300), *KNOWN, T, *RNG.integers(T, size=1000).tolist()]:
            assert tables.log[n] == float(mpmath.log1p(mpmath.mpf(n) / n0)), n
            if pooled:
                radius = mpmath.log(4 * S * A * H / mpmath.mpf(delta))
                radius += (S - 1) * (1 + mpmath.log1p(mpmath.mpf(n) / (S - 1)))
            else:
                radius = 2 * (
                    mpmath.log(2 * S * A * H / mpmath.mpf(delta)) + S * (1 + mpmath.log1p(n))
                )
            assert tables.spread[n] == float(mpmath.sqrt(radius / max(n, 1))), n
        for t in range(0, len(tables.bound), 37):
            assert tables.bound[t] == float(
                mpmath.log(mpmath.mpf(t * (H if pooled else 1)) / n0 + S * A)
            ), t
