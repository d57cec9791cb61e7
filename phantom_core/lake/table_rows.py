"""Table rows: SQL that reads the data files of a table, those of earlier schemas as well."""

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

_TYPES: Final[Mapping[pa.DataType, str]] = {
    pa.int64(): "BIGINT",
    pa.string(): "VARCHAR",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
}
# Columns that files of earlier releases lack, and their value there.
_ADDED: Final[Mapping[str, str]] = {"event_seq": "0"}


def select_rows(table: pa.Schema, files: Sequence[str]) -> str:
    """A SELECT with a schema's columns from data files; a WHERE may follow."""
    if not files:
        return f"SELECT * FROM ({empty_select(table)})"
    names = ", ".join(_literal(file) for file in files)
    columns = ", ".join(
        f"{_literal(field.name)}: {{name: {_literal(field.name)}, type: '{_TYPES[field.type]}', "
        "default_value: NULL}"
        for field in table
    )
    added = ", ".join(
        f"COALESCE({name}, {value}) AS {name}"
        for name, value in _ADDED.items()
        if name in table.names
    )
    replaced = f" REPLACE ({added})" if added else ""
    return f"SELECT *{replaced} FROM read_parquet([{names}], schema=MAP {{{columns}}})"


def empty_select(table: pa.Schema) -> str:
    """A SELECT with a schema's columns and no row.

    >>> empty_select(pa.schema([pa.field("n", pa.int64())]))
    'SELECT CAST(NULL AS BIGINT) AS n LIMIT 0'
    """
    columns = ", ".join(f"CAST(NULL AS {_TYPES[field.type]}) AS {field.name}" for field in table)
    return f"SELECT {columns} LIMIT 0"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
