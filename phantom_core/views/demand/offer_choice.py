"""Offer choice: sessions and products to show a demand curve of."""

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.views.workspace.snapshot import Snapshot

MOST_LISTED = 200


@requires(Permission.READ)
def quoted_sessions(snapshot: Snapshot, search: str = "") -> list[str]:
    """Ids of sessions with a quote, the newest first.

    Args:
        snapshot: the workspace.
        search: a part of the id; empty for all.
    """
    rows = snapshot.rows(
        "SELECT session_id FROM quotes WHERE contains(session_id, ?) GROUP BY session_id ORDER BY "
        "MAX(event_ms) DESC, session_id LIMIT ?",
        [search, MOST_LISTED],
    )
    return [row[0] for row in rows]


@requires(Permission.READ)
def products_of(snapshot: Snapshot, session_id: str) -> list[str]:
    """Products to choose from: those the session was quoted, in order, then others of its store."""
    rows = snapshot.rows(
        """
        WITH own AS (
            SELECT product_id, MIN(event_ms) AS first_ms
            FROM quotes WHERE session_id = $1 GROUP BY product_id
        ),
        others AS (
            SELECT DISTINCT product_id FROM quotes
            WHERE store_mode = (SELECT ANY_VALUE(store_mode) FROM quotes WHERE session_id = $1)
        )
        SELECT o.product_id FROM others AS o LEFT JOIN own USING (product_id)
        ORDER BY own.first_ms NULLS LAST, o.product_id LIMIT $2""",
        [session_id, MOST_LISTED],
    )
    return [row[0] for row in rows]


@requires(Permission.READ)
def n_quoted(snapshot: Snapshot, session_id: str) -> int:
    """How many products the session was quoted."""
    return int(
        snapshot.row(
            "SELECT COUNT(DISTINCT product_id) FROM quotes WHERE session_id = ?", [session_id]
        )[0]
    )
