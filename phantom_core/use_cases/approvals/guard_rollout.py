"""Guard a rollout: assess the live canary, and let it grow, wait, or roll it back.

Everything is worked out again from the control database and the decision log at each look, so a
process that stops loses nothing. The newest result is stored for pages, and for whoever changes the
share by hand.
"""

import logging
import math
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.experiment_plan import AS_LIVE
from phantom_core.approvals.price_experiments import all_experiments
from phantom_core.approvals.ramp import TOLERANCE
from phantom_core.approvals.releases import current_release
from phantom_core.approvals.requests import find_request
from phantom_core.approvals.rollout import allowed_rollout
from phantom_core.approvals.rollout_guard_log import GuardResult, store_guard_result
from phantom_core.approvals.rollout_stage import RolloutStage, current_stage
from phantom_core.core.settings import Settings
from phantom_core.experiments.release_exposures import read_stage
from phantom_core.experiments.release_guard import (
    GuardFinding,
    GuardLimits,
    StageAssessment,
    assess_stage,
)
from phantom_core.lake.lake import open_lake
from phantom_core.monitoring.comparison import Check, Status
from phantom_core.use_cases.alerting.send_alerts import send_alerts
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.publish_rules import set_share, withdraw_canary

ALERT: Final = "rollout"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GuardedRollout:
    """A rollout as its guard sees it.

    Attributes:
        stage: of the live canary.
        assessment: of the stage.
        next_share: the step of its ramp that is due now; None where none is.
        done: what the guard did, a sentence; empty where it did nothing.
    """

    stage: RolloutStage
    assessment: StageAssessment
    next_share: float | None
    done: str = ""

    def to_json(self) -> dict[str, object]:
        """The state as plain values; null where a figure is unbounded."""
        found = self.assessment
        return {
            "version": self.stage.version,
            "request": self.stage.request_id,
            "share": self.stage.share,
            "stage": self.stage.number,
            "since_ms": self.stage.since_ms,
            "action": found.action,
            "sessions": found.sessions,
            "guards": [_plain_finding(one) for one in found.findings],
            "next_share": self.next_share,
            "done": self.done,
        }


@requires(Permission.READ)
def assess_rollout(settings: Settings, *, now_ms: int) -> GuardedRollout | None:
    """Assess the live canary, and change nothing; None where no canary prices sessions."""
    with control_database(settings).connect() as connection:
        stage = current_stage(connection)
        if stage is None:
            return None
        least_sessions, next_share = _next_step(connection, stage, now_ms)
        live_arms = _live_arms(connection)
    exposed, health = read_stage(
        open_lake(settings),
        stage,
        live_arms=live_arms,
        slow_ms=settings.rollout.slow_ms,
        now_ms=now_ms,
    )
    found = assess_stage(
        exposed,
        health,
        stage.share,
        stage.number,
        guard_limits(settings),
        least_sessions=least_sessions,
    )
    return GuardedRollout(stage, found, next_share)


@requires(Permission.PUBLISH)
def guard_rollout(settings: Settings, *, now_ms: int) -> GuardedRollout | None:
    """Assess the live canary and do what follows: roll it back, or take the next step of its ramp.

    Returns:
        What was found and done; None where no canary prices sessions.
    Raises:
        ConflictError: something else went live meanwhile; the next look sees it.
        NotSwitchedError, UncertainError: the server did not take it; the next look tries again.
    """
    found = assess_rollout(settings, now_ms=now_ms)
    if found is None:
        return None
    stage, assessment = found.stage, found.assessment
    result = GuardResult(stage.epoch, assessment.action, assessment.reasons, now_ms)
    store_guard_result(control_database(settings), result)
    with acting_as(Internal.WATCHER):  # carries out what was approved, whoever looks
        # Before the switch: channels learn of one that is interrupted as well.
        _alert(settings, found, now_ms)
        return replace(found, done=_act(settings, found, now_ms))


@requires(Permission.READ)
def guard_limits(settings: Settings) -> GuardLimits:
    """What the guard tolerates in this installation."""
    chosen = settings.rollout
    return GuardLimits(
        chosen.human_loss,
        chosen.excluded_loss,
        chosen.revenue_loss,
        chosen.failed,
        chosen.slow,
        chosen.alpha,
    )


def _act(settings: Settings, found: GuardedRollout, now_ms: int) -> str:
    """Do what the assessment asks for; returns what that was, empty for nothing."""
    stage, assessment = found.stage, found.assessment
    if assessment.action == "roll back":
        why = f"The guard rolled it back: {' '.join(assessment.reasons)}"
        withdraw_canary(settings, stage.epoch, why=why, now_ms=now_ms)
        return why
    if assessment.action == "advance" and found.next_share and settings.rollout.advance:
        why = (
            f"The ramp's next step is due after {assessment.sessions:,} sessions, and the guard "
            "found nothing against it."
        )
        share, who = found.next_share, Internal.WATCHER
        set_share(settings, who, share, why=why, now_ms=now_ms, of=stage.epoch)
        return why
    return ""


def _next_step(
    connection: sa.Connection, stage: RolloutStage, now_ms: int
) -> tuple[int, float | None]:
    """Sessions that the next step waits for, and its share where it is due.

    A share that a person reduced does not grow again by itself.
    """
    live = current_release(connection)
    assert live
    request = find_request(connection, stage.request_id)
    step = next((one for one in request.steps if one.share > stage.share + TOLERANCE), None)
    is_on_ramp = any(
        abs(one - stage.share) <= TOLERANCE
        for one in (request.share, *(one.share for one in request.steps))
    )
    if step is None or not is_on_ramp or not stage.is_largest:
        return 0, None
    allowed = allowed_rollout(connection, live, now_ms=now_ms)
    is_due = allowed.share > stage.share + TOLERANCE
    return step.sessions, allowed.share if is_due else None


def _live_arms(connection: sa.Connection) -> list[tuple[str, str]]:
    return [
        (one.experiment_id, arm.name)
        for one in all_experiments(connection)
        for arm in one.plan.arms
        if arm.version == AS_LIVE
    ]


def _plain_finding(one: GuardFinding) -> dict[str, object]:
    bounds = (one.change.value, one.change.low, one.change.high)
    value, low, high = (bound if math.isfinite(bound) else None for bound in bounds)
    return {
        "name": one.name,
        "action": one.action,
        "sentence": one.sentence,
        "change": {"value": value, "low": low, "high": high},
    }


def _alert(settings: Settings, found: GuardedRollout, now_ms: int) -> None:
    is_harm = found.assessment.action == "roll back"
    status: Status = "alert" if is_harm else "ok"
    version, share = found.stage.version, found.stage.share
    sentence = (
        f"{version}, on {share:.0%} of the sessions, is rolled back. "
        f"{' '.join(found.assessment.reasons)}"
        if is_harm
        else f"Nothing speaks against {version} on {share:.0%} of the sessions."
    )
    for problem in send_alerts(settings, (Check(ALERT, status, share, 0.0, sentence),), now_ms):
        _LOG.warning("%s", problem)
