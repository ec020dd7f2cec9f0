"""Categorical distributions in log space, along the last axis.

Arguments named ``log_p`` are log-probabilities;
``-inf`` stands for a probability that is exactly 0.
The convention ``0 log 0 = 0`` holds without any epsilon:
a coordinate of probability 0 contributes exactly 0,
whatever (even infinite) value the averaged function takes there.
Entropies and divergences are in nats.
"""

import numpy as np

from rlentropy.validation import refuse


def logsumexp(x):
    """log sum_i exp(x_i) along the last axis; shape (..., n) -> (...).

    Finite for entries of any size; ``-inf`` entries are allowed, and all ``-inf`` gives ``-inf``.
    """
    x = np.asarray(x)
    top, rest = _top_and_rest(x)
    return top + np.log1p(rest)


def log_softmax(x):
    """x_i - log sum_j exp(x_j) along the last axis; shape (..., n) -> (..., n).

    The normaliser is formed as log1p(sum over all but one maximal entry),
    so the log-probability of a nearly certain
    action keeps full *relative* accuracy: entropies of 1e-300 come out right.
    Raises ValueError for a row that is -inf throughout: no outcome is left to carry the mass.
    Source: tabular softmax, Agarwal et al. (2021), section 3.
    """
    x = np.asarray(x)
    top, rest = _top_and_rest(x)
    refuse("the largest x", top, top == -np.inf, "some outcome needs a positive weight")
    return (x - top[..., None]) - np.log1p(rest)[..., None]


def _top_and_rest(x):
    """Largest entry and sum of exp(x - largest) over the other entries, along the last axis."""
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(
            "x: the last axis is missing or empty; a distribution needs at least one outcome"
        )
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(float)
    where = np.argmax(x, axis=-1)[..., None]
    top = np.take_along_axis(x, where, axis=-1)
    shifted = x - np.where(np.isneginf(top), 0, top)
    weights = np.exp(shifted)
    np.put_along_axis(weights, where, 0, axis=-1)
    rest = weights.sum(axis=-1)
    return top[..., 0], rest


def softmax(x):
    """exp(x_i) / sum_j exp(x_j) along the last axis; entries below about 1e-308 are exactly 0."""
    return np.exp(log_softmax(x))


def log_probabilities(p):
    """log p with log 0 = -inf and no warning; shape preserved. The input is not validated."""
    with np.errstate(divide="ignore"):
        return np.log(p)


def mean(log_p, f):
    """E_p[f] = sum_i p_i f_i along the last axis, outcomes of probability 0 left out;
    shape (...)."""
    p = np.exp(log_p)
    weighted = np.zeros(np.broadcast_shapes(p.shape, np.shape(f)), p.dtype)
    return np.sum(np.multiply(p, f, where=p > 0, out=weighted), axis=-1)


def _centred(log_p, f):
    """f - E_p[f], and exactly 0 on outcomes of probability 0 (where f may be infinite)."""
    f, p = np.broadcast_arrays(
        np.asarray(f, dtype=np.result_type(np.asarray(f), np.asarray(log_p))), np.exp(log_p)
    )
    average = mean(log_p, f)[..., None]
    return np.subtract(f, average, where=p > 0, out=np.zeros(f.shape, f.dtype))


def covariance(log_p, f, g):
    """Cov_p(f, g) = E_p[(f - E_p f)(g - E_p g)] along the last axis; shape (...)."""
    return mean(log_p, _centred(log_p, f) * _centred(log_p, g))


def variance(log_p, f):
    """Var_p(f) = Cov_p(f, f) along the last axis; shape (...)."""
    return covariance(log_p, f, f)


def cumulant3(log_p, f, g, k):
    """kappa_3(f, g, k) = E_p[(f - E f)(g - E g)(k - E k)] along the last axis; shape (...)."""
    return mean(log_p, _centred(log_p, f) * _centred(log_p, g) * _centred(log_p, k))


def entropy(log_p):
    """H(p) = -sum_i p_i log p_i in nats along the last axis; shape (...). 0 log 0 = 0.

    Exactly 0 for one certain outcome, log n for the uniform distribution on n outcomes.
    """
    log_p = np.asarray(log_p)
    return -mean(log_p, log_p) + 0.0  # + 0.0 turns the -0.0 of a certain outcome into 0.0


def kl(log_p, log_q):
    """KL(p || q) = sum_i p_i log(p_i / q_i) in nats along the last axis; shape (...).

    ``inf`` where p puts mass on an outcome that q excludes; outcomes with p_i = 0 contribute 0.
    """
    log_p, log_q = np.broadcast_arrays(log_p, log_q)
    p = np.exp(log_p)
    ratio = np.subtract(log_p, log_q, where=p > 0, out=np.zeros(p.shape, p.dtype))
    return np.sum(p * ratio, axis=-1)


def binary_entropy(x):
    """h_2(x) = -x log x - (1 - x) log(1 - x), 0 at both ends; x in [0, 1]."""
    x = np.asarray(x, dtype=float)
    return entropy(log_probabilities(np.stack([x, 1 - x], axis=-1)))


def softmax_divergence(x, delta):
    """KL(softmax x || softmax(x - delta)) along the last axis; (..., n) -> (...), in nats.
    Source: lem-association."""
    return kl(log_softmax(x), log_softmax(np.asarray(x) - delta))
