"""Where NPG ends under ties: against runs, enumeration of mixtures, and cases by hand."""

import numpy as np
import pytest

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, long_run, natural_gradient
from rlentropy.discounted.mdp import DiscountedMDP


def fork(rewards, gamma=0.5):
    """s0 -> s1 or s2, one action there, then nothing."""
    P = np.zeros((4, 2, 4))
    P[0, 0, 1] = P[0, 1, 2] = P[1, :, 3] = P[2, :, 3] = P[3, :, 3] = 1
    return DiscountedMDP(P=P, r=rewards, mu=[1, 0, 0, 0], gamma=gamma)


OPEN_WAY = [[0, 0], [1, 1], [1, 0], [0, 0]]
DEAR_MISTAKE = [[0, 0], [1, 0], [1, -1], [0, 0]]


def test_optimal_actions_by_hand():
    expected = [[True, True], [True, True], [True, False], [True, True]]
    np.testing.assert_array_equal(long_run.optimal_actions(fork(OPEN_WAY)), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9])
def test_nearest_policy_by_hand(gamma):
    """At the open way s2 costs log 2 and s1 nothing, so the odds at the fork are 2^gamma."""
    model = fork(OPEN_WAY, gamma)
    near = long_run.nearest_policy(model, np.zeros((4, 2)), allowed=long_run.optimal_actions(model))
    odds = 2**gamma
    np.testing.assert_allclose(np.exp(near.log_pi[0]), [odds / (1 + odds), 1 / (1 + odds)])
    start = -np.log((1 + 2**-gamma) / 2)
    np.testing.assert_allclose(near.W, [start, 0, np.log(2), 0], atol=1e-15)


def test_nearest_policy_beats_random_optimal_policies():
    model = environments.tied_garnet(states=5, actions=3, branching=3, gamma=0.8, ties=3, seed=1)
    allowed, rng = long_run.optimal_actions(model), np.random.default_rng(0)
    assert allowed.sum() == 8
    theta = rng.normal(size=(5, 3))
    near = long_run.nearest_policy(model, theta, allowed=allowed)
    start = dist.log_softmax(theta)
    for _ in range(50):
        logits = np.where(allowed, near.log_pi + rng.normal(size=(5, 3)), -np.inf)
        log_p = dist.log_softmax(logits)
        at = evaluation.evaluate(model, np.exp(log_p))
        assert np.all(at.solve(dist.kl(log_p, start)) > near.W)


def test_from_a_uniform_start_it_has_the_largest_entropy():
    model = environments.tied_garnet(states=4, actions=2, branching=2, gamma=0.7, ties=4, seed=3)
    allowed = long_run.optimal_actions(model)
    assert allowed.all()
    near = long_run.nearest_policy(model, np.zeros((4, 2)), allowed=allowed)
    np.testing.assert_allclose(np.exp(near.log_pi), 0.5)


@pytest.mark.parametrize(("rewards", "limit"), [(OPEN_WAY, 2**0.5), (DEAR_MISTAKE, 1.0)])
def test_runs_tend_to_the_nearest_policy_in_proportion_to_the_step(rewards, limit):
    model = fork(rewards)
    errors = []
    for eta in (0.04, 0.02):
        run = natural_gradient.run(model, np.zeros((4, 2)), eta=eta, iterations=int(35 / eta))
        log_odds = np.subtract(*run.log_pi[-1, 0])
        errors.append(log_odds - np.log(limit))
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.05)
    assert 0 < errors[0] < 0.02


def test_the_limit_of_a_run_is_the_tilted_start():
    model = environments.tied_garnet(states=5, actions=3, branching=3, gamma=0.6, ties=3, seed=2)
    theta = np.random.default_rng(2).normal(size=(5, 3))
    run = natural_gradient.run(model, theta, eta=1.0, iterations=600)
    paid = (evaluation.optimal(model).V - run.V).sum(axis=0)
    allowed = long_run.optimal_actions(model)
    limit = long_run.tilted(model, theta, paid, allowed=allowed)
    np.testing.assert_allclose(np.exp(run.log_pi[-1]), np.exp(limit), atol=1e-10)


def test_a_state_without_an_allowed_action_is_named():
    allowed = np.ones((4, 2), dtype=bool)
    allowed[2] = False
    with pytest.raises(ValueError, match=r"allowed\[2\] = 0: no action is allowed"):
        long_run.nearest_policy(fork(OPEN_WAY), np.zeros((4, 2)), allowed=allowed)
    with pytest.raises(ValueError, match=r"W: shape \(3,\)"):
        long_run.tilted(fork(OPEN_WAY), np.zeros((4, 2)), np.zeros(3), allowed=np.eye(4, 2) >= 0)
