"""Segments: files of records, one a line, each with its checksum and acceptance time.

A record is safe once `append` returns: it was written and synced to the disk. A process that dies
leaves at most one unfinished line at the end, which was never acknowledged.
"""

import contextlib
import os
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

SUFFIX: Final = ".log"
LARGEST_BYTES: Final = 16 << 20
OLDEST_S: Final = 60.0
_CRC_DIGITS: Final = 8
_TIME_DIGITS: Final = 16
_HEAD: Final = _CRC_DIGITS + 1 + _TIME_DIGITS + 1


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a segment.

    Attributes:
        at: where it begins, bytes from the start of the file.
        accepted_us: when, UTC microseconds.
        value: its bytes; the whole line where is_whole is False.
        is_whole: whether its checksum is right.
    """

    at: int
    accepted_us: int
    value: bytes
    is_whole: bool


def line_of(value: str, accepted_us: int) -> bytes:
    r"""A record as a line of the file; line breaks in JSON are only blanks.

    >>> line_of('{"a": 1}', 1)
    b'cd63706d 0000000000000001 {"a": 1}\n'
    """
    text = b"%016d %s" % (accepted_us, value.replace("\r", " ").replace("\n", " ").encode())
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_records(content: bytes, at: int) -> Iterator[Record]:
    """Whole lines of a piece of a segment that begins at a record.

    Args:
        content: bytes of the file.
        at: their position in the file.
    """
    start = 0
    while (stop := content.find(b"\n", start)) >= 0:
        yield _record(content[start:stop], at + start)
        start = stop + 1


def _record(line: bytes, at: int) -> Record:
    text = line[_CRC_DIGITS + 1 :]
    if len(line) >= _HEAD and b"%08x" % zlib.crc32(text) == line[:_CRC_DIGITS]:
        return Record(at, int(text[:_TIME_DIGITS]), line[_HEAD:], is_whole=True)
    return Record(at, 0, line, is_whole=False)


class SegmentWriter:
    """Appends records to segments of one topic; each process has files of its own.

    Args:
        folder: of the topic; made when missing.
    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, uuid.uuid4().hex[:12]
        # Held while this process lives, so that a reader can distinguish an open segment from one
        # that was left behind.
        self._lock = FileLock(_lock_path(folder, self._name), thread_local=False)
        self._lock.acquire()
        self._descriptor: int | None = None
        self._n_bytes, self._opened_s, self._last_us = 0, 0.0, 0

    def append(self, values: Sequence[str]) -> None:
        """Write records, all or none unless the disk prevents the undo.

        Raises:
            OSError: they are not stored safely; the next call begins a new segment.
        """
        descriptor = self._open()
        content = b"".join(map(self._line, values))
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fdatasync(descriptor) if hasattr(os, "fdatasync") else os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._n_bytes)
            self._close_segment()
            raise
        self._n_bytes += len(content)

    def close(self) -> None:
        """Close the segment and release its lock."""
        self._close_segment()
        self._lock.release()

    def _line(self, value: str) -> bytes:
        return line_of(value, self._next_us())

    def _next_us(self) -> int:
        self._last_us = max(self._last_us + 1, time.time_ns() // 1_000)
        return self._last_us

    def _open(self) -> int:
        is_full = self._n_bytes >= LARGEST_BYTES or time.monotonic() - self._opened_s > OLDEST_S
        if self._descriptor is not None and is_full:
            self._close_segment()
        if self._descriptor is None:
            # Names increase even when the clock is set back: a segment with a successor counts as
            # finished.
            path = self._folder / f"{self._next_us():016d}-{self._name}{SUFFIX}"
            self._descriptor = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640
            )
            self._n_bytes, self._opened_s = 0, time.monotonic()
            _sync_folder(self._folder)
        return self._descriptor

    def _close_segment(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def list_segments(folder: Path) -> list[Path]:
    """Segments of a topic, the oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def is_finished(path: Path, others: Sequence[Path]) -> bool:
    """Whether a segment is complete: its writer has begun another one, or is gone."""
    writer = _writer(path)
    if any(_writer(other) == writer and other.name > path.name for other in others):
        return True
    try:
        with FileLock(_lock_path(path.parent, writer), timeout=0, thread_local=False):
            return True
    except Timeout:
        return False


def forget_writers(folder: Path) -> None:
    """Remove the locks of writers that are gone and have no segment left."""
    writers = {_writer(path) for path in list_segments(folder)}
    for lock in folder.glob("*.lock"):
        # A new lock may be about to be held.
        if lock.stem in writers or time.time() - lock.stat().st_mtime < OLDEST_S:
            continue
        with contextlib.suppress(Timeout, OSError), FileLock(lock, timeout=0, thread_local=False):
            lock.unlink()


def _writer(path: Path) -> str:
    return path.stem.partition("-")[2]


def _lock_path(folder: Path, writer: str) -> Path:
    return folder / f"{writer}.lock"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
