"""Certificates of other provers: a theorem raises the status of the part that its author named, and of no other."""

import json

from proofledger import certificates

ENTRY = {
    "theorem": "kl_nonneg",
    "file": "proofs/Gibbs.v",
    "line": 7,
    "covers": "the inequality",
    "scope": "",
}


def written(tmp_path, **entry):
    path = tmp_path / "certified.json"
    path.write_text(json.dumps({"lem-kl": [ENTRY | entry]}))
    return certificates.theorems(path)["lem-kl"][0]


def test_a_theorem_that_claims_no_part_raises_nothing(tmp_path):
    assert written(tmp_path).check is None


def test_a_theorem_checks_the_part_that_it_names(tmp_path):
    check = written(tmp_path, part="equality").check
    assert (check["label"], check["part"], check["kind"]) == (
        "lem-kl",
        "equality",
        "machine-checked",
    )
    assert "kl_nonneg" in check["claim"]


def test_the_whole_of_a_statement_without_parts(tmp_path):
    assert written(tmp_path, part="whole").check["part"] == ""


def test_without_the_files_nothing_is_claimed(tmp_path):
    assert certificates.theorems(tmp_path / "none.json") == {}
    assert certificates.second_opinions(tmp_path / "none.json") == {}


def test_second_opinions_count_all_lines(tmp_path):
    path = tmp_path / "symbolic.json"
    path.write_text(json.dumps({"lem-kl": {"confirmed": 2, "refuted": 0, "outside": 1}}))
    assert certificates.second_opinions(path) == {
        "lem-kl": "2 of 3 lines confirmed by the second prover"
    }
