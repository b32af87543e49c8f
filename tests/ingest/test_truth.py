"""Manual masks find their lesions, or are listed with the reason why not."""

import csv

import cv2
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import ulskit
from ulskit.ct import encode_png
from ulskit.errors import DataError, MissingFileError, StoreError
from ulskit.geometry.ellipse import ellipse_mask
from ulskit.ingest import ingest_deeplesion, ingest_masks, write_mask

LEFT = ((8.0, 20.0), (22.0, 20.0), (15.0, 14.0), (15.0, 26.0))
RIGHT = ((40.0, 44.0), (58.0, 44.0), (49.0, 38.0), (49.0, 50.0))
SERIES = "000001_01_01"


@pytest.fixture
def store(folder):
    """Lesions 0 (left) and 1 (right) on slice 5, lesion 2 (left) on slice 7, lesion 3 of patient 2 on slice 5."""
    folder.add(key=5, mark=LEFT)
    folder.add(key=5, mark=RIGHT, image=False)
    folder.add(key=7, mark=LEFT)
    folder.add(patient=2, key=5, mark=RIGHT)
    return folder.ingest()


def ellipse(store, lesion):
    return ellipse_mask(store.endpoints_xy[lesion], store.shape_of(lesion))


def records(store, path, *, lesions=None, packed=True, **changes):
    lesions = list(range(len(store))) if lesions is None else lesions
    mask = np.array([ellipse(store, lesion) for lesion in lesions])
    arrays = {
        "mask": np.packbits(mask, axis=-1) if packed else mask,
        "endpoints": store.endpoints_xy[lesions] + 0.5,
        "file_name": store.lesions["file_name"].iloc[lesions].to_numpy(str),
        "row": store.lesions["csv_row"].iloc[lesions].to_numpy(),
        **changes,
    }
    np.savez_compressed(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("without", [(), ("row",), ("file_name",)])
def test_records_are_matched_by_their_marks(store, tmp_path, ticks, packed, without):
    path = records(store, tmp_path / "truth.npz", packed=packed, **dict.fromkeys(without))
    found = ingest_masks(store, path, progress=ticks)
    assert (found.lesions, found.rejected) == (4, [])
    assert store.labelled("truth").all()
    for lesion in range(4):
        label = store.label("truth", lesion)
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label, ellipse(store, lesion))
    assert ticks.tasks["mask files"] == (1, 1)
    assert ticks.tasks["truth"] == (4, 4)


def test_keys_without_suffix_serve_as_file_names(store, tmp_path):
    keys = [name.removesuffix(".png") for name in store.lesions["file_name"]]
    path = records(store, tmp_path / "truth.npz", file_name=None, row=None, key=np.array(keys))
    assert ingest_masks(store, path).lesions == 4


def test_a_mark_may_differ_by_a_hundredth_of_a_pixel_and_no_more(store, tmp_path):
    marks = store.endpoints_xy + 0.5
    marks[0] += 0.009
    marks[1] += 0.011
    found = ingest_masks(store, records(store, tmp_path / "truth.npz", endpoints=marks))
    assert store.labelled("truth").tolist() == [True, False, True, True]
    (rejection,) = found.rejected
    assert rejection.file == f"truth.npz, mask 1 ({SERIES}_005)"
    assert rejection.reason == "the store has no lesion with this slice and mark"


def test_the_rows_of_another_data_set_are_not_taken_for_ours(store, tmp_path):
    marks = store.endpoints_xy[[3, 2, 1, 0]] + 0.5
    with pytest.raises(DataError, match=r"no mask fits a lesion of .* \(4 times: the store has no lesion"):
        ingest_masks(store, records(store, tmp_path / "truth.npz", endpoints=marks, file_name=None))
    assert store.labels() == []


def test_empty_flipped_and_misshapen_masks_are_rejected(store, tmp_path):
    mask = np.array([ellipse(store, lesion) for lesion in range(4)])
    mask[0] = False
    mask[1] = mask[1, ::-1]
    found = ingest_masks(store, records(store, tmp_path / "truth.npz", mask=mask, packed=False))
    assert store.labelled("truth").tolist() == [False, False, True, True]
    assert [(item.line, item.reason) for item in found.rejected] == [
        (2, "the mask is empty"),
        (3, "the mask does not touch the RECIST mark of lesion 1: another lesion, or flipped?"),
    ]
    with pytest.raises(DataError, match="the mask has 32 × 32 pixels, its slice 64 × 64"):
        ingest_masks(store, records(store, tmp_path / "small.npz", mask=np.ones((4, 32, 32), bool)), name="small")


def test_a_lesions_second_mask_is_rejected(store, tmp_path):
    found = ingest_masks(store, records(store, tmp_path / "truth.npz", lesions=[0, 0]))
    assert found.lesions == 1
    assert found.rejected[0].reason == f"lesion 0 has a mask already, from truth.npz, mask 0 ({SERIES}_005)"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"endpoints": np.zeros((3, 4, 2))}, r"endpoints \[lesion, 4, 2\], got uint8 \(4, 64, 8\) and \(3, 4, 2\)"),
        ({"mask": np.zeros((4, 64))}, "expected a uint8 or bool mask"),
        ({"row": np.arange(3)}, "must have one entry for each of the 4 masks"),
        ({"row": None, "file_name": None}, "expected file_name, key or row"),
        ({"endpoints": np.full((4, 4, 2), np.nan)}, "no lesion with this slice and mark"),
    ],
)
def test_malformed_records_say_what_was_expected(store, tmp_path, changes, reason):
    with pytest.raises(DataError, match=reason):
        ingest_masks(store, records(store, tmp_path / "truth.npz", **changes))


@pytest.mark.parametrize("suffix", [".png", ".nii", ".nii.gz", ".nrrd", ".npz"])
def test_files_named_by_slice_and_number(store, tmp_path, suffix):
    pattern = "truth_{}_{:03d}_{}_mask" if suffix == ".npz" else "{}_{:03d}_{}"
    for lesion, (key, k) in enumerate([(5, 0), (5, 1), (7, 0)]):
        write_mask(tmp_path / "masks" / (pattern.format(SERIES, key, k) + suffix), ellipse(store, lesion))
    found = ingest_masks(store, tmp_path / "masks")
    assert (found.lesions, found.rejected) == (3, [])
    for lesion in range(3):
        np.testing.assert_array_equal(store.label("truth", lesion), ellipse(store, lesion))
    assert store.labelled("truth").tolist() == [True, True, True, False]


def test_a_file_named_by_the_number_of_the_lesion(store, tmp_path):
    write_mask(tmp_path / "masks" / "lesion_3.png", ellipse(store, 3))
    write_mask(tmp_path / "masks" / "lesion_4.png", ellipse(store, 3))
    found = ingest_masks(store, tmp_path / "masks")
    assert store.labelled("truth").tolist() == [False] * 3 + [True]
    assert [str(item) for item in found.rejected] == ["lesion_4.png: the store has lesions 0 to 3"]


def test_a_mask_of_two_lesions_is_split_between_them(store, tmp_path):
    stray = np.zeros((64, 64), bool)
    stray[2:4, 60:63] = True  # a lesion that nobody marked
    write_mask(tmp_path / f"{SERIES}_005.png", ellipse(store, 0) | ellipse(store, 1) | stray)
    found = ingest_masks(store, tmp_path / f"{SERIES}_005.png")
    assert (found.lesions, found.rejected) == (2, [])
    for lesion in (0, 1):
        np.testing.assert_array_equal(store.label("truth", lesion), ellipse(store, lesion))


def test_two_lesions_that_hang_together_go_to_the_greater_and_the_other_is_listed(store, tmp_path):
    bridge = cv2.line(np.zeros((64, 64), np.uint8), (15, 20), (49, 44), 1, 3).astype(bool)
    write_mask(tmp_path / f"{SERIES}_005.png", ellipse(store, 0) | ellipse(store, 1) | bridge)
    found = ingest_masks(store, tmp_path / f"{SERIES}_005.png")
    assert store.labelled("truth").tolist() == [False, True, False, False]
    (rejection,) = found.rejected
    assert rejection.line == 2
    assert rejection.reason == "what covers lesion 0 is connected with the mask of another lesion"


def test_the_only_lesion_of_a_slice_takes_all_its_components(store, tmp_path):
    mask = ellipse(store, 2)
    mask[40:44, 10:12] = True
    write_mask(tmp_path / f"{SERIES}_007.png", mask)
    assert ingest_masks(store, tmp_path / f"{SERIES}_007.png").rejected == []
    np.testing.assert_array_equal(store.label("truth", 2), mask)


def test_a_mask_beside_the_lesion_is_rejected(store, tmp_path):
    mask = np.roll(ellipse(store, 2), 11, axis=1)
    write_mask(tmp_path / "m" / f"{SERIES}_007.png", mask)
    write_mask(tmp_path / "m" / f"{SERIES}_005.png", mask)
    write_mask(tmp_path / "m" / "lesion_3.png", ellipse(store, 3))
    reasons = {item.file: item.reason for item in ingest_masks(store, tmp_path / "m").rejected}
    assert "of the ellipse of lesion 2: another lesion?" in reasons[f"{SERIES}_007.png"]
    assert (
        "the mask covers a third of the ellipse of none of the 2 lesions of its slice" in reasons[f"{SERIES}_005.png"]
    )


def volume_of(store, first=4, count=5):
    """Slices ``first`` on, with lesion 0 and 1 on slice 5, lesion 2 on 7, and lesion 0's shape above and below."""
    volume = np.zeros((count, 64, 64), bool)
    volume[5 - first] = ellipse(store, 0) | ellipse(store, 1)
    volume[6 - first] = ellipse(store, 0)
    volume[7 - first] = ellipse(store, 2) | ellipse(store, 1)
    return volume


@pytest.mark.parametrize("name", [f"{SERIES}_004-008", f"truth_{SERIES}_004-008", SERIES])
def test_volumes_give_every_lesion_its_key_slice(store, tmp_path, name):
    np.savez(tmp_path / f"{name}.npz", mask=volume_of(store), first_slice=4, spacing_mm=[0.8, 0.7, 5])
    found = ingest_masks(store, tmp_path / f"{name}.npz")
    assert (found.lesions, found.rejected) == (3, [])
    for lesion in range(3):
        np.testing.assert_array_equal(store.label("truth", lesion), ellipse(store, lesion))


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_volumes_of_other_tools_keep_their_own_order_of_slices(store, tmp_path, suffix, down):
    """DeepLesion's own script writes NIfTI whose slices run towards the feet; others run towards the head."""
    volume = volume_of(store).astype(np.uint8).transpose(2, 1, 0)
    affine = np.diag([-0.8, -0.7, -5.0 if down else 5.0, 1])
    path = tmp_path / f"{SERIES}_004-008{suffix}"
    if suffix == ".nrrd":
        import nrrd

        directions = np.diag([0.8, 0.7, affine[2, 2]])
        nrrd.write(str(path), np.asfortranarray(volume), {"space": "LPS", "space directions": directions})
    else:
        nib.save(nib.Nifti1Image(volume, affine), path)
    assert ingest_masks(store, path).lesions == 3
    for lesion in range(3):
        np.testing.assert_array_equal(store.label("truth", lesion), ellipse(store, lesion))


def test_a_series_without_a_first_slice_begins_at_1(store, tmp_path):
    volume = np.concatenate([np.zeros((3, 64, 64), bool), volume_of(store)])
    np.savez(tmp_path / f"{SERIES}.npz", mask=volume)
    assert ingest_masks(store, tmp_path / f"{SERIES}.npz").lesions == 3


@pytest.mark.parametrize(
    ("name", "arrays", "reason"),
    [
        (f"{SERIES}_004-009", {}, "its name says slices 4 to 9, but it holds 5"),
        (f"{SERIES}_004-008", {"first_slice": 3}, "begins at slice 4, its first_slice 3"),
        (f"{SERIES}_054-058", {}, "of no lesion of its series does it cover a third of the ellipse"),
        (f"{SERIES}_005", {}, "its name is that of one slice, but it holds 5"),
        (f"{SERIES}_005_2", {}, "the slice has lesions 0 to 1"),
        ("somebody_005", {}, "its name is that of no slice, series or lesion of the store"),
    ],
)
def test_files_that_do_not_fit_their_name(store, tmp_path, name, arrays, reason):
    np.savez(tmp_path / f"{name}.npz", mask=volume_of(store), **arrays)
    with pytest.raises(DataError, match=reason):
        ingest_masks(store, tmp_path / f"{name}.npz")


def test_a_folder_lists_what_it_cannot_use_and_goes_on(store, tmp_path):
    masks = tmp_path / "masks"
    write_mask(masks / "a" / f"{SERIES}_007.nii.gz", ellipse(store, 2))
    records(store, masks / "b.npz", lesions=[3])
    (masks / f"{SERIES}_005.nii").write_bytes(b"no NIfTI")
    (masks / "notes.txt").write_text("x")
    (masks / ".DS_Store").write_text("x")
    (masks / f"{SERIES}_005.png").write_bytes(encode_png(np.zeros((64, 64), np.int16)))
    found = ingest_masks(store, masks)
    assert store.labelled("truth").tolist() == [False, False, True, True]
    reasons = {item.file: item.reason for item in found.rejected}
    assert set(reasons) == {f"{SERIES}_005.nii", f"{SERIES}_005.png", "notes.txt"}
    assert not any(str(tmp_path) in reason or "\n" in reason for reason in reasons.values())


def test_again_it_does_nothing_and_another_source_needs_overwrite(store, tmp_path):
    path = records(store, tmp_path / "truth.npz")
    first = ingest_masks(store, path)
    location = tmp_path / "ulskit.zarr"
    before = {item: item.stat().st_mtime_ns for item in location.rglob("*")}
    assert ingest_masks(store, path) == first
    assert {item: item.stat().st_mtime_ns for item in location.rglob("*")} == before
    other = records(store, tmp_path / "other.npz", lesions=[1])
    with pytest.raises(StoreError, match="'truth' exist already"):
        ingest_masks(store, other)
    assert ingest_masks(store, other, overwrite=True).lesions == 1
    assert store.labelled("truth").tolist() == [False, True, False, False]
    assert ingest_masks(store, path, name="readers/one").lesions == 4
    assert ulskit.open(location).labels() == ["readers/one", "truth"]


def test_missing_and_empty_sources_are_named(store, tmp_path):
    with pytest.raises(MissingFileError, match="no file or folder of masks"):
        ingest_masks(store, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no masks: expected \.nii"):
        ingest_masks(store, tmp_path / "empty")


def test_masks_of_odd_widths_come_back_whole(folder, tmp_path):
    folder.add(image=np.zeros((61, 67), np.int16), Image_size="67, 61")
    store = folder.ingest()
    ingest_masks(store, records(store, tmp_path / "truth.npz"))
    np.testing.assert_array_equal(store.label("truth", 0), ellipse(store, 0))


def test_the_real_volume_goes_to_its_lesion_and_not_to_its_neighbour(shared_data, tmp_path):
    source = shared_data / "deeplesion-mini"
    store = ingest_deeplesion(source, tmp_path / "real.zarr")
    found = ingest_masks(store, source / "truth_000001_02_01_008-023.npz")
    assert (found.lesions, found.rejected) == (1, [])
    assert np.flatnonzero(store.labelled("truth")).tolist() == [2]  # lesion 1, two slices off, is another
    assert store.label("truth", 2).sum() == 2532


def test_the_real_manual_masks_find_their_rows(shared_data, tmp_path):
    """The real rows and masks; their slices, which we do not have, stand in as blank images."""
    masks = np.load(shared_data / "deeplesion-manual-masks.npz")
    table = pd.read_csv(shared_data / "deeplesion-mini" / "DL_info.csv", dtype=str, keep_default_na=False)
    keys = {f"{key}.png" for key in masks["key"]}
    table = table[table["File_name"].isin(keys) & (table["Image_size"] == "512, 512")]
    folder = tmp_path / "DeepLesion"
    blank = encode_png(np.zeros((512, 512), np.int16))
    for name in table["File_name"].unique():
        series, _, number = name.rpartition("_")
        path = folder / "Images_png" / series / number
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blank)
    table.to_csv(folder / "DL_info.csv", index=False, quoting=csv.QUOTE_MINIMAL)
    store = ingest_deeplesion(folder, tmp_path / "manual.zarr")
    found = ingest_masks(store, shared_data / "deeplesion-manual-masks.npz")
    expected = sum(f"{key}.png" in set(table["File_name"]) for key in masks["key"])
    assert found.lesions == expected > 80
    assert len(found.rejected) == len(masks["key"]) - expected
    dice = []
    for lesion in np.flatnonzero(store.labelled("truth")):
        truth, drawn = store.label("truth", lesion) > 0, ellipse(store, lesion)
        dice.append(2 * (truth & drawn).sum() / (truth.sum() + drawn.sum()))
    assert np.mean(dice) > 0.87
