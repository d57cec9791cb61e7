"""The feature writer: session features into Redis, queued while Redis is unavailable."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

import redis

from phantom_core.core.errors import PhantomError
from phantom_core.core.telemetry.metrics import BATCH_SECONDS, LAG_SECONDS, REDIS_UP, count_error
from phantom_core.publishing.session_features import (
    TTL_S,
    has_mark,
    read_event_counts,
    write_features,
    write_mark,
)
from phantom_core.services.worker.live_sessions import LiveSessions
from phantom_core.services.worker.recent_sessions import RecentSession

SERVICE: Final = "worker"
_AT_ONCE: Final = 500
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0
_LOGGER: Final = logging.getLogger(__name__)


class FeatureWriter:
    """Writes the features of changed sessions.

    Args:
        connect: returns a client of the server.
        sessions: live sessions to write.
        now_ms: the clock, UTC milliseconds.
    """

    def __init__(
        self, connect: Callable[[], redis.Redis], sessions: LiveSessions, now_ms: Callable[[], int]
    ) -> None:
        self._connect, self._sessions, self._now_ms = connect, sessions, now_ms
        self._client: redis.Redis | None = None
        self._worker_id = uuid.uuid4().hex
        self._changed: dict[int, int] = {}
        self._pause_s, self._again_s = 0.0, 0.0

    @property
    def n_waiting(self) -> int:
        """Sessions whose features Redis does not have yet."""
        return len(self._changed)

    def mark(self, keys: Iterable[int]) -> None:
        """Mark sessions as changed."""
        now_ms = self._now_ms()
        for key in keys:
            self._changed[key] = now_ms

    def write(self) -> bool:
        """Write pending features; False when Redis is unavailable, which is retried later."""
        if not self._changed or time.monotonic() < self._again_s:
            return not self._changed
        self._drop_forgotten()
        try:
            while keys := list(islice(self._changed, _AT_ONCE)):
                self._write(keys)
        except PhantomError as error:
            self._wait(error)
            return False
        self._succeeded()
        return True

    @property
    def is_waiting(self) -> bool:
        """Whether Redis is to be asked again later."""
        return time.monotonic() < self._again_s

    def refill(self, recent: Sequence[RecentSession]) -> bool:
        """Write the features of those sessions of which Redis holds fewer events than the lake.

        Args:
            recent: some sessions.
        Returns:
            False when Redis is unavailable; nothing is certain then.
        """
        keys = [one.session_key for one in recent if one.session_key not in self._changed]
        try:
            stored = read_event_counts(self._server(), [one.session_id for one in recent])
            missing = {
                one.session_key
                for one, n_stored in zip(recent, stored, strict=True)
                if n_stored < one.n_events
            }
            found = self._sessions.features_from_lake(
                [key for key in keys if key in missing], self._now_ms()
            )
            write_features(self._server(), list(found.values()))
        except PhantomError as error:
            self._wait(error)
            return False
        self._succeeded()
        return True

    def was_emptied(self) -> bool:
        """Whether Redis lost what this worker wrote, which it knows by a mark of its own.

        The first time, as at its start, this is so. While Redis is unavailable, nobody knows.
        """
        try:
            is_marked = has_mark(self._server(), self._worker_id)
        except PhantomError as error:
            self._wait(error)
            return False
        self._succeeded()
        return not is_marked

    def set_mark(self) -> None:
        """Mark that Redis holds what this worker wrote."""
        try:
            write_mark(self._server(), self._worker_id)
        except PhantomError as error:
            self._wait(error)

    def _write(self, keys: list[int]) -> None:
        started_s, now_ms = time.monotonic(), self._now_ms()
        sessions = self._sessions.features(keys, now_ms)
        write_features(self._server(), list(sessions.values()))
        for key in keys:
            del self._changed[key]
        BATCH_SECONDS.labels("redis").observe(time.monotonic() - started_s)
        for session in sessions.values():
            LAG_SECONDS.labels("redis").observe(max(0.0, (now_ms - session.last_event_ms) / 1e3))

    def _server(self) -> redis.Redis:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _drop_forgotten(self) -> None:
        """Skip features that would have expired in Redis by now."""
        oldest_ms = self._now_ms() - TTL_S * 1_000
        for key in [key for key, marked_ms in self._changed.items() if marked_ms < oldest_ms]:
            del self._changed[key]

    def _wait(self, error: PhantomError) -> None:
        if not self._pause_s:
            _LOGGER.warning("Session features wait: %s", error)
        self._client = None  # an embedded server may restart at another address
        count_error(SERVICE, type(error).__name__)
        REDIS_UP.labels(SERVICE).set(0)
        self._pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, 2 * self._pause_s))
        self._again_s = time.monotonic() + self._pause_s

    def _succeeded(self) -> None:
        REDIS_UP.labels(SERVICE).set(1)
        if self._pause_s:
            _LOGGER.warning("Redis is available again.")
        self._pause_s = self._again_s = 0.0
