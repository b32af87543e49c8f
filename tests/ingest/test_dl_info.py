"""DL_info.csv as it really is: every row is read or listed with its line and reason."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ulskit.errors import DataError, MissingFileError
from ulskit.ingest.dl_info import COLUMNS, LesionRow, Rejection, read_dl_info


def test_coordinates_are_half_a_pixel_less_than_the_file_says(folder):
    folder.add(Measurement_coordinates="10.5, 20.5, 30.5, 20.5, 20.5, 12.5, 20.5, 28.5", Bounding_boxes="5, 7, 36, 34")
    ((row,), rejected) = read_dl_info(folder.write() / "DL_info.csv")
    assert rejected == []
    assert row.endpoints_xy.tolist() == [[10, 20], [30, 20], [20, 12], [20, 28]]
    assert row.box_xy == (4.5, 6.5, 35.5, 33.5)


def test_spacing_is_row_then_column(folder):
    folder.add(Spacing_mm_px_="0.8, 0.7, 5")
    ((row,), _) = read_dl_info(folder.write() / "DL_info.csv")
    assert (row.column_spacing_mm, row.row_spacing_mm, row.slice_interval_mm) == (0.8, 0.7, 5)


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        ({"Patient_age": "157"}, {"age": 157.0}),
        ({"Patient_age": ""}, {"age": math.nan}),
        ({"Patient_age": "unknown"}, {"age": math.nan}),
        ({"Spacing_mm_px_": "0.8, 0.8, NaN"}, {"slice_interval_mm": math.nan}),
        ({"Spacing_mm_px_": "0.8, 0.8, -5"}, {"slice_interval_mm": 5.0}),
        ({"Patient_gender": ""}, {"gender": ""}),
        ({"Possibly_noisy": "1"}, {"noisy": True}),
        ({"Coarse_lesion_type": "7"}, {"lesion_type": "soft tissue"}),
        ({"Train_Val_Test": "3"}, {"split": "test"}),
        ({"Normalized_lesion_location": "NaN, 0.5, 0.5"}, {"patient": 1}),
    ],
)
def test_dirt_that_says_nothing_against_the_lesion_is_kept(folder, cells, read):
    folder.add(**cells)
    rows, rejected = read_dl_info(folder.write() / "DL_info.csv")
    assert rejected == []
    for name, value in read.items():
        np.testing.assert_equal(getattr(rows[0], name), value)


BAD_CELLS = [
    ("File_name", "nothing.png", "not SERIES_SLICE.png"),
    ("File_name", "../../etc/passwd_001.png", "not SERIES_SLICE.png"),
    ("File_name", "/etc/passwd_001.png", "not SERIES_SLICE.png"),
    ("File_name", "..\\x_001.png", "not SERIES_SLICE.png"),
    ("File_name", ".._001.png", "not SERIES_SLICE.png"),
    ("File_name", "a\0b_001.png", "not SERIES_SLICE.png"),
    ("File_name", f"x_{'1' * 5000}.png", "not SERIES_SLICE.png"),
    ("Measurement_coordinates", "1, 2, 3", "expected 8 numbers"),
    ("Measurement_coordinates", "a, 2, 3, 4, 5, 6, 7, 8", "expected 8 numbers"),
    ("Measurement_coordinates", "NaN, 2, 3, 4, 5, 6, 7, 8", "not finite"),
    ("Measurement_coordinates", "20, 32, 20, 32, 32, 24, 32, 40", "the long axis has zero length"),
    ("Measurement_coordinates", "20, 32, 44, 32, 32, 24, 32, 24", "the short axis has zero length"),
    ("Measurement_coordinates", "20, 32, 64.5, 32, 32, 24, 32, 40", "leaves the image of 64 × 64 pixels"),
    ("Measurement_coordinates", "-0.1, 32, 44, 32, 32, 24, 32, 40", "leaves the image"),
    ("Bounding_boxes", "NaN, 1, 2, 3", "expected 4 finite numbers"),
    ("Bounding_boxes", "1, 2", "expected 4 numbers"),
    ("Spacing_mm_px_", "NaN, 0.8, 5", "must be positive"),
    ("Spacing_mm_px_", "0.8, 0, 5", "must be positive"),
    ("Spacing_mm_px_", "-0.8, 0.8, 5", "must be positive"),
    ("Spacing_mm_px_", "inf, 0.8, 5", "must be positive"),
    ("Spacing_mm_px_", "0.8", "expected 3 numbers"),
    ("Image_size", "64.5, 64", "expected whole numbers"),
    ("Image_size", "-64, 64", "leaves the image"),
    ("Patient_index", "1e300", "expected whole numbers"),
    ("Patient_index", "nan", "expected whole numbers"),
    ("Slice_range", "1", "expected 2 numbers"),
    ("DICOM_windows", "275, -175", "expected the lower, then the upper HU"),
    ("DICOM_windows", "nan, 275", "expected the lower, then the upper HU"),
    ("Coarse_lesion_type", "9", "Coarse_lesion_type is 9: expected one of -1, 1"),
    ("Train_Val_Test", "0", "Train_Val_Test is 0: expected one of 1, 2, 3"),
    ("Possibly_noisy", "", "expected 1 numbers"),
]


@pytest.mark.parametrize(("column", "text", "reason"), BAD_CELLS)
def test_a_bad_cell_rejects_its_row_alone(folder, column, text, reason):
    folder.add(patient=1)
    folder.add(patient=2, **{column: text})
    folder.add(patient=3)
    rows, rejected = read_dl_info(folder.write() / "DL_info.csv")
    assert [row.patient for row in rows] == [1, 3]
    assert [row.line for row in rows] == [2, 4]
    (rejection,) = rejected
    assert (rejection.file, rejection.line) == (folder.rows[1]["File_name"], 3)
    assert reason in rejection.reason


def test_a_mark_on_the_edge_of_the_outermost_pixels_is_inside(folder):
    folder.add(Measurement_coordinates="0, 32, 64, 32, 32, 0, 32, 64")
    rows, rejected = read_dl_info(folder.write() / "DL_info.csv")
    assert (len(rows), rejected) == (1, [])


def test_a_duplicate_names_the_line_it_repeats(folder):
    folder.add()
    folder.add(key=6)
    folder.add()
    rows, (rejection,) = read_dl_info(folder.write() / "DL_info.csv")
    assert len(rows) == 2
    assert (rejection.line, rejection.reason) == (4, "duplicate of line 2")


def test_two_lesions_of_one_slice_are_no_duplicates(folder):
    folder.add()
    folder.add(mark=((10, 10), (20, 10), (15, 6), (15, 14)))
    rows, rejected = read_dl_info(folder.write() / "DL_info.csv")
    assert (len(rows), rejected) == (2, [])


def test_a_patient_stays_in_the_split_of_its_first_row(folder):
    folder.add(key=5, split=2)
    folder.add(key=6, split=3)
    folder.add(key=7, split=2)
    rows, (rejection,) = read_dl_info(folder.write() / "DL_info.csv")
    assert [row.key_slice for row in rows] == [5, 7]
    assert (rejection.line, rejection.reason) == (3, "patient 1 is in split val since line 2, here in test")


def test_columns_may_stand_in_any_order_with_blanks_and_empty_lines(folder):
    folder.add()
    path = folder.write() / "DL_info.csv"
    expected, _ = read_dl_info(path)
    cells = folder.rows[0]
    names = list(reversed(COLUMNS))
    quoted = ",".join(f'" {cells[name]} "' for name in names)
    path.write_text("\ufeff" + ",".join(f" {name}" for name in names) + "\r\n\r\n" + quoted + "\r\n")
    rows, rejected = read_dl_info(path)
    assert rejected == []
    assert rows[0].line == 3
    assert _plain(rows[0]) == _plain(expected[0]) | {"csv_row": 1}


def test_a_row_that_ends_early_is_rejected(folder):
    folder.add()
    path = folder.write() / "DL_info.csv"
    whole = path.read_text()
    path.write_text(whole + whole.splitlines()[1][:30] + "\n")
    rows, (rejection,) = read_dl_info(path)
    assert len(rows) == 1
    assert rejection.reason == "the row ends before Bounding_boxes"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "lacks the column File_name"),
        (b"File_name,Patient_index\n", "lacks the column Study_index"),
        (b"\xff\xfe\x00binary", "is not a CSV file"),
    ],
)
def test_what_is_no_dl_info_is_refused_whole(folder, content, reason):
    path = folder.write() / "DL_info.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_dl_info(path)


def test_a_missing_csv_says_which_folder_to_name(tmp_path):
    with pytest.raises(MissingFileError, match="name the folder that holds it and Images_png"):
        read_dl_info(tmp_path / "DL_info.csv")


def test_a_rejection_prints_where_and_why():
    assert str(Rejection(file="a_1.png", line=7, reason="why")) == "a_1.png, line 7 of DL_info.csv: why"
    assert str(Rejection(file="a/1.png", line=0, reason="why")) == "a/1.png: why"


numbers = st.sampled_from(["nan", "-inf", "1e300", "-1", "0", "", "1_0", "٣", "0x10", "9" * 400, "1.5"])
texts = numbers | st.lists(numbers, max_size=9).map(", ".join) | st.text(max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(COLUMNS), texts, min_size=1))
def test_no_text_whatever_stops_the_reading(folder, changes):
    folder.rows.clear()
    folder.add(patient=1, image=False)
    folder.add(patient=2, image=False, **changes)
    rows, rejected = read_dl_info(folder.write() / "DL_info.csv")
    assert len(rows) + len(rejected) == 2
    assert rows[0].patient == 1


def _plain(row: LesionRow) -> dict:
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(row).items()}
