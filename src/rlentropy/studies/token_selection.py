"""Which sampled tokens a control of entropy picks: by their covariance within the batch.

Arrays of one shape, any number of axes: ``log_p`` the log-probabilities of the sampled tokens,
``adv`` their advantages; entries are one batch, padding left out.
Source: Cui et al. (2025), section 4, and their code, verl/trainer/ppo/core_algos.py, as of 2025.
"""

import numpy as np
from numpy.typing import ArrayLike

from rlentropy._types import Bools, Floats
from rlentropy.validation import (
    check_array,
    check_interval,
    check_kind,
    check_nonnegative,
    check_number,
)

# The values of the published code.
CLIP_COV_SHARE = 2e-4
CLIP_COV_BAND = (1.0, 5.0)
KL_COV_SHARE = 2e-3


def batch_covariance(log_p: ArrayLike, adv: ArrayLike) -> Floats:
    """(log p - mean of log p) (A - mean of A), the means over the whole batch; shape of log_p.

    Its mean is the covariance of log p and A in the batch. Source: rem-batch-cov.
    """
    log_p = check_array("log_p", log_p)
    adv = check_array("adv", adv, log_p.shape)
    return (log_p - log_p.mean()) * (adv - adv.mean())


def top_share(covariance: ArrayLike, share: float) -> Bools:
    """Booleans like covariance: the max(1, floor(share N)) of N entries with the largest values.

    KL-Cov selects so, with share 0.002; a share of 0 selects nothing. Ties go to the first.
    """
    covariance = check_array("covariance", covariance)
    share = check_interval("share", share, 0, 1)
    chosen = np.zeros(covariance.size, bool)
    if share > 0:
        count = max(1, int(share * covariance.size))
        chosen[np.argsort(-covariance, axis=None, kind="stable")[:count]] = True
    return chosen.reshape(covariance.shape)


def random_in_band(
    rng: np.random.Generator, covariance: ArrayLike, share: float, band: tuple[float, float]
) -> Bools:
    """Booleans like covariance: max(1, floor(share N)) of the entries with low < covariance < high,
    drawn at random, all of them if there are fewer.

    Clip-Cov selects so, with share 0.0002 and the band (1, 5); a share of 0 selects nothing.
    """
    check_kind("rng", rng, np.random.Generator)
    check_array("band", band, (2,))
    covariance = check_array("covariance", covariance)
    share = check_interval("share", share, 0, 1)
    low, high = check_number("band[0]", band[0]), check_number("band[1]", band[1])
    inside = np.flatnonzero((covariance > low) & (covariance < high))
    count = min(max(1, int(share * covariance.size)), inside.size) if share > 0 else 0
    chosen = np.zeros(covariance.size, bool)
    chosen[rng.choice(inside, count, replace=False)] = True
    return chosen.reshape(covariance.shape)


def within_limits(log_ratio: ArrayLike, adv: ArrayLike, low: float, high: float) -> Bools:
    """False where PPO's clipped ratio has no gradient: A > 0 and ratio > 1 + high, or A < 0 and
    ratio < 1 - low; booleans like log_ratio.

    log_ratio is log p of now less that of when the token was drawn. low, high >= 0; the same 0.2 in
    PPO, high 0.28 in DAPO's clip-higher.
    """
    low = check_nonnegative("low", low)
    high = check_nonnegative("high", high)
    log_ratio = check_array("log_ratio", log_ratio)
    adv = check_array("adv", adv, log_ratio.shape)
    ratio = np.exp(log_ratio)
    past = ((adv > 0) & (ratio > 1 + high)) | ((adv < 0) & (ratio < 1 - low))
    return ~past
