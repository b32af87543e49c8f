"""nnU-Net's network, where dynamic-network-architectures is installed, and what is said where it is not."""

from __future__ import annotations

import sys

import pytest
import torch

from ulskit.errors import MissingExtraError, UsageError
from ulskit.model import create_model


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "dynamic_network_architectures.architectures.unet", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ulskit\[nnunet\]'"):
        create_model("nnunet")


def test_weights_are_refused():
    with pytest.raises(UsageError, match="starts from scratch"):
        create_model("nnunet", weights="file.pth")


def test_too_few_stages_are_refused():
    with pytest.raises(UsageError, match="stages=3"):
        create_model("nnunet", stages=3)


@pytest.mark.parametrize("size", [(128, 160), (100, 65)])
def test_deep_supervision_gives_the_three_maps(size):
    pytest.importorskip("dynamic_network_architectures")
    network = create_model("nnunet", stages=5)
    maps = network(torch.rand(2, 1, *size))
    assert [tuple(p.shape) for p in maps] == [(2, 1, -(-size[0] // s), -(-size[1] // s)) for s in (4, 2, 1)]
    assert all(p.dtype == torch.float32 and p.min() >= 0 and p.max() <= 1 for p in maps)
    sum(p.sum() for p in maps).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_it_has_the_widths_that_nnunet_plans_in_2d():
    pytest.importorskip("dynamic_network_architectures")
    assert create_model("nnunet").unet.encoder.output_channels == [32, 64, 128, 256, 512, 512]
