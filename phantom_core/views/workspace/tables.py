"""Tables: a snapshot's sessions, features, events and quotes as Arrow, for analysis outside the
app.
"""

import pyarrow as pa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.features.catalogue import feature_names
from phantom_core.views.workspace.snapshot import Snapshot


@requires(Permission.READ)
def session_table(snapshot: Snapshot) -> pa.Table:
    """Who the sessions belong to and how they ended, one row per session, the oldest first.

    Returns:
        session_id, experiment_id, store_mode, label (human, agent, unknown), family (NULL where
        not named), start, end (UTC), agent_probability (in [0, 1]; NULL without a model), events,
        purchased, revenue (currency).
    """
    rows = snapshot.arrow(
        """
        SELECT session_id, experiment_id, store_mode, label, family,
            make_timestamp(start_ms * 1000) AS start, make_timestamp(end_ms * 1000) AS "end",
            agent_probability, total_interactions AS events, purchased, total_revenue AS revenue
        FROM sessions ORDER BY start_ms, session_key"""
    )
    return _in_utc(rows, "start", "end")


@requires(Permission.READ)
def feature_table(snapshot: Snapshot) -> pa.Table:
    """Features of all sessions, in the order of `session_table`.

    Returns:
        session_id, label (human, agent, unknown), then every feature of the catalogue in its unit;
        NULL where undefined.
    """
    return snapshot.arrow(
        f"SELECT session_id, label, {', '.join(feature_names())} FROM sessions ORDER BY start_ms, "
        "session_key"
    )


@requires(Permission.READ)
def event_table(snapshot: Snapshot, session_id: str | None, limit: int | None) -> pa.Table:
    """Accepted events in order of time.

    Args:
        snapshot: the data.
        session_id: of one session; None means all.
        limit: most rows, the oldest first; None means all.
    Returns:
        session_id, time (UTC), event_name, page, product_id, price_seen, amount_paid (currency),
        user_agent, experiment_id, store_mode, metadata (JSON text).
    """
    rows = snapshot.arrow(
        f"""
        SELECT session_id, make_timestamp(event_ms * 1000) AS time, event_name, page, product_id,
            price_seen, amount_paid, user_agent, experiment_id, store_mode, metadata
        FROM events {_of_session(session_id)}
        ORDER BY event_ms, event_seq, event_id {_limit(limit)}""",
        _values(session_id),
    )
    return _in_utc(rows, "time")


@requires(Permission.READ)
def quote_table(snapshot: Snapshot, session_id: str | None, limit: int | None) -> pa.Table:
    """Prices shown, in order of time.

    Args:
        snapshot: the data.
        session_id: of one session; None means all.
        limit: most rows, the oldest first; None means all.
    Returns:
        session_id, time (UTC), product_id, price, base_price (currency), propensity (probability
        with which an experiment chose this price; NULL where none did), experiment_id, store_mode.
    """
    rows = snapshot.arrow(
        f"""
        SELECT session_id, make_timestamp(event_ms * 1000) AS time, product_id, price, base_price,
            propensity, experiment_id, store_mode
        FROM quotes {_of_session(session_id)}
        ORDER BY event_ms, event_seq, event_id {_limit(limit)}""",
        _values(session_id),
    )
    return _in_utc(rows, "time")


def _in_utc(rows: pa.Table, *names: str) -> pa.Table:
    """Time stamps that say that they are UTC, whatever the time zone of the machine."""
    for name in names:
        column = rows[name].cast(pa.timestamp("us", tz="UTC"))
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _of_session(session_id: str | None) -> str:
    return "" if session_id is None else "WHERE session_id = ?"


def _values(session_id: str | None) -> tuple[str, ...]:
    return () if session_id is None else (session_id,)


def _limit(limit: int | None) -> str:
    return "" if limit is None else f"LIMIT {int(limit)}"
