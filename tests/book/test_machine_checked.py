"""The proofs that Rocq checks: what they state, what they rest on, which near misses it refuses."""

import json
import os
import re
import shutil
from pathlib import Path

import certify_proofs as certify
import pytest

ROOT = certify.ROOT
PARSED = certify.theorems()
FILES = {item["theorem"]: ROOT / item["file"] for item in PARSED}

# Wrong by little: the theorem, what is replaced in its statement, by what.
NEAR_MISSES = {
    "the score without its mean": (
        "log_derivative",
        "(indicator eq_A a a' - softmax actions (θ s) a')",
        "(indicator eq_A a a')",
    ),
    "the covariance identity with the other sign": (
        "covariance_identity",
        "(- cov actions",
        "(cov actions",
    ),
    "half the covariance": ("entropy_derivative_path", "(- cov X", "(- / 2 * cov X"),
    "the gradient of entropy with one more": (
        "entropy_gradient",
        "(fun a => ln (softmax actions (θ s) a) *",
        "(fun a => (ln (softmax actions (θ s) a) + indicator eq_A a a') *",
    ),
    "twice the variance along the step": (
        "path_derivative",
        "- t * var X π_t A",
        "- 2 * t * var X π_t A",
    ),
    "KL at least the distance": ("kl_nonneg", "0 <= kl X p q", "sum X p / 100 <= kl X p q"),
    "data processing the other way": (
        "data_processing",
        "kl Y (push X K p) (push X K q) <= kl X p q",
        "kl X p q <= kl Y (push X K p) (push X K q)",
    ),
    "the chain rule with a marginal too many": (
        "chain_rule",
        "= entropy X p +",
        "= 2 * entropy X p +",
    ),
    "the exact identity with the other sign of the divergence": (
        "exact_identity",
        "- kl X p' p",
        "+ kl X p' p",
    ),
    "Gibbs with the divergence turned round": (
        "gibbs",
        "kl X p (softmax X x)",
        "kl X (softmax X x) p",
    ),
    "the gap of the step without 1 / eta": (
        "prox_gap",
        "- kl X p (step X π q η) / η",
        "- kl X p (step X π q η)",
    ),
    "three points with a sign turned": ("three_points", "- kl X π' π", "+ kl X π' π"),
    "improvement by one divergence only": (
        "step_monotone",
        "(kl X π' π + kl X π π') / η",
        "kl X π' π / η",
    ),
    "the dual gap with twice the potentials": (
        "dual_gap",
        "dual M H keep V - visit_entropy M H d",
        "2 * dual M H keep V - visit_entropy M H d",
    ),
    "smoothness with the constant 9/10": (
        "relative_smoothness",
        "<= policy_divergence M H ρ π",
        "<= 9 / 10 * policy_divergence M H ρ π",
    ),
    "strong convexity with the constant 1": (
        "relative_strong_convexity",
        "<= INR H * visit_divergence",
        "<= visit_divergence",
    ),
    "half the remainder bound": (
        "remainder_bound",
        "ln (INR (length X)) / 2",
        "ln (INR (length X)) / 4",
    ),
    "the integral with the other sign": ("entropy_step_integral", "= - RiemannInt", "= RiemannInt"),
    "a curvature without its 1": ("curvature_range", "- (1 + entropy X", "- (entropy X"),
    "a certificate of twice the radius": ("sign_certificate", "2 * Rabs C", "4 * Rabs C"),
    "pairs counted once": ("pair_covariance", "/ 2 * (∑", "(∑"),
    "the threshold turned": (
        "action_contribution",
        "<-> π a < exp (- entropy X π)",
        "<-> exp (- entropy X π) < π a",
    ),
    "gaps that add up without the rewards": (
        "npg_summable",
        " + (hi - lo) / (1 - discount M) ^ 2",
        "",
    ),
    "gaps with one power less": ("npg_summable", "(1 - discount M) ^ 2", "(1 - discount M)"),
    "every weight in the equality of concavity": (
        "concavity_stages",
        "-> 0 < w i ->",
        "-> 0 <= w i ->",
    ),
    "transitions counted at the last stage too": (
        "trajectory_chain_rule",
        "seq 0 (H - 1)",
        "seq 0 H",
    ),
    "the loss with the divergence turned round": (
        "soft_dp_loss",
        "kl (actions M) (π h s) (soft_policy M H h s)",
        "kl (actions M) (soft_policy M H h s) (π h s)",
    ),
    "the gap with one stage more": ("visit_trajectory_gap", "seq 0 (H - 1)", "seq 0 H"),
    "a rate of 1 - 2/H": ("mirror_ascent_rate", "(1 - / INR H) ^ t", "(1 - 2 * / INR H) ^ t"),
    "the linear rate from t = 0 on": ("mirror_ascent_rate", "(0 < t)%nat", "(0 <= t)%nat"),
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A folder where Rocq compiled every file, copied from `make certify` if that did it;
    skipped without Rocq, unless it is required."""
    if certify.prover() is None:
        why = "no Rocq to check the proofs with (Debian: apt-get install coq)"
        if os.environ.get("RLENTROPY_REQUIRE_PROVER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    target = tmp_path_factory.mktemp("proofs")
    if not certify.is_built():
        return certify.build(target=target)
    return Path(shutil.copytree(certify.BUILD, target, dirs_exist_ok=True))


def book_labels():
    """The labels of statements and equations in the notebooks."""
    text = "\n".join(
        "".join(cell["source"])
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    )
    return set(re.findall(r"^\s*:label: (\S+)$", text, re.MULTILINE)) | set(
        re.findall(r"^\s*\$\$ \(([\w-]+)\)\s*$", text, re.MULTILINE)
    )


def compile_changed(compiled, name, old, new):
    """What Rocq says of a file in which the statement of one theorem is changed."""
    text = FILES[name].read_text(encoding="utf-8")
    start = re.search(rf"^(Theorem|Lemma) {name} :", text, re.MULTILINE).start()
    proof = text.index("Proof.", start)
    end = text.index("Qed.", proof) + len("Qed.")
    statement = text[start:proof]
    assert old in statement, f"{name} has no {old!r}"
    changed = text[:start] + statement.replace(old, new) + text[proof:end] + "\n"
    (compiled / "Changed.v").write_text(changed, encoding="utf-8")
    first = text.count("\n", 0, start) + 1
    last = text.count("\n", 0, end) + 1
    command = [certify.prover()[0], "-q", "-R", ".", certify.LIBRARY, "Changed.v"]
    return first, last, lambda: certify.run(command, compiled)


def test_stored_statements_are_those_of_the_files():
    entries = [
        {key: value for key, value in entry.items() if key != "assumptions"} | {"label": label}
        for label, found in certify.stored().items()
        for entry in found
    ]
    key = lambda entry: (entry["label"], entry["file"], entry["line"])  # noqa: E731
    assert sorted(entries, key=key) == sorted(PARSED, key=key), "run: make certify"


def test_every_label_is_one_of_the_book():
    labels = {item["label"] for item in PARSED} - {certify.UNLABELLED}
    assert len(labels) >= 20
    assert sorted(labels - book_labels()) == []


def test_stored_assumptions_are_those_of_the_real_numbers():
    for label, entries in certify.stored().items():
        for entry in entries:
            assert entry["assumptions"], (label, entry["theorem"])
            assert set(entry["assumptions"]) <= certify.AXIOMS


def test_no_file_claims_what_it_does_not_prove():
    assert [fault for path in certify.files() for fault in certify.faults(path)] == []
    assert {path.name for path in certify.SOURCES.glob("*.v")} == {
        path.name for path in certify.files()
    }


def test_sums_end_where_they_are_read_to_end():
    """After *, / and a minus sign Coq reads the body of a bare sum beyond + (see Sums.v)."""
    bare = re.compile(r"[*/]\s*∑|(?:^|[(=,<>+]|:=|=>)\s*-\s*∑", re.MULTILINE)
    for path in certify.files():
        source = certify.without_comments(path.read_text(encoding="utf-8"))
        source = re.sub(r"^Notation.*$", "", source, flags=re.MULTILINE)
        assert bare.findall(source) == [], path.name
    assert bare.search("a * ∑ x ∈ X, f x")
    assert bare.search("(- ∑ x ∈ X, f x)")


@pytest.mark.parametrize(
    "leak",
    [
        "Axiom a : False.",
        "Lemma b : False. Admitted.",
        "Parameter c : False.",
        "Section d.",
        "Hypothesis e : 0 = 1.",
        "Variable f : False.",
        "Unset Guard Checking.",
        "(* (* *) *) Abort.",
    ],
)
def test_a_leak_is_seen_outside_comments_only(tmp_path, leak):
    path = tmp_path / "Leak.v"
    path.write_text(f"(* Admitted (* Axiom *) Parameter *)\n{leak}\n", encoding="utf-8")
    assert [fault.split(":")[0] for fault in certify.faults(path)] == ["Leak.v, line 2"]


def test_a_changed_definition_changes_what_is_stored():
    identity = next(item for item in PARSED if item["theorem"] == "covariance_identity")
    known = identity["definitions"]
    assert set(known) == set("cov directional entropy mean softmax sum ∑".split())
    assert known["entropy"].endswith("- (∑ x ∈ X, p x * ln (p x)).")


def test_a_label_without_its_theorem_is_refused(tmp_path):
    (tmp_path / "_CoqProject").write_text("A.v\n", encoding="utf-8")
    lemma = "Lemma a : True.\nProof. exact I. Qed.\n"
    said = "(** Label: lem-a.\n    Covers: b.\n    Words: c.\n    Narrower: nothing. *)\n"
    (tmp_path / "A.v").write_text(said + lemma, encoding="utf-8")
    assert [item["theorem"] for item in certify.theorems(tmp_path)] == ["a"]
    (tmp_path / "A.v").write_text(said + "Definition x := 1.\n" + lemma, encoding="utf-8")
    with pytest.raises(certify.ProofFault, match="no theorem follows"):
        certify.theorems(tmp_path)
    (tmp_path / "A.v").write_text(said.replace("Covers", "Cover") + lemma, encoding="utf-8")
    with pytest.raises(certify.ProofFault, match="does not say what it covers"):
        certify.theorems(tmp_path)


@pytest.mark.prover
def test_rocq_accepts_every_file_and_names_the_stored_axioms(compiled):
    everything = sorted(set(map(certify.qualified, PARSED)))
    entries = [entry for found in certify.stored().values() for entry in found]
    stored = {axiom for entry in entries for axiom in entry["assumptions"]}
    terms = ",\n  ".join(f"@{certify.LIBRARY}.{name}" for name in everything)
    modules = " ".join(sorted({name.split(".")[0] for name in everything}))
    (compiled / "Everything.v").write_text(
        f"From {certify.LIBRARY} Require {modules}.\nDefinition everything := ({terms}).\n", "utf-8"
    )
    certify.run([certify.prover()[0], "-q", "-R", ".", certify.LIBRARY, "Everything.v"], compiled)
    assert certify.assumptions(["Everything.everything"], compiled) == {
        "Everything.everything": sorted(stored)
    }


@pytest.mark.prover
@pytest.mark.parametrize("name", NEAR_MISSES)
def test_rocq_refuses_a_near_miss_and_accepts_what_it_misses(compiled, name):
    theorem, old, new = NEAR_MISSES[name]
    *_, accept = compile_changed(compiled, theorem, old, old)
    accept()
    first, last, refuse = compile_changed(compiled, theorem, old, new)
    with pytest.raises(certify.ProofFault, match="Error") as fault:
        refuse()
    line = int(re.search(r'File "./Changed.v", line (\d+)', str(fault.value))[1])
    assert first < line <= last, "the error is not in the proof of the changed statement"


@pytest.mark.prover
@pytest.mark.usefixtures("compiled")
def test_rocq_refuses_a_wrong_definition(tmp_path):
    wrong = tmp_path / "proofs"
    shutil.copytree(certify.SOURCES, wrong)
    path = wrong / "Distributions.v"
    text = path.read_text(encoding="utf-8")
    assert "- (∑ x ∈ X, p x * ln (p x))." in text
    path.write_text(text.replace("- (∑ x ∈ X, p x * ln", "(∑ x ∈ X, p x * ln"), "utf-8")
    with pytest.raises(certify.ProofFault, match="Error"):
        certify.build(wrong, tmp_path / "build")
