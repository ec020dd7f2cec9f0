"""The exact optimum: kernels against NumPy twins, certificates, a generic conic solver, degenerate cases, refusals."""

import conic
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refusals

from rlentropy.episodic import environments, induction
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic import visitation as vis
from rlentropy.episodic.max_entropy import _kernels as kernels
from rlentropy.episodic.max_entropy import sum as mve_sum
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.episodic.visitation import visitation_entropy
from rlentropy.validation import NotConverged

# the values that three independent solvers agreed on (dual L-BFGS, Clarabel, IPOPT)
DOUBLE_CHAIN, GRID = 53.7249578546806, 108.525412226263


@st.composite
def small_mdps(draw):
    """Random kernels with zeros (unreachable states), stationary or not, down to one state, one action, one stage."""
    S, A, H = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    branching, seed = draw(st.integers(1, S)), draw(st.integers(0, 10_000))
    return environments.garnet(
        states=S,
        actions=A,
        horizon=H,
        branching=branching,
        seed=seed,
        stationary=draw(st.booleans()),
    )


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
    assert 0 <= best.gap <= 1e-10
    assert_certified(mdp, best, 1e-10)


def assert_certified(mdp, best, tol):
    """Every claim of an `Optimum`, recomputed by the plain functions."""
    induction.check_markov_policy(mdp, best.policy)
    np.testing.assert_allclose(vis.policy_visitation(mdp, best.policy), best.visitation, atol=1e-13)
    assert visitation_entropy(best.visitation) == pytest.approx(best.value, abs=1e-10)
    upper = mve.dual_value(mdp, best.dual)
    assert upper - best.value == pytest.approx(best.gap, abs=1e-10)
    assert best.gap <= max(tol, 5e-13 * best.value)
    assert best.bounds.shape == (best.iterations + 1, 2)
    assert np.all(np.diff(best.bounds[:, 1]) <= 0)
    assert (best.bounds[:, 0] <= best.bounds[:, 1] + 1e-9).all()


@given(small_mdps())
def test_random_optima_are_certified_and_no_policy_does_better(mdp):
    best = mve.solve(mdp)
    assert_certified(mdp, best, 1e-10)
    assert (best.visitation[mdp.reachable()] > 0).all()
    rng = np.random.default_rng(2)
    for _ in range(5):
        pi = rng.dirichlet(np.ones(mdp.A), size=(mdp.H, mdp.S))
        assert visitation_entropy(vis.policy_visitation(mdp, pi)) <= best.value + best.gap + 1e-12


@pytest.mark.parametrize(
    "length, success, horizon",
    [(10, 1e-3, 20), (31, 1e-3, 20), (31, 1e-3, 60), (31, 1e-1, 20), (50, 1e-3, 200), (50, 1e-2, 100), (50, 0.1, 100),
     (50, 0.5, 100), (50, 1e-8, 50), (200, 1e-3, 200)],
)  # fmt: skip
def test_sticky_chains(length, success, horizon):
    mdp = environments.sticky_chain(length=length, success=success, horizon=horizon)
    assert_certified(mdp, mve.solve(mdp), 1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("success", [0.5, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
def test_long_sticky_chains(success):
    mdp = environments.sticky_chain(length=200, success=success, horizon=300)
    best = mve.solve(mdp)
    assert_certified(mdp, best, 1e-10)
    np.testing.assert_allclose(best.policy.sum(axis=2), 1, atol=1e-14)


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


def test_stopped_early_the_exception_holds_the_bracket():
    mdp = environments.double_chain(length=31, failure=0.1, horizon=20)
    for method in mve_sum.METHODS:
        with pytest.raises(NotConverged, match="after 2 iterations") as caught:
            mve.solve(mdp, max_iterations=2, method=method)
        best = caught.value.best
        assert best.value + 1e-4 < DOUBLE_CHAIN < best.value + best.gap - 1e-4
        d = vis.policy_visitation(mdp, best.policy)
        assert visitation_entropy(d) == pytest.approx(best.value, abs=1e-12)
        assert mve.dual_value(mdp, best.dual) == pytest.approx(best.value + best.gap, abs=1e-12)


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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(20))
def test_clarabel_agrees_on_random_mdps(seed):
    rng = np.random.default_rng(seed)
    S, A, H = (int(n) for n in rng.integers([2, 1, 1], [7, 4, 6]))
    mdp = environments.garnet(
        states=S,
        actions=A,
        horizon=H,
        branching=int(rng.integers(1, S + 1)),
        seed=seed,
        stationary=bool(seed % 2),
    )
    assert conic.optimum(mdp, average=False) == pytest.approx(mve.solve(mdp).value, abs=1e-6)


# -------------------------------------------------------------------------------------------------- degenerate cases


def test_one_stage_is_log_a():
    best = mve.solve(environments.double_chain(length=5, failure=0.1, horizon=1))
    assert best.value == pytest.approx(np.log(2), abs=1e-15)
    assert best.iterations == 0
    np.testing.assert_allclose(best.policy, 0.5)


def test_one_state_is_h_log_a():
    best = mve.solve(EpisodicMDP(P=np.ones((1, 3, 1)), horizon=4, start=0))
    assert best.value == pytest.approx(4 * np.log(3), abs=1e-14)


def test_one_action_leaves_nothing_to_choose():
    mdp = environments.garnet(states=4, actions=1, horizon=5, branching=2, seed=0)
    best = mve.solve(mdp)
    np.testing.assert_array_equal(best.policy, 1)
    assert best.gap <= 1e-12
    assert best.value == pytest.approx(
        visitation_entropy(vis.policy_visitation(mdp, np.ones((5, 4, 1))))
    )


def test_an_absorbing_start_is_h_log_a_and_the_rest_is_unreachable():
    P = np.zeros((3, 2, 3))
    P[0, :, 0] = P[1, :, 2] = P[2, :, 1] = 1
    best = mve.solve(EpisodicMDP(P=P, horizon=3, start=0))
    assert best.value == pytest.approx(3 * np.log(2), abs=1e-14)
    np.testing.assert_array_equal(best.visitation[:, 1:], 0)
    np.testing.assert_array_equal(best.policy[:, 1:], 0.5)
    np.testing.assert_array_equal(best.dual[:, 1:], 0)


def test_a_deterministic_tree_counts_its_leaves():
    # state 0 goes to 1 (one way on) or 2 (two ways on): d_1(2) must weigh H(d_2) = log 4 choices against balance
    P = np.zeros((2, 3, 2, 3))
    P[0, 0, 0, 1] = P[0, 0, 1, 2] = 1
    P[0, 1:, :, 0] = 1
    P[1, 0, :, 0] = P[1, 1, :, 1] = P[1, 2, 0, 2] = P[1, 2, 1, 0] = 1
    best = mve.solve(EpisodicMDP(P=P, horizon=3, start=0))
    # with d_1 = (x, 1-x): stages 1 to 3 give h(x), h(x) + log 2, and H(x, (1-x) z, (1-x)(1-z)) + log 2
    grid = np.linspace(1e-6, 1 - 1e-6, 1501)

    def xlogx(p):
        return p * np.log(p)

    x, z = grid[:, None], grid[None, :]
    h = -xlogx(x) - xlogx(1 - x)
    last = -xlogx(x) - xlogx((1 - x) * z) - xlogx((1 - x) * (1 - z))
    second = h + x * np.log(2) + (1 - x) * (-xlogx(z) - xlogx(1 - z))
    assert best.value == pytest.approx((h + second + last + np.log(2)).max(), abs=1e-5)


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


def test_certificates_bound_the_optimum_and_meet_it():
    mdp = environments.double_chain(length=9, failure=0.1, horizon=6)
    best, rng = mve.solve(mdp, tol=1e-12), np.random.default_rng(0)
    for _ in range(20):
        d_bar = rng.dirichlet(np.ones(18), size=6).reshape(6, 9, 2)
        assert mve.certificate(mdp, d_bar) >= best.value
        assert mve.certificate(mdp, 0.9 * d_bar) >= mve.certificate(mdp, d_bar)
        assert mve.dual_value(mdp, rng.standard_normal((6, 9))) >= best.value
    assert mve.certificate(mdp, best.visitation) == pytest.approx(best.value, abs=1e-5)


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


@given(small_mdps())
def test_the_soft_backup_gap_is_an_expected_divergence(mdp):
    pi = np.random.default_rng(0).dirichlet(np.ones(mdp.A), size=(mdp.H, mdp.S))
    d = vis.policy_visitation(mdp, pi)
    V = mve.potentials_of_visitation(mdp, d)
    divergence = np.sum(d * (np.log(pi) - np.log(mve.policy_of_potentials(mdp, V))))
    assert mve.dual_value(mdp, V) - visitation_entropy(d) == pytest.approx(divergence, abs=1e-10)


# -------------------------------------------------------------------------------------------------------- refusals


CHAIN = environments.double_chain(length=5, failure=0.1, horizon=3)
SOMEWHERE = np.eye(10)[[4] * 3].reshape(3, 5, 2)
test_bad_input_is_refused = refusals(
    (lambda: mve.certificate(CHAIN, -SOMEWHERE), r"d_bar\[0, 2, 0\] = -1.0"),
    (lambda: mve.certificate(CHAIN, 2 * SOMEWHERE), r"the mass d_bar\[0\] = 2.0: more than 1"),
    (lambda: mve.potentials_of_visitation(CHAIN, SOMEWHERE), r"d\[1, 1\] = 0.0: every reachable"),
)


def test_too_few_steps_raise_with_the_gap():
    mdp = environments.grid_world(rows=9, cols=9, success=0.95, horizon=8)
    for method in ("dual", "primal"):
        with pytest.raises(
            NotConverged, match=rf"{method} Newton: gap .* after 1 iterations, wanted 1e-10"
        ):
            mve.solve(mdp, max_iterations=1, method=method)
