"""A price experiment runs alone, is stopped with a reason, and its plan never changes."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE, insert_account
from phantom_core.accounts.roles import Role
from phantom_core.approvals.experiment_plan import Plan, PlannedArm
from phantom_core.approvals.price_experiments import (
    draft_experiment,
    find_experiment,
    start_experiment,
    stop_experiment,
)
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction

ARMS = (PlannedArm("control", 0.5, "live"), PlannedArm("none", 0.5, ""))
PLAN = Plan("Do mark-ups pay?", ARMS, "revenue", 0.05, 0.05, 0.8, 0.0, 10_000, 10.0, 25.0, 400.0)


@pytest.fixture
def engine(engine: sa.Engine) -> sa.Engine:
    """The same with a viewer."""
    with write_transaction(engine) as connection:
        insert_account(
            connection,
            "vic",
            name="Vic",
            role=Role.VIEWER,
            origin="local",
            password="",
            must_change=False,
            now_ms=1,
        )
    return engine


def start(engine: sa.Engine, who: str = "demo-manager", name: str = "e1") -> None:
    with write_transaction(engine) as connection:
        start_experiment(connection, who, name, now_ms=2)


def stop(
    engine: sa.Engine, who: str = "demo-manager", why: str = "enough", name: str = "e1"
) -> None:
    with write_transaction(engine) as connection:
        stop_experiment(connection, who, name, why, now_ms=3)


def test_it_comes_back_as_it_was_planned(engine: sa.Engine) -> None:
    made = draft_experiment(engine, "demo-analyst", "e1", PLAN, salt="s", now_ms=1)
    with engine.connect() as connection:
        assert find_experiment(connection, "e1") == made
    assert (made.state, made.plan, made.author) == ("draft", PLAN, "demo-analyst")


def test_its_life_is_draft_running_stopped(engine: sa.Engine) -> None:
    draft_experiment(engine, "demo-analyst", "e1", PLAN, salt="s", now_ms=1)
    start(engine)
    with pytest.raises(ConflictError, match="is running, so it cannot be started"):
        start(engine)
    stop(engine)
    with pytest.raises(ConflictError, match="was stopped by demo-manager: enough"):
        stop(engine)
    with engine.connect() as connection:
        found = find_experiment(connection, "e1")
        told = [one.action for one in audit.list_entries(connection, "experiment e1")]
    assert (found.state, found.started_ms, found.stopped_ms, found.why) == (
        "stopped",
        2,
        3,
        "enough",
    )
    assert told == ["experiment.drafted", "experiment.started", "experiment.stopped"]


def test_one_runs_at_a_time(engine: sa.Engine) -> None:
    for name in ("e1", "e2"):
        draft_experiment(engine, "demo-analyst", name, PLAN, salt="s", now_ms=1)
    start(engine)
    with pytest.raises(ConflictError, match="Experiment e1 is running"):
        start(engine, name="e2")


def test_roles_decide_who_may(engine: sa.Engine) -> None:
    with pytest.raises(NotAllowedError):
        draft_experiment(engine, "vic", "e1", PLAN, salt="s", now_ms=1)
    draft_experiment(engine, "demo-analyst", "e1", PLAN, salt="s", now_ms=1)
    with pytest.raises(NotAllowedError):
        start(engine, "demo-analyst")
    start(engine)
    with pytest.raises(NotAllowedError):
        stop(engine, "vic")
    stop(engine, MACHINE)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM price_experiments",
        "UPDATE price_experiments SET arms = '[]'",
        "UPDATE price_experiments SET salt = 'other'",
        "UPDATE price_experiments SET state = 'running'",
    ],
)
def test_the_database_itself_keeps_the_plan_and_the_end(engine: sa.Engine, statement: str) -> None:
    draft_experiment(engine, "demo-analyst", "e1", PLAN, salt="s", now_ms=1)
    stop(engine)
    with pytest.raises(sa.exc.DatabaseError), write_transaction(engine) as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("arms", "says"),
    [
        ((ARMS[0],), "two arms or more"),
        ((ARMS[0], replace(ARMS[1], name="control")), "a name of its own"),
        ((ARMS[0], replace(ARMS[1], share=0.4)), "add up to 1"),
        ((ARMS[0], replace(ARMS[1], version="live")), "have the same prices"),
        ((replace(ARMS[0], share=1.0), replace(ARMS[1], share=0.0)), "above 0"),
    ],
)
def test_arms_that_compare_nothing_are_refused(arms: tuple[PlannedArm, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(PLAN, arms=arms)


def test_names_are_plain_and_taken_once(engine: sa.Engine) -> None:
    draft_experiment(engine, "demo-analyst", "e1", PLAN, salt="s", now_ms=1)
    with pytest.raises(ConflictError, match="already an experiment"):
        draft_experiment(engine, "demo-analyst", "e1", PLAN, salt="s", now_ms=1)
    with pytest.raises(InputError, match="cannot name an experiment"):
        draft_experiment(engine, "demo-analyst", "A b", PLAN, salt="s", now_ms=1)
    with (
        pytest.raises(NotFoundError, match="There is no experiment 'e9'"),
        engine.connect() as connection,
    ):
        find_experiment(connection, "e9")
    with pytest.raises(InputError, match="The reason for the stop"):
        stop(engine, why=" ")
