"""Episodes to a gap: from that look on each learner's gap is small enough."""

import numpy as np
import pytest
from refusals import refusals

from rlentropy.audits import sample_complexity
from rlentropy.episodic import environments, max_entropy, trajectory_entropy
from rlentropy.episodic.visitation import push_forward, visitation_entropy
from rlentropy.learners import optimistic_soft_vi, regularized_game, ucbvi_ent

WORLD = environments.garnet(states=6, actions=3, horizon=6, branching=3, seed=0, stationary=True)
OPTIONS = {"most": 400, "step": 1.3}


def to_gap(learner, eps):
    return sample_complexity.episodes_to_gap(WORLD, learner, eps, 3, **OPTIONS)


@pytest.mark.parametrize("learner", sample_complexity.learners())
def test_smaller_gaps_take_longer_and_hopeless_ones_are_nan(learner):
    found = to_gap(learner, [99.0, 0.09, 0.05, 1e-9])
    assert found[0] == 1
    assert np.isnan(found[3])
    assert not found[1] > found[2]


def mixture_gap(T):
    (block,) = regularized_game.play(WORLD, T, 3, bonus_scale=0.0)
    pi = np.exp(block.Q - np.log(np.exp(block.Q).sum(axis=-1, keepdims=True)))
    d = np.mean([push_forward(WORLD, policy) for policy in pi], axis=0)
    return max_entropy.solve(WORLD).value - visitation_entropy(d)


def next_gap(T):
    policy = optimistic_soft_vi.run(WORLD, T, 3, bonus_scale=0.0).policy
    return trajectory_entropy.suboptimality(WORLD, policy)


def published_gap(T):
    run = ucbvi_ent.run(WORLD, T, 3, options=ucbvi_ent.Options(bonus_scale=0.0))
    return trajectory_entropy.suboptimality(WORLD, run.policy)


@pytest.mark.parametrize(
    ("learner", "gap"),
    [
        ("regularised game, no bonus", mixture_gap),
        ("optimistic soft VI, no bonus", next_gap),
        ("UCBVI-Ent, no bonus", published_gap),
    ],
)
def test_it_is_the_first_look_after_the_last_large_gap(learner, gap):
    (T,) = to_gap(learner, [0.05])
    looks = np.unique([*np.exp(np.arange(0, np.log(400), np.log(1.3))).astype(int), 400])
    assert all(gap(int(t)) <= 0.05 for t in looks[looks >= T])
    assert gap(int(looks[looks < T][-1])) > 0.05


def starts(**options):
    return lambda: sample_complexity.episodes_to_gap(WORLD, "EntGame, bonus", [0.1], 3, **options)


test_bad_input_is_named = refusals(
    (lambda: to_gap("EntGame, bonus", [0.0]), "eps"),
    (starts(most=1), "most"),
    (starts(most=9, step=1), "step"),
)
