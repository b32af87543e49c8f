"""One look for all figures: colours that colour-blind readers tell apart, quiet axes, writing to files.

Figures are made with matplotlib's object interface alone, never through pyplot: nothing global is changed, no window
system is asked for, and threads do not share a current figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

INK = "#1f2328"
"""Colour of text and axes. The report replaces it by the page's own, so that figures follow light and dark."""

OKABE_ITO = {
    "sky blue": "#56B4E9",
    "vermillion": "#D55E00",
    "bluish green": "#009E73",
    "reddish purple": "#CC79A7",
    "orange": "#E69F00",
    "blue": "#0072B2",
    "yellow": "#F0E442",
}
"""Okabe and Ito's palette (2008), which keeps apart under the three colour vision deficiencies; black is left out.
The order puts first what stands out on CT and keeps away from yellow."""

TRUTH_COLOR = OKABE_ITO["yellow"]
"""Manual masks, drawn only over CT: yellow is too light for lines on paper."""

SERIES_COLORS = tuple(color for name, color in OKABE_ITO.items() if name != "yellow")
_DASHES = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)))


def series_color(at: int) -> str:
    """Colour of the ``at``-th series."""
    return SERIES_COLORS[at % len(SERIES_COLORS)]


def series_dashes(at: int) -> str | tuple[int, tuple[float, ...]]:
    """Line style of the ``at``-th series: neighbours differ on a grey print too, and so do series of one colour."""
    return _DASHES[(at + at // len(SERIES_COLORS)) % len(_DASHES)]


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure without background, size in inches."""
    figure = Figure(figsize=(width_in, height_in), layout=ConstrainedLayoutEngine(wspace=0.06))
    figure.patch.set_alpha(0.0)
    return figure


def quiet(axes: Axes, *, title: str = "", x: str = "", y: str = "") -> None:
    """Give axes their texts and the house's look: two spines, a faint grid, small type."""
    axes.set_title(title, fontsize=10, color=INK, loc="left", fontweight="bold", pad=8)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.patch.set_alpha(0.0)
    axes.tick_params(labelsize=8.5, colors=INK, length=3, width=0.7)
    axes.grid(visible=True, color=INK, alpha=0.13, linewidth=0.6)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(INK)
        spine.set_linewidth(0.7)


def legend(axes: Axes, location: Literal["best", "lower left"] = "best") -> None:
    """A frameless legend, where there is anything to explain."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc=location, fontsize=8.5, frameon=False, labelcolor=INK, handlelength=2.4)


def say(axes: Axes, text: str) -> None:
    """Put a sentence where there is nothing to plot."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=10, color=INK)


def save_figure(figure: Figure, path: Path, dpi: float = 150) -> None:
    """Write a figure to a file whose suffix gives the format; on white, since files are looked at anywhere."""
    figure.savefig(path, dpi=dpi, facecolor="white")
