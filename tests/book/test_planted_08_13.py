"""Errors planted in chapters 8 to 13: each is noticed (see `planted_chapters`)."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from planted_chapters import arguments, faults, planted, plus, times
from scipy.special import softmax

from rlentropy import distributions as dist
from rlentropy.episodic import forecaster, induction, max_entropy, visitation
from rlentropy.episodic import trajectory_entropy as te
from rlentropy.exact import forecaster as exact_forecaster
from rlentropy.exact import histories, trajectories
from rlentropy.learners import entgame, entgame_plain


def swapped(share):
    """An optimum with a share of its actions exchanged."""

    def blurred(solve):
        def wrong(mdp, **options):
            best = solve(mdp, **options)
            d = best.visitation
            return replace(best, visitation=(1 - share) * d + share * d[:, :, ::-1])

        return wrong

    return blurred


def warm(policy):
    """Softmax at temperature 1.01."""
    return lambda mdp, V: softmax(np.log(policy(mdp, V)) / 1.01, axis=-1)


def too_warm(solve):
    """An optimum whose policy is that of another temperature."""

    def wrong(mdp, **options):
        best = solve(mdp, **options)
        log_pi = np.log(softmax(best.Q / 1.1, axis=-1))
        return type(best)(**{**vars(best), "log_pi": log_pi})

    return wrong


def late(predict):
    """The denominator that the source prints."""

    def wrong(counts, n0=1.0):
        t0 = np.shape(counts)[-1] * n0
        total = np.sum(counts, axis=-1, keepdims=True)
        return predict(counts, n0) * (total + t0) / (total + t0 + 1)

    return wrong


def unit_weights(_):
    def wrong(d, other):
        pi, rho = (
            x / np.where(x.sum(-1, keepdims=True) > 0, x.sum(-1, keepdims=True), 1)
            for x in (d, other)
        )
        return float(np.sum(d * np.log(np.where(d > 0, pi, 1) / np.where(d > 0, rho, 1))))

    return wrong


def no_memory(_):
    """Drawing once without learning from the history which policy was drawn."""
    return lambda weights, policies: (
        lambda history: [
            sum(w * p(history)[a] for w, p in zip(weights, policies, strict=True)) for a in (0, 1)
        ]
    )


def without_first_potential(dual):
    return lambda mdp, V: dual(mdp, V) - V[0, mdp.start]


def earns_less(best_response):
    return lambda mdp, r: (best_response(mdp, r)[0] - 0.01, best_response(mdp, r)[1])


def unrestricted(plan):
    """The rule without "among the actions with Qbar >= H B_t"."""

    def wrong(memory, t, tables, **options):
        right = plan(memory, t, tables, **options)
        high = right.Q.max(axis=2) >= memory.n.shape[0] * tables.bound[t]
        return right._replace(actions=np.where(high, right.U.argmax(axis=2), right.actions))

    return wrong


def next_best(plan):
    """Plays the second action whatever the values say."""

    def wrong(*given, **options):
        right = plan(*given, **options)
        return right._replace(actions=np.ones_like(right.actions))

    return wrong


equal_weights = arguments(lambda w, ds: (np.full(len(w), 1 / len(w)), ds))

# chapter: {what is wrong: (cells, module, function, how it is wrong)}
FUNCTIONS = {
    "08_reward_free_processes": {
        "enumeration with 0.99 of the mass": (
            "cell-010..cell-010c", histories, "visitation_by_enumeration", times(0.99)),
        "entropy a hundredth too large": (
            "cell-022..cell-022b", visitation, "visitation_entropy", times(1.01)),
        "equal weights in a mixture": (
            "cell-022..cell-022b", visitation, "mixture", equal_weights),
        "a blurred Markov policy": (
            "cell-010c", visitation, "markov_policy", lambda f: lambda d: 0.99 * f(d) + 0.005),
        "a best response that earns less": ("cell-014", induction, "best_response", earns_less),
        "drawn anew at each stage": ("cell-016", histories, "draw_once", no_memory),
        "a blurred optimum": ("cell-024..cell-024b", max_entropy, "solve", swapped(0.001)),
        "divergence turned round": (
            "cell-022..cell-022b", dist, "kl", arguments(lambda p, q: (q, p))),
    },
    "09_prediction_game": {
        "certificate less 3.5": ("cell-012", max_entropy, "certificate", plus(-3.5)),
        "certificate less 0.01": ("cell-012", max_entropy, "certificate", plus(-0.01)),
        "certificate plus 0.01": ("cell-006", max_entropy, "certificate", plus(0.01)),
        "dual a thousandth too large": (
            "cell-014..cell-014b", max_entropy, "dual_value", times(1.001)),
        "dual without the first potential": (
            "cell-014..cell-014b", max_entropy, "dual_value", without_first_potential),
        "policy of the potentials too warm": (
            "cell-016b", max_entropy, "policy_of_potentials", warm),
        "potentials a hundredth too large": (
            "cell-022..cell-022b", max_entropy, "potentials_of_visitation", times(1.01)),
        "path divergence 0.99": (
            "cell-024e..cell-024f", max_entropy, "path_divergence", times(0.99)),
        "path divergence 1.01": (
            "cell-024e..cell-024f", max_entropy, "path_divergence", times(1.01)),
        "path divergence without weights": (
            "cell-024e..cell-024f", max_entropy, "path_divergence", unit_weights),
        "a sweep too many": (
            "cell-024h", max_entropy, "mirror_ascent", arguments(lambda mdp, t: (mdp, t + 1))),
        "no sweep at all": (
            "cell-024h", max_entropy, "mirror_ascent", arguments(lambda mdp, _: (mdp, 0))),
        "bound for one stage fewer": ("cell-024m", max_entropy, "mirror_bound", times(5 / 6)),
        "bound a sweep early": (
            "cell-024m", max_entropy, "mirror_bound", arguments(lambda mdp, t: (mdp, t + 1))),
        "average dual 0.999": ("cell-035", max_entropy, "average_dual_value", times(0.999)),
        "blurred optima": ("cell-006", max_entropy, "solve", swapped(0.001)),
    },
    "10_forecaster": {
        "printed denominator": ("cell-013", forecaster, "predict", late),
        "worst regret 1.01": ("cell-011..cell-011b", forecaster, "worst_regret", times(1.01)),
        "worst regret at n_0 + 0.01": (
            "cell-011..cell-011b", forecaster, "worst_regret",
            arguments(lambda T, m, n0: (T, m, n0 + 0.01))),
        "simple bound 0.97": ("cell-013b", forecaster, "simple_bound", times(0.97)),
        "simple bound of m - 1 symbols": (
            "cell-013b", forecaster, "simple_bound", arguments(lambda T, m, n0: (T, m - 1, n0))),
        "regret at 1.01 n_0": (
            "cell-013", forecaster, "regret", arguments(lambda n, n0: (n, 1.01 * n0))),
        "least regret of T + 1": (
            "cell-020b", forecaster, "minimax_regret", arguments(lambda T, m: (np.add(T, 1), m))),
        "least regret of m + 1": (
            "cell-020c", forecaster, "minimax_regret", arguments(lambda T, m: (T, m + 1))),
        "probability at n_0 + 1/100": (
            "cell-009", exact_forecaster, "probability",
            arguments(lambda n, n0: (n, n0 + Fraction(1, 100)))),
        "losses a hundredth too large": ("cell-007b", forecaster, "losses", times(1.01)),
        "half the regret of distributions": (
            "cell-021..cell-021b", forecaster, "regret", times(0.97)),
    },
    "11_entgame": {
        "regret a fiftieth too small": ("cell-007", forecaster, "worst_regret", times(0.98)),
        "the rule without its restriction": (
            "cell-011b..cell-011c", entgame_plain, "plan", unrestricted),
        "second action always": ("cell-011c", entgame_plain, "plan", next_best),
        "B_t a thousandth too small": (
            "cell-012..cell-012b", entgame, "reward_bound", times(0.999)),
        "B_t a thousandth too large": (
            "cell-012..cell-012b", entgame, "reward_bound", times(1.001)),
    },
    "12_trajectory_entropy": {
        "trajectory entropy 1.01": (
            "cell-013..cell-013b", te, "trajectory_entropy", times(1.01)),
        "visitation entropy 1.01": (
            "cell-013..cell-013b", visitation, "visitation_entropy", times(1.01)),
        "loss 0.95": ("cell-019", te, "suboptimality", times(0.95)),
        "transitions 0.95": ("cell-009..cell-009b", te, "transition_entropy", times(0.95)),
        "optimum of another temperature": ("cell-017", te, "soft_optimum", too_warm),
        "equal weights in a mixture": (
            "cell-015..cell-015b", visitation, "mixture", equal_weights),
        "information 1.01": ("cell-013..cell-013b", trajectories, "joint_entropy", times(1.01)),
        "entropy of the optimum 0.99": ("cell-017", trajectories, "law_entropy", times(0.99)),
    },
    "13_what_explorers_see": {
        "a blurred optimum": ("cell-008..cell-008b", max_entropy, "solve", swapped(0.01)),
    },
}  # fmt: skip


@pytest.mark.parametrize(("stem", "fault"), planted(FUNCTIONS))
def test_a_planted_error_is_noticed(chapter, stem, fault, monkeypatch):
    assert chapter(stem).notices(fault, monkeypatch)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_nothing_is_noticed_where_nothing_is_wrong(chapter, stem):
    assert chapter(stem).false_alarms(faults(stem, FUNCTIONS[stem])) == []
