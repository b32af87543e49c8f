"""What an ingest of a DeepLesion folder will do, from DL_info.csv and the headers of the PNGs it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ulskit.ct import PNG_HEADER_BYTES, png_shape
from ulskit.errors import DataError, MissingFileError
from ulskit.ingest.dl_info import LesionRow, Rejection, most_frequent, read_dl_info
from ulskit.provenance import digest
from ulskit.types import Shape


@dataclass(frozen=True, kw_only=True)
class SliceFile:
    """A slice that the store is to hold."""

    path: str
    series_id: str
    index: int
    shape: Shape
    row: LesionRow
    """The first row that asks for it: it knows patient, study and spacing."""


@dataclass(frozen=True, kw_only=True)
class IngestPlan:
    """What an ingest will do, known before any pixel is read."""

    folder: Path
    slices: list[SliceFile]
    rows: list[LesionRow]
    rejected: list[Rejection]
    context_slices: int
    csv_digest: str

    @property
    def digest(self) -> str:
        """Equal for equal source: the same CSV, the same files, the same request for context."""
        return digest([self.csv_digest, self.context_slices, [(item.path, item.shape) for item in self.slices]])


def plan_ingest(folder: Path, context_slices: int = 0) -> IngestPlan:
    """Read DL_info.csv and the headers of the PNGs it names.

    Args:
        folder: holds DL_info.csv and Images_png/.
        context_slices: neighbours to store on either side of each key slice, where their files exist.

    Raises:
        MissingFileError: no folder, CSV or Images_png/.
        DataError: the CSV is none, or the folder holds none of its slices.
    """
    images = folder / "Images_png"
    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}")
    read, rejected = read_dl_info(folder / "DL_info.csv")
    if not images.is_dir():
        raise MissingFileError(f"no Images_png in {folder}: name the folder that holds DL_info.csv and Images_png/")
    count = len(read) + len(rejected)
    files: dict[str, SliceFile] = {}
    refused: dict[str, Rejection] = {}
    rows: list[LesionRow] = []
    reasons: dict[tuple[str, Shape], str | None] = {}

    def why_unusable(path: str, shape: Shape) -> str | None:
        if (path, shape) not in reasons:
            reasons[path, shape] = _why_unusable(images / path, shape)
        return reasons[path, shape]

    for row in read:
        key = row.slice_file(row.key_slice)
        reason = why_unusable(key, row.shape)
        if reason is not None:
            rejected.append(Rejection(file=row.file_name, line=row.line, reason=reason))
            continue
        rows.append(row)
        for index in range(row.key_slice - context_slices, row.key_slice + context_slices + 1):
            path = row.slice_file(index)
            if path in files or (index != row.key_slice and not (index >= 0 and (images / path).is_file())):
                continue
            why = why_unusable(path, row.shape)
            if why is None:
                files[path] = SliceFile(path=path, series_id=row.series_id, index=index, shape=row.shape, row=row)
            elif path not in refused:
                refused[path] = Rejection(file=path, line=0, reason=why)
    if not rows:
        raise DataError(f"{folder}: none of the {count} rows of DL_info.csv can be used{most_frequent(rejected)}")
    rejected += [refused[path] for path in refused if path not in files]
    return IngestPlan(
        folder=folder,
        slices=sorted(files.values(), key=lambda item: (item.series_id, item.index)),
        rows=rows,
        rejected=sorted(rejected, key=lambda item: item.line),
        context_slices=context_slices,
        csv_digest=digest((folder / "DL_info.csv").read_bytes()),
    )


def _why_unusable(path: Path, shape: Shape) -> str | None:
    """What the header of a file says against it; None where it may be read."""
    try:
        with path.open("rb") as file:
            found = png_shape(file.read(PNG_HEADER_BYTES))
    except FileNotFoundError:
        return "its slice is missing"
    except OSError as error:
        return f"its slice cannot be read: {error.strerror}"
    except DataError as error:
        return str(error)
    if found != shape:
        return f"its slice has {found[1]} × {found[0]} pixels, Image_size says {shape[1]} × {shape[0]}"
    return None
