"""What both solvers share: the best bracket of the optimum so far, found by methods in turn."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from rlentropy._types import Floats
from rlentropy.validation import NotConverged, check_integer, check_positive

# Two sums of the size of the optimum cannot be told apart below this relative difference.
ROUNDING = 5e-13

# What a method yields: (entropy, bound) at each step.
Steps = Iterator[tuple[float, float]]


class Certified(Protocol):
    """A result whose optimum lies in [value, value + gap]."""

    @property
    def value(self) -> float: ...

    @property
    def gap(self) -> float: ...


Found = TypeVar("Found", bound=Certified)


class Bracket(Generic[Found]):
    """The policy of largest entropy and the dual point of least bound that any method of one call
    has found.

    A method is a generator. At each step it hands its finds to `policy` and `bound` and yields
    (entropy, bound) of the step; it ends when it gives up. ``judge(bracket)`` makes the result from
    the finds alone, by plain functions, and only a gap computed there counts.
    """

    def __init__(
        self,
        judge: Callable[[Any], Found],
        tol: float,
        max_iterations: int | None,
    ) -> None:
        self.judge = judge
        self.tol = check_positive("tol", tol)
        self.limit = max_iterations
        if max_iterations is not None:
            self.limit = check_integer("max_iterations", max_iterations, low=1)
        self.lower: float = -np.inf
        self.upper: float = np.inf
        self.logits: Any = None  # arrays, once a method has found some
        self.dual: Any = None
        self.method = ""
        self.steps: list[tuple[float, float]] = []

    def policy(self, logits: Floats, entropy: float) -> None:
        if entropy > self.lower:
            self.lower = entropy
            self.logits = logits.copy()

    def bound(self, dual: Floats, value: float) -> None:
        if value < self.upper:
            self.upper = value
            self.dual = dual.copy()

    @property
    def allowance(self) -> float:
        """The gap that is small enough."""
        return max(self.tol, ROUNDING * self.lower)

    @property
    def closed(self) -> bool:
        return self.upper - self.lower <= self.allowance

    def pursue(self, method: str, steps: Steps, limit: int) -> Found | None:
        """The result that closes the bracket, or None if the method gave up
        or took ``limit`` steps, or as many as the caller allows.
        """
        self.method = method
        self.steps = []
        least: float = np.inf
        for iteration, (entropy, bound) in enumerate(steps):
            least = min(least, bound)
            self.steps.append((entropy, least))
            if self.closed:
                found = self.judge(self)
                if found.gap <= self.allowance:
                    return found
            if iteration == (self.limit or limit):
                break
        return None

    def failure(self, noun: str) -> NotConverged:
        """`NotConverged` with the best that was found inside."""
        best = self.judge(self)
        return NotConverged(
            f"{self.method}: gap {best.gap:.3g} after {len(self.steps) - 1} {noun}, "
            f"wanted {self.tol:g} at entropy {best.value:.6g}",
            best=best,
        )
