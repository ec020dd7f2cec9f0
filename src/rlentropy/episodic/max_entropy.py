"""Maximum visitation entropy, exactly: max over policies of sum_h H(d_h), with a certified gap.

Theory (chapter 9). For potentials V (H, S), V_{H+1} = 0, let x_h(s, a) = (p_h V_{h+1})(s, a) - V_h(s) on the reachable
(h, s) and D(V) = V_1(s_1) + sum_h log sum_{s, a} exp x_h(s, a). For every V and every visitation d

    D(V) - sum_h H(d_h) = sum_h KL(d_h || softmax x_h) >= 0,

so any pair (V, d) is a certificate: the optimum lies in [sum_h H(d_h), D(V)]. Two Newton methods share one matrix,
X' diag(w) X with X V = x, applied without being formed inside conjugate gradients:

    dual    w = softmax x: minimises D. Cheap on environments that mix, from V = 0.
    primal  w = d, the exact visitation of a policy: maximises the entropy over policies. Needed where some states are
            almost unreachable, because there softmax x is far from every visitation while d is one at each step.

The iteration stops when D(V) - sum_h H(d_h) <= max(tol, 5e-13 sum_h H(d_h)) for the rolled-out policy: an absolute
tolerance, as far as rounding allows one.

Departure from the literature: the published oracle (Tiapkin et al. 2023, code) maximises the entropy of the *average*
visitation through a generic conic solver; that problem is `solve_average` here.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

from rlentropy.distributions import entropy, log_probabilities, logsumexp, softmax
from rlentropy.episodic import _visitation_kernels as kernels
from rlentropy.episodic import induction
from rlentropy.validation import (
    NotConverged,
    check_array,
    check_finite,
    check_integer,
    check_positive,
    check_shape,
    refuse,
)

METHODS = ("auto", "dual", "primal")
# Conjugate gradients stop at this relative residual in the primal method; a looser one lets far states drift.
PRIMAL_FORCING = 1e-3
# Two sums of the size of the optimum cannot be told apart below this relative difference.
ROUNDING = 5e-13


@dataclass(frozen=True, eq=False)
class Optimum:
    """Maximiser of the visitation entropy: the optimum lies in [value, value + gap].

    value       sum_h H(d_h) of ``visitation``, in nats
    gap         D(dual) - value >= 0: certified, differences below rounding are reported as 0
    policy      (H, S, A): optimal on reachable (h, s), uniform elsewhere
    visitation  (H, S, A): of ``policy``, rolled out exactly
    dual        (H, S): potentials V, 0 where unreachable
    iterations  Newton steps; linear_steps of conjugate gradients inside them
    method      "dual" or "primal": which Newton method finished
    bounds      (iterations + 1, 2): sum_h H(d_h) and the smallest D so far, at each step of that method
    """

    value: float
    gap: float
    policy: np.ndarray = field(repr=False)
    visitation: np.ndarray = field(repr=False)
    dual: np.ndarray = field(repr=False)
    iterations: int
    linear_steps: int
    method: str
    bounds: np.ndarray = field(repr=False)


@dataclass(frozen=True, eq=False)
class AverageOptimum:
    """Maximiser of the *average* visitation entropy H(mean_h d_h): the optimum lies in [value, value + gap].

    value, gap, policy (H, S, A), visitation (H, S, A) as in `Optimum`; the policy is in general not unique
    average     (S, A): mean over stages of the visitation, which is unique
    prices      (S, A): y with value + gap = max_d <mean_h d_h, y> + log sum exp(-y); 0 where never reached
    iterations  proximal steps; evaluations of the inner function
    """

    value: float
    gap: float
    policy: np.ndarray = field(repr=False)
    visitation: np.ndarray = field(repr=False)
    average: np.ndarray = field(repr=False)
    prices: np.ndarray = field(repr=False)
    iterations: int
    evaluations: int


# ------------------------------------------------------------------------------------------- the dual, for the reader


def potential_differences(mdp, V, *, drop_unreachable=True):
    """x_h(s, a) = (p_h V_{h+1})(s, a) - V_h(s), V_{H+1} = 0; shape (H, S) -> (H, S, A).

    -inf at unreachable (h, s), unless ``drop_unreachable`` is False. Source: eq-dual-x of chapter 9.
    """
    V = check_array("V", V, (mdp.H, mdp.S))
    ahead = [mdp.next_mean(h, V[h + 1]) for h in range(mdp.H - 1)] + [np.zeros((mdp.S, mdp.A))]
    x = np.array(ahead) - V[:, :, None]
    return np.where(mdp.reachable()[:, :, None], x, -np.inf) if drop_unreachable else x


def dual_value(mdp, V, *, drop_unreachable=True):
    """D(V) = V_1(s_1) + sum_h log sum_{s, a} exp x_h(s, a) over reachable (h, s): at least the optimum, for every V.

    V (H, S); its entries at unreachable (h, s) do not matter, unless ``drop_unreachable`` is False: then the sum runs
    over all (h, s), is still an upper bound, and does not attain the optimum. Source: thm-dual-gap, thm-strong-duality.
    """
    x = potential_differences(mdp, V, drop_unreachable=drop_unreachable)
    return float(np.asarray(V)[0, mdp.start] + logsumexp(x.reshape(mdp.H, -1)).sum())


def policy_of_potentials(mdp, V):
    """pi^V_h(a|s) ~ exp (p_h V_{h+1})(s, a): shape (H, S, A), uniform at unreachable (h, s).

    Feasible for every V (H, S), optimal at the minimiser of the dual. Source: thm-strong-duality (iii).
    """
    x = potential_differences(mdp, V)
    return softmax(np.where(np.isneginf(x), 0.0, x))


def potentials_of_visitation(mdp, d):
    """V_h(s) = -log d_h(s) + log sum_a exp (p_h V_{h+1})(s, a): one soft backup with state reward -log d_h(s).

    d (H, S, A), a visitation that charges every reachable (h, s); V (H, S), 0 at unreachable (h, s).
    Then D(V) - sum_h H(d_h) = sum_h E_{s ~ d_h} KL(pi_h(.|s) || pi^V_h(.|s)), pi the policy of d.
    Raises ValueError if a reachable (h, s) has no mass. Source: cor-mvee-soft-optimal.
    """
    mass = check_array("d", d, (mdp.H, mdp.S, mdp.A)).sum(axis=2)
    reach = mdp.reachable()
    refuse("the mass d", mass, reach & ~(mass > 0), "every reachable (stage, state) needs some")
    V = np.zeros((mdp.H, mdp.S))
    for h in reversed(range(mdp.H)):
        ahead = mdp.next_mean(h, V[h + 1]) if h + 1 < mdp.H else np.zeros((mdp.S, mdp.A))
        V[h] = np.where(reach[h], logsumexp(ahead) - np.log(np.where(reach[h], mass[h], 1.0)), 0.0)
    return V


def certificate(mdp, d_bar):
    """U(d_bar) = max over policies of <d, log 1/d_bar>, by one backward induction: an upper bound of the optimum.

    d_bar (H, S, A) >= 0 with stage sums at most 1 (a sub-probability will do). Infinite if d_bar vanishes at a
    reachable (h, s, a) that a policy can be made to visit; unreachable entries do not matter.
    Raises ValueError for a negative entry or a stage that sums to more than 1. Source: cor-certificate.
    """
    d_bar = check_array("d_bar", d_bar, (mdp.H, mdp.S, mdp.A))
    refuse("d_bar", d_bar, d_bar < 0, "a prediction cannot be negative")
    totals = d_bar.sum(axis=(1, 2))
    refuse("the mass d_bar", totals, totals > 1 + 1e-9, "more than 1")
    reward = np.where(mdp.reachable()[:, :, None], -log_probabilities(d_bar), 0.0)
    return induction.best_response(mdp, reward)[0]


# -------------------------------------------------------------------------------------------------- the exact solver


def solve(mdp, *, tol=1e-10, max_iterations=100, method="auto"):
    """max over policies of sum_h H(d_h) of an `EpisodicMDP`; returns an `Optimum`: gap <= max(tol, 5e-13 value).

    method  "dual", "primal", or "auto": dual, and primal if the dual one makes no quick progress.
    Raises NotConverged, with the gap reached, after ``max_iterations`` Newton steps; ValueError for bad arguments.
    Source: thm-strong-duality, cor-mvee-soft-optimal (the certificate).
    """
    tol, limit = check_positive("tol", tol), check_integer("max_iterations", max_iterations, low=1)
    if method not in METHODS:
        raise ValueError(f"method = {method!r}: must be one of {', '.join(METHODS)}")
    reach = mdp.reachable()
    net = kernels.network(mdp, reach)
    search = _Search(net, tol, "primal" if method == "primal" else "dual")
    done = method != "primal" and _dual_newton(net, search, limit, patience=method == "auto")
    if not done and method != "dual":
        search = _Search(net, tol, "primal", search.linear_steps)
        done = _primal_newton(net, search, limit)
    if not done:
        low, high = search.bounds[-1]
        raise NotConverged(
            f"{search.method} Newton: gap {high - low:.3g} after {len(search.bounds) - 1} iterations, "
            f"wanted {tol:g} at entropy {low:.6g}"
        )
    return search.result(mdp, reach)


class _Search:
    """Best bounds found so far: the state of one run, private to `solve`."""

    def __init__(self, net, tol, method, linear_steps=0):
        self.net, self.tol, self.method, self.linear_steps = net, tol, method, linear_steps
        self.upper, self.bounds, self.potentials, self.d = np.inf, [], None, None

    def offer(self, V, upper):
        if upper < self.upper:
            self.upper, self.potentials = upper, V.copy()

    def certified(self, d, lower):
        """Note the visitation d of entropy ``lower``, improve the upper bound by its soft backup; close enough?"""
        V, scratch = np.empty(len(d)), np.empty(d.shape)
        kernels.soft_potentials(self.net, d, V)
        self.offer(V, _dual(self.net, V, scratch, scratch))
        self.d, self.lower = d, lower
        self.bounds.append((lower, self.upper))
        return self.upper - lower <= max(self.tol, ROUNDING * lower)

    def result(self, mdp, reach):
        d = np.zeros((mdp.H, mdp.S, mdp.A))
        pi, V = np.full(d.shape, 1.0 / mdp.A), np.zeros(reach.shape)
        mass = self.d.sum(axis=1, keepdims=True)
        d[reach], V[reach] = self.d, self.potentials
        pi[reach] = np.divide(self.d, mass, out=np.full(self.d.shape, 1.0 / mdp.A), where=mass > 0)
        return Optimum(
            value=float(self.lower), gap=float(max(self.upper - self.lower, 0.0)), policy=pi, visitation=d, dual=V,
            iterations=len(self.bounds) - 1, linear_steps=self.linear_steps, method=self.method,
            bounds=np.array(self.bounds),
        )  # fmt: skip


def _dual(net, V, x, q):
    """D(V); fills x = X V and q = softmax x (which may share memory)."""
    kernels.differences(net, V, x)
    return V[0] + kernels.stage_softmax(net, x, q)


def _dual_newton(net, search, limit, patience=False):
    """Minimise D from V = 0; False if not certified within ``limit`` steps.

    With ``patience`` it gives up as soon as a step has to be shortened below 1/8 or 15 steps were not enough.
    """
    N = len(net.state)
    V, u, gradient = np.zeros(N), np.empty(N), np.empty(N)
    x, q = np.empty((N, net.A)), np.empty((N, net.A))
    value = _dual(net, V, x, q)
    for iteration in range(limit + 1):
        d = np.empty((N, net.A))
        search.offer(V, value)
        if search.certified(d, kernels.roll_out(net, x, d)):
            return True
        if iteration == limit or (patience and iteration == 15):
            return False
        kernels.adjoint(net, q, gradient, 1)
        gradient[0] += 1.0
        forcing = min(0.3, np.sqrt(np.linalg.norm(gradient)))
        search.linear_steps += kernels.conjugate_gradients(net, q, -gradient, forcing, 20 * N + 100, u)
        slope, step = gradient @ u, 1.0
        while (trial := _dual(net, V + step * u, x, q)) > value + 1e-4 * step * slope + 1e-14 * abs(value):
            step /= 2
            if step < (0.125 if patience else 1e-10):
                return False
        V, value = V + step * u, trial
    return False


def _primal_newton(net, search, limit):
    """Maximise sum_h H(d_h) over policies from the uniform one; False if not certified within ``limit`` steps.

    The Newton direction is the weighted least-squares fit of log d by X V: a policy with logits X V. The step is taken
    in the logits, so every iterate is a policy; it is halved until the entropy does not fall, and the linear solve
    is sharpened whenever a full step failed or the gap fell by less than a factor 10.
    """
    N = len(net.state)
    V, u, image, target = np.zeros(N), np.empty(N), np.empty(N), np.empty(N)
    logits, x, forcing = np.zeros((N, net.A)), np.empty((N, net.A)), PRIMAL_FORCING
    d = np.empty((N, net.A))
    value = kernels.roll_out(net, logits, d)
    for _ in range(limit):
        if search.certified(d, value):
            return True
        if len(search.bounds) > 2 and 10 * -np.subtract(*search.bounds[-1]) > -np.subtract(*search.bounds[-2]):
            forcing = max(forcing / 10, 1e-12)
        kernels.adjoint(net, d * (np.log(np.maximum(d, kernels.TINY)) + 1.0), target, 1)
        kernels.curvature(net, d, V, image)
        search.linear_steps += kernels.conjugate_gradients(net, d, target - image, forcing, 20 * N + 100, u)
        kernels.differences(net, V + u, x)
        step, trial_d = 1.0, np.empty((N, net.A))
        while (trial := kernels.roll_out(net, (1 - step) * logits + step * x, trial_d)) < value - 1e-14 * abs(value):
            step /= 2
            if step < 1e-10:
                return False
        forcing = forcing if step == 1.0 else max(forcing / 10, 1e-12)
        logits, V, d, value = (1 - step) * logits + step * x, V + step * u, trial_d, trial
    return search.certified(d, value)


# ------------------------------------------------------------------------------------ entropy of the average visitation


def solve_average(mdp, *, tol=1e-6, max_iterations=60, inner_iterations=400):
    """max over policies of H(mean_h d_h) of an `EpisodicMDP`; an `AverageOptimum` with gap <= tol.

    Proximal point method in the policy: each step maximises H(mean_h d_h) - (tau/H) sum_h E KL(pi_h || previous pi_h),
    whose dual in the prices y (S, A) is smooth,

        (1/H) V^tau_1(s_1; y) + log sum_{s, a} exp(-y(s, a)),        V^tau: soft values around the previous policy,

    and is minimised by L-BFGS; tau halves at each step. With tau = 0 the same expression bounds the optimum from above
    for every y: that, minus the entropy reached, is the certified gap.
    Raises NotConverged, with the gap reached; ValueError for bad arguments. Source: prop-average-dual.
    """
    tol, limit = check_positive("tol", tol), check_integer("max_iterations", max_iterations, low=1)
    inner = check_integer("inner_iterations", inner_iterations, low=1)
    problem = _AverageProblem(mdp)
    tau, best = 1.0, (np.inf, None)
    for iteration in range(1, limit + 1):
        problem.proximal_step(tau, inner)
        best = min(best, (problem.upper(), problem.y.copy()), key=lambda bound: bound[0])
        value = float(entropy(log_probabilities(problem.average.ravel())))
        if best[0] - value <= max(tol, ROUNDING * value):
            return problem.result(value, best, iteration)
        tau /= 2
    raise NotConverged(f"proximal steps: gap {best[0] - value:.3g} after {limit} steps, wanted {tol:g}")


class _AverageProblem:
    """State of one run of `solve_average`, private to it."""

    def __init__(self, mdp):
        self.mdp, self.reach = mdp, mdp.reachable()
        self.net = kernels.network(mdp, self.reach)
        self.pairs = self.reach.any(axis=0)
        self.log_pi = np.full((len(self.net.state), mdp.A), -np.log(mdp.A))
        self.d = np.empty(self.log_pi.shape)
        self.evaluations = 0
        self._visit(self.log_pi)
        self.y = np.zeros((mdp.S, mdp.A))
        self.y[self.pairs] = -np.log(np.maximum(self.average[self.pairs], kernels.TINY))

    def _visit(self, log_pi):
        kernels.roll_out(self.net, log_pi, self.d)
        self.average = np.zeros((self.mdp.S, self.mdp.A))
        kernels.pool(self.net, self.d, self.average)

    def _smooth_dual(self, y, prior, tau):
        """Value and gradient (average visitation of the soft policy minus softmax(-y)) at prices y on reached pairs."""
        self.evaluations += 1
        self.y[self.pairs] = y
        value = kernels.proximal_values(self.net, self.y, prior, tau, self.log_pi) / self.mdp.H
        self._visit(self.log_pi)
        return value + float(logsumexp(-y.ravel())), self.average[self.pairs] - softmax(-y.ravel()).reshape(y.shape)

    def proximal_step(self, tau, inner_iterations):
        # each price is measured in units of 1/sqrt(its mass), which evens out the curvature of log sum exp
        shape = self.y[self.pairs].shape
        scale = 1.0 / np.sqrt(np.maximum(self.average[self.pairs], 1e-12))
        prior = self.log_pi.copy()

        def scaled(z):
            value, slope = self._smooth_dual(z.reshape(shape) * scale, prior, tau)
            return value, (slope * scale).ravel()

        options = {"maxiter": inner_iterations, "maxcor": 20, "ftol": 0.0, "gtol": 1e-9}
        found = minimize(scaled, (self.y[self.pairs] / scale).ravel(), jac=True, method="L-BFGS-B", options=options)
        self._smooth_dual(found.x.reshape(shape) * scale, prior, tau)

    def upper(self):
        best_response = kernels.proximal_values(self.net, self.y, self.log_pi, 0.0, self.log_pi)
        return float(best_response / self.mdp.H + logsumexp(-self.y[self.pairs].ravel()))

    def result(self, value, best, iterations):
        d = np.zeros((self.mdp.H, self.mdp.S, self.mdp.A))
        pi = np.full(d.shape, 1.0 / self.mdp.A)
        d[self.reach], pi[self.reach] = self.d, np.exp(self.log_pi)
        return AverageOptimum(
            value=value, gap=max(best[0] - value, 0.0), policy=pi, visitation=d, average=self.average,
            prices=best[1], iterations=iterations, evaluations=self.evaluations,
        )  # fmt: skip


def average_dual_value(mdp, y):
    """max over policies of <mean_h d_h, y> + log sum_{s, a} exp(-y(s, a)): at least max H(mean_h d_h), for every y.

    y (S, A). The sum runs over the states that are reachable at some stage; entries of y elsewhere do not matter.
    Source: prop-average-dual.
    """
    y = check_finite("y", check_shape("y", np.asarray(y, dtype=float), (mdp.S, mdp.A)))
    reach = mdp.reachable().any(axis=0)
    value, _ = induction.best_response(mdp, np.broadcast_to(y, (mdp.H, mdp.S, mdp.A)))
    return float(value / mdp.H + logsumexp(-y[reach].ravel()))
