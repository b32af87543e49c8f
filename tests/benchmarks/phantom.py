"""Phantoms of 60 patients beside DeepLesion's own table: the table of docs/phantom.md.

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

PATIENTS, SEEDS = 60, (0, 1, 2, 3)


def marks(rows: Sequence[LesionRow]) -> dict[str, str]:
    """What the marks of a table are like."""
    lengths = np.array([axis_lengths_px(row.endpoints_xy) for row in rows])
    spacing = np.array([row.row_spacing_mm for row in rows])
    return {
        "lesions": f"{len(rows)}",
        "long axis, mm": quartiles(lengths[:, 0] * spacing, 1),
        "long axis, px": quartiles(lengths[:, 0], 1),
        "short / long": quartiles(lengths[:, 1] / lengths[:, 0], 2),
        "pixel, mm": quartiles(spacing, 2),
    }


def quartiles(values: list[float] | npt.NDArray[np.float64], digits: int) -> str:
    """Median and quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def made(settings: PhantomSettings) -> dict[str, str]:
    """One phantom: how many, what its marks are like and how far their ellipses are from the truth."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "phantom"
        start = process_time()
        summary = make_phantom(folder, settings, workers=1)
        seconds = process_time() - start
        rows, _ = read_dl_info(folder / "DL_info.csv")
        truth = read_truth(folder)
    pairs = [(ellipse_mask(row.endpoints_xy, row.shape), truth.mask(at)) for at, row in enumerate(rows)]
    dice = [200 * (drawn & true).sum() / (drawn.sum() + true.sum()) for drawn, true in pairs]
    return {
        **marks(rows),
        "slices": f"{summary.slices}",
        "Dice of round 1, %": f"{np.mean(dice):.1f} ± {np.std(dice):.1f}",
        "its worst, %": f"{min(dice):.1f}",
        "noise at lag 1": quartiles(noise_correlations(settings), 2),
        "CPU s a slice": f"{seconds / summary.slices:.2f}",
    }


def noise_correlations(settings: PhantomSettings, patients: int = 12) -> list[float]:
    """Of the noise of key slices, the correlation of pixels that are neighbours along a row.

    A slice less the same slice drawn without noise; within the middle quarter of the image, where no HU is clipped.
    """
    found = []
    for number in range(1, patients + 1):
        patient = draw_patient(settings, number)
        for study in patient.studies:
            silent = replace(study, scanner=replace(study.scanner, noise_hu=0.0))
            noisy, clean = (render_view(settings, patient, it, study.views[0]).image_hu for it in (study, silent))
            quarter = slice(settings.size // 4, settings.size * 3 // 4)
            noise = (noisy.astype(np.float64) - clean)[quarter, quarter]
            found.append(float(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]))
    return found


def main(deeplesion_csv: str) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    phantoms = [made(PhantomSettings(seed=seed, patients=PATIENTS)) for seed in SEEDS]
    deeplesion = marks(read_dl_info(Path(deeplesion_csv))[0])
    heads = ["", *(f"seed {seed}" for seed in SEEDS), "DeepLesion"]
    table = Table(*heads, title=f"phantoms of {PATIENTS} patients; median (quartiles), mean ± sd")
    for name in phantoms[0]:
        table.add_row(name, *(column[name] for column in phantoms), deeplesion.get(name, "–"))
    Console(width=120).print(table, machine())


if __name__ == "__main__":
    main(sys.argv[1])
