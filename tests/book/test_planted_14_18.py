"""Errors planted in chapters 14 to 18: each is noticed (see `planted_chapters`)."""

import numpy as np
import pytest
from planted_chapters import arguments, faults, option, planted, plus, text, times

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy.audits import entgame as proof
from rlentropy.audits import hellinger, lower_bound, regularized_game, saturation, variance_bonus
from rlentropy.audits import optimistic_soft_vi as soft
from rlentropy.episodic import forecaster
from rlentropy.learners import entgame, stopping
from rlentropy.studies import (
    constrained_step,
    entropy_control,
    reward_entropy_law,
    sequence_model,
)


def each_times(factor):
    return lambda right: lambda *args: tuple(factor * np.array(right(*args)))


def half_uniform(visits):
    def wrong(*run):
        counts, N = visits(*run)
        return counts, (N + N.mean(axis=(1, 2), keepdims=True)) / 2

    return wrong


def turned(clip_rates):
    return lambda log_pi, adv, selected: clip_rates(log_pi, adv, ~np.asarray(selected))


# chapter: {what is wrong: (cells, module, function, how it is wrong)}
FUNCTIONS = {
    "14_entgame_is_pac": {
        "sampler: A dropped": (
            "cell-020c..cell-020d", proof, "sampler_bound", text("S * A * T", "S * T")),
        "sampler: H for H^2": ("cell-020c..cell-020d", proof, "sampler_bound", text("H**2", "H")),
        "sampler: 3 for 8": ("cell-020c..cell-020d", proof, "sampler_bound", text("8 *", "3 *")),
        "sampler: L' for 4 L'": (
            "cell-020c..cell-020d", proof, "sampler_bound", text("4 * margin", "margin")),
        "sampler: a third, in the run": ("cell-025", proof, "sampler_bound", times(0.19)),
        "Azuma: T for 2 T": ("cell-020c..cell-020d", proof, "azuma_bound", text(" / 2)", ")")),
        "visits: 3 for 2": (
            "cell-020c..cell-020d", proof, "visits_bound", text("2 * sqrt", "3 * sqrt")),
        "logarithms: 3 for 6": (
            "cell-020c..cell-020d", proof, "logarithms", text("log(6 /", "log(3 /")),
        "regret of another prior": (
            "cell-020c..cell-020d", forecaster, "worst_regret",
            arguments(lambda T, m, n0: (T, m, n0 + 0.1))),
        "alpha without S": (
            "cell-020c..cell-020d", confidence, "log_confidence",
            arguments(lambda n, S, A, H, d: (n, 1, A * S, H, d))),
        "B_t without n_0": (
            "cell-018..cell-018_2", entgame, "reward_bound",
            arguments(lambda t, S, A, _: (t, S, A, 1))),
        "binomial bounds 0.97": ("cell-008b", proof, "binomial_bounds", each_times(0.97)),
        "divergence up by 2": ("cell-010", proof, "divergence_excess", plus(2.0)),
        "deficit up by a half": ("cell-013b", proof, "count_deficit", plus(0.5)),
        "radius 0.99": ("cell-045k", confidence, "visits_radius", times(0.99)),
        "radius 1.01": ("cell-045k", confidence, "visits_radius", times(1.01)),
        "radius of one stage": (
            "cell-045k", confidence, "visits_radius", option("H", lambda _: 1)),
        "Fannes 0.95": ("cell-045k_2", confidence, "fannes_width", times(0.95)),
        "Fannes 1.05": ("cell-045k_2", confidence, "fannes_width", times(1.05)),
        "certificate plus 0.001": ("cell-045n_2", stopping, "certified_gap", plus(0.001)),
        "certificate of twice delta": (
            "cell-045n_2", stopping, "certified_gap", option("delta", lambda delta: 2 * delta)),
        "a restriction that is none": (
            "cell-045f..cell-045g", saturation, "choose",
            text("where(allowed, U, np.inf)", "where(allowed, np.inf, U)")),
        "stage ranges: one stage less in the bonus": (
            "cell-045i_2", saturation, "_ranges", text("(left - 1) * B", "(left - 2) * B")),
        "stops at 1.05 eps": (
            "cell-045q..cell-045q_2", stopping.StoppingRule, "satisfied",
            text("<= self.eps", "<= 1.05 * self.eps")),
        "stops a tenth too late": (
            "cell-045q..cell-045q_2", stopping.StoppingRule, "satisfied",
            text("<= self.eps", "<= 0.9 * self.eps")),
        "variance bonus: A dropped": (
            "cell-049h", variance_bonus, "variance_sampler_bound", text("H * S * A", "H * S")),
        "variance bonus: 9 for 10": (
            "cell-049h", variance_bonus, "variance_sampler_bound", text("10 * root", "9 * root")),
        "variance bonus: 3 for 4": (
            "cell-049h_2", variance_bonus, "plan", text("16 * ceiling", "15 * ceiling")),
        "coins: half the divergence": ("cell-020h", lower_bound, "divergence", times(0.5)),
        "worlds that differ by half": (
            "cell-020g", lower_bound, "worlds", arguments(lambda eta: (eta / 2,))),
        "wrong pairs, twice the share": (
            "cell-020j..cell-020k", lower_bound, "wrong_share", times(2)),
        "worlds of 0.98 eta": (
            "cell-020j..cell-020k", lower_bound, "many_worlds",
            arguments(lambda n, eta: (n, 0.98 * eta))),
        "sizes: 440 for 452": (
            "cell-020l", lower_bound, "least_episodes_sizes", times(452 / 440)),
        "error of a worse test": ("cell-020l", lower_bound, "least_error", times(1.5)),
        "episodes: 50 for 97": ("cell-020h", lower_bound, "least_episodes", times(97 / 50)),
        "variance 1.01": ("cell-047..cell-048", proof, "summed_variance", times(1.01)),
    },
    "15_fast_rate": {
        "fast: H - 1 for its square": (
            "cell-014c..cell-014d", soft, "fast_bound", text("(H - 1) ** 2", "(H - 1)")),
        "fast: alpha / 2 for 4 alpha": (
            "cell-014c..cell-014d", soft, "fast_bound", text("4 * alpha", "alpha / 2")),
        "fast: 3 alpha for 4 alpha": (
            "cell-014c..cell-014d", soft, "fast_bound", text("4 * alpha", "3 * alpha")),
        "fast: A dropped": (
            "cell-014c..cell-014d", soft, "fast_bound", text("S * A * (4", "S * (4")),
        "fast: U for U^2": ("cell-014c..cell-014d", soft, "fast_bound", text("U**2", "U")),
        "slow: 3 for 8": ("cell-014c..cell-014d_2", soft, "slow_bound", text("8 *", "3 *")),
        "slow: A dropped": (
            "cell-014c..cell-014d_2", soft, "slow_bound", text("S * A * T", "S * T")),
        "Lambda with log T": (
            "cell-014c..cell-014d", soft, "width_constants", text("log(T) / 2", "log(T)")),
        "Fannes 0.95": ("cell-007_2", confidence, "fannes_width", times(0.95)),
        "Fannes 1.05": ("cell-007_2", confidence, "fannes_width", times(1.05)),
        "divergence 1.05": ("cell-010", dist, "softmax_divergence", times(1.05)),
        "divergence 0.95": ("cell-010", dist, "softmax_divergence", times(0.95)),
    },
    "16_entropy_control": {
        "action covariance 2 % off": (
            "cell-013-2..cell-014", entropy_control, "action_covariance", times(1.02)),
        "clip rates of the mask turned": (
            "cell-011..cell-011a", entropy_control, "clip_rates", turned),
        "frontier 2 % lower": (
            "cell-013..cell-014", entropy_control, "clip_frontier", times(0.98)),
        "penalised rate 3 % off": (
            "cell-018..cell-018-2", entropy_control, "penalised_rate", times(1.03)),
        "frozen rate 2 % off": ("cell-020", entropy_control, "frozen_rate", times(0.98)),
        "temperature 3 % too high": (
            "constrained-solver..constrained-solver-check", constrained_step, "_temperature",
            times(1.03)),
        "temperature 1 % off": (
            "constrained-range", constrained_step, "_temperature", times(1.01)),
        "entropies along an answer 1 % off": (
            "sequence-model..sequence-check", sequence_model, "summed_entropies", times(1.01)),
        "first order 1 % off": (
            "sequence-rate", sequence_model, "predicted_change", each_times(1.01)),
    },
    "17_reward_entropy_law": {
        "verifiable curve 0.1 % off": (
            "cell-025b-2..cell-025c", reward_entropy_law, "verifiable_curve", times(1.001)),
        "amplitude 2 % off": ("cell-013a", reward_entropy_law, "law_amplitude", times(1.02)),
        "gaps 1 % too large": (
            "cell-013..cell-013a", reward_entropy_law, "quantile_gaps", times(1.01)),
    },
    "18_regularised_game": {
        "payoff 1 % off": ("cell-009", regularized_game, "payoff", times(1.01)),
        "explorer's bound 3 % off": (
            "cell-013b", regularized_game, "sampler_bound", times(1.03)),
        "price 3 % off": ("cell-013b", regularized_game, "forecast_price", times(1.03)),
        "older bound 3 % off": ("cell-019b", regularized_game, "slow_bound", times(1.03)),
        "bound 3 % off": ("cell-028b", regularized_game, "fast_bound", times(1.03)),
        "sharper bound 3 % off": ("cell-030e", hellinger, "sharper_bound", times(1.03)),
        "margin 3 % off": ("cell-030e", hellinger, "count_margin", times(1.03)),
        "a tenth of the distance": ("cell-030d..cell-030e", hellinger, "distance", times(0.05)),
        "visitations half uniform": ("cell-030d", hellinger, "visits", half_uniform),
    },
}  # fmt: skip


@pytest.mark.parametrize(("stem", "fault"), planted(FUNCTIONS))
def test_a_planted_error_is_noticed(chapter, stem, fault, monkeypatch):
    assert chapter(stem).notices(fault, monkeypatch)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_nothing_is_noticed_where_nothing_is_wrong(chapter, stem):
    assert chapter(stem).false_alarms(faults(stem, FUNCTIONS[stem])) == []
