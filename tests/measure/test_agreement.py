"""Agreement: the worked example of Shrout & Fleiss, plain definitions, stated edge cases."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ulskit.errors import DataError, UsageError
from ulskit.measure import agreement, icc_2_1

# Shrout & Fleiss 1979, table 2: six targets, four judges
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


def test_icc_of_shrout_and_fleiss():
    found = icc_2_1(JUDGES)
    assert found.icc == pytest.approx(0.290, abs=5e-4)  # their table 4
    # psych::ICC in R prints 0.019 and 0.761 for these data
    assert found.lower == pytest.approx(0.019, abs=5e-4)
    assert found.upper == pytest.approx(0.761, abs=5e-4)
    assert icc_2_1(JUDGES, confidence=0.5).lower > found.lower


@given(arrays(float, (8, 2), elements=st.floats(0, 100)), st.floats(-50, 50), st.floats(0.1, 10))
def test_icc_does_not_change_with_unit_origin_or_order(ratings, shift, factor):
    found = icc_2_1(ratings)
    if not np.ptp(ratings) > 1e-3 or found.icc > 1 - 1e-6:
        return
    for other in (ratings * factor + shift, ratings[::-1], ratings[:, ::-1]):
        again = icc_2_1(other)
        np.testing.assert_allclose(
            [again.icc, again.lower, again.upper], [found.icc, found.lower, found.upper], rtol=1e-6, atol=1e-6
        )
    assert found.lower <= found.icc + 1e-9
    assert found.icc <= found.upper + 1e-9


def test_icc_without_disagreement_and_without_variation():
    same = icc_2_1([[1, 1], [2, 2], [5, 5]])
    assert (same.icc, same.lower, same.upper) == (1, 1, 1)
    for ratings in (np.full((4, 2), 3.0), np.zeros((0, 2)), np.ones((1, 2))):
        assert math.isnan(icc_2_1(ratings).icc)
        assert math.isnan(icc_2_1(ratings).lower)


def test_icc_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        ratings = rng.normal(0, 2, (40, 1)) + rng.normal(0, 1, (40, 3))
        found = icc_2_1(ratings)
        covered.append(found.lower <= 0.8 <= found.upper)
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("ratings", [np.zeros(4), np.zeros((4, 1)), [[1, np.nan], [1, 2]]])
def test_ratings_that_are_none_are_refused(ratings):
    with pytest.raises(DataError, match="ratings"):
        icc_2_1(ratings)
    with pytest.raises(UsageError, match="confidence"):
        icc_2_1(JUDGES, confidence=95)


def test_agreement_by_definition():
    measured, reference = np.array([10.0, 12, 15, 30]), np.array([11.0, 11, 12, 29])
    found = agreement(measured, reference)
    assert (found.n, found.dropped) == (4, 0)
    assert found.bias == 1
    assert found.sd == pytest.approx(np.std([-1, 1, 3, 1], ddof=1))
    assert (found.lower, found.upper) == (pytest.approx(1 - 1.96 * found.sd), pytest.approx(1 + 1.96 * found.sd))
    assert found.mean_absolute_error == 1.5
    assert found.icc == icc_2_1(np.stack([measured, reference], axis=1)).icc
    assert found.as_row()["icc_upper"] == found.icc_upper


def test_missing_pairs_are_dropped_and_counted():
    found = agreement([1, np.nan, 3, 4, np.inf], [1, 2, np.nan, 5, 6])
    assert (found.n, found.dropped, found.bias) == (2, 3, -0.5)


def test_no_pair_and_one_pair():
    none, one = agreement([], []), agreement([2.0], [1.0])
    assert (none.n, one.n, one.bias, one.mean_absolute_error) == (0, 1, 1, 1)
    assert all(map(math.isnan, (none.bias, none.mean_absolute_error, none.icc, one.sd, one.lower, one.icc)))


def test_lists_of_other_lengths_are_refused():
    with pytest.raises(DataError, match="one length"):
        agreement([1, 2], [1, 2, 3])
