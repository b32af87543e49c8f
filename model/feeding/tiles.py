"""Tiles: every lesion of a training set in memory, once, with room around the sub-image for augmentation.

A tile is ``tile_px`` pixels a side, at the slice's own resolution where the lesion lets it; the 32,735 lesions of
DeepLesion take 19 GB. Reading the store, decoding and cropping happen once; an epoch only indexes.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ulskit.ct import SOFT_TISSUE
from ulskit.geometry.ellipse import constrained_region
from ulskit.model.feeding.roi import Frame, RoiSettings, cut, cut_label, native_frame, roi_of_box
from ulskit.progress import Progress, silent
from ulskit.store import Store

TILE_PX = 384
EXTENT = 1.8
"""A tile holds this many sides of the sub-image: scale 1.25 turned by 45° needs 1.77."""


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Lesions as tensors; ``s`` is the side of a tile.

    Attributes:
        image: int16 HU ``[n, s, s]``.
        label: uint8 ``[n, s, s]``, 0, 1, 255.
        region: bool ``[n, s, s]``, I′.
        center_xy: float32 ``[n, 2]``, centre of the sub-image, tile pixels.
        side_px: float32 ``[n]``, side of the sub-image, tile pixels.
        window_hu: float32 ``[n, 2]``, the window in which the lesion was marked.
    """

    image: Tensor
    label: Tensor
    region: Tensor
    center_xy: Tensor
    side_px: Tensor
    window_hu: Tensor

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, index: Tensor) -> Tiles:
        return Tiles(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def to(self, device: torch.device, non_blocking: bool = False) -> Tiles:
        """The same on another device."""
        return Tiles(
            **{field.name: getattr(self, field.name).to(device, non_blocking=non_blocking) for field in fields(self)}
        )


def load_tiles(
    store: Store,
    label_set: str,
    lesions: npt.NDArray[np.intp],
    settings: RoiSettings,
    *,
    tile_px: int = TILE_PX,
    progress: Progress = silent,
) -> Tiles:
    """Read lesions and their labels from a store.

    Args:
        lesions: ``[n]``, rows of the store.

    Raises:
        StoreError: no such label set.
    """
    n = len(lesions)
    image = np.empty((n, tile_px, tile_px), np.int16)
    label = np.empty((n, tile_px, tile_px), np.uint8)
    region = np.empty((n, tile_px, tile_px), bool)
    geometry = np.empty((n, 3), np.float32)
    windows = store.lesions[["window_low_hu", "window_high_hu"]].to_numpy(np.float32)[lesions]

    def load(at: int) -> None:
        lesion = int(lesions[at])
        roi = roi_of_box(store.boxes_xy[lesion], settings)
        frame = native_frame(roi, EXTENT, tile_px)
        image[at] = cut(store.lesion_image(lesion), frame)
        label[at] = cut_label(store.label(label_set, lesion), frame)
        region[at] = constrained_region(frame.from_slice(store.endpoints_xy[lesion]), (tile_px, tile_px))
        geometry[at] = [*frame.from_slice(roi.center_xy), roi.side_px / frame.pixel_px]

    with progress(f"lesions of {label_set}", n) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(load, range(n)):
            advance()
    return Tiles(
        image=torch.from_numpy(image),
        label=torch.from_numpy(label),
        region=torch.from_numpy(region),
        center_xy=torch.from_numpy(geometry[:, :2].copy()),
        side_px=torch.from_numpy(geometry[:, 2].copy()),
        window_hu=torch.from_numpy(windows),
    )


def image_tile(
    image_hu: npt.NDArray[np.int16], frame: Frame, center_xy: npt.NDArray[np.float64], side_px: float
) -> Tiles:
    """One sub-image without a label, as prediction needs it."""
    size = frame.size
    return Tiles(
        image=torch.from_numpy(cut(image_hu, frame))[None],
        label=torch.zeros((1, size, size), dtype=torch.uint8),
        region=torch.zeros((1, size, size), dtype=torch.bool),
        center_xy=torch.from_numpy(frame.from_slice(center_xy).astype(np.float32))[None],
        side_px=torch.tensor([side_px / frame.pixel_px], dtype=torch.float32),
        window_hu=torch.tensor([SOFT_TISSUE], dtype=torch.float32),
    )
