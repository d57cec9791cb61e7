"""Compression: gzip and Zstandard streams that yield all readable data before any damage."""

import io
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import zstandard

from phantom_core.core.errors import SourceError

_CHUNK_BYTES: Final = 512  # at most this much is lost before a damaged place
# Logs of clicks shrink to a tenth or a fiftieth; what expands further was made to fill a memory.
_MOST_RATIO: Final = 500
_LEAST_BYTES: Final = 256 << 20  # a file may expand to this whatever its ratio
_MOST_WINDOW_BYTES: Final = 128 << 20  # of Zstandard, its own default for readers
_MAGIC_BYTES: Final = 4


class _Frame(Protocol):
    """One member of a compressed file."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


FRAMES: Final[Mapping[str, Callable[[], _Frame]]] = {
    ".gz": lambda: zlib.decompressobj(31),
    ".zst": lambda: zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES).decompressobj(),
}


class Decompressed(io.RawIOBase):
    """The content of a compressed file, member after member.

    What follows the last member is ignored, as gunzip does.

    Args:
        stored: the file's bytes.
        new_frame: makes a decompressor for one member.
        path: of the file, for messages.
    """

    def __init__(self, stored: BinaryIO, new_frame: Callable[[], _Frame], path: Path) -> None:
        self._stored = stored
        self._path = path
        self._n_stored = 0
        self._n_expanded = 0
        self._new_frame = new_frame
        self._frame = new_frame()
        self._ready = b""
        self._n_given = 0  # of them, bytes that were read
        self._members = 0
        self._n_bytes = 0
        self._failure = ""

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer.

        Raises:
            OSError: the file is damaged or truncated; everything readable was yielded before.
            SourceError: it expands far beyond its size.
        """
        while self._n_given == len(self._ready):
            if self._failure:
                raise OSError(self._failure)
            if not self._more():
                return 0
        given = self._ready[self._n_given : self._n_given + len(buffer)]
        self._n_given += len(given)
        buffer[: len(given)] = given
        return len(given)

    def _more(self) -> bool:
        """Decompress one more piece; False at the end of the file."""
        data = self._start_member() if self._frame.eof else self._stored.read(_CHUNK_BYTES)
        is_first = self._n_bytes == 0
        self._n_bytes += len(data)
        if not data:
            self._failure = "" if is_first else "the compressed data ends too early"
            return not is_first
        try:
            self._ready, self._n_given = self._frame.decompress(data), 0
            self._check_ratio(len(data))
        except (zlib.error, zstandard.ZstdError) as error:
            if is_first and self._members:
                return False
            self._failure = f"the compressed data is damaged: {error}"
        return True

    def _check_ratio(self, n_bytes: int) -> None:
        self._n_stored += n_bytes
        self._n_expanded += len(self._ready)
        if self._n_expanded > max(_LEAST_BYTES, _MOST_RATIO * self._n_stored):
            raise expansion_error(self._path)

    def _start_member(self) -> bytes:
        """Data after a member, if it is long enough to be another member."""
        data = self._frame.unused_data or b""
        while len(data) < _MAGIC_BYTES and (more := self._stored.read(_CHUNK_BYTES)):
            data += more
        self._frame = self._new_frame()
        self._members += 1
        self._n_bytes = 0
        return data if len(data) >= _MAGIC_BYTES else b""


def expansion_error(path: Path) -> SourceError:
    """Why a file that expands without end is not read."""
    return SourceError(
        f"'{path.name}' expands to several hundred times its size, as no export does.",
        hint="If it is genuine, decompress it or export it anew, and load that.",
    )


def open_compressed(stored: BinaryIO, path: Path) -> io.BufferedReader:
    """A file's content, decompressed where its name says that it is compressed."""
    new_frame = FRAMES.get(path.suffix.lower())
    raw: io.RawIOBase = Decompressed(stored, new_frame, path) if new_frame else stored  # type: ignore[assignment]
    return io.BufferedReader(raw)
