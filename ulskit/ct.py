"""Computed tomography values: Hounsfield units, windows, and DeepLesion's 16-bit PNG."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError
from ulskit.types import FloatArray, ImageHU, Shape

HU_OFFSET = 32768
"""A DeepLesion PNG holds HU + 32768 (Yan et al. 2018)."""

AIR_HU = -1024
"""What stands where an image has no pixel."""

MAX_SIDE_PX = 8192
"""A PNG that claims more is refused before anything is allocated for it."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_HEADER_BYTES = 33


class Window(NamedTuple):
    """Range of HU shown from black to white."""

    low_hu: float
    high_hu: float


SOFT_TISSUE = Window(-160, 240)
LUNG = Window(-1350, 150)
BONE = Window(-500, 1300)


def apply_window(image_hu: FloatArray | ImageHU, window: Window) -> npt.NDArray[np.float32]:
    """Image of any shape brought to [0, 1] over a window, clipped, float32."""
    low, high = window
    scaled = (np.asarray(image_hu, dtype=np.float32) - low) / (high - low)
    return np.asarray(np.clip(scaled, 0.0, 1.0), dtype=np.float32)


def png_shape(header: bytes) -> Shape:
    """Height and width that the first 33 bytes of a 16-bit grey PNG claim.

    Raises:
        DataError: not a PNG, not 16-bit grey, or larger than 8192 pixels a side.
    """
    if len(header) < PNG_HEADER_BYTES or header[:8] != _SIGNATURE or header[12:16] != b"IHDR":
        raise DataError("not a PNG file")
    width, height, depth, color = struct.unpack(">IIBB", header[16:26])
    if (depth, color) != (16, 0):
        raise DataError(f"expected a 16-bit grey PNG, got {depth} bit of colour type {color}")
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
        raise DataError(f"a PNG of {height} × {width} pixels, more than {MAX_SIDE_PX} a side")
    return height, width


def decode_png(data: bytes) -> ImageHU:
    """HU of a 16-bit grey PNG, int16 ``[y, x]``.

    Every chunk is checked first: OpenCV returns a truncated file as an image that is partly black.

    Raises:
        DataError: not such a PNG, truncated, or damaged.
    """
    shape = png_shape(data[:PNG_HEADER_BYTES])
    check_png(data)
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.shape != shape:
        raise DataError("damaged PNG: its pixels do not decode")
    flipped: npt.NDArray[np.uint16] = np.asarray(values, dtype=np.uint16) ^ np.uint16(HU_OFFSET)
    return flipped.view(np.int16)  # flipping the top bit subtracts 32768


def encode_png(image_hu: ImageHU) -> bytes:
    """DeepLesion's form of a slice: 16-bit PNG of HU + 32768, from int16 ``[y, x]``."""
    values = np.ascontiguousarray(image_hu, dtype=np.int16).view(np.uint16) ^ np.uint16(HU_OFFSET)
    done, data = cv2.imencode(".png", values)
    if not done:  # pragma: no cover
        raise DataError(f"an image of shape {image_hu.shape} cannot be written as PNG")
    return data.tobytes()


def check_png(data: bytes) -> None:
    """Check that a PNG of any kind is whole: its signature, and every chunk to the last.

    Raises:
        DataError: not a PNG, truncated, or damaged.
    """
    if len(data) < PNG_HEADER_BYTES or data[:8] != _SIGNATURE or data[12:16] != b"IHDR":
        raise DataError("not a PNG file")
    view, at = memoryview(data), len(_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        (crc,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[at + 4 : end - 4]) != crc:
            raise DataError("damaged PNG: wrong checksum")
        if data[at + 4 : at + 8] == b"IEND":
            return
        at = end
    raise DataError("truncated PNG")
