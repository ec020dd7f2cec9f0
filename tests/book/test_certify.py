"""The second look at the symbolic lines: what is collected, stored, and noticed."""

import json
from collections import Counter

import certify_symbolic
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from proofledger.records import MIME, STATEMENT

HEAD = """%load_ext proofledger
import finitesums as S
import sympy as sp
from proofledger import Verifier
verify = Verifier(prover=S)
s = S.s"""
CELLS = [
    HEAD,
    "def log_p(a):\n    return S.log_pi(s, a)",
    "raise AssertionError('nothing needs this cell')",
    "tau = [tau for tau in (1, 2)]\nverify.numeric('lem-x', 1, 2, tol=0, mutants={})",
    "slope = S.derivative(S.entropy(s), S.theta[s, S.a])\nwith_mean = lambda x: x + S.entropy(s)",
    "verify.symbolic('lem-x', slope, -S.pi(s, S.a) * with_mean(log_p(S.a)),\n"
    "                claim='the gradient', part='(i)', mutants={'sign': -slope})",
    "s = None",
]


@pytest.fixture
def chapter(tmp_path):
    def write(*cells):
        path = tmp_path / "01_chapter.ipynb"
        book = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        for k, cell in enumerate(book.cells):
            cell["id"] = f"cell-{k}"
        nbformat.write(book, path)
        return path

    return write


def test_the_cells_that_lead_to_a_check_are_run_and_no_others(chapter):
    checks, derivatives = certify_symbolic.symbolic_lines([chapter(*CELLS)])
    found = [(check.label, check.part, check.claim, check.cell) for check in checks]
    assert found == [("lem-x", "(i)", "the gradient", 5)]
    assert [str(derivative.x) for derivative in derivatives] == ["theta[s, a]"]
    results = certify_symbolic.certify(checks)
    counts = {"confirmed": 1, "refuted": 0, "outside": 0, "mutants": 1, "mutants refuted": 1}
    assert {key: results["lem-x"][key] for key in counts} == counts
    verdicts = [verdict for _, verdict in certify_symbolic.certify_derivatives(derivatives)]
    assert [verdict.outcome for verdict in verdicts] == ["confirmed"]


def test_checks_are_themselves_again_afterwards(chapter):
    import finitesums
    from proofledger import Verifier

    before = (Verifier.symbolic, Verifier.numeric, finitesums.derivative)
    with pytest.raises(ZeroDivisionError):
        certify_symbolic.symbolic_lines([chapter(HEAD, "x = 1 / 0\nverify.symbolic('lem-x', x)")])
    assert before == (Verifier.symbolic, Verifier.numeric, finitesums.derivative)


WRONG = {
    "a false line": "verify.symbolic('lem-x', S.entropy(s), -S.entropy(s), mutants={'one': 1})",
    "a true mutant": "verify.symbolic('lem-x', S.n, S.n, mutants={'same': 2 * S.n - S.n + 0})",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_ends_with_an_error(name, chapter, tmp_path, monkeypatch, capsys):
    path = chapter(HEAD, WRONG[name])
    monkeypatch.setattr(certify_symbolic, "NOTEBOOKS", path.parent)
    monkeypatch.setattr(certify_symbolic, "STORED", tmp_path / "proofs" / "symbolic.json")
    assert certify_symbolic.main() == 1
    assert "lem-x" in capsys.readouterr().out
    assert "lem-x" in json.loads((tmp_path / "proofs" / "symbolic.json").read_text())


def test_a_derivative_with_a_wrong_sign_is_noticed(chapter, monkeypatch):
    import finitesums

    right = finitesums.derivative
    monkeypatch.setattr(finitesums, "derivative", lambda expr, *x: -right(expr, *x))
    _, derivatives = certify_symbolic.symbolic_lines([chapter(*CELLS)])
    verdicts = [verdict for _, verdict in certify_symbolic.certify_derivatives(derivatives)]
    assert [verdict.outcome for verdict in verdicts] == ["refuted"]


def test_the_stored_result_is_that_of_the_chapters():
    """Each symbolic record of a notebook has its claim in the stored result, confirmed."""
    stored = json.loads(certify_symbolic.STORED.read_text(encoding="utf-8"))
    certified = Counter(
        (label, claim["part"], tuple(sorted(claim["mutants"])))
        for label, entry in stored.items()
        for claim in entry["claims"]
    )
    assert certified == Counter(_records())
    for label, entry in stored.items():
        assert entry["confirmed"] > 0 and not entry["refuted"], label
        assert entry["mutants"] == entry["mutants refuted"] > 0, label


def _records():
    for path in sorted(certify_symbolic.NOTEBOOKS.glob("[0-9]*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                record = output.get("data", {}).get(MIME)
                own = record and not STATEMENT.match(record["label"])
                if record and record["kind"] == "symbolic" and not own:
                    yield record["label"], record["part"], tuple(sorted(record["mutants"]))
