"""Two worlds that no learner tells apart in time."""

from math import log

import numpy as np
import pytest
from refusals import refusals
from scipy.stats import binom

from rlentropy.audits import lower_bound
from rlentropy.episodic import max_entropy
from rlentropy.episodic import trajectory_entropy as te
from rlentropy.episodic.visitation import push_forward, visitation_entropy


@pytest.mark.parametrize("eta", [0.01, 0.05])
def test_no_policy_is_good_in_both_worlds(eta):
    rng = np.random.default_rng(3)
    worlds = lower_bound.worlds(eta)
    best = [(max_entropy.solve(w, tol=1e-13).value, te.soft_optimum(w)) for w in worlds]
    for x in np.linspace(0.02, 0.98, 97):
        pi = rng.dirichlet(np.ones(2), (2, 2))
        pi[0, 0] = x, 1 - x
        losses = [
            (value - visitation_entropy(push_forward(w, pi)), te.suboptimality(w, pi, soft))
            for w, (value, soft) in zip(worlds, best, strict=True)
        ]
        seen, paths = np.max(losses, axis=0)
        assert seen > eta**2 / 4
        assert paths > eta**2 / 2


def test_divergence_and_the_number_of_episodes():
    a, b = 0.07, 0.13
    by_hand = a * log(a / b) + (1 - a) * log((1 - a) / (1 - b))
    assert lower_bound.divergence(0.03) == pytest.approx(by_hand, rel=1e-12)
    kl = 0.9 * log(0.95 / 0.05)
    assert lower_bound.least_episodes(1e-4, 0.05) == pytest.approx(kl / 97e-4, rel=1e-12)
    paths = lower_bound.least_episodes(1e-4, 0.05, "trajectory")
    assert paths == pytest.approx(kl / 49e-4, rel=1e-12)


@pytest.mark.parametrize(("trials", "eta"), [(12, 0.05), (50, 0.05), (400, 0.02)])
def test_no_test_errs_less_in_the_worse_world(trials, eta):
    least = lower_bound.least_error(trials, eta)
    heads = np.arange(trials + 1)
    one, two = (binom.pmf(heads, trials, p) for p in (0.1 - eta, 0.1 + eta))
    # duality: the least of the larger error is the largest of the least mixed error
    shares = np.linspace(0, 1, 20001)
    mixed = [np.minimum(w * one, (1 - w) * two).sum() for w in shares]
    assert least == pytest.approx(max(mixed), abs=1e-4)
    assert least >= max(mixed) - 1e-12


@pytest.mark.parametrize("spare", [False, True])
def test_many_worlds_lose_by_wrong_pairs(spare):
    rng, eta = np.random.default_rng(4), 0.04
    signs = rng.choice([-1, 1], size=(2, 3, 2))
    mdp = lower_bound.many_worlds(signs, eta, spare=spare)
    assert (mdp.H, mdp.S, mdp.A) == (5 + spare, 3, 4)
    P = mdp.dense()
    np.testing.assert_allclose(P[0], 1 / 3)
    assert P[1, 2, 1, 0] == pytest.approx(0.1 - signs[0, 2, 0] * eta)
    assert P[3, 0, 2, 0] == pytest.approx(0.1 + signs[1, 0, 1] * eta)
    seen, soft = max_entropy.solve(mdp, tol=1e-13), te.soft_optimum(mdp)
    for best in (seen.policy, np.exp(soft.log_pi)):
        assert lower_bound.wrong_share(best, signs) == 0
    for _ in range(30):
        pi = rng.dirichlet(np.full(4, 50.0), (mdp.H, 3))
        least = 2.2 * 2 * lower_bound.wrong_share(pi, signs) * eta**2
        assert least > 0
        assert seen.value - visitation_entropy(push_forward(mdp, pi)) >= least
        assert te.suboptimality(mdp, pi, soft) >= least


def test_the_number_of_episodes_grows_with_the_sizes():
    assert lower_bound.least_episodes_sizes(1e-3, 3, 4, 6) == pytest.approx(24 / 452e-3, rel=1e-12)


WORLD = np.ones((1, 2, 1))


test_what_the_theorem_does_not_cover_is_refused = refusals(
    (lambda: lower_bound.worlds(0.06), "eta"),
    (lambda: lower_bound.least_episodes(1e-3, 0.1), "eps"),
    (lambda: lower_bound.least_episodes(1e-4, 0.5), "delta"),
    (lambda: lower_bound.many_worlds(0 * WORLD, 0.05), "signs"),
    (lambda: lower_bound.many_worlds(WORLD[:, :1], 0.05), "signs"),
    (lambda: lower_bound.wrong_share(np.full((5, 2, 2), 0.5), WORLD), "policy"),
    (lambda: lower_bound.least_episodes_sizes(1e-3, 2, 3, 3), "A"),
    (lambda: lower_bound.least_episodes_sizes(1e-3, 2, 2, 3), "eps"),
)
