"""Parquet: files of columns."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from phantom_core.core.errors import SourceError
from phantom_core.events.columns import Columns
from phantom_core.events.formats.source_format import (
    BATCH_ROWS,
    FORMATS,
    ROW_NAMES,
    Batch,
    SourceFormat,
    check_header,
)


class ParquetSource:
    """A Parquet file; a row's line is its number, from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceError(
                f"'{path.name}' is not a whole Parquet file: {str(error).rstrip('.')}.",
                hint="Export or copy it again.",
            ) from error
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        self.columns = Columns(schema.names, is_json=False, nested=nested)
        check_header(path, tuple(schema.names))

    def batches(self) -> Iterator[Batch]:
        """The rows, in the file's order."""
        with pq.ParquetFile(self.path) as file:
            n_rows, line = max(1, file.metadata.num_rows), 0
            nothing = pa.RecordBatch.from_pylist([], schema=file.schema_arrow)
            for rows in chain([nothing], self._row_groups(file)):
                numbers = pa.array(range(line + 1, line + rows.num_rows + 1), pa.int64())
                fine = pa.nulls(rows.num_rows, pa.string())
                line += rows.num_rows
                columns = [_readable(column) for column in rows.columns]
                yield Batch(
                    pa.table(
                        [numbers, fine, fine, fine, *columns],
                        names=[*ROW_NAMES, *rows.schema.names],
                    ),
                    line / n_rows,
                )

    def _row_groups(self, file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        try:
            yield from file.iter_batches(BATCH_ROWS)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"'{self.path.name}' is damaged: {error}.", hint="Export or copy it again."
            ) from error


def _readable(column: pa.Array) -> pa.Array:
    """A column in a type that DuckDB takes."""
    if pa.types.is_float16(column.type):
        return column.cast(pa.float64())
    return column.cast(pa.string()) if pa.types.is_decimal256(column.type) else column


FORMATS.register(
    SourceFormat(
        name="parquet",
        title="Parquet",
        description="A table by columns; columns that hold structures can be mapped field by "
        "field.",
        order=30,
        suffixes=(".parquet",),
        is_text=False,
        recognises=lambda suffix, start: start.startswith(b"PAR1") or suffix == ".parquet",
        open=lambda file: ParquetSource(file.path),
    )
)
