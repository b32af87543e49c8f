"""One predicted mask against the true one: all figures of a lesion."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError, UsageError
from ulskit.geometry.outline import as_mask, as_spacing, calipers, lesion_piece, piece_hull
from ulskit.metrics.overlap import overlap
from ulskit.metrics.surface import surface_distances
from ulskit.types import Mask, SpacingMM

NSD_TOLERANCE_MM = 1.0
"""Borders this close count as one: a little more than the pixels of DeepLesion (0.8 mm, median)."""


@dataclass(frozen=True, kw_only=True)
class SegmentationMetrics:
    """Figures of one lesion. Both masks empty: all NaN. One empty: the shares and the NSD 0, what is in mm NaN.

    Attributes:
        precision, recall, dice, iou: shares, 0 to 1 (:mod:`ulskit.metrics.overlap`).
        hd95_mm: distance within which 95 % of either border lies (:mod:`ulskit.metrics.surface`).
        nsd: normalised surface Dice: share of both borders within the tolerance of the other.
        long_axis_error_mm, short_axis_error_mm: predicted − true axis, each measured as by ``measure_mask``.
    """

    precision: float
    recall: float
    dice: float
    iou: float
    hd95_mm: float
    nsd: float
    long_axis_error_mm: float
    short_axis_error_mm: float

    def as_row(self) -> dict[str, float]:
        """All figures, for one row of a table."""
        return asdict(self)


def segmentation_metrics(
    prediction: npt.ArrayLike,
    truth: npt.ArrayLike,
    spacing_mm: npt.ArrayLike,
    *,
    ignore: npt.ArrayLike | None = None,
    nsd_tolerance_mm: float = NSD_TOLERANCE_MM,
) -> SegmentationMetrics:
    """Compare a predicted mask with the true one.

    Args:
        prediction: bool or 0 and 1, ``[y, x]``.
        truth: bool or 0 and 1, ``[y, x]``.
        spacing_mm: ``(row_mm, column_mm)``.
        ignore: bool ``[y, x]``: pixels that are taken as background in both masks.
        nsd_tolerance_mm: distance up to which borders agree, 0 or more.

    Raises:
        DataError: masks that are not 2-D, of one shape, and of 0 and 1 alone.
        GeometryError: a spacing that is not above 0 and finite.
        UsageError: a negative tolerance.
    """
    masks = [as_mask(prediction), as_mask(truth)]
    spacing = as_spacing(spacing_mm)
    if masks[0].shape != masks[1].shape:
        raise DataError(f"prediction and truth differ in shape: {masks[0].shape} and {masks[1].shape}")
    if not nsd_tolerance_mm >= 0:
        raise UsageError(f"the tolerance of the NSD is 0 mm or more, got {nsd_tolerance_mm}")
    if ignore is not None:
        ignored = as_mask(ignore)
        if ignored.shape != masks[0].shape:
            raise DataError(f"ignore and the masks differ in shape: {ignored.shape} and {masks[0].shape}")
        masks = [mask & ~ignored for mask in masks]
    first, second = _cropped(*masks)
    shares = overlap(first, second)
    surfaces = surface_distances(first, second, spacing)
    long_mm, short_mm = _axes_mm(first, spacing)
    true_long_mm, true_short_mm = _axes_mm(second, spacing)
    return SegmentationMetrics(
        precision=shares.precision,
        recall=shares.recall,
        dice=shares.dice,
        iou=shares.iou,
        hd95_mm=surfaces.hausdorff_mm(0.95),
        nsd=surfaces.surface_dice(nsd_tolerance_mm),
        long_axis_error_mm=long_mm - true_long_mm,
        short_axis_error_mm=short_mm - true_short_mm,
    )


def _cropped(first: Mask, second: Mask) -> tuple[Mask, Mask]:
    """Both masks within the bounding box of their union; as they are where it is empty."""
    union = (first | second).view(np.uint8)
    x, y, width, height = cv2.boundingRect(union) if union.size else (0, 0, 0, 0)
    box = np.s_[y : y + height, x : x + width]
    return first[box], second[box]


def _axes_mm(mask: Mask, spacing_mm: SpacingMM) -> tuple[float, float]:
    piece = lesion_piece(mask)
    if piece is None:
        return math.nan, math.nan
    axes = calipers(piece_hull(piece), spacing_mm)
    return axes.long_axis_mm, axes.short_axis_mm
