"""The law R = b - a exp(H / alpha): reward against entropy along natural policy gradient on a
bandit.

NPG on a bandit moves along pi_t proportional to pi_0 exp(t r),
whatever the step sizes (t is their sum).
All functions work with the gaps x = b - r >= 0 to the best reward b:
b - R_t suffers cancellation, E[x] does not.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from rlentropy import distributions as dist
from rlentropy._bisection import bisect
from rlentropy._types import Floats
from rlentropy.results import result
from rlentropy.validation import (
    as_array,
    check_array,
    check_choice,
    check_integer,
    check_interval,
    check_nonnegative,
    check_number,
    check_positive,
    no_overflow,
    refuse,
)


@result
class LawPath:
    """NPG on a bandit at the times t (T,): gap b - R_t, policy entropy H_t (nats), variance of r
    under pi_t, and the local exponent t (t + beta_t) Var_t(r) = -dH / d log t, which is alpha where
    the law holds.
    """

    t: np.ndarray
    gap: np.ndarray
    policy_entropy: np.ndarray
    variance: np.ndarray
    exponent: np.ndarray


def law_path(gaps: ArrayLike, t: ArrayLike, *, log_start: ArrayLike | None = None) -> LawPath:
    """`LawPath` for arms with the given gaps (K,), at the times t (T,),
    from exp(log_start) (default uniform).

    R_t = b - E_t[x], H_t = H(pi_t), dH/dt = -(t + beta_t) Var_t(r),
    beta_t Var_t(r) = Cov_t(log pi_0, r).
    Raises ValueError for a negative gap, or a time that is negative or not finite.
    Source: thm-law-slope.
    """
    gaps, times = _nonnegative("gaps", gaps), _nonnegative("t", t)
    log_start = (
        np.zeros(gaps.size)
        if log_start is None
        else check_array("log_start", log_start, gaps.shape)
    )
    with no_overflow("gaps or t"):
        rows = [_moments(gaps, log_start, time) for time in times]
    gap, policy_entropy, variance, start_covariance = map(np.array, zip(*rows, strict=True))
    exponent = times * (times * variance + start_covariance)
    return LawPath(
        t=times, gap=gap, policy_entropy=policy_entropy, variance=variance, exponent=exponent
    )


def _nonnegative(name: str, x: ArrayLike) -> Floats:
    x = check_array(name, x, (None,))
    refuse(name, x, x < 0, "must not be negative")
    return x


def _moments(gaps: Floats, log_start: Floats, time: float) -> tuple[Any, ...]:
    """At one time: mean gap, entropy, variance of the gap, Cov(log pi_0, r) = -Cov(log pi_0, x)."""
    log_pi = dist.log_softmax(log_start - time * gaps)
    pi = np.exp(log_pi)
    mean = pi @ gaps
    centred = gaps - mean
    return mean, dist.entropy(log_pi), pi @ centred**2, -(pi @ (centred * log_start))


def quantile_gaps(arms: int, alpha: float) -> Floats:
    """x_i = ((i - 1/2) / K)^(1 / alpha): gaps of K arms at the mid-quantiles of N(x) = Pr(gap <= x)
    = x^alpha.

    Near the best arm the density of gaps is alpha x^(alpha - 1), so C = 1 in thm-law-tauberian.
    """
    K = check_integer("arms", arms, low=2)
    return ((np.arange(K) + 0.5) / K) ** (1 / check_positive("alpha", alpha))


def law_amplitude(arms: int, alpha: float, *, density: float = 1.0) -> float:
    """a = alpha / (e (K C Gamma(alpha + 1))^(1 / alpha)):
    the amplitude of the law for N(x) ~ C x^alpha among K arms.

    density is C. Source: thm-law-tauberian.
    """
    alpha = check_positive("alpha", alpha)
    K = check_integer("arms", arms, low=1)
    log_mass = np.log(K) + np.log(check_positive("density", density)) + special.gammaln(alpha + 1)
    return float(alpha * np.exp(-1 - log_mass / alpha))


@result
class LawFit:
    """A fitted law R = b - a exp(rate * H) with the rate 1 / alpha,
    and the largest residual of what was fitted.
    """

    b: float
    a: float
    rate: float
    residual: float


def fit_rate(policy_entropy: ArrayLike, gap: ArrayLike, *, b: float = 0.0) -> LawFit:
    """Least squares of log(b - R) on H, with the best reward b known: R = b - a exp(rate H).
    Arrays (T,); a `LawFit`.

    gap is b - R > 0. Raises ValueError for a gap that is not positive,
    or a window without two different entropies.
    """
    entropies = _window(policy_entropy)
    gap = check_array("gap", gap, entropies.shape)
    refuse("gap", gap, ~(gap > 0), "its logarithm is fitted, so it must be greater than 0")
    log_gap = np.log(gap)
    rate, log_a = np.polyfit(entropies, log_gap, 1)
    residual = float(np.abs(log_gap - log_a - rate * entropies).max())
    return LawFit(
        b=check_number("b", b), a=float(np.exp(log_a)), rate=float(rate), residual=residual
    )


def fit_ceiling(policy_entropy: ArrayLike, reward: ArrayLike, *, alpha: float = 1.0) -> LawFit:
    """Least squares of R on (1, exp(H / alpha)), alpha given:
    R = b - a exp(H / alpha), the published fit.

    Arrays (T,); a `LawFit`. The extrapolated reward at H = 0 is b - a.
    Raises ValueError for a window without two different entropies,
    or one in which exp(H / alpha) overflows.
    Source: Cui et al. (2025), equation (6), which is alpha = 1.
    """
    entropies = _window(policy_entropy)
    reward = check_array("reward", reward, entropies.shape)
    alpha = check_positive("alpha", alpha)
    refuse(
        "policy_entropy",
        entropies,
        entropies / alpha > 700,
        f"exp(H / alpha) overflows, alpha = {alpha}",
    )
    columns = np.stack([np.ones_like(entropies), -np.exp(entropies / alpha)], axis=1)
    (b, a), _, rank, _ = np.linalg.lstsq(columns, reward, rcond=None)
    if rank < 2:
        raise ValueError(
            "policy_entropy: the entropies of the window are too close to tell b from a"
        )
    return LawFit(
        b=float(b),
        a=float(a),
        rate=1 / alpha,
        residual=float(np.abs(reward - columns @ [b, a]).max()),
    )


def _window(policy_entropy: ArrayLike) -> Floats:
    """Entropies (T,) to which a line can be fitted."""
    if as_array("policy_entropy", policy_entropy).size == 0:
        raise ValueError("policy_entropy: the window is empty")
    entropies = check_array("policy_entropy", policy_entropy, (None,))
    if np.ptp(entropies) == 0:
        found = f"{entropies.size} points, all at {entropies[0]}"
        raise ValueError(f"policy_entropy: {found}; a fit needs two different entropies")
    return entropies


def geometric_law(mean_index: ArrayLike) -> tuple[Floats, Floats]:
    """Entropy H and error E = e^(H-1) - m - 1/2 of the geometric distribution with mean m >= 0;
    (T,) -> two (T,).

    H(m) = (1 + m) log(1 + m) - m log m. For arms with gaps 0, delta, 2 delta, ... the law misses by
    delta E(m).
    Both accurate to rounding for every m, also where E is tiny (about -1 / (24 m) for large m).
    Source: thm-law-equispaced.
    """
    m = _nonnegative("mean_index", mean_index)
    small = np.minimum(m, 1.0)
    large = np.maximum(m, 1.0)
    # two terms of equal sign on either side of m = 1
    policy_entropy = np.where(
        m < 1,
        special.xlog1py(1 + small, small) - special.xlogy(small, small),
        np.log(large) + (1 + large) * np.log1p(1 / large),
    )
    # v = 1 / (2m + 1): H - 1 - log(m + 1/2) = arctanh(v) / v + log(1 - v^2) / 2 - 1;
    # its series where that cancels
    v = 0.5 / (m + 0.5)
    k = np.arange(1, 9)[:, None]
    series = np.sum(v ** (2 * k) * (1 / (2 * k + 1) - 1 / (2 * k)), axis=0)
    excess = np.where(v < 0.1, series, policy_entropy - 1 - np.log(m + 0.5))
    return policy_entropy, (m + 0.5) * np.expm1(excess)


def verifiable_curve(success: ArrayLike, *, right: float, wrong: float) -> Floats:
    """H = h_2(R) + R H_right + (1 - R) H_wrong:
    entropy against the success probability R, rewards 0 or 1; (T,).

    success       R in [0, 1]
    right, wrong  entropies (nats, >= 0) of the policy among right and among wrong answers
    Source: thm-law-verifiable.
    """
    R = check_array("success", success, (None,))
    refuse("success", R, (R < 0) | (R > 1), "a probability lies in [0, 1]")
    right, wrong = check_nonnegative("right", right), check_nonnegative("wrong", wrong)
    return _verifiable(R, right, wrong)


def _verifiable(R: Floats, right: float, wrong: float) -> Floats:
    return dist.binary_entropy(R) + R * right + (1 - R) * wrong


@result
class FittedCurve:
    """One curve of reward against entropy, fitted by least squares, with standard errors.

    parameters, errors  (b, a) of line and exponential, (H_right, H_wrong) of verifiable
    rms                 root mean square of the residuals, in units of reward
    ceiling             the reward at the end of the curve: b, b - a, or 1; ceiling_error its
                        standard error
    """

    parameters: np.ndarray
    errors: np.ndarray
    rms: float
    ceiling: float
    ceiling_error: float


@result
class LawComparison:
    """Line, exponential and verifiable curve on one window.

    curves   {name: FittedCurve}; verifiable is left out if a reward is outside [0, 1]
    weights  {name: Akaike weight}, which add up to 1: near 1 is decided, near equal undecided
    span     share of the largest entropy that the window spans
    """

    curves: dict[str, FittedCurve]
    weights: dict[str, float]
    span: float

    @property
    def best(self) -> str:
        """Name of the curve with the smallest residuals."""
        return max(self.weights, key=lambda name: self.weights[name])


FEWEST = 8
LEAST_SPAN = 0.25


def fit_law(
    policy_entropy: ArrayLike, reward: ArrayLike, *, least_span: float = LEAST_SPAN
) -> LawComparison:
    """Three curves of reward against entropy compared on one window; arrays (T,).

        line         R = b - a H
        exponential  R = b - a e^H, the published law
        verifiable   H = h_2(R) + R H_right + (1 - R) H_wrong, rewards 0 or 1, on the branch on
                     which H falls as R rises

    Least squares in R; the standard errors take the residuals as independent and of one size,
    which a smooth curve through the wrong points is not: read them beside ``rms``. The Akaike
    weights are exp(-AIC / 2), AIC = T log(rss / T), since every curve has two parameters.
    Raises ValueError for a window that is too short to choose: fewer than eight points, or
    entropies that span less than ``least_span`` of the largest one.
    Source: thm-law-verifiable for the third; Cui et al. (2025), equation (6), for the second.
    """
    entropies = _window(policy_entropy)
    reward = check_array("reward", reward, entropies.shape)
    refuse("reward", reward, np.abs(reward) > 1e100, "no double holds its square")
    refuse("policy_entropy", entropies, entropies < 0, "must not be negative")
    refuse("policy_entropy", entropies, entropies > 700, "exp(H) overflows")
    span = float(np.ptp(entropies) / entropies.max())
    if entropies.size < FEWEST:
        raise ValueError(f"policy_entropy: {entropies.size} points, at least {FEWEST} are needed")
    if span < check_interval("least_span", least_span, 0, 1):
        raise ValueError(
            f"policy_entropy: the window spans {span:.0%} of the largest entropy, too short to "
            f"tell the curves apart (least_span = {least_span:g})"
        )
    curves = {
        "line": _fit_linear(entropies, reward, at_end=0.0),
        "exponential": _fit_linear(np.exp(entropies), reward, at_end=1.0),
    }
    if np.all((reward >= 0) & (reward <= 1)):
        curves["verifiable"] = _fit_verifiable(entropies, reward)
    floor = np.finfo(float).eps
    aic = {name: 2 * len(reward) * np.log(max(c.rms, floor)) for name, c in curves.items()}
    weights = np.exp((min(aic.values()) - np.array(list(aic.values()))) / 2)
    weights = dict(zip(curves, (float(w) for w in weights / weights.sum()), strict=True))
    return LawComparison(curves=curves, weights=weights, span=span)


def _fit_linear(x: Floats, reward: Floats, *, at_end: float) -> FittedCurve:
    """R = b - a x, and the ceiling b - a ``at_end``."""
    columns = np.stack([np.ones_like(x), -x], axis=1)
    found = np.linalg.lstsq(columns, reward, rcond=None)[0]
    scatter = np.sum((reward - columns @ found) ** 2) / (len(x) - 2)
    covariance = scatter * np.linalg.inv(columns.T @ columns)
    at = np.array([1.0, -at_end])
    return FittedCurve(
        parameters=found,
        errors=np.sqrt(np.diag(covariance)),
        rms=_rms(reward - columns @ found),
        ceiling=float(at @ found),
        ceiling_error=float(np.sqrt(at @ covariance @ at)),
    )


def _fit_verifiable(entropies: Floats, reward: Floats) -> FittedCurve:
    """H_right and H_wrong: first by the curve itself, linear in both; then least squares in R."""
    columns = np.stack([reward, 1 - reward], axis=1)
    binary = dist.binary_entropy(reward)
    start = np.maximum(np.linalg.lstsq(columns, entropies - binary, rcond=None)[0], 0)
    found, covariance = optimize.curve_fit(_success_at, entropies, reward, p0=start)
    return FittedCurve(
        parameters=found,
        errors=np.sqrt(np.diag(covariance)),
        rms=_rms(reward - _success_at(entropies, *found)),
        ceiling=1.0,
        ceiling_error=0.0,
    )


def _success_at(entropies: Floats, right: float, wrong: float) -> Floats:
    """The R at which `verifiable_curve` has these entropies, on its falling branch; (T,).

    H is largest at R = 1 / (1 + exp(wrong - right)), where larger entropies are put, and falls to
    ``right`` at R = 1, where smaller ones are put.
    """
    largest = np.full(entropies.shape, special.expit(right - wrong))
    low, high = bisect(
        lambda R: _verifiable(R, right, wrong) > entropies,
        largest,
        np.ones(entropies.shape),
        steps=60,
    )
    return (low + high) / 2


def _rms(residuals: Floats) -> float:
    return float(np.sqrt(np.mean(residuals**2)))


@result
class LawRun:
    """Gradient ascent on a bandit: reward R_k and policy entropy H_k (nats), arrays (K + 1,)."""

    reward: np.ndarray
    policy_entropy: np.ndarray


def law_run(
    rewards: ArrayLike,
    theta: ArrayLike,
    *,
    eta: float,
    iterations: int,
    gradient: str = "natural",
) -> LawRun:
    """Reward and policy entropy along gradient ascent on a bandit from logits theta (A,),
    a `LawRun`.

    ``natural``: theta += eta (r - R).  ``vanilla``: theta += eta pi (r - R).
    Source: prop-vanilla-pg for the second.
    """
    check_choice("gradient", gradient, ("natural", "vanilla"))
    r = check_array("rewards", rewards, (None,))
    theta = check_array("theta", theta, r.shape)
    eta = check_positive("eta", eta)
    K = check_integer("iterations", iterations)
    path = np.empty((K + 1, 2))
    for k in range(K + 1):
        log_pi = dist.log_softmax(theta)
        pi = np.exp(log_pi)
        path[k] = pi @ r, dist.entropy(log_pi)
        theta = theta + eta * (r - path[k, 0]) * (pi if gradient == "vanilla" else 1.0)
    return LawRun(*path.T)
