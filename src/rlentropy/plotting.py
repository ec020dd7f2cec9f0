"""The one style of the book: colours, sizes, fonts;
and drawing functions that take arrays and return Axes.

What they are given is looked at first: ValueError names the argument, index and value of what
cannot be drawn. A place that is nan or infinite stays empty where a place may be empty.
`use_style` is called in the first cell of every chapter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.tri import Triangulation, TriContourSet
from numpy.typing import ArrayLike, NDArray

from rlentropy import distributions as dist
from rlentropy._types import Floats
from rlentropy.validation import (
    check_array,
    check_axis,
    check_choice,
    check_finite,
    check_flag,
    check_integer,
    check_kind,
    check_number,
    check_positive,
    check_reals,
    refuse,
)

# Okabe & Ito (2008): distinguishable with the common colour-vision deficiencies.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#E69F00",
    "black": "#222222",
    "grey": "#8A8A8A",
}
LINES = ("-", "--", "-.", ":")
# Rows and columns of a figure.
MOST = 100
CYCLE = ("blue", "orange", "green", "purple", "sky", "yellow", "black")

_STYLE: Any = {
    "figure.figsize": (6.4, 3.6),
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": mpl.rcsetup.cycler(color=[COLOURS[c] for c in CYCLE]),
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "image.cmap": "cividis",
    # vector pictures with equal identifiers in every run; heat maps keep their cells, and what has
    # too many points for a vector picture is drawn at twice a screen's resolution
    "svg.hashsalt": "rlentropy",
    "image.interpolation": "none",
    "savefig.dpi": 220,
}


def use_style() -> None:
    """Apply the book's style."""
    mpl.rcParams.update(_STYLE)


def figure(
    rows: int = 1, cols: int = 1, *, width: float = 6.4, height: float = 3.6, **kwargs: Any
) -> tuple[Figure, Any]:
    """plt.subplots of the book's size in inches; returns (figure, axes)."""
    rows = check_integer("rows", rows, low=1, high=MOST)
    cols = check_integer("cols", cols, low=1, high=MOST)
    size = (check_positive("width", width), check_positive("height", height))
    return plt.subplots(rows, cols, figsize=size, **kwargs)


def _drawable(name: str, x: ArrayLike, shape: tuple[int | None, ...]) -> Floats:
    """Numbers of a shape; a place that is nan or infinite stays empty."""
    x = check_reals(name, x, shape)
    refuse(name, x, np.isfinite(x) & (np.abs(x) > 1e150), "too large to be drawn")
    return x


def _limit(name: str, x: float | None) -> float | None:
    """An end of a scale of colours; None for that of the data."""
    return None if x is None else check_number(name, x)


# ------------------------------------------------------------------------------- grids and simplex


def heat_map(
    ax: Axes,
    values: ArrayLike,
    *,
    title: str | None = None,
    label: str | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
) -> Axes:
    """A grid of numbers (rows, cols) as coloured cells, the first row on top, with a colour bar;
    returns ax.

    Raises ValueError unless there are two axes:
    sum a visitation (H, S, A) over stages and actions, then reshape it.
    """
    check_kind("ax", ax, Axes)
    # matplotlib would take (n, m, 4) for colours
    values = _drawable("values", values, (None, None))
    image = ax.imshow(values, vmin=_limit("vmin", vmin), vmax=_limit("vmax", vmax))
    ax.grid(False)
    ax.set(xticks=[], yticks=[], title=title or "")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.75)
    return ax


def simplex_points(p: ArrayLike) -> Floats:
    """Barycentric to plane: probabilities (..., 3) -> (..., 2).

    The corners are (0, 0), (1, 0), (1/2, sqrt(3)/2).
    """
    p = check_axis("p", check_array("p", p), "three probabilities")
    if p.shape[-1] != 3:
        raise ValueError(f"p: shape {p.shape}, expected (..., 3)")
    return p @ np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])


def simplex_grid(steps: int) -> Floats:
    """All distributions on three actions with entries k / steps; ((steps+1)(steps+2)/2, 3)."""
    steps = check_integer("steps", steps, low=1, high=10_000)
    i, j = np.nonzero(np.add.outer(np.arange(steps + 1), np.arange(steps + 1)) <= steps)
    return np.stack([steps - i - j, i, j], axis=1) / steps


def simplex_axes(ax: Axes, labels: Sequence[str] = ("action 1", "action 2", "action 3")) -> Axes:
    """Draw the triangle of all distributions on three actions, corners named; returns ax."""
    check_kind("ax", ax, Axes)
    if isinstance(labels, str) or np.shape(labels) != (3,):
        raise ValueError(f"labels = {labels!r}: expected three names")
    corners = simplex_points(np.eye(3)[[0, 1, 2, 0]])
    ax.plot(*corners.T, color=COLOURS["black"], linewidth=1.0, label="_simplex")
    for (x, y), label, side in zip(corners, labels, ("top", "top", "bottom"), strict=False):
        ax.annotate(
            label,
            (x, y),
            xytext=(0, 5 if side == "bottom" else -5),
            textcoords="offset points",
            ha="center",
            va=side,
        )
    ax.set(aspect="equal", xlim=(-0.12, 1.12), ylim=(-0.12, 1.0))
    ax.axis("off")
    return ax


def simplex_field(
    ax: Axes, values: ArrayLike, steps: int, *, levels: int | ArrayLike, filled: bool = True
) -> TriContourSet:
    """Contours of ``values`` (one for each row of ``simplex_grid(steps)``) on the triangle;
    returns the contour set."""
    check_kind("ax", ax, Axes)
    points = simplex_points(simplex_grid(steps))
    values = check_finite("values", _drawable("values", values, (len(points),)))
    triangles = Triangulation(*points.T)
    if np.ndim(levels) == 0:
        levels = check_integer("levels", levels, low=1, high=1000)
    else:
        levels = check_array("levels", levels, (None,))
    if check_flag("filled", filled):
        return ax.tricontourf(triangles, values, levels=levels)
    return ax.tricontour(triangles, values, levels=levels, colors=COLOURS["grey"], linewidths=0.8)


def entropy_contours(
    ax: Axes,
    *,
    levels: Sequence[float] = (0.2, 0.4, 0.6, 0.8, 1.0),
    steps: int = 120,
    filled: bool = False,
) -> TriContourSet:
    """Contours of the entropy in nats on the simplex of three actions,
    from 0 at the corners to log 3; returns the set.

    ``filled=True`` colours all of the triangle and takes 0 and log 3 into the levels.
    """
    filled = check_flag("filled", filled)
    chosen = check_array("levels", levels, (None,))
    values = dist.entropy(dist.log_probabilities(simplex_grid(steps)))
    # a hair beyond the extremes, so that the corners and the centre are coloured too
    if filled:
        chosen = np.array([-1e-6, *chosen, np.log(3) + 1e-6])
    return simplex_field(ax, values, steps, levels=chosen, filled=filled)


def simplex_curve(
    ax: Axes,
    values: ArrayLike,
    steps: int,
    *,
    level: float = 0.0,
    colour: str = "orange",
    label: str | None = None,
) -> TriContourSet:
    """The curve values = level on the triangle, one value for each row of ``simplex_grid(steps)``;
    returns the set.

    A value that is not finite (a logarithm on an edge) cuts the curve there.
    ``label`` goes into the legend.
    """
    check_kind("ax", ax, Axes)
    check_choice("colour", colour, COLOURS)
    level = check_number("level", level)
    points = simplex_points(simplex_grid(steps))
    values = _drawable("values", values, (len(points),))
    triangles = Triangulation(*points.T)
    holes = ~np.isfinite(values)
    triangles.set_mask(holes[triangles.triangles].any(axis=1))
    shown = ax.tricontour(
        triangles,
        np.where(holes, level, values),
        levels=[level],
        colors=COLOURS[colour],
        linewidths=1.8,
        linestyles="--",
    )
    if label is not None:
        ax.plot([], [], "--", color=COLOURS[colour], label=label)
    return shown


def simplex_path(
    ax: Axes,
    policies: ArrayLike,
    *,
    colour: str = "orange",
    label: str | None = None,
    arrow: bool = True,
) -> Axes:
    """A path of distributions (K, 3) on the triangle: line, dot at its start, arrow head half-way;
    returns ax."""
    check_kind("ax", ax, Axes)
    check_choice("colour", colour, COLOURS)
    policies = _drawable("policies", policies, (None, 3))
    points = simplex_points(check_finite("policies", policies))
    ax.plot(*points.T, color=COLOURS[colour], label=label)
    ax.plot(*points[0], "o", color=COLOURS[colour], label="_start")
    lengths = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    middle = int(np.clip(np.searchsorted(lengths, lengths[-1] / 2), 1, len(points) - 1))
    if check_flag("arrow", arrow) and lengths[-1] > 0:
        style = {"arrowstyle": "-|>", "color": COLOURS[colour], "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", points[middle], xytext=points[middle - 1], arrowprops=style)
    return ax


# ----------------------------------------------------------------------------- visits of explorers


def run_band(
    ax: Axes,
    x: ArrayLike,
    runs: ArrayLike,
    *,
    colour: str,
    label: str | None = None,
    style: str = "-",
) -> Axes:
    """Mean of the runs (K, n) over x (n,) as a line, smallest to largest as a band; returns ax."""
    check_kind("ax", ax, Axes)
    check_choice("colour", colour, COLOURS)
    check_choice("style", style, LINES)
    x = _drawable("x", x, (None,))
    runs = _drawable("runs", np.atleast_2d(check_reals("runs", runs)), (None, len(x)))
    ax.plot(x, runs.mean(axis=0), style, color=COLOURS[colour], label=label)
    if len(runs) > 1:
        ax.fill_between(
            x, runs.min(axis=0), runs.max(axis=0), color=COLOURS[colour], alpha=0.2, lw=0
        )
    return ax


def visit_maps(
    axes: Any,
    visits: Mapping[str, ArrayLike],
    *,
    least: float,
    most: float,
    label: str | None = None,
) -> NDArray[Any]:
    """One map (rows, cols) per name of the table ``visits``,
    with a common logarithmic colour scale; returns axes.

    Cells with less than ``least`` > 0 are white, more than ``most`` has the last colour.
    Axes without a map are hidden.
    Raises ValueError for more maps than axes.
    """
    axes = np.ravel(axes)
    for i, ax in enumerate(axes):
        check_kind(f"axes[{i}]", ax, Axes)
    if not isinstance(visits, Mapping):
        raise ValueError(f"visits: {type(visits).__name__}, expected a table of maps by name")
    least = check_positive("least", least)
    if not check_number("most", most) > least:
        raise ValueError(f"most = {most}: must be greater than least = {least}")
    if len(visits) > len(axes):
        raise ValueError(f"visits: {len(visits)} maps for {len(axes)} axes")
    scale = mpl.colors.LogNorm(vmin=least, vmax=most)
    image = None
    for ax, (name, values) in zip(axes, visits.items(), strict=False):
        values = _drawable(f"visits[{name!r}]", values, (None, None))
        image = ax.imshow(np.ma.masked_less(values, least), norm=scale)
        ax.grid(False)
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, fontsize=9)
    for ax in axes[len(visits) :]:
        ax.axis("off")
    if image is not None:
        axes[0].figure.colorbar(
            image, ax=list(axes), label=label, location="bottom", shrink=0.7, aspect=40
        )
    return axes
