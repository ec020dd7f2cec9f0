"""The drawing functions put numbers where they belong, and what they draw has a digest."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from proofledger import figures
from rlentropy import plotting

X = np.linspace(0, 2, 41)
GRID = np.add.outer(np.sin(3 * X), np.cos(X))
POLICIES = np.array([[0.2, 0.3, 0.5], [0.3, 0.3, 0.4], [0.8, 0.1, 0.1]])

DRAWN = {
    "heat map": lambda ax, z: plotting.heat_map(ax, z),
    "simplex field": lambda ax, z: plotting.simplex_field(
        ax, z.ravel()[:231], 20, levels=[-0.51, 0.07, 0.63]
    ),
    "simplex curve": lambda ax, z: plotting.simplex_curve(ax, z.ravel()[:231], 20, level=0.07),
    "simplex path": lambda ax, z: plotting.simplex_path(ax, POLICIES * (1 + z[:1, :3])),
    "run band": lambda ax, z: plotting.run_band(ax, X, z[:5], colour="blue", label="runs"),
    "visit maps": lambda ax, z: plotting.visit_maps([ax], {"map": z + 3}, least=0.1, most=10),
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("kind", DRAWN)
def test_what_is_drawn_has_a_digest_that_sees_a_change_and_ignores_noise(kind):
    def shown(z):
        fig, ax = plt.subplots()
        DRAWN[kind](ax, z)
        return figures.digest(fig)

    noise = 1e-13 * np.random.default_rng(0).standard_normal(GRID.shape)
    assert figures.differences(shown(GRID + noise), shown(GRID)) == []
    assert figures.differences(shown(GRID * 1.01), shown(GRID))


def test_use_style_sets_the_style_and_is_harmless_outside_a_notebook():
    with plt.rc_context():
        plotting.use_style()
        assert plt.rcParams["axes.grid"]
        fig, axes = plotting.figure(1, 2, width=5, height=2)
        assert axes.shape == (2,)
        np.testing.assert_array_equal(fig.get_size_inches(), [5, 2])


def test_importing_plotting_changes_no_style():
    program = "import matplotlib as m; old = dict(m.rcParams); import rlentropy.plotting; assert old == dict(m.rcParams)"
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


@pytest.mark.parametrize(
    "pair", [("blue", "orange"), ("blue", "green"), ("orange", "green"), ("purple", "sky")]
)
def test_colours_differ_in_lightness_or_hue_for_deuteranopes(pair):
    # Vienot, Brettel & Mollon (1999): linear RGB seen without the green cones
    see = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    linear = [
        np.array([int(plotting.COLOURS[c][k : k + 2], 16) / 255 for k in (1, 3, 5)]) ** 2.2
        for c in pair
    ]
    first, second = (np.clip(see @ colour, 0, 1) ** (1 / 2.2) for colour in linear)
    assert np.abs(first - second).max() > 0.1


# ----------------------------------------------------------------------------------------------------------- simplex


def test_simplex_points_are_barycentric():
    corners = plotting.simplex_points(np.eye(3))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 1)
    np.testing.assert_allclose(plotting.simplex_points([1 / 3, 1 / 3, 1 / 3]), corners.mean(axis=0))
    np.testing.assert_allclose(
        plotting.simplex_points([0.5, 0.5, 0]), (corners[0] + corners[1]) / 2
    )


def test_simplex_grid_holds_every_distribution_once():
    grid = plotting.simplex_grid(4)
    assert grid.shape == (15, 3)
    np.testing.assert_allclose(grid.sum(axis=1), 1)
    assert grid.min() == 0
    assert len({tuple(row) for row in grid}) == 15


def test_entropy_contours_lie_where_the_entropy_has_their_level():
    _, ax = plt.subplots()
    plotting.simplex_axes(ax)
    levels = plotting.entropy_contours(ax, levels=(0.5, 0.9))
    basis = np.linalg.inv(np.vstack([plotting.simplex_points(np.eye(3)).T, np.ones(3)]))
    for level, path in zip((0.5, 0.9), levels.get_paths(), strict=True):
        p = np.clip(
            np.column_stack([path.vertices, np.ones(len(path.vertices))]) @ basis.T, 1e-300, 1
        )
        np.testing.assert_allclose(-np.sum(p * np.log(p), axis=1), level, atol=2e-2)


def test_a_simplex_curve_lies_on_its_level_and_keeps_away_from_holes():
    steps = 40
    grid = plotting.simplex_grid(steps)
    values = np.where(grid[:, 0] == 0, np.nan, grid[:, 0] - grid[:, 1])
    _, ax = plt.subplots()
    shown = plotting.simplex_curve(ax, values, steps, level=0.2, label="curve")
    p = np.concatenate([path.vertices for path in shown.get_paths()])
    corners = plotting.simplex_points(np.eye(3))
    weights = np.linalg.solve(
        np.vstack([corners.T, np.ones(3)]), np.column_stack([p, np.ones(len(p))]).T
    )
    assert len(p) > 10
    np.testing.assert_allclose(weights[0] - weights[1], 0.2, atol=1e-12)
    assert [line.get_label() for line in ax.lines] == ["curve"]
    all_holes = np.where(grid[:, 0] < 0.7, np.nan, values)
    kept = plotting.simplex_curve(ax, all_holes, steps, level=0.2)
    assert sum(len(path.vertices) for path in kept.get_paths()) < len(p)


def test_filled_entropy_contours_reach_the_corners_and_the_centre():
    _, ax = plt.subplots()
    shown = plotting.entropy_contours(ax, filled=True)
    assert shown.levels[0] < 0
    assert shown.levels[-1] > np.log(3)


def test_heat_map_shows_the_first_row_on_top():
    _, ax = plt.subplots()
    plotting.heat_map(ax, [[1, 2], [3, 4]], title="V")
    np.testing.assert_array_equal(ax.images[0].get_array(), [[1, 2], [3, 4]])
    assert ax.yaxis_inverted()
    assert ax.get_title() == "V"


def test_a_path_that_stands_still_has_no_arrow():
    _, ax = plt.subplots()
    plotting.simplex_path(ax, np.tile(POLICIES[0], (3, 1)))
    assert not ax.texts
    plotting.simplex_path(ax, POLICIES)
    assert len(ax.texts) == 1


def test_run_band_draws_mean_and_extremes():
    _, ax = plotting.figure()
    runs = np.array([[1.0, 4.0], [3.0, 2.0]])
    assert plotting.run_band(ax, [0, 1], runs, colour="blue", label="runs") is ax
    assert ax.lines[0].get_ydata().tolist() == [2.0, 3.0]
    corners = ax.collections[0].get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == (1.0, 4.0)
    plotting.run_band(ax, [0, 1], runs[0], colour="blue")
    assert len(ax.collections) == 1  # one run has no spread


def test_visit_maps_share_one_scale_and_leave_rare_cells_white():
    fig, axes = plotting.figure(1, 3)
    maps = {"few": [[0.0, 0.5], [1.0, 5.0]], "many": [[1.0, 10.0], [100.0, 1000.0]]}
    shown = plotting.visit_maps(axes, maps, least=1, most=100, label="visits")
    few, many = (ax.images[0] for ax in shown[:2])
    assert few.norm is many.norm and (few.norm.vmin, few.norm.vmax) == (1, 100)
    assert few.get_array().mask.tolist() == [[True, True], [False, False]]
    assert [ax.get_title() for ax in shown[:2]] == ["few", "many"]
    assert not shown[2].axison and fig.axes[-1].get_xlabel() == "visits"


def test_heat_map_takes_tables_only():
    _, ax = plotting.figure()
    for shape in ((4,), (3, 5, 4)):  # the second is what matplotlib would take for colours
        with pytest.raises(ValueError, match="values: shape"):
            plotting.heat_map(ax, np.ones(shape))


def test_visit_maps_refuse_more_maps_than_axes():
    _, ax = plotting.figure()
    with pytest.raises(ValueError, match="2 maps for 1 axes"):
        plotting.visit_maps([ax], {"a": np.ones((2, 2)), "b": np.ones((2, 2))}, least=0.1, most=1)
