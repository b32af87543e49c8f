"""Distances between the borders of two masks: HD95 and normalised surface Dice.

As DeepMind's ``surface-distance`` defines them in 2-D (Nikolov et al. 2018, arXiv:1809.04430): a border element lies
between the four pixels of a 2 × 2 block that the border crosses and weighs as the length of border within the block
(marching squares); it is as far from the other mask as the nearest of that mask's border elements. Beyond the image
is background. Holes have borders too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.types import Mask, SpacingMM


@dataclass(frozen=True, kw_only=True, eq=False)
class SurfaceDistances:
    """Both borders, element by element: distance to the other border and length, float64, sorted by distance.

    Attributes:
        prediction_mm: ``[m]``, distances of the prediction's elements from the true border.
        prediction_length_mm: ``[m]``, the length of border that each stands for.
        truth_mm: ``[n]``, distances of the true elements from the predicted border.
        truth_length_mm: ``[n]``.
    """

    prediction_mm: npt.NDArray[np.float64]
    prediction_length_mm: npt.NDArray[np.float64]
    truth_mm: npt.NDArray[np.float64]
    truth_length_mm: npt.NDArray[np.float64]

    def hausdorff_mm(self, share: float = 0.95) -> float:
        """Distance within which a share of either border lies; 1 for the Hausdorff distance.

        NaN where a mask is empty: a distance to nothing is not a number, and the overlap tells of the miss.
        """
        if not (len(self.prediction_mm) and len(self.truth_mm)):
            return math.nan
        return max(
            _quantile(self.prediction_mm, self.prediction_length_mm, share),
            _quantile(self.truth_mm, self.truth_length_mm, share),
        )

    def surface_dice(self, tolerance_mm: float) -> float:
        """Share of both borders' length that lies within a tolerance of the other border (NSD).

        NaN where both masks are empty, 0 where one of them is.
        """
        if not (len(self.prediction_mm) or len(self.truth_mm)):
            return math.nan
        near = (
            self.prediction_length_mm[self.prediction_mm <= tolerance_mm].sum()
            + self.truth_length_mm[self.truth_mm <= tolerance_mm].sum()
        )
        return float(near / (self.prediction_length_mm.sum() + self.truth_length_mm.sum()))


def surface_distances(prediction: Mask, truth: Mask, spacing_mm: SpacingMM) -> SurfaceDistances:
    """Distances between the borders of two bool masks ``[y, x]`` of one shape; infinite where the other is empty.

    Args:
        prediction: bool ``[y, x]``.
        truth: bool ``[y, x]``.
        spacing_mm: ``(row_mm, column_mm)``.
    """
    from scipy.spatial import KDTree

    (points, lengths), (true_points, true_lengths) = (_border(it, spacing_mm) for it in (prediction, truth))
    if len(points) and len(true_points):
        distances = np.asarray(KDTree(true_points).query(points)[0])
        true_distances = np.asarray(KDTree(points).query(true_points)[0])
    else:
        distances, true_distances = (np.full(len(it), np.inf) for it in (points, true_points))
    order, true_order = np.argsort(distances, kind="stable"), np.argsort(true_distances, kind="stable")
    return SurfaceDistances(
        prediction_mm=distances[order],
        prediction_length_mm=lengths[order],
        truth_mm=true_distances[true_order],
        truth_length_mm=true_lengths[true_order],
    )


def _border(mask: Mask, spacing_mm: SpacingMM) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Border elements in mm, ``[n, 2]`` (y, x), and the lengths of border they stand for, ``[n]``."""
    image = np.ascontiguousarray(mask).view(np.uint8)
    m = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    code = m[:-1, :-1] + 2 * m[:-1, 1:] + 4 * m[1:, :-1] + 8 * m[1:, 1:]
    places = np.flatnonzero((code != 0) & (code != 15))
    row, column = np.divmod(places, code.shape[1])
    points = np.stack([row * spacing_mm[0], column * spacing_mm[1]], axis=1)
    return points, _border_lengths(spacing_mm)[code.ravel()[places]]


def _border_lengths(spacing_mm: SpacingMM) -> npt.NDArray[np.float64]:
    """Length of border within a 2 × 2 block by its code: 1 upper left, 2 upper right, 4 lower left, 8 lower right."""
    row_mm, column_mm = spacing_mm
    lengths = np.full(16, math.hypot(row_mm, column_mm) / 2)  # one corner cut off
    lengths[[0, 15]] = 0.0
    lengths[[3, 12]] = column_mm  # upper or lower half
    lengths[[5, 10]] = row_mm  # left or right half
    lengths[[6, 9]] *= 2  # two opposite corners
    return lengths


def _quantile(distances: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64], share: float) -> float:
    cumulative = np.cumsum(lengths)
    at = int(np.searchsorted(cumulative, share * cumulative[-1]))
    return float(distances[min(at, len(distances) - 1)])
