"""A phantom of 60 patients beside DeepLesion's own table: the tables of docs/phantom.md.

Run: python tests/benchmarks/phantom.py ../shared/data/deeplesion-mini/DL_info.csv
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import cv2
import numpy as np
import numpy.typing as npt
from machine import machine
from rich.console import Console
from rich.table import Table

from ulskit.geometry.ellipse import ellipse_mask
from ulskit.geometry.recist import axis_lengths_px
from ulskit.ingest.dl_info import LesionRow, read_dl_info
from ulskit.phantom import PhantomSettings, draw_patient, make_phantom, read_truth, render_view

SETTINGS = PhantomSettings(seed=0, patients=60)
show = Console().print


def axes(rows: Sequence[LesionRow]) -> dict[str, npt.NDArray[np.float64]]:
    """Of every mark, what the table compares."""
    lengths = np.array([axis_lengths_px(row.endpoints_xy) for row in rows])
    spacing = np.array([row.row_spacing_mm for row in rows])
    return {
        "long axis, mm": lengths[:, 0] * spacing,
        "long axis, px": lengths[:, 0],
        "short / long": lengths[:, 1] / lengths[:, 0],
        "pixels, mm": spacing,
    }


def quartiles(values: npt.ArrayLike, digits: int) -> str:
    """Median and quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def noise_correlations(patients: int = 12) -> list[float]:
    """Of the noise of key slices, the correlation of pixels that are neighbours along a row.

    A slice less the same slice drawn without noise; within the middle quarter of the image, where no HU is clipped.
    """
    found = []
    for number in range(1, patients + 1):
        patient = draw_patient(SETTINGS, number)
        for study in patient.studies:
            silent = replace(study, scanner=replace(study.scanner, noise_hu=0.0))
            noisy, clean = (render_view(SETTINGS, patient, it, study.views[0]).image_hu for it in (study, silent))
            quarter = slice(SETTINGS.size // 4, SETTINGS.size * 3 // 4)
            noise = (noisy.astype(np.float64) - clean)[quarter, quarter]
            found.append(float(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]))
    return found


def main(deeplesion_csv: str) -> None:
    """Print the tables."""
    cv2.setNumThreads(1)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "phantom"
        start = process_time()
        made = make_phantom(folder, SETTINGS, workers=1)
        seconds = process_time() - start
        rows, _ = read_dl_info(folder / "DL_info.csv")
        truth = read_truth(folder)
    real, refused = read_dl_info(Path(deeplesion_csv))
    title = f"{len(rows)} lesions of the phantom, {len(real)} of DeepLesion ({len(refused)} rows refused)"
    table = Table("median (quartiles)", "phantom", "DeepLesion", title=title)
    for (name, here), there in zip(axes(rows).items(), axes(real).values(), strict=True):
        table.add_row(name, *(quartiles(values, 1 if name.startswith("long") else 2) for values in (here, there)))
    show(table)
    masks = [truth.mask(at) for at in range(len(rows))]
    drawn = [ellipse_mask(row.endpoints_xy, row.shape) for row in rows]
    dice = [200 * (one & other).sum() / (one.sum() + other.sum()) for one, other in zip(drawn, masks, strict=True)]
    table = Table("phantom", "", title=f"{made.patients} patients, {made.slices} slices of {SETTINGS.size}²")
    table.add_row("Dice of round 1 (quarter), %", f"{np.mean(dice):.1f} ± {np.std(dice):.1f}")
    table.add_row("its worst, %", f"{min(dice):.1f}")
    noise = noise_correlations()
    table.add_row(f"noise, correlation at lag 1 ({len(noise)} slices)", quartiles(noise, 2))
    table.add_row("seconds of one core a slice, written", f"{seconds / made.slices:.2f}")
    show(table)
    show(machine())


if __name__ == "__main__":
    main(sys.argv[1])
