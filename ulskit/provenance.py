"""What a store, a label set, a run or a checkpoint says of how it was made."""

from __future__ import annotations

import hashlib
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = ("numpy", "zarr", "opencv-python-headless", "scikit-image", "torch", "timm", "lightning")


def ulskit_version() -> str:
    """Version of the installed package."""
    return version("ulskit")


def package_versions() -> dict[str, str]:
    """Versions of Python, ulskit and the libraries that can change a result, without importing them."""
    found = {"python": platform.python_version(), "ulskit": ulskit_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def made(by: str, *, seed: int | None = None, **facts: Any) -> dict[str, Any]:
    """The record of one making: what made it, when, with which version, seed and settings.

    Args:
        by: the step, e.g. ``"ingest"``.
        seed: the one seed from which all randomness of the step came, if any.
        facts: settings and digests of the inputs; must be plain JSON values.
    """
    record: dict[str, Any] = {
        "by": by,
        "ulskit": ulskit_version(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if seed is not None:
        record["seed"] = seed
    return {**record, **facts}


def digest(value: Any) -> str:
    """Short digest of plain JSON data or of bytes: equal content, equal digest."""
    data = value if isinstance(value, bytes) else json.dumps(value, sort_keys=True, default=str).encode()
    return hashlib.blake2b(data, digest_size=16).hexdigest()
