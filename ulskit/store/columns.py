"""Tables as one named array per column, so that zarr and xarray read them without ulskit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import zarr

if TYPE_CHECKING:
    import pandas as pd

_ROWS_PER_CHUNK = 65536


def write_table(
    group: zarr.Group,
    dimension: str,
    columns: dict[str, npt.NDArray[Any]],
    axes: dict[str, tuple[str, ...]] | None = None,
) -> None:
    """Write columns of equal length into a group.

    Args:
        dimension: name of the first axis of every column.
        columns: arrays ``[row, …]``; text as object or str.
        axes: names of the further axes of columns that have them, e.g. ``{"endpoints_xy": ("point", "xy")}``.
    """
    for name, values in columns.items():
        text = values.dtype.kind in "OUT"
        array = group.create_array(
            name,
            shape=values.shape,
            dtype=str if text else values.dtype,
            chunks=(min(max(len(values), 1), _ROWS_PER_CHUNK), *(max(size, 1) for size in values.shape[1:])),
            dimension_names=(dimension, *(axes or {}).get(name, ())),
            overwrite=True,
        )
        if len(values):
            array[:] = values.astype(np.dtypes.StringDType()) if text else values


def seal(root: zarr.Group) -> None:
    """Consolidate the metadata of all that is finished: plain zarr and xarray then open it in one read."""
    with warnings.catch_warnings():
        # Zarr warns that version 3 of its specification has no consolidated metadata yet; xarray warns without.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        zarr.consolidate_metadata(root.store)


def read_table(group: zarr.Group, skip: tuple[str, ...] = ()) -> pd.DataFrame:
    """All columns of one axis as a DataFrame whose index is the row number."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, array in group.arrays():
        if array.ndim != 1 or name in skip:
            continue
        values = np.asarray(array[:])
        columns[name] = values.astype(object) if values.dtype.kind == "T" else values
    order = group.attrs.get("columns", sorted(columns))
    assert isinstance(order, list)
    return pd.DataFrame({str(name): columns[str(name)] for name in order if name in columns})
