"""Chapter 16, displays of the constrained step and of answers; see `transcription`."""

import itertools

import numpy as np
from transcription import KL, Cov, E, H, Var, display, slope, softmax

from rlentropy.studies import sequence_model
from rlentropy.studies.constrained_step import constrained_step

rng = np.random.default_rng(1616)


@display("thm-constrained-step", 1, text="f4703d9b")
def _():
    pi, A, eta = softmax(rng.normal(size=5)), rng.normal(size=5), 0.8
    z = np.log(pi) + eta * A

    def J(p):
        return p @ A - KL(p, pi) / eta

    step = constrained_step(np.log(pi), A, eta, entropy=1.5)
    T = float(step.temperature)
    assert T > 1
    best = softmax(z / T)
    yield np.exp(step.log_pi), "=", best
    for p in (softmax(rng.normal(size=5)), np.array([0.5, 0, 0.5, 0, 0])):
        yield (
            eta * (J(np.exp(step.log_pi)) - J(p)),
            "=",
            T * KL(p, best) + (T - 1) * (H(p) - H(best)),
        )


# An answer has at most 3 symbols: tokens 0 and 1, and 2, which ends it.
task = sequence_model.sequence_task(2, 3, lambda y: y[:, 0] >= 0)
theta, direction = rng.normal(size=(2, 7, 3))


def answers(logits):
    """{answer: (probability, rows of its prefixes)} by going through all strings."""
    found = {}
    for string in itertools.product(range(3), repeat=3):
        y = string[: string.index(2) + 1] if 2 in string else string
        # rows: the empty prefix, then 0 and 1, then 00, 01, 10, 11
        rows = [
            2**k - 1 + sum(a * 2**j for j, a in enumerate(reversed(y[:k]))) for k in range(len(y))
        ]
        p = np.prod([softmax(logits[row])[a] for row, a in zip(rows, y, strict=True)])
        found[y] = (p, rows)
    return found


law = answers(theta)
p = np.array([q for q, _ in law.values()])
h = [H(softmax(row)) for row in theta]
S = np.array([sum(h[row] for row in rows) for _, rows in law.values()])
size = np.array([len(y) for y in law])


def entropy(t):
    return H([q for q, _ in answers(theta + t * direction).values()])


@display("prop-sequence-entropy", 1, text="ca179b60")
def _():
    pi = softmax(theta)
    centred = direction - np.sum(pi * direction, axis=1, keepdims=True)
    U = [
        sum(centred[row, a] for row, a in zip(rows, y, strict=True)) for y, (_, rows) in law.items()
    ]
    rates = [Cov(pi[k], np.log(pi[k]), direction[k]) for k in range(7)]
    held = -E(p, [sum(rates[row] for row in rows) for _, rows in law.values()])
    whole, per_prefix = sequence_model.predicted_change(task, theta, direction)
    yield per_prefix, "=", held
    yield whole, "=", held + Cov(p, S, U)
    yield slope(entropy), "=", held + Cov(p, S, U)


@display("prop-sequence-entropy", 2, text="bf7e8c6f")
def _():
    found = sequence_model.evaluate(task, theta)
    yield found.token_mean, "=", E(p, S) / E(p, size)
    yield found.answer_mean, "=", E(p, S / size)
    right = Cov(p, size, S / size) / E(p, size)
    yield found.token_mean - found.answer_mean, "=", right


@display("prop-sequence-entropy", 3, text="4f6f7a1c")
def _():
    surprise = -np.log(p)
    spreads = [Var(softmax(row), np.log(softmax(row))) for row in theta]
    last = E(p, [sum(spreads[row] for row in rows) for _, rows in law.values()])
    log_p = sequence_model.log_answers(task, theta)
    weights = np.exp(log_p)
    yield Var(weights, log_p), "=", Var(p, S) + 2 * Cov(p, S, surprise - S) + last
    found = sequence_model.summed_entropies(task, theta)
    yield Var(weights, found), "=", Var(p, S)
