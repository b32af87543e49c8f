"""What every network takes and gives, and the few steps that all networks share at their two ends.

Suffixes of shapes here and in the other files: n images, c channels, y rows, x columns, k scales.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ulskit.errors import DataError

MAP_STRIDES = (4, 2, 1)
"""Pixels of the input to one pixel of p1, p2 and p3."""


class SegmentationNetwork(Protocol):
    """An ``nn.Module`` that a network builder returns.

    Called with an image, float ``[n, c, y, x]`` of any size, it returns probability maps from coarse to fine, each
    float32 ``[n, 1, h, w]`` in [0, 1]. The last map has the size of the input; ulskit's own networks return three,
    at 1/4, 1/2 and 1 of the input, sizes rounded up. The final sigmoid is computed in float32, also under autocast.
    """

    def __call__(self, image: Tensor, /) -> tuple[Tensor, ...]:
        """Image ``[n, c, y, x]`` → probability maps, coarse to fine."""
        ...


def with_channels(image: Tensor, in_chans: int) -> Tensor:
    """An image ``[n, c, y, x]`` with ``in_chans`` channels; a single channel is repeated.

    Raises:
        DataError: not four axes, not floating point, an empty image, or another number of channels.
    """
    if image.ndim != 4 or 0 in image.shape[1:] or not image.is_floating_point():
        raise DataError(f"a network takes a float image [n, c, y, x], got {image.dtype} {list(image.shape)}")
    if image.shape[1] not in (1, in_chans):
        raise DataError(f"this network takes 1 or {in_chans} channels, got {image.shape[1]}")
    return image.expand(-1, in_chans, -1, -1)


def pad_to_stride(image_ncyx: Tensor, stride: int) -> Tensor:
    """Repeat the last row and column until both sides are multiples of ``stride``.

    The border is repeated, not set to zero: zero is a CT value of its own, and would draw an edge.
    """
    height, width = image_ncyx.shape[-2:]
    below, right = -height % stride, -width % stride
    return F.pad(image_ncyx, (0, right, 0, below), mode="replicate") if below or right else image_ncyx


def probability_maps(logits: tuple[Tensor, ...], size: torch.Size) -> tuple[Tensor, ...]:
    """Logits at 1/4, 1/2 and 1 of a padded input → the maps of an input of ``size`` (y, x)."""
    maps = []
    for logit_n1yx, stride in zip(logits, MAP_STRIDES, strict=True):
        height, width = (-(-side // stride) for side in size)
        maps.append(logit_n1yx[..., :height, :width].float().sigmoid())
    return tuple(maps)
