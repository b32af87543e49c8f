"""Writing a label set into a store: lesion by lesion, crash-safe, resumable, never over another by accident."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from ulskit.errors import DataError, StoreError, UsageError
from ulskit.progress import Progress, silent
from ulskit.provenance import digest
from ulskit.store import schema
from ulskit.store.columns import seal
from ulskit.store.schema import ArraySpec
from ulskit.store.shards import ABSENT, STORED, Block, Marks, create_array, write_shards
from ulskit.store.store import Store
from ulskit.types import Label

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def write_labels(
    store: Store,
    name: str,
    make: Callable[[int], Label],
    *,
    made: Mapping[str, Any],
    lesions: npt.NDArray[np.bool_] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
) -> int:
    """Write ``labels/<name>`` and return how many lesions it now holds.

    Called again with the same ``made``, it goes on where it was interrupted, adds the lesions it lacks, or does
    nothing.

    Args:
        make: lesion → label of its whole slice, uint8 ``[y, x]``; called from ``workers`` threads.
        made: what the label set is made from (:func:`ulskit.provenance.made`); two that differ in more than their
            time are two different label sets.
        lesions: bool ``[lesion]``, the lesions to label; all by default.
        overwrite: replace a label set of this name that was made from something else.

    Raises:
        UsageError: a name that is no name.
        StoreError: the name holds a label set made from something else.
        DataError: ``make`` gave something that is no label of its slice.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"label set {name!r}: use letters, digits, '.', '_' and '-', with '/' between the parts")
    _refuse_nesting(store, name)
    wanted = np.ones(len(store), dtype=bool) if lesions is None else lesions
    recipe = digest({key: value for key, value in made.items() if key not in ("time", "ulskit")})
    image = store.root["slices/image"]
    spec = schema.mask_array(len(store), image.shape[1:], image.chunks[1:])  # type: ignore[union-attr, arg-type]
    group = store.label_group(name)
    if group is not None and group.attrs["recipe"] != recipe:
        if (group.attrs.get("complete") or group.attrs.get("extending")) and not overwrite:
            raise StoreError(
                f"labels {name!r} exist already, made from something else: choose another name, or add --overwrite"
            )
        group.attrs.update({"recipe": "", "complete": False, "extending": False})  # should the deletion be interrupted
        del store.root[f"{schema.LABELS}/{name}"]
        group = None
    store.forget(name)
    if group is None:
        group = store.root.create_group(f"{schema.LABELS}/{name}", overwrite=True)
        create_array(group, spec)
        group.attrs.update({"recipe": recipe, "made": dict(made), "complete": False})
    elif group.attrs.get("complete"):
        if (np.asarray(group["status"][:])[wanted] == STORED).all():  # type: ignore[index]
            return int((np.asarray(group["status"][:]) == STORED).sum())  # type: ignore[index]
        group.attrs.update({"complete": False, "extending": True})

    array, status = group["mask"], group["status"]

    def shard(items: slice, step: Callable[[], None]) -> tuple[Block, Marks]:
        block, marks = np.asarray(array[items]), np.asarray(status[items])  # type: ignore[index]
        for at, lesion in enumerate(range(items.start, items.stop)):
            if wanted[lesion] and marks[at] != STORED:
                label = _checked(make(lesion), store, lesion, spec)
                block[at, : label.shape[0], : label.shape[1]] = label
                marks[at] = STORED
            step()
        marks[marks != STORED] = ABSENT
        return block, marks

    write_shards(
        group, spec, shard, wanted=wanted, workers=workers or os.cpu_count() or 1, progress=progress, description=name
    )
    group.attrs.update({"complete": True, "extending": False})
    seal(store.root)
    return int((np.asarray(status[:]) == STORED).sum())  # type: ignore[index]


def _refuse_nesting(store: Store, name: str) -> None:
    """A label set within another would be written over its arrays, or with it."""
    parts = name.split("/")
    for parent in ("/".join(parts[:at]) for at in range(1, len(parts))):
        if store.label_group(parent) is not None:
            raise UsageError(f"label set {name!r}: {parent!r} is a label set itself, choose another name")
    there = store.root.get(f"{schema.LABELS}/{name}")
    if isinstance(there, zarr.Group) and next(there.group_keys(), None) is not None:
        raise UsageError(f"label set {name!r}: there are label sets {name}/…, choose another name")


def _checked(label: Label, store: Store, lesion: int, spec: ArraySpec) -> Label:
    shape = store.shape_of(lesion)
    if label.dtype != spec.dtype or label.shape != shape:
        raise DataError(f"lesion {lesion}: expected a uint8 label of shape {shape}, got {label.dtype} {label.shape}")
    return label
