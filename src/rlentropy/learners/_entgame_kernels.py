"""Compiled kernels of `learners.entgame`, in place and private; `learners.entgame_plain` is the
same for reading, and the tests compare them.

What a learner knows is kept twice, each in the order in which it is used:

    Books   per pair (h, s) all counts together: read and written where the episode passes
    Plan    per stage one row per quantity over the *open* states, those that backward induction has
            to visit; the loops over such rows are the whole cost of an episode, and compilers turn
            them into vector code

Rewards are written with the identity log(t + t_0) = B_t + log n_0:
log(1 / dbar_h(s, a)) = B_t - log(1 + n / n_0).
The logarithm and the bonus depend on n through tables, so that no logarithm or root is taken during
an episode. An unavailable action has n = -1 throughout, and the last entries of the tables, which
`masked` puts there: a reward of -infinity and no bonus.
"""

from typing import NamedTuple

import numpy as np

from rlentropy._compile import kernel
from rlentropy._portable_kernels import log
from rlentropy.learners.simulator import add_visitation, begin, draw

# Nothing compiled here makes an array, so counting references to arrays is off: in short loops it
# costs most of the time. Small pieces are pasted into their callers.
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
    """Counts of M = H stages, or of all stages together, M = 1. Successors of (h, s) are listed in
    the order of their first observation, whatever the action was."""

    n: np.ndarray  # (M, S, A) visits; -1 for an unavailable action
    tried: np.ndarray  # (M, S) the first available action that was never taken, A if there is none
    degree: np.ndarray  # (M, S) how many distinct successors have been seen
    nexts: np.ndarray  # (M, S, K) those successors; K grows when needed
    moves: np.ndarray  # (M, S, A, K) transitions to them


class Plan(NamedTuple):
    """Rows over open states: slot j of stage h belongs to state[h, j]."""

    size: np.ndarray  # (M,) open states
    width: np.ndarray  # (M,) most successors of an open state
    state: np.ndarray  # (M, S)
    slot: np.ndarray  # (M, S) slot of a state, -1 while it is closed
    log: np.ndarray  # (M, A, S) Tables.log at n(h, s, a)
    spread: np.ndarray  # (M, A, S) Tables.spread at n(h, s, a)
    blank: np.ndarray  # (M, A, S) 1 where n(h, s, a) = 0
    nexts: np.ndarray  # (M, K, S) successors
    p: np.ndarray  # (M, A, K, S) their empirical probabilities
    V: np.ndarray  # (H + 1, S) values of the last planning
    # (H, S) greedy actions; kept for all states only when somebody asks for them
    greedy: np.ndarray
    rows: np.ndarray  # (K + 2, S) working memory
    action: np.ndarray  # (S,) working memory


def masked(tables):
    """The same with last entries for unavailable actions."""
    return tables._replace(log=np.append(tables.log, np.inf), spread=np.append(tables.spread, 0.0))


def books(M, S, A, K):
    """Empty `Books` with room for K successors of a state."""
    return Books(
        n=np.zeros((M, S, A), np.int32),
        tried=np.zeros((M, S), np.int32),
        degree=np.zeros((M, S), np.int32),
        nexts=np.zeros((M, S, K), np.int32),
        moves=np.zeros((M, S, A, K), np.int32),
    )


def plan(M, S, A, K, H=None):
    """Empty `Plan` with room for K successors of a state, of M models for H stages (None: M)."""
    H = M if H is None else H
    return Plan(
        size=np.zeros(M, np.int64),
        width=np.zeros(M, np.int64),
        state=np.zeros((M, S), np.int64),
        slot=np.full((M, S), -1),
        log=np.zeros((M, A, S)),
        spread=np.zeros((M, A, S)),
        blank=np.zeros((M, A, S)),
        nexts=np.zeros((M, K, S), np.uint32),
        p=np.zeros((M, A, K, S)),
        V=np.zeros((H + 1, S)),
        greedy=np.zeros((H, S), np.int64),
        rows=np.zeros((K + 2, S)),
        action=np.zeros(S, np.int64),
    )


def widened(books, plan, K):
    """The same with room for K successors."""
    books = books._replace(nexts=_wider(books.nexts, 2, K), moves=_wider(books.moves, 3, K))
    rows = np.zeros((K + 2, plan.rows.shape[1]))
    return books, plan._replace(nexts=_wider(plan.nexts, 1, K), p=_wider(plan.p, 2, K), rows=rows)


def fill(books, plan, tables, opened):
    """Bring an empty plan in line with the books; ``opened``: the open states of each model, in
    their order."""
    A = books.n.shape[2]
    fresh = books.n == 0
    books.tried[:] = np.where(fresh.any(axis=2), fresh.argmax(axis=2), A)
    plan.greedy[:] = np.minimum(books.tried, A - 1)
    for h, states in enumerate(opened):
        m = len(states)
        n = books.n[h, states]
        plan.size[h] = m
        plan.width[h] = books.degree[h, states].max(initial=0)
        plan.state[h, :m] = states
        plan.slot[h, states] = np.arange(m)
        plan.log[h, :, :m] = tables.log[n].T
        plan.spread[h, :, :m] = tables.spread[n].T
        plan.blank[h, :, :m] = (n == 0).T
        plan.nexts[h, :, :m] = books.nexts[h, states].T
        p = books.moves[h, states] / np.maximum(n, 1)[:, :, None]
        plan.p[h, :, :, :m] = p.transpose(1, 2, 0)


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


@inlined
def play_stages(world, books, plan, tables, bound, uniforms, skip, early):
    """One episode of the greedy policy, entered into the books.
    False when some list of successors is now full; ``skip`` and ``early`` as in `_note`.
    """
    H, _, A = books.n.shape
    s = begin(world, uniforms)
    spare = True
    for h in range(H):
        a = plan.greedy[h, s] if early else _act(books, plan, tables, bound, h, s)
        after = draw(world, h, s * A + a, uniforms[h]) if h < H - 1 else -1
        spare = _note(books, plan, tables, bound, h, s, a, after, skip, early) and spare
        s = after
    return spare


@compiled
def act(books, plan, tables, bound, h, s):
    """The action of the greedy policy, for whoever draws by himself."""
    return _act(books, plan, tables, bound, h, s)


@compiled
def note(books, plan, tables, bound, h, s, a, after):
    """What came of it; ``after`` is -1 at the last stage. False: a list of successors is full."""
    return _note(books, plan, tables, bound, h, s, a, after, False, False)


@inlined
def _act(books, plan, tables, bound, h, s):
    """The first untried action, else the first maximiser of Q;
    an unavailable action has the count -1 and Q = -infinity."""
    A = books.n.shape[2]
    beta = tables.scale * (books.n.shape[0] * bound)
    if books.tried[h, s] < A:
        a = np.int64(books.tried[h, s])
    elif plan.slot[h, s] >= 0:
        a = plan.greedy[h, s]
    else:
        a = np.int64(0)
        best = -np.inf
        for b in range(A):
            count = books.n[h, s, b]
            q = bound - tables.log[count]
            if beta > 0.0:
                q += beta * tables.spread[count]
            for k in range(books.degree[h, s]):
                q += books.moves[h, s, b, k] / count * plan.V[h + 1, books.nexts[h, s, k]]
            if q > best:
                a = np.int64(b)
                best = q
    return a


@inlined
def _note(books, plan, tables, bound, h, s, a, after, skip, early):
    """Count a visit and, unless ``after`` is -1, a transition, and hand the news to the plan.
    False when the list of successors is now full.

    A state is opened at its first visit if ``early``, else when all its actions were tried.
    With ``skip``, states whose reward and bonus reach the ceiling by themselves stay closed:
    see `_saturated`.
    """
    n, tried = books.n, books.tried
    A = n.shape[2]
    n[h, s, a] += 1
    if n[h, s, a] == 1:
        while tried[h, s] < A and n[h, s, tried[h, s]] != 0:
            tried[h, s] += 1
        plan.greedy[h, s] = min(tried[h, s], A - 1)
    spare = True
    if after >= 0:
        spare = _move(books, h, s, a, after)
    if early and plan.slot[h, s] < 0:
        _open(books, plan, tables, h, s)
    if plan.slot[h, s] >= 0:
        _copy(books, plan, tables, h, s, a, a + 1)
    elif tried[h, s] == A and not (skip and _saturated(n, tables, bound, h, s)):
        _open(books, plan, tables, h, s)
        _copy(books, plan, tables, h, s, 0, A)
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
def _open(books, plan, tables, h, s):
    """Give a state the next slot, with what is known of rewards and bonuses of its actions."""
    j = plan.size[h]
    plan.slot[h, s] = j
    plan.state[h, j] = s
    plan.size[h] += 1
    for a in range(books.n.shape[2]):
        count = books.n[h, s, a]
        plan.log[h, a, j] = tables.log[count]
        plan.spread[h, a, j] = tables.spread[count]
        plan.blank[h, a, j] = 1.0 if count == 0 else 0.0


@inlined
def _copy(books, plan, tables, h, s, first, last):
    """Copy what the books know of actions first, ..., last - 1 at (h, s), all of them tried, to
    the plan."""
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
        plan.blank[h, a, j] = 0.0
        for k in range(degree):
            p[h, a, k, j] = moves[h, s, a, k] / count


@compiled
def run_stages(world, books, plan, tables, first, uniforms, evaluate, mass, total):
    """Episodes first, first + 1, ... (numbered from 0), one per row of uniforms; returns how many
    were played.

    With ``evaluate`` the exact visitation of every episode's policy is added to total (H, S, A),
    with mass (2, S) zero: the evaluator knows the true kernel, and nothing of what it computes is
    read by the learner.
    """
    for e in range(len(uniforms)):
        bound = tables.bound[first + e]
        plan_stages(plan, bound, tables.scale, tables.staged)
        if evaluate:
            add_visitation(world, plan.greedy, mass, total)
        if not play_stages(world, books, plan, tables, bound, uniforms[e], not evaluate, False):
            return e + 1
    return len(uniforms)


# ------------------------------------------------------------------------------------------ pooled


class Pool(NamedTuple):
    """What a run with one model for all stages keeps beside `Books` and `Plan`."""

    per_stage: np.ndarray  # (H, S, A) the visits by stage: never read by the learner
    met: np.ndarray  # (S,) 1 for a state that was visited, or seen as a successor
    # (2,) pairs of visited states without data, number of states met
    shape: np.ndarray
    q: np.ndarray  # (A, S) working memory


def pool(books, plan, per_stage):
    """The `Pool` of these books and this plan."""
    S, A = per_stage.shape[1:]
    met = np.zeros(S, np.int64)
    seen = np.arange(books.nexts.shape[2]) < books.degree[0][:, None]
    met[books.nexts[0][seen]] = 1
    met[plan.state[0, : plan.size[0]]] = 1
    shape = np.array([plan.blank[0].sum(), met.sum()], dtype=np.int64)
    return Pool(per_stage.astype(np.int32), met, shape, np.zeros((A, S)))


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


@inlined
def _fresh(n, u):
    """One of the actions of a state without visits, the uniform number u deciding."""
    there = 0
    for a in range(len(n)):
        there += n[a] == 0
    pick = np.int64(u * there)
    for a in range(len(n)):
        if n[a] == 0:
            if pick == 0:
                return a
            pick -= 1
    return 0


@inlined
def _draw_actions(books, tables, q, u, size, best, action, greedy):
    """One action for each state, the uniform number u deciding: among the near-ties of q where a
    state was visited, among all its actions elsewhere."""
    _draw_near(q, u, size, best, action)
    if tables.log[-1] < np.inf:
        greedy[:] = np.int64(u * q.shape[0])
    else:
        for s in range(len(greedy)):
            greedy[s] = _fresh(books.n[0, s], u)


@inlined
def _add_blanks(blank, value, size, q):
    """q[j] += value where a pair has no data: what is ahead of it."""
    for j in range(size):
        q[j] += blank[j] * value


@inlined
def _mean(V):
    total = 0.0
    for s in range(len(V)):
        total += V[s]
    return total / len(V)


@compiled
def plan_pooled(books, plan, pool, tables, bound, luck):
    """Backward induction over visited states;
    the states never visited share one value, that of a pair without data.

    luck (H,): uniform numbers that decide among near-ties, one a stage; empty: the first maximiser.
    """
    H = plan.greedy.shape[0]
    A, K = plan.p.shape[1:3]
    size = plan.size[0]
    blanks, met = pool.shape
    state = plan.state[0]
    seen = plan.rows[:K]
    best = plan.rows[K + 1]
    action = plan.action
    average = 0.0
    for h in range(H - 1, -1, -1):
        V = plan.V[h]
        greedy = plan.greedy[h]
        ceiling = (H - h) * bound
        beta = tables.scale * ceiling
        limit = ceiling if tables.clip else np.inf
        V[:] = min(bound - tables.log[0] + beta * tables.spread[0] + average, limit)
        width = plan.width[0] if h < H - 1 else 0
        _gather(plan.nexts[0], width, size, plan.V[h + 1], seen)
        for a in range(A):
            q = pool.q[a]
            _rewards(bound, beta, plan.log[0, a], plan.spread[0, a], size, q)
            if blanks > 0:
                _add_blanks(plan.blank[0, a], average, size, q)
            _add_means(plan.p[0, a], seen, width, size, q)
            _keep_best(a, q, size, best, action)
        if len(luck) > 0:
            _draw_actions(books, tables, pool.q, luck[h], size, best, action, greedy)
        for j in range(size):
            V[state[j]] = min(best[j], limit)
            greedy[state[j]] = action[j]
        if blanks > 0 or met > size:  # else no value that matters depends on it
            average = _mean(V)


@compiled
def play_pooled(world, books, plan, pool, tables, uniforms):
    """One episode with H transitions, entered into the books.
    False when the next could see too many successors."""
    n = books.n
    slot = plan.slot
    met = pool.met
    shape = pool.shape
    H, S = plan.greedy.shape
    A = n.shape[2]
    room = books.nexts.shape[2]
    s = begin(world, uniforms)
    shape[1] += 1 - met[s]
    met[s] = 1
    for h in range(H):
        a = plan.greedy[h, s]
        n[0, s, a] += 1
        pool.per_stage[h, s, a] += 1
        after = draw(world, h, s * A + a, uniforms[h])
        _move(books, 0, s, a, after)
        shape[1] += 1 - met[after]
        met[after] = 1
        if slot[0, s] < 0:
            _open(books, plan, tables, 0, s)
            for b in range(A):
                shape[0] += n[0, s, b] == 0
        elif n[0, s, a] == 1:
            shape[0] -= 1
        _copy(books, plan, tables, 0, s, a, a + 1)
        s = after
    return room == S or plan.width[0] + H <= room


@compiled
def run_pooled(world, books, plan, pool, tables, near, first, uniforms, evaluate, mass, total):
    """As `run_stages`, for pooled counts; a row of uniforms holds H draws,
    and H numbers more if ``near``: they decide among near-ties."""
    H = plan.greedy.shape[0]
    for e in range(len(uniforms)):
        luck = uniforms[e, H : H + (H if near else 0)]
        plan_pooled(books, plan, pool, tables, tables.bound[first + e], luck)
        if evaluate:
            add_visitation(world, plan.greedy, mass, total)
        if not play_pooled(world, books, plan, pool, tables, uniforms[e]):
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
                    begins = world.rows[k, s * A + a]
                    ends = world.rows[k, s * A + a + 1]
                    if begins == ends:  # an unavailable action
                        continue
                    q = log((t + S * A * n0) / (total[h, s, a] + n0))
                    if h < H - 1:
                        mean = 0.0
                        for i in range(begins, ends):
                            mean += world.probability[i] * V[h + 1, world.state[i]]
                        q += mean
                    if q > V[h, s]:
                        V[h, s] = q
                        actions[h, s] = a
        add_visitation(world, actions, mass, total)
