"""Compiled sweeps over the reachable (stage, state) nodes of an episodic MDP; each has a NumPy twin
in the tests.

Nodes are numbered stage by stage. For potentials V on nodes and weights w on (node, action) pairs,

    (X V)(h, s, a)  = sum_s' p_h(s'|s, a) V_{h+1}(s') - V_h(s)                        (V_{H+1} = 0)
    (X' w)(h, s)    = sum_{s', a'} p_{h-1}(s|s', a') w_{h-1}(s', a') - sum_a w_h(s, a)

so d >= 0 is a visitation exactly when X' d = -(probability of the node) on the nodes of the first
stage and 0 on all others.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlentropy._compile import kernel
from rlentropy._types import Bools, Floats, Ints
from rlentropy.distributions import log_softmax
from rlentropy.episodic.mdp import EpisodicMDP

# Stands in for a mass that underflows to 0, so that its logarithm stays finite.
TINY = 1e-300
inlined = kernel(inline="always")


class Network(NamedTuple):
    """Reachable nodes and transitions.

    start    (n,): probabilities of the nodes of the first stage
    first    (H+1,): nodes first[h], ..., first[h+1] - 1 belong to stage h
    state    (N,): state of each node
    indptr   (K, S*A+1), column (nnz,), weight (nnz,): CSR rows of the K kernels; K = 1 if
             stationary
    available  (S, A): pairs of which it is False take part in no softmax, maximum or sum
    S, A, stationary

    state and column have no sign: compiled code then tests for no negative places.
    """

    start: Floats
    first: Ints
    state: NDArray[np.uint32]
    indptr: Ints
    column: NDArray[np.uint32]
    weight: Floats
    available: Bools
    S: int
    A: int
    stationary: bool


def network(mdp: EpisodicMDP, reach: Bools) -> Network:
    """The `Network` of an `EpisodicMDP`, whose kernels store no zeros, on the nodes ``reach``,
    for example ``mdp.reachable()``.
    """
    offsets = np.cumsum([0] + [K.nnz for K in mdp.P[:-1]])
    return Network(
        start=mdp.start_distribution[reach[0]],
        first=np.concatenate([[0], np.cumsum(reach.sum(axis=1))]).astype(np.int64),
        state=np.nonzero(reach)[1].astype(np.uint32),
        indptr=np.array([K.indptr for K in mdp.P], dtype=np.int64) + offsets[:, None],
        column=np.concatenate([K.indices for K in mdp.P]).astype(np.uint32),
        weight=np.concatenate([K.data for K in mdp.P]),
        available=mdp.available,
        S=mdp.S,
        A=mdp.A,
        stationary=mdp.stationary,
    )


def masked(net: Network, logits: Floats) -> Floats:
    """Logits (N, A) with -inf at unavailable actions, as softmaxes outside of this module need."""
    return np.where(net.available[net.state], logits, -np.inf)


def log_uniform(net: Network) -> Floats:
    """Logarithm of the uniform policy over available actions; shape (N, A)."""
    count = net.available.sum(axis=1, keepdims=True)[net.state]
    return masked(net, np.broadcast_to(-np.log(count), (len(net.state), net.A)))


def log_policy(net: Network, logits: Floats | None) -> Floats:
    """Logarithm of the policy with these logits, of the uniform one for None; shape (N, A)."""
    return log_uniform(net) if logits is None else log_softmax(masked(net, logits))


@kernel
def from_start(net: Network, V: Floats) -> float:
    """The mean of V over the first state; V (N,)."""
    total = 0.0
    for i in range(net.first[1]):
        total += net.start[i] * V[i]
    return total


# The pieces of a sweep, pasted into it. Past the last stage there are no nodes and no means.


@inlined
def _set_ahead(net: Network, h: int, V: Floats, ahead: Floats) -> None:
    """ahead(s) <- V at the nodes of stage h + 1."""
    if h + 2 < len(net.first):
        for i in range(net.first[h + 1], net.first[h + 2]):
            ahead[net.state[i]] = V[i]


@inlined
def _clear_ahead(net: Network, h: int, ahead: Floats) -> None:
    """ahead(s) <- 0 at the nodes of stage h + 1."""
    if h + 2 < len(net.first):
        for i in range(net.first[h + 1], net.first[h + 2]):
            ahead[net.state[i]] = 0.0


@inlined
def _take_ahead(net: Network, h: int, ahead: Floats, out: Floats) -> None:
    """out <- ahead(s) at the nodes of stage h + 1."""
    if h + 2 < len(net.first):
        for i in range(net.first[h + 1], net.first[h + 2]):
            out[i] = ahead[net.state[i]]


@inlined
def _with_mean(net: Network, h: int, i: int, a: int, ahead: Floats, total: float) -> float:
    """total + sum_s' p_h(s'|s, a) ahead(s') for node i, added one by one."""
    if h + 2 < len(net.first):
        k = 0 if net.stationary else h
        row = net.state[i] * net.A + a
        for e in range(net.indptr[k, row], net.indptr[k, row + 1]):
            total += net.weight[e] * ahead[net.column[e]]
    return total


@inlined
def _pass_on(net: Network, h: int, i: int, a: int, mass: float, ahead: Floats) -> None:
    """ahead(s') += p_h(s'|s, a) mass for node i."""
    if h + 2 < len(net.first):
        k = 0 if net.stationary else h
        row = net.state[i] * net.A + a
        for e in range(net.indptr[k, row], net.indptr[k, row + 1]):
            ahead[net.column[e]] += net.weight[e] * mass


@kernel
def differences(net: Network, V: Floats, x: Floats) -> None:
    """x <- X V; x (N, A), and -V_h(s) at unavailable actions, whose rows of the kernel are empty.
    States that are no node of the next stage count as 0.
    """
    ahead = np.zeros(net.S)
    for h in range(len(net.first) - 1):
        ahead[:] = 0.0
        _set_ahead(net, h, V, ahead)
        for i in range(net.first[h], net.first[h + 1]):
            for a in range(net.A):
                x[i, a] = _with_mean(net, h, i, a, ahead, -V[i])


@kernel
def adjoint(net: Network, w: Floats, out: Floats, power: int) -> None:
    """out <- X' w for power 1; for power 2 the diagonal of X' diag(w) X (entries of X squared).

    w is 0 at unavailable actions.
    """
    sign = -1.0 if power == 1 else 1.0
    ahead = np.zeros(net.S)
    out[: net.first[1]] = 0.0
    for h in range(len(net.first) - 1):
        k = 0 if net.stationary else h
        _clear_ahead(net, h, ahead)
        for i in range(net.first[h], net.first[h + 1]):
            for a in range(net.A):
                out[i] += sign * w[i, a]
                if h + 2 < len(net.first):
                    row = net.state[i] * net.A + a
                    for e in range(net.indptr[k, row], net.indptr[k, row + 1]):
                        ahead[net.column[e]] += net.weight[e] ** power * w[i, a]
        _take_ahead(net, h, ahead, out)


@kernel
def curvature(net: Network, w: Floats, u: Floats, out: Floats) -> None:
    """out <- X' diag(w) X u, in one sweep; w is 0 at unavailable actions."""
    ahead, gathered = np.zeros(net.S), np.zeros(net.S)
    out[: net.first[1]] = 0.0
    for h in range(len(net.first) - 1):
        _set_ahead(net, h, u, ahead)
        _clear_ahead(net, h, gathered)
        for i in range(net.first[h], net.first[h + 1]):
            for a in range(net.A):
                flow = _with_mean(net, h, i, a, ahead, -u[i]) * w[i, a]
                out[i] -= flow
                _pass_on(net, h, i, a, flow, gathered)
        _take_ahead(net, h, gathered, out)


@kernel
def conjugate_gradients(
    net: Network, w: Floats, rhs: Floats, tolerance: float, limit: int, u: Floats
) -> int:
    """u <- approximate solution of X' diag(w) X u = rhs from 0, preconditioned by the diagonal;
    returns the steps.

    Stops when the preconditioned residual has fallen by ``tolerance``, or after ``limit`` steps.
    """
    n = len(rhs)
    diagonal, image = np.empty(n), np.empty(n)
    adjoint(net, w, diagonal, 2)
    diagonal = np.maximum(diagonal, TINY)
    residual = rhs.copy()
    scaled = residual / diagonal
    direction = scaled.copy()
    u[:] = 0.0
    square = np.dot(residual, scaled)
    target = tolerance * tolerance * square
    for step in range(limit):
        if not square > target:
            return step
        curvature(net, w, direction, image)
        along = np.dot(direction, image)
        if not along > 0.0:
            return step
        length = square / along
        for i in range(n):
            u[i] += length * direction[i]
            residual[i] -= length * image[i]
            scaled[i] = residual[i] / diagonal[i]
        before = square
        square = np.dot(residual, scaled)
        for i in range(n):
            direction[i] = scaled[i] + square / before * direction[i]
    return limit


@kernel
def stage_softmax(net: Network, x: Floats, q: Floats) -> float:
    """q <- softmax of x over the available pairs of each stage, 0 at the others; returns
    sum_h log sum exp x_h.
    """
    total = 0.0
    for h in range(len(net.first) - 1):
        low, high = net.first[h], net.first[h + 1]
        top = -np.inf
        for i in range(low, high):
            for a in range(net.A):
                if net.available[net.state[i], a]:
                    top = max(top, x[i, a])
        z = 0.0
        for i in range(low, high):
            for a in range(net.A):
                there = net.available[net.state[i], a]
                q[i, a] = np.exp(x[i, a] - top) if there else 0.0
                z += q[i, a]
        for i in range(low, high):
            for a in range(net.A):
                q[i, a] /= z
        total += top + np.log(z)
    return total


@kernel
def roll_out(net: Network, x: Floats, d: Floats) -> float:
    """d <- visitation of the policy pi(a|h, s) ~ exp x(h, s, a) over available actions; returns
    sum_h H(d_h).
    """
    mass, ahead = np.zeros(len(net.state)), np.zeros(net.S)
    mass[: net.first[1]] = net.start
    entropy = 0.0
    for h in range(len(net.first) - 1):
        _clear_ahead(net, h, ahead)
        for i in range(net.first[h], net.first[h + 1]):
            top = -np.inf
            for a in range(net.A):
                if net.available[net.state[i], a]:
                    top = max(top, x[i, a])
            z = 0.0
            for a in range(net.A):
                there = net.available[net.state[i], a]
                d[i, a] = np.exp(x[i, a] - top) if there else 0.0
                z += d[i, a]
            for a in range(net.A):
                d[i, a] *= mass[i] / z
                if d[i, a] > 0.0:
                    entropy -= d[i, a] * np.log(d[i, a])
                _pass_on(net, h, i, a, d[i, a], ahead)
        _take_ahead(net, h, ahead, mass)
    return entropy


@kernel
def soft_potentials(net: Network, d: Floats, V: Floats) -> None:
    """V_h(s) <- -log d_h(s) + log sum_a exp (p_h V_{h+1})(s, a), backwards over the stages; the sum
    is over available actions.
    """
    ahead = np.zeros(net.S)
    x = np.empty(net.A)
    for h in range(len(net.first) - 2, -1, -1):
        _set_ahead(net, h, V, ahead)
        for i in range(net.first[h], net.first[h + 1]):
            mass = 0.0
            top = -np.inf
            for a in range(net.A):
                mass += d[i, a]
                start = 0.0 if net.available[net.state[i], a] else -np.inf
                x[a] = _with_mean(net, h, i, a, ahead, start)
                top = max(top, x[a])
            z = 0.0
            for a in range(net.A):
                z += np.exp(x[a] - top)
            V[i] = top + np.log(z) - np.log(max(mass, TINY))


@kernel
def mirror_sweep(net: Network, reward: Floats, log_pi: Floats) -> float:
    """One backward sweep of mirror ascent: log_pi <- log_pi + (Q - V) / w, w = H - h at stage h =
    0, ..., H-1.

    Q_h(s, a) = reward(h, s, a) + (p_h V_{h+1})(s, a), V_h(s) = w log sum_a pi_h(a|s) exp(Q_h(s, a)
    / w), sums over available actions. reward, log_pi (N, A). Returns V_1(s_1). States that are no
    node of the next stage count as 0.
    """
    H = len(net.first) - 1
    V = np.empty(len(net.state))
    ahead = np.zeros(net.S)
    for h in range(H - 1, -1, -1):
        w = H - h
        ahead[:] = 0.0
        _set_ahead(net, h, V, ahead)
        for i in range(net.first[h], net.first[h + 1]):
            top = -np.inf
            for a in range(net.A):
                if not net.available[net.state[i], a]:
                    log_pi[i, a] = -np.inf
                    continue
                log_pi[i, a] += _with_mean(net, h, i, a, ahead, reward[i, a]) / w
                top = max(top, log_pi[i, a])
            z = 0.0
            for a in range(net.A):
                z += np.exp(log_pi[i, a] - top)
            log_z = top + np.log(z)
            V[i] = w * log_z
            for a in range(net.A):
                log_pi[i, a] -= log_z
    return from_start(net, V)


@kernel
def proximal_values(
    net: Network, y: Floats, log_prior: Floats, tau: float, log_pi: Floats
) -> float:
    """Soft values of the state-action reward y (S, A) around a policy; log_pi <- the soft policy.
    Returns V_1(s_1).

    V_h(s) = tau log sum_a exp{log_prior(a|h, s) + [y(s, a) + (p_h V_{h+1})(s, a)] / tau} over
    available actions; tau = 0: their maximum.
    """
    V = np.empty(len(net.state))
    ahead = np.zeros(net.S)
    x = np.empty(net.A)
    for h in range(len(net.first) - 2, -1, -1):
        _set_ahead(net, h, V, ahead)
        for i in range(net.first[h], net.first[h + 1]):
            top = -np.inf
            for a in range(net.A):
                if not net.available[net.state[i], a]:
                    x[a] = -np.inf
                    continue
                x[a] = _with_mean(net, h, i, a, ahead, y[net.state[i], a])
                if tau > 0.0:
                    x[a] = log_prior[i, a] + x[a] / tau
                top = max(top, x[a])
            V[i] = top
            if tau > 0.0:
                z = 0.0
                for a in range(net.A):
                    z += np.exp(x[a] - top)
                log_z = top + np.log(z)
                V[i] = tau * log_z
                for a in range(net.A):
                    log_pi[i, a] = x[a] - log_z
    return from_start(net, V)


@kernel
def pool(net: Network, d: Floats, average: Floats) -> None:
    """average (S, A) <- mean over stages of d."""
    average[:] = 0.0
    H = len(net.first) - 1
    for i in range(len(net.state)):
        for a in range(net.A):
            average[net.state[i], a] += d[i, a] / H
