"""Parallel runs return what serial ones return: over threads, over processes, and on a cluster that loses a worker."""

import functools
import os
import sys
import time
import warnings
from contextlib import contextmanager

import joblib
import numpy as np
import pytest

from rlentropy.audits.sample_complexity import episodes_to_gap
from rlentropy.episodic.environments import double_chain
from rlentropy.learners import entgame
from rlentropy.parallel import progress_bar, run_seeds
from rlentropy.seeds import generator, spawn


def first_number(seed):
    return generator(seed).random()


def entropy_of_run(seed, *, episodes):
    chain = double_chain(length=7, failure=0.1, horizon=5)
    return entgame.run(chain, episodes, seed).visitation_entropy


def whole_run(seed):
    """Every number of a run of EntGame, as bytes, and the process that made it."""
    chain = double_chain(length=7, failure=0.1, horizon=5)
    run = entgame.run(chain, 300, seed, checkpoints=[100, 300])
    looks = [(x.visitation_entropy, x.optimistic_value) for x in run.checkpoints]
    return [x.tobytes() for x in (run.counts, run.visitation, np.array(looks))], os.getpid()


def episodes_to_gaps(seed):
    """Sample complexity of EntGame, by whoever judges it."""
    chain = double_chain(length=7, failure=0.1, horizon=5)
    found = episodes_to_gap(chain, "EntGame, no bonus", [0.5, 0.1], seed, most=400)
    return found.tobytes()


def dies_once(seed, *, marker):
    """The fourth task kills the process that computes it, the first time it is tried."""
    time.sleep(0.05)
    if seed.spawn_key[-1] == 3 and not os.path.exists(marker):
        with open(marker, "w") as file:
            file.write(str(os.getpid()))
        os._exit(1)
    return first_number(seed)


def fails_at_two(seed):
    if seed == 2:
        raise RuntimeError("run 2 failed")
    return seed


def test_children_are_fixed_by_the_root():
    def states(children):
        return [c.generate_state(1)[0] for c in children]

    assert states(spawn(7, 4)) == states(spawn(7, 6))[:4]
    root = np.random.SeedSequence(7)
    assert states(spawn(root, 3)) == states(spawn(root, 3))  # the root is not used up
    assert len(set(states(spawn(7, 100)))) == 100
    assert spawn(7, 0) == []


@pytest.mark.parametrize("jobs", [1, 2, -1])
def test_parallel_equals_serial(jobs):
    work = functools.partial(entropy_of_run, episodes=200)
    assert run_seeds(work, spawn(1, 6), jobs=jobs) == [work(seed) for seed in spawn(1, 6)]


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_the_backend_is_the_callers_choice(backend):
    with joblib.parallel_config(backend=backend):
        assert run_seeds(first_number, spawn(3, 8), jobs=2) == [
            first_number(seed) for seed in spawn(3, 8)
        ]


def blas_threads(_):
    """Threads that the libraries of linear algebra in this process would start."""
    found = pytest.importorskip("threadpoolctl").threadpool_info()
    return {pool["num_threads"] for pool in found if pool["user_api"] == "blas"}


@pytest.mark.parametrize("jobs", [1, 2, -1])
def test_linear_algebra_in_threads_starts_none_of_its_own(jobs):
    before = blas_threads(0)
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        wide = blas_threads(0)
        assert 2 in wide  # a library that was started with one thread may stay at one
        assert run_seeds(blas_threads, [0, 1, 2], jobs=jobs) == [{1}] * 3
        assert blas_threads(0) == wide
    assert blas_threads(0) == before


def test_without_the_library_runs_are_as_they_were(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert run_seeds(first_number, [1, 2], jobs=2) == [first_number(seed) for seed in (1, 2)]


def told_threads(_):
    """What a process was told about threads of linear algebra."""
    return os.environ.get("OPENBLAS_NUM_THREADS"), os.environ.get("OMP_NUM_THREADS")


def test_joblib_keeps_the_threads_of_its_processes_to_the_cores(monkeypatch):
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    jobs = 3  # no other test asks for three processes, which would be used again
    share = str(max(1, joblib.cpu_count() // jobs))
    with joblib.parallel_config(backend="loky"):
        assert run_seeds(told_threads, range(6), jobs=jobs) == [(share, share)] * 6


def test_a_failed_run_is_not_swallowed():
    with pytest.raises(RuntimeError, match="run 2 failed"):
        run_seeds(fails_at_two, [0, 1, 2, 3])


@contextmanager
def two_workers():
    """A local Dask cluster of two processes, to which joblib sends what it is given."""
    distributed = pytest.importorskip("distributed")
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
    }
    with (
        distributed.LocalCluster(**options, silence_logs=50) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        yield


@pytest.mark.slow
def test_a_learner_on_a_cluster_gives_the_numbers_of_a_serial_run():
    """EntGame with eight seeds on two workers, and its sample complexity: bit for bit what one
    thread computes."""
    seeds = spawn(5, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cluster warns about itself
        with two_workers():
            found = run_seeds(whole_run, seeds)
            gaps = run_seeds(episodes_to_gaps, seeds)
    assert gaps == run_seeds(episodes_to_gaps, seeds, jobs=1)
    serial = run_seeds(whole_run, seeds, jobs=1)
    assert [numbers for numbers, _ in found] == [numbers for numbers, _ in serial]
    assert len({numbers[0] for numbers, _ in serial}) == 8  # the seeds do differ
    processes = {process for _, process in found}
    assert len(processes) == 2 and os.getpid() not in processes


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_returns_every_result(tmp_path):
    """A worker of a local Dask cluster dies in the middle; its runs are computed again, with the same numbers."""
    marker = tmp_path / "a worker died here"
    work = functools.partial(dies_once, marker=str(marker))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cluster reports the death of its worker
        with two_workers():
            results = run_seeds(work, spawn(11, 12))
    assert marker.exists()  # the death did happen
    assert results == [first_number(seed) for seed in spawn(11, 12)]


def test_the_bar_keeps_quiet_where_nobody_watches(capsys):
    with progress_bar(3, "run") as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""
    assert bar.disable
