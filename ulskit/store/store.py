"""Reading a store: slices, lesions and label sets, by row number."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import zarr
import zarr.errors

from ulskit.errors import MissingFileError, StoreError, UsageError
from ulskit.store import schema
from ulskit.store.columns import read_table
from ulskit.store.shards import STORED
from ulskit.types import ImageHU, Label, PointsXY, Shape, SpacingMM

if TYPE_CHECKING:
    import pandas as pd

Location = str | os.PathLike[str]


def open_root(location: Location, mode: Any = "r+") -> zarr.Group:
    """The root group of whatever is at ``location``, complete or not.

    Raises:
        MissingFileError: nothing is there.
        StoreError: something else is there.
    """
    try:
        root = zarr.open_group(os.fspath(location), mode=mode, zarr_format=3, use_consolidated=False)
    except FileNotFoundError as error:
        raise MissingFileError(f"no store at {location}: make one with `ulskit ingest FOLDER`") from error
    except (zarr.errors.BaseZarrError, ValueError, KeyError, TypeError, OSError) as error:
        raise StoreError(f"{location} cannot be opened as a store: {str(error) or type(error).__name__}") from error
    version = root.attrs.get("ulskit_format")
    if version != schema.FORMAT_VERSION:
        raise StoreError(
            f"{location} is no ulskit store of format {schema.FORMAT_VERSION} (its attribute ulskit_format: {version})"
        )
    return root


def open_store(location: Location = "ulskit.zarr") -> Store:
    """Open a finished store for reading and for adding label sets.

    Raises:
        MissingFileError: nothing is there.
        StoreError: it is no store, of another format, or its ingest was interrupted.
    """
    root = open_root(location)
    if not root.attrs.get("complete"):
        raise StoreError(f"the ingest of {location} was interrupted: run the same `ulskit ingest` again to finish it")
    return Store(root, os.fspath(location))


class Store:
    """A finished store. Rows of the tables are the numbers that every method takes."""

    def __init__(self, root: zarr.Group, location: str) -> None:
        self.root = root
        self.location = location
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._finished: dict[str, zarr.Group] = {}

    def __repr__(self) -> str:
        return f"Store({self.location!r}: {len(self)} lesions, label sets {self.labels()})"

    def __len__(self) -> int:
        return int(self._array("lesions/endpoints_xy").shape[0])

    @property
    def made(self) -> dict[str, Any]:
        """How the store was made: version, time, source and its digests."""
        return dict(self.root.attrs["made"])  # type: ignore[arg-type]

    @property
    def digest(self) -> str:
        """Digest of what the ingest stored: equal content, equal digest."""
        return str(self.root.attrs["digest"])

    @cached_property
    def slices(self) -> pd.DataFrame:
        """One row per stored slice: series, index, height, width, spacing, source file, digest …"""
        return read_table(self._group(schema.SLICES), skip=("status",))

    @cached_property
    def lesions(self) -> pd.DataFrame:
        """One row per lesion: the facts of DL_info.csv, typed, and ``slice``, the row of its slice."""
        return read_table(self._group(schema.LESIONS))

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """Rows and files that the ingest refused: ``file``, ``line`` of the CSV (0: none) and ``reason``."""
        return read_table(self._group(schema.REJECTED))

    @cached_property
    def endpoints_xy(self) -> PointsXY:
        """RECIST marks ``[lesion, 4, 2]``, pixels: long axis, then short axis."""
        return np.asarray(self._array("lesions/endpoints_xy")[:], dtype=np.float64)

    @cached_property
    def boxes_xy(self) -> npt.NDArray[np.float64]:
        """Boxes ``[lesion, 4]``, pixels: x1, y1, x2, y2, as the CSV gives them."""
        return np.asarray(self._array("lesions/box_xy")[:], dtype=np.float64)

    def slice_of(self, lesion: int) -> int:
        """Row of the slice on which a lesion was marked."""
        return int(_fact(self.lesions, "slice", self._checked(lesion)))

    def shape_of(self, lesion: int) -> Shape:
        """Height and width of the slice of a lesion."""
        row = self.slice_of(lesion)
        return int(_fact(self.slices, "height", row)), int(_fact(self.slices, "width", row))

    def spacing_mm_of(self, lesion: int) -> SpacingMM:
        """Spacing of the slice of a lesion: (row_mm, column_mm)."""
        at, lesions = self._checked(lesion), self.lesions
        return float(_fact(lesions, "row_spacing_mm", at)), float(_fact(lesions, "column_spacing_mm", at))

    def image(self, row: int) -> ImageHU:
        """Slice ``row`` in HU, int16 ``[y, x]``.

        Raises:
            UsageError: no such row.
        """
        if not 0 <= row < len(self.slices):
            raise UsageError(f"slice {row}: the store has slices 0 to {len(self.slices) - 1}")
        height, width = int(_fact(self.slices, "height", row)), int(_fact(self.slices, "width", row))
        return np.asarray(self._array("slices/image")[row, :height, :width], dtype=np.int16)

    def lesion_image(self, lesion: int) -> ImageHU:
        """The slice on which a lesion was marked, int16 ``[y, x]``."""
        return self.image(self.slice_of(lesion))

    def labels(self) -> list[str]:
        """Names of the finished label sets."""
        return [name for name, group in self._label_groups() if group.attrs.get("complete")]

    def latest_labels(self) -> str:
        """The prediction that was made last; without one, the label set that was.

        Raises:
            StoreError: there is no label set but the truth.
        """
        names = [name for name in self.labels() if name != schema.TRUTH]
        predicted = [name for name in names if name.startswith(f"{schema.PREDICTED}/")]
        if not names:
            raise StoreError(f"{self.location} has no labels yet: run `ulskit pseudolabel`")
        return max(predicted or names, key=lambda name: str(self.label_made(name).get("time", "")))

    def label_made(self, name: str) -> dict[str, Any]:
        """How a label set was made."""
        return dict(self._label_group(name).attrs["made"])  # type: ignore[arg-type]

    def label_recipe(self, name: str) -> str:
        """Digest of what a label set was made from: equal recipes, equal labels."""
        return str(self._label_group(name).attrs["recipe"])

    def labelled(self, name: str) -> npt.NDArray[np.bool_]:
        """Which lesions the label set has a mask of, bool ``[lesion]``."""
        self._label_group(name)
        status: npt.NDArray[np.uint8] = np.asarray(self._array(f"{schema.LABELS}/{name}/status")[:])
        stored: npt.NDArray[np.bool_] = status == STORED
        return stored

    def label(self, name: str, lesion: int) -> Label:
        """Label of a lesion over its whole slice, uint8 ``[y, x]``: 0 background, 1 foreground, 255 ignore.

        Raises:
            StoreError: no such label set, or an unfinished one.
            UsageError: no such lesion.
        """
        self._label_group(name)
        height, width = self.shape_of(lesion)
        return np.asarray(self._array(f"{schema.LABELS}/{name}/mask")[lesion, :height, :width], dtype=np.uint8)

    def label_group(self, name: str) -> zarr.Group | None:
        """The group of a label set as it is now, finished or not; None where there is none."""
        group = self.root.get(f"{schema.LABELS}/{name}")
        return group if isinstance(group, zarr.Group) and "recipe" in group.attrs else None

    def _label_group(self, name: str) -> zarr.Group:
        """The group of a finished label set; opened once, for a mask is read lesion by lesion."""
        if name in self._finished:
            return self._finished[name]
        group = self.label_group(name)
        if group is None:
            there = ", ".join(self.labels()) or "none yet: run `ulskit pseudolabel`"
            raise StoreError(f"{self.location} has no labels {name!r} (there is {there})")
        if not group.attrs.get("complete"):
            raise StoreError(
                f"labels {name!r} of {self.location} are unfinished: run again the command that makes them"
            )
        self._finished[name] = group
        return group

    def _label_groups(self) -> list[tuple[str, zarr.Group]]:
        found: list[tuple[str, zarr.Group]] = []
        waiting = [("", self.root.get(schema.LABELS))]
        while waiting:
            prefix, group = waiting.pop()
            if not isinstance(group, zarr.Group):
                continue
            if "recipe" in group.attrs:
                found.append((prefix, group))
            else:
                waiting += [(f"{prefix}/{name}".strip("/"), member) for name, member in group.groups()]
        return sorted(found, key=lambda entry: entry[0])

    def _checked(self, lesion: int) -> int:
        if not 0 <= lesion < len(self):
            raise UsageError(f"lesion {lesion}: the store has lesions 0 to {len(self) - 1}")
        return lesion

    def _group(self, name: str) -> zarr.Group:
        group = self.root[name]
        assert isinstance(group, zarr.Group)
        return group

    def _array(self, path: str) -> zarr.Array[Any]:
        """An array of the store; opening costs 0.4 ms, so each is opened once."""
        if path not in self._arrays:
            array = self.root[path]
            assert isinstance(array, zarr.Array)
            self._arrays[path] = array
        return self._arrays[path]

    def forget(self, name: str) -> None:
        """Drop what is held of a label set that is about to be written anew."""
        self._finished.pop(name, None)
        for path in [path for path in self._arrays if path.startswith(f"{schema.LABELS}/{name}/")]:
            del self._arrays[path]


def _fact(table: pd.DataFrame, column: str, row: int) -> Any:
    return table[column].iat[row]
