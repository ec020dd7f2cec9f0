"""Explorers side by side: who they are, what is judged, and when a gap is reached."""

import numpy as np
import pytest

from rlentropy.audits import explorers
from rlentropy.episodic import environments, max_entropy, trajectory_entropy
from rlentropy.episodic.visitation import policy_visitation, visitation_entropy
from rlentropy.learners import (
    entgame,
    optimistic_soft_vi,
    regularized_game,
    rf_ucrl,
    simulator,
    ucbvi_ent,
)

WORLD = environments.double_chain(length=5, failure=0.2, horizon=4)


@pytest.mark.parametrize("clip", [True, False])
def test_the_line_up_is_what_its_names_say(clip):
    learners = explorers.line_up(WORLD, 30, clip=clip, checkpoints=[10])
    reward_free = rf_ucrl.RewardFreeOptions(published_code=True, clip=clip, ties="near")
    same = {
        "EntGame, stage": entgame.run(WORLD, 30, 4, bonus_scale=0.0),
        "EntGame, stage, bonus": entgame.run(WORLD, 30, 4),
        "EntGame, source's rule": entgame.run(WORLD, 30, 4, bonus_scale=0.0, saturated="source"),
        "EntGame, source's rule, bonus": entgame.run(WORLD, 30, 4, saturated="source"),
        "EntGame, pooled": entgame.run_pooled(
            WORLD, 30, 4, bonus_scale=0.0, clip=clip, ties="near"
        ),
        "EntGame, pooled, bonus": entgame.run_pooled(WORLD, 30, 4, clip=clip, ties="near"),
        "UCBVI-Ent, no bonus": ucbvi_ent.run(
            WORLD, 30, 4, options=ucbvi_ent.Options(bonus_scale=0.0)
        ),
        "UCBVI-Ent, bonus": ucbvi_ent.run(WORLD, 30, 4),
        "RF-UCRL": rf_ucrl.rf_ucrl(WORLD, 30, 4, options=reward_free),
    }
    assert set(same) == set(learners)
    for name, run in same.items():
        assert np.array_equal(learners[name](4).counts, run.counts), name
    assert [c.episodes for c in learners["EntGame, pooled"](4).checkpoints] == [10]


def test_learning_runs_are_judged_by_their_visits_and_their_policy():
    run = entgame.run(WORLD, 200, 1)
    score = explorers.judge(WORLD, 200, run, seed=2)
    assert np.array_equal(score.visits, run.counts.sum(axis=(0, 2)))
    assert score.stages == pytest.approx(run.visitation_entropy)
    assert score.average == pytest.approx(run.average_visitation_entropy)
    assert score.path == pytest.approx(trajectory_entropy.trajectory_entropy(WORLD, run.policy))
    assert score.least == pytest.approx(200 * run.visitation.sum(axis=(0, 2)).min())
    assert score.numbers()[4:] == (float((score.visits >= 10).sum()), float(score.seen(100)))


@pytest.mark.parametrize("learner", [optimistic_soft_vi, regularized_game])
def test_learners_with_softmax_are_judged_by_their_visits_and_their_next_policy(learner):
    run = learner.run(WORLD, 200, 1)
    score = explorers.judge(WORLD, 200, run, seed=2)
    assert np.array_equal(score.visits, run.counts.sum(axis=(0, 2)))
    d = policy_visitation(WORLD, run.policy)
    assert score.stages == pytest.approx(visitation_entropy(d))


def test_soft_explorers_and_policies_are_judged_by_a_fresh_run():
    run = ucbvi_ent.run(WORLD, 200, 1)
    fresh = simulator.roll_out(WORLD, run.policy, 200, 2).sum(axis=(0, 2))
    for explorer in (run, run.policy):
        score = explorers.judge(WORLD, 200, explorer, seed=2)
        assert np.array_equal(score.visits, fresh)
        entropy = visitation_entropy(policy_visitation(WORLD, run.policy))
        assert score.stages == pytest.approx(entropy)


def test_a_reward_free_learner_has_the_policy_of_its_counts():
    run = rf_ucrl.rf_ucrl(WORLD, 300, 1)
    n = run.counts / np.maximum(run.counts.sum(axis=2, keepdims=True), 1)
    met = run.counts.sum(axis=2) > 0
    assert np.allclose(explorers.policy_of(run)[met], n[met])


def test_tables_have_means_and_standard_errors():
    scores = [explorers.judge(WORLD, 50, entgame.run(WORLD, 50, s), s) for s in range(5)]
    mean, error = explorers.table({"EntGame": scores})["EntGame"]
    stages = np.array([s.stages for s in scores])
    assert mean[0] == pytest.approx(stages.mean())
    assert error[0] == pytest.approx(stages.std(ddof=1) / np.sqrt(5))
    assert np.isnan(explorers.table({"one": scores[:1]})["one"][1]).all()


def test_episodes_to_a_gap():
    best = max_entropy.solve(WORLD).value
    eps = np.array([1.0, 0.3, 1e-9])
    times = explorers.episodes_to_gap(WORLD, best, eps, 3, most=400, bonus_scale=0.0)
    gap = [
        best - entgame.run(WORLD, int(t), 3, bonus_scale=0.0).visitation_entropy for t in times[:2]
    ]
    assert gap[0] <= 1.0 and gap[1] <= 0.3 and np.isnan(times[2])
    before = int(times[1] / 1.05) - 1
    assert best - entgame.run(WORLD, before, 3, bonus_scale=0.0).visitation_entropy > 0.3
    with pytest.raises(ValueError, match="step - 1"):
        explorers.episodes_to_gap(WORLD, best, 0.1, 3, most=10, step=1.0)


def test_exponents_of_exact_powers():
    x = np.array([1.0, 2, 4])
    slope, error = explorers.exponent(x, np.array([3 * x**2, 7 * x**2]))
    assert slope == pytest.approx(2) and error == pytest.approx(0, abs=1e-12)
    slope, error = explorers.exponent(x, np.array([x, x**2]))
    assert slope == pytest.approx(1.5) and error == pytest.approx(0.5)
