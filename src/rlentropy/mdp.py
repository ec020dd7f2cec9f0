"""Markov decision processes as frozen, validated data: discounted (part I) and episodic (part II).

Arrays are read-only after construction, so an MDP can be shared between runs without copies.
Kernels may be dense or sparse; a sparse one has a row s*A + a per pair and a column per next state.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from rlentropy.validation import (
    check_array,
    check_discount,
    check_distribution,
    check_integer,
    check_kernel,
    check_sparse_kernel,
)


def _freeze(x):
    for part in (x.data, x.indices, x.indptr) if sparse.issparse(x) else (x,):
        part.setflags(write=False)
    return x


@dataclass(frozen=True, eq=False)
class DiscountedMDP:
    """Discounted MDP with start distribution (book: def-discounted-mdp).

    P      (S, A, S) dense or (S*A, S) sparse: P[s, a, s'] is the probability of s' after action a in state s
    r      (S, A): expected reward
    mu     (S,): distribution of the first state
    gamma  discount factor in [0, 1)

    Raises ValueError naming the argument, the first bad index and its value.
    """

    P: np.ndarray | sparse.csr_array = field(repr=False)
    r: np.ndarray = field(repr=False)
    mu: np.ndarray = field(repr=False)
    gamma: float

    def __post_init__(self):
        P = check_sparse_kernel("P", self.P) if sparse.issparse(self.P) else check_kernel("P", self.P)
        S = P.shape[-1]
        A = P.shape[0] // S if sparse.issparse(P) else P.shape[1]
        object.__setattr__(self, "P", _freeze(P))
        object.__setattr__(self, "r", _freeze(check_array("r", self.r, (S, A))))
        object.__setattr__(self, "mu", _freeze(check_distribution("mu", self.mu, (S,))))
        object.__setattr__(self, "gamma", check_discount("gamma", self.gamma))

    @property
    def S(self):
        """Number of states."""
        return self.r.shape[0]

    @property
    def A(self):
        """Number of actions."""
        return self.r.shape[1]

    def __getattr__(self, name):
        raise AttributeError(_missing("a DiscountedMDP", name, EpisodicMDP))

    @property
    def sparse(self):
        """True if the kernel is stored sparsely."""
        return sparse.issparse(self.P)

    def next_mean(self, V):
        """(P V)(s, a) = sum_s' P(s'|s, a) V(s'); shape (S,) -> (S, A)."""
        return (self.P @ V).reshape(self.S, self.A)

    def policy_kernel(self, pi):
        """P_pi(s, s') = sum_a pi(a|s) P(s'|s, a); shape (S, S), sparse if the kernel is."""
        if not self.sparse:
            return np.einsum("sa,sat->st", pi, self.P)
        rows = np.repeat(np.arange(self.S), self.A)
        weights = sparse.csr_array((np.ravel(pi), (rows, np.arange(self.S * self.A))), shape=(self.S, self.S * self.A))
        return weights @ self.P


@dataclass(frozen=True, eq=False)
class EpisodicMDP:
    """Reward-free episodic MDP with a fixed first state (book: def-episodic-mdp).

    P        transition probabilities: dense (S, A, S) or sparse (S*A, S) if the same at every stage;
             dense (H-1, S, A, S) or a sequence of H-1 sparse matrices if not.
             Stored as a tuple of CSR matrices, of length 1 if stationary and H-1 otherwise.
    horizon  number of stages H >= 1; an episode is s_1, a_1, ..., s_H, a_H and has H-1 transitions
    start    index of s_1

    Python counts stages from 0: ``kernel(h)`` leads from stage h to stage h+1, h = 0, ..., H-2.
    Raises ValueError naming the argument, the first bad index and its value.
    """

    P: tuple = field(repr=False)
    horizon: int
    start: int

    def __post_init__(self):
        H = check_integer("horizon", self.horizon, low=1)
        object.__setattr__(self, "horizon", H)
        object.__setattr__(self, "P", tuple(_freeze(K) for K in _stage_kernels(self.P, H)))
        object.__setattr__(self, "start", check_integer("start", self.start, high=self.S - 1))

    @property
    def H(self):
        """Number of stages (the horizon)."""
        return self.horizon

    @property
    def S(self):
        """Number of states."""
        return self.P[0].shape[1]

    @property
    def A(self):
        """Number of actions."""
        return self.P[0].shape[0] // self.P[0].shape[1]

    def __getattr__(self, name):
        raise AttributeError(_missing("an EpisodicMDP", name, DiscountedMDP))

    @property
    def stationary(self):
        """True if one kernel serves every stage."""
        return len(self.P) == 1

    def kernel(self, h):
        """CSR (S*A, S) of the transition from stage h to stage h+1, h = 0, ..., H-2."""
        if not 0 <= h < self.H - 1:
            raise ValueError(f"h = {h}: transitions leave stages 0, ..., {self.H - 2} only")
        return self.P[0] if self.stationary else self.P[h]

    def next_mean(self, h, V):
        """(p_h V)(s, a) = sum_s' p_h(s'|s, a) V(s'); shape (S,) -> (S, A)."""
        return (self.kernel(h) @ V).reshape(self.S, self.A)

    def dense(self):
        """The kernels as one dense array (H-1, S, A, S); for small examples."""
        stages = [self.kernel(h).toarray().reshape(self.S, self.A, self.S) for h in range(self.H - 1)]
        return np.array(stages).reshape(self.H - 1, self.S, self.A, self.S)

    def reachable(self):
        """(H, S) booleans: can some policy be in state s at stage h with positive probability?"""
        reach = np.zeros((self.H, self.S), dtype=bool)
        reach[0, self.start] = True
        for h in range(self.H - 1):
            reach[h + 1] = np.repeat(reach[h], self.A) @ (self.kernel(h) > 0).astype(float) > 0
        return reach


def _missing(kind, name, other):
    """Why an attribute is missing: most often a function was given the other kind of MDP."""
    belongs = name in (*other.__dataclass_fields__, *vars(other)) and not name.startswith("_")
    return f"{kind} has no {name!r}" + (f": this needs the other kind, {other.__name__}" if belongs else "")


def _stage_kernels(P, H):
    """The given kernel(s) as a list of validated CSR matrices of one shape: one, or one per transition."""
    if sparse.issparse(P):
        return [check_sparse_kernel("P", P)]
    if isinstance(P, (list, tuple)) and P and all(sparse.issparse(K) for K in P):
        kernels = [check_sparse_kernel(f"P[{h}]", K) for h, K in enumerate(P)]
        for h, K in enumerate(kernels):
            if K.shape != kernels[0].shape:
                raise ValueError(f"P[{h}]: shape {K.shape} differs from P[0], which has {kernels[0].shape}")
    elif np.ndim(P) == 3:
        return [_sparse_rows(check_kernel("P", P))]
    elif np.ndim(P) == 4:
        if np.shape(P)[0] == 0:
            raise ValueError("P: no transition kernel given; with horizon 1 pass one (S, A, S) kernel for the shape")
        kernels = [_sparse_rows(check_kernel(f"P[{h}]", K)) for h, K in enumerate(np.asarray(P))]
    else:
        raise ValueError(f"P: {np.ndim(P)} axes, expected (S, A, S), (H-1, S, A, S) or sparse (S*A, S)")
    if len(kernels) not in (1, H - 1):
        raise ValueError(f"P: {len(kernels)} stage kernels, expected 1 or horizon - 1 = {H - 1}")
    return kernels


def _sparse_rows(P):
    return sparse.csr_array(P.reshape(-1, P.shape[-1]))
