"""A phantom data set in a folder, in DeepLesion's exact form, with its truth.

::

    Images_png/<patient_study_series>/<NNN>.png    16-bit PNG, HU + 32768
    truth.npz                                      the true masks of the marked lesions
    DL_info.csv                                    written last: its presence says that all is there
    phantom.json                                   settings from which it was made

A patient that is done leaves a file in ``.parts/``; a restart goes on with the others.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ulskit.ct import encode_png
from ulskit.errors import DataError, GeometryError, MissingFileError, UsageError
from ulskit.files import replacing, write_text
from ulskit.geometry.recist import axis_lengths_px
from ulskit.ingest.dl_info import COLUMNS
from ulskit.phantom.lesions import Lesion
from ulskit.phantom.patients import Patient, PhantomSettings, Study, View, draw_patient, section_of
from ulskit.phantom.reader import drawn_mark
from ulskit.phantom.slices import PhantomSlice, render_slice
from ulskit.phantom.table import csv_endpoints, csv_row, csv_text, slice_file
from ulskit.phantom.tissues import draw_tissue_hu
from ulskit.progress import Progress, silent
from ulskit.provenance import digest, ulskit_version
from ulskit.types import Mask, PointsXY

CSV_FILE = "DL_info.csv"
TRUTH_FILE = "truth.npz"
SETTINGS_FILE = "phantom.json"
_PARTS = ".parts"
_MIN_AXES_PX = (4.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class PhantomSummary:
    """What a phantom data set holds."""

    folder: Path
    patients: int
    studies: int
    slices: int
    lesions: int


@dataclass(frozen=True, kw_only=True)
class PhantomTruth:
    """The true masks of a data set, one for each row of DL_info.csv.

    Attributes:
        row: row of DL_info.csv, counted from 0 without the header, int64 ``[lesion]``.
        file_name: its column File_name, text ``[lesion]``.
        endpoints: its mark as in the CSV (from the corner of the first pixel), float64 ``[lesion, 4, 2]``.
        packed: masks, bits packed along x, uint8 ``[lesion, y, x / 8]``.
    """

    row: npt.NDArray[np.int64]
    file_name: npt.NDArray[np.str_]
    endpoints: npt.NDArray[np.float64]
    packed: npt.NDArray[np.uint8]

    def mask(self, lesion: int) -> Mask:
        """One mask, bool ``[y, x]``."""
        return np.unpackbits(self.packed[lesion], axis=-1).astype(bool)


def make_phantom(
    folder: str | os.PathLike[str],
    settings: PhantomSettings | None = None,
    *,
    outlines_mm: Sequence[PointsXY] = (),
    workers: int | None = None,
    progress: Progress = silent,
) -> PhantomSummary:
    """Make a phantom data set, or go on with one that was interrupted; one that is there is left as it is.

    Args:
        folder: new or empty, or one that this function made with the same settings (``patients`` may have grown).
        settings: what it is to be like.
        outlines_mm: real outlines ``[n, 2]`` to take the lesions' shapes from, see
            :func:`ulskit.phantom.shapes.split_outlines`.
        workers: threads; by default as many as there are processors.
        progress: told of every patient.

    Raises:
        UsageError: the folder holds something else.
    """
    folder, settings = Path(folder), settings or PhantomSettings()
    record = _record(settings, outlines_mm)
    if _is_complete(folder, record):
        return summarize_phantom(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / SETTINGS_FILE, json.dumps(record, indent=1) + "\n")
    numbers = range(1, settings.patients + 1)
    waiting = [number for number in numbers if not _part(folder, record, number).exists()]
    with (
        progress("phantom patients", settings.patients) as advance,
        ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool,
    ):
        advance(settings.patients - len(waiting))
        futures = [pool.submit(_make_patient, folder, settings, record, number, outlines_mm) for number in waiting]
        try:
            for future in as_completed(futures):
                future.result()
                advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    _write_tables(folder, [_part(folder, record, number) for number in numbers])
    shutil.rmtree(folder / _PARTS, ignore_errors=True)
    return summarize_phantom(folder)


def read_truth(folder: str | os.PathLike[str]) -> PhantomTruth:
    """The truth of a phantom data set.

    Raises:
        MissingFileError: no truth.npz in the folder.
        DataError: it is not what :func:`make_phantom` writes.
    """
    path = Path(folder) / TRUTH_FILE
    if not path.is_file():
        raise MissingFileError(f"no {TRUTH_FILE} in {folder}: name a folder that holds a phantom")
    try:
        with np.load(path, allow_pickle=False) as file:
            return PhantomTruth(
                row=file["row"], file_name=file["file_name"], endpoints=file["endpoints"], packed=file["mask"]
            )
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{path} is no truth of a phantom: {error}") from error


def summarize_phantom(folder: str | os.PathLike[str]) -> PhantomSummary:
    """What a complete phantom data set holds.

    Raises:
        MissingFileError: no truth.npz in the folder.
    """
    names = [str(name) for name in read_truth(folder).file_name]
    return PhantomSummary(
        folder=Path(folder),
        patients=len({name.split("_")[0] for name in names}),
        studies=len({name.rsplit("_", 2)[0] for name in names}),
        slices=len(set(names)),
        lesions=len(names),
    )


def render_view(settings: PhantomSettings, patient: Patient, study: Study, view: View, offset: int = 0) -> PhantomSlice:
    """The key slice of a view, or the one that lies ``offset`` slices further; no file is touched.

    A neighbour shows each lesion as a ball of its long axis is cut there.
    """
    z_mm = offset * study.slice_interval_mm
    section = section_of(settings, patient.number, patient.body, view.place, z_mm)
    cut = [(lesion, 1 - (2 * z_mm / lesion.long_axis_mm) ** 2) for lesion in view.lesions]
    lesions = [lesion.grown(float(np.sqrt(share))) for lesion, share in cut if share > 0.05]
    tissue_hu = draw_tissue_hu(settings.stream(patient.number, 2, study.number), study.phase)
    wider = view.frame.size * view.frame.spacing_mm > 2 * section.half_extent_mm[0]
    return render_slice(
        settings.stream(patient.number, 3, study.number, view.place.number, settings.context_slices + offset),
        section,
        lesions,
        view.frame,
        scanner=study.scanner,
        tissue_hu=tissue_hu,
        outside_hu=study.outside_hu if wider else None,
    )


def _make_patient(
    folder: Path, settings: PhantomSettings, record: dict[str, Any], number: int, outlines_mm: Sequence[PointsXY]
) -> None:
    patient = draw_patient(settings, number, outlines_mm)
    rows: list[list[str]] = []
    masks: list[Mask] = []
    for study in patient.studies:
        reader = settings.stream(number, 4, study.number)
        for view in study.views:
            shown = render_view(settings, patient, study, view)
            marked = [
                _marked(reader, settings, lesion, mask) for lesion, mask in zip(view.lesions, shown.masks, strict=True)
            ]
            found = [mark for mark in marked if mark is not None]
            if not found:  # nothing to mark on this slice: it is no key slice
                continue
            _write_slice(folder / "Images_png" / slice_file(patient, study, view.key_slice), shown)
            for offset in range(-settings.context_slices, settings.context_slices + 1):
                if offset:
                    path = folder / "Images_png" / slice_file(patient, study, view.key_slice + offset)
                    _write_slice(path, render_view(settings, patient, study, view, offset))
            rows += [csv_row(patient, study, view, lesion, mark) for lesion, _, mark in found]
            masks += [mask for _, mask, _ in found]
    packed = (
        np.packbits(np.stack(masks), axis=-1) if masks else np.zeros((0, settings.size, settings.size // 8), np.uint8)
    )
    with replacing(_part(folder, record, number)) as path:
        np.savez_compressed(path, rows=np.array(json.dumps(rows)), mask=packed)


def _marked(
    rng: np.random.Generator, settings: PhantomSettings, lesion: Lesion, mask: Mask | None
) -> tuple[Lesion, Mask, PointsXY] | None:
    """The mark of a lesion, if there is enough of it and the image does not cut it."""
    if mask is None or mask[[0, -1]].any() or mask[:, [0, -1]].any():
        return None
    try:
        exact = drawn_mark(rng, mask)
        mark = drawn_mark(rng, mask, hand_error_px=settings.hand_error_px, tilt_deg=settings.tilt_deg)
    except GeometryError:
        return None
    lengths = zip(axis_lengths_px(exact), axis_lengths_px(mark), _MIN_AXES_PX, strict=True)
    if any(min(true, drawn) < least for true, drawn, least in lengths):
        return None
    return lesion, mask, mark


def _write_slice(path: Path, shown: PhantomSlice) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(encode_png(shown.image_hu))


def _write_tables(folder: Path, parts: Sequence[Path]) -> None:
    rows: list[list[str]] = []
    masks: list[npt.NDArray[np.uint8]] = []
    for part in parts:
        with np.load(part, allow_pickle=False) as file:
            rows += json.loads(str(file["rows"]))
            masks.append(file["mask"])
    if not rows:
        raise UsageError("no lesion found room with these settings: allow a wider field or smaller lesions")
    with replacing(folder / TRUTH_FILE) as path:
        np.savez_compressed(
            path,
            mask=np.concatenate(masks),
            row=np.arange(len(rows), dtype=np.int64),
            file_name=np.array([row[COLUMNS.index("File_name")] for row in rows]),
            endpoints=np.stack([csv_endpoints(row) for row in rows]),
        )
    write_text(folder / CSV_FILE, csv_text(rows))


def _record(settings: PhantomSettings, outlines_mm: Sequence[PointsXY]) -> dict[str, Any]:
    shapes = digest(b"".join(np.ascontiguousarray(outline, dtype=np.float64).tobytes() for outline in outlines_mm))
    record = {
        "by": "phantom",
        "ulskit": ulskit_version(),
        "settings": asdict(settings),
        "outlines": shapes if outlines_mm else None,
    }
    return dict(json.loads(json.dumps(record)))


def _is_complete(folder: Path, record: dict[str, Any]) -> bool:
    """Whether the folder holds the phantom already; refuses a folder that holds anything else."""
    path = folder / SETTINGS_FILE
    if not path.is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} holds something that is no phantom: name a new or an empty folder")
        return False
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        patients = there["settings"]["patients"]
        same = _without_patients(there) == _without_patients(record)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged: remove the folder or name another one") from error
    if not same or patients > record["settings"]["patients"]:
        raise UsageError(f"{folder} holds a phantom of other settings: name another folder, or remove it")
    return bool(there == record and (folder / CSV_FILE).is_file())


def _without_patients(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "settings": {**record["settings"], "patients": 0}}


def _part(folder: Path, record: dict[str, Any], number: int) -> Path:
    return folder / _PARTS / f"{digest(_without_patients(record))[:12]}_{number:06d}.npz"
