"""Draw the pictures at the head of chapters into ``book/moving``: ``python tools/drawings.py``.

Plain SVG in the colours of the book, of which ``book/_ext/themed_figures.py`` knows the dark twins;
so a colour stands in a style, and text has none: it takes that of the page.
"""

import sys
from itertools import pairwise
from math import cos, pi, sin
from pathlib import Path

import numpy as np

from rlentropy import distributions as dist
from rlentropy.discounted import natural_gradient
from rlentropy.plotting import COLOURS

TARGET = Path(__file__).resolve().parent.parent / "book" / "moving"
INK, FAINT = "#222222", "#8a8a8a"
BLUE, ORANGE = COLOURS["blue"].lower(), COLOURS["orange"].lower()
FONT = "font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: 16px"


# ------------------------------------------------------------------------------------------- parts


def numbers(*values):
    return " ".join(f"{value:.1f}".removesuffix(".0") for value in values)


def drawing(width, height, *parts):
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', *parts, "</svg>"]
    return "\n".join(lines) + "\n"


def stroke(colour, width=2, dashes=""):
    dashed = f"; stroke-dasharray: {dashes}" if dashes else ""
    return f"fill: none; stroke: {colour}; stroke-width: {width}{dashed}"


def path(points, style, closed=False):
    route = "L".join(numbers(*point) for point in points)
    return f'<path d="M{route}{"Z" if closed else ""}" style="{style}"/>'


def circle(x, y, r, style):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" style="{style}"/>'


def box(x, y, width, height, style, round_=0):
    place = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="{round_}"'
    return f'<rect {place} style="{style}"/>'


def text(x, y, words, anchor="middle"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{FONT}">{words}</text>'


def arrow(start, end, colour=INK, width=2):
    """A straight line with a head at its end."""
    start, end = np.array(start, float), np.array(end, float)
    along = (end - start) / np.hypot(*(end - start))
    size = 4 + 2.5 * width
    foot, across = end - size * along, 0.45 * size * np.array([-along[1], along[0]])
    head = path([end, foot + across, foot - across], f"fill: {colour}; stroke: none", closed=True)
    return path([start, foot], stroke(colour, width)) + head


# ---------------------------------------------------------------------------------------- pictures


def legend(x, y, *lines):
    """Marks with their words below each other; a mark is a function of its place, or None."""
    parts = []
    for k, (mark, words) in enumerate(lines):
        at = y + 32 * k
        if mark is not None:
            parts.append(mark(x + 10, at))
        parts.append(text(x + 30, at + 5, words, "start"))
    return parts


def dot(x, y):
    return circle(x, y, 7, f"fill: {INK}; stroke: none")


def sample(colour, width):
    """A short arrow for a legend."""
    return lambda x, y: arrow((x - 10, y), (x + 11, y), colour, width)


def double_chain(arm=4):
    """States of the double chain in a row, the start in the middle, both moves between them."""
    step, radius, y, edge = 54, 14, 58, 24
    places = [edge + i * step for i in range(2 * arm + 1)]
    middle = places[arm]
    parts = [circle(x, y, radius, stroke(INK, 4 if x == middle else 2)) for x in places]
    for left, right in pairwise(places):
        near, far = left + radius + 1, right - radius - 1
        parts.append(arrow((far, y - 6), (near, y - 6), ORANGE))
        parts.append(arrow((near, y + 6), (far, y + 6), BLUE))
    parts.append(text(middle, y - 28, "start"))
    parts.append(text(places[0] - radius, y - 28, "wall", "start"))
    parts.append(text(places[-1] + radius, y - 28, "wall", "end"))
    parts.append(arrow((middle - 26, y + 47), (middle - 48, y + 47), ORANGE))
    parts.append(text(middle - 58, y + 52, "action 0", "end"))
    parts.append(arrow((middle + 26, y + 47), (middle + 48, y + 47), BLUE))
    parts.append(text(middle + 58, y + 52, "action 1", "start"))
    return drawing(2 * middle, 122, *parts)


def grid(cells=7):
    """A grid world: the start in the middle, and where a move to the right may lead."""
    size, edge = 28, 8
    full = cells * size
    parts = [box(edge, edge, full, full, stroke(INK))]
    for k in range(1, cells):
        at = edge + k * size
        parts.append(path([(at, edge), (at, edge + full)], stroke(FAINT, 1)))
        parts.append(path([(edge, at), (edge + full, at)], stroke(FAINT, 1)))
    middle = edge + full / 2
    parts.append(arrow((middle, middle), (middle + size + 6, middle), BLUE, 4))
    for x, y in ((0, -1), (0, 1), (-1, 0)):
        end = (middle + (size + 4) * x, middle + (size + 4) * y)
        parts.append(arrow((middle, middle), end, ORANGE, 1.4))
    parts.append(dot(middle, middle))
    marks = [(dot, "start of an episode"), (sample(BLUE, 4), "the move asked for")]
    marks += [(sample(ORANGE, 1.4), "where it goes if it fails"), (None, "walls keep the explorer")]
    parts += legend(edge + full + 16, 58, *marks)
    return drawing(460, full + 2 * edge, *parts)


def game_loop():
    """Forecaster, explorer, environment, and what goes between them."""
    width, height = 118, 50
    places = {"forecaster": (4, 34), "explorer": (338, 34), "environment": (171, 190)}
    colours = {"forecaster": ORANGE, "explorer": BLUE, "environment": INK}
    parts = []
    for name, (x, y) in places.items():
        parts.append(box(x, y, width, height, stroke(colours[name], 2.5), 8))
        parts.append(text(x + width / 2, y + height / 2 + 5, name))
    parts.append(arrow((130, 59), (330, 59)))
    parts.append(text(230, 48, "prediction d̄"))
    parts.append(text(230, 80, "pays log 1/d̄"))
    parts.append(arrow((424, 92), (302, 204)))
    parts.append(text(384, 164, "actions", "start"))
    parts.append(arrow((272, 184), (364, 92)))
    parts.append(text(307, 136, "transitions", "end"))
    parts.append(arrow((165, 208), (58, 92)))
    parts.append(text(94, 164, "visits", "end"))
    return drawing(460, 248, *parts)


def simplex_step():
    """One NPG step on the triangle, with rings of equal cost KL(p || pi) around the old policy."""
    corners = np.array([[134.0, 26.0], [14.0, 233.8], [254.0, 233.8]])
    policy = np.array([0.26, 0.42, 0.32])
    gain = np.array([1.0, 0.1, 0.3])
    times = np.linspace(0.02, 1.3, 24)
    way = [np.exp(natural_gradient.step(np.log(policy), gain, eta)) @ corners for eta in times]
    parts = [path(corners, stroke(INK), closed=True)]
    for cost in (0.02, 0.08, 0.18):
        circled = [p @ corners for p in ring(policy, cost)]
        parts.append(path(circled, stroke(FAINT, 1.4, "2 4"), closed=True))
    parts.append(path(way[:-2], stroke(BLUE, 3)))
    parts.append(arrow(way[-4], way[-1], BLUE, 3))
    parts.append(dot(*(policy @ corners)))
    parts.append(text(134, 17, "action 1, the best"))
    parts.append(text(4, 254, "action 2", "start"))
    parts.append(text(268, 254, "action 3", "end"))
    dots = lambda x, y: path([(x - 10, y), (x + 10, y)], stroke(FAINT, 2, "2 4"))
    marks = [(dot, "the old policy π"), (sample(BLUE, 3), "one step of NPG")]
    parts += legend(268, 90, *marks, (dots, "equal cost KL(p ‖ π)"))
    return drawing(460, 262, *parts)


def ring(policy, cost, points=60):
    """Policies p with KL(p || policy) = cost, in all directions around it; (points, 3)."""
    sides = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]) / np.sqrt([[2.0], [6.0]])
    return [on_ring(policy, cost, [cos(a), sin(a)] @ sides) for a in 2 * pi * np.arange(points) / points]


def on_ring(policy, cost, direction):
    falling = direction < 0
    low, high = 0.0, np.min(-policy[falling] / direction[falling])
    for _ in range(50):
        far = (low + high) / 2
        p = policy + far * direction
        low, high = (far, high) if dist.kl(np.log(p), np.log(policy)) < cost else (low, far)
    return policy + low * direction


PICTURES = {
    "double_chain.svg": double_chain,
    "grid.svg": grid,
    "game_loop.svg": game_loop,
    "simplex_step.svg": simplex_step,
}


def main():
    for name, draw in PICTURES.items():
        (TARGET / name).write_text(draw(), encoding="utf-8")
        print(f"book/moving/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
