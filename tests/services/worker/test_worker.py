"""The worker brings every message into the lake once, and session features that equal the SQL's,
whatever happens to it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from deltalake.exceptions import DeltaError

from phantom_core.core.settings import ServiceSettings, Settings
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.messages.local import open_inbox
from phantom_core.messages.segments import list_segments
from phantom_core.messages.topic import EVENTS, QUOTES
from phantom_core.publishing.session_features import read_features
from phantom_core.services.worker import live_sessions, recent_sessions
from phantom_core.services.worker import worker as module
from phantom_core.services.worker.worker import Report, Worker
from phantom_core.use_cases.data.ingest import ingest_files
from tests.services.worker.traffic import (
    assert_features_are_those_of_the_lake,
    event,
    in_pieces,
    n_events,
    put,
    query,
    shoppers,
)

pytestmark = pytest.mark.slow

NOW_MS = 1_790_000_000_000
QUOTE = {"sessionId": "s1", "ts": "2026-03-01T10:00:00Z", "productId": "p", "price": 3}


def run(settings: Settings) -> Report:
    return Worker(settings).run(lambda: False, until_empty=True)


def features(client: redis.Redis, session: str = "s1") -> dict[str, object]:
    found = read_features(client, session)
    assert found is not None
    return dict(found.features)


def test_messages_reach_the_lake_and_redis(settings: Settings, client: redis.Redis) -> None:
    put(settings, *shoppers(60))
    put(settings, QUOTE, QUOTE, topic=QUOTES)
    report = run(settings)
    n_rows, n_distinct = n_events(settings)
    assert report.polled == n_rows + 2
    assert (report.accepted, report.duplicates, report.refused) == (n_rows + 1, 1, 0)
    assert n_rows == n_distinct
    assert query(settings, "SELECT session_id, price FROM quotes") == [("s1", 3.0)]
    assert_features_are_those_of_the_lake(settings, client, 60)
    assert 3_500 < client.ttl(client.keys("session_features:*")[0]) <= 3_600


def test_a_document_says_what_the_pricing_service_needs(
    settings: Settings, client: redis.Redis
) -> None:
    put(settings, event(second=1, storeMode="hotel", userAgent="HeadlessChrome"), event(second=3))
    run(settings)
    document = json.loads(client.get("session_features:s1"))
    names = ("format", "session_id", "n_events", "store_mode")
    assert {name: document[name] for name in names} == {
        "format": "phantom-session/1", "session_id": "s1", "n_events": 2, "store_mode": "hotel",
    }  # fmt: skip
    assert document["last_event_ms"] == 1_772_359_203_000
    assert (
        document["features"]["is_headless_browser"],
        document["features"]["conversion_rate"],
    ) == (1, None)


def test_a_worker_that_dies_before_its_commit_loses_and_doubles_nothing(
    settings: Settings, client: redis.Redis
) -> None:
    events = shoppers(40)
    put(settings, *events)
    for pieces in (1, 2):
        abandoned = Worker(
            settings.model_copy(update={"services": ServiceSettings(stream_commit_s=60)})
        )
        for _ in range(pieces):
            abandoned.step()
        abandoned._reader.close()  # what the system does for a killed process
        assert n_events(settings) == (0, 0)
    run(settings)
    assert n_events(settings) == (len(events),) * 2
    assert_features_are_those_of_the_lake(settings, client, 40)


def test_a_worker_that_dies_between_lake_and_topic_loses_and_doubles_nothing(
    settings: Settings, client: redis.Redis
) -> None:
    events = shoppers(40)
    put(settings, *events)
    dying = Worker(settings.model_copy(update={"services": ServiceSettings(stream_commit_s=60)}))
    dying.step()
    dying._commit_to_lake()
    dying._reader.close()
    report = run(settings)
    assert report.duplicates == len(events)
    assert n_events(settings) == (len(events),) * 2
    assert_features_are_those_of_the_lake(settings, client, 40)


def test_late_events_are_counted_and_change_what_they_should(
    settings: Settings, client: redis.Redis
) -> None:
    worker = Worker(settings)
    for piece in (
        [event(second=10), event(second=20)],
        [event(second=15), event(second=30)],
        [event(second=1)],
    ):
        put(settings, *piece)
        worker.step()
    worker.commit()
    assert worker.report.late == 2
    assert features(client)["min_time_between_events"] == 5
    assert features(client)["session_duration_sec"] == 29
    assert_features_are_those_of_the_lake(settings, client, 1)
    worker._reader.close()


def test_a_late_event_of_a_session_that_is_in_the_lake_only(
    settings: Settings, client: redis.Redis
) -> None:
    put(settings, event(second=10), event(second=20))
    run(settings)
    put(settings, event(second=15, name="search"))
    run(settings)
    assert (features(client)["total_interactions"], features(client)["filter_events"]) == (3, 1)


def test_poison_goes_to_quarantine_once_with_its_place(
    settings: Settings, client: redis.Redis
) -> None:
    put(settings, event(), "nope", event(name="teleport"), json.dumps(event()) + " ")
    dying = Worker(settings.model_copy(update={"services": ServiceSettings(stream_commit_s=60)}))
    dying.step()
    dying._commit_to_lake()
    dying._reader.close()
    report = run(settings)
    assert report.refused == 2
    rows = query(settings, "SELECT file, line, reason, detail FROM quarantine ORDER BY line")
    [segment] = list_segments(open_inbox(settings.workspace) / EVENTS)
    assert [(file, reason, detail) for file, _, reason, detail in rows] == [
        (f"buffer:{EVENTS}/{segment.name}", "broken_json", "Not valid JSON."),
        (f"buffer:{EVENTS}/{segment.name}", "unknown_event_name", "teleport"),
    ]
    assert b"nope" in segment.read_bytes()[int(str(rows[0][1])) :].splitlines()[0]
    assert n_events(settings) == (1, 1)


def test_damaged_records_are_quarantined(settings: Settings, client: redis.Redis) -> None:
    put(settings, event("aaaa"), event("b"))
    [segment] = list_segments(open_inbox(settings.workspace) / EVENTS)
    segment.write_bytes(segment.read_bytes().replace(b"aaaa", b"aaXa"))
    run(settings)
    assert query(settings, "SELECT reason FROM quarantine") == [("damaged_record",)]
    assert n_events(settings) == (1, 1)


def test_one_client_id_in_two_sessions_counts_as_the_lake_has_it(
    settings: Settings, client: redis.Redis
) -> None:
    put(settings, event("a", eventId="e1"), event("b"), event("b", 5, eventId="e1"))
    run(settings)
    assert n_events(settings) == (3, 3)
    assert features(client, "b")["total_interactions"] == 2


def test_sql_in_a_session_id_stays_a_session_id(settings: Settings, client: redis.Redis) -> None:
    name = "x'); DROP TABLE events; --"
    put(settings, event(name), event("b"))
    run(settings)
    assert query(settings, "SELECT session_id FROM events ORDER BY session_id") == [("b",), (name,)]
    assert features(client, name)["total_interactions"] == 1


def test_sessions_that_left_memory_are_built_from_the_lake(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions.LiveSessions.__init__, "__defaults__", (3,))
    events = shoppers(30)
    worker = Worker(settings)
    for piece in in_pieces(events, 150):
        put(settings, *piece)
        worker.step()
        worker.commit()
    assert len(worker._sessions.in_memory()) == 3
    assert_features_are_those_of_the_lake(settings, client, 30)
    worker._reader.close()


def test_events_from_a_file_count_into_live_sessions(
    settings: Settings, client: redis.Redis, tmp_path: Path
) -> None:
    worker = Worker(settings)
    put(settings, event(second=10))
    worker.step()
    worker.commit()
    (tmp_path / "more.jsonl").write_text(json.dumps(event(second=20)) + "\n")
    ingest_files(settings, [tmp_path / "more.jsonl"], now_ms=NOW_MS)
    for second in (30, 40):
        put(settings, event(second=second))
        worker.step()
        worker.commit()
    worker._writer.write()
    assert_features_are_those_of_the_lake(settings, client, 1)
    assert features(client)["total_interactions"] == 4
    worker._reader.close()


def test_many_commits_are_compacted(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COMPACT_AFTER", 4)
    worker = Worker(settings)
    for i in range(9):
        put(settings, event(second=i))
        worker.step()
        worker.commit()
    assert n_events(settings) == (9, 9)
    assert len(open_lake(settings).files("events")) == 2
    assert_features_are_those_of_the_lake(settings, client, 1)
    worker._reader.close()


def test_while_redis_is_away_the_lake_goes_on_and_features_catch_up(
    settings: Settings, client: redis.Redis
) -> None:
    away = Worker(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    put(settings, *shoppers(20))
    while away.step():
        pass
    away.commit()
    assert n_events(settings)[0] > 0
    assert away._writer.n_waiting == 20
    away._writer._connect = lambda: client
    away._writer._again_s = 0
    put(settings, event("late one"))
    away.step()
    away.step()
    away.commit()
    assert_features_are_those_of_the_lake(settings, client, 21)
    away._reader.close()


def test_when_redis_is_emptied_it_is_filled_again_without_any_traffic(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions.LiveSessions.__init__, "__defaults__", (3,))
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.0)
    worker = Worker(settings)
    put(settings, *shoppers(10))
    while worker.step():
        pass
    worker.commit()
    assert len(worker._sessions.in_memory()) == 3
    put(settings, event("not yet in the lake"))
    worker.step()
    client.flushall()
    worker.step()
    worker.commit()
    assert_features_are_those_of_the_lake(settings, client, 11)
    worker._reader.close()


def test_new_sessions_do_not_wait_for_the_last_hours(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, *shoppers(10))
    run(settings)
    client.flushall()
    monkeypatch.setattr(recent_sessions, "AT_ONCE", 1)
    put(settings, event("new"))
    restarted = Worker(settings)
    restarted.step()
    assert read_features(client, "new") is not None
    assert len(client.keys("session_features:*")) == 2  # and one of the last hour
    restarted.run(lambda: False, until_empty=True)
    assert_features_are_those_of_the_lake(settings, client, 11)


def test_a_full_disk_delays_the_lake_and_ends_nothing(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    failures = iter([OSError(28, "No space left on device"), DeltaError("No space left on device")])
    append = Lake.append

    def failing(lake: Lake, *arguments: Any) -> None:
        if failure := next(failures, None):
            raise failure
        append(lake, *arguments)

    monkeypatch.setattr(Lake, "append", failing)
    put(settings, *shoppers(10))
    put(settings, QUOTE, topic=QUOTES)
    report = run(settings)
    n_rows, n_distinct = n_events(settings)
    assert n_rows == n_distinct == report.accepted - 1
    assert query(settings, "SELECT COUNT(*) FROM quotes") == [(1,)]
    assert_features_are_those_of_the_lake(settings, client, 10)


def test_a_worker_that_died_while_redis_was_away_leaves_nothing_behind(
    settings: Settings, client: redis.Redis
) -> None:
    put(settings, *shoppers(10))
    Worker(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})).run(
        lambda: False, until_empty=True
    )
    assert client.keys("session_features:*") == []
    run(settings)
    assert_features_are_those_of_the_lake(settings, client, 10)


def test_a_second_worker_waits_and_takes_over(settings: Settings, client: redis.Redis) -> None:
    first, second = Worker(settings), Worker(settings)
    put(settings, event(second=1))
    assert (first.step(), second.step()) == (1, 0)
    first.commit()
    first._reader.close()
    put(settings, event(second=2))
    assert second.step() == 1
    second.commit()
    assert n_events(settings) == (2, 2)
    second._reader.close()


def test_sigterm_commits_what_was_read(
    settings: Settings, client: redis.Redis, server: str
) -> None:
    put(settings, *shoppers(30))
    command = [
        sys.executable,
        "-m",
        "phantom_core",
        "stream",
        "worker",
        "--workspace",
        str(settings.workspace),
        "--json",
    ]
    environment = {**os.environ, "PHANTOM_REDIS_URL": server, "PHANTOM_STREAM_COMMIT_S": "600"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        until_s = time.monotonic() + 30
        while len(client.keys("session_features:*")) < 30 and time.monotonic() < until_s:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        report = json.loads(process.communicate(timeout=30)[0])
    assert process.returncode == 0
    assert n_events(settings) == (report["accepted"],) * 2
    assert_features_are_those_of_the_lake(settings, client, 30)
