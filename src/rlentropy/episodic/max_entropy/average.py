"""Entropy of the average visitation, exactly: max over policies of H(mean_h d_h), with a certified
gap.

For every price y (S, A) of the state-action pairs and every visitation d (chapter 9,
prop-average-dual)

    H(mean_h d_h) <= max_d' <mean_h d'_h, y> + log sum exp(-y),

so any pair (y, d) is a certificate; the right side is one hard backward induction. Three methods
look for the pair:

    interior  primal-dual interior point with elimination over the stages (`_interior`): few steps,
              but one costs about N (S A)^2 / H operations with N reachable (stage, state) nodes
    proximal  proximal point in the policy with L-BFGS inside: cheap steps, ends at about 1e-8
    mirror    mirror ascent (`mirror_ascent`): cheapest steps, gap at most (H+1) log A / (2 t) after
              t of them

Departure from the literature: the published oracle (Tiapkin et al. 2023, code) uses a generic conic
solver.
"""

from functools import partial
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from rlentropy._types import Bools, Floats
from rlentropy.distributions import entropy, log_probabilities, logsumexp, softmax
from rlentropy.episodic import induction
from rlentropy.episodic.max_entropy import _kernels as kernels
from rlentropy.episodic.max_entropy._bracket import Bracket, Steps
from rlentropy.episodic.max_entropy._interior import InteriorPoint, Stages
from rlentropy.episodic.max_entropy.mirror import ascend, full_policy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import average_visitation_entropy, push_forward
from rlentropy.results import result
from rlentropy.validation import check_array, check_choice, check_integer, check_kind

METHODS = ("auto", "interior", "proximal", "mirror")
INTERIOR_STEPS = 100
PROXIMAL_STEPS = 60
MIRROR_SWEEPS = 2000
# The interior point goes first where one elimination takes at most so many multiplications, in all
# or for each node, and is not tried at all for more PAIRS of states and actions.
CHEAP = 1e8
CHEAP_FOR_A_NODE = 1e5
PAIRS = 6000
# Nodes that no policy reaches with more than this probability count for nothing, and their prices
# neither.
NEGLIGIBLE = 1e-30
HIGH_PRICE = -np.log(NEGLIGIBLE)


@result
class AverageOptimum:
    """Maximiser of the *average* visitation entropy H(mean_h d_h):
    the optimum lies in [value, value + gap].

    value, gap, policy (H, S, A), visitation (H, S, A) as in `Optimum`; the policy is in general not
    unique
    average     (S, A): mean over stages of the visitation, which is unique
    prices      (S, A): y with value + gap = max_d <mean_h d_h, y> + log sum exp(-y); 0 where never
                reached, or unavailable
    iterations  steps of the method that finished; evaluations of the inner function of the proximal
                method in all
    method      "interior", "proximal" or "mirror": which one finished
    bounds      (iterations + 1, 2): H(mean_h d_h) and the smallest upper bound so far, at each step
                of that method
    """

    value: float
    gap: float
    policy: Floats
    visitation: Floats
    average: Floats
    prices: Floats
    iterations: int
    evaluations: int
    method: str
    bounds: Floats


def solve_average(
    mdp: EpisodicMDP,
    *,
    tol: float = 1e-6,
    max_iterations: int | None = None,
    inner_iterations: int = 400,
    method: str = "auto",
) -> AverageOptimum:
    """max over policies of H(mean_h d_h) of an `EpisodicMDP`;
    an `AverageOptimum` with gap <= max(tol, 5e-13 value).

    method  "interior", "proximal", "mirror" or "auto": the first two, the interior point first
            where its steps are cheap, then mirror ascent from the best policy so far
    max_iterations    steps that each method may take; None: 100, 60 and 2000
    inner_iterations  of L-BFGS in one proximal step
    Raises NotConverged, whose ``best`` is the `AverageOptimum` reached (with a gap that is too
    large); ValueError for bad arguments. Source: prop-average-dual.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    inner = check_integer("inner_iterations", inner_iterations, low=1)
    check_choice("method", method, METHODS)
    problem = _Problem(mdp)
    bracket = Bracket(partial(_judge, problem), tol, max_iterations)
    plan = {
        "interior": lambda: ("interior point", _interior(problem, bracket), INTERIOR_STEPS),
        "proximal": lambda: ("proximal point", _proximal(problem, bracket, inner), PROXIMAL_STEPS),
        "mirror": lambda: ("mirror ascent", _mirror(problem, bracket), MIRROR_SWEEPS),
    }
    for name in problem.order() if method == "auto" else [method]:
        found = bracket.pursue(*plan[name]())
        if found is not None:
            return found
    raise bracket.failure("steps")


class _Problem:
    """What the methods share: reachable nodes, and the entropy and the bound of a policy and of
    prices on them.
    """

    def __init__(self, mdp: EpisodicMDP) -> None:
        self.mdp = mdp
        self.reach = mdp.reachable()
        self.pairs = _pairs(mdp, self.reach)
        self.net = kernels.network(mdp, self.reach)
        self.uniform = kernels.log_uniform(self.net)
        self.d = np.empty(self.uniform.shape)
        self.evaluations = 0
        self.kept = self.reach & (likely(mdp) > NEGLIGIBLE)
        self.stages = Stages(mdp, self.kept)

    def order(self) -> list[str]:
        """The methods, in the order in which ``auto`` tries them."""
        if self.stages.seen[-1] > PAIRS:
            return ["proximal", "mirror"]
        cheap = self.stages.work <= max(CHEAP, CHEAP_FOR_A_NODE * len(self.stages.pairs))
        first_two = ["interior", "proximal"] if cheap else ["proximal", "interior"]
        return [*first_two, "mirror"]

    def visit(self, logits: Floats) -> tuple[Floats, float]:
        """(mean_h d_h, its entropy) of a policy with logits (N, A)."""
        kernels.roll_out(self.net, logits, self.d)
        average = np.empty((self.mdp.S, self.mdp.A))
        kernels.pool(self.net, self.d, average)
        return average, float(entropy(log_probabilities(average.ravel())))

    def prices(self, average: Floats) -> Floats:
        """-log of an average visitation, 0 at pairs that are never taken."""
        return np.where(self.pairs, -np.log(np.maximum(average, kernels.TINY)), 0.0)

    def upper(self, y: Floats) -> float:
        """max_d <mean_h d_h, y> + log sum exp(-y)."""
        best_response = kernels.proximal_values(self.net, y, self.uniform, 0.0, self.d)
        return float(best_response / self.mdp.H + logsumexp(-y[self.pairs]))


def _pairs(mdp: EpisodicMDP, reach: Bools) -> Bools:
    """(S, A): the available actions of states that are reachable at some stage."""
    states: Any = reach.any(axis=0)
    return states[:, None] & mdp.available


def likely(mdp: EpisodicMDP) -> Floats:
    """(H, S): an upper bound of the largest probability with which a policy can be in s at stage h.

    b_1 = 1 at the start, b_{h+1}(s') = min{1, sum_s b_h(s) max_a p_h(s'|s, a)}.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    bound = np.zeros((mdp.H, mdp.S))
    bound[0] = mdp.start_distribution
    largest = []
    for K in mdp.P:
        most = K[:: mdp.A]
        for a in range(1, mdp.A):
            most = most.maximum(K[a :: mdp.A])
        largest.append(most)
    for h in range(mdp.H - 1):
        bound[h + 1] = np.minimum(1.0, bound[h] @ largest[0 if mdp.stationary else h])
    return bound


def _judge(problem: _Problem, bracket: Bracket[AverageOptimum]) -> AverageOptimum:
    """The `AverageOptimum` of a bracket: policy, exact visitation, its entropy, and the bound,
    by the plain functions.
    """
    mdp = problem.mdp
    policy = full_policy(mdp, problem.reach, bracket.logits)
    d = push_forward(mdp, policy)
    value = float(average_visitation_entropy(d))
    upper = _average_dual_value(mdp, bracket.dual, problem.reach)
    return AverageOptimum(
        value=value,
        gap=max(upper - value, 0.0),
        policy=policy,
        visitation=d,
        average=d.mean(axis=0),
        prices=bracket.dual,
        iterations=len(bracket.steps) - 1,
        evaluations=problem.evaluations,
        method=bracket.method.split()[0],
        bounds=np.array(bracket.steps),
    )


def _mirror(problem: _Problem, bracket: Bracket[AverageOptimum]) -> Steps:
    """Mirror ascent from the best policy so far, or the uniform one; the bound is computed at every
    tenth sweep.
    """
    log_pi = kernels.log_policy(problem.net, bracket.logits)
    upper = np.inf
    for sweep, (_, value) in enumerate(ascend(problem.net, log_pi, average=True)):
        bracket.policy(log_pi, value)
        if sweep % 10 == 0:
            y = problem.prices(problem.visit(log_pi)[0])
            upper = problem.upper(y)
            bracket.bound(y, upper)
        yield value, upper


def _interior(problem: _Problem, bracket: Bracket[AverageOptimum]) -> Steps:
    """Interior point from a policy near the optimum that gives up no action (`_broad_start`)."""
    mdp, stages = problem.mdp, problem.stages
    point = InteriorPoint(stages, _broad_start(stages) / mdp.H, 0.1)
    at = problem.kept[problem.reach]
    logits = np.zeros(problem.uniform.shape)
    while True:
        logits[at] = np.log(np.maximum(point.x, kernels.TINY))
        value = problem.visit(logits)[1]
        y = np.where(problem.pairs, HIGH_PRICE, 0.0)
        y[stages.states] = point.y.reshape(-1, mdp.A)
        upper = problem.upper(y)
        bracket.policy(logits, value)
        bracket.bound(y, upper)
        yield value, upper
        if not point.step():
            return


def _broad_start(stages: Stages) -> Floats:
    """Visitation (N, A), positive at available actions: nine parts of what mirror ascent reaches on
    the average, one part of what it reaches on the sum, and a uniform action once in 10 H steps.

    The last two because mirror ascent may have almost given up what the optimum wants.
    """
    sweeps = min(20 + 3 * stages.H, 300)
    reached = []
    for average in (True, False):
        log_pi = kernels.log_uniform(stages.net)
        reached.append(next(islice(ascend(stages.net, log_pi, average=average), sweeps, None))[0])
    x = 0.9 * reached[0] + 0.1 * reached[1]
    policy = x / np.maximum(x.sum(axis=1, keepdims=True), kernels.TINY)
    kernels.roll_out(stages.net, np.log(policy + 0.1 / (stages.H * stages.A)), x)
    return np.where(stages.open, np.maximum(x, kernels.TINY), 0.0)


def _proximal(problem: _Problem, bracket: Bracket[AverageOptimum], inner_iterations: int) -> Steps:
    """Proximal steps, tau = 1, 1/2, 1/4, ...; gives up when five in a row have gained nothing."""
    point = _ProximalPoint(problem, inner_iterations)
    idle = 0
    for step in count():
        gap = bracket.upper - bracket.lower
        upper = problem.upper(point.y)
        bracket.policy(point.log_pi, point.value)
        bracket.bound(point.y, upper)
        yield point.value, upper
        idle = 0 if bracket.upper - bracket.lower < gap else idle + 1
        if idle == 5:
            return
        point.step(0.5**step)


class _ProximalPoint:
    """Each step maximises H(mean_h d_h) - (tau/H) sum_h E KL(pi_h || previous pi_h), whose dual in
    the prices y

        (1/H) V^tau_1(s_1; y) + log sum_{s, a} exp(-y(s, a))

    is smooth and minimised by L-BFGS; V^tau are soft values around the previous policy.
    """

    def __init__(self, problem: _Problem, inner_iterations: int) -> None:
        self.problem = problem
        self.options = {"maxiter": inner_iterations, "maxcor": 20, "ftol": 0.0, "gtol": 1e-9}
        self.log_pi = problem.uniform.copy()
        self.average, self.value = problem.visit(self.log_pi)
        self.y = problem.prices(self.average)

    def _dual(self, y: Floats, prior: Floats, tau: float) -> tuple[float, Floats]:
        """Value and gradient (average visitation of the soft policy minus softmax(-y)) at prices y
        on reached pairs.
        """
        problem = self.problem
        problem.evaluations += 1
        self.y[problem.pairs] = y
        value = (
            kernels.proximal_values(problem.net, self.y, prior, tau, self.log_pi) / problem.mdp.H
        )
        self.average, self.value = problem.visit(self.log_pi)
        return value + float(logsumexp(-y)), self.average[problem.pairs] - softmax(-y)

    def step(self, tau: float) -> None:
        y = self.y[self.problem.pairs]
        # each price is measured in units of 1/sqrt(its mass), which evens out the curvature of log
        # sum exp
        scale = 1.0 / np.sqrt(np.maximum(self.average[self.problem.pairs], 1e-12))
        prior = self.log_pi.copy()

        def scaled(z: Floats) -> tuple[float, Floats]:
            value, slope = self._dual(z * scale, prior, tau)
            return value, slope * scale

        found = minimize(scaled, y / scale, jac=True, method="L-BFGS-B", options=self.options)
        self._dual(found.x * scale, prior, tau)


def average_dual_value(mdp: EpisodicMDP, y: ArrayLike) -> float:
    """max over policies of <mean_h d_h, y> + log sum_{s, a} exp(-y(s, a)):
    at least max H(mean_h d_h), for every y.

    y (S, A). The sum runs over the states that are reachable at some stage and their available
    actions; entries of y elsewhere do not matter. Source: prop-average-dual.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    y = check_array("y", y, (mdp.S, mdp.A))
    return _average_dual_value(mdp, y, mdp.reachable())


def _average_dual_value(mdp: EpisodicMDP, y: Floats, reach: Bools) -> float:
    value, _ = induction.best_response(mdp, np.broadcast_to(y, (mdp.H, mdp.S, mdp.A)))
    return float(value / mdp.H + logsumexp(-y[_pairs(mdp, reach)]))
