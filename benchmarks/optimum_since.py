"""The exact optima now against an earlier revision, side by side in one run.

    python benchmarks/optimum_since.py [--since 930b53a] [--rounds 5]

The earlier package is taken out of git into a temporary folder. One process for each revision
solves the cases in turn and answers with the processor time that a case took, so that a busy
machine disturbs both alike. Prints a Markdown table: median seconds before and now, their ratio,
and the certified gap now.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GARNET = {"states": 5, "actions": 3, "horizon": 5, "branching": 2}
CHAIN = {"length": 31, "failure": 0.1, "horizon": 20}
STICKY = {"length": 50, "success": 0.01, "horizon": 100}
WORLD = {"rows": 21, "cols": 21, "success": 0.95, "horizon": 20}
LARGE = {"states": 100, "actions": 4, "horizon": 30, "branching": 3, "seed": 0}
# (problem, environment, its arguments, tolerance): what chapters 8 to 13, the tests and the other
# benchmark solve
CASES = [
    *[("sum", "garnet", {**GARNET, "seed": seed}, 1e-13) for seed in (0, 1, 2)],
    ("sum", "double_chain", CHAIN, 1e-10),
    ("sum", "grid_world", WORLD, 1e-10),
    ("sum", "grid_world", {"rows": 51, "cols": 51, "success": 0.95, "horizon": 50}, 1e-10),
    ("sum", "garnet", LARGE, 1e-10),
    ("sum", "sticky_chain", {"length": 31, "success": 1e-3, "horizon": 60}, 1e-10),
    ("sum", "sticky_chain", STICKY, 1e-10),
    ("sum", "sticky_chain", {"length": 50, "success": 0.5, "horizon": 100}, 1e-10),
    ("sum", "sticky_chain", {"length": 200, "success": 1e-3, "horizon": 200}, 1e-10),
    ("sum", "sticky_chain", {"length": 200, "success": 0.01, "horizon": 300}, 1e-10),
    *[
        ("average", "garnet", {**GARNET, "seed": seed}, tol)
        for seed in (0, 1)
        for tol in (1e-4, 1e-6, 1e-10)
    ],
    ("average", "garnet", {**GARNET, "seed": 6}, 1e-10),
    ("average", "double_chain", {"length": 5, "failure": 0.1, "horizon": 4}, 1e-6),
    *[("average", "double_chain", CHAIN, tol) for tol in (3e-4, 1e-4, 1e-6, 1e-10)],
    ("average", "sticky_chain", STICKY, 1e-6),
    ("average", "garnet", LARGE, 1e-6),
    *[("average", "grid_world", WORLD, tol) for tol in (1e-3, 1e-4, 1e-6, 1e-10)],
]


def modules():
    """(environments, solver of the sum, solver of the average), by the names of either layout."""
    try:
        from rlentropy.episodic import environments, max_entropy
    except ModuleNotFoundError:
        from rlentropy import environments
        from rlentropy import max_visitation_entropy as max_entropy
    return environments, max_entropy.solve, max_entropy.solve_average


def work():
    """Solve the cases whose numbers come in on standard input; answer [seconds, gap or None]."""
    environments, *solvers = modules()
    garnet = getattr(environments, "episodic_garnet", environments.garnet)
    for line in sys.stdin:
        problem, environment, arguments, tol = CASES[int(line)]
        mdp = (garnet if environment == "garnet" else getattr(environments, environment))(
            **arguments
        )
        solve = solvers[problem == "average"]
        began = time.process_time()
        try:
            gap = solve(mdp, tol=tol).gap
        except RuntimeError:
            gap = None
        print(json.dumps([time.process_time() - began, gap]), flush=True)


class Worker:
    """A process that solves cases with the package in ``source``."""

    def __init__(self, source):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(source),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )

    def solve(self, case):
        self.process.stdin.write(f"{case}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def rows(since, rounds):
    """[(case, seconds before, gap before, seconds now, gap now)]; gaps are None where a solver gave
    up.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", since, "src"], cwd=ROOT, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        workers = [Worker(Path(folder) / "src"), Worker(ROOT / "src")]
        for case in range(len(CASES)):
            answers = [[worker.solve(case) for worker in workers] for _ in range(rounds + 1)][1:]
            before, now = zip(*answers, strict=True)
            seconds = [statistics.median(second for second, _ in side) for side in (before, now)]
            yield CASES[case], seconds[0], before[-1][1], seconds[1], now[-1][1]
        for worker in workers:
            worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--since", default="930b53a", help="revision to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
        return
    print(f"| problem | environment | tolerance | {options.since}, s | now, s | ratio | gap now |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for (problem, environment, arguments, tol), before, closed, now, gap in rows(
        options.since, options.rounds
    ):
        name = f"{environment}({', '.join(map(str, arguments.values()))})"
        old = f"{before:.4f}" if closed is not None else f"gave up after {before:.4f}"
        new = f"{gap:.1e}" if gap is not None else "gave up"
        print(
            f"| {problem} | {name} | {tol:g} | {old} | {now:.4f} | {now / before:.2f} | {new} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
