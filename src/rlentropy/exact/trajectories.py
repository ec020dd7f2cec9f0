"""Laws of whole trajectories of tiny episodic MDPs by enumeration,
and their entropies in exact arithmetic."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import log
from typing import Any

import numpy as np

from rlentropy._types import Floats
from rlentropy.validation import check_integer

# Probabilities of tuples, and sums of logarithms of primes with rational coefficients.
Law = dict[tuple[int, ...], Any]
PrimeSum = tuple[tuple[int, Fraction], ...]


def enumerate_trajectories(P: Any, policy: Any, start: int) -> Law:
    """q(m) = pi_1(a_1|s_1) prod_{h>=2} p_{h-1}(s_h|s_{h-1}, a_{h-1}) pi_h(a_h|s_h), as
    {m: q(m)} over q(m) > 0.

    P        (H-1, S, A, S) nested sequence or array;
             entries may be Fractions, and the result is then exact
    policy   (H, S, A) likewise, or a function of the history (s_1, a_1, ..., s_h) that
             returns A probabilities
    start    index of s_1
    A trajectory m is the tuple (s_1, a_1, ..., s_H, a_H).
    The work grows like (S A)^H: an oracle for tests.
    Source: def-trajectory-entropy.
    """
    H = check_integer("horizon", len(P) + 1, low=1)
    if callable(policy):
        choose = policy
    else:
        if len(policy) != H:
            raise ValueError(f"policy: {len(policy)} stages, expected {H}")
        choose = lambda history: policy[len(history) // 2][history[-1]]  # noqa: E731
    prefixes: Law = {(start,): 1}
    for h in range(H):
        acted: Law = {
            (*m, a): q * w for m, q in prefixes.items() for a, w in enumerate(choose(m)) if w > 0
        }
        if h + 1 < H:
            prefixes = {
                (*m, s): q * w
                for m, q in acted.items()
                for s, w in enumerate(P[h][m[-2]][m[-1]])
                if w > 0
            }
    return acted


def law_entropy(law: Law) -> float:
    """-sum q log q of a {outcome: probability} table, in nats, as a float."""
    return -sum(float(q) * log(q) for q in law.values() if q > 0)


def joint_entropy(law: Law, *stages: int) -> float:
    """Entropy of the pairs (s_h, a_h) at the given stages (counted from 0), in nats:
    H(x_h), H(x_h, x_k), ..."""
    return law_entropy(marginal(law, [i for h in stages for i in (2 * h, 2 * h + 1)]))


def marginal(law: Law, places: Sequence[int]) -> Law:
    """Law of the entries ``places`` of the tuples of a {tuple: probability} table."""
    out: Law = {}
    for m, q in law.items():
        key = tuple(m[i] for i in places)
        out[key] = out.get(key, 0) + q
    return out


def log_prime_coefficients(terms: Iterable[tuple[Any, Any]]) -> PrimeSum:
    """Exact coordinates of sum_i w_i log q_i, rational w_i and q_i > 0,
    in the logarithms of the primes.

    terms is an iterable of (w_i, q_i); returns ((prime, Fraction), ...) in increasing order, zeros
    left out. Logarithms of distinct primes are linearly independent over the rationals
    (unique factorisation), so two sums are equal iff these tables are.
    """
    from sympy import factorint

    out: dict[int, Fraction] = {}
    for w, q in terms:
        q = Fraction(q)
        for number, sign in ((q.numerator, 1), (q.denominator, -1)):
            for prime, power in factorint(number).items():
                out[prime] = out.get(prime, Fraction(0)) + Fraction(w) * sign * power
    return tuple((int(prime), c) for prime, c in sorted(out.items()) if c)


def exact_entropy(law: Law) -> PrimeSum:
    """The entropy of a {outcome: Fraction} table as `log_prime_coefficients`:
    H = sum over primes c_p log p."""
    return log_prime_coefficients((-q, q) for q in law.values())


def exact_chain_rule(P: Any, pi: Any, start: int, *, transitions: int | None = None) -> PrimeSum:
    """sum_h E H(pi_h) + sum_{h<=transitions} E H(p_h) as `log_prime_coefficients`:
    the chain rule's right side, exact.

    P (H-1, S, A, S) and pi (H, S, A) of Fractions; ``transitions`` defaults to H - 1.
    Any other count is a wrong
    formula (with H, the last kernel is used once more). Source: thm-traj-chain-rule.
    """
    H = len(pi)
    law = enumerate_trajectories(P, pi, start)
    transitions = H - 1 if transitions is None else transitions
    terms = []
    for h in range(H):
        for (s, a), q in marginal(law, (2 * h, 2 * h + 1)).items():
            terms.append((-q, Fraction(pi[h][s][a])))
            row = P[min(h, H - 2)][s][a] if h < transitions else []
            terms += [(-q * Fraction(w), Fraction(w)) for w in row if w > 0]
    return log_prime_coefficients(terms)


def rational_mdp(
    states: int, actions: int, horizon: int, seed: int, *, denominator: int = 12
) -> tuple[list[Any], list[Any]]:
    """Random rational kernels P (H-1, S, A, S) and policy pi (H, S, A), for exact checks: nested
    lists of Fractions.

    Rows are random compositions of ``denominator``; some entries are 0.
    """
    rng = np.random.default_rng(seed)

    def row(n: int) -> list[Fraction]:
        counts = rng.multinomial(denominator, rng.dirichlet(np.ones(n)))
        return [Fraction(int(c), denominator) for c in counts]

    P = [[[row(states) for _ in range(actions)] for _ in range(states)] for _ in range(horizon - 1)]
    return P, [[row(actions) for _ in range(states)] for _ in range(horizon)]


def history_policy(mdp: Any, seed: int) -> Callable[[tuple[int, ...]], Floats]:
    """A random policy of the whole history (s_1, a_1, ..., s_h),
    a function to (A,) probabilities fixed by ``seed``."""

    def policy(history: tuple[int, ...]) -> Floats:
        return np.random.default_rng([seed, len(history), *history]).dirichlet(np.ones(mdp.A))

    return policy
