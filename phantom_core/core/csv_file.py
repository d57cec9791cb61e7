"""CSV files: the only place that writes tables for spreadsheets, with cells that stay text.

Spreadsheets run a cell that begins with =, +, -, @, a tab or a line break as a formula. Session
IDs, products and rejected rows are written by shoppers, so such cells get an apostrophe in front,
as OWASP advises; plain numbers stay numbers. A program that splits at semicolons, bars or tabs does
so inside of quoted texts as well, so what would begin a cell there gets one too.
"""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

# Also after blanks, quotes and invisible characters (Unicode's Cf), which spreadsheets skip, and in
# the wide forms that they fold.
_SKIPPED: Final = (
    r"""[\s"'\x{00ad}\x{0600}-\x{0605}\x{061c}\x{06dd}\x{070f}\x{180e}\x{200b}-\x{200f}"""
    r"""\x{202a}-\x{202e}\x{2060}-\x{2064}\x{2066}-\x{206f}\x{feff}\x{fff9}-\x{fffb}]*"""
)
_SIGN: Final = r"[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]"
_FORMULA: Final = rf"^{_SKIPPED}{_SIGN}|^[\t\r\n]"
_INSIDE: Final = rf"([;|\t])({_SKIPPED}{_SIGN})"
_QUOTED: Final = r"\1'\2"
_NUMBER: Final = r"^[+-]?(\d+([.,]\d+)*|[.]\d+)([eE][+-]?\d+)?( ?%)?$|^[-–+]$"
_OF_PYTHON: Final = {
    one: re.compile(re.sub(r"\\x\{(....)\}", r"\\u\1", one)) for one in (_FORMULA, _INSIDE)
}
_NUMBER_OF_PYTHON: Final = re.compile(_NUMBER)


def as_cell(text: str) -> str:
    r"""A text as spreadsheets keep it.

    >>> as_cell("=cmd|'/c calc'!A1"), as_cell(' "@SUM(A1)'), as_cell("s-1"), as_cell("-4.50")
    ("'=cmd|'/c calc'!A1", '\' "@SUM(A1)', 's-1', '-4.50')
    """
    if _NUMBER_OF_PYTHON.match(text):
        return text
    inside = _OF_PYTHON[_INSIDE].sub(_QUOTED, text)
    return f"'{inside}" if _OF_PYTHON[_FORMULA].match(text) else inside


def csv_of_frame(rows: "pd.DataFrame") -> bytes:
    """A data frame as CSV in UTF-8, without its index."""
    cells = rows.copy(deep=False)
    cells.columns = [as_cell(str(name)) for name in rows.columns]
    for position, kind in enumerate(rows.dtypes):
        if not hasattr(kind, "kind") or kind.kind not in "biufmM":
            cells.isetitem(position, rows.iloc[:, position].map(_cell_of).to_list())
    return cells.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode("utf-8", "replace")


def csv_of_table(table: pa.Table) -> bytes:
    """A table as CSV in UTF-8."""
    sink = io.BytesIO()
    write_csv(table.schema, table.to_batches(), sink)
    return sink.getvalue()


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table: as CSV where the name ends in .csv, else as Parquet.

    Args:
        table: of any schema; for CSV without nested columns.
        path: of the file, which is replaced.
    """
    if path.suffix.lower() == ".csv":
        write_csv(table.schema, table.to_batches(), path)
    else:
        pq.write_table(table, path)


def write_csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch], path: Path | BinaryIO) -> None:
    """Write batches of rows as CSV.

    Args:
        schema: of all batches; its names are the header.
        batches: in the order of the file.
        path: of the file, which is replaced; or a stream of bytes.
    """
    names = [as_cell(name) for name in schema.names]
    cells = pa.schema(
        [(name, _type_of(one)) for name, one in zip(names, schema.types, strict=True)]
    )
    with pa_csv.CSVWriter(path, cells) as writer:
        for batch in batches:
            columns = [_cells_of(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=cells))


def _type_of(kind: pa.DataType) -> pa.DataType:
    return pa.string() if _is_text(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    is_category = pa.types.is_dictionary(kind) and _is_text(kind.value_type)
    return is_category or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _cells_of(column: pa.Array) -> pa.Array:
    if not _is_text(column.type):
        return column
    texts = column.cast(pa.string())
    inside = pc.replace_substring_regex(texts, _INSIDE, _QUOTED)
    quoted = pc.if_else(
        pc.match_substring_regex(texts, _FORMULA),
        pc.binary_join_element_wise("'", inside, ""),
        inside,
    )
    return pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, quoted)


def _cell_of(value: object) -> object:
    return as_cell(value) if isinstance(value, str) else value
