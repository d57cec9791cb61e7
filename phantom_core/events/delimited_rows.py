"""Delimited rows: the rows of CSV and its relatives, malformed ones included.

A malformed row affects that row only: text that a stray quote swallowed is read again.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from phantom_core.events.text_rows import Lines, TextRow, broken_row, is_damaged

_SHAPED_ROWS: Final = 100  # so many rows show which columns begin with a digit


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are told apart.

    Attributes:
        delimiter: between cells, one character.
        quote: around cells that hold a delimiter, one character; "" where a quote is text.
        escape: before a quote or delimiter that is text, one character; "" for none.
    """

    delimiter: str
    quote: str = '"'
    escape: str = ""


class CsvRows:
    """Rows of delimited text after a header.

    Args:
        lines: the file's lines.
        dialect: how cells are told apart.
        max_chars: longer cells are rejected, characters.
        header: names of the columns of a file whose first line is a row already.

    Attributes:
        header: the column names; empty for an empty file.
    """

    def __init__(
        self, lines: Lines, dialect: Dialect, max_chars: int, header: tuple[str, ...] = ()
    ) -> None:
        self._lines = lines
        self._dialect = dialect
        self._max_chars = max_chars
        self._taken: list[tuple[int, str]] = []
        self._shape = _Shape()
        self.header = header
        for row in () if header else self._rows():
            self.header = tuple(cell.strip() for cell in row.cells)
            break

    def __iter__(self) -> Iterator[TextRow]:
        for row in self._rows():
            if row.problem:
                yield row
            elif len(row.cells) != len(self.header):
                yield self._miscounted(row)
            elif len(self._taken) > 1 and self._has_swallowed():
                yield self._unreadable("the quote before holds whole rows")
            else:
                self._shape.add(row.cells)
                yield row

    def _has_swallowed(self) -> bool:
        """Whether a line inside the row is a whole row by itself: no value holds those."""
        rows = csv.reader(
            [text for _, text in self._taken[1:]],
            delimiter=self._dialect.delimiter,
            quoting=csv.QUOTE_NONE,
        )
        width = len(self.header)
        return width > 1 and any(
            len(cells) == width and self._shape.fits(tuple(cells)) for cells in rows
        )

    def _reader(self) -> Iterator[list[str]]:
        dialect = self._dialect
        return csv.reader(
            self._feed(),
            delimiter=dialect.delimiter,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            escapechar=dialect.escape or None,
            # A file that escapes its quotes does not double them.
            doublequote=not dialect.escape,
            strict=True,
            skipinitialspace=True,
        )

    def _rows(self) -> Iterator[TextRow]:
        # One limit for the whole process, so it is set whenever reading starts.
        csv.field_size_limit(self._max_chars)
        reader = self._reader()
        while True:
            self._taken = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield self._unreadable(str(error))
                reader = self._reader()
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


class _Shape:
    """Which columns begin with a digit in every row so far, as times and numbers do."""

    def __init__(self) -> None:
        self._n_rows = 0
        self._with_digit: set[int] = set()

    def add(self, cells: tuple[str, ...]) -> None:
        """Look at a good row; the first ones are enough."""
        if self._n_rows >= _SHAPED_ROWS:
            return
        found = {place for place, cell in enumerate(cells) if cell[:1].isdigit()}
        self._with_digit = found if self._n_rows == 0 else self._with_digit & found
        self._n_rows += 1

    def fits(self, cells: tuple[str, ...]) -> bool:
        """Whether a line's cells look like those of the rows so far."""
        return all(cells[place].strip(' "')[:1].isdigit() for place in self._with_digit)
