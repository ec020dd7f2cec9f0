"""How policy entropy moves: first-order formula, and what is exact beyond it.

All functions act on the last axis (actions); leading axes are states or any batch. Entropies in nats.
"""


from rlentropy import distributions as dist
from rlentropy import softmax_policy
from rlentropy.validation import check_array


def first_order(theta, direction):
    """-Cov_{a ~ pi}(log pi(a|s), direction(s, a)): derivative of h(s) along ``direction`` in logit space; (..., A) -> (...).

    For NPG take direction = eta * A; adding c(s) to the direction changes nothing. Source: thm-covariance-identity.
    """
    log_pi = softmax_policy.log_policy(theta)
    return -dist.covariance(log_pi, log_pi, check_array("direction", direction, log_pi.shape))


def contributions(theta, direction):
    """-pi(a|s) (log pi(a|s) + h(s)) (direction(s, a) - E_pi direction): each action's share of `first_order`; (..., A).

    The shares of a state add up to its first-order entropy change. Source: thm-covariance-identity.
    """
    log_pi = softmax_policy.log_policy(theta)
    direction = check_array("direction", direction, log_pi.shape)
    centred = direction - dist.mean(log_pi, direction)[..., None]
    return softmax_policy.entropy_gradient(theta) * centred


def realised(theta, direction):
    """H(pi_{theta + direction}) - H(pi_theta) per state, exactly; (..., A) -> (...)."""
    theta = softmax_policy.check_logits(theta)
    direction = check_array("direction", direction, theta.shape)
    return softmax_policy.policy_entropy(theta + direction) - softmax_policy.policy_entropy(theta)
