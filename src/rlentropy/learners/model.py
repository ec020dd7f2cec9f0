"""What a model-based learner remembers: per pair (s, a), the next states it has seen and how often.

Memory grows with the number of *distinct* successors seen, not with S,
so that sparse worlds stay cheap without anyone
telling the learner that they are sparse. For compiled learners; `dense` is the readable view.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlentropy._compile import kernel
from rlentropy._portable_kernels import log


class Model(NamedTuple):
    """Transition counts of M models (one per stage, or one for all stages).

    visits      (M, S*A): n(s, a); -1 where the action is unavailable
    distinct    (M, S*A): how many different next states were seen
    successor   (M, S*A, c): the first ``distinct`` entries are those next states,
                in order of first appearance
    times       (M, S*A, c): how often each was seen
    """

    visits: np.ndarray
    distinct: np.ndarray
    successor: np.ndarray
    times: np.ndarray


def empty(
    models: int, S: int, A: int, *, capacity: int = 4, available: NDArray[np.bool_] | None = None
) -> Model:
    """A `Model` that has seen nothing; ``capacity`` successors per pair, doubled when needed.

    available (S, A) booleans, None for all: n(s, a) = -1 for the others.
    """
    shape = (models, S * A)
    visits = np.zeros(shape, dtype=np.int64)
    if available is not None:
        visits[:, ~available.ravel()] = -1
    return Model(
        visits=visits,
        distinct=np.zeros(shape, dtype=np.int64),
        successor=np.zeros((*shape, capacity), dtype=np.int64),
        times=np.zeros((*shape, capacity)),
    )


@kernel
def record(model: Model, k: int, row: int, state: int) -> Model:
    """Count a transition of pair ``row`` = s*A + a to ``state`` in model k;
    returns the model, wider if need be."""
    model.visits[k, row] += 1
    i = 0
    while i < model.distinct[k, row] and model.successor[k, row, i] != state:
        i += 1
    if i == model.successor.shape[2]:
        model = _wider(model)
    if i == model.distinct[k, row]:
        model.distinct[k, row] += 1
        model.successor[k, row, i] = state
    model.times[k, row, i] += 1.0
    return model


@kernel
def _wider(model):
    M, R, c = model.successor.shape
    successor, times = np.zeros((M, R, 2 * c), dtype=np.int64), np.zeros((M, R, 2 * c))
    for k in range(M):
        for row in range(R):
            # in loops: numba spends seconds on compiling the assignment of a slice
            for i in range(c):
                successor[k, row, i] = model.successor[k, row, i]
                times[k, row, i] = model.times[k, row, i]
    return Model(model.visits, model.distinct, successor, times)


@kernel
def row_entropy(model: Model, k: int, row: int) -> float:
    """H(phat(. | s, a)) of a visited pair, in nats."""
    total = 0.0
    n = model.visits[k, row]
    for i in range(model.distinct[k, row]):
        p = model.times[k, row, i] / n
        total -= p * log(p)
    return total


@kernel(inline="always")
def row_mean(model: Model, k: int, row: int, V: NDArray[np.float64]) -> float:
    """(phat V)(s, a) of a visited pair."""
    total = 0.0
    for i in range(model.distinct[k, row]):
        total += model.times[k, row, i] * V[model.successor[k, row, i]]
    return total / model.visits[k, row]


def dense(model: Model, S: int) -> np.ndarray:
    """Counts n(s, a, s') as an array (M, S*A, S) of whole numbers."""
    M, R, c = model.successor.shape
    out = np.zeros((M, R, S), dtype=np.int64)
    k, row, i = np.nonzero(np.arange(c) < model.distinct[:, :, None])
    out[k, row, model.successor[k, row, i]] = model.times[k, row, i].astype(np.int64)
    return out
