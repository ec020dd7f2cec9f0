"""Measures from how many episodes on each learner is within eps of the largest entropy of its kind,
and stores the numbers: ``notebooks/data/sample_complexity.csv``.

    python tools/sample_complexity.py

Minutes of work, so it is not a cell. Chapter 18 plays some of it again and compares.
The head of the file says with which command, seeds and sources it was made.
"""

import sys

import numpy as np
from source_key import ROOT, code_key

from rlentropy.audits import sample_complexity
from rlentropy.episodic import environments
from rlentropy.parallel import run_seeds
from rlentropy.seeds import spawn

FILE = ROOT / "notebooks" / "data" / "sample_complexity.csv"
MOST = 20_000
RUNS = 12
SEED = 180
STEP = 1.1
BASE = {"S": 6, "A": 3, "H": 6}
SIZES = {"S": (4, 8, 16, 32), "A": (2, 4, 8), "H": (3, 6, 12, 24)}
EPS = (0.04, 0.02, 0.01, 0.005)
ALONG = 0.02  # eps along the sizes
SOURCES = (
    "src/rlentropy/learners/*.py",
    "src/rlentropy/audits/sample_complexity.py",
    "src/rlentropy/audits/regularized_game.py",
)
HEAD = f"""\
# Episodes from which on a learner is within eps of the largest entropy of its kind: visitation
# entropy of the mixture (EntGame, regularised game), trajectory entropy of the next policy
# (optimistic soft VI, UCBVI-Ent). {MOST} episodes; looks at times that grow by {STEP};
# nan: not at the last look.
# Made by: python tools/sample_complexity.py
# Run i: garnet with 2 successors, the same kernel at each stage, world seed i, learner's seed
# spawn({SEED}, {RUNS})[i].
# Source key of {" and ".join(SOURCES)}: {{key}}
learner,axis,S,A,H,eps,run,episodes
"""


def world(i, S, A, H):
    """World i of a size."""
    return environments.garnet(states=S, actions=A, horizon=H, branching=2, seed=i, stationary=True)


def points():
    """(axis, size, accuracies): what is varied, one letter at a time."""
    grown = [(x, BASE | {x: k}, (ALONG,)) for x, sizes in SIZES.items() for k in sizes]
    return [*grown, ("1/eps", BASE, EPS)]


def rows(job):
    """The lines of one run."""
    learner, (axis, size, eps), i = job
    seed = spawn(SEED, RUNS)[i]
    found = sample_complexity.episodes_to_gap(
        world(i, **size), learner, np.array(eps), seed, most=MOST, step=STEP
    )
    name = f'"{learner}",{axis},{size["S"]},{size["A"]},{size["H"]}'
    return [f"{name},{e:g},{i},{T:g}" for e, T in zip(eps, found, strict=True)]


def main():
    jobs = [
        (name, point, i)
        for name in sample_complexity.learners()
        for point in points()
        for i in range(RUNS)
    ]

    def play(job):
        print(job[0], job[1][0], job[1][1], job[2], file=sys.stderr, flush=True)
        return rows(job)

    lines = [line for found in run_seeds(play, jobs) for line in found]
    head = HEAD.format(key=code_key(SOURCES))
    FILE.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
