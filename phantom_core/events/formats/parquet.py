"""Parquet: files of columns."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phantom_core.core.errors import SourceError
from phantom_core.events.columns import Columns
from phantom_core.events.compression import expansion_error
from phantom_core.events.formats.source_format import (
    BATCH_ROWS,
    FORMATS,
    ROW_NAMES,
    Batch,
    SourceFormat,
    check_header,
)

_MOST_RATIO: Final = 1_000
_LEAST_BYTES: Final = 256 << 20  # a file may expand to this whatever its size
_PART_BYTES: Final = 64 << 20
_TEXT_TYPES: Final = (
    pa.types.is_string,
    pa.types.is_binary,
    pa.types.is_large_string,
    pa.types.is_large_binary,
)


class ParquetSource:
    """A Parquet file; a row's line is its number, from 1."""

    def __init__(self, path: Path, batch_rows: int = BATCH_ROWS) -> None:
        self.path = path
        self.batch_rows = batch_rows
        self._n_bytes_left = max(_LEAST_BYTES, _MOST_RATIO * path.stat().st_size)
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
        # A text that is stored once and repeated in every row stays stored once.
        texts = [one.name for one in pq.read_schema(self.path) if _is_text(one.type)]
        with pq.ParquetFile(self.path, read_dictionary=texts) as file:
            n_rows, line = max(1, file.metadata.num_rows), 0
            nothing = pa.RecordBatch.from_pylist([], schema=file.schema_arrow)
            for rows in chain([nothing], self._row_groups(file)):
                numbers = pa.array(range(line + 1, line + rows.num_rows + 1), pa.int64())
                fine = pa.nulls(rows.num_rows, pa.string())
                line += rows.num_rows
                columns = [self._readable(column) for column in rows.columns]
                yield Batch(
                    pa.table(
                        [numbers, fine, fine, fine, *columns],
                        names=[*ROW_NAMES, *rows.schema.names],
                    ),
                    line / n_rows,
                )

    def _row_groups(self, file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        try:
            for rows in file.iter_batches(self.batch_rows):
                yield from self._parts(rows)
        except pa.ArrowMemoryError as error:
            raise SourceError(
                f"'{self.path.name}' takes more memory than there is.",
                hint="Export it with shorter fields or smaller row groups.",
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"'{self.path.name}' is damaged: {error}.", hint="Export or copy it again."
            ) from error

    def _parts(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Rows in parts that fit into memory once their texts are written out.

        Raises:
            SourceError: the file expands far beyond its size.
        """
        n_bytes = sum(map(_written_bytes, rows.columns))
        self._n_bytes_left -= n_bytes
        if self._n_bytes_left < 0:
            raise expansion_error(self.path)
        n_parts = min(rows.num_rows, 1 + n_bytes // _PART_BYTES)
        step = -(-rows.num_rows // n_parts) if n_parts else 1
        for start in range(0, rows.num_rows, step):
            yield rows.slice(start, step)

    @staticmethod
    def _readable(column: pa.Array) -> pa.Array:
        """A column in a type that DuckDB takes."""
        if pa.types.is_dictionary(column.type):
            return column.cast(column.type.value_type)
        if pa.types.is_float16(column.type):
            return column.cast(pa.float64())
        return column.cast(pa.string()) if pa.types.is_decimal256(column.type) else column


def _is_text(kind: pa.DataType) -> bool:
    return any(one(kind) for one in _TEXT_TYPES)


def _written_bytes(column: pa.Array) -> int:
    """Bytes of a column once each row holds its own text."""
    if not (pa.types.is_dictionary(column.type) and _is_text(column.type.value_type)):
        return int(column.nbytes)
    lengths = pc.take(pc.binary_length(column.dictionary), column.indices)
    return int(pc.sum(lengths).as_py() or 0) + 8 * len(column)


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
        open=lambda file: ParquetSource(file.path, file.batch_rows),
    )
)
