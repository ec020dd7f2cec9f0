"""Checks that notebooks declare and run, and that a ledger is made from.

A check names the statement that it checks and the part of it, raises `CheckFailed` when the
statement does not hold, and raises as well when one of its *mutants* (a near miss: a wrong sign, a
missing term, a constant a few per cent off) is not rejected: a check that cannot fail proves
nothing. NaN and infinity neither pass nor reject.
Tolerances, slacks and scales are part of the record.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from numbers import Real
from typing import Any, Protocol

import numpy as np

from proofledger import records
from proofledger.records import LABEL, Record

# A mutant must miss by this factor more than a true statement may:
# a wrong formula has to be clearly wrong.
REJECTION_FACTOR = 10
# Whole numbers up to this size are exact as floats.
LARGEST_EXACT = 2**53
# Steps of an order check must differ by this factor between the largest and the smallest.
STEP_RANGE = 4


class CheckFailed(AssertionError):
    """The statement does not hold, or a mutant of it was not rejected."""


class Prover(Protocol):
    """What `Verifier.symbolic` and `Verifier.exact` need of a computer algebra."""

    def differ(self, left: Any, right: Any) -> bool:
        """Disproved at some numbers."""

    def explain(self, *lines: Any, nonzero: Sequence[Any] = ()) -> str | None:
        """What is wrong with the first pair of lines that is not proved equal, in words;
        None if nothing is."""

    def same_number(self, x: Any, y: Any) -> bool:
        """Two exact numbers are equal."""


class Verifier:
    """Runs checks and shows their records.

    prover  a `Prover`, for example the module ``finitesums``; needed by `symbolic`, and by `exact`
            for numbers that are no fractions
    """

    def __init__(self, prover: Prover | None = None) -> None:
        self.prover = prover

    # ------------------------------------------------------------------------------------- equality

    def symbolic(
        self,
        label: str,
        *lines: Any,
        mutants: Mapping[str, Any],
        claim: str | None = None,
        nonzero: Sequence[Any] = (),
        computed_by: str = "",
        part: str = "",
    ) -> Record | None:
        """Consecutive expressions are equal by computer algebra.

        lines    two or more expressions, the lines of a derivation in order; no two neighbours are
                 the same expression, unless ``computed_by`` names what computed one of them
                 ("sympy.integrate"); the record then says so
        mutants  {name: expression}: each must be *disproved*,
                 i.e. differ from the last line at some numbers
        nonzero  expressions assumed not to vanish; they are recorded as hypotheses
        Raises CheckFailed naming the first pair of lines that is not proved equal,
        and the numbers where it differs.
        """
        check = _declared(label, "symbolic", mutants, part)
        prover = self._prover(label)
        if len(lines) < 2:
            raise ValueError(
                f"{label}: a symbolic check compares at least two lines, got {len(lines)}"
            )
        for expression in (*lines, *mutants.values()):
            if inspect.isroutine(expression):
                name = expression.__name__
                raise ValueError(f"{label}: {name} is a function; give its value, {name}(...)")
        for i, (left, right) in enumerate(pairwise(lines), start=1):
            if not computed_by and (left == right or str(left) == str(right)):
                raise ValueError(
                    f"{label}: lines {i} and {i + 1} are the same expression; that proves nothing"
                )
        fault = prover.explain(*lines, nonzero=nonzero)
        check.require(not fault, fault)
        for name, wrong in mutants.items():
            told = prover.differ(lines[-1], wrong)
            check.require_rejected(name, told, "no numbers tell it from the last line")
        claim = claim or (f"{len(lines)} lines equal" if len(lines) > 2 else "both sides equal")
        hypotheses = tuple(f"{expression} ≠ 0" for expression in nonzero)
        if computed_by:
            hypotheses += (f"{computed_by} is right",)
        return check.passed(claim, len(lines) - 1, "difference 0", hypotheses)

    def _prover(self, label: str) -> Prover:
        if self.prover is None:
            raise ValueError(
                f"{label}: this check needs a prover; make the verifier as Verifier(prover=…)"
            )
        return self.prover

    def exact(
        self,
        label: str,
        lhs: Any,
        rhs: Any,
        *,
        mutants: Mapping[str, Any],
        claim: str = "both sides equal",
        part: str = "",
    ) -> Record | None:
        """lhs == rhs in exact arithmetic: Python ints, Fractions, sympy numbers,
        or (nested) sequences of them.

        Refused: floats, booleans, numpy's integers of fixed width (they overflow in silence),
        expressions with free letters, sides or mutants of different shape.
        """
        check = _declared(label, "exact", mutants, part)
        left = _exact_numbers(label, lhs)
        right = _exact_numbers(label, rhs)
        _same_shape(label, left, right)
        cases = len(list(_flat(left)))
        check.require(cases, "there is nothing to compare")
        if not self._all_same(label, left, right):  # words of many numbers take long
            check.require(False, f"{lhs} is not {rhs}")
        for name, wrong in mutants.items():
            mutant = _exact_numbers(label, wrong)
            _same_shape(f"{label}, mutant {name!r}", left, mutant)
            differs = not self._all_same(label, left, mutant)
            check.require_rejected(name, differs, "it equals the left side")
        return check.passed(claim, cases, "difference 0")

    def _all_same(self, label: str, xs: Any, ys: Any) -> bool:
        for x, y in zip(_flat(xs), _flat(ys), strict=True):
            if isinstance(x, Fraction) and isinstance(y, Fraction):
                if x != y:
                    return False
            elif not self._prover(label).same_number(x, y):
                return False
        return True

    def certificate(
        self,
        label: str,
        *,
        lower: Any,
        upper: Any,
        tol: float,
        mutants: Mapping[str, tuple[Any, Any]],
        claim: str | None = None,
        part: str = "",
    ) -> Record | None:
        """lower <= upper <= lower + tol in every case:
        a bound from below and one from above that meet.

        mutants  {name: (lower, upper)}: somewhere lower > upper + tol,
                 or upper > lower + REJECTION_FACTOR * tol
        """
        check = _declared(label, "certificate", mutants, part)
        _check_tolerance(label, tol)
        low, high = _cases(label, lower, upper)
        # rounding may put the bounds across each other by a few units in the last place
        slip = 64 * np.finfo(float).eps * np.maximum(1, np.abs(high))
        gap = high - low
        crossed = f"lower bound exceeds upper by {-gap.min():.3g}"
        check.require(np.all(gap >= -np.minimum(slip, tol)), crossed)
        apart = f"the bounds are {gap.max():.3g} apart, more than {tol:g}"
        check.require(np.all(gap <= tol), apart)
        far = REJECTION_FACTOR * tol
        for name, (wrong_low, wrong_high) in mutants.items():
            wrong_low, wrong_high = _cases(label, wrong_low, wrong_high, mutant=True)
            wrong = wrong_high - wrong_low
            told = np.any(wrong < -tol) or np.any(wrong > far)
            check.require_rejected(name, told, f"its bounds meet within {far:g}")
        claim = claim or f"bounds meet within {tol:g}"
        return check.passed(claim, low.size, f"gap {gap.max():.1e}")

    def numeric(
        self,
        label: str,
        lhs: Any,
        rhs: Any,
        *,
        tol: float,
        mutants: Mapping[str, Any],
        claim: str | None = None,
        scale: Any = None,
        part: str = "",
    ) -> Record | None:
        """|lhs - rhs| <= tol * scale in every case (scale 1 unless given:
        positive, the natural size of each case).

        Sides have one shape, or one of them is a single number.
        mutants  {name: wrong rhs}: each must miss by more than REJECTION_FACTOR * tol * scale in at
                 least one case
        """
        check = _declared(label, "numeric", mutants, part)
        _check_tolerance(label, tol)
        if lhs is rhs:
            raise ValueError(f"{label}: both sides are the same object; that proves nothing")
        x, y = _cases(label, lhs, rhs)
        sizes = _scale(label, scale, x)
        worst = (np.abs(x - y) / sizes).max()
        check.require(worst <= tol, f"residual {worst:.3g} exceeds {tol:g}")
        for name, wrong in mutants.items():
            x, y = _cases(label, lhs, wrong, mutant=True)
            miss = (np.abs(x - y) / sizes).max()
            told = miss > REJECTION_FACTOR * tol
            check.require_rejected(name, told, f"its residual is only {miss:.3g}")
        claim = claim or f"residual at most {tol:g}"
        hypotheses = () if scale is None else (f"residuals relative to {_magnitude(sizes)}",)
        return check.passed(claim, x.size, f"{worst:.1e}", hypotheses)

    # ---------------------------------------------------------------------------- orders and bounds

    def order(
        self,
        label: str,
        *,
        step: Any,
        error: Any,
        expected: float,
        tol: float = 0.02,
        mutants: Mapping[str, Any],
        claim: str | None = None,
        part: str = "",
    ) -> Record | None:
        """The error decays like step**expected:
        every slope of log error on log step between neighbours is within tol.

        step     at least three positive, distinct step sizes over a factor of 4 or more;
                 error  positive, same length
        tol      below 1/2
        mutants  {name: errors of a wrong formula}: one of their slopes must be off by more than tol
        """
        check = _declared(label, "order", mutants, part)
        if not 0 < tol < 0.5:
            raise ValueError(f"{label}: tol = {tol}, an order is told within less than 1/2")
        slopes = _slopes(label, step, error)
        worst = slopes[np.argmax(np.abs(slopes - expected))]
        why = f"a slope is {worst:.4f}, expected {expected} within {tol}"
        check.require(abs(worst - expected) <= tol, why)
        for name, wrong in mutants.items():
            off = np.abs(_slopes(label, step, wrong) - expected).max()
            check.require_rejected(name, off > tol, f"its slopes are within {off:.4f}")
        claim = claim or f"error of order {expected:g} in the step"
        return check.passed(claim, np.size(step), f"slopes within {worst:.4f}")

    def bound(
        self,
        label: str,
        lhs: Any,
        rhs: Any,
        *,
        mutants: Mapping[str, Any],
        tight: float | None = None,
        slack: float = 0.0,
        claim: str = "left side at most right side",
        part: str = "",
    ) -> Record | None:
        """lhs <= rhs + slack in every case, and somewhere lhs >= tight * rhs.

        tight    in (0, 1]: how close the bound comes to being attained in its best case
                 (where rhs > 0 and the slack is at most a hundredth of it), so that a bound with
                 a smaller constant would fail; None records that it was not seen to be tight
        slack    allows for rounding only, is stated and recorded
        mutants  {name: wrong rhs}: each must be violated by more than the slack in at least one
                 case
        Whole numbers and Fractions are compared exactly.
        """
        check = _declared(label, "bound", mutants, part)
        x, y = _ordered_cases(label, lhs, rhs)
        _check_slack(label, slack, y)
        smallest = (y - x).min()
        check.require(smallest >= -slack, f"violated by {float(-smallest):.3g}")
        best = _best_ratio(x, y, slack)
        if tight is not None:
            if not 0 < tight <= 1:
                raise ValueError(f"{label}: tight = {tight}, a ratio in (0, 1]")
            loose = f"not tight: the best ratio is {best}, less than {tight}"
            check.require(best is not None and best >= tight, loose)
        for name, wrong in mutants.items():
            x, y = _ordered_cases(label, lhs, wrong, mutant=True)
            least = (y - x).min()
            if not least < -slack:  # where it fails, its size may be beyond the floats
                check.require_rejected(name, False, f"it holds too, with slack {float(least):.3g}")
        measured = f"smallest slack {float(smallest):.1e}"
        if best is not None:
            measured += f", best ratio {best:.3g}"
        hypotheses = (f"slack {slack:g}",) if slack else ()
        tightness = f"tight to {tight:g}" if tight is not None else "not shown to be tight"
        return check.passed(f"{claim}, {tightness}", x.size, measured, hypotheses)

    # ---------------------------------------------------------------------------- sampled and cited

    def sampled(
        self,
        label: str,
        successes: int,
        trials: int,
        *,
        at_least: float,
        mutants: Mapping[str, tuple[int, int]],
        confidence: float = 0.99,
        claim: str | None = None,
        part: str = "",
    ) -> Record | None:
        """A success probability is at least ``at_least``:
        the exact binomial interval lies at or above it.

        mutants  {name: (successes, trials)} of a wrong version, as many trials:
                 their interval lies wholly below
        """
        check = _declared(label, "sampled", mutants, part)
        low, high = interval(successes, trials, confidence)
        why = f"interval [{low:.4f}, {high:.4f}] does not lie above {at_least}"
        check.require(low >= at_least, why)
        for name, (hits, runs) in mutants.items():
            if runs != trials:
                raise ValueError(
                    f"{label}: mutant {name!r} has {runs} trials, the statement {trials}"
                )
            _, wrong_high = interval(hits, runs, confidence)
            why = f"its interval reaches {wrong_high:.4f}"
            check.require_rejected(name, wrong_high < at_least, why)
        claim = claim or f"probability at least {at_least:g}: {successes} of {trials}"
        measured = f"{confidence:.0%} interval [{low:.4f}, {high:.4f}]"
        return check.passed(claim, trials, measured)

    def cited(self, label: str, *, source: str, part: str = "") -> Record | None:
        """The statement is quoted from the literature and not checked here;
        ``source`` says where (key and place)."""
        declare(label, {"none": None})
        if not isinstance(source, str) or not source.strip():
            raise ValueError(f"{label}: a cited statement names its source")
        return _Check(label, "cited", {}, part).passed(f"cited from {source}", 0, "nothing")


def interval(successes: int, trials: int, confidence: float = 0.99) -> tuple[float, float]:
    """The exact two-sided (Clopper-Pearson) interval of a binomial probability;
    Clopper & Pearson (1934)."""
    from scipy.stats import binomtest

    for name, value in (("successes", successes), ("trials", trials)):
        whole = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
        if not whole or value % 1 != 0:
            raise ValueError(f"{name} = {value!r}: not a whole number")
    if not (0 <= successes <= trials and trials > 0):
        raise ValueError(
            f"{successes} successes of {trials} trials: need 0 <= successes <= trials > 0"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence}: must lie strictly between 0 and 1")
    found = binomtest(int(successes), int(trials)).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


# ------------------------------------------------------------------------------------ declarations


def declare(label: str, mutants: Mapping[str, Any]) -> None:
    """Refuse a label that is no name, and a check without wrong versions."""
    if not isinstance(label, str) or not LABEL.fullmatch(label):
        raise ValueError(
            f"label = {label!r}: expected a label such as 'thm-covariance-identity' or 'my-own'"
        )
    if not isinstance(mutants, Mapping) or not mutants:
        raise ValueError(
            f"{label}: a check needs a dict of mutants (wrong versions that must be rejected)"
        )


@dataclass(frozen=True)
class _Check:
    """A check under way: it ends with an error that names it, or with its record."""

    label: str
    kind: str
    mutants: Mapping[str, Any]
    part: str

    def require(self, holds: Any, why: str | None) -> None:
        if not holds:
            raise CheckFailed(f"{self.label} [{self.kind}] does not hold: {why}")

    def require_rejected(self, mutant: str, rejected: Any, why: str) -> None:
        if not rejected:
            said = f"mutant {mutant!r} was not rejected: {why}; the check is blind"
            raise CheckFailed(f"{self.label} [{self.kind}] {said}")

    def passed(
        self, claim: str, cases: int, measured: str, hypotheses: tuple[str, ...] = ()
    ) -> Record | None:
        record = Record(
            label=self.label,
            kind=self.kind,
            claim=claim,
            cases=int(cases),
            mutants=tuple(self.mutants),
            part=self.part,
            hypotheses=hypotheses,
            measured=measured,
            seconds=records.CLOCK.lap(),
        )
        return records.show(record)


def _declared(label: str, kind: str, mutants: Mapping[str, Any], part: str) -> _Check:
    declare(label, mutants)
    return _Check(label, kind, mutants, part)


def _check_tolerance(label: str, tol: float) -> None:
    if not 0 <= tol < 1:
        raise ValueError(
            f"{label}: tol = {tol}, expected a number in [0, 1); for large values state a scale"
        )


def _check_slack(label: str, slack: float, rhs: np.ndarray) -> None:
    """A slack covers rounding: at most a millionth of the largest right side, or of 1."""
    largest = 1e-6 * max(1.0, float(np.abs(rhs).max()))
    if not 0 <= slack <= largest:
        raise ValueError(
            f"{label}: slack = {slack}, expected a number in [0, {largest:.1e}], for rounding only"
        )


def _magnitude(sizes: np.ndarray) -> str:
    """The range of the scales in powers of ten."""
    low = np.floor(np.log10(sizes.min()))
    high = np.ceil(np.log10(sizes.max()))
    return f"scales of 1e{low:.0f} to 1e{high:.0f}"


# ----------------------------------------------------------------------------------- exact numbers


def _exact_numbers(label: str, x: Any) -> Any:
    """The same nested lists with Fractions and sympy numbers in them;
    ValueError for anything inexact."""
    import sympy

    if isinstance(x, sympy.MatrixBase) or (isinstance(x, np.ndarray) and x.dtype == object):
        x = x.tolist()
    if isinstance(x, (list, tuple)):
        return [_exact_numbers(label, part) for part in x]
    if isinstance(x, (bool, np.bool_)):
        raise ValueError(
            f"{label}: {x!r} is a truth value, computed elsewhere; compare the numbers themselves"
        )
    if isinstance(x, (np.integer, np.ndarray)):
        raise ValueError(
            f"{label}: integers of fixed width overflow in silence; use Python's (tolist())"
        )
    if isinstance(x, (int, Fraction)):
        return Fraction(x)
    if isinstance(x, sympy.Rational):
        return Fraction(int(x.p), int(x.q))
    if (
        isinstance(x, sympy.Basic)
        and x.is_number
        and not x.has(sympy.Float, sympy.nan, sympy.zoo, sympy.oo)
    ):
        return x
    raise ValueError(f"{label}: {x!r} is not exact; use integers, fractions or sympy numbers")


def _flat(x: Any) -> Iterator[Any]:
    if isinstance(x, list):
        for part in x:
            yield from _flat(part)
    else:
        yield x


def _shape(x: Any) -> Any:
    return tuple(_shape(part) for part in x) if isinstance(x, list) else ()


def _same_shape(label: str, x: Any, y: Any) -> None:
    if _shape(x) != _shape(y):
        raise ValueError(f"{label}: the sides have different shapes")


# ---------------------------------------------------------------------------------- floating point


def _numbers(label: str, x: Any) -> np.ndarray:
    """A float array of real numbers; booleans, strings, masks,
    complex numbers and large integers are refused."""
    if np.ma.isMaskedArray(x):
        raise ValueError(
            f"{label}: a masked array; say which entries count by leaving the others out"
        )
    array = np.asarray(x)
    if array.dtype.kind in "bUSO" and not _all_exact(array):
        raise ValueError(f"{label}: entries of type {array.dtype}, expected real numbers")
    if array.dtype.kind == "c":
        raise ValueError(f"{label}: complex numbers; compare real and imaginary parts")
    if array.dtype.kind in "iu" and any(abs(x) > LARGEST_EXACT for x in array.ravel().tolist()):
        raise ValueError(
            f"{label}: integers beyond 2**53 are not exact as floats; "
            "use `exact` or Fractions in `bound`"
        )
    return array.astype(float)


def _all_exact(array: np.ndarray) -> bool:
    """True if all entries are Python integers or Fractions."""
    return array.dtype == object and all(
        isinstance(x, (int, Fraction)) and not isinstance(x, bool) for x in array.ravel()
    )


def _fitted(
    label: str, x: np.ndarray, y: np.ndarray, mutant: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides in one shape: equal shapes, or one side a single number."""
    if x.shape != y.shape and x.ndim and y.ndim:
        sides = "sides of a mutant" if mutant else "sides"
        raise ValueError(f"{label}: the {sides} cannot be compared: shapes {x.shape} and {y.shape}")
    x, y = np.broadcast_arrays(x, y)
    if x.size == 0:
        raise CheckFailed(f"{label}: there is no case to check")
    return np.atleast_1d(x), np.atleast_1d(y)


def _cases(label: str, x: Any, y: Any, mutant: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as finite float arrays of one shape, at least one case."""
    x, y = _fitted(label, _numbers(label, x), _numbers(label, y), mutant)
    for side in (x, y):
        if not np.isfinite(side).all():
            whose = "a side of a mutant" if mutant else "a side"
            raise CheckFailed(f"{label}: {whose} is not finite, which proves nothing")
    return x, y


def _ordered_cases(
    label: str, x: Any, y: Any, mutant: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """As `_cases`, but arrays of Fractions where every entry is a whole number or a Fraction."""
    exact_x = np.array(_plain(x), dtype=object)
    exact_y = np.array(_plain(y), dtype=object)
    if _all_exact(exact_x) and _all_exact(exact_y):
        to_fraction = np.frompyfunc(Fraction, 1, 1)
        return _fitted(
            label, np.asarray(to_fraction(exact_x)), np.asarray(to_fraction(exact_y)), mutant
        )
    return _cases(label, x, y, mutant)


def _plain(x: Any) -> Any:
    """Numpy's whole numbers as Python's; everything else as it is."""
    array = np.asarray(x)
    return array.tolist() if array.dtype.kind in "iu" else x


def _scale(label: str, scale: Any, x: np.ndarray) -> np.ndarray:
    if scale is None:
        return np.ones(x.shape)
    sizes, _ = _cases(label, scale, x)
    if not np.all(sizes > 0):
        raise CheckFailed(f"{label}: a scale is not positive")
    return sizes


def _slopes(label: str, step: Any, error: Any) -> np.ndarray:
    """Slopes of log error on log step between neighbouring steps, in order of the step."""
    x, y = _cases(label, step, error)
    if x.size < 3:
        raise CheckFailed(f"{label}: an order needs at least three steps, got {x.size}")
    if not (np.all(x > 0) and np.all(y > 0)):
        raise CheckFailed(f"{label}: steps and errors must be positive to have logarithms")
    if not x.max() >= STEP_RANGE * x.min():
        raise CheckFailed(
            f"{label}: the steps span a factor of {x.max() / x.min():.3g}, less than {STEP_RANGE}"
        )
    by_size = np.argsort(x)
    log_step = np.log(x[by_size])
    if np.any(np.diff(log_step) < 1e-3):
        raise CheckFailed(f"{label}: two steps are equal, or nearly so")
    return np.diff(np.log(y[by_size])) / np.diff(log_step)


def _best_ratio(x: np.ndarray, y: np.ndarray, slack: float) -> float | None:
    """max lhs / rhs over the cases with rhs > 0 that the slack does not decide; None if there is
    none."""
    counted = (y > 0) & (y >= 100 * slack)
    return float((x[counted] / y[counted]).max()) if counted.any() else None
