"""sequence_controls: the table of chapter 16 is written, read back, and made again."""

import numpy as np
import pytest

from rlentropy.studies import sequence_controls as controls


def test_a_table_is_written_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(controls, "LEVEL", 0.09)
    short = controls.run
    monkeypatch.setattr(controls, "run", lambda name, seed: short(name, seed, batches=5))
    path = tmp_path / "table.csv"
    controls.main(path, seeds=2)
    table = controls.read(path)
    assert list(table) == list(controls.OPTIONS)
    expected = controls.summary(short("clip", 1, batches=5)[1])
    found = [table["clip"][column][1] for column in controls.COLUMNS[2:]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_run_that_never_was_good_is_refused():
    log = controls.run("clip", 0, batches=2)[1]
    with pytest.raises(ValueError, match="success reached"):
        controls.summary(log)


def test_all_controls_start_from_the_same_policy():
    starts = {controls.run(name, 0, batches=1)[1].answer_entropy[0] for name in controls.OPTIONS}
    assert len(starts) == 1
