"""The stopping rule: its numbers written anew, its promise on runs, its refusals."""

from math import log, sqrt

import numpy as np
import pytest
from refusals import refusals

from rlentropy import confidence
from rlentropy.episodic import environments, max_entropy
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.learners import entgame, stopping

WORLD = environments.garnet(states=2, actions=2, horizon=2, branching=2, seed=0)
OTHER = environments.garnet(states=2, actions=2, horizon=2, branching=2, seed=1)


def radius(T, S, A, H, delta):
    """eps_T from the display of lem-visits-anytime."""
    k = T.bit_length() - 1
    L = S * A * log(2) + log(6 * H * (k + 1) * (k + 2) / delta)
    return (2**0.25 + 2**-0.25) / 2 * sqrt(L / (2 * T))


@pytest.mark.parametrize("T", [1, 2, 3, 4, 1023, 1024, 1025, 10**6])
def test_radius_equals_the_display(T):
    found = confidence.visits_radius(T, 2, 3, 5, 0.037)
    assert found == pytest.approx(radius(T, 2, 3, 5, 0.037), rel=1e-14)


def test_radius_is_the_least_price_of_its_dyadic_block():
    """lambda T / 2 + L / lambda, lambda tuned to the middle of the block, at the ends and inside."""
    for T, worse in ((1024, 1.0), (1448, 1.015), (2047, 1.0007)):
        L = 6 * log(2) + log(6 * 5 * 11 * 12 / 0.1)
        lam = sqrt(2 * L / 2**10.5)
        price = (lam * T / 2 + L / lam) / (2 * T)
        found = float(confidence.visits_radius(T, 2, 3, 5, 0.1))
        assert price <= found * (1 + 1e-12) <= price * worse * (1 + 1e-3)


def test_gap_equals_its_three_terms():
    rng = np.random.default_rng(0)
    counts = rng.multinomial(777, np.full(6, 1 / 6), size=5).reshape(5, 2, 3)
    eps = radius(777, 2, 3, 5, 0.2)
    phi = -eps * log(eps) - (1 - eps) * log(1 - eps) + eps * log(5)
    seen = visitation_entropy(counts / 777)
    found = stopping.certified_gap(9.5, counts, delta=0.2)
    assert found == pytest.approx(9.5 - seen + 5 * phi, rel=1e-13)
    assert stopping.entropy_of_visits(counts) == pytest.approx(seen, rel=1e-13)


def test_a_certain_run_has_no_entropy():
    counts = np.zeros((2, 2, 2))
    counts[:, 0, 0] = 50
    assert stopping.entropy_of_visits(counts) == 0


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_certificate_covers_the_loss_and_falls(scale):
    best = max_entropy.solve(WORLD).value
    gaps = []
    for T in (100, 1000, 30_000):
        run = entgame.run(WORLD, T, 3, bonus_scale=scale, checkpoints=[T])
        value = run.checkpoints[0].optimistic_value
        gaps.append(stopping.certified_gap(value, run.counts, delta=0.1))
        assert best - run.visitation_entropy <= gaps[-1]
    assert gaps[2] < 0.6 * gaps[0]
    assert gaps[2] < 4 * scale


def test_rule_keeps_the_least_plan_and_looks_ever_more_seldom():
    rule = stopping.StoppingRule(1.0, delta=0.1)
    counts = np.full((2, 2, 2), 250)
    looks = [rule.next]
    for value in (9.0, 5.0, 7.0):
        assert not rule.satisfied(1000, value, counts)
        looks.append(rule.next)
    assert rule.gap == stopping.certified_gap(5.0, counts, delta=0.1)
    assert looks == [1, 1020, 1020, 1020]
    assert not rule.satisfied(3, 5.0, counts) and rule.next == 4


@pytest.mark.parametrize("saturated", ["unclipped", "source"])
def test_a_run_stops_by_itself_with_a_certificate(saturated):
    best = max_entropy.solve(OTHER).value
    options = {"bonus_scale": 0.5, "saturated": saturated}
    run = entgame.run(OTHER, 10**6, 5, eps=1.6, **options)
    assert run.episodes < 10**5
    assert best - run.visitation_entropy <= run.certified_gap <= 1.6
    same = entgame.run(OTHER, run.episodes, 5, **options)
    assert np.array_equal(run.counts, same.counts) and same.certified_gap is None
    assert run.visitation_entropy == same.visitation_entropy


def test_a_run_that_may_not_stop_says_how_far_it_came():
    run = entgame.run(OTHER, 700, 5, eps=0.01, bonus_scale=0.5, checkpoints=[600])
    assert run.episodes == 700
    last = run.certified_gap + stopping.entropy_of_visits(run.counts)
    width = 2 * float(confidence.fannes_width(confidence.visits_radius(700, 2, 2, 2, 0.1), 4))
    assert 0.01 < last - width < 2 * float(entgame.reward_bound(700, 2, 2))
    assert run.checkpoints[0].episodes == 600


test_bad_input_is_named = refusals(
    (lambda: stopping.certified_gap(np.nan, np.ones((1, 1, 2)), delta=0.1), "optimistic_value"),
    (lambda: stopping.entropy_of_visits(np.zeros((1, 1, 2))), r"the total of counts\[0\]"),
    (lambda: stopping.entropy_of_visits([[[1, 2]], [[1, 1]]]), r"the total of counts\[1\] = 2"),
    (lambda: entgame.run(WORLD, 5, 0, eps=0.0), "eps"),
    (lambda: entgame.run(WORLD, 5, 0, eps=1.0, bonus_scale=0.4), "bonus_scale"),
    (lambda: entgame.run(WORLD, 5, 0, eps=1.0, clip=False), "clip"),
)
