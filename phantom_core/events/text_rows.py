"""Text rows: rows of CSV or JSON files with their line numbers, malformed ones included.

A malformed row affects that row only: text that a stray quote or bracket swallowed is read again.
"""

import codecs
import csv
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


class CsvRows:
    """Rows of delimited text after a header.

    Args:
        lines: the file's lines.
        delimiter: one character.
        max_chars: longer cells are rejected, characters.

    Attributes:
        header: the column names; empty for an empty file.
    """

    def __init__(self, lines: Lines, delimiter: str, max_chars: int) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._max_chars = max_chars
        self._taken: list[tuple[int, str]] = []
        self.header: tuple[str, ...] = ()
        for row in self._rows():
            self.header = tuple(cell.strip() for cell in row.cells)
            break

    def __iter__(self) -> Iterator[TextRow]:
        for row in self._rows():
            if row.problem or len(row.cells) == len(self.header):
                yield row
            else:
                yield self._miscounted(row)

    def _rows(self) -> Iterator[TextRow]:
        # One limit for the whole process, so it is set whenever reading starts.
        csv.field_size_limit(self._max_chars)
        reader = csv.reader(
            self._feed(), delimiter=self._delimiter, strict=True, skipinitialspace=True
        )
        while True:
            self._taken = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._unreadable(str(error))
                reader = csv.reader(
                    self._feed(), delimiter=self._delimiter, strict=True, skipinitialspace=True
                )
                continue
            if cells:
                yield self._checked(tuple(cells))

    def _feed(self) -> Iterator[str]:
        while (taken := self._lines.take()) is not None:
            self._taken.append(taken)
            yield taken[1]

    def _checked(self, cells: tuple[str, ...]) -> TextRow:
        line = self._taken[0][0]
        if any(map(is_damaged, cells)):
            return broken_row(
                line,
                "bad_encoding",
                "The row holds bytes that are not text in this file's encoding.",
                self._text(),
            )
        return TextRow(line, cells)

    def _miscounted(self, row: TextRow) -> TextRow:
        text = self._text()
        self._lines.give_back(self._taken[1:])
        return broken_row(
            row.line,
            "wrong_column_count",
            f"{len(row.cells)} cells where the header has {len(self.header)}.",
            text,
        )

    def _unreadable(self, error: str) -> TextRow:
        line, text = self._taken[0]
        self._lines.give_back(self._taken[1:])
        if len(self._taken) == 1 and "field larger" in error:
            return broken_row(
                line,
                "field_too_large",
                f"A cell is longer than {self._max_chars:,} characters.",
                text,
            )
        return broken_row(
            line,
            "unclosed_quote",
            f"A quoted cell is not closed correctly ({error}).",
            text,
        )

    def _text(self) -> str:
        return "".join(text for _, text in self._taken)


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
