"""After how many episodes is a learner within eps of the largest entropy of its kind?

`learners` names who is measured and for which entropy: the visitation entropy of the mixture of the
policies played (EntGame, the regularised game), or the trajectory entropy of the policy that would
be played next (optimistic soft value iteration, UCBVI-Ent). All gaps are exact, in nats; times grow
by a factor, so a number of episodes is at most that factor too large.
Only whoever judges a learner may use this module, for it reads the kernel.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.audits import explorers
from rlentropy.audits import regularized_game as regularized_audit
from rlentropy.episodic import max_entropy, trajectory_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.learners import optimistic_soft_vi, regularized_game, ucbvi_ent
from rlentropy.validation import check_array, check_choice, check_integer, check_positive, refuse

Seed = int | np.random.SeedSequence
Gaps = Iterator[tuple[int, float]]


def episodes_to_gap(
    mdp: EpisodicMDP, learner: str, eps: ArrayLike, seed: Seed, *, most: int, step: float = 1.05
) -> Floats:
    """Episodes after which ``learner`` is within eps for the first time; shaped like eps.

    learner  one of `learners`
    eps      positive numbers, in nats
    most     no more episodes than this; NaN where the gap was never reached
    step     > 1: the times at which one looks grow by this factor
    Raises ValueError for arguments out of range.
    """
    known = learners()
    check_choice("learner", learner, tuple(known))
    eps = check_array("eps", eps)
    refuse("eps", eps, eps <= 0, "a gap is positive")
    most = check_integer("most", most, low=2)
    check_positive("step - 1", step - 1)
    return known[learner](mdp, eps, seed, most, step)


def learners() -> dict[str, Callable[..., Floats]]:
    """{name: measure}, in the order of the book's table."""
    return {
        "EntGame, no bonus": partial(_entgame, 0.0),
        "EntGame, bonus": partial(_entgame, 1.0),
        "regularised game, no bonus": partial(_followed, _game, 0.0),
        "regularised game, bonus": partial(_followed, _game, 1.0),
        "optimistic soft VI, no bonus": partial(_followed, _soft_vi, 0.0),
        "optimistic soft VI, bonus": partial(_followed, _soft_vi, 1.0),
        "UCBVI-Ent, no bonus": partial(_followed, _ucbvi_ent, 0.0),
        "UCBVI-Ent, bonus": partial(_followed, _ucbvi_ent, 1.0),
    }


def _times(most, step):
    return np.unique(np.exp(np.arange(0, np.log(most), np.log(step))).astype(int)).tolist()


def _entgame(scale, mdp, eps, seed, most, step):
    value = max_entropy.solve(mdp).value
    options = {"most": most, "step": step, "bonus_scale": scale}
    return explorers.episodes_to_gap(mdp, value, eps, seed, **options)


def _followed(gaps, scale, mdp, eps, seed, most, step):
    """First times at which the gaps (T, gap) of a learner are at most eps."""
    found = np.full(eps.shape, np.nan)
    for T, gap in gaps(mdp, seed, scale, _times(most, step)):
        found[np.isnan(found) & (gap <= eps)] = T
        if not np.isnan(found).any():
            break
    return found


def _game(mdp, seed, scale, times) -> Gaps:
    value = max_entropy.solve(mdp).value
    total = np.zeros((mdp.H, mdp.S, mdp.A))
    blocks = regularized_game.play(mdp, times[-1], seed, bonus_scale=scale, block=500)
    for block in blocks:
        d = regularized_audit.visitations(mdp, block.Q)
        for T in times:
            if block.first < T <= block.first + len(d):
                mixture = (total + d[: T - block.first].sum(axis=0)) / T
                yield T, value - float(visitation_entropy(mixture))
        total = total + d.sum(axis=0)


def _soft_vi(mdp, seed, scale, times) -> Gaps:
    best = trajectory_entropy.soft_optimum(mdp)
    blocks = optimistic_soft_vi.play(mdp, times[-1] + 1, seed, bonus_scale=scale, block=500)
    for block in blocks:
        for k, Q in enumerate(block.Q):
            if block.first + k in times:
                policy = np.exp(dist.log_softmax(Q))
                yield block.first + k, trajectory_entropy.suboptimality(mdp, policy, best)


def _ucbvi_ent(mdp, seed, scale, times) -> Gaps:
    """The published code has no looks on the way: it is run anew for each time."""
    best = trajectory_entropy.soft_optimum(mdp)
    options = ucbvi_ent.Options(bonus_scale=scale)
    for T in times:
        run = ucbvi_ent.run(mdp, T, seed, options=options)
        yield T, trajectory_entropy.suboptimality(mdp, run.policy, best)
