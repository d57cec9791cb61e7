"""Create a backup of the control database and of the workspace's records."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import anchor_file, control_engine
from phantom_core.core.errors import ConflictError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import METADATA, write_transaction
from phantom_core.database.migrations import HEAD
from phantom_core.database.upgrade import import_tables
from phantom_core.lake.lake import open_lake
from phantom_core.signing.keys import signing_key
from phantom_core.use_cases.backups.backup_file import (
    CONTROL,
    FORMAT,
    MANIFEST,
    PURPOSE,
    SIGNATURE,
    WORKSPACE,
    BackupManifest,
)

_ANCHOR: Final = "audit-anchor.jsonl"


@requires(Permission.PRIVACY)
def create_backup(
    settings: Settings, who: str, path: Path, *, now_ms: int, with_lake: bool = False
) -> BackupManifest:
    """Write a backup; whoever holds it can read accounts and, unless they lie elsewhere, keys.

    The rows are of one moment. Topics, decisions that wait, uploads, logs and the server's data are
    not in it: the server is filled again by healing it.

    Args:
        settings: of the installation.
        who: login of the account, or the machine's owner.
        path: of the new file, which only its owner may read.
        now_ms: the clock, UTC milliseconds.
        with_lake: also the tables of the lake; features are computed again.
    Raises:
        ConflictError: the file exists.
        UnavailableError: the database does not answer.
    """
    if path.exists():
        raise ConflictError(f"{path} exists.", hint="Choose another name.")
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as stream,
        tarfile.open(fileobj=stream, mode="w:gz") as archive,
    ):
        manifest = _fill(archive, settings, who, now_ms, with_lake)
        content = manifest.to_bytes()
        signature = signing_key(settings).sign(PURPOSE, content)
        _add(archive, MANIFEST, content)
        signed = {"key_id": signature.key_id, "value": signature.value}
        _add(archive, SIGNATURE, json.dumps(signed).encode())
    partial.replace(path)
    return manifest


def _fill(
    archive: tarfile.TarFile, settings: Settings, who: str, now_ms: int, with_lake: bool
) -> BackupManifest:
    import_tables()
    files: dict[str, str] = {}
    rows: dict[str, int] = {}
    # Nobody writes meanwhile, so all tables are of one moment; it is part of the audit chain.
    with ExitStack() as stack:
        if with_lake:
            stack.enter_context(open_lake(settings).lock)
        connection = stack.enter_context(write_transaction(control_engine(settings)))
        entry = audit.append_entry(
            connection, now_ms, who, "backup.created", "backup", {"lake": with_lake}
        )
        for table in METADATA.sorted_tables:
            lines = list(_lines(connection, table))
            rows[table.name] = len(lines)
            name = f"{CONTROL}{table.name}.jsonl"
            files[name] = _add(archive, name, "".join(lines).encode())
        for file in _records(settings, with_lake):
            name = f"{WORKSPACE}{file.relative_to(settings.workspace)}"
            files[name] = _add(archive, name, file.read_bytes())
        heads = [one for one in anchor_file(settings).read() if one.seq < entry.seq]
        lines = [f"{one.to_json()}\n" for one in heads]
        files[WORKSPACE + _ANCHOR] = _add(archive, WORKSPACE + _ANCHOR, "".join(lines).encode())
    return BackupManifest(FORMAT, now_ms, HEAD, entry.seq, entry.hash, rows, files, with_lake)


def _lines(connection: sa.Connection, table: sa.Table) -> Iterator[str]:
    for row in connection.execute(table.select().order_by(*table.primary_key)).mappings():
        yield json.dumps(dict(row), ensure_ascii=False) + "\n"


def _records(settings: Settings, with_lake: bool) -> Iterator[Path]:
    """Files that cannot be made again: models, rules, mappings, keys, what was erased."""
    paths = settings.paths
    left_out = (
        paths.inbox,
        paths.decisions,
        paths.logs,
        paths.scratch,
        paths.uploads,
        paths.demo_files,
        paths.embedded_data.parent,
        paths.lake / "features",
        *(() if with_lake else (paths.lake,)),
    )
    for path in sorted(settings.workspace.rglob("*")):
        is_left_out = any(folder in path.parents for folder in left_out)
        is_control = path.name.startswith((paths.control_database.name, "audit-anchor"))
        is_work = path.suffix in (".lock", ".partial") or path.name.startswith(".")
        if path.is_file() and not (is_left_out or is_control or is_work):
            yield path


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> str:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))
    return hashlib.sha256(content).hexdigest()
