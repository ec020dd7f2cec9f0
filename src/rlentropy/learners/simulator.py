"""The only door to the true kernel: sampled transitions for learners,
exact visitation for those who judge them.

A learner may call `draw` and nothing else: one next state for one uniform number.
`rollouts` plays whole episodes of a
given policy. `add_visitation` is the exact law of a deterministic policy;
only an evaluator may call it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlentropy._compile import kernel
from rlentropy.episodic.induction import check_markov_policy
from rlentropy.episodic.mdp import EpisodicMDP
from rlentropy.seeds import generator
from rlentropy.validation import as_array, check_indices, check_integer, check_kind

# Nothing compiled here makes an array, so counting references to arrays is off:
# short loops would be slower by half.
compiled = kernel(_nrt=False)


class World(NamedTuple):
    """The kernels of an `EpisodicMDP` as flat arrays for compiled code.

    start        index of s_1; of the first possible one, if it is drawn
    firsts       (n,) the states in which an episode can start
    first_chance, first_cumulative   (n,) their probabilities, and partial sums of these
    rows         (k, S*A + 1): entries rows[h, s*A + a] to rows[h, s*A + a + 1] belong to p_h(.
                 | s, a);
                 k = 1 if the kernel is the same at every stage
    state        next states of the entries
    probability  their probabilities
    cumulative   partial sums of the probabilities within each row
    """

    start: int
    firsts: np.ndarray
    first_chance: np.ndarray
    first_cumulative: np.ndarray
    rows: np.ndarray
    state: np.ndarray
    probability: np.ndarray
    cumulative: np.ndarray


def world(mdp: EpisodicMDP, *, drawn: bool = False) -> World:
    """The `World` of an `EpisodicMDP`.

    The row of an unavailable pair is empty. Raises ValueError, unless ``drawn``, for a start
    distribution, which costs a uniform number more: see `begin`.
    """
    check_kind("mdp", mdp, EpisodicMDP)
    if not drawn:
        mdp.first_state  # noqa: B018  raises
    return flat(mdp)


def draws(mdp: EpisodicMDP, transitions: int) -> int:
    """Uniform numbers of an episode: one a transition, and one for a first state that is drawn."""
    return transitions + (np.ndim(mdp.start) > 0)


def flat(mdp: EpisodicMDP) -> World:
    """`world` without its refusals."""
    check_kind("mdp", mdp, EpisodicMDP)
    firsts = np.flatnonzero(mdp.start_distribution)
    chance = mdp.start_distribution[firsts]
    offsets = np.cumsum([0, *(K.nnz for K in mdp.P)])
    begins = [K.indptr + offset for K, offset in zip(mdp.P, offsets, strict=False)]
    rows = np.array(begins, dtype=np.int64)
    probability = np.concatenate([K.data for K in mdp.P])
    cumulative = np.empty_like(probability)
    _partial_sums(rows, probability, cumulative)
    # unsigned: no test for negative places
    state = np.concatenate([K.indices for K in mdp.P]).astype(np.uint32)
    start = (int(firsts[0]), firsts, chance, np.cumsum(chance))
    return World(*start, rows, state, probability, cumulative)


@compiled
def _partial_sums(rows, probability, cumulative):
    for h in range(rows.shape[0]):
        for row in range(rows.shape[1] - 1):
            total = 0.0
            for i in range(rows[h, row], rows[h, row + 1]):
                total += probability[i]
                cumulative[i] = total


@compiled
def begin(world: World, uniforms: NDArray[np.float64]) -> int:
    """s_1; if it is drawn, by the last of the uniform numbers."""
    k = 0
    while k < len(world.firsts) - 1 and uniforms[-1] >= world.first_cumulative[k]:
        k += 1
    return world.firsts[k]


@compiled
def draw(world: World, h: int, row: int, u: float) -> int:
    """Next state of pair ``row`` = s*A + a at stage h:
    the first whose partial sum exceeds u, uniform in [0, 1)."""
    k = min(h, world.rows.shape[0] - 1)
    first = world.rows[k, row]
    last = world.rows[k, row + 1] - 1
    while last - first > 8:  # long rows: halve; short ones: walk
        middle = (first + last) // 2
        if u < world.cumulative[middle]:
            last = middle
        else:
            first = middle + 1
    while first < last and u >= world.cumulative[first]:
        first += 1
    return np.int64(world.state[first])  # type: ignore[return-value]


@compiled
def add_visitation(
    world: World,
    actions: NDArray[np.int64],
    mass: NDArray[np.float64],
    total: NDArray[np.float64],
) -> None:
    """total[h, s, a] += Pr(s_h = s) 1{a = actions[h, s]}:
    the exact visitation of a deterministic policy.

    actions (H, S), total (H, S, A); mass (2, S) is working memory, all zero before and after.
    """
    H, S, A = total.shape
    for k in range(len(world.firsts)):
        mass[0, world.firsts[k]] = world.first_chance[k]
    for h in range(H):
        here, after = mass[h % 2], mass[(h + 1) % 2]
        k = min(h, world.rows.shape[0] - 1)
        for s in range(S):
            m = here[s]
            if m > 0.0:
                here[s] = 0.0
                a = actions[h, s]
                total[h, s, a] += m
                if h < H - 1:
                    for i in range(world.rows[k, s * A + a], world.rows[k, s * A + a + 1]):
                        after[world.state[i]] += m * world.probability[i]


class Sampler:
    """An `EpisodicMDP` that only steps: ``reset`` and ``step``, drawn as compiled learners draw.

    mdp      `EpisodicMDP`
    seed     whole number >= 0 or SeedSequence: that of the learner's run gives the same episodes
    done     episodes whose random numbers were used already, by an earlier run with this seed
    numbers  uniform numbers of an episode beside that of a first state that is drawn: H - 1, one a
             transition, as EntGame takes them (None); or those of an action and of a transition by
             turns: 2 H - 1 for optimistic soft VI and the regularised game, 2 H for RF-UCRL and
             UCBVI-Ent

    An episode has H - 1 steps, and one more with 2 H numbers; the next one raises ValueError.
    """

    def __init__(
        self,
        mdp: EpisodicMDP,
        seed: int | np.random.SeedSequence,
        *,
        done: int = 0,
        numbers: int | None = None,
    ):
        self._world = flat(mdp)
        self._mdp = mdp
        self.numbers = mdp.H - 1 if numbers is None else check_integer("numbers", numbers)
        if numbers is not None and self.numbers not in (2 * mdp.H - 1, 2 * mdp.H):
            raise ValueError(f"numbers = {numbers}: neither {2 * mdp.H - 1} nor {2 * mdp.H}")
        self._turns = numbers is not None
        self._steps = mdp.H if numbers == 2 * mdp.H else mdp.H - 1
        self._rng = generator(seed)
        count = draws(mdp, self.numbers)
        # one number a draw: PCG64 can be put forward
        self._rng.bit_generator.advance(count * check_integer("done", done))  # type: ignore
        self.uniforms = np.zeros(count)
        self._h = self._steps
        self._s = 0

    def reset(self) -> int:
        """s_1; ``uniforms`` holds the numbers of the episode."""
        self.uniforms = self._rng.random(len(self.uniforms))
        self._h, self._s = 0, int(begin(self._world, self.uniforms))
        return self._s

    def step(self, action: int) -> int:
        """The next state."""
        a = check_integer("action", action, high=self._mdp.A - 1)
        if self._h >= self._steps:
            raise ValueError(f"step {self._h + 1}: an episode has {self._steps}; reset first")
        if not self._mdp.available[self._s, a]:
            raise ValueError(f"action = {a}: not available in state {self._s}")
        u = self.uniforms[2 * self._h + 1 if self._turns else self._h]
        self._s = int(draw(self._world, self._h, self._s * self._mdp.A + a, u))
        self._h += 1
        return self._s


# ---------------------------------------------------------------------------- rollouts of a policy


def rollouts(
    mdp: EpisodicMDP, pi: ArrayLike, episodes: int, seed: int | np.random.SeedSequence
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``episodes`` independent episodes of the Markov policy pi (H, S, A):
    states and actions, both (episodes, H).

    seed   whole number >= 0 or SeedSequence; the same seed gives the same episodes
    Raises ValueError for a policy whose rows are no distributions.
    """
    pi = check_markov_policy(mdp, pi)
    count = check_integer("episodes", episodes)
    uniforms = generator(seed).random((count, 2, mdp.H))
    states, actions = np.empty((2, count, mdp.H), dtype=np.int64)
    _play(flat(mdp), np.cumsum(pi, axis=2), uniforms, states, actions)
    return states, actions


@compiled
def _play(world, cumulative, uniforms, states, actions):
    H, _, A = cumulative.shape
    for e in range(len(uniforms)):
        s = begin(world, uniforms[e, 1])  # of whose numbers the last serves no transition
        for h in range(H):
            a = 0
            while a < A - 1 and uniforms[e, 0, h] >= cumulative[h, s, a]:
                a += 1
            while a > 0 and cumulative[h, s, a] == cumulative[h, s, a - 1]:
                a -= 1  # rounding of the sums must not choose an action of probability zero
            states[e, h] = s
            actions[e, h] = a
            if h < H - 1:
                s = draw(world, h, s * A + a, uniforms[e, 1, h])


def counts(
    states: NDArray[np.integer[Any]], actions: NDArray[np.integer[Any]], S: int, A: int
) -> NDArray[np.int64]:
    """n_h(s, a): in how many episodes (s_h, a_h) = (s, a);
    (episodes, H) twice -> (H, S, A) whole numbers."""
    states, actions = _episodes(states, actions, S, A)
    H = states.shape[1]
    n = np.zeros((H, S, A), dtype=np.int64)
    np.add.at(n, (np.broadcast_to(np.arange(H), states.shape), states, actions), 1)
    return n


def roll_out(
    mdp: EpisodicMDP, pi: ArrayLike, episodes: int, seed: int | np.random.SeedSequence
) -> NDArray[np.int64]:
    """Visits n_h(s, a) in ``episodes`` episodes of the Markov policy pi; (H, S, A) whole numbers.

    Serves the oracles as well: pass the policy of `max_entropy.solve` or
    `trajectory_entropy.soft_optimum`.
    """
    states, actions = rollouts(mdp, pi, episodes, seed)
    return counts(states, actions, mdp.S, mdp.A)


def transition_counts(
    states: NDArray[np.integer[Any]], actions: NDArray[np.integer[Any]], S: int, A: int
) -> NDArray[np.int64]:
    """n_h(s, a, s'): in how many episodes (s_h, a_h, s_{h+1}) = (s, a, s');
    -> (H-1, S, A, S) whole numbers."""
    states, actions = _episodes(states, actions, S, A)
    H = states.shape[1]
    n = np.zeros((H - 1, S, A, S), dtype=np.int64)
    stages = np.broadcast_to(np.arange(H - 1), states[:, 1:].shape)
    np.add.at(n, (stages, states[:, :-1], actions[:, :-1], states[:, 1:]), 1)
    return n


def _episodes(states, actions, S, A):
    S, A = check_integer("S", S, low=1), check_integer("A", A, low=1)
    states, actions = as_array("states", states), as_array("actions", actions)
    if states.ndim != 2:
        raise ValueError(f"states: {states.ndim} axes, expected (episodes, H)")
    if actions.shape != states.shape:
        raise ValueError(
            f"actions: shape {actions.shape} differs from that of states, {states.shape}"
        )
    if states.size == 0:
        return states.astype(np.int64), actions.astype(np.int64)
    return check_indices("states", states, S), check_indices("actions", actions, A)
