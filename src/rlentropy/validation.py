"""Refusal of bad input: each function raises ``ValueError`` naming the argument, the first bad index and its value.

Nothing is repaired: no renormalising, no clipping, no casting of NaN.
Accepted arrays come back as float arrays of their own (a read-only copy is the caller's business).
"""

import numpy as np
from scipy import sparse

# Row sums of tables written with a dozen digits still pass; a forgotten or doubled entry never does.
SUM_TOLERANCE = 1e-9


def _first(mask):
    """First index (C order) where the mask is true, as a tuple of ints; None if nowhere."""
    hits = np.argwhere(mask)
    return tuple(int(i) for i in hits[0]) if len(hits) else None


def _at(name, index):
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def check_array(name, x, shape=None):
    """Float array without NaN or infinity, of the given shape (None in a place allows any positive length).

    Raises ValueError for a non-numeric (also complex) entry, a wrong number of axes, a wrong or zero length, or a
    non-finite entry.
    """
    try:
        if np.iscomplexobj(x):  # numpy would drop the imaginary parts of an array with a mere warning
            raise TypeError("complex, expected real")
        x = np.array(x, dtype=float)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{name}: not an array of numbers ({problem})") from None
    check_shape(name, x, shape)
    return check_finite(name, x)


def check_shape(name, x, shape=None):
    """x itself if its shape fits; a place given as None allows any length but 0."""
    actual = np.shape(x)
    if shape is not None:
        wanted = "(" + ", ".join("any" if k is None else str(k) for k in shape) + (",)" if len(shape) == 1 else ")")
        if len(actual) != len(shape) or any(k is not None and k != a for a, k in zip(actual, shape, strict=True)):
            raise ValueError(f"{name}: shape {actual}, expected {wanted}")
    if 0 in actual:
        raise ValueError(f"{name}: shape {actual} has an empty axis {actual.index(0)}; every space needs an element")
    return x


def check_finite(name, x):
    """x itself if no entry is NaN or infinite."""
    index = _first(~np.isfinite(x))
    if index is not None:
        raise ValueError(f"{_at(name, index)} = {np.asarray(x)[index]}: not a finite number")
    return x


def check_distribution(name, p, shape=None):
    """Probabilities along the last axis: finite, >= 0, sums within 1e-9 of one. Returns a float array.

    Raises ValueError naming the first negative entry, else the first row whose sum is off.
    """
    p = check_array(name, p, shape)
    if p.ndim == 0:
        raise ValueError(f"{name}: shape (), expected at least one axis of probabilities")
    index = _first(p < 0)
    if index is not None:
        raise ValueError(f"{_at(name, index)} = {p[index]}: a probability cannot be negative")
    totals = p.sum(axis=-1)
    index = _first(np.abs(totals - 1) > SUM_TOLERANCE)
    if index is not None:
        raise ValueError(f"{_at(name, index)} sums to {totals[index]:.12g}, not to 1")
    return p


def check_kernel(name, P):
    """Transition probabilities P[s, a, s'] (dense, (S, A, S)). Returns a float array.

    Raises ValueError as `check_distribution`, or if the first and last axes differ.
    """
    P = check_array(name, P)
    if P.ndim != 3:
        raise ValueError(f"{name}: shape {P.shape}, expected (S, A, S)")
    P = check_distribution(name, P)
    if P.shape[0] != P.shape[2]:
        raise ValueError(f"{name}: shape {P.shape}, expected (S, A, S) with equal first and last lengths")
    return P


def check_sparse_kernel(name, P):
    """Transition probabilities as a sparse (S*A, S) matrix whose row s*A + a is P(. | s, a). Returns CSR.

    Stored zeros are dropped, so the pattern of the result is the set of possible transitions.
    Raises ValueError naming the row as [s, a].
    """
    P = sparse.csr_array(P, dtype=float, copy=True)
    P.sum_duplicates()
    rows, S = P.shape
    if S == 0 or rows == 0 or rows % S:
        raise ValueError(f"{name}: shape {P.shape}, expected (S*A, S) with S, A >= 1")
    A = rows // S
    for bad, why in ((~np.isfinite(P.data), "not a finite number"), (P.data < 0, "a probability cannot be negative")):
        where = _first(bad)
        if where is not None:
            row = int(np.searchsorted(P.indptr, where[0], side="right")) - 1
            index = (row // A, row % A, int(P.indices[where[0]]))
            raise ValueError(f"{_at(name, index)} = {P.data[where[0]]}: {why}")
    totals = np.asarray(P.sum(axis=1)).ravel()
    where = _first(np.abs(totals - 1) > SUM_TOLERANCE)
    if where is not None:
        row = where[0]
        raise ValueError(f"{_at(name, (row // A, row % A))} sums to {totals[row]:.12g}, not to 1")
    P.eliminate_zeros()
    return P


def check_number(name, x):
    """A finite real number as a float; strings, booleans and arrays are refused."""
    if isinstance(x, (str, bytes, bool, np.bool_)) or np.ndim(x) > 0:
        raise ValueError(f"{name} = {x!r}: not a real number")
    try:
        value = float(x)
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {x!r}: not a real number") from None
    if not np.isfinite(value):
        raise ValueError(f"{name} = {value}: not a finite number")
    return value


def check_discount(name, gamma):
    """A discount factor 0 <= gamma < 1."""
    value = check_number(name, gamma)
    if not 0 <= value < 1:
        raise ValueError(f"{name} = {value}: a discount factor lies in [0, 1)")
    return value


def check_positive(name, x):
    """A finite number > 0 (a step size, a temperature, a prior count)."""
    value = check_number(name, x)
    if not value > 0:
        raise ValueError(f"{name} = {value}: must be greater than 0")
    return value


def check_interval(name, x, low, high):
    """A finite number with low <= x <= high."""
    value = check_number(name, x)
    if not low <= value <= high:
        raise ValueError(f"{name} = {value}: must lie in [{low}, {high}]")
    return value


def check_confidence(name, delta):
    """A probability of failure 0 < delta < 1."""
    value = check_number(name, delta)
    if not 0 < value < 1:
        raise ValueError(f"{name} = {value}: must lie strictly between 0 and 1")
    return value


def check_integer(name, x, low=0, high=None):
    """A whole number with low <= x (and x <= high if given), as an int; booleans and 2.5 are refused."""
    if isinstance(x, (bool, np.bool_)) or not isinstance(x, (int, np.integer)):
        raise ValueError(f"{name} = {x!r}: not a whole number of integer type")
    if x < low or (high is not None and x > high):
        limits = f">= {low}" if high is None else f"in {{{low}, ..., {high}}}"
        raise ValueError(f"{name} = {x}: must be {limits}")
    return int(x)


def check_indices(name, x, size, shape=None):
    """Whole numbers in {0, ..., size - 1} (states, actions); returns an int array."""
    x = np.array(x)
    if not np.issubdtype(x.dtype, np.integer):
        raise ValueError(f"{name}: entries of type {x.dtype}, expected whole numbers")
    check_shape(name, x, shape)
    index = _first((x < 0) | (x >= size))
    if index is not None:
        raise ValueError(f"{_at(name, index)} = {x[index]}: must lie in {{0, ..., {size - 1}}}")
    return x


class NotConverged(RuntimeError):
    """An iterative solver did not reach its tolerance; the message holds the residual and the iterations."""


def freeze(x):
    """The array (dense or CSR) itself, made read-only."""
    for part in (x.data, x.indices, x.indptr) if sparse.issparse(x) else (x,):
        part.setflags(write=False)
    return x


def missing(kind, name, other, belongs):
    """Why an MDP lacks the attribute ``name``: most often a function was given the other kind of MDP."""
    hint = f": this needs the other kind, {other}" if name in belongs else ""
    return f"{kind} has no {name!r}{hint}"
