"""Draw the two pictures of the preface and the README: ``python tools/front_pictures.py``.

All that looks like numbers is computed by the package. Each picture has a dark twin: the pages of
the book make theirs themselves (``book/_ext/themed_figures.py``), a code host has to be given one.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from drawing import BLUE, FAINT, INK, ORANGE, dash, dot, drawing, fill, legend, path, stroke, text
from source_key import ROOT

from rlentropy import distributions as dist
from rlentropy import plotting
from rlentropy.episodic import max_entropy as mve
from rlentropy.episodic.environments import grid_world
from rlentropy.episodic.trajectory_entropy import uniform_policy
from rlentropy.episodic.visitation import policy_visitation

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from themed_figures import IN_STYLE, TWINS

TARGET = ROOT / "book" / "moving"
GREEN = plotting.COLOURS["green"].lower()
WIDTH, HEIGHT = 420, 330
REWARDS = np.array([1.0, 0.4, 0.0])
CORNERS = np.array([[20.0, 302.0], [328.0, 302.0], [174.0, 35.3]])


def losing():
    """Two paths of NPG on the triangle of policies, rings of equal entropy, where its rate is 0."""
    parts = [path(CORNERS, stroke(INK), closed=True)]
    grid = dist.log_probabilities(plotting.simplex_grid(160))
    for level in (0.4, 0.7, 0.95):
        parts += level_lines(dist.entropy(grid), level, stroke(FAINT, 1.4))
    rates = np.full(len(grid), np.nan)
    inside = np.isfinite(grid).all(axis=1)
    rates[inside] = -dist.covariance(grid[inside], grid[inside], REWARDS)
    parts += level_lines(rates, 0.0, stroke(ORANGE, 2.5, "7 5"))
    starts = {BLUE: [0.5, 0.3, 0.2], GREEN: [0.02, 0.08, 0.9]}
    for colour, start in starts.items():
        steps = np.linspace(0, 14, 71)[:, None]
        parts.append(
            path(dist.softmax(np.log(start) + steps * REWARDS) @ CORNERS, stroke(colour, 3.5))
        )
        parts.append(dot(*(start @ CORNERS)))
    parts.append(text(4, 324, "best action", "start"))
    parts.append(text(344, 324, "second", "end"))
    parts.append(text(174, 24, "worst"))
    words = ("it falls", "it rises first", "rate 0", "equal entropy")
    styles = (stroke(BLUE, 3.5), stroke(GREEN, 3.5), stroke(ORANGE, 2.5, "7 5"), stroke(FAINT, 1.4))
    parts += legend(258, 60, *zip(map(dash, styles), words, strict=True))
    return drawing(WIDTH, HEIGHT, *parts)


def level_lines(values, level, style):
    """The lines ``values`` = ``level`` on the triangle, one value for each row of the grid."""
    fig, ax = plt.subplots()
    (lines,) = plotting.simplex_curve(ax, values, 160, level=level).allsegs
    plt.close(fig)
    weights = np.linalg.inv(np.column_stack([plotting.simplex_points(np.eye(3)), np.ones(3)]))
    every = [np.column_stack([line, np.ones(len(line))]) @ weights @ CORNERS for line in lines]
    return [path(thinned(line), style) for line in every if len(line) > 4]


def thinned(line):
    """Every fourth point, and the last."""
    return np.concatenate([line[:-1:4], line[-1:]])


def exploring(cells=21):
    """Visits of uniform actions and of the policy of largest visitation entropy, in one episode."""
    mdp = grid_world(rows=cells, cols=cells, success=0.95, horizon=20)
    pair = {
        "random actions": policy_visitation(mdp, uniform_policy(mdp)),
        "largest entropy": mve.solve(mdp).visitation,
    }
    parts = []
    for k, (name, d) in enumerate(pair.items()):
        left = 4 + 212 * k
        top = 66
        size = 9.5  # of a cell
        parts += shades(np.log10(np.maximum(d.sum(axis=(0, 2)), 1e-9)), cells, left, top, size)
        right = left + cells * size
        floor = top + cells * size
        edge = [(left, top), (right, top), (right, floor), (left, floor)]
        parts.append(path(edge, stroke(INK, 1.5), closed=True))
        parts.append(text(left + cells * size / 2, top - 14, name))
    parts.append(text(4, 296, "blank: less than one visit in 10,000 episodes", "start"))
    parts.append(text(4, 320, "full blue: two visits an episode", "start"))
    return drawing(WIDTH, HEIGHT, *parts)


def shades(visits, cells, left, top, size, *, low=-4.0, high=0.3, steps=16):
    """Cells of equal shade as one path each; white below ``low``, full from ``high`` on."""
    shade = np.ceil(steps * np.clip((visits - low) / (high - low), 0, 1)).astype(int)
    parts = []
    for step in range(1, steps + 1):
        rows, columns = np.divmod(np.flatnonzero(shade == step), cells)
        corners = zip(left + size * columns, top + size * rows, strict=True)
        squares = "".join(f"M{x:g} {y:g}h{size}v{size}h-{size}z" for x, y in corners)
        if squares:
            style = f"{fill(BLUE)}; fill-opacity: {step / steps:.2f}; shape-rendering: crispEdges"
            parts.append(f'<path d="{squares}" style="{style}"/>')
    return parts


def dark(picture):
    """The picture for a dark page: each colour becomes its twin, text the ink of such a page."""
    ink = TWINS["#000000"]
    twin = IN_STYLE.sub(lambda colour: TWINS.get(colour[0], colour[0]), picture)
    return twin.replace("<svg ", f'<svg fill="{ink}" ', 1)


PICTURES = (losing, exploring)


def main():
    for draw in PICTURES:
        picture = draw()
        for end, drawn in (("", picture), ("_dark", dark(picture))):
            file = TARGET / f"{draw.__name__}{end}.svg"
            file.write_text(drawn, encoding="utf-8")
            print(f"{file.relative_to(ROOT)}: {len(drawn) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
