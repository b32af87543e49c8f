"""Ellipses drawn through a RECIST mark, the region I′ around them and the outer bound of the lesion.

The figures behind the defaults are in ``docs/pseudolabels.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.errors import GeometryError, UsageError
from ulskit.geometry.recist import as_endpoints, axis_lengths_px, crossing
from ulskit.types import Mask, PointsXY, Shape

HALF_PIXEL = 0.5
"""Endpoints are the centres of the outermost pixels, so the outline lies half a pixel further out."""

LENS_TOLERANCE = 0.25
"""Share of the long axis by which a lesion may reach beyond the lens of its mark: on 148 hand-drawn DeepLesion
masks this cuts off no pixel, 0.2 some in two masks, 0.1 in twelve (``docs/pseudolabels.md``)."""


@dataclass(frozen=True, kw_only=True)
class Ellipse:
    """Four quarter-ellipses about one centre; with equal opposite semi-axes, one ellipse.

    Attributes:
        center_xy: ``[2]``, pixels.
        directions_xy: ``[2, 2]``, unit vectors of the long and the short axis, not necessarily perpendicular.
        semi_axes_px: ``[2, 2]``, for each direction the length towards its negative and its positive side.
    """

    center_xy: PointsXY
    directions_xy: PointsXY
    semi_axes_px: PointsXY

    def scaled(self, factor: float) -> Ellipse:
        """All semi-axes times ``factor``."""
        return replace(self, semi_axes_px=self.semi_axes_px * factor)

    def grown(self, margin_px: float) -> Ellipse:
        """All semi-axes longer by a margin; a negative margin shrinks, to nothing at the least."""
        return replace(self, semi_axes_px=np.maximum(self.semi_axes_px + margin_px, 0.0))

    def radius(self, points_xy: PointsXY) -> npt.NDArray[np.float64]:
        """Elliptic distance of points ``[..., 2]`` from the centre ``[...]``: 1 on the outline, below 1 inside."""
        along = (points_xy - self.center_xy) @ np.linalg.inv(self.directions_xy)
        reach = np.where(along < 0, self.semi_axes_px[:, 0], self.semi_axes_px[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(reach > 0, np.abs(along) / reach, np.where(along == 0, 0.0, np.inf))
        squared: npt.NDArray[np.float64] = ratio[..., 0] ** 2 + ratio[..., 1] ** 2
        return np.sqrt(squared)

    def mask(self, shape: Shape) -> Mask:
        """Pixels whose centre lies inside, bool ``[y, x]``."""
        reach = np.abs(self.directions_xy * self.semi_axes_px.max(axis=1, keepdims=True)).sum(axis=0)
        return _fill(shape, self.center_xy - reach, self.center_xy + reach, lambda xy: self.radius(xy) <= 1)


def quarter_ellipse(endpoints_xy: npt.ArrayLike) -> Ellipse:
    """Four quarter-ellipses about the crossing of the diameters, through every endpoint.

    Where the diameters do not cross (30 of 10,857 rows of DeepLesion), the ellipse of :func:`midpoints_ellipse`.

    Args:
        endpoints_xy: ``[4, 2]``, pixels: long axis, then short axis.

    Raises:
        GeometryError: see :func:`ulskit.geometry.recist.as_endpoints`.
    """
    points = as_endpoints(endpoints_xy)
    center = crossing(points)
    if center is None:
        return midpoints_ellipse(points)
    ends = points.reshape(2, 2, 2)
    lengths = np.array(axis_lengths_px(points))
    return Ellipse(
        center_xy=center,
        directions_xy=(ends[:, 1] - ends[:, 0]) / lengths[:, None],
        semi_axes_px=np.linalg.norm(ends - center, axis=-1),
    )


def _symmetric_ellipse(points: PointsXY, center: PointsXY) -> Ellipse:
    long_px, short_px = axis_lengths_px(points)
    long_direction = (points[1] - points[0]) / long_px
    return Ellipse(
        center_xy=center,
        directions_xy=np.array([long_direction, [-long_direction[1], long_direction[0]]]),
        semi_axes_px=np.array([[long_px, long_px], [short_px, short_px]]) / 2,
    )


def midpoints_ellipse(endpoints_xy: npt.ArrayLike) -> Ellipse:
    """One ellipse along the long axis, centred on the mean of the diameters' midpoints."""
    points = as_endpoints(endpoints_xy)
    return _symmetric_ellipse(points, points.mean(axis=0))


def long_axis_ellipse(endpoints_xy: npt.ArrayLike) -> Ellipse:
    """One ellipse along the long axis, centred on its midpoint."""
    points = as_endpoints(endpoints_xy)
    return _symmetric_ellipse(points, points[:2].mean(axis=0))


ELLIPSES: dict[str, Callable[[npt.ArrayLike], Ellipse]] = {
    "quarter": quarter_ellipse,
    "midpoints": midpoints_ellipse,
    "long-axis": long_axis_ellipse,
}


def ellipse_mask(endpoints_xy: npt.ArrayLike, shape: Shape, method: str = "quarter") -> Mask:
    """The lesion that a RECIST mark describes, bool ``[y, x]`` (round-1 pseudo-mask; paper, section 2.2).

    Args:
        endpoints_xy: ``[4, 2]``, pixels: both ends of the long axis, then of the short axis.
        shape: height and width of the mask.
        method: ``"quarter"``, ``"midpoints"``, ``"long-axis"`` or ``"quadrilateral"``.

    Raises:
        GeometryError: endpoints that describe no lesion.
        UsageError: no such method.
    """
    if method == "quadrilateral":
        return quadrilateral_mask(endpoints_xy, shape)
    if method not in ELLIPSES:
        raise UsageError(f"no ellipse {method!r}; there is {', '.join([*ELLIPSES, 'quadrilateral'])}")
    return ELLIPSES[method](endpoints_xy).grown(HALF_PIXEL).mask(shape)


def quadrilateral_mask(endpoints_xy: npt.ArrayLike, shape: Shape) -> Mask:
    """Convex hull of the four endpoints, grown by half a pixel, bool ``[y, x]``."""
    hull = cv2.convexHull(as_endpoints(endpoints_xy).astype(np.float32))[:, 0].astype(np.float64)
    return _fill(
        shape,
        hull.min(axis=0) - HALF_PIXEL,
        hull.max(axis=0) + HALF_PIXEL,
        lambda xy: _signed_distance_px(hull, xy) <= HALF_PIXEL,
    )


def constrained_region(endpoints_xy: npt.ArrayLike, shape: Shape) -> Mask:
    """Region I′ of the regional level set loss, bool ``[y, x]``: the ellipse dilated to four times its area.

    Both semi-axes are doubled about the centre, and the region is clipped to the image (paper, section 2.2).

    Args:
        endpoints_xy: ``[4, 2]``, pixels: both ends of the long axis, then of the short axis.
        shape: height and width of the image.

    Raises:
        GeometryError: endpoints that describe no lesion.
    """
    return quarter_ellipse(endpoints_xy).grown(HALF_PIXEL).scaled(2.0).mask(shape)


def outer_lens(endpoints_xy: npt.ArrayLike, shape: Shape, tolerance: float = LENS_TOLERANCE) -> Mask:
    """Where the lesion can be at most, bool ``[y, x]``: the lens of two discs about the long axis' ends.

    No point of the lesion is further from either end than the longest diameter L, by its definition. Readers draw it
    shorter than the outline's greatest diameter, so the radius is L · (1 + tolerance) and half a pixel more.

    Raises:
        GeometryError: endpoints that describe no lesion.
    """
    points = as_endpoints(endpoints_xy)
    if tolerance < 0:
        raise GeometryError(f"the tolerance of the lens is a share of the long axis, 0 or more, got {tolerance}")
    radius = axis_lengths_px(points)[0] * (1 + tolerance) + HALF_PIXEL
    ends = points[:2]
    return _fill(
        shape,
        ends.max(axis=0) - radius,
        ends.min(axis=0) + radius,
        lambda xy: (np.linalg.norm(xy[..., None, :] - ends, axis=-1) <= radius).all(axis=-1),
    )


def _fill(shape: Shape, low_xy: PointsXY, high_xy: PointsXY, inside: Callable[[PointsXY], Mask]) -> Mask:
    """Mask of the pixels between two corners for which ``inside`` holds; only those are looked at."""
    height, width = shape
    mask = np.zeros((height, width), dtype=bool)
    x1, y1 = (int(v) for v in np.clip(np.floor(low_xy), 0, [width, height]))
    x2, y2 = (int(v) for v in np.clip(np.ceil(high_xy) + 1, 0, [width, height]))
    if x1 < x2 and y1 < y2:
        grid = np.stack(np.meshgrid(np.arange(x1, x2), np.arange(y1, y2)), axis=-1).astype(np.float64)
        mask[y1:y2, x1:x2] = inside(grid)
    return mask


def _signed_distance_px(hull_xy: PointsXY, points_xy: PointsXY) -> npt.NDArray[np.float64]:
    """Distance of points ``[..., 2]`` from a convex polygon ``[n, 2]``: negative inside, positive outside."""
    starts, edges = hull_xy, np.roll(hull_xy, -1, axis=0) - hull_xy
    offset = points_xy[..., None, :] - starts
    share = np.clip((offset * edges).sum(-1) / np.maximum((edges**2).sum(-1), 1e-12), 0, 1)
    distance = np.linalg.norm(offset - share[..., None] * edges, axis=-1).min(axis=-1)
    side = edges[:, 0] * offset[..., 1] - edges[:, 1] * offset[..., 0]
    inside = (side >= 0).all(axis=-1) | (side <= 0).all(axis=-1)
    signed: npt.NDArray[np.float64] = np.where(inside & (len(hull_xy) > 2), -distance, distance)
    return signed
