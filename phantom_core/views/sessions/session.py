"""One session: its events, quotes and features, and its actor's other sessions."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import NotFoundError
from phantom_core.views.sessions.compared_features import compared_features
from phantom_core.views.workspace.snapshot import Snapshot

MAX_EVENTS: Final = 2_000
MAX_OTHERS: Final = 50


@dataclass(frozen=True, slots=True)
class SessionView:
    """Everything known about one session.

    Attributes:
        label: human, agent or unknown.
        agent_probability: in [0, 1]; None without a model.
        start_ms: first event, UTC milliseconds.
        end_ms: last event, UTC milliseconds.
        n_events: count; `events` holds the first MAX_EVENTS.
        events: in order; columns at (UTC), elapsed_s, event_name, page, product_id, price_seen,
            amount_paid, metadata.
        quotes: in order; columns at (UTC), elapsed_s, product_id, price, base_price.
        features: one row per feature, see `compared_features`.
        user_agent: the first one sent; None without.
        others: the actor's other sessions, newest first; columns session_id, start (UTC), label,
            agent_probability, events, purchased, revenue; empty outside experiments.
        n_others: count; `others` holds MAX_OTHERS at most.
    """

    session_id: str
    store_mode: str
    label: str
    family: str | None
    experiment_id: str | None
    agent_probability: float | None
    start_ms: int
    end_ms: int
    n_events: int
    purchased: bool
    total_revenue: float | None
    events: pd.DataFrame
    quotes: pd.DataFrame
    features: pd.DataFrame
    user_agent: str | None
    others: pd.DataFrame
    n_others: int


@requires(Permission.READ)
def session_view(snapshot: Snapshot, session_id: str) -> SessionView:
    """Read one session.

    Raises:
        NotFoundError: no such session.
    """
    found = snapshot.rows(
        """
        SELECT session_key, store_mode, label, family, experiment_id, agent_probability,
            start_ms, end_ms, total_interactions, purchased, total_revenue
        FROM sessions WHERE session_id = ?""",
        [session_id],
    )
    if not found:
        raise NotFoundError(
            f"There is no session '{session_id}' in this workspace.",
            hint="Choose one from the list.",
        )
    (
        key,
        store_mode,
        label,
        family,
        experiment_id,
        probability,
        start_ms,
        end_ms,
        n_events,
        purchased,
        revenue,
    ) = found[0]
    (user_agent,) = snapshot.row(
        "SELECT MIN_BY(user_agent, (event_ms, event_seq, event_id)) FROM events "
        "WHERE session_key = ? AND user_agent IS NOT NULL",
        [key],
    )
    n_others, others = _others(snapshot, session_id, experiment_id)
    return SessionView(
        session_id=session_id,
        store_mode=store_mode,
        label=label,
        family=family,
        experiment_id=experiment_id,
        agent_probability=probability,
        start_ms=start_ms,
        end_ms=end_ms,
        n_events=n_events,
        purchased=purchased,
        total_revenue=revenue,
        events=session_events(snapshot, session_id, MAX_EVENTS),
        quotes=_quotes(snapshot, key, start_ms),
        features=compared_features(snapshot, key),
        user_agent=user_agent,
        others=others,
        n_others=n_others,
    )


@requires(Permission.READ)
def session_events(snapshot: Snapshot, session_id: str, limit: int | None = None) -> pd.DataFrame:
    """Events of one session in order.

    Args:
        snapshot: the data.
        session_id: the session.
        limit: events wanted; None means all.
    """
    return snapshot.frame(
        f"""
        SELECT make_timestamp(e.event_ms * 1000) AS at,
            (e.event_ms - s.start_ms) / 1000 AS elapsed_s, e.event_name, e.page, e.product_id,
            e.price_seen, e.amount_paid, e.metadata
        FROM events AS e JOIN sessions AS s ON s.session_key = e.session_key AND s.session_id = ?
        WHERE e.session_key = (SELECT session_key FROM sessions WHERE session_id = ?)
        ORDER BY e.event_ms, e.event_seq, e.event_id {f"LIMIT {limit}" if limit else ""}""",
        [session_id, session_id],
    )


def _quotes(snapshot: Snapshot, key: int, start_ms: int) -> pd.DataFrame:
    return snapshot.frame(
        f"""
        SELECT make_timestamp(event_ms * 1000) AS at, (event_ms - ?) / 1000 AS elapsed_s,
            product_id, price, base_price
        FROM quotes WHERE session_key = ?
        ORDER BY event_ms, event_seq, event_id LIMIT {MAX_EVENTS}""",
        [start_ms, key],
    )


def _others(
    snapshot: Snapshot, session_id: str, experiment_id: str | None
) -> tuple[int, pd.DataFrame]:
    same_actor = "experiment_id = ? AND session_id <> ?"
    values = [experiment_id, session_id]
    (n_others,) = snapshot.row(f"SELECT COUNT(*) FROM sessions WHERE {same_actor}", values)
    rows = snapshot.frame(
        f"""
        SELECT session_id, make_timestamp(start_ms * 1000) AS start, label, agent_probability,
            total_interactions AS events, purchased, total_revenue AS revenue
        FROM sessions WHERE {same_actor} ORDER BY start_ms DESC, session_key LIMIT {MAX_OTHERS}""",
        values,
    )
    return n_others, rows
