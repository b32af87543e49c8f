"""How long work tells of its progress, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[..., None]
"""``advance(steps=1, note="")``: so many more steps are done; the note is a figure worth showing beside the bar."""


class Progress(Protocol):
    """Opens one task of ``total`` steps and yields the function that advances it."""

    def __call__(self, description: str, total: int) -> AbstractContextManager[Advance]:
        """Open the task."""
        ...


@contextmanager
def silent(description: str, total: int) -> Iterator[Advance]:
    """The progress of a library call: none is shown."""

    def advance(steps: int = 1, note: str = "") -> None:
        pass

    yield advance
