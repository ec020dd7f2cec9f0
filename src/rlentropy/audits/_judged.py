"""Runs of which every plan is judged by the true kernel, in plain NumPy; for small worlds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy._types import Floats, Seed
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import simulator
from rlentropy.seeds import generator
from rlentropy.validation import check_integer


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
