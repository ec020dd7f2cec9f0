"""Maximum visitation entropy, exactly: max over policies of sum_h H(d_h), with a certified gap.

Theory (chapter 9). For potentials V (H, S), V_{H+1} = 0, let x_h(s, a) = (p_h V_{h+1})(s, a) -
V_h(s) on the reachable (h, s) and D(V) = V_1(s_1) + sum_h log sum_{s, a} exp x_h(s, a). For every V
and every visitation d

    D(V) - sum_h H(d_h) = sum_h KL(d_h || softmax x_h) >= 0,

so any pair (V, d) is a certificate: the optimum lies in [sum_h H(d_h), D(V)]. Two Newton methods
share one matrix, X' diag(w) X with X V = x, applied without being formed inside conjugate
gradients:

    dual    w = softmax x: minimises D. Cheap on environments that mix, from V = 0.
    primal  w = d, the exact visitation of a policy: maximises the entropy over policies. Needed
            where some states are almost unreachable, because there softmax x is far from every
            visitation while d is one at each step.

Neither is proved to converge from every start. Mirror ascent (`mirror_ascent`) is, at a rate that
does not know the kernel; it goes on from the best policy where Newton's methods give up.

The iteration stops when D(V) - sum_h H(d_h) <= max(tol, 5e-13 sum_h H(d_h)) for the rolled-out
policy: an absolute tolerance, as far as rounding allows one. Both ends are computed anew, by the
plain functions, before a result is given.

Departure from the literature: the published oracle (Tiapkin et al. 2023, code) maximises the
entropy of the *average* visitation through a generic conic solver; that problem is `solve_average`.
"""

import math
from functools import partial
from itertools import count

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Bools, Floats
from rlentropy.distributions import log_probabilities, logsumexp, softmax
from rlentropy.episodic import induction
from rlentropy.episodic.max_entropy import _kernels as kernels
from rlentropy.episodic.max_entropy._bracket import Bracket, Steps
from rlentropy.episodic.max_entropy.mirror import ascend, full_policy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import push_forward, visitation_entropy
from rlentropy.results import result
from rlentropy.validation import (
    check_array,
    check_choice,
    check_flag,
    check_kind,
    no_overflow,
    refuse,
)

METHODS = ("auto", "dual", "primal", "mirror")
NEWTON_STEPS = 100
# Conjugate gradients stop at this relative residual in the primal method; a looser one lets far
# states drift.
PRIMAL_FORCING = 1e-3
# Linear steps a stage after which mirror ascent, at about a third of their price, would long have
# got there.
LINEAR_STEPS = 60


@result
class Optimum:
    """Maximiser of the visitation entropy: the optimum lies in [value, value + gap].

    value       sum_h H(d_h) of ``visitation``, in nats
    gap         D(dual) - value >= 0: certified, differences below rounding are reported as 0
    policy      (H, S, A): optimal on reachable (h, s), uniform over available actions elsewhere
    visitation  (H, S, A): of ``policy``, rolled out exactly
    dual        (H, S): potentials V, 0 where unreachable
    iterations  steps of the method that finished; linear_steps of conjugate gradients in all
    method      "dual", "primal" or "mirror": which one finished
    bounds      (iterations + 1, 2): sum_h H(d_h) and the smallest D so far, at each step of that
                method
    """

    value: float
    gap: float
    policy: Floats
    visitation: Floats
    dual: Floats
    iterations: int
    linear_steps: int
    method: str
    bounds: Floats


# ------------------------------------------------------------------------- the dual, for the reader


def potential_differences(
    mdp: EpisodicMDP, V: ArrayLike, *, drop_unreachable: bool = True
) -> Floats:
    """x_h(s, a) = (p_h V_{h+1})(s, a) - V_h(s), V_{H+1} = 0; shape (H, S) -> (H, S, A).

    -inf at unavailable actions, and at unreachable (h, s) unless ``drop_unreachable`` is False.
    Source: eq-dual-x of chapter 9.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    x = _all_differences(mdp, check_array("V", V, (mdp.H, mdp.S)))
    kept = check_flag("drop_unreachable", drop_unreachable)
    return np.where(mdp.reachable()[:, :, None], x, -np.inf) if kept else x


def _all_differences(mdp: EpisodicMDP, V: Floats) -> Floats:
    ahead = [mdp.next_mean(h, V[h + 1]) for h in range(mdp.H - 1)] + [np.zeros((mdp.S, mdp.A))]
    with no_overflow("V"):
        return np.where(mdp.available, np.array(ahead) - V[:, :, None], -np.inf)


def dual_value(mdp: EpisodicMDP, V: ArrayLike, *, drop_unreachable: bool = True) -> float:
    """D(V) = V_1(s_1) + sum_h log sum_{s, a} exp x_h(s, a) over reachable (h, s) and available a:
    at least the optimum, for every V.

    V (H, S); its entries at unreachable (h, s) do not matter, unless ``drop_unreachable`` is False:
    then the sum runs over all (h, s), is still an upper bound, and does not attain the optimum.
    Source: thm-dual-gap, thm-strong-duality.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    V = check_array("V", V, (mdp.H, mdp.S))
    kept = check_flag("drop_unreachable", drop_unreachable)
    return _dual_value(mdp, V, mdp.reachable() if kept else np.ones(V.shape, dtype=bool))


def _dual_value(mdp: EpisodicMDP, V: Floats, kept: Bools) -> float:
    x = np.where(kept[:, :, None], _all_differences(mdp, V), -np.inf)
    return float(mdp.start_mean(V[0]) + logsumexp(x.reshape(mdp.H, -1)).sum())


def policy_of_potentials(mdp: EpisodicMDP, V: ArrayLike) -> Floats:
    """pi^V_h(a|s) ~ exp (p_h V_{h+1})(s, a) over available actions: shape (H, S, A), uniform at
    unreachable (h, s).

    Feasible for every V (H, S), optimal at the minimiser of the dual. Source: thm-strong-duality
    (iii).
    """
    check_kind("mdp", mdp, EpisodicMDP)
    x = np.where(mdp.reachable()[:, :, None], potential_differences(mdp, V), 0.0)
    return softmax(np.where(mdp.available, x, -np.inf))


def potentials_of_visitation(mdp: EpisodicMDP, d: ArrayLike) -> Floats:
    """V_h(s) = -log d_h(s) + log sum_a exp (p_h V_{h+1})(s, a): one soft backup with state reward
    -log d_h(s).

    d (H, S, A), a visitation that charges every reachable (h, s); V (H, S), 0 at unreachable (h,
    s); sums over available actions. Then, for pi the policy of d,

        D(V) - sum_h H(d_h) = sum_h E_{s ~ d_h} KL(pi_h(.|s) || pi^V_h(.|s)).

    Raises ValueError if a reachable (h, s) has no mass. Source: cor-mvee-soft-optimal.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    mass = check_array("d", d, (mdp.H, mdp.S, mdp.A)).sum(axis=2)
    reach = mdp.reachable()
    refuse("the mass d", mass, reach & ~(mass > 0), "every reachable (stage, state) needs some")
    V = np.zeros((mdp.H, mdp.S))
    for h in reversed(range(mdp.H)):
        ahead = mdp.next_mean(h, V[h + 1]) if h + 1 < mdp.H else np.zeros((mdp.S, mdp.A))
        ahead = np.where(mdp.available, ahead, -np.inf)
        V[h] = np.where(reach[h], logsumexp(ahead) - np.log(np.where(reach[h], mass[h], 1.0)), 0.0)
    return V


def certificate(mdp: EpisodicMDP, d_bar: ArrayLike) -> float:
    """U(d_bar) = max over policies of <d, log 1/d_bar>, by one backward induction: an upper bound
    of the optimum.

    d_bar (H, S, A) >= 0 with stage sums at most 1 (a sub-probability will do). Infinite if d_bar
    vanishes at a reachable (h, s, a) that a policy can be made to visit; unreachable and
    unavailable entries do not matter. Raises ValueError for a negative entry or a stage that sums
    to more than 1. Source: cor-certificate.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    d_bar = check_array("d_bar", d_bar, (mdp.H, mdp.S, mdp.A))
    refuse("d_bar", d_bar, d_bar < 0, "a prediction cannot be negative")
    totals = d_bar.sum(axis=(1, 2))
    refuse("the mass d_bar", totals, totals > 1 + 1e-9, "more than 1")
    reward = np.where(mdp.reachable()[:, :, None], -log_probabilities(d_bar), 0.0)
    return induction.best_response(mdp, reward)[0]


# --------------------------------------------------------------------------------- the exact solver


def solve(
    mdp: EpisodicMDP, *, tol: float = 1e-10, max_iterations: int | None = None, method: str = "auto"
) -> Optimum:
    """max over policies of sum_h H(d_h) of an `EpisodicMDP`; returns an `Optimum`: gap <= max(tol,
    5e-13 value).

    method  "dual", "primal", "mirror" or "auto": dual, then primal if the dual one makes no quick
            progress, then mirror ascent from the best policy so far, which comes as close as wanted
            for every kernel
    max_iterations  steps that each method may take; None: 100 of Newton, and for mirror ascent
                    twice what its rate asks
    Raises NotConverged, whose ``best`` is the `Optimum` reached (with a gap that is too large);
    ValueError for bad arguments. Source: thm-strong-duality, cor-mvee-soft-optimal (the
    certificate).
    """
    check_kind("mdp", mdp, EpisodicMDP)
    check_choice("method", method, METHODS)
    reach = mdp.reachable()
    net = kernels.network(mdp, reach)
    bracket = _SumBracket(partial(_judge, mdp, reach), tol, max_iterations)
    patience = method == "auto"
    plan = {
        "dual": lambda: ("dual Newton", _dual_newton(net, bracket, patience), NEWTON_STEPS),
        "primal": lambda: ("primal Newton", _primal_newton(net, bracket, patience), NEWTON_STEPS),
        "mirror": lambda: ("mirror ascent", _mirror(net, bracket), _sweeps_enough(net, bracket)),
    }
    for name in plan if patience else [method]:
        found = bracket.pursue(*plan[name]())
        if found is not None:
            return found
    raise bracket.failure("iterations")


class _SumBracket(Bracket[Optimum]):
    linear_steps = 0

    def visit(self, net: kernels.Network, logits: Floats, d: Floats, entropy: float) -> float:
        """Hand in a policy and the soft backup of its visitation; returns the bound that the backup
        gives.
        """
        self.policy(logits, entropy)
        V = np.empty(len(d))
        scratch = np.empty(d.shape)
        kernels.soft_potentials(net, d, V)
        value = _dual(net, V, scratch, scratch)
        self.bound(V, value)
        return value


def _judge(mdp: EpisodicMDP, reach: Bools, bracket: _SumBracket) -> Optimum:
    """The `Optimum` of a bracket: policy, exact visitation, its entropy, and the dual value, by the
    plain functions.
    """
    policy = full_policy(mdp, reach, bracket.logits)
    d = push_forward(mdp, policy)
    V = np.zeros(reach.shape)
    V[reach] = bracket.dual
    value = float(visitation_entropy(d))
    return Optimum(
        value=value,
        gap=max(_dual_value(mdp, V, reach) - value, 0.0),
        policy=policy,
        visitation=d,
        dual=V,
        iterations=len(bracket.steps) - 1,
        linear_steps=bracket.linear_steps,
        method=bracket.method.split()[0],
        bounds=np.array(bracket.steps),
    )


def _dual(net: kernels.Network, V: Floats, x: Floats, q: Floats) -> float:
    """D(V); fills x = X V and q = softmax x (which may share memory)."""
    kernels.differences(net, V, x)
    return kernels.from_start(net, V) + kernels.stage_softmax(net, x, q)


def _dual_newton(net: kernels.Network, bracket: _SumBracket, patience: bool) -> Steps:
    """Minimise D from V = 0. With ``patience`` it gives up when a step has to be shortened below
    1/8, or after 15.
    """
    N = len(net.state)
    V = np.zeros(N)
    u = np.empty(N)
    gradient = np.empty(N)
    x, q, d = np.empty((N, net.A)), np.empty((N, net.A)), np.empty((N, net.A))
    value = _dual(net, V, x, q)
    for iteration in count():
        bracket.bound(V, value)
        entropy = kernels.roll_out(net, x, d)
        yield entropy, min(value, bracket.visit(net, x, d, entropy))
        if patience and iteration == 15:
            return
        kernels.adjoint(net, q, gradient, 1)
        gradient[: net.first[1]] += net.start
        forcing = min(0.3, np.sqrt(np.linalg.norm(gradient)))
        bracket.linear_steps += kernels.conjugate_gradients(
            net, q, -gradient, forcing, 20 * N + 100, u
        )
        slope = gradient @ u
        rounding = 1e-14 * abs(value)
        step = 1.0
        while (trial := _dual(net, V + step * u, x, q)) > value + 1e-4 * step * slope + rounding:
            step /= 2
            if step < (0.125 if patience else 1e-10):
                return
        V = V + step * u
        value = trial


def _primal_newton(net: kernels.Network, bracket: _SumBracket, patience: bool) -> Steps:
    """Maximise sum_h H(d_h) over policies from the uniform one.

    The Newton direction is the weighted least-squares fit of log d by X V: a policy with logits X
    V. The step is taken in the logits, so every iterate is a policy; it is halved until the entropy
    does not fall, and the linear solve is sharpened whenever a full step failed or the gap fell by
    less than a factor 10. With ``patience`` it gives up after as many linear steps as mirror ascent
    would need at most.
    """
    N = len(net.state)
    V = np.zeros(N)
    u = np.empty(N)
    image = np.empty(N)
    target = np.empty(N)
    logits = np.zeros((N, net.A))
    x = np.empty((N, net.A))
    forcing = PRIMAL_FORCING
    d = np.empty((N, net.A))
    value = kernels.roll_out(net, logits, d)
    budget = LINEAR_STEPS * len(net.first) if patience else np.inf
    while budget > 0:
        yield value, bracket.visit(net, logits, d, value)
        gaps = [upper - lower for lower, upper in bracket.steps[-2:]]
        if len(bracket.steps) > 2 and 10 * gaps[1] > gaps[0]:
            forcing = max(forcing / 10, 1e-12)
        kernels.adjoint(net, d * (np.log(np.maximum(d, kernels.TINY)) + 1.0), target, 1)
        kernels.curvature(net, d, V, image)
        used = kernels.conjugate_gradients(
            net, d, target - image, forcing, int(min(20 * N + 100, budget)), u
        )
        bracket.linear_steps += used
        budget -= used
        kernels.differences(net, V + u, x)
        least = value - 1e-14 * abs(value)
        step = 1.0
        new = x.copy()
        trial_d = np.empty((N, net.A))
        while (trial := kernels.roll_out(net, new, trial_d)) < least:
            step /= 2
            if step < 1e-10:
                return
            new = (1 - step) * logits + step * x
        forcing = forcing if step == 1.0 else max(forcing / 10, 1e-12)
        logits = new
        V = V + step * u
        d = trial_d
        value = trial
    yield value, bracket.visit(net, logits, d, value)


def _mirror(net: kernels.Network, bracket: _SumBracket) -> Steps:
    """Mirror ascent from the best policy so far, or the uniform one; the bound is computed at every
    tenth sweep.
    """
    log_pi = kernels.log_policy(net, bracket.logits)
    bound = np.inf
    for sweep, (d, entropy) in enumerate(ascend(net, log_pi, average=False)):
        if sweep % 10 == 0:
            bound = bracket.visit(net, log_pi, d, entropy)
        yield entropy, bound


def _sweeps_enough(net: kernels.Network, bracket: _SumBracket) -> int:
    """Twice the sweeps after which (1 - 1/H)^t D(d*, d^0) is as small as the tolerance over H."""
    H = len(net.first) - 1
    least = kernels.log_policy(net, bracket.logits).min(where=net.available[net.state], initial=0.0)
    start = H * (H + 1) / 2 * -least
    allowance = bracket.tol if bracket.logits is None else bracket.allowance
    return 10 + 2 * math.ceil(H * math.log(max(1.0, H * start / allowance)))
