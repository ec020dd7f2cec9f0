"""The stored numbers of episodes: complete, and what the script makes."""

import csv
import re

import pytest
import sample_complexity as script

TEXT = script.FILE.read_text(encoding="utf-8")
ROWS = list(csv.DictReader(line for line in TEXT.splitlines() if not line.startswith("#")))


def test_the_file_holds_every_learner_at_every_point_with_every_seed():
    found = [(r["learner"], r["axis"], int(r["S"]), int(r["A"]), int(r["H"]), float(r["eps"]),
              int(r["run"])) for r in ROWS]  # fmt: skip
    asked = [
        (name, axis, *size.values(), e, i)
        for name in script.sample_complexity.learners()
        for axis, size, eps in script.points()
        for i in range(script.RUNS)
        for e in eps
    ]
    assert found == asked
    assert script.RUNS >= 5


def test_it_says_how_it_was_made():
    head = [line for line in TEXT.splitlines() if line.startswith("#")]
    assert any("python tools/sample_complexity.py" in line for line in head)
    assert any(f"spawn({script.SEED}, {script.RUNS})[i]" in line for line in head)
    assert re.search(r"Source key of .*: [0-9a-f]{16}$", TEXT, flags=re.MULTILINE)


@pytest.mark.parametrize("learner", ["EntGame, no bonus", "UCBVI-Ent, no bonus"])
def test_the_script_plays_what_it_stores(learner):
    (line,) = script.rows((learner, ("A", script.BASE | {"A": 2}, (script.ALONG,)), 1))
    stored = next(
        r for r in ROWS if (r["learner"], r["axis"], r["A"], r["run"]) == (learner, "A", "2", "1")
    )
    assert float(line.split(",")[-1]) == float(stored["episodes"])
