"""A statement that changes is read again: its words and inline formulas against a stored hash.

Displays are held against the package one by one (`test_transcriptions`). What stands between them,
hypotheses, inline formulas, "at least" and "at most", is held here: whoever changes it has read the
statement, its checks and `test_tight_claims.py`, and says so with

    python tests/book/test_statements_read.py LABEL ..        (``new`` for labels without a hash)
"""

import hashlib
import json
import sys
from pathlib import Path

import pytest
from transcription import statements

STORE = Path(__file__).with_name("statements_read.json")


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


# label, what stands there, what stood there when nobody noticed
TURNED = [
    ("prop-conclusions", "entropy falls", "entropy rises"),
    ("ex-second-order-rise", r"\kappa_3(\log\pi,A,A)<0", r"\kappa_3(2\log\pi,A,A)<0"),
    ("ex-second-order-rise", r"(0.9,\,0.0999,", r"(0.10,\,0.0999,"),
    ("thm-regularised-fast", r"g^t=\log\frac", r"g^t=2\log\frac"),
    ("ex-kl-bernstein-line", r"p(1)=\frac1{100}", r"p(1)=\frac2{100}"),
    ("thm-kl-cov", r"-\frac1\eta\mathrm{KL}", r"+\frac1\eta\mathrm{KL}"),
    ("thm-kl-cov", r"\beta\ge\max_M", r"\beta\le\max_M"),
    ("ex-walk-order", r"\frac{1-\sqrt{1-\gamma^2}}\gamma", r"\frac{1-\tfrac12\sqrt{1-\gamma^2}}\gamma"),
    ("ex-two-states", r"(\tfrac9{16},", r"(\tfrac9{26},"),
    ("lem-forecast-squares", r"+bS(1+\log T)+S$", r"+bS(1+\log T)-S$"),
    ("lem-forecast-squares", r"\frac{n^{t-1}(x)+1}", r"\frac{n^{t-1}(x)+2}"),
    ("cor-sign-certificate", "Let $D>0$", "Let $D<0$"),
    ("prop-action-contribution", r"Let $n\ge2$", r"Let $n\le2$"),
    ("thm-soft-npg", r"0<\eta\le1/\tau", r"0<\eta\le2/\tau"),
    ("thm-soft-npg", r"For $\eta=1/\tau$", r"For $2\eta=1/\tau$"),
    ("cor-certificate", r"\bar d_h(s,a)\le1$", r"\bar d_h(s,a)\ge1$"),
    ("thm-rlhf-one-step", r"\beta=1/(\eta_1+\dots", r"\beta=1/(\eta_1-\dots"),
    ("lem-kl-concentration", r"e(1+\frac n{S-1})", r"e(1-\frac n{S-1})"),
    ("thm-mtee-fast-rate", r"\pi^1,\dots,\pi^T$, and", r"\pi^2,\dots,\pi^T$, and"),
    ("prop-prior-count", r"\frac{m-1}2\log\frac T{2\pi}", r"\frac{m-1}2\,2\log\frac T{2\pi}"),
    ("lem-soft-regret", r"w_h+p_h(\bar V_{h+1}-V^t", r"w_h+p_h(\bar V_{h+1}+V^t"),
]  # fmt: skip


@pytest.mark.parametrize(("label", "old", "new"), TURNED)
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
