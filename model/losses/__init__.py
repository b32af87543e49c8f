"""Losses: functions on maps, and modules around them that are registered by name."""

from ulskit.model.losses.level_set import LevelSetLoss, RegionalLevelSetLoss, regional_level_set_energy
from ulskit.model.losses.registry import LOSSES, create_loss, list_losses
from ulskit.model.losses.segmentation import SegmentationLoss, binary_cross_entropy, soft_iou_loss

__all__ = [
    "LOSSES",
    "LevelSetLoss",
    "RegionalLevelSetLoss",
    "SegmentationLoss",
    "binary_cross_entropy",
    "create_loss",
    "list_losses",
    "regional_level_set_energy",
    "soft_iou_loss",
]
