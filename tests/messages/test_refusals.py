"""What was refused over HTTP is counted by day, over all services and their restarts."""

from pathlib import Path

import httpx

from phantom_core.core.settings import Settings
from phantom_core.messages.refusals import DAY_MS, RefusalCounter, read_refusals
from phantom_core.monitoring.comparison import share_refused
from phantom_core.services.ingest.app import ingest_app
from tests.services.services import served

NOW_MS = 1_790_000_000_000


def test_counts_of_all_services_and_days_add_up(tmp_path: Path) -> None:
    for n in (1, 2):
        counter = RefusalCounter(tmp_path)
        counter.add(10, {"unknown_event_name": n}, NOW_MS)
        counter.add(5, {"broken_json": 1}, NOW_MS - 6 * DAY_MS)
        counter.add(100, {"broken_json": 100}, NOW_MS - 8 * DAY_MS)
        counter.store(now=True)
    (tmp_path / "other.json").write_text("[1")
    found = read_refusals(tmp_path, NOW_MS - 7 * DAY_MS)
    assert (found.received, found.refused) == (30, 5)
    assert found.by_reason == {"unknown_event_name": 3, "broken_json": 2}


def test_old_days_are_forgotten(tmp_path: Path) -> None:
    counter = RefusalCounter(tmp_path)
    counter.add(7, {}, NOW_MS - 20 * DAY_MS)
    counter.add(1, {}, NOW_MS)
    counter.store(now=True)
    assert read_refusals(tmp_path, 0).received == 1


def test_what_a_service_refused_is_there_when_it_has_stopped(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    with served(ingest_app(settings)) as client:
        assert refused(client) == 422
        client.post("/api/ingest", json={"sessionId": "s", "eventName": "click"})
    found = read_refusals(settings.paths.refusals, 0)
    assert (found.received, found.by_reason) == (2, {"unknown_event_name": 1})


def refused(client: httpx.Client) -> int:
    event = {"sessionId": "s", "eventName": "teleport"}
    return client.post("/api/ingest", json=event).status_code


def test_a_check_names_the_reasons() -> None:
    check = share_refused("refused", 200, {"unknown_event_name": 20, "broken_json": 2}, 0.05)
    assert (check.status, check.value) == ("alert", 0.11)
    assert check.sentence.endswith("refused (11.0 %): 20 unknown_event_name, 2 broken_json.")
    assert share_refused("refused", 200, {}, 0.05).status == "ok"
    assert share_refused("refused", 10, {"broken_json": 9}, 0.05).status == "unknown"
