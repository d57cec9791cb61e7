"""Segments: files of records, one a line, each with its checksum and acceptance time.

A writer syncs records to the disk before `append` returns, or at an interval where no record is
worth the wait. A process that dies leaves at most one unfinished line at the end, which was never
acknowledged.
"""

import contextlib
import fcntl
import os
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


def blank_records(path: Path, is_meant: Callable[[bytes], bool]) -> int:
    """Overwrite records in place with blanks of the same length, which read as JSON `null`.

    Positions in the file stay as they are, also while its writer appends.

    Args:
        path: of the segment.
        is_meant: whether a record's value is to be blanked.
    Returns:
        How many were.
    """
    content = path.read_bytes()
    meant = [one for one in read_records(content, 0) if is_meant(one.value)]
    end = content.rfind(b"\n") + 1
    is_torn = is_meant(content[end:]) and is_finished(path)
    if not (meant or is_torn):
        return 0
    with path.open("r+b") as stream:
        for record in meant:
            blank = b" " * len(record.value)
            if record.is_whole:
                text = "null".ljust(len(record.value))[: len(record.value)]
                blank = line_of(text, record.accepted_us).rstrip(b"\n")
            stream.seek(record.at)
            stream.write(blank)
        if is_torn:
            stream.truncate(end)
        stream.flush()
        os.fsync(stream.fileno())
    return len(meant)


class SegmentWriter:
    """Appends records to segments of one folder; each process has files of its own.

    Args:
        folder: of the segments; made when missing.
        oldest_s: a segment of this age is closed, seconds.
        sync_every_s: interval of syncs to the disk, seconds; 0 means before `append` returns.
    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, oldest_s: float = OLDEST_S, sync_every_s: float = 0.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"The folder {folder} cannot be written to.")
        self._folder, self._name = folder, uuid.uuid4().hex[:12]
        self._oldest_s, self._sync_every_s = oldest_s, sync_every_s
        self._descriptor: int | None = None
        self._n_bytes, self._last_us, self._is_synced = 0, 0, True
        self._opened_s = self._synced_s = 0.0

    def append(self, values: Sequence[str]) -> None:
        """Write records, all or none unless the disk prevents the undo; without any, only sync or
        close the segment when due.

        Raises:
            OSError: they are not stored safely; the next call begins a new segment.
        """
        if self._n_bytes >= LARGEST_BYTES or time.monotonic() - self._opened_s > self._oldest_s:
            self.close()
        content = b"".join(map(self._line, values))
        try:
            self._write(content)
            self._sync(self._sync_every_s)
        except OSError:
            if self._descriptor is not None:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self._n_bytes)
            self._release()
            raise
        self._n_bytes += len(content)

    def close(self) -> None:
        """Close the segment and release its lock.

        Raises:
            OSError: records that were not synced yet may be lost.
        """
        try:
            self._sync(0.0)
        finally:
            self._release()

    def _line(self, value: str) -> bytes:
        return line_of(value, self._next_us())

    def _next_us(self) -> int:
        self._last_us = max(self._last_us + 1, time.time_ns() // 1_000)
        return self._last_us

    def _write(self, content: bytes) -> None:
        if not content:
            return
        descriptor = self._open() if self._descriptor is None else self._descriptor
        view, self._is_synced = memoryview(content), False
        while view:
            view = view[os.write(descriptor, view) :]

    def _sync(self, every_s: float) -> None:
        now_s = time.monotonic()
        if self._descriptor is None or self._is_synced or now_s - self._synced_s < every_s:
            return
        (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(self._descriptor)
        self._is_synced, self._synced_s = True, now_s

    def _open(self) -> int:
        # Names increase even when the clock is set back, so that segments stay in order.
        stem = f"{self._next_us():016d}-{self._name}"
        new = self._folder / f"{stem}.new"
        self._descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        # Held from before a reader can see the file until it is closed or this process dies.
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        new.rename(self._folder / f"{stem}{SUFFIX}")
        _sync_folder(self._folder)
        self._opened_s = self._synced_s = time.monotonic()
        return self._descriptor

    def _release(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor, self._n_bytes, self._is_synced = None, 0, True


def list_segments(folder: Path) -> list[Path]:
    """Segments of a folder, the oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def is_finished(path: Path) -> bool:
    """Whether a segment is complete: its writer has closed it, or is gone."""
    with path.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
