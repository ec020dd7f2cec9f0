"""Check every symbolic line once more, by residues: ``python tools/certify_symbolic.py``.

The lines that the chapters hand to ``verify.symbolic`` are collected by running the cells that lead
to them, no others.  Each is confirmed or refuted by `finitesums.residues`, which shares nothing
with the normal form; each mutant must be refuted; and each derivative that the lines take is taken
again there. The result is stored in ``proofs/symbolic.json``, which the ledger reads: ``{label:
{confirmed, refuted, outside, mutants, mutants refuted, claims: [...]}}``, the same on every
machine. The exit code is 1 if a line or a derivative is refuted, or a mutant is not.
"""

import io
import json
import os
import re
import symtable
import sys
import time
import warnings
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nbformat
import sympy as sp

import finitesums
from finitesums import residues
from proofledger import Verifier
from proofledger.records import STATEMENT

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
STORED = ROOT / "proofs" / "symbolic.json"
CALL = "verify.symbolic("
MAGIC = re.compile(r"^[%!].*$", re.MULTILINE)


@dataclass(frozen=True)
class Check:
    """One call of ``verify.symbolic``: its place in the book, its lines and its mutants."""

    label: str
    part: str
    chapter: str
    cell: int
    claim: str
    lines: tuple
    mutants: dict


@dataclass(frozen=True)
class Derivative:
    """One step of ``finitesums.derivative``: d expr / d x = result."""

    chapter: str
    cell: int
    expr: sp.Expr
    x: sp.Expr
    result: sp.Expr


# --------------------------------------------------------------------------------------- collection


def symbolic_lines(chapters=None):
    """(checks, derivatives) of all chapters, or of the notebooks given."""
    checks = []
    derivatives = []
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")) if chapters is None else chapters:
        for place, cell in _cells_to_run(path):
            watching = _watching(path.stem, place, checks, derivatives)
            with watching, redirect_stdout(io.StringIO()):
                exec(compile(cell.source, f"{path.name}, cell {place}", "exec"), cell.names)
    return checks, derivatives


@dataclass(frozen=True)
class _Cell:
    source: str
    names: dict  # the namespace, one for a chapter
    binds: frozenset
    reads: frozenset


def _cells_to_run(path):
    """(place, cell) of those with symbolic checks, and of the cells that bind their names."""
    names = {"__name__": "__main__"}
    cells = {}
    for place, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code":
            source = MAGIC.sub("", cell.source)
            cells[place] = _Cell(source, names, *_names(source))
    wanted = set()
    for target in (place for place, cell in cells.items() if CALL in cell.source):
        wanted |= _leading_to(target, cells)
    return [(place, cells[place]) for place in sorted(wanted)]


def _leading_to(target, cells):
    """``target`` and, going back, each cell that last bound a name still needed."""
    found = {target}
    needed = set(cells[target].reads)
    for place in reversed([place for place in cells if place < target]):
        if cells[place].binds & needed:
            found.add(place)
            needed = (needed - cells[place].binds) | cells[place].reads
    return found


def _names(source):
    """The names that a cell binds, and those that it reads anywhere in it."""
    top = symtable.symtable(source, "cell", "exec")
    binds = {x.get_name() for x in top.get_symbols() if x.is_assigned() or x.is_imported()}
    reads = {x.get_name() for x in top.get_symbols() if x.is_referenced()}
    inner = list(top.get_children())
    while inner:
        scope = inner.pop()
        reads |= {x.get_name() for x in scope.get_symbols() if x.is_global()}
        inner += scope.get_children()
    return frozenset(binds), frozenset(reads)


@contextmanager
def _watching(chapter, place, checks, derivatives):
    """Collect what ``symbolic`` and ``derivative`` are given; skip the other checks."""

    def symbolic(_, label, *lines, mutants, claim=None, part="", **__):
        if not STATEMENT.match(label):  # a reader's own, wrong on purpose where failures are shown
            return
        checks.append(Check(label, part, chapter, place, claim or "", lines, mutants))

    def differentiate(expr, *variables):
        for x in variables:
            result = true_derivative(expr, x)
            derivatives.append(Derivative(chapter, place, sp.sympify(expr), x, result))
            expr = result
        return expr

    true_derivative = finitesums.derivative
    kinds = {name: check for name, check in vars(Verifier).items() if not name.startswith("_")}
    here = os.getcwd()
    os.chdir(NOTEBOOKS)
    try:
        for name in kinds:
            setattr(Verifier, name, lambda *_, **__: None)
        Verifier.symbolic = symbolic
        finitesums.derivative = differentiate
        yield
    finally:
        finitesums.derivative = true_derivative
        for name, check in kinds.items():
            setattr(Verifier, name, check)
        os.chdir(here)


# ---------------------------------------------------------------------------------------- verdicts


def certify(checks):
    """{label: counts and one entry a claim}, as plain JSON."""
    results = {}
    for check in checks:
        verdicts = [residues.check(left, right) for left, right in pairwise(check.lines)]
        mutants = {
            name: residues.check(check.lines[-1], wrong).outcome
            for name, wrong in check.mutants.items()
        }
        entry = results.setdefault(check.label, _blank())
        for verdict in verdicts:
            entry[verdict.outcome] += 1
        entry["mutants"] += len(mutants)
        entry["mutants refuted"] += sum(outcome == "refuted" for outcome in mutants.values())
        entry["claims"].append(_claim(check, verdicts, mutants))
    return results


def _blank():
    counts = {"confirmed": 0, "refuted": 0, "outside": 0, "mutants": 0, "mutants refuted": 0}
    return {**counts, "claims": []}


def _claim(check, verdicts, mutants):
    return {
        "part": check.part,
        "chapter": check.chapter,
        "claim": check.claim,
        "lines": [verdict.outcome for verdict in verdicts],
        "points": sum(verdict.points for verdict in verdicts),
        "reasons": [verdict.reason for verdict in verdicts if verdict.reason],
        "mutants": mutants,
    }


def certify_derivatives(derivatives):
    """[(derivative, verdict)], each different one once."""
    once = {(d.expr, d.x, d.result): d for d in derivatives}
    return [(d, residues.check_derivative(d.expr, d.x, d.result)) for d in once.values()]


def main():
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checks, derivatives = symbolic_lines()
    collected = time.perf_counter()
    results = certify(checks)
    slopes = certify_derivatives(derivatives)
    text = json.dumps(results, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text(text, encoding="utf-8")
    return _report(results, slopes, collected - start, time.perf_counter() - collected)


def _report(results, slopes, collecting, checking):
    """Print the counts and all that is not confirmed; 1 if something is wrong."""
    total = Counter()
    for label, entry in sorted(results.items()):
        total.update({key: value for key, value in entry.items() if isinstance(value, int)})
        for claim in entry["claims"]:
            for outcome in claim["lines"]:
                if outcome != "confirmed":
                    print(f"{label}, {claim['claim']}: {outcome} {claim['reasons']}")
            for name, outcome in claim["mutants"].items():
                if outcome != "refuted":
                    print(f"{label}, {claim['claim']}: mutant {name!r} is {outcome}")
    claims = sum(len(entry["claims"]) for entry in results.values())
    taken = Counter(verdict.outcome for _, verdict in slopes)
    for derivative, verdict in slopes:
        if verdict.outcome != "confirmed":
            place = f"{derivative.chapter}, cell {derivative.cell}"
            print(f"{place}, derivative by {derivative.x}: {verdict.outcome} {verdict.reason}")
    print(
        f"{len(results)} statements, {claims} checks; lines: {total['confirmed']} confirmed, "
        f"{total['refuted']} refuted, {total['outside']} outside; "
        f"mutants: {total['mutants refuted']} of {total['mutants']} refuted; "
        f"derivatives: {taken['confirmed']} confirmed, {taken['refuted']} refuted, "
        f"{taken['outside']} outside; {collecting:.1f} s to collect, {checking:.1f} s to check"
    )
    blind = total["mutants refuted"] < total["mutants"]
    return int(bool(total["refuted"] or taken["refuted"] or blind))


if __name__ == "__main__":
    sys.exit(main())
