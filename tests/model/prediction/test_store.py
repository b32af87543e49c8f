"""Predictions and later rounds as label sets of the store."""

import numpy as np
import pytest

import ulskit
from ulskit.errors import DataError, RunError, StoreError
from ulskit.geometry.ellipse import outer_lens
from ulskit.model.prediction.store import label_round, predict_store
from ulskit.model.rounds import run_rounds
from ulskit.runs import RunFolder


def test_splits_are_added_one_by_one(store, run):
    name, count = predict_store(store, run, splits=("test",), device="cpu")
    assert name == "predicted/round1"
    assert count == (store.lesions["split"] == "test").sum()
    _, count = predict_store(store, run, splits=("val", "train"), device="cpu")
    assert count == len(store)
    assert store.label_made(name)["run"] == "round1"


def test_a_split_without_lesions_is_named(store, run):
    with pytest.raises(DataError, match="nowhere"):
        predict_store(store, run, splits=("nowhere",))


def test_a_later_round_is_made_of_prediction_and_ellipse(store, run):
    predict_store(store, run, device="cpu")
    label_round(store, 2, run, device="cpu")
    for lesion in range(len(store)):
        lens = outer_lens(store.endpoints_xy[lesion], store.shape_of(lesion))
        predicted = (store.label("predicted/round1", lesion) == 1) & lens
        ellipse = store.label("round1", lesion) == 1
        np.testing.assert_array_equal(store.label("round2", lesion), ulskit.refine_label(predicted, ellipse))


def test_a_round_from_another_run_is_refused_unless_told_to_overwrite(store, run, tmp_path):
    label_round(store, 2, run, device="cpu")
    other = RunFolder(tmp_path / "runs" / "other")
    other.write_record({**run.record(), "name": "other"})
    other.checkpoint_path().parent.mkdir()
    other.checkpoint_path().write_bytes(run.checkpoint().read_bytes())
    with pytest.raises(StoreError, match="--overwrite"):
        label_round(store, 2, other, device="cpu")
    assert label_round(store, 2, other, device="cpu", overwrite=True) == len(store)


def test_an_unfinished_run_predicts_nothing(store, run):
    run.write_record({**run.record(), "status": "unfinished"})
    with pytest.raises(RunError, match="unfinished"):
        predict_store(store, run)


def test_all_rounds_leave_labels_runs_and_predictions_and_a_second_call_does_nothing(store, tmp_path, settings):
    ended = list(run_rounds(store, tmp_path / "runs", settings, rounds=2, device="cpu"))
    assert [it.number for it in ended] == [1, 2]
    assert set(store.labels()) == {"round1", "round2", "predicted/round1", "predicted/round2", "truth"}
    times = [it.run.checkpoint().stat().st_mtime_ns for it in ended]
    again = list(run_rounds(store, tmp_path / "runs", settings, rounds=2, device="cpu"))
    assert [it.run.checkpoint().stat().st_mtime_ns for it in again] == times
