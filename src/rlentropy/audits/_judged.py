"""Runs of which every plan is judged by the true kernel, in plain NumPy; for small
worlds."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy._types import Floats, Seed
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import simulator
from rlentropy.learners._loop import choices
from rlentropy.seeds import generator
from rlentropy.validation import check_integer, check_kind


def play(
    mdp: EpisodicMDP, episodes: int, seed: Seed, judge: Callable[[Floats, Floats, int], Any]
) -> tuple[dict[str, float], Floats, Floats, list[float]]:
    """The least slack of each name, visits (H, S, A), visitation of the mixture, and sums.

    judge(n, moves, t) of visits (H, S, A) and transitions (H-1, S, A, S) of t episodes returns
    slacks by name, the actions (H, S) to play, their visitation, and the numbers to sum.
    """
    episodes = check_integer("episodes", episodes, low=1)
    n = np.zeros((mdp.H, mdp.S, mdp.A))
    moves = np.zeros((mdp.H - 1, mdp.S, mdp.A, mdp.S))
    world = simulator.world(mdp)
    worst: dict[str, float] = {}
    total = np.zeros(n.shape)
    paid = []
    for t, uniforms in enumerate(generator(seed).random((episodes, mdp.H))):
        slack, actions, d, now = judge(n, moves, t)
        worst = {name: min(worst.get(name, np.inf), x) for name, x in slack.items()}
        total += d
        paid.append(now)
        s = mdp.first_state
        for h, u in enumerate(uniforms):
            a = actions[h, s]
            n[h, s, a] += 1
            if h < mdp.H - 1:
                after = simulator.draw(world, h, s * mdp.A + a, u)
                moves[h, s, a, after] += 1
                s = after
    return worst, n, total / episodes, [float(x) for x in np.cumsum(paid, axis=0)[-1]]


def divergence(mdp: EpisodicMDP, moves: Floats, S: int, A: int, H: int, delta: float) -> float:
    """The largest n KL(phat || p) / alpha(delta, n) of a pair that was visited; 0 where none was.

    moves (H-1, S, A, S) are counted transitions, n their sums; at most 1 on the event of
    lem-kl-concentration (iii).
    """
    if moves.size == 0:
        return 0.0
    n = moves.sum(axis=-1)
    hat = moves / np.maximum(n, 1)[..., None]
    kl = dist.kl(dist.log_probabilities(hat), dist.log_probabilities(mdp.dense()))
    ratio = np.where(n > 0, n * kl / confidence.log_confidence(n, S, A, H, delta), 0.0)
    return float(ratio.max(initial=0.0))


class Judge:
    """What is known of a run of a learner with softmax Q, block by block.

    seen             episodes so far
    expected_visits  (H, S, A) summed visitations of their policies
    slack            the smallest slack of each link
    divergence       the largest n KL(phat || p) / alpha(delta, n) at the ends of blocks
    """

    def __init__(self, mdp, T, delta):
        self.mdp = mdp
        self.T = T
        self.sizes = (mdp.S, choices(mdp.available), mdp.H, delta)
        self.seen = 0
        self.expected_visits = np.zeros((mdp.H, mdp.S, mdp.A))
        self.slack = {}
        self.divergence = 0.0

    def follow(self, blocks, kind):
        """Look at all blocks; ValueError for other things, and for too few episodes."""
        if isinstance(blocks, str) or not isinstance(blocks, Iterable):
            raise ValueError(f"blocks: {type(blocks).__name__}, expected the blocks of a run")
        for block in blocks:
            self.look(check_kind("blocks", block, kind))
            reached = divergence(self.mdp, block.moves, *self.sizes)
            self.divergence = max(self.divergence, reached)
        if self.seen < self.T[-1]:
            raise ValueError(f"T[-1] = {self.T[-1]}: the run has only {self.seen} episodes")

    def look(self, block):
        """The links of a block."""
        raise NotImplementedError

    def count(self, d, n, **links):
        """Keep the least of the links, about all pairs (B, H, S, A) or episodes (B,), and of that
        between visits n and visitations d (B, H, S, A)."""
        before = self.expected_visits + np.cumsum(d, axis=0) - d
        links["counts"] = n - before / 2 + confidence.count_margin(*self.sizes)
        for name, slack in links.items():
            there = slack[:, :, self.mdp.available] if slack.ndim == 4 else slack
            least = float(there.min(initial=np.inf))
            self.slack[name] = min(self.slack.get(name, np.inf), least)
        self.expected_visits = self.expected_visits + d.sum(axis=0)
        self.seen += len(d)


def visitations(mdp: EpisodicMDP, log_pi: Floats) -> Floats:
    """The visitations of policies, given as logarithms; (B, H, S, A) -> (B, H, S, A)."""
    pi = np.exp(log_pi)
    d = np.empty_like(pi)
    state = np.tile(mdp.start_distribution, (len(pi), 1))
    for h in range(mdp.H):
        d[:, h] = state[:, :, None] * pi[:, h]
        if h + 1 < mdp.H:
            state = d[:, h].reshape(len(pi), -1) @ mdp.kernel(h)
    return d


def next_mean(mdp: EpisodicMDP, h: int, V: Floats) -> Floats:
    """p_h V for V (..., S) -> (..., S, A)."""
    return (V.reshape(-1, mdp.S) @ mdp.kernel(h).T).reshape(*V.shape[:-1], mdp.S, mdp.A)


def soft_values(mdp: EpisodicMDP, Q: Floats, log_pi: Floats) -> Floats:
    """log sum_a exp Q = Q - log softmax Q at an action that there is; (..., S, A) -> (..., S)."""
    one = (..., np.arange(mdp.S), mdp.available.argmax(axis=1))
    return Q[one] - log_pi[one]


def apart(mdp: EpisodicMDP, x: Floats, y: Floats) -> Floats:
    """x - y, 0 where an action is unavailable; of the shape of x."""
    return np.subtract(x, y, where=mdp.available, out=np.zeros(x.shape))
