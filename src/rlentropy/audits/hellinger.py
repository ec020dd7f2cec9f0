"""The regularised game without its last factor H: laws of states compared by Hellinger's distance.

With h^2(p, q) = sum (sqrt p - sqrt q)^2, b = log(S T), r = (1 - 1/T) d* + 1/(S T) and
X = G_T + H (R_T + 2 + C_T),

    T (H* - H_visit(dhat))  <=  (2 + b) [4 X + 9 H S L_3],   L_3 = log(12 S H J / delta),

J = 1 + ceil(log2(T) / 2). The balance of `regularized_game` leaves half of T KL(dtilde || r) over;
it pays for T KL(dhat || r) by way of h^2, because counts differ little from their expectations.
Only whoever judges a learner may use this module, for it reads the kernel.
Source: lem-hellinger, cor-regularised-sharper.
"""

from collections.abc import Iterable
from math import ceil, log, log2

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Floats
from rlentropy.audits import regularized_game
from rlentropy.distributions import SLACK
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners.regularized_game import GameBlock
from rlentropy.validation import check_array, check_confidence, check_kind, refuse


def distance(p: ArrayLike, q: ArrayLike) -> Floats:
    """h^2(p, q) = sum (sqrt p - sqrt q)^2 over the last axis; p, q (..., S) distributions.

    Raises ValueError for an entry that is no probability, and for unequal numbers of symbols;
    whether they sum to 1 is not asked. Source: lem-hellinger.
    """
    p, q = check_array("p", p), check_array("q", q)
    for name, x in {"p": p, "q": q}.items():
        refuse(name, x, (x < 0) | (x > 1 + SLACK), "not a probability")
    if p.shape[-1:] != q.shape[-1:] or p.ndim == 0:
        raise ValueError(f"q: shape {q.shape} beside p: shape {p.shape}, expected as many symbols")
    return np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=-1)


def count_margin(T: float, S: int, H: int, delta: float) -> float:
    """L_3 = log(12 S H J / delta), J = 1 + ceil(log2(T) / 2).

    With probability at least 1 - delta/6, (sqrt n - sqrt N)^2 <= 9 L_3 / 2 for every stage and
    state: n are its visits in T episodes, N their summed probabilities.
    Raises ValueError unless S >= 2, H >= 1, T >= 2 and 0 < delta < 1. Source: lem-hellinger.
    """
    T = regularized_game._checked(T, S, 2, H)
    check_confidence("delta", delta)
    return log(12 * S * H * (1 + ceil(log2(T) / 2)) / delta)


def sharper_bound(T: float, S: int, A: int, H: int, delta: float) -> float:
    """(2 + log(S T)) [4 (G_T + H (R_T + 2 + C_T)) + 9 H S L_3]: bound on T times the gap,
    in nats.

    Raises ValueError as `regularized_game.fast_bound`. Source: cor-regularised-sharper.
    """
    X = regularized_game.fast_bound(T, S, A, H, delta) / H
    return (2 + log(S * T)) * (4 * X + 9 * H * S * count_margin(T, S, H, delta))


def visits(mdp: EpisodicMDP, blocks: Iterable[GameBlock]) -> tuple[Floats, Floats]:
    """Of a run: how often each state was seen, n (H, S), and the summed visitations of its
    policies, N (H, S, A). Raises ValueError for what is no run.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    if not isinstance(blocks, Iterable):
        raise ValueError(f"blocks = {blocks!r}: not an iterable of blocks")
    seen = np.zeros((mdp.H, mdp.S))
    expected = np.zeros((mdp.H, mdp.S, mdp.A))
    for block in blocks:
        check_kind("blocks", block, GameBlock)
        seen += np.eye(mdp.S)[block.states].sum(axis=0)
        expected += regularized_game.visitations(mdp, block.Q).sum(axis=0)
    return seen, expected
