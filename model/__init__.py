"""The training backend: networks, losses, feeding, training and prediction.

The names below are loaded at their first use, so that ``import ulskit.model`` does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ulskit.model.networks import create_model, list_models

_HOMES = {"create_model": "ulskit.model.networks", "list_models": "ulskit.model.networks"}

__all__ = ["create_model", "list_models"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ulskit.model' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
