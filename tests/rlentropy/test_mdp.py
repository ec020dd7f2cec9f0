"""MDPs as data: validated, read-only, the same numbers dense or sparse;
reachability against enumeration."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from rlentropy.discounted import environments as discounted
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic import environments
from rlentropy.episodic.mdp import EpisodicMDP

RNG = np.random.default_rng(20)


def kernel(S, A, rng=RNG):
    return rng.dirichlet(np.ones(S), size=(S, A))


def both(S=4, A=3, gamma=0.9):
    P, r, mu = kernel(S, A), RNG.standard_normal((S, A)), RNG.dirichlet(np.ones(S))
    rows = sparse.csr_array(P.reshape(S * A, S))
    return [DiscountedMDP(P=K, r=r, mu=mu, gamma=gamma) for K in (P, rows)]


def test_dense_and_sparse_kernels_agree():
    dense, thin = both()
    V, pi = RNG.standard_normal(4), RNG.dirichlet(np.ones(3), size=4)
    assert (dense.S, dense.A, dense.sparse) == (4, 3, False)
    assert (thin.S, thin.A, thin.sparse) == (4, 3, True)
    np.testing.assert_allclose(dense.next_mean(V), thin.next_mean(V), atol=1e-15)
    np.testing.assert_allclose(
        dense.policy_kernel(pi), thin.policy_kernel(pi).toarray(), atol=1e-15
    )


def test_products_against_loops():
    mdp, _ = both(S=3, A=2)
    V, pi = RNG.standard_normal(3), RNG.dirichlet(np.ones(2), size=3)
    for s, a in itertools.product(range(3), range(2)):
        assert mdp.next_mean(V)[s, a] == pytest.approx(sum(mdp.P[s, a, t] * V[t] for t in range(3)))
    for s, t in itertools.product(range(3), range(3)):
        assert mdp.policy_kernel(pi)[s, t] == pytest.approx(
            sum(pi[s, a] * mdp.P[s, a, t] for a in range(2))
        )


def test_arrays_are_copies():
    P, r, mu = kernel(2, 2), np.zeros((2, 2)), np.array([1.0, 0.0])
    mdp = DiscountedMDP(P=P, r=r, mu=mu, gamma=0.5)
    r[0, 0] = 9
    assert mdp.r[0, 0] == 0


@pytest.mark.parametrize("gamma", [0, 0.9999])
def test_one_state_one_action(gamma):
    mdp = DiscountedMDP(P=[[[1]]], r=[[2]], mu=[1], gamma=gamma)
    assert (mdp.S, mdp.A, mdp.gamma) == (1, 1, gamma)
    np.testing.assert_array_equal(mdp.next_mean([3.0]), [[3]])


# ---------------------------------------------------------------------------------------- episodic


def test_the_four_ways_to_give_an_episodic_kernel():
    H, S, A = 4, 3, 2
    P = np.stack([kernel(S, A) for _ in range(H - 1)])
    rows = [sparse.csr_array(K.reshape(S * A, S)) for K in P]
    varied = [EpisodicMDP(P=P, horizon=H, start=0), EpisodicMDP(P=rows, horizon=H, start=0)]
    steady = [EpisodicMDP(P=P[0], horizon=H, start=0), EpisodicMDP(P=rows[0], horizon=H, start=0)]
    for mdp in varied:
        assert not mdp.stationary
        assert (mdp.H, mdp.S, mdp.A) == (H, S, A)
        np.testing.assert_array_equal(mdp.dense(), P)
    for mdp in steady:
        assert mdp.stationary
        np.testing.assert_array_equal(mdp.dense(), np.stack([P[0]] * (H - 1)))
    V = RNG.standard_normal(S)
    np.testing.assert_allclose(varied[0].next_mean(1, V), P[1] @ V, atol=1e-15)


def test_horizon_one_has_no_transition():
    mdp = EpisodicMDP(P=kernel(3, 2), horizon=1, start=2)
    assert mdp.dense().shape == (0, 3, 2, 3)
    np.testing.assert_array_equal(mdp.reachable(), [[False, False, True]])
    with pytest.raises(ValueError, match="h = 0: transitions leave stages"):
        mdp.kernel(0)


def reachable_by_enumeration(mdp):
    found = np.zeros((mdp.H, mdp.S), dtype=bool)
    dense = mdp.dense()
    for path in itertools.product(range(mdp.S), repeat=mdp.H):
        steps = all(dense[h, path[h], :, path[h + 1]].max() > 0 for h in range(mdp.H - 1))
        if path[0] == mdp.start and steps:
            found[range(mdp.H), path] = True
    return found


@pytest.mark.parametrize(
    "mdp",
    [
        environments.double_chain(length=5, failure=0.1, horizon=4),
        environments.double_chain(length=5, failure=0.0, horizon=4),
        environments.sticky_chain(length=4, success=0.3, horizon=3),
        environments.garnet(states=5, actions=2, horizon=4, branching=1, seed=3),
    ],
    ids=["chain", "certain chain", "sticky", "garnet"],
)
def test_reachable_states_against_enumeration_of_all_paths(mdp):
    np.testing.assert_array_equal(mdp.reachable(), reachable_by_enumeration(mdp))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"P": np.full((3, 2, 1, 2), 0.5)}, r"P: 3 stage kernels, expected 1 or horizon - 1 = 2"),
        ({"P": np.full((0, 2, 1, 2), 0.5)}, "P: no transition kernel given"),
        (
            {"P": [sparse.csr_array(np.full((2, 2), 0.5)), sparse.csr_array(np.full((4, 2), 0.5))]},
            r"P\[1\]: shape",
        ),
        (
            {"P": np.stack([np.full((2, 1, 2), 0.5), np.full((2, 1, 2), 0.6)])},
            r"P\[1\]\[0, 0\] sums to 1.2",
        ),
    ],
)
def test_bad_episodic_mdps_are_refused(arguments, message):
    good = {"P": np.full((2, 1, 2), 0.5), "horizon": 3, "start": 0}
    with pytest.raises(ValueError, match=message):
        EpisodicMDP(**(good | arguments))


def test_the_wrong_kind_of_mdp_is_named():
    other = "this needs the other kind"
    with pytest.raises(AttributeError, match=f"a DiscountedMDP has no 'H': {other}, EpisodicMDP"):
        discounted.two_state().H  # noqa: B018
    episodic = environments.double_chain(length=3, failure=0.1, horizon=4)
    with pytest.raises(AttributeError, match=f"an EpisodicMDP has no 'gamma': {other}, Discounted"):
        episodic.gamma  # noqa: B018
    with pytest.raises(AttributeError, match=r"an EpisodicMDP has no 'rewards'$"):
        episodic.rewards  # noqa: B018


def test_mdps_show_their_sizes():
    assert repr(discounted.two_state()) == "DiscountedMDP(S=2, A=2, gamma=0.9, P=<2x2x2>)"
    assert repr(both()[1]) == "DiscountedMDP(S=4, A=3, gamma=0.9, P=<12x4, 48 stored>)"
    chain = environments.double_chain(length=3, failure=0.1, horizon=4)
    assert repr(chain) == "EpisodicMDP(S=3, A=2, H=4, start=1, stationary=True)"


@pytest.mark.parametrize("mdp", both(), ids=["dense", "sparse"])
def test_products_of_a_wrong_shape_are_refused(mdp):
    with pytest.raises(ValueError, match=r"V: shape \(4, 1\), expected \(4,\)"):
        mdp.next_mean(np.zeros((4, 1)))
    with pytest.raises(ValueError, match=r"pi: shape \(4, 1\), expected \(4, 3\)"):
        mdp.policy_kernel(np.ones((4, 1)))
