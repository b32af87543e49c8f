"""Label methods draw the lesion that was marked, each by its name."""

import numpy as np
import pytest

from ulskit.ct import SOFT_TISSUE
from ulskit.geometry.ellipse import ellipse_mask
from ulskit.labels import LABEL_METHODS, MarkedImage

ENDPOINTS = np.array([[30.0, 48.0], [70.0, 52.0], [52.0, 36.0], [48.0, 64.0]])
SHAPE = (100, 110)


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def marked(image=None):
    def read():
        assert image is not None, "this method is not to look at the image"
        return image

    return MarkedImage(endpoints_xy=ENDPOINTS, shape=SHAPE, read_hu=read, window=SOFT_TISSUE)


def lesion(truth, contrast_hu):
    rng = np.random.default_rng(0)
    return (rng.normal(-20, 12, SHAPE) + contrast_hu * truth).astype(np.int16)


def test_the_methods_are_those_of_the_documentation():
    assert {"quarter", "midpoints", "long-axis", "quadrilateral", "grabcut"} <= set(LABEL_METHODS.names())


@pytest.mark.parametrize("name", ["quarter", "midpoints", "long-axis", "quadrilateral"])
def test_methods_of_the_mark_alone_do_not_read_the_image(name):
    mask = LABEL_METHODS.get(name)(marked())
    np.testing.assert_array_equal(mask, ellipse_mask(ENDPOINTS, SHAPE, name))


def test_grabcut_finds_what_the_ellipse_misses():
    truth = ellipse_mask(ENDPOINTS, SHAPE)
    truth[40:50, 60:72] = True  # a bulge beyond the ellipse
    found = LABEL_METHODS.get("grabcut")(marked(lesion(truth, 120)))
    assert dice(found, truth) > 0.95
    assert dice(found, truth) > dice(ellipse_mask(ENDPOINTS, SHAPE), truth)


def test_grabcut_repeats_itself():
    image = lesion(ellipse_mask(ENDPOINTS, SHAPE), 30)
    one, other = (LABEL_METHODS.get("grabcut")(marked(image)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("value", [-1024, 40, 3000])
def test_grabcut_on_a_constant_image_still_gives_a_lesion(value):
    found = LABEL_METHODS.get("grabcut")(marked(np.full(SHAPE, value, np.int16)))
    assert found.any()
    assert found.shape == SHAPE


def test_grabcut_at_the_border_of_the_slice():
    endpoints = ENDPOINTS - [30, 36]
    truth = ellipse_mask(endpoints, SHAPE)
    at_border = MarkedImage(endpoints_xy=endpoints, shape=SHAPE, read_hu=lambda: lesion(truth, 120), window=SOFT_TISSUE)
    assert dice(LABEL_METHODS.get("grabcut")(at_border), truth) > 0.9
