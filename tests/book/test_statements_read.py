"""A statement that changes is read again: its words and inline formulas against a stored hash.

Displays are held against the package one by one (`test_transcriptions`). What stands between them,
hypotheses, inline formulas, "at least" and "at most", is held here: whoever changes it has read the
statement, its checks and `test_inline_claims.py`, and says so with

    python tests/book/test_statements_read.py LABEL ..        (``new`` for labels without a hash)
"""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STORE = Path(__file__).with_name("statements_read.json")
STATEMENT = re.compile(
    r"^(?P<fence>:{3,})\{prf:(?!proof|algorithm)\w+\}(.*?)^(?P=fence)\s*$", re.S | re.M
)
LABEL = re.compile(r"^:label: (\S+)$", re.M)


def statements():
    """{label: words} of the whole book, definitions and remarks too; without line breaks."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for fence in STATEMENT.finditer("".join(cell["source"])):
                label = LABEL.search(fence[2])
                if label:
                    found[label[1]] = " ".join(fence[0].split())
    return found


def fingerprint(words):
    return hashlib.sha256(words.encode()).hexdigest()[:8]


STATED = statements()
READ = json.loads(STORE.read_text(encoding="utf-8")) if STORE.is_file() else {}


@pytest.mark.parametrize("label", STATED)
def test_a_statement_stands_as_it_was_read(label):
    again = f"{label}: read it, its checks and its transcriptions; then tell this file: {label}"
    assert READ.get(label) == fingerprint(STATED[label]), again


def test_no_statement_is_remembered_that_is_gone():
    assert set(READ) <= set(STATED)


@pytest.mark.parametrize(
    ("label", "old", "new"),
    [
        ("thm-soft-npg", r"0<\eta\le1/\tau", r"0<\eta\le2/\tau"),
        ("cor-certificate", r"\bar d_h(s,a)\le1$", r"\bar d_h(s,a)\ge1$"),
        ("thm-rlhf-one-step", r"\beta=1/(\eta_1+\dots", r"\beta=1/(\eta_1-\dots"),
        ("prop-conclusions", "entropy falls", "entropy rises"),
        ("thm-kl-cov", r"\beta\ge\max_M", r"\beta\le\max_M"),
    ],
)
def test_a_hypothesis_that_was_turned_is_seen(label, old, new):
    assert old in STATED[label]
    assert fingerprint(STATED[label].replace(old, new)) != READ[label]


def remember(labels):
    """Store the hashes of these statements, and forget what is gone."""
    read = {label: READ[label] for label in STATED if label in READ}
    for label in STATED if labels == ["new"] else labels:
        if labels != ["new"] or label not in read:
            read[label] = fingerprint(STATED[label])
    ordered = {label: read[label] for label in STATED if label in read}
    STORE.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    remember(sys.argv[1:])
