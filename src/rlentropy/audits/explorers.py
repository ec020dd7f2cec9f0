"""Explorers side by side: who plays, what each of them has seen, and how many episodes it took.

`line_up` names the learners as the published comparison has them, `judge` scores a run with the
true kernel, `episodes_to_gap` finds when a learner comes within a gap of the optimum.
Entropies in nats. Source: Tiapkin et al. (2023), code published with it, commit 74af23f.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rlentropy.episodic import trajectory_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import (
    average_visitation_entropy,
    policy_visitation,
    visitation_entropy,
)
from rlentropy.learners import (
    entgame,
    optimistic_soft_vi,
    regularized_game,
    rf_ucrl,
    simulator,
    ucbvi_ent,
)
from rlentropy.results import result
from rlentropy.validation import (
    check_array,
    check_distribution,
    check_flag,
    check_integer,
    check_kind,
    check_number,
    check_positive,
    refuse,
)

Seed = int | np.random.SeedSequence
Run = (
    entgame.EntGameRun
    | rf_ucrl.RewardFreeResult
    | ucbvi_ent.SoftExplorerRun
    | optimistic_soft_vi.SoftVIRun
    | regularized_game.GameRun
)


def line_up(
    mdp: EpisodicMDP, episodes: int, *, clip: bool, checkpoints: Iterable[int] = ()
) -> dict[str, Callable[[Seed], Run]]:
    """{name: learner}, each of ``episodes`` episodes; call it with a seed.

    clip   do pooled EntGame and RF-UCRL stop at their ceilings? In the published configurations
           yes on the double chain, no on the grid. UCBVI-Ent clips always, as published; EntGame
           per stage is that of def-entgame, by the rule of def-unclipped-rule, or by the source's.
    checkpoints   passed to EntGame
    """
    check_kind("mdp", mdp, EpisodicMDP)
    episodes = check_integer("episodes", episodes)
    clip = check_flag("clip", clip)
    if isinstance(checkpoints, str) or not isinstance(checkpoints, Iterable):
        raise ValueError(f"checkpoints: {type(checkpoints).__name__}, expected whole numbers")
    checkpoints = [check_integer(f"checkpoints[{i}]", t) for i, t in enumerate(checkpoints)]
    stage = partial(entgame.run, mdp, episodes, checkpoints=checkpoints)
    pooled = partial(
        entgame.run_pooled, mdp, episodes, clip=clip, ties="near", checkpoints=checkpoints
    )
    soft = partial(ucbvi_ent.run, mdp, episodes)
    reward_free = rf_ucrl.RewardFreeOptions(published_code=True, clip=clip, ties="near")
    return {
        "EntGame, stage": partial(stage, bonus_scale=0.0),
        "EntGame, stage, bonus": stage,
        "EntGame, source's rule": partial(stage, bonus_scale=0.0, saturated="source"),
        "EntGame, source's rule, bonus": partial(stage, saturated="source"),
        "EntGame, pooled": partial(pooled, bonus_scale=0.0),
        "EntGame, pooled, bonus": pooled,
        "UCBVI-Ent, no bonus": partial(soft, options=ucbvi_ent.Options(bonus_scale=0.0)),
        "UCBVI-Ent, bonus": soft,
        "RF-UCRL": partial(rf_ucrl.rf_ucrl, mdp, episodes, options=reward_free),
    }


@result
class Score:
    """What an explorer has seen, and what its policy would see.

    visits    (S,) whole numbers: visits to each state, all stages together, in as many episodes;
              of the learning run itself, for UCBVI-Ent and for fixed policies of a fresh run
    stages    sum_h H(d_h) of the policy, see `policy_of`
    average   H(mean_h d_h) of it
    path      its trajectory entropy
    least     expected visits to the reachable state that it visits least, in as many episodes
    """

    visits: np.ndarray
    stages: float
    average: float
    path: float
    least: float

    def seen(self, k: int) -> int:
        """Number of states visited at least k times."""
        return int((self.visits >= check_integer("k", k)).sum())

    def numbers(self) -> tuple[float, ...]:
        """(stages, average, path, least, states visited ten times, a hundred times)."""
        seen = (float(self.seen(10)), float(self.seen(100)))
        return (self.stages, self.average, self.path, self.least, *seen)


def policy_of(run: Run) -> np.ndarray:
    """(H, S, A): the policy of a run: of EntGame that of the mixture, of RF-UCRL, which delivers
    none, that of its counts, of the others what would be played next."""
    if not isinstance(run, Run):
        raise ValueError(f"run: {type(run).__name__}, expected that of a learner")
    return run.policy


def judge(mdp: EpisodicMDP, episodes: int, explorer: Run | np.ndarray, seed: Seed) -> Score:
    """`Score` of a run of a learner, or of a fixed policy (H, S, A).

    seed   of the fresh roll-out, where one is made (fixed policies and UCBVI-Ent)
    Raises ValueError for a policy whose rows are no distributions.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    episodes = check_integer("episodes", episodes)
    if isinstance(explorer, Run):
        pi = policy_of(explorer)
    else:
        pi = check_distribution("explorer", explorer, (mdp.H, mdp.S, mdp.A))
    if isinstance(explorer, Run) and not isinstance(explorer, ucbvi_ent.SoftExplorerRun):
        counts = explorer.counts
    else:
        counts = simulator.roll_out(mdp, pi, episodes, seed)
    d = policy_visitation(mdp, pi)
    return Score(
        visits=counts.sum(axis=(0, 2)),
        stages=float(visitation_entropy(d)),
        average=float(average_visitation_entropy(d)),
        path=float(trajectory_entropy.trajectory_entropy(mdp, pi)),
        least=float(episodes * d.sum(axis=(0, 2))[mdp.reachable().any(axis=0)].min()),
    )


def table(scores: dict[str, list[Score]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{name: (means, standard errors)} of `Score.numbers`; the error of a single run is NaN."""
    if not isinstance(scores, dict):
        raise ValueError(f"scores: {type(scores).__name__}, expected a table of lists of scores")
    found = {}
    for name, runs in scores.items():
        x = np.array([score.numbers() for score in runs])
        spread = x.std(axis=0, ddof=1) if len(x) > 1 else np.full(x.shape[1], np.nan)
        found[name] = (x.mean(axis=0), spread / np.sqrt(len(x)))
    return found


# ----------------------------------------------------------------------------- sample complexity


def episodes_to_gap(
    mdp: EpisodicMDP,
    optimum: float,
    eps: ArrayLike,
    seed: Seed,
    *,
    most: int,
    step: float = 1.02,
    **options: Any,
) -> np.ndarray:
    """Episodes after which the mixture of `entgame.run` is within eps of the optimum for the first
    time; shaped like eps.

    Looked for at most ``most`` episodes, at times that grow by the factor ``step``; NaN where the
    gap was never reached.
    options   those of `entgame.run`
    Raises ValueError for arguments out of range.
    """
    eps = check_array("eps", eps)
    optimum = check_number("optimum", optimum)
    step = check_number("step", step)
    most = check_integer("most", most, low=2)
    growth = check_positive("step - 1", step - 1)
    times = np.unique(np.exp(np.arange(0, np.log(most), np.log1p(growth))).astype(int))
    run = entgame.run(mdp, most, seed, checkpoints=[*times.tolist(), most], **options)
    gaps = np.array([optimum - point.visitation_entropy for point in run.checkpoints])
    stops = np.array([point.episodes for point in run.checkpoints], dtype=float)
    reached = gaps[:, None] <= eps.ravel()
    first = np.where(reached.any(axis=0), stops[reached.argmax(axis=0)], np.nan)
    return first.reshape(eps.shape)


def exponent(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Slope of log y against log x by least squares over runs, and its standard error over runs.

    x (k,), y (runs, k). The slope is fitted for each run; two runs at least.
    """
    x = check_array("x", x, (None,))
    y = check_array("y", y, (None, len(x)))
    for name, given in (("x", x), ("y", y)):
        refuse(name, given, ~(given > 0), "must be greater than 0")
    if len(np.unique(x)) == 1:
        raise ValueError(f"x: all entries are {x[0]}, which has no slope")
    logs = np.log(x)
    centred = logs - logs.mean()
    slopes = np.log(y) @ centred / (centred @ centred)
    return float(slopes.mean()), float(slopes.std(ddof=1) / np.sqrt(len(slopes)))
