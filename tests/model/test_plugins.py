"""Networks, losses and label methods of another installed package, and the whole way with all three of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

MODULE = """
import numpy as np
import torch
from torch import nn


def everything(marked):
    return np.ones(marked.shape, dtype=bool)


class Threshold(nn.Module):
    def __init__(self, level):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(float(level)))

    def forward(self, image):
        return (torch.sigmoid(image[:, :1].float() - self.level),)


def build(*, pretrained=True, weights=None, in_chans=3, level=0.0):
    return Threshold(level)


class Mean(nn.Module):
    def forward(self, predictions, label):
        return predictions[-1].mean()
"""


def install(folder, entry_points: str):
    """What an installer leaves in site-packages: a module and its dist-info."""
    (folder / "tinyplugin.py").write_text(MODULE)
    info = folder / "tinyplugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyplugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(dedent(entry_points))
    return folder


def python(code: str, folder) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        [sys.executable, "-c", dedent(code)], env=environment, capture_output=True, text=True, check=False
    )


def test_a_network_and_a_loss_of_another_package(tmp_path):
    install(
        tmp_path,
        """\
        [ulskit.networks]
        threshold = tinyplugin:build

        [ulskit.losses]
        mean = tinyplugin:Mean
        """,
    )
    result = python(
        """
        import sys, torch
        from ulskit.model import create_model, list_models
        from ulskit.model.losses import create_loss, list_losses
        assert "threshold" in list_models() and "mean" in list_losses()
        assert "tinyplugin" not in sys.modules  # listed, not loaded
        network = create_model("threshold", level=2.0)
        (probability,) = network(torch.full((1, 3, 4, 4), 2.0))
        print(float(create_loss("mean")([probability], None)))
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == 0.5


@pytest.mark.parametrize("group", ["networks", "losses"])
def test_a_name_of_ulskit_cannot_be_taken(tmp_path, group):
    name = {"networks": "ahrnet", "losses": "rls"}[group]
    install(tmp_path, f"[ulskit.{group}]\n{name} = tinyplugin:build\n")
    result = python(f"import ulskit.model.{group}", tmp_path)
    assert result.returncode != 0
    assert f"{name!r} exists already" in result.stderr


def test_a_plug_in_that_does_not_import_is_named(tmp_path):
    install(tmp_path, "[ulskit.networks]\nbroken = tinyplugin:nothing\n")
    result = python('from ulskit.model import create_model; create_model("broken")', tmp_path)
    assert "network 'broken' of tinyplugin:nothing does not load" in result.stderr


def test_labels_and_training_by_plug_ins_from_the_command_line(tmp_path, store):
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    install(
        plugin,
        """\
        [ulskit.networks]
        threshold = tinyplugin:build

        [ulskit.losses]
        mean = tinyplugin:Mean

        [ulskit.label_methods]
        everything = tinyplugin:everything
        """,
    )
    environment = os.environ | {"PYTHONPATH": str(plugin), "ULSKIT_STORE": store.location}
    for arguments in (
        "pseudolabel --method everything --name all",
        "train --labels all --run plugged --network threshold --level-set none --epochs 1 --set segmentation_loss=mean"
        " --accelerator cpu",
        "predict --run plugged",
    ):
        done = subprocess.run(
            [Path(sys.executable).with_name("ulskit"), *arguments.split()],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert store.label("all", 0).all()
    assert "predicted/plugged" in store.labels()
