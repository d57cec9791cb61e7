"""Text rows: rows of text files with their line numbers, malformed ones included, and JSON's.

A malformed row affects that row only: text that a stray bracket swallowed is read again.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from phantom_core.core.errors import SourceError

MAX_SHOWN: Final = 2_000
MARK_BYTES: Final = "phantom-mark-bytes"
MOST_NESTED: Final = 64  # writers of JSON stop at 254 levels, readers at 1,000
# A bracket, or a whole text in quotes, which may hold brackets that count for nothing.
_BRACKET: Final = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*(?:"|$)', re.DOTALL)
_NEXT_ELEMENT: Final = re.compile(r"[,\n]\s*(?=\{)")


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a text file.

    Attributes:
        line: number of the row's first line, from 1.
        cells: the row's cells (CSV) or one JSON document; empty for a broken row.
        problem: reason code of a broken row, else "".
        detail: what was found, in words.
        text: the start of a broken row, raw.
    """

    line: int
    cells: tuple[str, ...]
    problem: str = ""
    detail: str = ""
    text: str = ""


def broken_row(line: int, problem: str, detail: str, text: str) -> TextRow:
    """A malformed row, with the start of its text."""
    shown = text[:MAX_SHOWN].rstrip("\n").encode("utf-8", "replace").decode("utf-8")
    return TextRow(line, (), problem, detail, shown)


def _mark_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


# Undecodable bytes become a lone surrogate, which no decoded text can contain, so that damage
# differs from a genuine U+FFFD.
codecs.register_error(MARK_BYTES, _mark_bytes)


def is_damaged(text: str) -> bool:
    """Whether a text holds bytes that could not be decoded."""
    if text.isascii():
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


class Lines:
    """The lines of a stream with their numbers; lines may be given back.

    Args:
        stream: text decoded with the error handler MARK_BYTES.
        max_chars: longer lines are truncated, so that no line can fill the memory.
        share_read: returns the share of the file that was read, in [0, 1].
    Attributes:
        last_line: number of the last line read.
        failure: why the stream ended too early; empty while it did not.
    """

    def __init__(
        self, stream: TextIO, max_chars: int, share_read: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.share_read = share_read
        self.last_line = 0
        self.failure = ""
        self._stream = stream
        self._max_chars = max_chars
        self._given_back: list[tuple[int, str]] = []

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """Put lines back, to be read again in the same order."""
        self._given_back.extend(reversed(lines))

    def take(self) -> tuple[int, str] | None:
        """The next line and its number, or None at the end, or on a `failure`."""
        if self._given_back:
            return self._given_back.pop()
        text = self._read(self._max_chars + 1)
        if not text:
            return None
        self.last_line += 1
        if len(text) > self._max_chars:
            while (
                (rest := self._read(self._max_chars + 1))
                and not rest.endswith("\n")
                and len(rest) > self._max_chars
            ):
                pass
        return self.last_line, text

    def rest(self) -> str:
        """The remaining text, however long its lines are."""
        parts = [text for _, text in reversed(self._given_back)]
        self._given_back = []
        while part := self._read(-1):
            parts.append(part)
        return "".join(parts)

    def _read(self, n_chars: int) -> str:
        try:
            return "" if self.failure else self._stream.readline(n_chars)
        except OSError as error:
            self.failure = str(error)
            return ""
        except UnicodeError as error:
            raise SourceError(
                f"The text cannot be decoded: {error}.",
                hint="State the encoding in the mapping, e.g. utf-16-le.",
            ) from error


def json_line_rows(lines: Lines, max_chars: int) -> Iterator[TextRow]:
    """Rows of JSON Lines: one document a line; whether it is valid is checked later, in bulk."""
    while (taken := lines.take()) is not None:
        line, text = taken
        if text.strip():
            yield document_row(line, text, max_chars)


def json_document_rows(text: str, max_chars: int) -> Iterator[TextRow]:
    """Rows of a JSON array, or of documents written over several lines."""
    decoder = json.JSONDecoder()
    position, line, counted = 0, 1, 0
    while True:
        position = _skip(text, position)
        if position >= len(text):
            return
        line, counted = line + text.count("\n", counted, position), position
        try:
            _, stop = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            found = _NEXT_ELEMENT.search(text, position + 1)
            stop = found.end() if found else len(text)
            yield broken_row(line, "broken_json", f"Not valid JSON: {error}.", text[position:stop])
        else:
            # The raw text, so that numbers and repeated keys are read as in JSON Lines.
            yield document_row(line, text[position:stop], max_chars)
        position = stop


def document_row(line: int, text: str, max_chars: int) -> TextRow:
    """A JSON document, or a broken row if too long or not decoded; its syntax is checked later."""
    if len(text) > max_chars:
        return broken_row(
            line, "field_too_large", f"The row is longer than {max_chars:,} characters.", text
        )
    if is_damaged(text):
        return broken_row(
            line,
            "bad_encoding",
            "The row holds bytes that are not text in this file's encoding.",
            text,
        )
    if is_nested_deep(text):
        return broken_row(
            line,
            "nested_too_deep",
            f"Objects and arrays stand in each other more than {MOST_NESTED} deep.",
            text,
        )
    return TextRow(line, (text,))


def is_nested_deep(text: str) -> bool:
    r"""Whether objects and arrays of a JSON text stand in each other more than MOST_NESTED deep.

    >>> [is_nested_deep(text) for text in ("[" * 65, "[]" * 65, '"' + "[" * 65)]
    [True, False, False]
    """
    if text.count("[") + text.count("{") <= MOST_NESTED:
        return False
    depth = 0
    for found in _BRACKET.finditer(text):
        bracket = found[0]
        depth += bracket in "[{"
        depth -= bracket in "]}"
        if depth > MOST_NESTED:
            return True
    return False


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n,[]":
        position += 1
    return position
