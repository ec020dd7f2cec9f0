"""What other provers said, read from the files that they wrote.

    machine-checked  {label: [{"theorem", "file", "line", "part", "covers", "scope", …}]}: theorems
                     that the kernel of a proof assistant accepted
    second prover    {label: {"confirmed", "refuted", "outside", …}}: symbolic lines that a prover
                     of another kind evaluated

A theorem raises the status of a part only if its author named that part ("whole" for a statement
without parts); all others are listed beside the statement, with what they cover, and raise nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofledger.sabotage import load

WHOLE = "whole"


@dataclass(frozen=True)
class Theorem:
    """A machine-checked theorem: its name and place, the part that it proves ('' if it claims
    none), what it covers."""

    label: str
    name: str
    file: str
    line: str
    part: str
    covers: str
    scope: str

    @property
    def check(self) -> dict[str, Any] | None:
        """The record of a check of its part, as the ledger reads it; None if it claims no part."""
        if not self.part:
            return None
        return {
            "label": self.label,
            "part": "" if self.part == WHOLE else self.part,
            "kind": "machine-checked",
            "claim": f"theorem {self.name} ({self.file}, line {self.line})",
            "cases": 1,
            "mutants": [],
            "hypotheses": [],
            "measured": self.covers,
            "seconds": 0.0,
        }


def theorems(path: Path) -> dict[str, list[Theorem]]:
    """The theorems of a file of certificates by label; empty without the file."""
    found: dict[str, list[Theorem]] = {}
    for label, entries in load(path).items():
        found[label] = [
            Theorem(
                label=label,
                name=entry["theorem"],
                file=entry["file"],
                line=str(entry["line"]),
                part=entry.get("part", ""),
                covers=entry.get("covers", ""),
                scope=entry.get("scope", ""),
            )
            for entry in entries
        ]
    return found


def second_opinions(path: Path) -> dict[str, str]:
    """{label: "3 of 3 lines confirmed"} of a file of the second prover; empty without the file."""
    said = {}
    for label, entry in load(path).items():
        lines = entry["confirmed"] + entry["refuted"] + entry["outside"]
        said[label] = f"{entry['confirmed']} of {lines} lines confirmed by the second prover"
    return said
