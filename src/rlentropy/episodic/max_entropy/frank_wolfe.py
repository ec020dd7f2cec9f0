"""Frank-Wolfe on the visitation polytope: what maximum-entropy exploration did first,
as a baseline.

Hazan et al. (2019) climb the entropy of one average distribution over states by mixing in, step by
step, the policy that is best for the gradient as a reward.
Here the same method climbs sum_h H(d_h), whose gradient is -log d_h - 1.
"""

import numpy as np
from scipy.optimize import brentq

from rlentropy._types import Floats
from rlentropy.distributions import log_probabilities
from rlentropy.episodic import induction
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.trajectory_entropy import uniform_policy
from rlentropy.episodic.visitation import push_forward, visitation_entropy
from rlentropy.results import result
from rlentropy.validation import check_integer, check_kind


@result
class FrankWolfe:
    """A run of Frank-Wolfe.

    values      (steps + 1,): the visitation entropy, in nats, of the start and after each step;
                never falls
    bounds      (steps + 1,): U(d^t), the best response against d^t as a prediction:
                at least the optimum
    visitation  (H, S, A): the last point, a mixture of policies
    """

    values: Floats
    bounds: Floats
    visitation: Floats


def frank_wolfe(mdp: EpisodicMDP, steps: int) -> FrankWolfe:
    """d <- (1 - x) d + x e with e = argmax_e <e, -log d>, and x of largest entropy;
    ``steps`` times. A `FrankWolfe`.

    Starts at the uniform policy over available actions.
    A step is one backward and one forward sweep and an exact line search in x.
    Source: Frank & Wolfe (1956); Hazan et al. (2019), with small fixed steps and another entropy.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    steps = check_integer("steps", steps, low=0)
    reach = mdp.reachable()[:, :, None]
    d = push_forward(mdp, uniform_policy(mdp))
    values = [visitation_entropy(d)]
    bounds = []
    for _ in range(steps + 1):
        upper, actions = induction.best_response(mdp, np.where(reach, -log_probabilities(d), 0.0))
        bounds.append(upper)
        if len(bounds) <= steps:
            d = _climb(d, push_forward(mdp, induction.deterministic_policy(actions, mdp.A)))
            values.append(visitation_entropy(d))
    return FrankWolfe(values=np.array(values), bounds=np.array(bounds), visitation=d)


def _climb(d: Floats, e: Floats) -> Floats:
    """The point of largest entropy between d (included) and e (excluded: it may lack support)."""
    charged = d > 0
    here = d[charged]
    across = e[charged] - here

    def slope(x: float) -> float:
        return -float(across @ np.log(here + x * across))

    last = 1 - 1e-9
    if slope(0.0) <= 0:
        return d
    x = last if slope(last) >= 0 else brentq(slope, 0.0, last, xtol=1e-14)
    return d + x * (e - d)
