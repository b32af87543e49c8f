"""A RECIST mark on a true mask, as a reader would draw it.

The long axis joins the two pixel centres of the lesion that are furthest apart; the short axis is the longest chord
within the lesion at a right angle to it (Eisenhauer et al. 2009). Both end at centres of outermost pixels, half a
pixel within the outline, which is the convention of :mod:`ulskit.geometry.ellipse`.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.errors import GeometryError
from ulskit.phantom.shapes import turned
from ulskit.types import Mask, PointsXY

_STEP_PX = 0.25


def true_mark(mask: Mask) -> PointsXY:
    """Both diameters of a mask bool ``[y, x]`` of one component, ``[4, 2]`` px, without any error.

    Raises:
        GeometryError: an empty mask, or one too thin to have a short axis.
    """
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        raise GeometryError("an empty mask has no diameters")
    hull = cv2.convexHull(np.stack([columns, rows], axis=-1).astype(np.int32))[:, 0].astype(np.float64)
    distance = np.linalg.norm(hull[:, None] - hull, axis=-1)
    first, second = np.unravel_index(int(np.argmax(distance)), distance.shape)
    start, end = hull[first], hull[second]
    length = float(distance[first, second])
    if length < 1:
        raise GeometryError("a mask of one pixel has no diameters")
    chord = _longest_chord(mask, start, (end - start) / length, length)
    return np.concatenate([[start, end], chord])


def drawn_mark(rng: np.random.Generator, mask: Mask, *, hand_error_px: float = 0.0, tilt_deg: float = 0.0) -> PointsXY:
    """The mark ``[4, 2]`` px that a reader draws.

    Args:
        rng: source of the errors.
        mask: the true lesion, bool ``[y, x]``.
        hand_error_px: standard deviation of every endpoint along x and y, independently.
        tilt_deg: standard deviation of the turn of the short axis about its middle.

    Raises:
        GeometryError: see :func:`true_mark`.
    """
    mark = true_mark(mask)
    if tilt_deg > 0:
        middle = mark[2:].mean(axis=0)
        mark[2:] = turned(mark[2:] - middle, np.radians(rng.normal(0, tilt_deg))) + middle
    if hand_error_px > 0:
        # Beyond two standard deviations a reader sees the slip and draws anew; so does one who would leave the image.
        mark = mark + np.clip(rng.normal(size=(4, 2)), -2, 2) * hand_error_px
    limit = np.array([mask.shape[1] - 1, mask.shape[0] - 1], dtype=np.float64)
    mark = np.clip(mark, 0.0, limit)
    long_px, short_px = np.linalg.norm(mark[1] - mark[0]), np.linalg.norm(mark[3] - mark[2])
    return mark if long_px >= short_px else mark[[2, 3, 0, 1]]


def _longest_chord(mask: Mask, start: PointsXY, along: PointsXY, length: float) -> PointsXY:
    """Ends ``[2, 2]`` of the longest run of lesion on the lines across the long axis, less half a pixel at each end."""
    across = np.array([-along[1], along[0]])
    stations = np.arange(0, length + 1e-9, 0.5)
    reach = np.arange(-np.ceil(length) - 1, np.ceil(length) + 1 + 1e-9, _STEP_PX)
    points = start + stations[:, None, None] * along + reach[None, :, None] * across
    x, y = np.rint(points).astype(np.int64).transpose(2, 0, 1)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    hit = np.zeros((len(stations), len(reach) + 2), dtype=bool)
    hit[:, 1:-1] = inside
    hit[:, 1:-1][inside] = mask[y[inside], x[inside]]
    change = np.diff(hit.astype(np.int8), axis=1)
    begin_at, begin = np.nonzero(change == 1)
    _, finish = np.nonzero(change == -1)
    runs: npt.NDArray[np.int64] = finish - begin  # runs open and close in the same order on every line
    best = int(np.argmax(runs))
    low, high = reach[begin[best]], reach[finish[best] - 1]
    trim = 0.5
    if high - low - 2 * trim < 0.5:
        raise GeometryError("the mask is too thin to have a short axis")
    base = start + stations[begin_at[best]] * along
    return np.stack([base + (low + trim) * across, base + (high - trim) * across])
