"""A job is its worker's for as long as the worker renews its lease, on whichever machine it is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from phantom_core.core.errors import ConflictError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.core.workspace_id import workspace_id
from phantom_core.database.connection import write_transaction
from phantom_core.jobs.jobs import JOBS, Job, Jobs, LeaseTimes
from phantom_core.jobs.machine import process_start, this_machine
from phantom_core.use_cases.data.demo import DemoReport
from phantom_core.use_cases.data.job_demo import DemoRequest

SHORT = LeaseTimes(lease_ms=2_500, renew_s=0.2)
WORKER = """
import sys, time
from pathlib import Path
from phantom_core.jobs.jobs import Jobs, LeaseTimes
from phantom_core.core.settings import Settings
from phantom_core.use_cases.data.demo import DemoReport
url, workspace, job_id, seconds = sys.argv[1:]
settings = Settings(database_url=url, workspace=Path(workspace))
jobs = Jobs(settings, lease=LeaseTimes(lease_ms=2_500, renew_s=0.2))
jobs.take(job_id)
with jobs.heartbeat(job_id):
    time.sleep(float(seconds))
jobs.finish(job_id, DemoReport(0, 0, 0, float(seconds)))
"""


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A workspace in a database that others may share."""
    return Settings(
        database_url=database_url or f"sqlite:///{tmp_path / 'shared.sqlite'}",
        workspace=tmp_path / "workspace",
    )


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Jobs]]:
    """Opens the jobs of a workspace, which start no workers by themselves."""
    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    made: list[Jobs] = []

    def open_jobs(settings: Settings, host: str = "", lease: LeaseTimes = SHORT) -> Jobs:
        made.append(Jobs(settings, host=host, lease=lease))
        return made[-1]

    yield open_jobs
    for jobs in made:
        jobs._engine.dispose()


@contextmanager
def worker(settings: Settings, job: Job, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own that sleeps, reports nothing, and finishes."""
    command = [
        sys.executable,
        "-c",
        WORKER,
        settings.database_url,
        str(settings.workspace),
        job.job_id,
        str(seconds),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def wait(jobs: Jobs, job: Job, *states: str) -> Job:
    for _ in range(400):
        found = jobs.get(job.job_id)
        if found.state in states:
            return found
        time.sleep(0.05)
    raise AssertionError(f"still {found.state}: {found.message}")


def test_silent_work_is_alive_seen_from_another_machine(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    here, elsewhere = opened(settings), opened(settings, "elsewhere")
    job = here.start(DemoRequest())
    with worker(settings, job, 4.0):
        wait(elsewhere, job, "running")
        time.sleep(3.0)  # longer than a lease
        assert elsewhere.get(job.job_id).state == "running"
        assert [one.job_id for one in elsewhere.active()] == [job.job_id]
        done = wait(elsewhere, job, "done", "failed")
    assert (done.state, done.report_as(DemoReport).seconds) == ("done", 4.0)


def test_a_killed_worker_is_found_at_once_here_and_after_its_lease_elsewhere(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    here, elsewhere = opened(settings), opened(settings, "elsewhere")
    far, near = here.start(DemoRequest()), here.start(DemoRequest())
    with worker(settings, far, 60), worker(settings, near, 60):
        far, near = wait(here, far, "running"), wait(here, near, "running")
        os.kill(far.pid, signal.SIGKILL)
        assert elsewhere.get(far.job_id).state == "running"
        assert "stopped answering" in wait(elsewhere, far, "failed").message
        os.kill(near.pid, signal.SIGKILL)
        killed_s = time.monotonic()
        assert "died" in wait(here, near, "failed").message
        assert time.monotonic() - killed_s < 1.0


def test_a_worker_on_a_stalled_machine_does_not_write_over_what_was_decided(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    elsewhere = opened(settings, "elsewhere")
    job = elsewhere.start(DemoRequest())
    with worker(settings, job, 4.0) as process:
        pid = wait(elsewhere, job, "running").pid
        os.kill(pid, signal.SIGSTOP)
        failed = wait(elsewhere, job, "failed")
        os.kill(pid, signal.SIGCONT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "lost its job" in said
    assert elsewhere.get(job.job_id) == failed


def test_a_worker_that_was_only_slow_goes_on(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    jobs = opened(settings)
    job = jobs.start(DemoRequest())
    with worker(settings, job, 4.0) as process:
        pid = wait(jobs, job, "running").pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(3.0)  # past its lease, but nothing checked it
        os.kill(pid, signal.SIGCONT)
        process.wait(timeout=20)
    assert jobs.get(job.job_id).state == "done"


def test_another_process_under_the_same_number_is_not_the_worker(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    jobs = opened(settings, lease=LeaseTimes())
    job = jobs.start(DemoRequest())
    jobs.take(job.job_id)
    assert jobs.get(job.job_id).state == "running"
    with write_transaction(jobs._engine) as connection:
        connection.execute(JOBS.update().values(worker_started="a moment before"))
    assert "died" in jobs.get(job.job_id).message


def test_only_the_worker_reports_and_finishes(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    worker, other = opened(settings), opened(settings)
    job = worker.start(DemoRequest())
    worker.take(job.job_id)
    with pytest.raises(ConflictError, match="lost its job"):
        other.finish(job.job_id, DemoReport(1, 1, 1, 1.0))
    with pytest.raises(ConflictError, match="lost its job"):
        other.progress(job.job_id)(0.5, "half")
    assert worker.get(job.job_id).state == "running"
    worker.finish(job.job_id, DemoReport(2, 2, 2, 2.0))
    assert other.get(job.job_id).report_as(DemoReport) == DemoReport(2, 2, 2, 2.0)


def test_a_worker_that_lost_its_job_stops_at_its_next_step(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    here, elsewhere = opened(settings, lease=LeaseTimes(lease_ms=-1)), opened(settings, "elsewhere")
    job = here.start(DemoRequest())
    here.take(job.job_id)
    assert elsewhere.get(job.job_id).state == "failed"
    with pytest.raises(ConflictError, match="lost its job"):
        here.progress(job.job_id)(0.5, "half")


def test_a_job_that_no_worker_begins_fails(settings: Settings, opened: Callable[..., Jobs]) -> None:
    jobs = opened(settings, lease=LeaseTimes(start_ms=-1))
    job = jobs.start(DemoRequest())
    assert (job.state, job.message.split(";")[0]) == ("failed", "No worker started")


def test_a_workspace_has_its_own_jobs(
    settings: Settings, opened: Callable[..., Jobs], tmp_path: Path
) -> None:
    other = settings.model_copy(update={"workspace": tmp_path / "other"})
    ours, theirs = opened(settings), opened(other, "elsewhere", LeaseTimes(start_ms=-1))
    job = ours.start(DemoRequest())
    assert (theirs.latest(), theirs.active()) == ([], [])
    for act in (theirs.get, theirs.take, theirs.cancel):
        with pytest.raises(NotFoundError):
            act(job.job_id)
    assert not ours.get(job.job_id).cancel


def test_a_workspace_is_the_same_by_any_path(tmp_path: Path) -> None:
    workspace, mounted = tmp_path / "workspace", tmp_path / "mounted"
    first = workspace_id(workspace)
    mounted.symlink_to(workspace)
    assert workspace_id(mounted) == first
    workspace.rename(tmp_path / "moved")
    assert workspace_id(tmp_path / "moved") == first != workspace_id(tmp_path / "another")


def test_jobs_from_before_there_were_ids_are_still_listed(
    settings: Settings, opened: Callable[..., Jobs]
) -> None:
    jobs = opened(settings)
    job = jobs.start(DemoRequest())
    with write_transaction(jobs._engine) as connection:
        connection.execute(JOBS.update().values(workspace=""))
    assert jobs.get(job.job_id) == replace(job, workspace="")


def test_a_process_has_one_start() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        start = process_start(process.pid)
        assert start == process_start(process.pid) != process_start(os.getpid())
        process.kill()
        while process_start(process.pid):
            time.sleep(0.01)
        assert process_start(process.pid) == ""  # though a zombie still has the number
    assert process_start(process.pid) == ""
    assert this_machine() == this_machine() != ""
