"""Visitor sessions: the events of a visitor, parted where nothing happened for a while."""

import duckdb


def part_sessions(staged: duckdb.DuckDBPyConnection, gap_min: int) -> None:
    """Part the staged events of each visitor into sessions, named by visitor and first moment.

    The ids of events stay those of the visitor, so that a file that overlaps another one adds
    nothing twice, wherever it begins.

    Args:
        staged: has the table `staged`, where a session is a visitor.
        gap_min: minutes without an event that end a session.
    """
    staged.execute(
        f"""
        UPDATE staged SET session_id = parted.session_id, session_key = key_of(parted.session_id)
        FROM (
            SELECT row, session_id || '@' || FIRST_VALUE(event_ms) OVER (
                PARTITION BY session_id, n_session ORDER BY event_ms, row
            ) AS session_id
            FROM (
                SELECT row, session_id, event_ms, SUM(CASE WHEN gap_ms > {gap_min * 60_000} THEN 1
                    ELSE 0 END) OVER (PARTITION BY session_id ORDER BY event_ms, row) AS n_session
                FROM (
                    SELECT rowid AS row, session_id, event_ms, event_ms - LAG(event_ms) OVER (
                        PARTITION BY session_id ORDER BY event_ms, rowid
                    ) AS gap_ms
                    FROM staged WHERE reason IS NULL
                )
            )
        ) AS parted
        WHERE staged.rowid = parted.row"""
    )
