"""A DeepLesion folder (Images_png/, DL_info.csv) into a store: parallel, resumable, idempotent.

The order of work is what makes it safe: a plan from the CSV and the files' headers, then the pixels shard by shard,
then the tables, then one attribute that says complete.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from ulskit.ct import decode_png
from ulskit.errors import DataError, MissingFileError, StoreError
from ulskit.geometry.recist import axis_lengths_px
from ulskit.ingest.dl_info import LesionRow, Rejection, most_frequent
from ulskit.ingest.plan import IngestPlan, SliceFile, plan_ingest
from ulskit.progress import Progress, silent
from ulskit.provenance import digest, made
from ulskit.store import Location, Store, open_store, schema
from ulskit.store.columns import seal, write_table
from ulskit.store.shards import ABSENT, STORED, Block, Marks, create_array, write_shards
from ulskit.store.store import open_root

_NO_PLAN = ""
"""Attribute ``plan`` of a store that holds no arrays yet."""


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
        StoreError: ``location`` holds a store made from other files, or something that is no store (never replaced).
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
        if root.attrs["plan"] != _NO_PLAN and not overwrite:
            raise StoreError(
                f"{location} was made from other files than {plan.folder} holds now: "
                "name another --store, or add --overwrite"
            )
        # From here on the old store is none any more, however little of it may be gone when this is interrupted.
        root.attrs.update({"plan": _NO_PLAN, "complete": False})
    _refuse_foreign_folder(location)
    facts: dict[str, Any] = {
        "source": str(plan.folder.resolve()),
        "csv": plan.csv_digest,
        "context_slices": plan.context_slices,
    }
    record = {
        "ulskit_format": schema.FORMAT_VERSION,
        "plan": _NO_PLAN,
        "made": made("ingest", **facts),
        "complete": False,
    }
    root = zarr.create_group(os.fspath(location), overwrite=True, zarr_format=3, attributes=record)
    group = root.create_group(schema.SLICES)
    spec = _image_spec(plan)
    create_array(group, spec)
    group.create_array("digest", shape=(spec.count,), chunks=(spec.per_shard,), dtype=str, dimension_names=["slice"])
    root.attrs["plan"] = plan.digest
    return root


def _refuse_foreign_folder(location: Location) -> None:
    """Making a store empties its folder: refuse one that holds anything else."""
    name = os.fspath(location)
    if "://" in name or not Path(name).is_dir():
        return
    ours = {"zarr.json", schema.SLICES, schema.LESIONS, schema.LABELS, schema.REJECTED}
    foreign = [path.name for path in Path(name).iterdir() if path.name not in ours and path.suffix != ".partial"]
    if foreign:
        raise StoreError(f"{location} holds other files ({min(foreign)}), which would be lost: name another --store")


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
    unreadable = {
        plan.slices[at].path: _why_unreadable(plan, at) for at in np.flatnonzero(group["status"][:] == ABSENT).tolist()
    }
    rejected = list(plan.rejected)
    kept: list[LesionRow] = []
    for row in plan.rows:
        reason = unreadable.get(row.slice_file(row.key_slice))
        if reason is None:
            kept.append(row)
        else:
            rejected.append(Rejection(file=row.file_name, line=row.line, reason=reason))
    if not kept:
        raise DataError(f"{plan.folder}: no slice can be read{most_frequent(rejected)}")
    keys = {row.slice_file(row.key_slice) for row in plan.rows}
    rejected += [Rejection(file=path, line=0, reason=reason) for path, reason in unreadable.items() if path not in keys]
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
