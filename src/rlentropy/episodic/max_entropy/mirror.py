"""Mirror ascent on the visitation polytope: a linear rate that does not know the kernel.

F(d) = sum_h H(d_h); weights w_h = H, H-1, ..., 1 over the stages; pi, pi' the policies of d, d'.
The divergence

    D(d, d') = sum_h w_h E_{d_h} KL(pi_h || pi'_h)

is the sum over h of the divergences of the paths up to stage h. Data processing bounds it below by
sum_h KL(d_h || d'_h), the Bregman divergence of -F, and the chain rule bounds it above by H times
that:

    sum_h KL(d_h || d'_h) <= D(d, d') <= H sum_h KL(d_h || d'_h).

So the step d^{t+1} = argmax_d <d, -log d^t> - D(d, d^t), one backward sweep of soft values with
temperature w_h, has for c = 1 - 1/H

    F never falls,     H (1 - c^t) (F* - F(d^t)) <= c^t D(d*, d^0),

and therefore F* - F(d^t) <= c^t D(d*, d^0) for t >= 1; at t = 0 that may fail.
From the uniform policy D(d*, d^0) <= H (H+1)/2 log A, A the largest number of actions that a state
has. Source: thm-mirror-ascent.

The same sweep with reward -log of the average visitation climbs H(mean_h d_h): its Bregman
divergence is at most D / H and the gap after t sweeps at most D(d*, d^0) / (H t).

Known: the rate under relative smoothness and relative strong convexity (Lu, Freund & Nesterov
2018).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Bools, Floats
from rlentropy.distributions import entropy, log_probabilities, log_softmax, softmax
from rlentropy.episodic.max_entropy import _kernels as kernels
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import markov_policy, push_forward
from rlentropy.results import result
from rlentropy.validation import (
    check_array,
    check_distribution,
    check_flag,
    check_integer,
    check_kind,
    refuse,
)


@result
class MirrorAscent:
    """A run of mirror ascent.

    values      (sweeps + 1,): the entropy, in nats, of the start and after each sweep; never falls
    policy      (H, S, A): the last one
    visitation  (H, S, A): of ``policy``
    """

    values: Floats
    policy: Floats
    visitation: Floats


def mirror_ascent(
    mdp: EpisodicMDP, sweeps: int, *, start: ArrayLike | None = None, average: bool = False
) -> MirrorAscent:
    """pi_h(a|s) <- pi_h(a|s) exp{(Q_h(s, a) - V_h(s)) / w_h}, w_h = H, ..., 1; ``sweeps`` times. A
    `MirrorAscent`.

    Q_h = reward_h + p_h V_{h+1} and V_h(s) = w_h log sum_a pi_h(a|s) exp(Q_h(s, a) / w_h), with the
    reward -log d_h(s, a) for sum_h H(d_h), or -log mean_k d_k(s, a) for H(mean_h d_h) if
    ``average``.

    start  (H, S, A): a policy that gives every available action positive probability, and no other;
           uniform if None
    Raises ValueError for a start without full support, or sweeps < 0. Source: thm-mirror-ascent.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    sweeps = check_integer("sweeps", sweeps, low=0)
    average = check_flag("average", average)
    reach = mdp.reachable()
    net = kernels.network(mdp, reach)
    log_pi = kernels.log_uniform(net)
    if start is not None:
        start = check_distribution("start", start, (mdp.H, mdp.S, mdp.A))
        none = (start == 0) & mdp.available
        refuse("start", start, none, "every available action needs a positive probability")
        taken = (start > 0) & ~mdp.available
        refuse("start", start, taken, "the action is not available in this state")
        log_pi = log_softmax(log_probabilities(start[reach]))
    ascent = ascend(net, log_pi, average=average)
    values = np.array([next(ascent)[1] for _ in range(sweeps + 1)])
    policy = full_policy(mdp, reach, log_pi)
    return MirrorAscent(values=values, policy=policy, visitation=push_forward(mdp, policy))


def mirror_bound(mdp: EpisodicMDP, sweeps: ArrayLike, *, average: bool = False) -> Floats:
    """(H+1)/2 log A c^t / (1 - c^t), c = 1 - 1/H: at least F* - F(d^t) after t = ``sweeps`` from
    the uniform policy, whatever the kernel.

    A is the largest number of actions that a state has. Infinite at t = 0, and at most
    c^t H (H+1)/2 log A for t >= 1. If ``average``: (H+1) log A / (2 t).
    sweeps: a whole number or an array of them, >= 0.
    Source: thm-mirror-ascent.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    t = check_array("sweeps", sweeps)
    refuse("sweeps", t, (t < 0) | (t != np.floor(t)), "not a whole number >= 0")
    average = check_flag("average", average)
    scale = (mdp.H + 1) / 2 * np.log(mdp.available.sum(axis=1).max())
    if scale == 0:
        return np.zeros(t.shape)[()]
    left = np.ones(t.shape) if average else (1 - 1 / mdp.H) ** t
    done = t if average else 1 - left
    return np.divide(scale * left, done, out=np.full(t.shape, np.inf), where=t > 0)[()]


def path_divergence(d: ArrayLike, d_other: ArrayLike) -> float:
    """D(d, d') = sum_h w_h E_{d_h} KL(pi_h || pi'_h), w_h = H, ..., 1; pi, pi' the policies of d,
    d' (H, S, A).

    Equal to sum_h KL of the paths s_1, a_1, ..., s_h, a_h. Infinite where pi' excludes what pi
    does. Source: lem-path-divergence.
    """
    d = check_array("d", d, (None, None, None))
    d_other = check_array("d_other", d_other, d.shape)
    refuse("d_other", d_other, d_other < 0, "a probability cannot be negative")
    log_ratio = log_probabilities(markov_policy(d)) - log_probabilities(markov_policy(d_other))
    weight = np.arange(len(d), 0, -1)[:, None, None]
    return float(np.sum(weight * np.multiply(d, log_ratio, where=d > 0, out=np.zeros(d.shape))))


# -------------------------------------------------------------------------- shared with the solvers


def ascend(
    net: kernels.Network, log_pi: Floats, *, average: bool
) -> Iterator[tuple[Floats, float]]:
    """Yield (visitation, its entropy) of log_pi (N, A), and improve log_pi in place by one sweep;
    without end.
    """
    d = np.empty(log_pi.shape)
    mean = np.empty((net.S, net.A))
    while True:
        value = kernels.roll_out(net, log_pi, d)
        if average:
            kernels.pool(net, d, mean)
            value = float(entropy(log_probabilities(mean.ravel())))
        yield d, value
        if average:
            reward = -np.log(np.maximum(mean, kernels.TINY))[net.state]
        else:
            reward = -np.log(np.maximum(d.sum(axis=1, keepdims=True), kernels.TINY)) - log_pi
        kernels.mirror_sweep(net, reward, log_pi)


def full_policy(mdp: EpisodicMDP, reach: Bools, logits: Floats) -> Floats:
    """The policy (H, S, A) with the given logits at reachable nodes, uniform elsewhere; over
    available actions. Rows sum to 1.
    """
    uniform = softmax(np.where(mdp.available, 0.0, -np.inf))
    policy = np.tile(uniform, (mdp.H, 1, 1))
    policy[reach] = softmax(np.where(mdp.available[np.nonzero(reach)[1]], logits, -np.inf))
    return policy
