"""Mirror ascent on the entropy of the discounted visitation: the twin of `max_entropy.mirror`.

For a policy pi with normalised discounted visitation d let rho(s, a) = d(s) pi(a|s), F = H(rho) and

    D(rho, rho') = E_{s ~ d} KL(pi(.|s) || pi'(.|s)) / (1 - gamma).

KL(rho || rho') <= D <= KL(rho || rho') / (1 - gamma), so that with w = 1 / (1 - gamma) the step

    argmax_rho <rho, -log rho^t> - D(rho, rho^t),

the soft-optimal policy at temperature w for the reward -log d^t(s) + (w - 1) log pi^t(a|s), has
F* - F(rho^t) <= gamma^t D(rho*, rho^0) for t >= 1; from the uniform policy
D(rho*, rho^0) <= log A / (1 - gamma). Rewards of the process play no part.
Source: prop-discounted-ascent.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.discounted import evaluation
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.discounted.visitation import visited
from rlentropy.results import result
from rlentropy.validation import check_array, check_distribution, check_integer, check_kind, refuse


@result
class DiscountedAscent:
    """A run of mirror ascent on H(rho).

    values  (steps + 1,): H(rho) in nats of the start and after each step; never falls
    policy  (S, A): the last one
    rho     (S, A): its visitation of pairs
    """

    values: Floats
    policy: Floats
    rho: Floats


def pair_visitation(mdp: DiscountedMDP, pi: ArrayLike) -> Floats:
    """rho(s, a) = d(s) pi(a|s), a distribution on pairs; (S, A) -> (S, A)."""
    at = evaluation.evaluate(mdp, pi)
    return at.d[:, None] * at.pi


def mirror_ascent(
    mdp: DiscountedMDP, steps: int, *, start: ArrayLike | None = None
) -> DiscountedAscent:
    """``steps`` steps from ``start`` (S, A), uniform if None; a `DiscountedAscent`.

    Raises ValueError for a start without full support, for steps < 0, and where actions are
    unavailable. Source: prop-discounted-ascent.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    refuse("r", mdp.r, ~mdp.available, "every action has to be available")
    steps = check_integer("steps", steps)
    first = np.full((mdp.S, mdp.A), 1 / mdp.A) if start is None else start
    pi = check_distribution("start", first, (mdp.S, mdp.A))
    refuse("start", pi, pi == 0, "every action needs a positive probability")
    rho = pair_visitation(mdp, pi)
    values = [_entropy(rho)]
    for _ in range(steps):
        pi = _step(mdp, pi)
        rho = pair_visitation(mdp, pi)
        values.append(_entropy(rho))
    return DiscountedAscent(values=np.array(values), policy=pi, rho=rho)


def _step(mdp: DiscountedMDP, pi: Floats) -> Floats:
    w = 1 / (1 - mdp.gamma)
    seen = visited(mdp, pi)
    d = np.where(seen, evaluation.evaluate(mdp, pi).d, 1.0)
    reward = (w - 1) * np.log(pi) - np.log(d)[:, None]
    return np.exp(evaluation.soft_optimal(replace(mdp, r=reward), tau=w).log_pi)


def _entropy(rho: Floats) -> float:
    return float(dist.entropy(dist.log_probabilities(rho.ravel())))


def certificate(mdp: DiscountedMDP, rho: ArrayLike) -> float:
    """max over policies of <rho', -log rho>: at least the largest H(rho'), in nats.

    One optimal control problem. Infinite where rho vanishes on a pair that can be visited.
    rho  (S, A): a distribution on pairs. Source: prop-discounted-ascent.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    law = _checked("rho", rho, mdp)
    seen = visited(mdp, np.full((mdp.S, mdp.A), 1 / mdp.A))
    if np.any(law[seen] == 0):
        return np.inf
    reward = -np.log(np.where(seen[:, None], law, 1.0))
    best = evaluation.optimal(replace(mdp, r=reward))
    return float((1 - mdp.gamma) * (mdp.mu @ best.V))


def policy_divergence(mdp: DiscountedMDP, rho: ArrayLike, other: ArrayLike) -> float:
    """D(rho, rho') = E_d KL(pi || pi') / (1 - gamma), pi, pi' the policies of rho, rho' (S, A).

    Source: prop-discounted-ascent.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    one = _checked("rho", rho, mdp)
    two = _checked("other", other, mdp)
    d = one.sum(axis=1)
    seen = d > 0
    refuse("other", two, seen[:, None] & (two <= 0), "excludes a pair of a visited state")
    pairs = np.log(np.where(one > 0, one, 1.0)) - np.log(np.where(one > 0, two, 1.0))
    states = np.log(np.where(seen, d, 1.0)) - np.log(np.where(seen, two.sum(axis=1), 1.0))
    total = np.sum(one * (pairs - states[:, None]))
    return float(total / (1 - mdp.gamma))


def _checked(name: str, rho: ArrayLike, mdp: DiscountedMDP) -> Floats:
    """A distribution on pairs."""
    found = check_array(name, rho, (mdp.S, mdp.A))
    refuse(name, found, (found < 0) | (found > 1 + dist.SLACK), "not a probability")
    if not abs(found.sum() - 1) <= dist.SLACK:
        raise ValueError(f"{name}: the entries sum to {found.sum()}, not to 1")
    return found
