"""Make the checkpoints that chapters 11 and 13 let their readers slide over:
``python tools/moving_explorers.py``.

Two explorers on the grid world of 21 x 21 cells, H = 20: EntGame with counts per stage and without
bonus, and the uniform random policy. At 1, 2, 4, ... episodes: the visits to every cell so far, and
the gap of the mixture of the policies played so far to the largest visitation entropy, in nats.
"""

import json

import numpy as np
from source_key import ROOT, key

from rlentropy.episodic import environments
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic.trajectory_entropy import uniform_policy
from rlentropy.episodic.visitation import policy_visitation, visitation_entropy
from rlentropy.learners import entgame, simulator

TARGET = ROOT / "book" / "moving" / "explorers.json"
GRID = {"rows": 21, "cols": 21, "success": 0.95, "horizon": 20}
OPTIONS = {"bonus_scale": 0.0}
SEED = 15
STOPS = tuple(2**k for k in range(16))
SOURCES = (
    "src/rlentropy/learners/*.py",
    "src/rlentropy/episodic/**/*.py",
    "src/rlentropy/portable.py",
    "src/rlentropy/seeds.py",
)


def entgame_visits(grid, episodes):
    """Visits to each cell in the first episodes of EntGame, whole numbers (S,)."""
    run = entgame.run(grid, episodes, SEED, evaluate=False, **OPTIONS)
    return run.counts.sum(axis=(0, 2))


def random_visits(grid, stops):
    """Visits to each cell in the first 1, 2, 4, ... episodes of the random policy, (stops, S)."""
    states, _ = simulator.rollouts(grid, uniform_policy(grid), stops[-1], SEED)
    return [np.bincount(states[:stop].ravel(), minlength=grid.S) for stop in stops]


def gaps(grid, optimum, stops):
    """Optimum less sum_h H(d_h) of EntGame's mixture after each stop, and of the random policy."""
    run = entgame.run(grid, stops[-1], SEED, checkpoints=stops, **OPTIONS)
    learner = [optimum - look.visitation_entropy for look in run.checkpoints]
    chance = optimum - float(visitation_entropy(policy_visitation(grid, uniform_policy(grid))))
    return learner, [chance] * len(stops)


def explorer(name, visits, gap):
    return {"name": name, "visits": [list(map(int, row)) for row in visits], "gap": gap}


def made(stops=STOPS):
    """What is stored: where the numbers come from, and the two explorers."""
    grid = environments.grid_world(**GRID)
    optimum = mve.solve(grid).value
    learned, chance = gaps(grid, optimum, stops)
    return {
        "made by": "tools/moving_explorers.py",
        "sources": key(SOURCES),
        "grid": GRID,
        "seed": SEED,
        "options": OPTIONS,
        "optimum": optimum,
        "episodes": list(stops),
        "explorers": [
            explorer("EntGame", [entgame_visits(grid, stop) for stop in stops], learned),
            explorer("random policy", random_visits(grid, stops), chance),
        ],
    }


def main():
    TARGET.parent.mkdir(exist_ok=True)
    stored = json.dumps(made(), separators=(",", ":"))
    TARGET.write_text(stored + "\n", encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
