"""Training curves: losses, the level set term and the validation Dice, epoch by epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ulskit.figures.style import INK, legend, new_figure, quiet, save_figure, say, series_color

if TYPE_CHECKING:
    import pandas as pd

# title, unit of y, and the lines of each panel: column, what the legend calls it, number of its colour
_PANELS: tuple[tuple[str, str, tuple[tuple[str, str, int], ...]], ...] = (
    (
        "Segmentation loss",
        "BCE + IoU",
        (("segmentation_loss", "training", 0), ("val_segmentation_loss", "validation", 1)),
    ),
    ("Level set loss", "before its weight", (("level_set_loss", "training", 0),)),
    ("Dice against the labels", "mean Dice", (("val_dice", "validation", 1),)),
)


_Event = tuple[str, Literal["dotted", "dashed"], list[int]]


def training_curves(table: pd.DataFrame) -> Figure:
    """Curves of one run, a panel each for segmentation loss, level set loss and validation Dice.

    A dotted line marks the epoch at which the level set term joined, a dashed one each fall of the learning rate.

    Args:
        table: one row per epoch, as in a run's metrics.csv: ``epoch`` (from 0), ``learning_rate``,
            ``level_set_active``, ``segmentation_loss``, ``level_set_loss``, ``val_segmentation_loss``, ``val_dice``;
            a panel whose columns are all missing is left out.
    """
    panels = [
        (title, unit, found)
        for title, unit, lines in _PANELS
        if (found := [line for line in lines if line[0] in table and np.isfinite(table[line[0]]).any()])
    ]
    figure = new_figure(3.6 * max(len(panels), 1), 3.0)
    if not panels:
        say(figure.subplots(), "no epoch has ended yet")
        return figure
    epochs = table["epoch"].to_numpy() + 1 if "epoch" in table else np.arange(len(table)) + 1
    events = _events(table, epochs)
    for axes, (title, unit, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        quiet(axes, title=title, x="epoch", y=unit)
        for column, name, color in lines:
            marker = "o" if len(table) < 3 else None
            axes.plot(
                epochs, table[column], color=series_color(color), label=name, linewidth=1.6, marker=marker, markersize=4
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _mark(axes, events)
        if len(lines) > 1:
            legend(axes)
    _explain(figure, events)
    return figure


def save_training_curves(table: pd.DataFrame, path: Path) -> None:
    """Write :func:`training_curves` to a file whose suffix gives the format."""
    save_figure(training_curves(table), path)


def _events(table: pd.DataFrame, epochs: npt.NDArray[np.int64]) -> list[_Event]:
    """What changed in the course of the training: its name, its line style, the epochs from which it held."""
    events: list[_Event] = []
    if "level_set_active" in table:
        active = table["level_set_active"].to_numpy(dtype=float) > 0
        if active.any():
            joined = int(epochs[np.argmax(active)])
            events.append((f"level set term counts from epoch {joined}", "dotted", [joined]))
    if "learning_rate" in table:
        rates = table["learning_rate"].to_numpy(dtype=float)
        falls = np.flatnonzero(rates[1:] < rates[:-1]) + 1
        if len(falls):
            steps = ", ".join(f"{_short(rates[at])} at {epochs[at]}" for at in falls)
            events.append((f"learning rate falls to {steps}", "dashed", [int(epochs[at]) for at in falls]))
    return events


def _mark(axes: Axes, events: list[_Event]) -> None:
    for _, dashes, at in events:
        for epoch in at:
            axes.axvline(epoch - 0.5, color=INK, alpha=0.6, linewidth=0.9, linestyle=dashes)


def _explain(figure: Figure, events: list[_Event]) -> None:
    if events:
        lines = [Line2D([], [], color=INK, alpha=0.6, linewidth=0.9, linestyle=dashes) for _, dashes, _ in events]
        figure.legend(
            lines,
            [name for name, _, _ in events],
            loc="outside lower left",
            ncols=len(events),
            fontsize=8.5,
            frameon=False,
            labelcolor=INK,
        )


def _short(rate: float) -> str:
    """0.0001 as 1e-4."""
    mantissa, exponent = f"{rate:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
