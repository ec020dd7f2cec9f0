"""Build the HTML book from stored runs, where Sphinx treats every warning as an error.

A notebook whose code, data, package or lock are not those of its stored run is run first, into
``_build/runs``, and its page says so. Nothing happens when no source has changed.
``--check`` only says whether the book is up to date.
"""

import argparse
import json
import shutil
import sys
import time
from contextlib import contextmanager

from source_key import ROOT, is_current, run_key, state, surroundings

BUILD = ROOT / "_build"
HTML = BUILD / "html"
LAB = BUILD / "lab"  # the chapters as notebooks for readers (book/_ext/reader_notebooks.py)
DOCTREES = BUILD / ".doctrees"
STAMP = BUILD / "html.json"
RUNS = BUILD / "runs"  # runs that stand in for stored ones


def built_state():
    """The state of the sources from which the present pages were built, or None."""
    try:
        there = (HTML / "index.html").is_file() and LAB.is_dir()
        return json.loads(STAMP.read_text()) if there else None
    except (OSError, ValueError):
        return None


def is_fresh(sources):
    """True if the present pages were built from these sources (runs follow from them)."""
    built = built_state()
    return built is not None and {**sources, "runs": built.get("runs")} == built


@contextmanager
def alone():
    """Let one build at a time work in this checkout."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / ".lock", "w") as handle:
        try:
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another build is under way here; waiting for it.", flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
        except ImportError:
            pass  # no such lock on this system
        yield


# --------------------------------------------------------------------------------------------- runs


def current(path):
    """True if a file holds a run of its present sources."""
    try:
        return is_current(_read(path))
    except (OSError, ValueError, KeyError):
        return False


def stand_in(path, runs=RUNS):
    """The notebook with the outputs of the run that stands in for its stored one, or None."""
    run = runs / path.name
    if current(path) or not _stands_for(path, run):
        return None
    notebook = _read(path)
    for cell, done in zip(_code_cells(notebook), _code_cells(_read(run)), strict=True):
        cell["outputs"] = done["outputs"]
        cell["execution_count"] = done["execution_count"]
    return notebook


def run_stale(paths, jobs=None, runs=RUNS):
    """Run the notebooks without a current run, stored or standing in; the names of those shown so.

    Raises RuntimeError when one fails.
    """
    from execution import run_all, shown
    from run_notebooks import report_failures, store

    surroundings()  # of the sources as they are before the runs
    stale = [path for path in paths if not current(path)]
    due = [path for path in stale if not _stands_for(path, runs / path.name)]
    if due:
        print(
            f"Running {len(due)} of {len(paths)} notebooks, whose stored runs are of other sources:"
        )
    done = run_all(due, jobs, on_finish=lambda run: store(run, runs / run.path.name))
    failed = report_failures(done)
    if failed:
        raise RuntimeError(f"{len(failed)} notebook(s) failed: {', '.join(map(shown, failed))}")
    return [path.name for path in stale]


def _stands_for(path, run):
    """True if ``run`` is a run of the present code of the notebook at ``path``."""
    return current(run) and _read(run)["metadata"]["run_key"] == run_key(_read(path))


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


# -------------------------------------------------------------------------------------------- pages


def forget():
    """Remove what could go stale: the pages, and what was read of them.

    Links from names in code are made only for pages that are read anew, so all are.
    """
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(HTML, ignore_errors=True)
    shutil.rmtree(DOCTREES, ignore_errors=True)


def sphinx(builder, warnings_are_errors=True):
    """Let jupyter-book build the pages in ``_build``; True if it built without a warning."""
    from jupyter_book.sphinx import build_sphinx

    print("Building the pages …", flush=True)
    failed = build_sphinx(
        str(ROOT),
        str(BUILD / builder),
        noconfig=True,
        path_config=str(ROOT / "_config.yml"),
        confoverrides={
            "external_toc_path": str(ROOT / "_toc.yml"),
            "latex_individualpages": False,
            "nitpicky": True,
        },
        builder=builder,
        warningiserror=warnings_are_errors,
        keep_going=True,
        quiet=True,
    )
    if isinstance(failed, Exception):
        print(f"{type(failed).__name__}: {failed}", file=sys.stderr)
    return not failed


def build(jobs=None):
    """Bring the book up to date; True if it is."""
    sources = state()
    if is_fresh(sources):
        print(f"The book is up to date: {HTML / 'index.html'}")
        return True
    from execution import notebooks, set_environment

    set_environment()
    started = time.perf_counter()
    try:
        shown = run_stale(notebooks(), jobs)
    except RuntimeError as error:
        print(f"\nThe book is not built: {error}.", file=sys.stderr)
        return False
    sources["runs"] = {name: _read(RUNS / name)["metadata"]["run_key"] for name in shown}
    forget()
    if not sphinx("html") or not (HTML / "index.html").is_file():
        shutil.rmtree(DOCTREES, ignore_errors=True)  # pages with warnings must warn again
        print(
            "The book is not built: see above (each warning counts as an error).", file=sys.stderr
        )
        return False
    STAMP.write_text(json.dumps(sources, indent=1) + "\n")
    pages = len(list(HTML.glob("**/*.html")))
    seconds = time.perf_counter() - started
    print(f"The book is built ({pages} pages, {seconds:.0f} s): {HTML / 'index.html'}")
    if shown:
        chapters = ", ".join(name.split("_")[0] for name in shown)
        print(
            f"A run made here, not the stored one, is shown in {chapters} (store: make notebooks)."
        )
    return True


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if the pages are out of date")
    parser.add_argument("--jobs", type=int, help="notebooks at a time (default: all cores)")
    options = parser.parse_args(arguments)
    if options.check:
        fresh = is_fresh(state())
        print("The book is up to date." if fresh else "The book is not up to date; run: make book")
        return 0 if fresh else 1
    with alone():
        return 0 if build(options.jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
