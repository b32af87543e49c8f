import numpy as np
import pytest
from scipy import ndimage

from ulskit.phantom.kinds import KINDS
from ulskit.phantom.lesions import draw_lesion, lesion_truth, neighbour_cover
from ulskit.phantom.sections import Frame, paint_section
from ulskit.phantom.slices import LEVELS, draw_section, planning_frame
from ulskit.phantom.tissues import NUMBERS, TISSUES
from ulskit.phantom.trunk import draw_body


def _placed(kind, seed, **options):
    rng = np.random.default_rng(seed)
    body = draw_body(rng, "F")
    section = draw_section(rng, KINDS[kind].levels[0], body)
    plan = planning_frame(section)
    labels = paint_section(section, plan)
    return draw_lesion(rng, kind, labels, plan, **options), section, plan, labels


def test_shares_of_the_kinds_make_a_whole_and_their_tissues_exist():
    assert sum(kind.share for kind in KINDS.values()) == pytest.approx(1)
    assert sorted(kind.code for kind in KINDS.values()) == list(range(1, 9))
    for kind in KINDS.values():
        references = {reference for reference, _, _ in kind.contrasts} - {""}
        assert {*kind.home, *kind.room, *references} <= TISSUES.keys()
        assert set(kind.home) <= set(kind.room)
        assert set(kind.levels) <= LEVELS.keys()
        assert sum(kind.shapes) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_a_lesion_lies_in_its_tissue_as_one_piece_without_holes(kind, seed):
    lesion, section, plan, labels = _placed(kind, seed)
    x, y = np.rint(plan.to_px(lesion.center_mm)).astype(int)
    assert labels[y, x] in [NUMBERS[name] for name in KINDS[kind].home]
    center = (float(lesion.center_mm[0]), float(lesion.center_mm[1]))
    frame = Frame(size=160, spacing_mm=0.8, center_mm=center).oversampled(2)
    fine = paint_section(section, frame)
    found = lesion_truth(lesion, fine, frame)
    if found is None:
        pytest.skip("it found no room")
    mask, cover = found
    assert ndimage.label(mask)[1] == 1
    assert np.array_equal(ndimage.binary_fill_holes(mask), mask)
    room = [NUMBERS[name] for name in KINDS[kind].room]
    assert np.isin(fine[cover > 0], room).all()
    half = cover.reshape(160, 2, 160, 2).mean(axis=(1, 3)) >= 0.5
    assert (half & ~mask).sum() <= 0.1 * mask.sum()


def test_lesions_on_one_section_keep_clear_of_each_other():
    first, _, plan, labels = _placed("liver", 1)
    for seed in range(5):
        second = draw_lesion(np.random.default_rng(seed), "liver", labels, plan, taken=[first])
        if second is not None:
            distance = np.linalg.norm(second.center_mm - first.center_mm)
            assert distance > (first.long_axis_mm + second.long_axis_mm) / 2


def test_there_is_none_where_its_tissue_is_not():
    _, _, plan, labels = _placed("liver", 1)
    assert draw_lesion(np.random.default_rng(0), "lung", np.zeros_like(labels), plan) is None


def test_the_long_axis_keeps_its_bounds():
    for seed in range(6):
        lesion = _placed("lung", seed, long_axis_mm=(10.0, 15.0))[0]
        assert 10 <= lesion.long_axis_mm <= 15


def test_a_neighbour_grows_only_where_a_lesion_may():
    for seed in range(12):
        lesion, _, plan, labels = _placed("abdomen", seed)
        cover = neighbour_cover(lesion, labels, plan)
        if cover is not None and cover.any():
            assert np.isin(labels[cover > 0], [NUMBERS[name] for name in KINDS["abdomen"].room]).all()
            return
    raise AssertionError("no lesion of twelve had a neighbour")
