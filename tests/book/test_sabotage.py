"""The sabotage tool on a small chapter, and its store on the ledger page."""

import json
import subprocess
import sys

import nbformat
from browsing import HTML, ROOT
from nbformat.v4 import new_code_cell, new_notebook

from proofledger import sabotage

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
NAME = "distributions.entropy"
WAYS = ["scaled", "sign", "dropped"]


def from_tools(program, *arguments):
    """What a program prints (as JSON) that may import the tools."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT / "tools",
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def examined(tmp_path, *cells, first=""):
    """The matrix of a chapter of these cells, and its JSON; ``first`` runs in the tool before."""
    path = tmp_path / "small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
    program = f"import json, sys\nfrom pathlib import Path\nimport sabotage\n{first}\n"
    program += "print(json.dumps(sabotage.examine(Path(sys.argv[1]))))"
    matrix = from_tools(program, str(path))
    return matrix, json.loads(path.read_text(encoding="utf-8"))


def said(matrix, notebook, label):
    return sabotage.words({"small": matrix}, notebook, "small", label)


def test_a_check_whose_sides_move_alike_is_found(tmp_path):
    matrix, notebook = examined(tmp_path, *CELLS)
    honest, common, own = matrix["checks"]
    assert NAME in matrix["functions"]
    assert honest["notices"][NAME] == common["passes"][NAME] == WAYS
    assert (own["notices"], own["passes"]) == ({}, {})
    assert [row["notices"] == {} for row in matrix["checks"]] == [False, True, True]
    assert [sabotage.is_blind(row) for row in matrix["checks"]] == [False, True, False]

    words = said(matrix, notebook, "ex-honest")
    assert words.startswith("sabotage: notices an error in ") and "entropy" in words
    words = said(matrix, notebook, "ex-common")
    assert " in nothing; passes one in " in words and words.endswith("entropy")
    assert "no number of the package" in said(matrix, notebook, "ex-own")
    totals = sabotage.totals({"small": matrix}, {"small": notebook})
    assert (totals["checks"], totals["touched"], totals["blind"]) == (3, 2, ["ex-common #1"])
    notebook["cells"][0]["source"] = "another"
    assert said(matrix, notebook, "ex-honest") == ""
    assert sabotage.totals({"small": matrix}, {"small": notebook})["chapters"] == 0


ENDLESS = """H = dist.entropy(log_p)
while np.ptp([H, -(p * log_p).sum(axis=-1)]) > 2:
    pass
verify.bound("ex-late", H, [1.2, 1.2], mutants={"1 and 0.8": [1.0, 0.8]})"""


def test_a_chapter_that_a_wrong_function_keeps_busy(tmp_path):
    matrix, notebook = examined(tmp_path, CELLS[0], ENDLESS, first="sabotage.SECONDS = 1")
    (late,) = matrix["checks"]
    assert late["unreached"][NAME] == ["sign"]  # the loop does not end
    assert late["passes"][NAME] == ["scaled", "dropped"]
    words = said(matrix, notebook, "ex-late")
    assert "passes one in" in words and "entropy" in words
    late["passes"] = {}
    words = said(matrix, notebook, "ex-late")
    assert "; did not finish with one in " in words and words.endswith("entropy")


DRAWS = [
    "import numpy as np\nrng = np.random.default_rng(1)\nx = rng.random(3)\ntimes = lambda k: k * x",
    "y = [rng.random() for k in range(2)]\nfor k in range(3):\n    last = k",
    "x = x + 1",
    "found = []\nfound.append(times(2))",
    "z = sum(k for k in y)\ny[0] = 0",
]
SLICES = """import json, sys
import slicing
cells = slicing.cells(json.loads(sys.argv[1]), ["rng"])
print(json.dumps({
    "reads": [sorted(cell.reads) for cell in cells],
    "changes": [sorted(cell.changes) for cell in cells],
    "renews": [sorted(cell.renews) for cell in cells],
    "needed": [sorted(slicing.needed(cells, {k})) for k in range(len(cells))],
    "live": [sorted(names) for names in slicing.live(cells, {0, 3})],
}))
"""


def test_a_slice_holds_what_its_cells_read():
    found = from_tools(SLICES, json.dumps(DRAWS))
    assert found["reads"][0] == []  # what it reads it has made itself
    assert found["reads"][1:3] == [["range", "rng"], ["x"]]
    assert {"times", "x"} <= set(found["reads"][3])  # x is read where the function is called
    assert found["changes"][1] == ["k", "last", "rng", "y"]  # a draw changes the generator
    assert "y" in found["changes"][4] and "y" not in found["renews"][4]
    assert found["needed"] == [[0], [0, 1], [0, 2], [0, 2, 3], [0, 1, 4]]
    assert found["live"][0] == ["times", "x"]


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


PRICES = """import json
import sabotage, slicing
sources = ["x = f()", "y = f() + g(x)", "verify.exact(x)", "verify.exact(y)"]
plain = sabotage.Plain(
    {"f": {0, 1}, "g": {1}},
    {"cheap #1": ("exact", 2), "dear #1": ("exact", 3)},
    {}, [], [1.0, 10.0, 0.0, 0.0], set(), slicing.cells(sources))
sabotage.FORK = 0
paid = [sorted(sabotage.affordable(plain, budget)) for budget in (0.5, 1, 20, 21)]
print(json.dumps([paid, sabotage.price(plain, {3}), sabotage.price(plain, {2})]))
"""


def test_a_budget_pays_for_the_checks_that_cost_least():
    paid, dear, cheap = from_tools(PRICES)
    assert paid == [[], [2], [2], [2, 3]]
    assert (dear, cheap) == (21, 1)  # the first cell with f; the second with f and with g


def test_checks_beyond_the_budget_are_stored_as_unmeasured(tmp_path):
    honest, *others = CELLS[2].split("\n")
    cells = (*CELLS[:2], honest, "\n".join(others))
    poor = "sabotage.affordable = lambda plain, budget: {2}"
    honest, common, _ = examined(tmp_path, *cells, first=poor)[0]["checks"]
    assert honest["notices"][NAME] == ["scaled"] and "unmeasured" not in honest
    assert common["unmeasured"][NAME] == WAYS
    assert (common["notices"], common["passes"]) == ({}, {})


def test_nothing_is_measured_once_the_budget_is_spent(tmp_path):
    late = "sabotage.spent = iter(range(0, 10**9, 10**6)).__next__"
    honest, *_ = examined(tmp_path, *CELLS, first=late)[0]["checks"]
    assert honest["notices"] == honest["passes"] == {}
    assert honest["unmeasured"][NAME] == WAYS
