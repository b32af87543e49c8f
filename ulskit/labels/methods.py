"""Label methods: from a RECIST mark, and perhaps the image, to the mask of round 1.

A method is a function of one :class:`MarkedImage`; further ones come from other packages through the entry-point
group ``ulskit.label_methods``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ulskit.ct import Window, apply_window
from ulskit.geometry.ellipse import HALF_PIXEL, ellipse_mask, quarter_ellipse
from ulskit.geometry.recist import axis_lengths_px, mark_box
from ulskit.registry import Registry
from ulskit.types import ImageHU, Mask, PointsXY, Shape


@dataclass(frozen=True, kw_only=True)
class MarkedImage:
    """A slice and the mark drawn on it.

    Attributes:
        endpoints_xy: ``[4, 2]``, pixels: long axis, then short axis.
        shape: height and width of the slice.
        read_hu: gives the slice in HU, int16 ``[y, x]``; called only by methods that look at the image.
        window: the window in which the mark was drawn.
    """

    endpoints_xy: PointsXY
    shape: Shape
    read_hu: Callable[[], ImageHU]
    window: Window


LabelMethod = Callable[[MarkedImage], Mask]

LABEL_METHODS: Registry[LabelMethod] = Registry("label method", "ulskit.label_methods")


@LABEL_METHODS.register("quarter")
def quarter(marked: MarkedImage) -> Mask:
    """Four quarter-ellipses about the crossing of the diameters: the default, the best on hand-drawn masks."""
    return ellipse_mask(marked.endpoints_xy, marked.shape, "quarter")


@LABEL_METHODS.register("midpoints")
def midpoints(marked: MarkedImage) -> Mask:
    """One ellipse centred on the mean of the diameters' midpoints."""
    return ellipse_mask(marked.endpoints_xy, marked.shape, "midpoints")


@LABEL_METHODS.register("long-axis")
def long_axis(marked: MarkedImage) -> Mask:
    """One ellipse centred on the midpoint of the long axis."""
    return ellipse_mask(marked.endpoints_xy, marked.shape, "long-axis")


@LABEL_METHODS.register("quadrilateral")
def quadrilateral(marked: MarkedImage) -> Mask:
    """Convex hull of the four endpoints."""
    return ellipse_mask(marked.endpoints_xy, marked.shape, "quadrilateral")


@LABEL_METHODS.register("grabcut")
def grabcut(marked: MarkedImage, iterations: int = 5) -> Mask:
    """GrabCut seeded by the mark (Cai et al. 2018, MICCAI; seeds as in the baseline of ULS23, de Grauw et al. 2024).

    Sure foreground is the ellipse eroded by a fifth of the short axis, probable foreground the ellipse dilated once,
    probable background the box of the mark widened by half the long axis, the rest sure background. Where the cut
    leaves nothing, the ellipse.
    """
    ellipse = quarter_ellipse(marked.endpoints_xy).grown(HALF_PIXEL)
    long_px, short_px = axis_lengths_px(marked.endpoints_xy)
    x1, y1, x2, y2 = mark_box(marked.endpoints_xy, margin_px=max(long_px / 2, 4.0))
    height, width = marked.shape
    rows = slice(int(max(np.floor(y1), 0)), int(min(np.ceil(y2) + 1, height)))
    columns = slice(int(max(np.floor(x1), 0)), int(min(np.ceil(x2) + 1, width)))
    drawn = ellipse.mask(marked.shape)
    seeds = np.full(marked.shape, cv2.GC_BGD, np.uint8)
    seeds[rows, columns] = cv2.GC_PR_BGD
    seeds[cv2.dilate(drawn.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = cv2.GC_PR_FGD
    seeds[ellipse.grown(-short_px / 5).mask(marked.shape)] = cv2.GC_FGD
    # One ring of sure background around the box is enough for the models, and keeps the cut small.
    around = (
        slice(max(rows.start - 2, 0), min(rows.stop + 2, height)),
        slice(max(columns.start - 2, 0), min(columns.stop + 2, width)),
    )
    gray = (apply_window(marked.read_hu()[around], marked.window) * 255).astype(np.uint8)
    cut = np.ascontiguousarray(seeds[around])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(np.repeat(gray[..., None], 3, axis=2), cut, (0, 0, 1, 1), *models, iterations, cv2.GC_INIT_WITH_MASK)
    found = (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)
    if not found.any():
        return drawn
    mask = np.zeros(marked.shape, dtype=bool)
    mask[around] = found
    return mask
