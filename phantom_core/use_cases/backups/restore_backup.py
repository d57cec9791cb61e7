"""Restore a backup into an empty workspace and an empty control database."""

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import anchor_file, control_engine, recover_chain
from phantom_core.core.errors import ConflictError, InputError
from phantom_core.core.settings import Settings
from phantom_core.database.audit import newest_entry
from phantom_core.database.connection import METADATA, write_transaction
from phantom_core.database.constraints import constraints, create_constraints, drop_constraints
from phantom_core.database.migrations import HEAD
from phantom_core.database.upgrade import import_tables
from phantom_core.model_store.store import write_durably
from phantom_core.use_cases.audit.verify_audit import AuditVerification, verify_audit
from phantom_core.use_cases.backups.backup_file import (
    WORKSPACE,
    table_rows,
    verify_backup,
)

_PRIVATE: Final = ("keys/",)
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored.

    Attributes:
        rows: rows of the control database.
        files: files of the workspace.
        lost: entries that an anchor outside the backup holds beyond it; 0 for none.
        notes: of the verification of the backup.
        audit: verification of the restored state.
    """

    rows: int
    files: int
    lost: int
    notes: tuple[str, ...]
    audit: AuditVerification


@requires(Permission.PRIVACY)
def restore_backup(settings: Settings, who: str, path: Path, *, now_ms: int) -> RestoreReport:
    """Restore a backup; where an anchor shows that newer entries are lost, the chain says so.

    Args:
        settings: name the empty workspace and database, and the anchor.
        who: the machine's owner, as there are no accounts yet.
        path: of the backup.
        now_ms: the clock, UTC milliseconds.
    Raises:
        ConflictError: the workspace or the database is not empty.
        InputError: the backup cannot be used.
    """
    _require_empty(settings)
    found = verify_backup(settings, path)
    if found.problems:
        raise InputError(f"The backup cannot be used. {found.problems[0]}")
    if found.manifest.revision != HEAD:
        raise InputError(
            f"The backup has revision {found.manifest.revision} of the database, expected {HEAD}.",
            hint="Restore it with the release that made it, and upgrade then.",
        )
    with tarfile.open(path) as archive:
        n_files = _restore_files(settings, archive, found.manifest.files)
        n_rows = _restore_rows(settings, archive)
    last, _ = anchor_file(settings).tail()
    lost = max(0, last.seq - found.manifest.n_entries) if last else 0
    if lost:
        why = f"restored from the backup {path.name}; {lost:,} newer entries are lost"
        recover_chain(settings, who, why, now_ms=now_ms, is_restored=True)
    return RestoreReport(n_rows, n_files, lost, found.notes, verify_audit(settings))


def _require_empty(settings: Settings) -> None:
    names = {"models", "lake", "rule_sets", "privacy"}
    if taken := sorted(path.name for path in settings.workspace.glob("*") if path.name in names):
        raise ConflictError(
            f"The workspace {settings.workspace} is not empty: it has {', '.join(taken)}.",
            hint="Restore into a new folder.",
        )
    with control_engine(settings).connect() as connection:
        if newest_entry(connection) is not None:
            raise ConflictError(
                "The control database is not empty.", hint="Restore into a new database."
            )


def _restore_files(settings: Settings, archive: tarfile.TarFile, files: dict[str, str]) -> int:
    root = settings.workspace.resolve()
    names = [name for name in files if name.startswith(WORKSPACE)]
    for name in names:
        target = (root / name.removeprefix(WORKSPACE)).resolve()
        if not target.is_relative_to(root):
            raise InputError(f"The backup has the file {name}, which lies outside the workspace.")
        is_anchor = target == settings.paths.audit_anchor.resolve()
        if is_anchor and settings.audit.anchor_file is not None:
            continue  # the one outside the backup knows more
        stream = archive.extractfile(name)
        assert stream is not None
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durably(target, stream.read())
        if name.removeprefix(WORKSPACE).startswith(_PRIVATE) or is_anchor:
            target.chmod(0o600)
    return len(names)


def _restore_rows(settings: Settings, archive: tarfile.TarFile) -> int:
    import_tables()
    n_rows = 0
    with write_transaction(control_engine(settings)) as connection:
        drop_constraints(connection)
        for table in METADATA.sorted_tables:
            connection.execute(table.delete())
            rows = table_rows(archive, table.name)
            for start in range(0, len(rows), _AT_ONCE):
                connection.execute(table.insert(), rows[start : start + _AT_ONCE])
            n_rows += len(rows)
        _continue_numbers(connection)
        create_constraints(connection, constraints(METADATA))
    return n_rows


def _continue_numbers(connection: sa.Connection) -> None:
    """Have PostgreSQL count on behind the restored numbers."""
    if connection.dialect.name != "postgresql":
        return
    for table in METADATA.sorted_tables:
        for column in table.primary_key:
            if column.autoincrement is True:
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "
                    f"(SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {table.name}), false)"
                )
