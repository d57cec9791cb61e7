"""Decision log: price decisions, appended to segment files by a thread until the lake takes them.

A request hands its decision over and continues. The thread writes new decisions every FLUSH_EVERY_S
and syncs them to the disk every SYNC_EVERY_S: a process that is killed loses at most the first, a
machine that loses power at most the second. `use_cases.operations.drain_decisions` moves
closed segments to the lake, and also those of a process that died.
"""

import logging
import queue
import threading
from pathlib import Path
from typing import Final

import orjson

from phantom_core.core.workspace import WorkspacePaths
from phantom_core.events.decision import PriceDecision
from phantom_core.messages.segments import SegmentWriter

FLUSH_EVERY_S: Final = 0.02
SYNC_EVERY_S: Final = 1.0
CLOSE_AFTER_S: Final = 5.0
MOST_WAITING: Final = 100_000
_LOGGER: Final = logging.getLogger(__name__)


def segments_folder(workspace: Path) -> Path:
    """Folder of a workspace's segments."""
    return WorkspacePaths(workspace).decisions


class DecisionLog:
    """Appends decisions to segment files.

    Args:
        folder: of the segments; made when missing.
    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._segments = folder, SegmentWriter(folder, CLOSE_AFTER_S, SYNC_EVERY_S)
        self._waiting: queue.SimpleQueue[PriceDecision] = queue.SimpleQueue()
        self._stop = threading.Event()
        self.n_dropped = 0
        self.is_failing = False
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread is running."""
        return self._thread.is_alive()

    def append(self, decision: PriceDecision) -> None:
        """Queue a decision; beyond the limit it is dropped and counted, so a price never waits."""
        if self._waiting.qsize() >= MOST_WAITING:
            self.n_dropped += 1
            return
        self._waiting.put(decision)

    def close(self) -> None:
        """Write all queued decisions and close the segment."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        lines: list[str] = []
        while True:
            is_last = self._stop.wait(FLUSH_EVERY_S)
            lines += self._take()
            try:
                self._segments.append(lines)
                lines, self.is_failing = [], False
                if is_last:
                    self._segments.close()
            except OSError as error:
                if not self.is_failing:
                    _LOGGER.error("Decisions cannot be written to %s: %s", self._folder, error)
                self.is_failing = True
                self.n_dropped += len(lines[:-MOST_WAITING])
                lines = lines[-MOST_WAITING:]
            if is_last:
                return

    def _take(self) -> list[str]:
        lines = []
        try:
            while True:
                try:
                    lines.append(orjson.dumps(self._waiting.get_nowait()).decode())
                except orjson.JSONEncodeError:  # such as half a character
                    self.n_dropped += 1
        except queue.Empty:
            return lines
