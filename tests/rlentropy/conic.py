"""Largest visitation entropies by CVXPY and Clarabel, from the definition of the polytope."""

import pytest


def optimum(mdp, average):
    """max of sum_h H(d_h), or of H(mean_h d_h) if ``average``, over all visitations d."""
    cvxpy = pytest.importorskip("cvxpy")
    d = [cvxpy.Variable((mdp.S, mdp.A), nonneg=True) for _ in range(mdp.H)]
    rules = [cvxpy.sum(d[0], axis=1) == mdp.start_distribution]
    for h in range(mdp.H):
        rules.append(d[h][~mdp.available] == 0)
        if h + 1 < mdp.H:
            arrived = mdp.kernel(h).toarray().T @ cvxpy.vec(d[h], order="C")
            rules.append(cvxpy.sum(d[h + 1], axis=1) == arrived)
    entropies = [cvxpy.sum(cvxpy.entr(sum(d) / mdp.H))] if average else map(cvxpy.entr, d)
    problem = cvxpy.Problem(cvxpy.Maximize(sum(cvxpy.sum(x) for x in entropies)), rules)
    problem.solve(solver=cvxpy.CLARABEL)
    assert problem.status == "optimal"
    return problem.value
