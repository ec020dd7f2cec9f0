"""A policy in a discounted MDP: values, advantages, visitation and entropies, exactly;
and optimal policies.

Everything solves linear systems with I - gamma P_pi, factorised once for a policy.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.linalg import lapack
from scipy.sparse import linalg as sparse_linalg

from rlentropy import distributions as dist
from rlentropy._types import Floats, Ints
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.results import described, lazy, result
from rlentropy.validation import (
    NotConverged,
    check_array,
    check_distribution,
    check_integer,
    check_interval,
    check_kind,
    check_number,
    check_positive,
    check_shape,
    no_overflow,
    refuse,
)

# Relative residual that an iterative solve must reach;
# answers that miss it are replaced by a direct factorisation.
RESIDUAL = 1e-12
REFINEMENTS = 6
EPS = np.finfo(float).eps
ROUNDING = 32 * EPS


# ------------------------------------------------------------------------------- a policy in an MDP


@result
class PolicyInMDP:
    """A policy in a discounted MDP, made by `evaluate` or `evaluate_softmax`;
    every answer is found once.

    mdp     the `DiscountedMDP`
    pi      (S, A) probabilities pi(a|s)
    log_pi  (S, A) their logarithms, -inf for an action of probability 0
    tau     reward per nat of entropy: V, Q, G, adv and objective count tau h(s) at every visit

    Source: def-visitation, def-soft-values, def-discounted-entropy.
    """

    mdp: DiscountedMDP
    pi: Floats
    log_pi: Floats
    tau: float

    def __repr__(self) -> str:
        known = {"objective": self.objective} if "V" in vars(self) else {}
        return described(
            self, S=self.mdp.S, A=self.mdp.A, gamma=self.mdp.gamma, tau=self.tau, **known
        )

    # --- values

    @lazy
    def V(self) -> Floats:
        """V = (I - gamma P_pi)^-1 (r_pi + tau h); (S,).

        V(s) = E[sum_t gamma^t (r(s_t, a_t) + tau h(s_t))] from s.

        Source: eq-bellman of chapter 1, def-soft-values.
        """
        reward = self.mdp.policy_reward(self.pi)
        return self.solve(reward + self.tau * self.policy_entropy if self.tau else reward)

    @lazy
    def Q(self) -> Floats:
        """Q(s, a) = r(s, a) + gamma (P V)(s, a); (S, A).
        The bonus of the first state is in V and not in Q. -inf where an action is unavailable.
        """
        return self.mdp.r + self.mdp.gamma * self.mdp.next_mean(self.V)

    @lazy
    def G(self) -> Floats:
        """G(s, a) = Q(s, a) - tau log pi(a|s), so that V(s) = E_pi G(s, .); (S, A).
        Q itself if tau = 0.

        Infinite where tau is not 0 and pi(a|s) = 0, -inf where an action is unavailable.
        Source: eq-master-values of chapter 6.
        """
        if not self.tau:
            return self.Q
        there = self.mdp.available
        return np.subtract(self.Q, self.tau * self.log_pi, where=there, out=self.Q.copy())

    @lazy
    def adv(self) -> Floats:
        """A(s, a) = G(s, a) - V(s), of mean 0 under pi; (S, A)."""
        return (self.G if self.tau else self.Q) - self.V[:, None]

    @property
    def objective(self) -> float:
        """V(mu) = sum_s mu(s) V(s), what the policy earns from the start distribution."""
        return float(self.mdp.mu @ self.V)

    # --- visitation

    @lazy
    def d(self) -> Floats:
        """d(s) = (1 - gamma) sum_t gamma^t Pr(s_t = s), *normalised*: sums to 1; (S,).

        d' = (1 - gamma) mu' (I - gamma P_pi)^-1.
        Rounding may leave a mass of 1e-17 instead of 0 in a state that is never visited:
        ask `visitation.visited` which they are.
        Source: def-visitation; Agarwal et al. (2021), equation (4).
        """
        # the exact solution is >= 0; entries at rounding level may come out as -1e-20
        return np.maximum(self.solve_transposed((1 - self.mdp.gamma) * self.mdp.mu), 0.0)

    # --- entropies, in nats

    @lazy
    def policy_entropy(self) -> Floats:
        """h(s) = H(pi(.|s)); (S,)."""
        return dist.entropy(self.log_pi)

    @lazy
    def entropy_V(self) -> Floats:
        """V^H = (I - gamma P_pi)^-1 h, the entropy to go from a state; (S,).
        Source: eq-entropy-to-go.
        """
        return self.solve(self.policy_entropy)

    @lazy
    def entropy_Q(self) -> Floats:
        """Q^H = -log pi + gamma P V^H, the entropy to go after an action;
        (S, A), inf where pi(a|s) = 0.

        Source: eq-entropy-to-go.
        """
        return self.mdp.gamma * self.mdp.next_mean(self.entropy_V) - self.log_pi

    @lazy
    def discounted_entropy(self) -> float:
        """cH(pi) = E_{s ~ d} h(s) = (1 - gamma) <mu, V^H>, in [0, log A].
        Source: def-discounted-entropy.
        """
        return float(self.d @ self.policy_entropy)

    # --- linear systems

    @lazy
    def _solver(self) -> "_Solver":
        return _Solver(self.mdp, self.pi)

    def solve(self, b: Floats) -> Floats:
        """x with (I - gamma P_pi) x = b: the values of a reward b(s) at every visit;
        (S,) -> (S,).
        """
        return self._solver.solve(check_shape("b", b, (self.mdp.S,)), transposed=False)

    def solve_transposed(self, b: Floats) -> Floats:
        """x with (I - gamma P_pi)' x = b: the discounted visits that begin as b; (S,) -> (S,)."""
        return self._solver.solve(check_shape("b", b, (self.mdp.S,)), transposed=True)


def evaluate(mdp: DiscountedMDP, pi: ArrayLike, *, tau: float = 0.0) -> PolicyInMDP:
    """The policy pi(a|s) in a `DiscountedMDP`, given by its probabilities (S, A): a `PolicyInMDP`.

    tau is any finite number, 0 for the plain values.
    Where the policy is nearly certain, its logits tell more than its probabilities:
    see `evaluate_softmax`.
    Raises ValueError naming the first row of pi that is no distribution.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    pi = check_distribution("pi", pi, (mdp.S, mdp.A))
    refuse("pi", pi, (pi > 0) & ~mdp.available, "the action is not available in this state")
    return PolicyInMDP(mdp, pi, dist.log_probabilities(pi), check_number("tau", tau))


def evaluate_softmax(mdp: DiscountedMDP, theta: ArrayLike, *, tau: float = 0.0) -> PolicyInMDP:
    """The policy softmax(theta) in a `DiscountedMDP`, given by logits (S, A): a `PolicyInMDP`.

    theta may be log pi, or differ from it by a constant in each state.
    The softmax is over the available actions; the logits of others are not used.
    Raises ValueError for logits of a wrong shape or that are not finite.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    log_pi = dist.log_softmax(mdp.masked(check_array("theta", theta, (mdp.S, mdp.A))))
    return PolicyInMDP(mdp, np.exp(log_pi), log_pi, check_number("tau", tau))


class _Solver:
    """Solves with M = I - gamma P_pi for one policy.

    Dense kernels use one LU factorisation; sparse ones BiCGSTAB with refinement,
    and a sparse LU where that misses.
    """

    def __init__(self, mdp: DiscountedMDP, pi: Floats) -> None:
        kernel = mdp.policy_kernel(pi)
        self._sparse = mdp.sparse
        eye = sparse.eye_array(mdp.S, format="csr") if self._sparse else np.eye(mdp.S)
        self._matrix: Any = eye - mdp.gamma * kernel
        if not self._sparse:
            # as scipy.linalg.lu_factor, without its checks, which cost as much as a small system
            *self._lu, _ = lapack.dgetrf(self._matrix)

    @cached_property
    def _sparse_lu(self) -> Any:
        return sparse_linalg.splu(sparse.csc_array(self._matrix))

    def solve(self, b: Floats, *, transposed: bool) -> Floats:
        """x with (I - gamma P_pi) x = b, or (I - gamma P_pi)' x = b; (S,) -> (S,)."""
        if not self._sparse:
            return lapack.dgetrs(*self._lu, b, trans=int(transposed))[0]
        matrix = self._matrix.T.tocsr() if transposed else self._matrix
        x = self._refined(matrix, b)
        # also true for NaN, where BiCGSTAB broke down
        if not self._residual(matrix, x, b) <= RESIDUAL:
            x = self._sparse_lu.solve(b, trans="T" if transposed else "N")
            if not self._residual(matrix, x, b) <= 1e3 * RESIDUAL:
                raise NotConverged(
                    f"linear solve: relative residual {self._residual(matrix, x, b):.2g}"
                )
        return x

    @classmethod
    def _refined(cls, matrix: sparse.csr_array, b: Floats) -> Floats:
        """BiCGSTAB, started again on what is left;
        scaled, because scipy takes a small residual for a breakdown.
        """
        x = np.zeros(len(b))
        limit = 1e3 * np.abs(b).max()
        for _ in range(REFINEMENTS):
            left = b - matrix @ x
            size = np.abs(left).max()
            # a residual may rise for a while, but one that has exploded does not come back
            if not 0 < size < limit or cls._residual(matrix, x, b) <= RESIDUAL / 10:
                break
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # of a breakdown
                more, _ = sparse_linalg.bicgstab(
                    matrix, left / size, rtol=1e-10, atol=0.0, maxiter=200
                )
                x = x + size * more
        return x

    @staticmethod
    def _residual(matrix: sparse.csr_array, x: Floats, b: Floats) -> float:
        """max |M x - b| relative to max |b|, less what rounding of x alone puts there:
        no solver does better.
        """
        norm = np.abs(b).max()
        size = np.abs(x).max()
        left = np.abs(matrix @ x - b).max() - ROUNDING * size
        return max(left, 0.0) / norm if norm > 0 else size


# --------------------------------------------------------------------------------- optimal policies


@result
class DiscountedOptimum:
    """Optimal values V (S,), Q (S, A), and a greedy policy (S, A).

    residual    max_s |max_a Q(s, a) - V(s)|, found without the cancellation of large values
    certificate residual / (1 - gamma) >= max_s |V(s) - V*(s)|, up to the rounding of V itself
    iterations  policies evaluated
    """

    V: Floats
    Q: Floats
    pi: Floats
    residual: float
    certificate: float
    iterations: int


def optimal(mdp: DiscountedMDP, *, max_iterations: int = 1000) -> DiscountedOptimum:
    """Optimal values of a `DiscountedMDP` by policy iteration (Howard 1960;
    Puterman 1994, section 6.4).

    An action is changed for one that is better by more than rounding of the difference;
    it stops when the greedy policy repeats.
    Rewards count in units of the largest one, and values as differences from a common level, so
    neither tiny rewards nor gamma near 1 hide an improvement.
    Raises NotConverged after ``max_iterations``, or where the values overflow.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    limit = check_integer("max_iterations", max_iterations, low=1)
    unit = np.ldexp(1.0, np.frexp(_size(mdp.r))[1] - 1)
    reward = mdp.r / unit
    greedy = np.argmax(reward, axis=1)
    seen = set()
    for iteration in range(1, limit + 1):
        seen.add(greedy.tobytes())
        policy = evaluate(mdp, np.eye(mdp.A)[greedy])
        level, v = _refined_values(policy, reward, 0.0, np.zeros(mdp.S), rounds=1)
        better, _ = _improved(mdp, reward, greedy, v)
        if better.tobytes() in seen:  # once more, with values as exact as can be
            level, v = _refined_values(policy, reward, level, v, rounds=REFINEMENTS)
            better, q = _improved(mdp, reward, greedy, v)
            if better.tobytes() in seen:
                # q and v lack the common level, of which max Q - V keeps (1 - gamma) level
                residual = np.abs(q.max(axis=1) - v - (1 - mdp.gamma) * level).max()
                return _in_units(unit, policy, level, v, q, float(residual), iteration)
        greedy = better
    raise NotConverged(f"policy iteration: still improving after {limit} iterations")


def _size(reward: Floats) -> float:
    """The largest |r(s, a)| of an available action."""
    return float(np.abs(reward, where=reward > -np.inf, out=np.zeros(reward.shape)).max())


def _improved(mdp: DiscountedMDP, reward: Floats, greedy: Ints, v: Floats) -> tuple[Ints, Floats]:
    """The actions (S,) that are best for q = reward + gamma P v, and q;
    an old one stays unless another gains more than rounding.
    """
    q = reward + mdp.gamma * mdp.next_mean(v)
    rounding = ROUNDING * (_size(reward) + np.abs(v).max())
    gains = q.max(axis=1) > q[np.arange(mdp.S), greedy] + rounding
    return np.where(gains, np.argmax(q, axis=1), greedy), q


def _refined_values(
    policy: PolicyInMDP, reward: Floats, level: float, v: Floats, *, rounds: int
) -> tuple[float, Floats]:
    """(c, v) with values V = c + v, v of mean 0, of a policy for the given reward (S, A).

    v = reward + gamma P_pi v - (1 - gamma) c is refined, free of the cancellation of a large c.
    """
    mdp = policy.mdp
    earned = np.sum(np.multiply(policy.pi, reward, where=policy.pi > 0, out=policy.pi * 0), axis=1)
    kernel = mdp.policy_kernel(policy.pi)
    for _ in range(rounds):
        left = earned - (1 - mdp.gamma) * level - (v - mdp.gamma * (kernel @ v))
        if np.abs(left).max() <= EPS * (np.abs(earned).max() + np.abs(v).max()):
            break
        v = v + policy.solve(left)
        level = level + v.mean()
        v = v - v.mean()
    return level, v


def _in_units(
    unit: float,
    policy: PolicyInMDP,
    level: float,
    v: Floats,
    q: Floats,
    residual: float,
    iterations: int,
) -> DiscountedOptimum:
    """The `DiscountedOptimum` of scaled values; NotConverged if they are too large for a float."""
    gamma = policy.mdp.gamma
    with np.errstate(over="ignore"):
        V = (level + v) * unit
        Q = (gamma * level + q) * unit
        bound = residual / (1 - gamma) * unit
    known = np.isfinite(Q[policy.mdp.available]).all()
    if not (np.isfinite(V).all() and known and np.isfinite(bound)):
        raise NotConverged(
            f"policy iteration: values overflow, rewards up to {unit:.3g} and gamma = {gamma:.17g}"
        )
    return DiscountedOptimum(
        V=V,
        Q=Q,
        pi=policy.pi,
        residual=residual * unit,
        certificate=bound,
        iterations=iterations,
    )


def soft_backup(mdp: DiscountedMDP, V: ArrayLike, *, tau: float) -> Floats:
    """(T_tau V)(s) = tau log sum_a exp((r + gamma P V)(s, a) / tau); shape (S,) -> (S,).
    Source: thm-soft-bellman.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    V = check_array("V", V, (mdp.S,))
    tau = check_positive("tau", tau)
    with no_overflow("V or tau"):
        q = mdp.r + mdp.gamma * mdp.next_mean(V)
        return tau * dist.logsumexp(q / tau)


@result
class SoftDiscountedOptimum:
    """Fixed point of the soft Bellman operator:
    V (S,), Q (S, A), log of the optimal policy softmax(Q / tau).

    residual    max_s |(T_tau V - V)(s)|
    certificate residual / (1 - gamma) >= max_s |V(s) - V*(s)|, because T_tau is a gamma-contraction
    iterations  policies evaluated
    """

    tau: float
    V: Floats
    Q: Floats
    log_pi: Floats
    residual: float
    certificate: float
    iterations: int


def soft_optimal(
    mdp: DiscountedMDP, *, tau: float, tol: float = 1e-12, max_iterations: int = 1000
) -> SoftDiscountedOptimum:
    """V = T_tau V by soft policy iteration, pi <- softmax(Q_tau^pi / tau):
    the regularised NPG step with eta = 1 / tau.

    Stops when the certificate is at most ``tol`` times max(1, max |V|),
    or the residual is down to rounding.
    Raises ValueError for tau <= 0, NotConverged after ``max_iterations``.
    Source: thm-soft-bellman, thm-soft-fixed-point.
    """
    check_kind("mdp", mdp, DiscountedMDP)
    tau, tol = check_positive("tau", tau), check_positive("tol", tol)
    theta = np.zeros((mdp.S, mdp.A))
    check_interval("tau / max |r|", tau / max(_size(mdp.r), np.finfo(float).tiny), 1e-100, 1e100)
    for iteration in range(1, check_integer("max_iterations", max_iterations, low=1) + 1):
        value = evaluate_softmax(mdp, np.where(mdp.available, theta, 0.0), tau=tau)
        theta = np.where(mdp.available, value.Q / tau, -np.inf)
        residual = float(np.abs(tau * dist.logsumexp(theta) - value.V).max())
        if residual <= max(tol * (1 - mdp.gamma), 2 * ROUNDING) * max(1.0, np.abs(value.V).max()):
            log_pi = dist.log_softmax(theta)
            bound = residual / (1 - mdp.gamma)
            return SoftDiscountedOptimum(tau, value.V, value.Q, log_pi, residual, bound, iteration)
    raise NotConverged(
        f"soft policy iteration: residual {residual:.2g} after {max_iterations} iterations"
    )
