"""RECIST marks: checks, lengths, angle, crossing, boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulskit.errors import GeometryError
from ulskit.geometry.recist import (
    as_endpoints,
    axis_angle_deg,
    axis_lengths_px,
    box_mark,
    crossing,
    inside_image,
    mark_box,
)

CROSS = np.array([[10.0, 20.0], [40.0, 20.0], [25.0, 12.0], [25.0, 30.0]])
angles = st.floats(0, 2 * np.pi)
shifts = st.tuples(st.floats(-100, 100), st.floats(-100, 100))


def _rotation(angle):
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def test_a_mark_is_copied_not_viewed():
    points = as_endpoints(CROSS)
    points[0] = 0
    assert CROSS[0, 0] == 10


@pytest.mark.parametrize(
    ("endpoints", "message"),
    [
        ([[1, 2], [3, 4]], "shape"),
        (np.zeros(8), "shape"),
        ([[1, 2], [3, 4], [5, 6], [7]], "not numbers"),
        ([["a", 2], [3, 4], [5, 6], [7, 8]], "not numbers"),
        (np.where(np.arange(8).reshape(4, 2) == 3, np.nan, CROSS), "finite"),
        (np.where(np.arange(8).reshape(4, 2) == 3, np.inf, CROSS), "finite"),
        (CROSS[[0, 0, 2, 3]], "long axis"),
        (CROSS[[0, 1, 2, 2]], "short axis"),
    ],
)
def test_what_is_no_mark_is_refused(endpoints, message):
    with pytest.raises(GeometryError, match=message):
        as_endpoints(endpoints)


@given(angles, shifts)
def test_lengths_and_angle_stay_and_crossing_moves_with_the_mark(angle, shift):
    moved = CROSS @ _rotation(angle) + shift
    np.testing.assert_allclose(axis_lengths_px(moved), [30, 18])
    np.testing.assert_allclose(axis_angle_deg(moved), 90)
    np.testing.assert_allclose(crossing(moved), np.array([25, 20]) @ _rotation(angle) + shift, atol=1e-9)


@given(st.floats(1, 90))
def test_angle_between_the_axes(angle):
    tilted = np.array([[0, 0], [10, 0], *np.outer([-2, 2], [np.cos(np.radians(angle)), np.sin(np.radians(angle))])])
    np.testing.assert_allclose(axis_angle_deg(tilted), angle)
    np.testing.assert_allclose(axis_angle_deg(tilted[[1, 0, 2, 3]]), angle)


def test_axes_that_do_not_meet_do_not_cross():
    assert crossing(CROSS + np.array([[0, 0], [0, 0], [30, 0], [30, 0]])) is None
    assert crossing(np.array([[0.0, 0], [10, 0], [0, 1], [10, 1]])) is None  # parallel


def test_box_and_image():
    assert mark_box(CROSS, 5).tolist() == [5, 7, 45, 35]
    assert inside_image(CROSS, (31, 41))
    assert not inside_image(CROSS, (30, 40))
    assert inside_image(CROSS - [10.5, 12.5], (31, 41))


def test_box_mark_is_the_mid_lines_longer_first():
    assert box_mark([0, 0, 10, 4]).tolist() == [[0, 2], [10, 2], [5, 0], [5, 4]]
    assert box_mark([0, 0, 4, 10]).tolist() == [[2, 0], [2, 10], [0, 5], [4, 5]]


@pytest.mark.parametrize("box", [[0, 0, 0, 4], [4, 0, 0, 4], [0, 0, 4], [0, np.nan, 4, 4]])
def test_what_is_no_box_is_refused(box):
    with pytest.raises(GeometryError, match="x1,y1,x2,y2"):
        box_mark(box)
