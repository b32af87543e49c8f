"""One lesion at a time: slice and box in, probability map over the slice out (paper, section 3, testing)."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ulskit.errors import MissingFileError, RunError
from ulskit.model.feeding.augmentation import make_batch, unchanged
from ulskit.model.feeding.roi import RoiSettings, native_frame, paste, roi_frame, roi_of_box
from ulskit.model.feeding.tiles import image_tile
from ulskit.model.networks import create_model
from ulskit.model.training.module import CHECKPOINT_FORMAT
from ulskit.model.training.settings import TrainingSettings, changed_settings
from ulskit.types import ImageHU, Mask

_LARGEST_TILE_PX = 1024


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A trained network, ready to be asked."""

    network: nn.Module
    roi: RoiSettings
    device: torch.device
    threshold: float = 0.5

    @torch.inference_mode()
    def probability(self, image_hu: ImageHU, box_xy: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Probability of the lesion in a box, float32 ``[y, x]`` over the whole slice; zero outside the sub-image.

        Args:
            image_hu: int16 ``[y, x]``.
            box_xy: ``[x1, y1, x2, y2]``, pixels.

        Raises:
            GeometryError: no box.
        """
        roi = roi_of_box(box_xy, self.roi)
        size = self.roi.size_for(roi.side_px)
        # A tile of the sub-image itself, two pixels wider on every side for the interpolation at its edge.
        frame = native_frame(roi, 1 + 4 / roi.side_px, min(int(np.ceil(roi.side_px)) + 4, _LARGEST_TILE_PX))
        tiles = image_tile(image_hu, frame, roi.center_xy, roi.side_px).to(self.device)
        image = make_batch(tiles, unchanged(1).to(self.device), size).image
        finest = self.network(image.contiguous(memory_format=torch.channels_last))[-1]
        return paste(finest[0, 0].float().cpu().numpy(), roi_frame(roi, size), image_hu.shape)

    def mask(self, image_hu: ImageHU, box_xy: npt.ArrayLike) -> Mask:
        """Mask of the lesion in a box, bool ``[y, x]`` over the whole slice."""
        return self.probability(image_hu, box_xy) >= self.threshold


def load_predictor(checkpoint: Path, device: str = "auto") -> Predictor:
    """The network of a checkpoint, in evaluation mode.

    Args:
        checkpoint: a file that training wrote; no code in it is run.
        device: ``auto`` (the GPU if there is one), ``cpu``, ``cuda`` …

    Raises:
        MissingFileError: no such file.
        RunError: not a checkpoint of ulskit.
    """
    stored = read_checkpoint(checkpoint)
    settings = checkpoint_settings(stored)
    # Every weight comes from the checkpoint, so none is fetched.
    network = create_model(settings.network.name, pretrained=False, **settings.network.options)
    prefix = "network."
    weights = {
        name.removeprefix(prefix): value for name, value in stored["state_dict"].items() if name.startswith(prefix)
    }
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(f"{checkpoint} does not fit the network {settings.network.name!r} of this version") from error
    chosen = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    network = network.eval().to(chosen).to(memory_format=torch.channels_last)
    return Predictor(network=network, roi=settings.roi, device=chosen)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Content of a checkpoint, on the CPU.

    Raises:
        MissingFileError: no such file.
        RunError: not a checkpoint of ulskit, or of another format.
    """
    if not path.is_file():
        raise MissingFileError(f"no checkpoint {path}")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise RunError(f"{path} is not a checkpoint, or is damaged") from error
    facts = stored.get("ulskit") if isinstance(stored, dict) else None
    if not isinstance(facts, dict) or facts.get("format") != CHECKPOINT_FORMAT or "state_dict" not in stored:
        raise RunError(f"{path} is not a checkpoint of ulskit (format {CHECKPOINT_FORMAT})")
    return dict(stored)


def checkpoint_settings(stored: dict[str, Any]) -> TrainingSettings:
    """The settings a checkpoint was trained with."""
    return changed_settings(stored["ulskit"]["settings"], {})
