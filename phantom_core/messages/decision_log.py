"""Decision log: price decisions, appended to segment files by a thread until the lake takes them.

A request hands its decision over and continues. The thread writes new decisions every FLUSH_EVERY_S
and syncs them to the disk every SYNC_EVERY_S: a process that is killed loses at most the first, a
machine that loses power at most the second. Segments that are full or old enough are closed by
renaming. `use_cases.operations.drain_decisions` moves them to the lake, and also those of a process
that died.
"""

import contextlib
import logging
import os
import queue
import threading
import time
import uuid
from pathlib import Path
from typing import Final

import orjson
from filelock import FileLock

from phantom_core.core.workspace import WorkspacePaths
from phantom_core.events.decision import PriceDecision

FLUSH_EVERY_S: Final = 0.02
SYNC_EVERY_S: Final = 1.0
CLOSE_AFTER_S: Final = 5.0
LARGEST_BYTES: Final = 16 << 20
MOST_WAITING: Final = 100_000
OPEN: Final = ".open"
CLOSED: Final = ".jsonl"
LOCK: Final = ".lock"
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
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, uuid.uuid4().hex
        # Held while this process lives, so that draining can distinguish an open segment from one
        # that was left behind.
        self._lock = FileLock(folder / f"{self._name}{LOCK}")
        self._lock.acquire()
        self._waiting: queue.SimpleQueue[PriceDecision] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._segment: _Segment | None = None
        self._n_segments = 0
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
        self._lock.release()
        (self._folder / f"{self._name}{LOCK}").unlink(missing_ok=True)

    def _run(self) -> None:
        lines: list[bytes] = []
        while True:
            is_last = self._stop.wait(FLUSH_EVERY_S)
            lines += self._take()
            try:
                self._write(lines)
                self._maintain(is_last=is_last)
                lines, self.is_failing = [], False
            except OSError as error:
                if not self.is_failing:
                    _LOGGER.error("Decisions cannot be written to %s: %s", self._folder, error)
                self._abandon()
                self.n_dropped += len(lines[:-MOST_WAITING])
                lines = lines[-MOST_WAITING:]
            if is_last:
                return

    def _abandon(self) -> None:
        """Leave a segment that cannot be written; it is drained once this process has ended."""
        self.is_failing = True
        if self._segment:
            self._segment.abandon()
            self._segment = None

    def _take(self) -> list[bytes]:
        lines = []
        try:
            while True:
                try:
                    lines.append(
                        orjson.dumps(self._waiting.get_nowait(), option=orjson.OPT_APPEND_NEWLINE)
                    )
                except (
                    orjson.JSONEncodeError
                ):  # such as half a character, which must not end the thread
                    self.n_dropped += 1
        except queue.Empty:
            return lines

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        if self._segment is None:
            self._n_segments += 1
            self._segment = _Segment(self._folder / f"{self._name}-{self._n_segments:08d}{OPEN}")
        self._segment.write(b"".join(lines))

    def _maintain(self, *, is_last: bool) -> None:
        if self._segment and self._segment.sync_or_close(is_last=is_last):
            self._segment = None


class _Segment:
    """A file that grows until it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._opened_s = self._synced_s = time.monotonic()
        self._n_bytes = 0

    def write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._n_bytes += len(content)

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def sync_or_close(self, *, is_last: bool) -> bool:
        """Sync to the disk, and close, when due; returns whether the segment is closed."""
        now_s = time.monotonic()
        is_done = (
            is_last or self._n_bytes >= LARGEST_BYTES or now_s - self._opened_s >= CLOSE_AFTER_S
        )
        if is_done or now_s - self._synced_s >= SYNC_EVERY_S:
            os.fsync(self._descriptor)
            self._synced_s = now_s
        if is_done:
            os.close(self._descriptor)
            self._path.rename(self._path.with_suffix(CLOSED))
        return is_done
