"""Errors that were planted at random over the tree, and their like: the survivors of that day, each
noticed now by what is named with it.

A function is planted in its text (held by a claim of `test_tight_claims`, or by what stands here).
Statements planted in their words: `test_statements_read`. Numbers of captions: `test_captions`.
"""

import json
from math import log

import numpy as np
import pytest
import test_tight_claims as claims
from planted_chapters import NOTEBOOKS, text

from rlentropy import distributions as dist
from rlentropy.audits import entgame
from rlentropy.discounted import entropy_dynamics, natural_gradient
from rlentropy.studies import neural_policy

# module, function, what stands there, what stood there when nobody noticed, the claim that does now
FUNCTIONS = {
    "an early refusal by eta alone": (
        natural_gradient, "_sizes", "product = eta * tau if", "product = eta if", "thm-soft-npg"),
    "a late refusal by eta alone": (
        natural_gradient, "_sizes", "if eta * tau > 1", "if eta > 1", "thm-soft-npg"),
    "remainder: D for its square": (
        entropy_dynamics, "remainder_bound", ") ** 2 *", ") *", "prop-remainder-bound"),
    "radius: 1.9 for 2": (
        entropy_dynamics, "certificate_radius", "2 * slope", "1.9 * slope", "cor-sign-certificate"),
    "local remainder: 0.9 for its 1": (
        entropy_dynamics, "_local_bound", "(1 - np.log(2)", "(0.9 - np.log(2)", "thm-local-remainder"),
    "local remainder: 0.9 of its second term": (
        entropy_dynamics, "_local_bound", "above) / 2", "0.9 * above) / 2", "thm-local-remainder"),
    "divergence: the sign of delta": (
        dist, "softmax_divergence", "x - delta", "x + delta", "ex-association-sign"),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wrong_function_is_noticed(monkeypatch, name):
    module, function, old, new, label = FUNCTIONS[name]
    monkeypatch.setattr(module, function, text(old, new)(getattr(module, function)))
    said = [lines for (stated, _), lines in claims.CLAIMS.items() if stated == label]
    assert said and not all(map(holds, said))


def holds(lines):
    """True unless a claim fails, or does not raise what it should."""
    try:
        claims.assert_attained(lines())
    except (AssertionError, pytest.fail.Exception):
        return False
    return True


def away_from_the_start():
    """A network with biases: at its start they are 0, and nobody sees where they are left out."""
    X, answers = neural_policy.modular_addition(5)
    start = neural_policy.initial_network(inputs=10, hidden=7, actions=5, seed=0)
    G = np.eye(5)[answers] - 0.2
    return start.moved(0.3, start.gradient(X, G)), X, G


def own_is_alone(network, X, G):
    """True if `own_response` is the response to each prompt alone."""
    alone = [
        network.response(x[None], network.gradient(x[None], g[None]))[0]
        for x, g in zip(X, G, strict=True)
    ]
    return np.allclose(network.own_response(X, G), alone, rtol=1e-12)


def test_a_response_without_the_biases_is_noticed(monkeypatch):
    network, X, G = away_from_the_start()
    assert np.abs(network.b1).min() > 0 and own_is_alone(network, X, G)
    wrong = text("X @ self.W1 + self.b1", "X @ self.W1")(neural_policy.Network.own_response)
    monkeypatch.setattr(neural_policy.Network, "own_response", wrong)
    assert not own_is_alone(network, X, G)


def written_by_hand(change=("", "")):
    """The bounds of Azuma and of the visits that a cell of chapter 18 writes out, for T = 400."""
    chapter = NOTEBOOKS / "18_regularised_game.ipynb"
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    lines = next(cell["source"] for cell in cells if cell["id"] == "cell-029b")[:2]
    names = {"np": np, "log": log, "delta": 0.1}
    assert change[0] in "".join(lines)
    exec("".join(lines).replace(*change), names)
    return names["azuma"], names["apart_"]


def test_bounds_in_a_cell_are_those_of_the_package():
    right = [bound(400, 3, 1, 3, 0.1) for bound in (entgame.azuma_bound, entgame.visits_bound)]
    assert written_by_hand() == pytest.approx(right, rel=1e-12)
    for change in (("/ 2)", "/ 3)"), ("= 2 *", "= 3 *"), ("108", "36"), ("= 3 *", "= 2 *")):
        assert written_by_hand(change) != pytest.approx(right, rel=0.01)
