"""Arrays of npz files, their claims checked before memory is taken for them, and nothing ever unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError

Array = npt.NDArray[Any]

MAX_VOXELS = 2**30
"""A file that claims more is refused: 4,096 slices of 512²."""

MAX_DEFLATE_RATIO = 1100
"""Deflate packs 1032 to 1 at the best: a header that claims more lies."""


def npz_arrays(path: Path, names: tuple[str, ...]) -> dict[str, Array]:
    """Those of the named arrays that an npz holds, never unpickled; sizes are checked before memory is taken.

    Raises:
        DataError: an array of objects, or one that cannot be as large as it claims.
    """
    with zipfile.ZipFile(path) as archive:
        found = [name for name in names if f"{name}.npy" in archive.namelist()]
        for name in found:
            npz_header(path, archive, name)
        arrays = {}
        for name in found:
            with archive.open(f"{name}.npy") as member:
                arrays[name] = np.asarray(np.lib.format.read_array(member, allow_pickle=False))
        return arrays


def npz_names(path: Path) -> list[str]:
    """Names of the arrays of an npz, in their order."""
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def npz_header(path: Path, archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of one array of an npz, if it can be as large as it claims.

    Raises:
        DataError: it cannot, or it holds objects.
    """
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        shape, dtype = _npy_header(member)
    if dtype.hasobject:
        raise DataError(f"{path}: array {name!r} holds Python objects, which are never loaded")
    check_claim(path, shape, dtype.itemsize, min(info.file_size, info.compress_size * MAX_DEFLATE_RATIO))
    return shape, dtype


def _npy_header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(member)
    return tuple(shape), dtype


def is_packed(key: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether a mask array holds eight pixels a byte along x: bytes of an eighth of the height (slices are square)."""
    return key == "mask" and dtype == np.uint8 and shape[-1] == -(-shape[-2] // 8) and shape[-2] > 8


def check_claim(path: Path, shape: tuple[int, ...], item_bytes: int, stored_bytes: int) -> None:
    """Refuse a header whose array is too large, or larger than the file can hold.

    Raises:
        DataError: more than :data:`MAX_VOXELS` values, or more bytes than ``stored_bytes``.
    """
    count = 1
    for size in shape:  # Python integers: no overflow
        count *= int(size)
    claimed = " × ".join(map(str, shape))
    if count > MAX_VOXELS:
        raise DataError(f"{path} claims {claimed} values, more than the {MAX_VOXELS} that are read")
    if count * item_bytes > stored_bytes:
        raise DataError(f"{path} claims {claimed} values, more than it can hold: truncated or damaged")
