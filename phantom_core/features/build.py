"""A full build: features of all sessions in event files, by ranges of session keys.

Session keys are spread evenly over 64 bits and each load is sorted by them, so a range can be read
without the rest, and its tables stay in the processor's cache. Every worker has a DuckDB of its own
with one thread; ranges run side by side.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa

from phantom_core.events import schema
from phantom_core.features import aggregate
from phantom_core.features.ranges import key_ranges, row_groups
from phantom_core.features.steps import sorted_steps, step_numbers
from phantom_core.lake.table_rows import select_rows


def session_tables(
    sources: Sequence[str], *, with_attributes: bool = True
) -> Iterator[tuple[float, pa.Table]]:
    """Features of all sessions in event files.

    Args:
        sources: Parquet files with the columns of schema.EVENTS, in any order; fastest where sorted
            by session_key, event_ms.
        with_attributes: also the columns of sql/sessions.sql.
    Returns:
        An iterator over the share done, in [0, 1], and a table of sessions; each session is in one
        of the tables.
    """
    n_workers = os.cpu_count() or 1
    ranges = key_ranges(row_groups(sources), n_workers)
    worker = threading.local()

    def open_connection() -> None:
        worker.connection = feature_connection(threads=1)

    def sessions(keys: tuple[int, int]) -> pa.Table:
        rows = f"{event_rows(sources)} WHERE session_key BETWEEN {keys[0]} AND {keys[1]}"
        return sessions_of(worker.connection, rows, with_attributes=with_attributes)

    executor = ThreadPoolExecutor(min(n_workers, len(ranges)), initializer=open_connection)
    try:
        for i, table in enumerate(executor.map(sessions, ranges)):
            yield (i + 1) / len(ranges), table
    finally:
        executor.shutdown(cancel_futures=True)


def feature_connection(threads: int) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, set up to read event files."""
    connection = duckdb.connect(config={"threads": threads})
    # Each part reads the same footers, once per family.
    connection.execute("SET parquet_metadata_cache = true")
    # Up to this many sessions are looked up by row group.
    connection.execute("SET dynamic_or_filter_threshold = 1000")
    return connection


def event_rows(files: Sequence[str]) -> str:
    """SQL for the rows of event files, without the columns no feature reads; a WHERE may follow."""
    rows = select_rows(schema.EVENTS, files)
    return f"SELECT * EXCLUDE (metadata, load_seq) FROM ({rows})"


def sessions_of(
    connection: duckdb.DuckDBPyConnection, rows: str, *, with_attributes: bool = True
) -> pa.Table:
    """Features of some sessions.

    Args:
        connection: from `feature_connection`; its view `events` is replaced.
        rows: SQL for all events of these sessions; run once per feature family.
        with_attributes: also the columns of sql/sessions.sql.
    Returns:
        One row per session, ordered by session_key.
    """
    connection.execute(f"CREATE OR REPLACE VIEW events AS {rows}")
    connection.register("range_steps", sorted_steps(_times(connection)))
    features = aggregate.everything_statement(steps="SELECT * FROM range_steps")
    if with_attributes:
        features = (
            f"WITH session AS ({aggregate.feature_sql('sessions')}) SELECT * FROM session "
            f"JOIN ({features}) USING (session_key)"
        )
    return connection.sql(f"{features} ORDER BY session_key").to_arrow_table()


def _times(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Sessions and times of `events` in order; sorted only where files overlap."""
    select = "SELECT session_key AS scope_key, event_ms FROM events"
    times = connection.sql(select).to_arrow_table().combine_chunks()
    key, ms = step_numbers(times["scope_key"]), step_numbers(times["event_ms"])
    if np.all((key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (ms[1:] >= ms[:-1]))):
        return times
    return connection.sql(f"{select} ORDER BY scope_key, event_ms").to_arrow_table()
