"""Outlines lie on their pixels: centres at integers, the border half a pixel further out."""

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch

from ulskit.ct import Window
from ulskit.figures import Crop, crop_around, lesion_figure, lesion_panel
from ulskit.figures.style import TRUTH_COLOR, new_figure, series_color

WINDOW = Window(-100, 100)
ENDPOINTS = np.array([[20.0, 32.0], [44.0, 32.0], [32.0, 24.0], [32.0, 40.0]])


@pytest.fixture
def image():
    return np.zeros((64, 80), dtype=np.int16)


@pytest.fixture
def square():
    mask = np.zeros((64, 80), dtype=bool)
    mask[28:37, 24:41] = True
    return mask


def outlines(axes):
    return [patch for patch in axes.patches if isinstance(patch, PathPatch) and patch.get_linewidth() > 0]


def hatched(axes):
    return [patch for patch in axes.patches if patch.get_hatch()]


def test_an_outline_runs_half_a_pixel_outside_the_centres(image, square):
    axes = new_figure(3, 3).subplots()
    lesion_panel(axes, image, window=WINDOW, contours={"a": square}, endpoints_xy=ENDPOINTS)
    vertices = outlines(axes)[0].get_path().vertices
    np.testing.assert_allclose(vertices.min(axis=0), [23.5, 27.5])
    np.testing.assert_allclose(vertices.max(axis=0), [40.5, 36.5])


def test_the_image_lies_under_the_outline_at_the_same_pixels(image, square):
    bright = np.where(square, 100, -100).astype(np.int16)
    axes = new_figure(3, 3).subplots()
    crop = Crop(20, 50, 10, 60)
    lesion_panel(axes, bright, window=WINDOW, contours={}, crop=crop)
    (shown,) = axes.images
    assert list(shown.get_extent()) == [9.5, 59.5, 49.5, 19.5]
    np.testing.assert_array_equal(shown.get_array() > 0.5, square[20:50, 10:60])


def test_a_bright_square_is_framed_in_the_picture_that_is_seen(square, tmp_path):
    """Rendered: the outline's colour is found around the square's border, and nowhere else."""
    bright = np.where(square, 100, -100).astype(np.int16)
    crop = Crop(16, 48, 16, 48)
    figure = lesion_figure(bright, window=WINDOW, contours={"a": square}, crop=crop, side_in=3.2)
    figure.savefig(tmp_path / "lesion.png", dpi=100)  # 320 pixels for 32 of the image
    seen = cv2.imread(str(tmp_path / "lesion.png"))[..., ::-1].astype(int)
    color = np.array([0x56, 0xB4, 0xE9])
    rows, columns = np.nonzero((abs(seen - color) < 25).all(axis=-1))
    border = (np.array([columns.min(), columns.max(), rows.min(), rows.max()]) + 0.5) / 10 + 16 - 0.5
    np.testing.assert_allclose(border, [23.5, 40.5, 27.5, 36.5], atol=0.2)


def test_holes_and_pieces_are_outlined_too(image, square):
    square[31:33, 30:33] = False
    square[50, 50] = True
    axes = new_figure(3, 3).subplots()
    lesion_panel(axes, image, window=WINDOW, contours={"a": square})
    (outline,) = outlines(axes)
    assert len(outline.get_path().to_polygons()) == 3


def test_of_a_label_the_foreground_is_outlined_and_the_ignored_band_hatched(image, square):
    label = square.astype(np.uint8)
    label[28:37, 35:41] = 255
    axes = new_figure(3, 3).subplots()
    lesion_panel(axes, image, window=WINDOW, contours={"round2": label}, endpoints_xy=ENDPOINTS)
    np.testing.assert_allclose(outlines(axes)[0].get_path().vertices.max(axis=0), [34.5, 36.5])
    np.testing.assert_allclose(hatched(axes)[0].get_path().vertices.min(axis=0), [34.5, 27.5])


def test_a_mask_has_no_hatching_and_an_empty_one_no_outline(image, square):
    axes = new_figure(3, 3).subplots()
    lesion_panel(axes, image, window=WINDOW, contours={"a": square, "b": np.zeros_like(square)})
    assert not hatched(axes)
    assert len(outlines(axes)) == 1


def test_manual_masks_have_a_colour_of_their_own(image, square):
    axes = new_figure(3, 3).subplots()
    lesion_panel(
        axes, image, window=WINDOW, contours={"round1": square, "truth": square, "x": square}, colors={"x": "red"}
    )
    colors = [to_hex(patch.get_edgecolor()) for patch in outlines(axes)]
    assert colors == [series_color(0).lower(), TRUTH_COLOR.lower(), "#ff0000"]


def test_the_mark_is_drawn_from_end_to_end(image):
    axes = new_figure(3, 3).subplots()
    lesion_panel(axes, image, window=WINDOW, contours={}, endpoints_xy=ENDPOINTS)
    lines = [line.get_xydata() for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(np.concatenate(lines), ENDPOINTS)


def test_region_has_twice_the_axes(image):
    axes = new_figure(3, 3).subplots()
    lesion_panel(axes, image, window=WINDOW, contours={}, endpoints_xy=ENDPOINTS, region=True, crop=Crop(0, 64, 0, 80))
    vertices = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(np.ptp(vertices, axis=0), [2 * 25, 2 * 17], atol=0.1)


def test_the_scale_bar_is_as_long_as_it_says(image):
    axes = new_figure(3, 3).subplots()
    crop = Crop(0, 40, 0, 40)
    lesion_panel(axes, image, window=WINDOW, contours={}, crop=crop, spacing_mm=(0.5, 0.8))
    (text,) = [text.get_text() for text in axes.texts]
    bar = axes.lines[0].get_xdata()
    assert text == "10 mm"
    assert (bar[1] - bar[0]) * 40 * 0.8 == pytest.approx(10)
    assert axes.get_aspect() == 0.5 / 0.8


@pytest.mark.parametrize("shift", [(0, 0), (-20, -24), (40, 30)])
def test_a_crop_stays_in_the_image_and_holds_the_mark(shift):
    points = ENDPOINTS + shift
    crop = crop_around(points, (80, 90))
    assert 0 <= crop.top < crop.bottom <= 80
    assert 0 <= crop.left < crop.right <= 90
    assert crop.bottom - crop.top == crop.right - crop.left == int(np.ceil(2.3 * 24))
    inside = (points >= [crop.left, crop.top]) & (points <= [crop.right - 1, crop.bottom - 1])
    assert inside.all()


def test_a_crop_is_no_larger_than_a_small_image():
    assert crop_around(ENDPOINTS, (48, 50)) == Crop(0, 48, 0, 50)


def test_a_figure_has_no_margin(image, square, tmp_path):
    figure = lesion_figure(image + 200, window=WINDOW, contours={"a": square}, endpoints_xy=ENDPOINTS, side_in=2)
    figure.savefig(tmp_path / "lesion.png", dpi=50)
    seen = cv2.imread(str(tmp_path / "lesion.png"))
    assert seen.shape == (100, 100, 3)
    assert (seen[[0, -1]] == 255).all()
