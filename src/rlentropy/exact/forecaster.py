"""The forecaster that counts, in exact arithmetic: its probabilities and regrets as Fractions."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, factorial, prod

import numpy as np

from rlentropy._types import Ints
from rlentropy.validation import LARGEST, check_indices, check_integer, check_number


def count_vectors(T: int, m: int) -> Ints:
    """All vectors of m counts >= 0 with sum T; (binom(T + m - 1, m - 1), m) whole numbers."""
    T, m = check_integer("T", T), check_integer("m", m, low=1)
    bars = np.array(list(combinations(range(T + m - 1), m - 1)), dtype=int).reshape(
        comb(T + m - 1, m - 1), m - 1
    )
    edges = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, T + m - 1)))
    return np.diff(edges, axis=1) - 1


def probability(counts: Sequence[int], n0: Fraction | int) -> Fraction:
    """prod_t dbar^t(x_t) as a Fraction: what the forecaster gives a sequence with these whole
    counts; n0 > 0 rational. Raises ValueError for other counts and n0."""
    n0 = _prior(n0)
    seen = _counts(counts)
    m = len(seen)

    def rising(x: Fraction, k: int) -> Fraction:
        return prod((x + j for j in range(k)), start=Fraction(1))

    return prod((rising(n0, n) for n in seen), start=Fraction(1)) / rising(m * n0, sum(seen))


def _prior(n0: Fraction | int) -> Fraction:
    """A prior count > 0 as a Fraction."""
    n0 = n0 if type(n0) is Fraction else Fraction(check_number("n0", n0))
    if not n0 > 0:
        raise ValueError(f"n0 = {n0}: must be greater than 0")
    return n0


def _counts(counts: Sequence[int]) -> list[int]:
    """Whole numbers >= 0, one for each symbol."""
    whole: list[int] = check_indices("counts", counts, LARGEST, (None,)).tolist()
    return whole


def shtarkov_sum(T: int, m: int) -> Fraction:
    """The best fixed probabilities of all m^T sequences added up, as a Fraction:
    exp of the least possible regret.

    Summed over count vectors, for small T and m. Source: prop-prior-count; Shtarkov (1987).
    """

    def of_all_orders(counts: Sequence[int]) -> Fraction:
        orders = factorial(T) // prod(factorial(n) for n in counts)
        return prod((Fraction(n, T) ** n for n in counts if n), start=Fraction(orders))

    vectors = count_vectors(T, m).tolist()
    return sum((of_all_orders(counts) for counts in vectors), start=Fraction(0))


def exp_regret(counts: Sequence[int], n0: Fraction | int) -> Fraction:
    """exp(regret) as a Fraction: the best fixed probability prod_x (n_x / T)^n_x over
    `probability`; n0 rational.

    Regrets are compared without rounding by comparing these.
    """
    seen = _counts(counts)
    T = sum(seen)
    best = prod((Fraction(n, T) ** n for n in seen if n), start=Fraction(1))
    return best / probability(counts, n0)
