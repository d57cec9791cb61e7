"""Jobs run in a process of their own, and everyone sees how they end."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from phantom_core.accounts.account_actors import Account
from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.sign_in import sign_in_demo
from phantom_core.core.errors import CancelledError, ConflictError, NotAllowedError, NotFoundError
from phantom_core.core.progress import Progress, ProgressValues, no_progress
from phantom_core.core.settings import Settings
from phantom_core.jobs.job_request import JobReport, JobRequest
from phantom_core.jobs.jobs import Job, Jobs
from phantom_core.use_cases.data.job_demo import DemoRequest
from phantom_core.use_cases.data.job_ingest import IngestRequest
from phantom_core.use_cases.data.load_totals import LoadTotals

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("open_sources")]

HEADER = "sessionId,ts,eventName\n"


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(Settings(workspace=tmp_path / "workspace"))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, open_sources: None) -> tuple[Path, Job, Job]:
    """A workspace where one job is done and one has failed: starting a worker takes seconds."""
    folder = tmp_path_factory.mktemp("ended")
    jobs = Jobs(Settings(workspace=folder / "workspace"))
    path = folder / "a.csv"
    path.write_text(HEADER + "s1,2026-03-01,search\n")
    started = (
        jobs.start(IngestRequest(paths=str(path))),
        jobs.start(IngestRequest(paths=str(folder / "nothing"))),
    )
    return folder / "workspace", wait(jobs, started[0]), wait(jobs, started[1])


def wait(jobs: Jobs, job: Job, *, until: tuple[str, ...] = ("done", "failed", "cancelled")) -> Job:
    for _ in range(600):
        job = jobs.get(job.job_id)
        if job.state in until:
            return job
        time.sleep(0.05)
    raise AssertionError(f"still {job.state}: {job.message}")


def large_file(folder: Path) -> Path:
    path = folder / "large.csv"
    path.write_text(
        HEADER + "".join(f"s{i},{1_772_359_200_000 + i},search\n" for i in range(600_000))
    )
    return path


def test_a_job_reports_what_came_out(ended: tuple[Path, Job, Job]) -> None:
    _, job, _ = ended
    assert (job.state, job.fraction, job.report_as(LoadTotals).accepted) == ("done", 1.0, 1)


def test_a_job_that_fails_says_why_in_one_sentence(ended: tuple[Path, Job, Job]) -> None:
    _, _, job = ended
    assert job.state == "failed"
    assert job.message.startswith("There is nothing to load at")


def test_a_cancelled_job_stops_and_leaves_nothing(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.start(IngestRequest(paths=str(large_file(tmp_path))))
    wait(jobs, job, until=("running",))
    jobs.cancel(job.job_id)
    assert wait(jobs, job).state == "cancelled"
    assert not (tmp_path / "workspace" / "lake" / "events").exists()


def test_a_dead_worker_is_noticed(jobs: Jobs, tmp_path: Path) -> None:
    job = wait(jobs, jobs.start(IngestRequest(paths=str(large_file(tmp_path)))), until=("running",))
    os.kill(job.pid, signal.SIGKILL)
    assert "died" in wait(jobs, job).message


def test_a_worker_starts_whatever_the_current_folder_is(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "s1,2026-03-01,search\n")
    monkeypatch.chdir("/")
    assert wait(jobs, jobs.start(IngestRequest(paths=(str(path),)))).state == "done"


def test_another_process_sees_the_same_jobs(ended: tuple[Path, Job, Job]) -> None:
    workspace, done, failed = ended
    elsewhere = Jobs(Settings(workspace=workspace))
    assert elsewhere.get(done.job_id) == done
    assert elsewhere.latest("ingest") in ([failed], [done])
    assert elsewhere.active() == []


def test_progress_stops_cancelled_work(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    job = jobs.start(DemoRequest())
    jobs.take(job.job_id)
    progress = jobs.progress(job.job_id)
    progress(0.5, "half")
    assert jobs.get(job.job_id).message == "half"
    jobs.cancel(job.job_id)
    time.sleep(0.25)
    with pytest.raises(CancelledError):
        progress(0.6, "more")


@dataclass(frozen=True, slots=True)
class Balls(ProgressValues):
    in_the_air: int
    dropped: int | None


@dataclass(frozen=True, slots=True)
class Clubs(ProgressValues):
    in_the_air: int


def test_values_stand_beside_the_sentence_until_newer_ones_come(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "_spawn", lambda self, *_: None)
    job = jobs.start(DemoRequest())
    assert job.progress_as(Balls) is None
    jobs.take(job.job_id)
    jobs.progress(job.job_id)(0.2, "juggling", Balls(3, None))
    jobs.progress(job.job_id)(0.3, "resting")
    found = jobs.get(job.job_id)
    assert (found.message, found.progress_as(Balls), found.progress_as(Clubs)) == (
        "resting",
        Balls(3, None),
        None,
    )


def test_an_unknown_job_is_said_so(jobs: Jobs) -> None:
    with pytest.raises(NotFoundError, match="no job"):
        jobs.get("nope")


def test_a_password_is_forgotten_once_the_worker_has_it(jobs: Jobs) -> None:
    job = wait(
        jobs, jobs.start(IngestRequest(experiments="postgresql://me:secret@127.0.0.1:1/none"))
    )
    assert "does not answer" in job.message
    assert job.request_as(IngestRequest) == IngestRequest(
        experiments="postgresql://127.0.0.1:1/none"
    )


def test_a_finished_job_is_not_done_again(ended: tuple[Path, Job, Job]) -> None:
    workspace, _, job = ended
    jobs = Jobs(Settings(workspace=workspace))
    with pytest.raises(ConflictError, match="is failed"):
        jobs.take(job.job_id)


class Juggle(JobRequest):
    kind = "juggle"
    title = "Juggle"

    def run(
        self, settings: Settings, *, now_ms: int, progress: Progress = no_progress
    ) -> JobReport:
        raise AssertionError("The worker does not know this kind.")


def test_unknown_work_fails_in_plain_words(jobs: Jobs) -> None:
    assert wait(jobs, jobs.start(Juggle())).message.startswith("There is no job called 'juggle'.")


def test_work_that_ended_is_started_again_under_a_name(jobs: Jobs, tmp_path: Path) -> None:
    sign_in_demo(jobs._engine, "demo-analyst", now_ms=1, hours=1)
    path = tmp_path / "later.csv"
    with acting_as(Account("demo-analyst"), jobs._settings):
        first = wait(jobs, jobs.start(IngestRequest(paths=str(path))))
    assert (first.state, first.who) == ("failed", "demo-analyst")
    path.write_text(HEADER + "s1,2026-03-01,search\n")
    again = wait(jobs, jobs.restart(first.job_id))
    assert (again.state, again.who) == ("done", Internal.SHELL)
    with acting_as(Account("nobody"), jobs._settings), pytest.raises(NotAllowedError):
        jobs.start(IngestRequest())
