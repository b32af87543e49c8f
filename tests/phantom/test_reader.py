import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulskit.errors import GeometryError
from ulskit.geometry.recist import axis_angle_deg, axis_lengths_px, crossing
from ulskit.phantom.reader import drawn_mark, true_mark
from ulskit.phantom.shapes import SHAPES, lesion_outline


def _ellipse(rx, ry, angle=0.0, size=96):
    canvas = np.zeros((size, size), np.uint8)
    cv2.ellipse(canvas, ((size / 2, size / 2), (2 * rx, 2 * ry), angle), 1, -1)
    return canvas > 0


def _lesion(seed, kind="smooth", size=96, length=50):
    outline = lesion_outline(np.random.default_rng(seed), kind) * length + size / 2
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [np.round(outline).astype(np.int32)], 1)
    return canvas > 0


def test_a_rectangle_has_its_diagonal_and_the_chord_across_it():
    mask = np.zeros((20, 30), bool)
    mask[5:9, 4:24] = True
    mark = true_mark(mask)
    assert axis_lengths_px(mark)[0] == pytest.approx(np.hypot(19, 3))
    assert axis_angle_deg(mark) == pytest.approx(90)


@pytest.mark.parametrize("angle", [0, 30, 90, 135])
def test_an_ellipse_has_its_two_axes_between_pixel_centres(angle):
    long_px, short_px = axis_lengths_px(true_mark(_ellipse(30, 15, angle)))
    assert long_px == pytest.approx(60, abs=1.6)
    assert short_px == pytest.approx(30, abs=1.6)


@given(st.integers(0, 200), st.sampled_from(SHAPES))
def test_the_long_axis_is_the_greatest_distance_of_two_pixels(seed, kind):
    mask = _lesion(seed, kind, 64, 32)
    points = np.argwhere(mask)[:, ::-1].astype(float)
    greatest = max(np.linalg.norm(points - point, axis=1).max() for point in points)
    assert axis_lengths_px(true_mark(mask))[0] == pytest.approx(greatest)


@given(st.integers(0, 200), st.sampled_from(SHAPES))
def test_without_error_all_ends_lie_on_the_mask_and_the_axes_are_square(seed, kind):
    mask = _lesion(seed, kind)
    mark = drawn_mark(np.random.default_rng(0), mask)
    x, y = np.rint(mark).astype(int).T
    assert mask[y, x].all()
    assert axis_angle_deg(mark) == pytest.approx(90, abs=1e-6)
    assert axis_lengths_px(mark)[0] >= axis_lengths_px(mark)[1]
    x, y = np.rint(np.linspace(mark[2], mark[3], 200)).astype(int).T
    assert mask[y, x].all(), "the short axis leaves the lesion"


@given(st.integers(0, 50))
def test_quarter_turns_of_the_mask_turn_the_lengths_along(seed):
    mask = _lesion(seed)
    turned = axis_lengths_px(true_mark(np.rot90(mask)))
    assert turned[0] == pytest.approx(axis_lengths_px(true_mark(mask))[0])
    assert turned[1] == pytest.approx(axis_lengths_px(true_mark(mask))[1], abs=1.5)


def test_the_error_of_the_hand_has_the_stated_spread():
    mask, rng = _ellipse(30, 18, 20), np.random.default_rng(0)
    errors = np.stack([drawn_mark(rng, mask, hand_error_px=1.5) - true_mark(mask) for _ in range(400)])
    # cut at two standard deviations, by piling up there: 0.96 of the spread
    assert errors.std() == pytest.approx(1.5 * 0.96, rel=0.05)
    assert abs(errors.mean()) < 0.1


def test_a_tilted_mark_is_not_square_but_still_crosses():
    mask, rng = _ellipse(30, 18, 20), np.random.default_rng(0)
    marks = [drawn_mark(rng, mask, tilt_deg=4.0) for _ in range(50)]
    assert 1.5 < np.mean([90 - axis_angle_deg(mark) for mark in marks]) < 5
    assert all(crossing(mark) is not None for mark in marks)


def test_marks_stay_on_the_image():
    mask = np.zeros((24, 24), bool)
    mask[0:12, 0:20] = True
    for seed in range(20):
        mark = drawn_mark(np.random.default_rng(seed), mask, hand_error_px=5)
        assert mark.min() >= 0
        assert mark.max() <= 23


def test_what_has_no_diameters_is_refused():
    mask = np.zeros((8, 8), bool)
    with pytest.raises(GeometryError, match="empty"):
        true_mark(mask)
    mask[4, 4] = True
    with pytest.raises(GeometryError, match="one pixel"):
        true_mark(mask)
    mask[4, 1:7] = True
    with pytest.raises(GeometryError, match="too thin"):
        true_mark(mask)
