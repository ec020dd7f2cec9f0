"""The one style of the book: colours, sizes, fonts; and drawing functions that take arrays and return Axes.

`use_style` is called in the first cell of every chapter. It also registers the formatter that attaches a digest of the
plotted data to every figure, so that nbval, which ignores pixels, notices when a curve changes.
"""

import hashlib

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.contour import ContourSet
from matplotlib.patches import Polygon, Rectangle
from matplotlib.quiver import Quiver

from rlentropy import verify

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
CYCLE = ("blue", "orange", "green", "purple", "sky", "yellow", "black")
DIGEST_MIME = "application/vnd.rlentropy.figure+json"

_STYLE = {
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
    "axes.prop_cycle": mpl.cycler(color=[COLOURS[c] for c in CYCLE]),
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "image.cmap": "cividis",
}


def use_style():
    """Apply the book's style, attach data digests to figures, and let checks time themselves per cell."""
    mpl.rcParams.update(_STYLE)
    verify.watch_cells()
    shell = verify._shell()
    if shell is not None:
        shell.display_formatter.formatters[DIGEST_MIME] = _digest_formatter(shell)


def figure(rows=1, cols=1, *, width=6.4, height=3.6, **kwargs):
    """plt.subplots of the book's size in inches; returns (figure, axes)."""
    return plt.subplots(rows, cols, figsize=(width, height), **kwargs)


# ----------------------------------------------------------------------------------------- digests of plotted data


def _digest_formatter(shell):
    from IPython.core.formatters import BaseFormatter
    from traitlets import ObjectName, Unicode

    class FigureDigest(BaseFormatter):
        format_type = Unicode(DIGEST_MIME)
        print_method = ObjectName("_repr_figure_digest_")
        _return_type = dict

    formatter = FigureDigest(parent=shell.display_formatter)
    formatter.for_type(mpl.figure.Figure, digest)
    return formatter


def digest(fig):
    """What a figure shows, as JSON: per axes its labels and, per series, name, length and a hash of the rounded data.

    Data are rounded to 1e-6 of the series' largest size, on a grid shifted off the round numbers: noise in the last
    digits (other machines) leaves the hash alone, a changed curve does not.
    """
    return {"axes": [_axes_digest(ax) for ax in fig.axes]}


def _axes_digest(ax):
    series = [[line.get_label(), *_hash(line.get_xydata())] for line in ax.lines]
    series += [[c.get_label(), *_hash(c.get_offsets())] for c in ax.collections if len(c.get_offsets())]
    series += [[c.get_label(), *_hash(_vertices(c))] for c in ax.collections if len(_vertices(c))]
    series += [[f"image {i}", *_hash(image.get_array())] for i, image in enumerate(ax.images)]
    series += [[f"arrows {i}", *_hash([c.U, c.V])] for i, c in enumerate(ax.collections) if isinstance(c, Quiver)]
    bars = [[p.get_x(), p.get_y(), p.get_width(), p.get_height()] for p in ax.patches if isinstance(p, Rectangle)]
    if bars:
        series.append(["bars", *_hash(bars)])
    shapes = [p.get_path().vertices for p in ax.patches if isinstance(p, Polygon)]
    if shapes:
        series.append(["polygons", *_hash(np.concatenate(shapes))])
    title, x, y = ax.get_title(), ax.get_xlabel(), ax.get_ylabel()
    return {"title": title, "x": x, "y": y, "scales": [ax.get_xscale(), ax.get_yscale()], "series": series}


def _vertices(collection):
    """Corners of filled bands and of contour lines, values of meshes and of coloured points; else empty."""
    if isinstance(collection, ContourSet):  # its array holds only the levels, the drawn data are in the paths
        return np.concatenate([path.vertices for path in collection.get_paths()])
    values = collection.get_array()
    if values is not None:
        return np.ravel(values)
    if len(collection.get_offsets()) > 1:
        return np.empty(0)
    paths = [path.vertices for path in collection.get_paths()]
    return np.concatenate(paths) if paths else np.empty(0)


def _hash(data):
    data = np.ma.filled(np.ma.asarray(data, dtype=float), np.nan)
    size = np.nanmax(np.abs(data[np.isfinite(data)]), initial=0.0) or 1.0
    # +0.3: off the round numbers that plots are full of, so that noise of 1e-13 cannot tip a value over an edge
    with np.errstate(invalid="ignore"):
        cells = np.where(np.isfinite(data), np.floor(data / size * 1e6 + 0.3), np.nan)
    marks = np.where(np.isnan(data), 2**40, np.where(np.isinf(data), np.sign(data) * 2**41, cells))
    return len(data), hashlib.sha256(np.ascontiguousarray(marks.astype(np.int64)).tobytes()).hexdigest()[:16]
