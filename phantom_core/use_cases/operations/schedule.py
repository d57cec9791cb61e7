"""Schedule: daily retraining, daily deletion and hourly checks, by whichever takes the lease."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError, InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry import metrics
from phantom_core.jobs.job_request import JobRequest
from phantom_core.jobs.jobs import Jobs
from phantom_core.jobs.schedule_leases import take_lease
from phantom_core.monitoring.report import MonitorReport
from phantom_core.use_cases.models.job_retrain import RetrainRequest
from phantom_core.use_cases.operations.job_monitor import MonitorRequest
from phantom_core.use_cases.operations.monitor import latest_monitoring
from phantom_core.use_cases.request_registry import parse_request

Clock = Callable[[], int]
_LOG: Final = logging.getLogger("phantom.schedule")
# A machine that slept through a run still starts it when it wakes up within this time.
_GRACE_S: Final = 3_600
_SHOW_EVERY_S: Final = 15
_RETENTION: Final = "retention"


@requires(Permission.WORK)
def make_scheduler(settings: Settings, clock: Clock) -> BackgroundScheduler:
    """Prepare a scheduler; the caller starts it and shuts it down.

    Args:
        settings: times, workspace and control database.
        clock: UTC milliseconds.
    Raises:
        InputError: an invalid time of day.
    """
    at = time_of_day(settings.retraining.at)
    every_s = settings.monitoring.monitor_every_s
    scheduler = BackgroundScheduler(
        timezone=dt.UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": _GRACE_S},
    )
    scheduler.add_job(
        _as_schedule(
            lambda: start_due_work(settings, RetrainRequest(), f"{_utc(clock()):%Y-%m-%d}", clock())
        ),
        CronTrigger(hour=at.hour, minute=at.minute),
        id=RetrainRequest.kind,
    )
    scheduler.add_job(
        _as_schedule(
            lambda: start_due_work(
                settings, MonitorRequest(), str(clock() // 1_000 // every_s), clock()
            )
        ),
        IntervalTrigger(seconds=every_s),
        id=MonitorRequest.kind,
        next_run_time=_utc(clock()),
    )
    deletes_at = time_of_day(settings.retention.at, "PHANTOM_RETENTION_AT")
    scheduler.add_job(
        _as_schedule(
            lambda: start_due_work(
                settings, parse_request(_RETENTION, "{}"), f"{_utc(clock()):%Y-%m-%d}", clock()
            )
        ),
        CronTrigger(hour=deletes_at.hour, minute=deletes_at.minute),
        id=_RETENTION,
    )
    scheduler.add_job(
        _as_schedule(lambda: show_latest(settings)),
        IntervalTrigger(seconds=_SHOW_EVERY_S),
        id="show",
    )
    return scheduler


@requires(Permission.WORK)
def start_due_work(settings: Settings, request: JobRequest, due: str, now_ms: int) -> str:
    """Start a job that is due.

    Returns:
        What was done, one phrase: the job's id, or why none was started.
    """
    kind = request.kind
    if not take_lease(settings, kind, due, now_ms):
        outcome = f"{kind} {due}: another scheduler has taken it"
    elif any(job.kind == kind for job in Jobs(settings).active()):
        outcome = f"{kind} {due}: the one before still runs"
    else:
        outcome = f"{kind} {due}: job {Jobs(settings).start(request).job_id}"
    _LOG.info(outcome)
    return outcome


@needs_no_permission
def time_of_day(text: str, variable: str = "PHANTOM_RETRAIN_AT") -> dt.time:
    """A time of day, UTC.

    Args:
        text: HH:MM.
        variable: that holds it, named in the error.
    Raises:
        InputError: the text is not a time of day.
    """
    try:
        return dt.datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise InputError(
            f"'{text}' is not a time of day.", hint=f"Write {variable} as 03:30 (UTC)."
        ) from None


@requires(Permission.READ)
def show_latest(settings: Settings) -> None:
    """Export the newest report to Prometheus; does nothing without one."""
    try:
        describe_schedule(latest_monitoring(settings))
    except (NotFoundError, DataError):
        return


@needs_no_permission
def describe_schedule(report: MonitorReport) -> None:
    """Set the gauges of a report."""
    for check in report.checks:
        metrics.CHECK_STATE.labels(check.name).set(
            {"ok": 0, "unknown": 0, "watch": 1, "alert": 2}[check.status]
        )
        metrics.CHECK_LIMIT.labels(check.name).set(check.limit)
        if check.value is not None:
            metrics.CHECK_VALUE.labels(check.name).set(check.value)
    for model in report.models:
        metrics.MODEL_TRAINED.labels(model.kind).set(model.trained_ms / 1_000)
    metrics.LAST_CHECKED.set(report.created_ms / 1_000)
    if report.leakage is not None:
        metrics.LEAKAGE_MONEY.set(report.leakage.money)
        if report.leakage.share is not None:
            metrics.LEAKAGE_SHARE.set(report.leakage.share)
    if report.week.agent_share is not None:
        metrics.AGENT_SHARE.set(report.week.agent_share)


def _as_schedule(work: Callable[[], object]) -> Callable[[], None]:
    """The work, done by the schedule itself."""

    def run() -> None:
        with acting_as(Internal.SCHEDULE):
            work()

    return run


def _utc(moment_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment_ms / 1_000, dt.UTC)
