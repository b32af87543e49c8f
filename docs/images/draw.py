"""The README's figure: evenly chosen test lesions of a demo, whatever they look like.

Run: ulskit demo, then python docs/images/draw.py ulskit-demo docs/images/demo.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import ulskit
from ulskit.ct import Window
from ulskit.figures import contour_color, lesion_panel, save_figure

SHOWN = {"round1": "ellipse of the mark", "predicted/round3": "prediction of round 3", "truth": "truth"}


def main(demo: Path, output: Path, count: int = 8) -> None:
    """Draw ``count`` lesions of the test split."""
    store = ulskit.open(demo / "ulskit.zarr")
    test = np.flatnonzero(store.lesions["split"].to_numpy() == "test")
    chosen = test[np.linspace(0, len(test) - 1, count).round().astype(int)]
    figure = Figure(figsize=(10, 5.5), facecolor="white")
    panels = figure.subplots(2, count // 2).ravel()
    for axes, lesion in zip(panels, chosen.tolist(), strict=True):
        row = store.lesions.iloc[lesion]
        lesion_panel(
            axes,
            store.lesion_image(lesion),
            window=Window(row["window_low_hu"], row["window_high_hu"]),
            contours={name: store.label(name, lesion) for name in SHOWN},
            endpoints_xy=store.endpoints_xy[lesion],
            spacing_mm=store.spacing_mm_of(lesion),
        )
    lines = [Line2D([], [], color=contour_color(name, at), linewidth=2) for at, name in enumerate(SHOWN)]
    figure.legend(lines, SHOWN.values(), loc="lower center", ncols=3, frameon=False)
    figure.subplots_adjust(left=0.005, right=0.995, top=0.99, bottom=0.075, wspace=0.02, hspace=0.02)
    save_figure(figure, output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
