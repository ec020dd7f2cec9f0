"""Doors: MDPs in the formats that people have, as a `DiscountedMDP` or an `EpisodicMDP`.

    from_gymnasium    the table ``env.unwrapped.P`` of a gymnasium environment
    from_mdptoolbox   (P, R) of MDPToolbox: a matrix (S, S) for each action
    from_quantecon    a ``DiscreteDP`` of QuantEcon, in product form or by state-action pairs

Each takes ``gamma`` for a discounted MDP, or ``horizon`` for an episodic one, which has no reward.
None of the libraries is imported: what they made is read by its attributes.

An unavailable action has the reward -inf in a discounted MDP and ``available`` False in an episodic
one; its row of P is all 0. A door reads each argument in one way. Where another library writes the
same shape for something else (A = S), nothing in the numbers tells; the name of the door does.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from rlentropy._types import Bools, Floats
from rlentropy.discounted.mdp import DiscountedMDP
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.validation import (
    _as_csr,
    as_array,
    check_array,
    check_available,
    check_distribution,
    check_indices,
    check_integer,
    check_number,
    check_rewards,
    check_shape,
)

MDP = DiscountedMDP | EpisodicMDP
# A state, or a distribution over states.
Start = int | ArrayLike


# --------------------------------------------------------------------------------------- gymnasium


def from_gymnasium(
    env: Any,
    *,
    gamma: float | None = None,
    horizon: int | None = None,
    start: Start | None = None,
    masks: bool = False,
) -> MDP:
    """P(s'|s, a) = sum of p and r(s, a) = sum of p reward over the entries of ``env.unwrapped.P``.

    env      has a table P[s][a] = [(p, s', reward, done), ...], such as Taxi, CliffWalking,
             FrozenLake; entries with the same s' are added
    gamma    for a `DiscountedMDP`; horizon for an `EpisodicMDP`: exactly one of them
    start    a state or a distribution (S,); None is the environment's ``initial_state_distrib``
    masks    True: ``env.unwrapped.action_mask(s)`` says which actions are available in s

    After ``done`` the episode goes on in a state in which every action stays and pays 0.
    It is s' itself if the table and the start enter s' with done only; otherwise s' is kept as it
    is, and a copy is added for its end: the i-th copy, by increasing s', is state n + i, where n
    is the number of the environment's states. A time limit of the environment is not part of its
    table and is left out. An action for which the table has no entry is unavailable.

    Raises ValueError for an environment without a table or start, and naming the bad entry.
    """
    inner = getattr(env, "unwrapped", env)
    entries, S, A = _entries(inner)
    mu = _gymnasium_start(inner, start, S)
    listed = np.zeros((S, A), dtype=bool)
    listed[entries["s"], entries["a"]] = True
    available = listed & _masks(inner, S, A) if masks else listed
    kept = available[entries["s"], entries["a"]]
    K, r, mu, available = _ended({k: x[kept] for k, x in entries.items()}, mu, available)
    return _mdp(K, r, available, mu, gamma, horizon)


def _entries(env: Any) -> tuple[dict[str, Any], int, int]:
    """The table as flat arrays s, a, p, t (the next state), reward, done; and S, A."""
    table = getattr(env, "P", None)
    if not isinstance(table, (Mapping, list, tuple)) or len(table) == 0:
        raise ValueError(
            "env: has no table P[s][a] = [(p, next state, reward, done), ...]; "
            "learners.on_simulator explores an environment that only steps"
        )
    S = _size(env, "observation_space", len(table))
    rows = []
    for s in range(S):
        for a, outcomes in _pairs(_at(table, s, "P"), f"P[{s}]"):
            for i, outcome in enumerate(outcomes):
                rows.append((s, a, *_outcome(f"P[{s}][{a}][{i}]", outcome, S)))
    if not rows:
        raise ValueError("env: its table P has no entry")
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    entries = dict(zip(("s", "a", "p", "t", "reward", "done"), columns, strict=True))
    A = _size(env, "action_space", int(entries["a"].max()) + 1)
    check_indices("the actions of P", entries["a"], A)
    return entries, S, A


def _size(env: Any, name: str, otherwise: int) -> int:
    """The number n of a space {0, ..., n - 1} of the environment, if it says so."""
    space = getattr(env, name, None)
    if space is None:
        return otherwise
    if not hasattr(space, "n") or int(getattr(space, "start", 0)) != 0:
        raise ValueError(f"env.{name}: {space}, expected {{0, ..., n - 1}}")
    return check_integer(f"env.{name}.n", int(space.n), low=1)


def _at(table: Any, s: int, name: str) -> Any:
    try:
        return table[s]
    except (KeyError, IndexError):
        raise ValueError(f"{name}[{s}]: missing, the table has {len(table)} states") from None


def _pairs(row: Any, name: str) -> list[tuple[int, list[Any]]]:
    """(action, outcomes) of a row of the table, a dict or a list."""
    if not isinstance(row, (Mapping, list, tuple)):
        raise ValueError(f"{name} = {row!r}: expected a table of actions")
    pairs = row.items() if isinstance(row, Mapping) else enumerate(row)
    found = []
    for a, outcomes in pairs:
        a = check_integer(f"an action of {name}", a)
        if not isinstance(outcomes, (list, tuple)):
            raise ValueError(f"{name}[{a}] = {outcomes!r}: expected a list of outcomes")
        found.append((a, list(outcomes)))
    return found


def _outcome(name: str, outcome: Any, S: int) -> tuple[float, int, float, bool]:
    if not isinstance(outcome, (tuple, list)) or len(outcome) != 4:
        raise ValueError(f"{name} = {outcome!r}: expected (p, next state, reward, done)")
    p, after, reward, done = outcome
    if not isinstance(done, (bool, np.bool_)):
        raise ValueError(f"{name}: done = {done!r}, expected True or False")
    after = check_integer(f"the next state in {name}", after, high=S - 1)
    p = check_number(f"p in {name}", p)
    if p < 0:
        raise ValueError(f"p in {name} = {p}: a probability cannot be negative")
    return p, after, check_number(f"the reward in {name}", reward), bool(done)


def _gymnasium_start(env: Any, start: Start | None, S: int) -> Floats:
    if start is None:
        start = getattr(env, "initial_state_distrib", None)
        if start is None:
            raise ValueError("start: the environment has no initial_state_distrib, so name one")
    return _distribution(start, S)


def _masks(env: Any, S: int, A: int) -> Bools:
    mask = getattr(env, "action_mask", None)
    if not callable(mask):
        raise ValueError("masks = True: the environment has no action_mask(state)")
    rows = check_indices("action_mask", [np.asarray(mask(s)) for s in range(S)], 2, (S, A))
    return rows.astype(bool)


def _ended(
    entries: dict[str, Any], mu: Floats, available: Bools
) -> tuple[sparse.csr_array, Floats, Floats, Bools]:
    """Kernel, reward, start and available actions with every episode's end absorbing and free."""
    S, A = available.shape
    possible = entries["p"] > 0
    last = np.unique(entries["t"][possible & entries["done"]])
    again = np.union1d(entries["t"][possible & ~entries["done"]], np.flatnonzero(mu))
    copied = np.intersect1d(last, again)
    end_of = np.arange(S)
    end_of[copied] = S + np.arange(len(copied))
    there = np.where(entries["done"], end_of[entries["t"]], entries["t"])
    n = S + len(copied)
    ends = end_of[last]
    stay = np.repeat(ends, A)
    live = ~np.isin(entries["s"], ends)
    rows = (entries["s"] * A + entries["a"])[live]
    p = entries["p"][live]
    free = stay * A + np.tile(np.arange(A), len(ends))
    K = sparse.coo_array(
        (
            np.concatenate([p, np.ones(len(stay))]),
            (np.concatenate([rows, free]), np.concatenate([there[live], stay])),
        ),
        shape=(n * A, n),
    ).tocsr()
    r: Any = np.bincount(rows, weights=p * entries["reward"][live], minlength=n * A).reshape(n, A)
    available = np.concatenate([available, np.ones((len(copied), A), dtype=bool)])
    available[ends] = True
    return K, r, np.concatenate([mu, np.zeros(len(copied))]), available


# -------------------------------------------------------------------------- MDPToolbox, QuantEcon


def from_mdptoolbox(
    P: Any,
    R: Any = None,
    *,
    start: Start,
    gamma: float | None = None,
    horizon: int | None = None,
    available: Any = None,
) -> MDP:
    """P(s'|s, a) = P[a][s, s'] and r(s, a) from MDPToolbox's R.

    P          (A, S, S), or a list of A matrices (S, S), dense or sparse
    R          (S,): by state; (S, A): by state and action; (A, S, S) or a list of A matrices
               (S, S), dense or sparse: by transition, r(s, a) = sum_s' P(s'|s, a) R[a][s, s'].
               Needed for a `DiscountedMDP`, and not used for an `EpisodicMDP`
    gamma      for a `DiscountedMDP`; horizon for an `EpisodicMDP`: exactly one of them
    start      a state or a distribution (S,): the format has none
    available  (S, A) booleans, None for all; R = -inf in (S, A) says the same.
               Rows of P of other pairs are not used

    Two axes of R are (S, A) also where A = S. Raises ValueError naming the argument.
    """
    matrices = _matrices("P", P)
    A = len(matrices)
    S = matrices[0].shape[0]
    for a, K in enumerate(matrices):
        if K.shape != (S, S):
            raise ValueError(f"P[{a}]: shape {K.shape}, expected ({S}, {S}): one matrix an action")
    r = None if R is None else _mdptoolbox_reward(R, matrices)
    K = sparse.csr_array(sparse.vstack(matrices, format="csr"))
    K = _by_state(K, S, A)
    allowed = np.ones((S, A), dtype=bool) if available is None else available
    allowed = check_available("available", allowed, (S, A))
    dense = not any(sparse.issparse(K) for K in (P if isinstance(P, (list, tuple)) else [P]))
    return _mdp(K, r, allowed, _distribution(start, S), gamma, horizon, dense=dense)


def _by_state(K: sparse.csr_array, S: int, A: int) -> sparse.csr_array:
    """Rows a*S + s of a matrix in the order s*A + a."""
    return K[np.arange(S * A).reshape(A, S).T.ravel()]


def _matrices(name: str, P: Any) -> list[sparse.csr_array]:
    """A list of CSR matrices, one an action."""
    if not isinstance(P, (list, tuple, np.ndarray)):
        raise ValueError(
            f"{name}: one {type(P).__name__}, expected a matrix (S, S) for each action"
        )
    if len(P) == 0:
        raise ValueError(f"{name}: no action")
    return [_matrix(f"{name}[{a}]", K) for a, K in enumerate(P)]


def _matrix(name: str, K: Any) -> sparse.csr_array:
    if sparse.issparse(K):
        return _as_csr(name, K)
    return sparse.csr_array(check_array(name, K, (None, None)))


def _mdptoolbox_reward(R: Any, matrices: list[sparse.csr_array]) -> Floats:
    """r (S, A)."""
    A = len(matrices)
    S = matrices[0].shape[0]
    listed = isinstance(R, (list, tuple)) and any(sparse.issparse(K) for K in R)
    if not listed and not sparse.issparse(R):
        R = as_array("R", R)
    if listed or np.ndim(R) == 3:
        given = _matrices("R", R)
        check_shape("R", np.empty(len(given)), (A,))
        for a, K in enumerate(given):
            if K.shape != (S, S):
                raise ValueError(f"R[{a}]: shape {K.shape}, expected ({S}, {S})")
        both = zip(matrices, given, strict=True)
        return np.stack([np.asarray(K.multiply(G).sum(axis=1)).ravel() for K, G in both], axis=1)
    if sparse.issparse(R):
        R = R.toarray()
    if np.ndim(R) == 1:
        return np.repeat(check_array("R", R, (S,))[:, None], A, axis=1)
    r = check_rewards("R", R)
    return check_shape("R", r, (S, A))


def from_quantecon(
    ddp: Any,
    *,
    start: Start,
    horizon: int | None = None,
) -> MDP:
    """P(s'|s, a) = ddp.Q, r(s, a) = ddp.R and gamma = ddp.beta of a QuantEcon ``DiscreteDP``.

    ddp      in product form, R (n, m) and Q (n, m, n), where R = -inf is an unavailable action; or
             by state-action pairs, R (L,) and Q (L, n), where pairs not listed are unavailable
    start    a state or a distribution (n,): the format has none
    horizon  for an `EpisodicMDP`; None for a `DiscountedMDP` with gamma = ddp.beta

    Raises ValueError for an object without these attributes, and naming the bad entry.
    """
    missing = [name for name in ("R", "Q", "beta") if not hasattr(ddp, name)]
    if missing:
        raise ValueError(f"ddp: has no {missing[0]}, expected a DiscreteDP with R, Q and beta")
    Q = ddp.Q
    pairs = getattr(ddp, "s_indices", None) is not None
    thin = sparse.issparse(Q)
    if pairs:
        K, r, available = _from_pairs(ddp)
    else:
        r = check_rewards("R", ddp.R)
        S, A = r.shape
        K = sparse.csr_array(check_array("Q", Q, (S, A, S)).reshape(S * A, S))
        available = r > -np.inf
    mu = _distribution(start, r.shape[0])
    gamma = None if horizon is not None else ddp.beta
    return _mdp(K, r, available, mu, gamma, horizon, dense=not thin)


def _from_pairs(ddp: Any) -> tuple[sparse.csr_array, Floats, Bools]:
    """Kernel (S*A, S), reward and available actions of listed pairs."""
    given = _matrix("Q", ddp.Q)
    L, S = given.shape
    s = check_indices("s_indices", ddp.s_indices, S, (L,))
    a = check_indices("a_indices", ddp.a_indices, np.iinfo(np.int64).max, (L,))
    A = int(a.max()) + 1
    if len(np.unique(s * A + a)) < L:
        raise ValueError("s_indices, a_indices: a pair is listed twice")
    value = check_shape("R", np.asarray(ddp.R, dtype=float), (L,))
    r = np.full((S, A), -np.inf)
    r[s, a] = value
    r = check_rewards("R", r)
    place = sparse.csr_array((np.ones(L), (s * A + a, np.arange(L))), shape=(S * A, L))
    return place @ given, r, r > -np.inf


# ------------------------------------------------------------------------------------------ shared


def _distribution(start: Start, S: int) -> Floats:
    """A start state or distribution as a distribution (S,)."""
    if np.ndim(as_array("start", start)) == 0:
        return np.eye(1, S, check_integer("start", start, high=S - 1))[0]
    return check_distribution("start", start, (S,))


def _mdp(
    K: sparse.csr_array,
    r: Floats | None,
    available: Bools,
    mu: Floats,
    gamma: float | None,
    horizon: int | None,
    *,
    dense: bool = False,
) -> MDP:
    """The MDP of a kernel (S*A, S); rows of unavailable actions are cleared."""
    if (gamma is None) == (horizon is None):
        both = f"gamma = {gamma!r}, horizon = {horizon!r}"
        raise ValueError(f"{both}: give gamma for a discounted MDP or horizon for an episodic one")
    S, A = available.shape
    if r is not None:
        available = available & (r > -np.inf)
    available = check_available("available", available, (S, A))
    K = sparse.csr_array(sparse.diags_array(available.ravel().astype(float)) @ K)
    K.eliminate_zeros()
    if horizon is not None:
        return EpisodicMDP(K, horizon, mu, available)
    if r is None or gamma is None:
        raise ValueError("R: a discounted MDP needs rewards")
    P = K.toarray().reshape(S, A, S) if dense else K
    return DiscountedMDP(P, np.where(available, r, -np.inf), mu, gamma)
