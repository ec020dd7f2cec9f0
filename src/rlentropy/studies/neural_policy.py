"""A small neural softmax policy with hand-written gradients,
trained by policy gradient on a verifiable task.

One hidden layer: z = tanh(x W1 + b1) W2 + b2, pi(a | prompt x) = softmax(z)_a.
Everything is plain NumPy, so that every
logit before and after an update can be read, and the change of entropy compared with its
prediction.
"""

from dataclasses import replace

import numpy as np

from rlentropy import distributions as dist
from rlentropy.logits import entropy_change
from rlentropy.results import result
from rlentropy.seeds import generator
from rlentropy.validation import (
    check_array,
    check_choice,
    check_indices,
    check_integer,
    check_interval,
    check_positive,
)

CONTROLS = ("none", "clip", "band", "penalty", "bonus")


@result
class Network:
    """Weights W1 (D, K), b1 (K,), W2 (K, A), b2 (A,) of a network with D inputs,
    K hidden units and A logits.
    """

    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray

    def logits(self, X):
        """z (N, A) for prompts X (N, D)."""
        return np.tanh(X @ self.W1 + self.b1) @ self.W2 + self.b2

    def gradient(self, X, G):
        """Gradient of sum_i <G_i, z_i> in the weights, as a Network; X (N, D), G (N, A)."""
        hidden = np.tanh(X @ self.W1 + self.b1)
        back = (G @ self.W2.T) * (1 - hidden**2)
        return Network(W1=X.T @ back, b1=back.sum(axis=0), W2=hidden.T @ G, b2=G.sum(axis=0))

    def response(self, X, gradient):
        """Derivative (N, A) of the logits of prompts X (N, D) along a direction of the weights."""
        hidden = np.tanh(X @ self.W1 + self.b1)
        inner = (1 - hidden**2) * (X @ gradient.W1 + gradient.b1)
        return inner @ self.W2 + hidden @ gradient.W2 + gradient.b2

    def own_response(self, X, G):
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

    def moved(self, step, gradient):
        """The weights plus ``step`` times the gradient."""
        names = ("W1", "b1", "W2", "b2")
        return replace(
            self, **{name: getattr(self, name) + step * getattr(gradient, name) for name in names}
        )


def initial_network(*, inputs, hidden, actions, seed):
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


def modular_addition(modulus):
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
    network, X, answers, *, updates, step, group, seed, control="none", strength=0.0, share=0.02
):
    """Policy gradient with ``group`` sampled answers a prompt, reward 1 for the right one,
    group-centred advantages.

    control  none     plain policy gradient
             clip     samples among the ``share`` of largest covariance get weight 0
             band     a random ``share`` of all samples, chosen among those whose covariance is
                      positive and in the top fifth, gets weight 0: how Clip-Cov chooses,
                      with a band in place of its bounds for token log-probabilities
             penalty  those samples get ``strength`` * (log pi_anchor - log pi) added to their
                      advantage, where
                      the anchor is the policy four updates ago: the gradient of a squared log-ratio
                      (KL-Cov has its absolute value)
             bonus    ``strength`` times the entropy gradient is added
    The covariance statistic of a sample is that of Cui et al.
    (2025): deviations from batch means, multiplied.
    X (N, D) prompts, answers (N,) indices of the right actions;
    ``group`` >= 2, since one sample is its own mean.
    Returns (network, TrainingLog). Same seed, same numbers.
    """
    check_choice("control", control, CONTROLS)
    rng = generator(seed)
    X = check_array("X", X, (None, len(network.W1)))
    answers = check_indices("answers", answers, len(network.b2), (len(X),))
    group = check_integer("group", group, low=2)
    step, share = check_positive("step", step), check_interval("share", share, 0, 1)
    strength = check_interval("strength", strength, 0, 1e6)
    rows, anchors = [], []
    z = network.logits(X)
    for _ in range(check_integer("updates", updates, low=1)):
        log_pi = dist.log_softmax(z)
        anchors = [*anchors[-4:], log_pi]
        G = _logit_gradient(rng, log_pi, anchors[0], answers, group, control, strength, share)
        gradient = network.gradient(X, G)
        own = step / len(X) * network.own_response(X, G)
        others = step / len(X) * network.response(X, gradient) - own
        network = network.moved(step / len(X), gradient)
        z_new = network.logits(X)
        rows.append(_log_row(z, z_new, log_pi, answers, own, others))
        z = z_new
    return network, TrainingLog(*np.array(rows).T)


def _logit_gradient(rng, log_pi, anchor, answers, group, control, strength, share):
    """Sampled gradient of the objective in every prompt's logits, (N, A)."""
    N, A = log_pi.shape
    pi = np.exp(log_pi)
    cumulative = np.cumsum(pi, axis=1)
    draws = rng.random((N, group, 1)) * cumulative[:, None, -1:]
    actions = np.minimum((draws > cumulative[:, None, :]).sum(axis=2), A - 1)
    hits = (actions == answers[:, None]).astype(float)
    adv = hits - hits.mean(axis=1, keepdims=True)
    weights = adv
    if control in ("clip", "band", "penalty") and share > 0:
        log_p = np.take_along_axis(log_pi, actions, axis=1)
        covariance = (adv - adv.mean()) * (log_p - log_p.mean())
        top = covariance >= np.quantile(covariance, 1 - share)
        if control == "clip":
            weights = np.where(top, 0.0, adv)
        elif control == "band":
            weights = np.where(_random_in_band(rng, covariance, share), 0.0, adv)
        else:
            weights = adv + strength * np.where(
                top, np.take_along_axis(anchor, actions, axis=1) - log_p, 0.0
            )
    G = np.zeros((N, A))
    np.add.at(G, (np.arange(N)[:, None], actions), weights / group)
    G -= pi * (weights.sum(axis=1, keepdims=True) / group)
    if control == "bonus":
        G += -strength * pi * (log_pi + dist.entropy(log_pi)[:, None])
    return G


def _random_in_band(rng, covariance, share):
    """Booleans like covariance: a random ``share`` of all samples (or the whole band,
    if it is smaller)."""
    band = np.flatnonzero(covariance >= max(np.quantile(covariance, 0.8), np.finfo(float).tiny))
    count = min(round(share * covariance.size), band.size)
    chosen = np.zeros(covariance.size, bool)
    chosen[rng.choice(band, count, replace=False)] = True
    return chosen.reshape(covariance.shape)


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
