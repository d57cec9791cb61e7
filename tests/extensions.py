"""Extensions of a test: files added to a folder of self-registering modules during the test."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from phantom_core.core.registry import Registered, Registry


@contextmanager
def added_file(
    registry: Registry[Registered], package: str, folder: Path, name: str, text: str
) -> Iterator[None]:
    """Add a module to a package, have it read as at start, and take out again what it registered.

    Args:
        registry: that it registers with.
        package: whose folder it joins.
        folder: where to write it; empty.
        name: of the module.
        text: its code.
    """
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    before, path = registry.names(), import_module(package).__path__
    path.append(str(folder))
    registry.read_again()
    try:
        yield
    finally:
        path.remove(str(folder))
        for new in set(registry.names()) - set(before):
            registry.remove(new)
        del sys.modules[f"{package}.{name}"]
