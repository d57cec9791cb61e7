"""Recent sessions: those whose features Redis should hold, a few at a time.

A worker that starts, or finds Redis emptied, looks at every session of the last hour. It does so
between new messages, which never wait for it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from phantom_core.lake.lake import Lake

AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class RecentSession:
    """A session of the lake.

    Attributes:
        session_key, session_id: its names.
        n_events: how many of its events are in the lake.
    """

    session_key: int
    session_id: str
    n_events: int


class RecentSessions:
    """Sessions still to be looked at.

    Args:
        lake: where they are.
        source: "kafka" or "buffer"; only sessions that a stream brought are live.
    """

    def __init__(self, lake: Lake, source: str) -> None:
        self._lake, self._source = lake, source
        self._left: deque[RecentSession] = deque()

    def __len__(self) -> int:
        return len(self._left)

    def begin(self, since_ms: int) -> None:
        """Look at all sessions of which events were loaded since then, the newest first."""
        recent = "SELECT load_seq FROM loads WHERE loaded_ms >= ? AND file LIKE ?"
        with self._lake.connect(("events", "loads")) as connection:
            rows = connection.execute(
                "SELECT session_key, ANY_VALUE(session_id), COUNT(*) FROM events WHERE session_key "
                f"IN (SELECT session_key FROM events WHERE load_seq IN ({recent})) "
                "GROUP BY session_key ORDER BY MAX(event_ms) DESC, session_key",
                [since_ms, f"{self._source}:%"],
            ).fetchall()
        self._left = deque(RecentSession(*row) for row in rows)

    def next(self) -> Sequence[RecentSession]:
        """The next few; they stay until `done` is called."""
        return [self._left[at] for at in range(min(AT_ONCE, len(self._left)))]

    def done(self, n_sessions: int) -> None:
        """Forget the first ones."""
        for _ in range(n_sessions):
            self._left.popleft()
