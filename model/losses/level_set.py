"""The regional level set loss (paper, section 2.2, equation 2)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ulskit.errors import DataError, UsageError
from ulskit.model.losses.precision import at_least_float32
from ulskit.model.losses.registry import LOSSES

Standardise = Literal["none", "image", "region"]
_AXES = (1, 2, 3)
_CONTRAST = 1e-5
"""A standard deviation below this share of the greatest intensity is rounding, not contrast."""


def regional_level_set_energy(
    probability: Tensor,
    intensity: Tensor,
    region: Tensor,
    lambda_inside: float = 1.0,
    lambda_outside: float = 3.0,
) -> Tensor:
    """ℓ_rls of each image: 1/|I′| Σ_{I′} [λ1 p |i − c1|² + λ2 (1 − p) |i − c2|²].

    c1 and c2 are the means of i over I′, weighted by p and by 1 − p. They minimise the energy for the p at hand, so
    its derivative by them is zero, and they are taken as constants: the gradient by p is
    (λ1 |i − c1|² − λ2 |i − c2|²) / |I′| either way.

    Args:
        probability: p, float ``[n, 1, y, x]`` in [0, 1].
        intensity: i, float ``[n, 1, y, x]``; the energy has its unit squared.
        region: I′, bool ``[n, 1, y, x]``; pixels beyond it have no part, and gradient exactly zero.
        lambda_inside: λ1.
        lambda_outside: λ2.

    Returns:
        ``[n]``; 0 with gradient zero for an image whose region is empty. Where p is 0 (or 1) all over the region, the
        mean that is not defined is that of the region.
    """
    inside = torch.where(region, probability, 0.0)
    outside = torch.where(region, 1 - probability, 0.0)
    i = torch.where(region, intensity, 0.0)
    pixels = region.sum(dim=_AXES, keepdim=True).clamp(min=1)
    with torch.no_grad():
        middle = i.sum(dim=_AXES, keepdim=True) / pixels
        c1 = _weighted_mean(i, inside, middle)
        c2 = _weighted_mean(i, outside, middle)
    terms = lambda_inside * inside * (i - c1).square() + lambda_outside * outside * (i - c2).square()
    return (terms / pixels).sum(dim=_AXES)


@LOSSES.register("rls")
class RegionalLevelSetLoss(nn.Module):
    """ℓ_rls, the mean over the images of the batch.

    The paper does not give the unit of i. ``standardise`` chooses it:

    - ``"region"``: mean 0 and variance 1 over I′. The loss then does not depend on the contrast of a lesion nor on
      the window: it is the same for a · i + b with any a ≠ 0.
    - ``"image"``: mean 0 and variance 1 over the whole input.
    - ``"none"``: as given, e.g. the window in [0, 1]. A lesion of low contrast then weighs little.

    An image without contrast (standard deviation within the rounding of float32) has intensity 0 everywhere, and so
    loss 0.

    Args:
        lambda_inside: λ1, 1 in the paper.
        lambda_outside: λ2, 3 in the paper.
        standardise: unit of the intensity.

    Raises:
        UsageError: a negative λ, or another unit.
    """

    def __init__(
        self, *, lambda_inside: float = 1.0, lambda_outside: float = 3.0, standardise: Standardise = "region"
    ) -> None:
        super().__init__()
        if standardise not in ("none", "image", "region"):
            raise UsageError(f"standardise is none, image or region, got {standardise!r}")
        if not (lambda_inside >= 0 and lambda_outside >= 0):
            raise UsageError(f"λ1 and λ2 must not be negative, got {lambda_inside} and {lambda_outside}")
        self.lambda_inside = lambda_inside
        self.lambda_outside = lambda_outside
        self.standardise: Standardise = standardise

    def forward(self, probability: Tensor, intensity: Tensor, region: Tensor) -> Tensor:
        """Scalar, computed in float32 (float64 maps in float64), also under autocast.

        Args:
            probability: p, the finest map, float ``[n, 1, y, x]``.
            intensity: i, float ``[n, 1, y, x]``.
            region: I′, bool ``[n, 1, y, x]``. An image whose region is empty adds 0.

        Raises:
            DataError: shapes that differ, or a region that is not bool.
        """
        _check(probability, intensity, region)
        with torch.autocast(probability.device.type, enabled=False):
            p, i = at_least_float32(probability), at_least_float32(intensity)
            if self.standardise != "none":
                i = _standardised(i, region if self.standardise == "region" else torch.ones_like(region))
            return regional_level_set_energy(p, i, region, self.lambda_inside, self.lambda_outside).mean()

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"λ1={self.lambda_inside}, λ2={self.lambda_outside}, standardise={self.standardise!r}"


@LOSSES.register("ls")
class LevelSetLoss(RegionalLevelSetLoss):
    """LS of the paper's Table 2: the same over the whole input. The region is taken and not looked at."""

    def forward(self, probability: Tensor, intensity: Tensor, region: Tensor) -> Tensor:
        """As :class:`RegionalLevelSetLoss`, with the whole input as region."""
        return super().forward(probability, intensity, torch.ones_like(region))


def _weighted_mean(values: Tensor, weights: Tensor, otherwise: Tensor) -> Tensor:
    """Σ w v / Σ w over ``[1, y, x]``, kept as ``[n, 1, 1, 1]``; ``otherwise`` where the weights are all zero."""
    total = weights.sum(dim=_AXES, keepdim=True)
    least = torch.finfo(weights.dtype).tiny
    mean = (weights * values).sum(dim=_AXES, keepdim=True) / total.clamp(min=least)
    return torch.where(total > least, mean, otherwise)


def _standardised(intensity: Tensor, over: Tensor) -> Tensor:
    """Intensity ``[n, 1, y, x]`` with mean 0 and variance 1 over a mask; 0 all over where it has no contrast there."""
    pixels = over.sum(dim=_AXES, keepdim=True).clamp(min=1)
    mean = torch.where(over, intensity, 0.0).sum(dim=_AXES, keepdim=True) / pixels
    centred = intensity - mean
    deviation = (torch.where(over, centred, 0.0).square().sum(dim=_AXES, keepdim=True) / pixels).sqrt()
    greatest = torch.where(over, intensity, 0.0).abs().amax(dim=_AXES, keepdim=True)
    contrast = deviation > _CONTRAST * greatest
    return torch.where(contrast, centred / torch.where(contrast, deviation, 1.0), 0.0)


def _check(probability: Tensor, intensity: Tensor, region: Tensor) -> None:
    shapes = {tuple(values.shape) for values in (probability, intensity, region)}
    if len(shapes) != 1 or probability.ndim != 4 or probability.shape[1] != 1:
        raise DataError(
            "probability, intensity and region must be [n, 1, y, x] of one shape, got "
            f"{list(probability.shape)}, {list(intensity.shape)} and {list(region.shape)}"
        )
    if region.dtype != torch.bool:
        raise DataError(f"a region is bool, got {region.dtype}")
