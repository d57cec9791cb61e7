"""Delimited text: CSV and its relatives; takes any text that no other format recognises."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
_DIRECTIVE: Final = re.compile(r"#[A-Z][A-Za-z-]*:")  # of W3C's extended log format
_FIELDS: Final = "#Fields:"
_SEPARATOR: Final = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)  # Excel's own first line


@dataclass(frozen=True, slots=True)
class _Opening:
    """What stands before the rows.

    Attributes:
        delimiter: as the file says it itself; "" where it does not.
        header: names of the columns by a log's own directive; empty without one.
        first: the header, or the first row where its columns are named elsewhere.
    """

    delimiter: str
    header: tuple[str, ...]
    first: str


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
        named = options.header or _header_beside(path, options.header_file)
        self.options = replace(options, header=named)
        with self.opened() as lines:
            opening = self._opening(lines)
            self.options = replace(options, header=named or opening.header)
            self.delimiter = delimiter or opening.delimiter or _split_best(opening.first)
            self.dialect = self._dialect(opening.first)
            rows = CsvRows(lines, self.dialect, max_chars, self.options.header)
            header = self.options.header or _named(path, rows.header)
        check_header(path, header)
        self.columns = Columns(header, is_json=False)

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""
        with self.opened() as lines:
            self._opening(lines)
            rows = CsvRows(lines, self.dialect, self.max_chars, self.options.header)
            rows.header = self.columns.names
            yield from self.batched(lines, iter(rows), self.columns.names)

    def _opening(self, lines: Lines) -> _Opening:
        """Go to the header, or to the first row.

        Raises:
            SourceError: there is none, or it cannot be decoded.
        """
        for _ in range(self.options.skip_lines):
            lines.take()
        stated, first = "", lines.take()
        fields: tuple[str, ...] = ()
        while first is not None and _is_preamble(first[1]):
            found = _SEPARATOR.fullmatch(first[1])
            stated = found.group(1) if found else stated
            if first[1].startswith(_FIELDS):
                fields = tuple(first[1].removeprefix(_FIELDS).split())
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
        if fields:  # CloudFront writes tabs, others blanks
            stated = "\t" if "\t" in first[1] else " "
        return _Opening(stated, fields, first[1])

    def _dialect(self, first: str) -> Dialect:
        """A quote in text with tabs is text, as those who write it take care of tabs only."""
        found = Dialect(self.delimiter, escape=self.options.escape)
        if self.options.quote is not None:
            return replace(found, quote=self.options.quote)
        cells = [cell.strip() for cell in first.split(self.delimiter)]
        is_quoted = all(len(cell) > 1 and cell[0] == cell[-1] == '"' for cell in cells)
        return replace(found, quote='"' if self.delimiter != "\t" or is_quoted else "")


def _is_preamble(line: str) -> bool:
    """Whether a line before the rows is blank, names the delimiter, or is a log's directive."""
    return not line.strip() or bool(_SEPARATOR.fullmatch(line) or _DIRECTIVE.match(line))


def _header_beside(path: Path, name: str) -> tuple[str, ...]:
    """Names of the columns by the first line of another file of the folder, parted by tabs.

    Raises:
        SourceError: there is no such file.
    """
    if not name:
        return ()
    try:
        with path.with_name(name).open(encoding="utf-8") as file:
            first = file.readline(1 << 20)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"The columns of '{path.name}' are named by '{name}', which is not beside it.",
            hint='Put both into one folder, or name the columns in a mapping, header = ["…", "…"].',
        ) from error
    return tuple(cell.strip() for cell in first.rstrip("\r\n").split("\t"))


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
        suffixes=(".csv", ".tsv", ".txt", ".log"),
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
