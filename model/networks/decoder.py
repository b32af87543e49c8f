"""From fused features at 1/4 to logits at 1/4, 1/2 and 1: the paper's decoder, and the baseline without it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PRIOR = 0.15
"""Share of the input that a lesion covers, roughly, and so the probability about which an untrained network begins: the
first steps are not spent on learning that most pixels are background."""


class BaselineHead(nn.Module):
    """A 1×1 convolution at 1/4; p2 and p3 are the same logits brought up bilinearly (paper, section 2.1: baseline)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.predict = prediction_layer(in_channels)

    def forward(self, fused_ncyx: Tensor) -> tuple[Tensor, ...]:
        """Features ``[n, c, y, x]`` at 1/4 → logits ``[n, 1, …]`` at 1/4, 1/2 and 1."""
        logit = self.predict(fused_ncyx)
        return (
            logit,
            F.interpolate(logit, scale_factor=2.0, mode="bilinear", align_corners=False),
            F.interpolate(logit, scale_factor=4.0, mode="bilinear", align_corners=False),
        )


class DecoderHead(nn.Module):
    """Three 3×3 convolutions at 1/4, 1/2 and 1, a transposed convolution of 4×4 and stride 2 between each two.

    All have 32 channels, batch normalisation and ReLU (paper, section 2.1). A 1×1 convolution at each size gives the
    prediction. Each transposed convolution takes the features and the prediction: the probability, not the logit,
    since it stays in [0, 1] beside normalised features however sure the network becomes.

    Args:
        in_channels: of the fused features.
        width: channels of all layers.
    """

    def __init__(self, in_channels: int, *, width: int = 32) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            _normalised(nn.Conv2d(channels, width, 3, padding=1, bias=False), width)
            for channels in (in_channels, width, width)
        )
        self.deconvolutions = nn.ModuleList(
            _normalised(nn.ConvTranspose2d(width + 1, width, 4, stride=2, padding=1, bias=False), width)
            for _ in range(2)
        )
        self.predictions = nn.ModuleList(prediction_layer(width) for _ in range(3))

    def forward(self, fused_ncyx: Tensor) -> tuple[Tensor, ...]:
        """Features ``[n, c, y, x]`` at 1/4 → logits ``[n, 1, …]`` at 1/4, 1/2 and 1."""
        x = self.convolutions[0](fused_ncyx)
        logits = [self.predictions[0](x)]
        for deconvolve, convolve, predict in zip(
            self.deconvolutions, self.convolutions[1:], self.predictions[1:], strict=True
        ):
            x = convolve(deconvolve(torch.cat([x, logits[-1].sigmoid()], dim=1)))
            logits.append(predict(x))
        return tuple(logits)


def prediction_layer(channels: int) -> nn.Conv2d:
    """A 1×1 convolution to one logit, its bias at :data:`PRIOR`.

    The weights keep PyTorch's own start: near zero (0.01), as detectors have them, the decoder learns more slowly.
    """
    layer = nn.Conv2d(channels, 1, 1)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, math.log(PRIOR / (1 - PRIOR)))
    return layer


def _normalised(layer: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
