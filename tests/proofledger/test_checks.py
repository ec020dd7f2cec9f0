"""Tests of the tester: right statements pass, wrong ones raise, mutants that hold raise, NaN and nothing never pass."""

import json
from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy import stats

import finitesums as algebra
from finitesums import Delta, log_pi, s
from proofledger import CheckFailed, Verifier, records
from proofledger.checks import interval

verify = Verifier(prover=algebra)

LABEL = "thm-some-statement"
X = np.array([1.0, 2.0, 3.0])
STEPS = np.array([0.1, 0.05, 0.025, 0.0125])
POWERS = [1, 0.1, 0.01]
THREE = np.arange(3)
EPS = 1e-15


def covariance(sign=1):
    return sign * algebra.covariance(s, lambda a: log_pi(s, a), lambda a: Delta[s, a])


def product_mean():
    return algebra.expectation(s, lambda a: log_pi(s, a) * Delta[s, a])


def centred_mean():
    return algebra.expectation(s, lambda a: (log_pi(s, a) + algebra.entropy(s)) * Delta[s, a])


# One check of each kind with one mutant, ``wrong``; a case below says only what it is about.


def symbolic(*lines, **mutants):
    return verify.symbolic(LABEL, *lines, mutants=mutants or {"m": covariance(-1)})


def exact(lhs, rhs, wrong=0):
    return verify.exact(LABEL, lhs, rhs, mutants={"m": wrong})


def certificate(lower, upper, wrong=(0, 99), *, tol=0.1):
    return verify.certificate(LABEL, lower=lower, upper=upper, tol=tol, mutants={"m": wrong})


def numeric(lhs, rhs, wrong=9, *, tol=1e-9, **options):
    return verify.numeric(LABEL, lhs, rhs, tol=tol, mutants={"m": wrong}, **options)


def order(step, error, wrong, expected=2, **options):
    mutants = {"m": wrong}
    return verify.order(
        LABEL, step=step, error=error, expected=expected, mutants=mutants, **options
    )


def bound(lhs, rhs, wrong=0, **options):
    return verify.bound(LABEL, lhs, rhs, mutants={"m": wrong}, **options)


def sampled(successes, trials, wrong=(0, 100), at_least=0.9):
    return verify.sampled(LABEL, successes, trials, at_least=at_least, mutants={"m": wrong})


PASSING = {
    "symbolic": lambda: symbolic(covariance(), centred_mean()),
    "exact": lambda: exact([Fraction(1, 3), 2], [sympy.Rational(1, 3), 2], [1, 2]),
    "certificate": lambda: certificate(X, X + 1e-9, (X, X + 1), tol=1e-8),
    "numeric": lambda: numeric(X, X + 1e-13, -X, tol=1e-12),
    "order": lambda: order(STEPS, 3 * STEPS**2, STEPS),
    "bound": lambda: bound(X, X + 1, X / 2),
    "sampled": lambda: sampled(98, 100, (50, 100)),
    "cited": lambda: verify.cited(LABEL, source="agarwal2021theory, theorem 16"),
}


@pytest.mark.parametrize("kind", PASSING)
def test_right_statements_pass(kind):
    record = PASSING[kind]()
    assert record.label == LABEL
    assert record.kind == kind
    assert record.line().startswith(f"✓ {LABEL} [")
    assert str(record) == record.line()


WRONG = {
    "symbolic": lambda: symbolic(covariance(), product_mean()),
    "symbolic, middle line": lambda: symbolic(covariance(), product_mean(), centred_mean()),
    "exact": lambda: exact(Fraction(1, 3), Fraction(1, 4), 2),
    "exact, irrational": lambda: exact(sympy.sqrt(2) * sympy.sqrt(3), sympy.sqrt(7), 2),
    "certificate, apart": lambda: certificate(0, 1),
    "certificate, crossed": lambda: certificate(1e-6, 0),
    "numeric": lambda: numeric(X, [1, 2, 3 + 1e-6], -X),
    "numeric, scaled": lambda: numeric(X, X + 1e-6, -X, scale=X),
    "order": lambda: order(STEPS, STEPS**1.9, STEPS),
    "bound": lambda: bound(X, [2, 3, 3 - 1e-9], X / 2),
    "sampled, below": lambda: sampled(70, 100, (10, 100)),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_statements_raise(case):
    with pytest.raises(CheckFailed, match=LABEL):
        WRONG[case]()


BLIND = {
    "symbolic": lambda: symbolic(covariance(), centred_mean(), same=covariance()),
    "exact": lambda: verify.exact(LABEL, 1, 1, mutants={"other": 2, "same": Fraction(2, 2)}),
    "certificate": lambda: certificate(0, 0, (0, 5e-3), tol=1e-3),
    "numeric": lambda: numeric(X, X + 0, X + 5e-3, tol=1e-3),
    "order": lambda: order(STEPS, STEPS**2, 5 * STEPS**2),
    "bound": lambda: bound(X, X + 1, X + 2),
    "sampled": lambda: sampled(98, 100, (88, 100)),
}


@pytest.mark.parametrize("kind", BLIND)
def test_a_mutant_that_is_not_rejected_raises(kind):
    with pytest.raises(CheckFailed, match="was not rejected"):
        BLIND[kind]()


WITHOUT = {
    "symbolic": lambda m: verify.symbolic(LABEL, covariance(), covariance(), mutants=m),
    "exact": lambda m: verify.exact(LABEL, 1, 1, mutants=m),
    "certificate": lambda m: verify.certificate(LABEL, lower=0, upper=0, tol=1, mutants=m),
    "numeric": lambda m: verify.numeric(LABEL, 1, 1, tol=1, mutants=m),
    "order": lambda m: verify.order(LABEL, step=STEPS, error=STEPS, expected=1, mutants=m),
    "bound": lambda m: verify.bound(LABEL, 0, 1, mutants=m),
    "sampled": lambda m: verify.sampled(LABEL, 9, 9, at_least=0.1, mutants=m),
}


@pytest.mark.parametrize("kind", WITHOUT)
@pytest.mark.parametrize("mutants", [{}, None, ["sign"]], ids=["empty", "none", "list"])
def test_a_check_without_mutants_is_an_error(kind, mutants):
    with pytest.raises(ValueError, match="needs a dict of mutants"):
        WITHOUT[kind](mutants)


NAN = np.array([1.0, np.nan, 3.0])
NOTHING = np.array([])
NEVER = {
    "numeric, NaN": lambda: numeric(NAN, X, -X, tol=0.9),
    "numeric, both NaN": lambda: numeric(NAN, NAN + 0, -X, tol=0.9),
    "numeric, infinite": lambda: numeric(np.inf, X + np.inf, 0, tol=0.9),
    "numeric, empty": lambda: numeric(NOTHING, np.array([]), 1, tol=0.9),
    "numeric, NaN tolerance": lambda: numeric(X, X + 0, -X, tol=np.nan),
    "numeric, NaN mutant": lambda: numeric(X, X + 0, NAN),
    "numeric, infinite mutant": lambda: numeric(X, X + 1e-13, X * np.inf),
    "numeric, empty mutant": lambda: numeric(1, 1.0, NOTHING),
    "numeric, scale 0": lambda: numeric(X, X + 0, -X, scale=0),
    "numeric, scale < 0": lambda: numeric(X, 2 * X, -X, scale=-1),
    "bound, NaN": lambda: bound(NAN, X + 9, X / 2),
    "bound, empty": lambda: bound(NOTHING, NOTHING, 1),
    "bound, NaN mutant": lambda: bound(X, X, NAN),
    "bound, infinite mutant": lambda: bound(X, X + 1, -np.inf),
    "bound, NaN slack": lambda: bound(X, X, X / 2, slack=np.nan),
    "certificate, NaN": lambda: certificate(NAN, NAN, tol=0.9),
    "certificate, empty": lambda: certificate([], [], tol=0.9),
    "certificate, NaN mutant": lambda: certificate(0, 0, (0, np.nan), tol=0.9),
    "order, NaN": lambda: order(X, NAN, X**2, expected=1),
    "order, two steps": lambda: order(X[:2], X[:2], X[:2] ** 2, expected=1),
    "order, one step": lambda: order([1.0], [1.0], [2.0], expected=1),
    "order, no step": lambda: order([], [], [], expected=1),
    "order, equal steps": lambda: order(X * 0 + 1, X, X**2, expected=1),
    "order, zero error": lambda: order(X, X - 1, X**2, expected=1),
    "order, negative step": lambda: order(-X, X, X**2, expected=1),
    "order, no order at all": lambda: order(POWERS, [1, 1e5, 1e-4], POWERS),
    "order, steps an ulp apart": lambda: order(1 + EPS * THREE, 1 + 2 * EPS * THREE, 1 + THREE),
    "order, two distinct steps": lambda: order([1, 1, 0.1], [1, 1, 0.01], [1, 1, 0.1]),
    "sampled, no trial": lambda: sampled(0, 0, at_least=0),
    "sampled, NaN": lambda: sampled(np.nan, 9, at_least=0),
    "sampled, too many": lambda: sampled(10, 9, at_least=0.1),
    "sampled, half a success": lambda: sampled(8.5, 9, at_least=0.1),
    "sampled, no success": lambda: sampled(0, 1, (0, 1), at_least=0.99),
    "sampled, not refuted": lambda: sampled(3, 10, (0, 10), at_least=0.7),
    "bound by 1e-30": lambda: bound(1 + Fraction(1, 10**30), Fraction(1)),
    "bound of integers": lambda: bound(2**60 + 1, 2**60),
    "bound that is not tight": lambda: bound(X, 3 * X, X / 2, tight=0.5),
    "bound that is tight within its slack only": lambda: bound(
        [1e-13, 0.5], [1e-13, 1], [0.0, 0.4], tight=0.9, slack=1e-12
    ),
    "exact, nothing": lambda: exact([], [], [1]),
}


@pytest.mark.parametrize("case", NEVER)
def test_nan_and_nothing_never_pass(case):
    with pytest.raises((CheckFailed, ValueError), match=f"{LABEL}|successes"):  # in our words
        NEVER[case]()


REFUSED = {
    "label": lambda: verify.numeric("theorem 1", 1, 1, tol=1, mutants={"m": 9}),
    "label, not text": lambda: verify.numeric(7, 1, 1, tol=1, mutants={"m": 9}),
    "label, capitals": lambda: verify.cited("thm-Bad", source="x"),
    "float": lambda: exact(0.5, Fraction(1, 2), 1),
    "float array": lambda: exact(np.array([0.5]), [Fraction(1, 2)], [1]),
    "sympy float": lambda: exact(sympy.Float(0.5), Fraction(1, 2), 1),
    "sympy nan": lambda: exact(sympy.nan, sympy.nan, 1),
    "complex": lambda: numeric(1 + 1j, 1, tol=0.9),
    "one line": lambda: symbolic(covariance()),
    "confidence": lambda: interval(5, 9, 1.0),
    "no source": lambda: verify.cited(LABEL, source=" "),
    "no prover": lambda: Verifier().symbolic(
        LABEL, covariance(), centred_mean(), mutants={"m": -covariance()}
    ),
    "line against itself": lambda: symbolic(covariance(), covariance()),
    "truth value": lambda: exact(bool(np.allclose(0.1 + 0.2, 0.3)), True, False),
    "free letters": lambda: exact(sympy.Symbol("x"), sympy.Symbol("x")),
    "infinity": lambda: exact(sympy.oo, sympy.oo),
    "integers that overflow": lambda: exact(np.int64(2**62) * np.array([4]), [0], [1]),
    "shape": lambda: exact([[1, 2, 3], [4, 5, 6]], [[1, 2], [3, 4], [5, 6]], [[0] * 3] * 2),
    "shape of a mutant": lambda: exact([1, 2], [1, 2], []),
    "transposed": lambda: numeric(X, X[:, None]),
    "one column": lambda: numeric(np.ones((5, 1)), np.ones(5)),
    "text": lambda: numeric("1.5", 1.5),
    "nothing": lambda: numeric(None, 1.5),
    "truth": lambda: numeric(np.allclose(1, 1), 1.0),
    "masked": lambda: numeric(np.ma.masked_array([1.0, 2.0], [0, 1]), [1, 5]),
    "the same object": lambda: numeric(X, X, -X),
    "large integers": lambda: numeric(2**60 + 1, 2**60, 0, tol=0),
    "large tolerance": lambda: numeric(0, 5, 1e9, tol=100),
    "large certificate": lambda: certificate(0.0, 5.0, (0, 1e9), tol=5),
    "large slack": lambda: bound(1e6, 0.0, -1e30, slack=1e9),
    "truth bound": lambda: bound(False, True, -1),
    "order within ten": lambda: order(STEPS, STEPS, STEPS, tol=10),
    "trials of a mutant": lambda: sampled(98, 100, (0, 10_000)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_declarations_are_refused(case):
    with pytest.raises(ValueError, match=r".+"):
        REFUSED[case]()


def test_a_function_for_its_value_is_named():
    with pytest.raises(ValueError, match=f"{LABEL}: entropy is a function; give its value"):
        symbolic(algebra.entropy, algebra.entropy(s))


# ----------------------------------------------------------------------------------------------------------- details


@pytest.mark.parametrize(
    ("successes", "trials", "confidence", "low", "high"),
    [  # tabulated by Clopper & Pearson (1934); 1 - (0.025)^(1/10)
        (10, 100, 0.95, 0.0490047, 0.1762226),
        (0, 10, 0.95, 0.0, 0.3084971),
        (10, 10, 0.95, 0.6915029, 1.0),
        (1, 1, 0.99, 0.005, 1.0),
    ],
)
def test_clopper_pearson_intervals(successes, trials, confidence, low, high):
    np.testing.assert_allclose(interval(successes, trials, confidence), (low, high), atol=1e-7)


@pytest.mark.parametrize("k", range(1, 20))
def test_clopper_pearson_by_its_definition(k):
    low, high = interval(k, 20, 0.99)
    assert stats.binom.sf(k - 1, 20, low) == pytest.approx(0.005, rel=1e-6)
    assert stats.binom.cdf(k, 20, high) == pytest.approx(0.005, rel=1e-6)


@pytest.mark.parametrize("wrong", [None, [5], "5", np.nan, 5.5, True])
def test_what_is_no_whole_number_of_trials_is_named(wrong):
    with pytest.raises(ValueError, match=r"successes = .*not a whole number"):
        interval(wrong, 9)
    with pytest.raises(ValueError, match=r"trials = .*not a whole number"):
        interval(5, wrong)


def test_a_mutant_beyond_the_floats_is_compared_exactly():
    verify.bound(LABEL, [1, 2], [3, 4], claim="c", mutants={"huge": [-(10**400), 5]})


def test_exact_knows_logarithms_and_nested_sequences():
    log = sympy.log
    exact(log(12), 2 * log(2) + log(3), log(11))
    nested = np.array([[1, 2], [3, 4]], dtype=object)
    exact([[1, 2], [3, Fraction(8, 2)]], nested, [[1, 2], [3, 5]])


def test_a_line_computed_elsewhere_may_come_out_the_same_and_says_so():
    x = sympy.Symbol("x", positive=True)
    slope = sympy.diff(sympy.log(x), x)
    options = {"computed_by": "sympy.diff", "mutants": {"sign": -1 / x}}
    assert verify.symbolic(LABEL, slope, 1 / x, **options).hypotheses == ("sympy.diff is right",)
    with pytest.raises(CheckFailed):
        verify.symbolic(LABEL, slope, 2 / x, **options)


def test_the_json_is_stable_and_holds_no_measured_figure():
    first = numeric(X, X + 1e-13, -X, tol=1e-12)
    second = numeric(X, X + 3e-13, -X, tol=1e-12)
    assert first.measured != second.measured
    assert first.stable() == second.stable()
    assert first == second
    assert json.loads(json.dumps(first.stable())) == {
        "label": LABEL,
        "part": "",
        "kind": "numeric",
        "claim": "residual at most 1e-12",
        "cases": 3,
        "mutants": ["m"],
        "hypotheses": [],
        "verdict": "holds",
    }


def test_the_mime_bundle_keeps_measured_figures_in_the_metadata():
    record = numeric(X, X + 1e-13, -X)
    data, metadata = record._repr_mimebundle_()
    assert data[records.MIME] == record.stable()
    assert f"(measured {record.measured})" in data["text/plain"]
    assert metadata[records.MIME]["measured"] == record.measured
    assert metadata[records.MIME]["seconds"] >= 0


def test_every_kind_has_a_test_here():
    assert {PASSING[kind]().kind for kind in PASSING} == set(records.KINDS) - {"machine-checked"}


def test_messages_name_the_statement():
    with pytest.raises(ValueError, match=f"{LABEL}: the sides cannot be compared"):
        numeric([1.0, 2.0], [1.0, 2.0, 3.0])
    for slack in (-0.5, 1e-3, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"{LABEL}: slack = "):
            bound([0.0], [1.0], [-1.0], slack=slack)
