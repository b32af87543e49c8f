"""Conventions, round trips, readers' marks and speed of the measurement: the tables of docs/measurement.md.

Run: python tests/benchmarks/measurement.py ../shared/data/lesion-outlines.npz ../shared/data/deeplesion-manual-masks.npz
"""

import sys
from functools import partial
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt
from machine import cpu_seconds, machine
from rich.console import Console
from rich.table import Table
from skimage.measure import regionprops

from ulskit.geometry.ellipse import ellipse_mask
from ulskit.geometry.outline import Convention, ShortAxis, level_contours
from ulskit.geometry.recist import axis_lengths_px
from ulskit.measure import Measurement, measure_mask, measure_probability
from ulskit.metrics import segmentation_metrics
from ulskit.types import Mask, PointsXY

OUTLINES: tuple[Convention, ...] = ("centers", "edges")
SHORT_AXES: tuple[ShortAxis, ...] = ("extent", "chord")
PIXEL = (1.0, 1.0)
DISC_MM = 20.0
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
        table.add_row(name, *(f"{value:+.2f}" for value in (found - centers).mean(axis=0)))
    show(table)
    table = Table("outline", "short axis", "Dice, %", title=f"{len(masks)} outlines: mask → mark → ellipse_mask")
    for outline, short_axis in product(OUTLINES, SHORT_AXES):
        marks = [measure_mask(mask, PIXEL, outline=outline, short_axis=short_axis).endpoints_xy for mask in masks]
        found = [dice(ellipse_mask(mark, mask.shape), mask) for mark, mask in zip(marks, masks, strict=True)]
        table.add_row(outline, short_axis, f"{100 * np.mean(found):.1f} ± {100 * np.std(found):.1f}")
    show(table)


def marks_given_back(per_length: int = 300) -> None:
    """Error of the axes of a mask that was drawn from a random mark."""
    rng = np.random.default_rng(0)
    title = f"mark → ellipse_mask → measured: mean error, px ({per_length} random marks a row)"
    table = Table(
        "long axis", *(f"{outline} {axis}" for outline in OUTLINES for axis in ("long", "short")), title=title
    )
    for length in (4, 8, 16, 32, 64, 150):
        errors = []
        for _ in range(per_length):
            mark = random_mark(rng, length)
            mask = ellipse_mask(mark, (2 * length + 9, 2 * length + 9))
            found = [measure_mask(mask, PIXEL, outline=outline) for outline in OUTLINES]
            axes = [(it.long_axis_mm, it.short_axis_mm) for it in found]
            errors.append(np.subtract(axes, axis_lengths_px(mark)).ravel())
        table.add_row(f"{length} px", *(f"{value:+.2f}" for value in np.mean(errors, axis=0)))
    show(table)


def random_mark(rng: np.random.Generator, length: float) -> PointsXY:
    """A mark in any direction and place; the axes cross at right angles, each between 0.4 and 0.6 of its length."""
    angle, (along, across) = rng.uniform(0, np.pi), rng.uniform(0.4, 0.6, 2)
    u = np.array([np.cos(angle), np.sin(angle)]) * length
    v = np.array([-u[1], u[0]]) * rng.uniform(0.5, 1)
    center = length + 4 + rng.uniform(-0.5, 0.5, 2)
    return center + np.stack([-along * u, (1 - along) * u, -across * v, (1 - across) * v])


def disc(placements: int = 20) -> None:
    """How the figures of a disc tend to the truth as its pixels shrink."""
    rng, table = np.random.default_rng(0), Table(title=f"disc of {DISC_MM:g} mm, mean of {placements} placements")
    sizes = (1.0, 0.1, 0.03)
    columns = [errors_on_disc(pixel_mm, rng.uniform(-0.5, 0.5, (placements, 2))) for pixel_mm in sizes]
    for head in ("", *(f"pixels of {size:g} mm" for size in sizes)):
        table.add_column(head)
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    show(table)


def errors_on_disc(pixel_mm: float, offsets_px: npt.NDArray[np.float64]) -> dict[str, str]:
    """Mean errors on discs whose centres lie beside a pixel's: of the long axis in mm, of the perimeter in %."""
    radius, found = DISC_MM / 2 / pixel_mm, []
    half = int(radius) + 4
    steps = np.arange(-half, half + 1)
    for x, y in offsets_px:
        distance = np.hypot(steps - x, (steps - y)[:, None]) - radius
        mask, soft = distance <= 0, np.clip(0.5 - distance / 4, 0, 1)
        it = measure_mask(mask, (pixel_mm, pixel_mm))
        sides = sum(np.count_nonzero(np.diff(mask.astype(np.int8), axis=axis)) for axis in (0, 1))
        contour = sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in level_contours(mask))
        lengths = (
            it.long_axis_mm,
            measure_mask(mask, (pixel_mm, pixel_mm), outline="edges").long_axis_mm,
            measure_probability(soft, (pixel_mm, pixel_mm), outline="edges").long_axis_mm,
        )
        borders = np.array([it.perimeter_mm, sides * pixel_mm, contour * pixel_mm]) / (np.pi * DISC_MM) - 1
        found.append([*np.subtract(lengths, DISC_MM), *(100 * borders)])
    names = ["centers", "edges", "map with a soft border, edges"]
    lines = [f"long axis, {name}, mm" for name in names]
    lines += [f"perimeter, {name}, %" for name in ("perimeter_mm", "count of pixel sides", "contour between pixels")]
    means = np.mean(found, axis=0)
    return {
        line: f"{value:+.1e}" if "mm" in line[-2:] else f"{value:+.1f}"
        for line, value in zip(lines, means, strict=True)
    }


def against_readers(path: str) -> None:
    """Axes of hand-drawn masks as shares of the axes that the reader marked."""
    with np.load(path, allow_pickle=False) as data:
        masks = np.unpackbits(data["mask"], axis=-1).astype(bool)
        marked = [axis_lengths_px(mark) for mark in data["endpoints"].reshape(-1, 4, 2)]
    used = [at for at in range(len(masks)) if masks[at].any()]
    table = Table("outline", "axis", "median", "5 %", "95 %", title=f"{len(used)} manual masks: axis / reader's mark")
    for outline in OUTLINES:
        for axis, short_axis in (("long", "extent"), ("short, extent", "extent"), ("short, chord", "chord")):
            ratios = []
            for at in used:
                it = measure_mask(masks[at], PIXEL, outline=outline, short_axis=short_axis)
                lengths = (it.long_axis_mm, it.short_axis_mm)
                ratios.append(lengths[axis != "long"] / marked[at][axis != "long"])
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
    table = Table("64 × 64 pixels", "a second", title=f"{count} outlines of 8 to 50 px, one core of {machine()}")

    def add(name: str, seconds: float) -> None:
        table.add_row(name, f"{float(f'{count / seconds:.2g}'):,.0f}")

    for name, run in runs.items():
        add(name, cpu_seconds(lambda run=run: [run(mask, PIXEL) for mask in small]))
    add("measure_mask, default, 512 × 512", cpu_seconds(lambda: [measure_mask(mask, PIXEL) for mask in large]))
    add("measure_probability", cpu_seconds(lambda: [measure_probability(it, PIXEL) for it in maps]))
    pairs = list(zip(drawn, small, strict=True))
    add("segmentation_metrics", cpu_seconds(lambda: [segmentation_metrics(*pair, PIXEL) for pair in pairs]))
    add(
        "scikit-image, feret_diameter_max", cpu_seconds(lambda: [regionprops(it)[0].feret_diameter_max for it in whole])
    )
    add("the same, area and perimeter", cpu_seconds(lambda: [scikit_image(it) for it in whole]))
    show(table)


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
    marks_given_back()
    disc()
    against_readers(manual_masks)
    speed(masks)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
