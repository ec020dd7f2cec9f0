"""Exact evaluation in an episodic MDP by backward induction: values of a policy, best responses."""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Floats, Ints
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.validation import (
    check_array,
    check_distribution,
    check_extended,
    check_indices,
    check_integer,
    check_kind,
    refuse,
)


def check_markov_policy(mdp: EpisodicMDP, pi: ArrayLike) -> Floats:
    """A Markov policy (H, S, A) of an `EpisodicMDP`;
    ValueError names the first row that is no distribution, or an unavailable action in it."""
    check_kind("mdp", mdp, EpisodicMDP)
    pi = check_distribution("pi", pi, (mdp.H, mdp.S, mdp.A))
    refuse("pi", pi, (pi > 0) & ~mdp.available, "the action is not available in this state")
    return pi


def evaluate(mdp: EpisodicMDP, pi: ArrayLike, reward: ArrayLike) -> Floats:
    """V_h(s) = sum_a pi_h(a|s) [reward_h(s, a) + (p_h V_{h+1})(s, a)], V_{H+1} = 0.

    pi, reward (H, S, A); returns V (H, S). Source: eq-episodic-bellman of chapter 8.
    """
    pi = check_markov_policy(mdp, pi)
    reward = check_array("reward", reward, (mdp.H, mdp.S, mdp.A))
    V = np.zeros((mdp.H, mdp.S))
    for h in reversed(range(mdp.H)):
        V[h] = np.sum(pi[h] * _action_values(mdp, reward, V, h), axis=1)
    return V


def best_response(mdp: EpisodicMDP, reward: ArrayLike) -> tuple[float, Ints]:
    """max over policies of <d^pi, reward>: backward induction in an `EpisodicMDP`.

    reward (H, S, A), entries may be +-inf (they must not be needed with probability 0 times inf:
    mask them first).
    Unavailable actions are never taken.
    Returns (value, actions): the optimal value from the start and a deterministic policy as int
    actions (H, S), the first maximiser in index order. Source: prop-vertices-mixture (i).
    """
    check_kind("mdp", mdp, EpisodicMDP)
    reward = check_extended("reward", reward, (mdp.H, mdp.S, mdp.A))
    V = np.zeros((mdp.H, mdp.S))
    actions = np.zeros((mdp.H, mdp.S), dtype=int)
    for h in reversed(range(mdp.H)):
        Q = np.where(mdp.available, _action_values(mdp, reward, V, h), -np.inf)
        actions[h] = np.argmax(Q, axis=1)
        V[h] = Q.max(axis=1)
    return mdp.start_mean(V[0]), actions


def _action_values(mdp: EpisodicMDP, reward: Floats, V: Floats, h: int) -> Floats:
    return reward[h] + (mdp.next_mean(h, V[h + 1]) if h + 1 < mdp.H else 0.0)


def deterministic_policy(actions: ArrayLike, A: int) -> Floats:
    """The policy (H, S, A) that takes ``actions`` (H, S) with probability 1;
    ValueError for an action not in 0..A-1."""
    A = check_integer("A", A, low=1)
    return np.eye(A)[check_indices("actions", actions, A)]
