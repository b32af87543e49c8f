"""Losses are computed in float32 or better: sums over an image do not fit half precision."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """The same in float32; float64 stays as it is."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
