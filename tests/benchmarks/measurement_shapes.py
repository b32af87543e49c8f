"""Measurement of marks and discs whose true axes are known: tables of docs/measurement.md.

Run: python tests/benchmarks/measurement_shapes.py
"""

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from ulskit.geometry.ellipse import ellipse_mask
from ulskit.geometry.outline import Convention, level_contours
from ulskit.geometry.recist import axis_lengths_px
from ulskit.measure import measure_mask, measure_probability
from ulskit.types import PointsXY

OUTLINES: tuple[Convention, ...] = ("centers", "edges")
PIXEL = (1.0, 1.0)
DISC_MM = 20.0
PIXELS_MM = (1.0, 0.1, 0.03)
show = Console().print


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
    """How the figures of a disc tend to the truth as its pixels shrink; the soft map's border is four pixels wide."""
    rng = np.random.default_rng(0)
    table = Table(title=f"disc of {DISC_MM:g} mm, mean error by size of pixel, {placements} placements")
    columns = [errors_on_disc(pixel_mm, rng.uniform(-0.5, 0.5, (placements, 2))) for pixel_mm in PIXELS_MM]
    for head in ("", *(f"{size:g} mm" for size in PIXELS_MM)):
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
    means = np.mean(found, axis=0)
    axes = zip(("centers", "edges", "soft map"), means[:3], strict=True)
    perimeters = zip(("ulskit", "pixel sides", "contour"), means[3:], strict=True)
    return {f"long axis, {name}, mm": f"{value:+.1e}" for name, value in axes} | {
        f"perimeter, {name}, %": f"{value:+.1f}" for name, value in perimeters
    }


def main() -> None:
    """Print the tables."""
    marks_given_back()
    disc()


if __name__ == "__main__":
    main()
