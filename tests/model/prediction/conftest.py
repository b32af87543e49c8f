"""A trained run, however badly: prediction needs weights, not skill."""

import pytest

from ulskit.model.training.settings import read_settings
from ulskit.model.training.train import train
from ulskit.runs import RunFolder


@pytest.fixture
def settings():
    return read_settings(
        None,
        {
            "epochs": 1,
            "network.pretrained": False,
            "network.options.backbone": "hrnet_w18_small",
            "roi.max_size": 128,
            "trainer.accelerator": "cpu",
        },
    )


@pytest.fixture
def run(store, tmp_path, settings):
    return train(store, "round1", RunFolder(tmp_path / "runs" / "round1"), settings)
