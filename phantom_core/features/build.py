"""A full build: the features of all sessions in a set of event files, one range of session keys after the other.

Session keys are spread evenly over 64 bits and each load is sorted by them, so a range can be read without the rest, and
its tables stay in the processor's cache. Every worker has a DuckDB of its own with one thread; ranges run side by side.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import duckdb
import numpy as np
import pyarrow as pa

from phantom_core.events import schema
from phantom_core.features import aggregate
from phantom_core.features.ranges import Part, parts
from phantom_core.features.steps import numbers, sorted_steps
from phantom_core.lake.lake import empty_select


def session_tables(sources: Sequence[str], *, with_attributes: bool = True) -> Iterator[tuple[float, pa.Table]]:
    """Features of all sessions in event files.

    Args:
        sources: Parquet files with the columns of schema.EVENTS, in any order; fastest where sorted by session_key, event_ms.
        with_attributes: also the columns of sql/sessions.sql.
    Returns:
        An iterator over the share done, in [0, 1], and a table of sessions; each session is in one of the tables.
    """
    n_workers = os.cpu_count() or 1
    todo = parts(sources, n_workers)
    connections: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
    for _ in range(min(n_workers, len(todo))):
        connections.put(connect(sources, threads=1))

    def sessions(part: Part) -> pa.Table:
        connection = connections.get()
        try:
            return sessions_of(connection, part, with_attributes=with_attributes)
        finally:
            connections.put(connection)

    executor = ThreadPoolExecutor(connections.qsize())
    try:
        for i, table in enumerate(executor.map(sessions, todo)):
            yield (i + 1) / len(todo), table
    finally:
        executor.shutdown(cancel_futures=True)
        while not connections.empty():
            connections.get().close()


def connect(sources: Sequence[str], threads: int) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own with the relation `all_events` over event files."""
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("SET parquet_metadata_cache = true")  # each part reads the same footers, once per family
    names = ", ".join("'" + source.replace("'", "''") + "'" for source in sources)
    rows = f"SELECT * FROM read_parquet([{names}])" if sources else empty_select(schema.EVENTS)
    connection.execute(f"CREATE VIEW all_events AS {rows}")
    return connection


def sessions_of(connection: duckdb.DuckDBPyConnection, part: Part, *, with_attributes: bool = True) -> pa.Table:
    """Features of the sessions of one part.

    Args:
        connection: from `connect`; its relations `events` and `kept` are made anew.
        part: which sessions.
        with_attributes: also the columns of sql/sessions.sql.
    Returns:
        One row per session, ordered by session_key.
    """
    rows = f"SELECT * FROM all_events WHERE {part.predicate}"
    if part.is_scattered:
        connection.execute(f"CREATE OR REPLACE TABLE kept AS {rows}")
    connection.execute(f"CREATE OR REPLACE VIEW events AS {'FROM kept' if part.is_scattered else rows}")
    connection.register("range_steps", sorted_steps(_times(connection)))
    features = aggregate.everything_statement(steps="SELECT * FROM range_steps")
    if with_attributes:
        features = f"WITH session AS ({aggregate.sql('sessions')}) SELECT * FROM session JOIN ({features}) USING (session_key)"
    return connection.sql(f"{features} ORDER BY session_key").to_arrow_table()


def _times(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Sessions and times of `events`, in order; sorted only where files of several loads overlap."""
    select = "SELECT session_key AS scope_key, event_ms FROM events"
    times = connection.sql(select).to_arrow_table()
    key, ms = numbers(times["scope_key"]), numbers(times["event_ms"])
    if np.all((key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (ms[1:] >= ms[:-1]))):
        return times
    return connection.sql(f"{select} ORDER BY scope_key, event_ms").to_arrow_table()
