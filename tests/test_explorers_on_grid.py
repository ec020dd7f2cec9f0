"""The stored runs on the grid: complete, made by the present sources, and what the script makes."""

import csv
import re

import explorers_on_grid as script
import numpy as np
import pytest

TEXT = script.FILE.read_text(encoding="utf-8")
ROWS = list(csv.DictReader(line for line in TEXT.splitlines() if not line.startswith("#")))


def test_the_file_holds_every_learner_with_every_seed():
    mdp = script.environments.grid_world(rows=21, cols=21, success=0.95, horizon=20)
    found = [(r["learner"], int(r["run"])) for r in ROWS]
    assert found == [(name, i) for name in script.grid_line_up(mdp) for i in range(script.RUNS)]
    visits = np.array([r["visits"].split() for r in ROWS], dtype=int)
    assert visits.shape[1] == 441
    assert (visits.sum(axis=1) == 20 * script.EPISODES).all()


def test_it_says_how_it_was_made():
    """The chapter plays runs of it again; the key names the sources at the time of writing."""
    head = [line for line in TEXT.splitlines() if line.startswith("#")]
    assert any("python tools/explorers_on_grid.py" in line for line in head)
    assert any(f"spawn({script.SEED}, {script.RUNS})[i]" in line for line in head)
    assert re.search(r"Source key of .*: [0-9a-f]{16}$", TEXT, flags=re.MULTILINE)


def test_the_script_writes_what_it_plays(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "EPISODES", 20)
    monkeypatch.setattr(script, "RUNS", 1)
    monkeypatch.setattr(script, "LOOKS", (5, 10))
    monkeypatch.setattr(script, "FILE", tmp_path / "grid.csv")
    script.main()
    text = (tmp_path / "grid.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    first = script.grid_line_up(
        script.environments.grid_world(rows=21, cols=21, success=0.95, horizon=20)
    )["EntGame, stage"](script.spawn(script.SEED, 1)[0])
    assert rows[0]["learner"] == "EntGame, stage"
    assert float(rows[0]["stages"]) == pytest.approx(first.visitation_entropy, rel=1e-12)
    assert float(rows[0]["early"]) == first.checkpoints[0].visitation_entropy
    assert list(map(int, rows[0]["visits"].split())) == first.counts.sum(axis=(0, 2)).tolist()
