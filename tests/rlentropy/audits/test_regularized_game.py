"""The audit of the regularised game: its links hold, its sums are the sums, bad input is named."""

import numpy as np
import pytest
from plain_learners import masked, widened
from refusals import refusals

from rlentropy import distributions as dist
from rlentropy.audits import regularized_game as audit
from rlentropy.episodic import environments, forecaster, max_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import push_forward, visitation_entropy
from rlentropy.learners import regularized_game

WORLD = environments.garnet(states=3, actions=2, horizon=3, branching=3, seed=0)
SIZE = {"S": 3, "A": 2, "H": 3, "delta": 0.1}
BEST = max_entropy.solve(WORLD, tol=1e-13)
TIMES = [2, 10, 500, 2000]


def follow(episodes, block, seed=5, **options):
    blocks = regularized_game.play(WORLD, episodes, seed, block=block, **options)
    return audit.measure(WORLD, blocks, TIMES, delta=0.1, optimum=BEST)


@pytest.fixture(scope="module")
def links():
    return follow(2000, 300)


def test_every_link_holds_along_a_run(links):
    assert links.divergence <= 1
    assert min(links.slack.values()) >= -1e-12
    assert (links.regret <= links.second_order).all()
    assert (links.second_order <= links.squared_width).all()
    for i, T in enumerate(TIMES):
        assert T * links.gap[i] <= audit.fast_bound(T, **SIZE)
        assert T * links.gap[i] <= audit.slow_bound(T, **SIZE)
        assert links.regret[i] <= audit.sampler_bound(T, **SIZE)


def test_sums_do_not_depend_on_the_blocks(links):
    again = follow(2100, 137)
    for name in (*audit.SUMS, "gap", "policy", "noise", "states", "visits"):
        assert getattr(again, name) == pytest.approx(getattr(links, name), rel=1e-9), name
    for name, value in links.squares.items():
        assert again.squares[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("place", [0, 3])
def test_a_masked_action_is_one_that_does_not_exist(place):
    """An action more that no state has changes no term; with masks that differ all links hold."""
    mdp = masked(environments.garnet(states=4, actions=3, horizon=4, branching=2, seed=5), 1)
    assert not mdp.available.all()
    wide = widened(mdp, place)
    best = max_entropy.solve(mdp, tol=1e-12)
    found, plain = (
        audit.measure(m, regularized_game.play(m, 400, 9), [2, 400], delta=0.1) for m in (wide, mdp)
    )
    assert plain.divergence <= 1
    assert min(plain.slack.values()) >= -1e-11
    assert plain.optimum == pytest.approx(best.value, abs=1e-11)
    for name in (*audit.SUMS, "gap", "policy", "noise", "states", "visits"):
        left, right = getattr(found, name), getattr(plain, name)
        assert left == pytest.approx(right, rel=1e-8, abs=1e-8), name
    assert found.slack == pytest.approx(plain.slack, rel=1e-8, abs=1e-8)


def test_a_soft_answer_by_enumeration_of_what_there_is():
    """One stage: V = log 1/q(s) + log of the number of actions that s has."""
    there = np.array([[1, 0, 1], [0, 1, 0]], bool)
    P = there[:, :, None] * np.full((2, 3, 2), 0.5)
    mdp = EpisodicMDP(P, 1, [0.5, 0.5], there)
    answer = audit.soft_answer(mdp, [[0.25, 0.75]])
    assert answer.value == pytest.approx((np.log(4 * 2) + np.log(4 / 3)) / 2)
    assert np.exp(answer.log_pi[0]) == pytest.approx(np.array([[0.5, 0, 0.5], [0, 1, 0]]))


def test_the_gap_is_that_of_the_mixture(links):
    (block,) = regularized_game.play(WORLD, 500, 5, block=500)
    pi = np.exp(dist.log_softmax(block.Q))
    d = np.mean([push_forward(WORLD, policy) for policy in pi], axis=0)
    assert links.gap[2] == pytest.approx(BEST.value - visitation_entropy(d), abs=1e-12)
    assert np.abs(audit.visitations(WORLD, block.Q).mean(axis=0) - d).max() < 1e-14


def test_without_bonus_optimism_fails():
    assert follow(2000, 500, bonus_scale=0.0).slack["optimism"] < 0


def test_squares_by_hand():
    found = audit.forecast_squares([0, 0, 1], [0.25, 0.75])
    q = np.array([[1 / 2, 1 / 2], [2 / 3, 1 / 3], [3 / 4, 1 / 4]])
    r = np.array([0.25, 0.75])
    seen = np.log([2, 8 / 3, 1 / 3])
    assert found.squares == pytest.approx(np.sum(seen**2), rel=1e-14)
    assert found.reverse == pytest.approx(np.sum(r * np.log(r / q)), rel=1e-13)
    assert found.forward == pytest.approx(np.sum(q * np.log(q / r)), rel=1e-13)
    last = np.array([3 / 5, 2 / 5])
    assert found.last == pytest.approx(5 * np.sum(last * np.log(last / r)), rel=1e-13)
    share = np.array([2 / 3, 1 / 3])
    assert found.seen == pytest.approx(3 * np.sum(share * np.log(share / r)), rel=1e-13)


def test_the_soft_answer_is_the_best_one():
    rng = np.random.default_rng(1)
    q = rng.dirichlet(np.ones(3), size=(2, 3))
    answer = audit.soft_answer(WORLD, q)
    assert answer.value.shape == (2,)
    best = push_forward(WORLD, np.exp(answer.log_pi[0]))
    assert audit.payoff(best, q[0]) == pytest.approx(answer.value[0], abs=1e-12)
    for pi in rng.dirichlet(np.ones(2), size=(20, 3, 3)):
        assert audit.payoff(push_forward(WORLD, pi), q[0]) < answer.value[0]


def test_episodes_needed_is_where_the_bound_meets_eps():
    for bound in (audit.fast_bound, audit.slow_bound):
        T = audit.episodes_needed(bound, 0.1, **SIZE)
        assert bound(T, **SIZE) / T <= 0.1 < bound(0.999 * T, **SIZE) / (0.999 * T)


test_bad_input_is_named = refusals(
    (lambda: audit.sampler_bound(1, **SIZE), "T"),
    (lambda: audit.sampler_bound(10, 1, 2, 3, 0.1), "S"),
    (lambda: audit.fast_bound(10, 3, 1, 3, 0.1), "A"),
    (lambda: audit.payoff(BEST.visitation, np.zeros((3, 3))), "q"),
    (lambda: audit.forecast_squares([0, 2], [0.5, 0.5]), "symbols"),
    (lambda: audit.forecast_squares([0, 1], [1.0, 0.0]), "r"),
    (lambda: audit.measure(WORLD, [], [1, 5], delta=0.1), "T"),
    (lambda: audit.measure(WORLD, [], [5], delta=0.1), r"T\[-1\] = 5: the run has only 0"),
)


def test_a_first_state_may_be_drawn():
    kernel = WORLD.dense()
    mdp = EpisodicMDP(kernel, 3, np.array([0.5, 0.3, 0.2]))
    blocks = list(regularized_game.play(mdp, 600, 3))
    links = audit.measure(mdp, blocks, [2, 600], delta=0.1)
    assert min(links.slack.values()) >= -1e-9
    left = 600 * links.policy[1] + links.excess[1] + links.squares["seen"][1].sum()
    regret = float(forecaster.worst_regret(600, 3))
    assert left <= links.regret[1] + 3 * (regret + 2) + links.noise[1].sum()
    first = np.bincount(blocks[0].states[:, 0], minlength=3) / 600
    assert np.abs(first - [0.5, 0.3, 0.2]).max() < 0.08
