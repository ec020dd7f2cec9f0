"""entropy_levels: the table of chapter 16 is written, read back, and made again from the same seeds."""

import numpy as np

from rlentropy.studies import entropy_levels as levels


def test_a_table_is_written_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(levels, "SHOWN", (1, 3))
    monkeypatch.setattr(
        levels, "SETTINGS", {"constrained": ("entropy", (0.5, 1.5)), "none": ("count", (1,))}
    )
    path = tmp_path / "table.csv"
    levels.main(path, seeds=2)
    table = levels.read(path)
    assert list(table) == ["constrained", "none"]
    found = table["constrained"][1.5]
    entropy, loss = levels.run("constrained", 1.5, 1)
    np.testing.assert_allclose(found.policy_entropy[1], entropy, rtol=1e-5)
    np.testing.assert_allclose(found.loss[1], loss, rtol=1e-5)


def test_the_constrained_runs_keep_their_level():
    entropy, loss = levels.run("constrained", 0.8, 0)
    assert np.all(entropy >= 0.8 - 1e-12)
    assert entropy[-1] < 0.9
    assert 0 < loss[-1] < loss[0] < 1
