"""Local buffer: topics as segment files in the workspace, for shops without Kafka."""

import contextlib
import heapq
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from phantom_core.core.errors import BusyError, NotFoundError, UnavailableError
from phantom_core.core.workspace import WorkspacePaths
from phantom_core.messages.segments import (
    Record,
    SegmentWriter,
    is_finished,
    list_segments,
    read_records,
)
from phantom_core.messages.topic import KINDS, Message, Outgoing

# Segments that are in the lake stay for `last_messages` up to this total size.
RETAINED_BYTES: Final = 32 << 20
_DRAINED: Final = "drained.json"
_PAUSE_S: Final = 0.02
_READ_BYTES: Final = 8 << 20
_MEASURE_EVERY_S: Final = 0.5
# More than a batch of ordinary size.
_TRIED_BYTES: Final = 256 << 10


def open_inbox(workspace: Path) -> Path:
    """Folder of a workspace's topics."""
    return WorkspacePaths(workspace).inbox


class LocalSink:
    """Stores messages in segment files.

    Args:
        folder: of the topics.
        most_bytes: no more than this may wait for the lake, bytes.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._writers = {topic: SegmentWriter(folder / topic) for topic in KINDS}
        self._measured_s, self._waiting_bytes = -_MEASURE_EVERY_S, 0
        self._tried_s, self._disk_problem = -_MEASURE_EVERY_S, ""

    def append(self, topic: str, messages: Sequence[Outgoing]) -> None:
        """Store messages durably: they survive this process and a crash of this machine.

        Raises:
            BusyError: too much waits for the lake.
            UnavailableError: the disk cannot be written.
        """
        if full := self._is_full():
            raise BusyError(full, hint="Is the worker running (stream worker)?")
        try:
            self._writers[topic].append([message.value for message in messages])
        except OSError as error:
            raise UnavailableError(_unwritten(error), hint="Check the disk.") from error

    def waiting_bytes(self) -> int:
        """Size of the messages that wait for the lake, bytes; measured twice a second."""
        if time.monotonic() - self._measured_s >= _MEASURE_EVERY_S:
            self._waiting_bytes, self._measured_s = (
                sum(waiting_messages(self._folder).values()),
                time.monotonic(),
            )
        return self._waiting_bytes

    def state(self) -> str:
        """The name of this sink."""
        return "unavailable" if self.problem() else "local buffer"

    def problem(self) -> str:
        """Why a message would not be stored now; the disk is tried twice a second at most."""
        if full := self._is_full():
            return full
        if time.monotonic() - self._tried_s >= _MEASURE_EVERY_S:
            self._disk_problem, self._tried_s = _try_disk(self._folder), time.monotonic()
        return self._disk_problem

    def _is_full(self) -> str:
        if self.waiting_bytes() <= self._most_bytes:
            return ""
        return f"The local buffer is full: {self._most_bytes:,} bytes wait for the lake."

    def close(self) -> None:
        """Close all segments."""
        for writer in self._writers.values():
            writer.close()


def _try_disk(folder: Path) -> str:
    """Why a folder's disk takes no more; empty where it does."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".try-") as file:
            file.write(bytes(_TRIED_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return _unwritten(error)
    return ""


def _unwritten(error: OSError) -> str:
    return f"The buffer cannot be written: {error.strerror or error}."


class LocalReader:
    """Reads the segments; one reader at a time, others wait until it is closed.

    Args:
        folder: of the topics.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = FileLock(folder / "reader.lock", thread_local=False)
        self._read: dict[str, int] = {}

    def poll(self, most: int, timeout_s: float) -> list[Message]:
        """The next messages, segment after segment, as many as arrive in time.

        Raises:
            UnavailableError: a segment cannot be read.
        """
        until_s = time.monotonic() + timeout_s
        found: list[Message] = []
        while True:
            found += self._next(most - len(found)) if self._is_ours() else []
            if len(found) >= most or time.monotonic() >= until_s:
                return found
            time.sleep(min(_PAUSE_S, timeout_s))

    def commit(self) -> None:
        """Store the position of the lake, and remove segments that are not needed any more."""
        if self._lock.is_locked:
            _store_position(self._folder, self._read)
            self._sweep()

    def lag(self) -> Mapping[tuple[str, str], int]:
        """Bytes that were not polled yet, by topic."""
        return {
            (topic, ""): n_bytes
            for topic, n_bytes in waiting_messages(self._folder, self._read).items()
        }

    def close(self) -> None:
        """Release the lock for another reader."""
        self._lock.release()

    def _is_ours(self) -> bool:
        if not self._lock.is_locked:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
            self._read = drained_position(self._folder)
        return True

    def _next(self, most: int) -> list[Message]:
        found: list[Message] = []
        for topic in KINDS:
            limit = len(found) + most  # of each topic, so that none waits for another
            for path in list_segments(self._folder / topic):
                if len(found) < limit:
                    found += self._take(topic, path, limit - len(found))
        return found

    def _take(self, topic: str, path: Path, most: int) -> list[Message]:
        name = f"{topic}/{path.name}"
        at = self._read.get(name, 0)
        try:
            if path.stat().st_size <= at:
                return []
            with path.open("rb") as stream:
                stream.seek(at)
                content = stream.read(_READ_BYTES)
                while b"\n" not in content and (more := stream.read(_READ_BYTES)):
                    content += more
        except OSError as error:
            raise UnavailableError(
                f"The buffer cannot be read: {error.strerror or error}.", hint="Check the disk."
            ) from error
        found: list[Message] = []
        for record in read_records(content, at):
            if len(found) == most:
                self._read[name] = record.at
                return found
            found.append(
                Message(
                    topic,
                    path.name,
                    record.at,
                    record.value,
                    "" if record.is_whole else "damaged_record",
                )
            )
        # What its writer never finished, it never acknowledged.
        is_torn = b"\n" not in content and is_finished(path)
        self._read[name] = at + (len(content) if is_torn else content.rfind(b"\n") + 1)
        return found

    def _sweep(self) -> None:
        """Remove the oldest segments that are completely in the lake."""
        for topic in KINDS:
            paths = list_segments(self._folder / topic)
            n_bytes = sum(path.stat().st_size for path in paths)
            for path in paths:
                is_read = path.stat().st_size <= self._read.get(f"{topic}/{path.name}", 0)
                if n_bytes <= RETAINED_BYTES or not is_read or not is_finished(path):
                    break
                n_bytes -= path.stat().st_size
                path.unlink()
                self._read.pop(f"{topic}/{path.name}", None)


def drained_position(folder: Path) -> dict[str, int]:
    """Position of the lake in each segment, bytes."""
    try:
        return {
            str(name): int(at) for name, at in json.loads((folder / _DRAINED).read_bytes()).items()
        }
    except FileNotFoundError:
        return {}


def _store_position(folder: Path, read: Mapping[str, int]) -> None:
    new = folder / f"{_DRAINED}.new"
    with new.open("w", encoding="utf-8") as stream:
        json.dump(dict(read), stream)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(folder / _DRAINED)


def waiting_messages(folder: Path, read: Mapping[str, int] | None = None) -> dict[str, int]:
    """Bytes that wait, by topic.

    Args:
        folder: of the topics.
        read: position in each segment; None means that of the lake.
    """
    done = drained_position(folder) if read is None else read
    found = {}
    for topic in KINDS:
        found[topic] = 0
        for path in list_segments(folder / topic):
            with contextlib.suppress(FileNotFoundError):  # swept meanwhile
                found[topic] += max(0, path.stat().st_size - done.get(f"{topic}/{path.name}", 0))
    return found


def last_messages(folder: Path, topic: str, most: int) -> list[bytes]:
    """The newest messages of a topic, the oldest of them first, from the retained segments.

    Raises:
        NotFoundError: no such topic.
    """
    if topic not in KINDS:
        raise NotFoundError(
            f"There is no topic '{topic}'.", hint=f"There are {' and '.join(KINDS)}."
        )
    newest: list[Record] = []
    for path in reversed(list_segments(folder / topic)):
        # Segments of several writers overlap in time, so one more is read before the search ends.
        if (
            len(newest) >= most
            and newest[0].accepted_us >= int(path.stem.partition("-")[0]) + 2 * 60_000_000
        ):
            break
        with contextlib.suppress(FileNotFoundError):
            whole = [record for record in read_records(path.read_bytes(), 0) if record.is_whole]
            newest = heapq.nlargest(most, [*newest, *whole], key=lambda record: record.accepted_us)[
                ::-1
            ]
    return [record.value for record in newest]
