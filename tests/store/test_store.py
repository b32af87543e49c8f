"""Reading a store: by ulskit, by plain zarr, by xarray; and what is no finished store is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray
import zarr

import ulskit
from ulskit.errors import MissingFileError, StoreError, UsageError
from ulskit.store import open_store, write_labels


def test_tables_and_arrays_have_the_same_rows(store):
    assert len(store) == len(store.lesions) == len(store.endpoints_xy) == len(store.boxes_xy) == 8
    assert store.endpoints_xy.shape == (8, 4, 2)
    assert store.boxes_xy.shape == (8, 4)
    assert store.endpoints_xy.dtype == np.float64
    assert list(store.rejected.columns) == ["file", "line", "reason"]


def test_columns_stand_in_a_fixed_order_and_are_typed(store):
    assert list(store.lesions.columns[:5]) == ["csv_row", "slice", "file_name", "series_id", "lesion_type"]
    kinds = store.lesions.dtypes.to_dict()
    assert kinds["noisy"].kind == "b"
    assert kinds["patient"] == np.int64
    assert kinds["row_spacing_mm"] == np.float64
    assert isinstance(store.lesions["file_name"].iat[0], str)
    assert set(store.lesions["split"]) == {"train", "val", "test"}
    assert (store.slices["digest"].str.len() == 32).all()


def test_no_patient_is_in_two_splits(store):
    assert (store.lesions.groupby("patient")["split"].nunique() == 1).all()


def test_lesions_know_their_slices(store):
    for lesion in range(len(store)):
        row = store.slice_of(lesion)
        assert store.slices["series_id"].iat[row] == store.lesions["series_id"].iat[lesion]
        assert store.slices["index"].iat[row] == store.lesions["key_slice"].iat[lesion]
        image = store.lesion_image(lesion)
        assert (image.shape, image.dtype) == (store.shape_of(lesion), np.int16)
        np.testing.assert_array_equal(image, store.image(row))


@pytest.mark.parametrize("lesion", [-1, 8, 10**9])
def test_there_is_no_lesion_before_the_first_or_after_the_last(store, lesion):
    for read in (store.slice_of, store.shape_of, store.spacing_mm_of, store.lesion_image):
        with pytest.raises(UsageError, match=rf"lesion {lesion}: the store has lesions 0 to 7"):
            read(lesion)
    with pytest.raises(UsageError, match="the store has lesions 0 to 7"):
        store.label("truth", lesion)


@pytest.mark.parametrize("row", [-1, 8])
def test_there_is_no_slice_before_the_first_or_after_the_last(store, row):
    with pytest.raises(UsageError, match="the store has slices 0 to 7"):
        store.image(row)


def test_it_says_how_it_was_made(store):
    assert store.made["by"] == "ingest"
    assert store.made["ulskit"] == ulskit.__version__
    assert {"time", "source", "csv", "context_slices"} <= set(store.made)
    assert len(store.digest) == 32
    assert "8 lesions" in repr(store)
    json.dumps(store.made)


@pytest.mark.parametrize(
    ("group", "dimension", "columns"), [("lesions", "lesion", 8), ("slices", "slice", 8), ("labels/truth", "lesion", 8)]
)
def test_xarray_opens_it_with_named_dimensions_and_no_warning(store, group, dimension, columns):
    dataset = xarray.open_zarr(store.location, group=group)
    assert dataset.sizes[dimension] == columns
    assert all(array.dims[0] == dimension for array in dataset.data_vars.values())
    if group == "lesions":
        assert dataset["endpoints_xy"].dims == ("lesion", "point", "xy")
        assert dataset["box_xy"].dims == ("lesion", "corner")
        np.testing.assert_array_equal(dataset["endpoints_xy"], store.endpoints_xy)
        assert dataset["file_name"].values.tolist() == store.lesions["file_name"].tolist()
    if group == "slices":
        assert dataset["image"].dims == ("slice", "y", "x")
        np.testing.assert_array_equal(dataset["image"][3], store.image(3))
    if group == "labels/truth":
        np.testing.assert_array_equal(dataset["mask"][2], store.label("truth", 2))


def test_plain_zarr_opens_it(store):
    root = zarr.open_group(store.location, mode="r")
    assert root.metadata.zarr_format == 3
    np.testing.assert_array_equal(root["slices/image"][1], store.image(1))
    assert root["lesions/patient"][:].tolist() == store.lesions["patient"].tolist()
    assert root["rejected"].attrs["columns"] == ["file", "line", "reason"]
    assert root.attrs["ulskit_format"] == 1


def test_a_store_is_read_from_any_kind_of_path(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for location in ("ulskit.zarr", tmp_path / "ulskit.zarr", f"file://{tmp_path}/ulskit.zarr"):
        pd.testing.assert_frame_equal(open_store(location).lesions, store.lesions)
    assert len(ulskit.open()) == 8


def test_nothing_there_says_what_makes_a_store(tmp_path):
    with pytest.raises(MissingFileError, match=r"no store at .*none\.zarr: make one with `ulskit ingest FOLDER`"):
        open_store(tmp_path / "none.zarr")


def test_something_else_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be opened as a store"):
        open_store(tmp_path / "file")
    zarr.open_group(tmp_path / "other", mode="w", zarr_format=3)
    with pytest.raises(StoreError, match=r"no ulskit store of format 1 \(its attribute ulskit_format: None\)"):
        open_store(tmp_path / "other")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "zarr.json").write_text("{ no json")
    with pytest.raises(StoreError, match="cannot be opened as a store"):
        open_store(tmp_path / "broken")


def test_a_later_format_is_refused(store):
    store.root.attrs["ulskit_format"] = 2
    with pytest.raises(StoreError, match=r"of format 1 \(its attribute ulskit_format: 2\)"):
        open_store(store.location)


def test_what_is_not_complete_is_refused(store):
    store.root.attrs["complete"] = False
    with pytest.raises(StoreError, match="was interrupted: run the same `ulskit ingest` again to finish it"):
        open_store(store.location)


def test_the_latest_labels_are_the_last_prediction_or_else_the_last_round(store):
    def blank(lesion):
        return np.zeros(store.shape_of(lesion), np.uint8)

    assert store.latest_labels() == "round1"
    write_labels(store, "round2", blank, made={"by": "a", "time": "2999-01-01T00:00:00"})
    assert store.latest_labels() == "round2"
    write_labels(store, "predicted/b", blank, made={"by": "b", "time": "2001-01-02T00:00:00"})
    write_labels(store, "predicted/a", blank, made={"by": "c", "time": "2001-01-01T00:00:00"})
    assert store.latest_labels() == "predicted/b"


def test_a_store_without_labels_says_so(deeplesion, tmp_path):
    store = ulskit.ingest_deeplesion(deeplesion, tmp_path / "bare.zarr")
    assert store.labels() == []
    with pytest.raises(StoreError, match="has no labels yet: run `ulskit pseudolabel`"):
        store.latest_labels()
    with pytest.raises(StoreError, match=r"has no labels 'x' \(there is none yet"):
        store.label("x", 0)
