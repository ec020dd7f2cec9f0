"""Every display of the sources is traced to the book, every erratum has its check: no row without a target."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
VERDICTS = ("confirmed", "confirmed under stated conditions", "corrected")
SEVERITIES = ("**error**", "slip", "remark", "typing")
# Displays and numbered conclusions of the two notes, counted in the notes; errata as numbered in the book.
DISPLAYS = {"tab-trace-1": 46, "tab-trace-2": 28}
ERRATA = {"tab-errata-1": 18, "tab-errata-2": 15}


def tables(text):
    """{name: rows} of the list tables of a page, without their head."""
    found = {}
    for block in re.findall(r":::\{list-table\}\n(.*?)\n:::", text, re.DOTALL):
        name = re.search(r":name: (\S+)", block)[1]
        rows = re.split(r"^\* - ", block, flags=re.MULTILINE)[2:]
        found[name] = [
            [cell.strip() for cell in re.split(r"^  -(?: |$)", row, flags=re.MULTILINE)]
            for row in rows
        ]
    return found


def trace_faults(rows):
    """What is wrong with the rows of a trace table."""
    for number, row in enumerate(rows, 1):
        if len(row) != 6 or row[0] != str(number):
            yield f"row {number}: numbered {row[0]}, {len(row)} cells"
        elif not re.fullmatch(r"\{(eq|prf:ref)\}`[\w-]+`", row[3]):
            yield f"row {number}: no target"
        elif not re.fullmatch(r"\{check\}`[\w-]+`", row[4]):
            yield f"row {number}: no check"
        elif row[5].split(":")[0] not in VERDICTS:
            yield f"row {number}: verdict {row[5]!r}"


def erratum_faults(rows):
    """What is wrong with the rows of an errata table; only typing slips go without a check."""
    for row in rows:
        if len(row) != 6 or not all(row[:5]):
            yield f"row {row[0]}: a cell is empty"
        elif row[4] not in SEVERITIES:
            yield f"row {row[0]}: severity {row[4]!r}"
        elif row[4] != "typing" and not re.fullmatch(r"\{check\}`[\w-]+`", row[5]):
            yield f"row {row[0]}: no check"


@pytest.mark.parametrize("name", DISPLAYS)
def test_every_display_has_a_target_a_check_and_a_verdict(name):
    rows = tables((BOOK / "source_trace.md").read_text())[name]
    assert len(rows) == DISPLAYS[name]
    assert list(trace_faults(rows)) == []


@pytest.mark.parametrize("name", ERRATA)
def test_every_erratum_is_complete(name):
    rows = tables((BOOK / "errata.md").read_text())[name]
    assert len(rows) == ERRATA[name]
    assert list(erratum_faults(rows)) == []


def test_corrected_displays_are_errata():
    rows = [
        row for table in tables((BOOK / "source_trace.md").read_text()).values() for row in table
    ]
    errata = {
        row[0] for table in tables((BOOK / "errata.md").read_text()).values() for row in table
    }
    for row in rows:
        named = re.findall(r"\b([12]\.\d+)\b", row[5])
        assert set(named) <= errata, row
        assert named or not row[5].startswith("corrected"), row


def test_planted_omissions_are_seen():
    good = ["1", "§1", "$x$", "{eq}`eq-a`", "{check}`thm-a`", "confirmed"]
    assert list(trace_faults([good])) == []
    for cell, words in ((3, "no target"), (4, "no check"), (5, "verdict")):
        bad = [*good]
        bad[cell] = ""
        assert [fault.split(": ")[1].split(" '")[0] for fault in trace_faults([bad])] == [words]
    erratum = ["1.1", "place", "printed", "correct", "slip", "{check}`thm-a`"]
    assert list(erratum_faults([erratum])) == []
    assert list(erratum_faults([[*erratum[:5], ""]])) == ["row 1.1: no check"]
    assert list(erratum_faults([[*erratum[:3], "", *erratum[4:]]])) == ["row 1.1: a cell is empty"]
