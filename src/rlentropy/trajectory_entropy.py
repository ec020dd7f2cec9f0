"""Entropy of the whole trajectory (s_1, a_1, ..., s_H, a_H): chain rule, soft Bellman optimum, enumeration.

An episode has H states, H actions and H - 1 transitions: what follows a_H is not part of the trajectory.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import log

import numpy as np

from rlentropy import distributions as dist
from rlentropy import visitation
from rlentropy.validation import check_integer

# ------------------------------------------------------------------------------------------------------- chain rule


def transition_entropy(mdp):
    """H(p_h(. | s, a)) for h < H, and 0 at the last stage, which no transition leaves; shape (H, S, A), in nats.

    Source: thm-traj-chain-rule.
    """
    stages = [_row_entropies(K).reshape(mdp.S, mdp.A) for K in mdp.P]
    rows = stages * (mdp.H - 1) if mdp.stationary else stages
    return np.array([*rows, np.zeros((mdp.S, mdp.A))])


def _row_entropies(K):
    """Entropy of each row of a CSR matrix of probabilities."""
    positive = K.data > 0
    terms = np.multiply(K.data, np.log(K.data, where=positive, out=np.zeros_like(K.data)))
    rows = np.repeat(np.arange(K.shape[0]), np.diff(K.indptr))
    return -np.bincount(rows, weights=terms, minlength=K.shape[0]) + 0.0


def trajectory_entropy(mdp, pi):
    """H(q^pi) = sum_{h<=H} E H(pi_h(.|s_h)) + sum_{h<H} E H(p_h(.|s_h, a_h)) of a Markov policy pi (H, S, A), in nats.

    Only the H - 1 transitions inside the trajectory count. Source: thm-traj-chain-rule, eq-chain-rule.
    """
    d = visitation.episodic_visitation(mdp, pi)
    actions = dist.entropy(dist.log_probabilities(np.asarray(pi, dtype=float)))
    return float(np.sum(d.sum(axis=2) * actions) + np.sum(d * transition_entropy(mdp)))


def mutual_information(mdp, pi):
    """I(x_{h-1}; x_h) of successive pairs x_h = (s_h, a_h) for h = 2, ..., H; shape (H-1,), each >= 0, in nats.

    H(d_h) - H(x_h | x_{h-1}) with H(x_h | x_{h-1}) = E H(p_{h-1}) + E H(pi_h). Their sum is the visitation entropy
    (sum over stages) minus the trajectory entropy. Source: thm-visit-traj-gap.
    """
    d = visitation.episodic_visitation(mdp, pi)
    marginal = dist.entropy(dist.log_probabilities(d.reshape(mdp.H, -1)))
    actions = np.sum(d.sum(axis=2) * dist.entropy(dist.log_probabilities(np.asarray(pi, dtype=float))), axis=1)
    transitions = np.sum(d * transition_entropy(mdp), axis=(1, 2))
    return marginal[1:] - (transitions[:-1] + actions[1:])


# -------------------------------------------------------------------------------------------- soft Bellman optimum


@dataclass(frozen=True)
class SoftOptimum:
    """Soft Bellman values V (H, S), Q (H, S, A) and the policy softmax Q; ``value`` = V_1(s_1) is the largest entropy.

    log_pi (H, S, A) keeps probabilities that underflow.
    """

    value: float
    V: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)
    log_pi: np.ndarray = field(repr=False)

    @property
    def pi(self):
        """softmax Q; shape (H, S, A)."""
        return np.exp(self.log_pi)


def soft_optimum(mdp, *, last_transition=False):
    """V_h = log sum_a exp Q_h(., a), Q_h = 1{h < H} [H(p_h) + p_h V_{h+1}]: the policy of largest trajectory entropy.

    The maximum is over all policies, also history-dependent ones, and softmax Q attains it.
    ``last_transition=True`` counts H(p) once more after a_H, i.e. maximises the entropy of
    (s_1, a_1, ..., s_H, a_H, s_{H+1}) instead; it needs a stationary kernel. The published code does this, the
    definition of the trajectory does not.
    Source: thm-mtee-soft-dp.
    """
    reward = transition_entropy(mdp)
    if last_transition:
        if not mdp.stationary:
            raise ValueError("last_transition: an H-th transition is defined for a stationary kernel only")
        reward[-1] = _row_entropies(mdp.P[0]).reshape(mdp.S, mdp.A)
    Q, V = np.empty_like(reward), np.empty(reward.shape[:2])
    for h in reversed(range(mdp.H)):
        Q[h] = reward[h] + (mdp.next_mean(h, V[h + 1]) if h + 1 < mdp.H else 0.0)
        V[h] = dist.logsumexp(Q[h])
    return SoftOptimum(value=float(V[0, mdp.start]), V=V, Q=Q, log_pi=dist.log_softmax(Q))


def suboptimality(mdp, pi, optimum=None):
    """max H(q) - H(q^pi) = E_pi sum_h KL(pi_h(.|s_h) || pi*_h(.|s_h)) >= 0, computed as the expected divergence.

    No difference of large numbers is formed, so small gaps keep their relative accuracy. Source: thm-mtee-soft-dp.
    """
    optimum = optimum or soft_optimum(mdp)
    state = visitation.episodic_visitation(mdp, pi).sum(axis=2)
    gaps = dist.kl(dist.log_probabilities(np.asarray(pi, dtype=float)), optimum.log_pi)
    return float(np.sum(state * gaps))


def uniform_policy(mdp):
    """pi_h(a|s) = 1/A; shape (H, S, A)."""
    return np.full((mdp.H, mdp.S, mdp.A), 1 / mdp.A)


# ------------------------------------------------------------------------------------------- enumeration (tiny MDPs)


def enumerate_trajectories(P, policy, start):
    """q(m) = pi_1(a_1|s_1) prod_{h>=2} p_{h-1}(s_h|s_{h-1}, a_{h-1}) pi_h(a_h|s_h): {m: q(m)} over q(m) > 0.

    P        (H-1, S, A, S) nested sequence or array; entries may be Fractions, and the result is then exact
    policy   (H, S, A) likewise, or a function of the history (s_1, a_1, ..., s_h) that returns A probabilities
    start    index of s_1
    A trajectory m is the tuple (s_1, a_1, ..., s_H, a_H). The work grows like (S A)^H: an oracle for tests.
    Source: def-trajectory-entropy.
    """
    H = check_integer("horizon", len(P) + 1, low=1)
    if callable(policy):
        choose = policy
    else:
        if len(policy) != H:
            raise ValueError(f"policy: {len(policy)} stages, expected {H}")
        choose = lambda history: policy[len(history) // 2][history[-1]]  # noqa: E731
    prefixes = {(start,): 1}
    for h in range(H):
        acted = {(*m, a): q * w for m, q in prefixes.items() for a, w in enumerate(choose(m)) if w > 0}
        if h == H - 1:
            return acted
        prefixes = {(*m, s): q * w for m, q in acted.items() for s, w in enumerate(P[h][m[-2]][m[-1]]) if w > 0}


def law_entropy(law):
    """-sum q log q of a {outcome: probability} table, in nats, as a float."""
    return -sum(float(q) * log(q) for q in law.values() if q > 0)


def joint_entropy(law, *stages):
    """Entropy of the pairs (s_h, a_h) at the given stages (counted from 0), in nats: H(x_h), H(x_h, x_k), ..."""
    return law_entropy(marginal(law, [i for h in stages for i in (2 * h, 2 * h + 1)]))


def marginal(law, places):
    """Law of the entries ``places`` of the tuples of a {tuple: probability} table."""
    out = {}
    for m, q in law.items():
        key = tuple(m[i] for i in places)
        out[key] = out.get(key, 0) + q
    return out


def log_prime_coefficients(terms):
    """Exact coordinates of sum_i w_i log q_i, rational w_i and q_i > 0, in the logarithms of the primes.

    terms is an iterable of (w_i, q_i); returns ((prime, Fraction), ...) in increasing order, zeros left out. Logarithms
    of distinct primes are linearly independent over the rationals (unique factorisation), so two sums are equal
    iff these tables are.
    """
    from sympy import factorint

    out = {}
    for w, q in terms:
        q = Fraction(q)
        for number, sign in ((q.numerator, 1), (q.denominator, -1)):
            for prime, power in factorint(number).items():
                out[prime] = out.get(prime, Fraction(0)) + Fraction(w) * sign * power
    return tuple((int(prime), c) for prime, c in sorted(out.items()) if c)


def exact_entropy(law):
    """The entropy of a {outcome: Fraction} table as `log_prime_coefficients`: H = sum over primes c_p log p."""
    return log_prime_coefficients((-q, q) for q in law.values())


def exact_chain_rule(P, pi, start, *, transitions=None):
    """sum_h E H(pi_h) + sum_{h<=transitions} E H(p_h) as `log_prime_coefficients`: the chain rule's right side, exact.

    P (H-1, S, A, S) and pi (H, S, A) of Fractions; ``transitions`` defaults to H - 1. Any other count is a wrong
    formula (with H, the last kernel is used once more). Source: thm-traj-chain-rule.
    """
    H, law = len(pi), enumerate_trajectories(P, pi, start)
    transitions = H - 1 if transitions is None else transitions
    terms = []
    for h in range(H):
        for (s, a), q in marginal(law, (2 * h, 2 * h + 1)).items():
            terms.append((-q, Fraction(pi[h][s][a])))
            row = P[min(h, H - 2)][s][a] if h < transitions else []
            terms += [(-q * Fraction(w), Fraction(w)) for w in row if w > 0]
    return log_prime_coefficients(terms)


def rational_mdp(states, actions, horizon, seed, *, denominator=12):
    """Random rational kernels P (H-1, S, A, S) and policy pi (H, S, A) as nested lists of Fractions, for exact checks.

    Rows are random compositions of ``denominator``; some entries are 0.
    """
    rng = np.random.default_rng(seed)

    def row(n):
        counts = rng.multinomial(denominator, rng.dirichlet(np.ones(n)))
        return [Fraction(int(c), denominator) for c in counts]

    P = [[[row(states) for _ in range(actions)] for _ in range(states)] for _ in range(horizon - 1)]
    return P, [[row(actions) for _ in range(states)] for _ in range(horizon)]


def history_policy(mdp, seed):
    """A random policy of the whole history (s_1, a_1, ..., s_h), a function to (A,) probabilities fixed by ``seed``."""

    def policy(history):
        return np.random.default_rng([seed, len(history), *history]).dirichlet(np.ones(mdp.A))

    return policy
