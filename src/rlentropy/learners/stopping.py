"""When may an explorer stop? As soon as what it has seen proves that little can be missing.

With probability at least 1 - delta, after every number T of episodes, for the mixture of the T
policies played (thm-entgame-stops):

    H* - H_visit(mixture)  <=  min_{t < T} Vbar_1^t(s_1) - sum_h H(n_h / T) + H phi_{SA}(eps_T).

The first term is an upper bound of H* while optimism holds; the second is the entropy of the
visits; the third pays for the difference between visits and visitation. All are known to the
learner. A decision to stop rests on portable arithmetic, so it is the same on every machine.
"""

from math import fsum, inf

import numpy as np
from numpy.typing import ArrayLike

from rlentropy.confidence import fannes_width, visits_radius
from rlentropy.portable import log
from rlentropy.validation import (
    LARGEST,
    check_array,
    check_confidence,
    check_integer,
    check_number,
    check_positive,
    refuse,
)


def entropy_of_visits(counts: ArrayLike) -> float:
    """sum_h H(n_h / T) in nats of visits n (H, S, A) in T >= 1 episodes.

    Raises ValueError for a negative count, and where a stage has another total than the first.
    """
    n = check_array("counts", counts, (None, None, None))
    refuse("counts", n, (n < 0) | (n > LARGEST), f"a count lies between 0 and {LARGEST}")
    totals = n.sum(axis=(1, 2))
    T = totals[0]
    refuse(
        "the total of counts",
        totals,
        (totals != T) | (totals < 1),
        "every stage has one visit an episode",
    )
    seen = n[n > 0]
    return float(len(n) * log(T)) - fsum(seen * log(seen)) / float(T)


def certified_gap(optimistic_value: float, counts: ArrayLike, *, delta: float) -> float:
    """optimistic_value - sum_h H(n_h / T) + H phi_{SA}(eps_T), in nats: how far the mixture of
    the policies played can be from the largest visitation entropy.

    optimistic_value  the least Vbar_1^t(s_1) of the plans made so far, or of some of them
    counts            (H, S, A) visits in T >= 1 episodes
    delta             the confidence of the run; its bonus has a factor of at least 1/2
    Stop when it is at most eps; it may be asked after every episode.
    Raises ValueError for arguments out of range. Source: thm-entgame-stops.
    """
    value = check_number("optimistic_value", optimistic_value)
    seen = entropy_of_visits(counts)
    H, S, A = np.shape(counts)
    T = float(np.sum(np.asarray(counts)[0]))
    radius = visits_radius(T, S, A, H, delta)
    return value - seen + H * float(fannes_width(radius, S * A))


class StoppingRule:
    """Looks at a run at times that grow by a fiftieth, and says when it may stop.

    eps    accuracy in nats, > 0;  delta: the confidence of the run
    next   the number of episodes at which it wants to look again
    gap    the last certified gap, infinity before the first look
    least  the least value of the plans looked at, infinity before the first look
    A look costs one entropy of the visits; between two looks the run is at most 2 % too long.
    Raises ValueError for arguments out of range. Source: thm-entgame-stops.
    """

    def __init__(self, eps: float, *, delta: float) -> None:
        self.eps = check_positive("eps", eps)
        self.delta = check_confidence("delta", delta)
        self.next = 1
        self.gap = inf
        self.least = inf

    def satisfied(self, episodes: int, optimistic_value: float, counts: ArrayLike) -> bool:
        """After ``episodes`` episodes, with the last plan's value and the visits: is the certified
        gap at most eps?"""
        episodes = check_integer("episodes", episodes, low=1)
        self.least = min(self.least, check_number("optimistic_value", optimistic_value))
        self.gap = certified_gap(self.least, counts, delta=self.delta)
        self.next = episodes + max(1, episodes // 50)
        return self.gap <= self.eps
