"""UCBVI-Ent as its authors' published code runs it, with each difference to the theory as a named
option.

After every episode, with n visits of (s, a), empirical kernel phat,
v_h = (H - h + 1) log(S A) and scale c:

    Qbar_h = H(phat) + c [v_h sqrt(beta_1 / n) + sqrt(beta_2 / n) + beta_3 / n] + phat Vbar_{h+1},
    Vbar_h = min(v_h, log sum_a exp Qbar_h),   next policy softmax(Qbar),

    beta_1 = log(4 S A H / delta) + log(4 e n (2 n + 1)),
    beta_2 = log(4 S A H / delta) + log(n)^2 log(2 n (n + 1)),
    beta_3 = (S - 1) log(e (1 + n / (S - 1))) + 1.

The published code clips whatever its configuration says (``clip`` is overwritten by True there),
also on the grid, where the configuration of the other learners says no ceiling.
A pair without visits has n = 1 where n divides or stands alone in a logarithm, n = 0 elsewhere,
and phat uniform on all
states; an unavailable action has Qbar = -infinity. Source: rem-ucbvi-ent; Tiapkin et al.
(2023), published code, commit 74af23f; described, not copied.
"""

from dataclasses import dataclass, field
from math import e, sqrt

import numpy as np

from rlentropy import portable
from rlentropy._compile import kernel
from rlentropy._portable_kernels import exp, log
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.learners import model as empirical_model
from rlentropy.learners import simulator
from rlentropy.learners._loop import ModelLearner, draw_available, explore
from rlentropy.results import result
from rlentropy.validation import check_confidence, check_flag, check_interval


@dataclass(frozen=True)
class Options:
    """Where code and theory part; the defaults are the published code.

    pooled           True: one count n(s, a) for all stages (needs a stationary kernel); False:
                     counts n_h(s, a)
    last_transition  True: H(phat) and the bonus are paid at stage H too,
                     for a state s_{H+1} outside the trajectory
                     (observed as well, hence stationary kernels only); False: Qbar_H = 0
    clip             True: Vbar_h <= v_h; the published code forces this whatever its configuration
                     says
    bonus_scale      factor c of the bonus; 0 is the published variant without bonus
    delta            confidence level in (0, 1); the published code has 0.1
    """

    pooled: bool = True
    last_transition: bool = True
    clip: bool = True
    bonus_scale: float = 1.0
    delta: float = 0.1

    def __post_init__(self):
        for name in ("pooled", "last_transition", "clip"):
            check_flag(name, getattr(self, name))
        check_confidence("delta", self.delta)
        check_interval("bonus_scale", self.bonus_scale, 0.0, 1e150)


@result
class SoftExplorerRun:
    """counts (H, S, A) of the learning run; log_pi (H, S, A) of the policy learned,
    softmax Qbar after the last one.

    The published experiment throws the learning run's counts away and reports a fresh run of the
    final policy:
    ``simulator.roll_out(mdp, run.policy, episodes, seed)``.
    """

    counts: np.ndarray = field(repr=False)
    log_pi: np.ndarray = field(repr=False)

    @property
    def policy(self) -> np.ndarray:
        """softmax Qbar; shape (H, S, A)."""
        return portable.exp(self.log_pi)


def run(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    options: Options | None = None,
) -> SoftExplorerRun:
    """Play ``episodes`` episodes of UCBVI-Ent; returns a `SoftExplorerRun`.

    mdp      `EpisodicMDP`, of which the learner sees sampled transitions only
    seed     whole number >= 0 or SeedSequence
    options  `Options`, the published code by default
    Raises ValueError if pooled counts or an H-th transition are asked of a kernel that changes with
    the stage.
    """
    return explore(mdp, episodes, seed, _State, options)


class _State(ModelLearner):
    """Counts, empirical kernels, the terms of the bonus and Qbar."""

    kind = Options
    changing = ("model", "steep", "flat", "counts", "Q")

    def __init__(self, H, available, options=None):
        super().__init__(H, available, options)
        S, A = available.shape
        self.last = self.options.last_transition
        unseen = bonus_terms(0, S, A, H, self.options.delta)
        self.steep = np.full(self.model.visits.shape, unseen[0])
        self.flat = np.full(self.model.visits.shape, portable.log(S))
        self.flat += self.options.bonus_scale * unseen[1]
        self.flat[self.model.visits < 0] = -np.inf
        self.Q = np.tile(np.where(available, 0.0, -np.inf), (H, 1, 1))

    def advance(self, world, uniforms):
        o = self.options
        settings = (o.pooled, o.last_transition, o.clip, o.bonus_scale, o.delta)
        tables = (self.counts, self.model, self.steep, self.flat, self.Q)
        self.model = _play(uniforms, world, *settings, *tables)

    def observe(self, k, s, a, after):
        tables = (self.model, self.steep, self.flat)
        settings = (self.Q.shape, self.options.bonus_scale, self.options.delta)
        self.model = _observe(*tables, *settings, k, s, a, after)

    def end(self):
        o = self.options
        tables = (self.model, self.steep, self.flat, self.Q)
        _plan(o.pooled, o.last_transition, o.clip, o.bonus_scale, *tables)

    def close(self, s, away):
        super().close(s, away)
        self.flat[self.model.visits < 0] = -np.inf
        self.Q[:, s, away] = -np.inf

    def result(self):
        return SoftExplorerRun(counts=self.counts.copy(), log_pi=portable.log_softmax(self.Q))


@kernel
def bonus_terms(n: int, S: int, A: int, H: int, delta: float) -> tuple[float, float]:
    """(sqrt(beta_1 / n), sqrt(beta_2 / n) + beta_3 / n) with n = 0 as the published code has it."""
    m = max(n, 1)
    base = log(4 * S * A * H / delta)
    beta_1 = base + log(4 * e * m * (2 * n + 1))
    beta_2 = base + log(m) * log(m) * log(2 * m * (n + 1))
    beta_3 = 1.0
    if S > 1:
        beta_3 += (S - 1) * log(e * (1 + n / (S - 1)))
    return sqrt(beta_1 / m), sqrt(beta_2 / m) + beta_3 / m


@kernel
def _plan(pooled, last_transition, clip, scale, model, steep, flat, Q):
    H, S, A = Q.shape
    V = np.empty(S)
    after = np.zeros(S)
    for h in range(H - 1, -1, -1):
        k = 0 if pooled else h
        inside = h < H - 1
        ceiling = (H - h) * log(S * A)
        average = after.mean()
        for s in range(S):
            top = -np.inf
            for a in range(A):
                row = s * A + a
                n = model.visits[k, row]
                q = flat[k, row] + scale * ceiling * steep[k, row]
                if inside:
                    q += empirical_model.row_mean(model, k, row, after) if n > 0 else average
                elif not last_transition:
                    q = 0.0 if n >= 0 else -np.inf
                Q[h, s, a] = q
                top = max(top, q)
            V[s] = ceiling
            if not (clip and top >= ceiling):  # else log sum exp exceeds the ceiling as well
                total = 0.0
                for a in range(A):
                    total += exp(Q[h, s, a] - top)
                V[s] = min(ceiling, top + log(total)) if clip else top + log(total)
        after, V = V, after


@kernel
def _observe(model, steep, flat, sizes, scale, delta, k, s, a, after):
    """A transition of (s, a) in model k, and the terms that follow; sizes (H, S, A)."""
    H, S, A = sizes
    row = s * A + a
    model = empirical_model.record(model, k, row, after)
    steep[k, row], other = bonus_terms(model.visits[k, row], S, A, H, delta)
    flat[k, row] = empirical_model.row_entropy(model, k, row) + scale * other
    return model


@kernel
def _play(
    uniforms, world, pooled, last_transition, clip, scale, delta, counts, model, steep, flat, Q
):
    """len(uniforms) episodes; all but ``model``, which is returned, change in place.
    The tests hold a plain twin."""
    H, _, A = Q.shape
    for t in range(len(uniforms)):
        s = simulator.begin(world, uniforms[t])
        for h in range(H):
            a = draw_available(Q[h, s], uniforms[t, 2 * h])
            counts[h, s, a] += 1
            if h < H - 1 or last_transition:
                k = 0 if pooled else h
                after = simulator.draw(world, h, s * A + a, uniforms[t, 2 * h + 1])
                model = _observe(model, steep, flat, Q.shape, scale, delta, k, s, a, after)
                s = after
        _plan(pooled, last_transition, clip, scale, model, steep, flat, Q)
    return model
