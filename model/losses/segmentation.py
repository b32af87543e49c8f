"""The segmentation loss: binary cross entropy and IoU on every map (paper, section 2.3, equation 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulskit.errors import DataError
from ulskit.model.losses.precision import at_least_float32
from ulskit.model.losses.registry import LOSSES
from ulskit.types import FOREGROUND, IGNORE


def binary_cross_entropy(probability: Tensor, foreground: Tensor, valid: Tensor) -> Tensor:
    """ℓ_bce of each image, the mean over its valid pixels.

    As in torch, a logarithm is not taken below −100.

    Args:
        probability: float ``[n, 1, y, x]`` in [0, 1].
        foreground: bool ``[n, 1, y, x]``.
        valid: bool ``[n, 1, y, x]``; other pixels have no part in the value, and gradient exactly zero.

    Returns:
        ``[n]``; 0 for an image without a valid pixel.
    """
    p, g = _masked(probability, foreground, valid)
    entropy = F.binary_cross_entropy(p, g, reduction="none")
    return entropy.sum(dim=(1, 2, 3)) / valid.sum(dim=(1, 2, 3)).clamp(min=1)


def soft_iou_loss(probability: Tensor, foreground: Tensor, valid: Tensor) -> Tensor:
    """ℓ_iou of each image: 1 − Σ g p / Σ (g + p − g p), over its valid pixels.

    Args:
        probability: float ``[n, 1, y, x]`` in [0, 1].
        foreground: bool ``[n, 1, y, x]``.
        valid: bool ``[n, 1, y, x]``; other pixels have no part in the value, and gradient exactly zero.

    Returns:
        ``[n]``; 0 for an image without a valid foreground pixel, where the quotient is 0 or 0/0 and has no gradient
        to give: there the cross entropy speaks alone.
    """
    p, g = _masked(probability, foreground, valid)
    intersection = (g * p).sum(dim=(1, 2, 3))
    union = (g + p - g * p).sum(dim=(1, 2, 3))
    present = g.sum(dim=(1, 2, 3)) > 0
    return torch.where(present, 1 - intersection / union.clamp(min=1), 0.0)  # with foreground the union is at least 1


def pooled_label(label: Tensor, size: tuple[int, int]) -> Tensor:
    """The label g_k of a coarser map, by majority.

    Each pixel of the map stands for a square of the label; at the lower and right border it may be cut off. The
    commonest state in it wins. Where two are equally common, ignore goes before foreground, foreground before
    background: at 1/4 this keeps the area of ellipses of 8 px radius to +1 %, the other way round they lose 8 %.

    Args:
        label: uint8 ``[n, 1, y, x]``, 0, 1, 255.
        size: of the map; the size of the label over a power of two, rounded up.

    Returns:
        uint8 ``[n, 1, h, w]``.

    Raises:
        DataError: the label has not such a size.
    """
    sides = tuple(label.shape[-2:])
    if sides == size:
        return label
    factor = 2
    while factor < max(sides) and tuple(-(-side // factor) for side in sides) != size:
        factor *= 2
    if tuple(-(-side // factor) for side in sides) != size:
        raise DataError(f"a map of {list(size)} does not belong to a label of {list(sides)}")
    states = torch.cat([label == FOREGROUND, label == IGNORE], dim=1).float()
    shares = F.avg_pool2d(states, factor, ceil_mode=True)
    foreground, ignore = shares[:, :1], shares[:, 1:]
    background = 1 - foreground - ignore
    pooled = (foreground >= background).to(label.dtype)
    return torch.where(ignore >= torch.maximum(foreground, background), IGNORE, pooled)


@LOSSES.register("seg")
class SegmentationLoss(nn.Module):
    """ℓ_seg = Σ_k [ℓ_bce(p_k, g_k) + ℓ_iou(p_k, g_k)], each the mean over the images of the batch."""

    def forward(self, predictions: Sequence[Tensor], label: Tensor) -> Tensor:
        """Scalar, computed in float32 (float64 maps in float64), also under autocast.

        Args:
            predictions: probabilities ``[n, 1, h, w]``, any number of maps; each of the label's size over a power of
                two, rounded up.
            label: uint8 ``[n, 1, y, x]`` or ``[n, y, x]``: 1 foreground, 255 ignore, all else background. The labels
                of coarser maps are made from it (:func:`pooled_label`).

        Raises:
            DataError: no map, or shapes that do not belong together.
        """
        label_n1yx = label.unsqueeze(1) if label.ndim == 3 else label
        if not predictions or label_n1yx.ndim != 4 or label_n1yx.shape[1] != 1:
            raise DataError(f"{len(predictions)} maps and a label of {list(label.shape)}: expected [n, 1, y, x]")
        terms = []
        with torch.autocast(label.device.type, enabled=False):
            for prediction in predictions:
                if prediction.ndim != 4 or prediction.shape[:2] != label_n1yx.shape[:2]:
                    raise DataError(f"a map of {list(prediction.shape)} for a label of {list(label_n1yx.shape)}")
                probability = at_least_float32(prediction)
                height, width = prediction.shape[-2:]
                label_k = pooled_label(label_n1yx, (height, width))
                foreground, valid = label_k == FOREGROUND, label_k != IGNORE
                terms.append(binary_cross_entropy(probability, foreground, valid).mean())
                terms.append(soft_iou_loss(probability, foreground, valid).mean())
            return torch.stack(terms).sum()


def _masked(probability: Tensor, foreground: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """p and g, both 0 where not valid: such a pixel adds nothing to any of the sums."""
    return torch.where(valid, probability, 0.0), (foreground & valid).to(probability.dtype)
