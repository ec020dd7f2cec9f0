"""Parts of drawings: plain SVG in the colours of the book.

`themed_figures` (in ``book/_ext``) knows the dark twins of these colours, where they stand in a
style; text names none and takes that of the page.
"""

import numpy as np

from rlentropy.plotting import COLOURS

INK, FAINT = "#222222", "#8a8a8a"
BLUE = COLOURS["blue"].lower()
ORANGE = COLOURS["orange"].lower()
FONT = "font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: 16px"
WIDTH = 460  # of most drawings: on a phone their letters are still read


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
    foot = end - size * along
    across = 0.45 * size * np.array([-along[1], along[0]])
    head = path([end, foot + across, foot - across], f"fill: {colour}; stroke: none", closed=True)
    return path([start, foot], stroke(colour, width)) + head


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


def dash(style):
    """A short line for a legend."""
    return lambda x, y: path([(x - 10, y), (x + 10, y)], style)


def fill(colour):
    return f"fill: {colour}; stroke: none"


def bars(left, floor, heights, colours, *, wide=20, gap=6):
    """Bars of these heights in pixels, side by side."""
    parts = [path([(left - gap, floor), (left + len(heights) * (wide + gap), floor)], stroke(INK))]
    for k, (height, colour) in enumerate(zip(heights, colours, strict=True)):
        x = left + k * (wide + gap)
        parts.append(
            box(round(x, 1), round(floor - height, 1), wide, round(height, 1), fill(colour))
        )
    return parts


def columns(groups, *, arrows, tall=96, colour=BLUE):
    """Groups of bars (title, shares in [0, 1]) beside each other, arrows behind the ones named."""
    room = WIDTH / len(groups)
    floor = tall + 24
    parts = []
    for k, (title, shares) in enumerate(groups):
        wide = len(shares) * 26 - 6
        left = k * room + (room - wide) / 2
        parts += bars(left, floor, [tall * share for share in shares], [colour] * len(shares))
        parts.append(text((k + 0.5) * room, floor + 22, title))
        if k in arrows:
            end = (k + 1) * room
            parts.append(arrow((end - 13, floor - tall / 2), (end + 11, floor - tall / 2)))
    return drawing(WIDTH, floor + 34, *parts)


def axes(frame, across, up):
    """Two axes with their names; frame is left, top, width, height."""
    left, top, width, height = frame
    floor = top + height
    return [
        arrow((left, floor), (left + width, floor)),
        arrow((left, floor), (left, top)),
        text(left + width, floor + 22, across, "end"),
        text(left + 8, top + 6, up, "start"),
    ]


def curve(frame, across, up, style, *, most):
    """The curve of ``up`` over ``across`` in axes that end at the two numbers ``most``."""
    left, top, width, height = frame
    x = left + width * np.asarray(across) / most[0]
    y = top + height * (1 - np.asarray(up) / most[1])
    return path(np.stack([x, y], axis=1), style)
