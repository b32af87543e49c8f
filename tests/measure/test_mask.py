"""Measurement of masks: round trip with ellipses, stated edge cases, real outlines."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import regionprops

from ulskit.errors import DataError, GeometryError, UsageError
from ulskit.geometry.ellipse import ellipse_mask
from ulskit.measure import measure_mask, measure_masks, measure_probability

OUTLINES = ["centers", "edges"]


@st.composite
def ellipse_marks(draw):
    """A perfect mark: perpendicular, bisecting, with at any angle."""
    center = np.array([draw(st.floats(60, 61)), draw(st.floats(60, 61))])
    angle = draw(st.floats(0, np.pi))
    long_px = draw(st.floats(10, 80))
    short_px = long_px * draw(st.floats(0.5, 0.9))
    u = np.array([np.cos(angle), np.sin(angle)])
    n = np.array([-u[1], u[0]])
    return np.array(
        [center - u * long_px / 2, center + u * long_px / 2, center - n * short_px / 2, center + n * short_px / 2]
    )


def _dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@given(ellipse_marks(), st.sampled_from(["extent", "chord"]))
def test_an_ellipse_measures_as_the_mark_it_was_drawn_from(mark, short_axis):
    found = measure_mask(ellipse_mask(mark, (121, 121)), (1, 1), short_axis=short_axis)
    long_px, short_px = np.hypot(*(mark[1] - mark[0])), np.hypot(*(mark[3] - mark[2]))
    assert -0.8 < found.long_axis_mm - long_px < 1.2
    assert -1.2 < found.short_axis_mm - short_px < 1.9  # the long axis found is turned a little
    again = ellipse_mask(found.endpoints_xy, (121, 121))
    assert _dice(again, ellipse_mask(mark, (121, 121))) > 0.85


def test_marks_on_pixels_along_the_grid_come_back_exactly():
    mark = np.array([[10.0, 20], [40, 20], [25, 12], [25, 28]])
    mask = np.zeros((40, 60), bool)
    mask[20, 10:41] = mask[12:29, 25] = True
    found = measure_mask(mask, (0.7, 0.7))
    assert found.long_axis_mm == pytest.approx(30 * 0.7)
    assert found.short_axis_mm == pytest.approx(16 * 0.7)
    np.testing.assert_allclose(found.endpoints_xy, mark)
    assert found.angle_deg == 0


@given(ellipse_marks(), st.floats(0.2, 3), st.floats(0.3, 2))
def test_lengths_scale_with_spacing(mark, spacing, ratio):
    mask = ellipse_mask(mark, (121, 121))
    one, other = measure_mask(mask, (1, ratio)), measure_mask(mask, (spacing, spacing * ratio))
    assert other.long_axis_mm == pytest.approx(one.long_axis_mm * spacing)
    assert other.short_axis_mm == pytest.approx(one.short_axis_mm * spacing)
    assert other.perimeter_mm == pytest.approx(one.perimeter_mm * spacing)
    assert other.area_mm2 == pytest.approx(one.area_mm2 * spacing**2)
    assert other.angle_deg == pytest.approx(one.angle_deg)


def test_a_disc_on_a_grid_of_unequal_spacing_is_round():
    spacing = (0.02, 0.05)
    y, x = np.mgrid[-6 : 6 : spacing[0], -6 : 6 : spacing[1]]
    for outline in OUTLINES:
        found = measure_mask(np.hypot(x, y) <= 5, spacing, outline=outline)
        assert found.long_axis_mm == pytest.approx(10, abs=0.06)
        assert found.short_axis_mm == pytest.approx(10, abs=0.06)
        assert found.equivalent_diameter_mm == pytest.approx(10, abs=0.01)


def test_edges_lie_half_a_pixel_further_out():
    mask = np.zeros((12, 30), bool)
    mask[4:9, 5:26] = True
    mask[[4, 8], :] = False
    mask[[4, 8], 15] = True
    centers, edges = (measure_mask(mask, (1, 1), outline=outline) for outline in OUTLINES)
    assert centers.long_axis_mm == pytest.approx(np.hypot(20, 2))
    assert edges.short_axis_mm > centers.short_axis_mm
    line = np.zeros((3, 9), bool)
    line[1, 2:7] = True
    assert (measure_mask(line, (1, 1)).long_axis_mm, measure_mask(line, (1, 1)).short_axis_mm) == (4, 0)
    for short_axis in ("extent", "chord"):
        found = measure_mask(line, (2, 1), outline="edges", short_axis=short_axis)
        assert (found.long_axis_mm, found.short_axis_mm) == (5, pytest.approx(2))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 7)])
def test_an_empty_mask_has_no_axes_and_no_area(shape):
    found = measure_mask(np.zeros(shape, bool), (1, 1))
    assert found.is_empty
    assert np.isnan([found.long_axis_mm, found.short_axis_mm, found.angle_deg, found.measured_share]).all()
    assert np.isnan(found.endpoints_xy).all()
    assert found.endpoints_xy.shape == (4, 2)
    assert (found.area_mm2, found.perimeter_mm, found.component_count, found.equivalent_diameter_mm) == (0, 0, 0, 0)
    assert measure_probability(np.zeros((4, 4)), (1, 1)).is_empty


@pytest.mark.parametrize("short_axis", ["extent", "chord"])
def test_one_pixel(short_axis):
    mask = np.zeros((5, 5), bool)
    mask[1, 3] = True
    found = measure_mask(mask, (2.0, 2.0), short_axis=short_axis)
    assert (found.long_axis_mm, found.short_axis_mm, found.area_mm2) == (0, 0, 4)
    assert found.endpoints_xy.tolist() == [[3, 1]] * 4
    assert np.isnan(found.angle_deg)
    edges = measure_mask(mask, (2.0, 2.0), outline="edges", short_axis=short_axis)
    assert (edges.long_axis_mm, edges.short_axis_mm) == (2, pytest.approx(2))


def test_holes_change_area_and_perimeter_alone():
    mask = ellipse_mask([[10, 20], [40, 20], [25, 10], [25, 30]], (40, 60))
    holed = mask.copy()
    holed[18:22, 20:25] = False
    whole, found = measure_mask(mask, (1, 1)), measure_mask(holed, (1, 1))
    np.testing.assert_array_equal(found.endpoints_xy, whole.endpoints_xy)
    assert (found.hole_count, found.area_mm2) == (1, whole.area_mm2 - 20)
    assert found.perimeter_mm > whole.perimeter_mm


def test_the_largest_component_is_measured_unless_all_are_asked_for():
    mask = np.zeros((20, 60), bool)
    mask[5:10, 5:15] = True
    mask[5:7, 50:53] = True
    alone = measure_mask(mask[:, :30], (1, 1))
    found, both = measure_mask(mask, (1, 1)), measure_mask(mask, (1, 1), components="all")
    assert found.long_axis_mm == alone.long_axis_mm
    assert (found.area_mm2, found.component_count) == (50, 2)
    assert found.measured_share == pytest.approx(50 / 56)
    assert (both.area_mm2, both.measured_share) == (56, 1)
    assert both.long_axis_mm == pytest.approx(np.hypot(47, 4))
    chord = measure_mask(mask, (1, 1), components="all", short_axis="chord")
    assert chord.short_axis_mm < both.short_axis_mm


@given(ellipse_marks(), st.sampled_from(OUTLINES))
def test_a_map_of_0_and_1_measures_as_its_mask(mark, outline):
    mask = ellipse_mask(mark, (121, 121))
    expected = measure_mask(mask, (1, 1), outline=outline)
    found = measure_probability(mask.astype(np.float32), (1, 1), outline=outline)
    tolerance = 1e-9 if outline == "edges" else 0.35
    assert found.long_axis_mm == pytest.approx(expected.long_axis_mm, abs=tolerance)
    if outline == "edges":
        assert found.short_axis_mm == pytest.approx(expected.short_axis_mm)
    assert found.area_mm2 == pytest.approx(expected.area_mm2, rel=0.02)


def test_a_map_is_measured_between_pixels():
    y, x = np.mgrid[-30:31, -30:31]
    probability = np.clip(0.5 + (20.3 - np.hypot(x - 0.2, y)) / 5, 0, 1)
    found = measure_probability(probability, (0.5, 0.5), outline="edges")
    assert found.long_axis_mm == pytest.approx(20.3, abs=1e-3)
    assert found.short_axis_mm == pytest.approx(20.3, abs=5e-3)
    assert found.area_mm2 == pytest.approx(np.pi * 10.15**2, rel=1e-3)
    assert found.perimeter_mm == pytest.approx(np.pi * 20.3, rel=1e-3)
    drawn_in = measure_probability(probability, (0.5, 0.5))
    assert drawn_in.long_axis_mm == pytest.approx(found.long_axis_mm - 0.5)
    lower = measure_probability(probability, (0.5, 0.5), level=0.3, outline="edges")
    assert lower.long_axis_mm == pytest.approx(20.3 + 1.0, abs=1e-2)


def test_other_components_of_a_map_do_not_reach_the_axes():
    probability = np.zeros((30, 40))
    probability[5:15, 5:15] = 0.9
    alone = measure_probability(probability, (1, 1))
    probability[5:7, 16:18] = 0.8
    found = measure_probability(probability, (1, 1))
    assert (found.component_count, found.long_axis_mm) == (2, alone.long_axis_mm)


def test_many_masks_measure_as_each_alone():
    rng = np.random.default_rng(3)
    masks = rng.random((7, 16, 16)) < 0.4
    spacings = rng.uniform(0.5, 1, (7, 2))
    for found, mask, spacing in zip(measure_masks(masks, spacings), masks, spacings, strict=True):
        expected = measure_mask(mask, spacing)
        assert found.as_row() == expected.as_row()
    assert len(measure_masks(iter(masks), (1, 1))) == 7
    assert measure_masks([], (1, 1)) == []
    with pytest.raises(DataError, match="spacings"):
        measure_masks(masks, spacings[:3])


def test_a_row_holds_scalars_alone():
    mask = ellipse_mask([[10, 20], [40, 20], [25, 10], [25, 30]], (40, 60))
    row = measure_mask(mask, (0.5, 0.5)).as_row()
    assert all(type(value) in (int, float, bool) for value in row.values())
    assert row["bidimensional_product_mm2"] == pytest.approx(row["long_axis_mm"] * row["short_axis_mm"])
    assert row["long_x2_px"] == 40


def test_masks_of_other_types_and_layouts_are_taken():
    mask = ellipse_mask([[10, 20], [40, 20], [25, 10], [25, 30]], (40, 60))
    expected = measure_mask(mask, (1, 1)).as_row()
    for other in (mask.astype(np.uint8), mask.astype(np.float32), mask.tolist(), np.asfortranarray(mask)):
        assert measure_mask(other, (1, 1)).as_row() == expected


@pytest.mark.parametrize("measure", [measure_mask, measure_probability])
def test_what_cannot_be_measured_is_refused(measure):
    with pytest.raises(DataError, match="2-D"):
        measure(np.ones((2, 3, 4)), (1, 1))
    with pytest.raises(DataError):
        measure(np.full((3, 3), np.nan), (1, 1))
    with pytest.raises(GeometryError, match="spacing"):
        measure(np.ones((3, 3)), (0, 1))
    for option in ({"outline": "corners"}, {"short_axis": "thin"}, {"components": "some"}):
        with pytest.raises(UsageError):
            measure(np.ones((3, 3)), (1, 1), **option)


def test_level_lies_between_0_and_1():
    with pytest.raises(UsageError, match="level"):
        measure_probability(np.ones((3, 3)), (1, 1), level=1)


@pytest.fixture(scope="module")
def outlines(shared_data):
    """Masks of the outlines that radiologists drew: the points are the first pixels outside the nodule."""
    data = np.load(shared_data / "lesion-outlines.npz")
    masks = []
    for points in np.split(data["points_xy"].astype(np.int32), data["offsets"][1:-1]):
        placed = points - points.min(axis=0) + 3
        mask = np.zeros(placed.max(axis=0)[::-1] + 4, np.uint8)
        cv2.fillPoly(mask, [placed[:, None]], 1)
        mask[placed[:, 1], placed[:, 0]] = 0
        masks.append(mask.astype(bool))
    return masks


@pytest.mark.parametrize("short_axis", ["extent", "chord"])
def test_real_outlines_come_back_from_their_measured_mark(outlines, short_axis):
    dice = []
    for mask in outlines:
        found = measure_mask(mask, (1, 1), short_axis=short_axis)
        dice.append(_dice(ellipse_mask(found.endpoints_xy, mask.shape), mask))
    assert len(dice) == 2859
    assert np.mean(dice) >= 0.885


def test_conventions_differ_by_what_the_docs_say(outlines):
    few = outlines[::10]
    centers, edges, feret = (
        np.array([measure(mask) for mask in few])
        for measure in (
            lambda mask: measure_mask(mask, (1, 1), components="all").long_axis_mm,
            lambda mask: measure_mask(mask, (1, 1), components="all", outline="edges").long_axis_mm,
            lambda mask: regionprops(mask.astype(int))[0].feret_diameter_max,
        )
    )
    assert np.mean(edges - centers) == pytest.approx(0.90, abs=0.03)
    assert np.mean(feret - centers) == pytest.approx(1.0, abs=0.1)
