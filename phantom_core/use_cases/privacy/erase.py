"""Erase: remove everything about a session, an experiment subject or an account, for good."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from filelock import FileLock, Timeout

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import has_administrator, require_permission
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.errors import ConflictError, DataError, NotAllowedError, NotFoundError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.features.store import FeatureStore
from phantom_core.jobs.jobs import Jobs
from phantom_core.lake.erased import ErasedIds
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.lake.load import finish_interrupted
from phantom_core.messages.segments import blank_records, list_segments
from phantom_core.model_store.store import replace_file
from phantom_core.use_cases.operations.drain_decisions import drain_decisions
from phantom_core.use_cases.privacy.control_rows import (
    compact_database,
    erase_account,
    erase_texts,
)
from phantom_core.use_cases.privacy.personal_data import (
    PersonalData,
    PersonKind,
    find_personal_data,
    sql_list,
)
from phantom_core.use_cases.privacy.remains import find_remains
from phantom_core.use_cases.privacy.server_keys import erase_keys
from phantom_core.use_cases.privacy.workspace_files import erase_files

_BY_SESSION: Final = ("events", "quotes", "decisions", "session_labels")
_POLL_S: Final = 0.5
# What stays after an erasure, and why.
KEPT: Final = (
    "Models keep what they learned from all sessions together; no row, id or feature of a single "
    "session can be read from their weights. Retrain to leave the session out.",
    "The audit chain keeps the entry of this erasure with a keyed hash of the id, to show that the "
    "erasure was done; it holds no session ids.",
    "Evidence of change requests, and reports, keep figures over all sessions, since they are why "
    "prices were approved.",
    "Brokers of Kafka topics and backups keep their copies for as long as their own retention "
    "says.",
)
KEPT_OF_ACCOUNT: Final = (
    "The audit chain, change requests, decisions, evidence and releases keep the login, since they "
    "show who was responsible for prices; the name, the password and the sign-ins are gone.",
)


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What an erasure removed.

    Attributes:
        kind: session, subject or account.
        digest: keyed hash of the id, as in the audit chain.
        sessions: how many sessions it was.
        rows: removed rows by place: tables of the lake, of the control database, segments.
        files: rewritten or removed files of the workspace, and how many rows or lines each lost.
        keys: removed keys of the pricing server.
        kept: what stays, and why, one sentence each.
        remains: places that still hold an id, one sentence each; empty as a rule.
    """

    kind: PersonKind
    digest: str
    sessions: int
    rows: dict[str, int]
    files: dict[str, int]
    keys: int
    kept: tuple[str, ...]
    remains: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The report as plain values."""
        return asdict(self)


@requires(Permission.PRIVACY)
def erase_personal_data(
    settings: Settings,
    who: str,
    kind: PersonKind,
    name: str,
    *,
    now_ms: int,
    wait_s: float = 0.0,
    progress: Progress = no_progress,
) -> ErasureReport:
    """Erase everything about a session, subject or account; a second call removes what is left.

    Jobs that could read or write its data must have ended, and none starts meanwhile. An erasure
    that is interrupted is finished by `resume_erasure`, or by erasing the same name again. What is
    erased is not loaded again: rows of it are counted and refused.

    Args:
        settings: of the installation.
        who: login of an account that may erase, or MACHINE.
        kind: what the name is of.
        name: session id, subject name or login.
        now_ms: the clock, UTC milliseconds.
        wait_s: wait so long for running jobs, seconds.
        progress: called after every step.
    Raises:
        NotAllowedError: not by this account.
        ConflictError: jobs are running, or another erasure is.
        NotFoundError: no such account.
    """
    _require(settings, who, kind)
    data = find_personal_data(open_lake(settings), kind, name)
    with _one_erasure(settings):
        if pending := _pending(settings):
            if (pending.kind, pending.name) != (data.kind, data.name):
                raise ConflictError(
                    "An earlier erasure was interrupted.", hint="Finish it: privacy resume."
                )
            data = _joined(pending, data)
        if kind != "account":  # which is one transaction
            _begin(settings, data)
        try:
            wait_for_jobs(settings, wait_s)
        except ConflictError:
            if not pending:
                settings.paths.pending_erasure.unlink(missing_ok=True)
            raise
        return _erase(settings, who, data, now_ms, progress)


@requires(Permission.PRIVACY)
def resume_erasure(
    settings: Settings, who: str, *, now_ms: int, wait_s: float = 0.0
) -> ErasureReport:
    """Finish an erasure that was interrupted.

    Raises:
        NotFoundError: there is none.
        NotAllowedError, ConflictError: as `erase_personal_data`.
    """
    _require(settings, who, "session")
    with _one_erasure(settings):
        pending = _pending(settings)
        if pending is None:
            raise NotFoundError("No erasure was interrupted.")
        wait_for_jobs(settings, wait_s)
        return _erase(settings, who, pending, now_ms, no_progress)


@requires(Permission.READ)
def is_erasure_pending(settings: Settings) -> bool:
    """Whether an erasure runs, or was interrupted."""
    return settings.paths.pending_erasure.exists()


@requires(Permission.PRIVACY)
def allow_again(settings: Settings, who: str, kind: PersonKind, name: str, *, now_ms: int) -> int:
    """Allow an erased session or subject to be loaded again.

    Returns:
        How many ids were erased before; 0 for none.
    """
    _require(settings, who, "session")
    ids = ErasedIds(settings.workspace)
    if kind == "account":
        return 0
    n_ids = ids.forget(kind, [name])
    details = {"kind": kind, "digest": ids.digest(kind, name)}
    with write_transaction(control_engine(settings)) as connection:
        audit.append_entry(connection, now_ms, who, "privacy.allowed", "personal data", details)
    return n_ids


def _erase(
    settings: Settings, who: str, data: PersonalData, now_ms: int, progress: Progress
) -> ErasureReport:
    ids, rows = ErasedIds(settings.workspace), dict[str, int]()
    files, n_keys = dict[str, int](), 0
    if data.kind == "account":
        rows |= erase_account(settings, data.name, who, now_ms=now_ms)
    else:
        # First of all, so that nothing of it is loaded while it is being erased.
        ids.add("session", data.sessions, now_ms=now_ms)
        ids.add("experiment", data.experiments, now_ms=now_ms)
        if data.kind == "subject":
            ids.add("subject", [data.name], now_ms=now_ms)
        steps: tuple[tuple[str, Callable[[], Mapping[str, int]]], ...] = (
            ("messages", lambda: _erase_messages(settings, data)),
            ("lake", lambda: _erase_tables(open_lake(settings), data)),
            ("features", lambda: _erase_features(open_lake(settings))),
            ("control database", lambda: erase_texts(settings, data)),
        )
        for n, (what, step) in enumerate(steps):
            progress(n / 6, f"erasing: {what}")
            rows |= step()
        progress(4 / 6, "erasing: files")
        files = {
            one.path: one.n_removed for one in erase_files(settings, data) if one.outcome != "left"
        }
        n_keys = erase_keys(settings, data)
    compact_database(settings)
    report = ErasureReport(
        data.kind,
        ids.digest(data.kind, data.name),
        len(data.sessions),
        {place: n for place, n in rows.items() if n},
        files,
        n_keys,
        KEPT_OF_ACCOUNT if data.kind == "account" else KEPT,
        () if data.kind == "account" else tuple(find_remains(settings, data)),
    )
    _record(settings, who, report, now_ms)
    settings.paths.pending_erasure.unlink(missing_ok=True)
    return report


def _erase_messages(settings: Settings, data: PersonalData) -> dict[str, int]:
    """Blank the records of topics and of the decision log that are kept in segments."""
    drain_decisions(settings)
    folders = [settings.paths.decisions]
    if settings.paths.inbox.is_dir():
        folders += [path for path in settings.paths.inbox.iterdir() if path.is_dir()]
    found: dict[str, int] = {}
    for folder in folders:
        for path in list_segments(folder):
            found[f"segments of {folder.name}"] = found.get(
                f"segments of {folder.name}", 0
            ) + blank_records(path, data.is_in)
    return found


def _erase_tables(lake: Lake, data: PersonalData) -> dict[str, int]:
    found: dict[str, int] = {}
    with lake.lock:
        finish_interrupted(lake)
        for table in _BY_SESSION:
            predicate = f"session_id IN {sql_list(data.sessions)}"
            found[table] = lake.erase(table, predicate) if data.sessions else 0
        if data.experiments or data.kind == "subject":
            subjects = [data.name] if data.kind == "subject" else []
            predicate = (
                f"experiment_id IN {sql_list(data.experiments or ('',))} OR subject_name IN "
                f"{sql_list(subjects or ('',))}"
            )
            found["experiments"] = lake.erase("experiments", predicate)
        if predicate := _quarantined(lake, data):
            found["quarantine"] = lake.erase("quarantine", predicate)
    return found


def _quarantined(lake: Lake, data: PersonalData) -> str:
    """SQL that holds for refused rows with one of the ids in their text; empty for none."""
    files = lake.files("quarantine")
    if not files or not data.words:
        return ""
    with lake.connect(()) as connection:
        names = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        rows = connection.execute(
            f"SELECT load_id, line, concat_ws(' ', raw, detail) FROM read_parquet([{names}]) "
            "WHERE list_has_any([true], list_transform(?::VARCHAR[], lambda one: "
            "contains(concat_ws(' ', raw, detail), one)))",
            [list(data.words)],
        ).fetchall()
    meant = [(load_id, line) for load_id, line, text in rows if data.is_in(text)]
    return " OR ".join(f"(load_id = '{load_id}' AND line = {int(line)})" for load_id, line in meant)


def _erase_features(lake: Lake) -> dict[str, int]:
    store = FeatureStore(lake)
    if store.root.is_dir():
        store.refresh()
        store.forget_replaced()
    return {}


def _record(settings: Settings, who: str, report: ErasureReport, now_ms: int) -> None:
    details = {
        "kind": report.kind,
        "digest": report.digest,
        "sessions": report.sessions,
        "rows": report.rows,
        "files": len(report.files),
        "keys": report.keys,
        "remains": len(report.remains),
    }
    with write_transaction(control_engine(settings)) as connection:
        audit.append_entry(connection, now_ms, who, "privacy.erased", "personal data", details)


def _require(settings: Settings, who: str, kind: PersonKind) -> None:
    with control_engine(settings).connect() as connection:
        if not isinstance(who, Internal):
            require_permission(connection, who, Permission.PRIVACY)
        elif kind == "account" and has_administrator(connection):
            raise NotAllowedError(
                "An account is erased by an administrator.", hint="Name one with --as."
            )


@requires(Permission.WORK)
def wait_for_jobs(settings: Settings, wait_s: float) -> None:
    """Wait until no job runs that could read or write what is to be deleted.

    Raises:
        ConflictError: one still does after `wait_s` seconds.
    """
    deadline_s = time.monotonic() + wait_s
    jobs = Jobs(settings)
    while running := [job for job in jobs.active() if job.kind != "retention"]:
        if time.monotonic() >= deadline_s:
            raise ConflictError(
                f"The job {running[0].kind} {running[0].job_id[:8]} may read or write this data.",
                hint="Wait until it has ended, or cancel it.",
            )
        time.sleep(_POLL_S)


class _one_erasure:  # noqa: N801 - used like contextlib's
    """One erasure at a time in a workspace."""

    def __init__(self, settings: Settings) -> None:
        path = settings.paths.pending_erasure.with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path, timeout=0)

    def __enter__(self) -> None:
        try:
            self._lock.acquire()
        except Timeout:
            raise ConflictError("Another erasure is running.", hint="Try again later.") from None

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _begin(settings: Settings, data: PersonalData) -> None:
    names = ("kind", "name", "sessions", "experiments")
    content = {name: getattr(data, name) for name in names}
    replace_file(settings.paths.pending_erasure, json.dumps(content).encode())


def _pending(settings: Settings) -> PersonalData | None:
    path = settings.paths.pending_erasure
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_bytes())
        return PersonalData(
            found["kind"], found["name"], tuple(found["sessions"]), tuple(found["experiments"])
        )
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path} cannot be read.", hint="Delete it and erase again.") from None


def _joined(before: PersonalData, now: PersonalData) -> PersonalData:
    return replace(
        now,
        sessions=tuple(sorted({*before.sessions, *now.sessions})),
        experiments=tuple(sorted({*before.experiments, *now.experiments})),
    )
