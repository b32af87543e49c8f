"""AHRNet: HRNet with dual attention, scale attention and a decoder (paper, section 2.1 and Fig. 1).

Each part can be left out, which gives the rows of the paper's Table 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulskit.errors import UsageError
from ulskit.model.networks.backbone import STRIDE, HRNetBackbone
from ulskit.model.networks.contract import pad_to_stride, probability_maps, with_channels
from ulskit.model.networks.decoder import BaselineHead, DecoderHead
from ulskit.model.networks.dual_attention import DualAttention
from ulskit.model.networks.registry import NETWORKS
from ulskit.model.networks.scale_attention import ScaleAttention


class AHRNet(nn.Module):
    """Composes the parts it is given.

    Args:
        backbone: image → features of four scales.
        attentions: one module a scale, features → features; ``nn.Identity()`` for none.
        scale_attention: features of all scales at 1/4 → the same, weighted; ``nn.Identity()`` for none.
        head: concatenated features at 1/4 → logits at 1/4, 1/2 and 1.
    """

    def __init__(
        self, backbone: HRNetBackbone, attentions: Sequence[nn.Module], scale_attention: nn.Module, head: nn.Module
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.attentions = nn.ModuleList(attentions)
        self.scale_attention = scale_attention
        self.head = head

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Image → three probability maps, coarse to fine.

        Args:
            image: float ``[n, c, y, x]``, c 1 or the channels of the backbone. Sides that are no multiples of 32 are
                padded by their last row and column, and the maps cropped back.

        Returns:
            p1, p2, p3, float32 ``[n, 1, h, w]`` at 1/4, 1/2 and 1 of the input, sizes rounded up.

        Raises:
            DataError: the image has another shape.
        """
        features = self.scale_attention(self.features(image))
        return probability_maps(self.head(torch.cat(features, dim=1)), image.shape[-2:])

    def features(self, image: Tensor) -> list[Tensor]:
        """Image ``[n, c, y, x]`` → features ``[n, c_k, h, w]`` of the four scales, all brought to 1/4 (padded) size."""
        padded_ncyx = pad_to_stride(with_channels(image, self.backbone.in_chans), STRIDE)
        attended = [attend(x_ncyx) for attend, x_ncyx in zip(self.attentions, self.backbone(padded_ncyx), strict=True)]
        finest, *coarser = attended
        size = finest.shape[-2:]
        return [finest, *(F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in coarser)]


@NETWORKS.register("ahrnet")
def build_ahrnet(
    *,
    pretrained: bool = True,
    weights: str | PathLike[str] | None = None,
    in_chans: int = 3,
    backbone: str = "hrnet_w32",
    decoder: bool = True,
    dual_attention: bool = True,
    scale_attention: bool = True,
) -> nn.Module:
    """AHRNet, row 4 of the paper's Table 2, or any part of it.

    Args:
        pretrained: start the backbone from ImageNet weights of the hub.
        weights: a file with the backbone's weights, instead of the hub.
        in_chans: channels of the image.
        backbone: an HRNet of timm.
        decoder: DE, the decoder up to full resolution; without it a 1×1 convolution at 1/4.
        dual_attention: DA on each scale.
        scale_attention: SA before the scales are fused.

    Raises:
        UsageError: timm has no such HRNet, or ``in_chans`` is not positive.
        MissingFileError: there is no file ``weights``.
        WeightsError: the weights cannot be had, or do not fit.
    """
    if in_chans < 1:
        raise UsageError(f"a network needs at least one channel, got in_chans={in_chans}")
    hrnet = HRNetBackbone(backbone, in_chans=in_chans)
    if weights is not None:
        hrnet.load(weights)
    elif pretrained:
        hrnet.load_pretrained()
    channels = hrnet.channels
    return AHRNet(
        backbone=hrnet,
        attentions=[DualAttention(c) if dual_attention else nn.Identity() for c in channels],
        scale_attention=ScaleAttention(channels) if scale_attention else nn.Identity(),
        head=DecoderHead(sum(channels)) if decoder else BaselineHead(sum(channels)),
    )


# The rows of the paper's Table 2 before the last: the same builder with parts left out.
for _row, _parts in {
    "hrnet": {"decoder": False, "dual_attention": False, "scale_attention": False},
    "hrnet-de": {"dual_attention": False, "scale_attention": False},
    "hrnet-de-da": {"scale_attention": False},
}.items():
    NETWORKS.register(_row)(partial(build_ahrnet, **_parts))
