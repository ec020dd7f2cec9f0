"""Transition kernels as sparse rows, one row s*A + a per pair: moves on a grid, random kernels.

Cell (i, j) of a grid with ``cols`` columns is state i * cols + j.
"""

import numpy as np
from scipy import sparse

from rlentropy._types import Floats, Ints
from rlentropy.validation import check_integer, check_interval

# Row and column moves of the four grid actions.
GRID_MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def grid_kernel(rows: int, cols: int, success: float) -> sparse.csr_array:
    """CSR (4 rows*cols, rows*cols) of the four noisy moves."""
    R, C = check_integer("rows", rows, low=1), check_integer("cols", cols, low=1)
    p = check_interval("success", success, 0, 1)
    i, j = np.divmod(np.arange(R * C), C)
    targets = [
        np.clip(i + di, 0, R - 1) * C + np.clip(j + dj, 0, C - 1) for di, dj in GRID_MOVES.values()
    ]
    entries, pairs, nexts = [], [], []
    for action in range(4):
        for direction, target in enumerate(targets):
            entries.append(np.full(R * C, p if direction == action else (1 - p) / 3))
            pairs.append(4 * np.arange(R * C) + action)
            nexts.append(target)
    return drop_zeros(
        np.concatenate(entries), (np.concatenate(pairs), np.concatenate(nexts)), (4 * R * C, R * C)
    )


def drop_zeros(
    entries: Floats, places: tuple[Ints, Ints], shape: tuple[int, int]
) -> sparse.csr_array:
    """CSR with duplicate places added up and explicit zeros removed."""
    K = sparse.csr_array(sparse.coo_array((entries, places), shape=shape))
    K.eliminate_zeros()
    return K


def garnet_kernel(
    rng: np.random.Generator, states: int, actions: int, branching: int
) -> sparse.csr_array:
    """CSR (S*A, S) with ``branching`` positive entries a row."""
    S = check_integer("states", states, low=1)
    A = check_integer("actions", actions, low=1)
    b = check_integer("branching", branching, low=1, high=S)
    rows = S * A
    if b * 4 >= S:  # few states: draw without replacement by sorting noise
        columns = np.argsort(rng.random((rows, S)), axis=1)[:, :b]
    else:  # many states: draw with replacement and redraw the rows with a repetition
        columns = rng.integers(S, size=(rows, b))
        while len(bad := _with_repetition(columns)):
            columns[bad] = rng.integers(S, size=(len(bad), b))
    weights = rng.exponential(size=(rows, b))
    weights /= weights.sum(axis=1, keepdims=True)
    return sparse.csr_array(
        (weights.ravel(), columns.ravel(), np.arange(0, rows * b + 1, b)), shape=(rows, S)
    )


def _with_repetition(columns: Ints) -> Ints:
    """Indices of the rows in which a number stands twice."""
    return np.flatnonzero((np.diff(np.sort(columns, axis=1), axis=1) == 0).any(axis=1))
