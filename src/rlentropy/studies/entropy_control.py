"""Controlling entropy through the actions of high covariance: clipping and penalising them, in the tabular model.

All functions act on one state or any batch of states: actions along the last axis.
``c(a) = l(a) A(a)`` is an action's covariance, with l(a) = log pi(a) + H(pi) and A centred under pi;
E_pi c = Cov_pi(log pi, A) is the rate of entropy loss.
``selected`` (M in the book) marks the actions of high covariance.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from rlentropy import distributions as dist
from rlentropy.discounted import evaluation, natural_gradient, visitation
from rlentropy.validation import check_array, check_integer, check_interval, check_positive

PENALTIES = ("state", "quadratic", "absolute")
CONTROLS = ("none", "clip", "freeze", "bonus")


def action_covariance(log_pi, adv):
    """c(a) = (log pi(a) + H(pi)) (A(a) - E_pi A); shape (..., A). Its mean under pi is Cov_pi(log pi, A).

    Source: section 1 of chapter 16; per token in Cui et al. (2025), where the means run over a batch.
    """
    log_pi, adv = np.asarray(log_pi), np.asarray(adv)
    return (log_pi + dist.entropy(log_pi)[..., None]) * (adv - dist.mean(log_pi, adv)[..., None])


def select_top(log_pi, adv, count):
    """The ``count`` actions of largest covariance in every state, those with c(a) <= 0 left out; booleans (..., A).

    ``count`` is a whole number >= 0; ValueError for any other.
    """
    count = check_integer("count", count)
    c = action_covariance(log_pi, adv)
    rank = np.argsort(np.argsort(-c, axis=-1, kind="stable"), axis=-1)
    return (rank < count) & (c > 0)


def clipped_advantage(log_pi, adv, selected):
    """A(a) - E_pi A outside M, 0 on M: the NPG direction without the gradient of the selected actions (Clip-Cov).

    Source: thm-clip-cov.
    """
    adv = np.asarray(adv)
    return np.where(selected, 0.0, adv - dist.mean(log_pi, adv)[..., None])


def clip_rates(log_pi, adv, selected):
    """Entropy rate -sum_{a not in M} pi c and reward rate sum_{a not in M} pi A^2 of the clipped direction; two (...).

    Source: thm-clip-cov.
    """
    pi, kept = np.exp(log_pi), ~np.asarray(selected)
    centred = adv - dist.mean(log_pi, adv)[..., None]
    c = action_covariance(log_pi, adv)
    return -np.sum(pi * c * kept, axis=-1), np.sum(pi * centred**2 * kept, axis=-1)


def frozen_rate(log_pi, adv, selected):
    """-sum_{a not in M} pi l (A - E[A | not in M]): entropy rate when selected actions keep their probability; (...).

    Source: thm-kl-cov (3).
    """
    pi, kept = np.exp(log_pi), ~np.asarray(selected)
    mass = np.sum(pi * kept, axis=-1, keepdims=True)
    mean = np.divide(np.sum(pi * adv * kept, axis=-1, keepdims=True), mass, where=mass > 0, out=np.zeros_like(mass))
    excess = log_pi + dist.entropy(log_pi)[..., None]
    return -np.sum(pi * excess * (adv - mean) * kept, axis=-1)


def clip_frontier(log_pi, adv, budget):
    """Largest gain in entropy rate by (fractionally) clipping actions that costs at most ``budget`` of reward rate.

    Clips in decreasing order of c / A^2 = l / A, as long as that is positive.
    One state: log_pi, adv (A,), budget a number.
    Source: prop-clip-tradeoff.
    """
    pi = np.exp(log_pi)
    centred = adv - dist.mean(log_pi, adv)
    gain, cost = pi * action_covariance(log_pi, adv), pi * centred**2
    useful = np.flatnonzero(gain > 0)
    order = useful[np.argsort(-gain[useful] / cost[useful])]
    spent = np.concatenate([[0.0], np.cumsum(cost[order])])
    return float(np.interp(budget, spent, np.concatenate([[0.0], np.cumsum(gain[order])])))


# ----------------------------------------------------------------------------------------------- penalised steps


def penalised_step(log_pi, adv, eta, *, beta, selected, penalty):
    """log p for p = argmax <p, A> - KL(p || pi) / eta - pen(p), one state; log_pi, adv, selected (A,) -> (A,).

    With x = log(p / pi) and m the share of selected actions, pen is one of

        state      beta m KL(pi || p)
        quadratic  beta sum_{a in M} pi x^2 / 2
        absolute   beta sum_{a in M} pi |x|

    Exact: stationarity in each coordinate is one increasing equation in x for a given multiplier, and the multiplier
    makes p sum to one. Unique while |x| < 1 (quadratic, absolute), which small eta osc(A) ensures.
    Raises ValueError for an unknown penalty, eta <= 0 or beta < 0, RuntimeError if |x| reaches 1.
    Source: thm-kl-cov.
    """
    log_pi = check_array("log_pi", log_pi, (None,))
    adv = check_array("adv", adv, log_pi.shape)
    eta, beta = check_positive("eta", eta), check_interval("beta", beta, 0, np.inf)
    selected = np.broadcast_to(np.asarray(selected, dtype=bool), log_pi.shape)
    respond = _responses(adv, eta, beta, selected, penalty)

    def excess(multiplier):
        return np.sum(np.exp(log_pi) * np.expm1(respond(multiplier)))

    # at the smallest advantage every x >= 0, at the largest every x <= 0
    x = respond(optimize.brentq(excess, adv.min(), adv.max(), xtol=1e-15, rtol=1e-14))
    if np.abs(x).max() >= 1:
        raise RuntimeError(f"penalised_step: |log(p / pi)| = {np.abs(x).max():.3g} reaches 1; take a smaller eta")
    return dist.log_softmax(log_pi + x)


def _responses(adv, eta, beta, selected, penalty):
    """Function of the multiplier returning x (A,) with x / eta + beta k(x) = A - multiplier."""
    if penalty not in PENALTIES:
        raise ValueError(f"penalty = {penalty!r}: expected one of {', '.join(PENALTIES)}")
    strength = beta * selected.mean() if penalty == "state" else beta * selected

    def slope_state(x):  # derivative of -KL(pi || p) in p, up to a constant
        return -np.expm1(-x)

    def slope_quadratic(x):
        return x * np.exp(-x)

    def slope_absolute(x):
        return np.sign(x) * np.exp(-x)

    slope = {"state": slope_state, "quadratic": slope_quadratic, "absolute": slope_absolute}[penalty]

    def respond(multiplier):
        target = adv - multiplier
        low, high = np.minimum(eta * target, 0.0), np.maximum(eta * target, 0.0)
        for _ in range(200):  # bisection, vectorised over actions
            middle = (low + high) / 2
            below = middle / eta + strength * slope(middle) < target
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        x = (low + high) / 2
        if penalty == "absolute":  # the kink holds x at exactly 0
            x = np.where(selected & (np.abs(target) <= beta), 0.0, x)
        return x

    return respond


def penalised_rate(log_pi, adv, eta, *, beta, selected, penalty):
    """First-order entropy change of `penalised_step`, divided by eta: -sum_a pi l x / eta with the leading-order x.

    state      x = eta (A - E A) / (1 + eta beta m)
    quadratic  x = eta_a (A - lambda), eta_a = eta / (1 + eta beta 1_M), lambda = E[eta_a A] / E[eta_a]
    absolute   x = eta sgn(A - lambda) (|A - lambda| - beta)_+ on M, eta (A - lambda) off M, with E_pi x = 0
    Source: thm-kl-cov.
    """
    pi, selected = np.exp(log_pi), np.broadcast_to(np.asarray(selected, dtype=bool), np.shape(log_pi))
    if penalty == "state":
        x = eta * (adv - pi @ adv) / (1 + eta * beta * selected.mean())
    elif penalty == "quadratic":
        steps = eta / (1 + eta * beta * selected)
        x = steps * (adv - (pi * steps) @ adv / (pi @ steps))
    elif penalty == "absolute":

        def soft(shift):
            gap = adv - shift
            return np.where(selected, np.sign(gap) * np.maximum(np.abs(gap) - beta, 0), gap)

        shift = optimize.brentq(lambda u: pi @ soft(u), adv.min() - beta - 1, adv.max() + beta + 1, xtol=1e-15)
        x = eta * soft(shift)
    else:
        raise ValueError(f"penalty = {penalty!r}: expected one of {', '.join(PENALTIES)}")
    return float(-np.sum(pi * (log_pi + dist.entropy(log_pi)) * x) / eta)


# ------------------------------------------------------------------------------------------------- controlled runs


@dataclass(frozen=True)
class ControlledRun:
    """V(mu) and visitation-averaged policy entropy (nats) at iterations 0, ..., K; arrays (K + 1,)."""

    objective: np.ndarray = field(repr=False)
    policy_entropy: np.ndarray = field(repr=False)


def frozen_step(log_pi, adv, eta, selected):
    """log p with p = pi on M, p proportional to pi exp(eta A) off M, the mass of M kept; (..., A).

    The limit of the absolute penalty for large beta. Source: thm-kl-cov (3).
    """
    moved = np.where(selected, -np.inf, log_pi + eta * np.asarray(adv))
    mass = dist.logsumexp(np.where(selected, -np.inf, log_pi))[..., None]
    with np.errstate(invalid="ignore"):  # -inf - -inf where every action is selected; those entries are not used
        moved = moved - dist.logsumexp(moved)[..., None] + mass
    return np.where(selected, log_pi, moved)


def controlled_run(mdp, theta, eta, iterations, *, control="none", count=1, tau=0.0):
    """NPG with exact evaluation and one way of entropy control; returns a `ControlledRun`.

    none    theta += eta A
    clip    theta += eta A outside the ``count`` actions of largest covariance of each state (`clipped_advantage`)
    freeze  those actions keep their probability (`frozen_step`)
    bonus   regularised NPG with temperature ``tau`` > 0 (thm-soft-npg), eta tau <= 1
    """
    if control not in CONTROLS:
        raise ValueError(f"control = {control!r}: expected one of {', '.join(CONTROLS)}")
    log_pi = dist.log_softmax(check_array("theta", theta, (mdp.S, mdp.A)))
    eta, K = check_positive("eta", eta), check_integer("iterations", iterations)
    objective, averaged = np.empty(K + 1), np.empty(K + 1)
    for k in range(K + 1):
        pi = np.exp(log_pi)
        solver = evaluation.PolicySolver(mdp, pi)
        value = evaluation.evaluate(mdp, pi, solver=solver)
        entropies = dist.entropy(log_pi)
        objective[k] = mdp.mu @ value.V
        averaged[k] = visitation.policy_visitation(mdp, pi, solver=solver) @ entropies
        log_pi = _controlled_step(mdp, log_pi, value, solver, entropies, eta, control, count, tau)
    return ControlledRun(objective=objective, policy_entropy=averaged)


def _controlled_step(mdp, log_pi, value, solver, entropies, eta, control, count, tau):
    if control == "bonus":
        soft = value.Q + tau * mdp.gamma * mdp.next_mean(solver.solve(entropies))
        return natural_gradient.regularised_step(log_pi, soft, eta, tau)
    if control == "none":
        return dist.log_softmax(log_pi + eta * value.adv)
    selected = select_top(log_pi, value.adv, count)
    if control == "freeze":
        return frozen_step(log_pi, value.adv, eta, selected)
    return dist.log_softmax(log_pi + eta * clipped_advantage(log_pi, value.adv, selected))
