"""Trajectory entropy against enumeration of all trajectories, exact arithmetic, and closed forms."""

from fractions import Fraction

import numpy as np
import pytest
from refusals import refusals
from scipy import optimize
from worlds import random_policy

from rlentropy import distributions as dist
from rlentropy.episodic import environments, visitation
from rlentropy.episodic import trajectory_entropy as te
from rlentropy.exact import trajectories as exact


def example(seed=0, *, states=3, actions=2, horizon=3, stationary=False):
    return environments.garnet(
        states=states,
        actions=actions,
        horizon=horizon,
        branching=states,
        seed=seed,
        stationary=stationary,
    )


CASES = [(2, 2, 4), (3, 2, 3), (4, 3, 3), (1, 3, 3), (3, 1, 3), (3, 2, 1)]


@pytest.mark.parametrize("states,actions,horizon", CASES)
def test_chain_rule_equals_enumeration(states, actions, horizon):
    mdp = example(1, states=states, actions=actions, horizon=horizon)
    pi = random_policy(mdp, 2)
    law = exact.enumerate_trajectories(mdp.dense(), pi, mdp.start)
    assert sum(law.values()) == pytest.approx(1, abs=1e-12)
    assert te.trajectory_entropy(mdp, pi) == pytest.approx(exact.law_entropy(law), abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_chain_rule_is_exact_in_rational_arithmetic(seed):
    P, pi = exact.rational_mdp(3, 2, 3, seed)
    law = exact.enumerate_trajectories(P, pi, 0)
    assert sum(law.values()) == 1
    assert exact.exact_entropy(law) == exact.exact_chain_rule(P, pi, 0)
    assert exact.exact_entropy(law) != exact.exact_chain_rule(P, pi, 0, transitions=3)
    value = sum(float(c) * np.log(p) for p, c in exact.exact_entropy(law))
    assert value == pytest.approx(exact.law_entropy(law), abs=1e-12)


def test_log_prime_coefficients_decide_equality():
    assert exact.log_prime_coefficients([(1, 12)]) == exact.log_prime_coefficients([(2, 2), (1, 3)])
    assert exact.log_prime_coefficients([(1, Fraction(3, 4)), (1, Fraction(4, 3))]) == ()
    assert exact.log_prime_coefficients([(1, 6)]) != exact.log_prime_coefficients([(1, 5)])


def test_marginals_of_the_law_are_the_visitation():
    mdp = example(3)
    pi = random_policy(mdp, 4)
    law = exact.enumerate_trajectories(mdp.dense(), pi, 0)
    d = visitation.policy_visitation(mdp, pi)
    for h in range(mdp.H):
        for (s, a), q in exact.marginal(law, (2 * h, 2 * h + 1)).items():
            assert q == pytest.approx(d[h, s, a], abs=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_gap_to_visitation_entropy_is_the_mutual_information(seed):
    mdp = example(seed, horizon=4)
    pi = random_policy(mdp, seed)
    d = visitation.policy_visitation(mdp, pi).reshape(mdp.H, -1)
    gap = dist.entropy(dist.log_probabilities(d)).sum() - te.trajectory_entropy(mdp, pi)
    information = te.mutual_information(mdp, pi)
    assert gap == pytest.approx(information.sum(), abs=1e-12)
    assert (information >= -1e-14).all()
    law = exact.enumerate_trajectories(mdp.dense(), pi, 0)
    h = 2
    single = [exact.joint_entropy(law, k) for k in (h - 1, h)]
    assert information[h - 1] == pytest.approx(
        sum(single) - exact.joint_entropy(law, h - 1, h), abs=1e-12
    )


@pytest.mark.parametrize("seed", range(5))
def test_soft_optimum_beats_every_policy_by_the_expected_divergence(seed):
    mdp = example(seed)
    best = te.soft_optimum(mdp)
    assert te.trajectory_entropy(mdp, best.pi) == pytest.approx(best.value, abs=1e-12)
    assert te.suboptimality(mdp, best.pi, best) == pytest.approx(0, abs=1e-14)
    pi = random_policy(mdp, seed)
    assert best.value - te.trajectory_entropy(mdp, pi) == pytest.approx(
        te.suboptimality(mdp, pi), abs=1e-12
    )


def test_history_dependent_policies_do_not_help():
    mdp, P = example(7), example(7).dense()
    best = te.soft_optimum(mdp)
    for seed in range(3):
        policy = exact.history_policy(mdp, seed)
        law = exact.enumerate_trajectories(P, policy, 0)
        loss = 0.0
        for h in range(mdp.H):
            for history, q in exact.marginal(law, range(2 * h + 1)).items():
                loss += q * dist.kl(np.log(policy(history)), best.log_pi[h, history[-1]])
        assert best.value - exact.law_entropy(law) == pytest.approx(loss, abs=1e-12)
        assert loss > 0.01


def test_a_generic_optimiser_finds_no_better_markov_policy():
    mdp = example(2)

    def loss(theta):
        return -te.trajectory_entropy(mdp, dist.softmax(theta.reshape(3, 3, 2)))

    found = optimize.minimize(loss, np.zeros(18), method="BFGS", options={"gtol": 1e-7})
    assert -found.fun == pytest.approx(te.soft_optimum(mdp).value, abs=1e-9)


def test_counting_a_last_transition_gives_another_policy():
    mdp = example(0, stationary=True)
    right, wrong = te.soft_optimum(mdp), te.soft_optimum(mdp, last_transition=True)
    assert np.abs(right.pi - wrong.pi).max() > 0.01
    assert te.suboptimality(mdp, wrong.pi, right) > 1e-4
    with pytest.raises(ValueError, match="last_transition"):
        te.soft_optimum(example(0), last_transition=True)


def test_zero_probabilities_are_no_trouble():
    mdp = environments.double_chain(length=5, failure=0.0, horizon=4)
    pi = np.zeros((4, 5, 2))
    pi[..., 0] = 1
    assert te.trajectory_entropy(mdp, pi) == 0.0
    assert te.suboptimality(mdp, pi) == pytest.approx(4 * np.log(2))
    assert np.array_equal(te.transition_entropy(mdp), np.zeros((4, 5, 2)))


MDP = example(0)
test_bad_input_is_refused = refusals(
    (lambda: te.trajectory_entropy(MDP, np.ones((3, 3, 2))), "pi"),
    (
        lambda: exact.enumerate_trajectories(MDP.dense(), random_policy(MDP, 0)[:2], 0),
        r"policy: shape \(2, 3, 2\)",
    ),
)
