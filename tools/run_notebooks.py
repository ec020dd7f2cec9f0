"""Run notebooks from top to bottom and store them run: ``python tools/run_notebooks.py [NAME …]``.

A name is a path or the number of a chapter; without names, all chapters.
``--stale`` leaves out those whose code, data, package and lock are those of their stored run.
A notebook that fails is left as it was; its cell and error are printed, the exit code is 1.
What is stored depends on the sources only: cell ids by position, no times,
no versions of the machine.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from execution import notebooks, run_all, shown
from source_key import is_current, run_key

LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
VOLATILE = ("seconds", "execution", "collapsed", "ExecuteTime")


def normalised(notebook, key=None):
    """The notebook without what changes from run to run,
    with the key of its run (kept unless given)."""
    key = key or notebook.metadata.get("run_key", "")
    metadata = {"kernelspec": KERNEL, "language_info": LANGUAGE, "run_key": key}
    notebook.metadata = nbformat.from_dict(metadata)
    notebook.nbformat = 4
    notebook.nbformat_minor = 5
    for cell in notebook.cells:  # names of cells stay: tests of planted errors know them
        _forget(cell.metadata)
        for output in cell.get("outputs", []):
            for part in [output.get("metadata", {}), *output.get("metadata", {}).values()]:
                _forget(part)
    return notebook


def _forget(metadata):
    if isinstance(metadata, dict):
        for name in VOLATILE:
            metadata.pop(name, None)


def stderr_outputs(notebook):
    """(cell number, text) of everything that was written to stderr."""
    return [
        (number, output.text.strip())
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]


def store(run, target=None):
    """Write a run that passed, in place or to ``target``; warn about anything on stderr."""
    if run.error:
        return
    for number, text in stderr_outputs(run.notebook):
        where = f"{shown(run.path)}, cell {number}"
        print(f"warning: {where} writes to stderr:\n    {text}", file=sys.stderr)
    target = Path(target or run.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    text = nbformat.writes(normalised(run.notebook, run_key(run.notebook))).rstrip("\n") + "\n"
    temporary = target.with_suffix(".ipynb.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)


def stale(paths):
    """Those of the notebooks whose stored run is not one of their present sources."""
    return [path for path in paths if not is_current(nbformat.read(path, as_version=4))]


def named(name):
    """The notebook of a path or of the number of a chapter; raises LookupError if there is none."""
    if Path(name).is_file():
        return Path(name)
    found = [path for path in notebooks() if path.name.startswith(f"{name}_") or path.stem == name]
    if not found:
        raise LookupError(f"no such notebook: {name}")
    return found[0]


def report_failures(runs):
    """Print the errors of the runs that failed; the paths of these."""
    failed = [run for run in runs if run.error]
    for run in failed:
        print(f"\n{shown(run.path)}: {run.error}", file=sys.stderr)
    return [run.path for run in failed]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="paths or numbers of chapters (default: all)")
    parser.add_argument("--stale", action="store_true", help="only those that are not up to date")
    parser.add_argument("--jobs", type=int, help="how many at a time (default: all cores)")
    options = parser.parse_args(arguments)
    try:
        paths = [named(name) for name in options.names] or notebooks()
    except LookupError as error:
        parser.error(str(error))
    due = stale(paths) if options.stale else paths
    failed = report_failures(run_all(due, options.jobs, on_finish=store))
    stored = len(due) - len(failed)
    print(f"{stored} stored, {len(failed)} failed, {len(paths) - len(due)} up to date")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
