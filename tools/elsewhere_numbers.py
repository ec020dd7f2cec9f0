"""The numbers that have to be the same on every processor, as JSON on standard output.

``bits`` holds hashes of arrays: tables, environments, draws, what learners counted and computed.
``brackets`` holds [lower, upper] of solvers: the optimum lies between them. `elsewhere` compares.
"""

import hashlib
import json
import time

import numpy as np

from rlentropy import portable, seeds
from rlentropy.episodic import environments, max_entropy, trajectory_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import entgame, optimistic_soft_vi, rf_ucrl, simulator, ucbvi_ent

CHAIN = environments.double_chain(length=31, failure=0.1, horizon=20)
GRID = environments.grid_world(rows=5, cols=5, success=0.9, horizon=10)
GARNET = environments.garnet(states=6, actions=3, horizon=5, branching=3, seed=1)
# A random world in which a third of the actions is unavailable.
OPEN = environments.garnet(states=6, actions=3, horizon=5, branching=3, seed=2, stationary=True)
THERE = np.add.outer(np.arange(6), np.arange(3)) % 3 > 0
WALLED = EpisodicMDP(OPEN.dense()[0] * THERE[:, :, None], 5, 0, THERE)
SCALES = (0.0, 0.01, 0.1, 1.0)
# Where two actions tie the last digit decides; long runs have such ties at the larger bonuses.
LONG, SHORT = 30_000, 2_000


def digest(*arrays):
    """A short hash of shapes and bits; whole numbers as int64, others as double, in the byte order
    of most machines.
    """
    state = hashlib.sha256()
    for x in arrays:
        x = np.ascontiguousarray(x)
        kind = "<i8" if np.issubdtype(x.dtype, np.integer) else "<f8"
        state.update(repr(x.shape).encode() + x.astype(kind).tobytes())
    return state.hexdigest()[:16]


def functions():
    """log, log1p and exp on points of every size, on every entry of their tables, and near where
    they are hard.
    """
    i = np.arange(20_000)
    # by exact operations: exp2 would differ already
    wide = np.ldexp(1 + i / len(i), i % 2098 - 1074)
    x = np.concatenate([wide, 0.5 + i / len(i), 1 + (i - len(i) / 2) / 2**20])
    yield "log", digest(portable.log(x))
    yield "log1p", digest(portable.log1p(wide), portable.log1p(x[len(i) :] - 1))
    yield "exp", digest(portable.exp((i - 10_500) / 14), portable.exp(x[len(i) :] - 1))


def tables():
    """EntGame's tables of log and bonus."""
    kinds = (
        ("stage", entgame._stage_tables, "per stage", 100_000),
        ("pooled", entgame._pooled_tables, "pooled", 5_000),
    )
    for n0 in (0.5, 1, 3.0):
        for name, tables_of, counts, episodes in kinds:
            table = tables_of(CHAIN, entgame.Config(counts, episodes, n0, 0.1, 1.0))
            yield f"{name} tables, n0 = {n0}", digest(table.log, table.spread, table.bound)


def draws():
    """Generators, environments, and episodes of a fixed policy."""
    rng = seeds.generator(seeds.spawn(7, 3)[2])
    yield (
        "seeds",
        digest(rng.random(1000), rng.integers(10**9, size=1000), rng.exponential(size=1000)),
    )
    for name, mdp in (("chain", CHAIN), ("grid", GRID), ("garnet", GARNET)):
        world = simulator.world(mdp)
        yield name, digest(world.rows, world.state, world.probability, world.cumulative)
    policy = trajectory_entropy.uniform_policy(GARNET)
    yield "rollouts", digest(*simulator.rollouts(GARNET, policy, 1000, 3))


def judged(run):
    """The digest of a run of EntGame with one checkpoint."""
    return digest(run.counts, run.visitation, run.checkpoints[0].optimistic_value)


def learners():
    """Counts and visitations of every learner."""
    for scale in SCALES:
        options = {"bonus_scale": scale}
        run = entgame.run(CHAIN, LONG, 1, **options, saturated="source", checkpoints=[LONG])
        yield f"EntGame, b = {scale}", judged(run)
        run = entgame.run_pooled(CHAIN, SHORT, 2, **options, checkpoints=[SHORT])
        yield f"EntGame pooled, b = {scale}", judged(run)
        run = entgame.run(CHAIN, SHORT, 1, **options, checkpoints=[SHORT])
        yield f"EntGame unclipped where saturated, b = {scale}", judged(run)
        for ties in ("first", "near"):
            run = entgame.run_pooled(GRID, SHORT, 2, **options, clip=False, ties=ties)
            name = f"EntGame pooled without a ceiling, ties {ties}, b = {scale}"
            yield name, digest(run.counts, run.visitation)
    run = entgame.run(GARNET, SHORT, 3, clip=False)
    yield "EntGame without a ceiling", digest(run.counts, run.visitation)
    options = {"bonus_scale": 0.1, "ceiling": "stage"}
    run = entgame.run(GARNET, SHORT, 3, n0=0.5, **options, saturated="source")
    yield "EntGame, ceiling of the stage", digest(run.counts, run.visitation)
    run = entgame.run_known(GRID, 300, checkpoints=[300])
    yield "EntGame, kernel known", judged(run)
    for pooled in (True, False):
        options = ucbvi_ent.Options(pooled=pooled, last_transition=pooled)
        run = ucbvi_ent.run(GRID, SHORT, 4, options=options)
        yield f"UCBVI-Ent, pooled = {pooled}", digest(run.counts, run.log_pi, run.policy)
        options = rf_ucrl.RewardFreeOptions(pooled=pooled, published_code=pooled)
        run = rf_ucrl.rf_ucrl(GRID, SHORT, 5, options=options)
        yield f"RF-UCRL, pooled = {pooled}", digest(run.counts, run.error)
    options = rf_ucrl.RewardFreeOptions(published_code=True, clip=False, ties="near")
    run = rf_ucrl.rf_ucrl(GRID, SHORT, 5, options=options)
    yield "RF-UCRL without a ceiling, near-ties", digest(run.counts, run.error)
    run = entgame.run(WALLED, SHORT, 7)
    pooled = entgame.run_pooled(WALLED, SHORT, 7, ties="near")
    yield "EntGame, unavailable actions", digest(run.counts, run.visitation, pooled.counts)
    run = entgame.resume(WALLED, entgame.run(WALLED, 700, 7), SHORT - 700)
    yield "EntGame, in two parts", digest(run.counts, run.visitation)
    run = rf_ucrl.rf_ucrl(WALLED, SHORT, 8)
    soft = ucbvi_ent.run(WALLED, SHORT, 8)
    yield "RF-UCRL and UCBVI-Ent, unavailable actions", digest(run.counts, run.error, soft.log_pi)
    run = optimistic_soft_vi.run(GARNET, SHORT, 6)
    yield "optimistic soft value iteration", digest(run.counts, run.Q, run.policy)


def solvers():
    """Brackets of the optimum."""
    for name, mdp in (("chain", CHAIN), ("garnet", GARNET)):
        best = max_entropy.solve(mdp)
        yield f"visitation entropy, {name}", [best.value, best.value + best.gap]
    best = max_entropy.solve_average(GARNET)
    yield "average visitation entropy, garnet", [best.value, best.value + best.gap]


def numbers():
    """All of them: {"bits": {name: hash}, "brackets": {name: [lower, upper]}}."""
    bits = {name: value for part in (functions, tables, draws, learners) for name, value in part()}
    return {"bits": bits, "brackets": dict(solvers())}


if __name__ == "__main__":
    found = numbers()
    print(json.dumps(found | {"processor seconds": time.process_time()}))
