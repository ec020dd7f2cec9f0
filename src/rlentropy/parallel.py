"""Independent runs in parallel with results identical to serial ones, and a bar for long work.

Every run gets its own child of one ``numpy.random.SeedSequence``, fixed before anything starts;
where and in which order the runs are computed cannot change a number.
By default runs are threads of this process: the compiled learners release Python's lock, so threads
use all cores and nothing is copied.
joblib lets the caller choose otherwise without touching the code that calls `run_seeds`:

    with joblib.parallel_config(backend="loky", n_jobs=8):  # processes on this machine
        results = run_seeds(function, spawn(2026, 48))

    client = distributed.Client("scheduler:8786")  # a Dask cluster; Ray registers one likewise
    with joblib.parallel_config(backend="dask"):
        results = run_seeds(function, spawn(2026, 48))

Linear algebra in a run uses one thread, whatever ``jobs``, where the library threadpoolctl is
installed: threads inside threads are slower, and their number could change the last bit.
In processes of its own backend joblib sees to it that all threads together are no more than cores.

For a backend of processes ``function`` must be picklable:
a function of a module, or ``functools.partial`` of one.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import joblib
from tqdm import tqdm

from rlentropy.validation import check_callable, check_integer, is_all

S = TypeVar("S")
T = TypeVar("T")


def run_seeds(function: Callable[[S], T], seeds: Iterable[S], *, jobs: int = -1) -> list[T]:
    """[function(seed) for seed in seeds], computed in parallel;
    the results are in the order of ``seeds``.

    function  called with one element of ``seeds``;
              all its randomness has to come from that argument
    seeds     whole numbers or SeedSequences (see `spawn`)
    jobs      how many runs at a time: -1 is every core (of the cluster, with such a backend),
              1 computes them one after another in this thread

    An exception in a run stops the others and is raised here.
    Raises ValueError for what is no function, no list, no number of jobs.
    joblib's backends threading (the default), loky, dask and ray work; its legacy backend
    multiprocessing does not hand back results one by one and is refused by joblib.
    """
    if not is_all(jobs):
        jobs = check_integer("jobs", jobs, low=1)
    check_callable("function", function)
    if isinstance(seeds, (str, bytes)) or not isinstance(seeds, Iterable):
        raise ValueError(f"seeds: {type(seeds).__name__}, expected a list of seeds")
    seeds = list(seeds)
    work = joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
    results = []
    with _one_thread_in_blas(), progress_bar(len(seeds), "run") as bar:
        for result in work(joblib.delayed(function)(seed) for seed in seeds):
            results.append(result)
            bar.update()
    return results


@contextmanager
def _one_thread_in_blas() -> Iterator[None]:
    """While runs share the cores of this process, linear algebra starts no threads of its own."""
    try:
        limits = importlib.import_module("threadpoolctl").threadpool_limits
    except ImportError:
        yield
        return
    with limits(limits=1, user_api="blas"):
        yield


def progress_bar(total: int, unit: str) -> Any:
    """A tqdm bar that appears after two seconds, on a terminal only (not in notebooks,
    logs or worker threads)."""
    total = check_integer("total", total)
    here = threading.current_thread() is threading.main_thread()
    quiet = not (here and sys.stderr is not None and sys.stderr.isatty())
    return tqdm(total=total, unit=unit, delay=2, disable=quiet, leave=False)
