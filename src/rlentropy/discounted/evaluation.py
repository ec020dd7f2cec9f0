"""Exact evaluation in a discounted MDP: values, action values and advantages of a policy, and optimal values.

Values solve linear systems with I - gamma P_pi.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import linalg as sparse_linalg

from rlentropy import distributions as dist
from rlentropy.validation import (
    NotConverged,
    check_array,
    check_distribution,
    check_integer,
    check_number,
    check_positive,
)

# Relative residual that an iterative solve must reach; answers that miss it are replaced by a direct factorisation.
RESIDUAL = 1e-12
REFINEMENTS = 6
ROUNDING = 32 * np.finfo(float).eps


class PolicySolver:
    """Solves with M = I - gamma P_pi for one policy: ``solve(b)`` is M^-1 b, ``solve_transposed(b)`` is M^-T b.

    Dense kernels use one LU factorisation; sparse ones BiCGSTAB with refinement, and a sparse LU where that misses.
    """

    def __init__(self, mdp, pi):
        kernel = mdp.policy_kernel(pi)
        self._sparse = mdp.sparse
        eye = sparse.eye_array(mdp.S, format="csr") if self._sparse else np.eye(mdp.S)
        self._matrix = eye - mdp.gamma * kernel
        if not self._sparse:
            self._lu = linalg.lu_factor(self._matrix, check_finite=False)

    @cached_property
    def _sparse_lu(self):
        return sparse_linalg.splu(sparse.csc_array(self._matrix))

    def solve(self, b):
        """x with (I - gamma P_pi) x = b; shape (S,)."""
        return self._solve(b, transposed=False)

    def solve_transposed(self, b):
        """x with (I - gamma P_pi)' x = b; shape (S,)."""
        return self._solve(b, transposed=True)

    def _solve(self, b, transposed):
        if not self._sparse:
            return linalg.lu_solve(self._lu, b, trans=int(transposed), check_finite=False)
        matrix = self._matrix.T.tocsr() if transposed else self._matrix
        x = self._refined(matrix, b)
        if not self._residual(matrix, x, b) <= RESIDUAL:  # also true for NaN, where BiCGSTAB broke down
            x = self._sparse_lu.solve(b, trans="T" if transposed else "N")
            if not self._residual(matrix, x, b) <= 1e3 * RESIDUAL:
                raise NotConverged(f"linear solve: relative residual {self._residual(matrix, x, b):.2g}")
        return x

    @classmethod
    def _refined(cls, matrix, b):
        """BiCGSTAB, started again on what is left; scaled, because scipy takes a small residual for a breakdown."""
        x, limit = np.zeros(len(b)), 1e3 * np.abs(b).max()
        for _ in range(REFINEMENTS):
            left = b - matrix @ x
            size = np.abs(left).max()
            # a residual may rise for a while, but one that has exploded does not come back
            if not 0 < size < limit or cls._residual(matrix, x, b) <= RESIDUAL / 10:
                break
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # of BiCGSTAB where it breaks down
                x = x + size * sparse_linalg.bicgstab(matrix, left / size, rtol=1e-10, atol=0.0, maxiter=200)[0]
        return x

    @staticmethod
    def _residual(matrix, x, b):
        """max |M x - b| relative to max |b|, less what rounding of x alone puts there: no solver does better."""
        norm, size = np.abs(b).max(), np.abs(x).max()
        left = np.abs(matrix @ x - b).max() - ROUNDING * size
        return max(left, 0.0) / norm if norm > 0 else size


def policy_solver(mdp, pi):
    """`PolicySolver` of the policy pi (S, A) in a discounted MDP; pi is validated."""
    return PolicySolver(mdp, check_distribution("pi", pi, (mdp.S, mdp.A)))


@dataclass(frozen=True)
class Evaluation:
    """Values of a policy: V (S,), Q (S, A), adv (S, A) = Q - V."""

    V: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)

    @property
    def adv(self):
        """A(s, a) = Q(s, a) - V(s); shape (S, A)."""
        return self.Q - self.V[:, None]


def evaluate(mdp, pi, *, solver=None):
    """V = (I - gamma P_pi)^-1 r_pi, Q = r + gamma P V of a policy pi (S, A) in a `DiscountedMDP`.

    ``solver`` reuses a factorisation made by `policy_solver` for the same policy. Source: eq-bellman of chapter 1.
    """
    solver = solver or policy_solver(mdp, pi)
    V = solver.solve(np.sum(pi * mdp.r, axis=1))
    return Evaluation(V=V, Q=mdp.r + mdp.gamma * mdp.next_mean(V))


def objective(mdp, pi):
    """V^pi(mu) = sum_s mu(s) V^pi(s), the discounted return from the start distribution."""
    return float(mdp.mu @ evaluate(mdp, pi).V)


@dataclass(frozen=True)
class Optimum:
    """Optimal values V (S,), Q (S, A), a greedy policy (S, A), the Bellman residual and the iterations used."""

    V: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)
    pi: np.ndarray = field(repr=False)
    residual: float
    iterations: int


def optimal(mdp, *, max_iterations=1000):
    """Optimal values of a `DiscountedMDP` by policy iteration (Howard 1960; Puterman 1994, section 6.4).

    Stops when no action improves by more than rounding. Raises NotConverged after ``max_iterations``.
    """
    greedy = np.argmax(mdp.r, axis=1)
    for iteration in range(1, check_integer("max_iterations", max_iterations, low=1) + 1):
        pi = np.eye(mdp.A)[greedy]
        value = evaluate(mdp, pi)
        scale = max(1.0, np.abs(value.Q).max())
        better = value.Q.max(axis=1) > value.V + 1e-11 * scale
        if not better.any():
            residual = float(np.abs(value.Q.max(axis=1) - value.V).max())
            return Optimum(V=value.V, Q=value.Q, pi=pi, residual=residual, iterations=iteration)
        greedy = np.where(better, np.argmax(value.Q, axis=1), greedy)
    raise NotConverged(f"policy iteration: still improving after {max_iterations} iterations")


# --------------------------------------------------------------------------------- discounted, with an entropy bonus


@dataclass(frozen=True)
class SoftEvaluation:
    """Values of a softmax policy when every visited state pays a bonus of tau times the policy's entropy there.

    V (S,), Q (S, A) = reward + gamma P V, log_pi (S, A); the bonus of the first state is in V and not in Q.
    """

    tau: float
    V: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)
    log_pi: np.ndarray = field(repr=False)

    @property
    def G(self):
        """G(s, a) = Q(s, a) - tau log pi(a|s), so that V(s) = E_pi G(s, .); shape (S, A)."""
        return self.Q - self.tau * self.log_pi

    @property
    def adv(self):
        """A(s, a) = Q(s, a) - tau log pi(a|s) - V(s), the full soft advantage, of mean 0; shape (S, A)."""
        return self.G - self.V[:, None]


def evaluate_soft(mdp, theta, tau, *, reward=None, solver=None):
    """V = (I - gamma P_pi)^-1 (E_pi reward + tau h), Q = reward + gamma P V of the policy softmax(theta), theta (S, A).

    ``tau`` is reward per nat, any finite number; ``reward`` (S, A) replaces the rewards of the MDP (zero with
    tau = 1 gives the discounted entropy to go); ``solver`` reuses a factorisation for the same policy.
    Raises ValueError for logits or rewards of a wrong shape. Source: eq-master-values of chapter 6, def-soft-values.
    """
    log_pi = dist.log_softmax(check_array("theta", theta, (mdp.S, mdp.A)))
    tau = check_number("tau", tau)
    reward = mdp.r if reward is None else check_array("reward", reward, (mdp.S, mdp.A))
    solver = solver or PolicySolver(mdp, np.exp(log_pi))
    V = solver.solve(dist.mean(log_pi, reward) + tau * dist.entropy(log_pi))
    return SoftEvaluation(tau=tau, V=V, Q=reward + mdp.gamma * mdp.next_mean(V), log_pi=log_pi)


def soft_backup(mdp, V, tau):
    """(T_tau V)(s) = tau log sum_a exp((r + gamma P V)(s, a) / tau); shape (S,) -> (S,). Source: thm-soft-bellman."""
    q = mdp.r + mdp.gamma * mdp.next_mean(check_array("V", V, (mdp.S,)))
    return tau * dist.logsumexp(q / check_positive("tau", tau))


@dataclass(frozen=True)
class SoftOptimum:
    """Fixed point of the soft Bellman operator: V (S,), Q (S, A), log of the optimal policy softmax(Q / tau).

    residual    max_s |(T_tau V - V)(s)|
    certificate residual / (1 - gamma) >= max_s |V(s) - V*(s)|, because T_tau is a gamma-contraction
    iterations  policies evaluated
    """

    tau: float
    V: np.ndarray = field(repr=False)
    Q: np.ndarray = field(repr=False)
    log_pi: np.ndarray = field(repr=False)
    residual: float
    certificate: float
    iterations: int


def soft_optimal(mdp, tau, *, tol=1e-12, max_iterations=1000):
    """V = T_tau V by soft policy iteration, pi <- softmax(Q_tau^pi / tau): the regularised NPG step with eta = 1 / tau.

    Stops when the certificate is at most ``tol`` times max(1, max |V|), or the residual is down to rounding.
    Raises ValueError for tau <= 0, NotConverged after ``max_iterations``.
    Source: thm-soft-bellman, thm-soft-fixed-point.
    """
    tau, tol = check_positive("tau", tau), check_positive("tol", tol)
    theta = np.zeros((mdp.S, mdp.A))
    for iteration in range(1, check_integer("max_iterations", max_iterations, low=1) + 1):
        value = evaluate_soft(mdp, theta, tau)
        theta = value.Q / tau
        residual = float(np.abs(tau * dist.logsumexp(theta) - value.V).max())
        if residual <= max(tol * (1 - mdp.gamma), 2 * ROUNDING) * max(1.0, np.abs(value.V).max()):
            log_pi, bound = dist.log_softmax(theta), residual / (1 - mdp.gamma)
            return SoftOptimum(tau, value.V, value.Q, log_pi, residual, bound, iteration)
    raise NotConverged(f"soft policy iteration: residual {residual:.2g} after {max_iterations} iterations")
