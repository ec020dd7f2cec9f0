"""Results on disk: what is read is what was written, and a file is whole or not there."""

import os
from dataclasses import dataclass, fields

import numpy as np
import pytest
from scipy import sparse

from rlentropy import files
from rlentropy.discounted import environments as discounted
from rlentropy.discounted import natural_gradient
from rlentropy.episodic import environments, max_entropy
from rlentropy.learners import entgame, optimistic_soft_vi
from rlentropy.learners.on_simulator import EntGame, Explorer
from rlentropy.learners.rf_ucrl import rf_ucrl
from rlentropy.learners.simulator import Sampler
from rlentropy.learners.ucbvi_ent import run as ucbvi_ent
from rlentropy.results import result

CHAIN = environments.double_chain(length=5, failure=0.1, horizon=4)


def sampled():
    return EntGame(Sampler(CHAIN, 1), horizon=4, states=5, actions=2).play(20)


def drawn():
    explorer = Explorer(Sampler(CHAIN, 1, numbers=8), "UCBVI-Ent", horizon=4, states=5, actions=2)
    return explorer.play(20)


def npg(sparse_kernel):
    mdp = discounted.garnet(
        states=4, actions=2, branching=2, gamma=0.9, seed=1, sparse_kernel=sparse_kernel
    )
    return natural_gradient.run(mdp, np.zeros((4, 2)), eta=0.5, iterations=3)


def same(x, y):
    assert type(x) is type(y)
    if isinstance(x, np.ndarray):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)
        assert not y.flags.writeable
    elif sparse.issparse(x):
        assert (x != y).nnz == 0
    elif files._ours(type(x)):
        for f in fields(x):
            same(getattr(x, f.name), getattr(y, f.name))
    elif isinstance(x, (tuple, list)):
        assert len(x) == len(y)
        for a, b in zip(x, y, strict=True):
            same(a, b)
    elif isinstance(x, dict):
        assert list(x) == list(y)
        for key in x:
            same(x[key], y[key])
    else:
        assert x == y or (x != x and y != y)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CHAIN,
        lambda: entgame.run(CHAIN, 20, 1, checkpoints=[5, 20]),
        lambda: entgame.run(CHAIN, 20, 1, checkpoints=[20], evaluate=False),
        lambda: optimistic_soft_vi.run(CHAIN, 20, 1),
        lambda: rf_ucrl(CHAIN, 20, 1),
        lambda: ucbvi_ent(CHAIN, 20, 1),
        lambda: max_entropy.solve(CHAIN),
        lambda: npg(False),
        lambda: npg(True),
        sampled,
        drawn,
    ],
)
def test_what_is_read_is_what_was_written(tmp_path, make):
    x = make()
    y = files.load(files.save(tmp_path / "x.npz", x))
    same(x, y)
    assert repr(x) == repr(y)


def test_a_result_read_answers_as_before(tmp_path):
    x = npg(True)
    y = files.load(files.save(tmp_path / "x.npz", x))
    np.testing.assert_array_equal(x.log_pi, y.log_pi)
    assert y.mdp.S == 4
    np.testing.assert_array_equal(x.mdp.next_mean(np.arange(4.0)), y.mdp.next_mean(np.arange(4.0)))


def test_every_cut_file_is_refused(tmp_path):
    path = files.save(tmp_path / "x.npz", sampled())
    whole = path.read_bytes()
    cuts = [*range(0, len(whole), max(1, len(whole) // 60)), len(whole) - 1]
    for cut in cuts:
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"x\.npz: no complete file of rlentropy"):
            files.load(path)


def test_changed_bytes_are_refused(tmp_path):
    path = files.save(tmp_path / "x.npz", sampled())
    whole = path.read_bytes()
    for place in range(40, len(whole) // 2, max(1, len(whole) // 40)):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(bytes(changed))
        try:
            found = files.load(path)
        except ValueError:
            continue
        same(sampled(), found)  # a byte that nobody reads


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(FileNotFoundError):
        files.load(path)
    for write in (
        lambda: np.savez(path, a=np.zeros(3)),
        lambda: np.savez(path, label=np.frombuffer(b"{}", dtype=np.uint8)),
        lambda: np.savez(path, label=np.frombuffer(b'{"format": 2}', dtype=np.uint8)),
        lambda: path.write_text("a,b\n1,2\n"),
        lambda: np.savez(path, label=np.array([object()], dtype=object)),
    ):
        write()
        with pytest.raises(ValueError, match=r"x\.npz"):
            files.load(path)


@pytest.mark.parametrize(
    "tree",
    [
        '{"class": "os:system", "fields": {}}',
        '{"class": "rlentropy.results:result", "fields": {}}',
        '{"class": "rlentropy.nothing:Here", "fields": {}}',
        '{"class": "rlentropy.learners.entgame:Checkpoint", "fields": {}}',
    ],
)
def test_only_results_are_made_from_a_file(tmp_path, tree):
    path = tmp_path / "x.npz"
    label = f'{{"format": "{files.FORMAT}", "tree": {tree}}}'
    np.savez(path, label=np.frombuffer(label.encode(), dtype=np.uint8))
    with pytest.raises(ValueError):
        files.load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = files.save(tmp_path / "x.npz", CHAIN)
    before = path.read_bytes()
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    plain.unlink()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        files.save(path, sampled())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


def test_what_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ValueError, match="x: a dict"):
        files.save(tmp_path / "x.npz", {"a": 1})

    @result
    class Odd:
        inside: object

    Odd.__module__ = "rlentropy.odd"
    with pytest.raises(ValueError, match=r"Odd.inside\[0\]: a function cannot be written"):
        files.save(tmp_path / "x.npz", Odd([same]))
    assert list(tmp_path.iterdir()) == []


def test_the_import_of_files_is_not_needed_for_a_class_of_somebody_else():
    @dataclass
    class Mine:
        x: int

    with pytest.raises(ValueError, match="expected a result of this package"):
        files.save("x.npz", Mine(1))
