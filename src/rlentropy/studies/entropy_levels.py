"""Entropy held at a level by four kinds of control on random processes; a table for chapter 16.

    python -m rlentropy.studies.entropy_levels notebooks/data/entropy_levels.csv

About two minutes on one core; the same seeds give the same table.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from rlentropy._types import Floats
from rlentropy.discounted import environments, evaluation
from rlentropy.parallel import run_seeds
from rlentropy.results import result
from rlentropy.studies import _tables, entropy_control
from rlentropy.validation import check_choice, check_number

# control: name of its setting, and the values that are run
SETTINGS: dict[str, tuple[str, tuple[float, ...]]] = {
    "constrained": ("entropy", (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4)),
    "bonus": ("tau", (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)),
    "clip": ("count", (1, 2)),
    "freeze": ("count", (1, 2)),
    "none": ("count", (1,)),
}
COLUMNS = ("control", "setting", "seed", "iteration", "entropy", "loss")
SHOWN = (10, 30, 100, 300)


@result
class Levels:
    """Runs of one control at one setting: policy entropy (nats, averaged over the visitation) and
    share of the attainable return that is missing; (seeds, len(SHOWN)) each.
    """

    policy_entropy: np.ndarray
    loss: np.ndarray


def run(control: str, setting: float, seed: int) -> tuple[Floats, Floats]:
    """(entropy, loss) at the iterations SHOWN of NPG with one control on ``garnet(seed)``.

    loss is (V* - V) / (V* - V of the uniform policy), from the start distribution; 30 states,
    5 actions, gamma 0.9, eta 0.5, uniform start.
    """
    check_choice("control", control, SETTINGS)
    setting = setting if isinstance(setting, int) else check_number("setting", setting)
    mdp = environments.garnet(states=30, actions=5, branching=4, gamma=0.9, seed=seed)
    options: dict[str, Any] = {SETTINGS[control][0]: setting}
    found = entropy_control.controlled_run(
        mdp, np.zeros((30, 5)), eta=0.5, iterations=SHOWN[-1], control=control, **options
    )
    best = mdp.mu @ evaluation.optimal(mdp).V
    loss = (best - found.objective) / (best - found.objective[0])
    at = list(SHOWN)
    return found.policy_entropy[at], loss[at]


def read(path: str | Path) -> dict[str, dict[float, Levels]]:
    """{control: {setting: Levels}} of a table written by `main`."""
    found = _tables.rows(path, COLUMNS)
    table: dict[str, dict[float, Levels]] = {}
    for control, (_, values) in SETTINGS.items():
        table[control] = {}
        for value in values:
            mine = [r for r in found if r["control"] == control and float(r["setting"]) == value]
            columns = (
                np.array([float(row[column]) for row in mine]).reshape(-1, len(SHOWN))
                for column in ("entropy", "loss")
            )
            table[control][value] = Levels(*columns)
    return table


def main(path: str | Path, *, seeds: int = 10) -> None:
    """Run all controls at all settings and write the table."""
    cases = [
        (control, value, seed)
        for control, (_, values) in SETTINGS.items()
        for value in values
        for seed in range(seeds)
    ]
    runs = run_seeds(lambda case: run(*case), cases, jobs=1)
    rows = (
        ((*case, k), found)
        for case, run_of in zip(cases, runs, strict=True)
        for k, *found in zip(SHOWN, *run_of, strict=True)
    )
    _tables.write(path, COLUMNS, rows)


if __name__ == "__main__":
    main(sys.argv[1])
