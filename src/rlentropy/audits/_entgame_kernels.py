"""Compiled kernels of `rlentropy.audits.entgame`.
Private; tests/rlentropy/audits/test_entgame.py holds a plain NumPy twin."""

from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from rlentropy._compile import kernel
from rlentropy._portable_kernels import log
from rlentropy.learners import _entgame_kernels as game
from rlentropy.learners import _entgame_unclipped as unclipped

# As in `_entgame_kernels`: nothing here makes an array, so references need no counting.
compiled = kernel(_nrt=False)

# `Notes.sums`: totals over the episodes played; "failed" counts those planned without optimism.
SUMS = ("regret", "width", "reward", "paid", "in_range", "deviation", "failed")
REGRET, WIDTH, REWARD, PAID, RANGE, DEVIATION, FAILED = range(7)
# `Notes.worst`: the smallest slack so far, and the largest n KL / alpha.
SLACKS = ("counts", "optimism", "certificate", "gap below", "gap above")
COUNTS, OPTIMISM, CERTIFICATE, GAP_BELOW, GAP_ABOVE, DIVERGENCE = range(6)
# A difference of two values of size H B_t is rounding when it is below this share of H B_t.
ROUNDING = 1e-12


class Notes(NamedTuple):
    """What the judge knows, and what he writes down."""

    P: np.ndarray  # (H - 1, S, A, S) the true kernel
    margin: float  # of the counts
    optimum: float
    N: np.ndarray  # (H, S, A) visit probabilities, summed
    last: np.ndarray  # (H, S, A) the counts of the episode before
    memory: np.ndarray  # (3, H + 1, S) V*, the value of the policy played, its state distribution
    sums: np.ndarray
    worst: np.ndarray


@compiled
def follow(world, books, plan, ahead, tables, source, notes, first, uniforms):
    """Play episodes first, first + 1, ... (one per row of uniforms), and judge each.

    The learner is that of `_entgame_kernels` (``source``) or of `_entgame_unclipped`, untouched:
    the judge reads its tables and writes only his `Notes`.
    """
    for e in range(len(uniforms)):
        bound = tables.bound[first + e]
        if source:
            game.plan_stages(plan, bound, tables.scale)
        else:
            unclipped.plan_unclipped(plan, ahead, tables, bound)
        _values(notes, books, plan, tables, bound)
        _policy(notes, books, plan, tables, bound, world.start)
        game.play_stages(world, books, plan, tables, bound, uniforms[e], False, not source)
        _seen(notes, books, tables, bound)


@compiled
def _values(notes, books, plan, tables, bound):
    """V* for the reward r^t by backward induction, and the optimism Qbar - Q*, Vbar - V*."""
    H, S, A = books.n.shape
    ceiling = H * bound
    best = notes.memory[0]
    least = inf
    best[H] = 0.0
    for h in range(H - 1, -1, -1):
        for s in range(S):
            top = -inf
            for a in range(A):
                n = books.n[h, s, a]
                ahead = 0.0
                if h < H - 1:
                    for z in range(S):
                        ahead += notes.P[h, s, a, z] * best[h + 1, z]
                if n > 0:  # elsewhere Qbar is infinite
                    hoped = tables.scale * ceiling * tables.spread[n]
                    if h < H - 1:
                        for k in range(books.degree[h, s]):
                            hoped += (
                                books.moves[h, s, a, k] / n * plan.V[h + 1, books.nexts[h, s, k]]
                            )
                    least = min(least, hoped - ahead)
                top = max(top, bound - tables.log[n] + ahead)
            best[h, s] = top
            least = min(least, plan.V[h, s] - top)
    notes.worst[OPTIMISM] = min(notes.worst[OPTIMISM], least)
    if least < -ROUNDING * ceiling:
        notes.sums[FAILED] += 1.0


@compiled
def _policy(notes, books, plan, tables, bound, start):
    """Exact value and visitation of the policy played, its widths, and the links of lem-gap."""
    H, S, _ = books.n.shape
    ceiling = H * bound
    P, sums, worst = notes.P, notes.sums, notes.worst
    best, value, d = notes.memory[0], notes.memory[1], notes.memory[2]
    value[H] = 0.0
    for h in range(H - 1, -1, -1):
        for s in range(S):
            a = plan.greedy[h, s]
            value[h, s] = bound - tables.log[books.n[h, s, a]]
            if h < H - 1:
                for z in range(S):
                    value[h, s] += P[h, s, a, z] * value[h + 1, z]
    d[:] = 0.0
    d[0, start] = 1.0
    width = 0.0
    for h in range(H):
        for s in range(S):
            m = d[h, s]
            if m == 0.0:
                continue
            a = plan.greedy[h, s]
            notes.N[h, s, a] += m
            n = books.n[h, s, a]
            w = ceiling
            if n > 0:
                w = min(w, (tables.scale + 0.5) * ceiling * tables.spread[n])
            width += m * w
            if h < H - 1:
                mean, square = 0.0, 0.0
                for z in range(S):
                    d[h + 1, z] += m * P[h, s, a, z]
                    mean += P[h, s, a, z] * value[h + 1, z]
                for z in range(S):
                    square += P[h, s, a, z] * (value[h + 1, z] - mean) ** 2
                if n > 0:
                    sums[RANGE] += m * 0.5 * ceiling * tables.spread[n]
                    sums[DEVIATION] += m * sqrt(square) * tables.spread[n]
    regret = best[0, start] - value[0, start]
    gap = plan.V[0, start] - value[0, start]
    sums[REGRET] += regret
    sums[WIDTH] += width
    sums[REWARD] += value[0, start]
    worst[CERTIFICATE] = min(worst[CERTIFICATE], best[0, start] - notes.optimum)
    worst[GAP_BELOW] = min(worst[GAP_BELOW], gap - regret)
    worst[GAP_ABOVE] = min(worst[GAP_ABOVE], width - gap)


@compiled
def _seen(notes, books, tables, bound):
    """What the forecaster paid for the episode just played, the divergences that it changed,
    and the counts."""
    P, N, last, sums, worst = notes.P, notes.N, notes.last, notes.sums, notes.worst
    H, S, A = books.n.shape
    for h in range(H):
        for s in range(S):
            for a in range(A):
                n = books.n[h, s, a]
                if n > last[h, s, a]:
                    sums[PAID] += bound - tables.log[last[h, s, a]]
                    last[h, s, a] = n
                    if h < H - 1:
                        alpha = n * tables.spread[n] ** 2 / 2
                        nkl = 0.0
                        for k in range(books.degree[h, s]):
                            m = books.moves[h, s, a, k]
                            if m > 0:
                                nkl += m * log(m / (n * P[h, s, a, books.nexts[h, s, k]]))
                        worst[DIVERGENCE] = max(worst[DIVERGENCE], nkl / alpha)
                if n >= 0:  # elsewhere the action is unavailable
                    worst[COUNTS] = min(worst[COUNTS], n - N[h, s, a] / 2 + notes.margin)


# --------------------------------------------------------------------------------- two simulations


@compiled
def divergence_paths(log_p, cumulative, uniforms, allowance, nlogn, counts, highest):
    """highest[i] = max over n >= 1 of n KL(phat_n || p) - allowance[n] along path i;
    uniforms (paths, length)."""
    S = len(log_p)
    for i in range(len(uniforms)):
        counts[:] = 0
        highest[i] = -inf
        for t in range(uniforms.shape[1]):
            x = 0
            while x < S - 1 and uniforms[i, t] >= cumulative[x]:
                x += 1
            counts[x] += 1
            nkl = -nlogn[t + 1]
            for y in range(S):
                if counts[y] > 0:
                    nkl += nlogn[counts[y]] - counts[y] * log_p[y]
            highest[i] = max(highest[i], nkl - allowance[t + 1])


@compiled
def deficit_paths(small, large, share, uniforms, highest):
    """highest[i] = max over t of share * sum P - sum X along path i, where P_t depends on the past.

    P_t is ``small`` after an even number of successes and ``large`` after an odd one;
    uniforms (paths, length).
    """
    for i in range(len(uniforms)):
        deficit, successes = 0.0, 0
        highest[i] = -inf
        for t in range(uniforms.shape[1]):
            P = small if successes % 2 == 0 else large
            deficit += share * P
            if uniforms[i, t] < P:
                deficit -= 1.0
                successes += 1
            highest[i] = max(highest[i], deficit)
