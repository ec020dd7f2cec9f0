"""Errors planted in chapters 2 to 4 and 19, in cells and in the package: each is noticed."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from planted_chapters import Rehearsal

CHAPTERS = {
    "02": "02_natural_policy_gradient",
    "03": "03_covariance_identity",
    "04": "04_beyond_first_order",
    "19": "19_beyond_tables",
}
DYNAMICS = "rlentropy.discounted.entropy_dynamics"


@pytest.fixture(scope="module")
def chapters():
    return {number: Rehearsal(stem) for number, stem in CHAPTERS.items()}


# chapter, cell, what stood there, what stands there now, and where they are others
# the cell whose check must fail and the cell to start at
PLANTS = {
    "block of the Fisher matrix without the second term": (
        "02",
        "cell-018",
        "S.indicator(a, b) * pi(s, a) - pi(s, a) * pi(s, b)",
        "S.indicator(a, b) * pi(s, a)",
    ),
    "one divergence of two": (
        "02",
        "cell-026",
        "gain, both / eta",
        "gain, S.kl(s, best, pi) / eta",
    ),
    "divergences 1 % off": (
        "02",
        "cell-028",
        "promised, divergences",
        "promised, 0.99 * divergences",
    ),
    "improvement of twice the promise": (
        "02",
        "cell-028",
        "0, promised, slack",
        "0.01, promised, slack",
    ),
    "log-derivative with pi(a)": (
        "03",
        "cell-008",
        "*log_derivative,\n",
        "*log_derivative[:2], log_derivative[2] + pi(s, a1) - pi(s, a),\n",
    ),
    "gradient with a sum for the mean": (
        "03",
        "cell-016",
        "*gradient,\n",
        "*gradient[:2], -S.sum_actions(lambda a: log_p(a) * score(a)),\n",
    ),
    "score covariance not centred": ("03", "cell-020", "(log_p(a1) + S.entropy(s))", "log_p(a1)"),
    "gradient 1 % off": (
        "03",
        "cell-021",
        "differences, exact_gradient",
        "differences, 1.01 * exact_gradient",
    ),
    "first chain without its sign": (
        "03",
        "cell-025",
        "slope, *inner_product",
        "-slope, *inner_product",
    ),
    "second chain 2 % off": (
        "03",
        "cell-029",
        "inner_product[-1], *shown",
        "inner_product[-1], *shown[:-1], shown[-1] * sp.Rational(51, 50)",
    ),
    "gauge by action": (
        "03",
        "cell-030",
        "Delta[s, a] + c[s]),\n                part",
        "Delta[s, a] + A[s, a]),\n                part",
    ),
    "slopes 1 % off": ("03", "cell-035", "/ (2 * small)", "/ (1.98 * small)"),
    "step without eta": ("03", "cell-039", "with_value, npg_rate", "with_value, npg_rate / eta"),
    "first order 2 % off": ("03", "cell-041", "error=worst(rate)", "error=worst(1.02 * rate)"),
    "contributions not centred": ("03", "cell-046", "log_p(a) + S.entropy(s)", "log_p(a)"),
    "threshold 2 % higher": (
        "03",
        "check-threshold",
        "np.exp(-h), p.max(axis=1)",
        "1.02 * np.exp(-h), p.max(axis=1)",
    ),
    "pairs without one half": (
        "03",
        "cell-050",
        "covariance, pair(-1)",
        "covariance, 2 * pair(-1)",
    ),
    "falls by 1 % more than the pair": (
        "03",
        "check-conclusions",
        "pair_of(adv), falls",
        "1.01 * pair_of(adv), falls",
    ),
    "advantage with 1 % less room": (
        "03",
        "cell-061",
        "sizes, allowed_size",
        "sizes, 0.99 * allowed_size",
    ),
    "margins 1 % larger": (
        "03",
        "cell-064",
        "-np.expm1(log_run[..., 0]), left(1)",
        "-np.expm1(log_run[..., 0]), left(1.01)",
    ),
    "entropy with log(n - 2)": ("03", "cell-063", "eps * np.log(5)", "eps * np.log(4)", "cell-064"),
    "turn 5 % later": ("03", "cell-067", "turn(threshold)", "turn(1.1 * threshold)"),
    "curved path by its straight part": (
        "19",
        "check-any-path",
        "S.derivative(log_curved(a), t)",
        "A[s, a]",
    ),
    "network without its first layer": (
        "19",
        "check-network",
        "rate_of(first_layer + last_layer)",
        "rate_of(last_layer)",
    ),
    "effect of one logit alone": (
        "19",
        "check-sampled",
        "(share_at(b) - mean_share)",
        "share_at(b)",
    ),
    "variance with the square of the mean": (
        "19",
        "check-variance",
        "pi_z @ spread_by_hand**2 - (",
        "pi_z @ spread_by_hand**2 - 0 * (",
    ),
    "average of three as one sample": (
        "19",
        "check-average",
        ".ravel() / 3) / one_draw",
        ".ravel() / np.sqrt(3)) / one_draw",
    ),
    "mean of S with whole pairs": (
        "19",
        "check-sampled-mean",
        "mean_share, skewed, pairs",
        "mean_share, skewed, 2 * pairs",
    ),
    "frozen rate 2 % off": (
        "03",
        "check-frozen",
        "error=largest(still - first)",
        "error=largest(still - 1.02 * first)",
    ),
    "mirror direction 2 % off": (
        "19",
        "check-mirror",
        "error=path_error(1)",
        "error=path_error(1.02)",
    ),
    "mirror entropy by pi": (
        "19",
        "check-mirror",
        "error=entropy_error(rates)",
        "error=entropy_error(share_of(1.02))",
    ),
    "Euclidean shift 1 % off": (
        "19",
        "check-orders",
        "euclidean, shift(1e-3)",
        "euclidean, shift(1.01e-3)",
    ),
    "derivative without the variance": (
        "04",
        "cell-006",
        "frozen - t * S.variance(s, adv_, pi_t)",
        "frozen",
    ),
    "integral 1 % off": (
        "04",
        "cell-008",
        "integral.value, change",
        "1.01 * integral.value, change",
    ),
    "closed form with the old average": (
        "04",
        "cell-010",
        "start - t * speed + psi, part",
        "S.at(start, {t: 0}) - t * speed + psi, part",
    ),
    "divergence without its factor": (
        "04",
        "cell-011",
        "divergence, t * speed - psi",
        "divergence, t * speed - 2 * psi",
    ),
    "identity with the divergence turned": (
        "04",
        "cell-014",
        "gain, moved - toll",
        "gain, moved - S.kl(s, S.pi, new)",
    ),
    "shift 1 % off": (
        "04",
        "cell-015",
        "-over_step(old_moment), shift",
        "-over_step(old_moment), 1.01 * shift",
        None,
        "cell-008",
    ),
    "2 % of the divergence missing": (
        "04",
        "check-exact-pairs",
        "shift_pq - kl_pq, tol",
        "shift_pq - 0.98 * kl_pq, tol",
    ),
    "second order without the variance": (
        "04",
        "cell-019",
        "acceleration, second, part",
        "acceleration, second + S.variance(s, adv_, pi_t), part",
    ),
    "second order 2 % off": ("04", "cell-021", "error=left(1)", "error=left(1.02)"),
    "second derivative without the 1": ("04", "cell-025", "weighted(1),\n", "weighted(0),\n"),
    "remainder bound 0.35 of it": ("04", "cell-028", "lhs, rhs, part", "lhs, 0.35 * rhs, part"),
    "log 2 for log n": ("04", "cell-031", "left_over, allowed, part", "left_over, no_log, part"),
    "interval 2 % shorter": (
        "04",
        "check-interval",
        "upper / scale, slack",
        "0.98 * upper / scale, slack",
    ),
    "radius 1 % longer": ("04", "check-certificate", "radius, claimed", "1.01 * radius, claimed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_formula_is_noticed(chapters, name):
    number, cell, old, new, *rest = PLANTS[name]
    check, start = [*rest, None, None][:2]
    assert chapters[number].catches(cell, old, new, check=check, start=start)


def times(factor):
    return lambda right: lambda *args, **kwargs: factor * right(*args, **kwargs)


# chapter, cell to start at, cell whose check must fail, module, function, what is wrong with it
WRONG = {
    "first order 1 % off, slopes": (
        "03",
        "cell-034",
        "cell-035",
        DYNAMICS,
        "first_order",
        times(1.01),
    ),
    "contributions of the other sign": (
        "03",
        "cell-048",
        "cell-048",
        DYNAMICS,
        "contributions",
        times(-1),
    ),
    "visits without a look at gamma": (
        "02",
        "cases-fisher",
        "check-fisher",
        "rlentropy.discounted.visitation",
        "visited",
        lambda visited: lambda mdp, pi: visited(replace(mdp, gamma=0.5), pi),
    ),
    "sampled contributions 1 % off": (
        "19",
        "sampled-tokens",
        "check-variance",
        DYNAMICS,
        "sampled_contributions",
        times(1.01),
    ),
    "entropy gradient 1 % off": (
        "03",
        "cell-021",
        "cell-021",
        "rlentropy.discounted.softmax",
        "entropy_gradient",
        times(1.01),
    ),
    "mirror rate 2 % off": (
        "19",
        "cases-mirror",
        "check-mirror",
        "rlentropy.discounted.mirror",
        "first_order",
        times(1.02),
    ),
    "curvature 2 % off": ("04", "cell-021", "cell-021", DYNAMICS, "curvature", times(1.02)),
    "remainder bound 0.35 of it": (
        "04",
        "cell-027",
        "cell-028",
        DYNAMICS,
        "remainder_bound",
        times(0.35),
    ),
    "radius 1 % longer": (
        "04",
        "cell-035",
        "check-certificate",
        DYNAMICS,
        "certificate_radius",
        times(1.01),
    ),
    "terms with the divergence 1 % off": (
        "04",
        "check-exact-pairs",
        "check-exact-pairs",
        DYNAMICS,
        "identity_terms",
        lambda right: lambda *args: (right(*args)[0], 1.01 * np.asarray(right(*args)[1])),
    ),
    "divergence 1 % off": (
        "02",
        "cell-027",
        "cell-028",
        "rlentropy.distributions",
        "kl",
        times(1.01),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_noticed(chapters, monkeypatch, name):
    number, start, check, module, function, wrong = WRONG[name]
    home = importlib.import_module(module)
    monkeypatch.setattr(home, function, wrong(getattr(home, function)))
    assert chapters[number].catches(start, check=check, start=start)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "first", "last"),
    [
        ("02", "cell-026", "cell-028"),
        ("03", "cell-008", "cell-021"),
        ("04", "cell-006", "cell-015"),
        ("19", "check-any-path", "check-orders"),
    ],
)
def test_the_chapter_as_it_is_passes(chapters, number, first, last):
    assert not chapters[number].catches(first, check=last)
