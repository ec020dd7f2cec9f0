"""Optima where actions are unavailable: against an MDP without these actions, enumeration of all
deterministic policies, a generic conic solver, and the dual identities.
"""

import conic
import numpy as np
import plain_learners
import pytest
from certified import assert_certified
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlentropy import distributions as dist
from rlentropy.episodic import environments, trajectory_entropy
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic import visitation as vis
from rlentropy.episodic.mdp import EpisodicMDP

SUM = {"auto": 1e-10, "dual": 1e-10, "primal": 1e-10, "mirror": 1e-9}
AVERAGE = {"auto": 1e-10, "interior": 1e-10, "proximal": 1e-7, "mirror": 1e-3}


def masked(S, A, H, seed, *, stationary=False, drawn=False):
    """A random MDP whose states have different actions."""
    rng = np.random.default_rng(seed)
    branching = int(rng.integers(1, S + 1))
    full = environments.garnet(
        states=S, actions=A, horizon=H, branching=branching, seed=seed, stationary=stationary
    )
    start = rng.dirichlet(np.ones(S)) if drawn else 0
    return plain_learners.masked(EpisodicMDP(full.P, H, start), seed)


@st.composite
def masked_mdps(draw):
    S, A, H = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    seed = draw(st.integers(0, 10_000))
    return masked(S, A, H, seed, stationary=draw(st.booleans()), drawn=draw(st.booleans()))


# ---------------------------------------------------------- the same MDP without these actions


def with_idle_actions(full, more, seed):
    """The MDP with ``more`` unavailable actions, the others at other places in each state; and
    where they are (S, A)."""
    rng = np.random.default_rng(seed)
    S, A = full.S, full.A
    places = np.array([np.sort(rng.permutation(A + more)[:A]) for _ in range(S)])
    available = np.zeros((S, A + more), dtype=bool)
    np.put_along_axis(available, places, True, axis=1)
    P = np.zeros((full.H - 1, S, A + more, S))
    for h in range(full.H - 1):
        P[h][available] = full.kernel(h).toarray()
    return EpisodicMDP(P, full.H, full.start, available), places


@pytest.fixture(scope="module", params=range(4))
def twins(request):
    full = environments.garnet(states=5, actions=2, horizon=4, branching=2, seed=request.param)
    if request.param % 2:
        full = EpisodicMDP(full.P, full.H, np.array([0.3, 0, 0.5, 0.2, 0]))
    return full, *with_idle_actions(full, 2, request.param)


def without(x, places):
    """x (H, S, A) at the available actions."""
    return np.take_along_axis(x, np.broadcast_to(places, (len(x), *places.shape)), axis=2)


@pytest.mark.parametrize("method", SUM)
def test_the_sum_is_that_without_these_actions(twins, method):
    full, mdp, places = twins
    other = mve.solve(full, method=method, tol=SUM[method])
    best = mve.solve(mdp, method=method, tol=SUM[method])
    assert best.gap <= SUM[method]
    assert best.value == pytest.approx(other.value, abs=2 * SUM[method])
    assert best.method == other.method
    np.testing.assert_allclose(without(best.policy, places), other.policy, atol=1e-4)
    assert (best.policy[:, ~mdp.available] == 0).all()
    assert vis.flow_residual(mdp, best.visitation) < 1e-14


@pytest.mark.parametrize("method", AVERAGE)
def test_the_average_is_that_without_these_actions(twins, method):
    full, mdp, places = twins
    tol = AVERAGE[method]
    other = mve.solve_average(full, method=method, tol=tol)
    best = mve.solve_average(mdp, method=method, tol=tol)
    assert best.gap <= tol
    assert best.value <= other.value + other.gap + 1e-13
    assert other.value <= best.value + best.gap + 1e-13
    np.testing.assert_allclose(
        without(best.average[None], places)[0], other.average, atol=3 * tol**0.5
    )
    assert (best.policy[:, ~mdp.available] == 0).all()
    assert (best.prices[~mdp.available] == 0).all()
    assert mve.average_dual_value(mdp, best.prices) == pytest.approx(best.value + best.gap)


def test_ascents_are_those_without_these_actions(twins):
    full, mdp, places = twins
    for average in (False, True):
        one = mve.mirror_ascent(full, 10, average=average)
        two = mve.mirror_ascent(mdp, 10, average=average)
        np.testing.assert_allclose(two.values, one.values, rtol=1e-12)
        np.testing.assert_allclose(without(two.policy, places), one.policy, atol=1e-12)
    one, two = mve.frank_wolfe(full, 6), mve.frank_wolfe(mdp, 6)
    np.testing.assert_allclose(two.values, one.values, rtol=1e-9)
    np.testing.assert_allclose(two.bounds, one.bounds, rtol=1e-6)
    np.testing.assert_array_equal(mve.mirror_bound(mdp, [1, 5]), mve.mirror_bound(full, [1, 5]))


def test_duals_are_those_without_these_actions(twins):
    full, mdp, places = twins
    rng = np.random.default_rng(3)
    V = rng.standard_normal((mdp.H, mdp.S))
    for kept in (True, False):
        ours, theirs = (mve.dual_value(m, V, drop_unreachable=kept) for m in (mdp, full))
        assert ours == pytest.approx(theirs, rel=1e-13)
    x = mve.potential_differences(mdp, V)
    np.testing.assert_allclose(without(x, places), mve.potential_differences(full, V), rtol=1e-12)
    assert np.isneginf(x[:, ~mdp.available]).all()
    y = rng.standard_normal((mdp.S, mdp.A))
    theirs = mve.average_dual_value(full, without(y[None], places)[0])
    assert mve.average_dual_value(mdp, y) == pytest.approx(theirs, rel=1e-13)


# -------------------------------------------------------- states with different actions each


@settings(max_examples=30, deadline=None)
@given(masked_mdps(), st.integers(0, 100))
def test_potentials_of_a_policy_bound_what_they_should(mdp, seed):
    """D(V) - sum_h H(d_h) = sum_h E KL(pi_h || pi^V_h) for the soft backup V of d."""
    logits = 0.5 * np.random.default_rng(seed).standard_normal((mdp.H, mdp.S, mdp.A))
    pi = dist.softmax(np.where(mdp.available, logits, -np.inf))
    d = vis.policy_visitation(mdp, pi)
    V = mve.potentials_of_visitation(mdp, d)
    other = mve.policy_of_potentials(mdp, V)
    assert (other[:, ~mdp.available] == 0).all()
    apart = dist.kl(dist.log_probabilities(pi), dist.log_probabilities(other))
    gap = mve.dual_value(mdp, V) - vis.visitation_entropy(d)
    assert gap == pytest.approx(np.sum(d.sum(axis=2) * apart), abs=1e-11)


@settings(max_examples=30, deadline=None)
@given(masked_mdps())
@example(masked(4, 3, 1, 0))
@example(masked(1, 3, 4, 0))
@example(masked(4, 1, 4, 0))
def test_optima_are_certified_and_no_policy_does_better(mdp):
    best = mve.solve(mdp)
    mean = mve.solve_average(mdp, tol=1e-9)
    assert_certified(mdp, best, 1e-10)
    assert_certified(mdp, mean, 1e-9)
    rng = np.random.default_rng(2)
    for _ in range(5):
        logits = np.where(mdp.available, rng.standard_normal((mdp.H, mdp.S, mdp.A)), -np.inf)
        d = vis.policy_visitation(mdp, dist.softmax(logits))
        assert vis.visitation_entropy(d) <= best.value + best.gap + 1e-12
        assert vis.average_visitation_entropy(d) <= mean.value + mean.gap + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_certificates_are_the_best_of_all_policies(seed):
    mdp = masked(3, 3, 3, seed, drawn=bool(seed % 2))
    rng = np.random.default_rng(seed)
    d_bar = rng.dirichlet(np.ones(9), size=3).reshape(3, 3, 3)
    y = rng.standard_normal((3, 3))
    visits = [vis.policy_visitation(mdp, pi) for pi in vis.deterministic_policies(mdp)]
    assert len(visits) > 10
    most = max(-np.sum(d * np.log(d_bar)) for d in visits)
    assert mve.certificate(mdp, d_bar) == pytest.approx(most, rel=1e-12)
    idle = np.where(mdp.available, d_bar, 0.0)
    assert mve.certificate(mdp, idle) == pytest.approx(most, rel=1e-12)
    pairs = mdp.reachable().any(axis=0)[:, None] & mdp.available
    most = max(np.sum(d.mean(axis=0) * y) for d in visits) + np.log(np.exp(-y[pairs]).sum())
    assert mve.average_dual_value(mdp, y) == pytest.approx(most, rel=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_clarabel_agrees(seed, average):
    mdp = masked(4, 3, 3, seed, stationary=bool(seed % 2), drawn=seed > 1)
    solver = mve.solve_average if average else mve.solve
    assert (~mdp.available).any()
    assert conic.optimum(mdp, average) == pytest.approx(solver(mdp, tol=1e-8).value, abs=2e-6)


def test_one_action_a_state_leaves_nothing_to_choose():
    available = np.zeros((4, 3), dtype=bool)
    available[np.arange(4), [0, 2, 1, 2]] = True
    P = np.random.default_rng(0).dirichlet(np.ones(4), size=(4, 3)) * available[:, :, None]
    mdp = EpisodicMDP(P, 5, 1, available)
    d = vis.policy_visitation(mdp, trajectory_entropy.uniform_policy(mdp))
    assert mve.solve(mdp).value == pytest.approx(vis.visitation_entropy(d), abs=1e-12)
    average = mve.solve_average(mdp, tol=1e-9)
    assert average.value == pytest.approx(vis.average_visitation_entropy(d), abs=1e-12)
    assert mve.mirror_bound(mdp, 1) == 0


def test_mirror_ascent_starts_at_available_actions():
    mdp = masked(4, 3, 3, 1)
    start = trajectory_entropy.uniform_policy(mdp)
    here = mve.mirror_ascent(mdp, 2, start=start)
    np.testing.assert_allclose(here.values, mve.mirror_ascent(mdp, 2).values, rtol=1e-13)
    with pytest.raises(ValueError, match=r"start\[0, .*not available"):
        mve.mirror_ascent(mdp, 2, start=np.full((3, 4, 3), 1 / 3))
    s = int(np.flatnonzero(mdp.available.sum(axis=1) > 1)[0])
    start[1, s] = np.eye(3)[mdp.available[s].argmax()]
    with pytest.raises(ValueError, match=rf"start\[1, {s}, .*every available action"):
        mve.mirror_ascent(mdp, 2, start=start)
