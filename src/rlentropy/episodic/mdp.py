"""Reward-free episodic Markov decision processes as frozen, validated data.

Arrays are read-only after construction, so an MDP can be shared between runs without copies.
Kernels are stored sparsely, with a row s*A + a per pair and a column per next state.
"""

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from rlentropy._types import Bools, Floats
from rlentropy.results import described, result
from rlentropy.validation import (
    LARGEST,
    as_array,
    check_available,
    check_distribution,
    check_integer,
    check_kernel,
    check_sparse_kernel,
    missing,
)

DISCOUNTED = ("r", "mu", "gamma", "sparse", "policy_kernel")


@result
class EpisodicMDP:
    """Reward-free episodic MDP with a first state, or a distribution of it (def-episodic-mdp).

    P        transition probabilities: dense (S, A, S) or sparse (S*A, S) if the same at every
             stage; dense (H-1, S, A, S) or a sequence of H-1 sparse matrices if not (a tuple if
             A = 1: a list of square matrices is refused, for it could be MDPToolbox's).
             Stored as a tuple of CSR matrices, of length 1 if stationary and H-1 otherwise.
    horizon  number of stages H >= 1; an episode is s_1, a_1, ..., s_H, a_H and has H-1 transitions
    start    index of s_1, or a distribution of it (S,)
    available  (S, A) booleans: which actions a state has, None for all;
               rows of P of the others are all 0

    Python counts stages from 0: ``kernel(h)`` leads from stage h to stage h+1, h = 0, ..., H-2.
    Raises ValueError naming the argument, the first bad index and its value.
    """

    P: tuple[sparse.csr_array, ...]
    horizon: int
    start: Any
    available: Any = None

    if TYPE_CHECKING:  # what may be handed over is more than what is kept

        def __init__(
            self, P: Any, horizon: int, start: ArrayLike, available: ArrayLike | None = None
        ) -> None: ...

    def __post_init__(self) -> None:
        H = check_integer("horizon", self.horizon, low=1)
        object.__setattr__(self, "horizon", H)
        object.__setattr__(self, "P", tuple(_stage_kernels(self.P, H, self.available)))
        shape = (self.S, self.A)
        given = np.ones(shape, dtype=bool) if self.available is None else self.available
        object.__setattr__(self, "available", check_available("available", given, shape))
        object.__setattr__(self, "start", _start(self.start, self.S))

    def __repr__(self) -> str:
        return described(
            self, S=self.S, A=self.A, H=self.H, start=self.start, stationary=self.stationary
        )

    @property
    def first_state(self) -> int:
        """s_1, for what is made for one first state only: ValueError if it is drawn."""
        if np.ndim(self.start):
            raise ValueError("start: a distribution, and this is made for one first state")
        return int(self.start)

    @property
    def start_distribution(self) -> Floats:
        """The distribution of s_1; shape (S,)."""
        return self.start if np.ndim(self.start) else np.eye(1, self.S, self.start)[0]

    def start_mean(self, V: Floats) -> float:
        """The mean of V(s_1), over the states in which an episode can start; (S,) -> number."""
        if not np.ndim(self.start):
            return float(V[self.start])
        first = self.start > 0
        return float(self.start[first] @ V[first])

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
        if check_integer("h", h, low=-LARGEST) not in range(self.H - 1):
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
        reach[0] = self.start_distribution > 0
        for h in range(self.H - 1):
            reach[h + 1] = np.repeat(reach[h].astype(float), self.A) @ self.kernel(h) > 0
        return reach


def _start(start: ArrayLike, S: int) -> int | Floats:
    """An index; or a distribution with more than one possible state, read-only."""
    if as_array("start", start).ndim == 0:
        return check_integer("start", start, high=S - 1)
    start = check_distribution("start", start, (S,))
    possible = np.flatnonzero(start)
    return int(possible[0]) if len(possible) == 1 else start


def _stage_kernels(P: Any, H: int, available: ArrayLike | None) -> list[sparse.csr_array]:
    """The given kernel(s) as a list of validated CSR matrices of one shape:
    one, or one per transition."""
    if sparse.issparse(P):
        return [check_sparse_kernel("P", P, available)]
    if isinstance(P, (list, tuple)) and P and all(sparse.issparse(K) for K in P):
        kernels = _listed(P, available)
    else:
        P = as_array("P", P)
        if P.ndim == 3:
            return [_sparse_rows(check_kernel("P", P, available))]
        if P.ndim != 4:
            raise ValueError(
                f"P: {P.ndim} axes, expected (S, A, S), (H-1, S, A, S) or sparse (S*A, S)"
            )
        if len(P) == 0:
            raise ValueError(
                "P: no transition kernel given; "
                "with horizon 1 pass one (S, A, S) kernel for the shape"
            )
        kernels = [_sparse_rows(check_kernel(f"P[{h}]", K, available)) for h, K in enumerate(P)]
    if len(kernels) not in (1, H - 1):
        raise ValueError(f"P: {len(kernels)} stage kernels, expected 1 or horizon - 1 = {H - 1}")
    return kernels


def _listed(P: Any, available: ArrayLike | None) -> list[sparse.csr_array]:
    """The sparse kernels of the stages; a list that could be one for each action is refused."""
    if isinstance(P, list) and len(P) > 1 and {K.shape for K in P} == {(P[0].shape[1],) * 2}:
        raise ValueError(
            f"P: a list of {len(P)} square matrices could be one for each action, as in "
            "MDPToolbox (use adapters.from_mdptoolbox), or stages of an MDP with one action "
            "(pass them as a tuple)"
        )
    kernels = [check_sparse_kernel(f"P[{h}]", K, available) for h, K in enumerate(P)]
    for h, K in enumerate(kernels):
        if K.shape != kernels[0].shape:
            raise ValueError(
                f"P[{h}]: shape {K.shape} differs from P[0], which has {kernels[0].shape}"
            )
    return kernels


def _sparse_rows(P: Floats) -> sparse.csr_array:
    return sparse.csr_array(P.reshape(-1, P.shape[-1]))
