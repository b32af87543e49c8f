import numpy as np
import pytest
from scipy import ndimage

from ulskit.errors import UsageError
from ulskit.phantom import KINDS, Lesion, draw_section, lesion_outline, phantom_slice, render_slice
from ulskit.phantom.acquisition import Scanner
from ulskit.phantom.sections import Frame, paint_section
from ulskit.phantom.slices import view_center_mm
from ulskit.phantom.tissues import NUMBERS, draw_tissue_hu
from ulskit.phantom.trunk import draw_body

FRAME = Frame(size=256, spacing_mm=1.7)


def _section(level, seed=0):
    return draw_section(np.random.default_rng(seed), level, draw_body(np.random.default_rng(seed), "M"))


def _rendered(level, noise_hu, seed=0):
    section = _section(level)
    hu = draw_tissue_hu(np.random.default_rng(1), "portal")
    scanner = Scanner(kernel_mm=0.6, noise_hu=noise_hu, shift_mm=0.2)
    shown = render_slice(np.random.default_rng(seed), section, [], FRAME, scanner=scanner, tissue_hu=hu)
    return shown, paint_section(section, FRAME), hu


def _deep(labels, name):
    return ndimage.binary_erosion(labels == NUMBERS[name], iterations=2)


@pytest.mark.parametrize(
    ("level", "name"),
    [
        ("upper thorax", "lung"),
        ("upper abdomen", "liver"),
        ("lower abdomen", "muscle"),
        ("lower pelvis", "urine"),
        ("lower thorax", "heart muscle"),
    ],
)
def test_tissue_has_its_mean_hu_in_the_image(level, name):
    shown, labels, hu = _rendered(level, 10.0)
    inside = shown.image_hu[_deep(labels, name)]
    assert len(inside) > 30
    assert inside.mean() == pytest.approx(hu[NUMBERS[name]], abs=25 if name == "lung" else 8)


def test_noise_in_the_body_has_the_stated_spread():
    quiet, labels, _ = _rendered("upper abdomen", 0.0, seed=4)
    noisy, _, _ = _rendered("upper abdomen", 20.0, seed=4)
    difference = (noisy.image_hu.astype(float) - quiet.image_hu)[_deep(labels, "liver")]
    assert 12 < difference.std() < 26


def test_the_same_seed_gives_the_same_slice_and_another_gives_another():
    first, second, third = (phantom_slice(np.random.default_rng(seed), "kidney", size=128) for seed in (3, 3, 4))
    assert np.array_equal(first.image_hu, second.image_hu)
    assert all(np.array_equal(a, b) for a, b in zip(first.masks, second.masks, strict=True))
    assert not np.array_equal(first.image_hu, third.image_hu)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lesion_of_every_kind_lies_in_the_body_and_differs_from_what_surrounds_it(kind):
    seen = 0
    for seed in range(4):
        shown = phantom_slice(np.random.default_rng(seed), kind, size=256, spacing_mm=0.8)
        assert shown.image_hu.dtype == np.int16
        for mask in shown.masks:
            if mask is None or mask.sum() < 60:
                continue
            seen += 1
            assert shown.body[mask].all()
            inside = shown.image_hu[ndimage.binary_erosion(mask, iterations=1)].mean()
            ring = ndimage.binary_dilation(mask, iterations=6) & ~ndimage.binary_dilation(mask, iterations=2)
            assert np.abs(shown.image_hu[ring].astype(float) - inside).mean() > 4
    assert seen


def test_a_lung_nodule_is_soft_tissue_in_lung():
    shown = phantom_slice(np.random.default_rng(6), "lung", size=256, spacing_mm=0.8)
    core = ndimage.binary_erosion(shown.masks[0], iterations=2)
    assert -200 < shown.image_hu[core].mean() < 100


def test_a_small_field_of_view_is_moved_to_the_lesion():
    section = _section("upper abdomen")
    lesion = Lesion(
        kind="liver",
        center_mm=np.array([-90.0, 10.0]),
        outline=lesion_outline(np.random.default_rng(0)),
        long_axis_mm=20,
        reference="liver",
        offset_hu=-40,
        edge_mm=0,
    )
    center = view_center_mm(section, [lesion], 120.0)
    assert np.abs(lesion.center_mm - center).max() < 60 - 15
    assert view_center_mm(section, [lesion], 480.0) == (0.0, 0.0)


def test_the_round_field_of_view_ends_in_its_own_value():
    shown, _, _ = _rendered("upper thorax", 10.0)
    assert (shown.image_hu[[0, 0, -1, -1], [0, -1, 0, -1]] == -1024).all()


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="no lesion type"):
        phantom_slice(np.random.default_rng(0), "brain")
    with pytest.raises(UsageError, match="no level"):
        draw_section(np.random.default_rng(0), "head", draw_body(np.random.default_rng(0), "F"))
