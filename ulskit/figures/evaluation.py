"""Figures of an evaluation: how Dice is spread, and how diameters agree with the radiologist's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ulskit.figures.style import INK, legend, new_figure, quiet, say, series_color, series_dashes
from ulskit.types import FloatArray

_MANY = 2000
"""More points than this are drawn as pixels, which keeps the figure's file small."""


def dice_histogram(
    dice: Mapping[str, FloatArray], *, colors: Mapping[str, str] | None = None, from_dice: float | None = None
) -> Figure:
    """Cumulative histogram of Dice (the paper's Fig. 4): the share of lesions that reach each value.

    Args:
        dice: name of a label set → Dice per lesion ``[n]`` in 0 … 1; NaN is left out.
        colors: name → colour.
        from_dice: where the x axis begins; by default just below the lowest twentieth of the worst set.
    """
    found = {name: np.sort(np.asarray(values)[np.isfinite(values)]) for name, values in dice.items()}
    found = {name: values for name, values in found.items() if len(values)}
    figure = new_figure(6.4, 3.4)
    axes = figure.subplots()
    if not found:
        say(axes, "no lesion has a manual mask")
        return figure
    quiet(axes, x="Dice", y="lesions that reach it")
    if from_dice is None:
        low = min(float(np.quantile(values, 0.05)) for values in found.values())
        from_dice = min(0.8, max(0.0, np.floor(low * 10) / 10))
    for at, (name, values) in enumerate(found.items()):
        # Between two neighbouring values the share stays as it is: a staircase from (0, 1) down to (1, 0).
        x = np.concatenate([[0.0], values, [1.0]])
        share = np.concatenate([[1.0], 1 - np.arange(len(values)) / len(values), [0.0]])
        axes.step(
            x,
            share,
            where="pre",
            color=(colors or {}).get(name) or series_color(at),
            linestyle=series_dashes(at),
            linewidth=1.8,
            label=f"{name}  (mean {100 * values.mean():.1f}, n = {len(values)})",
        )
    axes.set_xlim(from_dice, 1.0)
    axes.set_ylim(0.0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    legend(axes, "lower left")
    return figure


def diameter_scatter(
    axes: Axes, measured_mm: FloatArray, reference_mm: FloatArray, *, name: str, color: str = series_color(0)
) -> None:
    """Draw diameters ``[n]`` in mm against the radiologist's ``[n]``, with the line on which they are equal."""
    measured, reference = _pairs(measured_mm, reference_mm)
    quiet(axes, title=name, x="radiologist's mark (mm)", y="from the mask (mm)")
    if not len(measured):
        say(axes, "nothing was measured")
        return
    limit = 1.06 * float(max(measured.max(), reference.max()))
    axes.plot([0, limit], [0, limit], color=INK, alpha=0.5, linewidth=0.9)
    _points(axes, reference, measured, color)
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    axes.set_aspect("equal")


def bland_altman(
    axes: Axes,
    measured_mm: FloatArray,
    reference_mm: FloatArray,
    *,
    name: str,
    bias: float,
    limits: tuple[float, float],
    color: str = series_color(0),
) -> None:
    """Draw the differences of two measurements ``[n]`` in mm against their means (Bland and Altman 1986).

    Args:
        bias: mean difference, measured − reference, in mm; drawn solid.
        limits: of agreement, in mm; drawn dashed.
    """
    measured, reference = _pairs(measured_mm, reference_mm)
    quiet(axes, title=name, x="mean of both (mm)", y="mask − mark (mm)")
    if not len(measured):
        say(axes, "nothing was measured")
        return
    _points(axes, (measured + reference) / 2, measured - reference, color)
    for value, dashes, word in (
        (bias, "solid", "bias"),
        (limits[0], "dashed", "limit"),
        (limits[1], "dashed", "limit"),
    ):
        if not np.isfinite(value):
            continue
        axes.axhline(value, color=INK, alpha=0.75, linewidth=1.0, linestyle=dashes)
        axes.annotate(
            f"{word} {value:+.1f}".replace("-", "−"),
            xy=(1.0, value),
            xycoords=axes.get_yaxis_transform(),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
            annotation_clip=False,
        )
    axes.axhline(0.0, color=INK, alpha=0.3, linewidth=0.8)
    axes.set_xlim(left=0)


def diameters_figure(
    measured_mm: FloatArray,
    reference_mm: FloatArray,
    *,
    axis_name: str,
    bias: float,
    limits: tuple[float, float],
    color: str = series_color(0),
) -> Figure:
    """Scatter and Bland–Altman plot of one diameter, side by side.

    Args:
        measured_mm: ``[n]``, from masks; NaN where there is none.
        reference_mm: ``[n]``, the radiologist's.
        axis_name: e.g. ``"Long axis"``.
        bias: mean difference in mm.
        limits: of agreement, in mm.
    """
    figure = new_figure(8.4, 3.3)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    diameter_scatter(left, measured_mm, reference_mm, name=axis_name, color=color)
    bland_altman(right, measured_mm, reference_mm, name="Differences", bias=bias, limits=limits, color=color)
    return figure


def _pairs(measured: FloatArray, reference: FloatArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    one, other = np.asarray(measured, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    whole = np.isfinite(one) & np.isfinite(other)
    return one[whole], other[whole]


def _points(axes: Axes, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], color: str) -> None:
    many = len(x) > _MANY
    axes.plot(
        x,
        y,
        linestyle="none",
        marker="o",
        markersize=2.5 if many else 4.5,
        markerfacecolor=color,
        markeredgecolor=INK,
        markeredgewidth=0.0 if many else 0.4,
        alpha=0.35 if many else 0.75,
        rasterized=many,
    )
