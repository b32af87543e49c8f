"""A DeepLesion folder into a store: every kind of dirt is listed, and nothing but dirt."""

import cv2
import numpy as np
import pytest

import ulskit
from ulskit.ct import encode_png
from ulskit.errors import DataError, MissingFileError, StoreError
from ulskit.geometry.ellipse import ellipse_mask
from ulskit.geometry.recist import axis_lengths_px
from ulskit.ingest import ingest_deeplesion, plan_ingest
from ulskit.store import schema

GOOD = np.arange(64 * 64, dtype=np.int16).reshape(64, 64)


def flipped_byte(data, at):
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


BAD_PNGS = [
    pytest.param(False, "its slice is missing", id="missing"),
    pytest.param(b"", "not a PNG file", id="empty"),
    pytest.param(b"<html>404</html>" * 9, "not a PNG file", id="html"),
    pytest.param(encode_png(GOOD)[:20], "not a PNG file", id="header cut"),
    pytest.param(encode_png(GOOD)[:-30], "truncated PNG", id="truncated"),
    pytest.param(encode_png(GOOD)[:-4], "truncated PNG", id="last bytes missing"),
    pytest.param(flipped_byte(encode_png(GOOD), 200), "damaged PNG: wrong checksum", id="wrong CRC"),
    pytest.param(cv2.imencode(".png", GOOD.astype(np.uint8))[1].tobytes(), "got 8 bit of colour type 0", id="8-bit"),
    pytest.param(
        cv2.imencode(".png", np.dstack([GOOD.astype(np.uint16)] * 3))[1].tobytes(),
        "got 16 bit of colour type 2",
        id="colour",
    ),
    pytest.param(encode_png(GOOD[:32]), "its slice has 64 × 32 pixels, Image_size says 64 × 64", id="wrong size"),
]


@pytest.mark.parametrize(("image", "reason"), BAD_PNGS)
def test_a_bad_png_rejects_its_row_alone(folder, image, reason):
    folder.add(patient=1)
    folder.add(patient=2, image=image)
    folder.add(patient=3)
    store = folder.ingest()
    assert store.lesions["patient"].tolist() == [1, 3]
    ((file, line, said),) = store.rejected[["file", "line", "reason"]].itertuples(index=False)
    assert (file, line) == ("000002_01_01_005.png", 3)
    assert reason in said
    np.testing.assert_array_equal(store.lesion_image(1), folder.noise(64, 3005))


@pytest.mark.parametrize(("image", "reason"), BAD_PNGS)
def test_strict_stops_at_the_first_bad_png_and_leaves_no_store(folder, image, reason):
    folder.add(patient=1)
    folder.add(patient=2, image=image)
    with pytest.raises(DataError, match=reason):
        folder.ingest(strict=True)
    with pytest.raises((StoreError, MissingFileError)):
        ulskit.open(folder.path.parent / "ulskit.zarr")


def test_strict_names_file_and_line(folder):
    folder.add(patient=1)
    folder.add(patient=2, Spacing_mm_px_="NaN, 0.8, 5")
    with pytest.raises(DataError, match=r"^000002_01_01_005\.png, line 3 of DL_info\.csv: Spacing_mm_px_ is NaN"):
        folder.ingest(strict=True)


def test_a_folder_in_place_of_a_png_is_listed(folder):
    folder.add(patient=1)
    folder.add(patient=2, image=False)
    folder.png("000002_01_01", 5).mkdir(parents=True)
    assert "cannot be read" in folder.ingest().rejected["reason"].iat[0]


def test_everything_at_once_keeps_the_good_and_lists_the_rest_by_line(folder):
    folder.add(patient=1)  # line 2
    folder.add(patient=2, Spacing_mm_px_="NaN, 0.8, 5")
    folder.add(patient=3, image=False)
    folder.add(patient=1)
    folder.add(patient=4, image=encode_png(GOOD)[:-30])
    folder.add(patient=1, key=9, split=2)
    folder.add(patient=5, File_name="../../x_001.png", image=False)
    folder.add(patient=6)  # line 9
    store = folder.ingest()
    assert store.lesions["csv_row"].tolist() == [0, 7]
    assert store.rejected["line"].tolist() == [3, 4, 5, 6, 7, 8]
    assert (store.rejected["reason"] != "").all()


def test_two_lesions_of_a_slice_share_it(folder):
    folder.add()
    folder.add(mark=((10, 10), (20, 10), (15, 6), (15, 14)))
    store = folder.ingest()
    assert (len(store), len(store.slices)) == (2, 1)
    assert store.lesions["slice"].tolist() == [0, 0]


def test_a_second_row_that_wrongly_says_the_size_of_a_shared_slice_is_rejected(folder):
    folder.add()
    folder.add(mark=((80, 10), (90, 10), (85, 6), (85, 14)), size=128, image=False)
    store = folder.ingest()
    assert len(store) == 1
    assert "Image_size says 128 × 128" in store.rejected["reason"].iat[0]


@pytest.mark.parametrize("sizes", [(64, 256, 512, 64), (256, 64), (512,)])
def test_images_of_several_sizes_come_back_as_they_are(folder, sizes):
    for patient, size in enumerate(sizes, start=1):
        folder.add(patient=patient, size=size)
    store = folder.ingest()
    for lesion, size in enumerate(sizes):
        assert store.shape_of(lesion) == (size, size)
        np.testing.assert_array_equal(store.lesion_image(lesion), folder.noise(size, (lesion + 1) * 1000 + 5))


def test_an_oblong_image_keeps_height_and_width_apart(folder):
    image = np.arange(64 * 80, dtype=np.int16).reshape(64, 80)
    folder.add(image=image, Image_size="80, 64")
    store = folder.ingest()
    assert store.shape_of(0) == (64, 80)
    np.testing.assert_array_equal(store.image(0), image)


@pytest.mark.parametrize("context", [0, 1, 3])
def test_context_brings_those_neighbours_that_exist(folder, context):
    folder.add(key=5)
    folder.add(key=6)
    for key in (2, 4, 7, 8):
        folder.put("000001_01_01", key, folder.noise(64, key))
    store = folder.ingest(context_slices=context)
    expected = {0: [5, 6], 1: [4, 5, 6, 7], 3: [2, 4, 5, 6, 7, 8]}[context]
    assert store.slices["index"].tolist() == expected
    assert store.slices["index"].iloc[store.lesions["slice"]].tolist() == [5, 6]
    assert len(store.rejected) == 0


def test_bad_neighbours_are_listed_once_and_cost_no_lesion(folder):
    folder.add(key=5)
    folder.add(key=6)
    folder.put("000001_01_01", 4, b"no PNG")
    folder.put("000001_01_01", 7, encode_png(GOOD)[:-30])
    store = folder.ingest(context_slices=3)
    assert len(store) == 2
    listed = dict(zip(store.rejected["file"], store.rejected["reason"], strict=True))
    assert listed == {"000001_01_01/004.png": "not a PNG file", "000001_01_01/007.png": "truncated PNG"}
    assert len(store.rejected) == 2
    assert (store.rejected["line"] == 0).all()
    assert store.slices["readable"].tolist() == [True, True, False]


def test_spacing_and_lengths_in_mm_follow_the_axes(folder):
    folder.add(Spacing_mm_px_="0.5, 2, 5")
    store = folder.ingest()
    assert store.spacing_mm_of(0) == (2, 0.5)
    lesion = store.lesions.iloc[0]
    assert (lesion["long_axis_px"], lesion["short_axis_px"]) == (24, 16)
    assert (lesion["long_axis_mm"], lesion["short_axis_mm"]) == (12, 32)


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_number_of_workers_changes_nothing(folder, monkeypatch, workers):
    monkeypatch.setattr(schema, "SLICES_PER_SHARD", 2)
    for patient in range(1, 8):
        folder.add(patient=patient)
    store = folder.ingest(workers=workers)
    for lesion in range(7):
        np.testing.assert_array_equal(store.lesion_image(lesion), folder.noise(64, (lesion + 1) * 1000 + 5))


def test_progress_counts_every_slice_once(folder, ticks):
    for patient in range(1, 8):
        folder.add(patient=patient)
    folder.ingest(progress=ticks)
    assert ticks.tasks == {"slices": (7, 7)}


def test_nothing_usable_says_the_most_frequent_reason(folder):
    folder.add(patient=1, image=False)
    folder.add(patient=2, image=False)
    with pytest.raises(DataError, match=r"none of the 2 rows .* \(2 times: its slice is missing\)"):
        folder.ingest()


def test_an_empty_table_is_no_store(folder):
    with pytest.raises(DataError, match="the table is empty"):
        folder.ingest()


def test_only_unreadable_slices_are_no_store(folder):
    folder.add(image=encode_png(GOOD)[:-30])
    with pytest.raises(DataError, match=r"no slice can be read \(1 times: truncated PNG\)"):
        folder.ingest()


def test_missing_folders_are_named(tmp_path, folder):
    with pytest.raises(MissingFileError, match="no folder"):
        ingest_deeplesion(tmp_path / "nowhere", tmp_path / "s.zarr")
    folder.add()
    folder.write()
    folder.png("000001_01_01", 5).unlink()
    folder.png("000001_01_01", 5).parent.rmdir()
    (folder.path / "Images_png").rmdir()
    with pytest.raises(MissingFileError, match="no Images_png in"):
        ingest_deeplesion(folder.path, tmp_path / "s.zarr")


def test_the_plan_reads_headers_only(folder):
    folder.add(patient=1)
    folder.add(patient=2, image=encode_png(GOOD)[:-30])
    plan = plan_ingest(folder.write())
    assert [item.path for item in plan.slices] == ["000001_01_01/005.png", "000002_01_01/005.png"]
    assert plan.rejected == []


@pytest.fixture(scope="module")
def real(shared_data, tmp_path_factory):
    return ingest_deeplesion(shared_data / "deeplesion-mini", tmp_path_factory.mktemp("real") / "ulskit.zarr")


def test_real_rows_come_in_the_order_of_the_csv(real):
    assert (len(real), real.lesions["patient"].nunique(), len(real.slices)) == (28, 10, 27)
    assert real.lesions["csv_row"].is_monotonic_increasing
    assert len(real.rejected) == 5915
    assert real.rejected["reason"].value_counts().to_dict() == {
        "its slice is missing": 5914,
        "the RECIST mark leaves the image of 512 × 512 pixels": 1,
    }


def test_real_marks_are_as_long_as_the_csv_says(real, shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "deeplesion-mini" / "DL_info.csv")
    said = table["Lesion_diameters_Pixel_"].iloc[real.lesions["csv_row"]]
    expected = np.array([[float(part) for part in text.split(",")] for text in said])
    found = np.array([axis_lengths_px(xy) for xy in real.endpoints_xy])
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_a_real_mark_lies_on_its_lesion(real, shared_data):
    truth = np.load(shared_data / "deeplesion-mini" / "truth_000001_02_01_008-023.npz")
    assert real.lesions["csv_row"].iat[2] == 2
    mask = truth["mask"][17 - int(truth["first_slice"])] > 0
    ellipse = ellipse_mask(real.endpoints_xy[2], mask.shape)
    assert 2 * (mask & ellipse).sum() / (mask.sum() + ellipse.sum()) >= 0.92


def test_a_real_slice_is_the_png_less_32768(real, shared_data):
    path = shared_data / "deeplesion-mini" / "Images_png" / "000001_02_01" / "017.png"
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.int32) - 32768
    np.testing.assert_array_equal(real.lesion_image(2), values)
