"""Laws of whole trajectories of tiny episodic MDPs by enumeration,
and their entropies in exact arithmetic."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from math import log, nan
from numbers import Real
from typing import Any

import numpy as np

from rlentropy._types import Floats
from rlentropy.exact import _given, histories
from rlentropy.validation import check_integer, check_sizes

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
    Raises ValueError for rows of P or policy that are no distributions, and for another state.
    Source: def-trajectory-entropy.
    """
    P = _given.kernels(P)
    if callable(policy):
        return histories.episode_law(P, start, policy)
    pi = _given.policy("policy", policy, P)
    P = P.reshape(len(P), *pi.shape[1:], pi.shape[1])  # also where there is no transition
    return histories.episode_law(P, start, lambda m: pi[len(m) // 2][m[-1]])


def law_entropy(law: Law) -> float:
    """-sum q log q of a {outcome: probability} table, in nats, as a float.

    Raises ValueError for what is no table of probabilities of tuples.
    """
    return -sum(float(q) * log(q) for q in _checked(law).values() if q > 0)


def _checked(law: Law) -> Law:
    """A {tuple: probability} table; probabilities >= 0 that need not be all of them."""
    if not isinstance(law, dict):
        raise ValueError(f"law: {type(law).__name__}, expected a table of probabilities")
    for m, q in law.items():
        if not isinstance(m, tuple) or not 0 <= _number(q) <= 1 + 1e-9:
            raise ValueError(f"law[{m!r}] = {q!r}: expected a probability of a tuple")
    return law


def _number(q: Any) -> float:
    """A real number as a float, nan for anything else."""
    return float(q) if isinstance(q, Real) else nan


def joint_entropy(law: Law, *stages: int) -> float:
    """Entropy of the pairs (s_h, a_h) at the given stages (counted from 0), in nats:
    H(x_h), H(x_h, x_k), ..."""
    return law_entropy(marginal(law, [i for h in stages for i in (2 * h, 2 * h + 1)]))


def marginal(law: Law, places: Sequence[int]) -> Law:
    """Law of the entries ``places`` of the tuples of a {tuple: probability} table.

    Raises ValueError as `law_entropy`, and for places that are no whole numbers >= 0.
    """
    if isinstance(places, str) or not isinstance(places, Sequence):
        raise ValueError(f"places: {type(places).__name__}, expected a list of whole numbers")
    places = [check_integer(f"places[{i}]", place) for i, place in enumerate(places)]
    out: Law = {}
    for m, q in _checked(law).items():
        key = tuple(m[i] for i in places)
        out[key] = out.get(key, 0) + q
    return out


def log_prime_coefficients(terms: Iterable[tuple[Any, Any]]) -> PrimeSum:
    """Exact coordinates of sum_i w_i log q_i, rational w_i and q_i > 0,
    in the logarithms of the primes.

    terms is an iterable of (w_i, q_i); returns ((prime, Fraction), ...) in increasing order, zeros
    left out. Logarithms of distinct primes are linearly independent over the rationals
    (unique factorisation), so two sums are equal iff these tables are.
    Raises ValueError for a term that is no pair of rational numbers, or whose q is not > 0.
    """
    from sympy import factorint

    out: dict[int, Fraction] = {}
    for i, (w, q) in enumerate(_pairs(terms)):
        if not q > 0:
            raise ValueError(f"terms[{i}]: the logarithm of {q}, which is not positive")
        for number, sign in ((q.numerator, 1), (q.denominator, -1)):
            for prime, power in factorint(number).items():
                out[prime] = out.get(prime, Fraction(0)) + w * sign * power
    return tuple((int(prime), c) for prime, c in sorted(out.items()) if c)


def _pairs(terms: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Fraction, Fraction]]:
    """The terms as pairs of Fractions."""
    if isinstance(terms, str) or not isinstance(terms, Iterable):
        raise ValueError(f"terms: {type(terms).__name__}, expected pairs of rational numbers")
    for i, term in enumerate(terms):
        try:
            w, q = map(Fraction, term)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"terms[{i}] = {term!r}: expected two rational numbers") from None
        yield w, q


def exact_entropy(law: Law) -> PrimeSum:
    """The entropy of a {outcome: Fraction} table as `log_prime_coefficients`:
    H = sum over primes c_p log p. Raises ValueError as `law_entropy`."""
    return log_prime_coefficients((-q, q) for q in _checked(law).values() if q)


def exact_chain_rule(P: Any, pi: Any, start: int, *, transitions: int | None = None) -> PrimeSum:
    """sum_h E H(pi_h) + sum_{h<=transitions} E H(p_h) as `log_prime_coefficients`:
    the chain rule's right side, exact.

    P (H-1, S, A, S) and pi (H, S, A) of Fractions; ``transitions`` defaults to H - 1.
    Any other count is a wrong formula (with H, the last kernel is used once more).
    Source: thm-traj-chain-rule.
    """
    P = _given.kernels(P)
    pi = _given.policy("pi", pi, P)
    H = len(pi)
    law = enumerate_trajectories(P, pi, start)
    transitions = H - 1 if transitions is None else check_integer("transitions", transitions)
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
    Raises ValueError for a size that is no whole number >= 1, and for a seed < 0.
    """
    check_sizes(states=states, actions=actions, horizon=horizon, denominator=denominator)
    rng = np.random.default_rng(check_integer("seed", seed))

    def row(n: int) -> list[Fraction]:
        counts = rng.multinomial(denominator, rng.dirichlet(np.ones(n)))
        return [Fraction(int(c), denominator) for c in counts]

    P = [[[row(states) for _ in range(actions)] for _ in range(states)] for _ in range(horizon - 1)]
    return P, [[row(actions) for _ in range(states)] for _ in range(horizon)]


def history_policy(mdp: Any, seed: int) -> Callable[[tuple[int, ...]], Floats]:
    """A random policy of the whole history (s_1, a_1, ..., s_h),
    a function to (A,) probabilities fixed by ``seed``."""

    seed = check_integer("seed", seed)
    actions = check_integer("mdp.A", getattr(mdp, "A", None), low=1)

    def policy(history: tuple[int, ...]) -> Floats:
        return np.random.default_rng([seed, len(history), *history]).dirichlet(np.ones(actions))

    return policy
