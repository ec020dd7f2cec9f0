"""The mixture forecaster under logarithmic loss, and its regret.

m symbols, prior count n_0 > 0.
Before outcome t the forecaster predicts, from the counts n^{t-1} of those before,

    dbar^t(x) = (n^{t-1}(x) + n_0) / (t - 1 + m n_0),

and loses log 1 / dbar^t(x_t). Its regret after T outcomes is its total loss less that of the best
fixed distribution, T H(n^T / T). An outcome may also be a distribution d^t on the symbols, with
loss <d^t, log 1 / dbar^t>; counts are then real numbers. Nothing here knows of states, actions or
time. Losses and regrets are in nats.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln, xlogy

from rlentropy._types import Floats
from rlentropy.distributions import entropy, log_probabilities
from rlentropy.validation import (
    as_array,
    check_array,
    check_axis,
    check_distribution,
    check_indices,
    check_integer,
    check_interval,
    check_positive,
    refuse,
)


def predict(counts: ArrayLike, n0: float = 1.0) -> Floats:
    """dbar(x) = (n(x) + n_0) / (sum_y n(y) + m n_0) along the last axis; (..., m) -> (..., m).

    Raises ValueError for a negative or non-finite count, or n0 <= 0.
    Source: def-forecaster; the second source's denominator is too large by 1 (rem-normalisation).
    """
    n = _counts(counts)
    n0 = _prior(n0)
    return (n + n0) / (n.sum(axis=-1, keepdims=True) + n.shape[-1] * n0)


def one_hot(symbols: ArrayLike, m: int) -> Floats:
    """The outcomes x_1, ..., x_T as rows of 0 and 1; whole numbers (T,) -> (T, m)."""
    m = check_integer("m", m, low=1)
    symbols = as_array("symbols", symbols)
    return np.eye(m)[check_indices("symbols", symbols, m)] if symbols.size else np.zeros((0, m))


def losses(outcomes: ArrayLike, n0: float = 1.0) -> Floats:
    """<d^t, log 1 / dbar^t> for t = 1, ..., T; outcomes (T, m), each row a distribution -> (T,)."""
    d = check_distribution("outcomes", outcomes, (None, None))
    before = np.cumsum(d, axis=0) - d
    return -np.sum(d * np.log(predict(np.maximum(before, 0.0), n0)), axis=1)


def regret_curve(outcomes: ArrayLike, n0: float = 1.0) -> Floats:
    """Regret after each of the T outcomes: total loss so far - t H(n^t / t);
    outcomes (T, m) -> (T,)."""
    outcomes = check_distribution("outcomes", outcomes, (None, None))
    total = np.cumsum(losses(outcomes, n0))
    n = np.cumsum(outcomes, axis=0)
    t = np.arange(1, len(n) + 1)
    return total - t * entropy(log_probabilities(n / t[:, None]))


def regret(counts: ArrayLike, n0: float = 1.0) -> Floats:
    """Regret of any sequence of symbols with these counts, in closed form; (..., m) -> (...).

    log Gamma(T + m n_0) / Gamma(m n_0) - sum_x log Gamma(n_x + n_0) / Gamma(n_0) - T H(n / T),
    T = sum_x n_x.
    For real counts an upper bound of the regret of fractional outcomes.
    Source: thm-forecaster-regret, lem-fractional.
    """
    n = _counts(counts)
    n0 = _prior(n0)
    T = n.sum(axis=-1)
    m = n.shape[-1]
    loss = gammaln(T + m * n0) - gammaln(m * n0) - np.sum(gammaln(n + n0) - gammaln(n0), axis=-1)
    share = np.divide(n, T[..., None], where=T[..., None] > 0, out=np.full(n.shape, 1 / m))
    return loss - T * entropy(log_probabilities(share))


def worst_regret(T: ArrayLike, m: int, n0: float = 1.0) -> Floats:
    """R_T = log [Gamma(T + m n_0) Gamma(n_0) / (Gamma(m n_0) Gamma(T + n_0))]:
    the regret of a constant sequence.

    The largest regret of all sequences if n_0 >= 1/2; log binom(T + m - 1, m - 1) for n_0 = 1.
    T any array >= 0.
    Source: thm-forecaster-regret.
    """
    T = check_array("T", T)
    m = check_integer("m", m, low=1)
    n0 = _prior(n0)
    refuse("T", T, T < 0, "a number of outcomes cannot be negative")
    if m == 1:
        return np.zeros(T.shape)
    return betaln(n0, (m - 1) * n0) - betaln(T + n0, (m - 1) * n0)  # the Gammas of T cancel inside


def simple_bound(T: ArrayLike, m: int, n0: float = 1.0) -> Floats:
    """log m + (m - 1) n_0 log(1 + (T - 1) / n_0) >= R_T for T >= 1.
    Source: thm-forecaster-regret."""
    T = check_array("T", T)
    m = check_integer("m", m, low=1)
    n0 = _prior(n0)
    refuse("T", T, T < 1, "the bound holds for T >= 1")
    return np.log(m) + (m - 1) * n0 * np.log1p((T - 1) / n0)


def minimax_regret(T: ArrayLike, m: int) -> Floats:
    """log C_m(T), C_m(T) = sum over counts n of binom(T; n) prod_x (n_x / T)^n_x, in nats.

    No forecaster's largest regret is less. T: any array of whole numbers >= 0.
    The work is T + m for each, by C_{m+2} = C_{m+1} + (T / m) C_m (Kontkanen & Myllymaki 2007).
    Raises ValueError for a T that is no whole number. Source: prop-prior-count; Shtarkov (1987).
    """
    T = check_array("T", T)
    m = check_integer("m", m, low=1)
    refuse("T", T, (T < 0) | (T != np.floor(T)), "not a whole number >= 0")
    refuse("T", T, T > 1e8, "the work grows with T, and the memory")
    return np.array([_log_shtarkov(t, m) for t in T.ravel()]).reshape(T.shape)[()]


def _log_shtarkov(T: float, m: int) -> float:
    if T == 0 or m == 1:
        return 0.0
    k = np.arange(T + 1)
    weight = gammaln(T + 1) - gammaln(k + 1) - gammaln(T - k + 1)
    largest = xlogy(k, k / T) + xlogy(T - k, (T - k) / T)
    before = 0.0
    here = np.log(np.sum(np.exp(weight + largest)))
    for j in range(1, m - 1):
        before, here = here, np.logaddexp(here, np.log(T / j) + before)
    return float(here)


def _prior(n0: float) -> float:
    """n0 > 0, in the range in which log Gamma(n0) and its differences are doubles."""
    return check_interval("n0", check_positive("n0", n0), 1e-100, 1e100)


def _counts(counts: ArrayLike) -> Floats:
    n = check_axis("counts", check_array("counts", counts), "symbols")
    refuse("counts", n, n > 1e100, "no count is so large")
    refuse("counts", n, n < 0, "a count cannot be negative")
    return n
