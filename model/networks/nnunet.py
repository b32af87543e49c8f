"""nnU-Net's plain U-Net, the paper's peer (Table 1), from dynamic-network-architectures (extra ``nnunet``).

Isensee et al. 2021: the architecture alone, in the form that nnU-Net plans for 2D images of 128 to 256 pixels; data,
loss and schedule are ulskit's.
"""

from __future__ import annotations

from os import PathLike

from torch import Tensor, nn

from ulskit.errors import MissingExtraError, UsageError
from ulskit.model.networks.contract import MAP_STRIDES, pad_to_stride, probability_maps, with_channels
from ulskit.model.networks.registry import NETWORKS

MAX_FEATURES = 512


class NNUNet(nn.Module):
    """``PlainConvUNet`` whose deep supervision gives the maps at 1/4, 1/2 and 1.

    Args:
        in_chans: channels of the image.
        stages: of the encoder; each halves the size but the first. At least 4, to have maps down to 1/4.

    Raises:
        UsageError: fewer than 4 stages, or no channel.
        MissingExtraError: dynamic-network-architectures is not installed.
    """

    def __init__(self, in_chans: int = 3, *, stages: int = 6) -> None:
        super().__init__()
        if stages < 4 or in_chans < 1:
            raise UsageError(
                f"nnunet needs at least 4 stages and 1 channel, got stages={stages} and in_chans={in_chans}"
            )
        try:
            from dynamic_network_architectures.architectures.unet import PlainConvUNet
        except ImportError as error:
            raise MissingExtraError("dynamic-network-architectures", "nnunet") from error
        self.in_chans = in_chans
        self.stride = 2 ** (stages - 1)
        self.unet = PlainConvUNet(
            input_channels=in_chans,
            n_stages=stages,
            features_per_stage=[min(32 * 2**stage, MAX_FEATURES) for stage in range(stages)],
            conv_op=nn.Conv2d,
            kernel_sizes=3,
            strides=[1] + [2] * (stages - 1),
            n_conv_per_stage=2,
            num_classes=1,
            n_conv_per_stage_decoder=2,
            conv_bias=True,
            norm_op=nn.InstanceNorm2d,
            norm_op_kwargs={"eps": 1e-5, "affine": True},
            nonlin=nn.LeakyReLU,
            nonlin_kwargs={"inplace": True},
            deep_supervision=True,
        )
        self.unet.apply(PlainConvUNet.initialize)
        heads = self.unet.decoder.seg_layers  # coarse to fine
        for index in range(len(heads) - len(MAP_STRIDES)):
            heads[index] = nn.Identity()  # maps below 1/4 are not used, and weights without gradient would stop DDP

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Image float ``[n, c, y, x]`` → p1, p2, p3, float32 ``[n, 1, h, w]`` at 1/4, 1/2 and 1, sizes rounded up.

        Sides that are no multiples of 2^(stages − 1) are padded by their last row and column.

        Raises:
            DataError: the image has another shape.
        """
        full, half, quarter, *_ = self.unet(pad_to_stride(with_channels(image, self.in_chans), self.stride))
        return probability_maps((quarter, half, full), image.shape[-2:])


@NETWORKS.register("nnunet")
def build_nnunet(
    *,
    pretrained: bool = True,
    weights: str | PathLike[str] | None = None,
    in_chans: int = 3,
    stages: int = 6,
) -> nn.Module:
    """nnU-Net's network. It has no pretrained weights: ``pretrained`` is taken and has no effect.

    Raises:
        UsageError: ``weights`` are given, or too few stages.
        MissingExtraError: dynamic-network-architectures is not installed.
    """
    if weights is not None:
        raise UsageError("nnunet starts from scratch: leave out --weights")
    return NNUNet(in_chans, stages=stages)
