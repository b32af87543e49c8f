"""DL_info.csv: every row becomes a :class:`LesionRow` or is rejected with its reason.

The file is taken as it really is (SPEC section 3): floats measured from the corner of the first pixel, ages of 157,
slice intervals that are NaN or negative, diameters of zero length, marks outside the image, rows twice.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ulskit.errors import DataError, GeometryError, MissingFileError
from ulskit.geometry.recist import as_endpoints, inside_image
from ulskit.store.schema import LESION_TYPES, SPLITS
from ulskit.types import PointsXY, Shape

PIXEL_CENTER = 0.5
"""DL_info.csv measures from the corner of the first pixel, whose centre is at 0.5. Measured on hand-drawn masks:
round-1 Dice 88.7 with 0.5 subtracted, 86.4 with 0, 85.8 with 1 (``docs/pseudolabels.md``)."""

COLUMNS = (
    "File_name",
    "Patient_index",
    "Study_index",
    "Series_ID",
    "Key_slice_index",
    "Measurement_coordinates",
    "Bounding_boxes",
    "Lesion_diameters_Pixel_",
    "Normalized_lesion_location",
    "Coarse_lesion_type",
    "Possibly_noisy",
    "Slice_range",
    "Spacing_mm_px_",
    "Image_size",
    "DICOM_windows",
    "Patient_gender",
    "Patient_age",
    "Train_Val_Test",
)

_FILE_NAME = re.compile(r"(?P<series>[^/\\\0]*[^/\\\0.])_(?P<slice>[0-9]{1,9})\.png")

_MAX_WHOLE = 2**53
"""Above it a float no longer tells whole numbers apart."""


@dataclass(frozen=True, kw_only=True)
class LesionRow:
    """One lesion as DL_info.csv describes it, in the store's coordinates."""

    csv_row: int
    file_name: str
    series_id: str
    key_slice: int
    patient: int
    study: int
    series: int
    endpoints_xy: PointsXY
    box_xy: tuple[float, ...]
    normalized_location: tuple[float, ...]
    lesion_type: str
    noisy: bool
    first_slice: int
    last_slice: int
    row_spacing_mm: float
    column_spacing_mm: float
    slice_interval_mm: float
    shape: Shape
    window_low_hu: float
    window_high_hu: float
    gender: str
    age: float
    split: str

    @property
    def line(self) -> int:
        """Line of the CSV file, counted from 1, the header being the first."""
        return self.csv_row + 2

    def slice_file(self, index: int) -> str:
        """Path of a slice of this series under Images_png/."""
        digits = len(self.file_name.rsplit("_", 1)[1]) - len(".png")
        return f"{self.series_id}/{index:0{digits}d}.png"


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A row or file that was refused: its file, its line in the CSV (0: none), and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.file}, line {self.line} of DL_info.csv: {self.reason}"
            if self.line
            else f"{self.file}: {self.reason}"
        )


def most_frequent(rejected: list[Rejection]) -> str:
    """The most frequent reason, for a message."""
    if not rejected:
        return ": the table is empty"
    reason, count = Counter(item.reason for item in rejected).most_common(1)[0]
    return f" ({count} times: {reason})"


def read_dl_info(path: Path) -> tuple[list[LesionRow], list[Rejection]]:
    """All rows of a DL_info.csv in their order, and those that are refused.

    Raises:
        MissingFileError: no such file.
        DataError: not text, or a column is missing.
    """
    if not path.is_file():
        raise MissingFileError(f"no {path.name} in {path.parent}: name the folder that holds it and Images_png/")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file: {error}") from error
    header = [name.strip() for name in table[0]] if table else []
    lacking = [name for name in COLUMNS if name not in header]
    if lacking:
        raise DataError(f"{path} lacks the column {', '.join(lacking)}")
    rows: list[LesionRow] = []
    rejected: list[Rejection] = []
    split_of: dict[int, tuple[str, int]] = {}
    seen: dict[tuple[str, bytes], int] = {}
    for at, fields in enumerate(table[1:]):
        if not any(fields):
            continue
        facts = dict(zip(header, (field.strip() for field in fields), strict=False))
        try:
            row = _parse(at, facts)
            split, line = split_of.setdefault(row.patient, (row.split, row.line))
            if split != row.split:
                raise DataError(f"patient {row.patient} is in split {split} since line {line}, here in {row.split}")
            first = seen.setdefault((row.file_name, row.endpoints_xy.tobytes()), row.line)
            if first != row.line:
                raise DataError(f"duplicate of line {first}")
        except (DataError, GeometryError) as error:
            rejected.append(Rejection(file=facts.get("File_name", ""), line=at + 2, reason=str(error)))
        else:
            rows.append(row)
    return rows, rejected


def _parse(at: int, facts: dict[str, str]) -> LesionRow:
    lacking = [name for name in COLUMNS if name not in facts]
    if lacking:
        raise DataError(f"the row ends before {lacking[0]}")
    name = _FILE_NAME.fullmatch(facts["File_name"])
    if name is None:
        raise DataError("File_name is not SERIES_SLICE.png")
    width, height = (_whole(value, "Image_size") for value in _numbers(facts, "Image_size", 2))
    x_mm, y_mm, interval_mm = _numbers(facts, "Spacing_mm_px_", 3)
    if not (0 < x_mm < math.inf and 0 < y_mm < math.inf):
        raise DataError(f"Spacing_mm_px_ is {facts['Spacing_mm_px_']}: it must be positive")
    endpoints = as_endpoints(np.reshape(_numbers(facts, "Measurement_coordinates", 8), (4, 2)) - PIXEL_CENTER)
    if not inside_image(endpoints, (height, width)):
        raise DataError(f"the RECIST mark leaves the image of {width} × {height} pixels")
    first, last = _numbers(facts, "Slice_range", 2)
    box = _numbers(facts, "Bounding_boxes", 4)
    if not all(map(math.isfinite, box)):
        raise DataError(f"Bounding_boxes is {facts['Bounding_boxes']!r}: expected 4 finite numbers")
    low, high = _numbers(facts, "DICOM_windows", 2)
    if not -math.inf < low < high < math.inf:
        raise DataError(f"DICOM_windows is {facts['DICOM_windows']!r}: expected the lower, then the upper HU")
    return LesionRow(
        csv_row=at,
        file_name=facts["File_name"],
        series_id=name["series"],
        key_slice=int(name["slice"]),
        patient=_integer(facts, "Patient_index"),
        study=_integer(facts, "Study_index"),
        series=_integer(facts, "Series_ID"),
        endpoints_xy=endpoints,
        box_xy=tuple(value - PIXEL_CENTER for value in box),
        normalized_location=tuple(_numbers(facts, "Normalized_lesion_location", 3)),
        lesion_type=_one_of(facts, "Coarse_lesion_type", LESION_TYPES),
        noisy=bool(_integer(facts, "Possibly_noisy")),
        first_slice=_whole(first, "Slice_range"),
        last_slice=_whole(last, "Slice_range"),
        row_spacing_mm=y_mm,
        column_spacing_mm=x_mm,
        slice_interval_mm=abs(interval_mm),
        shape=(height, width),
        window_low_hu=low,
        window_high_hu=high,
        gender=facts["Patient_gender"],
        age=float(facts["Patient_age"]) if _is_number(facts["Patient_age"]) else math.nan,
        split=_one_of(facts, "Train_Val_Test", SPLITS),
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(facts: dict[str, str], column: str, count: int) -> list[float]:
    parts = facts[column].split(",")
    if len(parts) != count or not all(_is_number(part) for part in parts):
        raise DataError(f"{column} is {facts[column]!r}: expected {count} numbers")
    return [float(part) for part in parts]


def _whole(value: float, column: str) -> int:
    if not math.isfinite(value) or value != int(value) or abs(value) > _MAX_WHOLE:
        raise DataError(f"{column} holds {value}: expected whole numbers")
    return int(value)


def _integer(facts: dict[str, str], column: str) -> int:
    return _whole(_numbers(facts, column, 1)[0], column)


def _one_of(facts: dict[str, str], column: str, names: dict[int, str]) -> str:
    code = _integer(facts, column)
    if code not in names:
        raise DataError(f"{column} is {code}: expected one of {', '.join(map(str, names))}")
    return names[code]
