"""Errors a user can cause, each with one line that says what is wrong, where, and what to do.

Every error derives from :class:`UlskitError` and, where one fits, from the built-in it refines, so that
``except ValueError`` goes on working for those who use the functions alone.
"""

from __future__ import annotations


class UlskitError(Exception):
    """Base of all errors that ulskit raises on purpose. ``exit_code`` is what the command line returns."""

    exit_code = 1


class UsageError(UlskitError, ValueError):
    """An argument or option is wrong; nothing was read or written."""

    exit_code = 2


class DataError(UlskitError, ValueError):
    """The data given is not what it must be (a malformed file, a mask of the wrong shape …)."""


class MissingFileError(UlskitError, FileNotFoundError):
    """A file or folder that was named does not exist."""

    def __str__(self) -> str:  # OSError would print "[Errno …]"
        return str(self.args[0]) if self.args else ""


class StoreError(UlskitError):
    """A store cannot be opened, is incomplete, or was made from something else."""


class GeometryError(UlskitError, ValueError):
    """Endpoints, boxes or spacings that describe no lesion (NaN, zero length, wrong shape)."""


class RegistryError(UlskitError, KeyError):
    """A name that no network, loss or label method answers to, or one that is taken already."""

    exit_code = 2

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0]) if self.args else ""


class MissingExtraError(UlskitError, ImportError):
    """An optional package is not installed; the message gives the line that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'ulskit[{extra}]'")


class WeightsError(UlskitError):
    """Pretrained weights are neither in the cache, nor at the hub, nor in the file named."""


class RunError(UlskitError):
    """A training run cannot be found, resumed, or read."""
