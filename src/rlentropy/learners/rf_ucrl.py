"""Reward-free exploration by RF-UCRL, which the entropy explorers are compared with.

RF-UCRL (Kaufmann et al. 2021) bounds how wrong the value of *any* reward function in [0, 1] can be,
and goes where the
bound is largest. With n visits and beta(n) = log(2 S A H / delta) + (S - 1) log(e (1 + n / (S -
1))):

    E_h(s, a) = min{H - h, c (H - h) sqrt(2 beta(n) / n) + (phat max_a' E_{h+1})(s, a)},   E_H = 0,
    next policy greedy in E.

A pair without visits has E = H - h, an unavailable action E = -infinity. Ties are broken at random.

With ``published_code`` it is the code published with the entropy explorers (Tiapkin et al. 2023,
commit 74af23f): other constants, an H-th transition, phat uniform where n = 0, and a ceiling
2 (H - h + 1) on max E only if ``clip``, which its configuration of the double chain sets and that
of the grid does not. That code also breaks *near*-ties at random (``ties="near"``), plans once
more after the last episode as this one does, and has delta = 0.1 fixed; random numbers differ.
"""

from dataclasses import dataclass, field
from math import e, sqrt
from typing import NamedTuple

import numpy as np

from rlentropy._compile import kernel
from rlentropy._portable_kernels import log
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import markov_policy
from rlentropy.learners import model as empirical_model
from rlentropy.learners import simulator
from rlentropy.learners._entgame_kernels import is_near
from rlentropy.learners._loop import ModelLearner, explore
from rlentropy.results import lazy, result
from rlentropy.validation import check_choice, check_confidence, check_flag, check_interval


@dataclass(frozen=True)
class RewardFreeOptions:
    """Where the paper and the code published with the entropy explorers part;
    the defaults are the paper's bonus.

    pooled          True: one count n(s, a) for all stages (needs a stationary kernel); False:
                    counts n_h(s, a)
    published_code  True: E_h = c (H - h + 1) sqrt(beta / max(1, n)) + phat max E,
                    phat uniform where n = 0, stage H
                    included, and the ceiling 2 (H - h + 1) on max_a E only if ``clip``
    clip            see published_code; without effect on the paper's form
    bonus_scale     factor c
    delta           confidence level in (0, 1)
    ties            "random": one of the maximisers; "near": one of the actions within
                    1e-8 + 1e-5 max of the largest, as the published code has it
    """

    pooled: bool = True
    published_code: bool = False
    clip: bool = True
    bonus_scale: float = 1.0
    delta: float = 0.1
    ties: str = "random"

    def __post_init__(self):
        for name in ("pooled", "published_code", "clip"):
            check_flag(name, getattr(self, name))
        check_choice("ties", self.ties, ("random", "near"))
        check_confidence("delta", self.delta)
        check_interval("bonus_scale", self.bonus_scale, 0.0, 1e150)


@result
class RewardFreeResult:
    """counts (H, S, A) of the run; error (H, S, A): the bound E after the last episode,
    -infinity at unavailable actions."""

    counts: np.ndarray = field(repr=False)
    error: np.ndarray = field(repr=False)

    @lazy
    def policy(self) -> np.ndarray:
        """pi_h(a|s) = n_h(s, a) / n_h(s), uniform where n_h(s) = 0; (H, S, A)."""
        return markov_policy(self.counts, available=self.error[0] > -np.inf)


def rf_ucrl(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    options: RewardFreeOptions | None = None,
) -> RewardFreeResult:
    """Play ``episodes`` episodes of RF-UCRL; returns a `RewardFreeResult`.

    The learner sees sampled transitions only.
    Raises ValueError if pooled counts (or the published code, which observes
    an H-th transition) are asked of a kernel that changes with the stage.
    Source: Kaufmann et al. (2021), algorithm 1; the published code of Tiapkin et al.
    (2023), commit 74af23f.
    """
    return explore(mdp, episodes, seed, _State, options)


class _Limits(NamedTuple):
    """Numbers of each stage, each (H,)."""

    weight: np.ndarray  # factor of sqrt(beta / n)
    ceiling: np.ndarray  # of E
    top: np.ndarray  # of max E


class _State(ModelLearner):
    """Counts, empirical kernels, radii and the bound E."""

    kind = RewardFreeOptions
    changing = ("model", "radius", "counts", "E")

    def __init__(self, H, available, options=None):
        super().__init__(H, available, options)
        S, A = available.shape
        self.last = self.options.published_code
        self.near = self.options.ties == "near"
        self.limits = _limits(H, self.options)
        self.radius = np.full(self.model.visits.shape, _radius(0, S, A, H, self.options.delta))
        self.E = np.tile(np.where(available, 0.0, -np.inf), (H, 1, 1))

    def advance(self, world, uniforms):
        o = self.options
        settings = (o.pooled, o.published_code, self.near, o.delta, self.limits)
        self.model = _play(uniforms, world, *settings, self.counts, self.model, self.radius, self.E)

    def act(self, h, s, u):
        return int(draw_greedy(self.E[h, s], u, self.near))

    def observe(self, k, s, a, after):
        settings = (self.E.shape, self.options.delta)
        self.model = _observe(self.model, self.radius, *settings, k, s, a, after)

    def end(self):
        o = self.options
        _plan(o.pooled, o.published_code, self.limits, self.model, self.radius, self.E)

    def close(self, s, away):
        super().close(s, away)
        self.E[:, s, away] = -np.inf

    def result(self):
        return RewardFreeResult(counts=self.counts.copy(), error=self.E.copy())


def _limits(H, options):
    if not options.published_code:
        left = np.arange(H - 1, -1, -1.0)
        return _Limits(options.bonus_scale * sqrt(2) * left, left, left)
    left = np.arange(H, 0, -1.0)
    unlimited = np.full(H, np.inf)
    return _Limits(options.bonus_scale * left, unlimited, 2 * left if options.clip else unlimited)


@kernel
def _radius(n, S, A, H, delta):
    """sqrt(beta(n) / max(1, n))."""
    beta = log(2 * S * A * H / delta)
    if S > 1:
        beta += (S - 1) * log(e * (1 + n / (S - 1)))
    return sqrt(beta / max(1, n))


@kernel
def _plan(pooled, published_code, limits, model, radius, E):
    H, S, A = E.shape
    weight, ceiling, top = limits
    F = np.empty(S)
    after = np.zeros(S)
    for h in range(H - 1, -1, -1):
        k = 0 if pooled else h
        average = after.mean()
        for s in range(S):
            largest = -np.inf
            for a in range(A):
                row = s * A + a
                n = model.visits[k, row]
                error = weight[h] * radius[k, row]
                if n > 0:
                    if h < H - 1:
                        error += empirical_model.row_mean(model, k, row, after)
                elif n < 0:  # unavailable
                    error = -np.inf
                else:
                    error = error + average if published_code else np.inf
                E[h, s, a] = min(error, ceiling[h])
                largest = max(largest, E[h, s, a])
            F[s] = min(largest, top[h])
        after, F = F, after


@kernel
def _observe(model, radius, sizes, delta, k, s, a, after):
    """A transition of (s, a) in model k, and the radius that follows; sizes (H, S, A)."""
    H, S, A = sizes
    row = s * A + a
    model = empirical_model.record(model, k, row, after)
    radius[k, row] = _radius(model.visits[k, row], S, A, H, delta)
    return model


@kernel
def _play(uniforms, world, pooled, published_code, near, delta, limits, counts, model, radius, E):
    """len(uniforms) episodes; all but ``model``, which is returned, change in place.
    The tests hold a plain twin."""
    H, _, A = E.shape
    for t in range(len(uniforms)):
        s = simulator.begin(world, uniforms[t])
        for h in range(H):
            a = draw_greedy(E[h, s], uniforms[t, 2 * h], near)
            counts[h, s, a] += 1
            if h < H - 1 or published_code:
                k = 0 if pooled else h
                after = simulator.draw(world, h, s * A + a, uniforms[t, 2 * h + 1])
                model = _observe(model, radius, E.shape, delta, k, s, a, after)
                s = after
        _plan(pooled, published_code, limits, model, radius, E)
    return model


@kernel
def draw_greedy(q: np.ndarray, u: float, near: bool) -> int:
    """One of the maximisers of q, or of the actions ``near`` to them, the uniform number u
    deciding."""
    top = q.max()
    ties = 0
    for a in range(len(q)):
        ties += is_near(q[a], top) if near else q[a] == top
    pick = int(u * ties)
    for a in range(len(q)):
        if is_near(q[a], top) if near else q[a] == top:
            if pick == 0:
                return a
            pick -= 1
    return len(q) - 1
