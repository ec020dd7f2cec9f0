"""Entropy along trajectories: the policy's entropy averaged over the states that the policy visits,
and how it moves.

The object is cH(pi) = E_{s ~ d^pi} h_pi(s), with h_pi(s) the entropy of pi(.|s) and d^pi the
*normalised* discounted visitation: `evaluation.PolicyInMDP.discounted_entropy`.
It is (1 - gamma) times the value of a decision process whose reward is -log pi, so it has values to
go, V^H and Q^H (``entropy_V``, ``entropy_Q``), and obeys the two master lemmas of chapter 6 with
reward 0 and bonus 1.
A change of logits moves cH in two ways, through the entropies of the states
(slope ``frozen``) and through the visitation (slope ``shift``); both are of first order.
Entropies are in nats; policies are given by logits theta (S, A).
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.discounted import evaluation
from rlentropy.discounted.evaluation import PolicyInMDP
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.discounted.natural_gradient import NPGRun
from rlentropy.results import result
from rlentropy.validation import (
    check_array,
    check_distribution,
    check_kind,
    check_positive,
    no_overflow,
)

# ------------------------------------------------------------------------------------- first order


@result
class EntropySlope:
    """Derivative of cH along a direction of the logits, in its two parts.

    frozen  -E_d Cov(log pi, direction): the visitation is held still (the source's formula)
    shift   gamma E_d Cov(direction, P V^H): the visitation moves (the term that the source drops)
    """

    frozen: float
    shift: float

    @property
    def total(self) -> float:
        """E_d Cov(direction, Q^H), the derivative itself."""
        return self.frozen + self.shift


def slope(mdp: DiscountedMDP, theta: ArrayLike, direction: ArrayLike) -> EntropySlope:
    """d/d eta cH(pi_{theta + eta direction}) at 0 = E_{s ~ d} Cov_{a ~ pi}(direction(s, a), Q^H(s,
    a)).

    theta, direction (S, A); for NPG the direction is the advantage.
    Adding c(s) to it changes nothing.
    Returns an `EntropySlope`. Source: thm-global-gradient.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    direction = check_array("direction", direction, (mdp.S, mdp.A))
    return _slope(evaluation.evaluate_softmax(mdp, theta), direction)


def _slope(at: PolicyInMDP, direction: Floats) -> EntropySlope:
    ahead = at.mdp.gamma * at.mdp.next_mean(at.entropy_V)
    frozen = -at.d @ dist.covariance(at.log_pi, at.log_pi, direction)
    shift = at.d @ dist.covariance(at.log_pi, direction, ahead)
    return EntropySlope(frozen=float(frozen), shift=float(shift))


def spread_bound(mdp: DiscountedMDP, direction: ArrayLike) -> float:
    """(D / 2) min(x, x^2), x^2 = gamma / (1 - gamma), D = max_s osc direction(s, .).

    Bounds E|M_T|, the mean size of the score of a trajectory up to a geometric time, hence
    ||d d / d eta||_1 and, times osc(h) / 2, the shift of `slope`.
    Source: lem-trajectory-score, thm-visitation-speed.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    direction = check_array("direction", direction, (mdp.S, mdp.A))
    D = np.ptp(direction, axis=1).max()
    square = mdp.gamma / (1 - mdp.gamma)
    return D / 2 * min(np.sqrt(square), square)


def remainder_bound(mdp: DiscountedMDP, direction: ArrayLike, eta: float) -> float:
    """(eta^2 / 2) D^2 log(A) (1 + min(x, x^2) + x^2 / 4), x^2 = gamma / (1 - gamma).

    D = max_s osc direction(s, .).
    Bounds |cH(pi_{theta + eta direction}) - cH(pi_theta) - eta slope| for every theta;
    A >= 2 actions.
    Source: prop-global-remainder.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    eta = check_positive("eta", eta)
    direction = check_array("direction", direction, (mdp.S, mdp.A))
    D = np.ptp(direction, axis=1).max()
    square = mdp.gamma / (1 - mdp.gamma)
    growth = 1 + min(np.sqrt(square), square) + square / 4
    with no_overflow("eta or direction"):
        return eta**2 / 2 * D**2 * np.log(mdp.A) * growth


def certified_step(mdp: DiscountedMDP, theta: ArrayLike, direction: ArrayLike) -> float:
    """Largest eta below which the sign of the slope is the sign of the change:
    |slope| eta = `remainder_bound`.

    0 where the slope vanishes, inf for a direction that changes no policy.
    Source: prop-global-remainder.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    unit = remainder_bound(mdp, direction, 1.0)
    return abs(slope(mdp, theta, direction).total) / unit if unit > 0 else np.inf


# ------------------------------------------------------------------------------------------- exact


@result
class EntropyDifference:
    """cH(pi') - cH(pi) in the two terms of the exact identity.

    action  E_{s ~ d'} sum_a (pi' - pi)(a|s) Q^H_pi(s, a);
            kl = E_{s ~ d'} KL(pi'(.|s) || pi(.|s)) >= 0
    """

    action: float
    kl: float

    @property
    def total(self) -> float:
        """action - kl = cH(pi') - cH(pi)."""
        return self.action - self.kl


def difference(mdp: DiscountedMDP, theta_old: ArrayLike, theta_new: ArrayLike) -> EntropyDifference:
    """cH(pi') - cH(pi) = E_{s ~ d'}[sum_a (pi' - pi)(a|s) Q^H_pi(s, a) - KL(pi' || pi)],
    for any two policies.

    theta_old gives pi, theta_new pi'; both (S, A). Returns an `EntropyDifference`.
    Source: thm-entropy-pdl.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    shape = (mdp.S, mdp.A)
    old = evaluation.evaluate_softmax(mdp, check_array("theta_old", theta_old, shape))
    new = evaluation.evaluate_softmax(mdp, check_array("theta_new", theta_new, shape))
    worth = np.where(mdp.available, old.entropy_Q, 0.0)
    action = new.d @ np.sum((new.pi - old.pi) * worth, axis=1)
    return EntropyDifference(
        action=float(action), kl=float(new.d @ dist.kl(new.log_pi, old.log_pi))
    )


def visitation_shift(mdp: DiscountedMDP, pi_old: ArrayLike, pi_new: ArrayLike) -> Floats:
    """gamma d^{pi'} (P_{pi'} - P_pi) (I - gamma P_pi)^-1 = d^{pi'} - d^pi; (S, A) twice -> (S,).

    pi_old gives pi, pi_new pi', both as probabilities. Source: thm-visitation-shift.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    pi_old = check_distribution("pi_old", pi_old, (mdp.S, mdp.A))
    pi_new = check_distribution("pi_new", pi_new, (mdp.S, mdp.A))
    old, new = evaluation.evaluate(mdp, pi_old), evaluation.evaluate(mdp, pi_new)
    push = new.d @ (mdp.policy_kernel(pi_new) - mdp.policy_kernel(pi_old))
    return old.solve_transposed(mdp.gamma * push)


def visitation_slope(mdp: DiscountedMDP, theta: ArrayLike, direction: ArrayLike) -> Floats:
    """Derivative of d^{pi_{theta + eta direction}} at 0: gamma d' Pdot (I - gamma P_pi)^-1;
    shape (S,), sums to 0.

    Pdot(s, s') = sum_a pi(a|s) (direction(s, a) - E_pi direction) P(s'|s, a).
    Source: thm-visitation-shift.
    """
    at = evaluation.evaluate_softmax(mdp, theta)
    direction = check_array("direction", direction, (mdp.S, mdp.A))
    centred = direction - dist.mean(at.log_pi, direction)[:, None]
    return at.solve_transposed(mdp.gamma * (at.d @ mdp.policy_kernel(at.pi * centred)))


# ------------------------------------------------------------------------------------------ a run


@result
class EntropyAlongRun:
    """Entropy along a run: value (K+1,) cH(pi_k), frozen and shift (K+1,) its two slopes along the
    advantage.

    Slopes are per unit of step size: ``run.eta * total[k]`` predicts value[k+1] - value[k] to first
    order.
    """

    value: Floats
    frozen: Floats
    shift: Floats

    @property
    def total(self) -> Floats:
        """The derivative of cH along the advantage at each iterate; shape (K+1,)."""
        return self.frozen + self.shift


def along_run(run: NPGRun) -> EntropyAlongRun:
    """cH and `slope` at every iterate of a `natural_gradient.NPGRun`, along its advantages:
    an `EntropyAlongRun`.

    Source: thm-global-gradient.
    """
    check_kind("run", run, NPGRun)
    rows = []
    for theta, adv in zip(run.theta, run.adv, strict=True):
        at = evaluation.evaluate_softmax(run.mdp, theta)
        part = _slope(at, adv)
        rows.append((at.discounted_entropy, part.frozen, part.shift))
    return EntropyAlongRun(*np.array(rows).T)
