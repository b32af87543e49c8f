"""The segmentation loss against sums by hand, its gradient, and what it makes of labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ulskit.errors import DataError, RegistryError, UsageError
from ulskit.model.losses import SegmentationLoss, binary_cross_entropy, create_loss, list_losses, soft_iou_loss
from ulskit.model.losses.segmentation import pooled_label

IGNORE = 255


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def random_case(rng, n=2, side=8, dtype=torch.float64):
    p = torch.rand(n, 1, side, side, generator=rng, dtype=dtype) * 0.98 + 0.01
    label = torch.tensor([0, 1, IGNORE], dtype=torch.uint8)[torch.randint(0, 3, p.shape, generator=rng)]
    return p, label


def by_hand(p: np.ndarray, label: np.ndarray) -> float:
    """Equation 3 for one image, pixel by pixel."""
    bce, above, below, pixels = 0.0, 0.0, 0.0, 0
    for probability, state in zip(p.ravel(), label.ravel(), strict=True):
        if state == IGNORE:
            continue
        g = float(state)
        bce -= g * np.log(probability) + (1 - g) * np.log(1 - probability)
        above += g * probability
        below += g + probability - g * probability
        pixels += 1
    return bce / pixels + 1 - above / below


def test_one_map_is_equation_3(rng):
    p, label = random_case(rng)
    expected = np.mean([by_hand(*pair) for pair in zip(p.numpy(), label.numpy(), strict=True)])
    assert SegmentationLoss()([p], label).item() == pytest.approx(expected, rel=1e-12)


def test_three_maps_are_the_sum_over_three_labels(rng):
    p3, label = random_case(rng)
    p2, p1 = (torch.rand(2, 1, s, s, generator=rng, dtype=torch.float64) for s in (4, 2))
    expected = sum(SegmentationLoss()([p], pooled_label(label, tuple(p.shape[-2:]))) for p in (p1, p2, p3))
    torch.testing.assert_close(SegmentationLoss()((p1, p2, p3), label), expected)


def test_a_label_without_channel_axis(rng):
    p, label = random_case(rng)
    assert SegmentationLoss()([p], label) == SegmentationLoss()([p], label[:, 0])


def test_gradients_agree_with_finite_differences(rng):
    p, label = random_case(rng, n=3)
    p1 = torch.rand(3, 1, 2, 2, generator=rng, dtype=torch.float64) * 0.8 + 0.1
    label[2] = 0
    assert torch.autograd.gradcheck(
        lambda a, b: SegmentationLoss()((a, b), label), (p1.requires_grad_(), p.requires_grad_())
    )


def test_ignored_pixels_have_no_gradient_and_no_say(rng):
    p, label = random_case(rng)
    ignored = label == IGNORE
    before = SegmentationLoss()([p], label)
    p[ignored] = torch.nan
    p.requires_grad_()
    loss = SegmentationLoss()([p], label)
    loss.backward()
    assert loss == before
    assert (p.grad[ignored] == 0).all()
    assert (p.grad[~ignored] != 0).all()


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_an_image_that_is_ignored_as_a_whole_adds_nothing(value):
    p = torch.full((1, 1, 4, 4), value, requires_grad=True)
    loss = SegmentationLoss()([p], torch.full((1, 1, 4, 4), IGNORE, dtype=torch.uint8))
    loss.backward()
    assert loss == 0
    assert (p.grad == 0).all()


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_without_foreground_the_cross_entropy_speaks_alone(value):
    p = torch.full((1, 1, 4, 4), value, requires_grad=True)
    label = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    loss = SegmentationLoss()([p], label)
    loss.backward()
    assert loss == binary_cross_entropy(p, label == 1, label != IGNORE)
    assert torch.isfinite(loss)
    assert torch.isfinite(p.grad).all()


def test_a_perfect_map_has_no_loss_and_its_inverse_a_finite_one(rng):
    _, label = random_case(rng, dtype=torch.float32)
    perfect = (label == 1).float()
    assert SegmentationLoss()([perfect], label) == 0
    worst = SegmentationLoss()([1 - perfect], label)
    assert worst == pytest.approx(101)


def test_iou_is_that_of_sets_for_a_binary_map():
    p = torch.zeros(1, 1, 4, 4)
    p[..., :2, :] = 1
    g = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    g[..., 1:3, :] = True
    assert soft_iou_loss(p, g, torch.ones_like(g)).item() == pytest.approx(1 - 4 / 12)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_images_and_a_flip_do_not_count(seed):
    p, label = random_case(torch.Generator().manual_seed(seed), n=3)
    loss = SegmentationLoss()
    expected = loss([p], label)
    torch.testing.assert_close(loss([p.flip(0)], label.flip(0)), expected)
    torch.testing.assert_close(loss([p.flip(3)], label.flip(3)), expected)
    torch.testing.assert_close(torch.stack([loss([p[i : i + 1]], label[i : i + 1]) for i in range(3)]).mean(), expected)


def test_it_is_computed_in_float32_under_autocast(rng):
    p, label = random_case(rng, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = SegmentationLoss()([p], label)
        half = SegmentationLoss()([p.bfloat16()], label)
    assert loss.dtype == half.dtype == torch.float32
    assert loss == SegmentationLoss()([p], label)


def test_a_pooled_label_takes_the_majority_and_ignore_before_foreground_before_background():
    label = torch.tensor([[1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 255, 255]], dtype=torch.uint8)[None, None]
    assert pooled_label(label, (1, 3)).tolist() == [[[[1, 0, 255]]]]


def test_a_border_that_is_cut_off_is_pooled_over_what_is_there():
    label = torch.zeros(1, 1, 5, 6, dtype=torch.uint8)
    label[0, 0, 4, 4:] = 1
    label[0, 0, 0, 0] = IGNORE
    assert pooled_label(label, (2, 2)).tolist() == [[[[0, 0], [0, 1]]]]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), factor=st.sampled_from([2, 4, 8]))
def test_a_label_of_whole_squares_pools_to_its_squares(seed, factor):
    _, label = random_case(torch.Generator().manual_seed(seed), side=5)
    fine = label.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    assert torch.equal(pooled_label(fine, (5, 5)), label)


@pytest.mark.parametrize(
    ("maps", "label"),
    [
        ([], (1, 1, 8, 8)),
        ([(1, 1, 3, 3)], (1, 1, 8, 8)),
        ([(2, 1, 8, 8)], (1, 1, 8, 8)),
        ([(1, 2, 8, 8)], (1, 1, 8, 8)),
        ([(1, 1, 16, 16)], (1, 1, 8, 8)),
        ([(1, 1, 8, 8)], (8, 8)),
    ],
)
def test_shapes_that_do_not_belong_together_are_refused(maps, label):
    with pytest.raises(DataError):
        SegmentationLoss()([torch.rand(shape) for shape in maps], torch.zeros(label, dtype=torch.uint8))


def test_losses_have_names():
    assert {"seg", "rls", "ls"} <= set(list_losses())
    assert isinstance(create_loss("seg"), SegmentationLoss)
    with pytest.raises(RegistryError, match=r"no loss 'rsl'; there is .*rls"):
        create_loss("rsl")
    with pytest.raises(UsageError, match=r"loss 'rls': .*'lambda1'"):
        create_loss("rls", lambda1=2)
