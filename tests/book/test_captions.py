"""A number in the caption of a figure stands in the cells that the figure is made of.

Most captions take their numbers from the run (`glue`). Those that are typed are compared with the
literals of the code that the picture needs; whoever changes one has to change the other.
"""

import json
import re
from pathlib import Path

import pytest
import slicing

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[!.]*.ipynb"))
ROLE = re.compile(r"\{[a-z:]+\}`[^`]*`")
TYPED = re.compile(r"(?<![\w.^{])\d[\d,]*(?:\.\d+)?(?![\w}⁻])")
LITERAL = re.compile(r"(?<![\w.])(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e-?\d+)?")
# Numbers that are no literal: what they come from.
ELSEWHERE = {
    ("12_trajectory_entropy", "cell-035"): {240: "four families of sixty policies"},
    ("13_what_explorers_see", "cell-046"): {441: "21 by 21 cells"},
    ("16_entropy_control", "cell-027"): dict.fromkeys(
        (30, 5, 0.9, 9, 0.5, 0.4), "defaults of studies.entropy_control"
    ),
    ("16_entropy_control", "fig-sequence-cell"): dict.fromkeys(
        (19531, 64, 60), "a stored run of studies.sequence_controls"
    ),
}


def numbers(text):
    return {float(literal.replace("_", "")) for literal in LITERAL.findall(text)}


def typed(caption):
    """The numbers of a caption that no run fills in."""
    found = TYPED.findall(ROLE.sub("", caption))
    return [float(number.replace(",", "")) for number in found]


def captions(path):
    """(cell, caption, literals of the cells that the figure needs) of each figure of a chapter."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    sources = [
        "\n".join(line for line in "".join(cell["source"]).split("\n") if line[:1] != "%")
        for cell in code
    ]
    sliced = slicing.cells(sources)
    for number, cell in enumerate(code):
        figure = cell["metadata"].get("mystnb", {}).get("figure")
        if figure:
            needed = slicing.needed(sliced, {number})
            literals = numbers("\n".join(sources[k] for k in sorted(needed)))
            yield cell["id"], figure.get("caption", ""), literals


def strange(path):
    """(cell, number) of the typed numbers that the code does not have; seeds 0 to 9 are 10."""
    return [
        (cell, number)
        for cell, caption, literals in captions(path)
        for number in typed(caption)
        if not literals & {number, number + 1, round(number / 100, 9)}
        and number not in ELSEWHERE.get((path.stem, cell), {})
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_numbers_of_captions_stand_in_the_code(path):
    assert strange(path) == []


def test_no_exception_is_kept_for_nothing():
    said = {
        (path.stem, cell): typed(caption)
        for path in NOTEBOOKS
        for cell, caption, _ in captions(path)
    }
    assert all(set(known) <= set(said[where]) for where, known in ELSEWHERE.items())


@pytest.mark.parametrize(
    ("stem", "old", "new"),
    [
        ("02_natural_policy_gradient", "Plain gradient 2000 steps", "Plain gradient 2060 steps"),
        ("03_covariance_identity", "0.2 to 1.0 nats", "0.24 to 1.0 nats"),
        ("04_beyond_first_order", "standard deviation 3, seed 45", "standard deviation 3, seed 46"),
        ("04_beyond_first_order", "30 states, 4 actions", "31 states, 4 actions"),
    ],
)
def test_a_wrong_number_in_a_caption_is_seen(tmp_path, stem, old, new):
    path = next(p for p in NOTEBOOKS if p.stem == stem)
    text = path.read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / path.name
    wrong.write_text(text.replace(old, new), encoding="utf-8")
    assert strange(wrong)
