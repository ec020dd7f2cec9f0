"""Five ways of entropy control on modular addition, over several seeds; a table for chapter 16.

    python -m rlentropy.studies.neural_controls notebooks/data/neural_controls.csv

About three minutes on one core; the same seeds give the same table.
"""

import csv
import sys

from rlentropy.studies import neural_policy

OPTIONS = {
    "none": {},
    "clip": {"control": "clip"},
    "band": {"control": "band"},
    "penalty": {"control": "penalty", "strength": 1.0},
    "bonus": {"control": "bonus", "strength": 0.02},
}
COLUMNS = ("control", "seed", "updates", "success", "entropy")


def run(name, seed, *, updates=600):
    """(network after training, log) for one control on addition modulo 17;
    network seed ``seed``, samples seed + 1."""
    X, answers = neural_policy.modular_addition(17)
    start = neural_policy.initial_network(inputs=34, hidden=128, actions=17, seed=seed)
    settings = {"step": 3.0, "group": 8, "seed": seed + 1, **OPTIONS[name]}
    return neural_policy.train(start, X, answers, updates=updates, **settings)


def final_row(name, seed, log):
    """One row of the table: exact success and mean entropy (nats) before the last update."""
    return (name, seed, len(log.reward), float(log.reward[-1]), float(log.policy_entropy[-1]))


def read(path):
    """{control: (success (seeds,), entropy (seeds,))} of a table written by this module."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: tuple(
            [float(row[column]) for row in rows if row["control"] == name]
            for column in ("success", "entropy")
        )
        for name in OPTIONS
    }


def main(path, *, seeds=5):
    """Run all controls and write the table."""
    rows = [final_row(name, seed, run(name, seed)[1]) for seed in range(seeds) for name in OPTIONS]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main(sys.argv[1])
