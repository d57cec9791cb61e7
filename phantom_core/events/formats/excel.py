"""Excel: the first sheet of a workbook, its first row with a value the header."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError

from phantom_core.core.errors import SourceError
from phantom_core.events.columns import Columns
from phantom_core.events.compression import expansion_error
from phantom_core.events.formats.source_format import (
    BATCH_ROWS,
    FORMATS,
    Batch,
    SourceFormat,
    check_header,
)
from phantom_core.events.formats.text_source import raw_table
from phantom_core.events.text_options import DETECTED, TextOptions
from phantom_core.events.text_rows import TextRow, broken_row

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_SUFFIXES: Final = (".xlsx", ".xlsm")
_MOST_RATIO: Final = 100
_LEAST_BYTES: Final = 64 << 20  # a workbook may expand to this whatever its size

Cell = object
NumberedRow = tuple[int, tuple[Cell, ...]]


class ExcelSource:
    """The first sheet of a workbook; a row's line is its number in the sheet."""

    def __init__(
        self, path: Path, batch_rows: int = BATCH_ROWS, options: TextOptions = DETECTED
    ) -> None:
        self.path = path
        self.batch_rows = batch_rows
        self._options = options
        _check_size(path)
        with self._rows() as (rows, _):
            header = options.header or _header(path, next(rows, None))
        check_header(path, header)
        self.columns = Columns(header, is_json=False)

    def batches(self) -> Iterator[Batch]:
        """The rows, in the sheet's order; at least one batch."""
        names = self.columns.names
        with self._rows() as (rows, n_rows):
            if not self._options.header:
                next(rows, None)
            line = 0
            while chunk := list(islice(rows, self.batch_rows)):
                line = chunk[-1][0]
                read = [_text_row(number, cells, len(names)) for number, cells in chunk]
                yield Batch(raw_table(read, names), min(1.0, line / n_rows))
            if not line:
                yield Batch(raw_table([], names), 1.0)

    @contextmanager
    def _rows(self) -> Iterator[tuple[Iterator[NumberedRow], int]]:
        """Rows with a value after the skipped ones, and how many rows the sheet says it has.

        Raises:
            SourceError: the file is no workbook, or a damaged one.
        """
        import openpyxl  # noqa: PLC0415 - takes long, and few loads need it

        try:
            book = openpyxl.load_workbook(self.path, read_only=True, data_only=True)
            try:
                sheet = book.worksheets[0]
                yield self._with_values(sheet), max(1, sheet.max_row or 1)
            finally:
                book.close()
        except (zipfile.BadZipFile, ParseError, KeyError, IndexError, ValueError, OSError) as error:
            raise SourceError(
                f"'{self.path.name}' is not a whole Excel workbook: {error}.",
                hint="Save it again as .xlsx, or export it as CSV.",
            ) from error

    def _with_values(self, sheet: "ReadOnlyWorksheet") -> Iterator[NumberedRow]:
        first = self._options.skip_lines + 1
        for number, cells in enumerate(sheet.iter_rows(min_row=first, values_only=True), first):
            if any(cell is not None for cell in cells):
                yield number, cells


def _check_size(path: Path) -> None:
    """Reject a workbook that expands far beyond its size; what a ZIP states bounds what is read.

    Raises:
        SourceError: it does, or it is no workbook.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(
            f"'{path.name}' is not a whole Excel workbook: {error}.",
            hint="Save it again as .xlsx, or export it as CSV.",
        ) from error
    if n_bytes > max(_LEAST_BYTES, _MOST_RATIO * path.stat().st_size):
        raise expansion_error(path)


def _header(path: Path, row: NumberedRow | None) -> tuple[str, ...]:
    if row is None:
        raise SourceError(
            f"The first sheet of '{path.name}' is empty.",
            hint="Move the sheet with the rows to the front.",
        )
    cells = list(row[1])
    while cells and cells[-1] is None:
        cells.pop()
    return tuple(
        (_text(cell) or "").strip() or f"column_{place}" for place, cell in enumerate(cells, 1)
    )


def _text_row(number: int, cells: Sequence[Cell], width: int) -> TextRow:
    texts = [_text(cell) for cell in cells]
    if any(text is not None for text in texts[width:]):
        detail = f"A value stands beyond the {width} columns of the header."
        return broken_row(number, "wrong_column_count", detail, ", ".join(filter(None, texts)))
    found = [text or "" for text in texts[:width]]
    return TextRow(number, (*found, *[""] * (width - len(found))))


def _text(cell: Cell) -> str | None:
    """A cell as text: dates as ISO 8601, whole numbers without a point.

    >>> [_text(cell) for cell in (None, 1001.0, 9.5, True, date(2026, 3, 1), "a")]
    [None, '1001', '9.5', 'true', '2026-03-01', 'a']
    """
    if cell is None:
        return None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


FORMATS.register(
    SourceFormat(
        name="excel",
        title="Excel",
        description="The first sheet of a workbook (.xlsx); its first row with a value is the "
        "header.",
        order=40,
        suffixes=_SUFFIXES,
        is_text=False,
        recognises=lambda suffix, start: suffix in _SUFFIXES and start.startswith(b"PK\x03\x04"),
        open=lambda file: ExcelSource(file.path, file.batch_rows, file.options),
    )
)
