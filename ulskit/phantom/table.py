"""Rows of DL_info.csv, in DeepLesion's own form.

The columns are written out here as DeepLesion's readme gives them (Yan et al. 2018); a test holds them to those that
:mod:`ulskit.ingest` reads, which is of the same level and not imported.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import numpy as np

from ulskit.geometry.recist import axis_lengths_px, mark_box
from ulskit.ingest.dl_info import COLUMNS, PIXEL_CENTER
from ulskit.phantom.kinds import KINDS
from ulskit.phantom.lesions import Lesion
from ulskit.phantom.patients import TRAIN, Patient, Study, View
from ulskit.phantom.trunk import half_extent_mm
from ulskit.types import PointsXY

BOX_MARGIN_PX = 5.0
"""By which a box is wider than the mark, on each side."""

SERIES = 1


def series_id(patient: Patient, study: Study) -> str:
    """Folder of a study's slices under Images_png/."""
    return f"{patient.number:06d}_{study.number:02d}_{SERIES:02d}"


def slice_file(patient: Patient, study: Study, index: int) -> str:
    """Path of a slice under Images_png/."""
    return f"{series_id(patient, study)}/{index:03d}.png"


def file_name(patient: Patient, study: Study, view: View) -> str:
    """Column File_name of a key slice."""
    return f"{series_id(patient, study)}_{view.key_slice:03d}.png"


def csv_row(patient: Patient, study: Study, view: View, lesion: Lesion, endpoints_xy: PointsXY) -> list[str]:
    """One row as text, in the order of :data:`COLUMNS`.

    Args:
        patient: whose lesion it is.
        study: in which it is seen.
        view: its key slice.
        lesion: the lesion.
        endpoints_xy: its mark ``[4, 2]`` in pixels, centres at integers from 0.
    """
    mark = endpoints_xy + PIXEL_CENTER
    width, depth = half_extent_mm(patient.body)
    kind = KINDS[lesion.kind]
    place = np.clip([(lesion.center_mm[0] / width + 1) / 2, (lesion.center_mm[1] / depth + 1) / 2, view.place.z], 0, 1)
    frame = view.frame
    return [
        file_name(patient, study, view),
        str(patient.number),
        str(study.number),
        str(SERIES),
        str(view.key_slice),
        _joined(mark.ravel()),
        _joined(mark_box(mark, BOX_MARGIN_PX)),
        _joined(axis_lengths_px(mark)),
        _joined(place),
        "-1" if patient.split == TRAIN else str(kind.code),
        "0",
        _joined(study.slice_range(view.key_slice)),
        _joined((frame.spacing_mm, frame.spacing_mm, study.slice_interval_mm)),
        _joined((frame.size, frame.size)),
        _joined(kind.window_hu),
        patient.body.gender,
        str(study.age),
        str(patient.split),
    ]


def csv_endpoints(row: list[str]) -> PointsXY:
    """The mark ``[4, 2]`` as a row holds it: rounded, from the corner of the first pixel."""
    return np.array([float(value) for value in row[COLUMNS.index("Measurement_coordinates")].split(",")]).reshape(4, 2)


def csv_text(rows: Iterable[list[str]]) -> str:
    """The whole file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def _joined(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
