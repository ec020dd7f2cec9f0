"""Errors planted into chapters 12, 14 and 15, in cells and in the text of functions that they call:
each is noticed by the cell that is named.
"""

import inspect
import textwrap

import numpy as np
import pytest
from planted_chapters import Rehearsal
from scipy.special import softmax

from rlentropy import confidence, distributions
from rlentropy.audits import entgame as proof
from rlentropy.audits import lower_bound, saturation, variance_bonus
from rlentropy.audits import optimistic_soft_vi as soft
from rlentropy.episodic import forecaster, visitation
from rlentropy.episodic import trajectory_entropy as te
from rlentropy.exact import trajectories
from rlentropy.learners import entgame, stopping


def times(factor):
    return lambda f: lambda *a, **k: factor * f(*a, **k)


def plus(amount):
    return lambda f: lambda *a, **k: f(*a, **k) + amount


def arguments(change):
    return lambda f: lambda *a, **k: f(*change(*a), **k)


def text(old, new):
    """The function with ``old`` replaced by ``new`` in its body."""

    def wrong(f):
        source = textwrap.dedent(inspect.getsource(f))
        head, _, body = source.split('"""', 2)
        assert old in body, (f.__name__, old)
        names = dict(vars(inspect.getmodule(f)))
        exec(head + '""""""' + body.replace(old, new), names)
        return names[f.__name__]

    return wrong


def too_warm(solve):
    """An optimum whose policy is that of another temperature."""

    def wrong(mdp, **options):
        best = solve(mdp, **options)
        log_pi = np.log(softmax(best.Q / 1.1, axis=-1))
        return type(best)(**{**vars(best), "log_pi": log_pi})

    return wrong


# {name: (cell with the error, old text, new text, cell that notices)}
CELLS = {
    "12_trajectory_entropy": {
        "one pair of neighbours too few": ("cell-013", "for h in (1, 2, 3)) for", "for h in (1, 2)) for", "cell-013b"),
        "20 transitions on the chain": ("cell-025", "+ 19 * move", "+ 20 * move", "cell-025"),
        "20 transitions for every policy": ("cell-026b", "own + 19 * move[0]", "own + 20 * move[0]", "cell-026b"),
        "the printed direction": ("cell-038", "chance >= 1 - delta", "chance <= 1 - delta", "cell-038"),
        "a change within reach": ("cell-020b", "hidden = ~mdp", "hidden = mdp", "cell-020b"),
        "weights exchanged": ("cell-015", "w, [visitation", "w[::-1], [visitation", "cell-015b"),
    },
    "14_entgame_is_pac": {
        "3 for 8": ("cell-020c", "eight=8", "eight=3", "cell-020d"),
        "3 for 2 under Azuma's root": ("cell-020c", "sqrt(L1 / (2 * T))", "sqrt(L1 / (3 * T))", "cell-020d"),
        "R + 3 for R + 2": ("cell-020c", "H * (R + 2) / T", "H * (R + 3) / T", "cell-020d"),
        "3 for 12 in L_2": ("cell-020c", "log(12 * S", "log(3 * S", "cell-020d"),
        "0.42 for 1/4 in the worse world": ("cell-020g", "[1 / 4, 1 / 2]", "[0.42, 1 / 2]", "cell-020g"),
        "0.65 for 1/2 on trajectories": ("cell-020g", "[1 / 4, 1 / 2]", "[1 / 4, 0.65]", "cell-020g"),
        "H for H (H - 1)": ("cell-045i_3", "[closed(H * (H - 1), H * (H + 1))]", "[closed(H - 1, H * (H + 1))]", "cell-045i_3"),
        "2.4 for 2.2 in the loss of wrong pairs": ("cell-020j", "append(2.2 *", "append(2.4 *", "cell-020k"),
        "m = 1/10 for 1/10 + eta t": ("cell-020j", "(0.9 - eta * t) / (0.1 + eta * t)", "(0.9 - 0 * t) / (0.1 + 0 * t)", "cell-020k"),
        "28 for 28.2": ("cell-020k", "28.2 * 0.05**2", "28 * 0.05**2", "cell-020k"),
        "22 for 24.2": ("cell-020h", "told, 24.2 *", "told, 22 *", "cell-020h"),
        "0.65 for 1 - 1/e": ("cell-013", "1 - 1 / e", "0.65", "cell-013"),
        "0.7 of lambda^2": ("cell-015", "[lam**2] * 2", "[0.7 * lam**2] * 2", "cell-015"),
        "one stage fewer": ("cell-018_2", "np.array([3, 2, 1])", "np.array([2, 1, 0])", "cell-018_2"),
        "1.9 for 2 under Pinsker's root": ("cell-019b", "np.sqrt(2 * kl)", "np.sqrt(1.9 * kl)", "cell-019b"),
        "5 for 8 in the late sum": ("cell-019d_2", "8 * root", "5 * root", "cell-019d_2"),
        "4 L' for 4 L' + 1": ("cell-019d", "np.full(20, margin + 1)", "np.full(20, margin)", "cell-019d"),
        "H^3 for H^4": ("cell-044b", "[2, 1, 4, 2]", "[2, 1, 3, 2]", "cell-044b"),
        "S for S^2": ("cell-044b", "[2, 1, 4, 2]", "[1, 1, 4, 2]", "cell-044b"),
        "1/eps for 1/eps^2": ("cell-044b", "[2, 1, 4, 2]", "[2, 1, 4, 1]", "cell-044b"),
        "3 for 3/2 in a width": ("cell-045d", "1.5 * b", "3 * b", "cell-045d"),
        "0.32 for 1/3": ("cell-049c", "root + rest / 3,", "root + 0.32 * rest,", "cell-049c"),
        "1.9 for 2 in Bernstein": ("cell-049b", "np.sqrt(2 *", "np.sqrt(1.8 *", "cell-049c"),
        "the false line": ("cell-049b_2", "left, root + rest / 3,", "left, root,", "cell-049b_2"),
        "0.8 for 5/6": ("cell-049e", "2 * var_p + 5 / 6 * K", "2 * var_p + 0.78 * K", "cell-049e"),
        "15 for 16": ("cell-049f_2", "change(16)", "change(15.2)", "cell-049f_2"),
        "a quarter of the bonus": ("cell-049f", "whole = hope(q, V, K)", "whole = hope(q, V, K, 4, 1)", "cell-049f"),
        "350 for 360": ("cell-049h", "third=360", "third=350", "cell-049h"),
        "H^2 for H^3": ("cell-049k", "[2, 1, 3, 2]", "[2, 1, 2, 2]", "cell-049k"),
        "g for g^2": ("cell-048", "g**2 / 4,", "g / 4,", "cell-048"),
    },
    "15_fast_rate": {
        "3 for 8": ("cell-014c", "eight=8", "eight=3", "cell-014d_2"),
        "alpha / 2 for 4 alpha": ("cell-014c", "four=4, power", "four=0.5, power", "cell-014d"),
        "H - 1 for its square": ("cell-014c", "power=2", "power=1", "cell-014d"),
        "H^4 for H^5": ("cell-025d_2", "[2, 1, 5, 1]", "[2, 1, 4, 1]", "cell-025d_2"),
        "S for S^2": ("cell-025d_2", "[2, 1, 5, 1]", "[1, 1, 5, 1]", "cell-025d_2"),
        "H^3 for H^4, slow": ("cell-027b_2", "[2, 1, 4, 2]", "[2, 1, 3, 2]", "cell-027b_2"),
        "1/eps for 1/eps^2": ("cell-027b_2", "[2, 1, 4, 2]", "[2, 1, 4, 1]", "cell-027b_2"),
        "4.3 for 4 in step (e)": ("cell-020b", "(H - 1) / 4", "(H - 1) / 4.3", "cell-020b"),
        "no log T in step (f)": ("cell-020c", " + np.log(T_end) / 2", "", "cell-020c_2"),
        "5 for 16 in step (g)": ("cell-021", "16 * np.log", "5 * np.log", "cell-021"),
        "4 L' for 4 L' + 1": ("cell-021_2", "np.full(20, margin + 1)", "np.full(20, margin)", "cell-021_2"),
        "1.9 for 2 in the sum of roots": ("cell-027b", "2 * np.sqrt(step)", "1.9 * np.sqrt(step)", "cell-027b"),
        "0.99 of the average": ("cell-025c", "averaged = np.array(averaged)", "averaged = 0.99 * np.array(averaged)", "cell-025c"),
        "no half in the second order": ("cell-012", "np.exp(L)) / 2", "np.exp(L))", "cell-012"),
    },
}  # fmt: skip

# {name: (module, function, error, first cell to run again, cell that notices)}
FUNCTIONS = {
    "12_trajectory_entropy": {
        "trajectory entropy 1.01": (te, "trajectory_entropy", times(1.01), "cell-013", "cell-013b"),
        "visitation entropy 1.01": (visitation, "visitation_entropy", times(1.01), "cell-013", "cell-013b"),
        "loss 0.95": (te, "suboptimality", times(0.95), "cell-019", "cell-019"),
        "transitions 0.95": (te, "transition_entropy", times(0.95), "cell-009", "cell-009b"),
        "optimum of another temperature": (te, "soft_optimum", too_warm, "cell-017", "cell-017"),
        "equal weights in a mixture": (
            visitation, "mixture", arguments(lambda w, ds: (np.full(len(w), 1 / len(w)), ds)), "cell-015", "cell-015b"),
        "information 1.01": (trajectories, "joint_entropy", times(1.01), "cell-013", "cell-013b"),
        "entropy of the optimum 0.99": (trajectories, "law_entropy", times(0.99), "cell-017", "cell-017"),
    },
    "14_entgame_is_pac": {
        "sampler: A dropped": (proof, "sampler_bound", text("S * A * T", "S * T"), "cell-020c", "cell-020d"),
        "sampler: H for H^2": (proof, "sampler_bound", text("H**2", "H"), "cell-020c", "cell-020d"),
        "sampler: 3 for 8": (proof, "sampler_bound", text("8 *", "3 *"), "cell-020c", "cell-020d"),
        "sampler: L' for 4 L'": (proof, "sampler_bound", text("4 * margin", "margin"), "cell-020c", "cell-020d"),
        "sampler: a third, in the run": (proof, "sampler_bound", times(0.19), "cell-025", "cell-025"),
        "Azuma: T for 2 T": (proof, "azuma_bound", text(" / 2)", ")"), "cell-020c", "cell-020d"),
        "visits: 3 for 2": (proof, "visits_bound", text("2 * sqrt", "3 * sqrt"), "cell-020c", "cell-020d"),
        "logarithms: 3 for 6": (proof, "logarithms", text("log(6 /", "log(3 /"), "cell-020c", "cell-020d"),
        "regret of another prior": (
            forecaster, "worst_regret", arguments(lambda T, m, n0: (T, m, n0 + 0.1)), "cell-020c", "cell-020d"),
        "alpha without S": (confidence, "log_confidence", arguments(lambda n, S, A, H, d: (n, 1, A * S, H, d)), "cell-020c", "cell-020d"),
        "B_t without n_0": (entgame, "reward_bound", arguments(lambda t, S, A, _: (t, S, A, 1)), "cell-018", "cell-018_2"),
        "binomial bounds 0.97": (
            proof, "binomial_bounds", lambda f: lambda n, S: tuple(0.97 * x for x in f(n, S)), "cell-008b", "cell-008b"),
        "divergence up by 2": (proof, "divergence_excess", plus(2.0), "cell-010", "cell-010"),
        "deficit up by a half": (proof, "count_deficit", plus(0.5), "cell-013b", "cell-013b"),
        "radius 0.99": (confidence, "visits_radius", times(0.99), "cell-045k", "cell-045k"),
        "radius 1.01": (confidence, "visits_radius", times(1.01), "cell-045k", "cell-045k"),
        "radius of one stage": (
            confidence, "visits_radius", lambda f: lambda T, **k: f(T, **{**k, "H": 1}), "cell-045k", "cell-045k"),
        "Fannes 0.95": (confidence, "fannes_width", times(0.95), "cell-045k_2", "cell-045k_2"),
        "Fannes 1.05": (confidence, "fannes_width", times(1.05), "cell-045k_2", "cell-045k_2"),
        "certificate plus 0.001": (stopping, "certified_gap", plus(0.001), "cell-045n_2", "cell-045n_2"),
        "certificate of twice delta": (
            stopping, "certified_gap", lambda f: lambda v, n, delta: f(v, n, delta=2 * delta), "cell-045n_2", "cell-045n_2"),
        "a restriction that is none": (saturation, "choose", text("where(allowed, U, np.inf)", "where(allowed, np.inf, U)"), "cell-045f", "cell-045g"),
        "stage ranges: one stage less in the bonus": (saturation, "_ranges", text("(left - 1) * B", "(left - 2) * B"), "cell-045i_2", "cell-045i_2"),
        "stops at 1.05 eps": (stopping.StoppingRule, "satisfied", text("<= self.eps", "<= 1.05 * self.eps"), "cell-045q", "cell-045q_2"),
        "stops a tenth too late": (stopping.StoppingRule, "satisfied", text("<= self.eps", "<= 0.9 * self.eps"), "cell-045q", "cell-045q_2"),
        "variance bonus: A dropped": (
            variance_bonus, "variance_sampler_bound", text("H * S * A", "H * S"), "cell-049h", "cell-049h"),
        "variance bonus: 9 for 10": (
            variance_bonus, "variance_sampler_bound", text("10 * root", "9 * root"), "cell-049h", "cell-049h"),
        "variance bonus: 3 for 4": (variance_bonus, "plan", text("16 * ceiling", "15 * ceiling"), "cell-049h_2", "cell-049h_2"),
        "coins: half the divergence": (lower_bound, "divergence", times(0.5), "cell-020h", "cell-020h"),
        "worlds that differ by half": (
            lower_bound, "worlds", lambda f: lambda eta: f(eta / 2), "cell-020g", "cell-020g"),
        "wrong pairs, twice the share": (lower_bound, "wrong_share", times(2), "cell-020j", "cell-020k"),
        "worlds of 0.98 eta": (
            lower_bound, "many_worlds", lambda f: lambda n, eta, **k: f(n, 0.98 * eta, **k), "cell-020j", "cell-020k"),
        "sizes: 440 for 452": (lower_bound, "least_episodes_sizes", times(452 / 440), "cell-020l", "cell-020l"),
        "error of a worse test": (lower_bound, "least_error", times(1.5), "cell-020l", "cell-020l"),
        "episodes: 50 for 97": (lower_bound, "least_episodes", times(97 / 50), "cell-020h", "cell-020h"),
        "variance 1.01": (proof, "summed_variance", times(1.01), "cell-047", "cell-048"),
    },
    "15_fast_rate": {
        "fast: H - 1 for its square": (soft, "fast_bound", text("(H - 1) ** 2", "(H - 1)"), "cell-014c", "cell-014d"),
        "fast: alpha / 2 for 4 alpha": (soft, "fast_bound", text("4 * alpha", "alpha / 2"), "cell-014c", "cell-014d"),
        "fast: 3 alpha for 4 alpha": (soft, "fast_bound", text("4 * alpha", "3 * alpha"), "cell-014c", "cell-014d"),
        "fast: A dropped": (soft, "fast_bound", text("S * A * (4", "S * (4"), "cell-014c", "cell-014d"),
        "fast: U for U^2": (soft, "fast_bound", text("U**2", "U"), "cell-014c", "cell-014d"),
        "slow: 3 for 8": (soft, "slow_bound", text("8 *", "3 *"), "cell-014c", "cell-014d_2"),
        "slow: A dropped": (soft, "slow_bound", text("S * A * T", "S * T"), "cell-014c", "cell-014d_2"),
        "Lambda with log T": (soft, "width_constants", text("log(T) / 2", "log(T)"), "cell-014c", "cell-014d"),
        "Fannes 0.95": (confidence, "fannes_width", times(0.95), "cell-007_2", "cell-007_2"),
        "Fannes 1.05": (confidence, "fannes_width", times(1.05), "cell-007_2", "cell-007_2"),
        "divergence 1.05": (distributions, "softmax_divergence", times(1.05), "cell-010", "cell-010"),
        "divergence 0.95": (distributions, "softmax_divergence", times(0.95), "cell-010", "cell-010"),
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=CELLS)
def chapter(request):
    return request.param, Rehearsal(request.param)


def test_nothing_is_noticed_where_nothing_is_wrong(chapter):
    stem, rehearsal = chapter
    runs = {(cell, check) for cell, _, _, check in CELLS[stem].values()}
    runs |= {(start, check) for _, _, _, start, check in FUNCTIONS[stem].values()}
    assert [run for run in sorted(runs) if rehearsal.catches(run[0], check=run[1])] == []


def test_errors_in_cells_are_noticed(chapter):
    stem, rehearsal = chapter
    missed = [
        name
        for name, (cell, old, new, check) in CELLS[stem].items()
        if not rehearsal.catches(cell, old, new, check=check)
    ]
    assert missed == []


def test_errors_in_functions_are_noticed(chapter, monkeypatch):
    stem, rehearsal = chapter
    missed = []
    for name, (module, function, wrong, start, check) in FUNCTIONS[stem].items():
        with monkeypatch.context() as planted:
            planted.setattr(module, function, wrong(getattr(module, function)))
            if not rehearsal.catches(start, check=check):
                missed.append(name)
    assert missed == []
