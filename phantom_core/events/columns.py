"""Columns: paths of values in a foreign row, compiled to DuckDB SQL that yields them as text."""

import re
from collections.abc import Sequence
from typing import Final

from phantom_core.core.errors import MappingError

_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")
_BLANKS: Final = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_PAIR_VALUES: Final = ("string_value", "int_value", "double_value", "float_value")


def quote_name(name: str) -> str:
    """A SQL identifier.

    >>> print(quote_name('5" pipe'))
    "5"" pipe"
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A SQL string literal.

    >>> quote_text("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


class Columns:
    """Columns of a source: named ones, or one JSON document a row.

    Args:
        names: column names; for JSON, the keys of a sample (used in messages and suggestions only).
        is_json: rows are documents in a column `doc`.
        nested: names of the columns that hold structures, lists or maps.
    """

    def __init__(self, names: Sequence[str], *, is_json: bool, nested: Sequence[str] = ()) -> None:
        self.names = tuple(names)
        self.is_json = is_json
        self.nested = frozenset(nested)

    def has(self, column: str) -> bool:
        """Whether the source may have this column; any key may occur in JSON."""
        if "|" in column and column not in self.names:
            return any(self.has(option) for option in column.split("|"))
        head = _STEP.match(column)
        return (
            self.is_json
            or column in self.names
            or (head is not None and head.group(1) in self.nested)
        )

    def text(self, column: str) -> str:
        """SQL for a column's value as text; empty text becomes NULL.

        Raises:
            MappingError: a named column that the source does not have.
        """
        if "|" in column and column not in self.names:
            options = [option for option in column.split("|") if self.has(option)]
            return (
                f"COALESCE({', '.join(map(self.text, options))}, NULL)"
                if options
                else self.text(column.split("|", maxsplit=1)[0])
            )
        if self.is_json:
            return _blank_is_null(_walk("doc", column))
        if column in self.names:
            return _blank_is_null(self._plain(column))
        head = _STEP.match(column)
        if head and head.group(1) in self.nested:
            return _blank_is_null(
                _walk(f"to_json({quote_name(head.group(1))})", column[head.end() :])
            )
        raise MappingError(
            f"There is no column '{column}'; the columns are {', '.join(self.names)}.",
            hint="Is the delimiter right?",
        )

    def joined(self, columns: str | Sequence[str]) -> str:
        """SQL for one column, or for several joined with "."; NULL when any is missing."""
        parts = [columns] if isinstance(columns, str) else list(columns)
        return " || '.' || ".join(self.text(part) for part in parts)

    def _plain(self, column: str) -> str:
        name = quote_name(column)
        return (
            f"CAST(to_json({name}) AS VARCHAR)"
            if column in self.nested
            else f"CAST({name} AS VARCHAR)"
        )


def _blank_is_null(sql: str) -> str:
    return f"NULLIF(TRIM({sql}, {_BLANKS}), '')"


def _json_path(key: str) -> str:
    return '$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _walk(sql: str, path: str) -> str:
    """SQL that follows a path: `.key`, `[0]` of a list, `[key]` of a list of key-value pairs."""
    for key, bracket in _STEP.findall(path):
        if key:
            sql = f"json_extract({sql}, {quote_text(_json_path(key))})"
        elif bracket.isdigit():
            sql = f"json_extract({sql}, '$[{bracket}]')"
        else:
            sql = f"to_json({_pair_value(sql, bracket)})"
    return f"json_extract_string({sql}, '$')"


def _pair_value(sql: str, key: str) -> str:
    found = (
        f"list_filter(TRY_CAST({sql} AS JSON[]), lambda pair: json_extract_string(pair, "
        f"'$.key') = {quote_text(key)})[1]"
    )
    return (
        "COALESCE("
        + ", ".join(f"json_extract_string({found}, '$.value.{kind}')" for kind in _PAIR_VALUES)
        + ")"
    )
