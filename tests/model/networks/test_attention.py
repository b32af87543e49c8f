"""The attentions against the formulae of Fu et al., and against what they promise."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ulskit.model.networks.dual_attention import ChannelAttention, DualAttention, PositionAttention
from ulskit.model.networks.scale_attention import ScaleAttention


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def trained(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith("gamma"):
                p.fill_(0.7)
    return module.double()


def fu_position(m: PositionAttention, a: torch.Tensor) -> torch.Tensor:
    """Fu et al., section 3.2: S_ji = exp(B_i · C_j) / Σ_i exp(B_i · C_j), E_j = α Σ_i S_ji D_i."""
    b, c, d = (
        torch.einsum("oc,ncyx->noyx", layer.weight[:, :, 0, 0], a) + layer.bias[:, None, None]
        for layer in (m.key, m.query, m.value)
    )
    s = torch.einsum("nchw,ncyx->nyxhw", b, c).exp()
    s = s / s.sum(dim=(3, 4), keepdim=True)
    return m.gamma * torch.einsum("nyxhw,nchw->ncyx", s, d)


def fu_channel(m: ChannelAttention, a: torch.Tensor) -> torch.Tensor:
    """Fu et al., section 3.3, with the energy turned round as in their code: largest − energy."""
    energy = torch.einsum("niyx,njyx->nij", a, a)
    weight = (energy.max(dim=2, keepdim=True).values - energy).softmax(dim=2)
    return m.gamma * torch.einsum("nij,njyx->niyx", weight, a)


@pytest.mark.parametrize("channels", [4, 16, 32])
def test_dual_attention_is_that_of_fu_et_al(channels):
    m = trained(DualAttention(channels))
    x = 0.3 * torch.randn(2, channels, 5, 7, dtype=torch.float64)
    expected = x + fu_position(m.position, x) + fu_channel(m.channel, x)
    torch.testing.assert_close(m(x), expected, atol=1e-5, rtol=1e-5)
    m32, x32 = m.float(), x.float()
    torch.testing.assert_close(m32(x32), expected.float(), atol=1e-5, rtol=1e-4)


def test_dual_attention_begins_as_identity():
    x = torch.randn(2, 16, 6, 6)
    torch.testing.assert_close(DualAttention(16)(x), x)


def test_position_attention_moves_with_the_positions():
    m = trained(PositionAttention(16))
    x = torch.randn(1, 16, 4, 6, dtype=torch.float64)
    torch.testing.assert_close(m(x.flip(3).transpose(2, 3)), m(x).flip(3).transpose(2, 3))


def test_gradients_agree_with_finite_differences():
    m = trained(DualAttention(8))
    x = torch.randn(1, 8, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(m, (x,))


def test_channel_attention_is_computed_in_float32_under_autocast():
    """Energies of 64 × 64 positions differ by less than bfloat16 resolves."""
    m = ChannelAttention()
    nn.init.ones_(m.gamma)
    x = torch.rand(1, 8, 64, 64).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = m(x)
    torch.testing.assert_close(low.float(), m(x.float()), atol=0.02, rtol=0.01)


def test_scale_attention_begins_at_one():
    features = [torch.randn(2, c, 8, 8) for c in (2, 4, 8)]
    m = ScaleAttention([2, 4, 8])
    torch.testing.assert_close(m.scale_weights(features), torch.ones(2, 3))
    torch.testing.assert_close(m(features), features)


def test_scale_attention_weighs_each_image_and_scale_by_itself():
    features = [torch.randn(2, c, 8, 8) for c in (16, 32)]
    m = ScaleAttention([16, 32])
    for p in m.parameters():
        nn.init.normal_(p, std=0.5)
    weights = m.scale_weights(features)
    assert weights.shape == (2, 2)
    assert weights.min() > 0
    assert weights.max() < 2
    assert len(weights.unique()) == 4
    for k, (weighted, x) in enumerate(zip(m(features), features, strict=True)):
        torch.testing.assert_close(weighted, x * weights[:, k].reshape(2, 1, 1, 1))


def test_both_branches_of_scale_attention_count():
    features = [torch.randn(1, c, 8, 8) for c in (16, 32)]
    m = ScaleAttention([16, 32])
    for branch in (m.average_branch, m.maximum_branch):
        before = m.scale_weights(features)
        nn.init.normal_(branch[-1].weight)
        assert not torch.allclose(before, m.scale_weights(features))
