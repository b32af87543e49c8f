"""Dual attention: over positions and over channels (Fu et al. 2019, "Dual attention network for scene segmentation").

As in the official code of Fu et al., each attention is added with a learned weight γ that starts at 0, so a network
begins as if it had none.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PositionAttention(nn.Module):
    """Every position gathers the values of all positions, weighted by the likeness of query and key.

    γ · Σ_j softmax_j(q_i · k_j) v_j, with 1×1 convolutions to C/8 channels for q and k, and to C for v. It runs
    through ``scaled_dot_product_attention``, so the memory grows with the number of positions, not with its square.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 8, 1)
        self.query = nn.Conv2d(channels, inner, 1)
        self.key = nn.Conv2d(channels, inner, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x_ncyx: Tensor) -> Tensor:
        """Features ``[n, c, y, x]`` → what the attention adds to them, ``[n, c, y, x]``."""
        value = _as_sequence(self.value(x_ncyx))
        # Zeros change no scalar product. With heads of unequal or odd size PyTorch falls back to the full matrix of
        # positions: at 64 × 64 that took 4 times the time and 30 to 50 times the memory.
        padding = (0, value.shape[-1] - self.query.out_channels)
        query = F.pad(_as_sequence(self.query(x_ncyx)), padding)
        key = F.pad(_as_sequence(self.key(x_ncyx)), padding)
        gathered = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return self.gamma * gathered.squeeze(1).transpose(1, 2).reshape(x_ncyx.shape)


class ChannelAttention(nn.Module):
    """Every channel gathers all channels: γ · softmax(rowmax(E) − E) X with E = X Xᵀ, X of shape ``[c, y · x]``.

    There are no convolutions. E is a sum over all positions, too large for half precision: float32 under autocast.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x_ncyx: Tensor) -> Tensor:
        """Features ``[n, c, y, x]`` → what the attention adds to them, ``[n, c, y, x]``."""
        with torch.autocast(x_ncyx.device.type, enabled=False):
            x = x_ncyx.flatten(2).to(torch.promote_types(x_ncyx.dtype, torch.float32))
            energy_ncc = x @ x.transpose(1, 2)
            attention_ncc = (energy_ncc.amax(dim=-1, keepdim=True) - energy_ncc).softmax(dim=-1)
            gathered = (attention_ncc @ x).reshape(x_ncyx.shape)
        return self.gamma * gathered.to(x_ncyx.dtype)


class DualAttention(nn.Module):
    """x + γ_p · P(x) + γ_c · C(x) on features ``[n, c, y, x]``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.position = PositionAttention(channels)
        self.channel = ChannelAttention()

    def forward(self, x_ncyx: Tensor) -> Tensor:
        """Features ``[n, c, y, x]`` → features of the same shape."""
        enhanced: Tensor = x_ncyx + self.position(x_ncyx) + self.channel(x_ncyx)
        return enhanced


def _as_sequence(x_ncyx: Tensor) -> Tensor:
    """``[n, c, y, x]`` → ``[n, 1, y · x, c]``: one head, positions as the sequence.

    The copy is free with channels last. Without it an image of channels first falls back to the full matrix too.
    """
    return x_ncyx.flatten(2).transpose(1, 2).contiguous().unsqueeze(1)
