"""Summaries over lesions: NaN left out and counted, shares, cumulative histogram."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulskit.errors import DataError
from ulskit.metrics import SegmentationMetrics, cumulative_histogram, spread, summarize_metrics


def _metrics(dice, hd95=1.0):
    names = [field.name for field in dataclasses.fields(SegmentationMetrics)]
    return SegmentationMetrics(**(dict.fromkeys(names, 0.5) | {"dice": dice, "hd95_mm": hd95}))


def test_summary_of_lesions():
    summary = summarize_metrics(
        [_metrics(d, h) for d, h in [(0.9, 1), (0.8, 3), (0.0, math.nan), (math.nan, math.nan)]]
    )
    assert summary.lesions == 4
    dice = summary.spreads["dice"]
    assert (dice.count, dice.missing, dice.median) == (3, 1, 0.8)
    assert dice.mean == pytest.approx(np.mean([0.9, 0.8, 0]))
    assert dice.sd == pytest.approx(np.std([0.9, 0.8, 0], ddof=1))
    assert summary.worst_dice == 0
    assert summary.share_dice_80 == pytest.approx(2 / 3)
    assert summary.share_dice_85 == pytest.approx(1 / 3)
    assert (summary.spreads["hd95_mm"].mean, summary.spreads["hd95_mm"].missing) == (2, 2)
    row = summary.as_row()
    assert row["dice_mean"] == dice.mean
    assert all(type(value) in (int, float) for value in row.values())


def test_summary_of_none_and_of_one():
    none, one = summarize_metrics([]), summarize_metrics([_metrics(0.7)])
    assert none.lesions == 0
    assert all(map(math.isnan, (none.worst_dice, none.share_dice_80, none.spreads["dice"].mean)))
    assert (one.spreads["dice"].mean, one.share_dice_80) == (0.7, 0)
    assert math.isnan(one.spreads["dice"].sd)


@given(st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), max_size=20))
def test_cumulative_histogram_by_definition(dice):
    found = cumulative_histogram(dice)
    numbers = [value for value in dice if not math.isnan(value)]
    assert (found.count, found.missing) == (len(numbers), len(dice) - len(numbers))
    for threshold, share in zip(found.threshold, found.share, strict=True):
        if numbers:
            assert share == pytest.approx(np.mean([value >= threshold for value in numbers]))
        else:
            assert math.isnan(share)
    if numbers:
        assert found.share[0] == 1
        assert (np.diff(found.share) <= 0).all()


def test_a_dice_on_the_threshold_counts():
    assert cumulative_histogram([0.8, 0.85], [0.8, 0.85]).share.tolist() == [1, 0.5]


def test_tables_are_refused():
    with pytest.raises(DataError, match="list"):
        spread(np.zeros((2, 2)))
    with pytest.raises(DataError, match="thresholds"):
        cumulative_histogram([0.5], [[0.5]])
