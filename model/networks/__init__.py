"""Networks: an image in, probability maps from coarse to fine out (:mod:`ulskit.model.networks.contract`)."""

from ulskit.model.networks import ahrnet, nnunet  # registers what they hold
from ulskit.model.networks.contract import SegmentationNetwork
from ulskit.model.networks.registry import NETWORKS, create_model, list_models

__all__ = ["NETWORKS", "SegmentationNetwork", "ahrnet", "create_model", "list_models", "nnunet"]
