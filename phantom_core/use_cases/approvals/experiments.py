"""Price experiments: start, watch and stop; what runs is what the control database says, and the
server is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import redis
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE
from phantom_core.approvals import price_experiments as kept
from phantom_core.approvals import releases
from phantom_core.approvals.experiment_plan import AS_LIVE, BASE_PRICE, PlannedArm
from phantom_core.approvals.price_experiments import Experiment
from phantom_core.core.errors import ConflictError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import control_of, write_transaction
from phantom_core.experiments.exposures import read_exposures
from phantom_core.experiments.report import ExperimentReport, build_report
from phantom_core.lake.lake import open_lake
from phantom_core.publishing import experiments as published
from phantom_core.publishing.publish import NotSwitchedError, read_release
from phantom_core.valkey.server import connect_server

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class ExperimentStatus:
    """An experiment as it stands.

    Attributes:
        experiment: what the control database says.
        report: what came of it so far; None for a draft.
        problem: why the server does not do what it should; empty where it does.
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


def start_experiment(
    settings: Settings, who: str, experiment_id: str, *, now_ms: int
) -> Experiment:
    """Let a draft run.

    Raises:
        NotFoundError: no such experiment, or a version that was never released.
        ConflictError: it cannot be started, another one runs, or an arm is larger than was
        approved. NotSwitchedError: the server does not take it; the experiment is a draft as
        before. UncertainError: it may have taken it; `watch_experiments` settles it.
    """
    client = connect_server(settings)
    try:
        with write_transaction(_control(settings)) as connection:
            experiment = kept.start_experiment(connection, who, experiment_id, now_ms=now_ms)
            for arm in experiment.plan.arms:
                _check_version(connection, client, arm)
            # Within the transaction: where the server refuses, nothing was started.
            _tell(client, (experiment,))
    finally:
        client.close()
    return experiment


def stop_experiment(
    settings: Settings, who: str, experiment_id: str, why: str, *, now_ms: int
) -> Experiment:
    """Stop an experiment for good; every session is then priced as live.

    Raises:
        NotFoundError, ConflictError, InputError, NotAllowedError: see the control database.
        NotSwitchedError, UncertainError: the server was not told, or may not have been; the
        experiment is stopped all the same, and
            `watch_experiments` tells the server as soon as it can.
    """
    with write_transaction(_control(settings)) as connection:
        experiment = kept.stop_experiment(connection, who, experiment_id, why, now_ms=now_ms)
    if experiment.started_ms:
        reconcile_experiments(settings)
    return experiment


def reconcile_experiments(settings: Settings) -> None:
    """Tell the server what runs, where it holds something else.

    Raises:
        NotSwitchedError, UncertainError: it could not be told.
    """
    client = connect_server(settings)
    try:
        with _control(settings).connect() as connection:
            running = [one for one in kept.all_experiments(connection) if one.state == "running"]
        _tell(client, running)
    finally:
        client.close()


def experiments_of(settings: Settings) -> list[Experiment]:
    """Every experiment, the newest first."""
    with _control(settings).connect() as connection:
        return kept.all_experiments(connection)


def experiment_status(settings: Settings, experiment_id: str, *, now_ms: int) -> ExperimentStatus:
    """An experiment with what came of it so far; a tripped guard stops it.

    Raises:
        NotFoundError: no such experiment.
    """
    with _control(settings).connect() as connection:
        experiment = kept.find_experiment(connection, experiment_id)
    found = analyse_experiment(settings, experiment, now_ms) if experiment.started_ms else None
    problem = ""
    if experiment.state == "running":
        try:
            experiment = _guarded(settings, experiment, found, now_ms)
            reconcile_experiments(settings)
        except PhantomError as error:
            problem = str(error)
    return ExperimentStatus(experiment, found, problem)


def watch_experiments(settings: Settings, *, now_ms: int) -> list[ExperimentStatus]:
    """Look at what runs, stop what harms people's buying, and keep the server told.

    Returns:
        The experiments that ran before.
    Raises:
        NotSwitchedError, UncertainError: the server could not be told.
    """
    running = [one.experiment_id for one in experiments_of(settings) if one.state == "running"]
    found = [experiment_status(settings, name, now_ms=now_ms) for name in running]
    reconcile_experiments(settings)
    return found


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


def _guarded(
    settings: Settings, experiment: Experiment, found: ExperimentReport | None, now_ms: int
) -> Experiment:
    tripped = (
        next((one for one in found.comparisons if one.is_guard_tripped), None) if found else None
    )
    if tripped is None:
        return experiment
    drop = -tripped.human.high
    why = (
        f"The guard stopped it: with {tripped.arm} at least {drop:.1%} fewer humans buy, seen "
        f"after {tripped.tripped_sessions:,} sessions."
    )
    try:
        return stop_experiment(settings, MACHINE, experiment.experiment_id, why, now_ms=now_ms)
    except ConflictError:  # somebody else was first
        with _control(settings).connect() as connection:
            return kept.find_experiment(connection, experiment.experiment_id)


def _check_version(connection: sa.Connection, client: redis.Redis, arm: PlannedArm) -> None:
    """Only what was approved and released may be played, and to no more sessions than was
    approved.
    """
    if arm.version in (AS_LIVE, BASE_PRICE):
        return
    request = releases.request_of(connection, arm.version)
    current = releases.current_release(connection)
    is_full = current is not None and current.full_version == arm.version
    if arm.share > request.share + 1e-9 and not is_full:
        raise ConflictError(
            f"Arm {arm.name} gives {arm.version} to {arm.share:.0%} of the sessions; approved are "
            f"{request.share:.0%}.",
            hint="Make the arm smaller, or have a larger share approved.",
        )
    read_release(client, arm.version)


def _tell(client: redis.Redis, running: Sequence[Experiment]) -> None:
    wanted = tuple(
        published.LiveExperiment(
            one.experiment_id,
            one.salt,
            tuple(published.LiveArm(arm.name, arm.share, arm.version) for arm in one.plan.arms),
        )
        for one in running
    )
    for left in reversed(range(_TRIES)):
        found = published.read_experiments(client)
        if (found.experiments if found else ()) == wanted:
            return
        try:
            published.publish_experiments(
                client, published.LiveExperiments((found.epoch if found else 0) + 1, wanted)
            )
        except NotSwitchedError as error:
            # Somebody told the server something else meanwhile: look again.
            if not left or not isinstance(error, ConflictError):
                raise


def _control(settings: Settings) -> sa.Engine:
    return control_of(settings.database_url, settings.workspace)
