"""Replay store: the newest replays of a workspace, each with the sessions it changes."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from phantom_core.core.errors import NotFoundError
from phantom_core.model_store.result_store import LATEST, ResultStore, replace_table
from phantom_core.model_store.store import replace_file
from phantom_core.replay.replay import Replay, read_replay

MAX_REPLAYS: Final = 20
REPLAY: Final = "replay.json"
CHANGED: Final = "changed.parquet"


class ReplayStore:
    """Replays in a folder, the newest MAX_REPLAYS of them.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root, self._results = root, ResultStore(root, file=f"*/{REPLAY}")

    def save(self, found: Replay, changed: pa.Table) -> str:
        """Save a replay and make it the latest; the oldest ones are deleted.

        Args:
            found: the replay.
            changed: sessions whose price it changes.
        Returns:
            Its name.
        """
        text = found.to_text()
        name = _name(found.created_ms, text)
        (self.root / name).mkdir(parents=True, exist_ok=True)
        replace_table(self.root / name / CHANGED, changed)
        self._results.save(text.encode(), name)
        replace_file(self.root / LATEST, f"{name}\n".encode())
        for old in self.names()[MAX_REPLAYS:]:
            if old != name:
                shutil.rmtree(self.root / old, ignore_errors=True)
        return name

    def names(self) -> tuple[str, ...]:
        """Names of the stored replays, the newest first."""
        return self._results.names()

    def titles(self) -> dict[str, str]:
        """Titles by name, the newest first; replays that cannot be read are left out."""
        found = {}
        for name in self.names():
            try:
                document = json.loads(self._results.path(name).read_bytes())
                when = datetime.fromtimestamp(document["created_ms"] / 1_000, UTC)
                found[name] = (
                    f"{document['rules']['name']} against {document['against']['name']}, "
                    f"{when:%Y-%m-%d %H:%M:%S}"
                )
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def open(self, name: str | None = None) -> Replay:
        """Read a replay.

        Args:
            name: of the replay; None means the latest.
        Raises:
            NotFoundError: there is none.
            DataError: its file is damaged.
        """
        path = self._results.path(self._known(name))
        try:
            return read_replay(path.read_text(encoding="utf-8"), str(path))
        except FileNotFoundError:
            raise NotFoundError(
                f"There is no replay '{path.parent.name}'.",
                hint="It was deleted to make room for newer ones; replay again.",
            ) from None

    def changed_file(self, name: str | None = None) -> Path:
        """File of the sessions whose price a replay changes.

        Args:
            name: of the replay; None means the latest.
        Raises:
            NotFoundError: there was no replay yet.
        """
        return self.root / self._known(name) / CHANGED

    def _known(self, name: str | None) -> str:
        if name is not None:
            return Path(name).name
        try:
            return (self.root / LATEST).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise NotFoundError(
                "No rules have been replayed in this workspace yet.", hint="Replay some first."
            ) from None


def _name(created_ms: int, text: str) -> str:
    """A name that sorts by time."""
    at = datetime.fromtimestamp(created_ms / 1_000, UTC)
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{at:%Y%m%d-%H%M%S}-{created_ms % 1_000:03d}-{digest}"
