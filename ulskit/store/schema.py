"""Names, dtypes and sizes of the store: the one place that says how a store looks on disk.

Measured choices (one slice a chunk, 64 a shard, blosc-zstd with bit shuffling) are in ``docs/store.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FORMAT_VERSION = 1

SLICES = "slices"
LESIONS = "lesions"
LABELS = "labels"
REJECTED = "rejected"
TRUTH = "truth"
PREDICTED = "predicted"

SLICES_PER_SHARD = 64
LESIONS_PER_SHARD = 256

NO_PIXEL_HU = -32768
"""Value of ``slices/image`` beyond a slice's own height and width."""

SPLITS = {1: "train", 2: "val", 3: "test"}
LESION_TYPES = {
    -1: "unknown",
    1: "bone",
    2: "abdomen",
    3: "mediastinum",
    4: "liver",
    5: "lung",
    6: "kidney",
    7: "soft tissue",
    8: "pelvis",
}


@dataclass(frozen=True, kw_only=True)
class ArraySpec:
    """An array of equal-sized items, written a shard at a time.

    Attributes:
        item_shape: height and width that hold the largest item.
        chunk_shape: height and width of the most frequent item: a smaller item then touches one chunk.
    """

    name: str
    count: int
    item_shape: tuple[int, int]
    chunk_shape: tuple[int, int]
    per_shard: int
    dtype: np.dtype[Any]
    fill_value: int
    dimension: str

    @property
    def shards(self) -> int:
        """Number of shards, the last of them perhaps partly filled."""
        return -(-self.count // self.per_shard)


def image_array(count: int, item_shape: tuple[int, int], chunk_shape: tuple[int, int]) -> ArraySpec:
    """``slices/image``: int16 HU ``[slice, y, x]``."""
    return ArraySpec(
        name="image",
        count=count,
        item_shape=item_shape,
        chunk_shape=chunk_shape,
        per_shard=SLICES_PER_SHARD,
        dtype=np.dtype(np.int16),
        fill_value=NO_PIXEL_HU,
        dimension="slice",
    )


def mask_array(count: int, item_shape: tuple[int, int], chunk_shape: tuple[int, int]) -> ArraySpec:
    """``labels/<name>/mask``: uint8 ``[lesion, y, x]``, 0 background, 1 foreground, 255 ignore."""
    return ArraySpec(
        name="mask",
        count=count,
        item_shape=item_shape,
        chunk_shape=chunk_shape,
        per_shard=LESIONS_PER_SHARD,
        dtype=np.dtype(np.uint8),
        fill_value=0,
        dimension="lesion",
    )
