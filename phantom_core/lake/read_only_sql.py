"""Read-only SQL: a statement that reads, told from every other one before it is run."""

from typing import Final

import duckdb

from phantom_core.core.errors import InputError

_READING: Final = ("SELECT", "EXPLAIN")


def require_reading(sql: str) -> None:
    """Require a single statement that reads.

    Raises:
        InputError: it is anything else.

    >>> require_reading("SELECT 1 -- one")
    >>> require_reading("DELETE FROM events")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    phantom_core.core.errors.InputError: This statement is DELETE; only SELECT can be run here. ...
    """
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise InputError(str(error).strip() or "This is no SQL.", hint="Check the SQL.") from None
    if len(statements) != 1:
        raise InputError(
            f"Found {len(statements)} statements, expected one.",
            hint="Write one SELECT, without another statement behind a semicolon.",
        )
    kind = _kind(statements[0])
    if kind not in _READING:
        raise InputError(
            f"This statement is {kind}; only SELECT can be run here.",
            hint="The tables of the workbench are read-only.",
        )


def _kind(statement: duckdb.Statement) -> str:
    try:
        return str(statement.type).rpartition(".")[2]
    except ValueError:  # the binding names fewer kinds than the engine has
        return "of another kind"
