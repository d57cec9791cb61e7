"""Retention: delete what is older than the settings keep it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal, acting_as
from phantom_core.accounts.people import MACHINE
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.accounts.sign_in import SIGN_INS
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import RetentionSettings, Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.features.store import FeatureStore
from phantom_core.jobs.jobs import ACTIVE, JOBS
from phantom_core.lake.lake import Lake, open_lake
from phantom_core.lake.load import finish_interrupted
from phantom_core.use_cases.privacy.control_rows import compact_database
from phantom_core.use_cases.privacy.erase import is_erasure_pending, resume_erasure, wait_for_jobs
from phantom_core.use_cases.privacy.personal_data import sql_list

DAY_MS: Final = 86_400_000
_WAIT_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What was deleted.

    Attributes:
        deleted: rows and files by table or folder; those without any are left out.
    """

    deleted: dict[str, int]

    def to_json(self) -> dict[str, object]:
        """The report as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A kind of data, its setting, and what deletes it.

    Attributes:
        name: as in the report.
        days: of the settings; 0 keeps it.
        delete: takes the time before which data is too old, UTC milliseconds; returns how many
            rows and files there were, by table or folder.
    """

    name: str
    days: Callable[[RetentionSettings], int]
    delete: Callable[[Settings, int], dict[str, int]]


@requires(Permission.WORK)
def apply_retention(
    settings: Settings, *, now_ms: int, progress: Progress = no_progress
) -> RetentionReport:
    """Delete everything that is older than its retention; an interrupted erasure is finished first.

    What is deleted is gone from earlier versions of its table too. The run is audited.

    Args:
        settings: of the installation.
        now_ms: the clock, UTC milliseconds.
        progress: called after every step.
    Raises:
        ConflictError: other jobs run that may read what is to be deleted.
    """
    wait_for_jobs(settings, _WAIT_S)
    if is_erasure_pending(settings):
        with acting_as(Internal.SHELL):  # completes what an administrator began
            resume_erasure(settings, MACHINE, now_ms=now_ms)
    due = [rule for rule in _RULES if rule.days(settings.retention)]
    deleted: dict[str, int] = {}
    for n, rule in enumerate(due):
        progress(n / len(due), f"deleting old {rule.name}")
        deleted |= rule.delete(settings, now_ms - rule.days(settings.retention) * DAY_MS)
    found = {name: n for name, n in deleted.items() if n}
    if found:
        compact_database(settings)
        with write_transaction(control_engine(settings)) as connection:
            audit.append_entry(
                connection, now_ms, MACHINE, "privacy.retention", "personal data", found
            )
    return RetentionReport(found)


def _delete_events(settings: Settings, before_ms: int) -> dict[str, int]:
    """Sessions whose last event is too old, as a whole, with their quotes, labels and features."""
    lake = open_lake(settings)
    with lake.lock:
        finish_interrupted(lake)
        with lake.connect(("events", "quotes")) as connection:
            # Sessions that reach over the limit stay whole; they are few.
            late = connection.execute(
                "SELECT session_key FROM (SELECT session_key, event_ms FROM events UNION ALL "
                "SELECT session_key, event_ms FROM quotes) GROUP BY session_key "
                "HAVING min(event_ms) < ? AND max(event_ms) >= ?",
                [before_ms, before_ms],
            ).fetchall()
            old = connection.execute(
                "SELECT DISTINCT session_id FROM events GROUP BY session_id HAVING "
                "max(event_ms) < ?",
                [before_ms],
            ).fetchall()
        kept = ", ".join(str(key) for (key,) in late)
        others = f" AND session_key NOT IN ({kept})" if kept else ""
        predicate = f"event_ms < {before_ms}{others}"
        found = {table: lake.erase(table, predicate) for table in ("events", "quotes")}
        found["session_labels"] = _delete_labels(lake, [name for (name,) in old])
    store = FeatureStore(lake)
    if found["events"] and store.root.is_dir():
        store.refresh()
        store.forget_replaced()
    return found


def _delete_labels(lake: Lake, sessions: list[str]) -> int:
    n_rows = 0
    for start in range(0, len(sessions), 1_000):
        names = sql_list(sessions[start : start + 1_000])
        lake.delete("session_labels", f"session_id IN {names}")
        n_rows += len(sessions[start : start + 1_000])
    lake.forget_history("session_labels")
    return n_rows


def _delete_quarantine(settings: Settings, before_ms: int) -> dict[str, int]:
    lake = open_lake(settings)
    with lake.lock, lake.connect(("loads",)) as connection:
        loads = connection.execute(
            "SELECT load_id FROM loads WHERE loaded_ms < ?", [before_ms]
        ).fetchall()
        if not loads:
            return {}
        predicate = f"load_id IN {sql_list(load_id for (load_id,) in loads)}"
        return {"quarantine": lake.erase("quarantine", predicate)}


def _delete_decisions(settings: Settings, before_ms: int) -> dict[str, int]:
    lake = open_lake(settings)
    with lake.lock:
        return {"decisions": lake.erase("decisions", f"decided_ms < {before_ms}")}


def _delete_uploads(settings: Settings, before_ms: int) -> dict[str, int]:
    files = [path for path in settings.paths.uploads.rglob("*") if path.is_file()]
    return {"uploads": sum(1 for path in _older(files, before_ms) if _unlink(path))}


def _delete_replays(settings: Settings, before_ms: int) -> dict[str, int]:
    paths = settings.paths
    stored = (*paths.replays.glob("*"), *paths.leakage.glob("*"))
    folders = [path for path in stored if path.is_dir()]
    found = list(_older(folders, before_ms))
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return {"replays": len(found)}


def _delete_jobs(settings: Settings, before_ms: int) -> dict[str, int]:
    with write_transaction(control_engine(settings)) as connection:
        old = sa.and_(JOBS.c.state.not_in(ACTIVE), JOBS.c.changed_ms < before_ms)
        names = connection.execute(sa.select(JOBS.c.job_id).where(old)).scalars().all()
        connection.execute(JOBS.delete().where(old))
    logs = [settings.paths.logs / f"{name}.log" for name in names]
    return {"jobs": len(names), "logs": sum(1 for path in logs if _unlink(path))}


def _delete_sign_ins(settings: Settings, before_ms: int) -> dict[str, int]:
    with write_transaction(control_engine(settings)) as connection:
        gone = connection.execute(SIGN_INS.delete().where(SIGN_INS.c.expires_ms < before_ms))
    return {"sign_ins": gone.rowcount}


def _older(paths: list[Path], before_ms: int) -> Iterator[Path]:
    for path in paths:
        if path.stat().st_mtime_ns // 1_000_000 < before_ms:
            yield path


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


_RULES: Final = (
    _Rule("events", lambda kept: kept.events_days, _delete_events),
    _Rule("refused rows", lambda kept: kept.quarantine_days, _delete_quarantine),
    _Rule("uploads", lambda kept: kept.uploads_days, _delete_uploads),
    _Rule("decisions", lambda kept: kept.decisions_days, _delete_decisions),
    _Rule("replays", lambda kept: kept.replays_days, _delete_replays),
    _Rule("jobs", lambda kept: kept.jobs_days, _delete_jobs),
    _Rule("sign-ins", lambda kept: kept.sign_ins_days, _delete_sign_ins),
)
