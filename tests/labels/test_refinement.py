"""p ∩ e is foreground, p ∪ e − p ∩ e is ignored, the rest is background (paper, section 2.3)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

import ulskit
from ulskit.errors import DataError

MASKS = arrays.arrays(np.bool_, (6, 7))


@given(MASKS, MASKS)
def test_the_three_states_are_those_of_the_paper(prediction, ellipse):
    label = ulskit.refine_label(prediction, ellipse)
    assert label.dtype == np.uint8
    if (prediction & ellipse).any():
        np.testing.assert_array_equal(label == 1, prediction & ellipse)
        np.testing.assert_array_equal(label == 255, prediction ^ ellipse)
        np.testing.assert_array_equal(label == 0, ~prediction & ~ellipse)


@given(MASKS, MASKS)
def test_prediction_and_ellipse_count_alike_where_they_meet(prediction, ellipse):
    if (prediction & ellipse).any():
        np.testing.assert_array_equal(
            ulskit.refine_label(prediction, ellipse), ulskit.refine_label(ellipse, prediction)
        )


@given(MASKS)
def test_agreement_ignores_nothing(ellipse):
    np.testing.assert_array_equal(ulskit.refine_label(ellipse, ellipse), ellipse.astype(np.uint8))


@given(MASKS, MASKS)
def test_a_prediction_that_lost_the_lesion_leaves_the_ellipse(prediction, ellipse):
    label = ulskit.refine_label(prediction & ~ellipse, ellipse)
    np.testing.assert_array_equal(label, ellipse.astype(np.uint8))


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(DataError, match="different shapes"):
        ulskit.refine_label(np.zeros((3, 3), bool), np.zeros((3, 4), bool))
