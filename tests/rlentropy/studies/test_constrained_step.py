"""constrained_step: against a general solver, at the ends of its range, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusals
from scipy import optimize

from rlentropy import distributions as dist
from rlentropy.discounted import natural_gradient
from rlentropy.studies.constrained_step import constrained_step, temperature_for_entropy


def objective(log_p, log_pi, adv, eta):
    return np.exp(log_p) @ adv - dist.kl(log_p, log_pi) / eta


def solved(log_pi, adv, eta, floor):
    """The best value that a general solver finds, in the probabilities themselves."""
    pi = np.exp(log_pi)
    lowest = 1e-9

    def loss(p):
        return p @ (np.log(p / pi) / eta - adv)

    def entropy(p):
        return -p @ np.log(p) - floor

    found = optimize.minimize(
        loss,
        np.full(len(pi), 1 / len(pi)),
        jac=lambda p: (np.log(p / pi) + 1) / eta - adv,
        method="SLSQP",
        bounds=[(lowest, 1)] * len(pi),
        constraints=[
            {"type": "eq", "fun": lambda p: p.sum() - 1, "jac": np.ones_like},
            {"type": "ineq", "fun": entropy, "jac": lambda p: -np.log(p) - 1},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    return -found.fun


@pytest.mark.parametrize("seed", range(20))
def test_no_general_solver_does_better(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    log_pi, adv = dist.log_softmax(rng.standard_normal(n)), rng.standard_normal(n)
    eta, floor = rng.uniform(0.2, 3), rng.uniform(0.3, 0.97) * np.log(n)
    step = constrained_step(log_pi, adv, eta, entropy=floor)
    assert dist.entropy(step.log_pi) >= floor - 1e-13
    ours = objective(step.log_pi, log_pi, adv, eta)
    assert ours == pytest.approx(solved(log_pi, adv, eta, floor), abs=1e-7)


def test_a_floor_that_is_met_leaves_the_plain_step():
    rng = np.random.default_rng(1)
    log_pi, adv = dist.log_softmax(rng.standard_normal((50, 4))), rng.standard_normal((50, 4))
    step = constrained_step(log_pi, adv, 0.3, entropy=0.0)
    plain = natural_gradient.step(log_pi, adv, 0.3)
    np.testing.assert_array_equal(step.temperature, 1)
    np.testing.assert_array_equal(step.multiplier, 0)
    np.testing.assert_allclose(step.log_pi, plain, atol=1e-14)


def test_it_is_the_regularised_step_with_the_multiplier_for_its_bonus():
    rng = np.random.default_rng(2)
    log_pi, adv, eta = dist.log_softmax(rng.standard_normal(5)), rng.standard_normal(5), 0.7
    step = constrained_step(log_pi, adv, eta, entropy=1.5)
    assert step.temperature > 1
    # thm-soft-npg: 1 / eta-bar = 1 / eta' - tau with eta-bar = eta and tau = lambda
    tau = float(step.multiplier)
    np.testing.assert_allclose(
        natural_gradient.step(log_pi, adv, eta / (1 + eta * tau), tau=tau), step.log_pi, atol=1e-13
    )


def test_each_state_has_its_own_floor():
    rng = np.random.default_rng(3)
    log_pi, adv = dist.log_softmax(rng.standard_normal((3, 2, 6))), rng.standard_normal((3, 2, 6))
    floor = rng.uniform(1.5, 1.75, (3, 2))
    step = constrained_step(log_pi, adv, 2.0, entropy=floor)
    bound = step.temperature > 1
    assert bound.any()
    np.testing.assert_allclose(dist.entropy(step.log_pi)[bound], floor[bound], atol=1e-13)
    one = constrained_step(log_pi[1, 1], adv[1, 1], 2.0, entropy=floor[1, 1])
    np.testing.assert_allclose(one.log_pi, step.log_pi[1, 1], atol=1e-13)


def test_impossible_actions_stay_impossible():
    log_pi = dist.log_probabilities([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0]])
    step = constrained_step(log_pi, [[1.0, 0, 50]] * 2, 3.0, entropy=0.6)
    assert np.all(step.log_pi[:, 2] == -np.inf)
    np.testing.assert_allclose(dist.entropy(step.log_pi), 0.6, atol=1e-13)


@given(
    st.lists(st.floats(-300, 300), min_size=2, max_size=12),
    st.floats(0.001, 0.999),
    st.sampled_from([1e-8, 1.0, 1e6]),
)
def test_the_temperature_has_the_entropy_that_was_asked_for(entries, share, scale):
    z = scale * np.array(entries)
    tied = np.log(np.sum(z == z.max()))
    if np.exp(tied) > len(z) - 0.5:
        return
    h = tied + share * (np.log(len(z)) - tied)
    T = temperature_for_entropy(z, h)
    assert dist.entropy(dist.log_softmax(z / T)) == pytest.approx(h, abs=1e-12)


@pytest.mark.parametrize("gap", [1e-14, 1e-6])
def test_near_both_ends(gap):
    z = np.array([2.0, 2.0, 0.0, -1.0])
    low, high = temperature_for_entropy([z, z], [np.log(2) + gap, np.log(4) - gap])
    for T, h in ((low, np.log(2) + gap), (high, np.log(4) - gap)):
        assert dist.entropy(dist.log_softmax(z / T)) == pytest.approx(h, abs=1e-14)


COIN = np.log([0.5, 0.5])
test_what_has_no_answer_is_refused_by_name = refusals(
    (lambda: temperature_for_entropy([1.0, 2, 3], 1.2), r"h = 1\.2: not below the entropy of"),
    (
        lambda: temperature_for_entropy([[1.0, 2, 3], [1, 1, 0]], [0.5, 0.6]),
        r"h\[1\] = 0\.6: not above the entropy of the actions tied",
    ),
    (lambda: temperature_for_entropy([1.0, 2.0], -0.1), r"h = -0\.1: not above"),
    (lambda: temperature_for_entropy([-np.inf, -np.inf], 0.1), "no action of this row"),
    (lambda: temperature_for_entropy(1.0, 0.1), "at least one axis"),
    (lambda: constrained_step(COIN, [1.0, 0.0], 1.0, entropy=0.7), r"entropy = 0\.7: not below"),
    (
        lambda: constrained_step([0.0, -np.inf], [1.0, 0.0], 1.0, entropy=0.1),
        r"entropy = 0\.1: not below the entropy of the uniform policy",
    ),
    (lambda: constrained_step([0.5, 0.5], [1.0, 0.0], 1.0, entropy=0.1), r"log_pi\[0\] = 0\.5"),
)
