"""Check every symbolic line once more, by residues: ``python tools/certify_symbolic.py``.

The lines that the chapters hand to ``verify.symbolic`` are collected by running the cells that lead
to them, no others.  Each is confirmed or refuted by `finitesums.residues`, which shares no
algebra with the normal form; each mutant must be refuted; and each derivative that the lines take
is taken again there. The result is stored in ``proofs/symbolic.json``, which the ledger reads:
``{label: {confirmed, refuted, outside, mutants, mutants refuted, claims: [...]}}``, the same on
every machine. The exit code is 1 if a line or a derivative is refuted, or a mutant is not.
"""

import io
import json
import re
import symtable
import sys
import time
import warnings
from collections import Counter
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import nbformat
import sympy as sp

import finitesums
from finitesums import residues
from proofledger import Verifier
from proofledger.records import STATEMENT

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
STORED = ROOT / "proofs" / "symbolic.json"
COUNTS = ("confirmed", "refuted", "outside", "mutants", "mutants refuted")
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
        names = {"__name__": "__main__"}
        for place, source in _cells_to_run(path):
            with _watching(path.stem, place, checks, derivatives):
                exec(compile(source, f"{path.name}, cell {place}", "exec"), names)
    return checks, derivatives


def _cells_to_run(path):
    """(place, source) of the cells with symbolic checks, and of those that bind their names."""
    code = {
        place: MAGIC.sub("", cell.source)
        for place, cell in enumerate(nbformat.read(path, as_version=4).cells)
        if cell.cell_type == "code"
    }
    names = {place: _names(source) for place, source in code.items()}
    targets = [place for place, source in code.items() if CALL in source]
    wanted = set().union(*(_leading_to(target, names) for target in targets))
    return [(place, code[place]) for place in sorted(wanted)]


def _leading_to(target, names):
    """``target`` and, going back, each cell that last bound a name still needed."""
    found = {target}
    needed = names[target][1]
    for place in reversed([place for place in names if place < target]):
        binds, reads = names[place]
        if binds & needed:
            found.add(place)
            needed = (needed - binds) | reads
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
    return binds, reads


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
    stand_ins = {name: lambda *_, **__: None for name in vars(Verifier) if name[0] != "_"}
    with (
        chdir(NOTEBOOKS),
        redirect_stdout(io.StringIO()),
        patch.multiple(Verifier, **stand_ins | {"symbolic": symbolic}),
        patch.object(finitesums, "derivative", differentiate),
    ):
        yield


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
        entry = results.setdefault(check.label, dict.fromkeys(COUNTS, 0) | {"claims": []})
        for verdict in verdicts:
            entry[verdict.outcome] += 1
        entry["mutants"] += len(mutants)
        entry["mutants refuted"] += sum(outcome == "refuted" for outcome in mutants.values())
        entry["claims"].append(_claim(check, verdicts, mutants))
    return results


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
    for line in _unsettled(results, slopes):
        print(line)
    total = {key: sum(entry[key] for entry in results.values()) for key in COUNTS}
    claims = sum(len(entry["claims"]) for entry in results.values())
    taken = Counter(verdict.outcome for _, verdict in slopes)
    print(
        f"{len(results)} statements, {claims} checks; lines: {total['confirmed']} confirmed, "
        f"{total['refuted']} refuted, {total['outside']} outside; "
        f"mutants: {total['mutants refuted']} of {total['mutants']} refuted; "
        f"derivatives: {taken['confirmed']} confirmed, {taken['refuted']} refuted, "
        f"{taken['outside']} outside; {collecting:.1f} s to collect, {checking:.1f} s to check"
    )
    blind = total["mutants refuted"] < total["mutants"]
    return int(bool(total["refuted"] or taken["refuted"] or blind))


def _unsettled(results, slopes):
    """A line of text for each line and derivative not confirmed, and each mutant not refuted."""
    claims = [(label, claim) for label in sorted(results) for claim in results[label]["claims"]]
    for label, claim in claims:
        outcomes = [outcome for outcome in claim["lines"] if outcome != "confirmed"]
        yield from (f"{label}, {claim['claim']}: {x} {claim['reasons']}" for x in outcomes)
        passing = {name: x for name, x in claim["mutants"].items() if x != "refuted"}
        yield from (f"{label}, {claim['claim']}: mutant {k!r} is {x}" for k, x in passing.items())
    for slope, verdict in slopes:
        if verdict.outcome != "confirmed":
            place = f"{slope.chapter}, cell {slope.cell}, derivative by {slope.x}"
            yield f"{place}: {verdict.outcome} {verdict.reason}"


if __name__ == "__main__":
    sys.exit(main())
