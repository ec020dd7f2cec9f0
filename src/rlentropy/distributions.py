"""Categorical distributions in log space, along the last axis.

Arguments named ``log_p`` are log-probabilities;
``-inf`` stands for a probability that is exactly 0.
The convention ``0 log 0 = 0`` holds without any epsilon: a coordinate of probability 0 contributes
exactly 0, whatever (even infinite) value the averaged function takes there.
Entropies and divergences are in nats.

Real arrays of any type; 16 bits and whole numbers are worked on in float64. nan stays nan, and a
logit of +inf gives nan. Raises ValueError for complex, masked or other entries, and for a log_p
above 0 by more than 1e-6, such as a probability where its logarithm was meant. That the
probabilities add up to 1 is not checked.
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Floats
from rlentropy.validation import as_array, refuse

# Logarithms of float32 probabilities may round to a little more than 0.
SLACK = 1e-6


def _numbers(name: str, x: ArrayLike) -> Floats:
    """x as an array of float32 or wider."""
    if np.ma.is_masked(x):
        raise ValueError(f"{name}: entries are masked; write -inf for an impossible outcome")
    x = as_array(name, x)
    if not np.can_cast(x.dtype, float, "same_kind") and x.dtype != np.longdouble:
        raise ValueError(f"{name}: entries of type {x.dtype}, expected real numbers")
    wide = x.dtype.kind == "f" and x.dtype.itemsize >= 4
    return x if wide else x.astype(float)


def check_log_probabilities(name: str, log_p: ArrayLike) -> Floats:
    """log_p (..., n) as an array, if no entry is above 0 by more than 1e-6; nan and -inf stay."""
    log_p = _numbers(name, log_p)
    refuse(name, log_p, log_p > SLACK, "a log-probability is at most 0")
    return log_p


def fit(**arrays: ArrayLike) -> tuple[Floats, ...]:
    """The arrays, broadcast to each other; ValueError names those that do not fit."""
    try:
        return np.broadcast_arrays(*arrays.values())
    except ValueError:
        shapes = ", ".join(f"{name}: shape {np.shape(x)}" for name, x in arrays.items())
        raise ValueError(f"{shapes}; they do not broadcast") from None


def logsumexp(x: ArrayLike) -> Floats:
    """log sum_i exp(x_i) along the last axis; shape (..., n) -> (...).

    Finite for entries of any size; ``-inf`` entries are allowed, and all ``-inf`` gives ``-inf``.
    """
    top, rest = _top_and_rest(_numbers("x", x))
    return top + np.log1p(rest)


def log_softmax(x: ArrayLike) -> Floats:
    """x_i - log sum_j exp(x_j) along the last axis; shape (..., n) -> (..., n).

    The normaliser is formed as log1p(sum over all but one maximal entry), so the log-probability of
    a nearly certain action keeps full *relative* accuracy: entropies of 1e-300 come out right.
    A row with nan or +inf is nan throughout.
    Raises ValueError for a row that is -inf throughout: no outcome is left to carry the mass.
    Source: tabular softmax, Agarwal et al. (2021), section 3.
    """
    x = _numbers("x", x)
    top, rest = _top_and_rest(x)
    refuse("the largest x", top, top == -np.inf, "some outcome needs a positive weight")
    return (x - top[..., None]) - np.log1p(rest)[..., None]


def _top_and_rest(x: Floats) -> tuple[Floats, Floats]:
    """Largest entry and sum of exp(x - largest) over the other entries, along the last axis."""
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError("x: the last axis is missing or empty; a distribution needs an outcome")
    where = np.argmax(x, axis=-1)[..., None]
    top = np.take_along_axis(x, where, axis=-1)
    top = np.where(top == np.inf, np.nan, top)
    shifted = x - np.where(np.isneginf(top), 0, top)
    weights = np.exp(shifted)
    np.put_along_axis(weights, where, 0, axis=-1)
    rest = weights.sum(axis=-1)
    return top[..., 0], rest


def softmax(x: ArrayLike) -> Floats:
    """exp(x_i) / sum_j exp(x_j) along the last axis; entries below about 1e-308 are exactly 0."""
    return np.exp(log_softmax(x))


def log_probabilities(p: ArrayLike) -> Floats:
    """log p with log 0 = -inf and no warning; shape preserved. The input is not validated."""
    with np.errstate(divide="ignore"):
        return np.log(p)


def mean(log_p: ArrayLike, f: ArrayLike) -> Floats:
    """E_p[f] = sum_i p_i f_i along the last axis, outcomes of probability 0 left out;
    shape (...)."""
    p = np.exp(check_log_probabilities("log_p", log_p))
    return _sum(*fit(log_p=p, f=_numbers("f", f)))


def _sum(p: Floats, f: Floats) -> Floats:
    """sum_i p_i f_i, whatever f is where p is 0; a p of nan counts."""
    weighted = np.zeros(p.shape, np.result_type(p, f))
    return np.sum(np.multiply(p, f, where=p != 0, out=weighted), axis=-1)


def _centred(log_p: ArrayLike, **named: ArrayLike) -> Floats:
    """f - E_p[f] for one f, given by its name, and exactly 0 on outcomes of probability 0 (where f
    may be infinite).
    """
    p = np.exp(check_log_probabilities("log_p", log_p))
    p, f = fit(log_p=p, **{name: _numbers(name, f) for name, f in named.items()})
    centred = np.zeros(f.shape, np.result_type(p, f))
    return np.subtract(f, _sum(p, f)[..., None], where=p != 0, out=centred)


def covariance(log_p: ArrayLike, f: ArrayLike, g: ArrayLike) -> Floats:
    """Cov_p(f, g) = E_p[(f - E_p f)(g - E_p g)] along the last axis; shape (...)."""
    return mean(log_p, _centred(log_p, f=f) * _centred(log_p, g=g))


def variance(log_p: ArrayLike, f: ArrayLike) -> Floats:
    """Var_p(f) = Cov_p(f, f) along the last axis; shape (...)."""
    return covariance(log_p, f, f)


def cumulant3(log_p: ArrayLike, f: ArrayLike, g: ArrayLike, k: ArrayLike) -> Floats:
    """kappa_3(f, g, k) = E_p[(f - E f)(g - E g)(k - E k)] along the last axis; shape (...)."""
    return mean(log_p, _centred(log_p, f=f) * _centred(log_p, g=g) * _centred(log_p, k=k))


def entropy(log_p: ArrayLike) -> Floats:
    """H(p) = -sum_i p_i log p_i in nats along the last axis; shape (...). 0 log 0 = 0.

    Exactly 0 for one certain outcome, log n for the uniform distribution on n outcomes.
    """
    log_p = check_log_probabilities("log_p", log_p)
    return -_sum(np.exp(log_p), log_p) + 0.0  # + 0.0 turns the -0.0 of a certain outcome into 0.0


def entropy_from_logits(x: ArrayLike) -> Floats:
    """H(softmax x) in nats along the last axis; (..., n) -> (...).

    `entropy` takes log-probabilities.
    Logits may be -inf (an impossible outcome), and of any size otherwise.
    """
    return entropy(log_softmax(x))


def kl(log_p: ArrayLike, log_q: ArrayLike) -> Floats:
    """KL(p || q) = sum_i p_i log(p_i / q_i) in nats along the last axis; shape (...).

    ``inf`` where p puts mass on an outcome that q excludes; outcomes with p_i = 0 contribute 0.
    """
    log_p = check_log_probabilities("log_p", log_p)
    log_q = check_log_probabilities("log_q", log_q)
    log_p, log_q = fit(log_p=log_p, log_q=log_q)
    p = np.exp(log_p)
    ratio = np.zeros(p.shape, np.result_type(log_p, log_q))
    np.subtract(log_p, log_q, where=p != 0, out=ratio)
    return _sum(p, ratio)


def binary_entropy(x: ArrayLike) -> Floats:
    """h_2(x) = -x log x - (1 - x) log(1 - x), 0 at both ends; x in [0, 1]."""
    x = _numbers("x", x)
    refuse("x", x, ~((x >= 0) & (x <= 1)), "a probability lies in [0, 1]")
    return entropy(log_probabilities(np.stack([x, 1 - x], axis=-1)))


def softmax_divergence(x: ArrayLike, delta: ArrayLike) -> Floats:
    """KL(softmax x || softmax(x - delta)) along the last axis; (..., n) -> (...), in nats.

    Source: lem-association.
    """
    x, delta = fit(x=_numbers("x", x), delta=_numbers("delta", delta))
    return kl(log_softmax(x), log_softmax(x - delta))
