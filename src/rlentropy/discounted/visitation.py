"""Which states a policy visits, and whether a distribution obeys its flow equations.

The discounted visitation itself is `evaluation.PolicyInMDP.d`.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from rlentropy._types import Bools, Floats
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.validation import check_array, check_distribution, check_kind


def visited(mdp: DiscountedMDP, pi: ArrayLike) -> Bools:
    """d(s) > 0, decided from the pattern of mu and P_pi alone, without rounding;
    shape (S,) of booleans.

    A state is visited iff mu(s) > 0, or gamma > 0 and a visited state leads to it with positive
    probability.
    Source: def-visitation.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    pi = check_distribution("pi", pi, (mdp.S, mdp.A))
    seen = mdp.mu > 0
    if mdp.gamma == 0:
        return seen
    moves = sparse.csr_array(mdp.policy_kernel(pi) > 0)
    fresh = np.flatnonzero(seen)
    while len(fresh):
        fresh = np.unique(moves[fresh].indices)
        fresh = fresh[~seen[fresh]]
        seen[fresh] = True
    return seen


def flow_residual(mdp: DiscountedMDP, pi: Floats, d: ArrayLike) -> float:
    """max_s |d(s) - (1 - gamma) mu(s) - gamma sum_s' d(s') P_pi(s', s)|;
    0 for the visitation of pi.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    pi = check_distribution("pi", pi, (mdp.S, mdp.A))
    d = check_array("d", d, (mdp.S,))
    return float(
        np.abs(d - (1 - mdp.gamma) * mdp.mu - mdp.gamma * (d @ mdp.policy_kernel(pi))).max()
    )
