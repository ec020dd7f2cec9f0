"""What a new user does first: a few lines, which run as they are printed, in an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 10
# Where torch is not installed: what these lines ask of it.
TORCH = """
import ml_dtypes
import numpy as np

rng = np.random.default_rng(0)
tensor = np.array

class Tensor(np.ndarray):
    def bfloat16(self):
        return self.astype(ml_dtypes.bfloat16)

def randn(*shape):
    return rng.standard_normal(shape).view(Tensor)
"""


def printed(page, name):
    """The programs that a cell of a page shows."""
    (path,) = (ROOT / "notebooks").glob(f"{page}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "".join(next(c["source"] for c in cells if c["id"] == name))
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def said(code, folder):
    """What the lines print, run in this folder."""
    assert len([line for line in code.splitlines() if line.strip()]) <= MOST
    known = [
        str(Path(path).resolve()) for path in os.environ.get("PYTHONPATH", "").split(":") if path
    ]
    environment = os.environ | {"PYTHONPATH": ":".join([*known, str(folder)])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_entgame_on_taxi(tmp_path):
    found = said(printed(22, "cell-002b")[0], tmp_path)
    entropy = float(re.fullmatch(r"EntGame: (\d+\.\d+) nats, policy \(15, 504, 6\)\n", found)[1])
    assert 80 < entropy < 114.94  # the largest is on the page


def test_entgame_on_the_taxi_of_gymnasium(tmp_path):
    pytest.importorskip("gymnasium")
    code = printed(22, "cell-002b")[0]
    other = code.replace("stand_ins.Taxi()", 'gymnasium.make("Taxi-v4")')
    assert other != code
    assert said(other.replace("from rlentropy import stand_ins", "import gymnasium"), tmp_path) == (
        said(code, tmp_path)
    )


def test_natural_gradient_on_an_example_of_mdptoolbox(tmp_path):
    found = said(printed(22, "cell-002b")[1], tmp_path)
    assert found == "NPG: 100.6787\n[[0. 1.]\n [1. 0.]]\n"


def test_a_pair_in_bfloat16_with_padding(tmp_path):
    try:
        import torch  # noqa: F401
    except ImportError:
        pytest.importorskip("ml_dtypes")
        (tmp_path / "torch.py").write_text(TORCH, encoding="utf-8")
    (code,) = printed(21, "python")
    found = said(code, tmp_path)
    assert found.startswith("EntropyReport: 9 of 12 tokens, 1000 actions, nats")
    assert "rounding of the logits, at most" in found
