"""Losses by name, ulskit's own and those of installed packages.

There are two kinds, by what they are called with. Each returns a scalar.

- A segmentation loss (``seg``) takes the probability maps, coarse to fine, and the tri-state label ``[n, 1, y, x]``.
- A level set term (``rls``, ``ls``) takes the finest map ``[n, 1, y, x]``, the intensity ``[n, 1, y, x]`` and the
  region I′, bool ``[n, 1, y, x]``.

Another package adds one by an entry point::

    [project.entry-points."ulskit.losses"]
    myloss = "mypackage.losses:MyLoss"
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from ulskit.errors import UsageError
from ulskit.registry import Registry

LOSSES: Registry[Callable[..., nn.Module]] = Registry("loss", "ulskit.losses")


def create_loss(name: str, **options: Any) -> nn.Module:
    """Build a loss.

    Args:
        name: one of :func:`list_losses`.
        options: of the loss, e.g. ``standardise="none"``.

    Raises:
        RegistryError: no such loss.
        UsageError: an option that the loss does not have, or a value it does not take.
    """
    builder = LOSSES.get(name)
    try:
        inspect.signature(builder).bind(**options)
    except TypeError as error:
        raise UsageError(f"loss {name!r}: {error}") from error
    return builder(**options)


def list_losses() -> list[str]:
    """Names of all losses, those of installed packages among them, in alphabetical order."""
    return LOSSES.names()
