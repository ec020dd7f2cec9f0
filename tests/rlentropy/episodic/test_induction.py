"""Backward induction against enumeration of trajectories and of deterministic policies;
refusals."""

import itertools

import numpy as np
import pytest
from refusals import refusals

from rlentropy.episodic import environments, induction

RNG = np.random.default_rng(11)


def enumerated_value(mdp, pi, reward):
    """E sum_h reward_h(s_h, a_h) as a sum over all trajectories."""
    dense, total = mdp.dense(), 0.0
    pairs = list(itertools.product(range(mdp.S), range(mdp.A)))
    for path in itertools.product(pairs, repeat=mdp.H):
        p = float(path[0][0] == mdp.start)
        for h, (s, a) in enumerate(path):
            p *= pi[h, s, a] * (dense[h, s, a, path[h + 1][0]] if h + 1 < mdp.H else 1)
        total += p * sum(reward[h, s, a] for h, (s, a) in enumerate(path))
    return total


def test_episodic_values_against_enumeration_of_trajectories():
    mdp = environments.garnet(states=3, actions=2, horizon=3, branching=2, seed=5)
    pi = RNG.dirichlet(np.ones(2), size=(3, 3))
    reward = RNG.standard_normal((3, 3, 2))
    V = induction.evaluate(mdp, pi, reward)
    assert V[0, mdp.start] == pytest.approx(enumerated_value(mdp, pi, reward), abs=1e-13)


def test_best_response_takes_infinite_rewards_and_the_first_of_equals():
    mdp = environments.double_chain(length=3, failure=0.0, horizon=2)
    reward = np.zeros((2, 3, 2))
    value, actions = induction.best_response(mdp, reward)
    assert (value, actions.max()) == (0, 0)
    reward[1, 2] = np.inf
    assert induction.best_response(mdp, reward)[0] == np.inf
    reward[1] = -np.inf
    assert induction.best_response(mdp, reward)[0] == -np.inf


CHAIN = environments.double_chain(length=3, failure=0.1, horizon=2)
test_bad_input_is_refused = refusals(
    (lambda: induction.evaluate(CHAIN, np.ones((2, 3, 2)), np.zeros((2, 3, 2))), "sums to 2"),
    (lambda: induction.deterministic_policy(np.array([[0, 2]]), 2), r"actions\[0, 1\] = 2"),
    (lambda: induction.deterministic_policy(np.array([[-1, 0]]), 2), r"actions\[0, 0\] = -1"),
)
