"""Users' files as arrays ``[z, y, x]``: NIfTI, NRRD and npz, checked before memory is taken for them.

In the plane, x runs to the patient's left and y to the back: the axes closest to these are found from the file's
orientation and flipped where they must be, so that an image and a mask of one volume lie on each other whichever tool
wrote them. Slices are axial and keep the file's own order: slice 17 is ``data[..., 17]`` of an axial file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError, MissingFileError, UlskitError, UsageError
from ulskit.ingest.npz import MAX_DEFLATE_RATIO, Array, check_claim, is_packed, npz_arrays, npz_header, npz_names
from ulskit.types import SpacingMM

Affine = npt.NDArray[np.float64]
"""``[4, 4]``: (x, y, z, 1) in pixels and slices → mm to the patient's left, back and head (LPS)."""

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".npz", ".png")

_LPS_SIGNS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """What a file holds, before its pixels are read.

    Attributes:
        shape: slices, height and width; a 2-D file has one slice.
        spacing_mm: (row_mm, column_mm); None where the file does not say.
        affine_lps: where the volume lies in the patient; None where the file does not say.
        read: gives one slice ``[y, x]`` by its number, or all of them ``[z, y, x]`` for None.
    """

    shape: tuple[int, int, int]
    spacing_mm: SpacingMM | None
    affine_lps: Affine | None
    read: Callable[[int | None], Array]


def suffix_of(path: Path) -> str:
    """Which of :data:`SUFFIXES` a file name ends in.

    Raises:
        DataError: in none of them.
    """
    name = path.name.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return suffix
    raise DataError(f"{path} is of no known format: expected {', '.join(SUFFIXES)}")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a reader raises over a damaged file into one line that names the file.

    Raises:
        MissingFileError: no such file.
        DataError: the file is not what it should be.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}")
    try:
        yield
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"{path}: {error}") from error
    except UlskitError:
        raise
    except Exception as error:  # the readers raise anything: zlib.error, EOFError, struct.error, KeyError …
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{path} is damaged or not what its name says: {said}") from error


def open_volume(path: Path, npz_key: str) -> Volume:
    """Header of a NIfTI, NRRD or npz file; to be called within :func:`reading`.

    Args:
        npz_key: array to take from an npz that holds several.

    Raises:
        DataError: not such a file, no real numbers, not two or three axes, or more voxels than the file can hold.
    """
    opener = {".nii": _open_nifti, ".nii.gz": _open_nifti, ".nrrd": _open_nrrd}.get(suffix_of(path))
    return opener(path) if opener else _open_npz(path, npz_key)


def choose_slice(path: Path, volume: Volume, slice_index: int | None) -> int:
    """The slice meant: the one given, or the only one.

    Raises:
        DataError: several slices and none given.
        UsageError: the file has no such slice.
    """
    count = volume.shape[0]
    if slice_index is None:
        if count > 1:
            raise DataError(f"{path} holds {count} slices: say which, from 0 to {count - 1}")
        return 0
    if not 0 <= slice_index < count:
        raise UsageError(f"{path} holds {count} slices, 0 to {count - 1}: there is no slice {slice_index}")
    return slice_index


def _open_npz(path: Path, key: str) -> Volume:
    names = npz_names(path)
    if key not in names and len(names) != 1:
        raise DataError(f"{path}: expected an array {key!r} or one array alone, got {', '.join(names) or 'none'}")
    name = key if key in names else names[0]
    with zipfile.ZipFile(path) as archive:
        shape, dtype = npz_header(path, archive, name)
    _check_numbers(path, shape, dtype)
    packed = is_packed(key, shape, dtype)

    def read(index: int | None) -> Array:
        values = npz_arrays(path, (name,))[name]
        values = values.reshape(-1, *values.shape[-2:])
        chosen = values if index is None else values[index]
        return np.unpackbits(chosen, axis=-1)[..., : shape[-2]] if packed else chosen

    depth = shape[0] if len(shape) == 3 else 1
    return Volume(
        shape=(depth, shape[-2], shape[-2] if packed else shape[-1]),
        spacing_mm=_npz_spacing(path, npz_arrays(path, ("spacing_mm",)).get("spacing_mm")),
        affine_lps=None,
        read=read,
    )


def _npz_spacing(path: Path, values: Array | None) -> SpacingMM | None:
    """Two numbers are (row_mm, column_mm), three (x, y, slice) as in DL_info.csv."""
    if values is None:
        return None
    if values.shape not in ((2,), (3,)) or values.dtype.kind not in "iuf":
        raise DataError(f"{path}: spacing_mm is {values.tolist()}: expected (row, column) or (x, y, slice) in mm")
    row, column = (values[0], values[1]) if len(values) == 2 else (values[1], values[0])
    return check_spacing(path, (float(row), float(column)))


def check_spacing(path: Path, spacing_mm: SpacingMM) -> SpacingMM:
    """A spacing whose two numbers are positive and finite.

    Raises:
        DataError: it is none.
    """
    if not all(np.isfinite(value) and value > 0 for value in spacing_mm):
        raise DataError(f"{path}: its spacing is {spacing_mm[0]:g} × {spacing_mm[1]:g} mm, it must be positive")
    return spacing_mm


def _open_nifti(path: Path) -> Volume:
    import nibabel

    image: Any = nibabel.load(path, mmap=False)
    stored = tuple(int(size) for size in image.shape)
    dtype = np.dtype(image.get_data_dtype())
    shape = _three_axes(path, stored)
    _check_numbers(path, shape, dtype)
    size = path.stat().st_size
    check_claim(path, shape, dtype.itemsize, size * MAX_DEFLATE_RATIO if path.suffix.lower() == ".gz" else size)
    unit = {"meter": 1000.0, "micron": 0.001}.get(image.header.get_xyzt_units()[0], 1.0)
    affine = np.diag([-unit, -unit, unit, 1.0]) @ image.affine

    def read(index: tuple[slice, ...]) -> Array:
        within = (*index, *(slice(None),) * len(stored))[: len(stored)]
        values: Array = np.asarray(image.dataobj[within])
        return values.reshape((*values.shape, 1, 1, 1)[:3])

    return _oriented(path, shape, affine, read)


def _open_nrrd(path: Path) -> Volume:
    import nrrd

    with path.open("rb") as file:
        header = nrrd.read_header(file)
    if "data file" in header or "datafile" in header:
        raise DataError(f"{path}: its pixels are in another file, which is not followed; write them into one .nrrd")
    stored = tuple(int(size) for size in header["sizes"])
    shape = _three_axes(path, stored)
    # Only gzip has a known limit of packing; the others are held by the number of voxels alone.
    ratio = {"raw": 1, "gzip": MAX_DEFLATE_RATIO, "gz": MAX_DEFLATE_RATIO}.get(header["encoding"], 10**6)
    check_claim(path, shape, 1, path.stat().st_size * ratio)

    def read(index: tuple[slice, ...]) -> Array:
        values, _ = nrrd.read(str(path))
        _check_numbers(path, shape, values.dtype)
        return np.asarray(values.reshape(shape)[index])

    affine, oriented = _nrrd_affine(header, len(stored))
    if affine is not None and oriented:
        return _oriented(path, shape, affine, read)
    volume = _oriented(path, shape, np.eye(4) if affine is None else affine, read)
    return Volume(
        shape=volume.shape, spacing_mm=None if affine is None else volume.spacing_mm, affine_lps=None, read=volume.read
    )


def _nrrd_affine(header: dict[str, Any], axes: int) -> tuple[Affine | None, bool]:
    """Affine of an NRRD, and whether it says how the patient lies; None without any spacing."""
    affine = np.eye(4)
    directions, signs = header.get("space directions"), _LPS_SIGNS.get(str(header.get("space", "")).lower())
    if directions is not None:
        rows = np.array([[np.nan] * 3 if row is None else row for row in directions], dtype=np.float64)[:3]
        if rows.shape[1] == 3 and signs is not None:
            affine[:3, : len(rows)] = (rows * signs).T
            if axes == 2:
                normal = np.cross(rows[0] * signs, rows[1] * signs)
                affine[:3, 2] = normal / np.linalg.norm(normal)
            affine[:3, 3] = np.asarray(header.get("space origin", np.zeros(3)), dtype=np.float64) * signs
            return affine, True
        spacings = np.linalg.norm(rows, axis=1)
    elif "spacings" in header:
        spacings = np.asarray(header["spacings"], dtype=np.float64)[:3]
    else:
        return None, False
    affine[range(len(spacings)), range(len(spacings))] = spacings
    return affine, False


def _oriented(
    path: Path, shape: tuple[int, ...], affine: Affine, read_file: Callable[[tuple[slice, ...]], Array]
) -> Volume:
    """The volume of a file whose own axes stand as they like; ``affine`` leads from them to LPS."""
    from nibabel import orientations

    closest: Callable[[Affine], Affine] = orientations.io_orientation
    found = closest(affine) if np.isfinite(affine).all() else np.full((3, 2), np.nan)
    if not np.isfinite(found).all():
        raise DataError(f"{path}: its orientation or spacing is not given by numbers that make sense")
    x, y, z = (int(np.flatnonzero(found[:, 0] == axis)[0]) for axis in range(3))
    if shape[z] != 1 and 1 in (shape[x], shape[y]):
        raise DataError(f"{path}: its one slice is not axial")
    flipped = {axis: bool(found[axis, 1] < 0) for axis in (x, y)}
    columns = [affine[:3, x], affine[:3, y], affine[:3, z]]
    placed = np.eye(4)
    placed[:3, 3] = affine[:3, 3]
    for at, axis in enumerate((x, y)):
        if flipped[axis]:
            placed[:3, 3] += columns[at] * (shape[axis] - 1)
            columns[at] = -columns[at]
    placed[:3, :3] = np.stack(columns, axis=1)

    def read(index: int | None) -> Array:
        within = [slice(None)] * 3
        if index is not None:
            within[z] = slice(index, index + 1)
        values = read_file(tuple(within)).transpose(z, y, x)
        values = values[:, :: -1 if flipped[y] else 1, :: -1 if flipped[x] else 1]
        return values if index is None else values[0]

    spacing = (float(np.linalg.norm(columns[1])), float(np.linalg.norm(columns[0])))
    return Volume(
        shape=(shape[z], shape[y], shape[x]),
        spacing_mm=check_spacing(path, spacing),
        affine_lps=placed,
        read=read,
    )


def _three_axes(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape with axes of one element added or dropped at the end, so that there are three."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise DataError(f"{path}: expected two or three axes, got the shape {shape}")
    return (*shape, 1)[:3]


def _check_numbers(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "biuf":
        raise DataError(f"{path}: expected real numbers, got {dtype}")
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise DataError(f"{path}: expected two or three axes, got the shape {shape}")
