"""Tabular softmax policies: pi_theta(a|s) = exp(theta[s, a]) / sum_b exp(theta[s, b]).

Logits ``theta`` have shape (..., A), usually (S, A);
a constant added to a row (a *gauge*) changes nothing.
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.validation import check_array, check_axis, check_distribution, refuse


def check_logits(theta: ArrayLike) -> Floats:
    """Finite logits (..., A) as a float array; ValueError names the first offending index."""
    return check_axis("theta", check_array("theta", theta), "actions")


def log_policy(theta: ArrayLike) -> Floats:
    """log pi_theta(a|s); shape (..., A). Exact for logits of any size.
    Source: def-softmax-policy.
    """
    return dist.log_softmax(check_logits(theta))


def policy(theta: ArrayLike) -> Floats:
    """pi_theta(a|s); shape (..., A); probabilities below about 5e-324 are exactly 0."""
    return np.exp(log_policy(theta))


def logits(pi: ArrayLike) -> Floats:
    """Logits log pi(a|s) of a policy with full support; shape (..., A).

    Raises ValueError if a row is no distribution or has a zero:
    no finite logits give probability 0.
    """
    pi = check_distribution("pi", pi)
    refuse("pi", pi, pi == 0, "a softmax policy has full support, no finite logit gives 0")
    return np.log(pi)


def score(theta: ArrayLike) -> Floats:
    """d log pi(a|s) / d theta[s, b] = 1{a = b} - pi(b|s);
    shape (..., A) -> (..., A, A), indices [..., a, b].

    Derivatives with respect to another state's logits are 0. Source: lem-log-derivative.
    """
    pi = policy(theta)
    return np.eye(pi.shape[-1]) - pi[..., None, :]


def policy_entropy(theta: ArrayLike) -> Floats:
    """h(s) = H(pi_theta(.|s)) in nats; shape (..., A) -> (...)."""
    return dist.entropy(log_policy(theta))


def entropy_gradient(theta: ArrayLike) -> Floats:
    """d h(s) / d theta[s, b] = -pi(b|s) (log pi(b|s) + h(s)); shape (..., A).

    Rows sum to 0 (gauge). Source: lem-entropy-gradient.
    """
    log_pi = log_policy(theta)
    pi = np.exp(log_pi)
    surprise_excess = log_pi + dist.entropy(log_pi)[..., None]
    return -np.multiply(pi, surprise_excess, where=pi > 0, out=np.zeros(pi.shape))


def fisher_of(pi: Floats) -> Floats:
    """E_pi[grad log pi grad log pi'] = diag(pi) - pi pi'; (..., A) -> (..., A, A), for
    probabilities, also of 0.

    The Fisher information of one state's logits; its kernel is the gauge direction.
    Source: lem-npg-fisher.
    """
    return np.eye(pi.shape[-1]) * pi[..., None, :] - pi[..., :, None] * pi[..., None, :]
