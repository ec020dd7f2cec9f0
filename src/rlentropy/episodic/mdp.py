"""Reward-free episodic Markov decision processes as frozen, validated data.

Arrays are read-only after construction, so an MDP can be shared between runs without copies.
Kernels are stored sparsely, with a row s*A + a per pair and a column per next state.
"""

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from scipy import sparse

from rlentropy._types import Bools, Floats
from rlentropy.results import described, result
from rlentropy.validation import check_integer, check_kernel, check_sparse_kernel, missing

DISCOUNTED = ("r", "mu", "gamma", "sparse", "policy_kernel")


@result
class EpisodicMDP:
    """Reward-free episodic MDP with a fixed first state (book: def-episodic-mdp).

    P        transition probabilities: dense (S, A, S) or sparse (S*A, S) if the same at every
             stage; dense (H-1, S, A, S) or a sequence of H-1 sparse matrices if not.
             Stored as a tuple of CSR matrices, of length 1 if stationary and H-1 otherwise.
    horizon  number of stages H >= 1; an episode is s_1, a_1, ..., s_H, a_H and has H-1 transitions
    start    index of s_1

    Python counts stages from 0: ``kernel(h)`` leads from stage h to stage h+1, h = 0, ..., H-2.
    Raises ValueError naming the argument, the first bad index and its value.
    """

    P: tuple[sparse.csr_array, ...]
    horizon: int
    start: int

    if TYPE_CHECKING:  # what may be handed over is more than what is kept

        def __init__(self, P: Any, horizon: int, start: int) -> None: ...

    def __post_init__(self) -> None:
        H = check_integer("horizon", self.horizon, low=1)
        object.__setattr__(self, "horizon", H)
        object.__setattr__(self, "P", tuple(_stage_kernels(self.P, H)))
        object.__setattr__(self, "start", check_integer("start", self.start, high=self.S - 1))

    def __repr__(self) -> str:
        return described(
            self, S=self.S, A=self.A, H=self.H, start=self.start, stationary=self.stationary
        )

    @property
    def H(self) -> int:
        """Number of stages (the horizon)."""
        return self.horizon

    @property
    def S(self) -> int:
        """Number of states."""
        return self.P[0].shape[1]

    @property
    def A(self) -> int:
        """Number of actions."""
        return self.P[0].shape[0] // self.P[0].shape[1]

    if not TYPE_CHECKING:  # to a checker of types a misspelt name is a fault

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(missing("an EpisodicMDP", name, "DiscountedMDP", DISCOUNTED))

    @property
    def stationary(self) -> bool:
        """True if one kernel serves every stage."""
        return len(self.P) == 1

    def kernel(self, h: int) -> sparse.csr_array:
        """CSR (S*A, S) of the transition from stage h to stage h+1, h = 0, ..., H-2."""
        if not 0 <= h < self.H - 1:
            raise ValueError(f"h = {h}: transitions leave stages 0, ..., {self.H - 2} only")
        return self.P[0] if self.stationary else self.P[h]

    def next_mean(self, h: int, V: Floats) -> Floats:
        """(p_h V)(s, a) = sum_s' p_h(s'|s, a) V(s'); shape (S,) -> (S, A)."""
        return (self.kernel(h) @ V).reshape(self.S, self.A)

    def dense(self) -> Floats:
        """The kernels as one dense array (H-1, S, A, S); for small examples."""
        stages = [
            self.kernel(h).toarray().reshape(self.S, self.A, self.S) for h in range(self.H - 1)
        ]
        return np.array(stages).reshape(self.H - 1, self.S, self.A, self.S)

    def reachable(self) -> Bools:
        """(H, S) booleans: can some policy be in state s at stage h with positive probability?"""
        reach = np.zeros((self.H, self.S), dtype=bool)
        reach[0, self.start] = True
        for h in range(self.H - 1):
            reach[h + 1] = np.repeat(reach[h].astype(float), self.A) @ self.kernel(h) > 0
        return reach


def _stage_kernels(P: Any, H: int) -> list[sparse.csr_array]:
    """The given kernel(s) as a list of validated CSR matrices of one shape:
    one, or one per transition."""
    if sparse.issparse(P):
        return [check_sparse_kernel("P", P)]
    if isinstance(P, (list, tuple)) and P and all(sparse.issparse(K) for K in P):
        kernels = [check_sparse_kernel(f"P[{h}]", K) for h, K in enumerate(P)]
        for h, K in enumerate(kernels):
            if K.shape != kernels[0].shape:
                raise ValueError(
                    f"P[{h}]: shape {K.shape} differs from P[0], which has {kernels[0].shape}"
                )
    elif np.ndim(P) == 3:
        return [_sparse_rows(check_kernel("P", P))]
    elif np.ndim(P) == 4:
        if np.shape(P)[0] == 0:
            raise ValueError(
                "P: no transition kernel given; "
                "with horizon 1 pass one (S, A, S) kernel for the shape"
            )
        kernels = [_sparse_rows(check_kernel(f"P[{h}]", K)) for h, K in enumerate(np.asarray(P))]
    else:
        raise ValueError(
            f"P: {np.ndim(P)} axes, expected (S, A, S), (H-1, S, A, S) or sparse (S*A, S)"
        )
    if len(kernels) not in (1, H - 1):
        raise ValueError(f"P: {len(kernels)} stage kernels, expected 1 or horizon - 1 = {H - 1}")
    return kernels


def _sparse_rows(P: Floats) -> sparse.csr_array:
    return sparse.csr_array(P.reshape(-1, P.shape[-1]))
