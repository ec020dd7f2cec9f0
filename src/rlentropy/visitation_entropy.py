"""The two entropies of a visitation d (..., H, S, A). They have different maximisers and are never called by one name.

    visitation_entropy          sum over stages of H(d_h)            (the second source; chapters 8 to 11)
    average_visitation_entropy  H(mean over stages of d_h)           (the published code of EntGame; chapters 11 and 13)
"""

import numpy as np

from rlentropy.distributions import entropy, log_probabilities
from rlentropy.validation import check_distribution


def visitation_entropy(d):
    """H_visit(d) = sum_h H(d_h) in nats; d (..., H, S, A) -> (...), between 0 and H log(S A).

    Raises ValueError unless d >= 0 and every stage sums to 1 (of a signed d the entropy is not defined).
    Source: def-episodic-visitation; Tiapkin et al. (2023), section 2.
    """
    return entropy(log_probabilities(_flat_stages(d))).sum(axis=-1)


def average_visitation_entropy(d):
    """H(mean_h d_h) in nats; d (..., H, S, A) -> (...), between 0 and log(S A). Raises as `visitation_entropy`.

    Concavity gives visitation_entropy(d) <= H * average_visitation_entropy(d).
    Source: the published code of Tiapkin et al. (2023), whose oracle maximises this one.
    """
    return entropy(log_probabilities(_flat_stages(d).mean(axis=-2)))


def _flat_stages(d):
    d = np.asarray(d, dtype=float)
    if d.ndim < 3:
        raise ValueError(f"d: shape {d.shape}, expected (..., H, S, A)")
    return check_distribution("d", d.reshape(*d.shape[:-2], -1))
