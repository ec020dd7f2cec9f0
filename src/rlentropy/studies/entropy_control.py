"""Controlling entropy through the actions of high covariance: clipping and penalising them, in the
tabular model.

Functions act on one state or any batch of states: actions along the last axis.
``log_pi`` (..., A) are log-probabilities, -inf for an impossible action, which contributes 0 to
every sum and is never selected; unnormalised logits are refused.
``adv`` (..., A) are finite advantages, of any mean.
``c(a) = l(a) A(a)`` is an action's covariance, with l(a) = log pi(a) + H(pi) and A centred under
pi; E_pi c = Cov_pi(log pi, A) is the rate of entropy loss.
``selected`` (M in the book) marks the actions of high covariance, by booleans.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from rlentropy import distributions as dist
from rlentropy._bisection import bisect
from rlentropy._types import Bools, Floats
from rlentropy.discounted import evaluation, natural_gradient
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.results import result
from rlentropy.studies.constrained_step import constrained_step
from rlentropy.validation import (
    check_array,
    check_choice,
    check_integer,
    check_log_distribution,
    check_mask,
    check_nonnegative,
    check_positive,
    refuse,
)

# k(x): derivative of the penalty in p at p = pi e^x, per unit of strength, up to a constant.
_SLOPES = {
    "state": lambda x: -np.expm1(-x),
    "quadratic": lambda x: x * np.exp(-x),
    "absolute": lambda x: np.sign(x) * np.exp(-x),
}
PENALTIES = tuple(_SLOPES)
CONTROLS = ("none", "clip", "freeze", "bonus", "constrained")


def action_covariance(log_pi: ArrayLike, adv: ArrayLike) -> Floats:
    """c(a) = (log pi(a) + H(pi)) (A(a) - E_pi A); shape (..., A).
    Its mean under pi is Cov_pi(log pi, A).

    Source: section 1 of chapter 16; per token, with means over a batch, in Cui et al. (2025).
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv)
    return _excess(log_pi) * _centred(log_pi, adv)


def select_top(log_pi: ArrayLike, adv: ArrayLike, count: int) -> Bools:
    """The ``count`` actions of largest covariance in every state, those with c(a) <= 0 left out;
    booleans (..., A).

    ``count`` is a whole number >= 0; ValueError for any other.
    """
    count = check_integer("count", count)
    c = action_covariance(log_pi, adv)
    rank = np.argsort(np.argsort(-c, axis=-1, kind="stable"), axis=-1)
    return (rank < count) & (c > 0)


def clipped_advantage(log_pi: ArrayLike, adv: ArrayLike, selected: ArrayLike) -> Floats:
    """A(a) - E_pi A outside M, 0 on M: the NPG direction without the gradient of the selected
    actions (Clip-Cov).

    Source: thm-clip-cov.
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv)
    selected = check_mask("selected", selected, log_pi.shape)
    return np.where(selected, 0.0, adv - dist.mean(log_pi, adv)[..., None])


def clip_rates(log_pi: ArrayLike, adv: ArrayLike, selected: ArrayLike) -> tuple[Floats, Floats]:
    """Entropy rate -sum_{a not in M} pi c and reward rate sum_{a not in M} pi A^2 of the clipped
    direction; two (...).

    Source: thm-clip-cov.
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv)
    kept = np.exp(log_pi) * ~check_mask("selected", selected, log_pi.shape)
    centred = _centred(log_pi, adv)
    return -np.sum(kept * _excess(log_pi) * centred, axis=-1), np.sum(kept * centred**2, axis=-1)


def frozen_rate(log_pi: ArrayLike, adv: ArrayLike, selected: ArrayLike) -> Floats:
    """-sum_{a not in M} pi l (A - E[A | not in M]):
    entropy rate when selected actions keep their probability; (...).

    Source: thm-kl-cov (3).
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv)
    kept = np.exp(log_pi) * ~check_mask("selected", selected, log_pi.shape)
    mass = np.sum(kept, axis=-1, keepdims=True)
    total = np.sum(kept * adv, axis=-1, keepdims=True)
    mean = np.divide(total, mass, where=mass > 0, out=np.zeros_like(mass))
    return -np.sum(kept * _excess(log_pi) * (adv - mean), axis=-1)


def clip_frontier(log_pi: ArrayLike, adv: ArrayLike, budget: float) -> float:
    """Largest gain in entropy rate by (fractionally) clipping actions that costs at most ``budget``
    of reward rate.

    Clips in decreasing order of c / A^2 = l / A, as long as that is positive.
    One state: log_pi, adv (A,), budget a number >= 0.
    Source: prop-clip-tradeoff.
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv, shape=(None,))
    pi = np.exp(log_pi)
    centred = _centred(log_pi, adv)
    gain = pi * _excess(log_pi) * centred
    cost = pi * centred**2
    useful = np.flatnonzero(gain > 0)
    order = useful[np.argsort(-gain[useful] / cost[useful])]
    spent = np.concatenate([[0.0], np.cumsum(cost[order])])
    gained = np.concatenate([[0.0], np.cumsum(gain[order])])
    return float(np.interp(check_nonnegative("budget", budget), spent, gained))


def _policy_and_advantage(
    log_pi: ArrayLike, adv: ArrayLike, shape: tuple[int | None, ...] | None = None
) -> tuple[Floats, Floats]:
    """Both as checked float arrays of one shape."""
    log_pi = check_log_distribution("log_pi", log_pi, shape)
    adv = check_array("adv", adv, log_pi.shape)
    refuse("adv", adv, np.abs(adv) > 1e100, "no double holds its square")
    return log_pi, adv


def _excess(log_pi: Floats) -> Floats:
    """l(a) = log pi(a) + H(pi), the centred log-probability; 0 for an impossible action."""
    excess = np.zeros(log_pi.shape)
    return np.add(log_pi, dist.entropy(log_pi)[..., None], where=log_pi > -np.inf, out=excess)


def _centred(log_pi: Floats, adv: Floats) -> Floats:
    """A(a) - E_pi A."""
    return adv - dist.mean(log_pi, adv)[..., None]


# ---------------------------------------------------------------------------------- penalised steps


def penalised_step(
    log_pi: ArrayLike,
    adv: ArrayLike,
    eta: float,
    *,
    beta: float,
    selected: ArrayLike,
    penalty: str,
) -> Floats:
    """log p for p = argmax <p, A> - KL(p || pi) / eta - pen(p), one state;
    log_pi, adv, selected (A,) -> (A,).

    With x = log(p / pi) and m the share of selected actions, pen is one of

        state      beta m KL(pi || p)
        quadratic  beta sum_{a in M} pi x^2 / 2
        absolute   beta sum_{a in M} pi |x|

    Exact: stationarity in each coordinate is one increasing equation in x for a given multiplier,
    and the multiplier makes p sum to one. Unique while |x| < 1 (quadratic, absolute), which small
    eta osc(A) ensures.
    Raises ValueError for an unknown penalty, eta <= 0 or beta < 0, RuntimeError if |x| reaches 1.
    Source: thm-kl-cov.
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv, shape=(None,))
    eta = check_positive("eta", eta)
    beta = check_nonnegative("beta", beta)
    selected = check_mask("selected", selected, log_pi.shape)
    respond = _responses(adv, eta, beta, selected, check_choice("penalty", penalty, PENALTIES))

    def excess(multiplier):
        return np.sum(np.exp(log_pi) * np.expm1(respond(multiplier)))

    # at the smallest advantage every x >= 0, at the largest every x <= 0
    x = respond(optimize.brentq(excess, adv.min(), adv.max(), xtol=1e-15, rtol=1e-14))
    largest = np.abs(x[log_pi > -np.inf]).max()
    if largest >= 1:
        raise RuntimeError(
            f"penalised_step: |log(p / pi)| = {largest:.3g} reaches 1; take a smaller eta"
        )
    return dist.log_softmax(log_pi + x)


def _responses(adv, eta, beta, selected, penalty):
    """Function of the multiplier returning x (A,) with x / eta + beta k(x) = A - multiplier."""
    strength = beta * selected.mean() if penalty == "state" else beta * selected
    slope = _SLOPES[penalty]

    def respond(multiplier):
        target = adv - multiplier
        low, high = bisect(
            lambda x: x / eta + strength * slope(x) < target,
            np.minimum(eta * target, 0.0),
            np.maximum(eta * target, 0.0),
            steps=200,
        )
        x = (low + high) / 2
        if penalty == "absolute":  # the kink holds x at exactly 0
            x = np.where(selected & (np.abs(target) <= beta), 0.0, x)
        return x

    return respond


def penalised_rate(
    log_pi: ArrayLike,
    adv: ArrayLike,
    eta: float,
    *,
    beta: float,
    selected: ArrayLike,
    penalty: str,
) -> float:
    """First-order entropy change of `penalised_step`, divided by eta:
    -sum_a pi l x / eta with the leading-order x.

    state      x = eta (A - E A) / (1 + eta beta m)
    quadratic  x = eta_a (A - lambda), eta_a = eta / (1 + eta beta 1_M),
               lambda = E[eta_a A] / E[eta_a]
    absolute   x = eta sgn(A - lambda) (|A - lambda| - beta)_+ on M, eta (A - lambda) off M,
               with E_pi x = 0
    One state; arguments and ValueErrors as `penalised_step`. Source: thm-kl-cov.
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv, shape=(None,))
    eta = check_positive("eta", eta)
    beta = check_nonnegative("beta", beta)
    selected = check_mask("selected", selected, log_pi.shape)
    leading = {
        "state": _leading_state,
        "quadratic": _leading_quadratic,
        "absolute": _leading_absolute,
    }
    pi = np.exp(log_pi)
    x = leading[check_choice("penalty", penalty, PENALTIES)](pi, adv, eta, beta, selected)
    return float(-np.sum(pi * _excess(log_pi) * x) / eta)


def _leading_state(pi, adv, eta, beta, selected):
    return eta * (adv - pi @ adv) / (1 + eta * beta * selected.mean())


def _leading_quadratic(pi, adv, eta, beta, selected):
    steps = eta / (1 + eta * beta * selected)
    return steps * (adv - (pi * steps) @ adv / (pi @ steps))


def _leading_absolute(pi, adv, eta, beta, selected):
    def soft(shift):
        gap = adv - shift
        return np.where(selected, np.sign(gap) * np.maximum(np.abs(gap) - beta, 0), gap)

    low = adv.min() - beta - 1
    high = adv.max() + beta + 1
    return eta * soft(optimize.brentq(lambda shift: pi @ soft(shift), low, high, xtol=1e-15))


# --------------------------------------------------------------------------------- controlled runs


@result
class ControlledRun:
    """V(mu) and visitation-averaged policy entropy (nats) at iterations 0, ..., K;
    arrays (K + 1,).
    """

    objective: np.ndarray
    policy_entropy: np.ndarray


def frozen_step(log_pi: ArrayLike, adv: ArrayLike, eta: float, selected: ArrayLike) -> Floats:
    """log p with p = pi on M, p proportional to pi exp(eta A) off M, the mass of M kept; (..., A).

    The limit of the absolute penalty for large beta. Source: thm-kl-cov (3).
    """
    log_pi, adv = _policy_and_advantage(log_pi, adv)
    selected = check_mask("selected", selected, log_pi.shape)
    moved = np.where(selected, -np.inf, log_pi + check_positive("eta", eta) * adv)
    mass = dist.logsumexp(np.where(selected, -np.inf, log_pi))
    weight = dist.logsumexp(moved)
    # no mass off M: nothing moves, and -inf less -inf is not wanted
    growth = np.subtract(mass, weight, where=weight > -np.inf, out=np.zeros_like(weight))
    return np.where(selected, log_pi, moved + growth[..., None])


def controlled_run(
    mdp: DiscountedMDP,
    theta: ArrayLike,
    *,
    eta: float,
    iterations: int,
    control: str = "none",
    count: int = 1,
    tau: float = 0.0,
    entropy: float = 0.0,
) -> ControlledRun:
    """NPG with exact evaluation and one way of entropy control; returns a `ControlledRun`.

    none         theta += eta A
    clip         theta += eta A outside the ``count`` actions of largest covariance of each state
                 (`clipped_advantage`)
    freeze       those actions keep their probability (`frozen_step`)
    bonus        regularised NPG with temperature ``tau`` > 0 (thm-soft-npg), eta tau <= 1
    constrained  every state keeps at least ``entropy`` nats (`constrained_step`)
    """
    check_choice("control", control, CONTROLS)
    eta = check_positive("eta", eta)
    K = check_integer("iterations", iterations)
    log_pi = theta
    path = []
    for _ in range(K + 1):
        at = evaluation.evaluate_softmax(mdp, log_pi)
        path.append((at.objective, at.discounted_entropy))
        log_pi = _controlled_step(at, eta, control, count, tau, entropy)
    return ControlledRun(*np.array(path).T)


def _controlled_step(at, eta, control, count, tau, entropy):
    if control == "bonus":
        soft = at.Q + tau * at.mdp.gamma * at.mdp.next_mean(at.entropy_V)
        return natural_gradient.step(at.log_pi, soft, eta, tau=check_positive("tau", tau))
    if control == "constrained":
        return constrained_step(at.log_pi, at.adv, eta, entropy=entropy).log_pi
    if control == "none":
        return natural_gradient.step(at.log_pi, at.adv, eta)
    selected = select_top(at.log_pi, at.adv, count)
    if control == "freeze":
        return frozen_step(at.log_pi, at.adv, eta, selected)
    return natural_gradient.step(at.log_pi, clipped_advantage(at.log_pi, at.adv, selected), eta)
