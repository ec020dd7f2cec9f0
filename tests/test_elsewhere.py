"""``make test-elsewhere``: here its numbers are the stored ones, one wrong digit is noticed, and
nothing passes unseen.
"""

import copy
import json
import os
import shutil
import subprocess
import sys

import elsewhere
import elsewhere_numbers
import pytest

STORED = json.loads(elsewhere.STORED.read_text())


@pytest.mark.slow
def test_here_the_numbers_are_the_stored_ones():
    assert elsewhere.compare(STORED, elsewhere_numbers.numbers()) == []


PROGRAM = """
import json, elsewhere_numbers as numbers
print(json.dumps({"bits": dict([*numbers.functions(), *numbers.tables()]), "brackets": {}}))
"""
TABLES = {name for name in STORED["bits"] if "tables" in name}
WRONG = {
    "nothing": ("", set()),
    "log(600/512), one digit": ("LOGS[1, 600] += 2.0**-55", {"log", "log1p", *TABLES}),
    "2^(20/64), one digit": ("POWERS[0, 20] += 2.0**-52", {"exp"}),
}


@pytest.mark.parametrize(("line", "noticed"), WRONG.values(), ids=WRONG)
def test_one_wrong_digit_in_one_entry_is_noticed(root, tmp_path, line, noticed):
    """The functions and tables of a copy of the package in which one entry is wrong in its last
    place.
    """
    shutil.copytree(
        root / "src",
        tmp_path,
        ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
        dirs_exist_ok=True,
    )
    kernels = tmp_path / "rlentropy" / "_portable_kernels.py"
    kernels.write_text(
        kernels.read_text().replace("\n\n@kernel\ndef log(", f"\n{line}\n\n\n@kernel\ndef log(")
    )
    assert line in kernels.read_text()
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(root / "tools")])}
    env["NUMBA_CACHE_DIR"] = str(tmp_path / "compiled")
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    faults = elsewhere.compare(STORED, json.loads(done.stdout))
    assert {
        fault.split(": ")[0] for fault in faults if not fault.endswith("not computed")
    } == noticed


def test_brackets_have_to_overlap():
    name, (lower, upper) = next(iter(STORED["brackets"].items()))
    for shift, good in (
        (0.0, True),
        ((upper - lower) / 2, True),
        (1e-9 + upper - lower, False),
        (-1e-9, False),
    ):
        found = copy.deepcopy(STORED)
        found["brackets"][name] = [lower + shift, lower + shift]
        assert (elsewhere.compare(STORED, found) == []) == good, shift


def test_a_number_that_is_missing_or_new_is_a_fault():
    found = copy.deepcopy(STORED)
    found["bits"]["new"] = found["bits"].pop("exp")
    assert elsewhere.compare(STORED, found) == ["exp: not computed", "new: not stored"]
    found = copy.deepcopy(STORED)
    name, _ = found["brackets"].popitem()
    assert elsewhere.compare(STORED, found) == [f"{name}: not computed"]


def test_the_lock_says_what_is_fetched(root):
    lines = list(elsewhere.pinned(root / "requirements.txt", elsewhere.PACKAGES))
    names = [line.split("==")[0] for line in lines if "==" in line]
    assert sorted(names) == sorted(elsewhere.PACKAGES)
    assert sum("--hash=sha256:" in line for line in lines) == len(lines) - len(names) > 50


def away(_place):
    raise elsewhere.Missing("apt-get is missing")


def wrong(_place):
    return {
        "bits": STORED["bits"] | {"exp": "0"},
        "brackets": STORED["brackets"],
        "seconds": 1.0,
        "processor seconds": 1.0,
    }


def broken(_place):
    raise RuntimeError("exit code 1")


@pytest.mark.parametrize(
    ("first", "second", "ci", "code", "said"),
    [
        (None, None, "true", 0, "the same wherever tried"),
        (None, away, "", 0, "left out: apt-get is missing"),
        (None, away, "true", 1, "left out: apt-get is missing"),
        (away, away, "", 1, "nothing was tried; not tried everywhere"),
        (None, wrong, "", 1, f"exp: 0, stored {STORED['bits']['exp']}"),
        (None, broken, "", 1, "FAILED: exit code 1"),
    ],
    ids=[
        "all the same",
        "one missing here",
        "one missing in CI",
        "nothing ran",
        "one different",
        "one broken",
    ],
)
def test_what_the_command_says_and_returns(
    monkeypatch, capsys, tmp_path, first, second, ci, code, said
):
    def numbers(place):
        outcome = first if place.name == "first" else second
        return outcome(place) if outcome else STORED | {"seconds": 1.0, "processor seconds": 1.0}

    monkeypatch.setattr(elsewhere.Place, "numbers", numbers)
    monkeypatch.setattr(
        elsewhere,
        "lanes",
        lambda: [[elsewhere.Place("first", "a")], [elsewhere.Place("second", "b")]],
    )
    monkeypatch.setattr(elsewhere, "WORK", tmp_path)
    monkeypatch.setattr(sys, "argv", ["elsewhere.py"])
    monkeypatch.setenv("CI", ci)
    assert elsewhere.main() == code
    assert said in capsys.readouterr().out


def test_a_tool_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(elsewhere, "WORK", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(elsewhere.Missing, match="apt-get is missing; it fetches qemu-user-static"):
        elsewhere.qemu("aarch64")
    with pytest.raises(elsewhere.Missing, match="sh failed: no such mirror"):
        elsewhere.fetch(["/bin/sh", "-c", "echo no such mirror >&2; exit 3"])
