"""Label sets of a store: round 1 from the marks, later rounds bounded by the lens."""

import numpy as np
import pytest

from ulskit.errors import RegistryError, StoreError
from ulskit.geometry.ellipse import ellipse_mask, outer_lens
from ulskit.labels import label_first_round, label_later_round, refine_label


def test_round_one_is_the_ellipse_of_every_mark(store):
    for lesion in range(len(store)):
        expected = ellipse_mask(store.endpoints_xy[lesion], store.shape_of(lesion))
        np.testing.assert_array_equal(store.label("round1", lesion), expected.astype(np.uint8))
    made = store.label_made("round1")
    assert (made["by"], made["method"], made["store"]) == ("pseudolabel", "quarter", store.digest)


def test_another_method_under_the_same_name_is_refused_and_under_another_is_not(store):
    with pytest.raises(StoreError, match="--overwrite"):
        label_first_round(store, method="midpoints")
    label_first_round(store, method="midpoints", name="midpoints")
    assert {"round1", "midpoints"} <= set(store.labels())


def test_an_unknown_method_names_those_there_are(store):
    with pytest.raises(RegistryError, match="quarter"):
        label_first_round(store, method="quater", name="x")


def test_a_later_round_never_reaches_beyond_the_lens(store):
    def everywhere(lesion):
        return np.ones(store.shape_of(lesion), dtype=bool)

    label_later_round(store, everywhere, made_from={"run": "test"}, name="round2")
    for lesion in range(len(store)):
        lens = outer_lens(store.endpoints_xy[lesion], store.shape_of(lesion))
        ellipse = store.label("round1", lesion) == 1
        label = store.label("round2", lesion)
        np.testing.assert_array_equal(label, refine_label(lens, ellipse))
        assert not label[~(lens | ellipse)].any()


def test_a_later_round_needs_the_first(store):
    with pytest.raises(StoreError, match="nothing"):
        label_later_round(store, lambda lesion: None, made_from={}, name="round2", first_round="nothing")
