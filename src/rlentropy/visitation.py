"""Visitation distributions: how often a policy is where. Discounted (part I) and per stage (part II)."""

import numpy as np

from rlentropy import bellman
from rlentropy.validation import check_array, check_distribution

# ------------------------------------------------------------------------------------------------------- discounted


def discounted_visitation(mdp, pi, *, solver=None):
    """d(s) = (1 - gamma) sum_t gamma^t Pr(s_t = s), the *normalised* discounted visitation; shape (S,), sums to 1.

    d' = (1 - gamma) mu' (I - gamma P_pi)^-1. ``solver`` reuses a factorisation made by `bellman.policy_solver`.
    Source: def-visitation; Agarwal et al. (2021), equation (4).
    """
    solver = solver or bellman.policy_solver(mdp, pi)
    return solver.solve_transposed((1 - mdp.gamma) * mdp.mu)


def discounted_flow_residual(mdp, pi, d):
    """max_s |d(s) - (1 - gamma) mu(s) - gamma sum_s' d(s') P_pi(s', s)|; 0 for the visitation of pi."""
    d = check_array("d", d, (mdp.S,))
    return float(np.abs(d - (1 - mdp.gamma) * mdp.mu - mdp.gamma * (d @ mdp.policy_kernel(pi))).max())


# --------------------------------------------------------------------------------------------------------- episodic


def episodic_visitation(mdp, pi):
    """d_h(s, a) = Pr(s_h = s, a_h = a) under the Markov policy pi (H, S, A); shape (H, S, A), each stage sums to 1.

    Source: eq-flow of chapter 8.
    """
    return push_forward(mdp, bellman.check_markov_policy(mdp, pi))


def push_forward(mdp, pi):
    """`episodic_visitation` without validating pi (for callers that made pi themselves)."""
    d = np.empty((mdp.H, mdp.S, mdp.A))
    state = np.zeros(mdp.S)
    state[mdp.start] = 1.0
    for h in range(mdp.H):
        d[h] = state[:, None] * pi[h]
        if h + 1 < mdp.H:
            state = d[h].ravel() @ mdp.kernel(h)
    return d


def flow_residual(mdp, d):
    """Largest violation of membership in the visitation polytope K_p, over its constraints:

    d >= 0, sum_a d_1(s, a) = 1{s = s_1}, sum_a d_{h+1}(s, a) = sum_{s', a'} p_h(s | s', a') d_h(s', a').
    d (H, S, A); 0 exactly on K_p. Source: def-visitation-polytope.
    """
    d = check_array("d", d, (mdp.H, mdp.S, mdp.A))
    state = np.zeros((mdp.H, mdp.S))
    state[0, mdp.start] = 1.0
    for h in range(mdp.H - 1):
        state[h + 1] = d[h].ravel() @ mdp.kernel(h)
    return float(max(np.abs(d.sum(axis=2) - state).max(), -min(d.min(), 0.0)))


def markov_policy(d):
    """pi_h(a|s) = d_h(s, a) / d_h(s): the Markov policy that realises a visitation d (H, S, A).

    Uniform where d_h(s) = 0, where the choice does not matter. Source: thm-polytope-markov.
    """
    d = np.asarray(d, dtype=float)
    state = d.sum(axis=-1, keepdims=True)
    return np.divide(d, state, where=state > 0, out=np.full(d.shape, 1 / d.shape[-1]))


def mixture(weights, ds):
    """sum_i w_i d^i: the visitation of the policy that draws i from ``weights`` once and then follows pi^i.

    weights (k,), ds (k, H, S, A) -> (H, S, A). Its Markov realisation is ``markov_policy`` of the result, which is
    *not* the average of the policies. Source: prop-vertices-mixture (ii).
    """
    weights = check_distribution("weights", weights, (None,))
    return np.tensordot(weights, check_array("ds", ds, (len(weights), None, None, None)), axes=1)
