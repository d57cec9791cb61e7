"""Verbs about watching: look at the traffic, tell whoever should know."""

from phantom_core.cli.run import Json, Workspace, emit, lake_of, now_ms, running


def monitor(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Compare the last week with the one before, and tell of what moved past its limit."""
    from phantom_core.control.alerts import Alerts
    from phantom_core.workflows.monitor import monitor as workflow

    with running(workspace, "looking", as_json=as_json) as (settings, progress):
        report, untold = workflow(settings, lake_of(settings), now_ms=now_ms(), progress=progress)
        alerts = [{"name": one.name, "raised_ms": one.raised_ms, "sentence": one.sentence} for one in Alerts(settings).all() if one.is_open]
        if as_json:
            emit(report.to_json() | {"alerts": alerts, "untold": list(untold)}, as_json)
        else:
            rows = {check.name: f"{check.status:<8} {check.sentence}" for check in report.checks if not _is_dull(check.name, check.status)}
            emit(rows | ({"not told": " ".join(untold)} if untold else {}), as_json)


def _is_dull(name: str, status: str) -> bool:
    """Features that did not move, of which there are many."""
    return name.startswith("drift_") and status == "ok"
