"""Many moments: features of sessions just before each of hundreds of thousands of quotes.

As in a full build, every worker has a DuckDB of its own with one thread, parts run side by side,
and the events of a part, once joined with its moments and sorted, need no window
(docs/adr/0008-sorted-steps.md).
"""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from phantom_core.features.aggregate import feature_sql, moments_statement
from phantom_core.features.build import event_rows, feature_connection
from phantom_core.features.steps import sorted_steps, step_numbers

# Each moment reads about ten events of its session: this many moments fit in the processor's cache.
MOMENTS_PER_PART: Final = 65_536
_SCOPED: Final = (
    "SELECT * EXCLUDE (event_seq, event_id, user_agent) FROM (WITH scope AS (SELECT * FROM "
    "moments) {scope_moments})"
)
# The first user agent of a session is that of each of its moments from then on: it is read once a
# session, not once a moment.
_NAMED: Final = """
    WITH scoped_events AS (
        SELECT session_key AS scope_key, event_ms, event_seq, event_id, user_agent
        FROM events
    ),
    first_agent AS (
        SELECT session_key, MIN(event_ms) AS first_ms
        FROM events WHERE user_agent <> '' GROUP BY session_key
    )
    SELECT first_agent.*, kind.* EXCLUDE (scope_key)
    FROM first_agent JOIN ({user_agent}) AS kind ON kind.scope_key = first_agent.session_key"""
_NAMED_THEN: Final = """
    SELECT m.scope_key, n.* EXCLUDE (session_key, first_ms)
    FROM moments AS m
    JOIN named AS n ON n.session_key = m.session_key AND n.first_ms <= m.as_of_ms"""


def features_at_many_moments(sources: Sequence[str], scope: pa.Table) -> pa.Table:
    """The same as `features_at_moments`, for many moments.

    Args:
        sources: event files of the lake.
        scope: moments with the columns of SCOPE, ordered by session_key.
    Returns:
        One row per moment that has an event by then: scope_key, the features, purchased,
        total_revenue.
    """
    keys = step_numbers(scope["session_key"]) if scope.num_rows else np.zeros(0, np.int64)
    n_workers = os.cpu_count() or 1
    n_parts = max(1, n_workers * math.ceil(scope.num_rows / MOMENTS_PER_PART / n_workers))
    inner = np.linspace(0, scope.num_rows, n_parts + 1)[1:-1].astype(np.int64)
    # A session is in one part as a whole.
    edges = [
        0,
        *(int(np.searchsorted(keys, keys[edge])) for edge in inner if edge < keys.size),
        scope.num_rows,
    ]
    parts = [
        scope.slice(start, stop - start)
        for start, stop in pairwise(edges)
        if stop > start or not scope.num_rows
    ]
    with ThreadPoolExecutor(min(n_workers, len(parts))) as executor:
        return pa.concat_tables(executor.map(lambda part: _features(sources, part), parts))


def _features(sources: Sequence[str], scope: pa.Table) -> pa.Table:
    first, last = (scope["session_key"][at].as_py() if scope.num_rows else 0 for at in (0, -1))
    with feature_connection(threads=1) as connection:
        connection.register("moments", scope)
        connection.execute(
            f"CREATE TABLE events AS {event_rows(sources)} WHERE session_key BETWEEN {first} AND "
            f"{last}"
        )
        connection.execute(
            f"CREATE TABLE scoped AS {_SCOPED.format(scope_moments=feature_sql('scope_moments'))}"
        )
        connection.execute(
            f"CREATE TABLE named AS {_NAMED.format(user_agent=feature_sql('user_agent'))}"
        )
        times = connection.sql(
            "SELECT scope_key, event_ms FROM scoped ORDER BY scope_key, event_ms"
        ).to_arrow_table()
        connection.register("sorted", sorted_steps(times.combine_chunks()))
        given = {
            "scoped_events": "SELECT * FROM scoped",
            "steps": "SELECT * FROM sorted",
            "user_agent": _NAMED_THEN,
        }
        statement = moments_statement(**given)
        return connection.sql(f"{statement} ORDER BY scope_key").to_arrow_table()
