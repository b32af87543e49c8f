"""Users' own masks, read and written: PNG, NIfTI, NRRD and npz."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ulskit.ct import MAX_SIDE_PX, PNG_HEADER_BYTES, check_png
from ulskit.errors import DataError, UsageError
from ulskit.files import replacing
from ulskit.ingest.images import CtImage
from ulskit.ingest.volumes import Affine, check_spacing, choose_slice, open_volume, reading, suffix_of
from ulskit.types import Mask, SpacingMM


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskFile:
    """One slice of a mask file.

    Attributes:
        mask: bool ``[y, x]``, its axes as those of :class:`ulskit.ingest.CtImage`.
        spacing_mm: (row_mm, column_mm); None where neither the file nor the caller says.
        name: of the file.
        slice_index: number of the slice in the file's own order, from 0; None where the file is 2-D and none was given.
    """

    mask: Mask
    spacing_mm: SpacingMM | None
    name: str
    slice_index: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskVolume:
    """All slices of a mask file.

    Attributes:
        mask: bool ``[z, y, x]``, slices in the file's own order; a 2-D file has one.
        spacing_mm: (row_mm, column_mm); None where the file does not say.
        name: of the file.
    """

    mask: npt.NDArray[np.bool_]
    spacing_mm: SpacingMM | None
    name: str


def read_mask(
    path: str | os.PathLike[str], *, slice_index: int | None = None, spacing_mm: SpacingMM | None = None
) -> MaskFile:
    """Read one slice of a mask: whatever is above 0 is lesion.

    Formats: ``.png`` (8 bit or fewer), ``.nii``, ``.nii.gz``, ``.nrrd``, ``.npz`` (array ``mask`` or the only one,
    ``[y, x]`` or ``[z, y, x]``; uint8 whose rows have an eighth of the height are eight pixels a byte along x).
    Orientation and ``spacing_mm`` as in :func:`ulskit.ingest.read_image`.

    Raises:
        MissingFileError: no such file.
        DataError: a damaged file, one of another kind, or a 3-D one without ``slice_index``.
        UsageError: no such slice.
    """
    path = Path(path)
    with reading(path):
        given = None if spacing_mm is None else check_spacing(path, spacing_mm)
        if suffix_of(path) == ".png":
            if slice_index not in (None, 0):
                raise UsageError(f"{path} is one slice, 0: there is no slice {slice_index}")
            return MaskFile(mask=_decode_png_mask(path), spacing_mm=given, name=path.name, slice_index=slice_index)
        volume = open_volume(path, "mask")
        at = choose_slice(path, volume, slice_index)
        return MaskFile(
            mask=np.ascontiguousarray(volume.read(at) > 0),
            spacing_mm=given or volume.spacing_mm,
            name=path.name,
            slice_index=at if volume.shape[0] > 1 else slice_index,
        )


def read_mask_volume(path: str | os.PathLike[str]) -> MaskVolume:
    """Read all slices of a mask file; formats as in :func:`read_mask`.

    Raises:
        MissingFileError: no such file.
        DataError: a damaged file, or one of another kind.
    """
    path = Path(path)
    with reading(path):
        if suffix_of(path) == ".png":
            return MaskVolume(mask=_decode_png_mask(path)[None], spacing_mm=None, name=path.name)
        volume = open_volume(path, "mask")
        return MaskVolume(
            mask=np.ascontiguousarray(volume.read(None) > 0), spacing_mm=volume.spacing_mm, name=path.name
        )


def write_mask(
    path: str | os.PathLike[str],
    mask: npt.ArrayLike,
    image: CtImage | None = None,
    *,
    spacing_mm: SpacingMM | None = None,
) -> None:
    """Write a mask of one slice as a whole or not at all, in the format of the suffix.

    ``.png`` (8 bit, 0 and 255; no spacing), ``.nii``, ``.nii.gz`` and ``.nrrd`` (uint8, one slice, 0 and 1, lying where
    ``image`` lies in the patient), ``.npz`` (bool ``mask`` and ``spacing_mm``). NIfTI and NRRD without any known
    spacing say 1 mm.

    Args:
        mask: ``[y, x]``, anything but 0 is lesion.
        image: the slice that the mask belongs to, from :func:`ulskit.ingest.read_image`.
        spacing_mm: (row_mm, column_mm); that of ``image`` by default.

    Raises:
        DataError: no mask of one slice, not of the shape of ``image``, or an unknown suffix.
    """
    path = Path(path)
    values = np.asarray(mask) != 0
    if values.ndim != 2 or 0 in values.shape:
        raise DataError(f"{path}: expected a mask [y, x], got the shape {values.shape}")
    if image is not None and values.shape != image.hu.shape:
        raise DataError(f"{path}: a mask of shape {values.shape} for an image of shape {image.hu.shape}")
    suffix = suffix_of(path)
    spacing = spacing_mm or (image.spacing_mm if image else None)
    if spacing is not None:
        check_spacing(path, spacing)
    affine = _affine(image, spacing)
    with replacing(path) as temporary:
        if suffix == ".png":
            _, data = cv2.imencode(".png", values.astype(np.uint8) * 255)
            temporary.write_bytes(data.tobytes())
        elif suffix == ".npz":
            facts: dict[str, Any] = {} if spacing is None else {"spacing_mm": np.array(spacing)}
            np.savez_compressed(temporary, mask=values, **facts)
        elif suffix == ".nrrd":
            _write_nrrd(temporary, values, affine)
        else:
            _write_nifti(temporary, values, affine)


def _affine(image: CtImage | None, spacing_mm: SpacingMM | None) -> Affine:
    """Where a mask lies: where its image does, else at the origin and straight."""
    affine = np.eye(4) if image is None or image.affine_lps is None else image.affine_lps.copy()
    if spacing_mm is not None:
        for axis, length_mm in ((0, spacing_mm[1]), (1, spacing_mm[0])):
            affine[:3, axis] *= length_mm / np.linalg.norm(affine[:3, axis])
    return affine


def _write_nifti(path: Path, mask: Mask, affine_lps: Affine) -> None:
    import nibabel

    make: Any = nibabel.Nifti1Image
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_lps
    image = make(mask.T[:, :, None].astype(np.uint8), affine)
    image.set_qform(affine, code=1)  # readers differ in which of the two they take
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def _write_nrrd(path: Path, mask: Mask, affine_lps: Affine) -> None:
    import nrrd

    header = {
        "space": "left-posterior-superior",
        "space directions": affine_lps[:3, :3].T,
        "space origin": affine_lps[:3, 3],
        "kinds": ["domain"] * 3,
        "encoding": "gzip",
    }
    nrrd.write(str(path), np.asfortranarray(mask.T[:, :, None].astype(np.uint8)), header)


def _decode_png_mask(path: Path) -> Mask:
    data = path.read_bytes()
    header = data[:PNG_HEADER_BYTES]
    check_png(data)
    width, height, depth = int.from_bytes(header[16:20]), int.from_bytes(header[20:24]), header[24]
    if depth > 8:
        raise DataError(f"{path}: expected a mask of 8 bit a pixel, got {depth}: is it an image?")
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
        raise DataError(f"{path}: a PNG of {height} × {width} pixels, more than {MAX_SIDE_PX} a side")
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # colour, so that no hue rounds to 0
    if values is None or values.shape[:2] != (height, width):
        raise DataError(f"{path}: its pixels do not decode")
    return np.asarray((values > 0).any(axis=-1))
