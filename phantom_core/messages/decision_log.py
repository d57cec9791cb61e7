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

from phantom_core.core.background import BackgroundThread
from phantom_core.core.workspace import WorkspacePaths
from phantom_core.events.decision import PriceDecision
from phantom_core.messages.segments import SegmentWriter

FLUSH_EVERY_S: Final = 0.02
SYNC_EVERY_S: Final = 1.0
CLOSE_AFTER_S: Final = 5.0
LATE_AFTER_S: Final = 5.0
MOST_WAITING: Final = 100_000
_LOGGER: Final = logging.getLogger(__name__)


def segments_folder(workspace: Path) -> Path:
    """Folder of a workspace's segments."""
    return WorkspacePaths(workspace).decisions


class DecisionLog:
    """Appends decisions to segment files.

    Args:
        folder: of the segments; made when missing.

    Attributes:
        n_dropped: decisions that could not be stored, count.
        is_failing: whether the disk refused the newest ones.
        thread: writes them.
    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._segments = folder, SegmentWriter(folder, CLOSE_AFTER_S, SYNC_EVERY_S)
        self._waiting: queue.SimpleQueue[PriceDecision] = queue.SimpleQueue()
        self._lines: list[str] = []
        self.n_dropped = 0
        self.is_failing = False
        self.thread = BackgroundThread(
            "decision-log", "pricing", self._work, late_after_s=LATE_AFTER_S
        )
        self.thread.start()

    def append(self, decision: PriceDecision) -> None:
        """Queue a decision; beyond the limit it is dropped and counted, so a price never waits."""
        if self._waiting.qsize() >= MOST_WAITING:
            self.n_dropped += 1
            return
        self._waiting.put(decision)

    def close(self) -> None:
        """Write all queued decisions and close the segment."""
        self.thread.stop()

    def _work(self, stop: threading.Event) -> None:
        is_last = False
        while not is_last:
            is_last = stop.wait(FLUSH_EVERY_S)
            self._take()
            try:
                self._segments.append(self._lines)
                self._lines, self.is_failing = [], False
                if is_last:
                    self._segments.close()
                self.thread.succeeded()
            except OSError as error:
                if not self.is_failing:
                    _LOGGER.error("Decisions cannot be written to %s: %s", self._folder, error)
                self.is_failing = True
                self.n_dropped += len(self._lines[:-MOST_WAITING])
                self._lines = self._lines[-MOST_WAITING:]

    def _take(self) -> None:
        try:
            while True:
                try:
                    self._lines.append(orjson.dumps(self._waiting.get_nowait()).decode())
                except orjson.JSONEncodeError:  # such as half a character
                    self.n_dropped += 1
        except queue.Empty:
            return
