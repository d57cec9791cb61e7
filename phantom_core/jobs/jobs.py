"""Jobs: long work in a process of its own, which anyone can watch and stop."""

import json
import os
import re
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.core.errors import CancelledError, ConflictError, NotFoundError, PhantomError
from phantom_core.core.progress import Progress
from phantom_core.core.settings import Settings
from phantom_core.database.connection import METADATA, open_database
from phantom_core.program import child_environment, phantom_command

JOBS: Final = sa.Table(
    "jobs",
    METADATA,
    sa.Column("job_id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("fraction", sa.Float, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(128), nullable=False, server_default=""),
)
ACTIVE: Final = ("queued", "running")
_PASSWORD: Final = re.compile(r"://[^/@\s\"]*@")
_REPORT_EVERY_S: Final = 0.2
_START_WITHIN_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work.

    Attributes:
        state: queued, running, done, failed or cancelled.
        fraction: share done, in [0, 1].
        message: what is being done, or the sentence it failed with.
        result: the workflow's report once done.
        pid: the worker's process; 0 while queued.
        created_ms: when it was asked for, UTC.
        changed_ms: when it last said something, UTC.
        who: login of who asked for it; empty for this machine's own doing.
    """

    job_id: str
    kind: str
    arguments: Mapping[str, object]
    state: str
    fraction: float
    message: str
    result: Mapping[str, object]
    pid: int
    cancel: bool
    created_ms: int
    changed_ms: int
    who: str

    @property
    def is_active(self) -> bool:
        """Whether it is still to be waited for."""
        return self.state in ACTIVE


class Jobs:
    """The jobs of one workspace.

    Args:
        settings: names the workspace and the control database.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = open_database(settings.database_url, settings.workspace)

    def start(self, kind: str, arguments: Mapping[str, object], *, who: str | None = None) -> Job:
        """Write a job down and start its worker.

        Args:
            kind: of the work.
            arguments: to it.
            who: login of who asks; None for this machine's own doing.
        Raises:
            NotAllowedError: this person may only look.
        """
        now_ms = _now_ms()
        job_id = uuid.uuid4().hex
        with self._engine.begin() as connection:
            if who is not None:
                require_permission(connection, who, Permission.WORK)
            connection.execute(
                JOBS.insert().values(
                    job_id=job_id,
                    kind=kind,
                    arguments=json.dumps(dict(arguments)),
                    state="queued",
                    fraction=0.0,
                    message="starting",
                    result="{}",
                    pid=0,
                    cancel=False,
                    created_ms=now_ms,
                    changed_ms=now_ms,
                    who=who or "",
                )
            )
        self._spawn(job_id)
        return self.get(job_id)

    def again(self, job_id: str, *, who: str | None = None) -> Job:
        """Start the same work once more; work that can be resumed goes on where it stopped.

        Raises:
            NotFoundError: no such job.
            ConflictError: it is still running.
        """
        job = self.get(job_id)
        if job.is_active:
            raise ConflictError(
                "This work is still running.", hint="Wait for it, or cancel it first."
            )
        return self.start(job.kind, job.arguments, who=who)

    def get(self, job_id: str) -> Job:
        """One job; a job whose worker is gone is found to have failed.

        Raises:
            NotFoundError: no such job.
        """
        with self._engine.begin() as connection:
            row = (
                connection.execute(JOBS.select().where(JOBS.c.job_id == job_id)).mappings().first()
            )
        if row is None:
            raise NotFoundError(f"There is no job '{job_id}'.")
        job = _job(row)
        if not _is_abandoned(job):
            return job
        # The worker may have finished between the two looks, so only a job that is still active
        # fails here.
        self._change(
            job_id,
            only_from=ACTIVE,
            state="failed",
            message="The worker process died. Start the job again.",
        )
        with self._engine.begin() as connection:
            return _job(
                connection.execute(JOBS.select().where(JOBS.c.job_id == job_id)).mappings().one()
            )

    def latest(self, kind: str | None = None, *, limit: int = 1) -> list[Job]:
        """The newest jobs, of one kind or of all."""
        query = sa.select(JOBS.c.job_id).order_by(JOBS.c.created_ms.desc()).limit(limit)
        query = query.where(JOBS.c.kind == kind) if kind else query
        with self._engine.begin() as connection:
            found = connection.execute(query).scalars().all()
        return [self.get(job_id) for job_id in found]

    def active(self) -> list[Job]:
        """Jobs to be waited for, oldest first."""
        with self._engine.begin() as connection:
            found = (
                connection.execute(
                    sa.select(JOBS.c.job_id)
                    .where(JOBS.c.state.in_(ACTIVE))
                    .order_by(JOBS.c.created_ms)
                )
                .scalars()
                .all()
            )
        return [job for job in map(self.get, found) if job.is_active]

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; it does so at its next step."""
        self._change(job_id, only_from=ACTIVE, cancel=True)

    def take(self, job_id: str) -> Job:
        """Become a queued job's worker.

        Raises:
            ConflictError: it is not waiting for one any more.
        """
        job = self.get(job_id)
        # Only the worker needs the passwords that arguments may hold, so they are not kept.
        kept = _PASSWORD.sub("://", json.dumps(dict(job.arguments)))
        if not self._change(
            job_id, only_from=("queued",), state="running", pid=os.getpid(), arguments=kept
        ):
            raise ConflictError(f"The job is {self.get(job_id).state}, so it is not started.")
        return replace(self.get(job_id), arguments=job.arguments)

    def progress(self, job_id: str) -> Progress:
        """Progress that is written down, and that raises once somebody asked to stop."""
        last_s = 0.0

        def report(fraction: float, message: str) -> None:
            nonlocal last_s
            if time.monotonic() - last_s < _REPORT_EVERY_S:
                return
            last_s = time.monotonic()
            self._change(
                job_id,
                only_from=("running",),
                fraction=min(1.0, max(0.0, fraction)),
                message=message,
            )
            if self.get(job_id).cancel:
                raise CancelledError("Cancelled.")

        return report

    def finish(self, job_id: str, result: Mapping[str, object]) -> None:
        """Write down what came out."""
        self._change(
            job_id,
            only_from=ACTIVE,
            state="done",
            fraction=1.0,
            message="done",
            result=json.dumps(dict(result)),
        )

    def fail(self, job_id: str, error: PhantomError) -> None:
        """Write down what went wrong."""
        state = "cancelled" if isinstance(error, CancelledError) else "failed"
        self._change(job_id, only_from=ACTIVE, state=state, message=str(error))

    def _change(self, job_id: str, *, only_from: tuple[str, ...], **values: object) -> bool:
        change = JOBS.update().where(JOBS.c.job_id == job_id, JOBS.c.state.in_(only_from))
        with self._engine.begin() as connection:
            return connection.execute(change.values(changed_ms=_now_ms(), **values)).rowcount == 1

    def _spawn(self, job_id: str) -> None:
        log_folder = self._settings.workspace / "logs"
        log_folder.mkdir(parents=True, exist_ok=True)
        workspace = str(self._settings.workspace.absolute())
        command = phantom_command("job", job_id, "--workspace", workspace)
        environment = child_environment(os.environ)
        with (log_folder / f"{job_id}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        # Waited for, so that a dead worker does not look alive as a zombie.
        threading.Thread(target=process.wait, daemon=True).start()


def _job(row: sa.RowMapping) -> Job:
    return Job(
        **{**row, "arguments": json.loads(row["arguments"]), "result": json.loads(row["result"])}
    )


def _is_abandoned(job: Job) -> bool:
    if job.state == "queued":
        return _now_ms() - job.created_ms > _START_WITHIN_MS
    return job.state == "running" and not _is_alive(job.pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
