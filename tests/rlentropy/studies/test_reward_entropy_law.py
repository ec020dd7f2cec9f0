"""reward_entropy_law: closed forms, finite differences, and refusal of bad input."""

import mpmath as mp
import numpy as np
import pytest
from refusals import refusals

from rlentropy import distributions as dist
from rlentropy.studies import reward_entropy_law as law

RNG = np.random.default_rng(0)


def test_path_matches_the_definition():
    gaps, start = RNG.random(7), RNG.standard_normal(7)
    path = law.law_path(gaps, [0.0, 1.7], log_start=start)
    pi = dist.softmax(start - 1.7 * gaps)
    assert path.gap[1] == pytest.approx(pi @ gaps, rel=1e-14)
    assert path.policy_entropy[1] == pytest.approx(-pi @ np.log(pi), rel=1e-13)
    assert path.exponent[0] == 0


def test_exponent_is_the_logarithmic_derivative_of_entropy():
    gaps, start = RNG.random(9), RNG.standard_normal(9)
    t, step = 3.0, 1e-5
    path = law.law_path(gaps, t * np.exp([-step, 0, step]), log_start=start)
    assert -(path.policy_entropy[2] - path.policy_entropy[0]) / (2 * step) == pytest.approx(
        path.exponent[1], rel=1e-8
    )


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_fit_recovers_the_exponent_and_amplitude(alpha):
    K = 200_000
    path = law.law_path(law.quantile_gaps(K, alpha), np.geomspace(20, 0.1 * K ** (1 / alpha), 8))
    fit = law.fit_rate(path.policy_entropy, path.gap)
    assert fit.rate == pytest.approx(1 / alpha, abs=2e-3)
    assert fit.a == pytest.approx(law.law_amplitude(K, alpha), rel=2e-2)


def test_fits_are_exact_on_exact_data():
    H = np.linspace(0.5, 3, 6)
    fit = law.fit_ceiling(H, 2.0 - 0.1 * np.exp(H / 2), alpha=2.0)
    assert (fit.b, fit.a) == (pytest.approx(2.0), pytest.approx(0.1))
    assert law.fit_rate(H, 0.1 * np.exp(H / 2)).rate == pytest.approx(0.5)


def test_geometric_law_loses_no_digits_anywhere():
    m = np.array(
        [1e-300, 1e-9, 0.5, 0.999, 1.0, 1.001, 4.0, 5.0, 1e3, 1e10, 1e13, 1e16, 1e100, 1e308]
    )
    found, error = law.geometric_law(m)
    with mp.workdps(1300):
        exact = [mp.mpf(x) for x in m]
        entropies = [(1 + x) * mp.log(1 + x) - x * mp.log(x) for x in exact]
        errors = [mp.exp(h - 1) - x - mp.mpf(1) / 2 for h, x in zip(entropies, exact, strict=True)]
    np.testing.assert_allclose(found, [float(h) for h in entropies], rtol=4e-16)
    np.testing.assert_allclose(error, [float(e) for e in errors], rtol=1e-13, atol=1e-160)


def test_run_of_natural_steps_is_the_path():
    r, eta = np.array([0.0, 0.4, 1.0]), 0.25
    run = law.law_run(r, np.zeros(3), eta=eta, iterations=8)
    path = law.law_path(1 - r, eta * np.arange(9))
    assert run.reward == pytest.approx(1 - path.gap, abs=1e-13)
    assert run.policy_entropy == pytest.approx(path.policy_entropy, abs=1e-13)


def test_vanilla_step_is_the_gradient_of_the_reward():
    r, theta, eta = RNG.random(5), RNG.standard_normal(5), 1e-6
    R = law.law_run(r, theta, eta=eta, iterations=1, gradient="vanilla").reward
    pi = dist.softmax(theta)
    gradient = pi * (r - pi @ r)
    assert (R[1] - R[0]) / eta == pytest.approx(gradient @ gradient, rel=1e-5)


test_bad_input_is_named = refusals(
    (lambda: law.law_path([0.1, -0.2], [1.0]), r"gaps\[1\] = -0.2"),
    (lambda: law.quantile_gaps(1, 1.0), "arms = 1"),
    (lambda: law.fit_rate([], []), "policy_entropy: the window is empty"),
    (lambda: law.fit_rate([1.0], [0.1]), "policy_entropy: 1 points, all at 1.0"),
    (lambda: law.fit_ceiling([1.0, np.nextafter(1.0, 2)], [0.1, 0.2]), "too close"),
    (lambda: law.fit_rate([1.0, 2.0], [0.1, 0.0]), r"gap\[1\] = 0.0: its logarithm"),
    (lambda: law.fit_rate([1.0, 2.0], [0.1]), r"gap: shape \(1,\)"),
    (lambda: law.fit_ceiling([1.0, 800.0], [0.1, 0.2]), r"policy_entropy\[1\] = 800.0: exp"),
    (lambda: law.verifiable_curve([1.1], right=0.5, wrong=1.0), r"success\[0\] = 1.1"),
)


def test_verifiable_curve_is_the_entropy_of_two_blocks():
    R = np.array([0.0, 0.3, 1.0])
    right, wrong = np.log(2), np.log(4)  # two right answers, four wrong ones, each class uniform
    policies = np.stack([np.repeat([r / 2, (1 - r) / 4], [2, 4]) for r in R])
    logs = np.log(policies, where=policies > 0, out=np.zeros_like(policies))
    expected = -np.sum(policies * logs, axis=1)
    np.testing.assert_allclose(
        law.verifiable_curve(R, right=right, wrong=wrong), expected, rtol=1e-14
    )


# ------------------------------------------------------------------------------------ fit_law


def run_of(kind, rng=None, scatter=0.0):
    """Entropies and rewards on one of the three curves, with Gaussian scatter in the rewards."""
    if kind == "verifiable":
        R = np.linspace(0.1, 0.98, 60)
        H = law.verifiable_curve(R, right=0.7, wrong=3.0)
    else:
        H = np.linspace(0.2, 2.5, 60)
        R = 0.9 - 0.3 * H if kind == "line" else 0.9 - 0.06 * np.exp(H)
    return H, R + (scatter * rng.standard_normal(60) if scatter else 0)


TRUTH = {"line": (0.9, 0.3), "exponential": (0.9, 0.06), "verifiable": (0.7, 3.0)}


@pytest.mark.parametrize("kind", TRUTH)
def test_fit_law_finds_the_curve_that_made_the_run(kind):
    found = law.fit_law(*run_of(kind))
    assert found.best == kind
    assert found.weights[kind] > 1 - 1e-9
    np.testing.assert_allclose(found.curves[kind].parameters, TRUTH[kind], rtol=1e-6)
    assert found.curves[kind].rms < 1e-8


@pytest.mark.parametrize("kind", TRUTH)
def test_fit_law_standard_errors_cover_the_truth(kind):
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(200):
        fit = law.fit_law(*run_of(kind, rng, scatter=0.004)).curves[kind]
        inside.append(np.abs(fit.parameters - TRUTH[kind]) < 1.96 * fit.errors)
    # 95 % of 200, less four standard errors
    assert np.all(np.mean(inside, axis=0) > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 200))
    assert np.all(np.mean(inside, axis=0) < 1)


def test_fit_law_ceilings_have_standard_errors():
    rng = np.random.default_rng(8)
    misses = []
    for _ in range(200):
        fit = law.fit_law(*run_of("exponential", rng, scatter=0.01)).curves["exponential"]
        misses.append((fit.ceiling - 0.84) / fit.ceiling_error)
    assert np.std(misses) == pytest.approx(1, abs=0.25)
    straight = law.fit_law(*run_of("line")).curves["line"]
    assert straight.ceiling == pytest.approx(0.9)


def test_fit_law_leaves_out_what_rewards_do_not_allow():
    H, R = run_of("line")
    assert set(law.fit_law(H, 3 * R).curves) == {"line", "exponential"}


NINE = np.linspace(1, 2, 9)
test_fit_law_refuses_by_name = refusals(
    (lambda: law.fit_law([1.0, 2, 3], [0.3, 0.2, 0.1]), "3 points, at least 8"),
    (lambda: law.fit_law(NINE / 8 + 5, NINE), r"spans 2% of the largest entropy, too short"),
    (lambda: law.fit_law(NINE - 2, NINE), r"policy_entropy\[0\] = -1"),
    (lambda: law.fit_law(NINE, NINE[1:]), r"reward: shape \(8,\)"),
    (lambda: law.fit_law(NINE, NINE, least_span=2), "least_span = 2"),
)
