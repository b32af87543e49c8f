"""HU, windows, and DeepLesion's PNG: what is not whole is refused, never read as black."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ulskit.ct import AIR_HU, LUNG, SOFT_TISSUE, Window, apply_window, check_png, decode_png, encode_png, png_shape
from ulskit.errors import DataError

images = arrays(np.int16, array_shapes(min_dims=2, max_dims=2, max_side=12))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int = 16, color: int = 0, pixels: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@given(image=images)
def test_a_png_holds_every_hu_exactly(image):
    data = encode_png(image)
    assert png_shape(data[:33]) == image.shape
    np.testing.assert_array_equal(decode_png(data), image)


def test_the_offset_is_deeplesions():
    raw = cv2.imdecode(np.frombuffer(encode_png(np.array([[0, -1024]], np.int16)), np.uint8), cv2.IMREAD_UNCHANGED)
    assert raw.tolist() == [[32768, 31744]]


@given(image=images, at=st.floats(0, 1, exclude_max=True))
def test_a_truncated_png_is_refused_wherever_it_ends(image, at):
    data = encode_png(image)
    with pytest.raises(DataError, match=r"truncated PNG|not a PNG"):
        decode_png(data[: int(at * len(data))])


@given(image=images, at=st.integers(0), bit=st.integers(0, 7))
def test_one_wrong_bit_is_noticed_wherever_it_is(image, at, bit):
    data = bytearray(encode_png(image))
    data[at % len(data)] ^= 1 << bit
    with pytest.raises(DataError):
        decode_png(bytes(data))


@given(data=st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    for check in (decode_png, check_png):
        with pytest.raises(DataError):
            check(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png(4, 4, depth=8), "expected a 16-bit grey PNG, got 8 bit of colour type 0"),
        (png(4, 4, color=2), "expected a 16-bit grey PNG, got 16 bit of colour type 2"),
        (png(0, 4), "more than 8192 a side"),
        (png(100_000, 100_000), "100000 × 100000 pixels, more than 8192 a side"),
        (png(4, 4, pixels=zlib.compress(b"")), "its pixels do not decode"),
        (png(4, 4, pixels=b"no zlib stream"), "its pixels do not decode"),
    ],
)
def test_what_is_no_slice_is_refused_with_its_reason(data, reason):
    with pytest.raises(DataError, match=reason):
        decode_png(data)


@given(image=images, low=st.integers(-2000, 2000), width=st.integers(1, 3000))
def test_a_window_is_monotone_from_0_to_1(image, low, width):
    shown = apply_window(image, Window(low, low + width))
    assert shown.dtype == np.float32
    assert ((shown >= 0) & (shown <= 1)).all()
    order = np.argsort(image, axis=None)
    assert (np.diff(shown.ravel()[order]) >= 0).all()


def test_a_windows_ends_are_black_and_white():
    assert apply_window(np.array([-160, 40, 240]), SOFT_TISSUE).tolist() == [0, 0.5, 1]
    assert apply_window(np.array([AIR_HU - 2000, 3000]), LUNG).tolist() == [0, 1]
