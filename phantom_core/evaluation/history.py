"""History: events of labelled sessions, to be truncated or delayed and turned into features."""

from dataclasses import dataclass, replace
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from phantom_core.events import schema
from phantom_core.features.aggregate import features_at

# No feature reads these, and metadata is the widest column of all.
UNREAD: Final = ("session_id", "experiment_id", "store_mode", "metadata")
COLUMNS: Final = ", ".join(
    f"CAST(NULL AS VARCHAR) AS {name}" if name in UNREAD else name for name in schema.EVENTS.names
)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Events of some sessions.

    Attributes:
        events: columns of schema.EVENTS, NULL where no feature reads them, ordered by (session_key,
            event_ms, event_seq, event_id).
        session_keys: the sessions in ascending order, shape (n_sessions,).
        starts: row of each session's first event, and the number of events at the end, shape
            (n_sessions + 1,).
    """

    events: pa.Table
    session_keys: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "History":
        """The events of some of the sessions."""
        return History(
            self.events.filter(pa.array(self._of(chosen))),
            self.session_keys[chosen],
            np.append(0, np.cumsum(self.n_events[chosen])),
        )

    @property
    def event_ms(self) -> NDArray[np.int64]:
        """When each event happened, UTC milliseconds, shape (n_events,)."""
        times: NDArray[np.int64] = self.events["event_ms"].to_numpy()
        return times

    @property
    def gap_ms(self) -> NDArray[np.int64]:
        """Wait before each event, ms; undefined for a session's first event, shape (n_events,)."""
        return np.diff(self.event_ms, prepend=0)

    @property
    def n_events(self) -> NDArray[np.int64]:
        """Events of each session, shape (n_sessions,)."""
        return np.diff(self.starts)

    def sequences(self) -> pa.ListArray:
        """Names of each session's events in order."""
        names = self.events["event_name"].combine_chunks()
        return pa.ListArray.from_arrays(pa.array(self.starts, pa.int32()), names)

    def features(self) -> pa.Table:
        """Features of whole sessions, in the order of session_keys."""
        with self._connect() as connection:
            return features_at(connection)

    def features_after(self, n_events: int) -> pa.Table:
        """Features of each session as it was at its n-th event; of shorter sessions at their end.

        Truncated by position: a moment would include later events of the same millisecond.

        Args:
            n_events: from 1.
        Returns:
            One row per session, in the order of session_keys.
        """
        position = np.arange(len(self.events)) - np.repeat(self.starts[:-1], self.n_events)
        starts = np.append(0, np.cumsum(np.minimum(self.n_events, n_events)))
        return replace(
            self, events=self.events.filter(pa.array(position < n_events)), starts=starts
        ).features()

    def delayed(
        self, sessions: NDArray[np.bool_], max_delay_s: float, rng: np.random.Generator
    ) -> "History":
        """The same events, had some sessions waited longer between any two of them.

        Args:
            sessions: which sessions wait, shape (n_sessions,).
            max_delay_s: each gap grows by a uniform draw from [0, max_delay_s], s.
            rng: draws the delays.
        """
        delay_ms = np.floor(rng.uniform(0, 1_000 * max_delay_s, len(self.events))).astype(np.int64)
        return self._with_gaps(np.where(self._of(sessions), self.gap_ms + delay_ms, self.gap_ms))

    def on_the_clock_of(self, models: NDArray[np.bool_], rng: np.random.Generator) -> "History":
        """The same events, had all other sessions waited as long as these do, at random.

        Args:
            models: whose waits are copied; at least one of them has two events, shape
                (n_sessions,).
            rng: draws the waits.
        """
        first = np.zeros(len(self.events), dtype=np.bool_)
        first[self.starts[:-1]] = True
        copied = rng.choice(self.gap_ms[self._of(models) & ~first], len(self.events))
        return self._with_gaps(np.where(self._of(models), self.gap_ms, copied))

    def _of(self, sessions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each event belongs to one of these sessions."""
        return np.repeat(sessions, self.n_events)

    def _with_gaps(self, gap_ms: NDArray[np.int64]) -> "History":
        """The same events at other times; each session starts when it did."""
        gap_ms[self.starts[:-1]] = 0
        since = np.cumsum(gap_ms)
        first = self.starts[:-1]
        event_ms = np.repeat(self.event_ms[first] - since[first], self.n_events) + since
        column = self.events.schema.get_field_index("event_ms")
        return replace(
            self,
            events=self.events.set_column(
                column, schema.EVENTS.field("event_ms"), pa.array(event_ms)
            ),
        )

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.register("events", self.events)
        return connection


def read_history(connection: duckdb.DuckDBPyConnection, session_keys: NDArray[np.int64]) -> History:
    """Read the events of some sessions.

    Args:
        connection: has a relation `events` with the columns of schema.EVENTS.
        session_keys: of sessions that have events, ascending, shape (n_sessions,).
    """
    connection.register("wanted", pa.table({"session_key": session_keys}))
    events = connection.sql(
        f"SELECT {COLUMNS} FROM events SEMI JOIN wanted USING (session_key) ORDER BY session_key, "
        "event_ms, event_seq, event_id"
    ).to_arrow_table()
    starts = np.searchsorted(events["session_key"].to_numpy(), session_keys)
    return History(events, session_keys, np.append(starts, len(events)))
