"""Execute every chapter before the book is built, in parallel, into the cache that the build reads.

A notebook runs when its code, anything under ``src/``, the lock or Python itself changed since its last run.
"""

import argparse
import shutil
import sys

import nbformat
from execution import cores, notebooks, run_all, shown
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from source_key import CACHES, cache_path

KEPT_CACHES = 4  # results of earlier states of src/, so that going back to one costs nothing


def cached(cache, path):
    """True if the code of this notebook has been run before."""
    try:
        cache.match_cache_notebook(nbformat.read(path, as_version=4))
    except KeyError:
        return False
    return True


def prune(keep):
    """Remove the oldest caches."""
    others = (folder for folder in CACHES.iterdir() if folder.is_dir() and folder != keep)
    folders = sorted(others, key=lambda folder: folder.stat().st_mtime)
    for folder in folders[: max(0, len(folders) - KEPT_CACHES + 1)]:
        shutil.rmtree(folder)


def execute(jobs=None):
    """Run what is not cached; True if every chapter passed."""
    path = cache_path()
    path.mkdir(parents=True, exist_ok=True)
    path.touch()
    prune(keep=path)
    cache = get_cache(path)
    chapters = notebooks()
    due = [chapter for chapter in chapters if not cached(cache, chapter)]
    if not due:
        print(f"All {len(chapters)} notebooks are as they were last run.", flush=True)
        return True
    count = min(jobs or cores(), len(due))
    print(f"Running {len(due)} of {len(chapters)} notebooks, {count} at a time:", flush=True)

    def keep(run):
        if not run.error:
            bundle = CacheBundleIn(run.notebook, str(run.path), data={"execution_seconds": run.seconds})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)

    failed = [run for run in run_all(due, jobs, on_finish=keep) if run.error]
    for run in failed:
        print(f"\n{shown(run.path)}: {run.error}", file=sys.stderr)
    if failed:
        names = ", ".join(shown(run.path) for run in failed)
        print(f"\nThe book is not built: {len(failed)} notebook(s) failed: {names}.", file=sys.stderr)
    return not failed


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=None, help="how many at a time (default: all cores)")
    return 0 if execute(parser.parse_args(arguments).jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
