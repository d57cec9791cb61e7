"""Loaded data: what a workspace holds, in figures."""

from dataclasses import dataclass

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.views.workspace.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a workspace holds, counts; start and end in UTC milliseconds, None without a session.

    Attributes:
        humans: sessions labelled human.
        agents: sessions labelled agent.
        rows_read: rows of event and quote files, of all loads.
        quarantined: rows of those in quarantine.
    """

    sessions: int
    humans: int
    agents: int
    events: int
    quotes: int
    files: int
    rows_read: int
    quarantined: int
    start_ms: int | None
    end_ms: int | None

    @property
    def labelled(self) -> int:
        """Sessions with a label, count."""
        return self.humans + self.agents

    @property
    def labelled_share(self) -> float:
        """Share of sessions with a label, in [0, 1]."""
        return self.labelled / self.sessions if self.sessions else 0.0

    @property
    def quarantined_share(self) -> float:
        """Share of the rows read that are in quarantine, in [0, 1]."""
        return self.quarantined / self.rows_read if self.rows_read else 0.0


@requires(Permission.READ)
def data_bounds_ms(snapshot: Snapshot) -> tuple[int, int] | None:
    """First and last event, UTC milliseconds; None without any."""
    start_ms, end_ms = snapshot.row("SELECT MIN(start_ms), MAX(end_ms) FROM sessions")
    return None if start_ms is None else (start_ms, end_ms)


@requires(Permission.READ)
def read_loaded(snapshot: Snapshot) -> Loaded:
    """Count what a snapshot holds."""
    humans, agents, events, start_ms, end_ms = snapshot.row(
        """
        SELECT COUNT(*) FILTER (WHERE label = 'human'), COUNT(*) FILTER (WHERE label = 'agent'),
            COALESCE(SUM(total_interactions), 0), MIN(start_ms), MAX(end_ms)
        FROM sessions"""
    )
    # A file may have been loaded more than once; its quarantined rows are stored the first time
    # only.
    files, rows_read, known_good = snapshot.row(
        """
        SELECT COUNT(DISTINCT file), COALESCE(SUM(rows_read), 0),
            COALESCE(SUM(accepted + duplicates), 0)
        FROM loads WHERE kind IN ('events', 'quotes')"""
    )
    return Loaded(
        sessions=snapshot.n_sessions,
        humans=humans,
        agents=agents,
        events=int(events),
        quotes=snapshot.row("SELECT COUNT(*) FROM quotes")[0],
        files=files,
        rows_read=int(rows_read),
        quarantined=int(rows_read - known_good),
        start_ms=start_ms,
        end_ms=end_ms,
    )
