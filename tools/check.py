"""Run the checks of one statement again: ``python tools/check.py thm-covariance-identity``;
without a label, list all.

The chapters that check the statement are run from the top to the last cell that names it; then its
check lines are printed. The exit code is 1 when a check fails or the label is unknown.
"""

import difflib
import sys

import nbformat
from execution import notebooks, run, shown

from proofledger.records import MIME

EXAMPLE = "make check LABEL=thm-covariance-identity"


def records(cell):
    """[(label, line for people)] of the checks in the outputs of a cell."""
    shown_data = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [(data[MIME]["label"], data["text/plain"]) for data in shown_data if MIME in data]


def checked(notebook):
    """The labels of all checks that the stored outputs of a notebook hold."""
    return {label for cell in notebook.cells for label, _ in records(cell)}


def last_cell(notebook, label):
    """The number of cells up to the last code cell that names the label or shows its check (0:
    none)."""

    def names(cell):
        quoted = f'"{label}"' in cell.source or f"'{label}'" in cell.source
        return cell.cell_type == "code" and (quoted or label in dict(records(cell)))

    found = [position for position, cell in enumerate(notebook.cells, 1) if names(cell)]
    return max(found, default=0)


def check(label, chapters=None):
    """Run the checks of ``label``; True if there are some and all pass."""
    chapters = notebooks() if chapters is None else chapters
    books = {path: nbformat.read(path, as_version=4) for path in chapters}
    holders = {path: stop for path, book in books.items() if (stop := last_cell(book, label))}
    if not holders:
        everything = sorted(set().union(*map(checked, books.values())))
        near = difflib.get_close_matches(label, everything, n=5, cutoff=0.4) or everything[:10]
        known = ", ".join(near) or "none"
        print(f"No chapter checks {label!r}; statements with checks: {known}.", file=sys.stderr)
        return False
    passed = True
    for path, stop in holders.items():
        done = run(path, stop)
        print(f"{shown(path)} ({done.seconds:.1f} s)")
        lines = [pair for cell in done.notebook.cells for pair in records(cell)]
        found = [line for name, line in lines if name == label]
        for line in found:
            print(f"  {line}")
        if done.error:
            print(done.error, file=sys.stderr)
        passed = passed and bool(found) and not done.error
    return passed


def list_all():
    """Print every statement that has checks, chapter by chapter."""
    for path in notebooks():
        labels = sorted(checked(nbformat.read(path, as_version=4)))
        if labels:
            print(shown(path))
            for label in labels:
                print(f"  {label}")
    print(f"Run the checks of one again, for example: {EXAMPLE}")


def main(arguments):
    if not arguments or arguments[0] in ("", "--list", "--help"):
        list_all()
        return 0
    if len(arguments) > 1:
        print(f"Name one statement, for example: {EXAMPLE}", file=sys.stderr)
        return 2
    return 0 if check(arguments[0]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
