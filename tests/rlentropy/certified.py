"""What the optima of both solvers claim of themselves, recomputed by the plain functions."""

import numpy as np
import pytest

from rlentropy.episodic import induction
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic import visitation as vis


def assert_certified(mdp, best, tol):
    """Every claim of an `Optimum` or an `AverageOptimum`, and a gap that is small enough."""
    average = isinstance(best, mve.AverageOptimum)
    rounding = 1e-13 * max(1, best.value)
    induction.check_markov_policy(mdp, best.policy)
    np.testing.assert_allclose(best.policy.sum(axis=2), 1, atol=1e-14)
    d = vis.policy_visitation(mdp, best.policy)
    np.testing.assert_allclose(d, best.visitation, atol=1e-14)
    if average:
        np.testing.assert_allclose(d.mean(axis=0), best.average, atol=1e-14)
        value, upper = vis.average_visitation_entropy(d), mve.average_dual_value(mdp, best.prices)
    else:
        value, upper = vis.visitation_entropy(d), mve.dual_value(mdp, best.dual)
    assert value == pytest.approx(best.value, abs=rounding)
    assert max(upper - value, 0) == pytest.approx(best.gap, abs=2 * rounding)
    assert 0 <= best.gap <= max(tol, 5e-13 * best.value)
    assert best.bounds.shape == (best.iterations + 1, 2)
    assert (np.diff(best.bounds[:, 1]) <= 0).all()
    assert (best.bounds[:, 0] <= best.bounds[:, 1] + 1e-9).all()
