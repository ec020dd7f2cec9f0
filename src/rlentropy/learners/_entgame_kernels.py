"""Compiled kernels of `rlentropy.entgame`.
In-place and private; tests/test_entgame.py holds their plain NumPy twins.

What a learner knows is kept twice, each in the order in which it is used:

    Books   per pair (h, s) all counts together: read and written where the episode passes
    Plan    per stage one row per quantity over the *open* states,
            those that backward induction has to visit;
            the loops over such rows are the whole cost of an episode,
            and compilers turn them into vector code

Rewards are written with the identity log(t + t_0) = B_t + log n_0:
log(1 / dbar_h(s, a)) = B_t - log(1 + n / n_0).
The logarithm and the bonus depend on n through tables, so that no logarithm or root is taken during
an episode.
"""

from typing import NamedTuple

import numpy as np

from rlentropy._compile import kernel
from rlentropy._portable_kernels import log
from rlentropy.learners.simulator import add_visitation, begin, draw

# Nothing compiled here makes an array, so counting references to arrays is off:
# in short loops it costs most of the
# time. Small pieces are pasted into their callers.
compiled = kernel(_nrt=False)
inlined = kernel(inline="always")


class Tables(NamedTuple):
    """Functions of a count n (index of the arrays log and spread) and of the time t (index of
    bound).

    log     log(1 + n / n_0)
    spread  the part of the bonus that depends on n; bonus = beta_t * spread[n]
    bound   B_t, the largest possible reward
    scale   beta_t / ceiling_t, the bonus scale
    staged  per stage only: is the ceiling of stage h (H - h + 1) B_t instead of H B_t?
    clip    do values stop at the ceiling?
    """

    log: np.ndarray
    spread: np.ndarray
    bound: np.ndarray
    scale: float
    staged: bool
    clip: bool


class Books(NamedTuple):
    """Counts. Successors of (h, s) are listed in the order of their first observation,
    whatever the action was."""

    n: np.ndarray  # (H, S, A) visits
    tried: np.ndarray  # (H, S) how many actions have been taken: actions 0, ..., tried - 1
    degree: np.ndarray  # (H, S) how many distinct successors have been seen
    nexts: np.ndarray  # (H, S, K) those successors; K grows when needed
    moves: np.ndarray  # (H, S, A, K) transitions to them


class Plan(NamedTuple):
    """Rows over open states: slot j of stage h belongs to state[h, j]."""

    size: np.ndarray  # (H,) open states
    width: np.ndarray  # (H,) most successors of an open state
    state: np.ndarray  # (H, S)
    slot: np.ndarray  # (H, S) slot of a state, -1 while it is closed
    log: np.ndarray  # (H, A, S) Tables.log at n(h, s, a)
    spread: np.ndarray  # (H, A, S) Tables.spread at n(h, s, a)
    nexts: np.ndarray  # (H, K, S) successors
    p: np.ndarray  # (H, A, K, S) their empirical probabilities
    V: np.ndarray  # (H + 1, S) values of the last planning
    greedy: (
        np.ndarray
    )  # (H, S) greedy actions; kept for all states only when somebody asks for them
    rows: np.ndarray  # (K + 2, S) working memory
    action: np.ndarray  # (S,) working memory


def books(H, S, A, K):
    """Empty `Books` with room for K successors of a state."""
    n = np.zeros((H, S, A), dtype=np.int32)
    state = np.zeros((2, H, S), dtype=np.int32)
    return Books(
        n, state[0], state[1], np.zeros((H, S, K), np.int32), np.zeros((H, S, A, K), np.int32)
    )


def plan(H, S, A, K):
    """Empty `Plan` with room for K successors of a state."""
    stage, state = np.zeros((2, H), dtype=np.int64), np.zeros((3, H, S), dtype=np.int64)
    state[1] = -1
    pair = np.zeros((2, H, A, S))
    return Plan(
        size=stage[0],
        width=stage[1],
        state=state[0],
        slot=state[1],
        log=pair[0],
        spread=pair[1],
        nexts=np.zeros((H, K, S), np.uint32),
        p=np.zeros((H, A, K, S)),
        V=np.zeros((H + 1, S)),
        greedy=state[2],
        rows=np.zeros((K + 2, S)),
        action=np.zeros(S, np.int64),
    )


def widened(books, plan, K):
    """The same with room for K successors."""
    books = books._replace(nexts=_wider(books.nexts, 2, K), moves=_wider(books.moves, 3, K))
    rows = np.zeros((K + 2, plan.rows.shape[1]))
    return books, plan._replace(nexts=_wider(plan.nexts, 1, K), p=_wider(plan.p, 2, K), rows=rows)


def _wider(x, axis, K):
    shape = list(x.shape)
    shape[axis] = K
    y = np.zeros(shape, x.dtype)
    y[tuple(slice(k) for k in x.shape)] = x
    return y


# ----------------------------------------------------------------------------------- both variants


@inlined
def _gather(nexts, width, size, V, seen):
    """seen[k, j] = V[nexts[k, j]]: the successors' values, side by side."""
    for k in range(width):
        source = nexts[k]
        target = seen[k]
        for j in range(size):
            target[j] = V[source[j]]


@inlined
def _rewards(bound, beta, log, spread, size, q):
    """q[j] = B - log[j] + beta spread[j]: reward and bonus."""
    for j in range(size):
        q[j] = bound - log[j]
    if beta > 0.0:
        for j in range(size):
            q[j] += beta * spread[j]


@inlined
def _add_means(p, seen, width, size, q):
    """q[j] += sum_k p[k, j] seen[k, j]: the mean of the next value, summed in the order of k;
    two k in one pass."""
    for k in range(0, width - 1, 2):
        weight = p[k]
        value = seen[k]
        weight_too = p[k + 1]
        value_too = seen[k + 1]
        for j in range(size):
            q[j] = (q[j] + weight[j] * value[j]) + weight_too[j] * value_too[j]
    if width % 2 == 1:
        weight = p[width - 1]
        value = seen[width - 1]
        for j in range(size):
            q[j] += weight[j] * value[j]


@inlined
def _keep_best(a, q, size, best, action):
    """Running maximum over actions; the first maximiser wins."""
    if a == 0:
        for j in range(size):
            best[j] = q[j]
            action[j] = 0
    else:
        for j in range(size):
            better = q[j] > best[j]
            best[j] = q[j] if better else best[j]
            action[j] = a if better else action[j]


# --------------------------------------------------------------------------------------- per stage


@compiled
def plan_stages(plan, bound, scale, staged=False):
    """Backward induction over the open states; every other state has the ceiling as its value.

    The ceiling is H B_t, or what the remaining stages can bring if ``staged``;
    the bonus keeps the factor H B_t.
    """
    H, A = plan.log.shape[:2]
    K = plan.nexts.shape[1]
    ceiling = H * bound
    beta = scale * ceiling
    seen = plan.rows[:K]
    q = plan.rows[K]
    best = plan.rows[K + 1]
    action = plan.action
    for h in range(H - 1, -1, -1):
        size = plan.size[h]
        width = plan.width[h]
        V = plan.V[h]
        state = plan.state[h]
        if staged:
            ceiling = (H - h) * bound
        V[:] = ceiling
        if size == 0:
            continue
        _gather(plan.nexts[h], width, size, plan.V[h + 1], seen)
        for a in range(A):
            _rewards(bound, beta, plan.log[h, a], plan.spread[h, a], size, q)
            _add_means(plan.p[h, a], seen, width, size, q)
            _keep_best(a, q, size, best, action)
        greedy = plan.greedy[h]
        for j in range(size):
            V[state[j]] = min(best[j], ceiling)
            greedy[state[j]] = action[j]


@compiled
def play_stages(world, books, plan, tables, bound, uniforms, skip):
    """One episode of the greedy policy, entered into the books.
    False when some list of successors is now full.

    With ``skip``, states whose reward and bonus reach the ceiling by themselves stay closed:
    see `_saturated`.
    """
    n, tried, degree, nexts, moves = books.n, books.tried, books.degree, books.nexts, books.moves
    slot, greedy, V = plan.slot, plan.greedy, plan.V
    H, _, A = n.shape
    ceiling = H * bound
    beta = tables.scale * ceiling
    s = begin(world, uniforms)
    spare = True
    for h in range(H):
        # act greedily: the first untried action, else the first maximiser of Q
        if tried[h, s] < A:
            a = np.int64(tried[h, s])
        elif slot[h, s] >= 0:
            a = greedy[h, s]
        else:
            a = np.int64(0)
            best = -np.inf
            for b in range(A):
                count = n[h, s, b]
                q = bound - tables.log[count]
                if beta > 0.0:
                    q += beta * tables.spread[count]
                if h < H - 1:
                    for k in range(degree[h, s]):
                        q += moves[h, s, b, k] / count * V[h + 1, nexts[h, s, k]]
                if q > best:
                    a = np.int64(b)
                    best = q
        # see what happens, and count it
        n[h, s, a] += 1
        if n[h, s, a] == 1:
            tried[h, s] += 1
            greedy[h, s] = min(tried[h, s], A - 1)
        after = s
        if h < H - 1:
            after = draw(world, h, s * A + a, uniforms[h])
            spare = _move(books, h, s, a, after) and spare
        # hand the news to the plan
        if slot[h, s] >= 0:
            _copy(books, plan, tables, h, s, a, a + 1)
        elif tried[h, s] == A and not (skip and _saturated(n, tables, bound, h, s)):
            slot[h, s] = plan.size[h]
            plan.state[h, plan.size[h]] = s
            plan.size[h] += 1
            _copy(books, plan, tables, h, s, 0, A)
        s = after
    return spare


@inlined
def _move(books, h, s, a, after):
    """Count a transition. False when the list of successors is now full."""
    degree, nexts, moves = books.degree, books.nexts, books.moves
    room, S = nexts.shape[2], nexts.shape[1]
    known = degree[h, s]
    k = 0
    while k < known and nexts[h, s, k] != after:
        k += 1
    moves[h, s, a, k] += 1
    if k < known:
        return True
    nexts[h, s, k] = after
    degree[h, s] += 1
    return k + 1 < room or room == S


@inlined
def _saturated(n, tables, bound, h, s):
    """Do reward and bonus of some action reach the ceiling alone? Then V is the ceiling until its
    count changes.

    For B + beta spread - log >= H B means (1 + scale H spread - H) B >= log(1 + n / n_0) > 0,
    which grows with B.
    """
    ceiling = n.shape[0] * bound
    for a in range(n.shape[2]):
        count = n[h, s, a]
        if bound - tables.log[count] + tables.scale * ceiling * tables.spread[count] >= ceiling:
            return True
    return False


@inlined
def _copy(books, plan, tables, h, s, first, last):
    """Copy what the books know of actions first, ..., last - 1 at (h, s) to the plan."""
    log, spread, p, nexts = plan.log, plan.spread, plan.p, plan.nexts
    n, moves = books.n, books.moves
    j = plan.slot[h, s]
    degree = books.degree[h, s]
    for k in range(degree):
        nexts[h, k, j] = books.nexts[h, s, k]
    plan.width[h] = max(plan.width[h], degree)
    for a in range(first, last):
        count = n[h, s, a]
        log[h, a, j] = tables.log[count]
        spread[h, a, j] = tables.spread[count]
        for k in range(degree):
            p[h, a, k, j] = moves[h, s, a, k] / count


@compiled
def run_stages(world, books, plan, tables, first, uniforms, evaluate, mass, total):
    """Episodes first, first + 1, ...
    (numbered from 0), one per row of uniforms; returns how many were played.

    With ``evaluate`` the exact visitation of every episode's policy is added to total (H, S, A),
    with mass (2, S) zero:
    the evaluator knows the true kernel, and nothing of what it computes is read by the learner.
    """
    for e in range(len(uniforms)):
        bound = tables.bound[first + e]
        plan_stages(plan, bound, tables.scale, tables.staged)
        if evaluate:
            add_visitation(world, plan.greedy, mass, total)
        if not play_stages(world, books, plan, tables, bound, uniforms[e], not evaluate):
            return e + 1
    return len(uniforms)


# ------------------------------------------------------------------------------------------ pooled


class PooledBooks(NamedTuple):
    """Counts over all stages together, and the plan's rows over visited states (slot j belongs to
    state[j])."""

    n: np.ndarray  # (S, A) visits
    per_stage: np.ndarray  # (H, S, A) the same visits by stage: never read by the learner
    degree: np.ndarray  # (S,) distinct successors seen
    successor: np.ndarray  # (S, K) those successors
    moves: np.ndarray  # (S, A, K) transitions to them
    # (4,) number of visited states, most successors of one, pairs of visited states without data,
    # states met: visited, or seen as the successor of a last action only
    shape: np.ndarray
    met: np.ndarray  # (S,) 1 for a state met
    state: np.ndarray  # (S,) visited states in order of their first visit
    slot: np.ndarray  # (S,) slot of a state, -1 before its first visit
    log: np.ndarray  # (A, S)
    spread: np.ndarray  # (A, S)
    blank: np.ndarray  # (A, S) 1 where n(s, a) = 0
    nexts: np.ndarray  # (K, S)
    p: np.ndarray  # (A, K, S)
    V: np.ndarray  # (H + 1, S)
    greedy: np.ndarray  # (H, S)
    rows: np.ndarray  # (K + 2, S) working memory
    action: np.ndarray  # (S,) working memory
    q: np.ndarray  # (A, S) working memory


def pooled_books(H, S, A, K):
    """Empty `PooledBooks` with room for K successors of a state."""
    state = np.zeros((5, S), dtype=np.int64)
    state[2] = -1
    pair = np.zeros((3, A, S))
    return PooledBooks(
        n=np.zeros((S, A), np.int64),
        per_stage=np.zeros((H, S, A), np.int32),
        degree=state[0],
        successor=np.zeros((S, K), np.int32),
        moves=np.zeros((S, A, K), np.int32),
        shape=np.zeros(4, np.int64),
        met=state[4],
        state=state[1],
        slot=state[2],
        log=pair[0],
        spread=pair[1],
        blank=pair[2],
        nexts=np.zeros((K, S), np.uint32),
        p=np.zeros((A, K, S)),
        V=np.zeros((H + 1, S)),
        greedy=np.zeros((H, S), np.int64),
        rows=np.zeros((K + 2, S)),
        action=state[3],
        q=np.zeros((A, S)),
    )


def widened_pooled(books, K):
    """The same with room for K successors."""
    return books._replace(
        successor=_wider(books.successor, 1, K),
        moves=_wider(books.moves, 2, K),
        nexts=_wider(books.nexts, 0, K),
        p=_wider(books.p, 1, K),
        rows=np.zeros((K + 2, books.rows.shape[1])),
    )


@inlined
def is_near(q, top):
    """|q - top| <= 1e-8 + 1e-5 |top|: a near-tie, as ``numpy.isclose`` has it."""
    return q == top or abs(q - top) <= 1e-8 + 1e-5 * abs(top)


@inlined
def _draw_near(q, u, size, best, action):
    """action[j] = one of the near-ties of q[:, j] with best[j], the uniform number u deciding."""
    for j in range(size):
        ties = 0
        for a in range(q.shape[0]):
            ties += is_near(q[a, j], best[j])
        pick = np.int64(u * ties)
        for a in range(q.shape[0]):
            if is_near(q[a, j], best[j]):
                if pick == 0:
                    action[j] = a
                pick -= 1


@compiled
def plan_pooled(books, tables, bound, luck):
    """Backward induction over visited states;
    the states never visited share one value, that of a pair without data.

    luck (H,): uniform numbers that decide among near-ties, one a stage; empty: the first maximiser.
    """
    H, S = books.greedy.shape
    A, K = books.p.shape[:2]
    size, width, blanks, met = books.shape
    state = books.state
    seen = books.rows[:K]
    q = books.rows[K]
    best = books.rows[K + 1]
    action = books.action
    average = 0.0
    for h in range(H - 1, -1, -1):
        V = books.V[h]
        greedy = books.greedy[h]
        ceiling = (H - h) * bound
        beta = tables.scale * ceiling
        limit = ceiling if tables.clip else np.inf
        elsewhere = bound - tables.log[0]
        if beta > 0.0:
            elsewhere += beta * tables.spread[0]
        V[:] = min(elsewhere + average, limit)
        ahead = width if h < H - 1 else 0
        _gather(books.nexts, ahead, size, books.V[h + 1], seen)
        for a in range(A):
            _rewards(bound, beta, books.log[a], books.spread[a], size, q)
            if blanks > 0:
                blank = books.blank[a]
                for j in range(size):
                    q[j] += blank[j] * average
            _add_means(books.p[a], seen, ahead, size, q)
            _keep_best(a, q, size, best, action)
            if len(luck) > 0:
                for j in range(size):
                    books.q[a, j] = q[j]
        if len(luck) > 0:
            _draw_near(books.q, luck[h], size, best, action)
            greedy[:] = np.int64(luck[h] * A)
        for j in range(size):
            V[state[j]] = min(best[j], limit)
            greedy[state[j]] = action[j]
        if blanks > 0 or met > size:  # else no value that matters depends on it
            average = 0.0
            for s in range(S):
                average += V[s]
            average /= S


@compiled
def play_pooled(world, books, tables, uniforms):
    """One episode with H transitions, entered into the books.
    False when the next could see too many successors."""
    n, slot, degree, successor, moves = (
        books.n,
        books.slot,
        books.degree,
        books.successor,
        books.moves,
    )
    H, S = books.greedy.shape
    A = n.shape[1]
    room = successor.shape[1]
    s = begin(world, uniforms)
    books.shape[3] += 1 - books.met[s]
    books.met[s] = 1
    for h in range(H):
        a = books.greedy[h, s]
        n[s, a] += 1
        books.per_stage[h, s, a] += 1
        after = draw(world, h, s * A + a, uniforms[h])
        known = degree[s]
        k = 0
        while k < known and successor[s, k] != after:
            k += 1
        if k == known:
            successor[s, k] = after
            degree[s] += 1
        moves[s, a, k] += 1
        books.shape[3] += 1 - books.met[after]
        books.met[after] = 1
        if slot[s] < 0:
            slot[s] = books.shape[0]
            books.state[books.shape[0]] = s
            books.shape[0] += 1
            books.shape[2] += A
            for b in range(A):
                books.log[b, slot[s]] = tables.log[0]
                books.spread[b, slot[s]] = tables.spread[0]
                books.blank[b, slot[s]] = 1.0
        j = slot[s]
        count = n[s, a]
        books.shape[1] = max(books.shape[1], degree[s])
        if count == 1:
            books.shape[2] -= 1
        books.log[a, j] = tables.log[count]
        books.spread[a, j] = tables.spread[count]
        books.blank[a, j] = 0.0
        for i in range(degree[s]):
            books.nexts[i, j] = successor[s, i]
            books.p[a, i, j] = moves[s, a, i] / count
        s = after
    return room == S or books.shape[1] + H <= room


@compiled
def run_pooled(world, books, tables, first, uniforms, evaluate, mass, total):
    """As `run_stages`, for pooled counts; a row of uniforms holds H draws,
    and H numbers more if they are to decide among near-ties."""
    H = books.greedy.shape[0]
    for e in range(len(uniforms)):
        plan_pooled(books, tables, tables.bound[first + e], uniforms[e, H:])
        if evaluate:
            add_visitation(world, books.greedy, mass, total)
        if not play_pooled(world, books, tables, uniforms[e]):
            return e + 1
    return len(uniforms)


# ------------------------------------------------------------------------------------ kernel known


@compiled
def run_known(world, n0, first, last, V, actions, mass, total):
    """Episodes first, ..., last - 1 of the game against the true kernel;
    total (H, S, A) is the sum of visitations.

    V (H, S) and actions (H, S) receive the values and the policy of the last planning;
    mass as in `add_visitation`.
    """
    H, S, A = total.shape
    for t in range(first, last):
        for h in range(H - 1, -1, -1):
            k = min(h, world.rows.shape[0] - 1)
            for s in range(S):
                V[h, s] = -np.inf
                for a in range(A):
                    q = log((t + S * A * n0) / (total[h, s, a] + n0))
                    if h < H - 1:
                        mean = 0.0
                        for i in range(world.rows[k, s * A + a], world.rows[k, s * A + a + 1]):
                            mean += world.probability[i] * V[h + 1, world.state[i]]
                        q += mean
                    if q > V[h, s]:
                        V[h, s] = q
                        actions[h, s] = a
        add_visitation(world, actions, mass, total)
