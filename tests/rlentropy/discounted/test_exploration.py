"""Mirror ascent on the discounted visitation: its rate, its certificate, its divergence."""

from itertools import pairwise

import numpy as np
import pytest
from refusals import refusals
from scipy.optimize import minimize

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, exploration
from rlentropy.discounted.mdp import DiscountedMDP

GAMMAS = [0.0, 0.3, 0.6, 0.9]


def world(gamma, seed=1):
    return environments.garnet(states=5, actions=3, branching=2, gamma=gamma, seed=seed)


def entropy(rho):
    return float(dist.entropy(dist.log_probabilities(np.ravel(rho))))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_the_rate_holds_against_a_certified_optimum(gamma):
    mdp = world(gamma)
    long = exploration.mirror_ascent(mdp, 250 if gamma > 0.8 else 60)
    top = exploration.certificate(mdp, long.rho)
    assert top == pytest.approx(long.values[-1], abs=1e-9)
    start = exploration.mirror_ascent(mdp, 0).rho
    t = np.arange(1, 12)
    bound = gamma**t * exploration.policy_divergence(mdp, long.rho, start)
    assert (top - long.values[t] <= bound + 1e-9).all()
    assert (np.diff(long.values) >= -1e-12).all()


def test_a_generic_optimiser_finds_no_more():
    mdp = world(0.6)

    def loss(logits):
        pi = dist.softmax(logits.reshape(mdp.S, mdp.A))
        return -entropy(exploration.pair_visitation(mdp, pi))

    found = -minimize(loss, np.zeros(mdp.S * mdp.A), method="BFGS").fun
    assert exploration.mirror_ascent(mdp, 80).values[-1] == pytest.approx(found, abs=1e-7)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_the_divergence_and_its_two_bounds(gamma):
    mdp = world(gamma)
    rng = np.random.default_rng(2)
    pi, other = rng.dirichlet(np.ones(3), size=(2, 5))
    rho, rho_other = (exploration.pair_visitation(mdp, p) for p in (pi, other))
    d = evaluation.evaluate(mdp, pi).d
    found = exploration.policy_divergence(mdp, rho, rho_other)
    apart = dist.kl(np.log(rho.ravel()), np.log(rho_other.ravel()))
    assert found == pytest.approx(d @ dist.kl(np.log(pi), np.log(other)) / (1 - gamma), rel=1e-10)
    assert apart <= found + 1e-12
    assert found <= apart / (1 - gamma) + 1e-12


def test_each_step_gains_the_divergence():
    mdp = world(0.6)
    climb = [exploration.mirror_ascent(mdp, k) for k in range(5)]
    for (one, two), gain in zip(pairwise(climb), np.diff(climb[-1].values), strict=True):
        assert gain >= exploration.policy_divergence(mdp, one.rho, two.rho) - 1e-12


def test_rewards_play_no_part_and_unvisited_states_do_not_matter():
    P = np.zeros((3, 2, 3))
    P[0, 0, 0] = P[0, 1, 1] = P[1, :, 0] = P[2, :, 2] = 1
    free, paid = (DiscountedMDP(P, r, [1, 0, 0], 0.5) for r in (np.zeros((3, 2)), np.ones((3, 2))))
    one, two = (exploration.mirror_ascent(m, 30) for m in (free, paid))
    assert np.array_equal(one.values, two.values)
    assert one.rho[2].sum() == 0
    assert exploration.certificate(free, one.rho) == pytest.approx(one.values[-1], abs=1e-9)
    assert exploration.certificate(free, np.eye(3)[:, :2] / 2) == np.inf


MDP = world(0.5)
UNIFORM = np.full((5, 3), 1 / 15)
SURE = np.eye(3)[[0] * 5]
MASKED = DiscountedMDP([[[0.5, 0.5], [0, 0]]] * 2, [[0, -np.inf]] * 2, [1, 0], 0.5)
test_bad_input_is_named = refusals(
    (lambda: exploration.mirror_ascent(MDP, 1, start=SURE), "start"),
    (lambda: exploration.mirror_ascent(MASKED, 1), "r"),
    (lambda: exploration.certificate(MDP, -UNIFORM), "rho"),
    (lambda: exploration.policy_divergence(MDP, UNIFORM, SURE / 5), "other"),
    (lambda: exploration.policy_divergence(MDP, UNIFORM, 2 * UNIFORM), "other"),
)
