"""Records of passed checks: what a notebook shows as one line, and a ledger is made from.

A record's JSON holds only what is equal on every machine,
so that a stored notebook can be compared with a new run.
Measured figures, which differ in the last digits, travel in the output's metadata.
"""

import re
import time
from dataclasses import dataclass, field
from typing import Any

MIME = "application/vnd.proofledger.check+json"

# Strongest first.
KINDS = (
    "machine-checked",  # a proof that the kernel of a proof assistant accepted
    "symbolic",  # equality by computer algebra, for every size where sums are indexed
    "exact",  # equality in rational or algebraic arithmetic, in the cases that were tried
    "certificate",  # a bound from below and one from above that meet, in floating point
    "numeric",  # the worst residual over the cases is at most a tolerance
    "order",  # the error decays with the stated power of the step
    "bound",  # left side at most right side in every case
    "sampled",  # a probability, by an exact binomial interval
    "cited",  # taken from the literature, not checked here
)
LABEL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Labels of statements begin so; any other label is a reader's own and stays out of the ledger.
STATEMENT = re.compile(r"(?:def|lem|thm|prop|cor|rem|ex|alg)-")


@dataclass(frozen=True)
class Record:
    """A passed check.

    label       of the statement, ``part`` of it that is checked ('' where it has only one)
    kind        one of `KINDS`
    claim       in words
    cases       how many were tried
    mutants     names of the wrong versions that were rejected
    hypotheses  what was assumed beyond the statement: factors that do not vanish, slacks, scales
    measured    a short text; ``seconds`` it took
    """

    label: str
    kind: str
    claim: str
    cases: int
    mutants: tuple[str, ...]
    part: str = ""
    hypotheses: tuple[str, ...] = ()
    measured: str = field(default="", compare=False)
    seconds: float = field(default=0.0, compare=False)

    def stable(self) -> dict[str, Any]:
        """The part that is equal on every machine, as plain JSON."""
        return {
            "label": self.label,
            "part": self.part,
            "kind": self.kind,
            "claim": self.claim,
            "cases": self.cases,
            "mutants": list(self.mutants),
            "hypotheses": list(self.hypotheses),
            "verdict": "holds",
        }

    def line(self) -> str:
        """One line for people."""
        part = f" ({self.part})" if self.part else ""
        cases = f", {self.cases} cases" if self.cases > 1 else ""
        assumed = f"; assuming {', '.join(self.hypotheses)}" if self.hypotheses else ""
        rejected = f"; rejected: {', '.join(self.mutants)}" if self.mutants else ""
        measured = f" (measured {self.measured})"
        return (
            f"✓ {self.label}{part} [{self.kind}] {self.claim}{cases}{measured}{assumed}{rejected}"
        )

    def __str__(self) -> str:
        return self.line()

    def _repr_mimebundle_(self, **_wanted: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {MIME: self.stable(), "text/plain": self.line()}
        return data, {MIME: {"measured": self.measured, "seconds": round(self.seconds, 3)}}


class Clock:
    """Seconds since the last check, or since the start of the cell when a notebook calls `restart`
    before each."""

    def __init__(self) -> None:
        self.started = time.perf_counter()

    def restart(self, *_: object) -> None:
        self.started = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        seconds = now - self.started
        self.started = now
        return seconds


CLOCK = Clock()


def shell() -> Any:
    """The notebook's shell, or None outside a notebook."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    running = get_ipython()
    return running if running is not None and hasattr(running, "kernel") else None


def watch_cells(running: Any) -> None:
    """Let the seconds of a check count from the start of its cell."""
    if CLOCK.restart not in running.events.callbacks["pre_run_cell"]:
        running.events.register("pre_run_cell", CLOCK.restart)


def show(record: Record) -> Record | None:
    """In a notebook display the record (and return nothing, so that it is not shown twice);
    else return it."""
    if shell() is None:
        return record
    from IPython.display import display

    display(record)
    return None
