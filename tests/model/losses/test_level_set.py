"""The regional level set loss: equation 2, its gradient, and its invariances."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ulskit.errors import DataError, UsageError
from ulskit.model.losses import LevelSetLoss, RegionalLevelSetLoss, create_loss, regional_level_set_energy

SEEDS = st.integers(0, 2**32 - 1)


def random_case(seed=0, n=2, side=6, dtype=torch.float64):
    """Probability, intensity and a region of about half the pixels, never empty."""
    rng = torch.Generator().manual_seed(seed)
    p = torch.rand(n, 1, side, side, generator=rng, dtype=dtype)
    i = torch.rand(n, 1, side, side, generator=rng, dtype=dtype)
    region = torch.rand(n, 1, side, side, generator=rng) < 0.5
    region[:, :, 0, :2] = True
    return p, i, region


def equation_2(p, i, region, lambda_inside=1.0, lambda_outside=3.0):
    """Equation 2 as written, image by image, c1 and c2 not detached."""
    energies = []
    for p_n, i_n, region_n in zip(p, i, region, strict=True):
        q, v = p_n[region_n], i_n[region_n]
        c1 = (q * v).sum() / q.sum()
        c2 = ((1 - q) * v).sum() / (1 - q).sum()
        energy = lambda_inside * q * (v - c1).abs() ** 2 + lambda_outside * (1 - q) * (v - c2).abs() ** 2
        energies.append(energy.sum() / region_n.sum())
    return torch.stack(energies)


@pytest.mark.parametrize("lambdas", [(1.0, 3.0), (2.0, 0.5)])
def test_the_energy_is_equation_2(lambdas):
    p, i, region = random_case()
    torch.testing.assert_close(regional_level_set_energy(p, i, region, *lambdas), equation_2(p, i, region, *lambdas))


def test_the_gradient_through_the_means_vanishes():
    """c1 and c2 minimise the energy: detached or not, the gradient by p is the same."""
    p, i, region = random_case()
    p.requires_grad_()
    (through,) = torch.autograd.grad(equation_2(p, i, region).sum(), p)
    (detached,) = torch.autograd.grad(regional_level_set_energy(p, i, region).sum(), p)
    torch.testing.assert_close(detached, through, atol=1e-12, rtol=1e-12)
    assert detached.abs().max() > 1e-3


def test_the_gradient_is_the_closed_form():
    p, i, region = random_case(n=1)
    p.requires_grad_()
    (gradient,) = torch.autograd.grad(regional_level_set_energy(p, i, region).sum(), p)
    q, v = p.detach()[region], i[region]
    c1, c2 = (q * v).sum() / q.sum(), ((1 - q) * v).sum() / (1 - q).sum()
    torch.testing.assert_close(gradient[region], ((v - c1) ** 2 - 3 * (v - c2) ** 2) / region.sum())


@pytest.mark.parametrize("standardise", ["none", "image", "region"])
def test_gradients_agree_with_finite_differences(standardise):
    p, i, region = random_case(n=3)
    region[2] = False
    loss = RegionalLevelSetLoss(standardise=standardise)
    assert torch.autograd.gradcheck(lambda q: loss(q, i, region), (p.requires_grad_(),))


@settings(deadline=None, max_examples=50)
@given(seed=SEEDS, a=st.floats(0.01, 100), b=st.floats(-100, 100), negative=st.booleans())
def test_standardised_over_the_region_it_does_not_see_contrast_or_window(seed, a, b, negative):
    p, i, region = random_case(seed)
    loss = RegionalLevelSetLoss()
    torch.testing.assert_close(loss(p, (-a if negative else a) * i + b, region), loss(p, i, region), rtol=1e-6, atol=0)


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, standardise=st.sampled_from(["none", "image", "region"]))
def test_a_flip_or_another_order_of_images_does_not_count(seed, standardise):
    case = random_case(seed)
    loss = RegionalLevelSetLoss(standardise=standardise)
    for axis in (0, 2, 3):
        torch.testing.assert_close(loss(*(values.flip(axis) for values in case)), loss(*case))


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS)
def test_inside_and_outside_change_places_with_their_weights(seed):
    p, i, region = random_case(seed)
    torch.testing.assert_close(
        regional_level_set_energy(1 - p, i, region, 3.0, 1.0), regional_level_set_energy(p, i, region, 1.0, 3.0)
    )


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS)
def test_what_lies_beyond_the_region_does_not_count(seed):
    p, i, region = random_case(seed)
    expected = RegionalLevelSetLoss()(p, i, region)
    p[~region], i[~region] = torch.nan, torch.inf
    p.requires_grad_()
    loss = RegionalLevelSetLoss()(p, i, region)
    loss.backward()
    torch.testing.assert_close(loss, expected)
    assert (p.grad[~region] == 0).all()


def test_a_batch_is_the_mean_of_its_images():
    case = random_case(n=3)
    alone = [RegionalLevelSetLoss()(*(values[k : k + 1] for values in case)) for k in range(3)]
    torch.testing.assert_close(RegionalLevelSetLoss()(*case), torch.stack(alone).mean())


@pytest.mark.parametrize("standardise", ["none", "image", "region"])
def test_an_empty_region_is_nothing(standardise):
    p, i, region = random_case()
    p.requires_grad_()
    loss = RegionalLevelSetLoss(standardise=standardise)(p, i, torch.zeros_like(region))
    loss.backward()
    assert loss == 0
    assert (p.grad == 0).all()


@pytest.mark.parametrize("standardise", ["image", "region"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_without_contrast_is_nothing(standardise, dtype):
    p, _, region = random_case(dtype=dtype)
    p.requires_grad_()
    i = torch.full_like(p, 0.1)
    i[0, 0, 0, 0] += 1e-8  # rounding
    loss = RegionalLevelSetLoss(standardise=standardise)(p, i.detach(), region)
    loss.backward()
    assert loss == 0
    assert (p.grad == 0).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_map_of_one_value_is_finite(value):
    """Then one of the means is not defined."""
    _, i, region = random_case()
    p = torch.full_like(i, value, requires_grad=True)
    loss = RegionalLevelSetLoss()(p, i, region)
    loss.backward()
    assert loss.item() == pytest.approx(3.0 if value == 0 else 1.0)  # λ times the variance, which is 1
    assert torch.isfinite(p.grad).all()


def test_a_bright_disc_is_found():
    """The energy of the true mask is lower than that of one too small, too large, or inverted."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    radius = ((y - 32) ** 2 + (x - 32) ** 2).sqrt()[None, None]
    region = radius <= 20
    i = (radius <= 10).float() + 0.1 * torch.randn(radius.shape, generator=torch.Generator().manual_seed(0))
    loss = RegionalLevelSetLoss()
    energy = {r: loss((radius <= r).float(), i, region).item() for r in (7, 8, 9, 10, 11, 12, 13)}
    assert min(energy, key=energy.get) == 10


def test_ls_is_rls_over_the_whole_input():
    p, i, region = random_case()
    whole = torch.ones_like(region)
    assert LevelSetLoss()(p, i, region) == RegionalLevelSetLoss()(p, i, whole)
    assert LevelSetLoss()(p, i, region) != RegionalLevelSetLoss()(p, i, region)
    torch.testing.assert_close(
        RegionalLevelSetLoss(standardise="image")(p, i, whole), RegionalLevelSetLoss(standardise="region")(p, i, whole)
    )


def test_the_defaults_are_the_paper_s():
    loss = create_loss("rls")
    assert (loss.lambda_inside, loss.lambda_outside, loss.standardise) == (1.0, 3.0, "region")
    assert isinstance(create_loss("ls", standardise="none"), LevelSetLoss)


def test_it_is_computed_in_float32_under_autocast():
    p, i, region = random_case(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = RegionalLevelSetLoss()(p, i, region)
        half = RegionalLevelSetLoss()(p.bfloat16(), i.bfloat16(), region)
    assert loss.dtype == half.dtype == torch.float32
    assert loss == RegionalLevelSetLoss()(p, i, region)


def test_wrong_arguments_are_refused():
    p, i, region = random_case()
    with pytest.raises(DataError, match="of one shape"):
        RegionalLevelSetLoss()(p, i[:1], region)
    with pytest.raises(DataError, match="a region is bool"):
        RegionalLevelSetLoss()(p, i, region.float())
    with pytest.raises(UsageError, match="standardise"):
        RegionalLevelSetLoss(standardise="slice")
    with pytest.raises(UsageError, match="negative"):
        RegionalLevelSetLoss(lambda_inside=-1)
