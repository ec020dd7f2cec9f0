"""Run notebooks from top to bottom and store them run: ``python tools/run_notebooks.py [NOTEBOOK …]``.

Without names, all chapters. A notebook that fails is left as it was; its cell and error are printed, the exit
code is 1.
What is stored depends on the sources only: cell ids by position, no times, no versions of the machine.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from execution import notebooks, run_all, shown

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


def normalised(notebook):
    """The notebook without what changes from run to run."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{position:03d}"
        _forget(cell.metadata)
        for output in cell.get("outputs", []):
            for metadata in [output.get("metadata", {}), *output.get("metadata", {}).values()]:
                _forget(metadata)
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


def store(run):
    """Write a run that passed; warn about anything on stderr."""
    if run.error:
        return
    for number, text in stderr_outputs(run.notebook):
        print(f"warning: {shown(run.path)}, cell {number} writes to stderr:\n    {text}", file=sys.stderr)
    text = nbformat.writes(normalised(run.notebook)).rstrip("\n") + "\n"
    temporary = run.path.with_suffix(".ipynb.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(run.path)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all chapters)")
    parser.add_argument("--jobs", type=int, default=None, help="how many at a time (default: all cores)")
    options = parser.parse_args(arguments)
    missing = [path for path in options.paths if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(map(str, missing))}")
    runs = run_all(options.paths or notebooks(), options.jobs, on_finish=store)
    failed = [run for run in runs if run.error]
    for run in failed:
        print(f"\n{shown(run.path)}: {run.error}", file=sys.stderr)
    print(f"{len(runs) - len(failed)} stored, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
