"""``make test-elsewhere``: here its numbers are the stored ones, one wrong digit is noticed, and
nothing passes unseen.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

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
    caches = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(root / "src", tmp_path, ignore=caches, dirs_exist_ok=True)
    kernels = tmp_path / "rlentropy" / "_portable_kernels.py"
    before, mark, after = kernels.read_text().partition("\n\n@kernel\ndef log(")
    assert mark
    kernels.write_text(f"{before}\n{line}\n{mark}{after}")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(root / "tools")])}
    env["NUMBA_CACHE_DIR"] = str(tmp_path / "compiled")
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    faults = elsewhere.compare(STORED, json.loads(done.stdout))
    found = {fault.split(": ")[0] for fault in faults if not fault.endswith("not computed")}
    assert found == noticed


def test_brackets_have_to_overlap():
    name, (lower, upper) = next(iter(STORED["brackets"].items()))
    found = copy.deepcopy(STORED)
    for place in (lower, (lower + upper) / 2):
        found["brackets"][name] = [place, place]
        assert elsewhere.compare(STORED, found) == []
    for place in (lower - 1e-9, upper + 1e-9):
        found["brackets"][name] = [place, place]
        assert len(elsewhere.compare(STORED, found)) == 1


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


def right():
    return STORED | {"seconds": 1.0, "processor seconds": 1.0}


def wrong():
    return right() | {"bits": STORED["bits"] | {"exp": "0"}}


def away():
    raise elsewhere.Missing("apt-get is missing")


def broken():
    raise RuntimeError("exit code 1")


OUTCOMES = {  # of two places; whether CI asks; exit code; what is said
    "all the same": (right, right, "true", 0, "the same wherever tried"),
    "one missing here": (right, away, "", 0, "left out: apt-get is missing"),
    "one missing in CI": (right, away, "true", 1, "left out: apt-get is missing"),
    "nothing ran": (away, away, "", 1, "nothing was tried; not tried everywhere"),
    "one different": (right, wrong, "", 1, f"exp: 0, stored {STORED['bits']['exp']}"),
    "one broken": (right, broken, "", 1, "FAILED: exit code 1"),
}


@pytest.mark.parametrize(("first", "second", "ci", "code", "said"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_the_command_says_and_returns(
    monkeypatch, capsys, tmp_path, first, second, ci, code, said
):
    places = [SimpleNamespace(name=way.__name__, numbers=way) for way in (first, second)]
    monkeypatch.setattr(elsewhere, "lanes", lambda: [[place] for place in places])
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
