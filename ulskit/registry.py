"""One registry idiom for everything that a user can add: networks, losses and label methods.

A registry maps names to objects. ulskit's own are registered with :meth:`Registry.register`; those of another
installed package are found through the entry-point group of the registry and loaded only when asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from ulskit.errors import RegistryError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to objects of one kind, open to entry points of other packages.

    Args:
        kind: what an entry is called in messages, e.g. ``"network"``.
        group: entry-point group that other packages declare, e.g. ``"ulskit.networks"``.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, T] = {}
        self._origins: dict[str, str] = {}
        self._waiting: dict[str, EntryPoint] | None = None

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that enters an object under ``name``.

        Raises:
            RegistryError: the name is taken, by ulskit or by an installed package.
        """

        def enter(entry: T) -> T:
            if name in self._entries or name in self._plugins():
                raise RegistryError(f"{self.kind} {name!r} exists already: choose another name")
            self._entries[name] = entry
            self._origins[name] = getattr(getattr(entry, "func", entry), "__module__", "?")  # also of a partial
            return entry

        return enter

    def names(self) -> list[str]:
        """All names in alphabetical order, without loading any plug-in."""
        return sorted({*self._entries, *self._plugins()})

    def origin(self, name: str) -> str:
        """The package or module an entry comes from."""
        plugin = self._plugins().get(name)
        return plugin.value.split(":")[0] if plugin else self._origins[name]

    def get(self, name: str) -> T:
        """The entry under ``name``; a plug-in is imported at its first use.

        Raises:
            RegistryError: no such name (the message lists near ones), or the plug-in does not import.
        """
        plugin = self._plugins().get(name)
        if plugin is not None and name not in self._entries:
            try:
                self._entries[name] = plugin.load()
            except Exception as error:
                raise RegistryError(f"{self.kind} {name!r} of {plugin.value} does not load: {error}") from error
        if name not in self._entries:
            near = difflib.get_close_matches(name, self.names(), n=3) or self.names()
            raise RegistryError(f"no {self.kind} {name!r}; there is {', '.join(near)}")
        return self._entries[name]

    def _plugins(self) -> dict[str, EntryPoint]:
        if self._waiting is None:
            found: dict[str, EntryPoint] = {}
            for point in entry_points(group=self.group):
                if point.name in self._entries or (point.name in found and found[point.name].value != point.value):
                    raise RegistryError(
                        f"{self.kind} {point.name!r} of {point.value} exists already: uninstall one of the packages"
                    )
                found[point.name] = point
            self._waiting = found
        return self._waiting
