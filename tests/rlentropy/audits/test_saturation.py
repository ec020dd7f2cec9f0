"""Rules for saturated states: the links of the proof along runs, and the rule that breaks them."""

import numpy as np
import pytest
from plain_learners import masked
from refusals import refusals

from rlentropy.audits import saturation, variance_bonus
from rlentropy.episodic import environments, max_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.learners import entgame

WORLDS = {
    "garnet": environments.garnet(states=4, actions=2, horizon=4, branching=2, seed=1),
    "chain": environments.double_chain(length=5, failure=0.1, horizon=5),
    "one stage": environments.garnet(states=3, actions=3, horizon=1, branching=2, seed=0),
}
MASKED = {
    f"masks {seed}": masked(
        environments.garnet(states=4, actions=3, horizon=4, branching=2, seed=1), seed
    )
    for seed in (1, 2)
}


@pytest.mark.parametrize("rule", ["first", "unclipped", "least"])
@pytest.mark.parametrize("world", WORLDS | MASKED)
@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_every_link_holds_for_allowed_rules(rule, world, scale):
    mdp = (WORLDS | MASKED)[world]
    run = saturation.run(mdp, 300, 5, rule=rule, bonus_scale=scale)
    assert min(run.slack.values()) >= -1e-9
    assert run.saturated > 0.1
    assert run.counts.sum() == 300 * mdp.H
    assert mdp.available.all() == (world in WORLDS)
    assert run.counts[:, ~mdp.available].sum() == run.visitation[:, ~mdp.available].sum() == 0


@pytest.mark.parametrize("module", [saturation, variance_bonus])
def test_plans_with_masks_read_plainly(module):
    """By loops over the actions that there are: as without masks but for the values behind."""
    mdp = masked(environments.garnet(states=3, actions=3, horizon=2, branching=2, seed=4), 2)
    n = 1e6 * entgame.run(mdp, 60, 1).counts
    t = 60 * 10**6
    after = np.random.default_rng(3).multinomial(n[0].astype(int), [0.5, 0.3, 0.2])
    Q, V = module.plan(n, after[None], t, delta=0.2, available=mdp.available)[:2]
    free, values = module.plan(n, after[None], t, delta=0.2)[:2]
    ceiling = 2 * np.log(t + 9)
    assert (V[1] < values[1]).any()
    for s in range(3):
        there = [a for a in range(3) if mdp.available[s, a]]
        gone = [a for a in range(3) if not mdp.available[s, a]]
        assert (Q[:, s, gone] == -np.inf).all()
        np.testing.assert_array_equal(Q[1, s, there], free[1, s, there])
        assert V[1, s] == min(max(Q[1, s, a] for a in there), ceiling)
        if module is saturation:  # the other bonus depends on the values behind
            for a in there:
                behind = after[s, a] @ (V[1] - values[1]) / max(n[0, s, a], 1)
                assert Q[0, s, a] == pytest.approx(free[0, s, a] + behind)


@pytest.mark.parametrize("world", WORLDS)
def test_every_link_holds_with_the_ranges_of_the_stage(world):
    mdp = WORLDS[world]
    whole, staged = (saturation.run(mdp, 300, 5, rule="least", staged=x) for x in (False, True))
    assert min(staged.slack.values()) >= -1e-9
    assert staged.width <= 1.05 * (mdp.H + 1) / (2 * mdp.H) * whole.width


def test_the_ranges_of_the_stage_by_hand():
    n = np.array([[[3.0, 2.0]], [[4.0, 1.0]]])
    Q, V, _ = saturation.plan(n, n[:-1, ..., None], 5, staged=True)
    np.testing.assert_allclose(Q[1], np.log(7 / (n[1] + 1)), rtol=1e-12)  # no next state, no bonus
    B = np.log(5 + 2)
    alpha = np.log(2 * 2 * 2 / 0.1) + np.log(np.e * (1 + n[0]))
    first = np.log(7 / (n[0] + 1)) + B * np.sqrt(2 * alpha / n[0]) + V[1, 0]
    np.testing.assert_allclose(Q[0], first, rtol=1e-12)
    assert V[0, 0] == min(first.max(), 2 * B)


@pytest.mark.parametrize("n0", [0.5, 2])
def test_links_hold_for_other_prior_counts(n0):
    run = saturation.run(WORLDS["garnet"], 300, 6, n0=n0, delta=0.3)
    assert min(run.slack.values()) >= -1e-9


def test_the_unclipped_value_explores_with_the_full_bonus():
    mdp = environments.double_chain(length=7, failure=0.1, horizon=8)
    best = max_entropy.solve(mdp).value
    gap = {}
    for rule in ("first", "unclipped"):
        run = saturation.run(mdp, 1000, 3, rule=rule)
        gap[rule] = best - float(visitation_entropy(run.visitation))
    assert gap["unclipped"] < 0.1 * gap["first"]


def counterexample(t=10**6, few=20):
    """Counts of two states, two actions and two stages: in state 0 action 0 was seldom tried and
    stays; action 1 was tried often and leads half of the time to state 1, where an action is new.
    """
    P = np.array([[[[1, 0], [0.5, 0.5]], [[1, 0], [0, 1]]]])
    n = np.zeros((2, 2, 2))
    moves = np.zeros((1, 2, 2, 2))
    half = (t - few) // 2
    n[0, 0] = [few, t - few]
    moves[0, 0] = [[few, 0], [half, half]]
    n[1] = [[(half + few) // 2] * 2, [half - 1, 1]]
    return EpisodicMDP(P, 2, 0), n, moves, t


def test_without_the_restriction_the_gap_lemma_fails():
    mdp, n, moves, t = counterexample()
    broken, actions, _ = saturation.links(mdp, n, moves, t, "unrestricted")
    assert actions[0, 0] == 1
    assert broken["optimism"] > 0
    assert broken["step"] < -10 and broken["gap above"] < -5
    whole, actions, _ = saturation.links(mdp, n, moves, t, "unclipped")
    assert actions[0, 0] == 0
    assert min(whole.values()) >= 0


def test_values_by_hand():
    _, n, moves, t = counterexample(t=100, few=20)
    n[1, 1] = [39, 0]
    Q, V, U = saturation.plan(n, moves, t, delta=0.2, bonus_scale=0.7)
    alpha = np.log(2 * 8 / 0.2) + 2 * np.log(np.e * (1 + np.maximum(n, 1)))
    own = np.log(104 / (n + 1)) + 0.7 * 2 * np.log(104) * np.sqrt(2 * alpha / np.maximum(n, 1))
    assert U[1] == pytest.approx(own[1])
    best = U[1].max(axis=1)
    ahead = [[best[0], best.mean()], [best.mean(), best.mean()]]
    assert U[0] == pytest.approx(own[0] + ahead)
    ceiling = 2 * np.log(104)
    last = [min(own[1, 0].max(), ceiling), ceiling]
    assert V[1] == pytest.approx(last)
    assert Q[1, 1, 1] == np.inf and Q[1, 0] == pytest.approx(own[1, 0])
    assert Q[0, 0] == pytest.approx(own[0, 0] + [last[0], np.mean(last)])
    assert np.all(Q[0, 1] == np.inf)


@pytest.mark.parametrize("available", [[True, True, True], [True, False, True]])
def test_values_agree_with_the_learner(available):
    """The last plan of a run, made anew from the counts before its last episode."""
    mdp = EpisodicMDP(np.reshape(available, (1, 3, 1)) * 1.0, 2, 0, [available])
    for T in (1, 4, 40):
        run = entgame.run(mdp, T, 0, checkpoints=[T], bonus_scale=0.5)
        n = entgame.run(mdp, T - 1, 0, bonus_scale=0.5).counts.astype(float)
        options = {"bonus_scale": 0.5, "available": mdp.available}
        V = saturation.plan(n, n[:-1, ..., None], T - 1, **options)[1]
        assert V[0, 0] == pytest.approx(run.checkpoints[0].optimistic_value, rel=1e-12)


ONES = np.ones((2, 1, 1))
test_bad_input_is_named = refusals(
    (lambda: saturation.run(WORLDS["chain"], 5, 0, staged=1), "staged"),
    (lambda: saturation.choose(ONES, ONES, [1.0], "least"), "ceiling"),
)
