"""How the tests of this folder prove and reject lines: by all three judges at once."""

from itertools import pairwise

import finitesums as S
from finitesums import residues


def prove(*lines, **hypotheses):
    """Consecutive lines are equal by normal form, at drawn numbers, and by residues."""
    for k, (left, right) in enumerate(pairwise(lines), start=1):
        assert S.equal(left, right, **hypotheses), f"lines {k} and {k + 1}"
        assert not S.differ(left, right), f"lines {k} and {k + 1} are called equal but differ"
        verdict = residues.check(left, right)
        assert verdict.outcome != "refuted", f"lines {k} and {k + 1}: {verdict}"


def reject(line, *wrong):
    """Each wrong line is not proved, and disproved by numbers and by residues."""
    for k, mutant in enumerate(wrong):
        assert not S.equal(line, mutant), f"wrong line {k} passes"
        assert S.differ(line, mutant), f"wrong line {k} is not refuted by numbers"
        verdict = residues.check(line, mutant)
        assert verdict.outcome != "confirmed", f"wrong line {k}: {verdict}"
