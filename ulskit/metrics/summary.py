"""Figures of many lesions: mean ± standard deviation, worst case, shares, and the cumulative histogram of Dice."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError
from ulskit.metrics.segmentation import SegmentationMetrics

DICE_LEVELS = (0.8, 0.85)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean, standard deviation and quantiles of one figure over lesions.

    Attributes:
        count: lesions with a number.
        missing: lesions without (NaN); they are left out of everything else.
        mean, median, minimum, maximum: NaN for no number.
        sd: with n − 1; NaN below two numbers.
    """

    count: int
    missing: int
    mean: float
    sd: float
    median: float
    minimum: float
    maximum: float


@dataclass(frozen=True, kw_only=True)
class MetricsSummary:
    """Summary of :class:`SegmentationMetrics` over lesions.

    Attributes:
        lesions: how many there are, those without a Dice included.
        spreads: for each figure by name, its :class:`Spread`.
        worst_dice: the least Dice.
        share_dice_80, share_dice_85: share of the lesions that have a Dice of at least 0.8, 0.85.
    """

    lesions: int
    spreads: dict[str, Spread]
    worst_dice: float
    share_dice_80: float
    share_dice_85: float

    def as_row(self) -> dict[str, float | int]:
        """All figures as scalars: ``dice_mean``, ``dice_sd``, ``dice_missing``, …"""
        row: dict[str, float | int] = {
            "lesions": self.lesions,
            "worst_dice": self.worst_dice,
            "share_dice_80": self.share_dice_80,
            "share_dice_85": self.share_dice_85,
        }
        for name, values in self.spreads.items():
            row |= {f"{name}_{key}": value for key, value in asdict(values).items()}
        return row


@dataclass(frozen=True, kw_only=True, eq=False)
class DiceHistogram:
    """Cumulative histogram: ``share[i]`` of the lesions have a Dice of ``threshold[i]`` or more.

    Both float64 ``[n]``, thresholds rising; shares are NaN where there is no lesion.
    """

    threshold: npt.NDArray[np.float64]
    share: npt.NDArray[np.float64]
    count: int
    missing: int


def spread(values: npt.ArrayLike) -> Spread:
    """Describe one figure over lesions ``[n]``, NaN left out and counted.

    Raises:
        DataError: not 1-D.
    """
    numbers, missing = _numbers(values)
    if not len(numbers):
        nan = math.nan
        return Spread(count=0, missing=missing, mean=nan, sd=nan, median=nan, minimum=nan, maximum=nan)
    return Spread(
        count=len(numbers),
        missing=missing,
        mean=float(numbers.mean()),
        sd=float(numbers.std(ddof=1)) if len(numbers) > 1 else math.nan,
        median=float(np.median(numbers)),
        minimum=float(numbers.min()),
        maximum=float(numbers.max()),
    )


def summarize_metrics(metrics: Iterable[SegmentationMetrics]) -> MetricsSummary:
    """Summarise the figures of many lesions; of none, all is NaN and counts are 0."""
    rows = list(metrics)
    columns = {
        field.name: np.array([getattr(row, field.name) for row in rows], dtype=np.float64)
        for field in fields(SegmentationMetrics)
    }
    spreads = {name: spread(values) for name, values in columns.items()}
    at_least = cumulative_histogram(columns["dice"], DICE_LEVELS).share
    return MetricsSummary(
        lesions=len(rows),
        spreads=spreads,
        worst_dice=spreads["dice"].minimum,
        share_dice_80=float(at_least[0]),
        share_dice_85=float(at_least[1]),
    )


def cumulative_histogram(dice: npt.ArrayLike, thresholds: npt.ArrayLike | None = None) -> DiceHistogram:
    """Share of lesions that reach each Dice (Fig. 4 of the paper), NaN left out and counted.

    Args:
        dice: ``[n]``.
        thresholds: ``[m]``; 0, 0.01 … 1 by default.

    Raises:
        DataError: Dice or thresholds not 1-D.
    """
    numbers, missing = _numbers(dice)
    levels = np.arange(101) / 100 if thresholds is None else np.sort(np.asarray(thresholds, dtype=np.float64))
    if levels.ndim != 1:
        raise DataError(f"thresholds are a list of numbers, got shape {levels.shape}")
    below = np.searchsorted(np.sort(numbers), levels, side="left")
    share = 1 - below / len(numbers) if len(numbers) else np.full(len(levels), np.nan)
    return DiceHistogram(threshold=levels, share=share, count=len(numbers), missing=missing)


def _numbers(values: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], int]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise DataError(f"expected a list of numbers, got shape {array.shape}")
    numbers = array[~np.isnan(array)]
    return numbers, len(array) - len(numbers)
