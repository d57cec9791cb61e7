"""Monitor: compare the last week with the one before, and features with the training data.

The age of the models in use is checked as well.
"""

from typing import Final

import pyarrow.compute as pc

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import DataError
from phantom_core.core.progress import Progress, no_progress, part_progress
from phantom_core.core.settings import Settings
from phantom_core.features.catalogue import feature_names
from phantom_core.features.store import FeatureStore
from phantom_core.lake.lake import Lake
from phantom_core.messages.refusals import read_refusals
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.model_store.result_store import ResultStore
from phantom_core.monitoring.alarm_budget import level_of_look
from phantom_core.monitoring.comparison import (
    Check,
    features_drifted,
    money_fell,
    rate_moved,
    share_refused,
    share_rejected,
    too_old,
)
from phantom_core.monitoring.drift import FeatureDrift, measure_drift
from phantom_core.monitoring.report import ModelInUse, MonitorReport, parse_monitoring
from phantom_core.use_cases.alerting.send_alerts import send_alerts
from phantom_core.use_cases.operations.recent import (
    Recent,
    leakage_of_week,
    models_in_use,
    quarantined,
    read_recent,
    training_sessions,
)

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
FEW_DAYS: Final = 3
_ORDER: Final = ("alert", "watch", "unknown", "ok")


@requires(Permission.WORK)
def run_monitoring(
    settings: Settings, lake: Lake, *, now_ms: int, progress: Progress = no_progress
) -> tuple[MonitorReport, tuple[str, ...]]:
    """Run the checks, save the report, and notify the channels.

    Args:
        settings: limits, channels and workspace.
        lake: events, labels and loads.
        now_ms: UTC milliseconds.
        progress: called after every step.
    Returns:
        The report, also saved in the workspace, and why channels could not be notified, one
        sentence each.
    Raises:
        InputError: an invalid channel.
    """
    report = check_traffic(settings, lake, now_ms=now_ms, progress=part_progress(progress, 0, 0.9))
    _reports(settings).save(report.to_file())
    progress(0.9, "notifying")
    untold = send_alerts(settings, report.checks, now_ms)
    progress(1, "checked")
    return report, untold


@requires(Permission.READ)
def latest_monitoring(settings: Settings) -> MonitorReport:
    """The newest report.

    Raises:
        NotFoundError: there is none.
        DataError: its file is damaged.
    """
    return parse_monitoring(_reports(settings).read())


def _reports(settings: Settings) -> ResultStore:
    return ResultStore(
        settings.paths.monitoring,
        "No checks have run in this workspace yet.",
        "Run checks: python -m phantom_core monitor",
    )


@requires(Permission.READ)
def check_traffic(
    settings: Settings, lake: Lake, *, now_ms: int, progress: Progress = no_progress
) -> MonitorReport:
    """Check the last days; writes nothing but the caches of features and scores."""
    FeatureStore(lake).refresh(part_progress(progress, 0, 0.3))
    recent = read_recent(settings, lake, now_ms, part_progress(progress, 0.3, 0.6))
    progress(0.6, "features")
    moved, reference = _drift(settings, recent)
    models = models_in_use(settings)
    progress(0.8, "money")
    checks = [
        *_traffic(settings, recent, now_ms),
        features_drifted(moved, settings.alerts.psi, reference, _level(settings)),
        *(_age(settings, model, now_ms) for model in models),
        share_rejected(
            "quarantine", *quarantined(lake, now_ms - WEEK_MS), settings.alerts.quarantine_share
        ),
        *_refused(settings, now_ms),
    ]
    return MonitorReport(
        created_ms=now_ms,
        as_of_ms=recent.as_of_ms,
        newest_ms=recent.newest_ms,
        checks=tuple(sorted(checks, key=lambda check: _ORDER.index(check.status))),
        drift=moved,
        reference=reference,
        days=recent.days(),
        week=recent.week(-1).figures(has_scores=recent.has_scores),
        before=recent.week(-2).figures(has_scores=recent.has_scores),
        models=models,
        leakage=leakage_of_week(settings, lake, recent.as_of_ms - WEEK_MS, recent.as_of_ms),
    )


def _level(settings: Settings) -> float:
    return level_of_look(settings.monitoring.monitor_every_s)


def _traffic(settings: Settings, recent: Recent, now_ms: int) -> list[Check]:
    before, after = recent.week(-2), recent.week(-1)
    silence_days = (
        None if recent.newest_ms is None else max(0.0, (now_ms - recent.newest_ms) / DAY_MS)
    )
    level = _level(settings)
    checks = [money_fell("revenue", before.money, after.money, settings.alerts.revenue_fall, level)]
    if recent.has_scores:
        checks.append(
            rate_moved(
                "detection_rate",
                "The share of agents",
                before.detected,
                after.detected,
                settings.alerts.detection_change,
                level,
            )
        )
    if settings.alerts.silence_hours:
        then = "Load newer events, or check that the storefront still sends them."
        checks.append(
            too_old(
                "silence",
                "The newest event",
                silence_days,
                settings.alerts.silence_hours / 24,
                then,
            )
        )
    if recent.problem:
        checks.append(
            Check("scoring", "alert", None, 0.0, f"Sessions cannot be scored: {recent.problem}")
        )
    return checks


def _refused(settings: Settings, now_ms: int) -> list[Check]:
    """A check of what ingest services refused; none where nothing came over HTTP."""
    found = read_refusals(settings.paths.refusals, now_ms - WEEK_MS)
    limit = settings.alerts.quarantine_share
    if not found.received:
        return []
    return [share_refused("refused", found.received, found.by_reason, limit)]


def _drift(settings: Settings, recent: Recent) -> tuple[tuple[FeatureDrift, ...], str]:
    """Drift of last week's features against the training sessions, else against four weeks before.

    The hour of the day is left out while the week holds few days: it would then reflect when the
    traffic began, not who shops.
    """
    after = recent.matrix_of(recent.as_of_ms - WEEK_MS, recent.as_of_ms)
    learned = training_sessions(settings)
    known = (
        recent.matrix.filter(pc.is_in(recent.matrix["session_id"], value_set=learned))
        if learned is not None
        else None
    )
    reference = "the training sessions of the classifier in use"
    if known is None or not known.num_rows:
        known, reference = (
            recent.matrix_of(recent.as_of_ms - 5 * WEEK_MS, recent.as_of_ms - WEEK_MS),
            "the four weeks before",
        )
    try:
        days = pc.count_distinct(pc.divide(after["start_ms"], DAY_MS)).as_py()
        return measure_drift(
            known,
            after,
            [name for name in feature_names() if days >= FEW_DAYS or name != "session_start_hour"],
            level=_level(settings),
        ), reference
    except DataError:
        return (), ""


def _age(settings: Settings, model: ModelInUse, now_ms: int) -> Check:
    then = "Retrain it: python -m phantom_core retrain"
    age_days, limit_days = (now_ms - model.trained_ms) / DAY_MS, settings.alerts.stale_days
    return too_old(
        f"stale_{model.kind}",
        f"The {MODEL_KINDS.find(model.kind).noun} in use",
        age_days,
        limit_days,
        then,
    )
