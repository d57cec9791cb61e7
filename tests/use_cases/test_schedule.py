"""Two schedulers do the work of one, and stop on request."""

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest

from phantom_core.core.errors import InputError
from phantom_core.core.settings import MonitoringSettings, RetrainingSettings, Settings
from phantom_core.core.telemetry.metrics import REGISTRY
from phantom_core.jobs.jobs import Jobs
from phantom_core.jobs.schedule_leases import take_lease
from phantom_core.monitoring.comparison import Check
from phantom_core.monitoring.report import LeakageFigure, ModelInUse, MonitorReport, WeekFigures
from phantom_core.use_cases.operations.job_monitor import MonitorRequest
from phantom_core.use_cases.operations.schedule import (
    describe_schedule,
    make_scheduler,
    start_due_work,
    time_of_day,
)

pytestmark = pytest.mark.slow

NOW_MS = 1_771_200_000_000


def test_a_turn_is_taken_once_however_many_want_it(settings: Settings) -> None:
    take_lease(settings, "other", "2026-02-16", NOW_MS)  # makes the tables
    with ThreadPoolExecutor(8) as pool:
        got = list(
            pool.map(lambda _: take_lease(settings, "retrain", "2026-02-16", NOW_MS), range(16))
        )
    assert sum(got) == 1
    assert take_lease(settings, "retrain", "2026-02-17", NOW_MS)


def test_a_due_run_becomes_a_job_that_the_jobs_table_shows(settings: Settings) -> None:
    assert "job" in start_due_work(settings, MonitorRequest(), "1", NOW_MS)
    assert "another scheduler has taken it" in start_due_work(
        settings, MonitorRequest(), "1", NOW_MS
    )
    (job,) = Jobs(settings).latest("monitor", limit=5)
    assert "the one before still runs" in start_due_work(settings, MonitorRequest(), "2", NOW_MS)
    deadline_s = time.monotonic() + 30
    while Jobs(settings).get(job.job_id).is_active:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    assert Jobs(settings).get(job.job_id).state == "done"


def test_the_day_begins_at_the_settings_time() -> None:
    scheduler = make_scheduler(
        Settings(
            retraining=RetrainingSettings(at="04:15"),
            monitoring=MonitoringSettings(monitor_every_s=600),
        ),
        lambda: NOW_MS,
    )
    now = dt.datetime(2026, 2, 16, 4, 0, tzinfo=dt.UTC)
    scheduler.start(paused=True)
    triggers = {job.id: job.trigger.get_next_fire_time(None, now) for job in scheduler.get_jobs()}
    scheduler.shutdown()
    assert triggers["retrain"] == dt.datetime(2026, 2, 16, 4, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize("wrong", ["25:00", "half past three", ""])
def test_an_invalid_time_is_rejected(wrong: str) -> None:
    with pytest.raises(InputError, match="is not a time of day"):
        time_of_day(wrong)


def test_the_newest_report_is_exported_to_prometheus() -> None:
    checks = (
        Check("revenue", "alert", 0.12, 0.05, ""),
        Check("quarantine", "unknown", None, 0.05, ""),
    )
    model = ModelInUse("classifier", "v1", NOW_MS, "")
    week = WeekFigures(200, 50, 3, 100.0)
    describe_schedule(
        MonitorReport(
            NOW_MS,
            NOW_MS,
            NOW_MS,
            checks,
            (),
            "",
            (),
            week,
            week,
            (model,),
            LeakageFigure(5.0, 0.01),
        )
    )
    text = generate_latest(REGISTRY).decode()
    assert 'phantom_check_state{check="revenue"} 2.0' in text
    assert 'phantom_check_value{check="quarantine"}' not in text  # undefined is not 0
    assert "phantom_leakage_share 0.01" in text and "phantom_agent_share 0.25" in text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_two_schedulers_share_one_run_and_stop_on_request(tmp_path: Path) -> None:
    port = free_port()
    environment = {**os.environ, "PHANTOM_MONITOR_EVERY_S": "3600"}
    command = [sys.executable, "-m", "phantom_core", "schedule", "--workspace", str(tmp_path)]
    both = [
        subprocess.Popen(
            [*command, *more],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for more in (["--port", str(port)], [])
    ]
    try:
        for one in both:
            assert one.stdout is not None
            assert "next at" in one.stdout.readline()
        deadline_s = time.monotonic() + 30
        while not Jobs(Settings(workspace=tmp_path)).latest("monitor"):
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert b"phantom_check_state" in answer.read()
        time.sleep(2)  # the other one has had its turn by now
        assert len(Jobs(Settings(workspace=tmp_path)).latest("monitor", limit=10)) == 1
    finally:
        for one in both:
            one.send_signal(signal.SIGTERM)
        codes = [one.wait(10) for one in both]
        for one in both:
            assert one.stdout is not None
            one.stdout.close()
    assert codes == [0, 0]
    for job in Jobs(Settings(workspace=tmp_path)).active():
        Jobs(Settings(workspace=tmp_path)).cancel(job.job_id)
