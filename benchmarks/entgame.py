"""Speed of EntGame, exact replanning before every episode, against the textbook way of doing it,
in one process. Run alone: ``python benchmarks/entgame.py [--quick]``.

``rows()`` returns one dictionary per (environment, bonus scale, method):

    environment, bonus, method
    rate    median episodes per second over interleaved rounds; ``runs`` is their number
    ratio   rate / rate of the textbook version on the same line

``scaling()`` returns seconds per episode as S, A and H grow, ``memory()`` the peak of a run on a
large grid. Times are processor seconds of one thread: other work on the machine does not count.

The textbook version is what one writes from the formulas: backward induction over all (h, s, a)
with dense empirical kernels, compiled by numba. Its first episodes are cheap, for few pairs have
been visited; so it is timed in the middle of the run that it is compared with, from the counts that
the package has made by then.

The published peer is UCBVI of rlberry-scool with counts per stage, on the lines with a bonus. It
maximises a reward and not an entropy, and shares with EntGame the exact backward induction with a
bonus, stage by stage, before every episode. Its worlds step in Python; it has an environment of its
own (`peers.py`).
"""

import math
import statistics
import subprocess
import sys
import time
from functools import partial

import numba
import numpy as np
import peers
from turns import in_turn

from rlentropy.episodic import environments
from rlentropy.learners import entgame, simulator
from rlentropy.seeds import generator

TEXTBOOK = "textbook, dense"
OWN = "rlentropy"
JUDGED = "rlentropy with exact mixture"
UNCLIPPED = "rlentropy, unclipped value at the ceiling"
POOLED = "rlentropy, pooled"
SCOOL = "UCBVI of rlberry-scool"


# ----------------------------------------------------------------------------------- textbook peer


@numba.njit(cache=True)
def _textbook(world, n, moves, V, greedy, first, uniforms, n0, delta, scale):
    """EntGame from its formulas: every pair of every stage, logarithms and roots in place."""
    H, S, A = n.shape
    for e in range(len(uniforms)):
        t = first + e
        B = math.log(t / n0 + S * A)
        for h in range(H - 1, -1, -1):
            for s in range(S):
                best = -math.inf
                action = 0
                for a in range(A):
                    if n[h, s, a] == 0:
                        q = math.inf
                    else:
                        alpha = math.log(2 * S * A * H / delta)
                        alpha += S * math.log(math.e * (1 + n[h, s, a]))
                        q = math.log((t + S * A * n0) / (n[h, s, a] + n0))
                        q += scale * H * B * math.sqrt(2 * alpha / n[h, s, a])
                        if h < H - 1:
                            for after in range(S):
                                q += moves[h, s, a, after] / n[h, s, a] * V[h + 1, after]
                    if q > best:
                        best = q
                        action = a
                V[h, s] = min(best, H * B)
                greedy[h, s] = action
        s = world.start
        for h in range(H):
            a = greedy[h, s]
            n[h, s, a] += 1
            if h < H - 1:
                after = simulator.draw(world, h, s * A + a, uniforms[e, h])
                moves[h, s, a, after] += 1
                s = after


class Textbook:
    """A run of the textbook version, from the start or from the counts of the package after
    ``first`` episodes."""

    def __init__(self, mdp, seed, *, bonus_scale, first=0):
        H, S, A = mdp.H, mdp.S, mdp.A
        self.world = simulator.world(mdp)
        self.scale = bonus_scale
        self.first = first
        self.rng = generator(seed)
        self.n = np.zeros((H, S, A), np.int64)
        self.moves = np.zeros((H - 1, S, A, S))
        self.V = np.zeros((H + 1, S))
        self.greedy = np.zeros((H, S), np.int64)
        if first:
            self._take_over(mdp)

    def _take_over(self, mdp):
        config = entgame.settings(
            "per stage", self.first, bonus_scale=self.scale, saturated="source"
        )
        game = entgame._PerStage(mdp, entgame._stage_tables(mdp, config))
        entgame._play(mdp, config, game, mdp.H - 1, self.rng, (), False)
        self.n[:] = game.books.n
        for h, s in np.argwhere(game.books.degree[:-1]):
            known = game.books.degree[h, s]
            self.moves[h, s][:, game.books.nexts[h, s, :known]] = game.books.moves[h, s, :, :known]

    def advance(self, episodes):
        """Play on for so many episodes."""
        uniforms = self.rng.random((episodes, len(self.greedy) - 1))
        tables = (self.n, self.moves, self.V, self.greedy)
        _textbook(self.world, *tables, self.first, uniforms, 1.0, 0.1, self.scale)
        self.first += episodes


# --------------------------------------------------------------------------------------- measuring


def rates(methods, rounds):
    """{name: median episodes per second}; methods are {name: (callable, episodes)}, and take turns.

    A peer in another process returns its own rate.
    """
    measured = in_turn({name: method for name, (method, _) in methods.items()}, rounds)
    return {
        name: statistics.median(rate or methods[name][1] / seconds for seconds, rate in found)
        for name, found in measured.items()
    }


def contestants(mdp, bonus, own, slow, published):
    """The methods on one environment with one bonus scale, and the episodes that each plays."""

    def game(run, episodes, evaluate):
        def play():
            run(mdp, episodes, 0, bonus_scale=bonus, evaluate=evaluate)

        return play, episodes

    source = partial(entgame.run, saturated="source")  # the game of the textbook version
    naive = Textbook(mdp, 0, bonus_scale=bonus, first=own // 2)
    methods = {
        TEXTBOOK: (lambda: naive.advance(slow), slow),
        OWN: game(source, own, False),
        JUDGED: game(source, own, True),
        UNCLIPPED: game(entgame.run, own, False),
        POOLED: game(entgame.run_pooled, own, False),
    }
    if published and bonus and peers.python():
        methods[SCOOL] = (lambda: peers.ucbvi_rate(mdp, published), published)
    return methods


def rows(quick=False):
    """The table of this benchmark; ``quick`` shrinks it to a few seconds."""
    chain = environments.double_chain(length=31, failure=0.1, horizon=20)
    grid = environments.grid_world(rows=21, cols=21, success=0.95, horizon=20)
    cases = [("double chain, H = 20", chain, 2_000, 500, 0, 2)]
    if not quick:
        cases = [
            ("double chain, H = 20", chain, 50_000, 5_000, 100, 5),
            ("grid 21x21, H = 20", grid, 20_000, 50, 1, 3),
        ]
    table = []
    for environment, mdp, own, slow, published, rounds in cases:
        for bonus in (0.0, 1.0):
            found = rates(contestants(mdp, bonus, own, slow, published), rounds)
            table += [
                {
                    "environment": environment,
                    "bonus": bonus,
                    "method": name,
                    "rate": rate,
                    "runs": rounds,
                    "ratio": rate / found[TEXTBOOK],
                }
                for name, rate in found.items()
            ]
    return table


def scaling(quick=False):
    """{axis: [(size, seconds per episode), ...]} as one of S, A, H grows; without a bonus."""
    episodes = 500 if quick else 2_000
    factor = (1, 2) if quick else (1, 2, 4, 8)

    def make(states=50, actions=4, horizon=20):
        sizes = {"states": states, "actions": actions, "horizon": horizon}
        return environments.garnet(**sizes, branching=4, seed=0, stationary=True)

    families = {
        "S": [(25 * f, make(states=25 * f)) for f in factor],
        "A": [(2 * f, make(actions=2 * f)) for f in factor],
        "H": [(10 * f, make(horizon=10 * f)) for f in factor],
    }

    def seconds(mdp):
        entgame.run(mdp, 10, 0, bonus_scale=0.0, evaluate=False)
        began = time.process_time()
        entgame.run(mdp, episodes, 0, bonus_scale=0.0, evaluate=False)
        return (time.process_time() - began) / episodes

    return {
        axis: [(size, statistics.median(seconds(mdp) for _ in range(3))) for size, mdp in family]
        for axis, family in families.items()
    }


_LARGE = """
import resource, sys, time
from rlentropy.episodic import environments
from rlentropy.learners import entgame
side, horizon, episodes = map(int, sys.argv[1:])
mdp = environments.grid_world(rows=side, cols=side, success=0.95, horizon=horizon)
began = time.perf_counter()
entgame.run(mdp, episodes, 0, bonus_scale=0.0)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def memory(quick=False):
    """(side, horizon, episodes, seconds, peak bytes) of a run with exact mixture on a large grid,
    in a new process."""
    size = (31, 30, 100) if quick else (101, 100, 1_000)
    command = [sys.executable, "-c", _LARGE, *map(str, size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = done.stdout.split()
    return (*size, float(seconds), int(peak))


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    for row in rows(quick):
        print(
            "{environment:22s} bonus {bonus:<4g} {method:42s} "
            "{rate:>12,.0f} episodes/s  x{ratio:.1f}".format(**row)
        )
    for axis, points in scaling(quick).items():
        shown = ", ".join(f"{size}: {s:.2e}" for size, s in points)
        print(f"seconds per episode by {axis}: {shown}")
    side, horizon, episodes, seconds, peak = memory(quick)
    size = f"grid {side}x{side}, H = {horizon}, {episodes} episodes"
    print(f"{size}: {seconds:.1f} s, peak memory {peak / 2**20:.0f} MiB")
