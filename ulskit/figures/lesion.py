"""A lesion on its slice: the CT, outlines of masks and labels, the RECIST mark, region I′ and a scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as OutlinePath
from matplotlib.patheffects import withStroke

from ulskit.ct import Window, apply_window
from ulskit.figures.style import TRUTH_COLOR, new_figure, series_color
from ulskit.geometry.ellipse import HALF_PIXEL, quarter_ellipse
from ulskit.geometry.outline import level_contours
from ulskit.types import FOREGROUND, IGNORE, ImageHU, Label, Mask, PointsXY, Shape, SpacingMM

MARK_COLOR = "#FFFFFF"
REGION_COLOR = "#D0D7DE"
_SHADE = "#000000"
_BAR_MM = (1, 2, 5, 10, 20, 50, 100, 200)


class Crop(NamedTuple):
    """Part of a slice, in pixels: rows ``top`` to ``bottom`` and columns ``left`` to ``right``, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


def crop_around(endpoints_xy: PointsXY, shape: Shape, scale: float = 2.3, least_px: int = 36) -> Crop:
    """Square around a mark, moved into the image where it would leave it.

    Args:
        endpoints_xy: ``[4, 2]``, pixels: long axis, then short axis.
        shape: height and width of the slice.
        scale: side as a multiple of the long axis; 2.3 leaves room for region I′.
        least_px: least side, so that the surroundings of a small lesion are seen.
    """
    long_px = float(np.hypot(*(endpoints_xy[1] - endpoints_xy[0])))
    side = int(np.ceil(max(scale * long_px, least_px)))
    x, y = (endpoints_xy.min(axis=0) + endpoints_xy.max(axis=0)) / 2

    def span(middle: float, size: int) -> tuple[int, int]:
        length = min(side, size)
        start = int(np.clip(round(middle - (length - 1) / 2), 0, size - length))
        return start, start + length

    return Crop(*span(float(y), shape[0]), *span(float(x), shape[1]))


def contour_color(name: str, at: int) -> str:
    """Colour of the label set ``name``, the ``at``-th of those shown; manual masks have their own."""
    return TRUTH_COLOR if name == "truth" else series_color(at)


def lesion_panel(
    axes: Axes,
    image_hu: ImageHU,
    *,
    window: Window,
    contours: Mapping[str, Label | Mask],
    endpoints_xy: PointsXY | None = None,
    spacing_mm: SpacingMM = (1.0, 1.0),
    colors: Mapping[str, str] | None = None,
    crop: Crop | None = None,
    region: bool = False,
) -> None:
    """Draw a lesion into axes; pixel centres lie at integers, as everywhere in ulskit.

    Args:
        image_hu: int16 HU ``[y, x]``, the whole slice.
        window: what is shown from black to white.
        contours: name → bool mask or tri-state label ``[y, x]``; of a label the foreground is outlined, and what is
            ignored is hatched.
        endpoints_xy: ``[4, 2]``, pixels, the RECIST mark; None draws none.
        spacing_mm: (row_mm, column_mm), for the scale and the shape of a pixel.
        colors: name → colour; by default in the order of the contours, ``truth`` yellow.
        crop: part of the slice to show; by default :func:`crop_around` the mark, without a mark the whole slice.
        region: draw region I′ dashed.
    """
    if crop is None:
        height, width = image_hu.shape
        whole = Crop(0, height, 0, width)
        crop = whole if endpoints_xy is None else crop_around(endpoints_xy, (height, width))
    rows, columns = slice(crop.top, crop.bottom), slice(crop.left, crop.right)
    axes.imshow(
        apply_window(image_hu[rows, columns], window),
        cmap="gray",
        vmin=0.0,
        vmax=1.0,
        interpolation="bicubic",
        extent=(crop.left - 0.5, crop.right - 0.5, crop.bottom - 0.5, crop.top - 0.5),
        aspect=spacing_mm[0] / spacing_mm[1],
    )
    if region and endpoints_xy is not None:
        _draw_region(axes, endpoints_xy, crop)
    for at, (name, label) in enumerate(contours.items()):
        color = (colors or {}).get(name) or contour_color(name, at)
        # A bool mask compares equal to FOREGROUND where it is true and never to IGNORE.
        _shade_ignored(axes, np.asarray(label) == IGNORE, crop, color)
        _outline(axes, np.asarray(label) == FOREGROUND, crop, color)
    if endpoints_xy is not None:
        _mark(axes, endpoints_xy)
    _scale_bar(axes, crop, spacing_mm)
    axes.set_xlim(crop.left - 0.5, crop.right - 0.5)
    axes.set_ylim(crop.bottom - 0.5, crop.top - 0.5)
    axes.set_axis_off()


def lesion_figure(
    image_hu: ImageHU,
    *,
    window: Window,
    contours: Mapping[str, Label | Mask],
    endpoints_xy: PointsXY | None = None,
    spacing_mm: SpacingMM = (1.0, 1.0),
    colors: Mapping[str, str] | None = None,
    crop: Crop | None = None,
    region: bool = False,
    side_in: float = 2.4,
) -> Figure:
    """A figure of one :func:`lesion_panel` without any margin; ``side_in`` is its side in inches."""
    figure = new_figure(side_in, side_in)
    figure.set_layout_engine("none")
    figure.patch.set(facecolor="black", alpha=1.0)
    axes = figure.add_axes((0, 0, 1, 1))
    lesion_panel(
        axes,
        image_hu,
        window=window,
        contours=contours,
        endpoints_xy=endpoints_xy,
        spacing_mm=spacing_mm,
        colors=colors,
        crop=crop,
        region=region,
    )
    return figure


def _outline(axes: Axes, mask: Mask, crop: Crop, color: str) -> None:
    """Sub-pixel outline of a mask: a bright line on a dark one, so that it is seen on air and on bone."""
    path = _path(mask, crop)
    if path is not None:
        patch = PathPatch(path, fill=False, edgecolor=color, linewidth=1.6, joinstyle="round")
        patch.set_path_effects([withStroke(linewidth=2.8, foreground=_SHADE, alpha=0.55)])
        axes.add_patch(patch)


def _shade_ignored(axes: Axes, mask: Mask, crop: Crop, color: str) -> None:
    path = _path(mask, crop)
    if path is not None:
        axes.add_patch(PathPatch(path, facecolor=color, alpha=0.15, linewidth=0))
        axes.add_patch(PathPatch(path, fill=False, edgecolor=color, hatch="/////", linewidth=0, alpha=0.7))


def _path(mask: Mask, crop: Crop) -> OutlinePath | None:
    """Closed outlines of a mask within a crop, holes turning the other way; None where it is empty."""
    inside = mask[crop.top : crop.bottom, crop.left : crop.right]
    if not inside.any():
        return None
    origin_xy = np.array([crop.left, crop.top])
    closed = [OutlinePath(xy + origin_xy, closed=True) for xy in level_contours(inside.astype(np.float64))]
    return OutlinePath.make_compound_path(*closed)


def _draw_region(axes: Axes, endpoints_xy: PointsXY, crop: Crop) -> None:
    """Region I′ as the level line of its ellipse, which is smoother than the outline of its pixels."""
    grid = np.stack(np.meshgrid(np.arange(crop.left, crop.right), np.arange(crop.top, crop.bottom)), axis=-1)
    radius = quarter_ellipse(endpoints_xy).grown(HALF_PIXEL).scaled(2.0).radius(grid.astype(np.float64))
    xy = grid[0, :, 0], grid[:, 0, 1]
    axes.contour(*xy, radius, levels=[1.0], colors=REGION_COLOR, linewidths=0.9, linestyles=[(0, (4, 3))])


def _mark(axes: Axes, endpoints_xy: PointsXY) -> None:
    for ends in endpoints_xy.reshape(2, 2, 2):
        axes.add_line(
            Line2D(
                ends[:, 0],
                ends[:, 1],
                color=MARK_COLOR,
                linewidth=0.9,
                alpha=0.9,
                marker="o",
                markersize=1.8,
                path_effects=[withStroke(linewidth=1.9, foreground=_SHADE, alpha=0.5)],
            )
        )


def _scale_bar(axes: Axes, crop: Crop, spacing_mm: SpacingMM) -> None:
    """A bar of a round length, at most a third of the width, at the lower left."""
    width_mm = (crop.right - crop.left) * spacing_mm[1]
    length_mm = max((mm for mm in _BAR_MM if mm <= width_mm / 3), default=_BAR_MM[0])
    length = length_mm / width_mm
    under = [withStroke(linewidth=3.2, foreground=_SHADE, alpha=0.6)]
    axes.plot(
        [0.04, 0.04 + length],
        [0.045, 0.045],
        transform=axes.transAxes,
        color="white",
        linewidth=1.8,
        solid_capstyle="butt",
        path_effects=under,
    )
    axes.text(
        0.04,
        0.065,
        f"{length_mm} mm",
        transform=axes.transAxes,
        color="white",
        fontsize=7.5,
        va="bottom",
        path_effects=under,
    )
