"""No theorem-like statement without an executed check, no check without a statement; read from the stored notebooks."""

import json
import re
from pathlib import Path

import pytest

from proofledger.records import MIME
from proofledger.records import STATEMENT as OF_THE_BOOK

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
NEEDS_CHECK = ("theorem", "lemma", "proposition", "corollary", "example")
STATEMENT = re.compile(
    r"^[`:]{3,}\{prf:(\w+)\}.*\n(?:\s*:(?!label)[\w-]+:.*\n)*\s*:label:\s*(\S+)", re.MULTILINE
)


def statements(notebook):
    """{label: type} of the labelled prf blocks in the Markdown cells."""
    texts = (
        "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"
    )
    return {
        label: kind for text in texts for kind, label in STATEMENT.findall(text) if kind != "proof"
    }


def checks(notebook):
    """Records of the stored outputs."""
    outputs = (
        out for cell in notebook["cells"] if cell["cell_type"] == "code" for out in cell["outputs"]
    )
    return [out["data"][MIME] for out in outputs if MIME in out.get("data", {})]


def omissions(notebook):
    """What is missing in one notebook: unchecked statements, checks of statements that are not on the page."""
    stated, records = statements(notebook), checks(notebook)
    checked = {record["label"] for record in records}
    unchecked = [
        label for label, kind in stated.items() if kind in NEEDS_CHECK and label not in checked
    ]
    unstated = {label for label in checked - set(stated) if OF_THE_BOOK.match(label)}
    return [f"no check of {label}" for label in unchecked] + [
        f"no statement {label}" for label in unstated
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_statement_is_checked_on_its_page(path):
    assert omissions(json.loads(path.read_text())) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_check_rejected_a_mutant(path):
    for record in checks(json.loads(path.read_text())):
        assert record["kind"] == "cited" or record["mutants"], record["label"]


def test_labels_are_stated_once_in_the_whole_book():
    labels = [label for path in NOTEBOOKS for label in statements(json.loads(path.read_text()))]
    assert sorted(labels) == sorted(set(labels))


def sample():
    """A page with one theorem and its check."""
    text = "```{prf:theorem} Title\n:class: note\n:label: thm-sample\n\nClaim.\n```\n"
    record = {"label": "thm-sample", "kind": "numeric", "mutants": ["sign"]}
    return {
        "cells": [
            {"cell_type": "markdown", "source": [text]},
            {
                "cell_type": "code",
                "source": [],
                "outputs": [{"output_type": "display_data", "data": {MIME: record}}],
            },
        ]
    }


def test_the_sample_is_complete_and_planted_omissions_are_seen():
    assert omissions(sample()) == []
    unchecked, unstated = sample(), sample()
    unchecked["cells"][1]["outputs"] = []
    unstated["cells"][0]["source"] = ["Claim."]
    assert omissions(unchecked) == ["no check of thm-sample"]
    assert omissions(unstated) == ["no statement thm-sample"]
