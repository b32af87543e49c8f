"""Masks for users' own images: a list of boxes in, one mask file per box out, without any store."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ulskit.errors import DataError, MissingFileError, UsageError
from ulskit.ingest import read_image, write_mask
from ulskit.measure import Measurement, measure_mask
from ulskit.model.prediction.predictor import load_predictor
from ulskit.progress import Progress, silent


@dataclass(frozen=True, kw_only=True)
class BoxRequest:
    """A lesion to segment: the box ``x1, y1, x2, y2`` in pixels on a slice of an image file."""

    image: Path
    slice_index: int | None
    box_xy: tuple[float, ...]
    number: int


@dataclass(frozen=True, kw_only=True)
class WrittenMask:
    """A mask that was written, and its measurement in mm, or in pixels where the image knows no spacing."""

    path: Path
    measurement: Measurement
    unit: str


def boxes_on_image(image: Path | None, slice_index: int | None, boxes: Sequence[str]) -> list[BoxRequest]:
    """Requests from boxes written as ``x1,y1,x2,y2``.

    Raises:
        UsageError: no image, no box, or something else than four numbers.
    """
    if image is None or not boxes:
        raise UsageError("name an image with --image and at least one --box x1,y1,x2,y2, or a table with --boxes")
    return [
        BoxRequest(image=image, slice_index=slice_index, box_xy=_box(text, text.split(",")), number=at)
        for at, text in enumerate(boxes)
    ]


def read_boxes(table: Path, image: Path | None = None, slice_index: int | None = None) -> list[BoxRequest]:
    """Requests from a CSV with the columns x1, y1, x2, y2, and image and slice where they differ from row to row.

    Raises:
        MissingFileError: no such file.
        DataError: a column is missing or a cell holds no number; the message names the line.
    """
    if not table.is_file():
        raise MissingFileError(f"no table of boxes {table}")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    requests = []
    for at, row in enumerate(rows):
        where = f"{table}, line {at + 2}"
        name = row.get("image") or (str(image) if image else None)
        if name is None:
            raise DataError(f"{where}: no image: add a column `image`, or --image")
        listed = Path(name) if image or Path(name).is_absolute() else table.parent / name
        number = row.get("slice") or ("" if slice_index is None else str(slice_index))
        if number and not number.strip().isdigit():
            raise DataError(f"{where}: slice {number!r} is not a number from 0")
        try:
            box = _box(where, [row[column] for column in ("x1", "y1", "x2", "y2")])
        except (KeyError, UsageError) as error:
            raise DataError(f"{where}: expected numbers in the columns x1, y1, x2, y2") from error
        requests.append(BoxRequest(image=listed, slice_index=int(number) if number else None, box_xy=box, number=at))
    if not requests:
        raise DataError(f"{table} holds no box")
    return requests


def predict_files(
    requests: Sequence[BoxRequest],
    checkpoint: Path,
    output: Path,
    *,
    device: str = "auto",
    progress: Progress = silent,
) -> list[WrittenMask]:
    """Segment each box and write its mask beside the others, in the format of its image.

    Raises:
        MissingFileError, DataError: an image that cannot be read.
        GeometryError: a box that is none.
        RunError: the checkpoint cannot be read.
    """
    predictor = load_predictor(checkpoint, device)
    written = []
    with progress("masks", len(requests)) as advance:
        for request in requests:
            image = read_image(request.image, slice_index=request.slice_index)
            mask = predictor.mask(image.hu, request.box_xy)
            suffix = "".join(
                part for part in request.image.suffixes[-2:] if part in (".nii", ".gz", ".nrrd", ".npz", ".png")
            )
            path = output / f"{_stem(request)}_mask{suffix}"
            write_mask(path, mask, image)
            measurement = measure_mask(mask, image.spacing_mm or (1.0, 1.0))
            written.append(WrittenMask(path=path, measurement=measurement, unit="mm" if image.spacing_mm else "px"))
            advance()
    return written


def _stem(request: BoxRequest) -> str:
    stem = request.image.name.split(".")[0]
    place = "" if request.slice_index is None else f"_{request.slice_index:03d}"
    return f"{stem}{place}_{request.number}"


def _box(where: str, cells: Sequence[str]) -> tuple[float, ...]:
    try:
        box = tuple(float(cell) for cell in cells)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{where}: a box is x1,y1,x2,y2") from error
    if len(box) != 4:
        raise UsageError(f"{where}: a box is x1,y1,x2,y2")
    return box
