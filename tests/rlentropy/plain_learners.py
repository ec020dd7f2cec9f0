"""Learners in plain NumPy, on the random numbers of the compiled ones: they differ in how they draw
and how they plan."""

import numpy as np
from scipy import sparse

from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.seeds import generator


def masked(mdp, seed):
    """The same MDP without some of its actions; every state keeps one at least."""
    rng = np.random.default_rng(seed)
    available = rng.random((mdp.S, mdp.A)) < 0.6
    available[np.arange(mdp.S), rng.integers(mdp.A, size=mdp.S)] = True
    keep = sparse.diags_array(available.ravel().astype(float))
    P = tuple(sparse.csr_array(keep @ K) for K in mdp.P)
    return EpisodicMDP(P if len(P) > 1 else P[0], mdp.H, mdp.start, available)


def widened(mdp, place):
    """The same MDP with one action more, at this place, that no state has."""
    P = np.insert(mdp.dense(), place, 0.0, axis=-2)
    available = np.insert(mdp.available, place, False, axis=1)
    return EpisodicMDP(P[0] if mdp.stationary else P, mdp.H, mdp.start, available)


def difference(x, y):
    """The largest difference, where both are finite; infinite ones have to agree."""
    gap = np.subtract(x, y, where=np.isfinite(x), out=np.where(x == y, 0.0, np.inf))
    return np.abs(gap).max(initial=0.0)


def choose(q, u):
    """The action of softmax q that the uniform number u draws."""
    weights = np.exp(q - q.max())
    place = np.searchsorted(np.cumsum(weights), u * np.sum(weights), side="right")
    return min(int(place), np.flatnonzero(weights)[-1])


def next_state(mdp, h, s, a, u):
    K = mdp.P[0] if mdp.stationary else mdp.P[h]
    row = K.toarray()[s * mdp.A + a]
    support = np.flatnonzero(row)
    return support[min(np.searchsorted(np.cumsum(row[support]), u, side="right"), len(support) - 1)]


def explore(mdp, episodes, seed, *, Q, draw, plan, pooled=False, last=False, numbers=0):
    """Visits (H, S, A), and the tables: Q before the first episode and plan(n, m) after each.

    draw(q, u) is an action; n (H, S, A) and m (H, S, A, S) hold the visits and transitions that
    count for each stage, those of all stages if ``pooled``; ``last``: an H-th transition is seen;
    ``numbers`` uniform numbers an episode, 2 H if it is 0
    """
    H, S, A = mdp.H, mdp.S, mdp.A
    counts, n, m = np.zeros((H, S, A)), np.zeros((H, S, A)), np.zeros((H, S, A, S))
    stage = np.zeros(H, int) if pooled else np.arange(H)
    tables = [np.where(mdp.available, Q, -np.inf)]
    for uniforms in generator(seed).random((episodes, numbers or 2 * H)):
        s = mdp.start
        for h in range(H):
            a = draw(tables[-1][h, s], uniforms[2 * h])
            counts[h, s, a] += 1
            if h < H - 1 or last:
                after = next_state(mdp, h, s, a, uniforms[2 * h + 1])
                n[stage[h], s, a] += 1
                m[stage[h], s, a, after] += 1
                s = after
        tables.append(plan(n[stage], m[stage]))
    return counts, tables
