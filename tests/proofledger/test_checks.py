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


def covariance(sign=1):
    return sign * algebra.covariance(s, lambda a: log_pi(s, a), lambda a: Delta[s, a])


def product_mean():
    return algebra.expectation(s, lambda a: log_pi(s, a) * Delta[s, a])


def centred_mean():
    return algebra.expectation(s, lambda a: (log_pi(s, a) + algebra.entropy(s)) * Delta[s, a])


PASSING = {
    "symbolic": lambda: verify.symbolic(
        LABEL, covariance(), centred_mean(), mutants={"sign": covariance(-1)}
    ),
    "exact": lambda: verify.exact(
        LABEL, [Fraction(1, 3), 2], [sympy.Rational(1, 3), 2], mutants={"half": [1, 2]}
    ),
    "certificate": lambda: verify.certificate(
        LABEL, lower=X, upper=X + 1e-9, tol=1e-8, mutants={"wide": (X, X + 1)}
    ),
    "numeric": lambda: verify.numeric(LABEL, X, X + 1e-13, tol=1e-12, mutants={"sign": -X}),
    "order": lambda: verify.order(
        LABEL, step=STEPS, error=3 * STEPS**2, expected=2, mutants={"first": STEPS}
    ),
    "bound": lambda: verify.bound(LABEL, X, X + 1, mutants={"half": X / 2}),
    "sampled": lambda: verify.sampled(LABEL, 98, 100, at_least=0.9, mutants={"coin": (50, 100)}),
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
    "symbolic": lambda: verify.symbolic(
        LABEL, covariance(), product_mean(), mutants={"sign": covariance(-1)}
    ),
    "symbolic, middle line": lambda: verify.symbolic(
        LABEL, covariance(), product_mean(), centred_mean(), mutants={"sign": covariance(-1)}
    ),
    "exact": lambda: verify.exact(LABEL, Fraction(1, 3), Fraction(1, 4), mutants={"m": 2}),
    "exact, irrational": lambda: verify.exact(
        LABEL, sympy.sqrt(2) * sympy.sqrt(3), sympy.sqrt(7), mutants={"m": 2}
    ),
    "certificate, apart": lambda: verify.certificate(
        LABEL, lower=0, upper=1, tol=0.1, mutants={"m": (0, 9)}
    ),
    "certificate, crossed": lambda: verify.certificate(
        LABEL, lower=1e-6, upper=0, tol=0.1, mutants={"m": (0, 9)}
    ),
    "numeric": lambda: verify.numeric(LABEL, X, [1, 2, 3 + 1e-6], tol=1e-9, mutants={"m": -X}),
    "numeric, scaled": lambda: verify.numeric(
        LABEL, X, X + 1e-6, tol=1e-9, scale=X, mutants={"m": -X}
    ),
    "order": lambda: verify.order(
        LABEL, step=STEPS, error=STEPS**1.9, expected=2, mutants={"m": STEPS}
    ),
    "bound": lambda: verify.bound(LABEL, X, [2, 3, 3 - 1e-9], mutants={"m": X / 2}),
    "sampled, below": lambda: verify.sampled(
        LABEL, 70, 100, at_least=0.9, mutants={"m": (10, 100)}
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_statements_raise(case):
    with pytest.raises(CheckFailed, match=LABEL):
        WRONG[case]()


BLIND = {
    "symbolic": lambda: verify.symbolic(
        LABEL, covariance(), centred_mean(), mutants={"same": covariance()}
    ),
    "exact": lambda: verify.exact(LABEL, 1, 1, mutants={"other": 2, "same": Fraction(2, 2)}),
    "certificate": lambda: verify.certificate(
        LABEL, lower=0, upper=0, tol=1e-3, mutants={"close": (0, 5e-3)}
    ),
    "numeric": lambda: verify.numeric(LABEL, X, X + 0, tol=1e-3, mutants={"close": X + 5e-3}),
    "order": lambda: verify.order(
        LABEL, step=STEPS, error=STEPS**2, expected=2, mutants={"same": 5 * STEPS**2}
    ),
    "bound": lambda: verify.bound(LABEL, X, X + 1, mutants={"weaker": X + 2}),
    "sampled": lambda: verify.sampled(LABEL, 98, 100, at_least=0.9, mutants={"close": (88, 100)}),
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
    "numeric, NaN": lambda: verify.numeric(LABEL, NAN, X, tol=0.9, mutants={"m": -X}),
    "numeric, both NaN": lambda: verify.numeric(LABEL, NAN, NAN, tol=0.9, mutants={"m": -X}),
    "numeric, infinite": lambda: verify.numeric(LABEL, np.inf, np.inf, tol=0.9, mutants={"m": 0}),
    "numeric, empty": lambda: verify.numeric(LABEL, NOTHING, NOTHING, tol=0.9, mutants={"m": 1}),
    "numeric, NaN tolerance": lambda: verify.numeric(LABEL, X, X, tol=np.nan, mutants={"m": -X}),
    "numeric, NaN mutant": lambda: verify.numeric(LABEL, X, X, tol=1e-9, mutants={"m": NAN}),
    "numeric, empty mutant": lambda: verify.numeric(LABEL, 1, 1, tol=1e-9, mutants={"m": NOTHING}),
    "numeric, scale 0": lambda: verify.numeric(LABEL, X, X, tol=1e-9, scale=0, mutants={"m": -X}),
    "numeric, scale < 0": lambda: verify.numeric(
        LABEL, X, 2 * X, tol=1e-9, scale=-1, mutants={"m": -X}
    ),
    "bound, NaN": lambda: verify.bound(LABEL, NAN, X + 9, mutants={"m": X / 2}),
    "bound, empty": lambda: verify.bound(LABEL, NOTHING, NOTHING, mutants={"m": 1}),
    "bound, NaN mutant": lambda: verify.bound(LABEL, X, X, mutants={"m": NAN}),
    "bound, NaN slack": lambda: verify.bound(LABEL, X, X, slack=np.nan, mutants={"m": X / 2}),
    "certificate, NaN": lambda: verify.certificate(
        LABEL, lower=NAN, upper=NAN, tol=0.9, mutants={"m": (0, 99)}
    ),
    "certificate, empty": lambda: verify.certificate(
        LABEL, lower=[], upper=[], tol=0.9, mutants={"m": (0, 99)}
    ),
    "certificate, NaN mutant": lambda: verify.certificate(
        LABEL, lower=0, upper=0, tol=0.9, mutants={"m": (0, np.nan)}
    ),
    "order, NaN": lambda: verify.order(LABEL, step=X, error=NAN, expected=1, mutants={"m": X**2}),
    "order, two steps": lambda: verify.order(
        LABEL, step=X[:2], error=X[:2], expected=1, mutants={"m": X[:2] ** 2}
    ),
    "order, one step": lambda: verify.order(
        LABEL, step=[1.0], error=[1.0], expected=1, mutants={"m": [2.0]}
    ),
    "order, no step": lambda: verify.order(LABEL, step=[], error=[], expected=1, mutants={"m": []}),
    "order, equal steps": lambda: verify.order(
        LABEL, step=X * 0 + 1, error=X, expected=1, mutants={"m": X**2}
    ),
    "order, zero error": lambda: verify.order(
        LABEL, step=X, error=X - 1, expected=1, mutants={"m": X**2}
    ),
    "order, negative step": lambda: verify.order(
        LABEL, step=-X, error=X, expected=1, mutants={"m": X**2}
    ),
    "sampled, no trial": lambda: verify.sampled(LABEL, 0, 0, at_least=0, mutants={"m": (0, 100)}),
    "sampled, NaN": lambda: verify.sampled(LABEL, np.nan, 9, at_least=0, mutants={"m": (0, 100)}),
    "sampled, too many": lambda: verify.sampled(
        LABEL, 10, 9, at_least=0.1, mutants={"m": (0, 100)}
    ),
    "sampled, half a success": lambda: verify.sampled(
        LABEL, 8.5, 9, at_least=0.1, mutants={"m": (0, 100)}
    ),
    "infinite mutant": lambda: verify.numeric(
        LABEL, X, X + 1e-13, tol=1e-9, mutants={"m": X * np.inf}
    ),
    "infinite mutant of a bound": lambda: verify.bound(LABEL, X, X + 1, mutants={"m": -np.inf}),
    "order, no order at all": lambda: verify.order(
        LABEL, step=[1, 0.1, 0.01], error=[1, 1e5, 1e-4], expected=2, mutants={"m": [1, 0.1, 0.01]}
    ),
    "order, steps an ulp apart": lambda: verify.order(
        LABEL,
        step=[1, 1 + 1e-15, 1 + 2e-15],
        error=[1, 1 + 2e-15, 1 + 4e-15],
        expected=2,
        mutants={"m": [1, 2, 3]},
    ),
    "order, two distinct steps": lambda: verify.order(
        LABEL, step=[1, 1, 0.1], error=[1, 1, 0.01], expected=2, mutants={"m": [1, 1, 0.1]}
    ),
    "sampled, no success": lambda: verify.sampled(
        LABEL, 0, 1, at_least=0.99, mutants={"m": (0, 1)}
    ),
    "sampled, not refuted": lambda: verify.sampled(
        LABEL, 3, 10, at_least=0.7, mutants={"m": (0, 10)}
    ),
    "bound by 1e-30": lambda: verify.bound(
        LABEL, 1 + Fraction(1, 10**30), Fraction(1), mutants={"m": 0}
    ),
    "bound of integers": lambda: verify.bound(LABEL, 2**60 + 1, 2**60, mutants={"m": 0}),
    "bound that is not tight": lambda: verify.bound(
        LABEL, X, 3 * X, tight=0.5, mutants={"m": X / 2}
    ),
    "bound that is tight within its slack only": lambda: verify.bound(
        LABEL, [1e-13, 0.5], [1e-13, 1], tight=0.9, slack=1e-12, mutants={"m": [0.0, 0.4]}
    ),
    "exact, nothing": lambda: verify.exact(LABEL, [], [], mutants={"m": [1]}),
}


@pytest.mark.parametrize("case", NEVER)
def test_nan_and_nothing_never_pass(case):
    with pytest.raises((CheckFailed, ValueError)):
        NEVER[case]()


REFUSED = {
    "label": lambda: verify.numeric("theorem 1", 1, 1, tol=1, mutants={"m": 9}),
    "label, not text": lambda: verify.numeric(7, 1, 1, tol=1, mutants={"m": 9}),
    "label, capitals": lambda: verify.cited("thm-Bad", source="x"),
    "float": lambda: verify.exact(LABEL, 0.5, Fraction(1, 2), mutants={"m": 1}),
    "float array": lambda: verify.exact(LABEL, np.array([0.5]), [Fraction(1, 2)], mutants={"m": 1}),
    "sympy float": lambda: verify.exact(LABEL, sympy.Float(0.5), Fraction(1, 2), mutants={"m": 1}),
    "sympy nan": lambda: verify.exact(LABEL, sympy.nan, sympy.nan, mutants={"m": 1}),
    "complex": lambda: verify.numeric(LABEL, 1 + 1j, 1, tol=1, mutants={"m": 9}),
    "one line": lambda: verify.symbolic(LABEL, covariance(), mutants={"m": -covariance()}),
    "confidence": lambda: interval(5, 9, 1.0),
    "no source": lambda: verify.cited(LABEL, source=" "),
    "no prover": lambda: Verifier().symbolic(
        LABEL, covariance(), centred_mean(), mutants={"m": -covariance()}
    ),
    "line against itself": lambda: verify.symbolic(
        LABEL, covariance(), covariance(), mutants={"m": -covariance()}
    ),
    "truth value": lambda: verify.exact(
        LABEL, bool(np.allclose(0.1 + 0.2, 0.3)), True, mutants={"m": False}
    ),
    "free letters": lambda: verify.exact(
        LABEL, sympy.Symbol("x"), sympy.Symbol("x"), mutants={"m": 0}
    ),
    "infinity": lambda: verify.exact(LABEL, sympy.oo, sympy.oo, mutants={"m": 0}),
    "integers that overflow": lambda: verify.exact(
        LABEL, np.int64(2**62) * np.array([4]), [0], mutants={"m": [1]}
    ),
    "shape": lambda: verify.exact(
        LABEL, [[1, 2, 3], [4, 5, 6]], [[1, 2], [3, 4], [5, 6]], mutants={"m": [[0] * 3] * 2}
    ),
    "shape of a mutant": lambda: verify.exact(LABEL, [1, 2], [1, 2], mutants={"m": []}),
    "transposed": lambda: verify.numeric(LABEL, X, X[:, None], tol=1e-9, mutants={"m": 9}),
    "one column": lambda: verify.numeric(
        LABEL, np.ones((5, 1)), np.ones(5), tol=1e-9, mutants={"m": 0}
    ),
    "text": lambda: verify.numeric(LABEL, "1.5", 1.5, tol=1e-9, mutants={"m": 9}),
    "nothing": lambda: verify.numeric(LABEL, None, 1.5, tol=1e-9, mutants={"m": 9}),
    "truth": lambda: verify.numeric(LABEL, np.allclose(1, 1), True, tol=1e-9, mutants={"m": 9}),
    "masked": lambda: verify.numeric(
        LABEL, np.ma.masked_array([1.0, 2.0], [0, 1]), [1, 5], tol=1e-9, mutants={"m": 9}
    ),
    "the same object": lambda: verify.numeric(LABEL, X, X, tol=1e-9, mutants={"m": -X}),
    "large integers": lambda: verify.numeric(LABEL, 2**60 + 1, 2**60, tol=0, mutants={"m": 0}),
    "large tolerance": lambda: verify.numeric(LABEL, 0, 5, tol=100, mutants={"m": 1e9}),
    "large certificate": lambda: verify.certificate(
        LABEL, lower=0.0, upper=5.0, tol=5, mutants={"m": (0, 1e9)}
    ),
    "large slack": lambda: verify.bound(LABEL, 1e6, 0.0, slack=1e9, mutants={"m": -1e30}),
    "truth bound": lambda: verify.bound(LABEL, False, True, mutants={"m": -1}),
    "order within ten": lambda: verify.order(
        LABEL, step=STEPS, error=STEPS, expected=2, tol=10, mutants={"m": STEPS}
    ),
    "trials of a mutant": lambda: verify.sampled(
        LABEL, 98, 100, at_least=0.9, mutants={"m": (0, 10_000)}
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_declarations_are_refused(case):
    with pytest.raises(ValueError, match=r".+"):
        REFUSED[case]()


def test_a_function_for_its_value_is_named():
    with pytest.raises(
        ValueError, match="thm-some-statement: entropy is a function; give its value"
    ):
        verify.symbolic(LABEL, algebra.entropy, algebra.entropy(s), mutants={"m": 2})


# ----------------------------------------------------------------------------------------------------------- details


@pytest.mark.parametrize(
    ("successes", "trials", "confidence", "low", "high"),
    [
        (
            10,
            100,
            0.95,
            0.0490047,
            0.1762226,
        ),  # tabulated values of the exact 95 % interval, Clopper & Pearson (1934)
        (0, 10, 0.95, 0.0, 0.3084971),  # 1 - (0.025)^(1/10)
        (10, 10, 0.95, 0.6915029, 1.0),
        (1, 1, 0.99, 0.005, 1.0),
    ],
)
def test_clopper_pearson_intervals(successes, trials, confidence, low, high):
    np.testing.assert_allclose(interval(successes, trials, confidence), (low, high), atol=1e-7)


def test_clopper_pearson_against_scipy_and_its_own_definition():
    for k in range(21):
        ours = interval(k, 20, 0.99)
        theirs = stats.binomtest(k, 20).proportion_ci(0.99, method="exact")
        np.testing.assert_allclose(ours, (theirs.low, theirs.high), atol=1e-12)
        if 0 < k < 20:
            assert stats.binom.sf(k - 1, 20, ours[0]) == pytest.approx(0.005, rel=1e-6)
            assert stats.binom.cdf(k, 20, ours[1]) == pytest.approx(0.005, rel=1e-6)


def test_exact_knows_logarithms_and_nested_sequences():
    log = sympy.log
    verify.exact("ex-logs", log(12), 2 * log(2) + log(3), mutants={"m": log(11)})
    verify.exact(
        "ex-nested",
        [[1, 2], [3, Fraction(8, 2)]],
        np.array([[1, 2], [3, 4]], dtype=object),
        mutants={"m": [[1, 2], [3, 5]]},
    )


def test_a_line_computed_elsewhere_may_come_out_the_same_and_says_so():
    x = sympy.Symbol("x", positive=True)
    slope = sympy.diff(sympy.log(x), x)
    record = verify.symbolic(
        LABEL, slope, 1 / x, computed_by="sympy.diff", mutants={"sign": -1 / x}
    )
    assert record.hypotheses == ("sympy.diff is right",)
    with pytest.raises(CheckFailed):
        verify.symbolic(LABEL, slope, 2 / x, computed_by="sympy.diff", mutants={"sign": -1 / x})


def test_the_json_is_stable_and_holds_no_measured_figure():
    first = verify.numeric(LABEL, X, X + 1e-13, tol=1e-12, mutants={"sign": -X})
    second = verify.numeric(LABEL, X, X + 3e-13, tol=1e-12, mutants={"sign": -X})
    assert first.measured != second.measured
    assert first.stable() == second.stable()
    assert first == second
    assert json.loads(json.dumps(first.stable())) == {
        "label": LABEL,
        "part": "",
        "kind": "numeric",
        "claim": "residual at most 1e-12",
        "cases": 3,
        "mutants": ["sign"],
        "hypotheses": [],
        "verdict": "holds",
    }


def test_the_mime_bundle_keeps_measured_figures_in_the_metadata():
    record = verify.numeric(LABEL, X, X + 1e-13, tol=1e-12, mutants={"sign": -X})
    data, metadata = record._repr_mimebundle_()
    assert data[records.MIME] == record.stable()
    assert f"(measured {record.measured})" in data["text/plain"]
    assert metadata[records.MIME]["measured"] == record.measured
    assert metadata[records.MIME]["seconds"] >= 0


def test_every_kind_has_a_test_here():
    assert {PASSING[kind]().kind for kind in PASSING} == set(records.KINDS) - {"machine-checked"}


def test_messages_name_the_statement():
    with pytest.raises(ValueError, match=f"{LABEL}: the sides cannot be compared"):
        verify.numeric(LABEL, [1.0, 2.0], [1.0, 2.0, 3.0], tol=0.1, mutants={"wrong": [9.0]})
    for slack in (-0.5, 1e-3, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"{LABEL}: slack = "):
            verify.bound(LABEL, [0.0], [1.0], slack=slack, mutants={"wrong": [-1.0]})
