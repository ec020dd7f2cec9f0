"""The proof that EntGame is PAC, as numbers: its inequalities evaluated along a run,
and the bound it ends in. It judges both rules of `entgame.run`: the proof uses the policy only
through Vbar_h(s) <= Qbar_h(s, a_played), which holds for either (def-unclipped-rule).

With probability at least 1 - delta, after a fixed number T >= max(2,
S A L_2) of episodes (thm-entgame-pac),

    H* - H_visit(d)  <=  (H^2 B_T / T) [8 (c_b + 1/2) sqrt(S A T alpha(delta,
    T)) + S A (4 L' + 1)]      sampler
                       + H B_T sqrt(L_1 / (2 T))
                       Azuma
                       + H log(S A T) sqrt(S A L_2 / T)
                       visits
                       + H (R_T + 2) / T
                       forecaster

B_T = log(T / n_0 + S A), L_1 = log(6 / delta), L_2 = log(12 S A H / delta),
L' = log(6 S A H / delta), n_0 >= 1/2,
c_b >= 1/2 the factor of the bonus.
`measure` plays EntGame and judges every episode exactly, with the true kernel in
hand; so only whoever judges a learner may use this module.
Entropies, values and losses are in nats.
"""

from collections.abc import Iterable
from dataclasses import field
from math import e, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from rlentropy import confidence
from rlentropy.audits import _entgame_kernels as kernels
from rlentropy.audits import _given, _inverse
from rlentropy.distributions import entropy, log_probabilities
from rlentropy.episodic import forecaster, induction, max_entropy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import policy_visitation, visitation_entropy
from rlentropy.learners import _entgame_kernels as game
from rlentropy.learners import _entgame_unclipped as unclipped
from rlentropy.learners import entgame, simulator
from rlentropy.learners._loop import blocks
from rlentropy.results import result
from rlentropy.seeds import generator
from rlentropy.validation import (
    check_confidence,
    check_distribution,
    check_integer,
    check_interval,
    check_kind,
    check_nonnegative,
    check_number,
    check_sizes,
)

# What the inequalities of `Audit.inequalities` say, left <= right, and which statement of the book
# asserts it.
INEQUALITIES = {
    "I1": (r"$\max n\,\mathrm{KL}(\hat p\Vert p)/\alpha\le1$", "lem-kl-concentration"),
    "I2": (r"$\max(\frac12N-n)\le L'$", "lem-counts"),
    "I3": (r"$\max(Q^\star-\bar Q,\,V^\star-\bar V)\le0$", "lem-optimism"),
    "I4": (r"$\max(\mathcal H^\star-V_1^{\star})\le0$", "cor-certificate"),
    "I5": (r"$\max(\bar V_1-V_1^\pi-\langle d,w\rangle)\le0$", "lem-gap"),
    "I6a": (r"$\sum(V_1^{\star}-V_1^\pi)\le\sum\langle d,w\rangle$", "lem-gap"),
    "I6b": (r"$\sum\langle d,w\rangle\le$ closed form", "lem-sum"),
    "I7": (r"$\sum_tY_t-T\sum_hH(\tilde d_h)\le HR_T$", "thm-forecaster-regret"),
    "I8": (r"$\sum_t(\langle d^t,r^{t-1}\rangle-Y_t)\le HB_T\sqrt{TL_1/2}$", "thm-entgame-pac"),
    "I9": (r"$\max_h\Vert n_h-N_h\Vert_1\le2\sqrt{SAL_2T}$", "lem-tv"),
    "I9b": (r"$T\sum_h(H(\tilde d_h)-H(\hat d_h))\le$ change of law", "thm-entgame-pac"),
    "I10": (
        r"$\mathcal H^\star-\mathcal H_{\mathrm{visit}}(\hat d)\le$ theorem",
        "thm-entgame-pac",
    ),
}
MEANING = {name: says for name, (says, _) in INEQUALITIES.items()}
SOURCE = {name: source for name, (_, source) in INEQUALITIES.items()}


# --------------------------------------------------------------------------------------- the bound


def logarithms(S: int, A: int, H: int, delta: float) -> tuple[float, float, float]:
    """(L_1, L_2, L') = (log 6/delta, log 12 S A H/delta, log 6 S A H/delta).
    Source: thm-entgame-pac."""
    check_sizes(S=S, A=A, H=H)
    margin = confidence.count_margin(S, A, H, delta)
    return log(6 / delta), log(12 * S * A * H / delta), margin


def shortest_run(S: int, A: int, H: int, delta: float) -> float:
    """max(2, S A L_2): the theorem speaks of runs at least as long. Source: thm-entgame-pac."""
    return max(2.0, logarithms(S, A, H, delta)[1] * S * A)


def sampler_bound(
    T: float, S: int, A: int, H: int, delta: float, *, n0: float = 1, bonus_scale: float = 1.0
) -> float:
    """H^2 B_T [8 (c_b + 1/2) sqrt(S A T alpha) + S A (4 L' + 1)]: bound on the summed widths.
    Source: lem-sum."""
    T = _given.length(T)
    bonus_scale = _given.scale(bonus_scale)
    B = float(entgame.reward_bound(T, S, A, n0))
    margin = logarithms(S, A, H, delta)[2]
    root = sqrt(S * A * T * float(confidence.log_confidence(T, S, A, H, delta)))
    return H**2 * B * (8 * (bonus_scale + 0.5) * root + S * A * (4 * margin + 1))


def azuma_bound(T: float, S: int, A: int, H: int, delta: float, *, n0: float = 1) -> float:
    """H B_T sqrt(T L_1 / 2). Source: eq-azuma."""
    T = _given.length(T)
    check_sizes(S=S, A=A, H=H)
    B = float(entgame.reward_bound(T, S, A, n0))
    return H * B * sqrt(T * logarithms(S, A, H, delta)[0] / 2)


def visits_bound(T: float, S: int, A: int, H: int, delta: float) -> float:
    """2 sqrt(S A L_2 T) >= sum over (s, a) of |n_h - N_h|. Source: lem-tv."""
    T = _given.length(T)
    check_sizes(S=S, A=A, H=H)
    return 2 * sqrt(S * A * logarithms(S, A, H, delta)[1] * T)


def bound_terms(
    T: float, S: int, A: int, H: int, delta: float, *, n0: float = 1, bonus_scale: float = 1.0
) -> dict[str, float]:
    """The four terms of the bound by name: sampler, Azuma, visits, forecaster.

    Raises ValueError outside the theorem: it speaks of S >= 2, T >= `shortest_run`, n0 >= 1/2 and
    bonus_scale >= 1/2. Source: thm-entgame-pac.
    """
    _check_theorem(S, A, H, delta, n0, bonus_scale)
    least = shortest_run(S, A, H, delta)
    if not _given.length(T) >= least:
        raise ValueError(f"T = {T}: the theorem speaks of at least {least:.6g} episodes")
    return _bound_terms(T, S, A, H, delta, n0=n0, bonus_scale=bonus_scale)


def _check_theorem(S, A, H, delta, n0, bonus_scale):
    """The hypotheses of thm-entgame-pac other than the length of the run."""
    check_integer("S", S, low=2)
    check_integer("A", A, low=1)
    check_integer("H", H, low=1)
    check_confidence("delta", delta)
    for name, x in {"n0": n0, "bonus_scale": bonus_scale}.items():
        if not check_number(name, x) >= 0.5:
            raise ValueError(f"{name} = {x}: the theorem wants at least 1/2")


def _bound_terms(T, S, A, H, delta, *, n0, bonus_scale):
    """The formulas of `bound_terms`, also where the theorem says nothing."""
    return {
        "sampler": sampler_bound(T, S, A, H, delta, n0=n0, bonus_scale=bonus_scale) / T,
        "Azuma": azuma_bound(T, S, A, H, delta, n0=n0) / T,
        "visits": H * log(S * A * T) * visits_bound(T, S, A, H, delta) / (2 * T),
        "forecaster": H * (float(forecaster.worst_regret(T, S * A, n0)) + 2) / T,
    }


def pac_bound(
    T: float, S: int, A: int, H: int, delta: float, *, n0: float = 1, bonus_scale: float = 1.0
) -> float:
    """The bound on H* - H_visit after T episodes, in nats: the sum of `bound_terms`.

    Raises ValueError outside the theorem, as `bound_terms`. Source: thm-entgame-pac.
    """
    return sum(bound_terms(T, S, A, H, delta, n0=n0, bonus_scale=bonus_scale).values())


def trivial_bound(S: int, A: int, H: int) -> float:
    """H log(S A): no policy loses more, since 0 <= H_visit <= H log(S A)."""
    check_sizes(S=S, A=A, H=H)
    return H * log(S * A)


def episodes_needed(
    eps: float, S: int, A: int, H: int, delta: float, *, n0: float = 1, bonus_scale: float = 1.0
) -> float:
    """Smallest T >= `shortest_run`, to a relative 1e-9, with pac_bound(T) <= eps.

    Beyond `shortest_run` the bound decreases in T, so it is found by doubling and halving.
    Raises ValueError for eps <= 0, for n0 or bonus_scale below 1/2 (there is no theorem, so no
    number of episodes) and for S < 2. Source: thm-entgame-pac.
    """
    _check_theorem(S, A, H, delta, n0, bonus_scale)

    def bound(T):
        return pac_bound(T, S, A, H, delta, n0=n0, bonus_scale=bonus_scale)

    return _inverse.episodes_needed(bound, eps, least=shortest_run(S, A, H, delta), relative=1e-9)


# ----------------------------------------------------------------------------------------- the run


@result
class Audit:
    """A run of EntGame judged by the true kernel.
    Arrays (k,) belong to the times ``T``; everything in nats.

    regret       sum over episodes of V*_1 - <d, r>, the loss of the sampler in its own game
    width        sum of <d, w>
    reward       sum of <d^t, r^{t-1}>;  paid: sum of log 1 / dbar over the pairs visited
    in_range     sum over h < H of <d, H B_t sqrt(alpha / 2n)>:
                 what Pinsker's inequality charges for phat - p
    deviation    sum over h < H of <d, sqrt(2 alpha Var_p(V) / n)>:
                 the leading term a variance would charge
    failed       number of episodes planned without optimism (a difference below -1e-12 H B_t)
    visits       largest over h of sum |n_h - N_h|
    sampled      sum over h of H(n_h / T);  achieved:
                 sum over h of H(N_h / T), the entropy of the output mixture
    optimum      H*, the largest visitation entropy (a lower bound, certified to 1e-10)
    divergence   largest n KL(phat || p) / alpha(delta, n) of the whole run
    slack        smallest slack over the whole run by name:
                 counts, optimism, certificate, gap below, gap above
    counts       (H, S, A) visits after the last episode;  visitation (H, S, A) of the mixture
    """

    config: entgame.Config
    size: tuple
    T: np.ndarray
    optimum: float
    divergence: float
    regret: np.ndarray = field(repr=False)
    width: np.ndarray = field(repr=False)
    reward: np.ndarray = field(repr=False)
    paid: np.ndarray = field(repr=False)
    in_range: np.ndarray = field(repr=False)
    deviation: np.ndarray = field(repr=False)
    failed: np.ndarray = field(repr=False)
    visits: np.ndarray = field(repr=False)
    sampled: np.ndarray = field(repr=False)
    achieved: np.ndarray = field(repr=False)
    slack: dict = field(repr=False)
    counts: np.ndarray = field(repr=False)
    visitation: np.ndarray = field(repr=False)

    def inequalities(self, i: int = -1) -> dict[str, tuple[float, float]]:
        """{name: (left, right)}: the inequalities I1, ..., I10 of the proof, left <= right,
        at time T[i].

        I1 to I5 are about every episode of the whole run.
        Right sides of I6b and I10 are those of the theorem,
        whether or not the bonus of this run is large enough for it.
        """
        S, A, H = self.size
        T = int(self.T[i])
        sizes = (T, S, A, H, self.config.delta)
        n0 = self.config.n0
        both: dict[str, Any] = {"n0": n0, "bonus_scale": self.config.bonus_scale}
        margin = confidence.count_margin(S, A, H, self.config.delta)
        regret = float(forecaster.worst_regret(T, S * A, n0))
        visits = visits_bound(*sizes)
        terms = _bound_terms(*sizes, **both)
        return {
            "I1": (self.divergence, 1.0),
            "I2": (margin - self.slack["counts"], margin),
            "I3": (-self.slack["optimism"], 0.0),
            "I4": (-self.slack["certificate"], 0.0),
            "I5": (-self.slack["gap above"], 0.0),
            "I6a": (self.regret[i], self.width[i]),
            "I6b": (self.width[i], sampler_bound(*sizes, **both)),
            "I7": (self.paid[i] - T * self.sampled[i], H * regret),
            "I8": (self.reward[i] - self.paid[i], azuma_bound(*sizes, n0=n0)),
            "I9": (self.visits[i], visits),
            "I9b": (
                T * (self.sampled[i] - self.achieved[i]),
                H * (2 + log(S * A * T) * visits / 2),
            ),
            "I10": (self.optimum - self.achieved[i], sum(terms.values())),
        }


def measure(
    mdp: EpisodicMDP,
    T: Iterable[int],
    seed: int | np.random.SeedSequence,
    *,
    n0: float = 1,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
    saturated: str = "unclipped",
    optimum: float | None = None,
) -> Audit:
    """`Audit` of the run ``entgame.run(mdp, T[-1], seed, ...)``,
    judged in every episode at O(H S^2 A) each.

    T          increasing whole numbers >= 1: the times at which sums and entropies are reported
    saturated  the rule at the ceiling, as in `entgame.run`
    optimum    H* if already known, else it is solved for
    Raises ValueError for arguments out of range. Source: thm-entgame-pac.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    T = _given.times(T)
    n0 = _given.prior(n0)
    optimum = None if optimum is None else check_number("optimum", optimum)
    config = entgame.settings(
        "per stage", int(T[-1]), n0=n0, delta=delta, bonus_scale=bonus_scale, saturated=saturated
    )
    optimum = max_entropy.solve(mdp).value if optimum is None else optimum
    judge = _Judge(mdp, config, optimum)
    rng = generator(seed)
    columns = []
    for done, stop in zip([0, *T[:-1]], T.tolist(), strict=True):
        for first, uniforms in blocks(mdp.H - 1, rng, stop, first=int(done)):
            judge.follow(first, uniforms)
        columns.append(judge.look(stop))
    along: dict[str, Any] = {name: np.array([c[name] for c in columns]) for name in columns[0]}
    whole = judge.whole(int(T[-1]))
    size = (mdp.S, mdp.A, mdp.H)
    return Audit(config=config, size=size, T=T, optimum=optimum, **whole, **along)


class _Judge:
    """A run of EntGame and what is known of it so far."""

    def __init__(self, mdp, config, optimum):
        shape = (mdp.H, mdp.S, mdp.A)
        self.world = simulator.world(mdp)
        self.tables = game.masked(entgame._stage_tables(mdp, config))
        self.books = game.books(*shape, mdp.S)
        self.plan = game.plan(*shape, mdp.S)
        self.books.n[:, ~mdp.available] = -1
        game.fill(self.books, self.plan, self.tables, [np.zeros(0, np.int64)] * mdp.H)
        self.ahead = unclipped.ahead(mdp.H, mdp.S, mdp.S)
        self.source = config.saturated == "source"
        self.notes = kernels.Notes(
            P=mdp.dense(),
            margin=confidence.count_margin(mdp.S, mdp.A, mdp.H, config.delta),
            optimum=optimum,
            N=np.zeros(shape),
            last=np.zeros(shape, dtype=np.int32),
            memory=np.zeros((3, mdp.H + 1, mdp.S)),
            sums=np.zeros(len(kernels.SUMS)),
            worst=np.array([np.inf] * len(kernels.SLACKS) + [0.0]),
        )

    def follow(self, first, uniforms):
        learner = (self.books, self.plan, self.ahead, self.tables, self.source)
        kernels.follow(self.world, *learner, self.notes, first, uniforms)

    def counts(self):
        """Visits (H, S, A), 0 where an action is unavailable."""
        return np.maximum(self.books.n, 0).astype(np.int64)

    def look(self, t):
        n = self.counts()
        N = self.notes.N
        return dict(zip(kernels.SUMS, self.notes.sums.tolist(), strict=True)) | {
            "visits": float(np.abs(n - N).sum(axis=(1, 2)).max()),
            "sampled": float(entropy(log_probabilities(n.reshape(len(n), -1) / t)).sum()),
            "achieved": float(visitation_entropy(N / t)),
        }

    def whole(self, t):
        *slack, divergence = self.notes.worst.tolist()
        return {
            "divergence": divergence,
            "slack": dict(zip(kernels.SLACKS, slack, strict=True)),
            "counts": self.counts(),
            "visitation": self.notes.N / t,
        }


# -------------------------------------------------------------------------- variance of the return


def return_moments(
    mdp: EpisodicMDP, actions: np.ndarray, reward: np.ndarray
) -> tuple[float, float]:
    """(E G, E G^2) of the return G = sum_h r_h(s_h, a_h) of a deterministic policy,
    by backward induction.

    actions (H, S) whole numbers, reward (H, S, A).
    E_h[G^2] = r^2 + 2 r p E_{h+1}[G] + p E_{h+1}[G^2].
    Source: prop-total-variance.
    """
    actions, reward = _given.decisions(mdp, actions, reward)
    states = np.arange(mdp.S)
    first, second = np.zeros(mdp.S), np.zeros(mdp.S)
    for h in reversed(range(mdp.H)):
        r = reward[h, states, actions[h]]
        if h < mdp.H - 1:
            p = mdp.kernel(h)[states * mdp.A + actions[h]]
            first = p @ first
            second = p @ second
        first, second = r + first, r**2 + 2 * r * first + second
    return float(first[mdp.first_state]), float(second[mdp.first_state])


def summed_variance(mdp: EpisodicMDP, actions: np.ndarray, reward: np.ndarray) -> float:
    """E sum over h < H of Var_{p_h}(V_{h+1})(s_h, a_h), V the value of the policy;
    arguments as in `return_moments`.

    Equal to the variance of the return. Source: prop-total-variance.
    """
    actions, reward = _given.decisions(mdp, actions, reward)
    pi = np.eye(mdp.A)[actions]
    d = policy_visitation(mdp, pi)
    V = induction.evaluate(mdp, pi, reward)
    steps = (
        d[h] * (mdp.next_mean(h, V[h + 1] ** 2) - mdp.next_mean(h, V[h + 1]) ** 2)
        for h in range(mdp.H - 1)
    )
    return float(sum(np.sum(step) for step in steps))


# -------------------------------------------------------------------- the two inequalities in time


def divergence_excess(
    p: ArrayLike,
    length: int,
    paths: int,
    seed: int | np.random.SeedSequence,
    *,
    price: float = 1.0,
) -> np.ndarray:
    """max over 1 <= n <= length of n KL(phat_n || p) - price log binom(n + S - 1, S - 1),
    one for each path; (paths,).

    p (S,) positive. By lem-kl-concentration (price 1), each exceeds log(1 / delta') with
    probability at most delta'.
    """
    p = check_distribution("p", p, (None,))
    price = check_nonnegative("price", price)
    uniforms = _uniforms(length, paths, seed)
    n = np.arange(length + 1.0)
    highest = np.empty(paths)
    allowance = price * log_binomial(n, len(p))
    nlogn = n * np.log(np.maximum(n, 1))
    counts = np.zeros(len(p), dtype=np.int64)
    kernels.divergence_paths(np.log(p), np.cumsum(p), uniforms, allowance, nlogn, counts, highest)
    return highest


def log_binomial(n: ArrayLike, S: int) -> np.ndarray:
    """log binom(n + S - 1, S - 1), the worst regret of Laplace's rule.
    Source: lem-kl-concentration."""
    n = _given.draws(n)
    S = check_integer("S", S, low=1)
    return gammaln(n + S) - gammaln(S) - gammaln(n + 1)


def binomial_bounds(n: ArrayLike, S: int) -> tuple[np.ndarray, np.ndarray]:
    """(S - 1) log(e (1 + n / (S - 1))) and S log(e (1 + n)), S >= 2.
    Source: lem-kl-concentration."""
    n = _given.draws(n)
    S = check_integer("S", S, low=2)
    return (S - 1) * np.log(e * (1 + n / (S - 1))), S * np.log(e * (1 + n))


def count_deficit(
    length: int,
    paths: int,
    seed: int | np.random.SeedSequence,
    *,
    share: float = 1 - 1 / e,
    small: float = 0.02,
    large: float = 0.05,
) -> np.ndarray:
    """max over t <= length of share * sum P - sum X on independent paths with P_t chosen from the
    past; (paths,).

    P_t is ``small`` after an even number of successes, ``large`` after an odd one.
    By lem-counts, with share = 1 - 1/e
    each exceeds log(1 / delta') with probability at most delta'.
    """
    uniforms = _uniforms(length, paths, seed)
    highest = np.empty(paths)
    small = check_interval("small", small, 0, 1)
    large = check_interval("large", large, 0, 1)
    kernels.deficit_paths(small, large, check_interval("share", share, 0, 1), uniforms, highest)
    return highest


def _uniforms(length, paths, seed):
    shape = (check_integer("paths", paths, low=1), check_integer("length", length, low=1))
    return generator(seed).random(shape)


# -------------------------------------------------------------------------------------- for tables


def tex(x: float) -> str:
    """A number for a table: three digits, or two and a power of ten outside 0.001 to 1000;
    0 below 1e-8 (rounding)."""
    return f"${_tex(check_number('x', x))}$"


def comparison(left: float, right: float) -> str:
    """left <= right for a table, in two lines, and whether it fails by more than rounding
    (1e-9)."""
    check_number("left", left)
    check_number("right", right)
    return rf"{tex(left)}<br>$\le{_tex(right)}$" + (" **fails**" if left > right + 1e-9 else "")


def _tex(x):
    if abs(x) < 1e-8:
        return "0"
    if 1e-3 <= abs(x) < 1000:
        return f"{x:.3g}"
    digits, power = f"{x:.1e}".split("e")
    return rf"{digits}\cdot10^{{{int(power)}}}"
