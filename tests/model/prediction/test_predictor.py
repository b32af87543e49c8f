"""Prediction: maps lie on the slice where the box is, and damaged or foreign checkpoints are named."""

import numpy as np
import pytest
import torch
from torch import nn

from ulskit.errors import GeometryError, MissingFileError, RunError
from ulskit.model.feeding.augmentation import WINDOWS
from ulskit.model.feeding.roi import RoiSettings
from ulskit.model.prediction.predictor import Predictor, load_predictor


class Threshold(nn.Module):
    """A network whose probability is the soft-tissue window: bright is lesion."""

    def forward(self, image):
        return (image[:, :1] * 0.25 + 0.5,)


@pytest.fixture
def predictor():
    return Predictor(network=Threshold(), roi=RoiSettings(), device=torch.device("cpu"))


def disc(center, radius, shape=(300, 340)):
    y, x = np.indices(shape)
    return (x - center[0]) ** 2 + (y - center[1]) ** 2 <= radius**2


@pytest.mark.parametrize(("center", "radius"), [((150, 140), 8), ((170, 120), 40), ((150, 150), 90), ((12, 9), 10)])
def test_the_mask_is_where_the_lesion_is(predictor, center, radius):
    truth = disc(center, radius)
    image = np.where(truth, WINDOWS[0].high_hu, WINDOWS[0].low_hu).astype(np.int16)
    x, y = center
    mask = predictor.mask(image, [x - radius - 5, y - radius - 5, x + radius + 5, y + radius + 5])
    assert mask.shape == image.shape
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.96


def test_nothing_is_found_beyond_the_sub_image(predictor):
    image = np.full((300, 340), WINDOWS[0].high_hu, np.int16)
    probability = predictor.probability(image, [100, 100, 140, 120])
    rows, columns = np.nonzero(probability > 0.01)
    assert abs((columns.max() - columns.min() + 1) - 60) <= 2
    assert abs((rows.max() - rows.min() + 1) - 60) <= 2
    assert abs(columns.mean() - 120) < 1
    assert abs(rows.mean() - 110) < 1


def test_moving_the_image_moves_the_mask(predictor):
    rng = np.random.default_rng(0)
    image = rng.integers(-160, 240, (200, 200)).astype(np.int16)
    one = predictor.probability(image, [60, 70, 90, 100])
    other = predictor.probability(np.roll(image, (11, 23), (0, 1)), [83, 81, 113, 111])
    np.testing.assert_allclose(np.roll(one, (11, 23), (0, 1)), other, atol=1e-4)


def test_what_is_no_box_is_refused(predictor):
    with pytest.raises(GeometryError, match="x1 < x2"):
        predictor.mask(np.zeros((50, 50), np.int16), [30, 10, 20, 40])


def test_a_checkpoint_predicts_as_the_network_that_was_trained(store, run):
    one, other = (load_predictor(run.checkpoint(), "cpu") for _ in range(2))
    probability = one.probability(store.lesion_image(0), store.boxes_xy[0])
    assert probability.max() > 0
    np.testing.assert_array_equal(probability, other.probability(store.lesion_image(0), store.boxes_xy[0]))


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.ckpt"):
        load_predictor(tmp_path / "none.ckpt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"PK\x03\x04" + bytes(200)])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "damaged.ckpt"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"damaged\.ckpt"):
        load_predictor(path)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "bomb"), "w"))

    torch.save({"ulskit": Bomb()}, tmp_path / "bomb.ckpt")
    with pytest.raises(RunError):
        load_predictor(tmp_path / "bomb.ckpt")
    assert not (tmp_path / "bomb").exists()


def test_a_foreign_checkpoint_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(RunError, match="not a checkpoint of ulskit"):
        load_predictor(tmp_path / "foreign.ckpt")
