"""How policy entropy moves: first-order formula, what is exact beyond it,
and how far its sign is certain.

All functions act on the last axis (actions); leading axes are states or any batch.
Entropies in nats.
A step leads from logits theta to theta + direction along theta + t direction, 0 <= t <= 1
(NPG: direction = eta A). Adding c(s) to a direction changes no result.
For the logits of two models see `rlentropy.logits`, whose function is at hand here too.
"""

from math import comb

import numpy as np
from scipy import integrate

from rlentropy import distributions as dist
from rlentropy.discounted import softmax
from rlentropy.logits import EntropyChange, entropy_change  # noqa: F401
from rlentropy.results import result
from rlentropy.validation import NotConverged, check_array, check_integer, check_positive

# ------------------------------------------------------------------------ Taylor at the old policy


def first_order(theta, direction):
    """-Cov_{a ~ pi}(log pi(a|s), direction(s, a)): derivative of h(s) along it; (..., A) -> (...).

    For NPG take direction = eta * A. Source: thm-covariance-identity.
    """
    log_pi = softmax.log_policy(theta)
    return -dist.covariance(log_pi, log_pi, check_array("direction", direction, log_pi.shape))


def contributions(theta, direction):
    """-pi(a|s) (log pi(a|s) + h(s)) (direction(s, a) - E_pi direction); shape (..., A).

    Each action's share of `first_order`: the shares of a state add up to its first-order entropy
    change.
    Source: thm-covariance-identity.
    """
    log_pi = softmax.log_policy(theta)
    direction = check_array("direction", direction, log_pi.shape)
    centred = direction - dist.mean(log_pi, direction)[..., None]
    return softmax.entropy_gradient(theta) * centred


def sampled_contributions(theta, adv):
    """-(S(b) - E_pi S) adv(b), S = pi (log pi + h): first-order entropy change, per unit of step,
    of a policy-gradient step made from the one action b; (..., A) -> (..., A).

    Such a step moves the logits by eta adv(b) (1{a = b} - pi(a)).
    The mean over b ~ pi is -Cov_pi(S, adv), whatever constant is added to adv; for advantages with
    mean zero that is -Cov_pi(log pi, pi adv). Source: prop-sampled-action.
    """
    log_pi = softmax.log_policy(theta)
    adv = check_array("adv", adv, log_pi.shape)
    share = -softmax.entropy_gradient(theta)
    return -(share - dist.mean(log_pi, share)[..., None]) * adv


def curvature(theta, direction):
    """-Var_pi(x) - kappa_3(log pi, x, x), x = direction: second derivative of h(s);
    (..., A) -> (...).

    Source: prop-second-order.
    """
    log_pi = softmax.log_policy(theta)
    x = check_array("direction", direction, log_pi.shape)
    return -dist.variance(log_pi, x) - dist.cumulant3(log_pi, log_pi, x, x)


def second_order(theta, direction):
    """-Cov_pi(log pi, x) - (Var_pi(x) + kappa_3(log pi, x, x)) / 2, x = direction;
    (..., A) -> (...).

    The Taylor polynomial of the entropy change to second order. Source: prop-second-order.
    """
    return first_order(theta, direction) + curvature(theta, direction) / 2


def joint_cumulants(moments, mixed_moments):
    """(kappa_m(x))_m and (kappa_{m+1}(y, x, ..., x))_m from E x^m and E y x^m, m = 0, 1, ...
    (kappa_0 = 0).

    Solves E x^m = sum_{j=1}^m C(m-1, j-1) kappa_j(x) E x^{m-j} and
    E y x^m = sum_{j=0}^m C(m, j) kappa_{j+1}(y, x, ..., x) E x^{m-j} for the term with j = m.
    Only + - * are used: entries may be floats, arrays, fractions or mpmath numbers.
    d^m H / dt^m along theta + t x is -kappa_{m+1}(log pi, x, ..., x) - (m - 1) kappa_m(x).
    Source: prop-taylor-all-orders.
    """
    pure, mixed = [0 * moments[0]], [mixed_moments[0]]
    for m in range(1, len(moments)):
        lower = sum(comb(m - 1, j - 1) * pure[j] * moments[m - j] for j in range(1, m))
        pure.append(moments[m] - lower)
        lower = sum(comb(m, j) * mixed[j] * moments[m - j] for j in range(m))
        mixed.append(mixed_moments[m] - lower)
    return pure, mixed


# ----------------------------------------------------------------------------------- exact changes


def realised(theta, direction):
    """H(pi_{theta + direction}) - H(pi_theta) per state, exactly; (..., A) -> (...)."""
    theta = softmax.check_logits(theta)
    direction = check_array("direction", direction, theta.shape)
    return softmax.policy_entropy(theta + direction) - softmax.policy_entropy(theta)


def identity_terms(log_old, log_new):
    """(-(E_new - E_old)[log old], KL(new || old)): H(new) - H(old) is the first minus the second;
    (...) each.

    Log-probabilities (..., n), -inf allowed. Where new has mass that old excludes both are inf.
    Source: thm-exact-identity.
    """
    return dist.mean(log_old, log_old) - dist.mean(log_new, log_old), dist.kl(log_new, log_old)


@result
class PathIntegral:
    """value (...): the integral; error: estimate of the largest absolute error;
    evaluations made.
    """

    value: np.ndarray
    error: float
    evaluations: int


def path_integral(theta, direction, *, tolerance=1e-12, max_intervals=5000):
    """H(pi_1) - H(pi_0) = -int_0^1 Cov_{pi_t}(log pi_t, x) dt, pi_t = softmax(theta + t x);
    (..., A) -> (...)

    with x = direction. Adaptive 21-point Gauss-Kronrod quadrature,
    begun on panels along which no logit
    difference moves by more than 8, so that no change of the leading action falls between the
    nodes.
    Raises NotConverged if the estimated error exceeds tolerance * max(1, largest |value|).
    Source: thm-path-derivative.
    """
    theta = softmax.check_logits(theta)
    direction = check_array("direction", direction, theta.shape)
    tolerance = check_positive("tolerance", tolerance)
    limit = check_integer("max_intervals", max_intervals, low=1)
    panels = min(limit, 1 + int(oscillation(direction).max() / 8))
    joints = np.linspace(0, 1, panels + 1)[1:-1]
    value, error, info = integrate.quad_vec(
        lambda t: first_order(theta + t * direction, direction), 0.0, 1.0, points=joints, quadrature="gk21",
        norm="max", epsabs=tolerance, epsrel=tolerance, limit=limit, full_output=True,
    )  # fmt: skip
    if not info.success and error > tolerance * max(1.0, np.abs(value).max()):
        raise NotConverged(
            f"path integral: error {error:.2g} after {info.neval} evaluations: {info.message}"
        )
    return PathIntegral(value=np.asarray(value), error=float(error), evaluations=int(info.neval))


# --------------------------------------------------------------------- how far the sign is certain


def oscillation(direction):
    """osc f = max_a f(a) - min_a f(a); (..., A) -> (...). Raises ValueError for a bare number."""
    direction = check_array("direction", direction)
    if direction.ndim == 0:
        raise ValueError("direction: shape (), expected at least one axis of actions")
    return np.ptp(direction, axis=-1)


def remainder_bound(direction):
    """osc(direction)^2 log(n) / 2 >= |H(pi_1) - H(pi_0) - first_order| for every policy;
    (..., n) -> (...).

    n >= 2. Source: prop-remainder-bound.
    """
    return oscillation(direction) ** 2 * np.log(np.shape(direction)[-1]) / 2


def certificate_radius(theta, adv):
    """2 |Cov_pi(log pi, adv)| / (osc(adv)^2 log n); (..., A) -> (...).

    For a smaller eta the entropy change has the sign of -Cov.
    0 where the advantage is constant (no change to certify). Source: cor-sign-certificate.
    """
    slope, unit = np.abs(first_order(theta, adv)), 2 * remainder_bound(adv)
    return np.divide(2 * slope, unit, where=unit > 0, out=np.zeros_like(slope))


def regression_slope(theta, adv, t):
    """beta_t = Cov_{pi_t}(log pi_0, adv) / Var_{pi_t}(adv), pi_t = softmax(theta + t adv);
    (..., A) -> (...).

    Entropy rises at t iff beta_t < -t. t is a number or an array that broadcasts against (...).
    NaN where the variance is 0. Source: prop-beta-criterion.
    """
    log_start = softmax.log_policy(theta)
    adv = check_array("adv", adv, log_start.shape)
    log_pi = dist.log_softmax(log_start + np.asarray(t)[..., None] * adv)
    variance = dist.variance(log_pi, adv)
    slope = np.full(np.shape(variance), np.nan)
    return np.divide(
        dist.covariance(log_pi, log_start, adv), variance, where=variance > 0, out=slope
    )


# ----------------------------------------------------------------------------------------- two models' logits


@dataclass(frozen=True)
class EntropyChange:
    """Entropy change between two softmax policies, per distribution; every field has shape (...), in nats.

    first_order   -Cov_old(log old, x), x = new logits - old logits           (thm-covariance-identity)
    second_order  first_order - (Var_old(x) + kappa_3(log old, x, x)) / 2     (prop-second-order)
    exact         H(new) - H(old)
    shift, kl     exact = shift - kl: -(E_new - E_old)[log old] and KL(new || old)    (thm-exact-identity)
    old_entropy, new_entropy
    """

    first_order: np.ndarray = field(repr=False)
    second_order: np.ndarray = field(repr=False)
    exact: np.ndarray = field(repr=False)
    shift: np.ndarray = field(repr=False)
    kl: np.ndarray = field(repr=False)
    old_entropy: np.ndarray = field(repr=False)
    new_entropy: np.ndarray = field(repr=False)


def entropy_change(old_logits, new_logits, *, block_entries=2**16):
    """H(softmax(new)) - H(softmax(old)), its Taylor predictions, the terms of its identity: `EntropyChange`.

    old_logits, new_logits: (..., n) of any real type, equal shapes; lists, arrays, memory maps. An entry may
    be -inf in both (an action masked out of both policies). A mask by a large finite number has to stand in
    both as well: in one alone, exact is right, but first_order and second_order predict nothing. Tensors go in as
    NumPy arrays on the CPU.
    block_entries bounds the working memory: blocks of whole distributions with about that many entries (at
    least one distribution) are read and worked on in float64, some twenty temporaries at a time, whatever the
    size of the batch. For chunks: one call a chunk.

    Accuracy: kl and shift are sums without cancellation between large numbers, so tiny changes keep their
    digits; exact is the better conditioned of shift - kl and H(new) - H(old): its error is a few rounding
    units times the smaller of kl + sum |terms of shift| and H(old) + H(new), times the |log-probability| of
    the actions that matter.

    Raises ValueError naming the first NaN, +inf or one-sided -inf, a row without a possible action, or shapes
    that differ.
    """
    old, new = _logit_pair(old_logits, new_logits)
    check_integer("block_entries", block_entries, low=1)
    *batch, n = old.shape
    count = int(np.prod(batch, dtype=int))
    out = np.empty((len(fields(EntropyChange)), count))
    rows = max(1, block_entries // n)
    for start in range(0, count, rows):
        flat = np.arange(start, min(start + rows, count))
        where = np.unravel_index(flat, batch) if batch else (None,)
        block = _checked_block(old[where], new[where], where if batch else ())
        out[:, flat] = _block_change(*block)
    return EntropyChange(*(x.reshape(batch)[()] for x in out))


def _logit_pair(old, new):
    """Both as arrays without a copy; refuses non-numbers, unequal shapes and empty axes."""
    old, new = _as_given("old_logits", old), _as_given("new_logits", new)
    for name, x in (("old_logits", old), ("new_logits", new)):
        if x.dtype.kind not in "fiu":
            raise ValueError(f"{name}: entries of type {x.dtype}, expected real numbers")
        if x.ndim == 0 or x.size == 0:
            raise ValueError(f"{name}: shape {x.shape}, expected (..., n) without an empty axis")
    if old.shape != new.shape:
        raise ValueError(f"new_logits: shape {new.shape}, but old_logits has {old.shape}")
    return old, new


def _as_given(name, x):
    """An array without a copy; a ragged list is refused by the argument's name."""
    try:
        return np.asarray(x)
    except ValueError as problem:
        raise ValueError(f"{name}: not an array of numbers ({problem})") from None


def _checked_block(old, new, where):
    """The rows in float64, actions masked in both set far below the rest; errors name the full index."""
    old, new = old.astype(float), new.astype(float)
    masked = np.isneginf(old) & np.isneginf(new)
    for name, x in (("old_logits", old), ("new_logits", new)):
        bad = np.argwhere(~(np.isfinite(x) | masked))
        if len(bad):
            index = [*(int(axis[bad[0, 0]]) for axis in where), int(bad[0, 1])]
            raise ValueError(f"{name}{index} = {x[tuple(bad[0])]}: must be finite, or -inf in both policies")
    if masked.any():
        if (empty := np.flatnonzero(masked.all(axis=-1))).size:
            index = [int(axis[empty[0]]) for axis in where]
            raise ValueError(f"old_logits{index or ''}: every action is masked out")
        for x in (old, new):
            # a million below the least possible action: probability exactly 0, and finite logarithms
            floor = np.min(x, axis=-1, where=~masked, initial=0.0) - 1e6
            np.copyto(x, floor[:, None], where=masked)
    return old, new


def _block_change(old, new):
    """The seven fields of `EntropyChange` for rows (rows, n) of finite logits."""
    log_p, log_q = dist.log_softmax(old), dist.log_softmax(new)
    p, q = np.exp(log_p), np.exp(log_q)
    old_entropy, new_entropy = -np.sum(p * log_p, axis=-1), -np.sum(q * log_q, axis=-1)
    x, u = _log_ratio(old, new, log_p, log_q, p)
    surprise = log_p + old_entropy[:, None]
    centred = x - np.sum(p * x, axis=-1, keepdims=True)
    first = -np.sum(p * surprise * centred, axis=-1)
    second = first - np.sum(p * centred**2 * (1 + surprise), axis=-1) / 2
    shifts = _difference(p, q, u) * surprise
    shift, kl = -shifts.sum(axis=-1), _divergence(p, q, u)
    definition_is_finer = old_entropy + new_entropy < np.abs(shifts).sum(axis=-1) + kl
    exact = np.where(definition_is_finer, new_entropy - old_entropy, shift - kl)
    return first, second, exact, shift, kl, old_entropy + 0.0, new_entropy + 0.0


def _log_ratio(old, new, log_p, log_q, p):
    """x = new - old less its value at the likeliest old action; u = log(q / p) = x - log E_p e^x."""
    top = np.argmax(log_p, axis=-1)[:, None]
    # the subtraction with its rounding error (Knuth): a common shift of all logits costs no digits
    high = new - old
    back = high + old
    low = (new - back) - (old - (back - high))
    x = (high - np.take_along_axis(high, top, -1)) + (low - np.take_along_axis(low, top, -1))
    # log(q / p) at that action: from log_softmax if large, else by log1p, as the logarithms may nearly agree
    jump = np.take_along_axis(log_q - log_p, top, -1)
    small = np.abs(jump) < 0.5
    near = np.abs(x) < 1
    tilted = np.exp(np.where(small & ~near, log_p + x, 0))
    terms = np.where(near, p * np.expm1(np.where(near, x, 0)), tilted - p)
    growth = np.sum(np.where(small, terms, 0), axis=-1, keepdims=True)
    u = x + np.where(small, -np.log1p(growth), jump)
    # an action that was likely and is (nearly) excluded now: x counts from it, and the differences of the others drown
    return x, np.where(np.abs(jump) > 32, log_q - log_p, u)


def _difference(p, q, u):
    """q - p = p (e^u - 1), by expm1 where the ratio is near 1."""
    near = np.abs(u) < 1
    return np.where(near, p * np.expm1(np.where(near, u, 0)), q - p)


# (k - 1) / k! for k = 13, ..., 2: the power series of 1 + (u - 1) e^u
_SERIES = tuple((k - 1) / float(np.prod(np.arange(1.0, k + 1))) for k in range(13, 1, -1))


def _divergence(p, q, u):
    """KL(q || p) = sum_a p(a) (1 + (u - 1) e^u), u = log(q / p): terms >= 0; by series where |u| < 1/4."""
    near = np.abs(u) < 0.25
    v = np.where(near, u, 0)
    series = np.zeros_like(v)
    for coefficient in _SERIES:
        series = series * v + coefficient
    return np.sum(np.where(near, p * series * v * v, q * u - (q - p)), axis=-1)
