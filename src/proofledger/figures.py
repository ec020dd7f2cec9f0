"""What a matplotlib figure shows, as JSON that a notebook keeps beside the picture.

nbval ignores pixels, so a changed curve would pass it. `register` makes every figure that a
notebook displays carry its `digest`; `differences` compares two digests:

* words (labels, titles, colours, line styles, markers, names of scales) have to be equal;
* places are measured on the axes, from 0 at the left or bottom edge to 1 at the right or top one,
  through the scale of the axes (a logarithm, say) and its limits; values of images, meshes and
  coloured points are measured on their colour scale, from 0 to 1; both may differ by `TOLERANCE`,
  a hundredth of a pixel;
* other numbers (limits, levels, sizes) may differ by `TOLERANCE` of the largest of their row.

So the last digits of another processor pass, wherever they fall: nothing is rounded before it is
compared, and there is no edge of a rounding grid to fall over. Long rows are kept as weighted means
of `BLOCK` neighbours each: a point that moves by `TOLERANCE` times 2 `BLOCK` of the axes is seen.
Contours, whose corners come and go with the last digit of a value, are kept as the length of
each level and its moments.

A digest that meets a kind of artist it does not know raises TypeError instead of leaving it out.
"""

import json
from collections.abc import Mapping, Sequence
from functools import singledispatch
from itertools import groupby
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection, QuadMesh
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Patch
from matplotlib.path import Path
from matplotlib.quiver import Quiver
from matplotlib.spines import Spine
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import IdentityTransform, Transform
from numpy.typing import ArrayLike, NDArray

MIME = "application/vnd.proofledger.figure+json"
TOLERANCE = 1e-5
BLOCK = 32
PLACES = "places"  # rows of numbers of size 1, compared absolutely
NUMBERS = "numbers"  # rows of numbers of any size, compared relatively

# What a digest says of one artist, as JSON.
Entry = dict[str, Any]


# ---------------------------------------------------------------------------------- in a notebook


def register(shell: Any) -> None:
    """Let every figure that the IPython ``shell`` displays carry its digest under `MIME`.

    The inline backend removes the printers of figures from all formatters when it draws its first
    figure (``select_figure_formats``); this formatter has no printer to remove.
    """
    from IPython.core.formatters import BaseFormatter

    class FigureDigest(BaseFormatter):
        _return_type = dict

        def __call__(self, obj: Any) -> Entry | None:
            return digest(obj) if isinstance(obj, mpl.figure.Figure) else None

    formatter = FigureDigest(parent=shell.display_formatter, format_type=MIME)
    shell.display_formatter.formatters[MIME] = formatter


# ---------------------------------------------------------------------------------------- digests


def digest(figure: Figure) -> Entry:
    """Everything visible in ``figure``, as JSON; raises TypeError for an artist of unknown kind."""
    return _figure(figure, figure.transFigure)


@singledispatch
def _describe(artist: Any, _frame: Transform) -> Entry | None:
    """The entry of an artist; ``_frame`` maps the unit square to where places are measured."""
    raise TypeError(f"no digest for artists of kind {type(artist).__name__}")


def _entry(
    artist: Any,
    *,
    words: Mapping[str, Any] | None = None,
    places: Mapping[str, Any] | None = None,
    numbers: Mapping[str, Any] | None = None,
    shows: Sequence[Entry] = (),
) -> Entry:
    """The entry of an artist; rows are dicts {name: array}, empty parts are left out."""
    entry: Entry = {"kind": type(artist).__name__}
    if words:
        entry["words"] = {
            name: value for name, value in words.items() if value not in ("", [], None)
        }
    if places:
        entry[PLACES] = {name: _row(values, "{:.6f}") for name, values in places.items()}
    if numbers:
        entry[NUMBERS] = {name: _row(values, "{:.7g}") for name, values in numbers.items()}
    if shows:
        entry["shows"] = list(shows)
    return entry


@_describe.register(FigureBase)
def _figure(artist: Any, _frame: Transform) -> Entry:
    names = ("suptitle", "supxlabel", "supylabel")
    titles = {name: getattr(artist, f"get_{name}")() for name in names}
    placed = [artist._suptitle, artist._supxlabel, artist._supylabel]  # where the layout wants them
    shown = _children(artist, artist.transSubfigure, skip=placed)
    return _entry(artist, words=titles, shows=shown)


@_describe.register(Axes)
def _axes(artist: Any, _frame: Transform) -> Entry:
    if artist.name == "3d":
        raise TypeError("no digest for axes in three dimensions")
    words = {
        "titles": [artist.get_title(loc) for loc in ("left", "center", "right")],
        "labels": [artist.get_xlabel(), artist.get_ylabel()],
        "scales": [artist.name, artist.get_xscale(), artist.get_yscale()],
        "frame": "" if artist.axison else "off",
        "ticks": [_ticks(axis) for axis in (artist.xaxis, artist.yaxis)],
    }
    numbers = {"x": artist.get_xlim(), "y": artist.get_ylim()}
    for name, axis in (("x ticks", artist.xaxis), ("y ticks", artist.yaxis)):
        if isinstance(axis.get_major_locator(), FixedLocator):
            numbers[name] = axis.get_majorticklocs()
    titles = [artist.title, artist._left_title, artist._right_title]
    shown = _children(artist, artist.transAxes, skip=titles)
    return _entry(artist, words=words, numbers=numbers, shows=shown)


def _children(owner: Any, frame: Transform, *, skip: list[Any]) -> list[Entry]:
    """The entries of everything visible that ``owner`` draws; patches of one style share one."""
    skipped = {id(artist) for artist in (owner.patch, *skip)}
    seen = [a for a in owner.get_children() if a.get_visible() and id(a) not in skipped]
    groups = [list(group) for _, group in groupby(seen, key=_style_of_patch)]
    entries = [_patches(g, frame) if len(g) > 1 else _describe(g[0], frame) for g in groups]
    return [entry for entry in entries if entry is not None]


def _style_of_patch(artist: Any) -> Any:
    """What bars of one series have in common; everything else is alone of its kind."""
    if isinstance(artist, Patch) and not isinstance(artist, (FancyArrowPatch, Spine)):
        return type(artist).__name__, json.dumps(_style(artist))
    return id(artist)


def _ticks(axis: Axis) -> list[str]:
    """Who places and writes the ticks, and what stands at ticks that were placed by hand."""
    locator = axis.get_major_locator()
    formatter = axis.get_major_formatter()
    by_hand = isinstance(locator, FixedLocator)
    written = formatter.format_ticks(list(axis.get_majorticklocs())) if by_hand else []
    return [type(locator).__name__, type(formatter).__name__, *written]


@_describe.register(Spine)
@_describe.register(Axis)
def _nothing(artist: Any, frame: Transform) -> None:
    """Drawn from what the entry of the axes says."""


@_describe.register
def _line(artist: Line2D, frame: Transform) -> Entry:
    places = _places(artist.get_xydata(), artist.get_transform(), frame)
    return _entry(artist, words=_style(artist), places=places)


@_describe.register
def _patch(artist: Patch, frame: Transform) -> Entry:
    return _patches([artist], frame)


def _patches(artists: Sequence[Patch], frame: Transform) -> Entry:
    corners = [(a.get_transform() - frame).transform(a.get_path().vertices) for a in artists]
    places = _places(np.concatenate(corners), IdentityTransform(), IdentityTransform())
    return _entry(artists[0], words=_style(artists[0]), places=places)


@_describe.register(FancyArrowPatch)
def _arrow(artist: Any, frame: Transform) -> Entry:
    ends = artist._posA_posB  # its path depends on the size of the picture
    if ends is None:
        raise TypeError("no digest for an arrow along a path; give its two ends")
    words = _style(artist) | {"arrow": type(artist.get_arrowstyle()).__name__}
    return _entry(artist, words=words, places=_places(ends, artist.get_transform(), frame))


@_describe.register
def _collection(artist: Collection, frame: Transform) -> Entry:
    words, places, numbers = _coloured(artist)
    corners = _corners(artist.get_paths())
    if isinstance(artist, QuadMesh):
        places |= _places(artist.get_coordinates(), artist.get_transform(), frame)
    elif isinstance(artist.get_offset_transform(), IdentityTransform):
        places |= _places(corners, artist.get_transform(), frame)
    else:  # one shape drawn in many places
        places |= _places(artist.get_offsets(), artist.get_offset_transform(), frame)
        numbers["shapes"] = corners
        numbers["sizes"] = artist.get_sizes() if hasattr(artist, "get_sizes") else []
    return _entry(artist, words=words, places=places, numbers=numbers)


@_describe.register(Quiver)
def _quiver(artist: Any, frame: Transform) -> Entry:
    if artist.scale is None:
        artist.figure.draw_without_rendering()  # chooses the scale
    words, places, numbers = _coloured(artist)
    places |= _places(artist.get_offsets(), artist.get_offset_transform(), frame)
    words |= {"units": [artist.units, str(artist.scale_units), str(artist.angles), artist.pivot]}
    numbers |= {"u": artist.U, "v": artist.V, "scale": [artist.scale, artist.width]}
    return _entry(artist, words=words, places=places, numbers=numbers)


@_describe.register
def _contours(artist: ContourSet, frame: Transform) -> Entry:
    words, places, numbers = _coloured(artist)
    to_frame = artist.get_transform() - frame
    moments = np.array([_moments(path, to_frame) for path in artist.get_paths()]).reshape(-1, 6)
    names = ("length", "x", "y", "xx", "xy", "yy")
    places |= dict(zip(names, moments.T, strict=True))
    numbers["levels"] = artist.levels
    return _entry(artist, words=words, places=places, numbers=numbers)


def _moments(path: Any, to_frame: Transform) -> NDArray[Any]:
    """Integrals of 1, x, y, x^2, x y, y^2 along a path, however its lines are cut into pieces."""
    points = to_frame.transform(path.vertices)
    drawn = path.codes[1:] != path.MOVETO if path.codes is not None else slice(None)
    start = points[:-1][drawn]
    end = points[1:][drawn]
    length = np.hypot(*(end - start).T)

    def powers(point: NDArray[Any]) -> NDArray[Any]:
        x, y = point.T
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])

    simpson = (powers(start) + 4 * powers((start + end) / 2) + powers(end)) / 6
    return simpson @ length


@_describe.register(AxesImage)
def _image(artist: Any, frame: Transform) -> Entry:
    words, places, numbers = _coloured(artist)
    left, right, bottom, top = artist.get_extent()
    places |= _places([[left, bottom], [right, top]], artist.get_transform(), frame)
    words |= {"drawn": [artist.get_interpolation(), artist.origin, str(artist.get_array().shape)]}
    return _entry(artist, words=words, places=places, numbers=numbers)


@_describe.register
def _text(artist: Text, frame: Transform) -> Entry | None:
    if not artist.get_text():
        return None
    places = _places([artist.get_position()], artist.get_transform(), frame)
    return _entry(artist, words=_style(artist) | {"text": artist.get_text()}, places=places)


@_describe.register
def _annotation(artist: Annotation, _frame: Transform) -> Entry:
    words = _style(artist) | {
        "text": artist.get_text(),
        "units": [str(artist.xycoords), str(artist.anncoords)],
    }
    if artist.arrow_patch is not None:
        words["arrow"] = type(artist.arrow_patch.get_arrowstyle()).__name__
        words["arrow style"] = _style(artist.arrow_patch)["style"]
    return _entry(artist, words=words, numbers={"at": artist.xy, "text at": artist.xyann})


@_describe.register
def _legend(artist: Legend, _frame: Transform) -> Entry:
    handles = [_style(handle)["style"] for handle in artist.legend_handles if handle is not None]
    texts = [text.get_text() for text in artist.get_texts()]
    words = {"title": artist.get_title().get_text(), "texts": texts, "handles": handles}
    return _entry(artist, words=words)


# ------------------------------------------------------------------------------ parts of an entry


COLOURS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
STROKES = (
    "linestyle",
    "linewidth",
    "marker",
    "markersize",
    "drawstyle",
    "hatch",
    "alpha",
    "fontsize",
)


def _style(artist: Any, kinds: Sequence[str] = (*COLOURS, *STROKES)) -> dict[str, str]:
    """Label, and colours and strokes of an artist in one line of words."""
    parts = []
    for kind in kinds:
        getter = getattr(artist, f"get_{kind}", None)
        value = None if getter is None else getter()
        if value is not None:
            parts.append(f"{kind} {_colour(value) if kind in COLOURS else _plain(value)}")
    return {"label": str(artist.get_label()), "style": ", ".join(parts)}


def _colour(value: Any) -> str:
    """Colours as hexadecimal digits, one that all share once."""
    if isinstance(value, str) and value == "none":
        return value
    names = [to_hex(row, keep_alpha=True) for row in to_rgba_array(value)]
    return names[0] if len(set(names)) == 1 else " ".join(names)


def _plain(value: Any) -> Any:
    """Numbers in six digits, everything else as it prints."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    return f"{value:.6g}" if isinstance(value, (int, float, np.number)) else str(value)


def _coloured(artist: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(words, places, numbers) of colours: those given by hand, or values on a scale."""
    values = artist.get_array()
    if values is None:
        return _style(artist), {}, {}
    values = np.ma.asarray(values, dtype=float)
    if isinstance(artist, AxesImage) and values.ndim == 3:  # colours, not values
        return _style(artist), {"colours": values / (255 if values.max() > 1 else 1)}, {}
    artist.autoscale_None()
    if isinstance(artist, Collection):
        artist.update_scalarmappable()
    words = _style(artist, STROKES)
    edges = artist.get_edgecolor() if isinstance(artist, Collection) else []
    if len(edges) == 1 < np.size(values):  # by hand; the other colours follow from the values
        words["edges"] = _colour(edges)
    scale = [0.0, 0.25, 0.5, 0.75, 1.0, -1.0, 2.0, np.nan]  # also below, above, and no value
    words["colours"] = " ".join(to_hex(artist.cmap(x), keep_alpha=True) for x in scale)
    words["norm"] = type(artist.norm).__name__
    limits = [artist.norm.vmin, artist.norm.vmax]
    return words, {"values": artist.norm(values)}, {"limits": limits}


def _places(points: Any, transform: Transform, frame: Transform) -> dict[str, NDArray[Any]]:
    """Rows x and y of points (N, 2) in the frame; beyond a frame outside it all places are one."""
    points = np.ma.filled(np.ma.asarray(points, dtype=float), np.nan).reshape(-1, 2)
    x, y = np.clip((transform - frame).transform(points), -1, 2).T
    return {"x": x, "y": y}


def _corners(paths: Sequence[Path]) -> NDArray[Any]:
    """The corners of paths (N, 2)."""
    return np.concatenate([np.empty((0, 2)), *(path.vertices for path in paths)])


def _row(values: ArrayLike, form: str) -> str:
    """How many values, how many are finite, and the weighted means of blocks of neighbours."""
    values = np.ravel(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan))
    if not len(values):
        return "0:"
    finite = np.isfinite(values)
    weights = finite.astype(float)
    length = 1 if len(values) <= BLOCK else BLOCK
    if length > 1:  # unequal weights, so that two neighbours that change places are seen
        weights *= 0.5 + (np.arange(len(values)) * (5**0.5 / 2 - 0.5)) % 1
    starts = np.arange(0, len(values), length)
    totals = np.add.reduceat(weights, starts)
    sums = np.add.reduceat(np.where(finite, values, 0) * weights, starts)
    means = [form.format(s / t) if t > 0 else "-" for s, t in zip(sums, totals, strict=True)]
    missing = "" if finite.all() else f"/{finite.sum()}"
    return " ".join([f"{len(values)}{missing}:", *means])


# --------------------------------------------------------------------------------------- comparing


def differences(new: Any, stored: Any, at: str = "figure") -> list[str]:
    """What differs between two digests, one line each: [] when they show the same."""
    if isinstance(new, dict) and isinstance(stored, dict):
        if new.keys() != stored.keys():
            return [f"{at}: {sorted(new)} instead of {sorted(stored)}"]
        inner = [(_compare_rows if k in (PLACES, NUMBERS) else differences, k) for k in stored]
        return [line for compare, k in inner for line in compare(new[k], stored[k], f"{at}, {k}")]
    if isinstance(new, list) and isinstance(stored, list):
        if len(new) != len(stored):
            return [f"{at}: {len(new)} entries instead of {len(stored)}"]
        pairs = enumerate(zip(new, stored, strict=True))
        return [line for i, (one, other) in pairs for line in differences(one, other, f"{at} {i}")]
    return [] if new == stored else [f"{at}: {json.dumps(new)} instead of {json.dumps(stored)}"]


def _compare_rows(new: Any, stored: Any, at: str) -> list[str]:
    if new.keys() != stored.keys():
        return [f"{at}: rows {sorted(new)} instead of {sorted(stored)}"]
    found = []
    for name in stored:
        (count, one), (counted, other) = _numbers(new[name]), _numbers(stored[name])
        if count != counted or not np.array_equal(np.isnan(one), np.isnan(other)):
            found.append(f"{at}, {name}: {count} values instead of {counted}")
            continue
        finite = ~np.isnan(other)
        largest = 1 if at.endswith(PLACES) else np.max(np.abs(other), initial=0, where=finite)
        worst = np.max(np.abs(one - other), initial=0, where=finite)
        if not worst <= TOLERANCE * largest:
            found.append(f"{at}, {name}: off by {worst:.2g} of {largest:.2g}")
    return found


def _numbers(row: str) -> tuple[str, NDArray[Any]]:
    count, _, means = row.partition(":")
    return count, np.array([np.nan if word == "-" else float(word) for word in means.split()])
