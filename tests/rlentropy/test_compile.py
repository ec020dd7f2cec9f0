"""What is compiled: no fused operations, a cache where there is a place for one, and a word where
one waits.
"""

import os
import platform
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from rlentropy.episodic import environments
from rlentropy.learners import (
    _entgame_kernels,
    _entgame_unclipped,
    entgame,
    optimistic_soft_vi,
    ucbvi_ent,
)

# Instructions that round a product and a sum once: of x86-64 (vfmadd213sd), of ARM64 (fmadd, fmla).
FUSED = re.compile(r"\b(vfn?m(add|sub)\w*|fn?m(add|sub|la|ls)\w*)\b")


def machine_code(kernel):
    return "\n".join(kernel.inspect_asm().values())


def anew(kernel):
    """The machine code of a kernel for the arguments that it has been called with, compiled now."""
    fresh = numba.jit(**kernel.targetoptions)(kernel.py_func)
    for signature in kernel.signatures:
        fresh.compile(signature)
    return machine_code(fresh)


@pytest.mark.slow
def test_no_product_is_fused_with_a_sum():
    chain = environments.double_chain(length=5, failure=0.1, horizon=4)
    for rule in ("source", "unclipped"):
        entgame.run(chain, 3, 0, saturated=rule)
    entgame.run_pooled(chain, 3, 0)
    ucbvi_ent.run(chain, 3, 0)
    optimistic_soft_vi.run(chain, 3, 0)
    for kernel in (
        _entgame_kernels.run_stages,
        _entgame_unclipped.run_unclipped,
        _entgame_kernels.run_pooled,
        ucbvi_ent._play,
        optimistic_soft_vi._play,
    ):
        code = anew(kernel)
        assert re.search(r"\bv?f?mul", code), f"{kernel}: not the code that computes"
        assert not FUSED.findall(code), kernel


def test_a_fused_product_would_be_seen():
    @numba.njit(fastmath=True)
    def fused(x, y, z):
        return x * y + z

    fused(1.0, 2.0, 3.0)
    if platform.machine() == "x86_64" and "fma" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no fused operations")
    assert FUSED.findall(machine_code(fused))


SCRIPT = """
import sys
import numba
from rlentropy import _portable_kernels, portable
from rlentropy.episodic import environments
from rlentropy.learners import simulator
try:
    numba.njit(cache=True)(_portable_kernels.log.py_func)
    sys.exit("there was a place for a cache")
except RuntimeError as reason:
    assert "no locator available" in str(reason)
assert portable.log(1.0) == 0.0
simulator.world(environments.double_chain(length=3, failure=0.1, horizon=3))
print(portable.__file__)
"""


def test_where_nothing_can_be_written_it_is_compiled_anew(root, tmp_path):
    package = tmp_path / "rlentropy"
    shutil.copytree(
        root / "src" / "rlentropy", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        # a file in the way: no folder can be made there, not even by root
        (folder / "__pycache__").touch()
        folder.chmod(0o555)
    nowhere = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path),
        "HOME": os.devnull,
        "XDG_CACHE_HOME": os.devnull,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=nowhere, cwd=tmp_path, text=True, capture_output=True
    )
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(package / "portable.py")


def on_a_terminal(command, env):
    """Standard error of a command that believes it to be a terminal."""
    ours, theirs = pty.openpty()
    subprocess.run(command, env=env, stderr=theirs, check=True)
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    return said.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="terminals are made as Linux does")
def test_the_first_compilation_says_so_on_a_terminal(root, tmp_path):
    env = os.environ | {"PYTHONPATH": str(root / "src"), "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [
        sys.executable,
        "-c",
        "from rlentropy import portable; portable.log(2.0); portable.exp(2.0)",
    ]
    assert (
        subprocess.run(
            command, env=env | {"NUMBA_CACHE_DIR": str(tmp_path / "other")}, capture_output=True
        ).stderr
        == b""
    )
    said = on_a_terminal(command, env)
    assert said.count("compiling for this processor") == 1
    assert on_a_terminal(command, env) == ""  # the code is kept


def test_the_decorator_takes_options_and_stands_alone():
    from rlentropy._compile import kernel

    @kernel
    def double(x):
        return 2 * x

    @kernel(inline="always")
    def triple(x):
        return 3 * x

    assert double(2.0) == 4.0 and triple(np.float64(2.0)) == 6.0
    assert triple.targetoptions["inline"] == "always" and double.targetoptions["nogil"]
