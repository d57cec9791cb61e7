"""Run store: results of the same work done again and again, the newest of each author.

Each result is a folder with a document and a table, named so that names sort by time.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from phantom_core.core.errors import NotFoundError
from phantom_core.model_store.result_store import ResultStore, replace_table


@dataclass(frozen=True, slots=True)
class RunStore:
    """Results in a folder.

    Attributes:
        root: the folder.
        document: file of each result, JSON with `created_ms` and `origin`.
        table: Parquet file beside it.
        most: results of one author that are kept; the oldest make room.
        missing: sentence for where there is none.
        hint: how to make one.
    """

    root: Path
    document: str
    table: str
    most: int
    missing: str
    hint: str

    def save(self, text: str, rows: pa.Table) -> str:
        """Save a result.

        Returns:
            Its name.
        """
        name = _name(json.loads(text)["created_ms"], text)
        (self.root / name).mkdir(parents=True, exist_ok=True)
        replace_table(self.root / name / self.table, rows)
        self._results.save(text.encode(), name)
        who = self._author(name)
        for old in [one for one in self.names() if self._author(one) == who][self.most :]:
            if old != name:
                shutil.rmtree(self.root / old, ignore_errors=True)
        return name

    def names(self) -> tuple[str, ...]:
        """Names of the results, the newest first."""
        return self._results.names()

    def documents(self) -> dict[str, Mapping[str, object]]:
        """Documents by name, the newest first; those that cannot be read are empty."""
        found: dict[str, Mapping[str, object]] = {}
        for name in self.names():
            path = self._results.path(name)
            try:
                found[name] = _read(path, path.stat().st_mtime_ns)
            except (OSError, ValueError):
                found[name] = {}
        return found

    def text(self, name: str | None = None) -> tuple[str, str]:
        """Document of a result, and its path for messages.

        Args:
            name: of the result; None means the newest.
        Raises:
            NotFoundError: there is none.
        """
        path = self._results.path(self._known(name))
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except FileNotFoundError:
            raise NotFoundError(
                f"There is no result '{path.parent.name}'.",
                hint="It was deleted to make room for newer ones; start it again.",
            ) from None

    def table_file(self, name: str | None = None) -> Path:
        """File of the table of a result.

        Args:
            name: of the result; None means the newest.
        Raises:
            NotFoundError: there was none yet.
        """
        return self.root / self._known(name) / self.table

    @property
    def _results(self) -> ResultStore:
        return ResultStore(self.root, file=f"*/{self.document}")

    def _known(self, name: str | None) -> str:
        if name is not None:
            return Path(name).name
        names = self.names()
        if not names:
            raise NotFoundError(self.missing, hint=self.hint)
        return names[0]

    def _author(self, name: str) -> str:
        path = self._results.path(name)
        try:
            origin = _read(path, path.stat().st_mtime_ns).get("origin")
        except (OSError, ValueError):
            return ""
        return str(origin.get("who", "")) if isinstance(origin, Mapping) else ""


@lru_cache(maxsize=256)
def _read(path: Path, changed_ns: int) -> Mapping[str, object]:
    """A document; again when its file changed."""
    del changed_ns
    found = json.loads(path.read_bytes())
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no document.")
    return found


def _name(created_ms: int, text: str) -> str:
    """A name that sorts by time."""
    at = datetime.fromtimestamp(created_ms / 1_000, UTC)
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{at:%Y%m%d-%H%M%S}-{created_ms % 1_000:03d}-{digest}"
