"""Runs notebooks in fresh kernels, several at a time, and says which one runs and for how long.

Shared by `run_notebooks.py` (stores the outputs), `build_book.py` (runs what has no stored run) and
`check.py`.
"""

import asyncio
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 300  # seconds for one cell


@dataclass(frozen=True)
class Run:
    """A finished run: the notebook with its outputs, seconds,
    and the error in words ('' when it passed)."""

    path: Path
    notebook: object
    seconds: float
    error: str


def set_environment(text=None):
    """Give this process, and every kernel that it starts, the environment of a repeatable run."""
    text = text or (ROOT / "tools" / "environment.mk").read_text(encoding="utf-8")
    for name, value in re.findall(r"^export (\w+) := (.*)$", text, flags=re.MULTILINE):
        os.environ[name] = value.replace("$(CURDIR)", str(ROOT))
    for names in re.findall(r"^unexport (.*)$", text, flags=re.MULTILINE):
        for name in names.split():
            os.environ.pop(name, None)


def notebooks():
    """All chapters, in order."""
    return sorted((ROOT / "notebooks").glob("[!.]*.ipynb"))


def cores():
    """The number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shown(path):
    """The path as people see it: relative to the book where possible."""
    path = Path(path).resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def run(path, stop=None):
    """Execute a notebook (its first ``stop`` cells) in a fresh kernel; a failure is part of the
    result, with the cell that it stopped in."""
    import nbformat
    from nbclient import NotebookClient

    set_environment()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = notebook.cells[:stop]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        resources={"metadata": {"path": str(Path(path).resolve().parent)}},
    )
    started = time.perf_counter()
    error = ""
    try:
        asyncio.run(client.async_execute())
    except Exception as exception:
        error = _describe(notebook, exception)
    return Run(Path(path), notebook, time.perf_counter() - started, error)


def run_all(paths, jobs=None, on_finish=None):
    """Execute notebooks in parallel, with a line when one starts and when it is done;
    the runs in order."""
    paths = [Path(path) for path in paths]
    jobs = max(1, min(jobs or cores(), len(paths) or 1))
    runs = {}
    with ThreadPoolExecutor(jobs) as pool:  # each waits for a kernel, a process of its own
        futures = [
            pool.submit(_announced_run, path, f"{i}/{len(paths)}")
            for i, path in enumerate(paths, 1)
        ]
        for future in as_completed(futures):
            done = future.result()
            runs[done.path] = done
            if on_finish:
                on_finish(done)
    return [runs[path] for path in paths]


def _announced_run(path, place):
    _say(f"  [{place}] {shown(path)} runs …")
    done = run(path)
    verdict = "FAILED" if done.error else "done"
    _say(f"  [{place}] {shown(path)} {verdict} in {done.seconds:.1f} s")
    return done


def _say(line):
    """Print a line in one piece: several processes write here."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _describe(notebook, exception):
    """The failing cell and the end of its traceback, in plain text."""
    trace = str(exception)
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code":
            continue
        errors = [out for out in cell.outputs if out.output_type == "error"]
        if errors or cell.execution_count is None:
            trace = "\n".join(errors[0].traceback) if errors else trace
            source = "\n".join(f"    | {line}" for line in cell.source.splitlines())
            end = "\n".join(f"    {line}" for line in _plain(trace).splitlines()[-30:])
            return f"cell {number} (counting all cells from 1) failed:\n{source}\n{end}"
    return _plain(trace)


def _plain(trace):
    """A traceback without the codes of its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", trace).strip()
