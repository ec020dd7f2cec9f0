"""A small neural softmax policy with hand-written gradients, trained by policy gradient on a
verifiable task.

One hidden layer: z = tanh(x W1 + b1) W2 + b2, pi(a | prompt x) = softmax(z)_a.
Everything is plain NumPy, so that every logit before and after an update can be read, and the
change of entropy compared with its prediction.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.logits import entropy_change
from rlentropy.results import result
from rlentropy.seeds import generator
from rlentropy.studies import token_selection as select
from rlentropy.validation import (
    check_array,
    check_choice,
    check_indices,
    check_integer,
    check_interval,
    check_kind,
    check_positive,
    refuse,
)

CONTROLS = ("none", "top", "band", "penalty", "bonus", "clip-cov", "kl-cov")


@result
class Network:
    """Weights W1 (D, K), b1 (K,), W2 (K, A), b2 (A,) of a network with D inputs,
    K hidden units and A logits.
    """

    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray

    def logits(self, X: np.ndarray) -> Floats:
        """z (N, A) for prompts X (N, D)."""
        return np.tanh(X @ self.W1 + self.b1) @ self.W2 + self.b2

    def gradient(self, X: np.ndarray, G: np.ndarray) -> "Network":
        """Gradient of sum_i <G_i, z_i> in the weights, as a Network; X (N, D), G (N, A)."""
        hidden = np.tanh(X @ self.W1 + self.b1)
        back = (G @ self.W2.T) * (1 - hidden**2)
        return Network(W1=X.T @ back, b1=back.sum(axis=0), W2=hidden.T @ G, b2=G.sum(axis=0))

    def response(self, X: np.ndarray, gradient: "Network") -> Floats:
        """Derivative (N, A) of the logits of prompts X (N, D) along a direction of the weights."""
        hidden = np.tanh(X @ self.W1 + self.b1)
        inner = (1 - hidden**2) * (X @ gradient.W1 + gradient.b1)
        return inner @ self.W2 + hidden @ gradient.W2 + gradient.b2

    def own_response(self, X: np.ndarray, G: np.ndarray) -> Floats:
        """What a prompt's own gradient does to its own logits, (N, A):
        the diagonal blocks of the tangent kernel.

            (|h|^2 + 1) G + (|x|^2 + 1) ((G W2^T) (1 - h^2)^2) W2,   h = tanh(x W1 + b1)

        The gradients of all prompts together give `response(X, gradient(X, G))`;
        the difference is what prompts do to each other. Source: rem-effective-step.
        """
        hidden = np.tanh(X @ self.W1 + self.b1)
        last = 1 + np.sum(hidden**2, axis=1, keepdims=True)
        first = 1 + np.sum(X**2, axis=1, keepdims=True)
        return last * G + first * ((G @ self.W2.T) * (1 - hidden**2) ** 2) @ self.W2

    def moved(self, step: float, gradient: "Network") -> "Network":
        """The weights plus ``step`` times the gradient."""
        names = ("W1", "b1", "W2", "b2")
        return replace(
            self, **{name: getattr(self, name) + step * getattr(gradient, name) for name in names}
        )


def initial_network(*, inputs: int, hidden: int, actions: int, seed: int | SeedSequence) -> Network:
    """Gaussian weights of variance 1 / fan-in, zero biases;
    last layer scaled by 0.1 for a nearly uniform start.

    Sizes are whole numbers >= 1, the seed a whole number or a SeedSequence;
    ValueError for any other.
    """
    rng = generator(seed)
    D = check_integer("inputs", inputs, low=1)
    K = check_integer("hidden", hidden, low=1)
    A = check_integer("actions", actions, low=1)
    first = rng.standard_normal((D, K)) / np.sqrt(D)
    last = 0.1 * rng.standard_normal((K, A)) / np.sqrt(K)
    return Network(W1=first, b1=np.zeros(K), W2=last, b2=np.zeros(A))


def modular_addition(modulus: int) -> tuple[Floats, Floats]:
    """Prompts and answers of the task (i, j) -> i + j mod p:
    X (p^2, 2p) one-hot pairs, answers (p^2,).
    """
    p = check_integer("modulus", modulus, low=2)
    i, j = np.divmod(np.arange(p * p), p)
    return np.hstack([np.eye(p)[i], np.eye(p)[j]]) * np.sqrt(p), (i + j) % p


@result
class TrainingLog:
    """What each update did, averaged over all prompts; arrays (updates,).

    reward             exact success probability before the update
    policy_entropy     mean policy entropy before the update, nats
    realised           exact change of the mean entropy
    first, second      -Cov(log pi, dz) and the second-order term included,
                       dz the realised change of the logits
    tabular            -Cov(log pi, pi A), what a tabular vanilla policy gradient with unit step
                       would predict
    own                -Cov(log pi, dz) with the part of dz that each prompt's own gradient makes
    others             the same with the linear part of dz that the other prompts make
    """

    reward: np.ndarray
    policy_entropy: np.ndarray
    realised: np.ndarray
    first: np.ndarray
    second: np.ndarray
    tabular: np.ndarray
    own: np.ndarray
    others: np.ndarray


def train(
    network: Network,
    X: ArrayLike,
    answers: ArrayLike,
    *,
    updates: int,
    step: float,
    group: int,
    seed: int | SeedSequence,
    control: str = "none",
    strength: float = 0.0,
    share: float = 0.02,
    band: tuple[float, float] = select.CLIP_COV_BAND,
    reuse: int = 1,
    limits: tuple[float, float] | None = None,
) -> tuple[Network, TrainingLog]:
    """Policy gradient with ``group`` sampled answers a prompt, reward 1 for the right one,
    group-centred advantages.

    control  none      the advantages alone
             clip-cov  a random ``share`` of the samples gets weight 0, among those whose covariance
                       lies in ``band``: the published Clip-Cov
             kl-cov    the ``share`` of largest covariance gets the penalty ``strength`` times
                       |log ratio|: the published KL-Cov
             top       the ``share`` of largest covariance gets weight 0
             band      as clip-cov, with the fifth of largest (and positive) covariance for the band
             penalty   the ``share`` of largest covariance gets ``strength`` * (log pi_anchor
                       - log pi) added to the advantage, where the anchor is the policy four updates
                       ago: the gradient of a squared log-ratio
             bonus     ``strength`` times the entropy gradient is added
    reuse    updates made with one batch of samples; the gradient then carries the ratio of the
             policy to the one that drew them. The log-ratio is 0 at the first of them, where
             kl-cov does nothing
    limits   (low, high) of PPO's clipped ratio (see `within_limits`), None for no clip

    The covariance of a sample is `batch_covariance`, with the policy of now.
    X (N, D) prompts, answers (N,) indices of the right actions;
    ``group`` >= 2, since one sample is its own mean.
    Same seed, same numbers. ValueError for any other control, sizes or shapes.
    """
    check_kind("network", network, Network)
    rng = generator(seed)
    X = check_array("X", X, (None, len(network.W1)))
    refuse("X", X, np.abs(X) > 1e100, "no network answers to such numbers")
    answers = check_indices("answers", answers, len(network.b2), (len(X),))
    group = check_integer("group", group, low=2)
    step = check_positive("step", step)
    reuse = check_integer("reuse", reuse, low=1)
    how = _Control(
        name=check_choice("control", control, CONTROLS),
        strength=check_interval("strength", strength, 0, 1e6),
        share=check_interval("share", share, 0, 1),
        band=band,
        limits=limits,
    )
    rows: list[list[float]] = []
    anchors: list[np.ndarray] = []
    z = network.logits(X)
    for update in range(check_integer("updates", updates, low=1)):
        log_pi = dist.log_softmax(z)
        anchors = [*anchors[-4:], log_pi]
        if update % reuse == 0:
            batch = _draw(rng, log_pi, answers, group)
        G = _logit_gradient(rng, log_pi, anchors[0], batch, how)
        gradient = network.gradient(X, G)
        own = step / len(X) * network.own_response(X, G)
        others = step / len(X) * network.response(X, gradient) - own
        network = network.moved(step / len(X), gradient)
        z_new = network.logits(X)
        rows.append(_log_row(z, z_new, log_pi, answers, own, others))
        z = z_new
    return network, TrainingLog(*np.array(rows).T)


class _Control(NamedTuple):
    name: str = "none"
    strength: float = 0.0
    share: float = 0.02
    band: tuple[float, float] = select.CLIP_COV_BAND
    limits: tuple[float, float] | None = None


class _Batch(NamedTuple):
    """Sampled actions (N, G), their group-centred rewards, and their log-probabilities then."""

    actions: np.ndarray
    adv: np.ndarray
    log_p: np.ndarray


def _draw(rng, log_pi, answers, group):
    """``group`` actions a prompt from the policy (N, A), as a `_Batch`."""
    cumulative = np.cumsum(np.exp(log_pi), axis=1)
    draws = rng.random((len(log_pi), group, 1)) * cumulative[:, None, -1:]
    last = log_pi.shape[1] - 1
    actions = np.minimum((draws > cumulative[:, None, :]).sum(axis=2), last)
    hits = (actions == answers[:, None]).astype(float)
    adv = hits - hits.mean(axis=1, keepdims=True)
    return _Batch(actions, adv, np.take_along_axis(log_pi, actions, axis=1))


def _logit_gradient(rng, log_pi, anchor, batch, how):
    """Sampled gradient of the objective in every prompt's logits, (N, A)."""
    actions = batch.actions
    group = batch.actions.shape[1]
    pi = np.exp(log_pi)
    log_p = np.take_along_axis(log_pi, actions, axis=1)
    weights = _weights(rng, log_p, anchor, batch, how)
    G = np.zeros(log_pi.shape)
    np.add.at(G, (np.arange(len(G))[:, None], actions), weights / group)
    G -= pi * (weights.sum(axis=1, keepdims=True) / group)
    if how.name == "bonus":
        G += -how.strength * pi * (log_pi + dist.entropy(log_pi)[:, None])
    return G


def _weights(rng, log_p, anchor, batch, how):
    """What multiplies the score of each sample, (N, G): advantage times ratio, and the control."""
    log_ratio = log_p - batch.log_p
    weights = batch.adv * np.exp(log_ratio)
    if how.limits is not None:
        weights = weights * select.within_limits(log_ratio, batch.adv, *how.limits)
    if how.name in ("none", "bonus") or how.share == 0:
        return weights
    covariance = select.batch_covariance(log_p, batch.adv)
    if how.name == "clip-cov":
        return np.where(select.random_in_band(rng, covariance, how.share, how.band), 0.0, weights)
    if how.name == "band":
        edge = max(np.quantile(covariance, 0.8), np.finfo(float).tiny)
        band = (np.nextafter(edge, -1.0), covariance.max() + 1)
        return np.where(select.random_in_band(rng, covariance, how.share, band), 0.0, weights)
    top = select.top_share(covariance, how.share)
    if how.name == "top":
        return np.where(top, 0.0, weights)
    if how.name == "kl-cov":
        return weights - how.strength * np.where(top, np.sign(log_ratio), 0.0)
    drawn_back = np.take_along_axis(anchor, batch.actions, axis=1) - log_p
    return weights + how.strength * np.where(top, drawn_back, 0.0)


def _log_row(z, z_new, log_pi, answers, own, others):
    """One row of the log; see `TrainingLog`."""
    right = np.exp(log_pi[np.arange(len(z)), answers])
    adv = (np.arange(z.shape[1]) == answers[:, None]) - right[:, None]
    change = entropy_change(z, z_new)
    tabular = -dist.covariance(log_pi, log_pi, np.exp(log_pi) * adv)
    parts = (
        right,
        dist.entropy(log_pi),
        change.exact,
        change.first_order,
        change.second_order,
        tabular,
        -dist.covariance(log_pi, log_pi, own),
        -dist.covariance(log_pi, log_pi, others),
    )
    return [part.mean() for part in parts]
