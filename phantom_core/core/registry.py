"""Registry: items of one kind by name; each has a file of its own that registers it when imported.

To add an item, add a file: lists, choices and documents of the kind are made from the registry.
"""

import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, Protocol, TypeVar

from phantom_core.core.errors import InputError


class Registered(Protocol):
    """What a registry holds."""

    @property
    def name(self) -> str:
        """As shown on pages and written in links; unique in its registry."""

    @property
    def order(self) -> int:
        """Its position in lists, lowest first."""


Item = TypeVar("Item", bound=Registered)
Named = TypeVar("Named", bound=str)


@dataclass(frozen=True, slots=True)
class Reference:
    """The import path of a function or class, so that a light module can name a heavy one.

    Attributes:
        path: "package.module:name".
    """

    path: str

    def load(self) -> object:
        """Import it; the caller knows its type.

        >>> Reference("math:floor").load()(1.5)
        1
        """
        module, _, name = self.path.partition(":")
        found: object = getattr(import_module(module), name)
        return found


class Registry(Generic[Item]):
    """Items of one kind, found by importing the modules of a package at first use.

    Args:
        what: one of them, as error messages call it.
        package: name of the folder whose modules register themselves.
    """

    def __init__(self, what: str, package: str) -> None:
        self._what, self._package = what, package
        self._items: dict[str, Item] = {}
        self._is_read = False

    def register(self, item: Item) -> Item:
        """Add an item.

        Raises:
            ValueError: another item has this name, which is a mistake in the code.
        """
        if item.name in self._items:
            raise ValueError(f"A {self._what} is called '{item.name}' twice.")
        self._items[item.name] = item
        return item

    def remove(self, name: str) -> None:
        """Remove an item."""
        del self._items[name]

    def read_again(self) -> None:
        """Look for files that were added to the folder since it was read."""
        self._is_read = False

    def all(self) -> tuple[Item, ...]:
        """All items, in their order."""
        if not self._is_read:
            folders = import_module(self._package).__path__
            for module in sorted(found.name for found in pkgutil.iter_modules(folders)):
                import_module(f"{self._package}.{module}")
            self._is_read = True
        return tuple(sorted(self._items.values(), key=lambda item: (item.order, item.name)))

    def names(self) -> tuple[str, ...]:
        """Their names, in their order."""
        return tuple(item.name for item in self.all())

    def find(self, name: str) -> Item:
        """Find an item by its name.

        Raises:
            InputError: there is none of this name.
        """
        return self._items[choose_named(self._what, name, self.names())]


def choose_named(what: str, name: str, known: Iterable[Named]) -> Named:
    """One of a few known names, by its text.

    Args:
        what: one of them, as the error calls it.
        name: as it was written.
        known: the names there are.
    Raises:
        InputError: there is none of this name.

    >>> choose_named("arm", "left", ("left", "right"))
    'left'
    """
    listed = tuple(known)
    for one in listed:
        if one == name:
            return one
    raise InputError(f"There is no {what} '{name}'.", hint=f"Choose one of {', '.join(listed)}.")
