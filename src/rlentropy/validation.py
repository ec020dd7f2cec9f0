"""Refusal of bad input: each function raises ``ValueError`` naming the argument,
the first bad index and its value.

Nothing is repaired: no renormalising, no clipping, no casting of NaN.
Accepted arrays come back as float arrays of their own (a read-only copy is the caller's business).
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from rlentropy._types import Bools, Floats, Ints

# Row sums of tables written with a dozen digits still pass;
# a forgotten or doubled entry never does.
SUM_TOLERANCE = 1e-9
# Relative rounding of types narrower than float64.
UNITS = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
# Said to who gives an environment for an MDP.
DOORS = " (rlentropy.from_gymnasium reads a table, learners.on_simulator explores what only steps)"
# No loop ends and no array has room above this.
LARGEST = 2**63 - 1
# Numbers of a size of an MDP can be divided by this.
LEAST_CONFIDENCE = 1e-290
# What Python or NumPy would take for a number, and nobody means as one.
NO_NUMBERS = (str, bytes, bool, np.bool_, list, tuple, np.timedelta64, np.datetime64)

T = TypeVar("T", bound=ArrayLike)
Kind = TypeVar("Kind")
# Lengths of the axes; None allows any length but 0.
Shape = tuple[int | None, ...]


def _first(mask: ArrayLike) -> tuple[int, ...] | None:
    """First index (C order) where the mask is true, as a tuple of ints; None if nowhere."""
    if not np.asarray(mask).any():
        return None
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _at(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def refuse(name: str, x: ArrayLike, bad: ArrayLike, why: str) -> None:
    """Raises ValueError naming the first entry of x where ``bad`` is true, its value,
    and why it will not do.
    """
    index = _first(bad)
    if index is not None:
        raise ValueError(f"{_at(name, index)} = {np.asarray(x)[index]}: {why}")


def check_array(name: str, x: ArrayLike, shape: Shape | None = None) -> Floats:
    """Float array without NaN or infinity, of the given shape (None in a place allows any positive
    length).

    Raises ValueError for a non-numeric (also complex or masked) entry, a wrong number of axes, a
    wrong or zero length, or a non-finite entry.
    """
    x = _as_floats(name, x)
    check_shape(name, x, shape)
    return check_finite(name, x)


def _as_floats(name: str, x: ArrayLike) -> Floats:
    """A float array of its own; what numpy would drop with a mere warning, or none, is refused."""
    try:
        if np.iscomplexobj(x):
            raise TypeError("complex, expected real")
        if np.ma.is_masked(x):
            raise TypeError("entries are masked, and a mask would be lost: fill or drop them")
        if np.asarray(x).dtype.kind in "SUMm":
            raise TypeError(f"entries of type {np.asarray(x).dtype}")
        return np.array(x, dtype=float)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{name}: not an array of numbers ({problem})") from None


def as_array(name: str, x: ArrayLike) -> NDArray[Any]:
    """x as an array of any type; ValueError for lists that are not rectangular, and for masks."""
    if np.ma.is_masked(x):
        raise ValueError(f"{name}: entries are masked, and a mask would be lost: fill or drop them")
    try:
        return np.asarray(x)
    except ValueError as problem:
        raise ValueError(f"{name}: not an array of numbers ({problem})") from None


def check_rewards(name: str, r: ArrayLike) -> Floats:
    """Expected rewards (S, A): finite, or -inf where an action is unavailable. A float array."""
    r = check_shape(name, _as_floats(name, r), (None, None))
    refuse(name, r, ~(r < np.inf), "not a finite number, nor -inf for an unavailable action")
    return r


def check_shape(name: str, x: T, shape: Shape | None = None) -> T:
    """x itself if its shape fits; a place given as None allows any length but 0."""
    actual = np.shape(x)
    if shape is not None and actual != shape:
        fits = (k is None or k == a for a, k in zip(actual, shape, strict=False))
        if len(actual) != len(shape) or not all(fits):
            wanted = ", ".join("any" if k is None else str(k) for k in shape)
            comma = "," if len(shape) == 1 else ""
            raise ValueError(f"{name}: shape {actual}, expected ({wanted}{comma})")
    if 0 in actual:
        empty = f"shape {actual} has an empty axis {actual.index(0)}"
        raise ValueError(f"{name}: {empty}; every space needs an element")
    return x


def check_axis(name: str, x: T, entries: str) -> T:
    """x itself if it is no bare number; its last axis holds ``entries``, in a word."""
    if np.ndim(x) == 0:
        raise ValueError(f"{name}: shape (), expected at least one axis of {entries}")
    return x


def check_finite(name: str, x: T) -> T:
    """x itself if no entry is NaN or infinite."""
    refuse(name, x, ~np.isfinite(x), "not a finite number")
    return x


def check_distribution(name: str, p: ArrayLike, shape: Shape | None = None) -> Floats:
    """Probabilities along the last axis: finite, >= 0, sums within 1e-9 of one.
    Returns a float array.

    Rows given in float32 or less are distributions up to the rounding of their type: their sums
    may miss 1 by the square root of its unit, and they are divided by them in float64.
    Raises ValueError naming the first negative entry, else the first row whose sum is off.
    """
    given = p
    p = check_axis(name, check_array(name, p, shape), "probabilities")
    refuse(name, p, p < 0, "a probability cannot be negative")
    return _whole_rows(name, given, p)


def _whole_rows(
    name: str, given: ArrayLike, p: Floats, available: ArrayLike | None = None
) -> Floats:
    """p if its rows sum to 1; divided by their sums if ``given`` was of a narrow type."""
    totals = p.sum(axis=-1)
    tolerance = _tolerance(given)
    _refuse_row_sums(name, totals, available, tolerance)
    if tolerance == SUM_TOLERANCE:
        return p
    return p / np.where(totals > 0, totals, 1.0)[..., None]


def _tolerance(x: Any) -> float:
    """By how much a sum may miss 1: the square root of the unit of a type narrower than float64."""
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.name in UNITS:
        return float(np.sqrt(UNITS[dtype.name]))
    return SUM_TOLERANCE


def normalised(P: Any, *, atol: float = 1e-3) -> Any:
    """P(i) / sum_j P(j) along the last axis, for rows that sum to 1 within ``atol``; float64.

    P  (..., n) nonnegative numbers of any type, or a sparse matrix, whose rows are divided (CSR):
       tables in six digits, policies from a network
    Raises ValueError naming the first negative entry, else the first row whose sum is further off.
    """
    atol = check_positive("atol", atol)
    if sparse.issparse(P):
        P = _as_csr("P", P)
        refuse("the entries of P", P.data, ~(P.data >= 0), "a probability cannot be negative")
        totals = np.asarray(P.sum(axis=1)).ravel()
        _refuse_sums("P", totals, atol)
        return sparse.csr_array(sparse.diags_array(1 / totals) @ P)
    P = check_axis("P", check_array("P", P), "probabilities")
    refuse("P", P, P < 0, "a probability cannot be negative")
    totals = P.sum(axis=-1)
    _refuse_sums("P", totals, atol)
    return P / totals[..., None]


def check_log_distribution(name: str, log_p: ArrayLike, shape: Shape | None = None) -> Floats:
    """Log-probabilities along the last axis: real or -inf, sums of exp(log_p) within 1e-9 of one.
    A float array; narrow types as in `check_distribution`.

    Raises ValueError naming the first NaN or positive entry, else the first row whose
    probabilities' sum is off, as it is for logits that were not normalised.
    """
    tolerance = _tolerance(log_p)
    log_p = check_axis(name, _as_floats(name, log_p), "log-probabilities")
    check_shape(name, log_p, shape)
    refuse(
        name,
        log_p,
        ~(log_p <= tolerance),
        "a log-probability is at most 0 (logits need log_softmax)",
    )
    totals = np.exp(log_p).sum(axis=-1)
    _refuse_sums(f"exp({name})", totals, tolerance)
    return log_p if tolerance == SUM_TOLERANCE else log_p - np.log(totals)[..., None]


def check_log_weights(name: str, x: ArrayLike, shape: Shape | None = None) -> Floats:
    """Logarithms of weights: real or -inf, of a shape. Returns a float array."""
    x = check_extended(name, x, shape)
    refuse(name, x, x == np.inf, "the logarithm of a weight is a number or -inf")
    return x


def check_extended(name: str, x: ArrayLike, shape: Shape | None = None) -> Floats:
    """As `check_array`, with -inf and inf allowed."""
    x = check_shape(name, _as_floats(name, x), shape)
    refuse(name, x, np.isnan(x), "not a number")
    return x


@contextmanager
def no_overflow(name: str) -> Iterator[None]:
    """ValueError naming the argument where a result leaves the doubles, instead of nan."""
    try:
        with np.errstate(over="raise", invalid="raise"):
            yield
    except (FloatingPointError, OverflowError) as problem:
        raise ValueError(
            f"{name}: no double holds the result for such numbers ({problem})"
        ) from None


def check_broadcast(
    name: str, x: ArrayLike, shape: tuple[int, ...], *, within: bool = False
) -> None:
    """ValueError unless x broadcasts against a shape; ``within``: to this very shape."""
    try:
        common = np.broadcast_shapes(np.shape(x), shape)
    except ValueError:
        common = None
    if common is None or (within and common != shape):
        raise ValueError(f"{name}: shape {np.shape(x)} does not broadcast to {shape}")


def check_mask(name: str, x: ArrayLike, shape: tuple[int, ...]) -> Bools:
    """Booleans of a shape, or that broadcast to it.
    Whole numbers are refused: 0, 1 might be meant as indices.
    """
    x = as_array(name, x)
    if x.dtype != bool:
        raise ValueError(f"{name}: entries of type {x.dtype}, expected booleans")
    try:
        return np.broadcast_to(x, shape)
    except ValueError:
        raise ValueError(f"{name}: shape {x.shape}, expected {shape}") from None


def _refuse_row_sums(
    name: str, totals: Floats, available: ArrayLike | None, tolerance: float
) -> None:
    """Raises ValueError naming the first (s, a) whose sum misses 1, or 0 if it is unavailable."""
    if available is None:
        return _refuse_sums(name, totals, tolerance)
    available = check_mask("available", available, totals.shape)
    lost = "the action is unavailable there, so its row must be 0"
    refuse(f"the row sums of {name}", totals, ~available & (totals != 0), lost)
    return _refuse_sums(name, np.where(available, totals, 1.0), tolerance)


def check_available(name: str, x: ArrayLike, shape: tuple[int, ...]) -> Bools:
    """Which actions a state has: booleans (S, A), read-only, at least one in each row.

    Raises ValueError for another shape or type, and naming the first state without an action.
    """
    x = check_shape(name, check_mask(name, as_array(name, x), np.shape(x)).copy(), shape)
    index = _first(~x.any(axis=1))
    if index is not None:
        raise ValueError(f"{_at(name, index)}: no action is available in this state")
    return x


def _refuse_sums(name: str, totals: Floats, tolerance: float = SUM_TOLERANCE) -> None:
    """Raises ValueError naming the first row whose sum misses 1."""
    index = _first(np.abs(totals - 1) > tolerance)
    if index is not None:
        near = np.abs(totals[index] - 1) < 1e-3
        remedy = " (rounded? validation.normalised divides by the sum, in float64)" if near else ""
        raise ValueError(f"{_at(name, index)} sums to {totals[index]:.12g}, not to 1{remedy}")


def check_kernel(name: str, P: ArrayLike, available: ArrayLike | None = None) -> Floats:
    """Transition probabilities P[s, a, s'] (dense, (S, A, S)). Returns a float array.

    available  (S, A) booleans, or None for all: the row of an unavailable pair is all 0
    Raises ValueError as `check_distribution`, or if the first and last axes differ.
    """
    given, P = P, check_array(name, P)
    if P.ndim != 3:
        raise ValueError(f"{name}: shape {P.shape}, expected (S, A, S)")
    refuse(name, P, P < 0, "a probability cannot be negative")
    P = _whole_rows(name, given, P, available)
    if P.shape[0] != P.shape[2]:
        raise ValueError(
            f"{name}: shape {P.shape}, expected (S, A, S) with equal first and last lengths"
        )
    return P


def check_sparse_kernel(name: str, P: Any, available: ArrayLike | None = None) -> sparse.csr_array:
    """Transition probabilities as a sparse (S*A, S) matrix whose row s*A + a is P(. | s, a).
    Returns CSR; ``available`` as in `check_kernel`.

    Stored zeros are dropped, so the pattern of the result is the set of possible transitions.
    Raises ValueError naming the row as [s, a].
    """
    if not sparse.issparse(P):
        raise ValueError(f"{name}: {type(P).__name__}, expected a sparse matrix")
    tolerance, P = _tolerance(P), _as_csr(name, P)
    rows, S = P.shape
    if S == 0 or rows == 0 or rows % S:
        raise ValueError(f"{name}: shape {P.shape}, expected (S*A, S) with S, A >= 1")
    A = rows // S
    for bad, why in (
        (~np.isfinite(P.data), "not a finite number"),
        (P.data < 0, "a probability cannot be negative"),
    ):
        where = _first(bad)
        if where is not None:
            row = int(np.searchsorted(P.indptr, where[0], side="right")) - 1
            index = (row // A, row % A, int(P.indices[where[0]]))
            raise ValueError(f"{_at(name, index)} = {P.data[where[0]]}: {why}")
    totals = np.asarray(P.sum(axis=1)).ravel()
    _refuse_row_sums(name, totals.reshape(S, A), available, tolerance)
    if tolerance > SUM_TOLERANCE:
        P = sparse.csr_array(sparse.diags_array(1 / np.where(totals > 0, totals, 1.0)) @ P)
    P.eliminate_zeros()
    return P


def _as_csr(name: str, P: Any) -> sparse.csr_array:
    """A CSR copy with one entry a place; indices out of range, on which compiled code would crash,
    are refused.
    """
    if np.issubdtype(P.dtype, np.complexfloating):
        raise ValueError(f"{name}: complex entries, expected real")
    try:
        P = P.copy()
        if P.format in ("csr", "csc", "bsr"):
            P.check_format(full_check=True)
        P = sparse.csr_array(P, dtype=float)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{name}: not a sound sparse matrix ({problem})") from None
    P.sum_duplicates()
    return P


def check_number(name: str, x: Any) -> float:
    """A finite real number as a float; strings, booleans and arrays are refused."""
    if isinstance(x, NO_NUMBERS) or x is np.ma.masked or _axes(x) > 0:
        raise ValueError(f"{name} = {x!r}: not a real number")
    try:
        value = float(x)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} = {x!r}: not a real number") from None
    if not np.isfinite(value):
        raise ValueError(f"{name} = {value}: not a finite number")
    return value


def check_discount(name: str, gamma: object) -> float:
    """A discount factor 0 <= gamma < 1."""
    value = check_number(name, gamma)
    if not 0 <= value < 1:
        raise ValueError(f"{name} = {value}: a discount factor lies in [0, 1)")
    return value


def check_positive(name: str, x: object) -> float:
    """A finite number > 0 (a step size, a temperature, a prior count)."""
    value = check_number(name, x)
    if not value > 0:
        raise ValueError(f"{name} = {value}: must be greater than 0")
    return value


def check_nonnegative(name: str, x: object) -> float:
    """A finite number >= 0 (a strength, a budget)."""
    value = check_number(name, x)
    if value < 0:
        raise ValueError(f"{name} = {value}: must not be negative")
    return value


def check_interval(name: str, x: object, low: float, high: float) -> float:
    """A finite number with low <= x <= high."""
    value = check_number(name, x)
    if not low <= value <= high:
        raise ValueError(f"{name} = {value}: must lie in [{low}, {high}]")
    return value


def check_confidence(name: str, delta: object) -> float:
    """A probability of failure 0 < delta < 1."""
    value = check_number(name, delta)
    if not 0 < value < 1:
        raise ValueError(f"{name} = {value}: must lie strictly between 0 and 1")
    if value < LEAST_CONFIDENCE:
        raise ValueError(f"{name} = {value}: no double holds numbers divided by it")
    return value


def check_integer(name: str, x: object, low: int = 0, high: int | None = None) -> int:
    """A whole number with low <= x (and x <= high if given), as an int;
    booleans and 2.5 are refused.
    """
    if isinstance(x, NO_NUMBERS) or not isinstance(x, (int, np.integer)):
        raise ValueError(f"{name} = {x!r}: not a whole number of integer type")
    if x < low or (high is not None and x > high):
        limits = f">= {low}" if high is None else f"in {{{low}, ..., {high}}}"
        raise ValueError(f"{name} = {x}: must be {limits}")
    if x > LARGEST:
        raise ValueError(f"{name} = {x}: no count is above {LARGEST}")
    return int(x)


def is_all(jobs: object) -> bool:
    """Whether a number of jobs is -1, which stands for every processor."""
    return isinstance(jobs, (int, np.integer)) and not isinstance(jobs, bool) and jobs == -1


def check_sizes(**sizes: int) -> None:
    """Whole numbers >= 1, each by its name: numbers of states, actions, stages."""
    for name, x in sizes.items():
        check_integer(name, x, low=1)


def check_flag(name: str, x: bool) -> bool:
    """True or False; ValueError for anything else, such as "no", which would count as true."""
    if not isinstance(x, (bool, np.bool_)):
        raise ValueError(f"{name} = {x!r}: expected True or False")
    return bool(x)


def check_kind(name: str, x: Kind, kind: type[Kind]) -> Kind:
    """x itself if it is an instance of ``kind``; ValueError says what it is instead."""
    if not isinstance(x, kind):
        steps = kind.__name__ in ("EpisodicMDP", "DiscountedMDP") and hasattr(x, "step")
        found = type(x).__name__ + (DOORS if steps else "")
        raise ValueError(f"{name}: {found}, expected {kind.__name__}")
    return x


def check_callable(name: str, x: Kind) -> Kind:
    """x itself if it can be called; ValueError says what it is instead."""
    if not callable(x):
        raise ValueError(f"{name}: {type(x).__name__}, expected a function")
    return x


def check_path(name: str, x: str | os.PathLike[str]) -> Path:
    """The path of a file; ValueError for anything but text and paths (a number would be taken for
    an open file)."""
    if not isinstance(x, (str, os.PathLike)):
        raise ValueError(f"{name}: {type(x).__name__}, expected a name of a file")
    return Path(x)


def check_reals(name: str, x: ArrayLike, shape: Shape | None = None) -> Floats:
    """As `check_array`, with nan and infinities allowed (a drawing leaves these places empty)."""
    return check_shape(name, _as_floats(name, x), shape)


def _axes(x: Any) -> int:
    """The number of axes; 1 for lists that are not rectangular."""
    try:
        return np.ndim(x)
    except ValueError:
        return 1


def check_indices(name: str, x: ArrayLike, size: int, shape: Shape | None = None) -> Ints:
    """Whole numbers in {0, ..., size - 1} (states, actions); returns an int array."""
    x = as_array(name, x).copy()
    if x.dtype.kind not in "iu":
        raise ValueError(f"{name}: entries of type {x.dtype}, expected whole numbers")
    check_shape(name, x, shape)
    refuse(name, x, (x < 0) | (x >= size), f"must lie in {{0, ..., {size - 1}}}")
    return x


def check_choice(name: str, x: object, choices: Collection[str]) -> str:
    """x itself if it is one of the names on offer."""
    if not (isinstance(x, str) and x in choices):
        raise ValueError(f"{name} = {x!r}: expected one of {', '.join(choices)}")
    return x


class NotConverged(RuntimeError):
    """An iterative solver did not reach its tolerance;
    the message holds the residual and the iterations.

    best  the best result that was found, or None; where it has a ``value`` and a certified
          ``gap``, the optimum lies in [best.value, best.value + best.gap]
    """

    def __init__(self, message: str, *, best: Any = None) -> None:
        super().__init__(message)
        self.best = best


def missing(kind: str, name: str, other: str, belongs: Collection[str]) -> str:
    """Why an MDP lacks the attribute ``name``:
    most often a function was given the other kind of MDP.
    """
    hint = f": this needs the other kind, {other}" if name in belongs else ""
    return f"{kind} has no {name!r}{hint}"
