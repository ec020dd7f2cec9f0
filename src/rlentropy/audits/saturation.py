"""Which action to play where the ceiling makes actions tie, and what the proof needs of it.

Where max_a Qbar_h(s, a) >= H B_t a state is saturated: its value is the ceiling H B_t, and the
largest Qbar tells nothing about what lies beyond. The rules for saturated states:

    "first"         the first action of largest Qbar (the source)
    "unclipped"     of the actions with Qbar >= H B_t the one of largest U,
                    U_h = r_h + b_h + phat max_a U_{h+1},  phat uniform where n = 0
    "least"         of the same actions the one of least U, as an adversary would
    "unrestricted"  the action of largest U, whatever its Qbar: lem-gap fails

thm-entgame-saturated is about every rule that keeps to the actions with Qbar >= H B_t.
With staged=True the ranges are those of the stage: the bonus of stage h has (H - h) B_t for H B_t
and its ceiling is (H - h + 1) B_t (prop-stage-ranges).
Plain NumPy, one episode at a time; for small worlds.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rlentropy import confidence
from rlentropy.audits import _given, _judged
from rlentropy.episodic import induction
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import push_forward
from rlentropy.learners import entgame
from rlentropy.results import result
from rlentropy.validation import (
    check_array,
    check_choice,
    check_extended,
    check_flag,
    check_integer,
    check_kind,
)

RULES = ("first", "unclipped", "least", "unrestricted")


@result
class Saturation:
    """The smallest slack of each link over a run, and what the run saw.

    slack       {"optimism": Qbar - Q*, Vbar - V*; "played": Qbar - Vbar at the action played;
                "step": w + p (Vbar - V^pi) - (Vbar - V^pi) at the action played, all (h, s);
                "gap below", "gap above": the two inequalities of eq-gap}; none is negative if the
                links hold
    counts      (H, S, A) visits;  visitation (H, S, A) of the mixture
    saturated   expected share of saturated states on the way of the policies
    reward      sum over the episodes of <d, r>;  width: of <d, w>
    """

    slack: dict[str, float]
    counts: np.ndarray
    visitation: np.ndarray
    saturated: float
    reward: float
    width: float


def plan(
    n: np.ndarray,
    moves: np.ndarray,
    t: int,
    *,
    n0: float = 1,
    delta: float = 0.1,
    bonus_scale: float = 1.0,
    staged: bool = False,
    available: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Qbar (H, S, A) and Vbar (H, S) of def-entgame after t episodes, and the unclipped values
    U_h(s, a) = r_h + b_h + phat_h max_a' U_{h+1}(., a') (H, S, A), with phat uniform and n = 1 in
    the bonus where n = 0.

    n (H, S, A) visits, moves (H-1, S, A, S) transitions; staged: ranges of the stage;
    available (S, A) booleans, None for all: Qbar and U are -infinity elsewhere.
    Source: def-entgame, eq-unclipped, prop-stage-ranges.
    """
    n, moves = _given.counts(n, moves)
    t = check_integer("t", t)
    n0 = _given.prior(n0)
    bonus_scale = _given.scale(bonus_scale)
    H, S, A = n.shape
    there = _given.actions(available, S, A)
    ceiling, ahead = _ranges(H, float(entgame.reward_bound(t, S, A, n0)), staged)
    visits = np.maximum(n, 1)
    spread = np.sqrt(2 * confidence.log_confidence(visits, S, A, H, delta) / visits)
    bonus = bonus_scale * ahead[:, None, None] * spread
    U = np.where(there, np.log((t + S * A * n0) / (n + n0)) + bonus, -np.inf)
    Q = np.where((n > 0) | ~there, U, np.inf)
    V = np.zeros((H + 1, S))
    V[H - 1] = np.minimum(Q[H - 1].max(axis=1), ceiling[H - 1])
    for h in reversed(range(H - 1)):
        hat = np.where(n[h, ..., None] > 0, moves[h] / visits[h, ..., None], 1 / S)
        Q[h] += hat @ V[h + 1]
        U[h] += hat @ U[h + 1].max(axis=1)
        V[h] = np.minimum(Q[h].max(axis=1), ceiling[h])
    return Q, V[:-1], U


def _ranges(H, B, staged):
    """(H,) ceilings of the values of each stage, and (H,) ranges of the next values."""
    check_flag("staged", staged)
    left = np.arange(H, 0, -1.0)
    return (left * B, (left - 1) * B) if staged else (np.full(H, H * B), np.full(H, H * B))


def choose(Q: np.ndarray, U: np.ndarray, ceiling: ArrayLike, rule: str) -> np.ndarray:
    """Actions (H, S): where max Qbar < ceiling the first of largest Qbar, elsewhere by the rule.

    ceiling  a number, or one for each stage (H,). Source: thm-entgame-saturated.
    """
    check_choice("rule", rule, RULES)
    Q = check_extended("Q", Q, (None, None, None))
    U = check_extended("U", U, Q.shape)
    ceiling = check_array("ceiling", ceiling)
    if ceiling.shape not in ((), (len(Q),)):
        raise ValueError(f"ceiling: shape {ceiling.shape}, expected a number or ({len(Q)},)")
    limits = ceiling if ceiling.ndim == 0 else ceiling[:, None, None]
    greedy = Q.argmax(axis=2)
    if rule == "first":
        return greedy
    allowed = Q >= limits
    if rule == "unrestricted":
        best = U.argmax(axis=2)
    elif rule == "unclipped":
        best = np.where(allowed, U, -np.inf).argmax(axis=2)
    else:
        best = np.where(allowed, U, np.inf).argmin(axis=2)
    return np.where(allowed.any(axis=2), best, greedy)


def links(
    mdp: EpisodicMDP, n: np.ndarray, moves: np.ndarray, t: int, rule: str, **options: Any
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Slacks of the links at one plan (as in `Saturation`, with "reward" <d, r>, "width" <d, w>
    and the share "saturated" of the states of the policy), the actions (H, S) and their exact
    visitation (H, S, A). ``options``: n0, delta, bonus_scale, staged.
    Source: lem-optimism, lem-gap, prop-stage-ranges.
    """
    _given.for_mdp(mdp, n)
    n, moves = _given.counts(n, moves)
    t = check_integer("t", t)
    H, S, A = n.shape
    n0 = options.get("n0", 1)
    delta = options.get("delta", 0.1)
    scale = options.get("bonus_scale", 1.0)
    B = float(entgame.reward_bound(t, S, A, n0))
    ceiling, ahead = _ranges(H, B, options.get("staged", False))
    Q, V, U = plan(n, moves, t, **options, available=mdp.available)
    actions = choose(Q, U, ceiling, rule)
    reward = np.log((t + S * A * n0) / (n + n0))
    pi = induction.deterministic_policy(actions, A)
    d = push_forward(mdp, pi)
    best, own = _values(mdp, np.where(mdp.available, reward, -np.inf), actions)
    spread = np.sqrt(2 * confidence.log_confidence(n, S, A, H, delta) / np.maximum(n, 1))
    most = ceiling[:, None, None]
    w = np.where(n > 0, np.minimum(most, (scale + 0.5) * spread * ahead[:, None, None]), most)
    at = actions[..., None]
    rise = V - own
    step = np.take_along_axis(w, at, axis=2)[..., 0] - rise
    for h in range(H - 1):
        step[h] += np.take_along_axis(mdp.next_mean(h, rise[h + 1]), at[h], axis=1)[:, 0]
    ahead = Q[:, mdp.available] - best[:, mdp.available]
    slack = {
        "optimism": min(ahead.min(), (V - best.max(axis=2)).min()),
        "played": (np.take_along_axis(Q, at, axis=2)[..., 0] - V).min(),
        "step": step.min(),
        "gap below": (V[0] - best[0].max(axis=1))[mdp.first_state],
        "gap above": np.sum(d * w) - rise[0, mdp.first_state],
        "reward": np.sum(d * reward),
        "width": np.sum(d * w),
        "saturated": np.mean((d.sum(axis=2) * (V >= ceiling[:, None])).sum(axis=1)),
    }
    return {name: float(x) for name, x in slack.items()}, actions, d


def _values(mdp, reward, actions):
    """Q* (H, S, A) for the reward, and the values (H, S) of the actions, under the truth."""
    best = reward.copy()
    own = np.take_along_axis(reward, actions[..., None], axis=2)[..., 0]
    for h in reversed(range(mdp.H - 1)):
        best[h] += mdp.next_mean(h, best[h + 1].max(axis=1))
        ahead = mdp.next_mean(h, own[h + 1])
        own[h] += np.take_along_axis(ahead, actions[h][:, None], axis=1)[:, 0]
    return best, own


def run(
    mdp: EpisodicMDP,
    episodes: int,
    seed: int | np.random.SeedSequence,
    *,
    rule: str = "unclipped",
    **options: Any,
) -> Saturation:
    """Play ``episodes`` episodes of def-entgame with a rule for saturated states and judge every
    plan by the true kernel. ``options``: n0, delta, bonus_scale, staged.

    Raises ValueError for another rule than `RULES`. Source: thm-entgame-saturated.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    check_choice("rule", rule, RULES)

    def judge(n, moves, t):
        slack, actions, d = links(mdp, n, moves, t, rule, **options)
        return slack, actions, d, [slack.pop(name) for name in ("reward", "width", "saturated")]

    slack, n, visitation, (reward, width, saturated) = _judged.play(mdp, episodes, seed, judge)
    return Saturation(
        slack=slack,
        counts=n.astype(np.int64),
        visitation=visitation,
        saturated=saturated / episodes,
        reward=reward,
        width=width,
    )
