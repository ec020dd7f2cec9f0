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


def tables(rows, keys, title, columns):
    """A title in bold and a table for each group of rows with the same ``keys``.

    title     a format of a row; ``columns`` {head: the cell of a row}
    """
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    for group in groups.values():
        yield f"**{title.format(**group[0])}**\n"
        yield table(list(columns), [[cell(row) for cell in columns.values()] for row in group])


def learner_tables(rows, published):
    """EntGame: one table for each environment and bonus scale."""
    own = {
        (row["environment"], row["bonus"]): row["rate"]
        for row in rows
        if row["method"] == entgame.OWN
    }

    def of_own(row):
        return own.get((row["environment"], row["bonus"]), float("nan")) / row["rate"]

    columns = {
        "method": lambda row: row["method"],
        "episodes a second": lambda row: rate(row["rate"]),
        "to textbook": lambda row: three(row["ratio"]),
        "rlentropy to it": lambda row: three(of_own(row)),
        "rounds": lambda row: row["runs"],
    }
    yield "## EntGame, exact replanning before every episode\n"
    yield from tables(
        rows, ("environment", "bonus"), "{environment}, bonus scale {bonus:g}", columns
    )
    if not published:
        yield f"{peers.REQUIREMENT} could not be installed and is left out.\n"


def optimum_tables(rows):
    """The exact optimum: one table for each environment."""
    columns = {
        "method": lambda row: row["method"],
        "milliseconds": lambda row: three(row["seconds"] * 1e3),
        "time ratio": lambda row: three(row["ratio"]),
        "certified gap": lambda row: "-" if row["gap"] is None else f"{row['gap']:.1e}",
        "error": lambda row: f"{row['error']:.1e}",
        "rounds": lambda row: row["runs"],
    }
    yield "## The exact optimum of visitation entropy\n"
    yield from tables(rows, ("environment",), "{environment}", columns)


def memory_line(measured):
    """The large grid in one sentence."""
    side, horizon, episodes, seconds, peak = measured
    return (
        f"EntGame with its exact mixture on the {side}x{side} grid with H = {horizon}: "
        f"{episodes:,} episodes in {seconds:.1f} s, "
        f"peak memory of the process {peak / 2**20:,.0f} MiB.\n"
    )


def logits_tables(rows, gain, grown):
    """Two models' logits: one table for each batch, and a line on threads and memory."""
    columns = {
        "method": lambda row: row["method"],
        "million entries a second": lambda row: three(row["rate"]),
        "rlentropy to it": lambda row: three(row["ratio"]),
        "error of kl": lambda row: f"{row['error']:.0e}",
        "rounds": lambda row: row["runs"],
    }
    yield "## Entropy change between the logits of two models\n"
    yield from tables(rows, ("batch",), "{batch}, float32", columns)
    missing = ", ".join(name for name in entropy_change.OTHERS if not named(name, rows))
    if missing:
        yield f"Not installed, and left out: {missing}.\n"
    memory = ", ".join(f"by {mib:,.1f} MiB with {name}" for name, mib in grown.items())
    yield (
        f"A second thread makes it {gain:.2f} times faster. "
        f"Beyond its inputs of 1,024 x 32,000 the process grows {memory}.\n"
    )


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
    rows = entropy_change.rows(quick)
    gain = entropy_change.threads(quick)
    return "\n".join(logits_tables(rows, gain, entropy_change.memory(quick)))


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
