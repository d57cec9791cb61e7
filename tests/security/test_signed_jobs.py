"""Whoever can write SQL, but lacks the key, gets no work done in another account's name."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import acting_as
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Proposal
from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.jobs import jobs as jobs_module
from phantom_core.jobs.jobs import JOBS, Job, Jobs
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.job_submit_request import SubmitChangeRequest
from phantom_core.use_cases.operations.restart_job import restart_job
from phantom_core.use_cases.operations.run_job import run_job

ANALYST = Account("demo-analyst")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A workspace with a draft of the demo analyst, whose workers the test runs itself."""
    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    found = Settings(workspace=tmp_path / "workspace")
    engine = control_database(found)
    for login in ("demo-analyst", "demo-manager"):
        sign_in_demo(engine, login, now_ms=1, hours=1)
    with write_transaction(engine) as connection:
        requests.create_draft(
            connection,
            "demo-analyst",
            Proposal("a", '{"name": "a", "rules": []}', "why"),
            base_version="",
            needed=1,
            now_ms=1,
        )
    return found


def queued(settings: Settings, actor: Account = ANALYST, request: int = 1) -> Job:
    with acting_as(actor, settings):
        return Jobs(settings).start(SubmitChangeRequest(request=request))


def by_sql(settings: Settings, *statements: str) -> None:
    """Statements as an account with SQL access runs them, which drops triggers that refuse."""
    with control_database(settings).begin() as connection:
        for name in ("jobs_once", "jobs_frozen"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def row(settings: Settings, job_id: str) -> dict[str, object]:
    with control_database(settings).connect() as connection:
        found = connection.execute(JOBS.select().where(JOBS.c.job_id == job_id)).mappings().one()
        return dict(found)


def insert(settings: Settings, values: dict[str, object]) -> None:
    with control_database(settings).begin() as connection:
        connection.execute(JOBS.insert().values(values))


def draft_state(settings: Settings) -> str:
    with control_database(settings).connect() as connection:
        return requests.find_request(connection, 1).state


def test_a_job_that_was_requested_is_run(settings: Settings) -> None:
    """Otherwise every refusal below could be for another reason."""
    done = run_job(settings, queued(settings).job_id, 2)
    assert "signature" not in done.message
    assert "is not what was requested" not in done.message


def test_a_job_that_sql_inserted_is_refused_with_the_way_on(settings: Settings) -> None:
    real = row(settings, queued(settings).job_id)
    insert(settings, real | {"job_id": "f" * 32, "key_id": "", "signature": ""})
    with pytest.raises(ConflictError, match=r"carries no signature.*inserted with SQL"):
        run_job(settings, "f" * 32, 2)
    found = Jobs(settings).get("f" * 32)
    assert found.state == "failed"
    assert "Start the work from its page" in found.message
    assert draft_state(settings) == "draft"


def test_the_signature_of_one_job_is_worth_nothing_for_another(settings: Settings) -> None:
    real = row(settings, queued(settings).job_id)
    insert(settings, real | {"job_id": "e" * 32})
    with pytest.raises(ConflictError, match="is not what was requested"):
        run_job(settings, "e" * 32, 2)
    assert draft_state(settings) == "draft"


@pytest.mark.parametrize(
    "change",
    [
        "who = 'demo-manager'",
        "who = 'this machine'",
        "kind = 'retention', arguments = '{}'",
        """arguments = '{"request": 2}'""",
        "workspace = 'another'",
        "created_ms = created_ms + 1",
        "key_id = 'aaaaaaaaaaaaaaaa'",
        "signature = ''",
        "signature = 'not base64'",
    ],
)
def test_a_row_that_was_changed_before_its_worker_began_is_refused(
    settings: Settings, change: str
) -> None:
    job = queued(settings)
    by_sql(settings, f"UPDATE jobs SET {change}")
    with pytest.raises(ConflictError, match="not run"):
        run_job(settings, job.job_id, 2)
    assert Jobs(settings).get(job.job_id).state == "failed"
    assert draft_state(settings) == "draft"


@pytest.mark.parametrize(
    "change", ["kind = 'demo', arguments = '{}'", """arguments = '{"request": 2}'"""]
)
def test_start_again_never_starts_what_was_not_requested(settings: Settings, change: str) -> None:
    """An administrator who starts failed work again would act for whoever changed its row."""
    job = queued(settings)
    by_sql(settings, f"UPDATE jobs SET state = 'failed', {change}")
    with (
        acting_as(ANALYST, settings),
        pytest.raises(ConflictError, match="is not what was requested"),
    ):
        restart_job(Jobs(settings), job.job_id)


def test_start_again_refuses_a_job_from_before_jobs_were_signed(settings: Settings) -> None:
    job = queued(settings)
    by_sql(settings, "UPDATE jobs SET state = 'failed', key_id = '', signature = ''")
    with (
        acting_as(ANALYST, settings),
        pytest.raises(ConflictError, match="queued before jobs were signed"),
    ):
        restart_job(Jobs(settings), job.job_id)


def test_a_job_is_run_once(settings: Settings) -> None:
    job = queued(settings)
    run_job(settings, job.job_id, 2)
    with (
        pytest.raises(sa.exc.IntegrityError, match="a job is run once"),
        control_database(settings).begin() as connection,
    ):
        connection.execute(JOBS.update().values(state="queued"))


def test_a_signed_row_that_is_put_back_later_is_not_run_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old submission, deleted or ended, would act once more in its author's name."""
    real = row(settings, queued(settings).job_id)
    by_sql(settings, "DELETE FROM jobs")
    insert(settings, real)
    later_ms = Jobs(settings).get(str(real["job_id"])).created_ms + 3_600_000
    monkeypatch.setattr(jobs_module, "_now_ms", lambda: later_ms)
    with pytest.raises(ConflictError, match="requested too long ago"):
        run_job(settings, str(real["job_id"]), 2)
    assert draft_state(settings) == "draft"


def test_a_worker_takes_no_other_options_through_its_pipe(settings: Settings) -> None:
    """`job ID --secrets` reads the passwords of a request, and nothing else of it."""
    job = queued(settings)
    with pytest.raises(ConflictError, match="other options than were requested"):
        run_job(settings, job.job_id, 2, json.dumps({"request": 2}))
    assert Jobs(settings).get(job.job_id).state == "failed"


def test_a_signature_outlives_the_rotation_of_its_key(settings: Settings) -> None:
    from phantom_core.signing.keys import rotate_key

    job = queued(settings)
    rotate_key(settings)
    assert "signature" not in run_job(settings, job.job_id, 2).message
