"""Tabular softmax policies: scores and gradients against finite differences and exact sums, gauge,
edges, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import refusals

from rlentropy.discounted import softmax as sp

PROPERTY = settings(max_examples=60)
LOGITS = hnp.arrays(float, (3, 4), elements=st.floats(-8, 8))
RNG = np.random.default_rng(5)


def slopes(f, theta, step=1e-5):
    """Central differences of a vector-valued f of one row of logits; shape (outputs, A)."""
    return np.stack(
        [(f(theta + step * e) - f(theta - step * e)) / (2 * step) for e in np.eye(theta.size)],
        axis=-1,
    )


def test_policy_by_hand():
    # logits (0, log 2, log 5): probabilities 1/8, 2/8, 5/8
    theta = np.log([[1.0, 2.0, 5.0]])
    np.testing.assert_allclose(sp.policy(theta), [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-14)
    np.testing.assert_allclose(
        sp.fisher_of(sp.policy(theta))[0, 0], [7 / 64, -2 / 64, -5 / 64], atol=1e-16
    )
    np.testing.assert_allclose(sp.score(theta)[0, 1], [-1 / 8, 6 / 8, -5 / 8], atol=1e-15)


def test_two_action_entropy_gradient():
    # h = log(1+e^x) - x sigma(x) for logits (x, 0), so dh/dx = -x sigma(x) sigma(-x)
    x = np.linspace(-5, 5, 21)
    theta = np.stack([x, np.zeros_like(x)], axis=-1)
    sigma = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(
        sp.entropy_gradient(theta)[:, 0], -x * sigma * (1 - sigma), atol=1e-15
    )
    np.testing.assert_allclose(
        sp.policy_entropy(theta), np.log1p(np.exp(x)) - x * sigma, atol=1e-14
    )


@PROPERTY
@given(LOGITS)
def test_score_has_mean_zero_and_covariance_fisher(theta):
    pi, score = sp.policy(theta), sp.score(theta)
    np.testing.assert_allclose(np.einsum("sa,sab->sb", pi, score), 0, atol=1e-15)
    outer = np.einsum("sa,sab,sac->sbc", pi, score, score)
    np.testing.assert_allclose(sp.fisher_of(sp.policy(theta)), outer, atol=1e-14)


@PROPERTY
@given(LOGITS, st.floats(-100, 100))
def test_gauge(theta, c):
    np.testing.assert_allclose(sp.policy(theta + c), sp.policy(theta), atol=1e-13)
    np.testing.assert_allclose(sp.entropy_gradient(theta).sum(axis=-1), 0, atol=1e-13)
    np.testing.assert_allclose(sp.fisher_of(sp.policy(theta)).sum(axis=-1), 0, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_derivatives_against_finite_differences(n):
    for theta in 2 * RNG.standard_normal((10, n)):
        np.testing.assert_allclose(sp.score(theta), slopes(sp.log_policy, theta), atol=1e-9)
        numeric = slopes(lambda x: np.atleast_1d(sp.policy_entropy(x)), theta)[0]
        np.testing.assert_allclose(sp.entropy_gradient(theta), numeric, atol=1e-9)


def test_fisher_block_is_positive_semidefinite_with_the_gauge_as_its_kernel():
    eigenvalues = np.linalg.eigvalsh(sp.fisher_of(sp.policy(RNG.standard_normal((20, 4)))))
    assert np.all(np.abs(eigenvalues[:, 0]) < 1e-15)
    assert np.all(eigenvalues[:, 1] > 1e-4)


def test_logits_invert_the_policy():
    pi = RNG.dirichlet(np.ones(4), size=3)
    np.testing.assert_allclose(sp.policy(sp.logits(pi)), pi, rtol=1e-14)


@pytest.mark.parametrize("size", [1e4, 700.0])
def test_extreme_logits(size):
    theta = np.array([[size, 0.0, -size]])
    assert sp.policy_entropy(theta)[0] == pytest.approx(size * np.exp(-size), rel=1e-2)
    np.testing.assert_allclose(sp.policy(theta), [[1, np.exp(-size), 0]], atol=1e-300)
    for array in (sp.score(theta), sp.entropy_gradient(theta), sp.fisher_of(sp.policy(theta))):
        assert np.all(np.isfinite(array))


def test_one_action():
    theta = np.array([[3.0], [-1e4]])
    np.testing.assert_array_equal(sp.policy(theta), 1)
    np.testing.assert_array_equal(sp.policy_entropy(theta), 0)
    np.testing.assert_array_equal(sp.score(theta), 0)
    np.testing.assert_array_equal(sp.fisher_of(sp.policy(theta)), 0)


test_what_is_no_row_of_logits_is_refused = refusals(
    *((lambda f=f: f(np.empty((2, 0))), "empty axis 1") for f in (sp.policy, sp.score)),
    *((lambda f=f: f(0.0), r"theta: shape \(\)") for f in (sp.policy, sp.score)),
    (lambda: sp.logits([[1.0, 0.0]]), r"pi\[0, 1\] = 0.0: a softmax policy has full support"),
    (lambda: sp.logits([[0.7, 0.7]]), r"pi\[0\] sums to 1.4"),
)
