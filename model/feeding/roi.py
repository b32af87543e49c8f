"""The lesion sub-image: which square of a slice the network sees.

The paper takes sub-images from boxes and brings their long side into [128, 256]. Here the sub-image is the square of
``context`` times the long side of the box about its centre: real surroundings instead of padding, and a shape that
stays itself under rotation. Training and prediction share this file, so that both see the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ulskit.ct import AIR_HU
from ulskit.errors import GeometryError
from ulskit.types import ImageHU, PointsXY

STRIDE = 32
"""The coarsest features of HRNet are at 1/32: sides are multiples of it."""


class RoiSettings(BaseModel):
    """Extent and input size of the sub-image."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    context: float = Field(1.5, gt=0, description="side of the sub-image, in long sides of the box")
    min_side_px: int = Field(16, gt=0, description="side of the sub-image at the least, in pixels of the slice")
    min_size: int = Field(128, ge=STRIDE, multiple_of=STRIDE, description="smallest input of the network, pixels")
    max_size: int = Field(256, ge=STRIDE, multiple_of=STRIDE, description="largest input of the network, pixels")

    def sizes(self) -> list[int]:
        """Input sizes between the bounds, multiples of 32."""
        return list(range(self.min_size, self.max_size + 1, STRIDE))

    def size_for(self, side_px: float) -> int:
        """Input size of a sub-image at test time: its own side, rounded to 32, or the nearer bound (paper, sec. 3)."""
        return int(np.clip(round(side_px / STRIDE) * STRIDE, self.min_size, self.max_size))


@dataclass(frozen=True, kw_only=True)
class Roi:
    """A square of a slice: centre ``[2]`` and side in pixels."""

    center_xy: PointsXY
    side_px: float


def roi_of_box(box_xy: npt.ArrayLike, settings: RoiSettings) -> Roi:
    """The sub-image of a box ``[x1, y1, x2, y2]``.

    Raises:
        GeometryError: not four finite numbers with x1 < x2 and y1 < y2.
    """
    box = np.asarray(box_xy, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or box[0] >= box[2] or box[1] >= box[3]:
        raise GeometryError(f"a box is x1,y1,x2,y2 with x1 < x2 and y1 < y2, got {np.asarray(box_xy).tolist()}")
    side = settings.context * max(box[2] - box[0], box[3] - box[1])
    return Roi(center_xy=(box[:2] + box[2:]) / 2, side_px=max(side, float(settings.min_side_px)))


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a square array of pixels lies on a slice.

    Attributes:
        origin_xy: ``[2]``, slice coordinates of the outer corner of the first pixel.
        pixel_px: side of a pixel of the array, in pixels of the slice.
        size: pixels a side.
    """

    origin_xy: PointsXY
    pixel_px: float
    size: int

    def to_slice(self) -> npt.NDArray[np.float64]:
        """Affine matrix ``[2, 3]`` from array to slice coordinates (pixel centres at integers in both)."""
        offset = self.origin_xy + 0.5 * self.pixel_px - 0.5
        return np.array([[self.pixel_px, 0.0, offset[0]], [0.0, self.pixel_px, offset[1]]])

    def from_slice(self, points_xy: PointsXY) -> PointsXY:
        """Points ``[..., 2]`` of the slice in array coordinates."""
        points: PointsXY = (points_xy - self.origin_xy + 0.5) / self.pixel_px - 0.5
        return points


def native_frame(roi: Roi, extent: float, size: int) -> Frame:
    """Frame of ``size`` pixels that holds ``extent`` times the sub-image, at the slice's resolution where it fits."""
    covered = roi.side_px * extent
    if covered <= size:
        corner = np.round(roi.center_xy - size / 2)
        return Frame(origin_xy=corner, pixel_px=1.0, size=size)
    return Frame(origin_xy=roi.center_xy + 0.5 - covered / 2, pixel_px=covered / size, size=size)


def roi_frame(roi: Roi, size: int) -> Frame:
    """Frame of ``size`` pixels over exactly the sub-image."""
    return Frame(origin_xy=roi.center_xy + 0.5 - roi.side_px / 2, pixel_px=roi.side_px / size, size=size)


def cut(image_hu: ImageHU, frame: Frame) -> ImageHU:
    """Pixels of a slice in a frame, int16 ``[size, size]``; air beyond the slice, area means where it shrinks."""
    blurred = _presmoothed(image_hu.astype(np.float32), frame.pixel_px)
    values = cv2.warpAffine(
        blurred,
        frame.to_slice(),
        (frame.size, frame.size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=AIR_HU,
    )
    return np.asarray(np.rint(values), dtype=np.int16)


def cut_label(label: npt.NDArray[np.uint8], frame: Frame) -> npt.NDArray[np.uint8]:
    """Label of a slice in a frame, uint8 ``[size, size]``: the nearest pixel's; background beyond the slice."""
    return np.asarray(
        cv2.warpAffine(
            label,
            frame.to_slice(),
            (frame.size, frame.size),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        ),
        dtype=np.uint8,
    )


def paste(values: npt.NDArray[np.float32], frame: Frame, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """A map ``[size, size]`` of a frame back on its slice, float32 ``[y, x]``; zero beyond the frame."""
    # A frame of finer pixels than the slice's is averaged first, so that each slice pixel sees all it covers.
    smooth = _presmoothed(values, 1 / frame.pixel_px)
    return np.asarray(
        cv2.warpAffine(smooth, frame.to_slice(), shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT),
        dtype=np.float32,
    )


def _presmoothed(values: npt.NDArray[np.float32], shrink: float) -> npt.NDArray[np.float32]:
    """Gaussian that keeps a reduction by ``shrink`` free of aliasing; none where nothing shrinks by a fifth or more."""
    if shrink < 1.2:
        return values
    sigma = 0.5 * float(np.sqrt(shrink**2 - 1))
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)
