"""Ellipses through marks, region I′ and lens: properties, and Dice on real masks."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ulskit.errors import GeometryError, UsageError
from ulskit.geometry.ellipse import (
    ELLIPSES,
    HALF_PIXEL,
    constrained_region,
    ellipse_mask,
    outer_lens,
    quadrilateral_mask,
    quarter_ellipse,
)
from ulskit.geometry.recist import axis_lengths_px, crossing

SHAPE = (90, 110)
METHODS = [*ELLIPSES, "quadrilateral"]


@st.composite
def marks(draw, whole=False):
    """Crossing marks, neither perpendicular nor bisecting, well within SHAPE even when doubled."""
    center = np.array([draw(st.floats(48, 60)), draw(st.floats(40, 50))])
    angle = draw(st.floats(0, 2 * np.pi))
    tilt = angle + np.radians(draw(st.floats(70, 110)))
    long_px = draw(st.floats(8, 24))
    short_px = long_px * draw(st.floats(0.4, 1))
    ends = []
    for direction, length in ((angle, long_px), (tilt, short_px)):
        share = draw(st.floats(0.3, 0.7))
        unit = np.array([np.cos(direction), np.sin(direction)])
        ends += [center - unit * length * share, center + unit * length * (1 - share)]
    points = np.array(ends)
    return np.round(points) if whole else points


def _dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@given(marks())
def test_the_quarter_ellipse_passes_through_every_endpoint(mark):
    np.testing.assert_allclose(quarter_ellipse(mark).radius(mark), 1)


@given(marks(whole=True), st.sampled_from(METHODS))
def test_the_mask_holds_what_it_is_drawn_through(mark, method):
    assume(crossing(mark) is not None)
    mask = ellipse_mask(mark, SHAPE, method)
    if method in ("quarter", "quadrilateral"):
        x, y = mark.astype(int).T
        assert mask[y, x].all()


@given(marks())
def test_area_is_that_of_four_quarter_ellipses(mark):
    ellipse = quarter_ellipse(mark).grown(HALF_PIXEL)
    skew = abs(np.linalg.det(ellipse.directions_xy))
    area = np.pi / 4 * ellipse.semi_axes_px[0].sum() * ellipse.semi_axes_px[1].sum() * skew
    boundary = np.pi * ellipse.semi_axes_px.max()
    assert abs(ellipse_mask(mark, SHAPE).sum() - area) < boundary  # rasterisation: well under a pixel's width


@given(marks())
def test_the_region_has_four_times_the_area_and_holds_the_ellipse(mark):
    ellipse, region = ellipse_mask(mark, SHAPE), constrained_region(mark, SHAPE)
    assert not (ellipse & ~region).any()
    assert region.sum() / ellipse.sum() == pytest.approx(4, rel=3 / np.sqrt(ellipse.sum()))


@given(marks(), st.sampled_from(METHODS), st.integers(-20, 20), st.integers(-20, 20))
def test_whole_translations_move_the_mask(mark, method, dx, dy):
    away = np.roll(ellipse_mask(mark, SHAPE, method), (dy, dx), axis=(0, 1))
    assert (
        ellipse_mask(mark + np.array([dx, dy]), SHAPE, method) != away
    ).sum() <= 2  # a pixel may lie on the outline itself


@given(marks(), st.sampled_from(METHODS))
def test_flips_and_quarter_turns_carry_over(mark, method):
    mask = ellipse_mask(mark, SHAPE, method)
    height, width = SHAPE
    flipped = mark * [-1, 1] + [width - 1, 0]
    assert (ellipse_mask(flipped, SHAPE, method) != mask[:, ::-1]).sum() <= 2
    turned = np.stack([mark[:, 1], width - 1 - mark[:, 0]], axis=1)
    assert (ellipse_mask(turned, (width, height), method) != np.rot90(mask)).sum() <= 2


@given(marks(), st.floats(0, 2 * np.pi))
def test_any_rotation_carries_over_within_rasterisation(mark, angle):
    center = np.array([54.0, 45.0])
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = (mark - center) @ rotation + center
    assert ellipse_mask(turned, SHAPE).sum() == pytest.approx(ellipse_mask(mark, SHAPE).sum(), abs=4 + mark.std() * 2)
    grid = np.stack(np.meshgrid(np.arange(SHAPE[1]), np.arange(SHAPE[0])), axis=-1) - center
    np.testing.assert_allclose(
        quarter_ellipse(turned).radius(grid @ rotation + center), quarter_ellipse(mark).radius(grid + center)
    )


@given(marks())
def test_the_order_of_the_ends_does_not_matter(mark):
    mask = ellipse_mask(mark, SHAPE)
    for order in ([1, 0, 2, 3], [0, 1, 3, 2], [1, 0, 3, 2]):
        assert (ellipse_mask(mark[order], SHAPE) != mask).sum() <= 2


@given(marks())
def test_the_lens_holds_the_ellipse(mark):
    ends = mark.reshape(2, 2, 2)
    long_px, short_px = axis_lengths_px(mark)
    assume(np.linalg.norm(ends[0][:, None] - ends[1], axis=-1).max() <= long_px)
    assume(short_px <= 0.9 * long_px)
    assert not (ellipse_mask(mark, SHAPE) & ~outer_lens(mark, SHAPE)).any()


def test_axes_that_do_not_cross_give_the_ellipse_of_the_midpoints():
    mark = np.array([[20.0, 40], [60, 40], [30, 45], [30, 60]])
    assert (ellipse_mask(mark, SHAPE) == ellipse_mask(mark, SHAPE, "midpoints")).all()
    assert ellipse_mask(mark, SHAPE).any()


def test_beyond_the_image_is_cut_off():
    mark = np.array([[-10.0, 0], [10, 0], [0, -8], [0, 8]])
    whole = ellipse_mask(mark + 40, SHAPE)
    assert (ellipse_mask(mark, SHAPE)[:12, :12] == whole[40:52, 40:52]).all()
    assert not ellipse_mask(mark - 500, SHAPE).any()


@pytest.mark.parametrize("draw", [ellipse_mask, constrained_region, outer_lens, quadrilateral_mask])
@pytest.mark.parametrize("mark", [np.zeros((4, 2)), np.full((4, 2), np.nan), np.ones((3, 2))])
def test_degenerate_marks_are_refused(draw, mark):
    with pytest.raises(GeometryError):
        draw(mark, SHAPE)


def test_unknown_methods_and_tolerances_are_refused():
    mark = np.array([[20.0, 40], [60, 40], [40, 30], [40, 50]])
    with pytest.raises(UsageError, match="quarter"):
        ellipse_mask(mark, SHAPE, "circle")
    with pytest.raises(GeometryError, match="tolerance"):
        outer_lens(mark, SHAPE, -0.1)


def test_dice_on_masks_drawn_by_hand(shared_data):
    data = np.load(shared_data / "deeplesion-manual-masks.npz")
    masks = np.unpackbits(data["mask"], axis=-1).astype(bool)
    dice = [
        _dice(ellipse_mask(mark - 0.5, mask.shape), mask)
        for mask, mark in zip(masks, data["endpoints"], strict=True)
        if mask.any()
    ]
    assert len(dice) == 148
    assert np.mean(dice) >= 0.885
