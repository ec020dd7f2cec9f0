"""Small environments with the interface of other libraries, for pages and tests that do without
them.

`Taxi` has what `adapters.from_gymnasium` and `learners.on_simulator` ask of gymnasium's Taxi, and
the same table; where gymnasium is installed, a test compares the two.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from rlentropy._types import Floats
from rlentropy.validation import check_integer

# Walls stand to the right of these cells (row, column).
WALLS = {(0, 1), (1, 1), (3, 0), (4, 0), (3, 2), (4, 2)}
# Where a passenger waits, and where passengers want to go: red, green, yellow, blue.
STANDS = ((0, 0), (0, 4), (4, 0), (4, 3))
MOVES = ((1, 0), (-1, 0), (0, 1), (0, -1))
PICK_UP, DROP_OFF = 4, 5
IN_TAXI = 4

Info = dict[str, Any]


class Taxi:
    """Taxi of Dietterich (2000): a 5 x 5 city, four stands, one passenger; as in gymnasium.

    A state is ((row 5 + column) 5 + passenger) 4 + destination, passenger 4 for in the taxi.
    Actions: south, north, east, west, pick up, drop off. A step pays -1, an illegal pick-up or
    drop-off -10, the passenger at the destination 20, which ends the episode.
    An episode starts in a state drawn alike from those with a passenger who waits and wants to go
    elsewhere.
    """

    observation_space = SimpleNamespace(n=500)
    action_space = SimpleNamespace(n=6)

    def __init__(self) -> None:
        self.P = {s: {a: [(1.0, *_outcome(s, a))] for a in range(6)} for s in range(500)}
        _, _, passenger, goal = _decoded(np.arange(500))
        possible = (passenger != IN_TAXI) & (passenger != goal)
        self.initial_state_distrib: Floats = possible / possible.sum()
        self._rng = np.random.default_rng(0)
        self._state = 0

    def action_mask(self, state: int) -> np.ndarray:
        """1 for actions that change the state, 0 for others; (6,)."""
        s = check_integer("state", state, high=499)
        return np.array([self.P[s][a][0][1] != s for a in range(6)], dtype=np.int8)

    def reset(self, *, seed: int | None = None) -> tuple[int, Info]:
        """A first state and what is known of it; ``seed`` begins new random numbers."""
        if seed is not None:
            self._rng = np.random.default_rng(check_integer("seed", seed))
        self._state = int(self._rng.choice(500, p=self.initial_state_distrib))
        return self._state, {"action_mask": self.action_mask(self._state)}

    def step(self, action: int) -> tuple[int, float, bool, bool, Info]:
        """The next state, reward, whether the episode ends, False, and what is known."""
        _, after, reward, done = self.P[self._state][check_integer("action", action, high=5)][0]
        self._state = after
        return after, reward, done, False, {"action_mask": self.action_mask(after)}


def _decoded(s: Any) -> tuple[Any, Any, Any, Any]:
    """(row, column, passenger, destination)."""
    return s // 100, s // 20 % 5, s // 4 % 5, s % 4


def _outcome(s: int, a: int) -> tuple[int, float, bool]:
    """(next state, reward, done)."""
    row, column, passenger, goal = _decoded(s)
    reward = -1.0
    done = False
    if a < PICK_UP:
        row, column = _moved(row, column, *MOVES[a])
    elif a == PICK_UP:
        if passenger < IN_TAXI and STANDS[passenger] == (row, column):
            passenger = IN_TAXI
        else:
            reward = -10.0
    elif passenger == IN_TAXI and (row, column) in STANDS:
        passenger = STANDS.index((row, column))
        done = passenger == goal
        reward = 20.0 if done else -1.0
    else:
        reward = -10.0
    return ((row * 5 + column) * 5 + passenger) * 4 + goal, reward, done


def _moved(row: int, column: int, down: int, right: int) -> tuple[int, int]:
    """The next cell; a wall or the border keeps the taxi."""
    left_cell = column if right == 1 else column - 1
    if right and (row, left_cell) in WALLS:
        return row, column
    return min(max(row + down, 0), 4), min(max(column + right, 0), 4)
