"""Law of an episode under any policy, and its visitation, over all histories of a tiny episodic
MDP; exact with Fractions.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlentropy.exact import _given
from rlentropy.validation import check_callable, check_distribution, check_integer

# (s_1, a_1, ..., s_h), and what a policy makes of it: the probabilities of the actions.
Episode = tuple[int, ...]
HistoryPolicy = Callable[[Episode], Sequence[Any]]


def episode_law(P: ArrayLike, start: int, policy: HistoryPolicy) -> dict[Episode, Any]:
    """Pr(s_1, a_1, ..., s_H, a_H) of every episode of positive probability, under *any* policy;
    a dict of tuples.

    P       (H-1, S, A, S), for example ``mdp.dense()``;
            with Fractions (dtype object) the result is exact
    policy  takes a history (s_1, a_1, ..., s_h) and returns the A probabilities of a_h
    An oracle for tiny horizons: the work grows like (S A)^H.
    Raises ValueError for rows of P that are no distributions, for another state, and for a policy
    that is no function. Source: def-episodic-mdp.
    """
    P = _given.kernels(P)
    check_callable("policy", policy)
    start = check_integer("start", start, high=P.shape[-1] - 1)
    histories: dict[Episode, Any] = {(start,): 1}
    for kernel in P:
        histories = {
            (*history, a, s): weight * chosen * kernel[history[-1], a, s]
            for history, weight in histories.items()
            for a, chosen in enumerate(policy(history))
            for s in range(P.shape[-1])
            if chosen and kernel[history[-1], a, s]
        }
    return {
        (*history, a): weight * chosen
        for history, weight in histories.items()
        for a, chosen in enumerate(policy(history))
        if chosen
    }


def visitation_by_enumeration(P: ArrayLike, start: int, policy: HistoryPolicy) -> NDArray[Any]:
    """d_h(s, a) of *any* policy, summed over all episodes of `episode_law`; (H, S, A).

    Arguments as there; exact with Fractions. Source: def-episodic-visitation.
    """
    P = _given.kernels(P)
    d = np.zeros((P.shape[0] + 1, *P.shape[1:3]), dtype=P.dtype)
    for episode, weight in episode_law(P, start, policy).items():
        for h, (s, a) in enumerate(zip(episode[::2], episode[1::2], strict=True)):
            d[h, s, a] += weight
    return d


def draw_once(weights: Sequence[Any], policies: Sequence[HistoryPolicy]) -> HistoryPolicy:
    """The policy that draws i ~ weights before the episode and follows policies[i],
    as one function of the history.

    pi(a | I) = sum_i w_i(I) pi^i(a | I), with posterior weights w_i(I) ~ w_i prod_k pi^i(a_k |
    history up to s_k).
    Weights and policies as for `visitation_by_enumeration`; with Fractions the result is exact.
    Source: prop-vertices-mixture (ii).
    """

    if isinstance(policies, str) or not isinstance(policies, Sequence):
        raise ValueError(f"policies: {type(policies).__name__}, expected a list of functions")
    for i, one in enumerate(policies):
        check_callable(f"policies[{i}]", one)
    check_distribution("weights", weights, (len(policies),))

    def policy(history: Episode) -> list[Any]:
        likelihood = [
            w * math.prod(p(history[: 2 * k + 1])[a] for k, a in enumerate(history[1::2]))
            for w, p in zip(weights, policies, strict=True)
        ]
        total = sum(likelihood)
        now = [p(history) for p in policies]
        return [
            sum(w * p[a] for w, p in zip(likelihood, now, strict=True)) / total
            for a in range(len(now[0]))
        ]

    return policy
