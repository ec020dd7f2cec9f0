"""Where natural policy gradient ends: the optimal policy nearest to the start.

NPG with exact values from pi_0 keeps, among optimal actions, the ratios of pi_0 up to what the
regret paid on the way; the smaller the step, the closer its limit to the optimal policy of least
discounted divergence from pi_0.
Policies of the start are given by logits theta (S, A); divergences are in nats.
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Bools, Floats
from rlentropy.discounted import evaluation
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.results import result
from rlentropy.validation import (
    NotConverged,
    as_array,
    check_array,
    check_integer,
    check_kind,
    check_mask,
    check_nonnegative,
    check_shape,
    refuse,
)


def optimal_actions(mdp: DiscountedMDP, *, tol: float = 1e-9) -> Bools:
    """Q*(s, a) >= V*(s) - tol max(1, max |V*|); (S, A) of booleans.

    Which actions tie is a question of exact arithmetic; ``tol`` decides it in floating point.
    Source: thm-npg-ties.
    """
    best = evaluation.optimal(mdp)
    room = check_nonnegative("tol", tol) * max(1.0, np.abs(best.V).max())
    return best.Q >= best.V[:, None] - room


def tilted(mdp: DiscountedMDP, theta: ArrayLike, W: ArrayLike, *, allowed: ArrayLike) -> Floats:
    """log of pi_0(a|s) exp(-gamma (P W)(s, a)) / normaliser on the allowed actions; (S, A).

    -inf elsewhere. theta (S, A) gives pi_0, W (S,) is what is still to be paid from a state.
    With W = eta sum_k (V* - V^k) of an NPG run and allowed = A*, the limit of that run.
    Raises ValueError naming the first state without an allowed action.
    Source: thm-npg-two-sided.
    """
    theta = check_array("theta", theta, (mdp.S, mdp.A))
    allowed = _check_allowed(mdp, allowed)
    weights = theta - mdp.gamma * mdp.next_mean(check_array("W", W, (mdp.S,)))
    return dist.log_softmax(np.where(allowed, weights, -np.inf))


def _check_allowed(mdp: DiscountedMDP, allowed: ArrayLike) -> Bools:
    shape = (mdp.S, mdp.A)
    allowed = check_shape("allowed", as_array("allowed", allowed), shape)
    allowed = check_mask("allowed", allowed, shape)
    count = allowed.sum(axis=1)
    refuse("allowed", count, count == 0, "no action is allowed in this state")
    return allowed


@result
class NearestPolicy:
    """The policy of least discounted divergence from a start, among those of the allowed actions.

    W           (S,) that divergence, sum_t gamma^t E KL(pi || pi_0)(s_t) from each state
    log_pi      (S, A) log of the policy, -inf for actions that are not allowed
    residual    max |W + log sum_a pi_0 exp(-gamma P W)|, over allowed actions a
    iterations  policies evaluated
    """

    W: Floats
    log_pi: Floats
    residual: float
    iterations: int


def nearest_policy(
    mdp: DiscountedMDP, theta: ArrayLike, *, allowed: ArrayLike, max_iterations: int = 1000
) -> NearestPolicy:
    """W(s) = -log sum_{a allowed} pi_0(a|s) exp(-gamma (P W)(s, a)), and its policy `tilted`.

    W(s) = min_pi sum_t gamma^t E KL(pi || pi_0)(s_t): a soft Bellman equation without reward,
    solved by policy iteration. theta (S, A) gives pi_0. Returns a `NearestPolicy`.
    From a uniform start it is the policy of largest entropy along trajectories.
    Raises NotConverged after ``max_iterations``.
    Source: thm-npg-two-sided.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    log_start = dist.log_softmax(check_array("theta", theta, (mdp.S, mdp.A)))
    allowed = _check_allowed(mdp, allowed)
    W = np.zeros(mdp.S)
    for iteration in range(1, check_integer("max_iterations", max_iterations, low=1) + 1):
        log_pi = tilted(mdp, log_start, W, allowed=allowed)
        policy = evaluation.evaluate(mdp, np.exp(log_pi))
        W = policy.solve(dist.kl(log_pi, log_start))
        kept = log_start - mdp.gamma * mdp.next_mean(W)
        target = -dist.logsumexp(np.where(allowed, kept, -np.inf))
        residual = float(np.abs(W - target).max())
        if residual <= 2 * evaluation.ROUNDING * max(1.0, np.abs(W).max()):
            log_pi = tilted(mdp, log_start, W, allowed=allowed)
            return NearestPolicy(W, log_pi, residual, iteration)
    raise NotConverged(f"nearest policy: residual {residual:.2g} after {max_iterations} iterations")
