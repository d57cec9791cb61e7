"""Monitoring: the newest checks, the alerts and the retrainings of a workspace, as tables."""

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.alerts.alerts import Alert, Alerts
from phantom_core.core.errors import NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.monitoring.report import Day, MonitorReport
from phantom_core.use_cases.models.retrain import list_retrainings
from phantom_core.use_cases.operations.monitor import latest_monitoring


@requires(Permission.READ)
def monitoring_view(settings: Settings) -> MonitorReport | None:
    """Read the newest report; None where no checks have run.

    Raises:
        DataError: its file is damaged.
    """
    try:
        return latest_monitoring(settings)
    except NotFoundError:
        return None


@needs_no_permission
def checks_table(report: MonitorReport) -> pd.DataFrame:
    """Every check with its value and limit.

    Returns:
        Columns status, check, found (a sentence), value, limit.
    """
    rows = [
        (one.status, one.name.replace("_", " "), one.sentence, one.value, one.limit)
        for one in report.checks
    ]
    return pd.DataFrame(rows, columns=["status", "check", "found", "value", "limit"])


@needs_no_permission
def days_table(report: MonitorReport) -> pd.DataFrame:
    """The last weeks day by day.

    Returns:
        Columns day (UTC), sessions, agents (predicted; NULL without a classifier), agent_share,
        purchases, revenue.
    """
    days = report.days
    return pd.DataFrame(
        {
            "day": pd.to_datetime([day.start_ms for day in days], unit="ms", utc=True),
            "sessions": [day.sessions for day in days],
            "agents": [day.detected for day in days],
            "agent_share": [_share(day) for day in days],
            "purchases": [day.purchases for day in days],
            "revenue": [day.revenue for day in days],
        }
    )


@requires(Permission.READ)
def all_alerts(settings: Settings) -> tuple[Alert, ...]:
    """Alerts, the newest first."""
    return Alerts(settings).all()


@needs_no_permission
def alerts_table(alerts: tuple[Alert, ...]) -> pd.DataFrame:
    """Alerts as a table.

    Returns:
        Columns alert, raised, cleared (UTC, NULL while open), found (a sentence), notified
        (channels).
    """
    return pd.DataFrame(
        {
            "alert": [one.name.replace("_", " ") for one in alerts],
            "raised": pd.to_datetime([one.raised_ms for one in alerts], unit="ms", utc=True),
            "cleared": pd.to_datetime(
                pd.Series([one.cleared_ms for one in alerts], dtype="Int64"), unit="ms", utc=True
            ),
            "found": [one.sentence for one in alerts],
            "notified": [", ".join(one.notified_raised) for one in alerts],
        }
    )


@requires(Permission.READ)
def retrainings_table(settings: Settings) -> pd.DataFrame:
    """Outcomes of the last retrainings, the newest first.

    Returns:
        Columns when (UTC), model, outcome, challenger, against, difference, low, high (of the
        figure that decides; NULL without a champion), held_out (rows), why, published.
    """
    rows = []
    for report in list_retrainings(settings):
        for result in report.verdicts:
            first = result.figures[0].difference if result.figures else None
            rows.append(
                {
                    "when": pd.to_datetime(report.created_ms, unit="ms", utc=True),
                    "model": result.kind,
                    "outcome": result.outcome,
                    "challenger": result.challenger,
                    "against": result.champion,
                    "difference": first.value if first else None,
                    "low": first.low if first else None,
                    "high": first.high if first else None,
                    "held_out": next((counted.rows for counted in result.held_out.values()), None),
                    "why": result.why,
                    "published": result.published,
                }
            )
    return pd.DataFrame(rows)


def _share(day: Day) -> float | None:
    return None if day.detected is None or not day.sessions else day.detected / day.sessions
