"""Manual masks into a store: each mask finds its lesion, or is listed with the reason why not.

How a mask finds its lesion is told in :func:`ingest_masks`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError, MissingFileError
from ulskit.ingest.assignment import MIN_COVER, MaskAssignment
from ulskit.ingest.dl_info import PIXEL_CENTER, Rejection, most_frequent
from ulskit.ingest.masks import read_mask_volume
from ulskit.ingest.npz import npz_arrays
from ulskit.ingest.volumes import SUFFIXES, reading, suffix_of
from ulskit.progress import Progress, silent
from ulskit.provenance import made
from ulskit.store import Store, schema, write_labels
from ulskit.types import Mask

SAME_MARK_PX = 0.01
"""Endpoints this near are the same mark: DL_info.csv is written with six digits."""

FIRST_SLICE = 1
"""DeepLesion numbers the slices of a series from 1."""

_LESION = re.compile(r"lesion_(?P<number>\d{1,9})")
_RANGE = re.compile(r"(?P<series>.+)_(?P<first>\d{1,9})-(?P<last>\d{1,9})")
_KTH = re.compile(r"(?P<slice>.+)_(?P<k>\d{1,9})")
_RECORDS = ("mask", "endpoints", "key", "file_name", "row")


@dataclass(frozen=True, kw_only=True)
class MaskIngest:
    """What became of the masks: how many lesions of the label set have one, and what was refused."""

    lesions: int
    rejected: list[Rejection]


def ingest_masks(
    store: Store,
    source: str | os.PathLike[str],
    *,
    name: str = schema.TRUTH,
    overwrite: bool = False,
    progress: Progress = silent,
) -> MaskIngest:
    """Write ``labels/<name>`` (0 and 1) from a file of masks or a folder of such files.

    A mask finds its lesion by the first of these that applies:

    - an npz with ``mask`` ``[lesion, y, x]`` (bool, or uint8 with eight pixels a byte along x) and ``endpoints``
      ``[lesion, 4, 2]`` as in DL_info.csv: by the marks, equal to 0.01 px, with the file name (``file_name`` or
      ``key``), or with ``row``, the row of DL_info.csv counted from 0;
    - a file ``lesion_<number>``: the lesion of the store with that number;
    - a file ``<series>_<slice>_<k>``: the k-th lesion of that slice, from 0 in the order of DL_info.csv;
    - a file ``<series>_<slice>``: all lesions of that slice. With several, each connected component goes to the lesion
      whose round-1 ellipse it shares most pixels with;
    - a 3-D file ``<series>_<first>-<last>`` or ``<series>`` (from slice 1, or from its ``first_slice``): for all
      lesions of the series, on their key slices, component by component as before.

    In the last two, a lesion is given a mask that covers at least a third of its ellipse. A mask never goes to a lesion
    whose ellipse it does not touch. The words ``truth_`` before and ``_mask`` after a file name are ignored.

    Args:
        source: ``.npz``, ``.nii``, ``.nii.gz``, ``.nrrd`` or ``.png``, or a folder that is searched for them.
        overwrite: replace a label set of this name that was made from something else.

    Raises:
        MissingFileError: no such file or folder.
        DataError: no mask at all fits a lesion.
        StoreError: the name holds a label set made from something else.
    """
    source = Path(source)
    found = MaskAssignment(store)
    files = _mask_files(source)
    with progress("mask files", len(files)) as advance:
        for path in files:
            where = path.name if path == source else str(path.relative_to(source))
            try:
                _add_file(found, path, where)
            except DataError as error:
                found.reject(where, str(error).removeprefix(f"{path}: ").replace(str(path), "the file"))
            advance()
    if not found.masks:
        raise DataError(f"{source}: no mask fits a lesion of {store.location}{most_frequent(found.rejected)}")
    lesions = np.zeros(len(store), dtype=bool)
    lesions[list(found.masks)] = True
    facts = made("ingest-masks", source=source.name, masks=found.digest(), store=store.digest)
    count = write_labels(store, name, found.label, made=facts, lesions=lesions, overwrite=overwrite, progress=progress)
    return MaskIngest(lesions=count, rejected=found.rejected)


def _mask_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise MissingFileError(f"no file or folder of masks {source}")
    hidden = re.compile(r"(^|/)\.")
    files = sorted(path for path in source.rglob("*") if path.is_file())
    files = [path for path in files if not hidden.search(path.relative_to(source).as_posix())]
    if not files:
        raise DataError(f"{source} holds no masks: expected {', '.join(SUFFIXES)}")
    return files


def _add_file(found: MaskAssignment, path: Path, where: str) -> None:
    with reading(path):
        suffix = suffix_of(path)
        arrays = npz_arrays(path, (*_RECORDS, "first_slice")) if suffix == ".npz" else {}
        if "mask" in arrays and "endpoints" in arrays:
            _add_records(found, path, arrays)
        else:
            start = arrays.get("first_slice")
            _add_named(found, path, where, path.name[: -len(suffix)], None if start is None else int(start))


def _add_records(found: MaskAssignment, path: Path, arrays: dict[str, Any]) -> None:
    """Masks that bring the marks of their lesions with them."""
    mask, endpoints = arrays["mask"], arrays["endpoints"]
    count = len(mask)
    if mask.ndim != 3 or mask.dtype not in (np.uint8, np.bool_) or endpoints.shape != (count, 4, 2):
        raise DataError(
            f"expected a uint8 or bool mask [lesion, y, x] and endpoints [lesion, 4, 2], got {mask.dtype} {mask.shape} "
            f"and {endpoints.shape}"
        )
    names, rows = arrays.get("file_name", arrays.get("key")), arrays.get("row")
    if names is None and rows is None:
        raise DataError("expected file_name, key or row beside mask and endpoints")
    if any(values is not None and values.shape != (count,) for values in (names, rows)):
        raise DataError(f"file_name, key and row must have one entry for each of the {count} masks")
    for at in range(count):
        name = None if names is None else str(names[at]).removesuffix(".png")
        row = None if rows is None else int(rows[at])
        where = f"{path.name}, mask {at}" + ("" if name is None else f" ({name})")
        lesion = _lesion_of(found, name, row, endpoints[at] - PIXEL_CENTER)
        if lesion is None:
            found.reject(where, "the store has no lesion with this slice and mark")
        else:
            found.give(lesion, _unpacked(mask[at], found.store.shape_of(lesion)[1]), where)


def _lesion_of(found: MaskAssignment, name: str | None, row: int | None, endpoints_xy: npt.NDArray[Any]) -> int | None:
    """The lesion of this slice and row whose mark is the one given."""
    lesions = set(range(len(found.store))) if name is None else set(found.of_slice.get(name, []))
    if row is not None:
        lesions &= {found.of_row.get(row, -1)}
    for lesion in lesions:
        if np.abs(found.store.endpoints_xy[lesion] - endpoints_xy).max() <= SAME_MARK_PX:
            return lesion
    return None


def _unpacked(mask: npt.NDArray[Any], width: int) -> Mask:
    """One mask ``[y, x]`` whose rows may be packed, by the width that its slice has."""
    if mask.dtype == np.uint8 and mask.shape[1] == -(-width // 8) and width > 1:
        return np.unpackbits(mask, axis=-1)[:, :width].astype(bool)
    return np.asarray(mask > 0)


def _add_named(found: MaskAssignment, path: Path, where: str, stem: str, first_slice: int | None) -> None:
    """A mask whose file name says whose it is."""
    stem = stem.removeprefix("truth_").removesuffix("_mask")
    numbered, kth = _LESION.fullmatch(stem), _KTH.fullmatch(stem)
    ranged = _RANGE.fullmatch(stem)
    if numbered:
        lesion = int(numbered["number"])
        if lesion >= len(found.store):
            raise DataError(f"the store has lesions 0 to {len(found.store) - 1}")
        found.give(lesion, _one_slice(path), where)
    elif stem in found.of_slice:
        lesions, mask = found.of_slice[stem], _one_slice(path)
        if len(lesions) == 1:
            found.give(lesions[0], mask, where, MIN_COVER)
        elif not found.share(lesions, mask, where):
            raise DataError(
                f"the mask covers a third of the ellipse of none of the {len(lesions)} lesions of its slice"
            )
    elif stem in found.of_series:
        _add_volume(found, path, where, stem, first=FIRST_SLICE if first_slice is None else first_slice)
    elif ranged and ranged["series"] in found.of_series:
        first, last = int(ranged["first"]), int(ranged["last"])
        if first_slice not in (None, first):
            raise DataError(f"its name says that it begins at slice {first}, its first_slice {first_slice}")
        _add_volume(found, path, where, ranged["series"], first=first, last=last)
    elif kth and kth["slice"] in found.of_slice:
        lesions, k = found.of_slice[kth["slice"]], int(kth["k"])
        if k >= len(lesions):
            raise DataError(f"the slice has lesions 0 to {len(lesions) - 1}")
        found.give(lesions[k], _one_slice(path), where)
    else:
        raise DataError("its name is that of no slice, series or lesion of the store")


def _one_slice(path: Path) -> Mask:
    mask = read_mask_volume(path).mask
    if len(mask) != 1:
        raise DataError(f"its name is that of one slice, but it holds {len(mask)}")
    return np.asarray(mask[0])


def _add_volume(
    found: MaskAssignment, path: Path, where: str, series: str, *, first: int, last: int | None = None
) -> None:
    """A 3-D mask: every lesion of the series looks on its key slice."""
    volume = read_mask_volume(path).mask
    if last is not None and last - first + 1 != len(volume):
        raise DataError(f"its name says slices {first} to {last}, but it holds {len(volume)}")
    slices: dict[int, list[int]] = {}
    for lesion in found.of_series[series]:
        slices.setdefault(found.key_slices[lesion] - first, []).append(lesion)
    used = sum(found.share(lesions, volume[at], where) for at, lesions in slices.items() if 0 <= at < len(volume))
    if not used:
        raise DataError("of no lesion of its series does it cover a third of the ellipse on the key slice")
