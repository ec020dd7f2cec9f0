"""A layered drawing of a directed graph without cycles, as inline SVG with links and titles;
no system graphviz.

Rows are depths: a statement stands below all that it uses.
Colours come from CSS, so one drawing serves light and dark.
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean

import networkx as nx

WIDTH = 150
LINE = 14
GAP_X = 10
GAP_Y = 40
LETTERS = 22  # of a title that fit into a line of a box
LINES = 3  # of a title at most
PER_ROW = 9  # boxes side by side; a chapter's own graph takes fewer, to fit the text column


@dataclass(frozen=True)
class Box:
    """A node of the drawing: short name, tooltip, link, status (a CSS class),
    whether it belongs to this page, title."""

    name: str
    title: str
    link: str
    style: str
    here: bool = True
    words: str = ""

    @property
    def lines(self) -> list[str]:
        """The title, broken to the width of the box and cut where it is too long."""
        return textwrap.wrap(self.words, LETTERS, max_lines=LINES, placeholder=" …")

    @property
    def height(self) -> int:
        return 12 + LINE * (1 + len(self.lines))


def layers(
    names: Sequence[str], edges: Iterable[tuple[str, str]], per_row: int = PER_ROW
) -> list[list[str]]:
    """Rows of names: each name below everything it uses, at most ``per_row`` in a row,
    neighbours near each other.

    Names without an edge stand in the last rows.
    """
    network = nx.DiGraph()
    network.add_nodes_from(names)
    network.add_edges_from(edges)
    # a circle is a fault that is reported elsewhere;
    # it can be drawn all the same, without its edges back
    place: dict[str, float] = {name: i for i, name in enumerate(names)}
    for ring in nx.strongly_connected_components(network):
        network.remove_edges_from(
            [(a, b) for a, b in network.edges(ring) if b in ring and place[a] >= place[b]]
        )
    alone = [name for name in names if network.degree(name) == 0]
    rows = []
    connected = network.subgraph(set(names) - set(alone))
    for generation in [*nx.topological_generations(connected), alone]:
        ordered = [name for name in names if name in set(generation)]
        rows += [ordered[i : i + per_row] for i in range(0, len(ordered), per_row)]
    for _ in range(6):  # barycentre sweeps, down and up
        for neighbours in (network.predecessors, network.successors):
            place = {name: i - len(row) / 2 for row in rows for i, name in enumerate(row)}
            wanted = {
                name: fmean([place[other] for other in neighbours(name)] or [place[name]])
                for name in place
            }
            for row in rows:
                row.sort(key=wanted.__getitem__)
    return rows


def svg(
    boxes: dict[str, Box], edges: Iterable[tuple[str, str]], title: str, per_row: int = PER_ROW
) -> str:
    """The drawing as an HTML fragment.
    boxes {name: Box}; edges (used, user) that no longer path implies are drawn."""
    network = nx.DiGraph()
    network.add_nodes_from(boxes)
    network.add_edges_from(edges)
    rows = layers(list(boxes), edges, per_row)
    across = max((len(row) for row in rows), default=1)
    width = across * (WIDTH + GAP_X) + GAP_X
    place = {}
    bands = []  # top and bottom of each row
    top = GAP_Y / 2
    for row in rows:
        left = (width - len(row) * (WIDTH + GAP_X) + GAP_X) / 2
        place.update({name: (left + i * (WIDTH + GAP_X), top) for i, name in enumerate(row)})
        tall = max(boxes[name].height for name in row)
        bands.append((top, top + tall))
        top += tall + GAP_Y
    level = {name: i for i, row in enumerate(rows) for name in row}
    gaps = [_gaps([place[name][0] for name in row]) for row in rows]
    needed = sorted(nx.transitive_reduction(network).edges)  # the library's order is a set's
    lines = []
    for a, b in needed:
        passed = [(gaps[i], *bands[i]) for i in range(level[a] + 1, level[b])]
        foot = bands[level[a]][1]
        lines.append(_edge(place[a], place[b], foot, passed, boxes[a].height))
    parts = [
        f'<div class="rl-graph" role="group" aria-label="{escape(title)}" tabindex="0">',
        f'<svg viewBox="0 0 {width:.0f} {top:.0f}" width="{width:.0f}" height="{top:.0f}">',
        *lines,
        *(_box(boxes[name], *place[name]) for name in boxes),
        "</svg></div>",
    ]
    return "\n".join(parts)


def _gaps(lefts: Sequence[float]) -> list[float]:
    """Where a line can pass a row of boxes: left of it, between neighbours, right of it."""
    half = GAP_X / 2
    return [lefts[0] - half, *(left + WIDTH + half for left in lefts)]


def _edge(
    start: tuple[float, float],
    end: tuple[float, float],
    foot: float,
    rows: Sequence[tuple[list[float], float, float]],
    height: int,
) -> str:
    """A curve from the foot of a box, straight to the foot of its row, to the head of another;
    it passes each row between (its gaps, top, bottom) in the gap nearest to the straight line."""
    x = start[0] + WIDTH / 2
    y = foot
    x2 = end[0] + WIDTH / 2
    y2 = end[1]
    path = f"M{x:.0f} {start[1] + height:.0f}V{foot:.0f}"
    for gaps, top, bottom in rows:
        wanted = x + (x2 - x) * (top - y) / (y2 - y)
        gap = min(gaps, key=lambda g: abs(g - wanted))
        path += _bend(x, y, gap, top) + f"V{bottom:.0f}"
        x = gap
        y = bottom
    return f'<path class="rl-edge" d="{path}{_bend(x, y, x2, y2)}"/>'


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    half = (y1 + y2) / 2
    return f"C{x1:.0f} {half:.0f} {x2:.0f} {half:.0f} {x2:.0f} {y2:.0f}"


def _box(box: Box, x: float, y: float) -> str:
    where = "" if box.here else " rl-elsewhere"
    middle = x + WIDTH / 2
    words = "".join(
        f'<tspan x="{middle:.0f}" dy="{LINE}" class="rl-words">{escape(line)}</tspan>'
        for line in box.lines
    )
    return (
        f'<a href="{escape(box.link)}" class="rl-node rl-{box.style}{where}">'
        f"<title>{escape(box.title)}</title>"
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{box.height}" rx="5"/>'
        f'<text x="{middle:.0f}" y="{y + 17:.0f}">{escape(box.name)}{words}</text></a>'
    )
