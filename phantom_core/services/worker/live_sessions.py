"""Live sessions: those with recent events, in memory; all others are built from the lake."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from phantom_core.features.online.session import Event, LiveSession, Value
from phantom_core.features.online.user_agents import UserAgents
from phantom_core.lake.lake import Lake
from phantom_core.publishing.session_features import Feature, PublishedFeatures
from phantom_core.services.worker.micro_batch import SessionEvent

MOST_KEPT: Final = 20_000
_COLUMNS: Final = (
    "session_key, session_id, event_ms, event_seq, event_id, event_name, page, product_id, "
    "price_seen, user_agent, store_mode"
)


class LiveSessions:
    """Sessions of one worker.

    Args:
        lake: source of earlier events.
        most_kept: maximum number in memory between commits.
    """

    def __init__(self, lake: Lake, most_kept: int = MOST_KEPT) -> None:
        self._lake, self._most_kept = lake, most_kept
        self._sessions: OrderedDict[int, tuple[str, LiveSession]] = OrderedDict()
        self._user_agents = UserAgents()

    def take(self, events: Sequence[SessionEvent]) -> tuple[set[int], int]:
        """Add events to their sessions.

        Returns:
            Keys of the sessions that changed, and how many events were older than one already
            counted in their session.
        """
        self._load({event.session_key for event in events})
        changed: set[int] = set()
        n_late = 0
        for one in events:
            _, session = self._sessions.setdefault(one.session_key, (one.session_id, LiveSession()))
            last_ms = session.times.last_ms if session.n_events else one.event.event_ms
            if session.add(one.event):
                changed.add(one.session_key)
                n_late += one.event.event_ms < last_ms
        self._user_agents.learn(one.event.user_agent for one in events)
        return changed, n_late

    def features(self, keys: Iterable[int], updated_ms: int) -> dict[int, PublishedFeatures]:
        """Features of some sessions, by key; sessions without events are left out.

        Args:
            keys: of the sessions.
            updated_ms: the clock, UTC milliseconds.
        """
        wanted = list(keys)
        self._load(wanted)
        return {key: self._features(key, updated_ms) for key in wanted if key in self._sessions}

    def features_from_lake(
        self, keys: Iterable[int], updated_ms: int
    ) -> dict[int, PublishedFeatures]:
        """The same, and sessions that are not in memory do not come into it: of those, every event
        is in the lake.
        """
        wanted = list(keys)
        absent = [key for key in wanted if key not in self._sessions]
        found = self.features(wanted, updated_ms)
        self.forget(absent)
        return found

    def in_memory(self) -> list[int]:
        """Keys of the sessions in memory."""
        return list(self._sessions)

    def forget(self, keys: Iterable[int] | None = None) -> None:
        """Drop some sessions, or all, from memory: they are rebuilt from the lake. None of their
        events may wait for a commit.
        """
        if keys is None:
            self._sessions.clear()
            return
        for key in keys:
            self._sessions.pop(key, None)

    def shrink(self) -> None:
        """Drop the sessions with the oldest last event. Nothing may wait for a commit."""
        while len(self._sessions) > self._most_kept:
            self._sessions.popitem(last=False)

    def _features(self, key: int, updated_ms: int) -> PublishedFeatures:
        session_id, session = self._sessions[key]
        self._sessions.move_to_end(key)
        features = {
            name: _plain(value) for name, value in session.features(self._user_agents).items()
        }
        return PublishedFeatures(
            session_id,
            session.n_events,
            session.times.last_ms,
            updated_ms,
            session.store_mode or "",
            features,
        )

    def _load(self, keys: Collection[int]) -> None:
        missing = [key for key in keys if key not in self._sessions]
        if not missing:
            return
        with self._lake.connect(("events",)) as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE session_key IN (SELECT unnest(?::BIGINT[])) "
                "ORDER BY session_key, event_ms, event_id",
                [missing],
            ).fetchall()
        for key, session_id, *fields in rows:
            self._sessions.setdefault(key, (session_id, LiveSession()))[1].add(Event(*fields))
        self._user_agents.learn(row[-2] for row in rows)


def _plain(value: Value) -> Feature:
    return int(value) if isinstance(value, bool) else value
