"""What people reported of other libraries, tried on this one: each must be refused by name, or right.

The reports are those of OWNER/REPO at their public addresses, https://github.com/OWNER/REPO.
"""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

from rlentropy import adapters, distributions, validation
from rlentropy.discounted import evaluation, natural_gradient
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.logits import entropy_change

P = np.array([[[0.5, 0.5], [1, 0]], [[0, 1], [0.3, 0.7]]])
R = np.array([[0.0, 1], [2, 3]])
VALUES = np.array([675, 825]) / 41  # the optimum for gamma = 0.9, by hand


def small(P=P, r=R):
    return DiscountedMDP(P, r, [1, 0], 0.9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_are_not_hidden(bad):
    """NovaSky-AI/SkyRL pull 2259."""
    logits = [[0.0, bad, 1.0], [0.0, 1.0, 1.0]]
    log_p = distributions.log_softmax(logits)
    for found in (
        distributions.logsumexp(logits),
        distributions.entropy(log_p),
        distributions.mean(log_p, [1.0, 2, 3]),
        distributions.variance(log_p, [1.0, 2, 3]),
        distributions.kl(log_p, distributions.log_softmax([0.0, 0, 0])),
    ):
        assert np.isnan(found[0]) and np.isfinite(found[1])
    with pytest.raises(ValueError, match=r"old_logits\[1\]"):
        entropy_change([0.0, bad, 1.0], [0.0, 0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_rows_in_a_narrow_type(dtype):
    """numpy/numpy issue 6123, pulls 8053 and 25521; markovmodel/PyEMMA issue 23."""
    pi = np.array([[0.1, 0.9], [0.3, 0.7]], dtype=dtype)
    exact = pi.astype(float) / pi.astype(float).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(evaluation.evaluate(small(), pi).pi, exact, rtol=1e-15)
    kernel = np.random.default_rng(1).dirichlet(np.ones(5), size=(5, 2)).astype(dtype)
    dense = DiscountedMDP(kernel, np.ones((5, 2)), np.full(5, 0.2), 0.9)
    assert np.abs(dense.P.sum(axis=2) - 1).max() < 1e-15
    if dtype == np.float32:
        rows = sparse.csr_array(kernel.reshape(10, 5))
        thin = DiscountedMDP(rows, np.ones((5, 2)), np.full(5, 0.2), 0.9)
        np.testing.assert_allclose(thin.P.toarray(), dense.P.reshape(10, 5), rtol=1e-14)
    off = pi.copy()
    off[0, 0] += dtype(0.1)
    with pytest.raises(ValueError, match=r"pi\[0\] sums to 1.099[89]"):
        evaluation.evaluate(small(), off)


def test_rows_in_six_digits_have_a_remedy():
    """The same reports: what is given in float64 is not repaired, and the message says how."""
    rounded = np.array([[0.333333, 0.333333, 0.333333]])
    with pytest.raises(ValueError, match=r"sums to 0.999999.*validation.normalised"):
        validation.check_distribution("p", rounded)
    np.testing.assert_allclose(validation.normalised(rounded), 1 / 3, rtol=1e-15)
    thin = validation.normalised(sparse.csr_array(rounded))
    np.testing.assert_allclose(thin.toarray(), 1 / 3, rtol=1e-15)
    with pytest.raises(ValueError, match=r"P\[0\] sums to 0.9, not to 1"):
        validation.normalised([[0.5, 0.4]])
    with pytest.raises(ValueError, match=r"P\[0, 1\] = -1.0"):
        validation.normalised([[2.0, -1.0]])


@pytest.mark.parametrize("column", [2, 10**6, -1])
def test_columns_out_of_range(column):
    """scipy/scipy issue 8778: such a matrix would crash compiled code."""
    K = sparse.csr_array((np.ones(4), [0, 1, 0, 1], np.arange(5)), shape=(4, 2))
    K.indices[3] = column
    matrix = sparse.csr_array(np.eye(2))
    matrix.indices[1] = column
    with pytest.raises(ValueError, match="P: not a sound sparse matrix"):
        EpisodicMDP(K, 5, 0)
    with pytest.raises(ValueError, match="P: not a sound sparse matrix"):
        DiscountedMDP(K, R, [1, 0], 0.9)
    with pytest.raises(ValueError, match=r"P\[0\]: not a sound sparse matrix"):
        adapters.from_mdptoolbox([matrix, np.eye(2)], horizon=5, start=0)


def test_masks_are_not_dropped():
    """scipy/scipy pull 6160."""
    mask = np.zeros((2, 2, 2), dtype=bool)
    mask[1, 0, 1] = True
    stages = np.stack([P, P])
    for call in (
        lambda: small(np.ma.array(P, mask=mask)),
        lambda: small(r=np.ma.array(R, mask=mask[1])),
        lambda: EpisodicMDP(np.ma.array(P, mask=mask), 3, 0),
        lambda: EpisodicMDP(np.ma.array(stages, mask=[mask, mask]), 3, 0),
        lambda: distributions.softmax(np.ma.array([0.0, 1, 2], mask=[0, 1, 0])),
        lambda: entropy_change(np.ma.array([0.0, 1, 2], mask=[0, 1, 0]), [0.0, 1, 2]),
    ):
        with pytest.raises(ValueError, match="mask"):
            call()
    # a masked array in which nothing is masked is an array
    assert distributions.softmax(np.ma.array([0.0, 0.0])) == pytest.approx(0.5)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_read_only_also_after_a_copy(copied):
    """numpy/numpy issue 16726."""
    for mdp in (small(), small(sparse.csr_array(P.reshape(4, 2)))):
        again = copied(mdp)
        for array in (again.r, again.mu, again.P.data if again.sparse else again.P):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 5
    again = copied(EpisodicMDP(P, 3, 1))
    assert (again.H, again.start) == (3, 1)
    for array in (again.available, again.P[0].data, again.P[0].indices):
        assert not array.flags.writeable


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e-300, 1e12])
def test_optima_are_free_of_scale(scale):
    """sawcordwell/pymdptoolbox issue 39 and others: iteration that ends too early."""
    np.testing.assert_allclose(evaluation.optimal(small(r=R * scale)).V, VALUES * scale, rtol=1e-13)


def test_a_list_of_sparse_matrices_an_action():
    """sawcordwell/pymdptoolbox issues 7 and 39."""
    matrices = [sparse.csr_matrix(P[:, a]) for a in range(2)]
    mdp = adapters.from_mdptoolbox(matrices, R, gamma=0.9, start=0)
    np.testing.assert_allclose(evaluation.optimal(mdp).V, VALUES, rtol=1e-14)


def test_unavailable_actions():
    """sawcordwell/pymdptoolbox issue 25, openai/gym issue 2823."""
    allowed = np.array([[True, False], [True, True]])
    mdp = adapters.from_mdptoolbox(
        np.swapaxes(P, 0, 1), np.where(allowed, R, -np.inf), gamma=0.9, start=0
    )
    run = natural_gradient.run(mdp, np.zeros((2, 2)), eta=30.0, iterations=100)
    assert run.objective[-1] == pytest.approx(evaluation.optimal(mdp).V[0], rel=1e-9)
    assert (np.isneginf(run.theta[:, 0, 1])).all()


def test_ties_and_taxi_end():
    """jlm429/bettermdptools issue 19, dennybritz/reinforcement-learning issue 203."""
    tied = small(r=np.ones((2, 2)))
    assert evaluation.optimal(tied).V == pytest.approx(10)


def test_overflow_in_runs_is_refused():
    for r, eta in ((R, 1e308), (R * 1e307, 1.0)):
        with pytest.raises(ValueError, match=r"theta\["):
            natural_gradient.run(small(r=r), np.zeros((2, 2)), eta=eta, iterations=3)
