"""The figures of an evaluation draw the numbers they are given."""

import numpy as np
import pytest

from ulskit.figures import bland_altman, diameter_scatter, diameters_figure, dice_histogram
from ulskit.figures.style import SERIES_COLORS, new_figure
from ulskit.metrics import cumulative_histogram


def test_the_histogram_is_the_share_of_lesions_that_reach_each_dice():
    dice = np.array([0.95, 0.7, 0.8, 0.8, np.nan, 0.9])
    (line,) = dice_histogram({"round1": dice}).axes[0].lines
    x, share = line.get_data()
    assert line.get_drawstyle() == "steps-pre"
    asked = np.array([0.0, 0.65, 0.7, 0.75, 0.8, 0.81, 0.9, 0.95, 0.96, 1.0])
    drawn = share[np.searchsorted(x, asked, side="left")]  # what a step that ends at x is worth
    np.testing.assert_allclose(drawn, cumulative_histogram(dice, asked).share)


def test_the_axis_begins_where_the_curves_part():
    axes = dice_histogram({"a": np.linspace(0.62, 0.97, 50), "b": np.linspace(0.85, 0.99, 50)}).axes[0]
    assert axes.get_xlim() == (pytest.approx(0.6), 1.0)
    assert dice_histogram({"a": np.ones(3)}).axes[0].get_xlim() == (0.8, 1.0)
    assert dice_histogram({"a": np.array([0.0, 0.9])}, from_dice=0.5).axes[0].get_xlim() == (0.5, 1.0)


def test_label_sets_without_dice_are_left_out():
    dice = {"none": np.full(3, np.nan), "some": np.array([0.9, np.nan])}
    axes = dice_histogram(dice).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["some  (mean 90.0, n = 1)"]
    empty = dice_histogram({"none": np.full(3, np.nan)}).axes[0]
    assert [text.get_text() for text in empty.texts] == ["no lesion has a manual mask"]


def test_bland_altman_draws_differences_against_means_and_the_limits():
    measured, reference = np.array([11.0, 19.0, np.nan]), np.array([10.0, 20.0, 5.0])
    axes = new_figure(4, 3).subplots()
    bland_altman(axes, measured, reference, name="x", bias=-0.5, limits=(-3.0, 2.0))
    points, *lines = axes.lines
    np.testing.assert_array_equal(points.get_xydata(), [[10.5, 1.0], [19.5, -1.0]])
    assert [line.get_ydata()[0] for line in lines] == [-0.5, -3.0, 2.0, 0.0]
    assert [text.get_text() for text in axes.texts] == ["bias −0.5", "limit −3.0", "limit +2.0"]


def test_the_scatter_has_equal_axes_and_their_line():
    axes = new_figure(4, 3).subplots()
    diameter_scatter(axes, np.array([11.0, 30.0]), np.array([10.0, 20.0]), name="x")
    equality, points = axes.lines
    np.testing.assert_array_equal(equality.get_xdata(), equality.get_ydata())
    np.testing.assert_array_equal(points.get_xydata(), [[10, 11], [20, 30]])
    assert axes.get_xlim() == axes.get_ylim()


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_any_number_of_diameters_is_drawn(tmp_path, count):
    values = np.linspace(5, 50, count)
    spread = (np.nan, np.nan) if count < 2 else (-1.0, 1.0)
    figure = diameters_figure(values + 0.1, values, axis_name="Long axis", bias=0.1, limits=spread)
    figure.savefig(tmp_path / "diameters.svg")
    assert (tmp_path / "diameters.svg").stat().st_size < 300_000


def test_series_differ_under_colour_blindness():
    """Machado et al. 2009, full protanopia and deuteranopia: no two series come close."""
    linear = {
        "protanopia": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "deuteranopia": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    }
    rgb = np.array([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in SERIES_COLORS]) / 255
    for matrix in linear.values():
        seen = np.clip((rgb**2.2) @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
        distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert distance[np.triu_indices(len(seen), 1)].min() > 0.1
