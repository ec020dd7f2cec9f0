"""Compiled kernels of EntGame per stage with the rule of def-unclipped-rule: where values stand at
the ceiling, what would come without a ceiling decides.

Beside Qbar and Vbar of `_entgame_kernels`, planning works out

    U_h(s, a) = r + b + phat max_a' U_{h+1},   U_{H+1} = 0,
    phat uniform and b that of one visit where n = 0,

and takes the first maximiser of U among the actions with Qbar >= ceiling; where there are none,
the first maximiser of Qbar. Without a ceiling (``tables.clip`` false) U alone is left.
Every visited state is open here, since U changes with everything behind it.
"""

from typing import NamedTuple

import numpy as np

from rlentropy.learners._entgame_kernels import (
    _add_means,
    _gather,
    _rewards,
    compiled,
    inlined,
    play_stages,
)
from rlentropy.learners.simulator import add_visitation


class Ahead(NamedTuple):
    """What this rule keeps beside `_entgame_kernels.Plan`; slots are those of the plan."""

    U: np.ndarray  # (H + 1, S) unclipped values of the last planning
    rows: np.ndarray  # (K + 3, S) working memory
    action: np.ndarray  # (S,) working memory


def ahead(H, S, K):
    """Empty `Ahead` with room for K successors of a state."""
    return Ahead(
        U=np.zeros((H + 1, S)),
        rows=np.zeros((K + 3, S)),
        action=np.zeros(S, np.int64),
    )


def widened(ahead, K):
    """The same with room for K successors."""
    return ahead._replace(rows=np.zeros((K + 3, ahead.rows.shape[1])))


@inlined
def _compare(a, q, u, size, reach, best, action, most, taken, value):
    """Running maxima over actions: of Qbar, of U where Qbar reaches the ceiling, and of U."""
    if a == 0:
        for j in range(size):
            best[j] = q[j]
            action[j] = 0
            most[j] = u[j] if q[j] >= reach else -np.inf
            taken[j] = 0
            value[j] = u[j]
    else:
        for j in range(size):
            better = q[j] > best[j]
            best[j] = q[j] if better else best[j]
            action[j] = a if better else action[j]
            further = q[j] >= reach and u[j] > most[j]
            most[j] = u[j] if further else most[j]
            taken[j] = a if further else taken[j]
            value[j] = max(value[j], u[j])


@compiled
def plan_unclipped(plan, ahead, tables, bound):
    """Backward induction over the visited states for Qbar and U; a state never visited has the
    ceiling and the U of a pair without data."""
    H, A, S = plan.log.shape
    K = plan.nexts.shape[1]
    beta = tables.scale * (H * bound)
    fresh = bound + beta * tables.spread[0]
    seen = plan.rows[:K]
    q = plan.rows[K]
    best = plan.rows[K + 1]
    action = plan.action
    hoped, u, most, value = (
        ahead.rows[:K],
        ahead.rows[K],
        ahead.rows[K + 1],
        ahead.rows[K + 2],
    )
    taken = ahead.action
    average = 0.0
    for h in range(H - 1, -1, -1):
        size = plan.size[h]
        width = plan.width[h]
        V = plan.V[h]
        U = ahead.U[h]
        state = plan.state[h]
        greedy = plan.greedy[h]
        ceiling = (H - h) * bound if tables.staged else H * bound
        reach = ceiling if tables.clip else -np.inf
        unseen = fresh + average
        V[:] = ceiling if tables.clip else unseen
        U[:] = unseen
        _gather(plan.nexts[h], width, size, plan.V[h + 1], seen)
        _gather(plan.nexts[h], width, size, ahead.U[h + 1], hoped)
        for a in range(A):
            blank = plan.blank[h, a]
            _rewards(bound, beta, plan.log[h, a], plan.spread[h, a], size, q)
            for j in range(size):
                u[j] = q[j] + blank[j] * average
            _add_means(plan.p[h, a], hoped, width, size, u)
            _add_means(plan.p[h, a], seen, width, size, q)
            for j in range(size):
                q[j] = np.inf if blank[j] > 0.0 else q[j]
            _compare(a, q, u, size, reach, best, action, most, taken, value)
        total = (S - size) * unseen
        for j in range(size):
            s = state[j]
            at_ceiling = best[j] >= reach
            V[s] = min(best[j], ceiling) if tables.clip else value[j]
            U[s] = value[j]
            greedy[s] = taken[j] if at_ceiling else action[j]
            total += value[j]
        average = total / S


@compiled
def run_unclipped(world, books, plan, ahead, tables, first, uniforms, evaluate, mass, total):
    """As `_entgame_kernels.run_stages`, by this rule."""
    for e in range(len(uniforms)):
        bound = tables.bound[first + e]
        plan_unclipped(plan, ahead, tables, bound)
        if evaluate:
            add_visitation(world, plan.greedy, mass, total)
        if not play_stages(world, books, plan, tables, bound, uniforms[e], False, True):
            return e + 1
    return len(uniforms)
