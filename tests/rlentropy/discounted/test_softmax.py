"""Tabular softmax policies: scores and gradients against finite differences and exact sums, edges,
refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from refusals import refusals

from rlentropy.discounted import softmax as sp

LOGITS = hnp.arrays(float, (3, 4), elements=st.floats(-8, 8))
RNG = np.random.default_rng(5)


def slopes(f, theta, step=1e-5):
    """Central differences of a vector-valued f of one row of logits; shape (outputs, A)."""
    return np.stack(
        [(f(theta + step * e) - f(theta - step * e)) / (2 * step) for e in np.eye(theta.size)],
        axis=-1,
    )


@given(LOGITS)
def test_score_has_mean_zero_and_covariance_fisher(theta):
    pi, score = sp.policy(theta), sp.score(theta)
    np.testing.assert_allclose(np.einsum("sa,sab->sb", pi, score), 0, atol=1e-15)
    outer = np.einsum("sa,sab,sac->sbc", pi, score, score)
    np.testing.assert_allclose(sp.fisher_of(sp.policy(theta)), outer, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_derivatives_against_finite_differences(n):
    for theta in 2 * RNG.standard_normal((10, n)):
        np.testing.assert_allclose(sp.score(theta), slopes(sp.log_policy, theta), atol=1e-9)
        numeric = slopes(lambda x: np.atleast_1d(sp.policy_entropy(x)), theta)[0]
        np.testing.assert_allclose(sp.entropy_gradient(theta), numeric, atol=1e-9)


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


test_what_is_no_row_of_logits_is_refused = refusals(
    *((lambda f=f: f(np.empty((2, 0))), "empty axis 1") for f in (sp.policy, sp.score)),
    *((lambda f=f: f(0.0), r"theta: shape \(\)") for f in (sp.policy, sp.score)),
    (lambda: sp.logits([[1.0, 0.0]]), r"pi\[0, 1\] = 0.0: a softmax policy has full support"),
    (lambda: sp.logits([[0.7, 0.7]]), r"pi\[0\] sums to 1.4"),
)
