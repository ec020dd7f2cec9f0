"""entropy_control: rates against differences, penalised steps against a generic optimiser,
brute force, refusal."""

import itertools

import numpy as np
import pytest
from refusals import refusals
from scipy import optimize

from rlentropy import distributions as dist
from rlentropy.discounted import environments, evaluation, natural_gradient
from rlentropy.studies import entropy_control as control

RNG = np.random.default_rng(11)


def case(n=6):
    log_pi = dist.log_softmax(1.5 * RNG.standard_normal(n))
    adv = RNG.standard_normal(n)
    return log_pi, adv - np.exp(log_pi) @ adv


def test_action_covariances_average_to_the_covariance():
    log_pi, adv = case()
    mean = np.exp(log_pi) @ control.action_covariance(log_pi, adv)
    assert mean == pytest.approx(dist.covariance(log_pi, log_pi, adv), abs=1e-14)


def test_select_top_takes_the_largest_positive_ones():
    log_pi, adv = case(8)
    c = control.action_covariance(log_pi, adv)
    positive = c > 0
    selected = control.select_top(log_pi, adv, positive.sum() - 1)
    assert selected.sum() == positive.sum() - 1 >= 1
    assert c[selected].min() >= c[positive & ~selected].max()
    np.testing.assert_array_equal(control.select_top(log_pi, adv, 8), positive)


def test_clip_rates_are_the_derivatives():
    log_pi, adv = case()
    selected = control.select_top(log_pi, adv, 2)
    direction, step = control.clipped_advantage(log_pi, adv, selected), 1e-5
    up, down = (dist.log_softmax(log_pi + sign * step * direction) for sign in (1, -1))
    entropy_rate, reward_rate = control.clip_rates(log_pi, adv, selected)
    assert (dist.entropy(up) - dist.entropy(down)) / (2 * step) == pytest.approx(
        entropy_rate, abs=1e-9
    )
    assert (np.exp(up) - np.exp(down)) @ adv / (2 * step) == pytest.approx(reward_rate, abs=1e-9)


def test_frozen_step_freezes_and_its_rate_is_the_derivative():
    log_pi, adv = case()
    selected, step = control.select_top(log_pi, adv, 2), 1e-6
    new = control.frozen_step(log_pi, adv, step, selected)
    assert np.array_equal(new[selected], log_pi[selected])
    assert np.exp(new).sum() == pytest.approx(1, abs=1e-15)
    rate = (dist.entropy(new) - dist.entropy(log_pi)) / step
    assert rate == pytest.approx(control.frozen_rate(log_pi, adv, selected), abs=1e-5)


@pytest.mark.parametrize(
    ("penalty", "beta"), [("state", 30.0), ("quadratic", 20.0), ("absolute", 0.2)]
)
def test_penalised_step_maximises_its_objective(penalty, beta):
    log_pi, adv = case(4)
    selected, eta = np.array([True, False, True, False]), 0.05
    pi = np.exp(log_pi)

    def loss(free):
        log_p = dist.log_softmax(log_pi + np.append(free, 0.0))
        x = log_p - log_pi
        cost = {
            "state": beta * selected.mean() * dist.kl(log_pi, log_p),
            "quadratic": beta * (pi * x**2 / 2)[selected].sum(),
            "absolute": beta * (pi * np.abs(x))[selected].sum(),
        }[penalty]
        return -(np.exp(log_p) @ adv - dist.kl(log_p, log_pi) / eta - cost)

    exacting = {"xatol": 1e-12, "fatol": 1e-16, "maxiter": 4000}
    best = optimize.minimize(loss, np.zeros(3), method="Nelder-Mead", options=exacting)
    log_p = control.penalised_step(log_pi, adv, eta, beta=beta, selected=selected, penalty=penalty)
    x = log_p - log_pi
    assert loss((x - x[3])[:3]) <= best.fun + 1e-12
    assert dist.log_softmax(log_pi + np.append(best.x, 0.0)) == pytest.approx(log_p, abs=1e-5)


@pytest.mark.parametrize(
    ("penalty", "beta"), [("state", 2e3), ("quadratic", 1e3), ("absolute", 5.0), ("absolute", 0.3)]
)
def test_leading_order_of_penalised_steps(penalty, beta):
    log_pi, adv = case(5)
    selected = control.select_top(log_pi, adv, 2)
    found = []
    for eta in (1e-3, 5e-4):
        strength = beta if penalty == "absolute" else beta * 1e-3 / eta
        new = control.penalised_step(
            log_pi, adv, eta, beta=strength, selected=selected, penalty=penalty
        )
        rate = control.penalised_rate(
            log_pi, adv, eta, beta=strength, selected=selected, penalty=penalty
        )
        found.append(abs((dist.entropy(new) - dist.entropy(log_pi)) / eta - rate))
    assert found[0] < 5e-3
    assert found[1] < 0.6 * found[0] + 1e-9


def test_frontier_beats_every_subset():
    for _ in range(50):
        log_pi, adv = case(6)
        pi, c = np.exp(log_pi), control.action_covariance(log_pi, adv)
        for subset in itertools.product([False, True], repeat=6):
            mask = np.array(subset)
            gain, cost = (pi * c)[mask].sum(), (pi * adv**2)[mask].sum()
            assert gain <= control.clip_frontier(log_pi, adv, cost) + 1e-12


def test_runs_agree_with_plain_and_regularised_npg():
    mdp = environments.garnet(states=8, actions=3, branching=3, gamma=0.9, seed=4)
    theta = RNG.standard_normal((8, 3))
    plain = natural_gradient.run(mdp, theta, eta=0.3, iterations=5)
    found = control.controlled_run(mdp, theta, eta=0.3, iterations=5).objective
    assert found == pytest.approx(plain.objective, abs=1e-11)
    soft = natural_gradient.run(mdp, theta, eta=0.3, iterations=5, tau=0.2)
    settings = {"eta": 0.3, "iterations": 5, "control": "bonus", "tau": 0.2}
    found = control.controlled_run(mdp, theta, **settings).policy_entropy
    expected = np.sum(soft.d * dist.entropy(soft.log_pi), axis=1)
    assert found == pytest.approx(expected, abs=1e-11)


def test_a_constrained_run_keeps_every_state_at_its_level():
    mdp = environments.garnet(states=8, actions=4, branching=3, gamma=0.8, seed=2)
    theta = np.zeros((8, 4))
    run = control.controlled_run(
        mdp, theta, eta=1.0, iterations=60, control="constrained", entropy=0.7
    )
    assert run.policy_entropy.min() >= 0.7 - 1e-12
    free = control.controlled_run(mdp, theta, eta=1.0, iterations=60, control="constrained")
    plain = control.controlled_run(mdp, theta, eta=1.0, iterations=60)
    np.testing.assert_allclose(free.objective, plain.objective, atol=1e-12)
    assert run.objective[-1] < plain.objective[-1]


def test_runs_that_select_are_their_steps():
    mdp = environments.garnet(states=8, actions=3, branching=3, gamma=0.9, seed=4)
    theta = RNG.standard_normal((8, 3))
    at = evaluation.evaluate_softmax(mdp, theta)
    selected = control.select_top(at.log_pi, at.adv, 1)
    clipped = dist.log_softmax(theta + 0.3 * control.clipped_advantage(at.log_pi, at.adv, selected))
    frozen = control.frozen_step(at.log_pi, at.adv, 0.3, selected)
    for name, log_pi in (("clip", clipped), ("freeze", frozen)):
        run = control.controlled_run(mdp, theta, eta=0.3, iterations=1, control=name)
        expected = evaluation.evaluate_softmax(mdp, log_pi)
        assert run.objective[1] == pytest.approx(expected.objective, abs=1e-13)
        assert run.policy_entropy[1] == pytest.approx(expected.discounted_entropy, abs=1e-13)


# ------------------------------------------------------------- impossible actions, masks, logits


def masked_case():
    """Three possible actions and one of probability 0, whose advantage would rank first."""
    log_pi, adv = case(3)
    return log_pi, adv, np.append(log_pi, -np.inf), np.append(adv, -3.0)


def test_an_impossible_action_is_never_selected():
    log_pi, adv, wide_pi, wide_adv = masked_case()
    assert control.action_covariance(wide_pi, wide_adv)[3] == 0
    for count in range(5):
        expected = np.append(control.select_top(log_pi, adv, count), False)
        assert np.array_equal(control.select_top(wide_pi, wide_adv, count), expected)


@pytest.mark.parametrize("chosen", [False, True])
def test_an_impossible_action_changes_no_rate_and_no_step(chosen):
    log_pi, adv, wide_pi, wide_adv = masked_case()
    selected = np.array([True, False, False])
    wide = np.append(selected, chosen)
    approx = pytest.approx
    assert control.clip_rates(wide_pi, wide_adv, wide) == approx(
        control.clip_rates(log_pi, adv, selected)
    )
    assert control.frozen_rate(wide_pi, wide_adv, wide) == approx(
        control.frozen_rate(log_pi, adv, selected)
    )
    assert control.clip_frontier(wide_pi, wide_adv, 0.1) == control.clip_frontier(log_pi, adv, 0.1)
    step = control.frozen_step(wide_pi, wide_adv, 0.1, wide)
    assert step[3] == -np.inf
    assert step[:3] == approx(control.frozen_step(log_pi, adv, 0.1, selected), abs=1e-15)
    for penalty in ("quadratic", "absolute"):  # the third counts the actions
        options = {"beta": 0.3, "penalty": penalty}
        step = control.penalised_step(wide_pi, wide_adv, 0.1, selected=wide, **options)
        assert step[3] == -np.inf
        narrow = control.penalised_step(log_pi, adv, 0.1, selected=selected, **options)
        assert step[:3] == approx(narrow, abs=1e-13)
        rate = control.penalised_rate(wide_pi, wide_adv, 0.1, selected=wide, **options)
        assert rate == approx(
            control.penalised_rate(log_pi, adv, 0.1, selected=selected, **options)
        )


def test_only_impossible_actions_left_to_move_stand_still():
    log_pi = np.array([np.log(0.5), np.log(0.5), -np.inf])
    step = control.frozen_step(log_pi, [1.0, -1.0, 5.0], 0.3, [True, True, False])
    assert np.array_equal(step, log_pi)


PI, ADV = case(3)
FIRST = np.array([True, False, False])
test_masks_of_another_length_and_logits_are_refused = refusals(
    (lambda: control.clip_rates(PI, ADV, FIRST[1:]), r"selected: shape \(2,\), expected \(3,\)"),
    (lambda: control.clip_rates(PI - 1.0, ADV, FIRST), r"exp\(log_pi\) sums to .*, not to 1"),
    (
        lambda: control.clip_rates(np.array([10.0, 0.0, 0.0]), ADV, FIRST),
        r"log_pi\[0\] = 10.0: .* at most 0 \(logits need log_softmax\)",
    ),
)
