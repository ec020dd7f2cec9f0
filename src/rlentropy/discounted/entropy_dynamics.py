"""How policy entropy moves: first-order formula, what is exact beyond it,
and how far its sign is certain.

All functions act on the last axis (actions); leading axes are states or any batch.
Entropies in nats.
A step leads from logits theta to theta + direction along theta + t direction, 0 <= t <= 1
(NPG: direction = eta A). Adding c(s) to a direction changes no result.
For the logits of two models see `rlentropy.logits`, whose function is at hand here too.
"""

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.discounted import softmax
from rlentropy.logits import EntropyChange, entropy_change  # noqa: F401
from rlentropy.results import result
from rlentropy.validation import (
    NotConverged,
    check_array,
    check_axis,
    check_broadcast,
    check_integer,
    check_positive,
    no_overflow,
)

# ------------------------------------------------------------------------ Taylor at the old policy


def first_order(theta: ArrayLike, direction: ArrayLike) -> Floats:
    """-Cov_{a ~ pi}(log pi(a|s), direction(s, a)): derivative of h(s) along it; (..., A) -> (...).

    For NPG take direction = eta * A. Source: thm-covariance-identity.
    """
    log_pi = softmax.log_policy(theta)
    return -dist.covariance(log_pi, log_pi, check_array("direction", direction, log_pi.shape))


def contributions(theta: ArrayLike, direction: ArrayLike) -> Floats:
    """-pi(a|s) (log pi(a|s) + h(s)) (direction(s, a) - E_pi direction); shape (..., A).

    Each action's share of `first_order`: the shares of a state add up to its first-order entropy
    change.
    Source: thm-covariance-identity.
    """
    log_pi = softmax.log_policy(theta)
    direction = check_array("direction", direction, log_pi.shape)
    centred = direction - dist.mean(log_pi, direction)[..., None]
    return softmax.entropy_gradient(theta) * centred


def sampled_contributions(theta: ArrayLike, adv: ArrayLike) -> Floats:
    """``-(S(b) - E_pi S) adv(b)``, S = pi (log pi + h): first-order entropy change, per unit of
    step, of a policy-gradient step made from the one action b; (..., A) -> (..., A).

    Such a step moves the logits by eta adv(b) (1{a = b} - pi(a)).
    The mean over b ~ pi is -Cov_pi(S, adv), whatever constant is added to adv; for advantages with
    mean zero that is -Cov_pi(log pi, pi adv). Source: prop-sampled-action.
    """
    log_pi = softmax.log_policy(theta)
    adv = check_array("adv", adv, log_pi.shape)
    share = -softmax.entropy_gradient(theta)
    return -(share - dist.mean(log_pi, share)[..., None]) * adv


def curvature(theta: ArrayLike, direction: ArrayLike) -> Floats:
    """-Var_pi(x) - kappa_3(log pi, x, x), x = direction: second derivative of h(s);
    (..., A) -> (...).

    Source: prop-second-order.
    """
    log_pi = softmax.log_policy(theta)
    x = check_array("direction", direction, log_pi.shape)
    with no_overflow("direction"):
        return -dist.variance(log_pi, x) - dist.cumulant3(log_pi, log_pi, x, x)


def second_order(theta: ArrayLike, direction: ArrayLike) -> Floats:
    """-Cov_pi(log pi, x) - (Var_pi(x) + kappa_3(log pi, x, x)) / 2, x = direction;
    (..., A) -> (...).

    The Taylor polynomial of the entropy change to second order. Source: prop-second-order.
    """
    return first_order(theta, direction) + curvature(theta, direction) / 2


def joint_cumulants(
    moments: Sequence[Any], mixed_moments: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """(kappa_m(x))_m and (kappa_{m+1}(y, x, ..., x))_m from E x^m and E y x^m, m = 0, 1, ...
    (kappa_0 = 0).

    Solves E x^m = sum_{j=1}^m C(m-1, j-1) kappa_j(x) E x^{m-j} and
    E y x^m = sum_{j=0}^m C(m, j) kappa_{j+1}(y, x, ..., x) E x^{m-j} for the term with j = m.
    Only + - * are used: entries may be floats, arrays, fractions or mpmath numbers.
    d^m H / dt^m along theta + t x is -kappa_{m+1}(log pi, x, ..., x) - (m - 1) kappa_m(x).
    Source: prop-taylor-all-orders.
    """
    pure = [0 * moments[0]]
    mixed = [mixed_moments[0]]
    for m in range(1, len(moments)):
        lower = sum(comb(m - 1, j - 1) * pure[j] * moments[m - j] for j in range(1, m))
        pure.append(moments[m] - lower)
        lower = sum(comb(m, j) * mixed[j] * moments[m - j] for j in range(m))
        mixed.append(mixed_moments[m] - lower)
    return pure, mixed


# ----------------------------------------------------------------------------------- exact changes


def realised(theta: ArrayLike, direction: ArrayLike) -> Floats:
    """H(pi_{theta + direction}) - H(pi_theta) per state, exactly; (..., A) -> (...)."""
    theta = softmax.check_logits(theta)
    direction = check_array("direction", direction, theta.shape)
    return softmax.policy_entropy(theta + direction) - softmax.policy_entropy(theta)


def identity_terms(log_old: ArrayLike, log_new: ArrayLike) -> tuple[Floats, Floats]:
    """(-(E_new - E_old)[log old], KL(new || old)): H(new) - H(old) is the first minus the second;
    (...) each.

    Log-probabilities (..., n), -inf allowed. Where new has mass that old excludes both are inf.
    Source: thm-exact-identity.
    """
    log_old = dist.check_log_probabilities("log_old", log_old)
    log_new = dist.check_log_probabilities("log_new", log_new)
    log_old, log_new = dist.fit(log_old=log_old, log_new=log_new)
    return dist.mean(log_old, log_old) - dist.mean(log_new, log_old), dist.kl(log_new, log_old)


@result
class PathIntegral:
    """value (...): the integral; error: estimate of the largest absolute error;
    evaluations made.
    """

    value: Floats
    error: float
    evaluations: int


def path_integral(
    theta: ArrayLike, direction: ArrayLike, *, tolerance: float = 1e-12, max_intervals: int = 5000
) -> PathIntegral:
    """H(pi_1) - H(pi_0) = -int_0^1 Cov_{pi_t}(log pi_t, x) dt, pi_t = softmax(theta + t x);
    (..., A) -> (...), with x = direction.

    Adaptive 21-point Gauss-Kronrod quadrature, begun on panels along which no logit difference
    moves by more than 8, so that no change of the leading action falls between the nodes.
    Raises NotConverged if the estimated error exceeds tolerance * max(1, largest |value|).
    Source: thm-path-derivative.
    """
    theta = softmax.check_logits(theta)
    direction = check_array("direction", direction, theta.shape)
    tolerance = check_positive("tolerance", tolerance)
    limit = check_integer("max_intervals", max_intervals, low=1)
    with no_overflow("direction"):
        panels = 1 + int(oscillation(direction).max() / 8)
    if panels > limit:
        raise NotConverged(f"path integral: {panels} panels are needed, max_intervals = {limit}")
    joints = np.linspace(0, 1, panels + 1)[1:-1]
    value, error, info = integrate.quad_vec(
        lambda t: first_order(theta + t * direction, direction),
        0.0,
        1.0,
        points=joints,
        quadrature="gk21",
        norm="max",
        epsabs=tolerance,
        epsrel=tolerance,
        limit=limit,
        full_output=True,
    )
    if not info.success and error > tolerance * max(1.0, np.abs(value).max()):
        raise NotConverged(
            f"path integral: error {error:.2g} after {info.neval} evaluations: {info.message}"
        )
    return PathIntegral(value=np.asarray(value), error=float(error), evaluations=int(info.neval))


# --------------------------------------------------------------------- how far the sign is certain


def oscillation(direction: ArrayLike) -> Floats:
    """osc f = max_a f(a) - min_a f(a); (..., A) -> (...). Raises ValueError for a bare number."""
    direction = check_axis("direction", check_array("direction", direction), "actions")
    return np.ptp(direction, axis=-1)


def remainder_bound(direction: ArrayLike) -> Floats:
    """osc(direction)^2 log(n) / 2 >= |H(pi_1) - H(pi_0) - first_order| for every policy;
    (..., n) -> (...).

    n >= 2. Source: prop-remainder-bound.
    """
    return oscillation(direction) ** 2 * np.log(np.shape(direction)[-1]) / 2


def local_remainder_bound(theta: ArrayLike, direction: ArrayLike) -> Floats:
    """max{(1 - log 2 + h) V, sum_a (abs(x) + m)^2 f(q)} / 2 >= abs(entropy change - first order);
    (..., A), (..., A) -> (...), in nats.

    x = direction - E_pi direction, q = pi max(1, e^x), V = sum q x^2, m = mean of x under the new
    policy, f(u) = -u log u at min(u, 1/e), h = min(log n, sum_a f(q)).
    Far smaller than `remainder_bound` for large n or a policy that is nearly certain.
    Source: thm-local-remainder.
    """
    log_pi = softmax.log_policy(theta)
    x = check_array("direction", direction, log_pi.shape)
    with no_overflow("theta or direction"):
        x = x - dist.mean(log_pi, x)[..., None]
        moved = dist.mean(dist.log_softmax(log_pi + x), x)
        return _local_bound(log_pi + np.maximum(x, 0), np.abs(x), moved)


def rounding_error(logits: ArrayLike, *, unit: float) -> Floats:
    """abs(entropy of rounded logits - entropy) at most this; (..., A) -> (...), in nats.

    unit  relative rounding error of a logit: 2**-8 for bfloat16, 2**-11 for float16
    The first order is at most unit * sum_a pi abs((log pi + h) z); the remainder is that of
    `local_remainder_bound` with abs(x) at most y = unit (abs(z) + E_pi abs(z)).
    Source: thm-local-remainder.
    """
    logits = check_array("logits", logits)
    log_pi = softmax.log_policy(logits)
    unit = check_positive("unit", unit)
    with no_overflow("logits"):
        size = unit * np.abs(logits)
        y = size + dist.mean(log_pi, size)[..., None]
        linear = np.sum(np.abs(softmax.entropy_gradient(logits)) * size, axis=-1)
        moved = np.sum(np.exp(log_pi + y) * y, axis=-1)
        return linear + _local_bound(log_pi + y, y, moved)


def _local_bound(log_q: Floats, size: Floats, moved: Floats) -> Floats:
    """The bound for pi_t <= q, abs(x) <= size and 0 <= E_t x <= moved along the step."""
    capped = np.minimum(log_q, -1.0)
    loss = -capped * np.exp(capped)
    spread = np.sum(np.exp(log_q) * size**2, axis=-1)
    most = np.minimum(np.log(log_q.shape[-1]), loss.sum(axis=-1))
    above = np.sum((size + np.asarray(moved)[..., None]) ** 2 * loss, axis=-1)
    return np.maximum((1 - np.log(2) + most) * spread, above) / 2


def certificate_radius(theta: ArrayLike, adv: ArrayLike) -> Floats:
    """2 |Cov_pi(log pi, adv)| / (osc(adv)^2 log n); (..., A) -> (...).

    For a smaller eta the entropy change has the sign of -Cov.
    0 where the advantage is constant (no change to certify). Source: cor-sign-certificate.
    """
    theta = softmax.check_logits(theta)
    adv = check_array("adv", adv, theta.shape)
    slope = np.abs(first_order(theta, adv))
    with no_overflow("adv"):
        unit = 2 * remainder_bound(adv)
    return np.divide(2 * slope, unit, where=unit > 0, out=np.zeros_like(slope))


def regression_slope(theta: ArrayLike, adv: ArrayLike, t: ArrayLike) -> Floats:
    """beta_t = Cov_{pi_t}(log pi_0, adv) / Var_{pi_t}(adv), pi_t = softmax(theta + t adv);
    (..., A) -> (...).

    Entropy rises at t iff beta_t < -t. t is a number or an array that broadcasts against (...).
    NaN where the variance is 0. Source: prop-beta-criterion.
    """
    log_start = softmax.log_policy(theta)
    adv = check_array("adv", adv, log_start.shape)
    t = check_array("t", t)
    check_broadcast("t", t, adv.shape[:-1])
    with no_overflow("theta, adv or t"):
        log_pi = dist.log_softmax(log_start + t[..., None] * adv)
        variance = dist.variance(log_pi, adv)
        slope = np.full(np.shape(variance), np.nan)
        return np.divide(
            dist.covariance(log_pi, log_start, adv), variance, where=variance > 0, out=slope
        )
