"""Text rows: lines of CSV or JSON as they stand in a file, each with its number, broken ones included.

A broken row costs that row only: whatever a stray quote or bracket swallowed is given back and read again.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TextIO

MAX_SHOWN: Final = 2_000
_NEXT_ELEMENT: Final = re.compile(r"[,\n]\s*(?=\{)")


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of a text file.

    Attributes:
        line: number of the row's first line, from 1.
        cells: the row's cells (CSV) or one JSON document; empty for a broken row.
        problem: reason code of a broken row, else "".
        detail: what was found, in words.
        text: the start of a broken row as it stands in the file.
    """

    line: int
    cells: tuple[str, ...]
    problem: str = ""
    detail: str = ""
    text: str = ""


def broken(line: int, problem: str, detail: str, text: str) -> TextRow:
    """A row that cannot be used; keeps the start of its text."""
    return TextRow(line, (), problem, detail, text.rstrip("\n")[:MAX_SHOWN])


class Lines:
    """The lines of a stream with their numbers; lines may be given back.

    Args:
        stream: decoded text in which undecodable bytes stand as U+FFFD.
        max_chars: a longer line is cut, so that no line can fill the memory.

        share_read: tells how much of the file was read, in [0, 1].

    Attributes:
        last_line: number of the last line read.
        failure: why the stream broke off; empty while it did not.
    """

    def __init__(self, stream: TextIO, max_chars: int, share_read: Callable[[], float] = lambda: 0.0) -> None:
        self.share_read = share_read
        self._stream = stream
        self._max_chars = max_chars
        self._given_back: list[tuple[int, str]] = []
        self.last_line = 0
        self.failure = ""

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """Put lines back, to be read again in the same order."""
        self._given_back.extend(reversed(lines))

    def take(self) -> tuple[int, str] | None:
        """The next line and its number, or None at the end; a stream that breaks off ends and leaves `failure`."""
        if self._given_back:
            return self._given_back.pop()
        text = self._read()
        if not text:
            return None
        self.last_line += 1
        if len(text) > self._max_chars:
            while (rest := self._read()) and not rest.endswith("\n") and len(rest) > self._max_chars:
                pass
        return self.last_line, text

    def _read(self) -> str:
        try:
            return "" if self.failure else self._stream.readline(self._max_chars + 1)
        except (OSError, EOFError) as error:
            self.failure = str(error)
            return ""


class CsvRows:
    """Rows of delimited text after a header.

    Args:
        lines: the file's lines.
        delimiter: one character.
        max_chars: a longer cell is refused, characters.

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
        csv.field_size_limit(self._max_chars)
        reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
        while True:
            self._taken = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._unreadable(str(error))
                reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
                continue
            if cells:
                yield self._checked(tuple(cells))

    def _feed(self) -> Iterator[str]:
        while (taken := self._lines.take()) is not None:
            self._taken.append(taken)
            if len(taken[1]) > self._max_chars:
                raise csv.Error("field larger than the limit")
            yield taken[1]

    def _checked(self, cells: tuple[str, ...]) -> TextRow:
        line = self._taken[0][0]
        if any("\ufffd" in cell for cell in cells):
            return broken(line, "bad_encoding", "The row holds bytes that are not text in this file's encoding.", self._text())
        return TextRow(line, cells)

    def _miscounted(self, row: TextRow) -> TextRow:
        text = self._text()
        self._lines.give_back(self._taken[1:])
        return broken(row.line, "wrong_column_count", f"{len(row.cells)} cells where the header has {len(self.header)}.", text)

    def _unreadable(self, error: str) -> TextRow:
        line, text = self._taken[0]
        self._lines.give_back(self._taken[1:])
        if len(self._taken) == 1 and "field larger" in error:
            return broken(line, "field_too_large", f"A cell is longer than {self._max_chars:,} characters.", text)
        return broken(line, "unclosed_quote", f"A quote is opened and not closed as it should be ({error}).", text)

    def _text(self) -> str:
        return "".join(text for _, text in self._taken)


def json_line_rows(lines: Lines, max_chars: int) -> Iterator[TextRow]:
    """Rows of JSON Lines: one document a line; whether it is valid is checked later, in bulk."""
    while (taken := lines.take()) is not None:
        line, text = taken
        if not text.strip():
            continue
        if len(text) > max_chars:
            yield broken(line, "field_too_large", f"The line is longer than {max_chars:,} characters.", text)
        elif "\ufffd" in text:
            yield broken(line, "bad_encoding", "The line holds bytes that are not text in this file's encoding.", text)
        else:
            yield TextRow(line, (text,))


def json_document_rows(text: str) -> Iterator[TextRow]:
    """Rows of a JSON array, or of documents written over several lines."""
    decoder = json.JSONDecoder()
    position, line, counted = 0, 1, 0
    while True:
        position = _skip(text, position)
        if position >= len(text):
            return
        line, counted = line + text.count("\n", counted, position), position
        try:
            document, stop = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            found = _NEXT_ELEMENT.search(text, position + 1)
            stop = found.end() if found else len(text)
            yield broken(line, "broken_json", f"Not valid JSON: {error}.", text[position:stop])
        else:
            yield _document_row(line, document, text[position:stop])
        position = stop


def _document_row(line: int, document: object, text: str) -> TextRow:
    if "\ufffd" in text:
        return broken(line, "bad_encoding", "The document holds bytes that are not text in this file's encoding.", text)
    return TextRow(line, (json.dumps(document, ensure_ascii=False),))


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n,[]":
        position += 1
    return position
