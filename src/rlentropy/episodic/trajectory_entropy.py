"""Entropy of the whole trajectory (s_1, a_1, ..., s_H, a_H):
chain rule, soft Bellman optimum, enumeration.

An episode has H states, H actions and H - 1 transitions:
what follows a_H is not part of the trajectory.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.episodic import visitation
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.results import result
from rlentropy.validation import check_flag, check_kind

# -------------------------------------------------------------------------------------- chain rule


def transition_entropy(mdp: EpisodicMDP) -> Floats:
    """H(p_h(. | s, a)) for h < H, and 0 at the last stage, which no transition leaves;
    shape (H, S, A), in nats.

    Source: thm-traj-chain-rule.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    stages = [_row_entropies(K).reshape(mdp.S, mdp.A) for K in mdp.P]
    rows = stages * (mdp.H - 1) if mdp.stationary else stages
    return np.array([*rows, np.zeros((mdp.S, mdp.A))])


def _row_entropies(K: sparse.csr_array) -> Floats:
    """Entropy of each row of a CSR matrix of probabilities."""
    positive = K.data > 0
    terms = np.multiply(K.data, np.log(K.data, where=positive, out=np.zeros_like(K.data)))
    rows = np.repeat(np.arange(K.shape[0]), np.diff(K.indptr))
    totals: Any = np.bincount(rows, weights=terms, minlength=K.shape[0])
    return -totals + 0.0


def trajectory_entropy(mdp: EpisodicMDP, pi: ArrayLike) -> float:
    """H(q^pi) = sum_{h<=H} E H(pi_h(.|s_h)) + sum_{h<H} E H(p_h(.|s_h, a_h)), in nats;
    plus H(s_1) if the first state is drawn.

    pi (H, S, A) is a Markov policy. Only the H - 1 transitions inside the trajectory count.
    Source: thm-traj-chain-rule, eq-chain-rule.
    """
    d = visitation.policy_visitation(mdp, pi)
    actions = dist.entropy(dist.log_probabilities(np.asarray(pi, dtype=float)))
    steps = np.sum(d.sum(axis=2) * actions) + np.sum(d * transition_entropy(mdp))
    return float(steps + _start_entropy(mdp))


def _start_entropy(mdp: EpisodicMDP) -> float:
    """H(s_1), 0 for one first state."""
    return float(dist.entropy(dist.log_probabilities(mdp.start_distribution)))


def mutual_information(mdp: EpisodicMDP, pi: ArrayLike) -> Floats:
    """I(x_{h-1}; x_h) of successive pairs x_h = (s_h, a_h) for h = 2, ..., H;
    shape (H-1,), each >= 0, in nats.

    H(d_h) - H(x_h | x_{h-1}) with H(x_h | x_{h-1}) = E H(p_{h-1}) + E H(pi_h).
    Their sum is the visitation entropy (sum over stages) minus the trajectory entropy.
    Source: thm-visit-traj-gap.
    """
    d = visitation.policy_visitation(mdp, pi)
    marginal = dist.entropy(dist.log_probabilities(d.reshape(mdp.H, -1)))
    actions = np.sum(
        d.sum(axis=2) * dist.entropy(dist.log_probabilities(np.asarray(pi, dtype=float))), axis=1
    )
    transitions = np.sum(d * transition_entropy(mdp), axis=(1, 2))
    return marginal[1:] - (transitions[:-1] + actions[1:])


# ---------------------------------------------------------------------------- soft Bellman optimum


@result
class SoftOptimum:
    """Soft Bellman values V (H, S), Q (H, S, A) and the policy softmax Q;
    ``value`` = V_1(s_1), or H(s_1) + E V_1(s_1) if s_1 is drawn, is the largest entropy.

    log_pi (H, S, A) keeps probabilities that underflow.
    """

    value: float
    V: Floats
    Q: Floats
    log_pi: Floats

    @property
    def pi(self) -> Floats:
        """softmax Q; shape (H, S, A)."""
        return np.exp(self.log_pi)


def soft_optimum(mdp: EpisodicMDP, *, last_transition: bool = False) -> SoftOptimum:
    """V_h = log sum_a exp Q_h(., a), Q_h = 1{h < H} [H(p_h) + p_h V_{h+1}]:
    the policy of largest trajectory entropy.

    The maximum is over all policies, also history-dependent ones, and softmax Q attains it.
    ``last_transition=True`` counts H(p) once more after a_H, i.e. maximises the entropy of
    (s_1, a_1, ..., s_H, a_H, s_{H+1}) instead; it needs a stationary kernel.
    The published code does this, the definition of the trajectory does not.
    Source: thm-mtee-soft-dp.
    """
    reward = transition_entropy(mdp)
    if check_flag("last_transition", last_transition):
        if not mdp.stationary:
            raise ValueError(
                "last_transition: an H-th transition is defined for a stationary kernel only"
            )
        reward[-1] = _row_entropies(mdp.P[0]).reshape(mdp.S, mdp.A)
    Q = np.empty_like(reward)
    V = np.empty(reward.shape[:2])
    for h in reversed(range(mdp.H)):
        ahead = mdp.next_mean(h, V[h + 1]) if h + 1 < mdp.H else 0.0
        Q[h] = np.where(mdp.available, reward[h] + ahead, -np.inf)
        V[h] = dist.logsumexp(Q[h])
    value = mdp.start_mean(V[0]) + _start_entropy(mdp)
    return SoftOptimum(value=value, V=V, Q=Q, log_pi=dist.log_softmax(Q))


def suboptimality(mdp: EpisodicMDP, pi: ArrayLike, optimum: SoftOptimum | None = None) -> float:
    """max H(q) - H(q^pi) = E_pi sum_h KL(pi_h(.|s_h) || pi*_h(.|s_h)) >= 0,
    computed as the expected divergence.

    No difference of large numbers is formed, so small gaps keep their relative accuracy.
    Source: thm-mtee-soft-dp.
    """
    optimum = optimum or soft_optimum(mdp)
    state = visitation.policy_visitation(mdp, pi).sum(axis=2)
    gaps = dist.kl(dist.log_probabilities(np.asarray(pi, dtype=float)), optimum.log_pi)
    return float(np.sum(state * gaps))


def uniform_policy(mdp: EpisodicMDP) -> Floats:
    """pi_h(a|s) = 1/A, or 1 over the number of available actions; shape (H, S, A)."""
    check_kind("mdp", mdp, EpisodicMDP)
    some = mdp.available / mdp.available.sum(axis=1, keepdims=True)
    return np.tile(some, (mdp.H, 1, 1))
