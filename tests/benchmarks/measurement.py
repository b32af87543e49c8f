"""Measurement of real lesions, and its speed: tables of docs/measurement.md. Known shapes: measurement_shapes.py.

Run: python tests/benchmarks/measurement.py lesion-outlines.npz deeplesion-manual-masks.npz (of ../shared/data)
"""

import sys
from functools import partial
from itertools import product, repeat

import cv2
import numpy as np
import numpy.typing as npt
from machine import cpu_seconds, machine
from rich.console import Console
from rich.table import Table
from skimage.measure import regionprops

from ulskit.geometry.ellipse import ellipse_mask
from ulskit.geometry.outline import Convention, ShortAxis
from ulskit.geometry.recist import axis_lengths_px
from ulskit.measure import Measurement, measure_mask, measure_probability
from ulskit.metrics import segmentation_metrics
from ulskit.types import Mask

OUTLINES: tuple[Convention, ...] = ("centers", "edges")
SHORT_AXES: tuple[ShortAxis, ...] = ("extent", "chord")
READERS_AXES: dict[str, ShortAxis] = {"long": "extent", "short, extent": "extent", "short, chord": "chord"}
PIXEL = (1.0, 1.0)
show = Console().print


def dice(one: Mask, other: Mask) -> float:
    """Dice of two masks of which one at least is not empty."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def radiologists_masks(path: str) -> list[Mask]:
    """A mask of every outline; its points are the first pixels outside the nodule."""
    masks = []
    with np.load(path, allow_pickle=False) as data:
        for points in np.split(data["points_xy"].astype(np.int32), data["offsets"][1:-1]):
            placed = points - points.min(axis=0) + 3
            mask = np.zeros(placed.max(axis=0)[::-1] + 4, np.uint8)
            cv2.fillPoly(mask, [placed[:, None]], 1)
            mask[placed[:, 1], placed[:, 0]] = 0
            masks.append(mask.astype(bool))
    return masks


def conventions(masks: list[Mask]) -> None:
    """Where tools draw the outline, and how well a mark made from it describes the mask."""
    both = partial(measure_mask, spacing_mm=PIXEL, components="all")
    probability = partial(measure_probability, spacing_mm=PIXEL, components="all")

    def axes(found: list[Measurement]) -> npt.NDArray[np.float64]:
        return np.array([[it.long_axis_mm, it.short_axis_mm] for it in found])

    centers = axes([both(mask) for mask in masks])
    feret = np.array([regionprops(mask.astype(np.uint8))[0].feret_diameter_max for mask in masks])
    others = {
        'ulskit, outline="edges"': axes([both(mask, outline="edges") for mask in masks]),
        "scikit-image, feret_diameter_max": np.stack([feret, np.full(len(feret), np.nan)], axis=1),
        "ulskit, map of 0 and 1": axes([probability(mask.astype(float)) for mask in masks]),
    }
    table = Table("against centers, mean, px", "long axis", "short axis", title=f"{len(masks)} outlines: conventions")
    for name, found in others.items():
        table.add_row(
            name, *(f"{value:+.2f}" if np.isfinite(value) else "–" for value in (found - centers).mean(axis=0))
        )
    show(table)
    table = Table("outline", "short axis", "Dice, %", title=f"{len(masks)} outlines: mask → mark → ellipse_mask")
    for outline, short_axis in product(OUTLINES, SHORT_AXES):
        marks = [measure_mask(mask, PIXEL, outline=outline, short_axis=short_axis).endpoints_xy for mask in masks]
        found = [dice(ellipse_mask(mark, mask.shape), mask) for mark, mask in zip(marks, masks, strict=True)]
        table.add_row(outline, short_axis, f"{100 * np.mean(found):.1f} ± {100 * np.std(found):.1f}")
    show(table)


def against_readers(path: str) -> None:
    """Axes of hand-drawn masks as shares of the axes that the reader marked."""
    with np.load(path, allow_pickle=False) as data:
        masks = np.unpackbits(data["mask"], axis=-1).astype(bool)
        marked = [axis_lengths_px(mark) for mark in data["endpoints"].reshape(-1, 4, 2)]
    used = [at for at in range(len(masks)) if masks[at].any()]
    table = Table("outline", "axis", "median", "5 %", "95 %", title=f"{len(used)} manual masks: axis / reader's mark")
    for outline in OUTLINES:
        for axis, short_axis in READERS_AXES.items():
            ratios = []
            for at in used:
                it = measure_mask(masks[at], PIXEL, outline=outline, short_axis=short_axis)
                ratios.append((it.long_axis_mm, it.short_axis_mm)[axis != "long"] / marked[at][axis != "long"])
            table.add_row(outline, axis, *(f"{value:.2f}" for value in np.percentile(ratios, [50, 5, 95])))
    show(table)


def speed(outlines: list[Mask], count: int = 300) -> None:
    """Masks a second on one core, beside scikit-image."""
    cv2.setNumThreads(1)
    lengths = [measure_mask(mask, PIXEL).long_axis_mm for mask in outlines]
    fit = [mask for mask, px in zip(outlines, lengths, strict=True) if 8 <= px <= 50 and max(mask.shape) <= 64]
    chosen = [fit[at] for at in np.linspace(0, len(fit) - 1, count).astype(int)]
    small, large = ([placed(mask, size) for mask in chosen] for size in (64, 512))
    maps = [cv2.GaussianBlur(mask.astype(np.float64), (0, 0), 1.5) for mask in small]
    drawn = [ellipse_mask(measure_mask(mask, PIXEL).endpoints_xy, mask.shape) for mask in small]
    whole = [mask.view(np.uint8) for mask in small]
    runs = {
        f"measure_mask, {outline}, {short_axis}": partial(measure_mask, outline=outline, short_axis=short_axis)
        for outline, short_axis in product(OUTLINES, SHORT_AXES)
    }
    table = Table("64 × 64 pixels", "a second", title=f"{count} outlines of 8 to 50 px, one core")

    def add(name: str, seconds: float) -> None:
        table.add_row(name, f"{float(f'{count / seconds:.2g}'):,.0f}")

    for name, run in runs.items():
        add(name, cpu_seconds(lambda run=run: [run(mask, PIXEL) for mask in small]))
    add("measure_mask, default, 512 × 512", cpu_seconds(lambda: [measure_mask(mask, PIXEL) for mask in large]))
    add("measure_probability", cpu_seconds(lambda: [measure_probability(it, PIXEL) for it in maps]))
    add("segmentation_metrics", cpu_seconds(lambda: list(map(segmentation_metrics, drawn, small, repeat(PIXEL)))))
    add("scikit-image, feret", cpu_seconds(lambda: [regionprops(it)[0].feret_diameter_max for it in whole]))
    add("scikit-image, feret, area, perimeter", cpu_seconds(lambda: [scikit_image(it) for it in whole]))
    show(table)
    show(machine())


def placed(mask: Mask, size: int) -> Mask:
    """The mask in the middle of a square."""
    square = np.zeros((size, size), dtype=bool)
    top, left = ((size - side) // 2 for side in mask.shape)
    square[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return square


def scikit_image(mask: npt.NDArray[np.uint8]) -> tuple[float, ...]:
    """What regionprops has of a measurement."""
    it = regionprops(mask)[0]
    return it.feret_diameter_max, it.area, it.perimeter_crofton


def main(outlines: str, manual_masks: str) -> None:
    """Print the tables."""
    masks = radiologists_masks(outlines)
    conventions(masks)
    against_readers(manual_masks)
    speed(masks)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
