"""Overlap and surface metrics against plain definitions and brute force."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt
from scipy.spatial.distance import cdist, directed_hausdorff
from skimage.measure import find_contours

from ulskit.errors import DataError, GeometryError, UsageError
from ulskit.geometry.ellipse import ellipse_mask
from ulskit.measure import measure_mask
from ulskit.metrics import segmentation_metrics, surface_distances

pairs = arrays(bool, (2, 9, 11))
spacings = st.tuples(st.floats(0.3, 3), st.floats(0.3, 3))
DISC = ellipse_mask([[20, 30], [40, 30], [30, 20], [30, 40]], (64, 64))


def _elements(mask, spacing):
    """Border elements (y, x in mm) and lengths, block by block, as their definition says."""
    padded = np.pad(mask, 1)
    points, lengths = [], []
    for y in range(padded.shape[0] - 1):
        for x in range(padded.shape[1] - 1):
            block = padded[y : y + 2, x : x + 2].astype(float)
            if 0 < block.sum() < 4:
                points.append([y * spacing[0], x * spacing[1]])
                # pixels at a corner of a block: one saddle, or the straight pieces that marching squares draws
                contours = find_contours(block, 0.5, fully_connected="high")
                lengths.append(sum(np.hypot(*(np.diff(it, axis=0) * spacing).T).sum() for it in contours))
    return np.array(points).reshape(-1, 2), np.array(lengths)


@given(pairs, spacings)
def test_overlap_by_definition(masks, spacing):
    a, b = masks
    assume(a.any() and b.any())
    found = segmentation_metrics(a, b, spacing)
    both = (a & b).sum()
    assert found.precision == pytest.approx(both / a.sum())
    assert found.recall == pytest.approx(both / b.sum())
    assert found.dice == pytest.approx(2 * both / (a.sum() + b.sum()))
    assert found.iou == pytest.approx(both / (a | b).sum())


@given(pairs, spacings, st.floats(0, 4))
def test_surface_metrics_by_brute_force(masks, spacing, tolerance):
    a, b = masks
    assume(a.any() and b.any())
    (points, lengths), (true_points, true_lengths) = _elements(a, spacing), _elements(b, spacing)
    between = cdist(points, true_points)
    to_true, to_found = between.min(axis=1), between.min(axis=0)
    assume(min(abs(to_true - tolerance).min(), abs(to_found - tolerance).min()) > 1e-9)
    found = segmentation_metrics(a, b, spacing, nsd_tolerance_mm=tolerance)
    near = lengths[to_true <= tolerance].sum() + true_lengths[to_found <= tolerance].sum()
    assert found.nsd == pytest.approx(near / (lengths.sum() + true_lengths.sum()))

    surfaces = surface_distances(a, b, spacing)
    hausdorff = max(directed_hausdorff(points, true_points)[0], directed_hausdorff(true_points, points)[0])
    assert surfaces.hausdorff_mm(1.0) == pytest.approx(hausdorff)
    for distances, its_lengths in ((to_true, lengths), (to_found, true_lengths)):  # 95 % of either lies within
        assert its_lengths[distances <= found.hd95_mm + 1e-9].sum() >= 0.95 * its_lengths.sum() - 1e-9
    less = np.concatenate([to_true, to_found])
    less = less[less < found.hd95_mm - 1e-9].max(initial=-1)  # and within no smaller distance
    assert (
        lengths[to_true <= less].sum() < 0.95 * lengths.sum()
        or true_lengths[to_found <= less].sum() < 0.95 * true_lengths.sum()
    )


@given(pairs, spacings)
def test_distances_agree_with_the_distance_transform(masks, spacing):
    a, b = masks
    assume(a.any() and b.any())
    (points, _), (true_points, _) = _elements(a, spacing), _elements(b, spacing)
    border = np.ones((10, 12), bool)
    border[tuple(np.rint(true_points / spacing).astype(int).T)] = False
    expected = distance_transform_edt(border, sampling=spacing)[tuple(np.rint(points / spacing).astype(int).T)]
    np.testing.assert_allclose(surface_distances(a, b, spacing).prediction_mm, np.sort(expected), atol=1e-9)


def test_a_mask_against_itself_is_perfect():
    found = segmentation_metrics(DISC, DISC, (0.8, 0.8))
    assert (found.precision, found.recall, found.dice, found.iou, found.nsd) == (1, 1, 1, 1, 1)
    assert (found.hd95_mm, found.long_axis_error_mm, found.short_axis_error_mm) == (0, 0, 0)


@pytest.mark.parametrize(("axis", "step_mm"), [(0, 0.5), (1, 2.0)])
def test_a_shift_is_found_in_mm(axis, step_mm):
    square = np.zeros((40, 40), bool)
    square[10:30, 10:30] = True
    found = segmentation_metrics(np.roll(square, 3, axis), square, (0.5, 2.0), nsd_tolerance_mm=3 * step_mm)
    assert found.hd95_mm == pytest.approx(3 * step_mm)
    assert found.nsd == 1


@given(pairs, spacings)
def test_exchanging_the_masks_exchanges_precision_and_recall(masks, spacing):
    there, back = (segmentation_metrics(*order, spacing).as_row() for order in (masks, masks[::-1]))
    there["precision"], there["recall"] = there["recall"], there["precision"]
    for name in ("long_axis_error_mm", "short_axis_error_mm"):
        there[name] = -there[name]
    np.testing.assert_allclose(list(there.values()), list(back.values()), atol=1e-9)


@given(pairs, spacings)
def test_flips_and_margins_change_nothing(masks, spacing):
    a, b = masks
    expected = list(segmentation_metrics(a, b, spacing).as_row().values())[:6]
    flipped = list(segmentation_metrics(a[:, ::-1], b[:, ::-1], spacing).as_row().values())[:6]
    wide = list(segmentation_metrics(np.pad(a, 7), np.pad(b, 7), spacing).as_row().values())[:6]
    np.testing.assert_allclose(flipped, expected, atol=1e-9)
    np.testing.assert_allclose(wide, expected, atol=1e-9)


def test_axis_errors_are_differences_of_measurements():
    smaller = ellipse_mask([[22, 30], [39, 31], [30, 24], [31, 37]], (64, 64))
    found = segmentation_metrics(smaller, DISC, (0.7, 0.9))
    ours, true = measure_mask(smaller, (0.7, 0.9)), measure_mask(DISC, (0.7, 0.9))
    assert found.long_axis_error_mm == pytest.approx(ours.long_axis_mm - true.long_axis_mm)
    assert found.short_axis_error_mm == pytest.approx(ours.short_axis_mm - true.short_axis_mm)


def test_both_empty_is_not_a_number():
    for shape in ((5, 5), (0, 0)):
        empty = np.zeros(shape, bool)
        assert all(map(math.isnan, segmentation_metrics(empty, empty, (1, 1)).as_row().values()))


@pytest.mark.parametrize("order", [1, -1])
def test_one_empty_is_a_miss(order):
    found = segmentation_metrics(*[DISC, np.zeros_like(DISC)][::order], (1, 1))
    assert (found.precision, found.recall, found.dice, found.iou, found.nsd) == (0, 0, 0, 0, 0)
    assert all(map(math.isnan, (found.hd95_mm, found.long_axis_error_mm, found.short_axis_error_mm)))


def test_ignored_pixels_are_background_in_both():
    other = DISC.copy()
    other[:25] = True
    ignore = np.zeros_like(DISC)
    ignore[:25] = True
    assert segmentation_metrics(other, DISC, (1, 1)).dice < 0.5
    assert segmentation_metrics(other, DISC, (1, 1), ignore=ignore).dice == 1


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="shape"):
        segmentation_metrics(DISC, DISC[1:], (1, 1))
    with pytest.raises(DataError, match="ignore"):
        segmentation_metrics(DISC, DISC, (1, 1), ignore=DISC[1:])
    with pytest.raises(DataError, match="0 and 1"):
        segmentation_metrics(DISC * np.uint8(255), DISC, (1, 1))
    with pytest.raises(GeometryError, match="spacing"):
        segmentation_metrics(DISC, DISC, (1, 0))
    with pytest.raises(UsageError, match="tolerance"):
        segmentation_metrics(DISC, DISC, (1, 1), nsd_tolerance_mm=-1)
