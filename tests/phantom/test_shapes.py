import numpy as np
import pytest
from scipy.spatial import ConvexHull
from shapely import Polygon

from ulskit.errors import GeometryError, UsageError
from ulskit.phantom.shapes import SHAPES, lesion_outline, normalized_outline, real_outline, split_outlines, turned


def _diameter(outline):
    return np.linalg.norm(outline[:, None] - outline, axis=-1).max()


def _solidity(outline):
    x, y = outline.T
    return abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2) / ConvexHull(outline).volume


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_an_outline_has_unit_diameter_and_does_not_cross_itself(kind, seed):
    outline = lesion_outline(np.random.default_rng(seed), kind)
    assert _diameter(outline) == pytest.approx(1)
    assert Polygon(outline).is_valid


def test_lobulated_and_spiculated_outlines_are_less_convex_than_smooth_ones():
    mean = {
        kind: np.mean([_solidity(lesion_outline(np.random.default_rng(s), kind)) for s in range(30)]) for kind in SHAPES
    }
    assert mean["smooth"] > mean["lobulated"]
    assert mean["smooth"] > mean["spiculated"]


def test_the_same_generator_draws_the_same_outline():
    first, second = (lesion_outline(np.random.default_rng(3), "spiculated") for _ in range(2))
    assert np.array_equal(first, second)


def test_turning_back_gives_the_same_points():
    points = np.random.default_rng(0).normal(size=(9, 2))
    assert np.allclose(turned(turned(points, 0.7), -0.7), points)


def test_a_real_outline_keeps_its_shape():
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4.0]])
    outline = real_outline(np.random.default_rng(1), [square])
    sides = np.linalg.norm(outline - np.roll(outline, 1, axis=0), axis=1)
    assert np.allclose(sides, np.sqrt(0.5))


def test_outlines_stored_end_to_end_are_split_and_scaled():
    points = np.arange(40).reshape(20, 2)
    parts = split_outlines(points, [0, 8, 11, 20], [0.5, 1.0, 2.0])
    assert [len(part) for part in parts] == [8, 9]
    assert np.array_equal(parts[0], points[:8] * 0.5)


def test_what_is_no_outline_is_refused():
    with pytest.raises(UsageError, match="no lesion shape 'star'"):
        lesion_outline(np.random.default_rng(0), "star")
    with pytest.raises(GeometryError, match="no extent"):
        normalized_outline(np.ones((5, 2)))
