"""What a cross section is made of: outlines of tissues in mm, painted one over the other onto a grid.

Body coordinates: x to the right of the image (the patient's left), y towards the back, in mm, the origin in the
middle of the body. A :class:`Frame` says where the pixels of an image lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.phantom.shapes import turned
from ulskit.phantom.tissues import NUMBERS
from ulskit.types import PointsXY

LabelMap = npt.NDArray[np.uint8]
"""Number of the tissue in every pixel, uint8 ``[y, x]`` (:data:`ulskit.phantom.tissues.NAMES`)."""

_SHIFT = 4  # cv2 draws with 1/16 pixel


@dataclass(frozen=True, kw_only=True)
class Part:
    """One outline of one tissue.

    Attributes:
        tissue: name of the tissue.
        outline_mm: ``[n, 2]``, a closed polygon, or an open line where ``width_mm`` is given.
        width_mm: thickness of the line; None for a filled polygon.
    """

    tissue: str
    outline_mm: PointsXY
    width_mm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Body:
    """Build of one patient, in mm.

    Attributes:
        gender: ``"M"`` or ``"F"``.
        half_width_mm: half the width of the trunk within its wall.
        half_depth_mm: half its depth.
        fat_mm: thickness of the subcutaneous fat at the flank.
        wall_mm: thickness of the muscles of the wall.
        visceral: how far the organs lie apart, 0 (lean) to 1.
    """

    gender: str
    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    wall_mm: float
    visceral: float


@dataclass(frozen=True, kw_only=True)
class Section:
    """One cross section of a body: its parts in the order of painting."""

    level: str
    parts: tuple[Part, ...]
    half_extent_mm: tuple[float, float]
    """Half width and half depth of the whole body, skin included."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where the pixels of an image lie in the body.

    Attributes:
        size: height and width of the (square) image, in pixels.
        spacing_mm: distance of pixel centres.
        center_mm: body point ``(x, y)`` in the middle of the image, before turning.
        turn_rad: turn of the body about that point.
        oversampling: pixels of the grid along one pixel of the image.
    """

    size: int
    spacing_mm: float
    center_mm: tuple[float, float] = (0.0, 0.0)
    turn_rad: float = 0.0
    oversampling: int = 1

    def to_px(self, points_mm: PointsXY) -> PointsXY:
        """Body points ``[..., 2]`` in pixels of the grid, pixel centres at integers from 0."""
        placed = turned(points_mm - np.array(self.center_mm), self.turn_rad)
        image_px = placed / self.spacing_mm + (self.size - 1) / 2
        fine: PointsXY = (image_px + 0.5) * self.oversampling - 0.5
        return fine

    def to_mm(self, points_px: PointsXY) -> PointsXY:
        """The inverse of :meth:`to_px`."""
        image_px = (points_px + 0.5) / self.oversampling - 0.5
        placed = (image_px - (self.size - 1) / 2) * self.spacing_mm
        body_mm: PointsXY = turned(placed, -self.turn_rad) + np.array(self.center_mm)
        return body_mm

    def oversampled(self, factor: int) -> Frame:
        """The same image on a finer grid."""
        return replace(self, oversampling=factor)


def paint_section(section: Section, frame: Frame) -> LabelMap:
    """Numbers of the tissues on the grid of a frame, uint8 ``[y, x]``."""
    side = frame.size * frame.oversampling
    labels = np.zeros((side, side), dtype=np.uint8)
    scale = frame.oversampling / frame.spacing_mm
    for part in section.parts:
        points = [fixed_point(frame.to_px(part.outline_mm))]
        number = NUMBERS[part.tissue]
        if part.width_mm is None:
            cv2.fillPoly(labels, points, number, cv2.LINE_8, _SHIFT)
        else:
            thickness = max(1, round(part.width_mm * scale))
            cv2.polylines(labels, points, False, number, thickness, cv2.LINE_8, _SHIFT)
    return labels


def fixed_point(points_px: PointsXY) -> npt.NDArray[np.int32]:
    """Points ``[n, 2]`` as cv2 takes them with a shift of 4 bits."""
    return np.asarray(np.round(np.clip(points_px, -30_000, 30_000) * 2**_SHIFT), dtype=np.int32)


class Canvas:
    """Collects the parts of a section; every outline passes one smooth deformation, so that neighbours stay so.

    Args:
        rng: source of all irregularity.
        z_mm: distance from the key slice: the deformation drifts with it, as anatomy does from slice to slice.
    """

    def __init__(self, rng: np.random.Generator, z_mm: float = 0.0, amplitude_mm: float = 3.0) -> None:
        self.rng = rng
        self.parts: list[Part] = []
        wavelength = rng.uniform(70, 240, (6, 1))
        direction = rng.uniform(0, 2 * np.pi, 6)
        self._waves = 2 * np.pi / wavelength * np.stack([np.cos(direction), np.sin(direction)], axis=-1)
        self._phases = rng.uniform(0, 2 * np.pi, 6) + z_mm * rng.normal(0, 0.05, 6)
        self._sizes = rng.normal(0, amplitude_mm / 2, (6, 2)) * (wavelength / 150)

    def deformed(self, points_mm: PointsXY) -> PointsXY:
        """Points ``[n, 2]`` after the section's own deformation."""
        shift: PointsXY = np.sin(points_mm @ self._waves.T + self._phases) @ self._sizes
        return points_mm + shift

    def fill(self, tissue: str, outline_mm: npt.ArrayLike) -> PointsXY:
        """A polygon; gives it back before its deformation."""
        outline = np.asarray(outline_mm, dtype=np.float64)
        self.parts.append(Part(tissue=tissue, outline_mm=self.deformed(outline)))
        return outline

    def line(self, tissue: str, points_mm: npt.ArrayLike, width_mm: float) -> None:
        """An open line."""
        outline = self.deformed(np.asarray(points_mm, dtype=np.float64))
        self.parts.append(Part(tissue=tissue, outline_mm=outline, width_mm=width_mm))

    def fixed(self, tissue: str, points_mm: PointsXY, width_mm: float | None = None) -> None:
        """A polygon or line that is no part of the body: it is not deformed."""
        self.parts.append(Part(tissue=tissue, outline_mm=points_mm, width_mm=width_mm))

    def oval(
        self,
        tissue: str,
        center_mm: tuple[float, float],
        radii_mm: tuple[float, float],
        angle_rad: float = 0.0,
        wobble: float = 0.05,
    ) -> PointsXY:
        """An ellipse with an irregular edge; ``wobble`` is the size of the irregularity relative to the radius."""
        angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        radius = np.ones_like(angle)
        for order in (2, 3, 4, 5):
            radius += wobble * self.rng.normal() / order * 1.5 * np.cos(order * angle + self.rng.uniform(0, 2 * np.pi))
        points = np.stack([radii_mm[0] * radius * np.cos(angle), radii_mm[1] * radius * np.sin(angle)], axis=-1)
        return self.fill(tissue, turned(points, angle_rad) + np.array(center_mm))

    def smooth(self, tissue: str, corners_mm: Sequence[tuple[float, float]], jitter_mm: float = 3.0) -> PointsXY:
        """A closed smooth curve through corners, each moved at random."""
        corners = np.array(corners_mm) + self.rng.normal(0, jitter_mm, (len(corners_mm), 2)).clip(
            -2 * jitter_mm, 2 * jitter_mm
        )
        return self.fill(tissue, closed_curve(corners))

    def bone(
        self,
        center_mm: tuple[float, float],
        radii_mm: tuple[float, float],
        angle_rad: float = 0.0,
        cortex_mm: float = 1.6,
    ) -> None:
        """An oval of compact bone around spongy bone."""
        outer = self.oval("cortical bone", center_mm, radii_mm, angle_rad, 0.06)
        inner = 1 - cortex_mm / np.array([max(radii_mm), min(radii_mm)]).clip(cortex_mm * 1.05)
        local = turned(outer - np.array(center_mm), -angle_rad) * (inner if radii_mm[0] >= radii_mm[1] else inner[::-1])
        self.fill("cancellous bone", turned(local, angle_rad) + np.array(center_mm))

    def tree(
        self,
        tissue: str,
        start_mm: PointsXY,
        angle_rad: float,
        length_mm: float,
        width_mm: float,
        *,
        shown: float,
        thin: str | None = None,
    ) -> None:
        """A branching vessel; a branch stays in the plane with probability ``shown``, else only its cross section.

        Branches thinner than a slice are drawn as the tissue ``thin``, if given.
        """
        if width_mm < 0.9 or length_mm < 3:
            return
        name = thin if thin is not None and width_mm < 1.7 else tissue
        bend = self.rng.normal(0, 0.25)
        steps = np.linspace(0, 1, 5)
        direction = angle_rad + bend * steps
        run = np.stack([np.cos(direction), np.sin(direction)], axis=-1) * length_mm / 4
        points = start_mm + np.concatenate([np.zeros((1, 2)), np.cumsum(run[1:], axis=0)])
        if self.rng.random() < shown:
            self.line(name, points[:3], width_mm)
            self.line(name, points[2:], 0.8 * width_mm)
        elif self.rng.random() < 0.55:  # the others leave the slice at once
            radius = width_mm * self.rng.uniform(0.4, 0.62)
            at = points[int(self.rng.integers(5))]
            self.oval(name, (float(at[0]), float(at[1])), (radius, radius * self.rng.uniform(0.7, 1.3)))
        for side in (-1, 1):
            turn = side * self.rng.uniform(0.25, 0.75)
            shorter = self.rng.uniform(0.65, 0.9)
            thinner = width_mm * self.rng.uniform(0.55, 0.78)
            self.tree(tissue, points[-1], direction[-1] + turn, length_mm * shorter, thinner, shown=shown, thin=thin)

    def section(self, level: str, half_extent_mm: tuple[float, float]) -> Section:
        """All parts drawn so far as one section."""
        return Section(level=level, parts=tuple(self.parts), half_extent_mm=half_extent_mm)


def closed_curve(corners_mm: PointsXY, points_each: int = 12) -> PointsXY:
    """Closed Catmull-Rom spline through corners ``[n, 2]``."""
    before, after, beyond = (np.roll(corners_mm, shift, axis=0)[:, None] for shift in (1, -1, -2))
    here, t = corners_mm[:, None], np.linspace(0, 1, points_each, endpoint=False)[:, None]
    curve = 0.5 * (
        2 * here
        + (after - before) * t
        + (2 * before - 5 * here + 4 * after - beyond) * t**2
        + (3 * here - before - 3 * after + beyond) * t**3
    )
    return np.asarray(curve.reshape(-1, 2), dtype=np.float64)


def trunk(
    half_width_mm: float,
    half_depth_mm: float,
    *,
    exponent: float = 2.35,
    dent_mm: float = 0.0,
    dent_width_mm: float = 28.0,
) -> PointsXY:
    """A superellipse ``[180, 2]`` with a dent in the middle of the back."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = half_width_mm * np.sign(cos) * np.abs(cos) ** (2 / exponent)
    y = half_depth_mm * np.sign(sin) * np.abs(sin) ** (2 / exponent)
    y -= np.where(y > 0, dent_mm * np.exp(-((x / dent_width_mm) ** 2)), 0.0)
    return np.stack([x, y], axis=-1)


def holds(polygon_mm: PointsXY, points_mm: PointsXY) -> bool:
    """Whether a polygon ``[n, 2]`` holds all points ``[m, 2]``."""
    outline = polygon_mm.astype(np.float32)
    return all(cv2.pointPolygonTest(outline, (float(x), float(y)), False) >= 0 for x, y in points_mm)
