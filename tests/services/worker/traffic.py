"""Traffic for workers, and what must be there afterwards."""

import json
import math
from collections.abc import Iterable, Sequence

import redis

from phantom_core.core.settings import Settings
from phantom_core.features import catalogue
from phantom_core.features.aggregate import features_at
from phantom_core.lake.lake import open_lake
from phantom_core.messages.local import LocalSink, open_inbox
from phantom_core.messages.topic import EVENTS, Outgoing
from phantom_core.publishing.session_features import read_features
from phantom_core.shoppers.generate import generate_sessions

Event = dict[str, object]
NAMES = (
    "page_view",
    "search",
    "view_item_page",
    "add_item_to_cart",
    "hover_over_title",
    "purchase_complete",
)


def event(
    session: str = "s1", second: float = 0.0, name: str = "page_view", **more: object
) -> Event:
    """An event so many seconds after ten o'clock."""
    return {
        "sessionId": session,
        "ts": 1_772_359_200_000 + round(second * 1_000),
        "eventName": name,
        **more,
    }


def shoppers(n_sessions: int, seed: int = 5) -> list[Event]:
    """Events of generated shoppers, in time order over all sessions."""
    rows = generate_sessions(n_sessions, seed).events.to_pylist()
    for row in rows:
        row["metadata"] = json.loads(row["metadata"]) if row["metadata"] else None
    return rows


def outgoing(events: Iterable[Event]) -> list[Outgoing]:
    return [Outgoing(str(one.get("sessionId")), json.dumps(one)) for one in events]


def put(settings: Settings, *events: Event | str, topic: str = EVENTS) -> None:
    """Put messages into the local buffer, past the ingest service and its checks."""
    sink = LocalSink(open_inbox(settings.workspace), 1 << 40)
    sink.append(
        topic, [Outgoing("s", one if isinstance(one, str) else json.dumps(one)) for one in events]
    )
    sink.close()


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with open_lake(settings).connect() as connection:
        return connection.execute(sql).fetchall()


def n_events(settings: Settings) -> tuple[int, int]:
    """Rows and distinct events of the lake."""
    [(n_rows, n_distinct)] = query(
        settings, "SELECT COUNT(*), COUNT(DISTINCT event_id) FROM events"
    )
    return int(str(n_rows)), int(str(n_distinct))


def assert_features_are_those_of_the_lake(
    settings: Settings, client: redis.Redis, n_sessions: int
) -> None:
    """Every session's features in Redis are what the SQL says of the lake's events."""
    with open_lake(settings).connect() as connection:
        names = dict(
            connection.execute("SELECT DISTINCT session_key, session_id FROM events").fetchall()
        )
        rows = features_at(connection).to_pylist()
    assert len(rows) == n_sessions
    assert len(client.keys("session_features:*")) == n_sessions
    for row in rows:
        found = read_features(client, names[row["session_key"]])
        assert found is not None, names[row["session_key"]]
        assert_same(found.features, {name: row[name] for name in catalogue.feature_names()})


def assert_same(found: dict[str, object] | object, expected: dict[str, object]) -> None:
    assert isinstance(found, dict)
    assert set(found) == set(expected)
    for name, value in expected.items():
        mine = found[name]
        close = (
            isinstance(value, float)
            and isinstance(mine, float | int)
            and math.isclose(mine, value, rel_tol=1e-9)
        )
        assert mine == value or close, (name, mine, value)
        assert (mine is None) == (value is None), (name, mine, value)


def in_pieces(events: Sequence[Event], size: int) -> list[Sequence[Event]]:
    return [events[at : at + size] for at in range(0, len(events), size)]
