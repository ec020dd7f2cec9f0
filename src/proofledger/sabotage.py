"""What the checks of a chapter notice when a function of the package is wrong (see `fingerprint`).

The matrix is measured by the book's own tool and stored as JSON:
{chapter: {"key": .., "functions": [..], "checks": [{"check": "label #k", "kind": ..,
"notices": {function: [way, ..]}, "passes": {function: [way, ..]}}]}};
"unreached", like these, where a wrong function kept the chapter busy for too long, and
"unmeasured" where the time for the chapter was over before.
It holds for the code of the notebook that it was measured on.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def fingerprint(notebook: Mapping[str, Any]) -> str:
    """A hash of the code cells of a notebook (its JSON), comments and all."""
    sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def load(path: str | Path) -> dict[str, Any]:
    """{chapter: matrix} of the store; {} if there is none."""
    path = Path(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def is_blind(row: Mapping[str, Any]) -> bool:
    """True if numbers of the package moved under a check and it noticed none of them."""
    return bool(row["passes"]) and not row["notices"]


def words(store: Mapping[str, Any], notebook: Mapping[str, Any], stem: str, label: str) -> str:
    """What the checks of a statement notice, in words; '' if not measured on this notebook.

    store     see `load`; ``stem`` names the chapter in it, ``notebook`` is its JSON
    """
    matrix = store.get(stem)
    if matrix is None or matrix["key"] != fingerprint(notebook):
        return ""
    rows = [row for row in matrix["checks"] if row["check"].split(" #")[0] == label]
    noticed = {name for row in rows for name in row["notices"]}
    passed = {name for row in rows for name in row["passes"]} - noticed
    late = {name for row in rows for name in row.get("unreached", ())} - noticed - passed
    left = {name for row in rows for name in row.get("unmeasured", ())} - noticed - passed - late
    if not noticed | passed | late | left:
        return "sabotage: no number of the package under its checks"
    said = f"sabotage: notices an error in {_listed(noticed) or 'nothing'}"
    said += f"; passes one in {_listed(passed)}" if passed else ""
    said += f"; did not finish with one in {_listed(late)}" if late else ""
    return said + (f"; not measured with one in {_listed(left)}" if left else "")


def _without_verdict(row: Mapping[str, Any]) -> set[str]:
    """The functions with which a check was not reached, or not measured, in any way."""
    return {*row.get("unreached", ()), *row.get("unmeasured", ())} - {
        *row["notices"],
        *row["passes"],
    }


def _listed(names: Iterable[str]) -> str:
    """The functions by their last names."""
    return ", ".join(sorted({name.rsplit(".", 1)[-1] for name in names}))


def totals(store: Mapping[str, Any], notebooks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """{"chapters", "functions", "checks", "touched", "blind", "open"} over chapters that are as
    they were measured; "open" counts the pairs of a check and a function without a verdict.

    notebooks  {stem: JSON}
    """
    fresh = [
        store[stem]
        for stem, notebook in notebooks.items()
        if stem in store and store[stem]["key"] == fingerprint(notebook)
    ]
    rows = [row for matrix in fresh for row in matrix["checks"]]
    return {
        "chapters": len(fresh),
        "functions": len({name for matrix in fresh for name in matrix["functions"]}),
        "checks": len(rows),
        "touched": sum(bool(row["notices"] or row["passes"]) for row in rows),
        "blind": [row["check"] for row in rows if is_blind(row)],
        "open": sum(len(_without_verdict(row)) for row in rows),
    }
