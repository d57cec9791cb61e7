"""The stream worker: from the topics into the lake, each message exactly once, and session features
into Redis within half a second.

For each message it updates the session, writes the features, and with the next commit stores it in
the lake and only then commits the offset. A worker that dies before that gets the message again;
the lake recognises it by its event id, and sessions are rebuilt from the lake, so that nothing is
lost and nothing counts twice (docs/adr/0016-online-path.md).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deltalake.exceptions import DeltaError

from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.metrics import (
    BATCH_SECONDS,
    BUFFERED,
    LAG_EVENTS,
    LATE,
    count_error,
    count_events,
)
from phantom_core.lake.lake import open_lake
from phantom_core.lake.load import compact_rows
from phantom_core.messages.kafka import KafkaReader
from phantom_core.messages.local import LocalReader, open_inbox
from phantom_core.messages.topic import Message, Reader
from phantom_core.publishing.session_features import TTL_S
from phantom_core.services.worker.feature_writer import SERVICE, FeatureWriter
from phantom_core.services.worker.live_sessions import LiveSessions
from phantom_core.services.worker.micro_batch import MicroBatch
from phantom_core.services.worker.recent_sessions import RecentSessions
from phantom_core.valkey.server import connect_server

_MOST_AT_ONCE: Final = 5_000
_MOST_IN_BATCH: Final = 50_000
_POLL_S: Final = 0.2
_COMPACT_AFTER: Final = 250
_IDLE_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0
# How soon an emptied Redis is noticed, and how often the mark is renewed, which lasts an hour.
_LOOK_EVERY_S: Final = 1.0
_MARK_EVERY_S: Final = 600.0
_LOGGER: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """Totals of a worker.

    Attributes:
        polled: messages read, repeated ones included.
        accepted, duplicates, refused: messages of commits.
        late: events older than one already counted in their session.
        commits: to the lake.
    """

    polled: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    late: int = 0
    commits: int = 0


class Worker:
    """One worker of a workspace.

    Args:
        settings: topics, workspace, Redis.
        now_ms: the clock, UTC milliseconds.
    """

    def __init__(
        self, settings: Settings, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self.report = Report()
        self._settings, self._now_ms = settings, now_ms
        self._lake = open_lake(settings)
        self._source = "kafka" if settings.kafka.bootstrap else "buffer"
        self._sessions = LiveSessions(self._lake)
        self._recent, self._is_refilled = RecentSessions(self._lake, self._source), False
        self._has_refilled = False
        self._look_s = self._mark_s = 0.0
        self._uncommitted: set[int] = set()
        self._pause_s = self._again_s = 0.0
        self._writer = FeatureWriter(lambda: connect_server(settings), self._sessions, now_ms)
        self._batch = MicroBatch(self._lake, settings, self._source, now_ms())
        self._began_s = time.monotonic()
        self._newest_file = self._newest_file_load()
        self._reader = self._open_reader()

    def run(self, is_over: Callable[[], bool], *, until_empty: bool = False) -> Report:
        """Work until stopped; then commit what was begun.

        Args:
            is_over: called several times a second.
            until_empty: stop also when nothing is left to read.
        """
        idle_since_s = time.monotonic()
        try:
            while not is_over():
                if self.step() or (self._recent and not self._writer.is_waiting):
                    idle_since_s = time.monotonic()
                elif until_empty and self._is_empty(time.monotonic() - idle_since_s):
                    break
            self.commit()
            self._writer.write()
        finally:
            self._reader.close()
        return self.report

    def step(self) -> int:
        """Read the next messages and commit when it is time; returns their number."""
        messages = self._poll()
        if messages:
            self._began_s = self._began_s if self._batch.n_messages else time.monotonic()
            self.report.polled += len(messages)
            changed, n_late = self._sessions.take(self._batch.add(messages, self._now_ms()))
            self.report.late += n_late
            LATE.inc(n_late)
            self._uncommitted |= changed
            self._writer.mark(changed)
        self._writer.write()
        self._refill()
        self._commit_when_due()
        return len(messages)

    def _poll(self) -> list[Message]:
        if self._batch.n_messages >= _MOST_IN_BATCH:  # the lake takes nothing: others wait as well
            time.sleep(_POLL_S)
            return []
        return self._reader.poll(_MOST_AT_ONCE, 0.0 if self._recent else _POLL_S)

    def _commit_when_due(self) -> None:
        """Commit, unless it is too early; what the lake does not take now is tried again later."""
        n_waiting, now_s = self._batch.n_messages, time.monotonic()
        is_old = now_s - self._began_s >= self._settings.services.stream_commit_s
        if now_s < self._again_s or not (n_waiting >= _MOST_IN_BATCH or (n_waiting and is_old)):
            return
        try:
            self.commit()
            self._pause_s = 0.0
        except (OSError, DeltaError) as error:
            if not self._pause_s:
                _LOGGER.error("The lake takes no events, so they wait: %s", error)
            count_error(SERVICE, type(error).__name__)
            self._pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, 2 * self._pause_s))
            self._again_s = now_s + self._pause_s

    def commit(self) -> None:
        """Store what was read in the lake, then commit the offsets."""
        self._commit_to_lake()
        self._reader.commit()
        for (topic, partition), n_left in self._reader.lag().items():
            (LAG_EVENTS.labels(topic, partition) if partition else BUFFERED.labels(topic)).set(
                n_left
            )

    def _commit_to_lake(self) -> None:
        if not self._batch.n_messages:
            return
        started_s = time.monotonic()
        for topic, done in self._batch.commit(self._now_ms()).items():
            n_refused = sum(done.refused.values())
            self.report.accepted += done.accepted
            self.report.duplicates += done.duplicates
            self.report.refused += n_refused
            count_events(
                SERVICE,
                topic,
                accepted=done.accepted,
                duplicates=done.duplicates,
                refused=done.refused,
            )
            # One client id in two sessions is one event in the lake, though both sessions counted
            # it.
            self._sessions.forget(done.known_sessions)
            self._writer.mark(done.known_sessions)
        if (
            newest := self._newest_file_load()
        ) != self._newest_file:  # files were loaded: they may hold events of these sessions
            self._sessions.forget()
            self._newest_file = newest
        self._sessions.shrink()
        self._uncommitted.clear()
        self.report.commits += 1
        BATCH_SECONDS.labels("lake").observe(time.monotonic() - started_s)
        if self.report.commits % _COMPACT_AFTER == 0:
            compact_rows(self._lake)

    def _open_reader(self) -> Reader:
        if self._settings.kafka.bootstrap:
            return KafkaReader(
                self._settings.kafka.bootstrap,
                self._settings.kafka.options,
                self._hand_over,
                self._lose,
            )
        return LocalReader(open_inbox(self._settings.workspace))

    def _hand_over(self) -> None:
        """Before partitions go to another worker: commit what was read of them."""
        self._writer.write()
        self.commit()
        self._sessions.forget()

    def _lose(self) -> None:
        """After partitions went to another worker: it reads uncommitted messages again, and the
        lake recognises duplicates.
        """
        self._commit_to_lake()
        self._sessions.forget()

    def _refill(self) -> None:
        """Bring a few sessions up to date in Redis, which may have been emptied, or missed what a
        worker that died was about to write.
        """
        if self._writer.is_waiting or self._writer.n_waiting:
            return
        now_s = time.monotonic()
        if not self._recent and now_s >= self._look_s:
            self._look_s = now_s + _LOOK_EVERY_S
            if self._writer.was_emptied():
                self._recent.begin(self._now_ms() - TTL_S * 1_000)
                if self._has_refilled:  # else this worker has written them just now
                    self._writer.mark(self._uncommitted)
                    self._writer.write()
                self._is_refilled = False
        if few := self._recent.next():
            if self._writer.refill(few):
                self._recent.done(len(few))
        elif not self._is_refilled or now_s >= self._mark_s:
            self._writer.set_mark()
            self._is_refilled = self._has_refilled = True
            self._mark_s = now_s + _MARK_EVERY_S

    def _newest_file_load(self) -> int:
        """Number of the newest load of events from files, not from a stream."""
        with self._lake.connect(("loads",)) as connection:
            streams = " AND ".join(f"file NOT LIKE '{source}:%'" for source in ("kafka", "buffer"))
            [(number,)] = connection.execute(
                f"SELECT COALESCE(MAX(load_seq), 0) FROM loads WHERE kind = 'events' AND {streams}"
            ).fetchall()
        return int(number)

    def _is_empty(self, idle_s: float) -> bool:
        if self._pause_s:  # the lake is to be tried again
            return False
        lag = self._reader.lag()
        return not any(lag.values()) if lag and self._source == "buffer" else idle_s >= _IDLE_S
