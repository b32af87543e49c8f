"""One phantom slice: section, lesions and scanner into HU and truth. No file is touched here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.errors import UsageError
from ulskit.phantom.abdomen import lower_abdomen, middle_abdomen, upper_abdomen
from ulskit.phantom.acquisition import (
    Image,
    Scanner,
    attenuation,
    kernel_noise,
    noise_map,
    sample,
    through_slice,
    to_integer_hu,
)
from ulskit.phantom.kinds import KINDS
from ulskit.phantom.lesions import Lesion, draw_lesion, lesion_truth, neighbour_cover
from ulskit.phantom.pelvis import lower_pelvis, upper_pelvis
from ulskit.phantom.sections import Body, Canvas, Frame, LabelMap, Section, paint_section
from ulskit.phantom.thorax import lower_thorax, upper_thorax
from ulskit.phantom.tissues import NUMBERS, draw_tissue_hu, texture_hu
from ulskit.phantom.trunk import draw_body
from ulskit.types import ImageHU, Mask

LEVELS: dict[str, Callable[[Canvas, Body], Section]] = {
    "upper thorax": upper_thorax,
    "lower thorax": lower_thorax,
    "upper abdomen": upper_abdomen,
    "middle abdomen": middle_abdomen,
    "lower abdomen": lower_abdomen,
    "upper pelvis": upper_pelvis,
    "lower pelvis": lower_pelvis,
}
"""Cross sections by name, from head to feet."""

OVERSAMPLING = 2
"""Fine pixels along one pixel when a slice is painted."""


@dataclass(frozen=True, kw_only=True)
class PhantomSlice:
    """A slice with its truth.

    Attributes:
        image_hu: int16 ``[y, x]``.
        masks: bool ``[y, x]`` for each lesion given; None for a lesion that found no room.
        body: pixels of the body, bool ``[y, x]``.
    """

    image_hu: ImageHU
    masks: tuple[Mask | None, ...]
    body: Mask


def draw_section(rng: np.random.Generator, level: str, body: Body, z_mm: float = 0.0) -> Section:
    """A random cross section of a body; the same generator state gives the same section.

    Args:
        rng: source of its irregularity.
        level: name in :data:`LEVELS`.
        body: the patient's build.
        z_mm: distance from the key slice, for neighbouring slices.

    Raises:
        UsageError: no such level.
    """
    if level not in LEVELS:
        raise UsageError(f"no level {level!r}; there is {', '.join(LEVELS)}")
    return LEVELS[level](Canvas(rng, z_mm), body)


def render_slice(
    rng: np.random.Generator,
    section: Section,
    lesions: Sequence[Lesion],
    frame: Frame,
    *,
    scanner: Scanner,
    tissue_hu: npt.NDArray[np.float32],
    outside_hu: int | None = -1024,
) -> PhantomSlice:
    """The slice that a scanner shows of a section with its lesions.

    Args:
        rng: source of texture and noise.
        section: the anatomy.
        lesions: lesions in it.
        frame: where the image lies.
        scanner: sharpness, noise and thickness.
        tissue_hu: mean HU of every tissue, float32 ``[tissue]``.
        outside_hu: value outside the round field of view; None if the image lies wholly within it.
    """
    fine = frame.oversampled(OVERSAMPLING)
    labels = paint_section(section, fine)
    image = _tissue_image(rng, labels, fine, tissue_hu)
    masks: list[Mask | None] = []
    for lesion in lesions:
        found = lesion_truth(lesion, labels, fine)
        masks.append(None if found is None else found[0])
        if found is not None:
            _paint_lesion(
                rng,
                image,
                lesion,
                cover=found[1],
                neighbour=neighbour_cover(lesion, labels, fine),
                fine=fine,
                tissue_hu=tissue_hu,
            )
    per_mm = OVERSAMPLING / frame.spacing_mm
    image = sample(through_slice(rng, image, scanner.shift_mm * per_mm), OVERSAMPLING, scanner.kernel_mm * per_mm)
    noise = kernel_noise(rng, image.shape, scanner.kernel_mm / frame.spacing_mm)
    exact = to_integer_hu(image + noise * (scanner.noise_hu * noise_map(attenuation(image) / 0.75)))
    if outside_hu is not None:
        exact[_outside(frame.size)] = outside_hu
    body = _body(labels)[::OVERSAMPLING, ::OVERSAMPLING]
    return PhantomSlice(image_hu=exact, masks=tuple(masks), body=body)


def phantom_slice(
    rng: np.random.Generator,
    kind: str = "liver",
    *,
    size: int = 512,
    spacing_mm: float = 0.8,
    phase: str = "portal",
    lesions: int = 1,
) -> PhantomSlice:
    """One random slice with lesions of one kind, of a random patient and scanner.

    Args:
        rng: source of everything.
        kind: lesion type, name in :data:`ulskit.phantom.kinds.KINDS`.
        size: height and width in pixels.
        spacing_mm: distance of pixel centres.
        phase: ``"native"``, ``"arterial"`` or ``"portal"``.
        lesions: how many are wanted; fewer come where there is no room.

    Raises:
        UsageError: no such kind.
    """
    if kind not in KINDS:
        raise UsageError(f"no lesion type {kind!r}; there is {', '.join(KINDS)}")
    body = draw_body(rng, "MF"[int(rng.integers(2))])
    section = draw_section(rng, str(rng.choice(KINDS[kind].levels)), body)
    plan = planning_frame(section)
    labels = paint_section(section, plan)
    found: list[Lesion] = []
    for _ in range(lesions):
        lesion = draw_lesion(rng, kind, labels, plan, taken=found, within_mm=0.3 * size * spacing_mm)
        found += [lesion] if lesion is not None else []
    frame = Frame(size=size, spacing_mm=spacing_mm, center_mm=view_center_mm(section, found, size * spacing_mm))
    outside = -1024 if size * spacing_mm > 2 * section.half_extent_mm[0] else None
    scanner, tissue_hu = draw_scanner(rng), draw_tissue_hu(rng, phase)
    return render_slice(rng, section, found, frame, scanner=scanner, tissue_hu=tissue_hu, outside_hu=outside)


def draw_scanner(rng: np.random.Generator, noise_hu: tuple[float, float] = (7.0, 20.0)) -> Scanner:
    """A random acquisition; a sharper kernel is noisier."""
    kernel = float(rng.uniform(0.45, 0.72))
    sharp = (0.72 - kernel) / 0.27
    low, high = noise_hu
    level = low + (high - low) * float(np.clip(0.55 * rng.random() + 0.45 * sharp, 0, 1))
    return Scanner(kernel_mm=kernel, noise_hu=level, shift_mm=float(rng.uniform(0.1, 0.7)))


def planning_frame(section: Section) -> Frame:
    """A grid of 1 mm that holds a whole section: where lesions are placed."""
    half = max(section.half_extent_mm) + 40
    return Frame(size=int(np.ceil(2 * half)), spacing_mm=1.0)


def view_center_mm(
    section: Section, lesions: Sequence[Lesion], field_mm: float, at: tuple[float, float] = (0.0, 0.0)
) -> tuple[float, float]:
    """Centre of a field of view: that of the body, moved only as far as it must to hold the lesions.

    Args:
        section: the anatomy.
        lesions: what must be seen.
        field_mm: width and height of the field.
        at: centre that is wished for.
    """
    center = np.array(at, dtype=np.float64)
    for lesion in lesions:
        # The lesion and a fifth of the field around it stay in view.
        slack = max(field_mm / 2 - max(0.75 * lesion.long_axis_mm + 8, 0.2 * field_mm), 0.0)
        center = np.clip(center, lesion.center_mm - slack, lesion.center_mm + slack)
    return float(center[0]), float(center[1])


def _tissue_image(rng: np.random.Generator, labels: LabelMap, fine: Frame, tissue_hu: npt.NDArray[np.float32]) -> Image:
    fine_hu, coarse_hu = texture_hu()
    image = tissue_hu[labels]
    pixel_mm = fine.spacing_mm / fine.oversampling
    image += fine_hu[labels] * _field(rng, labels.shape, 1.6 / pixel_mm)
    image += coarse_hu[labels] * _field(rng, labels.shape, 7.0 / pixel_mm)
    # Lung is denser behind, where gravity lets blood collect.
    rows = np.linspace(-1, 1, labels.shape[0], dtype=np.float32)[:, None] * np.float32(40)
    lung = labels == NUMBERS["lung"]
    image += np.where(lung, rows, np.float32(0))
    return image


def _field(rng: np.random.Generator, shape: tuple[int, ...], grain_px: float) -> Image:
    """Smooth noise of unit standard deviation whose grain is so wide."""
    height, width = (max(4, int(side / grain_px) + 2) for side in shape)
    small = rng.standard_normal((height, width), dtype=np.float32)
    large = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large * np.float32(1.25))


def _paint_lesion(
    rng: np.random.Generator,
    image: Image,
    lesion: Lesion,
    *,
    cover: npt.NDArray[np.float32],
    neighbour: npt.NDArray[np.float32] | None,
    fine: Frame,
    tissue_hu: npt.NDArray[np.float32],
) -> None:
    """Blend the lesion, over its neighbour, into the image; only the part around it is touched."""
    per_mm = fine.oversampling / fine.spacing_mm
    reach = int((1.3 * lesion.long_axis_mm + 30) * per_mm)
    x, y = (int(v) for v in fine.to_px(lesion.center_mm))
    part = np.s_[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    base = float(tissue_hu[NUMBERS[lesion.reference]]) if lesion.reference else 0.0
    inside = base + lesion.offset_hu + lesion.texture_hu * _field(rng, cover[part].shape, 4.0 * per_mm)
    if neighbour is not None:
        alpha = _blurred(neighbour[part], 0.4 * per_mm)
        image[part] += alpha * (base + lesion.offset_hu + float(rng.normal(0, 6)) - image[part])
    alpha = _blurred(cover[part], lesion.edge_mm * per_mm)
    if lesion.core > 0:
        deep = cv2.distanceTransform((cover[part] > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
        edge = (1 - lesion.core) * float(deep.max())
        core = np.clip((deep - edge) / max(1.0, 1.5 * per_mm), 0, 1)
        inside = inside + lesion.core_hu * core
    image[part] += alpha * (inside - image[part])


def _blurred(cover: npt.NDArray[np.float32], sigma_px: float) -> Image:
    if sigma_px <= 0.3:
        return cover
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), sigma_px), dtype=np.float32)


def _body(labels: LabelMap) -> Mask:
    foreign = np.zeros(256, dtype=bool)
    foreign[[NUMBERS[name] for name in ("air", "couch shell", "couch core", "clothing")]] = True
    return np.asarray(~foreign[labels])


def _outside(size: int) -> Mask:
    along = np.arange(size) - (size - 1) / 2
    return np.asarray(along[:, None] ** 2 + along**2 > (size / 2) ** 2)
