"""Make each public function of rlentropy wrong in turn, and see which checks notice.

    python tools/sabotage.py             all chapters; writes book/sabotage.json
    python tools/sabotage.py 03 06       these chapters only
    python tools/sabotage.py --budget 300 13      for at most about so many CPU seconds a chapter

A chapter runs cell by cell. Before each cell a copy of the process (a fork) for each function that
the cell calls makes that function wrong in one of three ways and runs the cell:

    scaled   its floating-point numbers and Fractions are one per cent too large
    sign     they have the other sign
    dropped  the last nonzero number of each array is 0

What the cell then leaves behind with other values is carried to the later cells that read it, and
these run likewise; cells that nothing wrong reaches, and pictures, are left out (`slicing`).

A check *notices* when it fails, or when its cell stops with an error on the way to it. It *passes*
when the numbers that it was given moved and it holds all the same: both its sides moved alike, or a
bound has room. The second and third way are tried for the checks that let those before pass, and
for all where they moved none. A check that neither notices nor passes anything uses no number of
the package. A wrong function may keep a solver busy for ever: a cell may take three times its plain
CPU time and five seconds, and the checks behind that are stored as unreached. Of a chapter that
would take longer than the budget the checks that cost least are measured; what the others would
notice, and what the budget did not suffice for after all, is stored as unmeasured.
"""

import argparse
import dataclasses
import functools
import inspect
import io
import json
import os
import pickle
import signal
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from multiprocessing import get_context

import cloudpickle
import joblib
import slicing
import sympy as sp
from execution import ROOT, cores, notebooks, set_environment
from wrong_functions import WAYS, public_functions, replace, replace_by_wrong

from proofledger.checks import CheckFailed, Verifier
from proofledger.sabotage import fingerprint, is_blind, load

STORE = ROOT / "book" / "sabotage.json"
PATIENCE = 3  # a wrong function may take so many times the CPU time of the right one
SECONDS = 5  # and so many seconds more
LIMIT = 1200  # CPU seconds for a chapter as it is
BUDGET = 1500  # CPU seconds for a chapter with wrong functions
FORK = 0.3  # and about so many to begin one
KINDS = ("symbolic", "exact", "certificate", "numeric", "order", "bound", "sampled")
PLAIN_CHECKS = {kind: getattr(Verifier, kind) for kind in KINDS}
SAYS = ("notices", "passes", "unreached", "unmeasured")
MISSING = b"missing"  # a name without a value
LOST = b"lost"  # with one that nobody knows
UNMEASURED = b"unmeasured"  # with one that nobody looked for


# ----------------------------------------------------------------------------- running a chapter


class Chapter:
    """The cells of a notebook, run one by one in this process.

    starts    for each cell the number of checks of each label before it, if known
    checks    {name: (kind, cell)} of the checks that ran, in order; a name is "label #k", the k-th
              of its label
    verdicts  {name: (True where it holds, a hash of what was compared)}
    """

    def __init__(self, path, starts=None):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        self.path = path
        self.sources = [
            "\n".join(line for line in "".join(c["source"]).split("\n") if line[:1] != "%")
            for c in cells
            if c["cell_type"] == "code"
        ]
        self.namespace = {"__name__": "__main__"}
        self.starts = starts
        self.cell = 0
        self.checks = {}
        self.verdicts = {}
        self.seen = {}
        for kind in KINDS:
            setattr(Verifier, kind, self._observed(kind, PLAIN_CHECKS[kind]))

    def _observed(self, kind, method):
        @functools.wraps(method)
        def check(verifier, label, *args, **options):
            self.seen[label] = self.seen.get(label, 0) + 1
            name = f"{label} #{self.seen[label]}"
            self.checks[name] = (kind, self.cell)
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

        self.cell = number
        if self.starts:
            self.seen = dict(self.starts[number])
        unseen = io.StringIO()
        # a wrong number may stop anything
        with redirect_stdout(unseen), redirect_stderr(unseen), suppress(Exception):
            code = compile(self.sources[number], f"{self.path.name}, cell {number}", "exec")
            exec(code, self.namespace)
        plt.close("all")


def compared(args, options):
    """A hash of the numbers of a check; the text of what cannot be hashed (functions, sums)."""
    numbers = (args, {key: value for key, value in options.items() if key != "mutants"})
    return hashed(numbers) or str(numbers)


def hashed(value):
    """A hash of a value, of a function's defaults; None if it has none."""
    if inspect.isfunction(value):
        return hashed((value.__code__.co_code, value.__defaults__))
    try:
        return joblib.hash(with_words(value))
    except Exception:
        return None


def with_words(value):
    """The value with expressions of sympy as text: what they remember differs from run to run."""
    if isinstance(value, (sp.Basic, sp.MatrixBase)):
        return str(value)
    if type(value) in (tuple, list):
        return [with_words(part) for part in value]
    return {k: with_words(part) for k, part in value.items()} if type(value) is dict else value


# ----------------------------------------------------------------------------------- in a fork


def apart(work, seconds):
    """The list of what ``work()`` yields in a fork of this process, and whether it came to its end.

    seconds   CPU time of the fork
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            with os.fdopen(writing, "wb") as pipe:
                for part in work():
                    pipe.write(cloudpickle.dumps(part))
                    pipe.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    parts = []
    with os.fdopen(reading, "rb") as pipe:
        data = io.BytesIO(pipe.read())
    with suppress(EOFError, pickle.UnpicklingError):
        while True:
            parts.append(pickle.load(data))
    return parts, os.waitpid(child, 0)[1] == 0


@dataclasses.dataclass
class Plain:
    """A chapter as it is: what its functions, cells and checks are.

    calls     {function: numbers of the cells that call it}
    checks    {name: (kind, cell)}; ``verdicts`` {name: (holds, hash)}
    starts    for each cell the number of checks of each label before it
    seconds   CPU time of each cell
    streams   names of generators and iterators
    cells     what each cell reads and changes (`slicing`)
    """

    calls: dict
    checks: dict
    verdicts: dict
    starts: list
    seconds: list
    streams: set
    cells: list


def survey(path):
    """The `Plain` of a chapter. It runs in this process, so that a fork finds all imports done."""
    chapter = Chapter(path)
    calls = {}

    def counting(name, function):
        @functools.wraps(function)
        def counted(*args, **options):
            calls.setdefault(name, set()).add(chapter.cell)
            return function(*args, **options)

        return counted

    counters = {name: counting(name, f) for name, f in public_functions().items()}
    for name, function in public_functions().items():
        replace(function, counters[name])
    plain = Plain(calls, chapter.checks, chapter.verdicts, [], [], set(), [])
    for number in range(len(chapter.sources)):
        plain.starts.append(dict(chapter.seen))
        before = time.process_time()
        chapter.run(number)
        plain.seconds.append(time.process_time() - before)
        names = chapter.namespace.items()
        plain.streams |= {name for name, value in names if slicing.is_stream(value)}
    for name, function in public_functions().items():
        replace(counters[name], function)
    plain.cells = slicing.cells(chapter.sources, plain.streams)
    return plain


def serial():
    """Runs of seeds one after another: a fork keeps no threads."""
    from rlentropy import parallel

    replace(parallel.run_seeds, functools.partial(parallel.run_seeds, jobs=1))


def examine(path, budget=BUDGET):
    """What the checks of one chapter notice, for at most about so many CPU seconds."""
    set_environment()
    os.environ["MPLBACKEND"] = "agg"
    os.chdir(path.parent)
    serial()
    key = fingerprint(json.loads(path.read_text(encoding="utf-8")))
    plain = survey(path)
    fallen = sorted(name for name, (holds, _) in plain.verdicts.items() if not holds)
    if fallen:
        raise SystemExit(f"{path.name}: without sabotage these do not hold: {', '.join(fallen)}")
    rows = {
        name: {"kind": kind, **{said: {} for said in SAYS}}
        for name, (kind, _) in plain.checks.items()
    }
    paid = affordable(plain, budget)
    leave(rows, plain, {cell for _, cell in plain.checks.values()} - paid)
    targets = dict.fromkeys(sorted(plain.calls), paid)
    end = spent() + budget
    for way in WAYS:
        tour = Tour(path, plain, way, targets, max(end - spent(), 0))
        found, whole = apart(tour.run, 20 * LIMIT)
        if not whole:
            raise SystemExit(f"{path.name}: the way {way} came to no end")
        for name, cell, verdicts in found:
            if cell in targets[name]:
                enter(rows, name, way, cell, verdicts, plain)
        targets = {name: still_open(rows, name, plain, paid) for name in targets}
    return matrix(key, plain, rows)


class Tour:
    """One way of being wrong, for all functions, through a chapter.

    targets   {function: the cells whose checks are asked}
    budget    CPU seconds after which nothing more is measured
    carried   {function: {name: its value where it differs from the plain one}}
    """

    def __init__(self, path, plain, way, targets, budget):
        self.chapter = Chapter(path, plain.starts)
        self.plain = plain
        self.way = WAYS[way]
        self.cells = plain.cells
        self.asked = {name: slicing.needed(self.cells, cells) for name, cells in targets.items()}
        self.kept = slicing.needed(self.cells, set().union(*targets.values()))
        self.live = slicing.live(self.cells, self.kept)
        self.carried = {name: {} for name in targets}
        self.budget = budget

    def run(self):
        """Yields (function, cell, {check: (holds, hash)}), a word for what has no verdicts."""
        end = spent() + self.budget
        for number in sorted(self.kept):
            reads = self.cells[number].reads
            here = [
                name
                for name in self.asked
                if number in self.asked[name]
                and (number in self.plain.calls[name] or reads & self.carried[name].keys())
            ]
            plainly = [None]
            if here and spent() < end:
                plainly = apart(lambda k=number: self.at(k, None, {}), LIMIT)[0]
            for name in here:
                in_time = spent() < end
                yield name, number, self.wrongly(name, number, plainly[0], in_time)
            self.chapter.run(number)
        verdicts = self.chapter.verdicts
        other = {name for name in verdicts if self.plain.verdicts[name] != verdicts[name]}
        if other:
            raise SystemExit(f"other numbers when it runs again: {', '.join(sorted(other))}")

    def wrongly(self, name, number, plainly, in_time):
        """The verdicts on a cell with a wrong function; carries on what it leaves behind."""
        carried = self.carried[name]
        found = {carried.get(read) for read in self.cells[number].reads}
        if LOST in found:
            return self.lose(name, number, LOST)
        if UNMEASURED in found or not in_time:
            return self.lose(name, number, UNMEASURED)
        seconds = SECONDS + PATIENCE * self.plain.seconds[number]
        parts, whole = apart(lambda: self.at(number, name, carried, plainly[1]), seconds)
        if not whole:
            return self.lose(name, number, LOST)
        verdicts, hashes, values = parts[0]
        for changed in hashes:
            carried.pop(changed, None)
        carried.update(values)
        return verdicts

    def lose(self, name, number, why):
        """What the cell leaves behind is unknown, and so are its verdicts; the word for it."""
        left = self.cells[number].changes & self.live[number]
        self.carried[name].update(dict.fromkeys(left, why))
        return "unreached" if why == LOST else "unmeasured"

    def at(self, number, name, carried, plainly=None):
        """Run a cell in this fork; yields its verdicts, the hashes of what it leaves, and those
        values whose hashes differ from ``plainly``."""
        space = self.chapter.namespace
        for key, value in carried.items():
            if value == MISSING:
                space.pop(key, None)
            elif value not in (LOST, UNMEASURED):
                space[key] = pickle.loads(value)
        if name:
            replace_by_wrong(name, self.way, space)
        self.chapter.verdicts.clear()
        self.chapter.run(number)
        left = self.cells[number].changes & self.live[number]
        hashes = {key: hashed(space[key]) if key in space else MISSING for key in left}
        moved = [] if plainly is None else [key for key in left if hashes[key] != plainly[key]]
        values = {key: carriable(space[key]) if key in space else MISSING for key in sorted(moved)}
        yield self.chapter.verdicts, hashes, values


def affordable(plain, budget):
    """The cells of checks that cost least, as many as the budget pays for."""
    paid = set()
    cells = {cell for _, cell in plain.checks.values()}
    for cell in sorted(cells, key=lambda cell: (price(plain, {cell}), cell)):
        if price(plain, paid | {cell}) <= budget:
            paid.add(cell)
    return paid


def price(plain, targets):
    """CPU seconds of the cells that these need, once for each function that a cell calls."""
    return sum(
        (FORK + plain.seconds[cell]) * sum(cell in calling for calling in plain.calls.values())
        for cell in slicing.needed(plain.cells, targets)
    )


def spent():
    """CPU seconds of the forks of this process that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def carriable(value):
    """The value as bytes; LOST if it cannot be written (a function over modules, say)."""
    try:
        return cloudpickle.dumps(value)
    except Exception:
        return LOST


def enter(rows, name, way, cell, verdicts, plain):
    """Write down which checks of a cell notice a wrong function, and which pass all the same."""
    for check, (_, place) in plain.checks.items():
        if place != cell:
            continue
        if isinstance(verdicts, str):
            rows[check][verdicts].setdefault(name, []).append(way)
            continue
        holds, numbers = verdicts.get(check, (False, ""))
        if numbers != plain.verdicts[check][1]:
            rows[check]["passes" if holds else "notices"].setdefault(name, []).append(way)


def leave(rows, plain, cells):
    """Write down that no function was tried on the checks of these cells."""
    for check, (_, cell) in plain.checks.items():
        if cell in cells:
            needed = slicing.needed(plain.cells, {cell})
            reaching = [name for name, calling in plain.calls.items() if calling & needed]
            rows[check]["unmeasured"] = {name: list(WAYS) for name in reaching}


def still_open(rows, name, plain, paid):
    """The cells of checks that only passed; all that are paid for if no number moved so far."""
    said = {
        check: [key for key in SAYS if name in row[key]]
        for check, row in rows.items()
        if plain.checks[check][1] in paid
    }
    if not any(said.values()):
        return paid
    return {
        plain.checks[check][1] for check, keys in said.items() if keys and "notices" not in keys
    }


def matrix(key, plain, rows):
    """The record of a chapter, as it is stored."""
    checks = []
    for check, row in rows.items():
        shown = [said for said in SAYS if row[said] or said in ("notices", "passes")]
        found = {said: dict(sorted(row[said].items())) for said in shown}
        checks.append({"check": check, "kind": row["kind"], **found})
    return {"key": key, "functions": sorted(plain.calls), "checks": checks}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", help="numbers of chapters (default: all)")
    parser.add_argument("--jobs", type=int, default=cores())
    parser.add_argument("--budget", type=float, default=BUDGET, help="CPU seconds a chapter")
    options = parser.parse_args(arguments)
    chosen = [p for p in notebooks() if not options.chapters or p.name[:2] in options.chapters]
    with ProcessPoolExecutor(options.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        work = functools.partial(examine, budget=options.budget)
        for path, result in zip(chosen, pool.map(work, chosen), strict=True):
            write({**load(STORE), path.stem: result})  # another run may have written meanwhile
            blind = [row["check"] for row in result["checks"] if is_blind(row)]
            functions = len(result["functions"])
            print(f"{path.stem}: {len(result['checks'])} checks, {functions} functions", flush=True)
            print("\n".join(f"  notices nothing: {check}" for check in blind), flush=True)
            for said in SAYS[2:]:
                pairs = sum(len(row.get(said, ())) for row in result["checks"])
                print(f"  {pairs} pairs of check and function {said}", flush=True)
    return 0


def write(stored):
    text = json.dumps(dict(sorted(stored.items())), indent=1, ensure_ascii=False)
    part = STORE.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(STORE)


if __name__ == "__main__":
    sys.exit(main())
