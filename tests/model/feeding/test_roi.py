"""The sub-image: frames are inverse to each other, sizes keep to the paper's bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulskit.ct import AIR_HU
from ulskit.errors import GeometryError
from ulskit.geometry.ellipse import ellipse_mask
from ulskit.model.feeding.roi import RoiSettings, cut, cut_label, native_frame, paste, roi_frame, roi_of_box

SETTINGS = RoiSettings()


def test_side_is_context_times_the_long_side_of_the_box():
    roi = roi_of_box([10, 20, 50, 40], SETTINGS)
    assert roi.side_px == 40 * SETTINGS.context
    assert roi.center_xy.tolist() == [30, 30]


@pytest.mark.parametrize("box", [[5, 5, 5, 9], [9, 5, 5, 9], [0, 0, 1], [0, 0, np.nan, 4], [0, 0, np.inf, 4]])
def test_what_is_no_box_is_refused(box):
    with pytest.raises(GeometryError, match="x1,y1,x2,y2"):
        roi_of_box(box, SETTINGS)


@given(st.floats(1, 3000))
def test_input_size_is_a_multiple_of_32_within_the_bounds_and_near_the_side(side):
    size = SETTINGS.size_for(side)
    assert size % 32 == 0
    assert 128 <= size <= 256
    assert abs(size - np.clip(side, 128, 256)) <= 16


@given(st.floats(0, 500), st.floats(0, 500), st.floats(16, 600), st.integers(32, 400))
def test_frames_lead_there_and_back(x, y, side, size):
    roi = roi_of_box([x, y, x + side, y + side / 2], SETTINGS)
    for frame in (native_frame(roi, 1.8, size), roi_frame(roi, size)):
        points = np.array([[0.0, 0.0], [size - 1.0, 3.0]])
        there = points @ frame.to_slice()[:, :2].T + frame.to_slice()[:, 2]
        np.testing.assert_allclose(frame.from_slice(there), points, atol=1e-6)


def test_a_native_frame_copies_pixels_exactly():
    image = np.random.default_rng(0).integers(-1000, 1000, (100, 120)).astype(np.int16)
    frame = native_frame(roi_of_box([40, 30, 60, 50], SETTINGS), 1.8, 64)
    x, y = frame.origin_xy.astype(int)
    cutout = cut(image, frame)
    inside = image[max(y, 0) : y + 64, max(x, 0) : x + 64]
    assert frame.pixel_px == 1
    np.testing.assert_array_equal(cutout[max(-y, 0) :, max(-x, 0) :][: inside.shape[0], : inside.shape[1]], inside)


def test_beyond_the_slice_is_air_and_background():
    frame = native_frame(roi_of_box([0, 0, 10, 10], SETTINGS), 1.8, 64)
    assert cut(np.full((40, 40), 50, np.int16), frame)[0, 0] == AIR_HU
    assert cut_label(np.ones((40, 40), np.uint8), frame)[0, 0] == 0


@pytest.mark.parametrize("side", [20, 60, 200, 400])
def test_a_mask_survives_the_way_to_the_input_and_back(side):
    shape = (600, 640)
    endpoints = [[320 - side / 2, 300], [320 + side / 2, 300], [320, 300 - side / 3], [320, 300 + side / 3]]
    mask = ellipse_mask(endpoints, shape)
    roi = roi_of_box([320 - side / 2 - 5, 300 - side / 3 - 5, 320 + side / 2 + 5, 300 + side / 3 + 5], SETTINGS)
    frame = roi_frame(roi, SETTINGS.size_for(roi.side_px))
    there = cut((mask * 1000).astype(np.int16), frame).clip(0, 1000).astype(np.float32) / 1000
    back = paste(there, frame, shape) >= 0.5
    assert 2 * (back & mask).sum() / (back.sum() + mask.sum()) > 0.97
