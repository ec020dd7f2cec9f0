"""From how many episodes on is a learner within eps of the largest entropy of its kind?

`learners` names who is measured and for which entropy: the visitation entropy of the mixture of the
policies played (EntGame, the regularised game), or the trajectory entropy of the policy that would
be played next (optimistic soft value iteration, UCBVI-Ent). All gaps are exact, in nats. One looks
at times that grow by a factor, so a number of episodes is at most that factor too large.
Only whoever judges a learner may use this module, for it reads the kernel.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.audits import regularized_game as regularized_audit
from rlentropy.episodic import max_entropy, trajectory_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.learners import entgame, optimistic_soft_vi, regularized_game, ucbvi_ent
from rlentropy.validation import (
    check_array,
    check_choice,
    check_integer,
    check_kind,
    check_number,
    refuse,
)

Seed = int | np.random.SeedSequence
Gaps = Callable[[EpisodicMDP, Seed, list[int]], Floats]


def episodes_to_gap(
    mdp: EpisodicMDP, learner: str, eps: ArrayLike, seed: Seed, *, most: int, step: float = 1.05
) -> Floats:
    """Episodes from which on ``learner`` is within eps, at all later looks; shaped like eps.

    learner  one of `learners`
    eps      positive numbers, in nats
    most     no more episodes than this; NaN where the gap is larger at the last look
    step     > 1: the times at which one looks grow by this factor
    Raises ValueError for arguments out of range.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    known = learners()
    check_choice("learner", learner, tuple(known))
    eps = check_array("eps", eps)
    refuse("eps", eps, eps <= 0, "a gap is positive")
    most = check_integer("most", most, low=2)
    if not check_number("step", step) > 1:
        raise ValueError(f"step = {step}: times have to grow, so it is above 1")
    grown = np.exp(np.arange(0, np.log(most), np.log(step))).astype(int)
    times = np.unique([*grown, most])
    gaps = known[learner](mdp, seed, times.tolist())
    above = gaps[:, None] > eps.ravel()
    last = np.where(above.any(axis=0), len(times) - above[::-1].argmax(axis=0), 0)
    found = np.append(times.astype(float), np.nan)[last]
    return found.reshape(eps.shape)


def learners() -> dict[str, Gaps]:
    """{name: gaps}, in the order of the book's table; gaps(mdp, seed, times) are those after so
    many episodes."""
    return {
        "EntGame, no bonus": partial(_entgame, 0.0),
        "EntGame, bonus": partial(_entgame, 1.0),
        "regularised game, no bonus": partial(_game, 0.0),
        "regularised game, bonus": partial(_game, 1.0),
        "optimistic soft VI, no bonus": partial(_soft_vi, 0.0),
        "optimistic soft VI, bonus": partial(_soft_vi, 1.0),
        "UCBVI-Ent, no bonus": partial(_ucbvi_ent, 0.0),
        "UCBVI-Ent, bonus": partial(_ucbvi_ent, 1.0),
    }


def _entgame(scale, mdp, seed, times):
    value = max_entropy.solve(mdp).value
    run = entgame.run(mdp, times[-1], seed, bonus_scale=scale, checkpoints=times)
    return np.array([value - look.visitation_entropy for look in run.checkpoints])


def _game(scale, mdp, seed, times):
    value = max_entropy.solve(mdp).value
    total = np.zeros((mdp.H, mdp.S, mdp.A))
    gaps = []
    blocks = regularized_game.play(mdp, times[-1], seed, bonus_scale=scale, block=500)
    for block in blocks:
        d = regularized_audit.visitations(mdp, block.Q)
        for T in times:
            if block.first < T <= block.first + len(d):
                mixture = (total + d[: T - block.first].sum(axis=0)) / T
                gaps.append(value - float(visitation_entropy(mixture)))
        total = total + d.sum(axis=0)
    return np.array(gaps)


def _soft_vi(scale, mdp, seed, times):
    best = trajectory_entropy.soft_optimum(mdp)
    gaps = []
    blocks = optimistic_soft_vi.play(mdp, times[-1] + 1, seed, bonus_scale=scale, block=500)
    for block in blocks:
        for T in times:
            if block.first <= T < block.first + len(block.Q):
                policy = np.exp(dist.log_softmax(block.Q[T - block.first]))
                gaps.append(trajectory_entropy.suboptimality(mdp, policy, best))
    return np.array(gaps)


def _ucbvi_ent(scale, mdp, seed, times):
    """The published code has no looks on the way: it is run anew for each time."""
    best = trajectory_entropy.soft_optimum(mdp)
    options = ucbvi_ent.Options(bonus_scale=scale)
    runs = [ucbvi_ent.run(mdp, T, seed, options=options) for T in times]
    return np.array([trajectory_entropy.suboptimality(mdp, run.policy, best) for run in runs])
