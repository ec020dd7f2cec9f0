"""Plays every explorer of chapter 13 on the published grid, with many seeds, and stores what each
run saw: ``notebooks/data/grid_explorers.csv``.

    python tools/explorers_on_grid.py

Minutes of work, so it is not a cell. The chapter plays one seed of each learner again and compares.
The head of the file says with which command, seeds and sources it was made.
"""

import sys
from functools import partial

from source_key import ROOT, code_key

from rlentropy.audits import explorers
from rlentropy.episodic import environments
from rlentropy.learners import entgame
from rlentropy.parallel import run_seeds
from rlentropy.seeds import spawn

FILE = ROOT / "notebooks" / "data" / "grid_explorers.csv"
EPISODES = 30_000
RUNS = 12
SEED = 13
LOOKS = (3_000, 10_000)
SOURCES = ("src/rlentropy/learners/*.py", "src/rlentropy/audits/explorers.py")
HEAD = f"""\
# What explorers see on the grid world 21x21, success 0.95, H = 20, in {EPISODES} episodes.
# Made by: python tools/explorers_on_grid.py
# Seeds: run i learns with spawn({SEED}, {RUNS})[i], rolls out with spawn({SEED + 1}, {RUNS})[i].
# Source key of {" and ".join(SOURCES)}: {{key}}
# stages, average, path: entropies in nats, of the mixture or policy, exact;
# least: expected visits to the reachable cell visited least;
# early, middle: stages after {LOOKS[0]} and {LOOKS[1]} episodes (EntGame only);
# visits: of each of the 441 cells, row by row.
learner,run,stages,average,path,least,early,middle,visits
"""


def grid_line_up(mdp):
    """The learners of `explorers.line_up` without ceilings, and those that a ceiling changes."""
    free = explorers.line_up(mdp, EPISODES, clip=False, checkpoints=LOOKS)
    clipped = explorers.line_up(mdp, EPISODES, clip=True, checkpoints=LOOKS)
    names = ("EntGame, pooled, bonus", "RF-UCRL")
    stage = partial(entgame.run, mdp, EPISODES, checkpoints=LOOKS)
    lower = partial(stage, bonus_scale=0.0, ceiling="stage")
    return (
        free
        | {f"{name}, ceiling": clipped[name] for name in names}
        | {f"EntGame, stage, bonus {c}": partial(stage, bonus_scale=c) for c in (0.1, 0.01)}
        | {"EntGame, stage, lower ceiling": lower}
        | {"EntGame, source's rule, lower ceiling": partial(lower, saturated="source")}
    )


def row(name, i, run, score):
    """One line of the file."""
    looks = [""] * len(LOOKS)
    if isinstance(run, entgame.EntGameRun):
        looks = [repr(point.visitation_entropy) for point in run.checkpoints]
    exact = [repr(x) for x in (score.stages, score.average, score.path, score.least)]
    visits = " ".join(map(str, score.visits))
    return ",".join([f'"{name}"', str(i), *exact, *looks, visits])


def main():
    mdp = environments.grid_world(rows=21, cols=21, success=0.95, horizon=20)
    learners = grid_line_up(mdp)
    teach, fresh = spawn(SEED, RUNS), spawn(SEED + 1, RUNS)

    def play(job):
        name, i = job
        run = learners[name](teach[i])
        print(name, i, file=sys.stderr, flush=True)
        return row(name, i, run, explorers.judge(mdp, EPISODES, run, fresh[i]))

    rows = run_seeds(play, [(name, i) for name in learners for i in range(RUNS)])
    head = HEAD.format(key=code_key(SOURCES))
    FILE.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
