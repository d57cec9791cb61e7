"""UBJSON: a reader of the subset that XGBoost writes, bounded in depth, size and number of values.

XGBoost's own C++ reader trusts lengths and indices of a file and crashes on wrong ones. This one
only reads, so what it returns can be checked before the bytes go there.
Source: https://ubjson.org, draft 12.
"""

import struct
from typing import Final

import numpy as np

from phantom_core.core.errors import DataError

MOST_DEPTH: Final = 16
MOST_VALUES: Final = 5_000_000
_FIXED: Final = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_ARRAYS: Final = {
    b"i": ">i1",
    b"U": ">u1",
    b"I": ">i2",
    b"l": ">i4",
    b"L": ">i8",
    b"d": ">f4",
    b"D": ">f8",
}
_INTEGERS: Final = frozenset((b"i", b"U", b"I", b"l", b"L"))


class UbjsonReader:
    """Reads one document.

    Args:
        content: its bytes.
        what: named in errors.
    """

    def __init__(self, content: bytes, what: str) -> None:
        self._content, self._what = content, what
        self._at, self._n_values = 0, 0

    def read(self) -> object:
        """The document: objects as dict, arrays as list or, where typed, as NumPy array.

        Raises:
            DataError: it is damaged, too deep, or goes on after its end.
        """
        found = self._value(self._take(1), 0)
        if self._at != len(self._content):
            raise self._damaged("there are bytes after its end")
        return found

    def _value(self, marker: bytes, depth: int) -> object:
        self._n_values += 1
        if depth > MOST_DEPTH or self._n_values > MOST_VALUES:
            raise self._damaged("it is nested too deeply, or has too many values")
        if marker in _FIXED:
            form = _FIXED[marker]
            return struct.unpack(form, self._take(struct.calcsize(form)))[0]
        if marker == b"S":
            return self._text()
        if marker in (b"T", b"F"):
            return marker == b"T"
        if marker == b"Z":
            return None
        if marker == b"{":
            return self._object(depth + 1)
        if marker == b"[":
            return self._array(depth + 1)
        raise self._damaged(f"unknown type {marker!r}")

    def _object(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while self._peek() != b"}":
            name = self._text()
            if name in found:
                raise self._damaged(f"'{name[:40]}' stands there twice")
            found[name] = self._value(self._take(1), depth)
        self._take(1)
        return found

    def _array(self, depth: int) -> object:
        kind = b""
        if self._peek() == b"$":
            self._take(1)
            kind = self._take(1)
        if self._peek() == b"#":
            self._take(1)
            return self._counted(kind, self._length(), depth)
        if kind:
            raise self._damaged("a typed array without a length")
        found = []
        while self._peek() != b"]":
            found.append(self._value(self._take(1), depth))
        self._take(1)
        return found

    def _counted(self, kind: bytes, length: int, depth: int) -> object:
        if not kind:
            if length > len(self._content):
                raise self._damaged("an array longer than the file")
            return [self._value(self._take(1), depth) for _ in range(length)]
        if kind not in _ARRAYS:
            raise self._damaged(f"an array of unknown type {kind!r}")
        form = np.dtype(_ARRAYS[kind])
        self._n_values += length
        return np.frombuffer(self._take(length * form.itemsize), form)

    def _text(self) -> str:
        try:
            return self._take(self._length()).decode()
        except UnicodeDecodeError:
            raise self._damaged("text that is not UTF-8") from None

    def _length(self) -> int:
        marker = self._take(1)
        if marker not in _INTEGERS:
            raise self._damaged("a length that is no integer")
        form = _FIXED[marker]
        length = int(struct.unpack(form, self._take(struct.calcsize(form)))[0])
        if length < 0:
            raise self._damaged("a negative length")
        return length

    def _peek(self) -> bytes:
        return self._content[self._at : self._at + 1]

    def _take(self, n_bytes: int) -> bytes:
        found = self._content[self._at : self._at + n_bytes]
        if len(found) < n_bytes:
            raise self._damaged("it ends too early")
        self._at += n_bytes
        return found

    def _damaged(self, why: str) -> DataError:
        return DataError(
            f"{self._what} is damaged at byte {self._at}: {why}.",
            hint="Restore the model from a backup, or train again.",
        )
