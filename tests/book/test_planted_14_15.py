"""Errors planted in chapters 14 and 15: each is noticed (see `planted_chapters`)."""

import pytest
from planted_chapters import arguments, each_times, faults, option, planted, plus, text, times

from rlentropy import confidence
from rlentropy import distributions as dist
from rlentropy.audits import entgame as proof
from rlentropy.audits import lower_bound, saturation, variance_bonus
from rlentropy.audits import optimistic_soft_vi as soft
from rlentropy.episodic import forecaster
from rlentropy.learners import entgame, stopping

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
}  # fmt: skip


@pytest.mark.parametrize(("stem", "fault"), planted(FUNCTIONS))
def test_a_planted_error_is_noticed(chapter, stem, fault, monkeypatch):
    assert chapter(stem).notices(fault, monkeypatch)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_nothing_is_noticed_where_nothing_is_wrong(chapter, stem):
    assert chapter(stem).false_alarms(faults(stem, FUNCTIONS[stem])) == []
