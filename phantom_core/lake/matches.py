"""Matches: whether keyed rows belong to anything in the lake."""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from phantom_core.events.load_warning import LoadWarning
from phantom_core.lake.lake import Lake

# Keyed table → its key, the table and column where it should occur, and what that is called.
_MATCHES: Final[Mapping[str, tuple[str, str]]] = {
    "session_labels": ("session_id", "session"),
    "experiments": ("experiment_id", "session's experiment"),
    "catalogue": ("product_id", "product of an event"),
}


def unmatched_warnings(lake: Lake, table: str, rows: pa.Table) -> tuple[LoadWarning, ...]:
    """A warning where keys of a file fit nothing; none while there are no events.

    Args:
        lake: with the events.
        table: session_labels, experiments or catalogue.
        rows: of the file, with the table's columns.
    """
    key, what = _MATCHES[table]
    if lake.version("events") < 0 or not rows.num_rows:
        return ()
    with lake.connect(("events",)) as connection:
        connection.register("rows_read", rows)
        [(n_rows, example)] = connection.execute(
            f"SELECT COUNT(*), MIN({key}) FROM rows_read ANTI JOIN events USING ({key})"
        ).fetchall()
        found = connection.execute(
            f"SELECT MIN({key}) FROM events WHERE {key} IS NOT NULL"
        ).fetchall()[0][0]
    if not n_rows:
        return ()
    shown = f" Here it is '{example}'" + (f", there '{found}'." if found else ".")
    text = f"{n_rows:,} of {rows.num_rows:,} rows fit no {what}.{shown}"
    return (LoadWarning("no_match", n_rows, text),)
