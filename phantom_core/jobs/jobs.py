"""Jobs: long work in a process of its own, which users can watch and cancel.

A worker holds its job by a lease that it renews by the database's clock, so that every machine can
find out whether the worker is still alive.
"""

import json
import os
import re
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Final, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from phantom_core.accounts.actors import Actor, current_acting, is_internal
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import (
    CancelledError,
    ConflictError,
    DataError,
    NotFoundError,
    PhantomError,
    UnavailableError,
)
from phantom_core.core.program import child_environment, phantom_command
from phantom_core.core.progress import Progress, ProgressValues
from phantom_core.core.settings import Settings
from phantom_core.core.workspace_id import workspace_id
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, database_now_ms, write_transaction
from phantom_core.database.constraints import forbid_change, frozen
from phantom_core.jobs.job_request import JobReport, JobRequest
from phantom_core.jobs.job_signature import SignedWork
from phantom_core.jobs.machine import process_start, this_machine
from phantom_core.signing.keys import Signature, public_keys, signing_key

_EMPTY: Final = sa.text("''")
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
    sa.Column("who", sa.String(128), nullable=False, server_default=_EMPTY),
    sa.Column("workspace", sa.String(32), nullable=False, server_default=_EMPTY),
    sa.Column("host", sa.String(255), nullable=False, server_default=_EMPTY),
    sa.Column("worker", sa.String(32), nullable=False, server_default=_EMPTY),
    sa.Column("worker_started", sa.String(64), nullable=False, server_default=_EMPTY),
    sa.Column("lease_until_ms", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("progress", sa.Text, nullable=True),
    sa.Column("key_id", sa.String(16), nullable=False, server_default=_EMPTY),
    sa.Column("signature", sa.String(88), nullable=False, server_default=_EMPTY),
)
frozen(JOBS, "job_id", "kind", "created_ms", "key_id", "signature")
forbid_change(
    JOBS,
    "jobs_once",
    "UPDATE OF state",
    "NEW.state = 'queued' AND OLD.state <> 'queued'",
    "a job is run once; the same work again is another job",
)
ACTIVE: Final = ("queued", "running")
_USER: Final = re.compile(r"://[^/\s\"]*@")
_PARAMETER: Final = re.compile(
    r"(?i)\b(password|passwd|passfile|sslpassword|pwd|secret|token|api_?key)=[^&\s\"]+"
)
_REPORT_EVERY_S: Final = 0.2
# Far longer than a worker takes to start; a signed row that is put back later is not run again.
_START_WITHIN_MS: Final = 600_000
_VALUES_OF: Final = "of"
Request = TypeVar("Request", bound=JobRequest)
Report = TypeVar("Report")
Values = TypeVar("Values", bound=ProgressValues)


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long a worker may be silent.

    Attributes:
        start_ms: from the request to the worker's first report.
        lease_ms: from one renewal to the next; longer than any pause of a healthy machine.
        renew_s: between two renewals, several of which fit into a lease.
    """

    start_ms: int = 60_000
    lease_ms: int = 30_000
    renew_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work.

    Attributes:
        arguments: the request, JSON; `request_as` reads it.
        state: queued, running, done, failed or cancelled.
        fraction: share done, in [0, 1].
        message: the current step, or the error it failed with.
        result: the use case's report once done, JSON; `report_as` reads it.
        pid: the worker's process; 0 while queued.
        created_ms: when it was requested, UTC.
        changed_ms: when it last reported something, UTC.
        who: login of the account that started it, or the internal actor; empty in old rows.
        progress: the last reported values, JSON; `progress_as` reads them, None without any.
        host: machine of the worker; empty while queued.
        workspace: id of the workspace that it belongs to; empty where the database has only one.
        key_id, signature: of the control side, over what was requested by whom; empty in old rows.
    """

    job_id: str
    kind: str
    arguments: str
    state: str
    fraction: float
    message: str
    result: str
    pid: int
    cancel: bool
    created_ms: int
    changed_ms: int
    who: str
    progress: str | None = None
    host: str = ""
    workspace: str = ""
    key_id: str = ""
    signature: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it is queued or running."""
        return self.state in ACTIVE

    def request_as(self, request: type[Request]) -> Request:
        """The request, by its type.

        Raises:
            InputError: a field that this version cannot use.
        """
        return request.from_json(self.arguments)

    def report_as(self, report: type[Report]) -> Report:
        """The report of a finished job, by its type; unknown fields are ignored.

        Raises:
            DataError: the report is of another type.
        """
        try:
            return TypeAdapter(report).validate_json(self.result)
        except ValidationError:
            raise DataError(
                f"The report of job '{self.job_id}' cannot be read.", hint="Start the job again."
            ) from None

    def progress_as(self, values: type[Values]) -> Values | None:
        """The last reported values, by their type; None where they are of another type."""
        found = json.loads(self.progress) if self.progress else {}
        if found.pop(_VALUES_OF, "") != values.__name__:
            return None
        return TypeAdapter(values).validate_python(found)


class Jobs:
    """The jobs of one workspace.

    Args:
        settings: names the workspace and the control database.
        host: names the machine whose processes can be inspected; this one unless given.
        lease: how long a worker may be silent.
    """

    def __init__(
        self, settings: Settings, *, host: str = "", lease: LeaseTimes = LeaseTimes()
    ) -> None:
        self._settings = settings
        self._engine = control_engine(settings)
        self._host = host or this_machine()
        self._lease = lease
        self._tokens: dict[str, str] = {}
        # A database inside the workspace has no other workspace's jobs; jobs from before there were
        # ids belong to all workspaces.
        self._workspace = workspace_id(settings.workspace) if settings.database_url else ""
        self._is_ours = (
            JOBS.c.workspace.in_(("", self._workspace)) if self._workspace else sa.true()
        )

    def start(self, request: JobRequest) -> Job:
        """Store a job of the current actor and start its worker.

        Args:
            request: the work.
        Raises:
            NotSignedInError, NotAllowedError: the actor has read access only.
        """
        return self._queue(request.kind, request.to_json())

    def _queue(self, kind: str, arguments: str) -> Job:
        who = str(self._require(Permission.WORK))
        if self._settings.paths.pending_erasure.exists() and kind != "retention":
            raise ConflictError(
                "Personal data is being erased, so no work can be started.",
                hint="Try again in a moment. After an interruption, finish it: privacy resume.",
            )
        work = SignedWork(
            uuid.uuid4().hex, self._workspace, kind, without_secrets(arguments), who, _now_ms()
        )
        signed = work.sign(signing_key(self._settings))
        with self._engine.begin() as connection:
            connection.execute(
                JOBS.insert().values(
                    **asdict(work),
                    key_id=signed.key_id,
                    signature=signed.value,
                    state="queued",
                    fraction=0.0,
                    message="starting",
                    result="{}",
                    pid=0,
                    cancel=False,
                    changed_ms=work.created_ms,
                    lease_until_ms=database_now_ms() + self._lease.start_ms,
                )
            )
        self._spawn(work.job_id, arguments if work.arguments != arguments else "")
        return self.get(work.job_id)

    def restart(self, job_id: str) -> Job:
        """Start the same work again in the name of the current actor; work that can be resumed
        continues where it stopped.

        Passwords are not stored, so work that needs one has to be started from its page.

        Raises:
            NotFoundError: no such job.
            ConflictError: it is still running, or its row is not what was requested.
            NotSignedInError, NotAllowedError: the actor has read access only.
        """
        job = self.get(job_id)
        if job.is_active:
            raise ConflictError(
                "This work is still running.", hint="Wait for it, or cancel it first."
            )
        self._require_signed(job)
        return self._queue(job.kind, job.arguments)

    def get(self, job_id: str) -> Job:
        """One job; it is marked as failed if its worker is gone.

        Raises:
            NotFoundError: no such job in this workspace.
        """
        found = self._find(JOBS.c.job_id == job_id)
        if not found:
            raise NotFoundError(f"There is no job '{job_id}'.")
        return found[0]

    def latest(self, kind: str | None = None, *, limit: int = 1) -> list[Job]:
        """The newest jobs, of one kind or of all."""
        return self._find(JOBS.c.kind == kind if kind else sa.true(), limit=limit)

    def active(self) -> list[Job]:
        """Queued and running jobs, oldest first."""
        return [job for job in reversed(self._find(JOBS.c.state.in_(ACTIVE))) if job.is_active]

    def cancel(self, job_id: str) -> None:
        """Cancel a job; it stops at its next step. Cancelling another's job needs the kill switch.

        Raises:
            NotFoundError: no such job.
            NotSignedInError, NotAllowedError: the actor has read access only, or may cancel own
                jobs only.
        """
        actor, job = self._require(Permission.WORK), self.get(job_id)
        if job.who != str(actor) and not is_internal(job.who):
            self._require(Permission.KILL)
        if self._change(job_id, sa.and_(self._is_ours, JOBS.c.state.in_(ACTIVE)), cancel=True):
            with write_transaction(self._engine) as connection:
                audit.append_entry(
                    connection,
                    _now_ms(),
                    str(actor),
                    "job.cancelled",
                    f"job {job_id}",
                    {"kind": job.kind, "started_by": job.who},
                )

    def take(self, job_id: str, secrets: str = "") -> Job:
        """Become a queued job's worker; a job that the control side did not request has failed.

        Args:
            job_id: which.
            secrets: the request with its passwords, JSON; empty where the row holds all of it.
        Returns:
            The job; its arguments have the passwords.
        Raises:
            ConflictError: it is not queued any more, or not what was requested.
        """
        self.get(job_id)  # fails one that waited too long
        token = uuid.uuid4().hex
        taken = self._change(
            job_id,
            JOBS.c.state == "queued",
            state="running",
            pid=os.getpid(),
            host=self._host,
            worker=token,
            worker_started=process_start(os.getpid()) or "",
            lease_until_ms=self._lease_end(),
        )
        if not taken:
            raise ConflictError(f"The job is {self.get(job_id).state}, so it is not started.")
        self._tokens[job_id] = token
        try:
            taken_job = self._requested(self.get(job_id), secrets)
        except PhantomError as error:
            self.fail(job_id, error)
            raise
        return taken_job

    @contextmanager
    def heartbeat(self, job_id: str) -> Iterator[None]:
        """Renew the lease of a job that was taken, also while its work reports nothing."""
        stop = threading.Event()
        thread = threading.Thread(
            target=self._renew, args=(job_id, stop), daemon=True, name=f"heartbeat {job_id}"
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def progress(self, job_id: str) -> Progress:
        """Progress of a job that was taken, stored a few times a second at most.

        It raises CancelledError once the job was cancelled, and ConflictError once the lease was
        lost, since another worker may have started by then.
        """
        last_s = 0.0

        def report(fraction: float, message: str, values: ProgressValues | None = None) -> None:
            nonlocal last_s
            if time.monotonic() - last_s < _REPORT_EVERY_S:
                return
            last_s = time.monotonic()
            stored = (
                {"progress": json.dumps({_VALUES_OF: type(values).__name__, **asdict(values)})}
                if values
                else {}
            )
            self._write(
                job_id,
                fraction=min(1.0, max(0.0, fraction)),
                message=message,
                lease_until_ms=self._lease_end(),
                **stored,
            )
            if self.get(job_id).cancel:
                raise CancelledError("Cancelled.")

        return report

    def finish(self, job_id: str, report: JobReport) -> None:
        """Store the report of a job.

        Raises:
            ConflictError: the lease was lost, so nothing is written.
        """
        self._write(
            job_id,
            state="done",
            fraction=1.0,
            message="done",
            result=json.dumps(dict(report.to_json())),
        )

    def fail(self, job_id: str, error: PhantomError) -> None:
        """Store the error of a job; nothing where the lease was lost."""
        state = "cancelled" if isinstance(error, CancelledError) else "failed"
        self._change(
            job_id, self._is_held(job_id), state=state, message=without_secrets(str(error))
        )

    def _requested(self, job: Job, secrets: str) -> Job:
        """A job as it was requested, with its passwords.

        It is read after it was taken, so that a row that changes meanwhile is not missed.
        """
        self._require_signed(job)
        if _now_ms() - job.created_ms > _START_WITHIN_MS:
            raise ConflictError(
                f"Job '{job.job_id}' was requested too long ago to be started now.",
                hint="Start the work from its page, or with its command.",
            )
        if secrets and without_secrets(secrets) != job.arguments:
            raise ConflictError(
                f"Job '{job.job_id}' was started with other options than were requested.",
                hint="Start the work from its page, or with its command.",
            )
        return replace(job, arguments=secrets or job.arguments)

    def _require_signed(self, job: Job) -> None:
        """Reject a job whose row is not what the control side signed.

        Raises:
            ConflictError: it was changed or inserted with SQL, or is of an earlier release.
        """
        work = SignedWork(*(getattr(job, name) for name in SignedWork.__slots__))
        work.require_signed(public_keys(self._settings), Signature(job.key_id, job.signature))

    def _require(self, permission: Permission) -> Actor:
        actor = current_acting().actor
        actor.require(permission, self._settings)
        return actor

    def _find(self, condition: sa.ColumnElement[bool], *, limit: int | None = None) -> list[Job]:
        """Jobs of this workspace, newest first; those whose worker is gone fail now."""
        query = (
            _WITH_LEASE.where(self._is_ours, condition)
            .order_by(JOBS.c.created_ms.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [self._validated(row) for row in rows]

    def _validated(self, row: sa.RowMapping) -> Job:
        """A job as it was read, or as failed where its worker is gone."""
        problem = self._abandoned(row)
        if not problem:
            return _job(row)
        # The worker may have renewed its lease since, so the job fails only if it is unchanged.
        unchanged = sa.and_(
            JOBS.c.state == row["state"],
            JOBS.c.worker == row["worker"],
            JOBS.c.lease_until_ms == row["lease_until_ms"],
        )
        self._change(
            row["job_id"], unchanged, state="failed", message=f"{problem} Start the job again."
        )
        with self._engine.connect() as connection:
            return _job(
                connection.execute(_WITH_LEASE.where(JOBS.c.job_id == row["job_id"]))
                .mappings()
                .one()
            )

    def _abandoned(self, row: sa.RowMapping) -> str:
        """Why the worker of an active job is gone; empty while it may still work."""
        if row["state"] not in ACTIVE:
            return ""
        if (
            row["state"] == "running"
            and row["host"] == self._host
            and process_start(row["pid"]) not in (row["worker_started"], None)
        ):
            return "The worker process died."
        if not row["is_expired"]:
            return ""
        if row["state"] == "queued":
            return f"No worker started; see logs/{row['job_id']}.log in the workspace."
        return (
            f"The worker on {row['host'].split(' ')[0] or 'an unknown machine'} stopped answering."
        )

    def _is_held(self, job_id: str) -> sa.ColumnElement[bool]:
        """Whether this process still is the job's worker."""
        return sa.and_(JOBS.c.state == "running", JOBS.c.worker == self._tokens.get(job_id))

    def _lease_end(self) -> sa.ColumnElement[int]:
        return database_now_ms() + self._lease.lease_ms

    def _renew(self, job_id: str, stop: threading.Event) -> None:
        held = (
            JOBS.update()
            .where(JOBS.c.job_id == job_id, self._is_held(job_id))
            .values(lease_until_ms=self._lease_end())
        )
        while not stop.wait(self._lease.renew_s):
            try:
                with self._engine.begin() as connection:
                    if connection.execute(held).rowcount != 1:
                        return  # lost, which the work notices at its next step
            except (UnavailableError, sa.exc.DBAPIError, sa.exc.TimeoutError):
                continue  # a database that is briefly unavailable; the lease lasts longer

    def _write(self, job_id: str, **values: object) -> None:
        if not self._change(job_id, self._is_held(job_id), **values):
            raise ConflictError(
                "This worker lost its job, so it stops and writes no result.",
                hint=f"The job is {self.get(job_id).state}.",
            )

    def _change(self, job_id: str, condition: sa.ColumnElement[bool], **values: object) -> bool:
        change = JOBS.update().where(JOBS.c.job_id == job_id, condition)
        with self._engine.begin() as connection:
            return connection.execute(change.values(changed_ms=_now_ms(), **values)).rowcount == 1

    def _spawn(self, job_id: str, secrets: str) -> None:
        """Start a worker; secrets reach it through a pipe, so they are stored nowhere."""
        log_folder = self._settings.paths.logs
        log_folder.mkdir(parents=True, exist_ok=True)
        workspace = str(self._settings.workspace.absolute())
        command = phantom_command("job", job_id, "--workspace", workspace)
        if secrets:
            command.append("--secrets")
        environment = child_environment(os.environ)
        with (log_folder / f"{job_id}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if secrets else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        if process.stdin:
            with suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write(secrets.encode())
        # Waited for, so that a dead worker does not look alive as a zombie.
        threading.Thread(target=process.wait, daemon=True).start()


def without_secrets(text: str) -> str:
    """A text without the users and passwords of the addresses in it.

    >>> without_secrets("postgresql://me:pass@db/shop?password=word&sslmode=require")
    'postgresql://db/shop?password=***&sslmode=require'
    """
    return _PARAMETER.sub(r"\1=***", _USER.sub("://", text))


_WITH_LEASE: Final = sa.select(
    *(JOBS.c[name] for name in Job.__slots__),
    JOBS.c.worker,
    JOBS.c.worker_started,
    JOBS.c.lease_until_ms,
    (JOBS.c.lease_until_ms < database_now_ms()).label("is_expired"),
)


def _job(row: sa.RowMapping) -> Job:
    return Job(**{name: row[name] for name in Job.__slots__})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
