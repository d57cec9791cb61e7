"""Alerts and schedule leases are safe with concurrent writers, in either database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from phantom_core.alerts.alerts import Alerts
from phantom_core.core.settings import Settings
from phantom_core.database.connection import control_of
from phantom_core.jobs.schedule_leases import take_lease

N = 12


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Iterator[Settings]:
    engine = control_of(database_url, tmp_path)
    yield Settings(workspace=tmp_path, database_url=database_url)
    engine.dispose()


def test_an_alert_is_open_once_however_many_find_it(settings: Settings) -> None:
    with ThreadPoolExecutor(N) as pool:
        list(
            pool.map(
                lambda n: Alerts(settings).follow({"revenue": f"Found by {n}."}, frozenset(), n),
                range(N),
            )
        )
    (alert,) = Alerts(settings).all()
    assert alert.is_open
    Alerts(settings).follow({}, frozenset({"revenue"}), 99)
    Alerts(settings).follow({"revenue": "Again."}, frozenset(), 100)
    assert [(one.sentence == "Again.", one.cleared_ms) for one in Alerts(settings).all()] == [
        (True, None),
        (False, 99),
    ]


def test_a_channel_is_notified_by_one_of_several_processes(settings: Settings) -> None:
    Alerts(settings).follow({"revenue": "It fell."}, frozenset(), 1)
    (alert,) = Alerts(settings).all()
    with ThreadPoolExecutor(N) as pool:
        got = list(
            pool.map(lambda _: Alerts(settings).claim_notification(alert, "webhook"), range(N))
        )
    assert sum(got) == 1
    Alerts(settings).release_notification(alert, "webhook")
    assert Alerts(settings).claim_notification(alert, "webhook")


def test_a_turn_is_taken_once_however_many_want_it(settings: Settings) -> None:
    with ThreadPoolExecutor(N) as pool:
        got = list(pool.map(lambda _: take_lease(settings, "retrain", "2026-02-16", 1), range(N)))
    assert sum(got) == 1
    assert take_lease(settings, "retrain", "2026-02-17", 1)
