"""Sessions: those that match a filter, sorted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import pandas as pd

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.views.workspace.snapshot import Snapshot

MAX_ROWS: Final = 1_000
Sort = Literal[
    "newest",
    "oldest",
    "most likely agent",
    "least sure",
    "most events",
    "fastest",
    "longest",
    "highest revenue",
]
_ORDER: Final[dict[Sort, str]] = {
    "newest": "start_ms DESC",
    "oldest": "start_ms",
    "most likely agent": "agent_probability DESC NULLS LAST",
    "least sure": "abs(agent_probability - 0.5) NULLS LAST",
    "most events": "total_interactions DESC",
    "fastest": "interaction_velocity DESC NULLS LAST",
    "longest": "session_duration_sec DESC",
    "highest revenue": "total_revenue DESC NULLS LAST",
}
SORTS: Final = tuple(_ORDER)


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions to show; empty means all.

    Attributes:
        text: part of the session's or the experiment's id.
        low: least probability of being an agent, in [0, 1].
        high: greatest one, in [0, 1]; sessions without a probability match only [0, 1].
        start_ms: first event not before, UTC milliseconds.
        end_ms: first event before, UTC milliseconds.
        purchased: with a purchase, without one, or either.
    """

    text: str = ""
    store_modes: Sequence[str] = ()
    labels: Sequence[str] = ()
    families: Sequence[str] = ()
    low: float = 0.0
    high: float = 1.0
    start_ms: int | None = None
    end_ms: int | None = None
    min_events: int = 1
    purchased: bool | None = None


@dataclass(frozen=True, slots=True)
class SessionChoices:
    """Values that filters can be set to.

    Attributes:
        store_modes: that occur.
        labels: that occur.
        families: that occur.
        start_ms: of the first session, UTC milliseconds; None without one.
        end_ms: of the last one.
    """

    store_modes: tuple[str, ...]
    labels: tuple[str, ...]
    families: tuple[str, ...]
    start_ms: int | None
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions that match a filter.

    Attributes:
        n_matching: count.
        n_all: count.
        n_agents_expected: sum of their probabilities; None without a model.
        rows: the first MAX_ROWS of them; columns session_id, start (UTC), store_mode, label,
            family, agent_probability, events, duration_s, events_per_min, item_views, cart_adds,
            purchased, revenue.
    """

    n_matching: int
    n_all: int
    n_agents_expected: float | None
    rows: pd.DataFrame


@dataclass(slots=True)
class _Where:
    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def add(self, condition: str, *values: object) -> None:
        self.conditions.append(condition)
        self.values.extend(values)

    @property
    def sql(self) -> str:
        return " AND ".join(self.conditions) or "TRUE"


@requires(Permission.READ)
def session_choices(snapshot: Snapshot) -> SessionChoices:
    """Read the values that the filters of the page offer."""

    def values(column: str) -> tuple[str, ...]:
        found = snapshot.rows(
            f"SELECT DISTINCT {column} FROM sessions WHERE {column} IS NOT NULL ORDER BY {column}"
        )
        return tuple(row[0] for row in found)

    start_ms, end_ms = snapshot.row("SELECT MIN(start_ms), MAX(start_ms) FROM sessions")
    return SessionChoices(values("store_mode"), values("label"), values("family"), start_ms, end_ms)


@requires(Permission.READ)
def sessions_view(
    snapshot: Snapshot, chosen: SessionFilter, sort: Sort = "newest", limit: int = MAX_ROWS
) -> Sessions:
    """Read the sessions that match a filter.

    Args:
        snapshot: the data.
        chosen: the filter.
        sort: the order; ties by session.
        limit: rows wanted, up to MAX_ROWS.
    """
    where = _where(chosen)
    matching, expected = snapshot.row(
        f"SELECT COUNT(*), SUM(agent_probability) FROM sessions WHERE {where.sql}", where.values
    )
    rows = snapshot.frame(
        f"""
        SELECT session_id, make_timestamp(start_ms * 1000) AS start, store_mode, label, family,
            agent_probability, total_interactions AS events, session_duration_sec AS duration_s,
            interaction_velocity AS events_per_min, item_views, cart_adds, purchased,
            total_revenue AS revenue
        FROM sessions WHERE {where.sql}
        ORDER BY {_ORDER[sort]}, session_key LIMIT {min(limit, MAX_ROWS)}""",
        where.values,
    )
    return Sessions(matching, snapshot.n_sessions, expected, rows)


def _where(chosen: SessionFilter) -> _Where:
    where = _Where()
    if chosen.text.strip():
        where.add(
            "(contains(lower(session_id), ?) OR contains(lower(experiment_id), ?))",
            *[chosen.text.strip().lower()] * 2,
        )
    for column, allowed in (
        ("store_mode", chosen.store_modes),
        ("label", chosen.labels),
        ("family", chosen.families),
    ):
        if allowed:
            where.add(f"{column} IN ({', '.join('?' * len(allowed))})", *allowed)
    if (chosen.low, chosen.high) != (0.0, 1.0):
        where.add("agent_probability BETWEEN ? AND ?", chosen.low, chosen.high)
    if chosen.start_ms is not None:
        where.add("start_ms >= ?", chosen.start_ms)
    if chosen.end_ms is not None:
        where.add("start_ms < ?", chosen.end_ms)
    if chosen.min_events > 1:
        where.add("total_interactions >= ?", chosen.min_events)
    if chosen.purchased is not None:
        where.add("purchased = ?", chosen.purchased)
    return where
