"""A DeepLesion folder (Images_png/, DL_info.csv) into a store: parallel, resumable, idempotent.

The order of work is what makes it safe: a plan from the CSV and the files' headers, then the pixels shard by shard,
then the tables, then one attribute that says complete.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from ulskit.ct import PNG_HEADER_BYTES, decode_png, png_shape
from ulskit.errors import DataError, MissingFileError, StoreError
from ulskit.geometry.recist import axis_lengths_px
from ulskit.ingest.dl_info import LesionRow, Rejection, read_dl_info
from ulskit.progress import Progress, silent
from ulskit.provenance import digest, made
from ulskit.store import Location, Store, open_store, schema
from ulskit.store.columns import seal, write_table
from ulskit.store.shards import ABSENT, STORED, Block, Marks, create_array, write_shards
from ulskit.store.store import open_root
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
    files: dict[str, SliceFile] = {}
    rows: list[LesionRow] = []
    reasons: dict[str, str | None] = {}
    for row in read:
        key = row.slice_file(row.key_slice)
        if key not in reasons:
            reasons[key] = _why_unusable(images / key, row.shape)
        reason = reasons[key]
        if reason is not None:
            rejected.append(Rejection(file=row.file_name, line=row.line, reason=reason))
            continue
        rows.append(row)
        for index in range(row.key_slice - context_slices, row.key_slice + context_slices + 1):
            path = row.slice_file(index)
            if path in files or (index != row.key_slice and not (index >= 0 and (images / path).is_file())):
                continue
            why = reasons.setdefault(path, _why_unusable(images / path, row.shape))
            if why is None:
                files[path] = SliceFile(path=path, series_id=row.series_id, index=index, shape=row.shape, row=row)
            else:
                rejected.append(Rejection(file=path, line=0, reason=why))
    if not rows:
        raise DataError(f"{folder}: none of the {len(read) + len(rejected)} rows of DL_info.csv can be used{_most(rejected)}")
    return IngestPlan(
        folder=folder,
        slices=sorted(files.values(), key=lambda item: (item.series_id, item.index)),
        rows=rows,
        rejected=sorted(rejected, key=lambda item: item.line),
        context_slices=context_slices,
        csv_digest=digest((folder / "DL_info.csv").read_bytes()),
    )


def ingest_deeplesion(
    folder: str | os.PathLike[str],
    location: Location = "ulskit.zarr",
    *,
    context_slices: int = 0,
    strict: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
) -> Store:
    """Bring a DeepLesion folder into a store; called again, it goes on, or does nothing where all is done.

    Args:
        folder: holds DL_info.csv and Images_png/ (a part of the PNGs is enough).
        location: where the store is made.
        context_slices: neighbours to store on either side of each key slice, where their files exist.
        strict: stop at the first bad row or file instead of listing it.
        overwrite: replace a store made from something else.
        workers: threads, each with one shard of 64 slices in memory.

    Raises:
        MissingFileError, DataError: see :func:`plan_ingest`; with ``strict`` the first rejection.
        StoreError: ``location`` holds a store made from other files, or something that is no store.
    """
    plan = plan_ingest(Path(folder), context_slices)
    if strict and plan.rejected:
        raise DataError(str(plan.rejected[0]))
    root = _prepare(location, plan, overwrite)
    if not root.attrs.get("complete"):
        _store_slices(root, plan, strict=strict, workers=workers or os.cpu_count() or 1, progress=progress)
        _store_tables(root, plan)
    return open_store(location)


def _prepare(location: Location, plan: IngestPlan, overwrite: bool) -> zarr.Group:
    try:
        root = open_root(location)
    except MissingFileError:
        pass
    else:
        if root.attrs["plan"] == plan.digest:
            return root
        if not overwrite:
            raise StoreError(
                f"{location} was made from other files than {plan.folder} holds now: "
                "name another --store, or add --overwrite"
            )
    root = zarr.open_group(os.fspath(location), mode="w", zarr_format=3)
    group = root.create_group(schema.SLICES)
    spec = _image_spec(plan)
    create_array(group, spec)
    group.create_array("digest", shape=(spec.count,), chunks=(spec.per_shard,), dtype=str, dimension_names=["slice"])
    facts = {"source": str(plan.folder.resolve()), "csv": plan.csv_digest, "context_slices": plan.context_slices}
    root.attrs.update(
        {"ulskit_format": schema.FORMAT_VERSION, "plan": plan.digest, "made": made("ingest", **facts), "complete": False}
    )
    return root


def _image_spec(plan: IngestPlan) -> schema.ArraySpec:
    shapes = Counter(item.shape for item in plan.slices)
    largest = (max(height for height, _ in shapes), max(width for _, width in shapes))
    return schema.image_array(len(plan.slices), largest, shapes.most_common(1)[0][0])


def _store_slices(root: zarr.Group, plan: IngestPlan, *, strict: bool, workers: int, progress: Progress) -> None:
    group: Any = root[schema.SLICES]
    spec = _image_spec(plan)

    def shard(items: slice, step: Callable[[], None]) -> tuple[Block, Marks]:
        files = plan.slices[items]
        block = np.full((len(files), *spec.item_shape), spec.fill_value, spec.dtype)
        marks = np.full(len(files), STORED, np.uint8)
        digests = [""] * len(files)
        for at, file in enumerate(files):
            try:
                data = _read(plan, file)
                block[at, : file.shape[0], : file.shape[1]] = decode_png(data)
                digests[at] = digest(data)
            except DataError as error:
                if strict:
                    raise DataError(f"{file.path}: {error}") from error
                marks[at] = ABSENT
            step()
        group["digest"][items] = np.array(digests, dtype=np.dtypes.StringDType())
        return block, marks

    write_shards(group, spec, shard, workers=workers, progress=progress, description="slices")


def _store_tables(root: zarr.Group, plan: IngestPlan) -> None:
    """The tables are small and written whole, once all pixels are there."""
    group: Any = root[schema.SLICES]
    unreadable = {plan.slices[at].path: _why_unreadable(plan, at) for at in np.flatnonzero(group["status"][:] == ABSENT)}
    rejected = list(plan.rejected)
    kept: list[LesionRow] = []
    for row in plan.rows:
        reason = unreadable.get(row.slice_file(row.key_slice))
        if reason is None:
            kept.append(row)
        else:
            rejected.append(Rejection(file=row.file_name, line=row.line, reason=reason))
    if not kept:
        raise DataError(f"{plan.folder}: no slice can be read{_most(rejected)}")
    keys = {row.slice_file(row.key_slice) for row in kept}
    rejected += [
        Rejection(file=path, line=0, reason=reason) for path, reason in unreadable.items() if path not in keys
    ]
    _write(root, schema.SLICES, "slice", _slice_columns(plan, group))
    lesions = _lesion_columns(kept, {item.path: at for at, item in enumerate(plan.slices)})
    axes = {"endpoints_xy": ("point", "xy"), "box_xy": ("corner",), "normalized_location": ("xyz",)}
    _write(root, schema.LESIONS, "lesion", lesions, axes)
    rejected.sort(key=lambda item: item.line)
    columns = {
        "file": np.array([item.file for item in rejected], dtype=object),
        "line": np.array([item.line for item in rejected], dtype=np.int64),
        "reason": np.array([item.reason for item in rejected], dtype=object),
    }
    _write(root, schema.REJECTED, "row", columns)
    content = [list(map(str, group["digest"][:])), [row.csv_row for row in kept], plan.csv_digest]
    root.attrs.update({"digest": digest(content), "complete": True})
    seal(root)


def _write(
    root: zarr.Group, name: str, dimension: str, columns: dict[str, Any], axes: dict[str, tuple[str, ...]] | None = None
) -> None:
    group = root.require_group(name)
    write_table(group, dimension, columns, axes)
    group.attrs["columns"] = [*columns, *(["digest"] if name == schema.SLICES else [])]


def _slice_columns(plan: IngestPlan, group: Any) -> dict[str, Any]:
    items = plan.slices
    return {
        "series_id": _texts(item.series_id for item in items),
        "index": np.array([item.index for item in items], np.int64),
        "patient": np.array([item.row.patient for item in items], np.int64),
        "study": np.array([item.row.study for item in items], np.int64),
        "series": np.array([item.row.series for item in items], np.int64),
        "height": np.array([item.shape[0] for item in items], np.int64),
        "width": np.array([item.shape[1] for item in items], np.int64),
        "row_spacing_mm": np.array([item.row.row_spacing_mm for item in items]),
        "column_spacing_mm": np.array([item.row.column_spacing_mm for item in items]),
        "slice_interval_mm": np.array([item.row.slice_interval_mm for item in items]),
        "readable": np.asarray(group["status"][:]) == STORED,
        "source_file": _texts(item.path for item in items),
    }


def _lesion_columns(rows: list[LesionRow], slice_at: dict[str, int]) -> dict[str, Any]:
    lengths = np.array([axis_lengths_px(row.endpoints_xy) for row in rows])
    spacing = np.array([(row.column_spacing_mm, row.row_spacing_mm) for row in rows])
    endpoints = np.array([row.endpoints_xy for row in rows])
    lengths_mm = np.array([axis_lengths_px(xy * mm) for xy, mm in zip(endpoints, spacing, strict=True)])
    columns: dict[str, Any] = {
        "csv_row": np.array([row.csv_row for row in rows], np.int64),
        "slice": np.array([slice_at[row.slice_file(row.key_slice)] for row in rows], np.int64),
    }
    for name in ("file_name", "series_id", "lesion_type", "split", "gender"):
        columns[name] = _texts(getattr(row, name) for row in rows)
    for name in ("patient", "study", "series", "key_slice", "first_slice", "last_slice"):
        columns[name] = np.array([getattr(row, name) for row in rows], np.int64)
    for name in ("row_spacing_mm", "column_spacing_mm", "slice_interval_mm", "window_low_hu", "window_high_hu", "age"):
        columns[name] = np.array([getattr(row, name) for row in rows], np.float64)
    return columns | {
        "noisy": np.array([row.noisy for row in rows], bool),
        "long_axis_px": lengths[:, 0],
        "short_axis_px": lengths[:, 1],
        "long_axis_mm": lengths_mm[:, 0],
        "short_axis_mm": lengths_mm[:, 1],
        "endpoints_xy": endpoints,
        "box_xy": np.array([row.box_xy for row in rows]),
        "normalized_location": np.array([row.normalized_location for row in rows]),
    }


def _texts(values: Iterable[str]) -> Any:
    return np.array(list(values), dtype=object)


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


def _why_unreadable(plan: IngestPlan, at: int) -> str:
    try:
        decode_png(_read(plan, plan.slices[at]))
    except DataError as error:
        return str(error)
    return "its slice could not be read when it was its turn, but can be now: ingest again with --overwrite"


def _read(plan: IngestPlan, file: SliceFile) -> bytes:
    try:
        return (plan.folder / "Images_png" / file.path).read_bytes()
    except OSError as error:
        raise DataError(f"its slice cannot be read: {error.strerror}") from error


def _most(rejected: list[Rejection]) -> str:
    """The most frequent reason, for a message."""
    if not rejected:
        return ": the table is empty"
    reason, count = Counter(item.reason for item in rejected).most_common(1)[0]
    return f" ({count} times: {reason})"
