"""From tiles to a batch: one affine resampling moves image, label and region together, then the intensities change.

Drawing the random parameters and applying them are apart: the draws of an epoch come from one generator on the CPU,
the application runs on whatever device the tiles are on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from ulskit.ct import AIR_HU, BONE, LUNG, SOFT_TISSUE, Window
from ulskit.model.feeding.tiles import Tiles
from ulskit.types import BACKGROUND, FOREGROUND, IGNORE

WINDOWS: tuple[Window, ...] = (SOFT_TISSUE, LUNG, BONE)
"""The three channels of the input: a lesion anywhere in the body has contrast in one of them, and the three input
filters of ImageNet weights are used as they are."""

_BLUR_REACH = 4


class AugmentationSettings(BaseModel):
    """Ranges of the paper's augmentation: scaling, cropping, rotating, brightness, contrast, Gaussian blur."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: tuple[float, float] = Field((0.8, 1.25), description="factor of the sub-image's side, log-uniform")
    shift: float = Field(0.1, ge=0, description="largest shift of the crop, share of the side")
    rotation_deg: float = Field(180.0, ge=0, description="largest rotation to either side")
    flip: bool = Field(False, description="mirror half of the images (not in the paper)")
    brightness: float = Field(0.1, ge=0, description="largest offset, share of the window")
    contrast: tuple[float, float] = Field((0.8, 1.25), description="factor about the window's centre, log-uniform")
    blur_share: float = Field(0.3, ge=0, le=1, description="share of images that are blurred")
    blur_sigma_px: float = Field(1.5, ge=0, description="largest sigma, pixels of the input")


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Random parameters of ``n`` samples; every tensor is float32 ``[n]`` but ``shift`` ``[n, 2]``."""

    scale: Tensor
    shift: Tensor
    angle: Tensor
    mirror: Tensor
    brightness: Tensor
    contrast: Tensor
    blur_sigma_px: Tensor

    def __getitem__(self, index: slice) -> Draws:
        return Draws(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def to(self, device: torch.device) -> Draws:
        """The same on another device."""
        return Draws(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a training step takes; ``s`` is the input size.

    Attributes:
        image: float32 ``[n, 3, s, s]``, the three windows, standardised.
        label: uint8 ``[n, 1, s, s]``, 0, 1, 255.
        region: bool ``[n, 1, s, s]``, I′.
        intensity: float32 ``[n, 1, s, s]``, the lesion's own window in [0, 1]: the i of the level set.
    """

    image: Tensor
    label: Tensor
    region: Tensor
    intensity: Tensor


def draw(n: int, settings: AugmentationSettings, generator: torch.Generator) -> Draws:
    """Random parameters of ``n`` samples."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand((n, *shape), generator=generator) * (high - low) + low

    def log_uniform(bounds: tuple[float, float]) -> Tensor:
        return uniform(math.log(bounds[0]), math.log(bounds[1])).exp()

    angle = math.radians(settings.rotation_deg)
    return Draws(
        scale=log_uniform(settings.scale),
        shift=uniform(-settings.shift, settings.shift, 2),
        angle=uniform(-angle, angle),
        mirror=torch.where(uniform(0, 1) < 0.5 * settings.flip, -1.0, 1.0),
        brightness=uniform(-settings.brightness, settings.brightness),
        contrast=log_uniform(settings.contrast),
        blur_sigma_px=uniform(0, settings.blur_sigma_px) * (uniform(0, 1) < settings.blur_share),
    )


def unchanged(n: int) -> Draws:
    """Parameters that change nothing: validation and prediction."""
    zeros, ones = torch.zeros(n), torch.ones(n)
    return Draws(
        scale=ones,
        shift=torch.zeros(n, 2),
        angle=zeros,
        mirror=ones,
        brightness=zeros,
        contrast=ones,
        blur_sigma_px=zeros,
    )


def make_batch(tiles: Tiles, draws: Draws, size: int) -> Batch:
    """Resample tiles to ``size`` pixels a side under their draws; tiles and draws are on one device."""
    grid = _grid(tiles, draws, size)
    layers = torch.stack(
        [
            tiles.image.float() - AIR_HU,  # zero beyond the tile is air
            (tiles.label == FOREGROUND).float(),
            (tiles.label == IGNORE).float(),
            tiles.region.float(),
        ],
        dim=1,
    )
    moved = F.grid_sample(layers, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    image_hu = moved[:, :1] + AIR_HU
    low, high = (tiles.window_hu[:, at].view(-1, 1, 1, 1) for at in (0, 1))
    return Batch(
        image=_encode(image_hu, draws),
        label=_tri_state(moved[:, 1:2], moved[:, 2:3]),
        region=moved[:, 3:4] >= 0.5,
        intensity=((image_hu - low) / (high - low)).clamp(0, 1),
    )


def _grid(tiles: Tiles, draws: Draws, size: int) -> Tensor:
    """Where each output pixel looks, ``[n, size, size, 2]`` in grid_sample's units."""
    device = tiles.image.device
    along = (torch.arange(size, device=device) + 0.5) / size - 0.5
    y, x = torch.meshgrid(along, along, indexing="ij")
    side = tiles.side_px * draws.scale
    cos, sin = torch.cos(draws.angle) * side, torch.sin(draws.angle) * side
    center = tiles.center_xy + draws.shift * tiles.side_px[:, None] + 0.5
    mirrored = x * draws.mirror.view(-1, 1, 1)
    px = center[:, 0].view(-1, 1, 1) + cos.view(-1, 1, 1) * mirrored - sin.view(-1, 1, 1) * y
    py = center[:, 1].view(-1, 1, 1) + sin.view(-1, 1, 1) * mirrored + cos.view(-1, 1, 1) * y
    return torch.stack([px, py], dim=-1) * (2 / tiles.image.shape[-1]) - 1


def _tri_state(foreground: Tensor, ignore: Tensor) -> Tensor:
    """The likeliest of the three states after interpolation; ignore wins a tie, for it claims nothing."""
    background = 1 - foreground - ignore
    label = torch.where(foreground >= background, FOREGROUND, BACKGROUND)
    return torch.where(ignore >= torch.maximum(foreground, background), IGNORE, label).to(torch.uint8)


def _encode(image_hu: Tensor, draws: Draws) -> Tensor:
    """Three windows of an image ``[n, 1, s, s]``, changed in brightness and contrast, blurred, standardised."""
    windows = torch.cat([((image_hu - low) / (high - low)).clamp(0, 1) for low, high in WINDOWS], dim=1)
    contrast, brightness = draws.contrast.view(-1, 1, 1, 1), draws.brightness.view(-1, 1, 1, 1)
    changed = ((windows - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)
    return (_blur(changed, draws.blur_sigma_px) - 0.5) / 0.25


def _blur(image: Tensor, sigma_px: Tensor) -> Tensor:
    """Gaussian blur with a sigma of its own for each image; zero leaves it as it is."""
    if not bool((sigma_px > 0).any()):
        return image
    n, channels, height, width = image.shape
    offset = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1, device=image.device)
    kernel = torch.exp(-0.5 * (offset / sigma_px.clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    flat = F.pad(image.reshape(1, n * channels, height, width), (_BLUR_REACH,) * 4, mode="replicate")
    flat = F.conv2d(flat, kernel.view(n * channels, 1, 1, -1), groups=n * channels)
    flat = F.conv2d(flat, kernel.view(n * channels, 1, -1, 1), groups=n * channels)
    return flat.view(n, channels, height, width)
