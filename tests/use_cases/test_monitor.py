"""Monitoring notifies once when a check alerts, and once more when it is resolved."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phantom_core.alerts.alerts import Alerts
from phantom_core.cli import app
from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import AlertSettings, Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.monitoring.comparison import Check
from phantom_core.monitoring.report import MonitorReport
from phantom_core.use_cases.alerting.send_alerts import send_alerts
from phantom_core.use_cases.data.demo import load_demo
from phantom_core.use_cases.data.ingest import ingest_files
from phantom_core.use_cases.models.train_classifier import train_classifier
from phantom_core.use_cases.operations.job_monitor import MonitorOutcome, MonitorRequest
from phantom_core.use_cases.operations.monitor import (
    check_traffic,
    latest_monitoring,
    run_monitoring,
)
from tests.alerts.receivers import mailbox, webhook

pytestmark = pytest.mark.slow

NOW_MS = 1_771_200_000_000  # Monday 2026-02-16, right after the demo set
DAY_MS = 86_400_000


def lake_of(settings: Settings) -> Lake:
    return open_lake(settings)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(workspace=tmp_path_factory.mktemp("watched"), demo_sessions=600)
    load_demo(settings, now_ms=NOW_MS)
    train_classifier(settings, lake_of(settings), now_ms=NOW_MS, n_folds=3)
    return settings


@pytest.fixture(scope="module")
def report(shop: Settings) -> MonitorReport:
    return run_monitoring(shop, lake_of(shop), now_ms=NOW_MS)[0]


def check(report: MonitorReport, name: str) -> Check:
    return next(one for one in report.checks if one.name == name)


def test_every_check_has_its_value_and_limit(report: MonitorReport, shop: Settings) -> None:
    assert {"detection_rate", "revenue", "silence", "quarantine", "stale_classifier"} < {
        one.name for one in report.checks
    }
    assert check(report, "detection_rate").limit == 0.2 and check(report, "revenue").limit == 0.05
    assert (report.as_of_ms, check(report, "silence").status) == (NOW_MS, "ok")
    assert check(report, "feature_drift").limit == 0.25 and len(report.drift) == len(
        feature_names()
    )
    assert report.reference == "the training sessions of the classifier in use"


def test_days_add_up_to_the_sessions(report: MonitorReport) -> None:
    assert 560 < sum(day.sessions for day in report.days) <= 600  # but for those that may go on
    assert all(
        day.detected is not None and 0 <= day.detected <= day.sessions for day in report.days
    )
    assert report.leakage is not None and report.leakage.money > 0


def test_the_report_is_saved(report: MonitorReport, shop: Settings) -> None:
    assert latest_monitoring(shop) == report


def test_traffic_that_stopped_is_evaluated_by_its_last_week_and_reported(shop: Settings) -> None:
    later = check_traffic(shop, lake_of(shop), now_ms=NOW_MS + 100 * DAY_MS)
    assert later.newest_ms is not None and later.as_of_ms == later.newest_ms + 1
    assert check(later, "silence").status == "alert"
    assert check(later, "stale_classifier").status == "alert"
    assert check(later, "detection_rate").value is not None


def test_a_wave_of_agents_is_notified_once_and_its_end_once(
    shop: Settings, write: Callable[[str, str], Path]
) -> None:
    """The last week is flooded with fast sweeps, and a week later it is not."""
    start_s = NOW_MS // 1_000 - 3 * 86_400
    rows = "".join(
        f'{{"sessionId": "wave-{n}", "ts": {start_s + 60 * n + k / 10}, "eventName": '
        f'"view_item_page", "productId": "room-{k}", '
        f'"userAgent": "python-requests/2.32.5"}}\n'
        for n in range(400)
        for k in range(12)
    )
    ingest_files(shop, [write("wave.jsonl", rows)], now_ms=NOW_MS)
    with webhook() as hook, mailbox() as post:
        channels = {
            "alerts": AlertSettings(
                webhook=hook.address,
                smtp=post.address,
                recipients=("ann@shop.example",),
                silence_hours=0,
            )
        }
        watched = shop.model_copy(update=channels)
        first, untold = run_monitoring(watched, lake_of(shop), now_ms=NOW_MS)
        # Of the 101 sessions of the week before, a few actors' 15 were agents.
        assert check(first, "detection_rate").status == "watch" and not untold
        raised = {message["name"] for message in hook.messages}
        assert "feature_drift" in raised
        assert len(post.messages) == len(hook.messages) == len(raised)
        run_monitoring(watched, lake_of(shop), now_ms=NOW_MS + 1_000)
        assert len(hook.messages) == len(raised)
        open_names = {one.name for one in Alerts(shop).all() if one.is_open}
        assert raised <= open_names
        healed = [Check(name, "ok", 0.0, 0.2, "Back to normal.") for name in raised]
        assert send_alerts(watched, healed, NOW_MS + 2_000) == ()
        over = hook.messages[len(raised) :]
        assert {message["name"] for message in over} == raised
        assert {(message["state"], message["sentence"]) for message in over} == {
            ("cleared", "Back to normal.")
        }
        send_alerts(watched, healed, NOW_MS + 3_000)
        assert len(hook.messages) == 2 * len(raised) == len(post.messages)


MOVED = [Check("detection_rate", "alert", 0.4, 0.2, "It moved.")]


def test_a_receiver_that_was_down_is_notified_at_the_next_run(settings: Settings) -> None:
    with webhook() as hook:
        watched = settings.model_copy(update={"alerts": AlertSettings(webhook=hook.address)})
        hook.is_down = True
        (problem,) = send_alerts(watched, MOVED, NOW_MS)
        assert "it answered 503" in problem
        hook.is_down = False
        assert send_alerts(watched, MOVED, NOW_MS + 1) == ()
        assert [message["sentence"] for message in hook.messages] == ["It moved."]


def test_an_unknown_check_leaves_an_alert_open(settings: Settings) -> None:
    send_alerts(settings, MOVED, NOW_MS)
    send_alerts(
        settings, [Check("detection_rate", "unknown", None, 0.2, "Too few sessions.")], NOW_MS + 1
    )
    assert [one.is_open for one in Alerts(settings).all()] == [True]
    send_alerts(
        settings, [Check("detection_rate", "watch", 0.3, 0.2, "Perhaps chance.")], NOW_MS + 2
    )
    assert [one.cleared_ms for one in Alerts(settings).all()] == [NOW_MS + 2]
    send_alerts(settings, MOVED, NOW_MS + 3)
    assert [one.is_open for one in Alerts(settings).all()] == [True, False]


def test_a_channel_never_notified_of_an_alert_is_not_notified_of_its_end(
    settings: Settings,
) -> None:
    send_alerts(settings, MOVED, NOW_MS)
    with webhook() as hook:
        watched = settings.model_copy(update={"alerts": AlertSettings(webhook=hook.address)})
        send_alerts(watched, [Check("detection_rate", "ok", 0.0, 0.2, "Fine.")], NOW_MS + 1)
        assert hook.messages == []


def test_an_empty_workspace_has_figures_without_answers(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="No checks have run"):
        latest_monitoring(settings)
    found = check_traffic(settings, lake_of(settings), now_ms=NOW_MS)
    assert {one.status for one in found.checks} == {"unknown"}
    assert (found.days, found.drift, found.models, found.leakage) == ((), (), (), None)


def test_the_verb_prints_one_object_and_the_job_names_its_alerts(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["monitor", "--json", "--workspace", str(tmp_path)])
    assert done.exit_code == 0
    assert {"checks", "alerts", "untold", "days"} <= set(json.loads(done.stdout))
    assert MonitorRequest().run(Settings(workspace=tmp_path), now_ms=NOW_MS) == MonitorOutcome(
        (), ()
    )
