"""Errors planted in chapters 16 to 18: each is noticed (see `planted_chapters`)."""

import numpy as np
import pytest
from planted_chapters import each_times, faults, planted, times

from rlentropy.audits import hellinger, regularized_game
from rlentropy.studies import constrained_step, entropy_control, reward_entropy_law, sequence_model


def half_uniform(visits):
    def wrong(*run):
        counts, N = visits(*run)
        return counts, (N + N.mean(axis=(1, 2), keepdims=True)) / 2

    return wrong


def turned(clip_rates):
    return lambda log_pi, adv, selected: clip_rates(log_pi, adv, ~np.asarray(selected))


# chapter: {what is wrong: (cells, module, function, how it is wrong)}
FUNCTIONS = {
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
