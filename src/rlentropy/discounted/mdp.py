"""Discounted Markov decision processes as frozen, validated data.

Arrays are read-only after construction, so an MDP can be shared between runs without copies.
The kernel may be dense or sparse; a sparse one has a row s*A + a per pair and a column per next
state.
"""

from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from rlentropy._types import Bools, Floats
from rlentropy.results import described, result
from rlentropy.validation import (
    check_available,
    check_discount,
    check_distribution,
    check_kernel,
    check_rewards,
    check_shape,
    check_sparse_kernel,
    missing,
)

EPISODIC = ("H", "horizon", "start", "stationary", "kernel", "dense", "reachable")


@result
class DiscountedMDP:
    """Discounted MDP with start distribution (book: def-discounted-mdp).

    P      (S, A, S) dense or (S*A, S) sparse:
           P[s, a, s'] is the probability of s' after action a in state s
    r      (S, A): expected reward; -inf where an action is unavailable, whose row of P is all 0
    mu     (S,): distribution of the first state
    gamma  discount factor in [0, 1)

    Raises ValueError naming the argument, the first bad index and its value.
    """

    P: Floats | sparse.csr_array
    r: Floats
    mu: Floats
    gamma: float

    if TYPE_CHECKING:  # what may be handed over is more than what is kept

        def __init__(
            self, P: ArrayLike | sparse.csr_array, r: ArrayLike, mu: ArrayLike, gamma: float
        ) -> None: ...

    def __post_init__(self) -> None:
        r = check_rewards("r", self.r)
        check = check_sparse_kernel if sparse.issparse(self.P) else check_kernel
        P = check("P", self.P, None if np.isfinite(r).all() else np.isfinite(r))
        S = P.shape[-1]
        A = P.shape[0] // S if sparse.issparse(P) else P.shape[1]
        check_available("r > -inf", np.isfinite(check_shape("r", r, (S, A))), (S, A))
        object.__setattr__(self, "P", P)
        object.__setattr__(self, "r", r)
        object.__setattr__(self, "mu", check_distribution("mu", self.mu, (S,)))
        object.__setattr__(self, "gamma", check_discount("gamma", self.gamma))

    def __repr__(self) -> str:
        return described(self, S=self.S, A=self.A, gamma=self.gamma, P=self.P)

    @property
    def S(self) -> int:
        """Number of states."""
        return self.r.shape[0]

    @property
    def A(self) -> int:
        """Number of actions."""
        return self.r.shape[1]

    if not TYPE_CHECKING:  # to a checker of types a misspelt name is a fault

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(missing("a DiscountedMDP", name, "EpisodicMDP", EPISODIC))

    @property
    def available(self) -> Bools:
        """(S, A) booleans: which actions a state has, those whose reward is not -inf."""
        return self.r > -np.inf

    def policy_reward(self, pi: Floats) -> Floats:
        """r_pi(s) = sum_a pi(a|s) r(s, a) over the available actions; shape (S,)."""
        return np.sum(np.multiply(pi, self.r, where=self.available, out=np.zeros(self.r.shape)), 1)

    def masked(self, theta: Floats) -> Floats:
        """theta (S, A) with -inf where an action is unavailable."""
        return np.where(self.available, theta, -np.inf)

    def next_mean(self, V: Floats) -> Floats:
        """(P V)(s, a) = sum_s' P(s'|s, a) V(s'); shape (S,) -> (S, A)."""
        return (self.P @ check_shape("V", V, (self.S,))).reshape(self.S, self.A)

    def policy_kernel(self, pi: Floats) -> Floats | sparse.csr_array:
        """P_pi(s, s') = sum_a pi(a|s) P(s'|s, a); shape (S, S), sparse if the kernel is.

        Linear in pi (S, A), which may be any weights:
        a direction of policies gives the direction of kernels.
        """
        check_shape("pi", pi, (self.S, self.A))
        if not self.sparse:
            return np.einsum("sa,sat->st", pi, self.P)
        rows = np.repeat(np.arange(self.S), self.A)
        weights = sparse.csr_array(
            (np.ravel(pi), (rows, np.arange(self.S * self.A))), shape=(self.S, self.S * self.A)
        )
        return weights @ self.P

    # below all signatures, in which the name means scipy's module
    @property
    def sparse(self) -> bool:
        """True if the kernel is stored sparsely."""
        return sparse.issparse(self.P)
