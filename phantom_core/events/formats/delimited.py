"""Delimited text: CSV and its relatives; takes any text that no other format recognises."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from phantom_core.core.errors import SourceError
from phantom_core.events.columns import Columns
from phantom_core.events.delimited_rows import CsvRows, Dialect
from phantom_core.events.formats.source_format import (
    BATCH_ROWS,
    FORMATS,
    Batch,
    SourceFormat,
    check_header,
)
from phantom_core.events.formats.text_source import TextSource
from phantom_core.events.text_options import DETECTED, TextOptions
from phantom_core.events.text_rows import Lines, is_damaged

DELIMITERS: Final = ",\t;|"
_SEPARATOR: Final = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)  # Excel's own first line


class CsvSource(TextSource):
    """Delimited text with a header; the delimiter is the one that splits the header most."""

    def __init__(
        self,
        path: Path,
        encoding: str,
        max_chars: int,
        delimiter: str | None,
        batch_rows: int = BATCH_ROWS,
        options: TextOptions = DETECTED,
    ) -> None:
        super().__init__(path, encoding, max_chars, batch_rows)
        self.options = options
        with self.opened() as lines:
            stated, first = self._first_line(lines)
            self.delimiter = delimiter or stated or _split_best(first)
            rows = CsvRows(lines, self._dialect(first), max_chars, options.header)
            header = options.header or _named(path, rows.header)
        check_header(path, header)
        self.dialect = self._dialect(first)
        self.columns = Columns(header, is_json=False)

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""
        with self.opened() as lines:
            self._first_line(lines)
            rows = CsvRows(lines, self.dialect, self.max_chars, self.options.header)
            rows.header = self.columns.names
            yield from self.batched(lines, iter(rows), self.columns.names)

    def _first_line(self, lines: Lines) -> tuple[str, str]:
        """Go to the header, or to the first row; returns a stated delimiter, and the line.

        Raises:
            SourceError: there is none, or it cannot be decoded.
        """
        for _ in range(self.options.skip_lines):
            lines.take()
        stated, first = "", lines.take()
        while first is not None and (not first[1].strip() or _SEPARATOR.fullmatch(first[1])):
            found = _SEPARATOR.fullmatch(first[1])
            stated = found.group(1) if found else stated
            first = lines.take()
        if first is None:
            raise SourceError(
                f"'{self.path.name}' cannot be read: {lines.failure or 'it has no line'}.",
                hint="Export it again.",
            )
        if is_damaged(first[1]):
            hint = (
                'State the encoding in a mapping, for example encoding = "cp1252" for '
                "Windows exports."
            )
            raise SourceError(
                f"The header of '{self.path.name}' holds bytes that are not {self.encoding}.",
                hint=hint,
            )
        lines.give_back([first])
        return stated, first[1]

    def _dialect(self, first: str) -> Dialect:
        """A quote in text with tabs is text, as those who write it take care of tabs only."""
        found = Dialect(self.delimiter, escape=self.options.escape)
        if self.options.quote is not None:
            return replace(found, quote=self.options.quote)
        cells = [cell.strip() for cell in first.split(self.delimiter)]
        is_quoted = all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)
        return replace(found, quote='"' if self.delimiter != "\t" or is_quoted else "")


def _split_best(header: str) -> str:
    def n_cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=n_cells)


def _named(path: Path, header: tuple[str, ...]) -> tuple[str, ...]:
    """Columns without a name, such as an index that pandas wrote, get one by their place.

    Raises:
        SourceError: none has a name.
    """
    if header and not any(header):
        raise SourceError(
            f"No column of '{path.name}' has a name.", hint="Is its first line the header?"
        )
    return tuple(name or f"column_{place}" for place, name in enumerate(header, start=1))


FORMATS.register(
    SourceFormat(
        name="delimited",
        title="CSV, TSV",
        description="Delimited text with a header; the delimiter is the one that splits the "
        "header most.",
        order=10,
        suffixes=(".csv", ".tsv", ".txt"),
        is_text=True,
        recognises=lambda suffix, start: True,
        open=lambda file: CsvSource(
            file.path,
            file.encoding,
            file.max_chars,
            file.options.delimiter,
            file.batch_rows,
            file.options,
        ),
    )
)
