"""Augmentation: image, label and region move together; draws are reproducible and keep to their ranges."""

import math

import numpy as np
import pytest
import torch

from ulskit.geometry.ellipse import constrained_region, ellipse_mask
from ulskit.model.feeding.augmentation import WINDOWS, AugmentationSettings, Draws, draw, make_batch, unchanged
from ulskit.model.feeding.tiles import Tiles

SIDE = 96
ENDPOINTS = np.array([[30.0, 50.0], [66.0, 44.0], [46.0, 34.0], [50.0, 58.0]])


def tiles(n: int = 1, ignore_border: bool = False) -> Tiles:
    mask = ellipse_mask(ENDPOINTS, (SIDE, SIDE))
    label = mask.astype(np.uint8)
    if ignore_border:
        label[constrained_region(ENDPOINTS, (SIDE, SIDE)) & ~mask] = 255
    image = np.where(mask, 60, -100).astype(np.int16)
    return Tiles(
        image=torch.from_numpy(np.repeat(image[None], n, 0)),
        label=torch.from_numpy(np.repeat(label[None], n, 0)),
        region=torch.from_numpy(np.repeat(constrained_region(ENDPOINTS, (SIDE, SIDE))[None], n, 0)),
        center_xy=torch.full((n, 2), 47.5),
        side_px=torch.full((n,), 64.0),
        window_hu=torch.tensor([[-160.0, 240.0]]).repeat(n, 1),
    )


def turned(**changes: torch.Tensor) -> Draws:
    return Draws(**{**unchanged(1).__dict__, **changes})


def test_unchanged_at_its_own_size_is_the_crop():
    batch = make_batch(tiles(), unchanged(1), 64)
    np.testing.assert_array_equal(batch.label[0, 0], tiles().label[0, 16:80, 16:80])
    np.testing.assert_array_equal(batch.region[0, 0], tiles().region[0, 16:80, 16:80])
    low, high = WINDOWS[0]
    expected = ((tiles().image[0, 16:80, 16:80].float() - low) / (high - low)).clamp(0, 1)
    torch.testing.assert_close(batch.image[0, 0] * 0.25 + 0.5, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.intensity[0, 0], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_quarter_turn_is_a_quarter_turn_of_everything(quarter):
    plain = make_batch(tiles(), unchanged(1), 64)
    batch = make_batch(tiles(), turned(angle=torch.tensor([quarter * math.pi / 2])), 64)
    for name in ("image", "label", "region", "intensity"):
        expected = torch.rot90(getattr(plain, name), quarter, (2, 3))
        torch.testing.assert_close(getattr(batch, name).float(), expected.float(), atol=1e-3, rtol=0)


def test_mirroring_mirrors_everything():
    plain = make_batch(tiles(), unchanged(1), 64)
    batch = make_batch(tiles(), turned(mirror=torch.tensor([-1.0])), 64)
    for name in ("image", "label", "region"):
        torch.testing.assert_close(
            getattr(batch, name).float(), getattr(plain, name).flip(3).float(), atol=1e-4, rtol=0
        )


def test_image_and_label_stay_together_under_any_draw():
    n = 32
    generator = torch.Generator().manual_seed(1)
    draws = draw(n, AugmentationSettings(brightness=0, contrast=(1, 1), blur_share=0), generator)
    batch = make_batch(tiles(n), draws, 128)
    bright = batch.intensity[:, 0] > (((60 - 100) / 2) + 160) / 400
    agree = (bright == (batch.label[:, 0] == 1)).float().mean(dim=(1, 2))
    assert agree.min() > 0.99


def test_region_keeps_its_share_of_the_lesion_under_rotation():
    wide = torch.tensor([1.4])  # the whole region stays in view
    areas = [
        make_batch(tiles(), turned(angle=torch.tensor([angle]), scale=wide), 128).region.sum().item()
        for angle in (0.0, 0.4, 1.1, 2.9)
    ]
    assert max(areas) / min(areas) < 1.01


def test_ignore_survives_resampling_and_no_other_value_appears():
    generator = torch.Generator().manual_seed(2)
    batch = make_batch(tiles(8, ignore_border=True), draw(8, AugmentationSettings(), generator), 96)
    assert set(batch.label.unique().tolist()) == {0, 1, 255}


def test_draws_keep_to_their_ranges_and_come_from_the_seed():
    settings = AugmentationSettings()
    one, other = (draw(2000, settings, torch.Generator().manual_seed(3)) for _ in range(2))
    for name in one.__dict__:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), atol=0, rtol=0)
    assert settings.scale[0] <= one.scale.min() <= one.scale.max() <= settings.scale[1]
    assert one.angle.abs().max() <= math.pi
    assert one.shift.abs().max() <= settings.shift
    assert set(one.mirror.unique().tolist()) == {1.0}
    assert abs((one.blur_sigma_px > 0).float().mean() - settings.blur_share) < 0.05


def test_blur_keeps_the_mean_and_lowers_the_variance():
    plain = make_batch(tiles(), unchanged(1), 64).image
    blurred = make_batch(tiles(), turned(blur_sigma_px=torch.tensor([1.5])), 64).image
    torch.testing.assert_close(blurred.mean(), plain.mean(), atol=0.02, rtol=0)
    assert blurred.var() < plain.var()
