"""Policies of largest visitation entropy, exactly and with a certified gap.

    sum      max of sum_h H(d_h), the visitation entropy: `solve`
    average  max of H(mean_h d_h), the entropy of the average visitation: `solve_average`
    mirror   mirror ascent for both, with a rate that does not know the kernel: `mirror_ascent`
    frank_wolfe  the classical baseline for the first: `frank_wolfe`

The two problems have different solutions and are never called by one name.
"""

from rlentropy.episodic.max_entropy.average import AverageOptimum, average_dual_value, solve_average
from rlentropy.episodic.max_entropy.frank_wolfe import FrankWolfe, frank_wolfe
from rlentropy.episodic.max_entropy.mirror import (
    MirrorAscent,
    mirror_ascent,
    mirror_bound,
    path_divergence,
)
from rlentropy.episodic.max_entropy.sum import (
    Optimum,
    certificate,
    dual_value,
    policy_of_potentials,
    potential_differences,
    potentials_of_visitation,
    solve,
)
from rlentropy.validation import NotConverged

__all__ = [
    "AverageOptimum",
    "FrankWolfe",
    "MirrorAscent",
    "NotConverged",
    "Optimum",
    "average_dual_value",
    "certificate",
    "dual_value",
    "frank_wolfe",
    "mirror_ascent",
    "mirror_bound",
    "path_divergence",
    "policy_of_potentials",
    "potential_differences",
    "potentials_of_visitation",
    "solve",
    "solve_average",
]
