"""Speed of the exact optimum against generic solvers on the same reachable problem, in one process.

``rows()`` returns one dictionary per (environment, method):

    environment, method
    seconds      median wall time over interleaved rounds; ``runs`` is their number
    ratio        seconds / seconds of the first method on this environment
    value, gap   entropy reached; certified gap (own methods) or None
    error        |value - certified optimum|

Run alone: ``python benchmarks/exact_optimum.py [--quick]``.
"""

import statistics
import sys
import time
import warnings
from functools import partial

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from turns import in_turn

from rlentropy.episodic import environments
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic.max_entropy import _kernels as kernels
from rlentropy.episodic.max_entropy import sum as mve_sum

OWN = "Newton (this package)"


def incidence(mdp):
    """X over the reachable nodes, sparse (N*A, N): the constraints of generic solvers."""
    reach = mdp.reachable()
    A = mdp.A
    index = np.full(reach.shape, -1)
    index[reach] = np.arange(reach.sum())
    blocks = [-sparse.kron(sparse.eye_array(reach.sum()), np.ones((A, 1)), format="csr")]
    for h in range(mdp.H - 1):
        pairs = (np.flatnonzero(reach[h])[:, None] * A + np.arange(A)).ravel()
        moves = sparse.coo_array(mdp.kernel(h)[pairs][:, np.flatnonzero(reach[h + 1])])
        rows = moves.row + index[h][reach[h]][0] * A
        columns = moves.col + index[h + 1][reach[h + 1]][0]
        blocks.append(sparse.csr_array((moves.data, (rows, columns)), shape=blocks[0].shape))
    return sum(blocks[1:], blocks[0])


def newton(mdp):
    best = mve.solve(mdp)
    return best.value, best.gap


def clarabel(mdp):
    """CVXPY with Clarabel, default tolerances; a user waits for the model too, so it counts."""
    import cvxpy

    X = incidence(mdp)
    start = np.zeros(X.shape[1])
    start[0] = -1.0
    d = cvxpy.Variable(X.shape[0], nonneg=True)
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.sum(cvxpy.entr(d))), [X.T @ d == start])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem.solve(solver=cvxpy.CLARABEL)
    return float(problem.value), None


def quasi_newton(mdp):
    """L-BFGS (scipy) on the same dual, from 0, with the compiled sweeps of this package."""
    net = kernels.network(mdp, mdp.reachable())
    N = len(net.state)
    x = np.empty((N, net.A))
    q = np.empty((N, net.A))
    gradient = np.empty(N)

    def dual(V):
        value = mve_sum._dual(net, V, x, q)
        kernels.adjoint(net, q, gradient, 1)
        gradient[0] += 1.0
        return value, gradient.copy()

    options = {"maxiter": 20000, "maxfun": 40000, "ftol": 0.0, "gtol": 1e-9, "maxcor": 20}
    found = minimize(dual, np.zeros(N), jac=True, method="L-BFGS-B", options=options)
    kernels.differences(net, found.x, x)
    value = kernels.roll_out(net, x, q)
    return value, float(max(found.fun - value, 0.0))


def measure(mdp, methods, rounds):
    """{method: (median seconds of wall time, last answer)}."""
    solves = {name: partial(method, mdp) for name, method in methods.items()}
    measured = in_turn(solves, rounds, time.perf_counter)
    return {
        name: (statistics.median(seconds for seconds, _ in found), found[-1][1])
        for name, found in measured.items()
    }


def rows(quick=False):
    """The table of this benchmark; ``quick`` shrinks it to a few seconds."""
    generic = {OWN: newton, "L-BFGS on the dual": quasi_newton, "Clarabel through CVXPY": clarabel}
    few = 2 if quick else 7
    chain = environments.double_chain(length=31, failure=0.1, horizon=20)
    sticky = environments.sticky_chain(length=31, success=1e-3, horizon=60)

    def grid(side, horizon):
        return environments.grid_world(rows=side, cols=side, success=0.95, horizon=horizon)

    cases = [
        ("double chain, H = 20", chain, generic, few),
        ("sticky chain, success 1e-3, H = 60", sticky, {OWN: newton}, few),
    ]
    if quick:
        cases.append(("grid 11x11, H = 10", grid(11, 10), generic, 1))
    else:
        cases += [
            ("grid 21x21, H = 20", grid(21, 20), generic, 5),
            ("grid 51x51, H = 50", grid(51, 50), {OWN: newton}, 3),
            ("grid 101x101, H = 100", grid(101, 100), {OWN: newton}, 1),
        ]
    table = []
    for environment, mdp, methods, rounds in cases:
        measured = measure(mdp, methods, rounds)
        first, (value, _) = measured[OWN]
        table += [
            {
                "environment": environment,
                "method": name,
                "seconds": seconds,
                "runs": rounds,
                "ratio": seconds / first,
                "value": answer[0],
                "gap": answer[1],
                "error": abs(answer[0] - value),
            }
            for name, (seconds, answer) in measured.items()
        ]
    return table


if __name__ == "__main__":
    for row in rows(quick="--quick" in sys.argv):
        gap = "-" if row["gap"] is None else f"{row['gap']:.1e}"
        print(
            f"{row['environment']:36s} {row['method']:24s} "
            f"{row['seconds'] * 1e3:11.2f} ms  x{row['ratio']:<8.1f}"
            f" value {row['value']:.10f}  gap {gap}  error {row['error']:.1e}"
        )
