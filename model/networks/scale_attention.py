"""Scale attention: one weight for each scale, from the image itself (paper, section 2.1 and Fig. 2).

The paper says that the module "contains two branches that are built upon SE block", and that it combines the scales
"input-specifically with learnable scale attention vectors"; its Fig. 2 is not legible in our copy. What stands here is
our choice: the branches see the global average and the global maximum of the features, as the two branches of CBAM's
channel attention do, and end in one weight a scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ScaleAttention(nn.Module):
    """Weighs the features of each scale by a number in (0, 2) before they are fused.

    w = 2 · sigmoid(f_avg(mean over y, x) + f_max(maximum over y, x)), each f the bottleneck of a squeeze-and-excitation
    block: FC to C/16, ReLU, FC to one value a scale; C is the sum of all channels. The last layers start at zero, so
    that all weights start at 1 and the network begins as if it had no scale attention.

    Args:
        channels: of the features of each scale.
        reduction: C over the width of the bottleneck.
    """

    def __init__(self, channels: Sequence[int], *, reduction: int = 16) -> None:
        super().__init__()
        total = sum(channels)
        self.average_branch = _branch(total, max(total // reduction, 1), len(channels))
        self.maximum_branch = _branch(total, max(total // reduction, 1), len(channels))

    def scale_weights(self, features: Sequence[Tensor]) -> Tensor:
        """Features ``[n, c_k, y, x]``, all of one size → weights ``[n, k]``."""
        average = torch.cat([x_ncyx.mean(dim=(2, 3)) for x_ncyx in features], dim=1)
        maximum = torch.cat([x_ncyx.amax(dim=(2, 3)) for x_ncyx in features], dim=1)
        return 2 * torch.sigmoid(self.average_branch(average) + self.maximum_branch(maximum))

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features ``[n, c_k, y, x]``, all of one size → the same, each times its weight."""
        weights_nk = self.scale_weights(features)
        return [x_ncyx * weights_nk[:, k, None, None, None] for k, x_ncyx in enumerate(features)]


def _branch(channels: int, inner: int, scales: int) -> nn.Sequential:
    last = nn.Linear(inner, scales)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(channels, inner), nn.ReLU(inplace=True), last)
