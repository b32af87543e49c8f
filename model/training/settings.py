"""Everything that a training run can be told, from the command line or a YAML file; stored in its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ulskit.errors import MissingFileError, UsageError
from ulskit.model.feeding.augmentation import AugmentationSettings
from ulskit.model.feeding.roi import RoiSettings


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSettings(_Section):
    """Which network, and where its weights start."""

    name: str = Field("ahrnet", description="a name that `ulskit models` lists")
    pretrained: bool = Field(True, description="start the backbone from ImageNet weights")
    weights: str | None = Field(None, description="file with the backbone's weights, instead of the hub")
    options: dict[str, Any] = Field(default_factory=dict, description="passed on to the network, e.g. backbone")


class LevelSetSettings(_Section):
    """The level set term, and when it joins (paper, section 2.3)."""

    loss: Literal["rls", "ls", "none"] | str = Field("rls", description="rls: within I′; ls: whole input; none")
    weight: float = Field(0.1, ge=0, description="factor of the term")
    options: dict[str, Any] = Field(default_factory=dict, description="passed on to the loss, e.g. standardise")
    start: Literal["converged"] | int = Field("converged", description="epoch from which it counts, or `converged`")
    patience: int = Field(5, ge=1, description="epochs over which the segmentation loss must have stopped falling")
    min_improvement: float = Field(0.02, ge=0, description="relative fall within `patience` that counts as falling")
    latest: float = Field(0.5, ge=0, le=1, description="share of the epochs after which it joins in any case")


class TrainerSettings(_Section):
    """Passed on to Lightning's Trainer."""

    accelerator: str = "auto"
    devices: int | str = "auto"
    nodes: int = Field(1, ge=1)
    strategy: str = "auto"
    precision: str = Field("auto", description="auto: bf16-mixed on a GPU that has it, else 32-true")
    loggers: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = Field((), description="beside metrics.csv")
    deterministic: bool = False
    compile: bool = Field(False, description="torch.compile the network")


class TrainingSettings(_Section):
    """One training run. The defaults are the paper's (section 3) where it gives them."""

    seed: int = 0
    epochs: int = Field(80, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(0.001, gt=0)
    milestones: tuple[float, ...] = Field((0.5, 0.75), description="shares of the epochs at which the rate falls")
    decay: float = Field(0.1, gt=0, le=1)
    segmentation_loss: str = Field("seg", description="a loss that `ulskit models` lists")
    train_splits: tuple[str, ...] = ("train",)
    val_splits: tuple[str, ...] = ("val",)
    include_noisy: bool = Field(False, description="train on lesions that DeepLesion flags as possibly noisy")
    network: NetworkSettings = NetworkSettings()
    level_set: LevelSetSettings = LevelSetSettings()
    roi: RoiSettings = RoiSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    trainer: TrainerSettings = TrainerSettings()

    @model_validator(mode="after")
    def _splits_apart(self) -> TrainingSettings:
        shared = set(self.train_splits) & set(self.val_splits)
        if shared:
            raise ValueError(f"split {', '.join(sorted(shared))} is used for training and for validation")
        return self

    def to_yaml(self) -> str:
        """The settings as a file that :func:`read_settings` takes."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def read_settings(path: Path | None = None, changes: dict[str, Any] | None = None) -> TrainingSettings:
    """Settings from a YAML file, with changes over it.

    Args:
        path: file that names any part of the settings; the defaults where None.
        changes: dotted names to values, e.g. ``{"network.name": "hrnet", "epochs": 10}``.

    Raises:
        MissingFileError: no such file.
        UsageError: not YAML, an unknown name, or a value of the wrong kind.
    """
    values: Any = {}
    if path is not None:
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except FileNotFoundError as error:
            raise MissingFileError(f"no settings file {path}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
        if not isinstance(values, dict):
            raise UsageError(f"{path} must hold names and values")
    return changed_settings(values, changes or {})


def changed_settings(values: dict[str, Any], changes: dict[str, Any]) -> TrainingSettings:
    """Plain values with dotted changes over them, checked.

    Raises:
        UsageError: an unknown name, or a value of the wrong kind.
    """
    merged = dict(values)
    for name, value in changes.items():
        *sections, last = name.split(".")
        place = merged
        for section in sections:
            inner = place.get(section)
            place[section] = dict(inner) if isinstance(inner, dict) else {}
            place = place[section]
        place[last] = value
    try:
        return TrainingSettings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "settings"
        raise UsageError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
