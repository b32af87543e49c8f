from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ulskit.errors import UsageError
from ulskit.phantom import PhantomSettings, draw_patient
from ulskit.phantom.patients import split_of


def test_a_patient_depends_on_seed_and_number_only(settings):
    first = draw_patient(settings, 3)
    again = draw_patient(replace(settings, patients=99), 3)
    other = draw_patient(replace(settings, seed=6), 3)
    assert first.body == again.body != other.body
    assert [view.key_slice for view in first.studies[0].views] == [view.key_slice for view in again.studies[0].views]


def test_follow_ups_show_the_same_lesions_grown_or_shrunk(settings):
    patient = draw_patient(replace(settings, studies=(3, 3)), 2)
    assert [study.number for study in patient.studies] == [1, 2, 3]
    first, *later = ([lesion for view in study.views for lesion in view.lesions] for study in patient.studies)
    for lesions in later:
        for before, now in zip(first, lesions, strict=True):
            assert np.array_equal(before.center_mm, now.center_mm)
            assert np.array_equal(before.outline, now.outline)
            assert before.long_axis_mm != now.long_axis_mm
    assert [study.age for study in patient.studies] == sorted(study.age for study in patient.studies)


def test_key_slices_of_a_study_are_apart_by_their_context(settings):
    for number in range(1, 6):
        for study in draw_patient(replace(settings, context_slices=2, lesions=(4, 6)), number).studies:
            keys = [view.key_slice for view in study.views]
            assert all(b - a > 4 for a, b in pairwise(keys))
            assert keys[0] > 2
            for key in keys:
                low, high = study.slice_range(key)
                assert 1 <= low <= key - 2
                assert key + 2 <= high <= study.slice_count


def test_splits_have_their_shares_and_do_not_depend_on_the_number_of_patients(settings):
    splits = [split_of(settings, number) for number in range(1, 201)]
    assert np.bincount(splits)[1:] == pytest.approx([140, 30, 30], abs=3)
    assert set(splits[:15]) == {1, 2, 3}
    assert split_of(replace(settings, split_shares=(1, 0, 0)), 8) == 1


def test_lists_are_taken_for_tuples():
    assert PhantomSettings(lesions=[1, 2]).lesions == (1, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 100}, "multiple of 8"),
        ({"patients": 0}, "1 to 999999"),
        ({"kinds": ("liver", "brain")}, "no lesion type brain"),
        ({"kinds": ()}, "none given"),
        ({"spacing_mm": (0.9, 0.8)}, "spacing_mm"),
        ({"lesions": (0, 2)}, "lesions"),
        ({"noise_hu": (-1.0, 2.0)}, "noise_hu"),
        ({"split_shares": (0.0, 0.0, 0.0)}, "split_shares"),
        ({"hand_error_px": -1.0}, "0 or more"),
        ({"slice_intervals_mm": ()}, "slice_intervals_mm"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        PhantomSettings(**changes)
