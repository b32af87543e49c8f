"""HRNet of timm as backbone, and where its weights come from: a file, the hub's cache, the hub."""

from __future__ import annotations

import difflib
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ulskit.errors import MissingFileError, UsageError, WeightsError

STRIDE = 32
"""Pixels of the input to one pixel of the coarsest features; the sides of the input must be multiples of it."""

HUB_TIMEOUT_S = 5.0
"""How long the hub may take to answer before it counts as out of reach."""


class HRNetBackbone(nn.Module):
    """The four raw branches of HRNet's last stage (paper, section 2.1: F_k).

    Args:
        name: an HRNet of timm, e.g. ``hrnet_w32``, ``hrnet_w18_small``, ``hrnet_w32.ms_in1k``.
        in_chans: channels of the image.

    Attributes:
        channels: of the four branches, 32, 64, 128 and 256 for ``hrnet_w32``.

    Raises:
        UsageError: timm has no such HRNet.
    """

    def __init__(self, name: str = "hrnet_w32", *, in_chans: int = 3) -> None:
        super().__init__()
        import timm  # takes three seconds: only where a network is built

        architecture = name.partition(".")[0]
        known = timm.list_models("hrnet*")
        if architecture not in known:
            near = difflib.get_close_matches(architecture, known, n=3) or known
            raise UsageError(f"no backbone {name!r}; there is {', '.join(near)}")
        self.name = name
        self.in_chans = in_chans
        hrnet: Any = timm.create_model(
            name,
            pretrained=False,
            features_only=True,
            feature_location="",  # the branches as they leave the last stage, before the classification head
            out_indices=(1, 2, 3, 4),
            in_chans=in_chans,
        )
        self.hrnet: nn.Module = hrnet
        self.channels: tuple[int, ...] = tuple(hrnet.feature_info.channels())
        self._config: dict[str, Any] = dict(hrnet.default_cfg)  # names the first convolution, and the hub's file

    def forward(self, image_ncyx: Tensor) -> list[Tensor]:
        """Image ``[n, c, y, x]``, sides multiples of 32 → features ``[n, c_k, y, x]`` at 1/4, 1/8, 1/16, 1/32."""
        features: list[Tensor] = self.hrnet(image_ncyx)
        return features

    def load(self, path: str | PathLike[str]) -> None:
        """Load a state dict as timm's HRNet has it, from a safetensors or torch file.

        The classification head is left out; a first convolution of three channels is fitted to ``in_chans`` as timm
        does it (summed for one, repeated and scaled for others).

        Raises:
            MissingFileError: no such file.
            WeightsError: not a state dict, or one of another network.
        """
        from timm.models import adapt_input_conv

        state = _read_state(Path(path))
        own = self.hrnet.state_dict()
        missing = [key for key in own if key not in state]
        if missing:
            raise WeightsError(
                f"{path} does not fit {self.name}: {len(missing)} of {len(own)} entries are missing, e.g. {missing[0]}"
            )
        state = {key: state[key] for key in own}
        first = f"{self._config['first_conv']}.weight"
        if state[first].ndim == 4 and state[first].shape[1] == 3 != self.in_chans:
            state[first] = adapt_input_conv(self.in_chans, state[first])
        for key, value in state.items():
            if value.shape != own[key].shape:
                raise WeightsError(
                    f"{path} does not fit {self.name}: {key} is {list(value.shape)}, not {list(own[key].shape)}"
                )
        self.hrnet.load_state_dict(state)

    def load_pretrained(self) -> None:
        """Load the ImageNet weights that timm names for this backbone, from the hub's cache or from the hub.

        Raises:
            WeightsError: neither has them.
        """
        repository = self._config["hf_hub_id"]
        if not repository:
            raise WeightsError(f"there are no pretrained weights for {self.name}: {_BOTH_WAYS}")
        self.load(_hub_file(repository, self._config.get("hf_hub_filename") or "model.safetensors"))


_BOTH_WAYS = "give a file with --weights FILE, or train from scratch with --no-pretrained"


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise MissingFileError(f"no weights file {path}")
    state: Any
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file makes the two libraries raise
        raise WeightsError(f"{path} holds no weights that can be read: {_first_line(error)}") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} holds no state dict (names to tensors)")
    return state


def _hub_file(repository: str, filename: str) -> Path:
    """A file of the hub: from the cache if it is there, else downloaded.

    The hub is asked once, without a retry, before the download begins: the download by itself tries again for most
    of a minute where there is no network.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repository, filename, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        get_hf_file_metadata(hf_hub_url(repository, filename), timeout=HUB_TIMEOUT_S)
        return Path(hf_hub_download(repository, filename))
    except Exception as error:  # the HTTP library behind the hub has changed more than once, and its errors with it
        name = repository.rpartition("/")[2]
        raise WeightsError(f"weights {name} cannot be downloaded ({_first_line(error)}): {_BOTH_WAYS}") from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
