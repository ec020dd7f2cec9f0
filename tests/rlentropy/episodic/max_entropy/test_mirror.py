"""Mirror ascent: its divergence, its rate, its sweep against a NumPy twin."""

import numpy as np
import pytest
from refusals import refusals

from rlentropy.episodic import environments
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic import visitation as vis
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import average_visitation_entropy, visitation_entropy
from rlentropy.exact import trajectories

CASES = [
    environments.garnet(states=5, actions=3, horizon=5, branching=2, seed=seed) for seed in range(4)
]
CASES += [
    environments.garnet(states=S, actions=A, horizon=H, branching=1, seed=7, stationary=True)
    for S, A, H in ((1, 4, 3), (6, 2, 9), (3, 1, 4), (4, 3, 1))
]
CASES += [
    environments.double_chain(length=9, failure=0.1, horizon=8),
    environments.sticky_chain(length=6, success=0.01, horizon=12),
]


def path_divergence_by_enumeration(mdp, pi, other):
    """sum_h KL of the laws of (s_1, a_1, ..., s_h, a_h), path by path."""
    laws = [trajectories.enumerate_trajectories(mdp.dense(), p, mdp.start) for p in (pi, other)]
    total = 0.0
    for h in range(mdp.H):
        one, two = (trajectories.marginal(law, range(2 * h + 2)) for law in laws)
        total += sum(q * np.log(q / two[path]) for path, q in one.items())
    return total


def test_the_divergence_is_that_of_the_paths():
    mdp = environments.garnet(states=3, actions=2, horizon=4, branching=2, seed=1)
    rng = np.random.default_rng(0)
    pi, other = rng.dirichlet(np.ones(2), size=(2, 4, 3))
    found = mve.path_divergence(*[vis.policy_visitation(mdp, p) for p in (pi, other)])
    assert found == pytest.approx(path_divergence_by_enumeration(mdp, pi, other), rel=1e-12)
    one = vis.policy_visitation(mdp, np.eye(2)[np.zeros((4, 3), dtype=int)])
    assert np.isfinite(mve.path_divergence(one, vis.policy_visitation(mdp, pi)))
    assert mve.path_divergence(vis.policy_visitation(mdp, pi), one) == np.inf


def sweep(mdp, pi, average):
    """One step by plain NumPy, from the formulas of the docstring."""
    d = vis.push_forward(mdp, pi)
    reward = -np.log(np.maximum(d.mean(axis=0)[None] if average else d, 1e-300))
    V = np.zeros(mdp.S)
    new = np.empty(pi.shape)
    for h in reversed(range(mdp.H)):
        w = mdp.H - h
        Q = reward[0 if average else h] + (mdp.next_mean(h, V) if h + 1 < mdp.H else 0)
        z = np.sum(pi[h] * np.exp(Q / w), axis=1, keepdims=True)
        V = w * np.log(z[:, 0])
        new[h] = pi[h] * np.exp(Q / w) / z
    return new


@pytest.mark.parametrize("average", [False, True])
def test_a_sweep_is_its_formula(average):
    for mdp in CASES[:8]:
        reach = mdp.reachable()
        pi = np.random.default_rng(1).dirichlet(5 * np.ones(mdp.A), size=(mdp.H, mdp.S))
        run = mve.mirror_ascent(mdp, 2, start=pi, average=average)
        twin = sweep(mdp, sweep(mdp, pi, average), average)
        np.testing.assert_allclose(run.policy[reach], twin[reach], atol=1e-12)
        np.testing.assert_allclose(
            run.visitation, vis.policy_visitation(mdp, run.policy), atol=1e-14
        )
        entropy = average_visitation_entropy if average else visitation_entropy
        assert run.values[-1] == pytest.approx(entropy(run.visitation), abs=1e-12)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_rate_of_the_theorem(case):
    mdp = CASES[case]
    best = mve.solve(mdp, tol=1e-12)
    run = mve.mirror_ascent(mdp, 60)
    t = np.arange(61)
    gap = best.value - run.values
    start = mve.path_divergence(best.visitation, mve.mirror_ascent(mdp, 0).visitation)
    assert start <= mdp.H * (mdp.H + 1) / 2 * np.log(mdp.A) + 1e-12
    assert (gap[1:] <= (1 - 1 / mdp.H) ** t[1:] * start + 1e-11).all()
    assert (gap <= mve.mirror_bound(mdp, t) + 1e-11).all()
    # sharper: the sum of the gaps, weighted by (1 - 1/H)^-k, is at most D(d*, d^0)
    if mdp.H > 1:
        sharper = start / mdp.H / ((1 - 1 / mdp.H) ** -t[1:].astype(float) - 1)
        assert (gap[1:] <= sharper + 1e-11).all()
    assert (np.diff(run.values) >= -1e-12).all()


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_rate_for_the_average(case):
    mdp = CASES[case]
    best = mve.solve_average(mdp, tol=1e-11)
    run = mve.mirror_ascent(mdp, 60, average=True)
    t = np.arange(61)
    assert (best.value - run.values <= mve.mirror_bound(mdp, t, average=True) + 1e-10).all()
    assert (np.diff(run.values) >= -1e-12).all()


def test_the_bound_is_its_formula():
    mdp = EpisodicMDP(P=np.ones((2, 3, 2)) / 2, horizon=5, start=0)
    assert mve.mirror_bound(mdp, 2) == pytest.approx(0.64 / (5 * 0.36) * 15 * np.log(3), rel=1e-12)
    assert mve.mirror_bound(mdp, 1) == pytest.approx(0.8 * 15 * np.log(3), rel=1e-12)
    assert mve.mirror_bound(mdp, 0) == np.inf
    assert mve.mirror_bound(mdp, 7, average=True) == pytest.approx(6 * np.log(3) / 14, rel=1e-12)


def test_one_stage_one_action_one_state():
    assert mve.mirror_ascent(CASES[7], 1).values[-1] == pytest.approx(np.log(3), abs=1e-14)
    assert mve.mirror_bound(CASES[7], 1) == 0
    alone = EpisodicMDP(P=np.ones((1, 1, 1)), horizon=4, start=0)
    np.testing.assert_allclose(mve.mirror_ascent(alone, 2).values, 0, atol=1e-15)
    assert mve.mirror_bound(alone, 0) == 0
    assert mve.mirror_bound(CASES[0], 0, average=True) == np.inf


UNIFORM = np.full((5, 5, 3), 1 / 3)
test_bad_input_is_refused = refusals(
    (
        lambda: mve.mirror_ascent(CASES[0], 1, start=np.eye(3)[np.zeros((5, 5), int)]),
        r"start\[0, 0, 1\] = 0.0: every available action needs",
    ),
    (
        lambda: mve.path_divergence(UNIFORM / 5, UNIFORM[:4] / 5),
        r"d_other: shape \(4, 5, 3\), expected \(5, 5, 3\)",
    ),
)
