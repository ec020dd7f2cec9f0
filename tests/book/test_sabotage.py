"""The sabotage tool on a small chapter, and its store on the ledger page."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
from browsing import HTML
from nbformat.v4 import new_code_cell, new_notebook

from proofledger import sabotage

ROOT = Path(__file__).resolve().parents[2]
STORE = sabotage.load(ROOT / "book" / "sabotage.json")
CELLS = [
    """import numpy as np
from proofledger import Verifier
from rlentropy import distributions as dist
verify = Verifier()
p = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
log_p = np.log(p)""",
    """H = dist.entropy(log_p)""",
    """verify.numeric("ex-honest", H, -(p * log_p).sum(axis=-1), tol=1e-12, mutants={"sign": -H})
verify.numeric("ex-common", 2 * H, H + H, tol=1e-12, mutants={"sign": -H})
verify.exact("ex-own", 2 + 2, 4, mutants={"five": 5})""",
]
RUN = """import json, sys
from pathlib import Path
import sabotage
print(json.dumps(sabotage.examine(Path(sys.argv[1]))))
"""


def test_a_check_whose_sides_move_alike_is_found(tmp_path):
    path = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in CELLS]), path)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)],
        cwd=ROOT / "tools",
        capture_output=True,
        text=True,
        check=True,
    )
    matrix = json.loads(done.stdout)
    honest, common, own = matrix["checks"]
    name = "distributions.entropy"
    assert name in matrix["functions"]
    assert honest["notices"][name] == common["passes"][name] == ["scaled", "sign", "dropped"]
    assert (own["notices"], own["passes"]) == ({}, {})
    assert [row["notices"] == {} for row in matrix["checks"]] == [False, True, True]
    assert [sabotage.is_blind(row) for row in matrix["checks"]] == [False, True, False]

    notebook = json.loads(path.read_text(encoding="utf-8"))
    store = {"small": matrix}
    said = sabotage.words(store, notebook, "small", "ex-honest")
    assert said.startswith("sabotage: notices an error in ") and "entropy" in said
    said = sabotage.words(store, notebook, "small", "ex-common")
    assert " in nothing; passes one in " in said and said.endswith("entropy")
    assert "no number of the package" in sabotage.words(store, notebook, "small", "ex-own")
    totals = sabotage.totals(store, {"small": notebook})
    assert (totals["checks"], totals["touched"], totals["blind"]) == (3, 2, ["ex-common #1"])
    notebook["cells"][0]["source"] = "another"
    assert sabotage.words(store, notebook, "small", "ex-honest") == ""
    assert sabotage.totals(store, {"small": notebook})["chapters"] == 0


def test_no_check_of_a_measured_chapter_is_blind():
    assert STORE
    blind = {
        (stem, row["check"])
        for stem, matrix in STORE.items()
        for row in matrix["checks"]
        if sabotage.is_blind(row) and row["kind"] != "bound"
    }
    assert blind == set()


def test_the_ledger_says_what_is_noticed():
    page = (HTML / "book" / "ledger.html").read_text(encoding="utf-8")
    assert "sabotage: notices an error in" in page
    assert "functions made wrong" in page
