"""AHRNet as a whole: sizes, parts, precision, and the identity of untrained attention."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ulskit.errors import DataError, UsageError
from ulskit.model import create_model
from ulskit.model.losses import RegionalLevelSetLoss, SegmentationLoss

SMALL = "hrnet_w18_small"


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def small(name="ahrnet", **options):
    return create_model(name, pretrained=False, backbone=SMALL, **options)


def alive(network):
    """In eval mode, with normalisation fitted to noise and predictions large enough to see: maps that vary."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
        if isinstance(module, nn.Conv2d) and module.out_channels == 1:
            nn.init.normal_(module.weight, std=0.3)
    network.train()
    with torch.no_grad():
        network(torch.randn(4, network.backbone.in_chans, 64, 64))
    return network.eval()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_w32_gives_the_paper_s_four_scales():
    network = create_model("ahrnet", pretrained=False).eval()
    with torch.inference_mode():
        features = network.backbone(torch.rand(1, 3, 256, 256))
        maps = network(torch.rand(1, 3, 256, 256))
    assert [tuple(f.shape[1:]) for f in features] == [(32, 64, 64), (64, 32, 32), (128, 16, 16), (256, 8, 8)]
    assert [tuple(p.shape) for p in maps] == [(1, 1, 64, 64), (1, 1, 128, 128), (1, 1, 256, 256)]
    assert 29.2e6 < parameters(network.backbone) < 29.4e6


def test_w32_with_all_parts_off_is_the_backbone_and_one_1x1_convolution():
    network = create_model("hrnet", pretrained=False)
    assert parameters(network) == parameters(network.backbone) + 480 + 1


@pytest.mark.parametrize("name", ["ahrnet", "hrnet", "hrnet-de", "hrnet-de-da"])
@pytest.mark.parametrize("size", [(128, 160), (100, 130), (33, 1)])
def test_maps_stand_at_a_quarter_a_half_and_one(name, size):
    height, width = size
    with torch.inference_mode():
        maps = small(name).eval()(torch.rand(2, 3, height, width))
    expected = [(-(-height // s), -(-width // s)) for s in (4, 2, 1)]
    assert [tuple(p.shape) for p in maps] == [(2, 1, *side) for side in expected]
    assert all(p.dtype == torch.float32 and p.min() >= 0 and p.max() <= 1 for p in maps)


def test_padding_to_32_is_the_repeated_border():
    network = alive(small())
    image = torch.randn(1, 3, 60, 64)
    padded = torch.cat([image, image[:, :, -1:].expand(-1, -1, 4, -1)], dim=2)
    with torch.inference_mode():
        for p, q in zip(network(image), network(padded), strict=True):
            torch.testing.assert_close(p, q[:, :, : p.shape[2]])
            assert p.std() > 0.05


def test_each_row_of_table_2_adds_its_part():
    names = ["hrnet", "hrnet-de", "hrnet-de-da", "ahrnet"]
    parts = [{name: parameters(child) for name, child in small(name).named_children()} for name in names]
    base, decoder, dual, scale = parts
    assert base["attentions"] == base["scale_attention"] == decoder["attentions"] == dual["scale_attention"] == 0
    assert {**decoder, "head": base["head"]} == base
    assert {**dual, "attentions": 0} == decoder
    assert {**scale, "scale_attention": 0} == dual
    assert decoder["head"] > base["head"]
    assert dual["attentions"] > 0
    assert scale["scale_attention"] > 0


def test_the_switches_of_ahrnet_give_the_same_rows():
    rows = {
        "hrnet": {"decoder": False, "dual_attention": False, "scale_attention": False},
        "hrnet-de": {"dual_attention": False, "scale_attention": False},
        "hrnet-de-da": {"scale_attention": False},
    }
    for name, options in rows.items():
        assert list(small(**options).state_dict()) == list(small(name).state_dict())


def test_untrained_attention_changes_nothing():
    whole, without = small().eval(), alive(small("hrnet-de"))
    missing = whole.load_state_dict(without.state_dict(), strict=False).missing_keys
    assert missing
    assert all(key.startswith(("attentions.", "scale_attention.")) for key in missing)
    image = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(whole(image), without(image))
        assert without(image)[-1].std() > 0.05


@pytest.mark.parametrize("part", ["attentions", "scale_attention"])
def test_trained_attention_changes_something(part):
    network = alive(small())
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = network(image)[-1]
        for name, p in getattr(network, part).named_parameters():
            if "gamma" in name or "_branch.2" in name:
                p.fill_(1.0)
        assert not torch.allclose(before, network(image)[-1], atol=1e-2)


def test_a_batch_gives_what_its_images_give_alone():
    network = alive(small())
    with torch.no_grad():
        for name, p in network.named_parameters():
            if "gamma" in name:
                p.fill_(0.5)
    images = torch.randn(3, 3, 64, 96)
    with torch.inference_mode():
        together = network(images)
        alone = [network(image[None]) for image in images]
    for k, p in enumerate(together):
        torch.testing.assert_close(p, torch.cat([maps[k] for maps in alone]), atol=1e-5, rtol=1e-4)
        assert p.std() > 0.05


def test_every_parameter_has_a_gradient():
    """Otherwise distributed training stops."""
    network = small()
    sum(p.sum() for p in network(torch.rand(2, 3, 64, 64))).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_an_untrained_network_begins_about_the_prior():
    with torch.inference_mode():
        for p in small()(torch.randn(2, 3, 64, 64)):
            assert 0.05 < p.mean() < 0.35


def test_one_channel_is_repeated():
    network = alive(small())
    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(network(image), network(image.repeat(1, 3, 1, 1)))


def test_maps_are_float32_under_autocast():
    network = alive(small())
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        exact = network(image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            maps = network(image)
    for p, q in zip(exact, maps, strict=True):
        assert q.dtype == torch.float32
        assert not torch.equal(q, q.bfloat16().float())
        assert (q - p).abs().mean() < 0.02
        assert p.std() > 0.05


@pytest.mark.parametrize("image", [torch.rand(3, 64, 64), torch.rand(1, 2, 64, 64), torch.rand(1, 3, 0, 64)])
def test_an_image_of_another_shape_is_refused(image):
    with pytest.raises(DataError, match="takes"):
        small("hrnet")(image)


def test_an_integer_image_is_refused():
    with pytest.raises(DataError, match="float image"):
        small("hrnet")(torch.zeros(1, 3, 64, 64, dtype=torch.int16))


def test_no_channel_is_refused():
    with pytest.raises(UsageError, match="in_chans=0"):
        small(in_chans=0)


def test_scale_weights_can_be_looked_at():
    network = small().eval()
    with torch.inference_mode():
        weights = network.scale_attention.scale_weights(network.features(torch.rand(2, 3, 64, 64)))
    torch.testing.assert_close(weights, torch.ones(2, 4))


@pytest.mark.parametrize("name", ["hrnet", "ahrnet"])
def test_it_learns_a_disc(name):
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    radius = ((y - 30) ** 2 + (x - 34) ** 2).sqrt().expand(4, 1, 64, 64)
    label, region = (radius <= 14).to(torch.uint8), radius <= 28
    image = label + 0.3 * torch.randn(label.shape)
    network, segmentation, level_set = small(name), SegmentationLoss(), RegionalLevelSetLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(25):
        maps = network(image)
        loss = segmentation(maps, label) + 0.1 * level_set(maps[-1], image, region)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    predicted = maps[-1] > 0.5
    dice = 2 * (predicted & (label == 1)).sum() / (predicted.sum() + label.sum())
    assert dice > 0.9
