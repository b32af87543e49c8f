"""One mask, or one probability map, to one :class:`Measurement`.

What every figure means for holes, several components, one-pixel and empty masks: ``docs/measurement.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError, UsageError
from ulskit.geometry.outline import (
    Calipers,
    Components,
    Convention,
    ShortAxis,
    as_mask,
    as_spacing,
    calipers,
    lengthened,
    lesion_piece,
    level_contours,
    perimeter_mm,
    piece_hull,
    points_hull,
    segment_length_mm,
    widest_chord,
)
from ulskit.types import FloatArray, PointsXY, SpacingMM

HALF_PIXEL = 0.5
NO_AXIS = np.full((2, 2), np.nan)
NO_AXIS.flags.writeable = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """What is measured of one lesion on one slice.

    Attributes:
        long_axis_mm: greatest distance between two points of the outline (RECIST 1.1); NaN for an empty mask, 0 for
            one pixel between centres.
        short_axis_mm: greatest extent perpendicular to the long axis, or the widest chord where asked for.
        long_axis_xy: ``[2, 2]``, pixels: both ends of the long axis, the left one first.
        short_axis_xy: ``[2, 2]``, pixels: both ends of a segment perpendicular (in mm) to the long axis.
        area_mm2: pixels times the area of one, without holes; of a probability map, within the contour. 0 if empty.
        perimeter_mm: length of the border, holes included. 0 if empty.
        spacing_mm: ``(row_mm, column_mm)`` that it was measured with.
        component_count: 8-connected components of the mask; the figures are of the largest unless asked otherwise.
        hole_count: holes in what was measured.
        measured_share: share of the mask's pixels that was measured, 1 for one component; NaN for an empty mask.
    """

    long_axis_mm: float
    short_axis_mm: float
    long_axis_xy: PointsXY
    short_axis_xy: PointsXY
    area_mm2: float
    perimeter_mm: float
    spacing_mm: SpacingMM
    component_count: int
    hole_count: int
    measured_share: float

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to measure."""
        return self.component_count == 0

    @property
    def endpoints_xy(self) -> PointsXY:
        """The measurement as a RECIST mark, ``[4, 2]`` in pixels: long axis, then short axis."""
        return np.concatenate([self.long_axis_xy, self.short_axis_xy])

    @property
    def angle_deg(self) -> float:
        """Direction of the long axis in mm, from −90 (up) over 0 (along a row) to 90 (down); NaN without length."""
        if not self.long_axis_mm > 0:
            return math.nan
        (x1, y1), (x2, y2) = self.long_axis_xy.tolist()
        return math.degrees(math.atan2((y2 - y1) * self.spacing_mm[0], (x2 - x1) * self.spacing_mm[1]))

    @property
    def equivalent_diameter_mm(self) -> float:
        """Diameter of the disc of equal area."""
        return 2 * math.sqrt(self.area_mm2 / math.pi)

    @property
    def bidimensional_product_mm2(self) -> float:
        """Long times short axis (WHO criteria)."""
        return self.long_axis_mm * self.short_axis_mm

    def as_row(self) -> dict[str, float | int | bool]:
        """All figures as scalars, for one row of a table; the ends of the axes as ``long_x1_px`` and so on."""
        ends = [f"{axis}_{name}_px" for axis in ("long", "short") for name in ("x1", "y1", "x2", "y2")]
        return {
            "long_axis_mm": self.long_axis_mm,
            "short_axis_mm": self.short_axis_mm,
            "bidimensional_product_mm2": self.bidimensional_product_mm2,
            "angle_deg": self.angle_deg,
            "area_mm2": self.area_mm2,
            "perimeter_mm": self.perimeter_mm,
            "equivalent_diameter_mm": self.equivalent_diameter_mm,
            "component_count": self.component_count,
            "hole_count": self.hole_count,
            "measured_share": self.measured_share,
            "is_empty": self.is_empty,
            **dict(zip(ends, self.endpoints_xy.ravel().tolist(), strict=True)),
        }


def measure_mask(
    mask: npt.ArrayLike,
    spacing_mm: npt.ArrayLike,
    *,
    outline: Convention = "centers",
    short_axis: ShortAxis = "extent",
    components: Components = "largest",
) -> Measurement:
    """Measure the lesion of a mask: both RECIST axes, area, perimeter and more.

    Args:
        mask: bool or 0 and 1, ``[y, x]``.
        spacing_mm: ``(row_mm, column_mm)``.
        outline: ``"centers"`` runs through the centres of the outermost pixels, as a reader marks; ``"edges"`` half a
            pixel further out (:mod:`ulskit.geometry.outline`).
        short_axis: ``"extent"`` perpendicular to the long axis, or ``"chord"``: the longest segment perpendicular to
            it that stays within the outer outline, as a reader draws it.
        components: measure the ``"largest"``, or ``"all"`` as one lesion.

    Raises:
        DataError: not 2-D, or other values than 0 and 1.
        GeometryError: a spacing that is not above 0 and finite.
        UsageError: an option that there is not.
    """
    checked, spacing = as_mask(mask), as_spacing(spacing_mm)
    _check_short_axis(short_axis)
    piece = lesion_piece(checked, components)
    if piece is None:
        return _empty(spacing)
    axes = calipers(piece_hull(piece, outline), spacing)
    if short_axis == "chord" and axes.long_axis_mm > 0:
        if outline == "centers":
            polygons = [contour[:, 0].astype(np.float64) for contour in piece.contours]
        else:
            polygons = [contour[:-1] + piece.origin_xy for contour in level_contours(piece.mask)]
        axes = _with_chord(axes, polygons, spacing)
    return Measurement(
        long_axis_mm=axes.long_axis_mm,
        short_axis_mm=axes.short_axis_mm,
        long_axis_xy=axes.long_axis_xy,
        short_axis_xy=axes.short_axis_xy,
        area_mm2=piece.pixel_count * spacing[0] * spacing[1],
        perimeter_mm=perimeter_mm(piece.mask, spacing),
        spacing_mm=spacing,
        component_count=piece.component_count,
        hole_count=piece.hole_count,
        measured_share=piece.measured_share,
    )


def measure_masks(
    masks: Iterable[npt.ArrayLike],
    spacing_mm: npt.ArrayLike,
    *,
    outline: Convention = "centers",
    short_axis: ShortAxis = "extent",
    components: Components = "largest",
) -> list[Measurement]:
    """Measure many masks: :func:`measure_mask` of each.

    Args:
        masks: masks ``[y, x]``, or one array ``[lesion, y, x]``.
        spacing_mm: ``(row_mm, column_mm)`` of all, or ``[lesion, 2]``.
        outline: see :func:`measure_mask`.
        short_axis: see :func:`measure_mask`.
        components: see :func:`measure_mask`.

    Raises:
        DataError: as :func:`measure_mask`, or as many spacings as masks are not given.
    """
    listed = list(masks)
    spacings = np.asarray(spacing_mm, dtype=np.float64)
    if spacings.ndim == 1:
        spacings = np.broadcast_to(spacings, (len(listed), *spacings.shape))
    if len(spacings) != len(listed):
        raise DataError(f"{len(listed)} masks, but {len(spacings)} spacings")
    return [
        measure_mask(mask, spacing, outline=outline, short_axis=short_axis, components=components)
        for mask, spacing in zip(listed, spacings.tolist(), strict=True)
    ]


def measure_probability(
    probability: FloatArray,
    spacing_mm: npt.ArrayLike,
    *,
    level: float = 0.5,
    outline: Convention = "centers",
    short_axis: ShortAxis = "extent",
    components: Components = "largest",
) -> Measurement:
    """Measure the lesion that a probability map shows, on its sub-pixel outline.

    The outline is the contour at ``level``, linear between pixel centres. With ``outline="edges"`` the axes reach to
    that contour; with ``"centers"`` each end is drawn in by half a pixel, so that the lengths compare with those of
    masks and marks. Area and perimeter are those within the contour either way.

    Args:
        probability: ``[y, x]``, finite; the lesion lies where it is above ``level``.
        spacing_mm: ``(row_mm, column_mm)``.
        level: above 0, below 1.
        outline: see above.
        short_axis: see :func:`measure_mask`.
        components: see :func:`measure_mask`.

    Raises:
        DataError: not 2-D, or not finite.
        GeometryError: a spacing that is not above 0 and finite.
        UsageError: an option that there is not.
    """
    values, spacing = np.asarray(probability, dtype=np.float64), as_spacing(spacing_mm)
    _check_short_axis(short_axis)
    if outline not in ("centers", "edges"):
        raise UsageError(f"the outline runs through 'centers' or 'edges', got {outline!r}")
    if not 0 < level < 1:
        raise UsageError(f"a level lies between 0 and 1, got {level}")
    if values.ndim != 2 or not np.isfinite(values).all():
        raise DataError(f"a probability map is 2-D [y, x] and finite, got shape {values.shape}")
    inside = values > level
    piece = lesion_piece(inside, components)
    if piece is None:
        return _empty(spacing)
    # Only the piece and one pixel around it; what belongs to other components is taken out.
    (x, y), (height, width) = piece.origin_xy, piece.mask.shape
    window = np.s_[max(y - 1, 0) : y + height + 1, max(x - 1, 0) : x + width + 1]
    kept = np.zeros_like(inside)
    kept[y : y + height, x : x + width] = piece.mask
    corner = np.array([max(x - 1, 0), max(y - 1, 0)])
    contours = [it + corner for it in level_contours(np.where(inside & ~kept, 0.0, values)[window], level)]
    scaled = [it * spacing[::-1] for it in contours]
    axes = calipers(points_hull(np.concatenate(contours)), spacing)
    if short_axis == "chord":
        axes = _with_chord(axes, [it[:-1] for it in contours], spacing)
    if outline == "centers":
        long_xy, short_xy = lengthened(axes.long_axis_xy, -HALF_PIXEL), lengthened(axes.short_axis_xy, -HALF_PIXEL)
        axes = Calipers(
            long_axis_mm=segment_length_mm(long_xy, spacing),
            short_axis_mm=segment_length_mm(short_xy, spacing),
            long_axis_xy=long_xy,
            short_axis_xy=short_xy,
        )
    return Measurement(
        long_axis_mm=axes.long_axis_mm,
        short_axis_mm=axes.short_axis_mm,
        long_axis_xy=axes.long_axis_xy,
        short_axis_xy=axes.short_axis_xy,
        area_mm2=abs(sum(_signed_area(it) for it in scaled)),
        perimeter_mm=float(sum(np.hypot(*np.diff(it, axis=0).T).sum() for it in scaled)),
        spacing_mm=spacing,
        component_count=piece.component_count,
        hole_count=piece.hole_count,
        measured_share=piece.measured_share,
    )


def _check_short_axis(short_axis: str) -> None:
    if short_axis not in ("extent", "chord"):
        raise UsageError(f"the short axis is an 'extent' or a 'chord', got {short_axis!r}")


def _with_chord(axes: Calipers, polygons: list[PointsXY], spacing: SpacingMM) -> Calipers:
    chords = [widest_chord(polygon, axes.long_axis_xy, spacing) for polygon in polygons]
    chord = max(chords, key=lambda it: segment_length_mm(it, spacing))
    return Calipers(
        long_axis_mm=axes.long_axis_mm,
        short_axis_mm=segment_length_mm(chord, spacing),
        long_axis_xy=axes.long_axis_xy,
        short_axis_xy=chord,
    )


def _signed_area(closed: PointsXY) -> float:
    x, y = (closed - closed[0]).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def _empty(spacing: SpacingMM) -> Measurement:
    return Measurement(
        long_axis_mm=math.nan,
        short_axis_mm=math.nan,
        long_axis_xy=NO_AXIS,
        short_axis_xy=NO_AXIS,
        area_mm2=0.0,
        perimeter_mm=0.0,
        spacing_mm=spacing,
        component_count=0,
        hole_count=0,
        measured_share=math.nan,
    )
