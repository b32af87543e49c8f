import hashlib
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from ulskit.errors import DataError, MissingFileError, UsageError
from ulskit.ingest.dl_info import COLUMNS, read_dl_info
from ulskit.phantom import dataset, make_phantom, read_truth, summarize_phantom


def _numbers(table, column):
    return np.array([[float(value) for value in text.split(",")] for text in table[column]])


def _digests(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "phantom.json")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def table(folder):
    return pd.read_csv(folder / "DL_info.csv")


@pytest.fixture(scope="module")
def truth(folder):
    return read_truth(folder)


def test_columns_are_deeplesions(folder):
    assert (folder / "DL_info.csv").read_text().splitlines()[0] == ",".join(COLUMNS)


def test_our_own_reader_takes_every_row(folder, table):
    rows, rejected = read_dl_info(folder / "DL_info.csv")
    assert rejected == []
    assert len(rows) == len(table) > 15


def test_rows_round_trip_their_conventions(table, settings):
    mark = _numbers(table, "Measurement_coordinates").reshape(-1, 4, 2)
    lengths = np.linalg.norm(mark[:, [1, 3]] - mark[:, [0, 2]], axis=-1)
    assert np.allclose(lengths, _numbers(table, "Lesion_diameters_Pixel_"), rtol=1e-3, atol=2e-3)
    assert (lengths[:, 0] >= lengths[:, 1]).all()
    box = np.concatenate([mark.min(axis=1) - 5, mark.max(axis=1) + 5], axis=1)
    assert np.allclose(box, _numbers(table, "Bounding_boxes"), atol=2e-3)
    assert (mark > 0).all()
    assert (mark < settings.size).all()
    location = _numbers(table, "Normalized_lesion_location")
    assert ((location >= 0) & (location <= 1)).all()
    first, last = _numbers(table, "Slice_range").T
    assert ((first <= table.Key_slice_index) & (table.Key_slice_index <= last)).all()


def test_file_names_say_patient_study_series_and_slice(folder, table):
    for row in table.itertuples():
        expected = f"{row.Patient_index:06d}_{row.Study_index:02d}_{row.Series_ID:02d}_{row.Key_slice_index:03d}.png"
        assert row.File_name == expected
        assert (folder / "Images_png" / "/".join(expected.rsplit("_", 1))).is_file()


def test_images_are_sixteen_bit_hu_with_deeplesions_offset(folder, table, settings):
    for path in sorted((folder / "Images_png").rglob("*.png"))[:5]:
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert image.dtype == np.uint16
        assert image.shape == (settings.size, settings.size)
        hu = image.astype(int) - 32768
        assert hu.min() >= -3024
        assert hu.max() <= 3071
        assert hu.max() > 200


def test_types_are_hidden_in_training_and_told_elsewhere(table):
    training = table.Train_Val_Test == 1
    assert training.any()
    assert (~training).any()
    assert (table.Coarse_lesion_type[training] == -1).all()
    assert table.Coarse_lesion_type[~training].between(1, 8).all()


def test_patients_do_not_cross_splits(table):
    assert (table.groupby("Patient_index").Train_Val_Test.nunique() == 1).all()


def test_follow_up_studies_are_numbered_and_share_the_patients_facts(table):
    for _, rows in table.groupby("Patient_index"):
        assert set(rows.Study_index) <= {1, 2}
        assert rows.Patient_gender.nunique() == 1
        assert rows.sort_values("Study_index").Patient_age.is_monotonic_increasing
    assert (table.groupby("Patient_index").Study_index.nunique() == 2).any()


def test_some_lesions_share_a_slice(tmp_path, settings):
    crowded = replace(settings, patients=4, lesions=(4, 4), shared_slice=1.0, kinds=("liver", "lung"), studies=(1, 1))
    make_phantom(tmp_path / "data", crowded)
    assert pd.read_csv(tmp_path / "data" / "DL_info.csv").File_name.duplicated().any()


def test_every_row_has_its_truth_of_one_piece_inside_the_image(table, truth, settings):
    assert np.array_equal(truth.row, np.arange(len(table)))
    assert truth.file_name.tolist() == table.File_name.tolist()
    assert np.array_equal(truth.endpoints.reshape(-1, 8), _numbers(table, "Measurement_coordinates"))
    assert truth.packed.shape == (len(table), settings.size, settings.size // 8)
    for lesion in range(len(table)):
        mask = truth.mask(lesion)
        assert ndimage.label(mask)[1] == 1
        assert not mask[[0, -1]].any()
        assert not mask[:, [0, -1]].any()


def test_marks_are_near_the_ends_of_their_lesion(truth, settings):
    for lesion in range(len(truth.row)):
        outside = ndimage.distance_transform_edt(~truth.mask(lesion))
        x, y = np.rint(truth.endpoints[lesion] - 0.5).astype(int).T
        assert outside[y, x].max() <= 2 * np.sqrt(2) * settings.hand_error_px + 1.5


def test_without_error_of_the_hand_marks_lie_on_the_mask(tmp_path, settings):
    exact = replace(settings, patients=3, hand_error_px=0.0, tilt_deg=0.0)
    make_phantom(tmp_path / "data", exact)
    truth = read_truth(tmp_path / "data")
    for lesion in range(len(truth.row)):
        x, y = np.rint(truth.endpoints[lesion] - 0.5 + 1e-4).astype(int).T
        assert truth.mask(lesion)[y, x].all()


def test_the_same_seed_gives_identical_bytes_whatever_the_workers(tmp_path, settings):
    few = replace(settings, patients=3)
    make_phantom(tmp_path / "one", few, workers=1)
    make_phantom(tmp_path / "two", few, workers=3)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


def test_a_data_set_that_grows_keeps_its_patients(tmp_path, folder, settings):
    make_phantom(tmp_path / "data", replace(settings, patients=2))
    few = _digests(tmp_path / "data")
    make_phantom(tmp_path / "data", replace(settings, patients=3))
    grown, whole = _digests(tmp_path / "data"), _digests(folder)
    assert all(grown[name] == value for name, value in few.items() if name.endswith(".png"))
    assert all(whole[name] == value for name, value in grown.items() if name.endswith(".png"))
    assert summarize_phantom(tmp_path / "data").patients == 3


def test_an_interrupted_making_goes_on_with_the_patients_left(tmp_path, settings, monkeypatch):
    few, real, made = replace(settings, patients=3), dataset._make_patient, []

    def interrupted(*arguments):
        if arguments[3] == 3:
            raise KeyboardInterrupt
        real(*arguments)

    def counted(*arguments):
        made.append(arguments[3])
        real(*arguments)

    monkeypatch.setattr(dataset, "_make_patient", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_phantom(tmp_path / "data", few, workers=1)
    assert not (tmp_path / "data" / "DL_info.csv").exists()
    monkeypatch.setattr(dataset, "_make_patient", counted)
    make_phantom(tmp_path / "data", few, workers=1)
    assert made == [3]
    make_phantom(tmp_path / "data", few, workers=1)
    assert made == [3], "a complete data set is made again"
    monkeypatch.setattr(dataset, "_make_patient", real)
    make_phantom(tmp_path / "whole", few)
    assert _digests(tmp_path / "data") == _digests(tmp_path / "whole")


def test_neighbouring_slices_are_written_when_asked(tmp_path, settings):
    few = replace(settings, patients=1, lesions=(1, 1), studies=(1, 1), context_slices=2, slice_intervals_mm=(2.0,))
    summary = make_phantom(tmp_path / "data", few)
    files = sorted((tmp_path / "data" / "Images_png").rglob("*.png"))
    assert len(files) == 5 * summary.slices
    indices = [int(path.stem) for path in files]
    assert indices == list(range(indices[0], indices[0] + 5))


def test_real_outlines_give_the_lesions_their_shapes(tmp_path, settings):
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    slender = np.stack([np.cos(angle), 0.3 * np.sin(angle)], axis=-1)
    few = replace(settings, patients=3, kinds=("liver",), hand_error_px=0.0, tilt_deg=0.0)
    make_phantom(tmp_path / "data", few, outlines_mm=[slender])
    lengths = _numbers(pd.read_csv(tmp_path / "data" / "DL_info.csv"), "Lesion_diameters_Pixel_")
    assert np.median(lengths[:, 1] / lengths[:, 0]) == pytest.approx(0.3, abs=0.08)


def test_foreign_folders_and_other_settings_are_refused(tmp_path, folder, settings):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(UsageError, match="no phantom"):
        make_phantom(tmp_path / "mine", settings)
    with pytest.raises(UsageError, match="other settings"):
        make_phantom(folder, replace(settings, seed=9))


def test_a_truth_that_is_none_is_refused(tmp_path, folder):
    with pytest.raises(MissingFileError, match=r"no truth\.npz"):
        read_truth(tmp_path)
    shutil.copy(folder / "DL_info.csv", tmp_path / "truth.npz")
    with pytest.raises(DataError, match="no truth of a phantom"):
        read_truth(tmp_path)
