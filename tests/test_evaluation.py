"""Label sets against manual masks and marks: every figure equals what the functions on arrays give."""

import json
import math

import numpy as np
import pytest

from ulskit.errors import DataError, MissingFileError, StoreError
from ulskit.evaluation import (
    compare_labels,
    comparison_rows,
    evaluate_labels,
    measure_files,
    measure_labels,
    ordered_label_sets,
)
from ulskit.ingest import write_mask
from ulskit.labels import refine_label
from ulskit.measure import agreement, measure_mask
from ulskit.metrics import segmentation_metrics
from ulskit.store import write_labels


def add(store, name, make, lesions=None):
    write_labels(store, name, make, made={"by": "test", "name": name}, lesions=lesions)


@pytest.fixture
def tristate(store):
    """Labels of a second round whose ignored band has a foreground smaller than the ellipse."""

    def make(lesion):
        ellipse = store.label("round1", lesion) == 1
        return refine_label(np.roll(ellipse, 4, axis=1), ellipse)

    add(store, "round2", make)
    return store


def test_a_table_has_one_row_per_lesion_with_mask_and_mark_side_by_side(store):
    table = measure_labels(store, "round1")
    assert list(table["lesion"]) == list(range(len(store)))
    for lesion in range(len(store)):
        direct = measure_mask(store.label("round1", lesion) == 1, store.spacing_mm_of(lesion))
        row = table.iloc[lesion]
        assert row["long_axis_mm"] == direct.long_axis_mm
        assert row["short_axis_mm"] == direct.short_axis_mm
        assert row["area_mm2"] == direct.area_mm2
        for fact in ("file_name", "patient", "study", "lesion_type", "split"):
            assert row[fact] == store.lesions[fact].iat[lesion]
        assert row["mark_long_axis_mm"] == store.lesions["long_axis_mm"].iat[lesion]
        assert row["mark_short_axis_mm"] == store.lesions["short_axis_mm"].iat[lesion]


def test_ignored_pixels_are_not_lesion(tristate):
    evaluation = evaluate_labels(tristate, "round2")
    for lesion, row in evaluation.lesions.set_index("lesion").iterrows():
        label = tristate.label("round2", lesion)
        assert (label == 255).any()
        assert row["area_mm2"] == pytest.approx((label == 1).sum() * 0.8 * 0.8)


def test_metrics_of_each_lesion_equal_those_of_its_masks(tristate):
    evaluation = evaluate_labels(tristate, "round2")
    assert evaluation.truth == "truth"
    assert evaluation.with_truth == len(tristate)
    for lesion, row in evaluation.lesions.set_index("lesion").iterrows():
        masks = [tristate.label(name, lesion) == 1 for name in ("round2", "truth")]
        direct = segmentation_metrics(*masks, tristate.spacing_mm_of(lesion)).as_row()
        assert {name: row[name] for name in direct} == pytest.approx(direct)


def test_summary_and_agreement_are_those_of_the_rows(store):
    evaluation = evaluate_labels(store, "round1")
    dice = evaluation.lesions["dice"].to_numpy()
    assert evaluation.summary.lesions == len(store)
    assert evaluation.summary.spreads["dice"].mean == pytest.approx(dice.mean())
    assert evaluation.summary.spreads["dice"].sd == pytest.approx(dice.std(ddof=1))
    assert evaluation.summary.worst_dice == dice.min()
    assert evaluation.summary.share_dice_80 == (dice >= 0.8).mean()
    for axis in ("long_axis", "short_axis"):
        direct = agreement(evaluation.lesions[f"{axis}_mm"], store.lesions[f"{axis}_mm"])
        assert evaluation.agreement[axis] == direct
        assert abs(direct.bias) < 1.0  # the ellipses are drawn from these marks


def test_without_manual_masks_the_marks_are_left(store):
    del store.root["labels/truth"]
    evaluation = evaluate_labels(store, "round1")
    assert evaluation.truth is None
    assert evaluation.with_truth == 0
    assert evaluation.lesions["dice"].isna().all()
    assert evaluation.agreement["long_axis"].n == len(store)
    assert evaluation.as_document()["metrics"] is None
    assert [title for title, _, _ in comparison_rows([evaluation])] == [
        "diameters against the radiologist's marks, mm (error: mean absolute)"
    ]


def test_manual_masks_of_some_lesions_are_compared_with_those_alone(store):
    half = np.arange(len(store)) % 2 == 0
    add(store, "reader", lambda lesion: store.label("truth", lesion), half)
    some, every = evaluate_labels(store, "round1", truth="reader"), evaluate_labels(store, "round1")
    assert some.with_truth == half.sum()
    assert some.as_document()["without_truth"] == (~half).sum()
    assert some.summary.spreads["dice"].mean == pytest.approx(every.lesions["dice"][half].mean())


def test_an_empty_mask_counts_as_a_miss_and_is_not_measured(store):
    def make(lesion):
        return store.label("round1", lesion) * np.uint8(lesion > 0)

    add(store, "predicted/some", make)
    evaluation = evaluate_labels(store, "predicted/some")
    assert evaluation.empty == 1
    assert evaluation.lesions["dice"].iat[0] == 0
    assert math.isnan(evaluation.lesions["long_axis_mm"].iat[0])
    assert evaluation.summary.worst_dice == 0
    assert evaluation.agreement["long_axis"].dropped == 1


def test_splits_choose_lesions_before_as_after(store):
    before = evaluate_labels(store, "round1", splits=["test", "val"])
    after = evaluate_labels(store, "round1").of_splits(["test", "val"])
    assert set(before.lesions["split"]) == {"test", "val"}
    assert before.as_document() == after.as_document()
    assert len(after.of_splits(["nowhere"]).lesions) == 0
    assert after.of_splits(["nowhere"]).agreement["long_axis"].n == 0


def test_a_split_without_lesions_is_an_error_that_names_it(store):
    with pytest.raises(DataError, match="no lesion of split nowhere"):
        measure_labels(store, "round1", splits=["nowhere"])
    with pytest.raises(DataError, match="split nowhere"):
        compare_labels(store, splits=["nowhere"])


def test_unknown_names_are_errors(store):
    with pytest.raises(StoreError, match="no labels 'round7'"):
        measure_labels(store, "round7")
    with pytest.raises(StoreError, match="no labels 'reader'"):
        evaluate_labels(store, "round1", truth="reader")


def test_the_document_is_plain_json(store):
    add(store, "one", lambda lesion: store.label("round1", lesion), np.arange(len(store)) == 3)
    for evaluation in compare_labels(store):
        document = json.loads(json.dumps(evaluation.as_document(), allow_nan=False))
        assert document["label_set"] == evaluation.label_set
        assert document["metrics"]["spreads"]["dice"]["count"] == evaluation.with_truth
    assert document["label_set"] == "one"
    assert document["metrics"]["spreads"]["dice"]["sd"] is None  # of a single lesion


def test_label_sets_come_round_by_round_and_predictions_last(store):
    for name in ("predicted/round10", "predicted/round2", "round10", "grabcut", "round2"):
        add(store, name, lambda lesion: store.label("round1", lesion))
    names = ["round1", "round2", "round10", "grabcut", "predicted/round2", "predicted/round10"]
    assert ordered_label_sets(store) == names
    assert [it.label_set for it in compare_labels(store)] == names


def test_a_comparison_takes_only_label_sets_that_have_lesions_there(store):
    add(
        store,
        "predicted/a",
        lambda lesion: store.label("round1", lesion),
        (store.lesions["split"] == "test").to_numpy(),
    )
    assert [it.label_set for it in compare_labels(store, splits=["val"])] == ["round1"]


def test_a_store_without_labels_says_what_to_run(store):
    del store.root["labels/round1"]
    with pytest.raises(StoreError, match="ulskit pseudolabel"):
        compare_labels(store)


def test_comparison_rows_are_text_of_equal_width(tristate):
    overlap, borders, marks = comparison_rows(compare_labels(tristate))
    for _, columns, rows in (overlap, borders, marks):
        assert all(len(row) == len(columns) for row in rows)
        assert all(isinstance(cell, str) and "nan" not in cell for row in rows for cell in row)
    dice = evaluate_labels(tristate, "round1").lesions["dice"]
    assert overlap[2][0][4] == f"{100 * dice.mean():.1f} ± {100 * dice.std():.1f}"
    assert [row[:2] for row in marks[2]] == [
        ["round1", "long"],
        ["round1", "short"],
        ["round2", "long"],
        ["round2", "short"],
    ]


def test_progress_is_told_of_every_lesion(store):
    seen = []

    class Bar:
        def __init__(self, description, total):
            self.total = total

        def __enter__(self):
            return lambda steps=1, note="": seen.append(self.total)

        def __exit__(self, *_):
            return None

    measure_labels(store, "round1", progress=Bar)
    assert seen == [len(store)] * len(store)


@pytest.fixture
def square():
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:10, 4:15] = True
    return mask


def test_mask_files_are_measured_with_their_own_spacing_or_the_given(square, tmp_path):
    write_mask(tmp_path / "a.nii.gz", square, spacing_mm=(0.5, 0.7))
    write_mask(tmp_path / "b.png", square)
    table = measure_files([tmp_path / "a.nii.gz"])
    direct = measure_mask(square, (0.5, 0.7))
    assert table["long_axis_mm"].tolist() == pytest.approx([direct.long_axis_mm])
    assert measure_files([tmp_path], spacing_mm=(1, 1))["area_mm2"].tolist() == [55, 55]
    with pytest.raises(DataError, match="--spacing"):
        measure_files([tmp_path / "b.png"])


def test_each_slice_of_a_volume_is_measured_and_the_longest_marked(square, tmp_path):
    volume = np.stack([np.zeros_like(square), square, square | np.roll(square, 5, axis=1)])
    np.savez(tmp_path / "volume.npz", mask=volume)
    table = measure_files([tmp_path / "volume.npz"], spacing_mm=(1.0, 1.0))
    assert table["slice"].tolist() == [1, 2]
    assert table["longest"].tolist() == [False, True]


def test_an_empty_file_has_one_row_without_axes(square, tmp_path):
    write_mask(tmp_path / "empty.npz", np.zeros_like(square), spacing_mm=(1, 1))
    table = measure_files([tmp_path / "empty.npz"])
    assert len(table) == 1
    assert math.isnan(table["long_axis_mm"].iat[0])
    assert table["is_empty"].iat[0]


def test_absent_mask_files_are_named(tmp_path):
    with pytest.raises(MissingFileError, match="no mask in"):
        measure_files([tmp_path])
    with pytest.raises(MissingFileError, match="nothing"):
        measure_files([tmp_path / "nothing.nii.gz"])
