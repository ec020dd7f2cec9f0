"""neural_controls: the table of chapter 16 is written, read back, and made again from the same seeds."""

import numpy as np

from rlentropy.studies import neural_controls as controls


def test_a_table_is_written_and_read(tmp_path, monkeypatch):
    short = controls.run
    monkeypatch.setattr(controls, "run", lambda name, seed: short(name, seed, updates=2))
    path = tmp_path / "table.csv"
    controls.main(path, seeds=2)
    table = controls.read(path)
    assert list(table) == list(controls.OPTIONS)
    updates, success, entropy = table["top"]
    assert updates.tolist() == [0, 1]
    assert success.shape == entropy.shape == (2, 2)
    log = short("top", 1, updates=2)[1]
    np.testing.assert_allclose(success[1], log.reward, rtol=1e-5)
    np.testing.assert_allclose(entropy[1], log.policy_entropy, rtol=1e-5)


def test_the_first_update_is_the_same_for_all_controls():
    starts = {controls.run(name, 0, updates=1)[1].reward[0] for name in controls.OPTIONS}
    assert len(starts) == 1
