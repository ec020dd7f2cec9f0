"""Time the package against its peers, everything side by side in one run: ``make bench``.

Writes ``benchmarks/results.md`` (tables, which the page on speed includes) and
``book/_static/entgame_cost.svg``.
``--quick`` takes a few seconds on small cases, prints the tables and writes nothing.
``--logits`` measures the last part alone and puts it in the place of the stored one: for an
environment that has torch and JAX, which this package does not ask for.
"""

import os
import re
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import entgame
import entropy_change
import exact_optimum
import matplotlib as mpl
import peers

from rlentropy import plotting

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.md"
FIGURE = ROOT / "book" / "_static" / "entgame_cost.svg"


def table(head, rows):
    """A Markdown table."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def rate(episodes):
    """Episodes per second in figures that carry meaning."""
    return f"{episodes:,.0f}" if episodes >= 10 else f"{episodes:.2g}"


def three(x):
    """A ratio in three figures, without powers of ten where it is large."""
    return f"{float(f'{x:.3g}'):,.0f}" if x >= 100 else f"{x:.3g}"


def learner_tables(rows, published):
    """EntGame: one table for each environment and bonus scale."""
    parts = ["## EntGame, exact replanning before every episode\n"]
    for key in dict.fromkeys((row["environment"], row["bonus"]) for row in rows):
        here = [row for row in rows if (row["environment"], row["bonus"]) == key]
        own = max(
            (row["rate"] for row in here if row["method"] == entgame.OWN), default=float("nan")
        )
        lines = [
            (
                row["method"],
                rate(row["rate"]),
                three(row["ratio"]),
                three(own / row["rate"]),
                row["runs"],
            )
            for row in here
        ]
        parts += [f"**{key[0]}, bonus scale {key[1]:g}**\n"]
        parts += [
            table(
                ["method", "episodes a second", "to textbook", "rlentropy to it", "rounds"], lines
            )
        ]
    if not published:
        parts.append(f"{peers.REQUIREMENT} could not be installed and is left out.\n")
    return parts


def optimum_tables(rows):
    """The exact optimum: one table for each environment."""
    parts = ["## The exact optimum of visitation entropy\n"]
    for environment in dict.fromkeys(row["environment"] for row in rows):
        lines = [
            (
                row["method"],
                three(row["seconds"] * 1e3),
                three(row["ratio"]),
                "-" if row["gap"] is None else f"{row['gap']:.1e}",
                f"{row['error']:.1e}",
                row["runs"],
            )
            for row in rows
            if row["environment"] == environment
        ]
        parts += [f"**{environment}**\n"]
        parts += [
            table(
                ["method", "milliseconds", "time ratio", "certified gap", "error", "rounds"], lines
            )
        ]
    return parts


def memory_line(measured):
    """The large grid in one sentence."""
    side, horizon, episodes, seconds, peak = measured
    return (
        f"EntGame with its exact mixture on the {side}x{side} grid with H = {horizon}: "
        f"{episodes:,} episodes in "
        f"{seconds:.1f} s, peak memory of the process {peak / 2**20:,.0f} MiB.\n"
    )


def logits_tables(rows, gain, grown):
    """Two models' logits: one table for each batch, and a line on threads and memory."""
    parts = ["## Entropy change between the logits of two models\n"]
    for batch in dict.fromkeys(row["batch"] for row in rows):
        lines = [
            (
                row["method"],
                three(row["rate"]),
                three(row["ratio"]),
                f"{row['error']:.0e}",
                row["runs"],
            )
            for row in rows
            if row["batch"] == batch
        ]
        head = ["method", "million entries a second", "rlentropy to it", "error of kl", "rounds"]
        parts += [f"**{batch}, float32**\n", table(head, lines)]
    missing = ", ".join(name for name in entropy_change.OTHERS if not named(name, rows))
    if missing:
        parts.append(f"Not installed, and left out: {missing}.\n")
    memory = ", ".join(f"by {mib:,.1f} MiB with {name}" for name, mib in grown.items())
    parts.append(
        f"A second thread makes it {gain:.2f} times faster. "
        f"Beyond its inputs of 1,024 x 32,000 the process grows {memory}.\n"
    )
    return parts


def named(library, rows):
    """Is there a row of this library?"""
    return any(row["method"].startswith(f"{library},") for row in rows)


def with_section(text, section):
    """The text with the section of the same heading replaced, or added at the end."""
    heading = section.partition("\n")[0]
    kept = [part for part in re.split(r"(?m)^(?=## )", text) if not part.startswith(heading)]
    return "\n".join([*(part.rstrip("\n") + "\n" for part in kept if part.strip()), section])


def logits_part(quick):
    """The section on logits, measured."""
    measured = (
        entropy_change.rows(quick),
        entropy_change.threads(quick),
        entropy_change.memory(quick),
    )
    return "\n".join(logits_tables(*measured))


def draw(scaling):
    """Cost of an episode as S, A and H grow."""
    mpl.use("agg")
    plotting.use_style()
    fig, axes = plotting.figure(1, 3, width=7.2, height=2.6, sharey=True)
    for ax, (axis, points), colour in zip(
        axes, scaling.items(), ("blue", "orange", "green"), strict=True
    ):
        sizes, seconds = zip(*points, strict=True)
        ax.loglog(sizes, [1e6 * s for s in seconds], "o-", color=plotting.COLOURS[colour])
        ax.set(xlabel=f"${axis}$", xticks=sizes, xticklabels=sizes)
        ax.minorticks_off()
    axes[0].set_ylabel("µs an episode")
    fig.savefig(FIGURE, metadata={"Date": None})


def main(arguments):
    quick = "--quick" in arguments
    if "--logits" in arguments:
        part = logits_part(quick)
        print(part)
        if not quick:
            text = with_section(RESULTS.read_text(encoding="utf-8"), part)
            RESULTS.write_text(text, encoding="utf-8")
        return 0
    learner = entgame.rows(quick)
    scaling = entgame.scaling(quick)
    measured = entgame.memory(quick)
    optimum = exact_optimum.rows(quick)
    logits = logits_part(quick)
    parts = [
        *learner_tables(learner, quick or peers.python()),
        memory_line(measured),
        *optimum_tables(optimum),
        logits,
    ]
    text = "\n".join(parts)
    print(text)
    if not quick:
        RESULTS.write_text(text, encoding="utf-8")
        draw(scaling)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
