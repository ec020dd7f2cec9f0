"""token_selection: the published selections, by their own words and by what they refuse."""

import numpy as np
import pytest
from refusals import refusals

from rlentropy.studies import token_selection as select

RNG = np.random.default_rng(0)
LOG_P, ADV = -RNG.exponential(size=(50, 8)), RNG.standard_normal((50, 8))
COVARIANCE = select.batch_covariance(LOG_P, ADV)


def test_the_mean_is_the_covariance_of_the_batch():
    expected = np.cov(LOG_P.ravel(), ADV.ravel(), bias=True)[0, 1]
    assert COVARIANCE.mean() == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(("share", "count"), [(0, 0), (1e-4, 1), (0.02, 8), (0.0199, 7), (1, 400)])
def test_top_share_takes_the_largest(share, count):
    chosen = select.top_share(COVARIANCE, share)
    assert chosen.sum() == count
    if 0 < count < 400:
        assert COVARIANCE[chosen].min() >= COVARIANCE[~chosen].max()


@pytest.mark.parametrize(("share", "count"), [(0, 0), (2e-4, 1), (0.05, 20), (1, None)])
def test_the_band_is_drawn_from_at_random(share, count):
    inside = (COVARIANCE > 0.2) & (COVARIANCE < 2)
    chosen = select.random_in_band(np.random.default_rng(1), COVARIANCE, share, (0.2, 2.0))
    assert not np.any(chosen & ~inside)
    assert chosen.sum() == (inside.sum() if count is None else count)


def test_every_token_of_the_band_has_its_chance():
    rng = np.random.default_rng(2)
    draws = [select.random_in_band(rng, COVARIANCE, 0.05, (0.2, 2.0)) for _ in range(400)]
    inside = (COVARIANCE > 0.2) & (COVARIANCE < 2)
    expected = 20 / inside.sum()
    error = np.sqrt(expected * (1 - expected) / 400)
    assert np.abs(np.mean(draws, axis=0)[inside] - expected).max() < 5 * error


def test_an_empty_band_selects_nothing():
    assert not select.random_in_band(np.random.default_rng(3), COVARIANCE, 0.5, (90, 91)).any()


def test_ppo_has_no_gradient_past_its_limits():
    log_ratio = np.log([1.25, 1.25, 0.75, 0.75, 1.19, 0.81])
    adv = np.array([1.0, -1, 1, -1, 1, -1])
    kept = select.within_limits(log_ratio, adv, 0.2, 0.2)
    assert kept.tolist() == [False, True, True, False, True, True]
    assert select.within_limits(log_ratio, adv, 0.2, 0.28).tolist() == [True, *kept[1:]]


test_bad_input_is_named = refusals(
    (lambda: select.batch_covariance(LOG_P, ADV[1:]), r"adv: shape \(49, 8\)"),
    (lambda: select.top_share(COVARIANCE, 1.5), r"share = 1\.5"),
    (lambda: select.within_limits([0.0], [1.0, 2.0], 0.2, 0.2), r"adv: shape \(2,\)"),
)
