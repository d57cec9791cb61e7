"""Followed: the newest verified documents on disk, so that a restart goes on with them.

Each is stored as it was published, with its signature, and is verified again when it is read. It
also says how far the service has come, so that an older document never replaces a later one.
"""

import contextlib
import io
import os
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

Fields = Mapping[str, bytes]
_SUFFIX: Final = ".zip"
_MOST_BYTES: Final = 1 << 30


class FollowedDocuments:
    """A folder of documents by name.

    Args:
        folder: created when something is stored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> dict[str, bytes]:
        """Fields of a document; empty where there is none, or none that can be read."""
        try:
            with zipfile.ZipFile(self._folder / f"{name}{_SUFFIX}") as file:
                if sum(entry.file_size for entry in file.infolist()) > _MOST_BYTES:
                    return {}
                return {entry.filename: file.read(entry) for entry in file.infolist()}
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
            return {}

    def write(self, name: str, fields: Fields) -> None:
        """Replace a document atomically.

        Raises:
            OSError: it cannot be stored.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as file:
            for field, content in fields.items():
                file.writestr(field, content)
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as target:
                target.write(packed.getvalue())
            Path(temporary).replace(self._folder / f"{name}{_SUFFIX}")
        finally:
            Path(temporary).unlink(missing_ok=True)

    def keep_only(self, prefix: str, names: Collection[str]) -> None:
        """Remove documents whose name begins with a prefix, except some."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob(f"{prefix}*{_SUFFIX}"):
                if path.name.removesuffix(_SUFFIX) not in names:
                    path.unlink(missing_ok=True)
