"""Price experiments: their plans, and who started and stopped them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.experiment_plan import NAME, Plan, PlannedArm
from phantom_core.core.errors import ConflictError, InputError, NotFoundError
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, write_transaction
from phantom_core.database.constraints import (
    forbid_change,
    keep_alone,
    keep_rows,
    only_one,
    only_steps,
)

State = Literal["draft", "running", "stopped"]
STEPS: Final[Mapping[State, tuple[State, ...]]] = {
    "draft": ("running", "stopped"),
    "running": ("stopped",),
    "stopped": (),
}
_PLAN: Final = (
    "question",
    "arms",
    "metric",
    "effect",
    "alpha",
    "power",
    "tolerated_drop",
    "planned_sessions",
    "baseline",
    "salt",
)
_SESSIONS: Final = "planned_sessions"
_OWN: Final = (
    "experiment_id",
    "state",
    "salt",
    "author",
    "created_ms",
    "started_by",
    "started_ms",
    "stopped_by",
    "stopped_ms",
    "why",
)

EXPERIMENTS: Final = sa.Table(
    "price_experiments",
    METADATA,
    sa.Column("experiment_id", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("arms", sa.Text, nullable=False),
    sa.Column("metric", sa.String(16), nullable=False),
    sa.Column("effect", sa.Float, nullable=False),
    sa.Column("alpha", sa.Float, nullable=False),
    sa.Column("power", sa.Float, nullable=False),
    sa.Column("tolerated_drop", sa.Float, nullable=False),
    sa.Column("planned_sessions", sa.BigInteger, nullable=False),
    sa.Column("baseline", sa.Text, nullable=False),
    sa.Column("salt", sa.String(64), nullable=False),
    sa.Column("author", sa.String(128), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("started_by", sa.String(128), nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("stopped_by", sa.String(128), nullable=False),
    sa.Column("stopped_ms", sa.BigInteger, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    # A session takes part in one experiment, so that no other one interferes with its arms.
    only_one("one_running_experiment", "state", "state = 'running'"),
)
only_steps(EXPERIMENTS, "state", STEPS)
keep_rows(EXPERIMENTS)
keep_alone(
    EXPERIMENTS,
    "price_experiments_one_running",
    "{row}.state = 'running'",
    "another price experiment is running",
)
forbid_change(
    EXPERIMENTS,
    "price_experiments_begin",
    "INSERT",
    "NEW.state <> 'draft'",
    "a price experiment begins as a draft",
)
forbid_change(
    EXPERIMENTS,
    "price_experiments_plan",
    "UPDATE",
    " OR ".join(f"OLD.{name} <> NEW.{name}" for name in _PLAN),
    "the plan of a price experiment stays as it was made",
)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A price experiment.

    Attributes:
        experiment_id: its name.
        state: draft, running or stopped.
        plan: of the experiment.
        salt: of the hash that assigns sessions to arms.
        author, created_ms: who created it, and when, UTC milliseconds.
        started_by, started_ms: the same of its start; 0 before it.
        stopped_by, stopped_ms, why: the same of its end, and the reason.
    """

    experiment_id: str
    state: State
    plan: Plan
    salt: str
    author: str
    created_ms: int
    started_by: str
    started_ms: int
    stopped_by: str
    stopped_ms: int
    why: str


def draft_experiment(
    engine: sa.Engine, who: str, experiment_id: str, plan: Plan, *, salt: str, now_ms: int
) -> Experiment:
    """Store a plan as a draft, which prices nothing yet.

    Args:
        engine: control database.
        who: login of an account that may propose.
        experiment_id: its permanent name.
        plan: of the experiment.
        salt: of the assignment; another one assigns sessions differently.
        now_ms: UTC milliseconds.
    Raises:
        InputError: the name cannot be used.
        ConflictError: it is taken.
        NotAllowedError: not by this person.
    """
    if not NAME.fullmatch(experiment_id):
        raise InputError(
            f"'{experiment_id}' cannot name an experiment.",
            hint="Use lower case letters, digits, dots, hyphens, underscores.",
        )
    with write_transaction(engine) as connection:
        require_permission(connection, who, Permission.PROPOSE)
        if _found(connection, experiment_id):
            raise ConflictError(
                f"There is already an experiment '{experiment_id}'.", hint="Choose another name."
            )
        made = Experiment(experiment_id, "draft", plan, salt, who, now_ms, "", 0, "", 0, "")
        connection.execute(EXPERIMENTS.insert().values(_row(made)))
        audit.append_entry(
            connection,
            now_ms,
            who,
            "experiment.drafted",
            f"experiment {experiment_id}",
            plan_of_row(_row(made)),
        )
    return made


def start_experiment(
    connection: sa.Connection, who: str, experiment_id: str, *, now_ms: int
) -> Experiment:
    """Start a draft.

    Raises:
        NotFoundError: no such experiment.
        ConflictError: it was started before, or another one runs.
        NotAllowedError: not by this person.
    """
    require_permission(connection, who, Permission.PUBLISH)
    experiment = find_experiment(connection, experiment_id)
    if experiment.state != "draft":
        raise ConflictError(
            f"Experiment {experiment_id} is {experiment.state}, so it cannot be started.",
            hint="Plan a new one.",
        )
    other = connection.execute(
        sa.select(EXPERIMENTS.c.experiment_id).where(EXPERIMENTS.c.state == "running")
    ).scalar()
    if other:
        raise ConflictError(
            f"Experiment {other} is running, and a session takes part in one only.",
            hint="Stop it first.",
        )
    _change(connection, experiment_id, state="running", started_by=who, started_ms=now_ms)
    audit.append_entry(
        connection, now_ms, who, "experiment.started", f"experiment {experiment_id}", {}
    )
    return find_experiment(connection, experiment_id)


def stop_experiment(
    connection: sa.Connection, who: str, experiment_id: str, why: str, *, now_ms: int
) -> Experiment:
    """Stop an experiment permanently, or discard a draft.

    Args:
        connection: of `write_transaction`.
        who: login of an account that may use the kill switch, or an internal actor.
        experiment_id: which.
        why: reason, one sentence.
        now_ms: UTC milliseconds.
    Raises:
        NotFoundError: no such experiment.
        ConflictError: it was stopped before.
        InputError: no reason.
        NotAllowedError: not by this person.
    """
    if not isinstance(who, Internal):
        require_permission(connection, who, Permission.KILL)
    if not why.strip():
        raise InputError(
            "The reason for the stop is missing.", hint="State it in a sentence; it is permanent."
        )
    experiment = find_experiment(connection, experiment_id)
    if experiment.state == "stopped":
        raise ConflictError(
            f"Experiment {experiment_id} was stopped by {experiment.stopped_by}: {experiment.why}"
        )
    _change(
        connection,
        experiment_id,
        state="stopped",
        stopped_by=who,
        stopped_ms=now_ms,
        why=why.strip(),
    )
    audit.append_entry(
        connection,
        now_ms,
        who,
        "experiment.stopped",
        f"experiment {experiment_id}",
        {"why": why.strip()},
    )
    return find_experiment(connection, experiment_id)


def find_experiment(connection: sa.Connection, experiment_id: str) -> Experiment:
    """Find an experiment.

    Raises:
        NotFoundError: there is none of this name.
    """
    found = _found(connection, experiment_id)
    if found is None:
        raise NotFoundError(
            f"There is no experiment '{experiment_id}'.",
            hint="List them: python -m phantom_core experiments status",
        )
    return found


def all_experiments(connection: sa.Connection) -> list[Experiment]:
    """Every experiment, the newest first."""
    rows = connection.execute(
        EXPERIMENTS.select().order_by(EXPERIMENTS.c.created_ms.desc(), EXPERIMENTS.c.experiment_id)
    ).mappings()
    return [_experiment(row) for row in rows]


def _found(connection: sa.Connection, experiment_id: str) -> Experiment | None:
    row = (
        connection.execute(EXPERIMENTS.select().where(EXPERIMENTS.c.experiment_id == experiment_id))
        .mappings()
        .first()
    )
    return _experiment(row) if row else None


def _change(connection: sa.Connection, experiment_id: str, **values: object) -> None:
    connection.execute(
        EXPERIMENTS.update().where(EXPERIMENTS.c.experiment_id == experiment_id).values(**values)
    )


def plan_of_row(row: Mapping[str, Any]) -> dict[str, object]:
    """What the audit entry of a draft says of its plan, read from its row."""
    return {
        **{name: row[name] for name in _PLAN if name not in ("arms", "baseline", _SESSIONS)},
        "arms": json.loads(row["arms"]),
        "baseline": json.loads(row["baseline"]),
        "sessions": row[_SESSIONS],
    }


def _row(experiment: Experiment) -> dict[str, object]:
    plan = experiment.plan
    return {
        **{name: getattr(experiment, name) for name in _OWN},
        "question": plan.question,
        "arms": json.dumps([asdict(arm) for arm in plan.arms]),
        "metric": plan.metric,
        "effect": plan.effect,
        "alpha": plan.alpha,
        "power": plan.power,
        "tolerated_drop": plan.tolerated_drop,
        "planned_sessions": plan.planned_sessions,
        "baseline": json.dumps([plan.baseline_mean, plan.baseline_sd, plan.baseline_per_day]),
    }


def _experiment(row: sa.RowMapping) -> Experiment:
    plan = Plan(
        row["question"],
        tuple(PlannedArm(**arm) for arm in json.loads(row["arms"])),
        row["metric"],
        row["effect"],
        row["alpha"],
        row["power"],
        row["tolerated_drop"],
        row["planned_sessions"],
        *json.loads(row["baseline"]),
    )
    return Experiment(plan=plan, **{name: row[name] for name in _OWN})
