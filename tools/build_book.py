"""Build the HTML book: run what has to run, then let Sphinx treat every warning as an error.

Nothing happens when no source has changed. ``--check`` only says whether the book is up to date.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

from source_key import ROOT, state

BUILD = ROOT / "_build"
HTML = BUILD / "html"
DOCTREES = BUILD / ".doctrees"
STAMP = BUILD / "html.json"


def built_state():
    """The state of the sources from which the present pages were built, or None."""
    try:
        return json.loads(STAMP.read_text()) if (HTML / "index.html").is_file() else None
    except (OSError, ValueError):
        return None


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


def forget(sources):
    """Remove what could go stale: the pages, and what was read when the way of reading changed."""
    old = built_state()
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(HTML, ignore_errors=True)
    if old is None or any(old.get(part) != sources[part] for part in ("code", "machinery")):
        shutil.rmtree(DOCTREES, ignore_errors=True)


def sphinx():
    """Run jupyter-book; True if it built without a warning."""
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", str(ROOT), "-W", "-n", "--keep-going", "-q"]
    environment = {**os.environ, "SPHINXOPTS": "", "PYTHONUNBUFFERED": "1"}
    # jupyter-book reports the end of a build itself; only warnings and errors are of interest here
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode or not (HTML / "index.html").is_file():
        print(done.stdout, file=sys.stderr)
        # pages with warnings must be read, and warn, again
        shutil.rmtree(DOCTREES, ignore_errors=True)
        print("The book is not built: see the warnings above (each counts as an error).", file=sys.stderr)
        return False
    return True


def build(jobs=None):
    """Bring the book up to date; True if it is."""
    sources = state()
    if built_state() == sources:
        print(f"The book is up to date: {HTML / 'index.html'}")
        return True
    from execute import execute

    started = time.perf_counter()
    if not execute(jobs):
        return False
    forget(sources)
    print("Building the pages …", flush=True)
    if not sphinx():
        return False
    STAMP.write_text(json.dumps(sources, indent=1) + "\n")
    pages = len(list(HTML.glob("**/*.html")))
    print(f"The book is built ({pages} pages, {time.perf_counter() - started:.0f} s): {HTML / 'index.html'}")
    return True


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if the pages are out of date")
    parser.add_argument("--jobs", type=int, default=None, help="notebooks at a time (default: all cores)")
    options = parser.parse_args(arguments)
    if options.check:
        fresh = built_state() == state()
        print("The book is up to date." if fresh else "The book is older than its sources; run: make book")
        return 0 if fresh else 1
    with alone():
        return 0 if build(options.jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
