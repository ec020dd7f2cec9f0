"""Entropy of the average visitation: certificates, degenerate cases, the linear algebra of the
interior point.
"""

import pickle
from functools import partial

import numpy as np
import pytest
from certified import assert_certified

from rlentropy.episodic import environments
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic import visitation as vis
from rlentropy.episodic.max_entropy import average as module
from rlentropy.episodic.max_entropy._interior import InteriorPoint, Stages
from rlentropy.episodic.visitation import average_visitation_entropy
from rlentropy.validation import NotConverged

DOUBLE_CHAIN, GRID = 3.99353135868831, 7.05543960727


def garnet(S, A, H, branching, seed, stationary=False):
    return environments.garnet(
        states=S, actions=A, horizon=H, branching=branching, seed=seed, stationary=stationary
    )


def sizes(seed):
    """A random garnet of another size than the book's."""
    rng = np.random.default_rng(seed)
    S, A, H = (int(n) for n in rng.integers([1, 1, 1], [10, 5, 12]))
    return garnet(S, A, H, int(rng.integers(1, S + 1)), seed, stationary=bool(seed % 2))


# --------------------------------------------------------------------------------------- the solver


@pytest.mark.parametrize(
    ("make", "tol"), [(partial(garnet, 5, 3, 5, 2), 1e-10), (sizes, 1e-13)], ids=["book", "other"]
)
@pytest.mark.parametrize("block", range(4))
def test_garnets(block, make, tol):
    for seed in range(50 * block, 50 * block + 50):
        mdp = make(seed)
        assert_certified(mdp, mve.solve_average(mdp, tol=tol), tol)


def sticky(length, success, horizon):
    return environments.sticky_chain(length=length, success=success, horizon=horizon)


CHAINS = [
    *(environments.double_chain(length=31, failure=f, horizon=20) for f in (0.1, 1e-3, 0.0)),
    environments.double_chain(length=101, failure=1e-3, horizon=60),
    *(sticky(31, 10.0**-k, 60) for k in range(1, 7)),
    sticky(50, 0.5, 100),
    sticky(200, 1e-6, 300),
    *(pytest.param(sticky(200, 10.0**-k, 300), marks=pytest.mark.slow) for k in range(1, 6)),
]


@pytest.mark.parametrize("mdp", CHAINS)
def test_chains(mdp):
    assert_certified(mdp, mve.solve_average(mdp, tol=1e-10), 1e-10)


@pytest.mark.slow
def test_the_grid_world():
    mdp = environments.grid_world(rows=21, cols=21, success=0.95, horizon=20)
    best = mve.solve_average(mdp, tol=1e-10)
    assert_certified(mdp, best, 1e-10)
    assert best.value == pytest.approx(GRID, abs=2e-10)
    # the two problems have different solutions
    assert average_visitation_entropy(mve.solve(mdp).visitation) < best.value - 1e-3
    assert_certified(mdp, mve.solve_average(mdp), 1e-6)


def test_the_methods_agree():
    mdp = CHAINS[0]
    for method, tol in (("interior", 1e-12), ("proximal", 1e-8), ("mirror", 1e-3), ("auto", 1e-10)):
        best = mve.solve_average(mdp, tol=tol, method=method)
        assert_certified(mdp, best, tol)
        assert best.method == ("interior" if method == "auto" else method)
        assert best.value <= DOUBLE_CHAIN + 2e-13 <= best.value + best.gap + 4e-13
    # the two problems have different solutions
    assert average_visitation_entropy(mve.solve(mdp).visitation) < DOUBLE_CHAIN - 1e-3


def test_the_order_of_the_methods_depends_on_the_size(monkeypatch):
    mdp = garnet(5, 3, 5, 2, 2)
    assert mve.solve_average(mdp, tol=1e-4).method == "interior"
    monkeypatch.setattr(module, "CHEAP", 1)
    monkeypatch.setattr(module, "CHEAP_FOR_A_NODE", 1)
    assert mve.solve_average(mdp, tol=1e-4).method == "proximal"
    # with two inner steps the proximal method gets nowhere near; the interior point goes on
    assert mve.solve_average(mdp, tol=1e-12, inner_iterations=2).method == "interior"
    monkeypatch.setattr(module, "PAIRS", 1)
    with pytest.raises(NotConverged, match=r"mirror ascent: gap .* after 2000 steps") as caught:
        mve.solve_average(mdp, tol=1e-12, inner_iterations=2)
    assert caught.value.best.gap < 1e-3


def test_stopped_early_the_exception_holds_the_bracket():
    for mdp, optimum in ((CHAINS[0], DOUBLE_CHAIN), (garnet(5, 3, 5, 2, 0), 2.70707306083846)):
        for method in module.METHODS:
            with pytest.raises(NotConverged, match="after 3 steps") as caught:
                mve.solve_average(mdp, max_iterations=3, method=method, tol=1e-10)
            best = pickle.loads(pickle.dumps(caught.value)).best
            assert best.value + 1e-5 < optimum < best.value + best.gap - 1e-5
            assert_certified(mdp, best, np.inf)


def test_an_elimination_that_fails_leaves_it_to_the_next_method(monkeypatch):
    monkeypatch.setattr(Stages, "factor", lambda *_: False)
    best = mve.solve_average(CHAINS[0], tol=1e-6)
    assert best.method == "proximal"
    assert_certified(CHAINS[0], best, 1e-6)


def test_what_is_negligible():
    mdp = environments.sticky_chain(length=40, success=1e-3, horizon=40)
    bound = module.likely(mdp)
    always = np.broadcast_to(np.eye(2)[1], (40, 40, 2))
    reached = vis.policy_visitation(mdp, always).sum(axis=2)
    assert (reached <= bound * (1 + 1e-12)).all()
    assert (bound > 0).sum() == mdp.reachable().sum()
    # every policy's chance of a state is below the bound, and attained on a tree
    tree = garnet(4, 2, 4, 1, 0)
    assert set(np.unique(module.likely(tree))) <= {0.0, 1.0}


# ------------------------------------------------------------------------------- the linear algebra


def dense_system(mdp, stages, W, curvature):
    """The matrix of a Newton step, from the definition of X and E over the kept nodes."""
    kept = [np.flatnonzero(k) for k in stages.kept]
    index = {(h, s): i for i, (h, s) in enumerate((h, s) for h in range(mdp.H) for s in kept[h])}
    pair = {int(s): k for k, s in enumerate(stages.states)}
    P = mdp.dense()
    rows = []
    for (h, s), i in index.items():
        for a in range(mdp.A):
            row = np.zeros(len(index) + len(curvature))
            row[i] = -1
            row[len(index) + pair[int(s)] * mdp.A + a] = 1
            for (k, t), j in index.items():
                if k == h + 1:
                    row[j] += P[h, s, a, t]
            rows.append(row)
    B = np.array(rows)
    return B.T @ (W.reshape(-1, 1) * B) + np.diag([0.0] * len(index) + list(curvature))


@pytest.mark.parametrize("seed", range(12))
def test_the_elimination_solves_the_dense_system(seed):
    mdp = sizes(seed) if seed else environments.sticky_chain(length=4, success=1e-20, horizon=4)
    kept = mdp.reachable() & (module.likely(mdp) > 1e-30)
    stages = Stages(mdp, kept)
    stages.kept = kept
    rng = np.random.default_rng(seed)
    W = rng.random(stages.pairs.shape) + 0.1
    curvature = rng.random(stages.seen[-1]) + 0.1
    b, c = rng.standard_normal(len(W)), rng.standard_normal(len(curvature))
    assert stages.factor(W, curvature)
    dV, dy = stages.solve(b, c)
    exact = np.linalg.solve(dense_system(mdp, stages, W, curvature), np.concatenate([b, c]))
    np.testing.assert_allclose(np.concatenate([dV, dy]), exact, atol=1e-9 * np.abs(exact).max())
    assert not stages.factor(-W, curvature)


def test_a_step_keeps_the_iterate_inside_and_closes_the_residuals():
    mdp = garnet(5, 3, 5, 2, 3)
    stages = Stages(mdp, mdp.reachable())
    uniform = vis.policy_visitation(mdp, np.full((5, 5, 3), 1 / 3))[mdp.reachable()]
    point = InteriorPoint(stages, uniform / 5, 0.1)
    for _ in range(8):
        assert point.step()
        assert (point.x > 0).all()
        assert (point.z > 0).all()
    flow = stages.flow(point.x)
    flow[0] += 1 / 5
    np.testing.assert_allclose(flow, 0, atol=1e-12)
    np.testing.assert_allclose(point.z, -stages.slope(point.V, point.y), atol=1e-9)
    np.testing.assert_allclose(stages.pool(point.x), np.exp(-point.y), atol=1e-6)
