"""Visitation of any policy, summed over all histories of a tiny episodic MDP; exact with Fractions."""

import math

import numpy as np


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
