"""Digests of figures see what an eye sees and ignore the last digits; nbval compares them."""

import json
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch
from nbval_by_hand import nbval
from run_notebooks import main as run_notebooks

from proofledger.figures import BLOCK, MIME, TOLERANCE, differences, digest
from proofledger.nbval import PICTURES, figures_without_digest

# What cells draw: e = 0 the stored figure, e of rounding size another machine, e = 0.01 altered.
SETUP = """
import matplotlib as mpl
import numpy as np
X = np.linspace(0, 2, 100)
NOISE = np.random.default_rng(0).standard_normal((100, 100))
Z = np.add.outer(np.sin(3 * X), np.cos(X)) + (e * NOISE if e < 1e-6 else e * (NOISE > 0))
ONE = np.eye(100)[70] * e
X3 = np.add.outer(X, 0 * X).ravel()
Y3 = np.add.outer(0 * X, X).ravel()
altered = e > 1e-6
"""
DATA = {
    "line": "ax.plot(X, Z[0], label='curve')",
    "one point of a line": "ax.plot(X, X + ONE)",
    "line on a logarithmic axis": "ax.semilogy(X, 10.0 ** (-9 * X * (1 + ONE)))",
    "steps": "ax.stairs(Z[0])",
    "points": "ax.scatter(X, Z[0])",
    "one point of many": "ax.scatter(X, X + ONE)",
    "colours of points": "ax.scatter(X, X, c=Z[0])",
    "sizes of points": "ax.scatter(X, X, s=9 + Z[0])",
    "bars": "ax.bar(X, Z[0])",
    "one bar": "ax.bar(X, X + ONE)",
    "band": "ax.fill_between(X, Z[0], Z[1] + 2)",
    "error bars": "ax.errorbar(X, X, yerr=np.abs(Z[1]))",
    "vertical lines": "ax.vlines(X, 0, Z[0])",
    "polygon": "ax.fill(X, Z[0])",
    "image": "ax.imshow(Z)",
    "image on a fixed scale": "ax.imshow(Z, vmin=-2, vmax=2)",
    "image on a logarithmic scale": "ax.imshow(Z + 3, norm=mpl.colors.LogNorm(1, 10))",
    "picture of colours": "ax.imshow(np.clip(np.stack([Z, Z, Z], axis=-1) / 4 + 0.5, 0, 1))",
    "mesh": "ax.pcolormesh(X, X, Z)",
    "contour": "ax.contour(X, X, Z, levels=[-0.51, 0.07, 0.63])",
    "filled contour": "ax.contourf(X, X, Z, levels=[-0.51, 0.07, 0.63])",
    "contour of triangles": "ax.tricontour(X3, Y3, Z.ravel(), levels=[0.07])",
    "filled contour of triangles": "ax.tricontourf(X3, Y3, Z.ravel(), levels=[-0.51, 0.07])",
    "arrows": "ax.quiver(X, X, Z[0], Z[1])",
    "limits": "ax.plot(X, X); ax.set_xlim(0, 3 + e)",
    "ticks": "ax.plot(X, X); ax.set_xticks([0, 1 + e])",
    "place of a text": "ax.text(0.5 + e, 0.5, 'here')",
    "place of an annotation": "ax.annotate('x', (1, 1 + e), (0, 5), textcoords='offset points')",
    "ends of an arrow": "ax.add_patch(mpl.patches.FancyArrowPatch((0, 0), (0.5 + e, 0.5)))",
    "an inset": "ax.inset_axes([0.5, 0.5, 0.4, 0.4]).plot(X, X + ONE)",
}
LOOKS = {
    "two colours swapped": "c = int(altered); ax.plot(X, X, f'C{c}'); ax.plot(X, 0 * X, f'C{1 - c}')",
    "line style": "ax.plot(X, X, '--' if altered else '-')",
    "marker": "ax.plot(X, X, 's' if altered else 'o')",
    "width": "ax.plot(X, X, linewidth=1 + altered)",
    "opacity": "ax.fill_between(X, X, alpha=0.3 if altered else 0.2)",
    "label": "ax.plot(X, X, label='a' if altered else 'b')",
    "legend": "ax.plot(X, X); ax.legend(['a' if altered else 'b'])",
    "title": "ax.set_title('a' if altered else 'b')",
    "title of the figure": "fig.suptitle('a' if altered else 'b')",
    "axis label": "ax.set_ylabel('a' if altered else 'b')",
    "scale": "ax.plot(X, X + 1); ax.set_yscale('log' if altered else 'linear')",
    "tick labels": "ax.set_xticks([0, 1], ['a' if altered else 'b', 'c'])",
    "text": "ax.text(0.5, 0.5, 'a' if altered else 'b')",
    "colour map": "ax.imshow(Z[:9, :9] * 0, cmap='viridis' if altered else 'cividis')",
    "kind of colour scale": "ax.imshow(X[1:].reshape(9, 11), norm='log' if altered else 'linear')",
    "colour of edges": "ax.scatter(X, X, c=X, edgecolors='red' if altered else 'black')",
    "frame": "ax.axis('off' if altered else 'on')",
    "a hidden curve": "ax.plot(X, X, visible=not altered)",
    "a missing curve": "ax.plot(X, X)\nif not altered: ax.plot(X, 2 * X)",
}
CELLS = DATA | LOOKS


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def figure_of(source, e=0.0):
    names = {"e": e}
    exec(SETUP, names)
    names["fig"], names["ax"] = plt.subplots()
    exec(source, names)
    return names["fig"]


# -------------------------------------------------------------------------------- in this process


@pytest.mark.parametrize("kind", CELLS)
def test_a_digest_is_json_and_the_same_before_and_after_drawing(kind):
    fig = figure_of(CELLS[kind])
    before = digest(fig)
    assert json.loads(json.dumps(before)) == before
    fig.canvas.draw()
    assert digest(fig) == before


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("e", [1e-14, 1e-11, 1e-9])
def test_noise_passes_also_where_values_lie_on_an_edge_of_rounding(kind, e):
    assert differences(digest(figure_of(DATA[kind], e)), digest(figure_of(DATA[kind]))) == []


@pytest.mark.parametrize("kind", CELLS)
def test_an_altered_figure_is_named(kind):
    assert differences(digest(figure_of(CELLS[kind], 0.01)), digest(figure_of(CELLS[kind])))


def test_a_point_that_moves_by_what_the_documentation_says_is_seen():
    k = np.arange(20_000)

    def line(height):
        fig, ax = plt.subplots()
        ax.plot(k, np.where(k == 777, height, 0.5))
        ax.set_ylim(0, 1)
        return digest(fig)

    moved = 2 * BLOCK * TOLERANCE
    assert differences(line(0.5 + 1.01 * moved), line(0.5))
    assert not differences(line(0.5 + moved / 10), line(0.5))


def test_two_neighbours_that_change_places_are_seen():
    def line(swap):
        y = np.linspace(0, 1, 64)
        if swap:
            y[[30, 31]] = y[[31, 30]]
        fig, ax = plt.subplots()
        ax.plot(np.arange(64), y)
        return digest(fig)

    assert differences(line(True), line(False))


def test_a_contour_that_runs_through_the_nodes_may_gain_and_lose_corners():
    x = np.arange(9.0)
    distance = np.abs(np.subtract.outer(x, x)).ravel()  # 3 at many nodes exactly

    def level(noise):
        fig, ax = plt.subplots()
        values = distance + noise * np.random.default_rng(0).standard_normal(81)
        shown = ax.tricontour(np.tile(x, 9), np.repeat(x, 9), values, levels=[3])
        return digest(fig), sum(len(path.vertices) for path in shown.get_paths())

    exact, corners = level(0)
    noisy, others = level(1e-13)
    assert others > 2 * corners
    assert differences(noisy, exact) == []


def test_nan_infinity_and_empty_series():
    def line(*y):
        fig, ax = plt.subplots()
        ax.plot(range(len(y)), y)
        ax.set(xlim=(0, 3), ylim=(0, 3))
        return digest(fig)

    shown = [line(1, np.nan, 2), line(1, 1, 2), line(1, np.nan), line(np.nan, 1, 2), line()]
    for i, one in enumerate(shown):
        for j, other in enumerate(shown):
            assert (differences(one, other) == []) == (i == j)
    assert differences(line(1, np.inf), line(1, np.inf)) == []


def test_a_difference_says_where_and_how_much():
    moved, stored = (digest(figure_of("ax.plot(X, X + ONE)", e)) for e in (0.01, 0.0))
    found = differences(moved, stored)
    assert any(re.search(r"places, y: off by [\d.e-]+ of 1$", line) for line in found), found


def test_what_is_not_known_is_refused():
    class Strange(mpl.artist.Artist):
        pass

    fig, ax = plt.subplots()
    ax.add_artist(Strange())
    with pytest.raises(TypeError, match="Strange"):
        digest(fig)
    with pytest.raises(TypeError, match="three dimensions"):
        digest(plt.figure().add_subplot(projection="3d").figure)
    arrow = FancyArrowPatch((0, 0), (1, 1))
    fig, ax = plt.subplots()
    ax.add_patch(arrow)
    arrow._posA_posB = None  # as for an arrow along a path
    with pytest.raises(TypeError, match="two ends"):
        digest(fig)


# ------------------------------------------------------------------------- in a kernel, with nbval

STYLE = "from rlentropy import plotting\n\n%load_ext proofledger\nplotting.use_style()"
SMALL = (
    "mpl.rcParams['figure.constrained_layout.use'] = False\n"
    "mpl.rcParams['figure.figsize'] = (2, 1.5)\n"
    "mpl.rcParams['figure.dpi'] = 40"
)
DRAW = "fig, ax = mpl.pyplot.subplots()\n{};"


def notebook(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def pictures(path):
    """The outputs of a stored notebook that hold a picture."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.outputs]
    return [output for output in outputs if output.get("data", {}).keys() & set(PICTURES)]


def test_every_figure_of_a_kernel_has_its_digest(tmp_path):
    """Also the first, which makes the inline backend forget all printers; and in any format."""
    draw = "fig, ax = mpl.pyplot.subplots()\nax.plot([1, 2]);"
    again = "%config InlineBackend.figure_formats = ['svg', 'png']\n" + draw
    show = draw + "\nmpl.pyplot.close()\ndisplay(fig)"
    path = tmp_path / "doors.ipynb"
    setup = "import matplotlib as mpl\nimport matplotlib.pyplot\n" + STYLE
    nbformat.write(notebook(setup, draw, again, show), path)
    assert run_notebooks([str(path)]) == 0
    shown = pictures(path)
    assert len(shown) == 3 and figures_without_digest(shown) == []
    assert all(output["data"][MIME]["shows"] for output in shown)


def test_nbval_fails_an_altered_figure_and_passes_noise(tmp_path):
    """A stored notebook run as it is, with noise, and altered; and figures without a digest."""
    setup = f"e = 0.0\nimport matplotlib.pyplot\n{SETUP}{STYLE}\n{SMALL}"
    stored = tmp_path / "stored.ipynb"
    nbformat.write(notebook(setup, *(DRAW.format(source) for source in CELLS.values())), stored)
    bare = tmp_path / "bare.ipynb"
    nbformat.write(notebook(setup.replace(STYLE, ""), DRAW.format("ax.plot(X, X)")), bare)
    assert run_notebooks([str(stored), str(bare)]) == 0
    assert len(pictures(stored)) == len(CELLS)
    for name, e in (("noise", "1e-12"), ("altered", "0.01")):
        copy = nbformat.read(stored, as_version=4)
        copy.cells[0].source = copy.cells[0].source.replace("e = 0.0", f"e = {e}")
        nbformat.write(copy, tmp_path / f"{name}.ipynb")
    undressed = nbformat.read(stored, as_version=4)
    undressed.cells = undressed.cells[:2]
    undressed.cells[1].outputs[0].data.pop(MIME)
    nbformat.write(undressed, tmp_path / "undressed.ipynb")

    said = nbval(tmp_path)
    failed = set(re.findall(r"^FAILED (\w+)\.ipynb::Cell (\d+)", said, flags=re.MULTILINE))
    every = {("altered", str(cell)) for cell in range(1, len(CELLS) + 1)}
    assert failed == every | {("bare", "1"), ("undressed", "1")}, said
    faults, _, _summary = said.partition("short test summary info")  # longer under CI
    assert faults.count("a figure without a digest") == 3  # bare twice: stored and new
