"""What minutes of play stored for the chapters: complete, said how, and what the scripts make."""

import csv
import re

import explorers_on_grid as grid
import numpy as np
import pytest
import sample_complexity as sizes


def rows(script):
    text = script.FILE.read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@pytest.mark.parametrize("script", [grid, sizes], ids=lambda script: script.__name__)
def test_a_file_says_how_it_was_made(script):
    """Chapters play runs of it again; the key names the sources at the time of writing."""
    text = script.FILE.read_text(encoding="utf-8")
    head = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert f"python tools/{script.__name__}.py" in head
    assert f"spawn({script.SEED}, {script.RUNS})[i]" in head
    assert re.search(r"Source key of .*: [0-9a-f]{16}$", head, flags=re.MULTILINE)


# ---------------------------------------------------------------------------- explorers on the grid


def world():
    return grid.environments.grid_world(rows=21, cols=21, success=0.95, horizon=20)


def test_the_grid_holds_every_learner_with_every_seed():
    found = [(r["learner"], int(r["run"])) for r in rows(grid)]
    assert found == [(name, i) for name in grid.grid_line_up(world()) for i in range(grid.RUNS)]
    visits = np.array([r["visits"].split() for r in rows(grid)], dtype=int)
    assert visits.shape[1] == 441
    assert (visits.sum(axis=1) == 20 * grid.EPISODES).all()


def test_the_script_writes_what_it_plays(tmp_path, monkeypatch):
    monkeypatch.setattr(grid, "EPISODES", 20)
    monkeypatch.setattr(grid, "RUNS", 1)
    monkeypatch.setattr(grid, "LOOKS", (5, 10))
    monkeypatch.setattr(grid, "FILE", tmp_path / "grid.csv")
    grid.main()
    written = rows(grid)[0]
    first = grid.grid_line_up(world())["EntGame, stage"](grid.spawn(grid.SEED, 1)[0])
    assert written["learner"] == "EntGame, stage"
    assert float(written["stages"]) == pytest.approx(first.visitation_entropy, rel=1e-12)
    assert float(written["early"]) == first.checkpoints[0].visitation_entropy
    assert list(map(int, written["visits"].split())) == first.counts.sum(axis=(0, 2)).tolist()


# ------------------------------------------------------------------------------ episodes, by size


def test_the_sizes_hold_every_learner_at_every_point_with_every_seed():
    kinds = {"learner": str, "axis": str, "S": int, "A": int, "H": int, "eps": float, "run": int}
    found = [tuple(kind(r[name]) for name, kind in kinds.items()) for r in rows(sizes)]
    asked = [
        (name, axis, *size.values(), e, i)
        for name in sizes.sample_complexity.learners()
        for axis, size, eps in sizes.points()
        for i in range(sizes.RUNS)
        for e in eps
    ]
    assert found == asked
    assert sizes.RUNS >= 5


@pytest.mark.parametrize("learner", ["EntGame, no bonus", "UCBVI-Ent, no bonus"])
def test_the_script_plays_what_it_stores(learner):
    (line,) = sizes.rows((learner, ("A", sizes.BASE | {"A": 2}, (sizes.ALONG,)), 1))
    place = {"learner": learner, "axis": "A", "A": "2", "run": "1"}
    stored = next(r for r in rows(sizes) if place.items() <= r.items())
    assert float(line.split(",")[-1]) == float(stored["episodes"])
