"""Entropy along trajectories: the policy's entropy averaged over the states that the policy visits, and how it moves.

The object is cH(pi) = E_{s ~ d^pi} h_pi(s), with h_pi(s) the entropy of pi(.|s) and d^pi the *normalised* discounted
visitation. It is (1 - gamma) times the value of a decision process whose reward is -log pi, so it has values to go:

    V^H = (I - gamma P_pi)^-1 h        entropy to go from a state
    Q^H = -log pi + gamma P V^H        entropy to go after an action

and obeys the two master lemmas of chapter 6 with reward 0 and bonus 1. A change of logits moves cH in two ways, through
the entropies of the states (slope ``frozen``) and through the visitation (slope ``shift``); both are of first order.
Entropies are in nats; policies are given by logits theta (S, A).
"""

from dataclasses import dataclass, field

import numpy as np

from rlentropy import distributions as dist
from rlentropy.discounted import evaluation, visitation
from rlentropy.validation import check_array, check_distribution, check_positive


@dataclass(frozen=True)
class DiscountedEntropy:
    """Entropy along the trajectories of one policy.

    value  cH(pi) = E_{s ~ d} h(s) = (1 - gamma) <mu, V>, in [0, log A]
    h (S,) entropies of the states, d (S,) visitation, V (S,) and Q (S, A) entropies to go, log_pi (S, A)
    """

    value: float
    h: np.ndarray = field(repr=False)
    d: np.ndarray = field(repr=False)
    V: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)
    log_pi: np.ndarray = field(repr=False)


def evaluate(mdp, theta, *, solver=None):
    """cH(pi) = (1 - gamma) mu' V^H, V^H = (I - gamma P_pi)^-1 h, Q^H = -log pi + gamma P V^H; a `DiscountedEntropy`.

    theta (S, A); ``solver`` reuses a factorisation for the same policy. Raises ValueError for logits of a wrong shape.
    Source: def-discounted-entropy, eq-entropy-to-go.
    """
    log_pi = dist.log_softmax(check_array("theta", theta, (mdp.S, mdp.A)))
    pi = np.exp(log_pi)
    solver = solver or evaluation.PolicySolver(mdp, pi)
    to_go = evaluation.evaluate_soft(mdp, theta, 1.0, reward=np.zeros((mdp.S, mdp.A)), solver=solver)
    d = visitation.policy_visitation(mdp, pi, solver=solver)
    h = dist.entropy(log_pi)
    return DiscountedEntropy(value=float(d @ h), h=h, d=d, V=to_go.V, Q=to_go.G, log_pi=log_pi)


# ------------------------------------------------------------------------------------------------------- first order


@dataclass(frozen=True)
class Slope:
    """Derivative of cH along a direction of the logits, in its two parts.

    frozen  -E_d Cov(log pi, direction): the visitation is held still (the source's formula)
    shift   gamma E_d Cov(direction, P V^H): the visitation moves (the term that the source drops)
    """

    frozen: float
    shift: float

    @property
    def total(self):
        """E_d Cov(direction, Q^H), the derivative itself."""
        return self.frozen + self.shift


def slope(mdp, theta, direction, *, entropy=None):
    """d/d eta cH(pi_{theta + eta direction}) at 0 = E_{s ~ d} Cov_{a ~ pi}(direction(s, a), Q^H(s, a)), as a `Slope`.

    theta, direction (S, A); for NPG the direction is the advantage. Adding c(s) to it changes nothing.
    ``entropy`` reuses the result of `evaluate` at theta. Source: thm-global-gradient.
    """
    direction = check_array("direction", direction, (mdp.S, mdp.A))
    at = entropy or evaluate(mdp, theta)
    frozen = -at.d @ dist.covariance(at.log_pi, at.log_pi, direction)
    shift = at.d @ dist.covariance(at.log_pi, direction, mdp.gamma * mdp.next_mean(at.V))
    return Slope(frozen=float(frozen), shift=float(shift))


def remainder_bound(mdp, direction, eta):
    """(eta^2 / 2) D^2 log(A) (4 - 3 gamma) / (4 (1 - gamma)^2), D = max_s osc direction(s, .).

    Bounds |cH(pi_{theta + eta direction}) - cH(pi_theta) - eta slope| for every theta; A >= 2 actions.
    Source: prop-global-remainder.
    """
    direction = check_array("direction", direction, (mdp.S, mdp.A))
    D, gamma = np.ptp(direction, axis=1).max(), mdp.gamma
    return check_positive("eta", eta) ** 2 / 2 * D**2 * np.log(mdp.A) * (4 - 3 * gamma) / (4 * (1 - gamma) ** 2)


def certified_step(mdp, theta, direction):
    """Largest eta below which the sign of the slope is the sign of the change: |slope| eta = `remainder_bound`.

    0 where the slope vanishes, inf for a direction that changes no policy. Source: prop-global-remainder.
    """
    unit = remainder_bound(mdp, direction, 1.0)
    return abs(slope(mdp, theta, direction).total) / unit if unit > 0 else np.inf


# ------------------------------------------------------------------------------------------------------------- exact


@dataclass(frozen=True)
class Difference:
    """cH(pi') - cH(pi) in the two terms of the exact identity.

    action  E_{s ~ d'} sum_a (pi' - pi)(a|s) Q^H_pi(s, a);  kl = E_{s ~ d'} KL(pi'(.|s) || pi(.|s)) >= 0
    """

    action: float
    kl: float

    @property
    def total(self):
        """action - kl = cH(pi') - cH(pi)."""
        return self.action - self.kl


def difference(mdp, theta_new, theta, *, entropy=None):
    """cH(pi') - cH(pi) = E_{s ~ d'}[sum_a (pi' - pi)(a|s) Q^H_pi(s, a) - KL(pi' || pi)], for any two policies.

    Returns a `Difference`. theta_new, theta (S, A). ``entropy`` reuses the result of `evaluate` at theta.
    Source: thm-entropy-pdl.
    """
    at = entropy or evaluate(mdp, theta)
    log_new = dist.log_softmax(check_array("theta_new", theta_new, (mdp.S, mdp.A)))
    new = np.exp(log_new)
    d_new = visitation.policy_visitation(mdp, new, solver=evaluation.PolicySolver(mdp, new))
    action = d_new @ np.sum((new - np.exp(at.log_pi)) * at.Q, axis=1)
    return Difference(action=float(action), kl=float(d_new @ dist.kl(log_new, at.log_pi)))


def visitation_shift(mdp, pi_new, pi):
    """gamma d^{pi'} (P_{pi'} - P_pi) (I - gamma P_pi)^-1 = d^{pi'} - d^pi; pi_new, pi (S, A) -> (S,).

    Source: thm-visitation-shift.
    """
    pi_new = check_distribution("pi_new", pi_new, (mdp.S, mdp.A))
    push = visitation.policy_visitation(mdp, pi_new) @ (mdp.policy_kernel(pi_new) - mdp.policy_kernel(pi))
    return evaluation.policy_solver(mdp, pi).solve_transposed(mdp.gamma * push)


def visitation_slope(mdp, theta, direction):
    """Derivative of d^{pi_{theta + eta direction}} at 0: gamma d' Pdot (I - gamma P_pi)^-1; shape (S,), sums to 0.

    Pdot(s, s') = sum_a pi(a|s) (direction(s, a) - E_pi direction) P(s'|s, a). Source: thm-visitation-shift.
    """
    log_pi = dist.log_softmax(check_array("theta", theta, (mdp.S, mdp.A)))
    direction = check_array("direction", direction, log_pi.shape)
    pi, centred = np.exp(log_pi), direction - dist.mean(log_pi, direction)[:, None]
    solver = evaluation.PolicySolver(mdp, pi)
    d = visitation.policy_visitation(mdp, pi, solver=solver)
    return solver.solve_transposed(mdp.gamma * (d @ mdp.policy_kernel(pi * centred)))


# ------------------------------------------------------------------------------------------------------------- a run


@dataclass(frozen=True)
class RunSlopes:
    """Entropy along a run: value (K+1,) cH(pi_k), frozen and shift (K+1,) the two slopes along the advantage.

    Slopes are per unit of step size: ``run.eta * total[k]`` predicts value[k+1] - value[k] to first order.
    """

    value: np.ndarray = field(repr=False)
    frozen: np.ndarray = field(repr=False)
    shift: np.ndarray = field(repr=False)

    @property
    def total(self):
        """The derivative of cH along the advantage at each iterate; shape (K+1,)."""
        return self.frozen + self.shift


def along(mdp, run):
    """`evaluate` and `slope` at every iterate of a `natural_gradient.Run` or `SoftRun`, along its advantages.

    Returns `RunSlopes`. Source: thm-global-gradient.
    """
    rows = []
    for theta, adv in zip(run.theta, run.adv, strict=True):
        at = evaluate(mdp, theta)
        part = slope(mdp, theta, adv, entropy=at)
        rows.append((at.value, part.frozen, part.shift))
    return RunSlopes(*np.array(rows).T)
