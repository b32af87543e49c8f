"""Networks by name, ulskit's own and those of installed packages.

A builder takes ``pretrained``, ``weights`` and ``in_chans`` by keyword, and any options of its own; it returns an
``nn.Module`` that keeps :class:`~ulskit.model.networks.contract.SegmentationNetwork`. Another package adds one by an
entry point::

    [project.entry-points."ulskit.networks"]
    mynet = "mypackage.networks:build_mynet"
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from os import PathLike
from typing import Any

from torch import nn

from ulskit.errors import UsageError
from ulskit.registry import Registry

NETWORKS: Registry[Callable[..., nn.Module]] = Registry("network", "ulskit.networks")


def create_model(
    name: str = "ahrnet",
    *,
    pretrained: bool = True,
    weights: str | PathLike[str] | None = None,
    in_chans: int = 3,
    **options: Any,
) -> nn.Module:
    """Build a network.

    Args:
        name: one of :func:`list_models`.
        pretrained: start from the weights that the network has at the hub (ImageNet for the HRNet family; none for
            ``nnunet``, which then starts from scratch). Has no effect where ``weights`` are given.
        weights: a file to start from, instead of the hub.
        in_chans: channels of the image; an image of one channel is repeated.
        options: of the network, e.g. ``backbone="hrnet_w48"``.

    Returns:
        Module: image float ``[n, in_chans, y, x]`` → probability maps, coarse to fine
        (:class:`~ulskit.model.networks.contract.SegmentationNetwork`).

    Raises:
        RegistryError: no such network.
        UsageError: an option that the network does not have.
        MissingFileError: there is no file ``weights``.
        WeightsError: the weights cannot be had, or do not fit.
        MissingExtraError: the network needs a package that is not installed.
    """
    builder = NETWORKS.get(name)
    arguments = {"pretrained": pretrained, "weights": weights, "in_chans": in_chans, **options}
    try:
        inspect.signature(builder).bind(**arguments)
    except TypeError as error:
        raise UsageError(f"network {name!r}: {error}") from error
    return builder(**arguments)


def list_models() -> list[str]:
    """Names of all networks, those of installed packages among them, in alphabetical order."""
    return NETWORKS.names()
