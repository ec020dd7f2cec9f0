"""Make each public function of rlentropy wrong in turn, and see which checks notice.

    python tools/sabotage.py             all chapters; writes book/sabotage.json
    python tools/sabotage.py 03 06       these chapters only

A chapter runs cell by cell in one process. Before the first cell that calls a function, a copy of
the process (a fork) makes that function wrong in one of three ways, and runs the cells from there:

    scaled   its floating-point numbers are one per cent too large
    sign     they have the other sign
    dropped  the last nonzero number of each array is 0

A check *notices* when it fails, or when its cell stops with an error on the way to it. It *passes*
when the numbers that it was given moved and it holds all the same: both its sides moved alike, or a
bound has room. The second and third way are tried where the first let a check pass or moved none.
A check that neither notices nor passes anything uses no number of the package.
"""

import argparse
import dataclasses
import functools
import importlib
import inspect
import io
import json
import os
import pkgutil
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path

import joblib
import numpy as np
from execution import ROOT, cores, notebooks, set_environment

from proofledger.checks import CheckFailed, Verifier
from proofledger.sabotage import fingerprint, is_blind

STORE = ROOT / "book" / "sabotage.json"
# Makers of inputs and pictures: what they give wrongly is another right input.
SPARED = {
    "environments",
    "mdp",
    "parallel",
    "plotting",
    "results",
    "seeds",
    "simulator",
    "transitions",
    "validation",
}
SECONDS = 300  # for the rest of a chapter with one wrong function
KINDS = ("symbolic", "exact", "certificate", "numeric", "order", "bound", "sampled")


# ------------------------------------------------------------------------------- wrong results


def scaled(numbers):
    return numbers * 1.01


def sign(numbers):
    return -numbers


def dropped(numbers):
    """The last nonzero entry set to 0."""
    numbers = np.array(numbers)
    where = np.flatnonzero(numbers)
    if where.size:
        numbers.reshape(-1)[where[-1]] = 0.0
    return numbers if numbers.ndim else float(numbers)


WAYS = {way.__name__: way for way in (scaled, sign, dropped)}


def wrong(value, way):
    """The value with its floating-point numbers made wrong, through tuples and results."""
    if isinstance(value, (float, np.floating)):
        return way(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return way(value)
    if type(value) is tuple:
        return tuple(wrong(part, way) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: wrong(getattr(value, field.name), way)
            for field in dataclasses.fields(value)
            if field.init
        }
        return dataclasses.replace(value, **changed)
    return value


# --------------------------------------------------------------------------- public functions


def public_functions():
    """{dotted name: function} of the package, less the makers of inputs and pictures."""
    import rlentropy

    found = {}
    for info in pkgutil.walk_packages(rlentropy.__path__, "rlentropy."):
        parts = info.name.split(".")
        if SPARED & {*parts} or any(part.startswith("_") for part in parts):
            continue
        module = importlib.import_module(info.name)
        for name, member in vars(module).items():
            own = inspect.isfunction(member) and member.__module__ == info.name
            if own and not name.startswith("_"):
                found[f"{info.name}.{name}"] = member
    return found


def replace(old, new, *namespaces):
    """Bind ``new`` wherever the package, or one of the namespaces, has bound ``old``."""
    modules = [vars(m) for name, m in list(sys.modules.items()) if name.startswith("rlentropy")]
    for names in (*modules, *namespaces):
        for key in [key for key, value in names.items() if value is old]:
            names[key] = new


# ----------------------------------------------------------------------------- running a chapter


class Chapter:
    """The cells of a notebook, run one by one in this process.

    checks    {name: kind} of the checks that ran, in order; a name is "label #k", the k-th of its
              label
    verdicts  {name: (True where it holds, a hash of what was compared)}
    """

    def __init__(self, path):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        self.path = path
        self.sources = [
            "\n".join(line for line in "".join(c["source"]).split("\n") if line[:1] != "%")
            for c in cells
            if c["cell_type"] == "code"
        ]
        self.namespace = {"__name__": "__main__"}
        self.checks = {}
        self.verdicts = {}
        self.seen = {}
        for kind in KINDS:
            setattr(Verifier, kind, self._observed(kind, getattr(Verifier, kind)))

    def _observed(self, kind, method):
        @functools.wraps(method)
        def check(verifier, label, *args, **options):
            self.seen[label] = self.seen.get(label, 0) + 1
            name = f"{label} #{self.seen[label]}"
            self.checks[name] = kind
            self.verdicts[name] = (False, "")
            try:
                method(verifier, label, *args, **options)
            except (CheckFailed, ValueError):
                return
            self.verdicts[name] = (True, compared(args, options))

        return check

    def run(self, number):
        """Run one cell; whatever stops it is silent, and the checks behind it are not reached."""
        import matplotlib.pyplot as plt

        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            try:
                code = compile(self.sources[number], f"{self.path.name}, cell {number}", "exec")
                exec(code, self.namespace)
            except Exception:
                pass  # a wrong number may stop anything
            finally:
                plt.close("all")

    def run_from(self, number):
        for k in range(number, len(self.sources)):
            self.run(k)


def compared(args, options):
    """A hash of the numbers of a check; the text of what cannot be hashed (functions, sums)."""
    numbers = (args, {key: value for key, value in options.items() if key != "mutants"})
    try:
        return joblib.hash(numbers)
    except Exception:
        return str(numbers)


def apart(work, seconds=SECONDS):
    """The JSON that ``work()`` returns in a fork of this process; None if it takes too long."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        with os.fdopen(writing, "w") as pipe:
            json.dump(work(), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def first_calls(path):
    """{function: number of the first cell that calls it} of a chapter, and its checks."""
    chapter = Chapter(path)
    first = {}
    now = [0]

    def counting(name, function):
        @functools.wraps(function)
        def counted(*args, **options):
            first.setdefault(name, now[0])
            return function(*args, **options)

        return counted

    for name, function in public_functions().items():
        replace(function, counting(name, function))
    for number in range(len(chapter.sources)):
        now[0] = number
        chapter.run(number)
    return first, chapter.checks, chapter.verdicts


def serial():
    """Runs of seeds one after another: a fork keeps no threads."""
    from rlentropy import parallel

    replace(parallel.run_seeds, functools.partial(parallel.run_seeds, jobs=1))


def sabotaged(chapter, name, way, number):
    """The verdicts on the cells from ``number`` when the function ``name`` is wrong."""
    function = public_functions()[name]

    @functools.wraps(function)
    def bad(*args, **options):
        return wrong(function(*args, **options), WAYS[way])

    replace(function, bad, chapter.namespace)
    chapter.run_from(number)
    return chapter.verdicts


def examine(path):
    """What the checks of one chapter notice."""
    set_environment()
    os.environ["MPLBACKEND"] = "agg"
    os.chdir(path.parent)
    serial()
    first, checks, plain = apart(lambda: first_calls(path), 4 * SECONDS)
    fallen = sorted(name for name, (holds, _) in plain.items() if not holds)
    if fallen:
        raise SystemExit(f"{path.name}: without sabotage these do not hold: {', '.join(fallen)}")
    chapter = Chapter(path)
    rows = {name: {"kind": kind, "notices": {}, "passes": {}} for name, kind in checks.items()}
    for number in range(len(chapter.sources)):
        for name in sorted(name for name, place in first.items() if place == number):
            for way in WAYS:
                verdicts = apart(lambda n=name, w=way, k=number: sabotaged(chapter, n, w, k))
                if verdicts is None:  # it ran too long: nothing is said of it
                    continue
                enter(rows, name.removeprefix("rlentropy."), way, verdicts, plain)
                if way == "scaled" and settled(rows, name.removeprefix("rlentropy.")):
                    break
        chapter.run(number)
    return {
        "key": fingerprint(json.loads(path.read_text(encoding="utf-8"))),
        "functions": sorted(name.removeprefix("rlentropy.") for name in first),
        "checks": [{"check": name, **row} for name, row in rows.items()],
    }


def enter(rows, name, way, verdicts, plain):
    """Write down which checks notice a wrong function, and which pass with other numbers."""
    for check, row in rows.items():
        holds, numbers = verdicts.get(check, (False, ""))
        if not holds:
            row["notices"].setdefault(name, []).append(way)
        elif numbers != plain[check][1]:
            row["passes"].setdefault(name, []).append(way)


def settled(rows, name):
    """True if some check noticed a function, and none passed with other numbers."""
    noticed = any(name in row["notices"] for row in rows.values())
    return noticed and not any(name in row["passes"] for row in rows.values())


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="numbers of chapters (default: all)")
    parser.add_argument("--jobs", type=int, default=cores())
    options = parser.parse_args(arguments)
    chosen = [p for p in notebooks() if not options.chapters or p.name[:2] in options.chapters]
    stored = json.loads(STORE.read_text(encoding="utf-8")) if STORE.is_file() else {}
    with ProcessPoolExecutor(options.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        for path, result in zip(chosen, pool.map(examine, chosen), strict=True):
            stored[path.stem] = result
            blind = [row["check"] for row in result["checks"] if is_blind(row)]
            functions = len(result["functions"])
            print(f"{path.stem}: {len(result['checks'])} checks, {functions} functions", flush=True)
            print("\n".join(f"  notices nothing: {check}" for check in blind), flush=True)
            write(stored)
    return 0


def write(stored):
    text = json.dumps(dict(sorted(stored.items())), indent=1, ensure_ascii=False)
    part = STORE.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    Path(part).replace(STORE)


if __name__ == "__main__":
    sys.exit(main())
