"""Delimited text: CSV and its relatives; takes any text that no other format recognises."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from phantom_core.core.errors import SourceError
from phantom_core.events.columns import Columns
from phantom_core.events.formats.source_format import (
    BATCH_ROWS,
    FORMATS,
    Batch,
    SourceFormat,
    check_header,
)
from phantom_core.events.formats.text_source import TextSource
from phantom_core.events.text_rows import CsvRows, is_damaged

DELIMITERS: Final = ",\t;|"


class CsvSource(TextSource):
    """Delimited text with a header; the delimiter is the one that splits the header most."""

    def __init__(
        self,
        path: Path,
        encoding: str,
        max_chars: int,
        delimiter: str | None,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        super().__init__(path, encoding, max_chars, batch_rows)
        with self.opened() as lines:
            first = lines.take()
            while first is not None and not first[1].strip():
                first = lines.take()
            if first is None:
                raise SourceError(
                    f"'{path.name}' cannot be read: {lines.failure or 'it has no line'}.",
                    hint="Export it again.",
                )
            if is_damaged(first[1]):
                hint = (
                    'State the encoding in a mapping, for example encoding = "cp1252" for '
                    "Windows exports."
                )
                raise SourceError(
                    f"The header of '{path.name}' holds bytes that are not {encoding}.", hint=hint
                )
            lines.give_back([first])
            self.delimiter = delimiter or _split_best(first[1])
            header = CsvRows(lines, self.delimiter, max_chars).header
        check_header(path, header)
        self.columns = Columns(header, is_json=False)

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""
        with self.opened() as lines:
            yield from self.batched(
                lines, iter(CsvRows(lines, self.delimiter, self.max_chars)), self.columns.names
            )


def _split_best(header: str) -> str:
    def n_cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=n_cells)


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
            file.path, file.encoding, file.max_chars, file.delimiter, file.batch_rows
        ),
    )
)
