"""The variance bonus: the closed form from the display, the links of its proof along runs."""

from math import e, log, sqrt

import numpy as np
import pytest
from plain_learners import masked

from rlentropy.audits import entgame as proof
from rlentropy.audits import variance_bonus
from rlentropy.episodic import environments, max_entropy

S, A, H, N0, DELTA, T = 2, 3, 5, 2, 0.037, 12345


def test_bound_equals_the_display():
    alpha = log(2 * S * A * H / DELTA) + S * log(e * (1 + T))
    margin = log(6 * S * A * H / DELTA)
    B = log(T / N0 + S * A)
    root = sqrt(2 * H * S * A * T * alpha * log(T))
    shown = e * H * B * (10 * root + H * S * A * (360 * H * alpha * log(T) + 4 * margin + 1))
    found = variance_bonus.variance_sampler_bound(T, S, A, H, DELTA, n0=N0)
    assert found == pytest.approx(shown, rel=1e-12)
    whole = variance_bonus.variance_pac_bound(T, S, A, H, DELTA, n0=N0)
    others = proof.bound_terms(T, S, A, H, DELTA, n0=N0)
    assert whole == pytest.approx(shown / T + sum(others.values()) - others["sampler"], rel=1e-12)


def test_episodes_needed_solves_the_bound():
    needed = variance_bonus.variance_episodes_needed(0.5, S, A, H, DELTA)
    assert variance_bonus.variance_pac_bound(needed, S, A, H, DELTA) <= 0.5
    assert variance_bonus.variance_pac_bound(needed * (1 - 1e-6), S, A, H, DELTA) > 0.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("visits", [3, 100, 10**4, 10**7])
def test_links_hold_for_counts_of_any_size(seed, visits):
    """Counts need not come from a run of the learner: the links are about one plan."""
    mdp = environments.garnet(states=4, actions=2, horizon=5, branching=3, seed=seed)
    rng = np.random.default_rng(seed)
    n = rng.integers(0, 2 * visits, size=(5, 4, 2))
    P = mdp.dense()
    moves = np.array([[[rng.multinomial(n[h, s, a], P[h, s, a]) for a in (0, 1)]
                       for s in range(4)] for h in range(4)])  # fmt: skip
    slack = variance_bonus.links(mdp, n.astype(float), moves, int(n.sum()))
    assert min(slack.values()) >= 0


THREE = environments.garnet(states=3, actions=3, horizon=4, branching=2, seed=1)
TWO = environments.garnet(states=3, actions=2, horizon=4, branching=2, seed=1)


@pytest.mark.parametrize("mdp", [TWO, masked(THREE, 1), masked(THREE, 2)])
def test_links_hold_along_a_run(mdp):
    assert mdp.available.all() == (mdp is TWO)
    run = variance_bonus.run(mdp, 300, 2, n0=0.5, delta=0.2)
    assert min(run.slack.values()) >= -1e-9
    assert run.visitation.sum(axis=(1, 2)) == pytest.approx(np.ones(4))
    assert run.visitation[:, ~mdp.available].sum() == 0
    assert 300 * max_entropy.solve(mdp).value <= run.reward + run.gap
    assert run.gap <= variance_bonus.variance_sampler_bound(300, 3, mdp.A, 4, 0.2, n0=0.5)


def test_plan_by_hand():
    """One state, two actions, two stages: no variance, so the bonus is 16 R kappa."""
    n = np.array([[[3.0, 5.0]], [[4.0, 0.0]]])
    Q, V = variance_bonus.plan(n, n[:-1, ..., None], 8, delta=0.2)
    R = 2 * log(8 + 2)
    own = [log(10 / 4), log(10 / 6)]
    kappa = [(log(2 * 4 / 0.2) + log(e * (1 + k))) / k for k in (3, 5)]
    assert V[1, 0] == R and Q[1, 0, 1] == np.inf
    assert Q[0, 0] == pytest.approx([a + 16 * R * b + R for a, b in zip(own, kappa, strict=True)])


@pytest.mark.parametrize(("change", "name"), [({"n0": 0.1}, "n0"), ({"delta": 1.0}, "delta")])
def test_no_number_outside_the_theorem(change, name):
    with pytest.raises(ValueError, match=name):
        variance_bonus.variance_pac_bound(T, S, A, H, **{"delta": DELTA, **change})
