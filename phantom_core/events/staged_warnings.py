"""Staged warnings: what deserves a look in the rows of a file, before they are committed."""

from collections.abc import Iterator
from typing import Final

import duckdb

from phantom_core.events.columns import quote_text
from phantom_core.events.load_warning import LoadWarning
from phantom_core.events.mapping import Mapping

LONG_SESSION_DAYS: Final = 7
_DAY_MS: Final = 86_400_000
_MOST_NAMED: Final = 5
# Fields that rows may leave out; a row without one of the others goes into quarantine.
_OPTIONAL: Final = {
    "events": ("page", "product_id", "experiment_id", "user_agent"),
    "quotes": ("base_price", "propensity", "experiment_id"),
}


def staged_warnings(staged: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[LoadWarning]:
    """Warnings about the rows of a file.

    Args:
        staged: has the table `staged`.
        mapping: that the rows were read by.
    """
    return [
        *_truncated(staged),
        *_empty_columns(staged, mapping),
        *_unknown_names(staged, mapping),
        *_elements_left(staged),
        *_long_sessions(staged),
        *_currencies(staged, mapping),
    ]


def missing_shares(staged: duckdb.DuckDBPyConnection, mapping: Mapping) -> dict[str, float]:
    """Share of the valid rows without a value, by mapped field that may be left out, in [0, 1]."""
    values = _counted_values(mapping)
    if not values:
        return {}
    counted = ", ".join(f"1 - COUNT({sql}) / COUNT(*)" for sql in values.values())
    [row] = staged.execute(f"SELECT {counted} FROM staged WHERE reason IS NULL").fetchall()
    return {
        name: round(share, 4) for name, share in zip(values, row, strict=True) if share is not None
    }


def left_out_warnings(n_left_out: int, mapping: Mapping) -> list[LoadWarning]:
    """A warning about the rows that a mapping says are no events."""
    if not n_left_out:
        return []
    columns = " or ".join(f"'{column}'" for column in mapping.left_out)
    text = (
        f"{n_left_out:,} rows are no events by {columns} ([left_out] of the mapping) and count "
        "neither as read nor as rejected."
    )
    return [LoadWarning("left_out", n_left_out, text)]


def _counted_values(mapping: Mapping) -> dict[str, str]:
    """SQL by name for the values of mapped fields and metadata keys."""
    given = {**mapping.columns, **mapping.extract}
    values = {field: field for field in _OPTIONAL[mapping.kind] if field in given}
    return values | {
        f"metadata.{key}": f"json_extract_string(metadata, {quote_text(_path(key))})"
        for key in mapping.metadata
        if mapping.kind == "events"
    }


def _path(key: str) -> str:
    return '$."' + key.replace('"', '\\"') + '"'


def _truncated(staged: duckdb.DuckDBPyConnection) -> Iterator[LoadWarning]:
    [(found,)] = staged.execute(
        "SELECT MAX(detail) FROM staged WHERE reason = 'truncated_file'"
    ).fetchall()
    if found:
        hint = (
            "the rows before that are loaded; load the complete file later, and only the missing "
            "rows will be added"
        )
        yield LoadWarning("truncated_file", 1, f"{found.rstrip('.')}: {hint}.")


def _empty_columns(staged: duckdb.DuckDBPyConnection, mapping: Mapping) -> Iterator[LoadWarning]:
    """Mapped columns and paths that have no value in any row; the canonical names need none."""
    if mapping.name == "canonical":
        return
    [(n_rows,)] = staged.execute("SELECT COUNT(*) FROM staged WHERE reason IS NULL").fetchall()
    for name, share in missing_shares(staged, mapping).items():
        if share < 1 or not n_rows:
            continue
        field, _, key = name.partition(".")
        spec = mapping.metadata.get(key) if key else mapping.columns.get(field)
        column = spec if isinstance(spec, str) else " + ".join(spec) if spec else "its pattern"
        yield LoadWarning(
            "empty_column",
            n_rows,
            f"'{column}' for {name} has no value in any of {n_rows:,} rows: is it spelled so?",
        )


def _unknown_names(staged: duckdb.DuckDBPyConnection, mapping: Mapping) -> Iterator[LoadWarning]:
    if mapping.kind != "events":
        return
    names = staged.execute(
        "SELECT detail, COUNT(*) AS n FROM staged WHERE reason = 'unknown_event_name' "
        "GROUP BY detail ORDER BY n DESC, detail"
    ).fetchall()
    if names:
        shown = ", ".join(f"'{name}' ({n:,})" for name, n in names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        n_rows = sum(n for _, n in names)
        text = f"Event names that no mapping translates: {shown}{more}. Add them to [event_names]."
        yield LoadWarning("unknown_names", n_rows, text)


def _elements_left(staged: duckdb.DuckDBPyConnection) -> Iterator[LoadWarning]:
    [(n_rows, n_left)] = staged.execute(
        "SELECT COUNT(*) FILTER (WHERE elements_left > 0), SUM(elements_left) FROM staged"
    ).fetchall()
    if n_rows:
        text = (
            f"{n_rows:,} rows have a list of events of which the mapping reads the first alone: "
            f'{int(n_left):,} are left out. Name the list, each = "…", to read all.'
        )
        yield LoadWarning("elements_left", int(n_left), text)


def _long_sessions(staged: duckdb.DuckDBPyConnection) -> Iterator[LoadWarning]:
    [(n_sessions, longest_ms)] = staged.execute(
        "SELECT COUNT(*), MAX(lasted) FROM (SELECT MAX(event_ms) - MIN(event_ms) AS lasted "
        f"FROM staged WHERE reason IS NULL GROUP BY session_key) WHERE lasted > "
        f"{LONG_SESSION_DAYS * _DAY_MS}"
    ).fetchall()
    if n_sessions:
        text = (
            f"{n_sessions:,} sessions last longer than {LONG_SESSION_DAYS} days, the longest "
            f"{longest_ms // _DAY_MS:,}: is the session a visitor? session_gap_min = 30 parts "
            "their events into sessions."
        )
        yield LoadWarning("long_sessions", n_sessions, text)


def _currencies(staged: duckdb.DuckDBPyConnection, mapping: Mapping) -> Iterator[LoadWarning]:
    if mapping.kind != "events":
        return
    found = staged.execute(
        "SELECT upper(json_extract_string(metadata, '$.currency')) AS currency, COUNT(*) AS n "
        "FROM staged WHERE reason IS NULL AND contains(metadata, 'currency') "
        "AND COALESCE(price_seen, amount_paid) IS NOT NULL "
        "GROUP BY currency HAVING currency <> '' ORDER BY n DESC, currency"
    ).fetchall()
    if len(found) > 1:
        shown = ", ".join(f"{currency} ({n:,})" for currency, n in found[:_MOST_NAMED])
        text = (
            f"Prices are in several currencies: {shown}. They are added up as they are; load one "
            "currency, or convert the file first."
        )
        yield LoadWarning("several_currencies", len(found), text)
