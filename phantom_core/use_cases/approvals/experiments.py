"""Price experiments: start, watch and stop.

The control database says what runs; the pricing server is brought in line with it.
"""

from dataclasses import dataclass

import redis
import sqlalchemy as sa

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals import price_experiments, releases
from phantom_core.approvals.emergencies import emergency_of
from phantom_core.approvals.experiment_plan import AS_LIVE, BASE_PRICE, PlannedArm
from phantom_core.approvals.price_experiments import Experiment
from phantom_core.approvals.requests import is_approved
from phantom_core.core.errors import ConflictError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.experiments.exposures import read_exposures
from phantom_core.experiments.report import ExperimentReport, build_report
from phantom_core.lake.lake import open_lake
from phantom_core.publishing.publish import read_release
from phantom_core.signing.keys import PublicKeys, public_keys, signing_key
from phantom_core.use_cases.approvals.bans import check_bans
from phantom_core.use_cases.approvals.live_experiments import (
    SERVED,
    live_epoch,
    publish_served,
    served_experiments,
    sync_experiments,
)
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.valkey.server import connect_server


@dataclass(frozen=True, slots=True)
class ExperimentStatus:
    """An experiment now.

    Attributes:
        experiment: as the control database has it.
        report: results so far; None for a draft.
        problem: why the server is out of sync; empty where it is in sync.
    """

    experiment: Experiment
    report: ExperimentReport | None
    problem: str

    def to_json(self) -> dict[str, object]:
        """The status as plain values."""
        one, plan = self.experiment, self.experiment.plan
        return {
            "experiment": one.experiment_id,
            "state": one.state,
            "question": plan.question,
            "arms": [
                {"name": arm.name, "share": arm.share, "version": arm.version or "base price"}
                for arm in plan.arms
            ],
            "metric": plan.metric,
            "effect": plan.effect,
            "planned_sessions": plan.planned_sessions,
            "started_ms": one.started_ms or None,
            "stopped_ms": one.stopped_ms or None,
            "stopped_by": one.stopped_by,
            "why": one.why,
            "problem": self.problem,
            "report": self.report.to_json() if self.report else None,
        }


@requires(Permission.PUBLISH)
def start_experiment(
    settings: Settings, who: str, experiment_id: str, *, now_ms: int
) -> Experiment:
    """Start a draft.

    Raises:
        NotFoundError: no such experiment, or a version that was never released.
        ConflictError: it cannot be started, another one runs, or an arm is larger than was
            approved.
        NotSwitchedError: the server rejected it; the experiment is still a draft.
        UncertainError: the server may have taken it; `watch_experiments` reconciles it.
    """
    require_intact_audit(settings)
    client = connect_server(settings)
    try:
        with write_transaction(_control(settings)) as connection:
            experiment = price_experiments.start_experiment(
                connection, who, experiment_id, now_ms=now_ms
            )
            for arm in experiment.plan.arms:
                _check_version(connection, client, public_keys(settings), arm)
                _check_approval(settings, connection, experiment, arm, now_ms)
            # Within the transaction: where the server rejects it, nothing was started.
            wanted = served_experiments(connection, live_epoch(connection))
            publish_served(client, signing_key(settings), wanted, now_ms=now_ms)
    finally:
        client.close()
    return experiment


@requires(Permission.KILL)
def stop_experiment(
    settings: Settings, who: str, experiment_id: str, why: str, *, now_ms: int
) -> Experiment:
    """Stop an experiment for good; every session then gets the live prices.

    Raises:
        NotFoundError, ConflictError, InputError, NotAllowedError: see the control database.
        NotSwitchedError, UncertainError: the server was not updated, or may not have been; the
            experiment is stopped all the same, and `watch_experiments` updates the server later.
    """
    with write_transaction(_control(settings)) as connection:
        experiment = price_experiments.stop_experiment(
            connection, who, experiment_id, why, now_ms=now_ms
        )
    if experiment.started_ms:
        reconcile_experiments(settings, now_ms=now_ms)
    return experiment


@requires(Permission.KILL)
def reconcile_experiments(settings: Settings, *, now_ms: int) -> None:
    """Bring the server in line with the experiments that run.

    Raises:
        NotSwitchedError, UncertainError: the server could not be updated.
    """
    client = connect_server(settings)
    try:
        sync_experiments(settings, client, now_ms=now_ms)
    finally:
        client.close()


@requires(Permission.READ)
def experiments_of(settings: Settings) -> list[Experiment]:
    """Every experiment, the newest first."""
    with _control(settings).connect() as connection:
        return price_experiments.all_experiments(connection)


@requires(Permission.READ)
def experiment_status(settings: Settings, experiment_id: str, *, now_ms: int) -> ExperimentStatus:
    """An experiment with its results so far; a tripped guardrail stops it.

    Raises:
        NotFoundError: no such experiment.
    """
    with _control(settings).connect() as connection:
        experiment = price_experiments.find_experiment(connection, experiment_id)
    found = analyse_experiment(settings, experiment, now_ms) if experiment.started_ms else None
    problem = ""
    if experiment.state == "running":
        try:
            with acting_as(Internal.WATCHER):
                experiment = _stop_if_tripped(settings, experiment, found, now_ms)
                reconcile_experiments(settings, now_ms=now_ms)
        except PhantomError as error:
            problem = str(error)
    return ExperimentStatus(experiment, found, problem)


@requires(Permission.KILL)
def watch_experiments(settings: Settings, *, now_ms: int) -> list[ExperimentStatus]:
    """Check running experiments, stop those that reduce human conversion, and sync the server.

    Returns:
        The experiments that ran before the check.
    Raises:
        NotSwitchedError, UncertainError: the server could not be updated.
    """
    running = [one.experiment_id for one in experiments_of(settings) if one.state == "running"]
    found = [experiment_status(settings, name, now_ms=now_ms) for name in running]
    reconcile_experiments(settings, now_ms=now_ms)
    return found


@requires(Permission.READ)
def analyse_experiment(settings: Settings, experiment: Experiment, now_ms: int) -> ExperimentReport:
    """The figures of an experiment, whatever its state."""
    plan = experiment.plan
    names = [arm.name for arm in plan.arms]
    exposed = read_exposures(open_lake(settings), experiment.experiment_id, names, now_ms)
    return build_report(
        exposed,
        names,
        [arm.share for arm in plan.arms],
        metric=plan.metric,
        alpha=plan.alpha,
        planned_sessions=plan.planned_sessions,
        tolerated_drop=plan.tolerated_drop,
    )


def _stop_if_tripped(
    settings: Settings, experiment: Experiment, found: ExperimentReport | None, now_ms: int
) -> Experiment:
    tripped = (
        next((one for one in found.comparisons if one.is_guard_tripped), None) if found else None
    )
    if tripped is None:
        return experiment
    drop = -tripped.human.high
    why = (
        f"The guardrail stopped it: with {tripped.arm} at least {drop:.1%} fewer humans buy, "
        f"detected after {tripped.tripped_sessions:,} sessions."
    )
    try:
        return stop_experiment(
            settings, Internal.WATCHER, experiment.experiment_id, why, now_ms=now_ms
        )
    except ConflictError:  # another process or person stopped it first
        with _control(settings).connect() as connection:
            return price_experiments.find_experiment(connection, experiment.experiment_id)


def _check_version(
    connection: sa.Connection, client: redis.Redis, keys: PublicKeys, arm: PlannedArm
) -> None:
    """Reject a version never released or withdrawn, or a share above the approved one."""
    if arm.version in (AS_LIVE, BASE_PRICE):
        return
    request = releases.request_of(connection, arm.version)
    if request.state not in SERVED:
        raise ConflictError(
            f"Arm {arm.name} serves {arm.version}, which is {request.state}.",
            hint="Choose a version that is live or was replaced by a later one.",
        )
    current = releases.current_release(connection)
    is_full = current is not None and current.full_version == arm.version
    if arm.share > request.share + 1e-9 and not is_full:
        raise ConflictError(
            f"Arm {arm.name} serves {arm.version} to {arm.share:.0%} of the sessions; approved: "
            f"{request.share:.0%}.",
            hint="Reduce the share of the arm, or have a larger one approved.",
        )
    read_release(client, keys, arm.version)


def _check_approval(
    settings: Settings,
    connection: sa.Connection,
    experiment: Experiment,
    arm: PlannedArm,
    now_ms: int,
) -> None:
    """Reject an arm that serves more than two people agreed to.

    Raises:
        ConflictError: its version was never approved, has expired, reads a banned feature, is
            served to more sessions than approved together with the canary, or stands beside the
            network.
    """
    if arm.version in (AS_LIVE, BASE_PRICE):
        return
    request = releases.request_of(connection, arm.version)
    emergency = emergency_of(connection, request)
    if not is_approved(connection, request) and not (emergency and emergency.is_reviewed):
        raise ConflictError(
            f"Arm {arm.name} serves {arm.version}, which was published by an emergency and not "
            "reviewed.",
            hint="Another pricing manager reviews it first.",
        )
    if request.expires_ms and request.expires_ms <= now_ms:
        raise ConflictError(
            f"Arm {arm.name} serves {arm.version}, which has expired.",
            hint="Choose another version.",
        )
    check_bans(settings, connection, request)
    current = releases.current_release(connection)
    if current is None:
        return
    if current.version and current.policy == "model":
        raise ConflictError(
            f"The network sets the prices of {current.version} now, and arm {arm.name} would ask "
            "the rules of its version, which were judged for another use.",
            hint="Use the arms 'live' and 'base' only.",
        )
    if current.version == arm.version and current.share < 1:
        as_live = sum(one.share for one in experiment.plan.arms if one.version == AS_LIVE)
        total = arm.share + as_live * current.share
        if total > request.share + 1e-9:
            raise ConflictError(
                f"Arm {arm.name} and the canary together serve {arm.version} to {total:.0%} of the "
                f"sessions; approved: {request.share:.0%}.",
                hint="Reduce the share of the arm, or have a larger one approved.",
            )


def _control(settings: Settings) -> sa.Engine:
    return control_engine(settings)
