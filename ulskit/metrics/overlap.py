"""Overlap of two masks: precision, recall, Dice, IoU."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ulskit.types import Mask


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Pixels of both masks and the shares made of them.

    Both masks empty: all shares NaN. One of them empty: all shares 0, so that a missed lesion counts in every mean.
    """

    intersection_px: int
    prediction_px: int
    truth_px: int

    @property
    def precision(self) -> float:
        """Share of the prediction that is true."""
        return self._share(self.intersection_px, self.prediction_px)

    @property
    def recall(self) -> float:
        """Share of the truth that is predicted."""
        return self._share(self.intersection_px, self.truth_px)

    @property
    def dice(self) -> float:
        """Twice the intersection through the sum of both areas."""
        return self._share(2 * self.intersection_px, self.prediction_px + self.truth_px)

    @property
    def iou(self) -> float:
        """Intersection through union."""
        return self._share(self.intersection_px, self.prediction_px + self.truth_px - self.intersection_px)

    def _share(self, part: int, whole: int) -> float:
        if self.prediction_px == self.truth_px == 0:
            return math.nan
        return part / whole if whole else 0.0


def overlap(prediction: Mask, truth: Mask) -> Overlap:
    """Count the pixels of two bool masks ``[y, x]`` of one shape, and of their intersection."""
    first, second = (np.ascontiguousarray(it).view(np.uint8) for it in (prediction, truth))
    return Overlap(
        intersection_px=cv2.countNonZero(first & second),
        prediction_px=cv2.countNonZero(first),
        truth_px=cv2.countNonZero(second),
    )
