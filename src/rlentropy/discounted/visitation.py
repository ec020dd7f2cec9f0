"""Discounted visitation: how often a policy is in each state, with geometric weights."""

import numpy as np
from scipy import sparse

from rlentropy.discounted import evaluation
from rlentropy.validation import check_array, check_distribution


def policy_visitation(mdp, pi, *, solver=None):
    """d(s) = (1 - gamma) sum_t gamma^t Pr(s_t = s), the *normalised* discounted visitation; shape (S,), sums to 1.

    d' = (1 - gamma) mu' (I - gamma P_pi)^-1. ``solver`` reuses a factorisation made by `evaluation.policy_solver`.
    Rounding may leave a state that is never visited with a mass of 1e-17 instead of 0: ask `visited` which they are.
    Source: def-visitation; Agarwal et al. (2021), equation (4).
    """
    solver = solver or evaluation.policy_solver(mdp, pi)
    # the exact solution is >= 0; entries at rounding level may come out as -1e-20
    return np.maximum(solver.solve_transposed((1 - mdp.gamma) * mdp.mu), 0.0)


def visited(mdp, pi):
    """d(s) > 0, decided from the pattern of mu and P_pi alone, without rounding; shape (S,) of booleans.

    A state is visited iff mu(s) > 0, or gamma > 0 and a visited state leads to it with positive probability.
    Source: def-visitation.
    """
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


def flow_residual(mdp, pi, d):
    """max_s |d(s) - (1 - gamma) mu(s) - gamma sum_s' d(s') P_pi(s', s)|; 0 for the visitation of pi."""
    d = check_array("d", d, (mdp.S,))
    return float(np.abs(d - (1 - mdp.gamma) * mdp.mu - mdp.gamma * (d @ mdp.policy_kernel(pi))).max())
