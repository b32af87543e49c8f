"""Outlines and calipers against brute force, scikit-image and analytic shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import label
from scipy.spatial.distance import pdist
from skimage.measure import find_contours, perimeter_crofton

from ulskit.errors import DataError, GeometryError, UsageError
from ulskit.geometry.outline import (
    as_mask,
    as_spacing,
    calipers,
    lengthened,
    lesion_piece,
    level_contours,
    perimeter_mm,
    piece_hull,
    points_hull,
    widest_chord,
)

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
spacings = st.tuples(st.floats(0.3, 3), st.floats(0.3, 3))


def _all_points(mask, outline):
    """Every point of the outline, [n, 2], by definition."""
    if outline == "centers":
        return np.argwhere(mask)[:, ::-1].astype(float)
    contours = find_contours(np.pad(mask.astype(float), 1), 0.5, fully_connected="high")
    return np.concatenate(contours)[:, ::-1] - 1


def _disc(radius_px, center_xy, size):
    y, x = np.mgrid[:size, :size]
    return radius_px - np.hypot(x - center_xy[0], y - center_xy[1])


@given(masks, spacings, st.sampled_from(["centers", "edges"]))
def test_axes_equal_those_of_all_pairs_of_outline_points(mask, spacing, outline):
    piece = lesion_piece(mask, "all")
    if piece is None:
        assert not mask.any()
        return
    axes = calipers(piece_hull(piece, outline), spacing)
    points = _all_points(mask, outline) * spacing[::-1]
    assert axes.long_axis_mm == pytest.approx(pdist(points).max() if len(points) > 1 else 0, abs=1e-9)
    if axes.long_axis_mm == 0:
        assert axes.short_axis_mm == 0
        return
    ends, short = axes.long_axis_xy * spacing[::-1], axes.short_axis_xy * spacing[::-1]
    direction = (ends[1] - ends[0]) / axes.long_axis_mm
    assert np.hypot(*(ends[1] - ends[0])) == pytest.approx(axes.long_axis_mm)
    assert axes.short_axis_mm == pytest.approx(np.ptp(points @ [-direction[1], direction[0]]), abs=1e-9)
    # the segment returned is as long as it says, perpendicular, and at the extremes
    assert np.hypot(*(short[1] - short[0])) == pytest.approx(axes.short_axis_mm, abs=1e-9)
    assert (short[1] - short[0]) @ direction == pytest.approx(0, abs=1e-9)
    assert axes.long_axis_mm >= axes.short_axis_mm - 1e-9


@given(masks, spacings)
def test_axes_and_perimeter_are_the_same_after_flips_and_quarter_turns(mask, spacing):
    piece = lesion_piece(mask, "all")
    if piece is None:
        return
    axes, length = calipers(piece_hull(piece), spacing), perimeter_mm(piece.mask, spacing)
    for turned, its_spacing in ((mask[:, ::-1], spacing), (mask[::-1], spacing), (np.rot90(mask), spacing[::-1])):
        other = lesion_piece(turned, "all")
        again = calipers(piece_hull(other), its_spacing)
        assert again.long_axis_mm == pytest.approx(axes.long_axis_mm)
        assert again.short_axis_mm == pytest.approx(axes.short_axis_mm, abs=1e-9)
        assert perimeter_mm(other.mask, its_spacing) == pytest.approx(length)


@given(st.floats(0, np.pi), st.floats(-50, 50))
def test_calipers_turn_with_the_points(angle, shift):
    points = np.array([[0.0, 0], [20, 1], [13, 9], [4, 6], [9, -5]])
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    axes, turned = calipers(points, (1, 1)), calipers(points @ rotation + shift, (1, 1))
    assert turned.long_axis_mm == pytest.approx(axes.long_axis_mm)
    assert turned.short_axis_mm == pytest.approx(axes.short_axis_mm)
    expected = axes.short_axis_xy @ rotation + shift
    assert min(abs(turned.short_axis_xy - e).max() for e in (expected, expected[::-1])) < 1e-9


def test_the_left_end_comes_first():
    mask = np.zeros((20, 20), bool)
    mask[range(3, 16), range(15, 2, -1)] = True
    mask[8, 8] = True
    axes = calipers(piece_hull(lesion_piece(mask)), (1, 1))
    assert axes.long_axis_xy.tolist() == [[3, 15], [15, 3]]
    assert axes.short_axis_xy[0, 0] < axes.short_axis_xy[1, 0]


@given(masks)
def test_components_holes_and_pixels_are_those_of_scipy(mask):
    piece = lesion_piece(mask)
    if piece is None:
        return
    numbers, count = label(mask, np.ones((3, 3)))
    sizes = np.bincount(numbers.ravel())[1:]
    assert (piece.component_count, piece.pixel_count) == (count, sizes.max())
    assert piece.measured_share == pytest.approx(sizes.max() / mask.sum())
    (x, y), (height, width) = piece.origin_xy, piece.mask.shape
    placed = np.zeros_like(mask)
    placed[y : y + height, x : x + width] = piece.mask
    assert any((placed == (numbers == number + 1)).all() for number in np.flatnonzero(sizes == sizes.max()))
    assert piece.hole_count == label(~np.pad(placed, 1))[1] - 1
    whole = lesion_piece(mask, "all")
    assert (whole.pixel_count, whole.hole_count) == (mask.sum(), label(~np.pad(mask, 1))[1] - 1)


@given(masks)
def test_perimeter_is_that_of_scikit_image(mask):
    if mask.any():
        expected = perimeter_crofton(np.pad(mask, 1), directions=4)
        assert perimeter_mm(np.ascontiguousarray(mask).view(np.uint8), (1.0, 1.0)) == pytest.approx(expected)


@pytest.mark.parametrize("spacing", [(0.05, 0.05), (0.05, 0.1)])
def test_perimeter_of_a_disc(spacing):
    y, x = np.mgrid[-12 : 12 : spacing[0], -12 : 12 : spacing[1]]
    disc = (np.hypot(x, y) <= 10).astype(np.uint8)
    assert perimeter_mm(disc, spacing) == pytest.approx(20 * np.pi, rel=0.03)


def test_level_contours_reach_a_discs_diameter_with_the_square_of_the_grid():
    errors = []
    for spacing in (0.4, 0.1, 0.025):
        radius = 10 / spacing
        size = int(2 * radius) + 8
        distance = _disc(radius, (size / 2 + 0.3, size / 2 - 0.1), size)
        points = np.concatenate(level_contours(np.clip(0.5 + distance / 4, 0, 1)))
        errors.append(abs(calipers(points_hull(points), (spacing, spacing)).long_axis_mm - 20))
    assert errors[1] < errors[0] / 10
    assert errors[2] < 1e-6


def test_chord_stays_within_the_outline():
    # an L: the extent spans both arms, no chord does
    polygon = np.array([[0.0, 0], [20, 0], [20, 3], [3, 3], [3, 12], [0, 12]])
    axes = calipers(polygon, (1, 1))
    chord = widest_chord(polygon, axes.long_axis_xy, (1, 1))
    assert axes.long_axis_xy.tolist() == [[0, 12], [20, 0]]
    length = np.hypot(*(chord[1] - chord[0]))
    assert length < axes.short_axis_mm
    assert (chord[1] - chord[0]) @ (axes.long_axis_xy[1] - axes.long_axis_xy[0]) == pytest.approx(0, abs=1e-6)
    steps = (
        polygon[:, None] + (np.roll(polygon, -1, axis=0) - polygon)[:, None] * np.linspace(0, 1, 200)[:, None]
    ).reshape(-1, 2)
    assert min(np.hypot(*(steps - chord[0]).T)) < 0.1
    assert min(np.hypot(*(steps - chord[1]).T)) < 0.1


@given(st.floats(0, np.pi), st.floats(0.5, 0.95))
def test_chord_of_an_ellipse_is_its_minor_axis(angle, ratio):
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = np.stack([10 * np.cos(turn), 10 * ratio * np.sin(turn)], axis=1) @ rotation
    axes = calipers(points, (1, 1))
    chord = widest_chord(points, axes.long_axis_xy, (1, 1))
    assert np.hypot(*(chord[1] - chord[0])) == pytest.approx(20 * ratio, rel=1e-4)
    assert axes.short_axis_mm == pytest.approx(20 * ratio, rel=1e-4)


def test_chord_of_a_line_is_a_point_in_its_middle():
    line = np.array([[0.0, 0], [8, 0]])
    for polygon in (line, np.array([[0.0, 0], [4, 0], [8, 0], [4, 0]])):
        assert widest_chord(polygon, line, (1, 1)).tolist() == [[4, 0], [4, 0]]


def test_lengthened_stops_at_the_middle():
    segment = np.array([[0.0, 0], [6, 8]])
    assert lengthened(segment, 5).tolist() == [[-3, -4], [9, 12]]
    assert lengthened(segment, -9).tolist() == [[3, 4], [3, 4]]


@pytest.mark.parametrize("spacing", [(0, 1), (1, -1), (np.nan, 1), (1, np.inf), (1,), 1.0, None, ("a", 1)])
def test_spacings_that_are_none_are_refused(spacing):
    with pytest.raises(GeometryError, match="spacing"):
        as_spacing(spacing)


@pytest.mark.parametrize(
    "mask", [np.zeros(3), np.zeros((2, 2, 2)), np.full((3, 3), 255), np.full((3, 3), 0.5), [["a"]]]
)
def test_masks_that_are_none_are_refused(mask):
    with pytest.raises(DataError, match="mask"):
        as_mask(mask)


def test_options_that_there_are_not_are_refused():
    with pytest.raises(UsageError, match="components"):
        lesion_piece(np.ones((2, 2), bool), "every")
    with pytest.raises(UsageError, match="outline"):
        piece_hull(lesion_piece(np.ones((2, 2), bool)), "corners")
