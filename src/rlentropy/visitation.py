"""Visitation distributions: how often a policy is where. Discounted (part I) and per stage (part II)."""

import itertools
import math

import numpy as np
from scipy import sparse

from rlentropy import bellman
from rlentropy.validation import check_array, check_distribution

# ------------------------------------------------------------------------------------------------------- discounted


def discounted_visitation(mdp, pi, *, solver=None):
    """d(s) = (1 - gamma) sum_t gamma^t Pr(s_t = s), the *normalised* discounted visitation; shape (S,), sums to 1.

    d' = (1 - gamma) mu' (I - gamma P_pi)^-1. ``solver`` reuses a factorisation made by `bellman.policy_solver`.
    Rounding may leave a state that is never visited with a mass of 1e-17 instead of 0: ask `visited` which they are.
    Source: def-visitation; Agarwal et al. (2021), equation (4).
    """
    solver = solver or bellman.policy_solver(mdp, pi)
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

    Uniform where d_h(s) = 0, where the choice does not matter. Raises ValueError for a NaN or infinite entry.
    Source: thm-polytope-markov.
    """
    d = check_array("d", d)
    state = d.sum(axis=-1, keepdims=True)
    return np.divide(d, state, where=state > 0, out=np.full(d.shape, 1 / d.shape[-1]))


def mixture(weights, ds):
    """sum_i w_i d^i: the visitation of the policy that draws i from ``weights`` once and then follows pi^i.

    weights (k,), ds (k, H, S, A) -> (H, S, A). Its Markov realisation is ``markov_policy`` of the result, which is
    *not* the average of the policies. Source: prop-vertices-mixture (ii).
    """
    weights = check_distribution("weights", weights, (None,))
    return np.tensordot(weights, check_array("ds", ds, (len(weights), None, None, None)), axes=1)


def visitation_by_enumeration(P, start, policy):
    """d_h(s, a) of *any* policy, summed over all histories of positive probability; (H, S, A).

    P       (H-1, S, A, S), for example ``mdp.dense()``; with Fractions (dtype object) the result is exact
    policy  takes a history (s_1, a_1, ..., s_h) and returns the A probabilities of a_h
    An oracle for tiny horizons: the work grows like (S A)^H. Source: def-episodic-visitation.
    """
    P = np.asarray(P)
    H, S, A = P.shape[0] + 1, P.shape[1], P.shape[2]
    d, histories = np.zeros((H, S, A), dtype=P.dtype), {(start,): 1}
    for h in range(H):
        longer = {}
        for history, weight in histories.items():
            for a, chosen in enumerate(policy(history)):
                d[h, history[-1], a] += weight * chosen
                for s in range(S) if h + 1 < H and chosen else ():
                    if P[h, history[-1], a, s]:
                        longer[(*history, a, s)] = weight * chosen * P[h, history[-1], a, s]
        histories = longer
    return d


def draw_once(weights, policies):
    """The policy that draws i ~ weights before the episode and follows policies[i], as one function of the history.

    pi(a | I) = sum_i w_i(I) pi^i(a | I), with posterior weights w_i(I) ~ w_i prod_k pi^i(a_k | history up to s_k).
    Weights and policies as for `visitation_by_enumeration`; with Fractions the result is exact.
    Source: prop-vertices-mixture (ii).
    """

    def policy(history):
        likelihood = [
            w * math.prod(p(history[: 2 * k + 1])[a] for k, a in enumerate(history[1::2]))
            for w, p in zip(weights, policies, strict=True)
        ]
        total, now = sum(likelihood), [p(history) for p in policies]
        return [sum(w * p[a] for w, p in zip(likelihood, now, strict=True)) / total for a in range(len(now[0]))]

    return policy


def deterministic_policies(mdp):
    """All deterministic Markov policies that differ somewhere reachable, one (H, S, A) array at a time.

    There are A^n of them for n reachable (h, s); unreachable states take action 0. Source: prop-vertices-mixture.
    """
    reach = mdp.reachable()
    for choice in itertools.product(range(mdp.A), repeat=int(reach.sum())):
        actions = np.zeros(reach.shape, dtype=int)
        actions[reach] = choice
        yield bellman.deterministic_policy(actions, mdp.A)
