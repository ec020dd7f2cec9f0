"""Visitation of an episodic MDP, d_h(s, a) = Pr(s_h = s, a_h = a), and its two entropies.

The entropies have different maximisers and are never called by one name:

    visitation_entropy          sum over stages of H(d_h)   (the second source; chapters 8 to 11)
    average_visitation_entropy  H(mean over stages of d_h)  (the published code of EntGame;
                                                            chapters 11 and 13)
"""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Floats
from rlentropy.distributions import entropy, log_probabilities
from rlentropy.episodic import induction
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.validation import (
    check_array,
    check_available,
    check_distribution,
    check_kind,
    refuse,
)


def policy_visitation(mdp: EpisodicMDP, pi: ArrayLike) -> Floats:
    """d_h(s, a) = Pr(s_h = s, a_h = a) under the Markov policy pi (H, S, A);
    shape (H, S, A), each stage sums to 1.

    Source: eq-flow of chapter 8.
    """
    return push_forward(mdp, induction.check_markov_policy(mdp, pi))


def push_forward(mdp: EpisodicMDP, pi: Floats) -> Floats:
    """`policy_visitation` without validating pi (for callers that made pi themselves)."""
    d = np.empty((mdp.H, mdp.S, mdp.A))
    state = mdp.start_distribution
    for h in range(mdp.H):
        d[h] = state[:, None] * pi[h]
        if h + 1 < mdp.H:
            state = d[h].ravel() @ mdp.kernel(h)
    return d


def flow_residual(mdp: EpisodicMDP, d: ArrayLike) -> float:
    """Largest violation of membership in the visitation polytope K_p, over its constraints:

    d >= 0, sum_a d_1(s, a) = 1{s = s_1} or the start distribution,
    sum_a d_{h+1}(s, a) = sum_{s', a'} p_h(s | s', a') d_h(s', a'), and 0 at unavailable actions.
    d (H, S, A); 0 exactly on K_p. Source: def-visitation-polytope.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    d = check_array("d", d, (mdp.H, mdp.S, mdp.A))
    refuse("d", d, np.abs(d) > 1e100, "no visitation is so large")
    state = np.zeros((mdp.H, mdp.S))
    state[0] = mdp.start_distribution
    for h in range(mdp.H - 1):
        state[h + 1] = d[h].ravel() @ mdp.kernel(h)
    outside = np.abs(d[:, ~mdp.available]).max(initial=0.0)
    return float(max(np.abs(d.sum(axis=2) - state).max(), -min(d.min(), 0.0), outside))


def markov_policy(d: ArrayLike, *, available: ArrayLike | None = None) -> Floats:
    """pi_h(a|s) = d_h(s, a) / d_h(s): the Markov policy that realises a visitation d (H, S, A).

    Uniform over the available actions (S, A), None for all, where d_h(s) = 0 and the choice does
    not matter. Raises ValueError for a NaN or infinite entry.
    Source: thm-polytope-markov.
    """
    d = check_array("d", d)
    if d.ndim < 2:
        raise ValueError(f"d: shape {d.shape}, expected (..., S, A)")
    refuse("d", d, d < 0, "a probability cannot be negative")
    state = d.sum(axis=-1, keepdims=True)
    there = np.ones(d.shape[-2:], bool) if available is None else available
    there = check_available("available", there, d.shape[-2:])
    uniform = np.broadcast_to(there / there.sum(axis=1, keepdims=True), d.shape)
    return np.divide(d, state, where=state > 0, out=uniform.copy())


def mixture(weights: ArrayLike, ds: ArrayLike) -> Floats:
    """sum_i w_i d^i: the visitation of the policy that draws i from ``weights`` once and then
    follows pi^i.

    weights (k,), ds (k, H, S, A) -> (H, S, A).
    Its Markov realisation is ``markov_policy`` of the result, *not* the average of the policies.
    Source: prop-vertices-mixture (ii).
    """
    weights = check_distribution("weights", weights, (None,))
    return np.tensordot(weights, check_array("ds", ds, (len(weights), None, None, None)), axes=1)


def deterministic_policies(mdp: EpisodicMDP) -> Iterator[Floats]:
    """All deterministic Markov policies that differ somewhere reachable, one array (H, S, A)
    at a time.

    There are A^n of them for n reachable (h, s), fewer where actions are unavailable;
    unreachable states take the first available one.
    Source: prop-vertices-mixture.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    reach = mdp.reachable()
    choices = [np.flatnonzero(mdp.available[s]) for s in np.nonzero(reach)[1]]
    for choice in itertools.product(*choices):
        actions = np.tile(mdp.available.argmax(axis=1), (mdp.H, 1))
        actions[reach] = choice
        yield induction.deterministic_policy(actions, mdp.A)


# ------------------------------------------------------------------------------- the two entropies


def visitation_entropy(d: ArrayLike) -> Floats:
    """H_visit(d) = sum_h H(d_h) in nats; d (..., H, S, A) -> (...), between 0 and H log(S A).

    Raises ValueError unless d >= 0 and every stage sums to 1 (of a signed d the entropy is not
    defined).
    Source: def-episodic-visitation; Tiapkin et al. (2023), section 2.
    """
    return entropy(log_probabilities(_flat_stages(d))).sum(axis=-1)


def average_visitation_entropy(d: ArrayLike) -> Floats:
    """H(mean_h d_h) in nats; d (..., H, S, A) -> (...), between 0 and log(S A).
    Raises as `visitation_entropy`.

    Concavity gives visitation_entropy(d) <= H * average_visitation_entropy(d).
    Source: the published code of Tiapkin et al. (2023), whose oracle maximises this one.
    """
    return entropy(log_probabilities(_flat_stages(d).mean(axis=-2)))


def _flat_stages(d: ArrayLike) -> Floats:
    d = check_array("d", d)
    if d.ndim < 3:
        raise ValueError(f"d: shape {d.shape}, expected (..., H, S, A)")
    return check_distribution("d", d.reshape(*d.shape[:-2], -1))
