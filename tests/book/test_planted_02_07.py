"""Errors planted in chapters 2 to 7 and 19: each is noticed (see `planted_chapters`)."""

from dataclasses import replace

import numpy as np
import pytest
from planted_chapters import Formula, arguments, cached_times, faults, option, planted, times

from rlentropy import distributions as dist
from rlentropy.discounted import (
    entropy_dynamics,
    evaluation,
    long_run,
    mirror,
    natural_gradient,
    softmax,
    trajectories,
    visitation,
)
from rlentropy.discounted.evaluation import PolicyInMDP


def of_half_gamma(visited):
    return lambda mdp, pi: visited(replace(mdp, gamma=0.5), pi)


def divergence_off(terms):
    return lambda *args: (terms(*args)[0], 1.01 * np.asarray(terms(*args)[1]))


def more_W(nearest_policy):
    def wrong(*args, **options):
        found = nearest_policy(*args, **options)
        return long_run.NearestPolicy(
            1.02 * found.W, found.log_pi, found.residual, found.iterations
        )

    return wrong


def without_discount(tilted):
    return lambda m, theta, W, allowed: tilted(m, theta, W / m.gamma, allowed=allowed)


def of_less_tau(step):
    return lambda *args, tau=0.0: step(*args, tau=0.98 * tau)


def growth(bound):
    """eta^2/2 of ``bound(D, n, x^2)`` for D^2 log n (1 + min(x, x^2) + x^2/4)."""

    def wrong(mdp, direction, eta):
        D, square = np.ptp(direction, axis=1).max(), mdp.gamma / (1 - mdp.gamma)
        return eta**2 / 2 * bound(D, mdp.A, square)

    return lambda _: wrong


def speed(bound):
    """``bound(D, x^2)`` for D/2 min(x, x^2)."""
    return lambda _: (
        lambda mdp, direction: bound(np.ptp(direction, axis=1).max(), mdp.gamma / (1 - mdp.gamma))
    )


# chapter: {what is wrong: (cells, module, function, how it is wrong)}
FUNCTIONS = {
    "02_natural_policy_gradient": {
        "visits without a look at gamma": (
            "cases-fisher..check-fisher", visitation, "visited", of_half_gamma),
        "divergence 1 % off": ("cell-027..cell-028", dist, "kl", times(1.01)),
    },
    "03_covariance_identity": {
        "first order 1 % off, slopes": (
            "cell-034..cell-035", entropy_dynamics, "first_order", times(1.01)),
        "contributions of the other sign": (
            "cell-048", entropy_dynamics, "contributions", times(-1)),
        "entropy gradient 1 % off": ("cell-021", softmax, "entropy_gradient", times(1.01)),
    },
    "04_beyond_first_order": {
        "curvature 2 % off": ("cell-021", entropy_dynamics, "curvature", times(1.02)),
        "function of the remainder bound 0.35 of it": (
            "cell-027..cell-028", entropy_dynamics, "remainder_bound", times(0.35)),
        "function of the radius 1 % longer": (
            "cell-035..check-certificate", entropy_dynamics, "certificate_radius", times(1.01)),
        "terms with the divergence 1 % off": (
            "check-exact-pairs", entropy_dynamics, "identity_terms", divergence_off),
    },
    "05_long_run": {
        "least divergence 2 % off": (
            "ch05-nearest-policies..ch05-nearest-check", long_run, "nearest_policy", more_W),
        "limit without discount": ("cell-025", long_run, "tilted", without_discount),
        "steps a little too far": (
            "cell-024..cell-025", natural_gradient, "run", option("eta", lambda eta: 1.01 * eta)),
    },
    "06_trajectory_entropy_dynamics": {
        "remainder with log 2 for log n": (
            "cell-034..ch06-remainders", trajectories, "remainder_bound",
            growth(lambda D, _, y: D**2 * np.log(2) * (1 + min(y**0.5, y) + y / 4))),
        "remainder with D for its square": (
            "cell-034..ch06-remainders", trajectories, "remainder_bound",
            growth(lambda D, n, y: D * np.log(n) * (1 + min(y**0.5, y) + y / 4))),
        "remainder with D cubed": (
            "cell-034..ch06-remainders", trajectories, "remainder_bound",
            growth(lambda D, n, y: D**3 * np.log(n) * (1 + min(y**0.5, y) + y / 4))),
        "remainder with the root of the horizon": (
            "cell-034..ch06-remainders", trajectories, "remainder_bound",
            growth(lambda D, n, y: D**2 * np.log(n) * (1 + 1.25 * min(y**0.5, y)))),
        "a fifth of the remainder": (
            "cell-034..ch06-remainders", trajectories, "remainder_bound",
            growth(lambda D, n, y: D**2 * np.log(n) * (1 + min(y**0.5, y) + y / 4) / 5)),
        "speed with D squared": (
            "ch06-speed-check..ch06-speed-bounds", trajectories, "spread_bound",
            speed(lambda D, y: D**2 / 2 * min(y**0.5, y))),
        "speed without D": (
            "ch06-speed-check..ch06-speed-bounds", trajectories, "spread_bound",
            speed(lambda _, y: min(y**0.5, y) / 2)),
        "speed with D/3": (
            "ch06-speed-check..ch06-speed-bounds", trajectories, "spread_bound",
            speed(lambda D, y: D / 3 * min(y**0.5, y))),
        "speed with a constant horizon": (
            "ch06-speed-check..ch06-speed-bounds", trajectories, "spread_bound",
            speed(lambda D, y: D / 2 * min(y**0.5, 4))),
        # functions that used to stand on both sides of a check
        "covariance 1 % off": ("cell-027", dist, "covariance", times(1.01)),
        "covariance 1 % off, later": ("cell-028", dist, "covariance", times(1.01)),
        "divergence 1 % off": ("cell-031", dist, "kl", times(1.01)),
        "slope 1 % off": ("ch06-d-slope", trajectories, "visitation_slope", times(1.01)),
        "shift 1 % off": ("cell-019", trajectories, "visitation_shift", times(1.01)),
        "visits 1 % off": ("cell-008..ch06-def", PolicyInMDP, "d", cached_times(1.01)),
        "visits 1 % off, later": ("cell-027", PolicyInMDP, "d", cached_times(1.01)),
        "entropy 1 % off": (
            "cell-008..ch06-def", PolicyInMDP, "policy_entropy", cached_times(1.01)),
        "entropy 1 % off, later": ("cell-027", PolicyInMDP, "policy_entropy", cached_times(1.01)),
    },
    "07_maximum_entropy_rl": {
        "visits 1 % off": ("cell-007..cell-022", PolicyInMDP, "d", cached_times(1.01)),
        "entropy 1 % off": (
            "cell-007..cell-022", PolicyInMDP, "policy_entropy", cached_times(1.01)),
        "value 1 % off": ("cell-007..cell-022", PolicyInMDP, "V", cached_times(1.01)),
        "a step that forgets too little": (
            "cell-015..ch07-forms-check", natural_gradient, "step", of_less_tau),
        "backup of a value 0.1 % off": (
            "cell-011", evaluation, "soft_backup", arguments(lambda m, V: (m, 1.001 * V))),
    },
    "19_beyond_tables": {
        "sampled contributions 1 % off": (
            "sampled-tokens..check-variance", entropy_dynamics, "sampled_contributions",
            times(1.01)),
        "mirror rate 2 % off": ("cases-mirror..check-mirror", mirror, "first_order", times(1.02)),
    },
}  # fmt: skip


@pytest.mark.parametrize(("stem", "fault"), planted(FUNCTIONS))
def test_a_planted_error_is_noticed(chapter, stem, fault, monkeypatch):
    assert chapter(stem).notices(fault, monkeypatch)


@pytest.mark.parametrize("stem", FUNCTIONS)
def test_nothing_is_noticed_where_nothing_is_wrong(chapter, stem):
    assert chapter(stem).false_alarms(faults(stem, FUNCTIONS[stem])) == []


@pytest.mark.parametrize(
    ("old", "found"), [("no such text", "no cell"), ("np", "'cell-024', 'cell-025'")]
)
def test_an_error_that_has_no_one_place_is_refused(chapter, monkeypatch, old, found):
    with pytest.raises(ValueError, match=f"stands in .*{found}"):
        chapter("05_long_run").notices(Formula("cell-024..cell-025", old, ""), monkeypatch)
