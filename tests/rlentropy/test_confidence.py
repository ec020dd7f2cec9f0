"""The inequalities behind the bonuses, at random and at the corners."""

import numpy as np
import pytest

from rlentropy import confidence, distributions
from rlentropy import distributions as dist


def test_fannes_width():
    assert confidence.fannes_width(0.0, 4) == 0
    assert confidence.fannes_width([0.75, 0.9, 7.0], 4) == pytest.approx(np.log(4), abs=1e-15)
    assert confidence.fannes_width([0.1, 0.9], 1) == pytest.approx(0)
    grid = np.linspace(0, 1.2, 500)
    for S in (2, 3, 10):
        assert (np.diff(confidence.fannes_width(grid, S)) >= -1e-15).all()
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet([0.3] * 4, 500), rng.dirichlet([0.3] * 4, 500)
    gap = np.abs(dist.entropy(np.log(p)) - dist.entropy(np.log(q)))
    assert (gap <= confidence.fannes_width(np.abs(p - q).sum(axis=1) / 2, 4) + 1e-12).all()
    with pytest.raises(ValueError, match="eps"):
        confidence.fannes_width(-0.1, 3)


def test_binary_entropy_is_zero_at_both_ends():
    assert np.array_equal(distributions.binary_entropy([0.0, 1.0]), [0.0, 0.0])
    assert distributions.binary_entropy(0.5) == pytest.approx(np.log(2), abs=1e-15)


def test_log_confidence_and_radius():
    n = np.array([0, 1, 10])
    alpha = confidence.log_confidence(n, 3, 2, 4, 0.1)
    assert alpha == pytest.approx(np.log(2 * 24 / 0.1) + 3 * (1 + np.log1p(n)), abs=1e-12)
    assert confidence.total_variation_radius(n, 3, 2, 4, 0.1)[1:] == pytest.approx(
        np.sqrt(alpha / 2 / [1, 1, 10])[1:]
    )
    assert confidence.total_variation_radius(0, 3, 2, 4, 0.1) == np.inf
    assert confidence.count_margin(3, 2, 4, 0.1) == pytest.approx(np.log(6 * 24 / 0.1))


def test_softmax_divergence_bounds_and_the_need_for_a_sign():
    rng = np.random.default_rng(1)
    x, delta = rng.normal(size=(2000, 4)) * 2, rng.exponential(size=(2000, 4))
    kl = distributions.softmax_divergence(x, delta)
    second = np.sum(dist.softmax(x) * delta**2, axis=1) / 2
    assert (kl <= second * (1 + 1e-12)).all()
    assert (kl <= np.ptp(delta, axis=1) ** 2 / 8 * (1 + 1e-12)).all()
    signed = distributions.softmax_divergence(np.array([7.0, 0.0]), np.array([0.0, -9.0]))
    assert signed > 10 * dist.softmax(np.array([7.0, 0.0]))[1] * 81 / 2
