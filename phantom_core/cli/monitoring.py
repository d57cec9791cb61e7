"""Verbs about monitoring: run the checks, and schedule them with retraining."""

import logging
import signal
import threading
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, lake_of, now_ms, running


def monitor(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Compare the last week with the one before, and alert on what moved past its limit."""
    from phantom_core.alerts.alerts import Alerts
    from phantom_core.use_cases.operations.monitor import run_monitoring

    with running(workspace, "checking", as_json=as_json) as (settings, progress):
        report, failed = run_monitoring(
            settings, lake_of(settings), now_ms=now_ms(), progress=progress
        )
        alerts = [
            {"name": one.name, "raised_ms": one.raised_ms, "sentence": one.sentence}
            for one in Alerts(settings).all()
            if one.is_open
        ]
        if as_json:
            emit(report.to_json() | {"alerts": alerts, "untold": list(failed)}, as_json)
        else:
            rows = {check.name: f"{check.status:<8} {check.sentence}" for check in report.checks}
            emit(rows | ({"not notified": " ".join(failed)} if failed else {}), as_json)


def schedule(
    *,
    port: Annotated[
        int | None,
        typer.Option(help="Export the newest figures to Prometheus on this port."),
    ] = None,
    host: Annotated[str, typer.Option(help="To listen on.")] = "127.0.0.1",
    workspace: Workspace = None,
) -> None:
    """Retrain daily at PHANTOM_RETRAIN_AT (UTC), and check every PHANTOM_MONITOR_EVERY_S."""
    from phantom_core.core.telemetry.log_lines import set_up_logging
    from phantom_core.core.telemetry.web import serve_metrics
    from phantom_core.use_cases.operations.schedule import make_scheduler, show_latest

    set_up_logging(logging.INFO, "%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with running(workspace, "scheduling") as (settings, _):
        scheduler = make_scheduler(settings, now_ms)
        show_latest(settings)
        end = serve_metrics(host, port) if port is not None else None
        scheduler.start()
        for job in scheduler.get_jobs():
            if job.id != "show":
                print(f"{job.id}: next at {job.next_run_time:%Y-%m-%d %H:%M:%S} UTC", flush=True)
        stop.wait()
        scheduler.shutdown()
        if end:
            end()
