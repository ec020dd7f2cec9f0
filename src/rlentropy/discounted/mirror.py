"""Policy mirror descent with a separable mirror map, and what one step does to entropy.

The maps are those of order q > 0 (Tsallis): phi''(x) = x^(q - 2). q = 1 is x log x, whose step is
natural policy gradient; q = 2 is x^2 / 2, whose step is the Euclidean projection.
All functions act on the last axis (actions); leading axes are states or any batch.
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._bisection import bisect
from rlentropy._types import Bools, Floats
from rlentropy.validation import check_array, check_positive, no_overflow, refuse


def first_order(log_pi: ArrayLike, adv: ArrayLike, *, order: float) -> Floats:
    """-Z Cov_w(log pi, adv): rate of entropy per unit of step; (..., n), (..., n) -> (...).

    w(a) = pi(a)^(2 - q) / Z, Z = sum_a pi(a)^(2 - q), q = order: the escort weights 1 / phi''(pi).
    log_pi are log-probabilities, all finite (an interior policy). For order 1 the rate is
    -Cov_pi(log pi, adv). In nats. Source: prop-mirror-step; Naudts (2004) for the name.
    """
    log_w, log_total = _log_escort(log_pi, order)
    log_pi = _log_probabilities(log_pi)
    adv = check_array("adv", adv, log_w.shape)
    return -np.exp(log_total) * dist.covariance(log_w, log_pi, adv)


def _log_escort(log_pi: ArrayLike, order: float) -> tuple[Floats, Floats]:
    """log w and log Z of `first_order`."""
    with no_overflow("order or log_pi"):
        powers = (2 - check_positive("order", order)) * _log_probabilities(log_pi)
    log_total = dist.logsumexp(powers)
    return powers - log_total[..., None], log_total


def step(log_pi: ArrayLike, adv: ArrayLike, eta: float, *, order: float) -> Floats:
    """argmax_p <p, eta adv> - D_phi(p, pi) as probabilities; (..., n), (..., n) -> (..., n).

    D_phi is the Bregman divergence of the map of order q. The multiplier of sum p = 1 is found by
    bisection to the last bit; for q > 1 and a large step some probabilities may be exactly 0.
    Raises ValueError unless eta > 0 and order > 0. Source: prop-mirror-step.
    """
    log_pi = _log_probabilities(log_pi)
    gain = check_positive("eta", eta) * check_array("adv", adv, log_pi.shape)
    q = check_positive("order", order)
    low = gain.min(axis=-1, keepdims=True)  # the sum is at least 1 here
    high = gain.max(axis=-1, keepdims=True)  # and at most 1 here

    def too_small(multiplier: Floats) -> Bools:
        return _moved(log_pi, gain - multiplier, q).sum(axis=-1, keepdims=True) > 1

    _, high = bisect(too_small, low, high, steps=200)
    p = _moved(log_pi, gain - high, q)
    return p / p.sum(axis=-1, keepdims=True)


def _moved(log_pi: Floats, change: Floats, q: float) -> Floats:
    """The x with phi'(x) = phi'(pi) + change: 0 below the range of phi', inf above it."""
    if q == 1:
        return np.exp(log_pi + change)
    power = np.exp((q - 1) * log_pi) + (q - 1) * change
    outside = 0.0 if q > 1 else np.inf
    inside = power > 0
    return np.where(inside, np.where(inside, power, 1.0) ** (1 / (q - 1)), outside)


def _log_probabilities(log_pi: ArrayLike) -> Floats:
    log_pi = check_array("log_pi", log_pi)
    refuse("log_pi", log_pi, log_pi > dist.SLACK, "a log-probability is at most 0")
    return log_pi
