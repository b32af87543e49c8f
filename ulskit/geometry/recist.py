"""The RECIST mark: two diameters drawn across a lesion on one slice.

A mark is one array ``[4, 2]``: both ends of the long axis, then both ends of the short axis, x before y.
Real marks are neither perpendicular nor bisecting: of 10,857 DeepLesion rows 30 do not even cross.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ulskit.errors import GeometryError
from ulskit.types import PointsXY, Shape

MIN_AXIS_PX = 1e-3
"""A diameter shorter than this has no direction."""


def as_endpoints(endpoints_xy: npt.ArrayLike) -> PointsXY:
    """Checked copy of a mark as float64 ``[4, 2]``.

    Raises:
        GeometryError: wrong shape, a coordinate that is not finite, or a diameter of zero length.
    """
    try:
        points = np.array(endpoints_xy, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GeometryError(f"RECIST endpoints are not numbers: {error}") from error
    if points.shape != (4, 2):
        raise GeometryError(f"RECIST endpoints: expected shape (4, 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise GeometryError("RECIST endpoints are not finite")
    lengths = axis_lengths_px(points)
    if min(lengths) < MIN_AXIS_PX:
        name = "long" if lengths[0] < MIN_AXIS_PX else "short"
        raise GeometryError(f"the {name} axis has zero length")
    return points


def axis_lengths_px(endpoints_xy: PointsXY) -> tuple[float, float]:
    """Lengths of the two diameters of a mark ``[4, 2]``, in pixels."""
    a, b, c, d = endpoints_xy
    return float(np.hypot(*(b - a))), float(np.hypot(*(d - c)))


def axis_angle_deg(endpoints_xy: PointsXY) -> float:
    """Angle between the two diameters of a mark ``[4, 2]``, in degrees from 0 to 90 (a perfect mark: 90)."""
    a, b, c, d = endpoints_xy
    u, v = b - a, d - c
    return float(np.degrees(np.arctan2(abs(u[0] * v[1] - u[1] * v[0]), abs(u @ v))))


def crossing(endpoints_xy: PointsXY) -> PointsXY | None:
    """Point ``[2]`` in which the two diameters of a mark ``[4, 2]`` cross; None where they do not."""
    a, b, c, d = endpoints_xy
    u, v = b - a, d - c
    determinant = u[0] * v[1] - u[1] * v[0]
    if abs(determinant) < 1e-9 * np.hypot(*u) * np.hypot(*v):
        return None
    w = c - a
    along_u = (w[0] * v[1] - w[1] * v[0]) / determinant
    along_v = (w[0] * u[1] - w[1] * u[0]) / determinant
    if not (0 <= along_u <= 1 and 0 <= along_v <= 1):
        return None
    point: PointsXY = a + along_u * u
    return point


def mark_box(endpoints_xy: PointsXY, margin_px: float = 0.0) -> npt.NDArray[np.float64]:
    """Extent of a mark as ``[x1, y1, x2, y2]``, widened by a margin (DeepLesion's boxes: 5 px)."""
    low = endpoints_xy.min(axis=0) - margin_px
    high = endpoints_xy.max(axis=0) + margin_px
    return np.concatenate([low, high])


def inside_image(endpoints_xy: PointsXY, shape: Shape) -> bool:
    """Whether every endpoint lies on the image, whose pixels reach half a pixel beyond their centres."""
    limit = np.array([shape[1] - 0.5, shape[0] - 0.5])
    return bool(((endpoints_xy >= -0.5) & (endpoints_xy <= limit)).all())


def box_mark(box_xy: npt.ArrayLike) -> PointsXY:
    """The mark ``[4, 2]`` that a bare box ``[x1, y1, x2, y2]`` stands for: its two mid-lines, the longer first.

    Raises:
        GeometryError: not four finite numbers with x1 < x2 and y1 < y2.
    """
    box = np.asarray(box_xy, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or box[0] >= box[2] or box[1] >= box[3]:
        raise GeometryError(f"a box is x1,y1,x2,y2 with x1 < x2 and y1 < y2, got {np.asarray(box_xy).tolist()}")
    x1, y1, x2, y2 = box
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    across = np.array([[x1, y], [x2, y]])
    down = np.array([[x, y1], [x, y2]])
    return np.concatenate([across, down] if x2 - x1 >= y2 - y1 else [down, across])
