"""Compute the same numbers on other processors and compare them with the stored ones: ``make test-elsewhere``.

The places: this processor with its vector instructions masked, an older x86-64 and one with fused products, and ARM64,
the last three emulated by QEMU. For a processor of another kind Python and its libraries come from Debian, the wheels
from the lock; all is unpacked under ``_build/elsewhere`` and nothing is installed.

    python tools/elsewhere.py            compare; exit code 1 for a difference (and, where CI=true, for a place left out)
    python tools/elsewhere.py --store    compute here, and store
"""

import argparse
import hashlib
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
PATIENCE = 900


class Missing(Exception):
    """A place cannot be reached from here, and why."""


@dataclass(frozen=True)
class Place:
    """A processor: ``cpu`` is QEMU's name of a model, none for this processor with its vector instructions masked."""

    name: str
    machine: str
    cpu: str | None = None

    def command(self):
        if self.cpu is None:
            return [sys.executable]
        emulator = [qemu(self.machine), "-cpu", self.cpu]
        if self.machine == platform.machine():
            return [*emulator, sys.executable]
        system = WORK / self.machine / "system"
        debian(self.machine, ["python3", "libstdc++6"], system)
        return [*emulator, "-L", str(system), str(next(system.glob("usr/bin/python3.[0-9]*[0-9]")))]

    def surroundings(self, python):
        """Environment variables."""
        paths = [str(ROOT / "src")]
        if self.cpu and self.machine != platform.machine():
            paths.append(str(wheels(self.machine, Path(python).name.removeprefix("python"))))
        masks = masked() if self.cpu is None else {}
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | masks | {
            "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(compiled(self)),
        }  # fmt: skip

    def numbers(self):
        """What the script finds there."""
        command = self.command()
        start = time.monotonic()
        done = subprocess.run([*command, str(SCRIPT)], env=self.surroundings(command[-1]), cwd=WORK, text=True,
                              capture_output=True, timeout=PATIENCE)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"exit code {done.returncode}\n{done.stderr[-3000:]}")
        return json.loads(done.stdout) | {"seconds": time.monotonic() - start}


def places():
    return [
        Place("ARM64, emulated", "aarch64", "cortex-a72"),
        Place("x86-64 of 2011, emulated", "x86_64", "SandyBridge"),
        Place("x86-64 of 2013, emulated", "x86_64", "Haswell"),
        Place("here, vector instructions masked", platform.machine()),
    ]


# ------------------------------------------------------------------------------------------------------ comparison


def compare(stored, found):
    """What differs, in words: bits by their hashes, solvers by their brackets, which have to overlap."""
    faults = [f"{name}: not computed" for part in ("bits", "brackets") for name in stored[part].keys() - found[part]]
    faults += [f"{name}: not stored" for part in ("bits", "brackets") for name in found[part].keys() - stored[part]]
    for name, value in found["bits"].items():
        if stored["bits"].get(name, value) != value:
            faults.append(f"{name}: {value}, stored {stored['bits'][name]}")
    for name, (lower, upper) in found["brackets"].items():
        low, high = stored["brackets"].get(name, (lower, upper))
        rounding = 1e-12 * abs(upper)
        if not (lower <= high + rounding and low <= upper + rounding):
            faults.append(f"{name}: in [{lower!r}, {upper!r}], stored [{low!r}, {high!r}]")
    return faults


# ------------------------------------------------------------------------------------------- what it needs, fetched


def qemu(machine):
    """Path of the emulator: the one installed, else Debian's, unpacked."""
    names = [f"qemu-{machine}", f"qemu-{machine}-static"]
    for name in names:
        if path := shutil.which(name):
            return path
    folder = WORK / "qemu"
    debian(platform.machine(), ["qemu-user-static"], folder)
    return next(str(folder / "usr" / "bin" / name) for name in names if (folder / "usr" / "bin" / name).exists())


def debian(machine, packages, folder):
    """Unpack Debian packages and what they depend on into a folder, once; apt with lists and a status of its own."""
    if (folder / "complete").exists():
        return
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise Missing(f"{tool} is missing: {', '.join(packages)} can be fetched on Debian and its kin only")
    state = folder.with_name(folder.name + "-apt")
    for place in (folder, state / "lists" / "partial", state / "cache" / "archives" / "partial"):
        place.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = {
        "Dir::State": state, "Dir::State::Lists": state / "lists", "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache", "APT::Architecture": DEBIAN[machine], "APT::Architectures": DEBIAN[machine],
        "APT::Install-Recommends": "false", "APT::Sandbox::User": "root", "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }  # fmt: skip
    apt = ["apt-get", "-qq", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]
    fetch([*apt, "update"])
    fetch([*apt, "install", "--download-only", "--yes", *packages])
    for archive in (state / "cache" / "archives").glob("*.deb"):
        fetch(["dpkg-deb", "--extract", str(archive), str(folder)])
    shutil.rmtree(state)
    (folder / "complete").touch()


def wheels(machine, version):
    """Folder with `PACKAGES` for a machine and a version of Python, at the versions and hashes of the lock."""
    pins = "".join(pinned(ROOT / "requirements.txt", PACKAGES))
    folder = WORK / machine / f"wheels-{hashlib.sha256((pins + version).encode()).hexdigest()[:8]}"
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pins.txt").write_text(pins)
    names = [f"manylinux_2_{minor}_{machine}" for minor in (28, 27, 26, 24, 17)] + [f"manylinux2014_{machine}"]
    fetch([
        sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "--no-deps", "--no-compile",
        "--only-binary=:all:", "--require-hashes", "--implementation", "cp", "--python-version", version,
        *(part for name in names for part in ("--platform", name)), "--requirement", str(folder / "pins.txt"),
    ])  # fmt: skip
    (folder / "complete").touch()
    return folder


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


def masked():
    """Environment variables that take vector instructions from numpy, BLAS, numba and the C library."""
    look = ("from numpy._core import _multiarray_umath as n;"
            "print(*[f for f in n.__cpu_dispatch__ if n.__cpu_features__.get(f)])")  # fmt: skip
    features = subprocess.run([sys.executable, "-c", look], text=True, capture_output=True, check=True).stdout.strip()
    masks = {"NPY_DISABLE_CPU_FEATURES": features, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    if platform.machine() == "x86_64":
        masks["OPENBLAS_CORETYPE"] = "Nehalem"
        masks["GLIBC_TUNABLES"] = "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ"
    return masks


def compiled(place):
    """Folder for numba's code of a place and these sources; the code of other sources is dropped."""
    sources = sorted((ROOT / "src" / "rlentropy").rglob("*.py"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in [*sources, ROOT / "requirements.txt"])).hexdigest()
    folder = WORK / "compiled" / f"{place.machine}-{place.cpu}"
    if not (folder / key[:16]).exists():
        shutil.rmtree(folder, ignore_errors=True)
    (folder / key[:16]).mkdir(parents=True, exist_ok=True)
    return folder / key[:16]


# -------------------------------------------------------------------------------------------------------- the command


def visit(place, stored):
    """(ran, good, what to say) of a place."""
    try:
        found = place.numbers()
    except Missing as reason:
        return False, True, f"left out: {reason}"
    except (RuntimeError, subprocess.TimeoutExpired) as problem:
        return True, False, f"failed: {problem}"
    faults = compare(stored, found)
    counts = f"{len(found['bits'])} hashes and {len(found['brackets'])} brackets, {found['seconds']:.0f} s"
    return True, not faults, "\n    ".join([f"{counts}: " + ("DIFFERENT" if faults else "the same"), *faults])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="compute here and store")
    if parser.parse_args().store:
        import elsewhere_numbers

        STORED.write_text(json.dumps(elsewhere_numbers.numbers(), indent=1) + "\n")
        return 0
    stored = json.loads(STORED.read_text())
    WORK.mkdir(parents=True, exist_ok=True)
    print("The same numbers on other processors (the first time with downloads of about 200 MB; some minutes):")
    start, outcomes = time.monotonic(), []
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for place, outcome in [(place, pool.submit(visit, place, stored)) for place in places()]:
            outcomes.append(outcome.result())
            print(f"  {place.name}: {outcomes[-1][2]}", flush=True)
    ran, good = [ran for ran, _, _ in outcomes], all(good for _, good, _ in outcomes)
    complete = all(ran) if os.environ.get("CI") == "true" else any(ran)
    print(f"{time.monotonic() - start:.0f} s; " + ("all the same" if good and complete else "NOT shown to be the same"))
    return 0 if good and complete else 1


if __name__ == "__main__":
    sys.exit(main())
