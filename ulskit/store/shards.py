"""Crash-safe writing: an array beside the commit marks of its items.

A shard is the unit of writing. Its pixels are written first and its marks last, each as one object that the storage
replaces as a whole; so a shard without marks is written again, and one with marks is whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec

from ulskit.progress import Progress
from ulskit.store.schema import ArraySpec

PENDING = 0
STORED = 1
ABSENT = 2
"""Looked at and found to hold nothing (an unreadable file, a lesion without a mask)."""

Block = npt.NDArray[Any]
Marks = npt.NDArray[np.uint8]


def create_array(group: zarr.Group, spec: ArraySpec) -> None:
    """Make the empty array of ``spec`` and its marks, all of them pending."""
    chunk_y, chunk_x = spec.chunk_shape
    height, width = spec.item_shape
    shuffle: Literal["bitshuffle", "noshuffle"] = "bitshuffle" if spec.dtype.itemsize > 1 else "noshuffle"
    group.create_array(
        spec.name,
        shape=(spec.count, height, width),
        chunks=(1, chunk_y, chunk_x),
        shards=(spec.per_shard, -(-height // chunk_y) * chunk_y, -(-width // chunk_x) * chunk_x),
        dtype=spec.dtype,
        fill_value=spec.fill_value,
        compressors=BloscCodec(cname="zstd", clevel=5, shuffle=shuffle),
        dimension_names=[spec.dimension, "y", "x"],
    )
    group.create_array(
        "status",
        shape=(spec.count,),
        chunks=(spec.per_shard,),
        dtype=np.uint8,
        fill_value=PENDING,
        dimension_names=[spec.dimension],
    )


def write_shards(
    group: zarr.Group,
    spec: ArraySpec,
    make: Callable[[slice, Callable[[], None]], tuple[Block, Marks]],
    *,
    wanted: npt.NDArray[np.bool_] | None = None,
    workers: int,
    progress: Progress,
    description: str,
) -> None:
    """Write every shard that is not yet stored; a second call after an interruption writes what is missing.

    Args:
        make: gives the items of a range as ``[item, y, x]`` (``spec.item_shape`` each) and their marks ``[item]``,
            :data:`STORED` or :data:`ABSENT`. It runs in threads, and calls its second argument after every item.
        wanted: bool ``[item]``, the items that must be stored at the end; all by default.
        workers: threads, each with one shard in memory.
    """
    array, status = _array(group, spec.name), _array(group, "status")
    missing = np.asarray(status[:]) != STORED
    if wanted is not None:
        missing &= wanted
    ranges = [slice(at, min(at + spec.per_shard, spec.count)) for at in range(0, spec.count, spec.per_shard)]
    todo = [items for items in ranges if missing[items].any()]

    stop = threading.Event()

    with progress(description, spec.count) as advance, ThreadPoolExecutor(workers) as pool:
        advance(spec.count - sum(items.stop - items.start for items in todo))

        def step() -> None:
            if stop.is_set():  # an interruption need not wait for the end of the shard
                raise _StoppedError
            advance()

        def write(items: slice) -> None:
            block, new_marks = make(items, step)
            array[items] = block
            status[items] = new_marks

        futures = [pool.submit(write, items) for items in todo]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _StoppedError(Exception):
    """Ends a thread whose work nobody waits for any more."""


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    found = group[name]
    assert isinstance(found, zarr.Array)
    return found
