"""What happened to the entropy between the logits of two models: the front door for logits.

``change = entropy_change(old_logits, new_logits, where=mask)``: entropies in nats, the change, and
its parts, for every distribution of a batch of any size, read where it lies.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rlentropy import _logits_kernels as kernels
from rlentropy._tensors import Logits, array
from rlentropy.results import result
from rlentropy.validation import check_integer, is_all, refuse

# Entries of a piece of work for a thread: copies, where they are needed, are of this size.
BLOCK = 2**18

T = TypeVar("T")


@result
class EntropyChange:
    """Entropy change between two softmax policies; each field has shape (...), in nats.

    first_order   -Cov_old(log old, x), x = (new logits - old logits) / T
    second_order  first_order - (Var_old(x) + kappa_3(log old, x, x)) / 2
    exact         H(new) - H(old) = shift - kl
    shift         -(E_new - E_old)[log old]
    kl            KL(new || old)
    old_entropy, new_entropy
    where         which distributions count; all other fields are nan at the rest

    Sources: thm-covariance-identity, prop-second-order, thm-exact-identity.
    """

    first_order: np.ndarray
    second_order: np.ndarray
    exact: np.ndarray
    shift: np.ndarray
    kl: np.ndarray
    old_entropy: np.ndarray
    new_entropy: np.ndarray
    where: np.ndarray

    def mean(self) -> dict[str, float]:
        """{field: its mean over the distributions that count}; nan if there are none."""
        count = int(np.sum(self.where))
        return {
            name: float(np.sum(getattr(self, name), where=self.where) / count) if count else np.nan
            for name in FIELDS
        }

    def __repr__(self) -> str:
        mean = self.mean()
        return (
            f"EntropyChange({np.sum(self.where)} of {np.size(self.where)} distributions; "
            f"mean entropy {mean['old_entropy']:.6g} -> {mean['new_entropy']:.6g}, "
            f"change {mean['exact']:.6g} = shift {mean['shift']:.6g} - kl {mean['kl']:.6g})"
        )


FIELDS = tuple(f.name for f in fields(EntropyChange) if f.name != "where")


def entropy_change(
    old_logits: Any,
    new_logits: Any,
    *,
    where: Any = None,
    temperature: Any = 1.0,
    jobs: int = -1,
) -> EntropyChange:
    """H(softmax(new / T)) - H(softmax(old / T)), its Taylor predictions, the terms of its identity.

    old_logits   (..., n), of float16, bfloat16, float32 or float64: NumPy arrays and memory maps,
    new_logits   tensors of torch, JAX and others, lists; equal shapes
    where        which distributions count: flags (or 0 and 1) that broadcast to (...), an attention
                 mask, say. The others are not looked at: their fields are nan, and
                 `EntropyChange.mean` leaves them out
    temperature  T > 0, a number or an array that broadcasts to (...)
    jobs         threads; -1 is one for each processor. Their number changes no bit

    Returns an `EntropyChange`, in nats. Work is in float64, on the logits where they lie: extra
    memory does not grow with the batch. Rows that are not contiguous or lie on another device are
    copied, a block of rows at a time.

    Impossible actions are -inf; finite numbers below -1e150 count as such. An action 700 nats below
    the likeliest in both models has probability 0: masks of -1e9 or of the least float32, also of
    different size in the two models, say the same as -inf. An action that is impossible
      in both models    is as if absent
      in the old model  makes kl and shift inf; first_order and second_order are the limits of a
                        mask that goes to -inf
      in the new model  makes first_order and second_order nan, as x is -inf; the rest is finite
    So different top-k sets have their exact change, and what else is defined. A finite mask in one
    model alone is taken at its word: to first and second order that is a huge x.

    Accuracy: kl and shift are sums without cancellation between large numbers, so tiny changes keep
    their digits; exact is the better conditioned of shift - kl and H(new) - H(old): its error is a
    few rounding units times the smaller of kl + sum |terms of shift| and H(old) + H(new), times the
    |log-probability| of the actions that matter. The same bits on every processor.

    Raises ValueError, naming argument, index and value, for nan, +inf or a number above 1e150; for
    a row whose actions are all impossible, or all masked by the least number of their type; for
    entries of another type, complex and integer arrays among them; for shapes that differ; for
    masked entries of a masked array.
    """
    old = Logits("old_logits", old_logits)
    new = Logits("new_logits", new_logits)
    return change_between(old, new, where=where, temperature=temperature, jobs=jobs)


def change_between(
    old: Logits, new: Logits, *, where: Any = None, temperature: Any = 1.0, jobs: int = -1
) -> EntropyChange:
    """`entropy_change` of logits that have names of their own, by which they are refused."""
    if old.shape != new.shape:
        raise ValueError(f"{new.name}: shape {new.shape}, but {old.name} has {old.shape}")
    keep = _flags(where, old.batch)
    scales = _scales(temperature, old.batch, keep)
    out = np.empty((old.rows, len(FIELDS)))
    step = max(1, BLOCK // old.n)

    def work(start: int) -> None:
        """Fills a block of rows of ``out``."""
        stop = min(start + step, old.rows)
        kinds = np.zeros(stop - start, np.int64)
        kernels.changes(
            old.block(start, stop),
            old.form,
            new.block(start, stop),
            new.form,
            scales[start:stop],
            keep[start:stop],
            out[start:stop],
            kinds,
        )
        refused = np.flatnonzero(kinds >= kernels.NO_LOGITS)
        if len(refused):
            _refuse_row(old, new, start + int(refused[0]), int(kinds[refused[0]]))

    _in_threads(work, range(0, old.rows, step), jobs)
    columns: dict[str, Any] = {
        name: column.reshape(old.batch)[()]
        for name, column in zip(FIELDS, np.ascontiguousarray(out.T), strict=True)
    }
    return EntropyChange(**columns, where=keep.reshape(old.batch)[()])


def _in_threads(work: Callable[[int], T], starts: Sequence[int], jobs: int) -> list[T]:
    """[work(start), ...], in threads; raises what the first of them raises that fails."""
    jobs = min(_threads(jobs), len(starts))
    if jobs <= 1:
        return list(map(work, starts))
    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(work, starts))
    finally:
        pool.shutdown(cancel_futures=True)


def _threads(jobs: int) -> int:
    """How many threads are asked for; -1 is one for each processor."""
    return _processors() if is_all(jobs) else check_integer("jobs", jobs, low=1)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _flags(where: Any, batch: Sequence[int]) -> NDArray[np.bool_]:
    """A flag for each row, C order."""
    if where is None:
        return np.ones(int(np.prod(batch, dtype=int)), bool)
    where = _broadcast("where", where, batch)
    if where.dtype.kind not in "biuf":
        raise ValueError(f"where: entries of type {where.dtype}, expected flags")
    if where.dtype != bool:
        refuse("where", where, ~((where == 0) | (where == 1)), "must be true or false (or 1, 0)")
    return where.astype(bool).reshape(-1)


def _scales(temperature: Any, batch: Sequence[int], keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    """1 / T of each row, C order; 1 at rows that do not count."""
    T = _reals("temperature", _broadcast("temperature", temperature, batch))
    counts = keep.reshape(batch)
    # its inverse has to be a number too
    good = (T >= 1e-300) & (T <= 1e300)
    refuse("temperature", T, counts & ~good, "must be a finite number > 0")
    return np.where(counts, 1 / np.where(good, T, 1.0), 1.0).reshape(-1)


def _reals(name: str, x: NDArray[Any]) -> NDArray[np.float64]:
    """An array of real numbers in float64."""
    if x.dtype.kind not in "fiu":
        raise ValueError(f"{name}: entries of type {x.dtype}, expected real numbers")
    return x.astype(float)


def _broadcast(name: str, x: Any, batch: Sequence[int]) -> NDArray[Any]:
    """x as an array of the shape of the batch."""
    x = array(name, x)
    try:
        return np.broadcast_to(x, batch)
    except ValueError:
        raise ValueError(f"{name}: shape {x.shape}, does not broadcast to {tuple(batch)}") from None


def _refuse_row(old: Logits, new: Logits, row: int, why: int) -> None:
    """Says what is wrong with a row, by index and value."""
    place = [int(i) for i in np.unravel_index(row, old.batch)] if old.batch else []
    for logits in (old, new):
        entries = logits.row(row)
        if why == kernels.ALL_MASKED:
            if kernels.masked_out(entries.max(), logits.form):
                raise ValueError(f"{logits.name}{place or ''}: every action is masked out")
            continue
        bad = np.flatnonzero(~(entries <= kernels.HUGE))
        if len(bad):
            raise ValueError(
                f"{logits.name}{[*place, int(bad[0])]} = {entries[bad[0]]}: must be finite, "
                "or -inf where the action is impossible"
            )
