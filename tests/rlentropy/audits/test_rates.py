"""The closed forms of chapters 14 and 15, written anew from the displays of the book, at sizes
that are all different: S = 2, A = 3, H = 5, n_0 = 2, c_b = 0.7. Errors planted into the functions
miss them."""

import inspect
from math import e, lgamma, log, sqrt

import pytest
from refusals import refusals

from rlentropy.audits import entgame as proof
from rlentropy.audits import optimistic_soft_vi as soft

S, A, H = 2, 3, 5
N0, SCALE, DELTA = 2, 0.7, 0.037
T = 12345


def alpha(n):
    """alpha(delta, n), from the symbols table of chapter 14."""
    return log(2 * S * A * H / DELTA) + S * log(e * (1 + n))


def sampler_display():
    """The right side of eq-sum."""
    B = log(T / N0 + S * A)
    L_prime = log(6 * S * A * H / DELTA)
    return H**2 * B * (8 * (SCALE + 1 / 2) * sqrt(S * A * T * alpha(T)) + S * A * (4 * L_prime + 1))


def pac_display():
    """The right side of eq-entgame-pac, with R_T of thm-forecaster-regret for m = S A."""
    B = log(T / N0 + S * A)
    L_1 = log(6 / DELTA)
    L_2 = log(12 * S * A * H / DELTA)
    m = S * A
    R = lgamma(T + m * N0) + lgamma(N0) - lgamma(m * N0) - lgamma(T + N0)
    return (
        sampler_display() / T
        + H * B * sqrt(L_1 / (2 * T))
        + H * log(S * A * T) * sqrt(S * A * L_2 / T)
        + H * (R + 2) / T
    )


def widths_display():
    """U and Lambda_T, from the symbols table of chapter 15."""
    U = (H - 1) * log(S * A)
    return U, U + log(e * S) + log(T) / 2


def fast_display():
    """The right side of eq-fast-bound."""
    U, Lam = widths_display()
    L_prime = log(6 * S * A * H / DELTA)
    inner = 4 * alpha(T) * Lam**2 * log(T) + U**2 * (L_prime + 1 / 4)
    return H * (H - 1) ** 2 * S * A * inner


def slow_display():
    """The last line of eq-slow-bound."""
    U, Lam = widths_display()
    L_prime = log(6 * S * A * H / DELTA)
    return (H - 1) * (8 * Lam * sqrt(alpha(T) * S * A * T) + S * A * U * (4 * L_prime + 1))


SIZES = (S, A, H, DELTA)
BOTH = {"n0": N0, "bonus_scale": SCALE}
PAIRS = {
    "sampler": (lambda: proof.sampler_bound(T, *SIZES, **BOTH), sampler_display),
    "pac": (lambda: proof.pac_bound(T, *SIZES, **BOTH), pac_display),
    "fast": (lambda: soft.fast_bound(T, *SIZES), fast_display),
    "slow": (lambda: soft.slow_bound(T, *SIZES), slow_display),
    "visits": (
        lambda: proof.visits_bound(T, *SIZES),
        lambda: 2 * sqrt(S * A * log(12 * S * A * H / DELTA) * T),
    ),
    "shortest": (
        lambda: proof.shortest_run(*SIZES),
        lambda: S * A * log(12 * S * A * H / DELTA),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_function_equals_the_display(name):
    function, display = PAIRS[name]
    assert function() == pytest.approx(display(), rel=1e-12)


# Errors that the checks of an earlier state of the book did not notice, and their like:
# what is read, the module, the function, the right text, the wrong one.
PLANTS = {
    "sampler: A dropped under the root": ("sampler", proof, "sampler_bound", "S * A * T", "S * T"),
    "sampler: H for H^2": ("sampler", proof, "sampler_bound", "H**2", "H"),
    "sampler: 3 for 8": ("sampler", proof, "sampler_bound", "8 *", "3 *"),
    "sampler: 1/2 dropped": ("sampler", proof, "sampler_bound", " + 0.5", ""),
    "sampler: L' for 4 L'": ("sampler", proof, "sampler_bound", "4 * margin", "margin"),
    "pac: H for H^2": ("pac", proof, "sampler_bound", "H**2", "H"),
    "pac: A dropped under the root": ("pac", proof, "sampler_bound", "S * A * T", "S * T"),
    "pac: T for 2 T under Azuma's root": ("pac", proof, "azuma_bound", " / 2)", ")"),
    "pac: S A T without A": ("pac", proof, "_bound_terms", "log(S * A * T)", "log(S * T)"),
    "pac: R_T + 1 for R_T + 2": ("pac", proof, "_bound_terms", "+ 2) / T", "+ 1) / T"),
    "pac: R_T of S symbols": ("pac", proof, "_bound_terms", "(T, S * A, n0)", "(T, S, n0)"),
    "logarithms: 3 for 6": ("pac", proof, "logarithms", "log(6 /", "log(3 /"),
    "logarithms: 6 for 12": ("pac", proof, "logarithms", "log(12 *", "log(6 *"),
    "visits: 3 for 2": ("visits", proof, "visits_bound", "2 * sqrt", "3 * sqrt"),
    "fast: H - 1 for its square": ("fast", soft, "fast_bound", "(H - 1) ** 2", "(H - 1)"),
    "fast: alpha / 2 for 4 alpha": ("fast", soft, "fast_bound", "4 * alpha", "alpha / 2"),
    "fast: 3 alpha for 4 alpha": ("fast", soft, "fast_bound", "4 * alpha", "3 * alpha"),
    "fast: A dropped": ("fast", soft, "fast_bound", "S * A * (4", "S * (4"),
    "fast: U for U^2": ("fast", soft, "fast_bound", "U**2", "U"),
    "fast: Lambda for its square": ("fast", soft, "fast_bound", "Lam**2", "Lam"),
    "slow: 4 for 8": ("slow", soft, "slow_bound", "(8 *", "(4 *"),
    "slow: A dropped under the root": ("slow", soft, "slow_bound", "S * A * T", "S * T"),
    "widths: log T for half of it": ("fast", soft, "width_constants", "log(T) / 2", "log(T)"),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_planted_error_misses_the_display(plant, monkeypatch):
    name, module, function, old, new = PLANTS[plant]
    source = inspect.getsource(getattr(module, function))
    head, body = source.split('"""', 2)[0], source.split('"""', 2)[2]
    assert old in body
    names = vars(module)
    wrong = dict(names)
    exec(head + '""""""' + body.replace(old, new, 1), wrong)
    monkeypatch.setattr(module, function, _rebound(wrong[function], names))
    read, display = PAIRS[name]
    assert read() != pytest.approx(display(), rel=1e-6)


def _rebound(function, names):
    """The function with the module's own names, so that it meets its neighbours."""
    copy = type(function)(function.__code__, names, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


@pytest.mark.parametrize("eps", [3.0, 0.05])
def test_episodes_needed_solves_the_display(eps, monkeypatch):
    needed = proof.episodes_needed(eps, *SIZES, **BOTH)
    monkeypatch.setitem(globals(), "T", needed)
    assert pac_display() <= eps
    monkeypatch.setitem(globals(), "T", needed * (1 - 1e-6))
    assert pac_display() > eps


@pytest.mark.parametrize(
    ("bound", "display"), [(soft.fast_bound, fast_display), (soft.slow_bound, slow_display)]
)
def test_episodes_needed_of_soft_values_solves_the_display(bound, display, monkeypatch):
    needed = soft.episodes_needed(bound, 0.2, *SIZES)
    monkeypatch.setitem(globals(), "T", needed)
    assert display() <= 0.2 * needed
    monkeypatch.setitem(globals(), "T", needed * (1 - 1e-4))
    assert display() > 0.2 * T


def test_one_episode_is_enough_where_the_average_starts_below():
    assert soft.episodes_needed(soft.fast_bound, soft.fast_bound(1, *SIZES), *SIZES) == 1


test_no_number_outside_the_theorem = refusals(
    (lambda: proof.pac_bound(500, 2, 2, 2, 0.1, bonus_scale=0.49), "bonus_scale"),
    (lambda: proof.pac_bound(500, 2, 2, 2, 0.1, n0=0.1), "n0"),
    (lambda: proof.bound_terms(20, 2, 2, 2, 0.1), "T = 20"),
    (lambda: proof.pac_bound(500, 1, 2, 2, 0.1), "S = 1"),
    (lambda: proof.episodes_needed(0.1, 2, 2, 2, 0.1, bonus_scale=0), "bonus_scale"),
    (lambda: proof.episodes_needed(1, 1, 2, 2, 0.1), "S = 1"),
    (lambda: proof.episodes_needed(1e-300, *SIZES), "eps"),
    (lambda: soft.fast_bound(10, 1, 3, 5, 0.1), "S = 1"),
    (lambda: soft.slow_bound(10, 2, 1, 5, 0.1), "A = 1"),
)


def test_nothing_to_lose_in_one_stage():
    assert soft.fast_bound(100, 2, 3, 1, 0.1) == soft.slow_bound(100, 2, 3, 1, 0.1) == 0
    assert soft.episodes_needed(soft.fast_bound, 0.1, 2, 3, 1, 0.1) == 1
