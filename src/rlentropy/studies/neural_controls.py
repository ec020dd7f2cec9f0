"""Ways of entropy control on modular addition, over several seeds; a table for chapter 16.

    python -m rlentropy.studies.neural_controls notebooks/data/neural_controls.csv

About seven minutes on one core; the same seeds give the same table.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from rlentropy.parallel import run_seeds
from rlentropy.studies import _tables, neural_policy
from rlentropy.studies import token_selection as select
from rlentropy.validation import check_choice

# The last three take four updates with each batch of samples, so that log-ratios are not 0.
OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "top": {"control": "top", "share": 0.02},
    "band": {"control": "band", "share": 0.02},
    "clip-cov": {"control": "clip-cov", "share": select.CLIP_COV_SHARE},
    "penalty": {"control": "penalty", "strength": 1.0},
    "bonus": {"control": "bonus", "strength": 0.02},
    "none-4": {"reuse": 4, "limits": (0.2, 0.2)},
    "clip-cov-4": {
        "control": "clip-cov",
        "share": select.CLIP_COV_SHARE,
        "reuse": 4,
        "limits": (1.0, 1.0),
    },
    "kl-cov-4": {"control": "kl-cov", "share": select.KL_COV_SHARE, "strength": 1.0, "reuse": 4},
}
COLUMNS = ("control", "seed", "update", "success", "entropy")
UPDATES = 600
EVERY = 30


def run(
    name: str, seed: int, *, updates: int = UPDATES
) -> tuple[neural_policy.Network, neural_policy.TrainingLog]:
    """(network after training, log) for one control on addition modulo 17;
    network seed ``seed``, samples seed + 1."""
    check_choice("name", name, OPTIONS)
    X, answers = neural_policy.modular_addition(17)
    start = neural_policy.initial_network(inputs=34, hidden=128, actions=17, seed=seed)
    settings = {"step": 3.0, "group": 8, "seed": seed + 1, **OPTIONS[name]}
    return neural_policy.train(start, X, answers, updates=updates, **settings)


def rows(name: str, seed: int, log: neural_policy.TrainingLog) -> list[_tables.Row]:
    """Rows of the table, before every 30th update and the last: exact success, entropy (nats)."""
    last = len(log.reward) - 1
    return [
        ((name, seed, k), (log.reward[k], log.policy_entropy[k]))
        for k in [*range(0, last, EVERY), last]
    ]


def read(path: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """{control: (updates (K,), success (seeds, K), entropy (seeds, K))} of a table written here."""
    found = _tables.rows(path, COLUMNS)
    table = {}
    for name in OPTIONS:
        mine = [row for row in found if row["control"] == name]
        updates = sorted({int(row["update"]) for row in mine})
        success, entropy = (
            np.array([float(row[column]) for row in mine]).reshape(-1, len(updates))
            for column in ("success", "entropy")
        )
        table[name] = (np.array(updates), success, entropy)
    return table


def main(path: str | Path, *, seeds: int = 10) -> None:
    """Run all controls and write the table."""
    cases = [(name, seed) for name in OPTIONS for seed in range(seeds)]
    logs = run_seeds(lambda case: run(*case)[1], cases, jobs=1)
    found = (row for case, log in zip(cases, logs, strict=True) for row in rows(*case, log))
    _tables.write(path, COLUMNS, found)


if __name__ == "__main__":
    main(sys.argv[1])
