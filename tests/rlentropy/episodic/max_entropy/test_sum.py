"""The exact optimum: kernels against NumPy twins, known values, hard chains, one degenerate case, refusals."""

import numpy as np
import pytest
from certified import assert_certified
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusals
from worlds import small_mdps

from rlentropy.episodic import environments
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic import visitation as vis
from rlentropy.episodic.max_entropy import _kernels as kernels
from rlentropy.episodic.max_entropy import sum as mve_sum
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.validation import NotConverged

# the values that three independent solvers agreed on (dual L-BFGS, Clarabel, IPOPT)
DOUBLE_CHAIN, GRID = 53.7249578546806, 108.525412226263


def on_nodes(mdp, x):
    return np.ascontiguousarray(x[mdp.reachable()])


def random_case(mdp, seed=0):
    """Potentials (N,), weights (N, A) >= 0 and the network of an MDP."""
    rng, net = np.random.default_rng(seed), kernels.network(mdp, mdp.reachable())
    N = len(net.state)
    return net, rng.standard_normal(N), rng.random((N, mdp.A))


def matrix(mdp):
    """X as a dense (N*A, N) matrix, from its definition."""
    reach, index = mdp.reachable(), -np.ones((mdp.H, mdp.S), dtype=int)
    index[reach] = np.arange(reach.sum())
    X = np.zeros((reach.sum(), mdp.A, reach.sum()))
    P = mdp.dense()
    for (h, s), i in np.ndenumerate(index):
        if i >= 0:
            X[i, :, i] -= 1
            for t in range(mdp.S if h + 1 < mdp.H else 0):
                if index[h + 1, t] >= 0:
                    X[i, :, index[h + 1, t]] += P[h, s, :, t]
    return X.reshape(-1, reach.sum())


# ----------------------------------------------------------------------------------------- kernels and their twins


@given(small_mdps())
def test_sweeps_are_the_matrix_x(mdp):
    net, V, w = random_case(mdp)
    X, x, out = matrix(mdp), np.empty(w.shape), np.empty(len(V))
    kernels.differences(net, V, x)
    np.testing.assert_allclose(x.ravel(), X @ V, atol=1e-13)
    kernels.adjoint(net, w, out, 1)
    np.testing.assert_allclose(out, X.T @ w.ravel(), atol=1e-13)
    kernels.adjoint(net, w, out, 2)
    np.testing.assert_allclose(out, (X**2).T @ w.ravel(), atol=1e-13)
    kernels.curvature(net, w, V, out)
    np.testing.assert_allclose(out, X.T @ (w.ravel() * (X @ V)), atol=1e-13)


@given(small_mdps())
def test_conjugate_gradients_solve(mdp):
    net, V, w = random_case(mdp)
    X, u = matrix(mdp), np.empty(len(V))
    M = X.T @ ((w.ravel() + 0.1)[:, None] * X)
    steps = kernels.conjugate_gradients(net, w + 0.1, V, 1e-13, 1000, u)
    np.testing.assert_allclose(M @ u, V, atol=1e-10 * max(1, np.abs(V).max()))
    assert steps <= 1000
    assert kernels.conjugate_gradients(net, w + 0.1, 0 * V, 1e-13, 1000, u) == 0
    np.testing.assert_array_equal(u, 0)


@given(small_mdps())
def test_policies_potentials_and_duals_agree_with_the_readers_versions(mdp):
    net, V, w = random_case(mdp)
    x, q, d = np.empty(w.shape), np.empty(w.shape), np.empty(w.shape)
    full = np.zeros((mdp.H, mdp.S))
    full[mdp.reachable()] = V
    value = mve_sum._dual(net, V, x, q)
    assert value == pytest.approx(mve.dual_value(mdp, full), abs=1e-12)
    np.testing.assert_allclose(x, on_nodes(mdp, mve.potential_differences(mdp, full)), atol=1e-13)
    stage = np.repeat(np.arange(mdp.H), np.diff(net.first))
    np.testing.assert_allclose(np.bincount(stage, weights=q.sum(axis=1)), 1, atol=1e-13)
    entropy = kernels.roll_out(net, x, d)
    twin = vis.policy_visitation(mdp, mve.policy_of_potentials(mdp, full))
    np.testing.assert_allclose(d, on_nodes(mdp, twin), atol=1e-14)
    assert entropy == pytest.approx(visitation_entropy(twin), abs=1e-12)
    backed_up = np.empty(len(V))
    kernels.soft_potentials(net, d, backed_up)
    np.testing.assert_allclose(
        backed_up, on_nodes(mdp, mve.potentials_of_visitation(mdp, twin)), atol=1e-12
    )


@given(small_mdps(), st.sampled_from([0.0, 0.3, 1.0]))
def test_proximal_values_are_soft_backups(mdp, tau):
    net, _, w = random_case(mdp)
    rng = np.random.default_rng(1)
    y, pi = rng.standard_normal((mdp.S, mdp.A)), rng.dirichlet(np.ones(mdp.A), size=(mdp.H, mdp.S))
    values, policy = np.zeros(mdp.S), np.zeros(pi.shape)
    for h in reversed(range(mdp.H)):
        Q = y + (mdp.next_mean(h, values) if h + 1 < mdp.H else 0)
        if tau:
            z = pi[h] * np.exp(Q / tau)
            values, policy[h] = tau * np.log(z.sum(axis=1)), z / z.sum(axis=1, keepdims=True)
        else:
            values = Q.max(axis=1)
    log_pi = np.empty(w.shape)
    found = kernels.proximal_values(net, y, np.log(on_nodes(mdp, pi)), tau, log_pi)
    assert found == pytest.approx(values[mdp.start], abs=1e-12)
    if tau:
        np.testing.assert_allclose(np.exp(log_pi), on_nodes(mdp, policy), atol=1e-12)
    average = np.empty((mdp.S, mdp.A))
    kernels.pool(net, on_nodes(mdp, pi), average)
    np.testing.assert_allclose(average, (pi * mdp.reachable()[:, :, None]).mean(axis=0), atol=1e-14)


def test_the_dual_gradient_is_the_violated_flow():
    mdp = environments.garnet(states=4, actions=2, horizon=4, branching=2, seed=3)
    net, V, _ = random_case(mdp)
    x, q, gradient = np.empty((len(V), 2)), np.empty((len(V), 2)), np.empty(len(V))
    mve_sum._dual(net, V, x, q)
    kernels.adjoint(net, q, gradient, 1)
    gradient[0] += 1
    step = 1e-6 * np.eye(len(V))
    slopes = [
        (mve_sum._dual(net, V + e, x, q) - mve_sum._dual(net, V - e, x, q)) / 2e-6 for e in step
    ]
    np.testing.assert_allclose(gradient, slopes, atol=1e-8)


# ---------------------------------------------------------------------------------------------------- the optimum


@pytest.mark.parametrize("method", ["auto", "dual", "primal"])
@pytest.mark.parametrize(
    "mdp, value",
    [
        (environments.double_chain(length=31, failure=0.1, horizon=20), DOUBLE_CHAIN),
        (environments.grid_world(rows=21, cols=21, success=0.95, horizon=20), GRID),
    ],
    ids=["double chain", "grid world"],
)
def test_known_optima(mdp, value, method):
    best = mve.solve(mdp, method=method)
    assert best.value == pytest.approx(value, abs=2e-10)
    assert_certified(mdp, best, 1e-10)


STICKY = [
    *((length, 1e-3, horizon) for length, horizon in ((10, 20), (31, 20), (31, 60), (50, 200))),
    *((50, success, 100) for success in (0.5, 0.1, 1e-2)),
    (31, 0.1, 20),
    (50, 1e-8, 50),
    (200, 1e-3, 200),
    *(pytest.param(200, x, 300, marks=pytest.mark.slow) for x in (0.5, *10.0 ** -np.arange(1, 7))),
]


@pytest.mark.parametrize(("length", "success", "horizon"), STICKY)
def test_sticky_chains(length, success, horizon):
    mdp = environments.sticky_chain(length=length, success=success, horizon=horizon)
    assert_certified(mdp, mve.solve(mdp), 1e-10)


def test_stopped_early_the_exception_holds_the_bracket():
    mdp = environments.double_chain(length=31, failure=0.1, horizon=20)
    for method in mve_sum.METHODS:
        words = rf"{method if method != 'auto' else 'mirror'} .*: gap .* after 2 iterations, wanted"
        with pytest.raises(NotConverged, match=words) as caught:
            mve.solve(mdp, max_iterations=2, method=method)
        best = caught.value.best
        assert best.value + 1e-4 < DOUBLE_CHAIN < best.value + best.gap - 1e-4
        assert_certified(mdp, best, np.inf)


def test_where_newton_gives_up_mirror_ascent_goes_on(monkeypatch):
    mdp = environments.sticky_chain(length=31, success=1e-2, horizon=40)
    optimum = mve.solve(mdp).value
    monkeypatch.setattr(mve_sum, "LINEAR_STEPS", 1)
    best = mve.solve(mdp)
    assert best.method == "mirror"
    assert_certified(mdp, best, 1e-10)
    assert best.value == pytest.approx(optimum, abs=2e-10)
    alone = mve.solve(mdp, method="mirror")
    assert_certified(mdp, alone, 1e-10)
    # the rate of the theorem, from the uniform policy
    bound = mve.mirror_bound(mdp, np.arange(len(alone.bounds)))
    assert (optimum - alone.bounds[:, 0] <= bound + 1e-9).all()


def test_what_the_dual_method_alone_cannot_do():
    mdp = environments.sticky_chain(length=31, success=1e-3, horizon=60)
    with pytest.raises(NotConverged, match=r"dual Newton: gap .* iterations"):
        mve.solve(mdp, method="dual", max_iterations=60)
    assert mve.solve(mdp).method == "primal"


@pytest.mark.slow
def test_a_large_grid():
    mdp = environments.grid_world(rows=101, cols=101, success=0.95, horizon=100)
    best = mve.solve(mdp)
    assert best.gap <= 1e-12 * best.value
    assert best.value == pytest.approx(837.4319912, abs=1e-6)


# ---------------------------------------------------------------------------------------------- a generic solver


# -------------------------------------------------------------------------------------------------- degenerate cases


def test_an_absorbing_start_is_h_log_a_and_the_rest_is_unreachable():
    P = np.zeros((3, 2, 3))
    P[0, :, 0] = P[1, :, 2] = P[2, :, 1] = 1
    best = mve.solve(EpisodicMDP(P=P, horizon=3, start=0))
    assert best.value == pytest.approx(3 * np.log(2), abs=1e-14)
    np.testing.assert_array_equal(best.visitation[:, 1:], 0)
    np.testing.assert_array_equal(best.policy[:, 1:], 0.5)
    np.testing.assert_array_equal(best.dual[:, 1:], 0)


def test_explicit_zeros_in_a_sparse_kernel_do_not_matter():
    from scipy import sparse

    dense = environments.double_chain(length=5, failure=0.0, horizon=4)
    rows = np.repeat(np.arange(10), 5)
    full = sparse.csr_array(
        (dense.dense()[0].reshape(-1), (rows, np.tile(np.arange(5), 10))), shape=(10, 5)
    )
    assert full.nnz == 50
    padded = EpisodicMDP(P=full, horizon=4, start=dense.start)
    assert mve.solve(padded).value == pytest.approx(mve.solve(dense).value, abs=1e-12)


# ------------------------------------------------------------------------------------------------- bounds and duals


def test_unreachable_states_in_the_dual_cost_something_and_less_with_high_potentials():
    mdp = environments.double_chain(length=9, failure=0.1, horizon=4)
    best = mve.solve(mdp, tol=1e-13)
    later = np.arange(mdp.H, 0, -1)[:, None] * ~mdp.reachable()
    excess = [
        mve.dual_value(mdp, best.dual + c * later, drop_unreachable=False) - best.value
        for c in (0, 5, 10)
    ]
    assert excess[0] > 0.1
    assert 1e-5 < excess[2] < 1e-2 * excess[1]


def test_a_prediction_that_excludes_a_reachable_pair_certifies_nothing():
    mdp = environments.double_chain(length=5, failure=0.1, horizon=3)
    d_bar = np.full((3, 5, 2), 0.1)
    d_bar[0] = 0
    d_bar[0, 2, 0] = 1
    assert mve.certificate(mdp, d_bar) == np.inf
    # what cannot be reached may be excluded
    d_bar[0, 2] = 0.5
    assert np.isfinite(mve.certificate(mdp, d_bar))


# -------------------------------------------------------------------------------------------------------- refusals


CHAIN = environments.double_chain(length=5, failure=0.1, horizon=3)
SOMEWHERE = np.eye(10)[[4] * 3].reshape(3, 5, 2)
test_bad_input_is_refused = refusals(
    (lambda: mve.certificate(CHAIN, -SOMEWHERE), r"d_bar\[0, 2, 0\] = -1.0"),
    (lambda: mve.certificate(CHAIN, 2 * SOMEWHERE), r"the mass d_bar\[0\] = 2.0: more than 1"),
    (lambda: mve.potentials_of_visitation(CHAIN, SOMEWHERE), r"d\[1, 1\] = 0.0: every reachable"),
)
