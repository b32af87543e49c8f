"""Outlines of lesions: smooth and irregular, lobulated, spiculated, or taken from real lesions.

Every outline is float64 ``[n, 2]``, a closed polygon of one unit greatest diameter about its centroid, so that a
scale in mm or pixels is its long axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.errors import GeometryError, UsageError
from ulskit.types import PointsXY

SHAPES = ("smooth", "lobulated", "spiculated")
"""Kinds of outline that :func:`lesion_outline` draws."""

_POINTS = 240


def lesion_outline(rng: np.random.Generator, kind: str = "smooth") -> PointsXY:
    """A random outline of unit greatest diameter, ``[240, 2]``.

    The radius is a Fourier series in the angle whose amplitudes fall with the frequency, on an ellipse whose axes
    relate as those of DeepLesion's marks (median 0.75); lobes and spicules are added to it.

    Raises:
        UsageError: no such kind.
    """
    angle = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    if kind == "smooth":
        radius = 1 + _fourier(rng, angle, first=2, last=6, amplitude=0.10)
    elif kind == "lobulated":
        radius = 1 + _lobes(rng, angle) + _fourier(rng, angle, first=2, last=5, amplitude=0.07)
    elif kind == "spiculated":
        radius = 1 + _fourier(rng, angle, first=2, last=9, amplitude=0.09) + _spicules(rng, angle)
    else:
        raise UsageError(f"no lesion shape {kind!r}; there is {', '.join(SHAPES)}")
    aspect = np.clip(rng.normal(0.8, 0.13), 0.45, 1.0)
    return normalized_outline(
        turned(_polar(angle, np.maximum(radius, 0.25)) * [1.0, aspect], rng.uniform(0, 2 * np.pi))
    )


def real_outline(rng: np.random.Generator, outlines_mm: Sequence[PointsXY]) -> PointsXY:
    """One of the given outlines, turned and mirrored at random, of unit greatest diameter.

    Args:
        rng: source of the choice.
        outlines_mm: closed polygons ``[n, 2]`` in a unit that is equal along x and y.
    """
    chosen = np.asarray(outlines_mm[int(rng.integers(len(outlines_mm)))], dtype=np.float64)
    mirrored = chosen * [1.0 if rng.random() < 0.5 else -1.0, 1.0]
    return normalized_outline(turned(mirrored, rng.uniform(0, 2 * np.pi)))


def split_outlines(points_xy: npt.ArrayLike, offsets: npt.ArrayLike, spacing_mm: npt.ArrayLike) -> list[PointsXY]:
    """Outlines that are stored end to end: ``points_xy`` [n, 2] px, ``offsets`` [k + 1], ``spacing_mm`` [k] or [k, 2].

    Outlines of fewer than eight points are left out: they are pixel corners, not shapes.
    """
    points, ends = np.asarray(points_xy, dtype=np.float64), np.asarray(offsets, dtype=np.int64)
    spacing = np.asarray(spacing_mm, dtype=np.float64).reshape(len(ends) - 1, -1)
    pairs = zip(ends[:-1], ends[1:], spacing, strict=True)
    return [points[start:end] * mm for start, end, mm in pairs if end - start >= 8]


def normalized_outline(outline: PointsXY) -> PointsXY:
    """The polygon ``[n, 2]`` about its centroid, scaled to a greatest diameter of 1.

    Raises:
        GeometryError: all points are one.
    """
    hull = cv2.convexHull(outline.astype(np.float32))[:, 0].astype(np.float64)
    diameter = float(np.linalg.norm(hull[:, None] - hull, axis=-1).max())
    if diameter <= 0:
        raise GeometryError("an outline of no extent is no lesion")
    return (outline - _centroid(outline)) / diameter


def turned(points: PointsXY, angle_rad: float) -> PointsXY:
    """Points ``[..., 2]`` turned about the origin, from x towards y."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    placed: PointsXY = points @ np.array([[cos, sin], [-sin, cos]])
    return placed


def _centroid(outline: PointsXY) -> PointsXY:
    x, y = outline.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    area = cross.sum() / 2
    if abs(area) < 1e-9:
        mean: PointsXY = outline.mean(axis=0)
        return mean
    moments = [((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()]
    center: PointsXY = np.array(moments, dtype=np.float64) / (6 * area)
    return center


def _polar(angle: npt.NDArray[np.float64], radius: npt.NDArray[np.float64]) -> PointsXY:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def _fourier(
    rng: np.random.Generator, angle: npt.NDArray[np.float64], *, first: int, last: int, amplitude: float
) -> npt.NDArray[np.float64]:
    orders = np.arange(first, last + 1)
    size = amplitude * rng.normal(size=len(orders)) / (orders / first) ** 1.2
    phase = rng.uniform(0, 2 * np.pi, len(orders))
    total: npt.NDArray[np.float64] = (size[:, None] * np.cos(orders[:, None] * angle + phase[:, None])).sum(axis=0)
    return total


def _bumps(
    angle: npt.NDArray[np.float64],
    at: npt.NDArray[np.float64],
    width: npt.NDArray[np.float64],
    height: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    away = np.angle(np.exp(1j * (angle - at[:, None])))
    total: npt.NDArray[np.float64] = (height[:, None] * np.exp(-0.5 * (away / width[:, None]) ** 2)).max(axis=0)
    return total


def _lobes(rng: np.random.Generator, angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    count = int(rng.integers(3, 7))
    at = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.normal(0, 0.5 / count, count)
    return _bumps(angle, at, rng.uniform(1.2, 1.8, count) / count, rng.uniform(0.2, 0.5, count))


def _spicules(rng: np.random.Generator, angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    count = int(rng.integers(7, 16))
    at = rng.uniform(0, 2 * np.pi, count)
    return _bumps(angle, at, rng.uniform(0.05, 0.11, count), rng.uniform(0.1, 0.5, count))
