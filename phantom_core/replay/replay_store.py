"""Replay store: the newest replays of each author, with the sessions they change."""

from pathlib import Path
from typing import Final

import pyarrow as pa

from phantom_core.model_store.run_store import RunStore
from phantom_core.replay.replay import Replay, read_replay

MAX_REPLAYS: Final = 20


class ReplayStore:
    """Replays in a folder, the newest MAX_REPLAYS of each author.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.runs = RunStore(
            root,
            "replay.json",
            "changed.parquet",
            MAX_REPLAYS,
            "No rules have been replayed in this workspace yet.",
            "Replay some first.",
        )

    def save(self, found: Replay, changed: pa.Table) -> str:
        """Save a replay.

        Args:
            found: the replay.
            changed: sessions whose price it changes.
        Returns:
            Its name.
        """
        return self.runs.save(found.to_text(), changed)

    def open(self, name: str | None = None) -> Replay:
        """Read a replay.

        Args:
            name: of the replay; None means the newest.
        Raises:
            NotFoundError: there is none.
            DataError: its file is damaged.
        """
        return read_replay(*self.runs.text(name))

    def changed_file(self, name: str | None = None) -> Path:
        """File of the sessions whose price a replay changes.

        Args:
            name: of the replay; None means the newest.
        Raises:
            NotFoundError: there was no replay yet.
        """
        return self.runs.table_file(name)
