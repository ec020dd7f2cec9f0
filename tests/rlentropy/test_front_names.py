"""The names at the top of the package: each is there, is what its home holds, and is imported when asked for."""

import ast
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rlentropy

PAGE = Path(__file__).parents[2] / "notebooks" / "21_bring_your_own_logits.ipynb"
FOR_LOGITS = ("rlentropy.logit_entropy", "rlentropy.report", "rlentropy.trainers")
# What needs a trainer is shown in the prose.
ELSEWHERE = ("trl_callback",)


@pytest.mark.parametrize("name", rlentropy.__all__)
def test_every_name_is_there(name):
    found = getattr(rlentropy, name)
    home = rlentropy._HOME.get(name)
    assert found is (
        sys.modules[rlentropy._MODULES[name]] if home is None else getattr(sys.modules[home], name)
    )


@pytest.mark.parametrize(
    "name", [n for n, home in rlentropy._HOME.items() if home in FOR_LOGITS and n[0].islower()]
)
def test_the_page_on_logits_uses_every_door_for_them(name):
    page = json.loads(PAGE.read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in page["cells"] if cell["cell_type"] == "code"]
    prose = ["".join(cell["source"]) for cell in page["cells"] if cell["cell_type"] != "code"]
    called = code if name not in ELSEWHERE else prose
    assert any(f"{name}(" in text for text in called)
    assert inspect.getdoc(getattr(rlentropy, name))


def test_completion_shows_these_names_only():
    assert dir(rlentropy) == sorted(rlentropy.__all__)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'entropy_chnage'"):
        _ = rlentropy.entropy_chnage


REPORT = "from rlentropy.report import entropy_report; repr(entropy_report([0.0, 1], [1.0, 1]))"
DOORS = "import rlentropy.adapters, rlentropy.learners.on_simulator, rlentropy.files"


@pytest.mark.parametrize(
    ("program", "others"),
    [
        ("import rlentropy", "numpy numba scipy"),
        (REPORT, "matplotlib torch jax cupy ml_dtypes tensorflow"),
        (DOORS, "gymnasium quantecon mdptoolbox"),
    ],
)
def test_nothing_else_is_imported_until_it_is_wanted(program, others):
    program += f"; import sys; print(set({others.split()}) & set(sys.modules))"
    here = os.environ | {"PYTHONPATH": str(Path(rlentropy.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=here
    )
    assert done.stdout.strip() == "set()"


def test_a_checker_of_types_sees_the_same_names():
    top = ast.parse(inspect.getsource(rlentropy)).body
    block = next(node for node in top if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    modules = {name: home.rpartition(".")[0] for name, home in rlentropy._MODULES.items()}
    assert seen == rlentropy._HOME | modules
