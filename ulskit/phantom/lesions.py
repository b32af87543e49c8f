"""Lesions in a body: where they grow, and what is theirs in a slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ulskit.phantom.kinds import KINDS
from ulskit.phantom.sections import Frame, LabelMap, fixed_point
from ulskit.phantom.shapes import lesion_outline, real_outline, turned
from ulskit.phantom.tissues import NAMES, NUMBERS
from ulskit.types import Mask, PointsXY


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """One lesion in its body.

    Attributes:
        kind: name in :data:`KINDS`.
        center_mm: ``[2]``, body coordinates.
        outline: ``[n, 2]``, unit greatest diameter about the centre.
        long_axis_mm: greatest diameter before it meets other tissue.
        reference: tissue to which its HU relate, ``""`` for water.
        offset_hu: its HU above the reference.
        edge_mm: standard deviation of the blur of its border.
        core: size of a dark centre relative to the lesion, 0 for none.
        core_hu: HU of the centre relative to the rest.
        texture_hu: standard deviation of its interior.
        neighbour_mm: outline ``[n, 2]`` relative to the centre of a neighbour of like intensity; None for none.
    """

    kind: str
    center_mm: PointsXY
    outline: PointsXY
    long_axis_mm: float
    reference: str
    offset_hu: float
    edge_mm: float
    core: float = 0.0
    core_hu: float = 0.0
    texture_hu: float = 5.0
    neighbour_mm: PointsXY | None = None

    def grown(self, factor: float) -> Lesion:
        """The lesion at a follow-up, its diameter times ``factor``."""
        return replace(self, long_axis_mm=self.long_axis_mm * factor)


def draw_lesion(
    rng: np.random.Generator,
    kind_name: str,
    labels: LabelMap,
    frame: Frame,
    *,
    long_axis_mm: tuple[float, float] = (6.0, 60.0),
    taken: Sequence[Lesion] = (),
    within_mm: float | None = None,
    edge_mm: tuple[float, float] = (0.0, 1.4),
    outlines_mm: Sequence[PointsXY] = (),
) -> Lesion | None:
    """A random lesion that finds room on a section; None where there is none.

    Args:
        rng: source of all choices.
        kind_name: name in :data:`KINDS`.
        labels: the section on the grid of ``frame``, uint8 ``[y, x]``.
        frame: where the grid lies.
        long_axis_mm: bounds of the long axis.
        taken: lesions that are there already; they are kept clear of.
        within_mm: greatest distance from the first of them (they are to share a slice); None for any.
        edge_mm: bounds of the blur of the border.
        outlines_mm: real outlines to choose from instead of drawn ones, each ``[n, 2]``.
    """
    kind = KINDS[kind_name]
    wish_mm = float(np.clip(rng.lognormal(np.log(kind.median_mm), 0.55), *long_axis_mm))
    shape = str(rng.choice(["smooth", "lobulated", "spiculated"], p=kind.shapes))
    outline = real_outline(rng, outlines_mm) if outlines_mm else lesion_outline(rng, shape)
    thickness = 2 * float(np.sqrt(_area(outline) / np.pi))
    home, room = _among(labels, kind.home), _among(labels, kind.room)
    grid_mm = frame.spacing_mm / frame.oversampling
    free_mm = cv2.distanceTransform(np.pad(room, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1] * grid_mm
    rows, columns = np.nonzero(home & (free_mm > 1.0))
    if len(rows) == 0:
        return None
    points_mm = frame.to_mm(np.stack([columns, rows], axis=-1).astype(np.float64))
    clear = np.ones(len(rows), dtype=bool)
    for other in taken:
        distance = np.linalg.norm(points_mm - other.center_mm, axis=-1)
        clear &= distance > 0.75 * other.long_axis_mm + 0.6 * wish_mm + 4
    if taken and within_mm is not None:
        clear &= np.linalg.norm(points_mm - taken[0].center_mm, axis=-1) < within_mm
    depth_mm = free_mm[rows, columns]
    if not clear.any():
        return None
    # A place is deep enough or, where none is, the lesion is as small as the deepest place demands.
    need_mm = kind.depth * thickness / 2
    possible = float(depth_mm[clear].max()) * 0.9 / need_mm
    size_mm = min(wish_mm, max(possible, long_axis_mm[0]))
    fits = clear & (depth_mm >= min(need_mm * size_mm, depth_mm[clear].max() * 0.9))
    if rng.random() < 0.4:  # many lie against a border: pleura, capsule, wall
        fits &= depth_mm <= max(1.6 * need_mm * size_mm, float(depth_mm[fits].min()) * 1.2)
    at = int(rng.choice(np.nonzero(fits)[0]))
    reference, offset, spread = kind.contrasts[int(rng.integers(len(kind.contrasts)))]
    dark = rng.random() < kind.necrosis and size_mm > 14
    has_neighbour = rng.random() < kind.neighbour
    blur_mm = float(rng.uniform(*edge_mm)) * min(1.0, size_mm / 20)
    return Lesion(
        kind=kind_name,
        center_mm=points_mm[at],
        outline=outline,
        long_axis_mm=size_mm,
        reference=reference,
        offset_hu=offset + spread * float(np.clip(rng.normal(), -1.5, 1.5)),
        edge_mm=blur_mm,
        core=float(rng.uniform(0.4, 0.7)) if dark else 0.0,
        core_hu=-float(rng.uniform(15, 45)) if dark else 0.0,
        texture_hu=float(rng.uniform(2, 9)),
        neighbour_mm=_neighbour(rng, outline * size_mm) if has_neighbour else None,
    )


def lesion_truth(lesion: Lesion, labels: LabelMap, frame: Frame) -> tuple[Mask, npt.NDArray[np.float32]] | None:
    """The support of a lesion: mask bool ``[y, x]`` on the image, and its cover on the fine grid, float32 0 to 1.

    The lesion ends where tissue begins that it does not grow over. A pixel belongs to it if at least half of it is
    covered; of several pieces the largest is kept, holes are filled. None where hardly anything is left.

    Args:
        lesion: the lesion.
        labels: the section on the grid of ``frame``, uint8 ``[y k, x k]``.
        frame: where the grid lies, with its oversampling k.
    """
    k = frame.oversampling
    fine = _drawn(lesion.outline * lesion.long_axis_mm + lesion.center_mm, labels.shape, frame)
    whole = int(fine.sum())
    fine &= _among(labels, KINDS[lesion.kind].room)
    if whole == 0 or fine.sum() < 0.4 * whole:
        return None
    fine = _largest(fine)
    mask = cv2.resize(fine.astype(np.float32), (frame.size, frame.size), interpolation=cv2.INTER_AREA) >= 0.5
    if not mask.any():
        return None
    mask = ndimage.binary_fill_holes(_largest(mask))
    # What the mask has not is not lesion: a thread of less than half a pixel must not shine in the image either.
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    cover = fine & (np.kron(near, np.ones((k, k), np.uint8)) > 0) if k > 1 else fine & (near > 0)
    return mask, cover.astype(np.float32)


def neighbour_cover(lesion: Lesion, labels: LabelMap, frame: Frame) -> npt.NDArray[np.float32] | None:
    """Cover of the neighbour of like intensity on the fine grid, float32 ``[y, x]``; None for none."""
    if lesion.neighbour_mm is None:
        return None
    drawn = _drawn(lesion.neighbour_mm + lesion.center_mm, labels.shape, frame)
    return (drawn & _among(labels, KINDS[lesion.kind].room)).astype(np.float32)


def _neighbour(rng: np.random.Generator, lesion_mm: PointsXY) -> PointsXY:
    """A vessel or node that touches the lesion, or leaves a gap of up to 1.5 mm."""
    angle = rng.uniform(0, 2 * np.pi)
    toward = np.array([np.cos(angle), np.sin(angle)])
    edge = float((lesion_mm @ toward).max())
    radius = float(rng.uniform(2.0, 6.0))
    outline = lesion_outline(rng) * 2 * radius * [1.0, rng.uniform(0.6, 1.0)]
    if rng.random() < 0.4:
        outline = outline * [2.2, 0.7]
    placed: PointsXY = turned(outline, angle) + toward * (
        edge + np.abs(turned(outline, angle) @ toward).max() + rng.uniform(-0.5, 1.5)
    )
    return placed


def _among(labels: LabelMap, names: Sequence[str]) -> Mask:
    table = np.zeros(len(NAMES), dtype=bool)
    table[[NUMBERS[name] for name in names]] = True
    return table[labels]


def _drawn(outline_mm: PointsXY, shape: tuple[int, ...], frame: Frame) -> Mask:
    canvas = np.zeros(shape, dtype=np.uint8)
    cv2.fillPoly(canvas, [fixed_point(frame.to_px(outline_mm))], 1, cv2.LINE_8, 4)
    return canvas > 0


def _largest(mask: Mask) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count <= 2:
        return mask
    largest: Mask = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return largest


def _area(outline: PointsXY) -> float:
    x, y = outline.T
    return float(abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2)
