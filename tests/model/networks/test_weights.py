"""Where weights come from: a file, the cache, the hub; and what is said when they do not."""

from __future__ import annotations

import time

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file

from ulskit.errors import MissingFileError, UsageError, WeightsError
from ulskit.model import create_model
from ulskit.model.networks.backbone import HRNetBackbone

SMALL = "hrnet_w18_small"


@pytest.fixture(scope="module")
def imagenet():
    """State dict of a whole timm HRNet, classification head and all, as at the hub."""
    torch.manual_seed(1)
    return timm.create_model(SMALL, pretrained=False).state_dict()


@pytest.fixture(scope="module")
def weights_file(imagenet, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(imagenet, path)
    return path


def holds(network, imagenet) -> bool:
    return all(torch.equal(value, imagenet[key]) for key, value in network.backbone.hrnet.state_dict().items())


def test_a_safetensors_file_is_loaded(weights_file, imagenet):
    assert holds(create_model("ahrnet", backbone=SMALL, weights=weights_file), imagenet)


def test_a_file_that_is_named_counts_without_pretrained_too(weights_file, imagenet):
    assert holds(create_model("hrnet", backbone=SMALL, weights=str(weights_file), pretrained=False), imagenet)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_torch_file_is_loaded(imagenet, tmp_path, wrapped):
    torch.save({"state_dict": imagenet, "epoch": 3} if wrapped else imagenet, tmp_path / "hrnet.pth")
    assert holds(create_model("hrnet", backbone=SMALL, weights=tmp_path / "hrnet.pth"), imagenet)


@pytest.mark.parametrize("in_chans", [1, 5])
def test_the_first_convolution_is_fitted_to_the_channels_as_timm_does_it(weights_file, in_chans):
    expected = timm.create_model(
        SMALL, pretrained=True, pretrained_cfg_overlay={"file": str(weights_file)}, in_chans=in_chans
    )
    network = create_model("hrnet", backbone=SMALL, weights=weights_file, in_chans=in_chans)
    assert torch.equal(network.backbone.hrnet.conv1.weight, expected.conv1.weight)


def test_a_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"no weights file .*none\.pth"):
        create_model("ahrnet", backbone=SMALL, weights=tmp_path / "none.pth")


@pytest.mark.parametrize("name", ["damaged.safetensors", "damaged.pth"])
def test_a_damaged_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match="holds no weights that can be read"):
        create_model("ahrnet", backbone=SMALL, weights=tmp_path / name)


def test_a_file_that_runs_code_is_not_read(tmp_path):
    torch.save({"conv1.weight": torch.nn.Linear(1, 1)}, tmp_path / "module.pth")
    with pytest.raises(WeightsError, match="holds no weights that can be read"):
        create_model("ahrnet", backbone=SMALL, weights=tmp_path / "module.pth")


def test_a_file_that_holds_something_else(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="no state dict"):
        create_model("ahrnet", backbone=SMALL, weights=tmp_path / "list.pth")


def test_a_file_that_lacks_an_entry(imagenet, tmp_path):
    torch.save({key: value for key, value in imagenet.items() if key != "bn2.weight"}, tmp_path / "part.pth")
    with pytest.raises(WeightsError, match=r"does not fit hrnet_w18_small: 1 of \d+ entries are missing, e\.g\. bn2"):
        create_model("ahrnet", backbone=SMALL, weights=tmp_path / "part.pth")


def test_a_file_of_another_width(imagenet, tmp_path):
    other = dict(imagenet) | {"conv2.weight": imagenet["conv2.weight"][:8].clone()}
    torch.save(other, tmp_path / "narrow.pth")
    with pytest.raises(WeightsError, match=r"conv2\.weight is \[8, 64, 3, 3\], not \[64, 64, 3, 3\]"):
        create_model("ahrnet", backbone=SMALL, weights=tmp_path / "narrow.pth")


def test_a_hub_out_of_reach_is_said_at_once_and_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_url", lambda repository, filename: f"http://127.0.0.1:9/{repository}/{filename}"
    )
    start = time.perf_counter()
    with pytest.raises(WeightsError) as caught:
        create_model("ahrnet", backbone="hrnet_w32.ms_in1k")
    assert time.perf_counter() - start < 10
    message = str(caught.value)
    assert message.startswith("weights hrnet_w32.ms_in1k cannot be downloaded (")
    assert message.endswith("give a file with --weights FILE, or train from scratch with --no-pretrained")
    assert "\n" not in message


def test_what_the_cache_holds_is_used_without_a_network(monkeypatch, weights_file, imagenet):
    def cached(repository, filename, *, local_files_only):
        assert repository.startswith("timm/hrnet_w18_small.")
        assert local_files_only
        return str(weights_file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", cached)
    assert holds(create_model("ahrnet", backbone=SMALL), imagenet)


def test_an_unknown_backbone():
    with pytest.raises(UsageError, match=r"no backbone 'hrnet_w33'; there is .*hrnet_w32"):
        HRNetBackbone("hrnet_w33")
