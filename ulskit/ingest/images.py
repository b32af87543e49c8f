"""Users' own CT images, one slice at a time: DeepLesion's PNG, NIfTI, NRRD and npz."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ulskit.ct import AIR_HU, decode_png
from ulskit.errors import UsageError
from ulskit.ingest.volumes import Affine, check_spacing, choose_slice, open_volume, reading, suffix_of
from ulskit.types import ImageHU, SpacingMM


@dataclass(frozen=True, kw_only=True, eq=False)
class CtImage:
    """One axial slice.

    Attributes:
        hu: int16 ``[y, x]``; x runs to the patient's left, y to the back, as a CT is shown.
        spacing_mm: (row_mm, column_mm); None where neither the file nor the caller says.
        name: of the file.
        slice_index: number of the slice in the file's own order, from 0; None where the file is 2-D and none was given.
        affine_lps: ``[4, 4]``, (x, y, 0, 1) in pixels → mm to the patient's left, back and head; None where unknown.
    """

    hu: ImageHU
    spacing_mm: SpacingMM | None
    name: str
    slice_index: int | None = None
    affine_lps: Affine | None = None


def read_image(
    path: str | os.PathLike[str], *, slice_index: int | None = None, spacing_mm: SpacingMM | None = None
) -> CtImage:
    """Read one slice of a CT.

    Formats: ``.png`` (16 bit, HU + 32768, as in DeepLesion), ``.nii``, ``.nii.gz``, ``.nrrd`` (HU, 2-D or 3-D),
    ``.npz`` (array ``image`` or the only one, HU, ``[y, x]`` or ``[z, y, x]``; ``spacing_mm`` if there: (row, column)
    or (x, y, slice)). NIfTI and NRRD are brought to the closest axes of the patient, without resampling: an oblique
    or sagittal acquisition is cut along its own axes, and the spacing follows them.

    Args:
        slice_index: which axial slice of a 3-D file, from 0 in the file's own order.
        spacing_mm: (row_mm, column_mm); takes the place of what the file says.

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
            return CtImage(hu=decode_png(path.read_bytes()), spacing_mm=given, name=path.name, slice_index=slice_index)
        volume = open_volume(path, "image")
        at = choose_slice(path, volume, slice_index)
        affine = None if volume.affine_lps is None else volume.affine_lps.copy()
        if affine is not None:
            affine[:3, 3] += affine[:3, 2] * at
        return CtImage(
            hu=_as_hu(volume.read(at)),
            spacing_mm=given or volume.spacing_mm,
            name=path.name,
            slice_index=at if volume.shape[0] > 1 else slice_index,
            affine_lps=affine,
        )


def _as_hu(values: npt.NDArray[Any]) -> ImageHU:
    """Rounded and clipped to int16; what is no number is air."""
    if values.dtype.kind == "f":
        values = np.rint(np.nan_to_num(values, nan=AIR_HU, posinf=np.inf, neginf=-np.inf))
    limits = np.iinfo(np.int16)
    return np.ascontiguousarray(np.clip(values.astype(np.float64), limits.min, limits.max), dtype=np.int16)
