import cv2
import numpy as np
import pytest

from ulskit.phantom.sections import Canvas, Frame, closed_curve, holds, paint_section
from ulskit.phantom.slices import LEVELS, draw_section
from ulskit.phantom.tissues import NAMES, NUMBERS
from ulskit.phantom.trunk import draw_body, half_extent_mm


def _section(level, seed=0, z_mm=0.0):
    body = draw_body(np.random.default_rng(seed), "F" if seed % 2 else "M")
    return body, draw_section(np.random.default_rng(seed), level, body, z_mm)


def _tissues(section, frame):
    return {NAMES[number] for number in np.unique(paint_section(section, frame))}


def test_pixels_and_millimetres_convert_back_and_forth():
    frame = Frame(size=64, spacing_mm=0.7, center_mm=(5.0, -3.0), turn_rad=0.2, oversampling=2)
    points = np.random.default_rng(0).normal(0, 20, (7, 2))
    assert np.allclose(frame.to_mm(frame.to_px(points)), points)


def test_the_middle_of_the_image_shows_the_centre():
    frame = Frame(size=64, spacing_mm=0.7, center_mm=(5.0, -3.0), turn_rad=0.2)
    assert np.allclose(frame.to_px(np.array([5.0, -3.0])), 31.5)


@pytest.mark.parametrize(
    ("level", "organs"),
    [
        ("upper thorax", {"lung", "aorta", "airway", "cancellous bone", "mediastinal fat", "lung vessel"}),
        ("lower thorax", {"lung", "heart muscle", "heart blood", "aorta", "cortical bone"}),
        ("upper abdomen", {"liver", "spleen", "aorta", "vein", "abdominal fat", "stomach wall"}),
        ("middle abdomen", {"liver", "kidney cortex", "kidney medulla", "pancreas", "stool", "aorta"}),
        ("lower abdomen", {"bowel wall", "muscle", "aorta", "vein", "spinal canal"}),
        ("upper pelvis", {"pelvic fat", "cancellous bone", "bowel wall", "muscle"}),
        ("lower pelvis", {"urine", "rectum", "cancellous bone", "pelvic fat", "pelvic organ"}),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_every_level_shows_its_organs(level, organs, seed):
    _, section = _section(level, seed)
    assert organs | {"skin", "subcutaneous fat", "muscle"} <= _tissues(section, Frame(size=480, spacing_mm=1.0))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(3))
def test_organs_stay_within_the_skin(level, seed):
    body, section = _section(level, seed)
    labels = paint_section(section, Frame(size=480, spacing_mm=1.0))
    bare = ("air", "skin", "subcutaneous fat", "couch shell", "couch core", "clothing")
    inner = ~np.isin(labels, [NUMBERS[name] for name in bare])
    outer = np.isin(labels, [NUMBERS[name] for name in ("air", "couch shell", "couch core", "clothing")]).astype(
        np.uint8
    )
    touching = inner & (cv2.dilate(outer, np.ones((3, 3), np.uint8)) > 0)
    assert touching.sum() <= 0.002 * inner.sum(), (body, half_extent_mm(body))


def test_a_neighbouring_slice_differs_a_little():
    frame = Frame(size=480, spacing_mm=1.0)
    here, same, near = (paint_section(_section("upper abdomen", 2, z)[1], frame) for z in (0.0, 0.0, 5.0))
    assert np.array_equal(here, same)
    assert 0 < (here != near).mean() < 0.12


def test_a_closed_curve_passes_its_corners():
    corners = np.array([[0, 0], [10, 0], [10, 8], [0, 8.0]])
    curve = closed_curve(corners)
    assert np.allclose(curve[::12], corners)
    assert holds(curve, np.array([[5.0, 4.0]]))
    assert not holds(curve, np.array([[5.0, 4.0], [50.0, 4.0]]))


def test_vessels_thin_out_and_end():
    canvas = Canvas(np.random.default_rng(0))
    canvas.tree("lung vessel", np.zeros(2), 0.0, 20.0, 5.0, shown=1.0, thin="small lung vessel")
    widths = {part.tissue: part.width_mm for part in canvas.parts}
    assert set(widths) == {"lung vessel", "small lung vessel"}
    assert len(canvas.parts) < 200
