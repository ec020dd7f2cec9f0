"""The regularised game without its last factor H."""

import numpy as np
import pytest

from rlentropy import distributions as dist
from rlentropy.audits import hellinger, regularized_game
from rlentropy.episodic import environments, max_entropy
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.learners import regularized_game as learner

WORLD = environments.garnet(states=4, actions=2, horizon=4, branching=2, seed=1)


def test_distance_lies_between_divergence_and_its_share():
    rng = np.random.default_rng(5)
    r = 0.9 * rng.dirichlet(np.full(4, 0.2), 500) + 0.025
    d = rng.dirichlet(np.full(4, 0.2), 500)
    kl = dist.kl(dist.log_probabilities(d), np.log(r))
    found = hellinger.distance(d, r)
    assert np.all(found <= kl)
    assert np.all(kl <= (2 + np.log(40)) * found)
    np.testing.assert_allclose(found, 2 - 2 * np.sum(np.sqrt(d * r), axis=1), rtol=1e-12)


def test_visits_are_those_of_the_run():
    run = learner.run(WORLD, 300, 7)
    n, N = hellinger.visits(WORLD, learner.play(WORLD, 300, 7))
    np.testing.assert_array_equal(n, run.counts.sum(axis=-1))
    assert N.sum(axis=(1, 2)) == pytest.approx(np.full(4, 300.0))
    links = regularized_game.measure(WORLD, learner.play(WORLD, 300, 7), [300], delta=0.1)
    assert links.gap[0] == pytest.approx(links.optimum - visitation_entropy(N / 300), abs=1e-12)


@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0])
def test_the_gap_splits_and_the_balance_holds(scale):
    best, T = max_entropy.solve(WORLD, tol=1e-12), 500
    blocks = list(learner.play(WORLD, T, 8, bonus_scale=scale))
    links = regularized_game.measure(WORLD, blocks, [T], delta=0.1, optimum=best)
    n, N = hellinger.visits(WORLD, blocks)
    r = (1 - 1 / T) * best.visitation.sum(axis=-1) + 1 / (4 * T)
    y = best.value - regularized_game.payoff(N / T, r)
    laws = dist.kl(dist.log_probabilities(N.sum(axis=-1) / T), np.log(r)).sum()
    assert links.gap[0] == pytest.approx(y + laws, abs=1e-12)
    assert T * y >= T * links.policy[0] - 8
    near = (np.sqrt(n) - np.sqrt(N.sum(axis=-1))) ** 2
    assert near.max() <= 4.5 * hellinger.count_margin(T, 4, 4, 0.1)


def test_the_bound_is_smaller_at_long_horizons_only():
    for H, smaller in ((4, False), (1000, True)):
        ours = hellinger.sharper_bound(1e6, 4, 2, H, 0.1)
        assert (ours < regularized_game.fast_bound(1e6, 4, 2, H, 0.1)) == smaller
