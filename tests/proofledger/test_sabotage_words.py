"""What the ledger says of a chapter that was measured in part (see `proofledger.sabotage`)."""

from proofledger import sabotage

NOTEBOOK = {"cells": [{"cell_type": "code", "source": "x = 1"}]}


def store(**row):
    checks = [{"check": "ex-part #1", "kind": "bound", "notices": {}, "passes": {}, **row}]
    key = sabotage.fingerprint(NOTEBOOK)
    return {"part": {"key": key, "functions": ["a.f", "a.g"], "checks": checks}}


def words(**row):
    return sabotage.words(store(**row), NOTEBOOK, "part", "ex-part")


def test_what_was_not_measured_is_said():
    said = words(notices={"a.f": ["scaled"]}, unmeasured={"a.g": ["scaled"], "a.f": ["sign"]})
    assert said == "sabotage: notices an error in f; not measured with one in g"
    said = words(
        passes={"a.f": ["scaled"]}, unreached={"a.h": ["sign"]}, unmeasured={"a.g": ["sign"]}
    )
    assert said.endswith(
        "passes one in f; did not finish with one in h; not measured with one in g"
    )
    assert words(unmeasured={"a.g": ["sign"]}).endswith("in nothing; not measured with one in g")


def test_pairs_without_a_verdict_are_counted():
    matrix = store(notices={"a.f": ["sign"]}, unmeasured={"a.f": ["scaled"], "a.g": ["sign"]})
    assert sabotage.totals(matrix, {"part": NOTEBOOK})["open"] == 1
    matrix = store(
        passes={"a.f": ["sign"]}, unreached={"a.g": ["sign"]}, unmeasured={"a.h": ["sign"]}
    )
    assert sabotage.totals(matrix, {"part": NOTEBOOK})["open"] == 2
    assert sabotage.totals(matrix, {"part": {"cells": []}})["open"] == 0  # of another state
