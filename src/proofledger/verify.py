"""Checks that notebooks declare and run, and that the ledger of the book is made from.

A check names the statement of the book that it checks, raises `CheckFailed` when the statement does not hold, and
raises as well when one of its *mutants* (a wrong sign, a missing centring, a dropped term) is not rejected: a check
that cannot fail proves nothing. Every kind but ``cited`` therefore needs at least one mutant.
NaN never passes and never rejects: a NaN on either side, or in a mutant, is a failure of its own.

Kinds, strongest first:

    symbolic   equality proved by computer algebra, for every number of actions where the expressions are indexed sums
    exact      equality in rational or algebraic arithmetic, or a certificate (lower and upper bound meet)
    numeric    worst residual over seeded cases is at most a tolerance
    order      the error decays with the stated power of the step
    bound      lhs <= rhs in every case
    sampled    a probability, by an exact binomial (Clopper-Pearson) interval
    cited      taken from the literature, not checked here

A passed check returns a `Record`; a notebook shows it as one line, with a JSON record under the MIME type `MIME`.
The JSON holds only what is equal on every machine (nbval compares it); measured figures, which differ in the last
digits, travel in the output's metadata (``measured``, ``seconds``), which nbval does not compare.
"""

import re
import time
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

MIME = "application/vnd.rlentropy.check+json"
KINDS = ("symbolic", "exact", "numeric", "order", "bound", "sampled", "cited")

# A mutant must miss by this factor more than a true statement may: a wrong formula has to be clearly wrong.
REJECTION_FACTOR = 10


class CheckFailed(AssertionError):
    """The statement does not hold, or a mutant of it was not rejected."""


@dataclass(frozen=True)
class Record:
    """A passed check: statement label, kind, the claim in words, number of cases, names of the rejected mutants,
    and what was measured (a short text) in how many seconds."""

    label: str
    kind: str
    claim: str
    cases: int
    mutants: tuple
    measured: str = field(compare=False)
    seconds: float = field(compare=False)

    def stable(self):
        """The part that is equal on every machine, as plain JSON."""
        return {
            "label": self.label,
            "kind": self.kind,
            "claim": self.claim,
            "cases": self.cases,
            "mutants": list(self.mutants),
            "verdict": "holds",
        }

    def line(self):
        """One line for people."""
        cases = f", {self.cases} cases" if self.cases > 1 else ""
        rejected = f"; rejected: {', '.join(self.mutants)}" if self.mutants else ""
        return f"✓ {self.label} [{self.kind}] {self.claim}{cases} (measured {self.measured}){rejected}"

    def __str__(self):
        return self.line()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {MIME: self.stable(), "text/plain": self.line()}
        return data, {MIME: {"measured": self.measured, "seconds": round(self.seconds, 3)}}


_clock = time.perf_counter()


def _start_clock(*_):
    global _clock
    _clock = time.perf_counter()


def _passed(label, kind, claim, cases, mutants, measured):
    """Record the pass; its time runs from the start of the cell, or from the previous check."""
    global _clock
    now = time.perf_counter()
    record = Record(label, kind, claim, int(cases), tuple(mutants), measured, now - _clock)
    _clock = now
    shell = _shell()
    if shell is not None:
        from IPython.display import display

        display(record)
    return None if shell is not None else record


def _shell():
    """The notebook's shell, or None outside a notebook (then checks return their record instead of showing it)."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


def watch_cells():
    """Make the seconds of a check count from the start of its cell; called by `plotting.use_style`."""
    shell = _shell()
    if shell is not None and _start_clock not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _start_clock)


def _check_declaration(label, mutants):
    if not isinstance(label, str) or not re.fullmatch(r"(def|lem|thm|prop|cor|rem|ex|alg)-[a-z0-9-]+", label):
        raise ValueError(f"label = {label!r}: expected a statement label such as 'thm-covariance-identity'")
    if not isinstance(mutants, dict) or not mutants:
        raise ValueError(f"{label}: a check needs a dict of mutants (wrong versions that must be rejected)")


def _require(holds, label, kind, why):
    if not holds:
        raise CheckFailed(f"{label} [{kind}] does not hold: {why}")


def _require_rejected(rejected, label, kind, name, why):
    if not rejected:
        raise CheckFailed(f"{label} [{kind}] mutant {name!r} was not rejected: {why}; the check is blind")


# ---------------------------------------------------------------------------------------------------------- equality


def symbolic(label, *lines, mutants, claim=None, nonzero=()):
    """Consecutive expressions are equal by computer algebra (`finitesums.equal`).

    lines    two or more sympy expressions, the lines of a derivation in order
    mutants  {name: expression}: each must be *disproved*: differ from the last line at some numbers
             (`finitesums.differ`)
    nonzero  expressions assumed not to vanish, as in `finitesums.equal`
    """
    import finitesums as algebra

    _check_declaration(label, mutants)
    if len(lines) < 2:
        raise ValueError(f"{label}: a symbolic check compares at least two lines, got {len(lines)}")
    for i, (left, right) in enumerate(pairwise(lines), start=1):
        proved = algebra.equal(left, right, nonzero=nonzero)
        _require(proved, label, "symbolic", f"lines {i} and {i + 1} are not proved equal:\n  {left}\n  {right}")
    for name, wrong in mutants.items():
        _require_rejected(algebra.differ(lines[-1], wrong), label, "symbolic", name, "no numbers tell them apart")
    claim = claim or (f"{len(lines)} lines equal" if len(lines) > 2 else "both sides equal")
    return _passed(label, "symbolic", claim, len(lines) - 1, mutants, "difference 0")


def exact(label, lhs, rhs, *, mutants, claim="both sides equal"):
    """lhs == rhs in exact arithmetic: ints, Fractions, sympy numbers, or (nested) sequences of them.

    Floats and NaN are refused.
    """
    _check_declaration(label, mutants)
    left, right = _exact_numbers(label, lhs), _exact_numbers(label, rhs)
    _require(len(left) > 0, label, "exact", "there is nothing to compare")
    _require(_same_numbers(left, right), label, "exact", f"{lhs} is not {rhs}")
    for name, wrong in mutants.items():
        rejected = not _same_numbers(left, _exact_numbers(label, wrong))
        _require_rejected(rejected, label, "exact", name, "it equals the left side")
    return _passed(label, "exact", claim, len(left), mutants, "difference 0")


def _exact_numbers(label, x):
    """The flat list of sympy numbers in a nested sequence; ValueError for anything inexact."""
    import sympy

    if isinstance(x, np.ndarray) and x.ndim == 0:
        x = x.item()
    if isinstance(x, (list, tuple, np.ndarray, sympy.MatrixBase)):
        return [y for part in x for y in _exact_numbers(label, part)]
    if isinstance(x, (bool, np.bool_, int, np.integer)):
        return [sympy.Integer(int(x))]
    if isinstance(x, Fraction):
        return [sympy.Rational(x.numerator, x.denominator)]
    if isinstance(x, sympy.Basic) and not x.has(sympy.Float, sympy.nan, sympy.zoo):
        return [x]
    raise ValueError(f"{label}: {x!r} is not exact; use integers, fractions or sympy numbers")


def _same_numbers(xs, ys):
    import sympy

    if len(xs) != len(ys):
        return False
    differences = (sympy.expand_log(x - y, force=True) for x, y in zip(xs, ys, strict=True))
    return all(sympy.simplify(difference) == 0 for difference in differences)


def certificate(label, *, lower, upper, tol, mutants, claim=None):
    """lower <= upper <= lower + tol in every case: a bound from below and one from above that meet.

    mutants  {name: (lower, upper)}: somewhere lower > upper + tol, or upper > lower + REJECTION_FACTOR * tol
    """
    _check_declaration(label, mutants)
    low, high = _cases(label, lower, upper)
    # rounding may put the bounds across each other by a few units in the last place
    slip = 64 * np.finfo(float).eps * np.maximum(1, np.abs(high))
    gap = high - low
    _require(np.all(gap >= -np.minimum(slip, tol)), label, "exact", f"lower bound exceeds upper by {-gap.min():.3g}")
    _require(np.all(gap <= tol), label, "exact", f"the bounds are {gap.max():.3g} apart, more than {tol:g}")
    for name, (wrong_low, wrong_high) in mutants.items():
        wrong_low, wrong_high = _cases(label, wrong_low, wrong_high, mutant=True)
        wrong = wrong_high - wrong_low
        rejected = np.any(wrong < -tol) or np.any(wrong > REJECTION_FACTOR * tol)
        _require_rejected(rejected, label, "exact", name, f"its bounds meet within {REJECTION_FACTOR * tol:g}")
    return _passed(label, "exact", claim or f"bounds meet within {tol:g}", low.size, mutants, f"gap {gap.max():.1e}")


def numeric(label, lhs, rhs, *, tol, mutants, claim=None, scale=None):
    """|lhs - rhs| <= tol * scale in every case (scale 1 unless given: positive, an array of the natural sizes).

    mutants  {name: wrong rhs}: each must miss by more than REJECTION_FACTOR * tol in at least one case
    """
    _check_declaration(label, mutants)
    worst = _residual(label, lhs, rhs, scale).max()
    _require(worst <= tol, label, "numeric", f"residual {worst:.3g} exceeds {tol:g}")
    for name, wrong in mutants.items():
        miss = _residual(label, lhs, wrong, scale, mutant=True).max()
        _require_rejected(miss > REJECTION_FACTOR * tol, label, "numeric", name, f"its residual is only {miss:.3g}")
    claim = claim or f"residual at most {tol:g}"
    return _passed(label, "numeric", claim, np.size(_cases(label, lhs, rhs)[0]), mutants, f"{worst:.1e}")


def _cases(label, x, y, mutant=False):
    """Both sides as float arrays of one shape, at least one case. Mutants may be infinite, nothing may be NaN."""
    if np.iscomplexobj(x) or np.iscomplexobj(y):
        raise ValueError(f"{label}: complex numbers; compare real and imaginary parts")
    try:
        x, y = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    except ValueError as problem:
        sides = "sides of a mutant" if mutant else "sides"
        raise ValueError(f"{label}: the {sides} cannot be compared ({problem})") from None
    if x.size == 0:
        raise CheckFailed(f"{label}: there is no case to check")
    if np.isnan(x).any() or np.isnan(y).any():
        raise CheckFailed(f"{label}: a side {'of a mutant ' if mutant else ''}is NaN, which proves nothing")
    if not mutant and not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise CheckFailed(f"{label}: a side is infinite")
    return np.atleast_1d(x), np.atleast_1d(y)


def _residual(label, lhs, rhs, scale, mutant=False):
    x, y = _cases(label, lhs, rhs, mutant)
    residual = np.abs(x - y)
    if scale is not None:
        sizes = _cases(label, scale, x)[0]
        if not np.all(sizes > 0):
            raise CheckFailed(f"{label}: a scale is not positive")
        residual = residual / sizes
    return residual


# ------------------------------------------------------------------------------------------------ orders and bounds


def order(label, *, step, error, expected, tol=0.02, mutants, claim=None):
    """The error decays like step**expected: the least-squares slope of log error on log step is within tol.

    step     at least three positive step sizes;  error  positive errors, same length
    mutants  {name: errors of a wrong formula}: their slope must be off by more than tol
    """
    _check_declaration(label, mutants)
    slope = _slope(label, step, error)
    _require(abs(slope - expected) <= tol, label, "order", f"slope {slope:.4f}, expected {expected} within {tol}")
    for name, wrong in mutants.items():
        wrong_slope = _slope(label, step, wrong)
        _require_rejected(abs(wrong_slope - expected) > tol, label, "order", name, f"its slope is {wrong_slope:.4f}")
    claim = claim or f"error of order {expected:g} in the step"
    return _passed(label, "order", claim, np.size(step), mutants, f"slope {slope:.4f}")


def _slope(label, step, error):
    x, y = _cases(label, step, error)
    if x.size < 3:
        raise CheckFailed(f"{label}: a slope needs at least three steps, got {x.size}")
    if not (np.all(x > 0) and np.all(y > 0)):
        raise CheckFailed(f"{label}: steps and errors must be positive to have logarithms")
    if np.ptp(x) == 0:
        raise CheckFailed(f"{label}: all steps are equal")
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def bound(label, lhs, rhs, *, mutants, slack=0.0, claim="left side at most right side"):
    """lhs <= rhs + slack in every case; ``slack`` allows for rounding only and must be stated.

    mutants  {name: wrong rhs}: each must be violated in at least one case
    """
    _check_declaration(label, mutants)
    if slack < 0 or slack == np.inf:  # NaN fails below, as in every check
        raise ValueError(f"{label}: slack = {slack}, expected a finite number >= 0")
    x, y = _cases(label, lhs, rhs)
    smallest = (y - x).min()
    _require(smallest >= -slack, label, "bound", f"violated by {-smallest:.3g}")
    for name, wrong in mutants.items():
        x, y = _cases(label, lhs, wrong, mutant=True)
        least = (y - x).min()
        _require_rejected(least < -slack, label, "bound", name, f"it holds too, with slack {least:.3g}")
    return _passed(label, "bound", claim, x.size, mutants, f"smallest slack {smallest:.1e}")


def sampled(label, successes, trials, *, at_least, mutants, confidence=0.99, claim=None):
    """A success probability is at least ``at_least``: not refuted by the exact binomial interval.

    The Clopper-Pearson interval at ``confidence`` must not lie wholly below ``at_least``; it is reported.
    mutants  {name: (successes, trials)} of a wrong version: their interval must lie wholly below ``at_least``
    """
    _check_declaration(label, mutants)
    low, high = interval(successes, trials, confidence)
    _require(high >= at_least, label, "sampled", f"interval [{low:.4f}, {high:.4f}] lies below {at_least}")
    for name, (hits, runs) in mutants.items():
        _, wrong_high = interval(hits, runs, confidence)
        _require_rejected(wrong_high < at_least, label, "sampled", name, f"its interval reaches {wrong_high:.4f}")
    claim = claim or f"probability at least {at_least:g}: {successes} of {trials}"
    return _passed(label, "sampled", claim, trials, mutants, f"{confidence:.0%} interval [{low:.4f}, {high:.4f}]")


def interval(successes, trials, confidence=0.99):
    """Clopper-Pearson interval (low, high) of a binomial probability; Clopper & Pearson (1934)."""
    from scipy.stats import beta

    if not (0 <= successes <= trials and trials > 0) or successes != int(successes) or trials != int(trials):
        raise CheckFailed(f"{successes} successes of {trials} trials: need whole numbers 0 <= successes <= trials > 0")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence}: must lie strictly between 0 and 1")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high


def cited(label, *, source):
    """The statement is quoted from the literature and not checked here; ``source`` says where (key and place)."""
    _check_declaration(label, {"none": None})
    if not isinstance(source, str) or not source.strip():
        raise ValueError(f"{label}: a cited statement names its source")
    return _passed(label, "cited", f"cited from {source}", 0, (), "nothing")
