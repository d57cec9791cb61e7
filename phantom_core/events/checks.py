"""Checks: the SQL statements that validate rows, and what a DuckDB connection needs to run them."""

from pathlib import Path
from typing import Final

import duckdb

from phantom_core.events.columns import PLACEHOLDERS, quote_text
from phantom_core.events.mapping import Kind, Mapping
from phantom_core.events.schema import STORE_MODES
from phantom_core.events.vocabulary import ALIASES, CANONICAL, FILTER_KINDS

_SQL: Final = Path(__file__).parent / "sql"
_OLDEST_MS: Final = 788_918_400_000  # 1995-01-01: before web shops, so a clock that was never set


def register_checks(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, *, newest_ms: int, max_chars: int
) -> None:
    """Register the macros, the vocabulary and the clock that the checks read.

    Args:
        connection: used for nothing else.
        mapping: says how times are written.
        newest_ms: later events are rejected as future ones, UTC milliseconds.
        max_chars: longer fields are rejected.
    """
    connection.execute(f"SET TimeZone = {quote_text(mapping.time_zone)}")
    connection.execute(f"CREATE MACRO formatted_time(ts) AS {_formatted_time(mapping)}")
    connection.execute(f"CREATE MACRO number_text(value) AS {_number_text(mapping)}")
    for macros in ("keys.sql", "macros.sql"):
        connection.execute((_SQL / macros).read_text(encoding="utf-8"))
    names = {**{name: name for name in CANONICAL}, **ALIASES}
    _table(connection, "vocabulary", alias=list(names), canonical=list(names.values()))
    _table(
        connection, "filter_kinds", kind=list(FILTER_KINDS), canonical=list(FILTER_KINDS.values())
    )
    _table(connection, "store_modes", store_mode=list(STORE_MODES))
    connection.execute(
        "CREATE TABLE clock AS SELECT ?::VARCHAR AS time_unit, ?::BIGINT AS oldest_ms, ?::BIGINT "
        "AS newest_ms, ?::BIGINT AS max_chars",
        [mapping.time_unit, _OLDEST_MS, newest_ms, max_chars],
    )


def check_statement(kind: Kind) -> str:
    """The statement that validates the rows of `mapped`."""
    return (_SQL / ("event_checks.sql" if kind == "events" else "quote_checks.sql")).read_text(
        encoding="utf-8"
    )


def _number_text(mapping: Mapping) -> str:
    """SQL for a number written as text, with a point; NULL where no number is meant."""
    listed = ", ".join(map(quote_text, PLACEHOLDERS))
    present = f"CASE WHEN LOWER(TRIM(value)) NOT IN ({listed}) THEN TRIM(value) END"
    if not mapping.decimal:
        return present
    # Currency signs and codes, blanks, and the mark that parts thousands.
    thousands = "." if mapping.decimal == "," else ","
    bare = (
        f"regexp_replace({present}, '[\\p{{Sc}}\\s\\x{{A0}}\\x{{202F}}''{thousands}]|^[A-Z]{{3}}|"
        "[A-Z]{3}$', '', 'g')"
    )
    return f"replace({bare}, ',', '.')" if mapping.decimal == "," else bare


def _formatted_time(mapping: Mapping) -> str:
    """SQL for a time in the mapping's own format; a time with an offset needs no time zone."""
    if not mapping.time_format:
        return "CAST(NULL AS TIMESTAMPTZ)"
    pattern = quote_text(mapping.time_format)
    if any(part in mapping.time_format.replace("%%", "") for part in ("%z", "%Z")):
        return f"try_strptime(regexp_replace(ts, '[zZ]$', '+00'), {pattern})"
    return f"CAST(CAST(try_strptime(ts, {pattern}) AS TIMESTAMP) AS TIMESTAMPTZ)"


def _table(connection: duckdb.DuckDBPyConnection, name: str, **columns: list[str]) -> None:
    # Lists as parameters: registering an Arrow table would import pandas, which the serving
    # processes must not need.
    selected = ", ".join(f"unnest(?::VARCHAR[]) AS {column}" for column in columns)
    connection.execute(f"CREATE TABLE {name} AS SELECT {selected}", list(columns.values()))
