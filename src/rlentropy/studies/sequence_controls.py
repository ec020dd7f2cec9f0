"""GRPO on answers that can be counted, with clips and a bonus, over several seeds; a table for
chapter 16.

    python -m rlentropy.studies.sequence_controls notebooks/data/sequence_controls.csv

About a minute on one core; the same seeds give the same table.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from rlentropy._types import Floats
from rlentropy.parallel import run_seeds
from rlentropy.studies import _tables
from rlentropy.studies import sequence_model as model
from rlentropy.validation import check_choice, check_kind

# Four gradient steps with each batch, but for "one step", which takes one of the same total size.
OPTIONS: dict[str, dict[str, Any]] = {
    "one step": {"reuse": 1, "step": 40.0},
    "no clip": {},
    "clip": {"limits": (0.2, 0.2)},
    "clip-higher": {"limits": (0.2, 0.28)},
    "bonus": {"limits": (0.2, 0.2), "bonus": 0.1},
    "answer mean": {"limits": (0.2, 0.2), "weighting": "sequence"},
}
COLUMNS = ("control", "seed", "batches", "answer", "right", "outside", "whole", "per_prefix")
BATCHES = 60
LEVEL = 0.8


def task() -> model.SequenceTask:
    """Answers of at most 6 tokens 0, ..., 4; right are those whose tokens add up to 9."""
    return model.sequence_task(5, 6, lambda y: np.where(y > 0, y, 0).sum(axis=1) == 9)


def base_policy(found: model.SequenceTask) -> Floats:
    """Gaussian logits, seed 0, the end less likely than a token by a factor e; it is no uniform
    policy, as no pre-trained one is."""
    check_kind("found", found, model.SequenceTask)
    rng = np.random.default_rng(0)
    theta = rng.standard_normal((found.prefixes, found.symbols))
    theta[:, found.tokens] -= 1
    return theta


def run(name: str, seed: int, *, batches: int = BATCHES) -> tuple[np.ndarray, model.SequenceLog]:
    """(logits after training, log) of one control; groups of 64 answers."""
    check_choice("name", name, OPTIONS)
    found = task()
    settings: dict[str, Any] = {"reuse": 4, "step": 10.0, **OPTIONS[name]}
    return model.train(found, base_policy(found), batches=batches, group=64, seed=seed, **settings)


def summary(log: model.SequenceLog) -> tuple[float, ...]:
    """What happened until success was LEVEL: (batches, entropy of the answer and of the right
    answers there, share of symbols past their limit, errors of the two first orders).

    The errors are sums of |predicted - realised| over the sum of |realised|, over those batches.
    Raises ValueError if the run never was so good.
    """
    if log.success.max() < LEVEL:
        raise ValueError(f"log: success reached {log.success.max():.3f}, not {LEVEL}")
    k = int(np.argmax(log.success >= LEVEL))
    share = (LEVEL - log.success[k - 1]) / (log.success[k] - log.success[k - 1])
    at = [
        x[k - 1] + share * (x[k] - x[k - 1])
        for x in (np.arange(len(log.success)), log.answer_entropy, log.right_entropy)
    ]
    moved = np.abs(log.realised[:k]).sum()
    errors = [
        np.abs(guess[:k] - log.realised[:k]).sum() / moved for guess in (log.whole, log.per_prefix)
    ]
    return tuple(float(x) for x in (*at, log.outside[:k].mean(), *errors))


def read(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """{control: {column: (seeds,)}} of a table written by `main`."""
    found = _tables.rows(path, COLUMNS)
    return {
        name: {
            column: np.array([float(row[column]) for row in found if row["control"] == name])
            for column in COLUMNS[2:]
        }
        for name in OPTIONS
    }


def main(path: str | Path, *, seeds: int = 10) -> None:
    """Run all controls and write the table."""
    cases = [(name, seed) for name in OPTIONS for seed in range(seeds)]
    logs = run_seeds(lambda case: run(*case)[1], cases, jobs=1)
    rows = ((case, summary(log)) for case, log in zip(cases, logs, strict=True))
    _tables.write(path, COLUMNS, rows)


if __name__ == "__main__":
    main(sys.argv[1])
