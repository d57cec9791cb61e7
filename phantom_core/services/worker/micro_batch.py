"""A micro-batch: messages of both topics, validated as they arrive and committed to the lake
together.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from phantom_core.core.settings import Settings
from phantom_core.events.canonical import message_mapping
from phantom_core.events.formats.text_source import LINE_FIELDS, raw_table
from phantom_core.events.staging import Staging
from phantom_core.events.text_rows import MARK_BYTES, TextRow, broken_row, document_row
from phantom_core.features.online.session import Event
from phantom_core.lake.lake import Lake
from phantom_core.lake.ledger import new_load
from phantom_core.lake.load import REFUSED, commit_messages, commit_refused
from phantom_core.messages.topic import EVENTS, KINDS, Message

_EVENT_FIELDS: Final = (
    "event_ms",
    "event_seq",
    "event_id",
    "event_name",
    "page",
    "product_id",
    "price_seen",
    "user_agent",
    "store_mode",
)


# Until the commit numbers them, events go behind all that the lake holds, by batch, microsecond and
# arrival, as they will once they are committed.
_UNCOMMITTED: Final = (
    f"CAST({1 << 62} AS BIGINT) + (CAST(? AS BIGINT) << 40) + ((event_us % 1000) << 30) + line "
    "AS event_seq"
)
_MOST_BATCHES: Final = 1 << 21


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """An accepted event and its session."""

    session_key: int
    session_id: str
    event: Event


@dataclass(frozen=True, slots=True)
class Committed:
    """The outcome of the messages of one topic.

    Attributes:
        accepted, duplicates: messages.
        refused: rejected messages by reason code.
        known_sessions: sessions of duplicates: counts of them elsewhere may include one twice.
    """

    accepted: int = 0
    duplicates: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    known_sessions: frozenset[int] = frozenset()


class MicroBatch:
    """Messages between two commits.

    Args:
        lake: destination.
        settings: limits.
        source: name in the load ledger: "kafka" or "buffer".
        now_ms: the clock, UTC milliseconds.
    """

    def __init__(self, lake: Lake, settings: Settings, source: str, now_ms: int) -> None:
        self._lake, self._source, self._max_chars = lake, source, settings.loading.max_field_bytes
        self._stagings: dict[str, Staging] = {}
        for topic, kind in KINDS.items():
            mapping, columns = message_mapping(kind)
            self._stagings[topic] = Staging(
                None,
                mapping,
                columns,
                now_ms=now_ms,
                future_tolerance_s=settings.loading.future_tolerance_s,
                max_chars=settings.loading.max_field_bytes,
            )
        self._poison: dict[str, dict[str, list[dict[str, object]]]] = {
            topic: defaultdict(list) for topic in KINDS
        }
        self.n_messages = 0
        self._n_commits = 0

    def add(self, messages: Sequence[Message], now_ms: int) -> list[SessionEvent]:
        """Validate messages by the clock of this moment, which may be hours after the last commit.

        Returns:
            The events among the accepted ones, in order.
        """
        found: list[SessionEvent] = []
        for topic in KINDS:
            if of_topic := [message for message in messages if message.topic == topic]:
                self._stagings[topic].set_clock(now_ms)
                self._validate(topic, of_topic)
                found += self._events(len(of_topic)) if topic == EVENTS else []
        self.n_messages += len(messages)
        return found

    def commit(self, now_ms: int) -> dict[str, Committed]:
        """Commit everything to the lake; returns the outcome by topic."""
        done = {
            topic: self._commit(topic, now_ms) for topic in KINDS if self._stagings[topic].n_rows
        }
        for staging in self._stagings.values():
            staging.restart()
        self.n_messages = 0
        self._n_commits = (self._n_commits + 1) % _MOST_BATCHES
        return done

    def _validate(self, topic: str, messages: Sequence[Message]) -> None:
        staging = self._stagings[topic]
        first = staging.n_rows
        staging.add(
            raw_table(
                [self._row(first + place, message) for place, message in enumerate(messages)],
                ("doc",),
            )
        )
        bad = staging.connection.execute(
            "SELECT line, reason, detail, text FROM staged WHERE line >= ? AND reason IS NOT NULL "
            "ORDER BY line",
            [first],
        ).fetchall()
        for line, reason, detail, text in bad:
            message = messages[line - first]
            self._poison[topic][message.partition].append(
                {"line": message.offset, "reason": reason, "detail": detail, "text": text}
            )

    def _row(self, line: int, message: Message) -> TextRow:
        text = message.value.decode("utf-8", errors=MARK_BYTES)
        if message.problem:
            return broken_row(line, message.problem, "The message was damaged in storage.", text)
        return document_row(line, text, LINE_FIELDS * self._max_chars)

    def _events(self, n_last: int) -> list[SessionEvent]:
        staging = self._stagings[EVENTS]
        fields = ", ".join(_UNCOMMITTED if name == "event_seq" else name for name in _EVENT_FIELDS)
        rows = staging.connection.execute(
            f"SELECT session_key, session_id, {fields} FROM staged WHERE line "
            ">= ? AND reason IS NULL ORDER BY line",
            [self._n_commits, staging.n_rows - n_last],
        ).fetchall()
        return [SessionEvent(row[0], row[1], Event(*row[2:])) for row in rows]

    def _commit(self, topic: str, now_ms: int) -> Committed:
        started_s = time.monotonic()
        connection, kind = self._stagings[topic].connection, KINDS[topic]
        rejected = self._commit_poison(topic, now_ms)
        connection.execute("DELETE FROM staged WHERE reason IS NOT NULL")
        [(n_good,)] = connection.execute("SELECT COUNT(*) FROM staged").fetchall()
        if not n_good:
            return Committed(refused=rejected)
        load = new_load(kind, f"{self._source}:{topic}", "", "canonical", now_ms)
        done = commit_messages(self._lake, connection, load, lambda: time.monotonic() - started_s)
        known = connection.execute(
            "SELECT DISTINCT session_key FROM staged AS s ANTI JOIN fresh AS f ON f.row = s.rowid"
            if done.duplicates
            else "SELECT 0 LIMIT 0"
        ).fetchall()
        return Committed(
            done.accepted, done.duplicates, rejected, frozenset(key for (key,) in known)
        )

    def _commit_poison(self, topic: str, now_ms: int) -> dict[str, int]:
        """Put rejected messages into quarantine, by partition: the line is the offset, so that
        none is there twice.
        """
        reasons: dict[str, int] = defaultdict(int)
        for partition, rows in self._poison[topic].items():
            place = f"{self._source}:{topic}/{partition}"
            load = new_load(
                KINDS[topic], place, hashlib.sha256(place.encode()).hexdigest(), "canonical", now_ms
            )
            for reason, n_rows in commit_refused(
                self._lake, load, pa.Table.from_pylist(rows, schema=REFUSED)
            ).quarantined.items():
                reasons[reason] += n_rows
        self._poison[topic].clear()
        return dict(reasons)
