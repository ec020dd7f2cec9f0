"""Speed of `rlentropy.logits` beside the same seven quantities written in array libraries.

``rows()`` returns one dictionary per (batch, method):

    batch, method, runs   rows and actions, float32; number of interleaved rounds
    rate                  millions of entries a second of processor time of one thread, median
    ratio                 rate of this package / rate of the method
    error                 largest relative error of kl in two rows, against 30 digits

A peer works through the batch as a whole, as one writes it, and in blocks of rows that stay in the
cache, its best case. ``threads()`` is the gain in wall time of a second thread, ``memory()``
by how much a process grows. Libraries that are not installed are left out.

Run alone: ``python benchmarks/entropy_change.py [--quick]``.
"""

import functools
import importlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mpmath
import numpy as np
from scipy import special
from turns import in_turn

from rlentropy.logits import entropy_change

OWN = "rlentropy"
# Peers that the package does not ask for.
OTHERS = ("torch", "jax")
BATCHES = ((256, 151_936), (4096, 32_000))
# Entries of a block for the peers; and of the part of a batch that they work on as a whole, whose
# temporaries take gigabytes: the rate does not depend on more rows.
BLOCK = 2**17
WHOLE = 2**24


def logits(rows, n, seed=0):
    """A pair of float32 logits: spread 4, changed by 0.1, the size of a training step."""
    rng = np.random.default_rng(seed)
    old = 4 * rng.standard_normal((rows, n), dtype=np.float32)
    return old, old + np.float32(0.1) * rng.standard_normal((rows, n), dtype=np.float32)


# ------------------------------------------------------------------------------------------ peers


def seven(exp, log_softmax, old, new):
    """The seven quantities by their definitions, (rows, n) -> seven times (rows,)."""
    log_p = log_softmax(old)
    log_q = log_softmax(new)
    p = exp(log_p)
    q = exp(log_q)
    old_entropy = -(p * log_p).sum(-1)
    new_entropy = -(q * log_q).sum(-1)
    x = new - old
    x = x - (p * x).sum(-1)[:, None]
    surprise = log_p + old_entropy[:, None]
    first = -(p * surprise * x).sum(-1)
    second = first - (p * x * x * (1 + surprise)).sum(-1) / 2
    shift = -((q - p) * log_p).sum(-1)
    kl = (q * (log_q - log_p)).sum(-1)
    return first, second, new_entropy - old_entropy, shift, kl, old_entropy, new_entropy


def with_numpy(dtype, old, new):
    """NumPy in the given type."""

    def log_softmax(x):
        x = x - x.max(-1, keepdims=True)
        return x - np.log(np.exp(x).sum(-1, keepdims=True))

    return seven(np.exp, log_softmax, old.astype(dtype), new.astype(dtype))


def with_scipy(old, new):
    """scipy's log_softmax in float64."""
    log_softmax = functools.partial(special.log_softmax, axis=-1)
    return seven(np.exp, log_softmax, old.astype(float), new.astype(float))


def with_torch(torch, dtype, old, new):
    """torch on the processor, one thread."""
    old, new = (torch.from_numpy(x).to(getattr(torch, dtype)) for x in (old, new))
    log_softmax = functools.partial(torch.log_softmax, dim=-1)
    return [x.numpy() for x in seven(torch.exp, log_softmax, old, new)]


def peers():
    """{name: function of two float32 arrays that returns the seven quantities}."""
    found = {
        "scipy, float64": with_scipy,
        "numpy, float32": functools.partial(with_numpy, np.float32),
    }
    if torch := installed("torch"):
        torch.set_num_threads(1)
        for dtype in ("float64", "float32"):
            found[f"torch, {dtype}"] = functools.partial(with_torch, torch, dtype)
    if jax := installed("jax"):
        found["jax, float32"] = jax.jit(functools.partial(seven, jax.numpy.exp, jax.nn.log_softmax))
    return found


def installed(name):
    """The library, or None with a word on stderr."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed and left out", file=sys.stderr)
        return None


def blocks(peer, old, new):
    """kl of all rows, by a peer that works on blocks of rows."""
    step = max(1, BLOCK // old.shape[1])
    starts = range(0, len(old), step)
    return np.concatenate(
        [np.asarray(peer(old[i : i + step], new[i : i + step])[4]) for i in starts]
    )


def whole(peer, old, new):
    """kl of all rows, by a peer that works on all at once."""
    return np.asarray(peer(old, new)[4])


def own(old, new):
    """kl by this package, one thread."""
    return entropy_change(old, new, jobs=1).kl


# --------------------------------------------------------------------------------------- measures


def methods(count, n):
    """{name: (function, how many rows it is timed on)}."""
    few = min(count, max(2, WHOLE // n))
    found = {OWN: (own, count)}
    for name, peer in peers().items():
        found[name] = (functools.partial(whole, peer), few)
        found[f"{name}, in blocks"] = (functools.partial(blocks, peer), few)
    return found


def seconds_an_entry(chosen, rounds, old, new):
    """{method: median processor time an entry}."""
    calls = {
        name: functools.partial(method, old[:count], new[:count])
        for name, (method, count) in chosen.items()
    }
    return {
        name: statistics.median(seconds for seconds, _ in found) / old[: chosen[name][1]].size
        for name, found in in_turn(calls, rounds).items()
    }


def precise_kl(old, new):
    """KL(new || old) of one row in 30 digits."""

    def log_softmax(x):
        x = [mpmath.mpf(float(v)) for v in x]
        total = mpmath.log(mpmath.fsum(map(mpmath.exp, x)))
        return [v - total for v in x]

    with mpmath.workdps(30):
        pairs = zip(log_softmax(old), log_softmax(new), strict=True)
        return mpmath.fsum(mpmath.exp(b) * (b - a) for a, b in pairs)


def rows(quick=False):
    """The table of this benchmark; ``quick`` shrinks it to a few seconds."""
    table = []
    for count, n in ((8, 4_000),) if quick else BATCHES:
        old, new = logits(count, n)
        rounds = 1 if quick else 5
        chosen = methods(count, n)
        seconds = seconds_an_entry(chosen, rounds, old, new)
        truth = [precise_kl(old[i], new[i]) for i in (0, 1)]
        for name, (method, _) in chosen.items():
            kl = method(old[:2], new[:2])
            error = max(abs(float(float(x) / y - 1)) for x, y in zip(kl, truth, strict=True))
            table.append(
                {
                    "batch": f"{count:,} x {n:,}",
                    "method": name,
                    "rate": 1e-6 / seconds[name],
                    "ratio": seconds[name] / seconds[OWN],
                    "error": error,
                    "runs": rounds,
                }
            )
    return table


def threads(quick=False):
    """Wall time of one thread / of two, median of paired rounds."""
    old, new = logits(32 if quick else 512, 32_000)
    gains = []
    for _ in range(3 if quick else 9):
        seconds = []
        for jobs in (1, 2):
            began = time.perf_counter()
            entropy_change(old, new, jobs=jobs)
            seconds.append(time.perf_counter() - began)
        gains.append(seconds[0] / seconds[1])
    return statistics.median(gains)


_MEMORY = """
import sys
import numpy as np
import entropy_change as bench
work = bench.own if sys.argv[2] == bench.OWN else bench.with_scipy
work(*bench.logits(2, 300))
old, new = np.load(sys.argv[1])
before = bench.peak()
work(old, new)
print(bench.peak() - before)
"""


def peak():
    """Largest memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux hands ru_maxrss on from the process that started this one
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def memory(quick=False):
    """{method: MiB by which a process grows beyond its inputs, 1,024 rows of 32,000 actions}."""
    grown = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "logits.npy"
        np.save(file, np.stack(logits(128 if quick else 1024, 32_000)))
        for name in (OWN, "scipy, float64"):
            answer = subprocess.run(
                [sys.executable, "-c", _MEMORY, str(file), name],
                cwd=Path(__file__).parent,
                check=True,
                capture_output=True,
                text=True,
                timeout=300,
            )
            grown[name] = float(answer.stdout.split()[-1])
    return grown


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    for row in rows(quick):
        print(
            f"{row['batch']:14s} {row['method']:26s} {row['rate']:8.1f} M entries/s"
            f"   x{row['ratio']:<6.1f} error of kl {row['error']:.1e}"
        )
    print(f"a second thread: {threads(quick):.2f} times faster")
    for name, grown in memory(quick).items():
        print(f"{name}: memory grows by {grown:.1f} MiB")
