"""Compute the same numbers on other processors and compare them with the stored ones.

The places: this processor with its vector instructions masked, an x86-64 without fused products,
and ARM64, the last two emulated by QEMU. For a processor of another kind Python and its libraries
come from Debian, the wheels from the lock; all is unpacked under ``_build/elsewhere`` and nothing
is installed. ``make test-elsewhere`` calls this.

    python tools/elsewhere.py            compare; exit code 1 for a difference, where CI=true also
                                         for a place that had to be left out
    python tools/elsewhere.py --store    compute here, and store
"""

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "_build" / "elsewhere"
STORED = ROOT / "tests" / "elsewhere.json"
SCRIPT = ROOT / "tools" / "elsewhere_numbers.py"
# What the script imports, all of it pinned in the lock.
PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "joblib", "cloudpickle", "tqdm")
# Debian's names of the machines.
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}
# Seconds after which a place is given up.
PATIENCE = 3600


class Missing(Exception):
    """A place cannot be reached from here, and why."""


@dataclass(frozen=True)
class Place:
    """A processor; ``cpu`` is QEMU's name of a model, none means this one, masked."""

    name: str
    machine: str
    cpu: str | None = None

    @property
    def foreign(self):
        return self.machine != platform.machine()

    def numbers(self):
        """What the script finds there, and the seconds it took."""
        python = [sys.executable]
        packages = []
        if self.foreign:
            system = WORK / self.machine / "system"
            debian(self.machine, ["python3", "libstdc++6"], system)
            there = next(system.glob("usr/bin/python3.[0-9]*[0-9]"))
            python = ["-L", str(system), str(there)]
            packages = [wheels(self.machine, there.name.removeprefix("python"))]
        if self.cpu:
            python = [qemu(self.machine), "-cpu", self.cpu, *python]
        surroundings = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        surroundings |= {
            "PYTHONPATH": os.pathsep.join(map(str, [ROOT / "src", *packages])),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "NUMBA_CACHE_DIR": str(compiled(self.machine)),
        }
        if not self.foreign:  # code for every processor of this kind: run here, then emulated
            surroundings |= {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
        if not self.cpu:
            surroundings |= masks()
        command = [*python, str(SCRIPT)]
        options = {"cwd": WORK, "env": surroundings, "timeout": PATIENCE}
        start = time.monotonic()
        done = subprocess.run(command, text=True, capture_output=True, **options)
        if done.returncode:
            raise RuntimeError(f"exit code {done.returncode}\n{done.stderr[-3000:]}")
        return json.loads(done.stdout) | {"seconds": time.monotonic() - start}


def lanes():
    """Places visited at the same time, each lane in order: its code is compiled once."""
    here = Place("here, vector instructions masked", platform.machine())
    others = [
        Place("x86-64 of 2011, emulated", "x86_64", "SandyBridge"),
        Place("ARM64, emulated", "aarch64", "cortex-a72"),
    ]
    foreign = [place for place in others if place.foreign]
    return [foreign, [here, *(place for place in others if not place.foreign)]]


# --------------------------------------------------------------------------------------- comparison


def compare(stored, found):
    """What differs, in words: bits by their hashes, solvers by brackets, which have to overlap."""
    faults = []
    for part in ("bits", "brackets"):
        faults += [f"{name}: not computed" for name in sorted(stored[part].keys() - found[part])]
        faults += [f"{name}: not stored" for name in sorted(found[part].keys() - stored[part])]
    for name, value in found["bits"].items():
        if stored["bits"].get(name, value) != value:
            faults.append(f"{name}: {value}, stored {stored['bits'][name]}")
    for name, (lower, upper) in found["brackets"].items():
        low, high = stored["brackets"].get(name, (lower, upper))
        rounding = 1e-12 * abs(upper)
        if not (lower <= high + rounding and low <= upper + rounding):
            faults.append(f"{name}: in [{lower!r}, {upper!r}], stored [{low!r}, {high!r}]")
    return faults


# --------------------------------------------------------------------------- what it needs, fetched


def qemu(machine):
    """Path of the emulator: the one installed, else Debian's, unpacked."""
    names = [f"qemu-{machine}", f"qemu-{machine}-static"]
    for name in names:
        if path := shutil.which(name):
            return path
    folder = WORK / f"qemu-{machine}"
    debian(platform.machine(), ["qemu-user-static"], folder)
    programs = folder / "usr" / "bin"
    for other in set(programs.glob("qemu-*")) - {programs / name for name in names}:
        other.unlink()  # those of forty other processors: hundreds of MB
    return str(next(programs.glob("qemu-*")))


def debian(machine, packages, folder):
    """Unpack Debian packages and their dependencies, once; apt with lists and a status apart."""
    if (folder / "complete").exists():
        return
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise Missing(f"{tool} is missing; it fetches {' and '.join(packages)}")
    state = folder.with_name(folder.name + "-apt")
    name = DEBIAN.get(machine, machine)
    for place in (folder, state / "lists" / "partial", state / "cache" / "archives" / "partial"):
        place.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = {
        "Dir::State": state,
        "Dir::State::Lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": name,
        "APT::Architectures": name,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    apt = ["apt-get", "-qq"]
    for option, value in options.items():
        apt += ["-o", f"{option}={value}"]
    fetch([*apt, "update"])
    fetch([*apt, "install", "--download-only", "--yes", *packages])
    for archive in (state / "cache" / "archives").glob("*.deb"):
        fetch(["dpkg-deb", "--extract", str(archive), str(folder)])
    shutil.rmtree(state)
    (folder / "complete").touch()


def wheels(machine, version):
    """Folder with `PACKAGES` for a machine and a version of Python, as the lock pins them."""
    pins = "".join(pinned(ROOT / "requirements.txt", PACKAGES))
    key = hashlib.sha256((pins + version).encode()).hexdigest()[:8]
    folder = WORK / machine / f"wheels-{key}"
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pins.txt").write_text(pins)
    command = [*installer(machine), "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "--requirement", str(folder / "pins.txt")]
    fetch([*command, "--python-version", version, "--target", str(folder)])
    (folder / "complete").touch()
    return folder


def installer(machine):
    """The command that installs wheels for another machine: pip, or uv if it made this place."""
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--no-compile", "--implementation", "cp"]
        for tag in ("2_28", "2_27", "2_26", "2_24", "2_17", "2014"):
            command += ["--platform", f"manylinux{'' if tag == '2014' else '_'}{tag}_{machine}"]
        return command
    uv = shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)
    if not uv:
        raise Missing("pip and uv are missing; they fetch wheels")
    return [uv, "pip", "install", "--python-platform", f"{machine}-manylinux_2_28"]


def pinned(lock, names):
    """The lines of a lock that belong to these packages: name==version and its hashes."""
    inside = False
    for line in lock.read_text().splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            inside = line.split("==")[0] in names
        if inside and not line.lstrip().startswith("#"):
            yield line


def fetch(command):
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Missing(f"{Path(command[0]).name} failed: {' '.join(last)}")


def masks():
    """Environment variables that hide vector instructions from numpy, BLAS and the C library."""
    look = "from numpy._core import _multiarray_umath as n"
    names = "filter(n.__cpu_features__.get, n.__cpu_dispatch__)"
    command = [sys.executable, "-c", f"{look}; print(*{names})"]
    there = subprocess.run(command, text=True, capture_output=True, check=True).stdout.strip()
    hidden = ",".join(
        f"-{name}" for name in "AVX AVX2 FMA AVX512F AVX512VL AVX512BW AVX512DQ".split()
    )
    variables = {"NPY_DISABLE_CPU_FEATURES": there}
    if platform.machine() == "x86_64":
        variables |= {
            "OPENBLAS_CORETYPE": "Nehalem",
            "GLIBC_TUNABLES": f"glibc.cpu.hwcaps={hidden}",
        }
    return variables


def compiled(machine):
    """Folder for numba's code of these sources; the code of other sources is dropped."""
    sources = [*sorted((ROOT / "src" / "rlentropy").rglob("*.py")), ROOT / "requirements.txt"]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = WORK / "compiled" / machine / key
    if not folder.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# -------------------------------------------------------------------------------------- the command


def outcome(place, stored):
    """(Was it reached, were the numbers the same, both in words)."""
    try:
        found = place.numbers()
    except Missing as reason:
        return False, True, f"left out: {reason}"
    except (RuntimeError, subprocess.TimeoutExpired) as problem:
        return True, False, f"FAILED: {problem}"
    faults = compare(stored, found)
    size = f"{len(found['bits'])} hashes and {len(found['brackets'])} brackets"
    took = f"{found['seconds']:.0f} s, {found['processor seconds']:.0f} s of processor"
    verdict = "DIFFERENT" if faults else "the same"
    return True, not faults, "\n    ".join([f"{size}: {verdict} ({took})", *faults])


def visit(places, stored):
    """Compare at each place in turn, and say so; [(was it reached, were the numbers the same)]."""
    outcomes = []
    for place in places:
        ran, same, said = outcome(place, stored)
        print(f"  {place.name}: {said}", flush=True)
        outcomes.append((ran, same))
    return outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="compute here and store")
    if parser.parse_args().store:
        import elsewhere_numbers

        STORED.write_text(json.dumps(elsewhere_numbers.numbers(), indent=1) + "\n")
        return 0
    stored = json.loads(STORED.read_text())
    start = time.monotonic()
    WORK.mkdir(parents=True, exist_ok=True)
    print("The same numbers on other processors (at first 200 MB are fetched, and code compiled):")
    with ThreadPoolExecutor() as pool:
        outcomes = [x for lane in pool.map(visit, lanes(), [stored, stored]) for x in lane]
    same = all(same for _, same in outcomes)
    ran = [ran for ran, _ in outcomes]
    enough = all(ran) if os.environ.get("CI") == "true" else any(ran)
    verdict = "the same wherever tried" if any(ran) else "nothing was tried"
    if not same:
        verdict = "NOT the same"
    if not all(ran):
        verdict += "; not tried everywhere"
    print(f"{time.monotonic() - start:.0f} s: {verdict}")
    return 0 if same and enough else 1


if __name__ == "__main__":
    sys.exit(main())
