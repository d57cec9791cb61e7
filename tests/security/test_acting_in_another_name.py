"""Work is done in the name of the account that starts it, and passwords stay out of its record."""

import os
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import Actor, Internal, acting_as
from phantom_core.accounts.people import insert_account
from phantom_core.accounts.roles import Role
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Proposal
from phantom_core.core.errors import NotAllowedError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.jobs.jobs import JOBS, Job, Jobs, without_secrets
from phantom_core.use_cases.approvals.change_requests import control_database
from phantom_core.use_cases.approvals.job_submit_request import SubmitChangeRequest
from phantom_core.use_cases.data.job_ingest import IngestRequest
from phantom_core.use_cases.operations.restart_job import restart_job
from phantom_core.use_cases.operations.run_job import run_job

pytestmark = pytest.mark.usefixtures("open_sources")

PASSWORD = "hunter-two-and-a-half"
URL = f"postgresql://me:{PASSWORD}@127.0.0.1:1/none"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace with an analyst's draft, another analyst, a manager and an administrator."""
    found = Settings(workspace=tmp_path / "workspace")
    engine = control_database(found)
    sign_in_demo(engine, "demo-analyst", now_ms=1, hours=1)
    with write_transaction(engine) as connection:
        for login, role in (
            ("ben", Role.ANALYST),
            ("max", Role.MANAGER),
            ("root", Role.ADMINISTRATOR),
        ):
            insert_account(
                connection,
                login,
                name=login,
                role=role,
                origin="local",
                password="",
                must_change=False,
                now_ms=1,
            )
        requests.create_draft(
            connection,
            "demo-analyst",
            Proposal("a", '{"name": "a", "rules": []}', "why"),
            base_version="",
            needed=1,
            now_ms=1,
        )
    return found


@pytest.fixture
def quiet_jobs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Jobs whose workers the test runs itself."""
    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    return Jobs(settings)


AUTHOR = Account("demo-analyst")
OTHERS = [Account("root"), Account("ben"), Account("max"), Internal.SHELL]


def cancelled_submission(settings: Settings, jobs: Jobs) -> Job:
    with acting_as(AUTHOR, settings):
        job = jobs.start(SubmitChangeRequest(request=1, who="demo-analyst"))
    with jobs._engine.begin() as connection:
        connection.execute(JOBS.update().values(state="cancelled"))
    return jobs.get(job.job_id)


def untouched(settings: Settings) -> bool:
    with control_database(settings).connect() as connection:
        entries = audit.list_entries(connection)
        return requests.find_request(connection, 1).state == "draft" and not any(
            one.action == "request.submitted" for one in entries
        )


@pytest.mark.parametrize("actor", OTHERS, ids=str)
def test_nobody_starts_the_submission_of_another_account_again(
    settings: Settings, quiet_jobs: Jobs, actor: Actor
) -> None:
    job = cancelled_submission(settings, quiet_jobs)
    with (
        acting_as(actor, settings),
        pytest.raises(NotAllowedError, match="Only demo-analyst can start this work again"),
    ):
        restart_job(quiet_jobs, job.job_id)
    assert untouched(settings)


@pytest.mark.parametrize("actor", OTHERS, ids=str)
def test_a_job_acts_for_its_row_and_never_for_its_arguments(
    settings: Settings, quiet_jobs: Jobs, actor: Actor
) -> None:
    """Past the page: the queue itself is asked, with the author's name in the arguments."""
    with acting_as(actor, settings):
        forged = quiet_jobs.start(SubmitChangeRequest(request=1, who="demo-analyst"))
    assert run_job(settings, forged.job_id, 2).state == "failed"
    cancelled = cancelled_submission(settings, quiet_jobs)
    with acting_as(actor, settings):
        again = quiet_jobs.restart(cancelled.job_id)
    assert run_job(settings, again.job_id, 2).state == "failed"
    assert untouched(settings)


def test_an_author_starts_their_own_submission_again(settings: Settings, quiet_jobs: Jobs) -> None:
    job = cancelled_submission(settings, quiet_jobs)
    with acting_as(AUTHOR, settings):
        assert restart_job(quiet_jobs, job.job_id).who == "demo-analyst"


def everything_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_password_of_a_worker_that_never_started_is_stored_nowhere(
    settings: Settings, quiet_jobs: Jobs
) -> None:
    job = quiet_jobs.start(IngestRequest(experiments=URL))
    assert PASSWORD not in job.arguments
    assert PASSWORD.encode() not in everything_under(settings.workspace)


def test_a_worker_gets_the_password_and_neither_row_nor_command_nor_log_does(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []
    popen = __import__("subprocess").Popen

    def watched(command: list[str], **options: object) -> object:
        environment = options["env"]
        assert isinstance(environment, dict)
        commands.append(" ".join([*command, *environment.values()]))
        return popen(command, **options)

    monkeypatch.setattr("phantom_core.jobs.jobs.subprocess.Popen", watched)
    jobs = Jobs(settings)
    job = jobs.start(IngestRequest(experiments=URL))
    end_s = time.monotonic() + 60
    while (job := jobs.get(job.job_id)).is_active and time.monotonic() < end_s:
        time.sleep(0.05)
    # The address is read with its password: the server behind it was tried.
    assert "does not answer" in job.message
    assert commands
    assert PASSWORD not in commands[0]
    assert PASSWORD.encode() not in everything_under(settings.workspace)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"postgresql://me:p@ss{PASSWORD}@h/db",
        f"postgresql://h/db?user=me&password={PASSWORD}",
        f"redis://:{PASSWORD}@h:6379/0",
        f"https://h/events?api_key={PASSWORD}&day=1",
    ],
)
def test_every_place_of_a_password_in_an_address_is_covered(url: str) -> None:
    assert PASSWORD not in without_secrets(f'{{"paths": ["{url}", "/data/a@b.csv"]}}')
    assert "/data/a@b.csv" in without_secrets(f'{{"paths": ["{url}", "/data/a@b.csv"]}}')


@pytest.mark.postgres
@pytest.mark.skipif("PHANTOM_TEST_POSTGRES_URL" not in os.environ, reason="no PostgreSQL")
def test_the_row_holds_no_password_on_postgres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.databases import fresh_schema

    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    with fresh_schema() as url:
        jobs = Jobs(Settings(workspace=tmp_path, database_url=url))
        jobs.start(IngestRequest(experiments=URL))
        with jobs._engine.connect() as connection:
            assert PASSWORD not in str(connection.execute(sa.select(JOBS)).all())
        jobs._engine.dispose()
