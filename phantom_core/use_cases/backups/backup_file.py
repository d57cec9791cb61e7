"""Backup file: a tar archive of the control database's rows and the workspace's records.

`manifest.json` names every file with its hash, and the head of the audit chain; `manifest.sig` is
its signature. Rows are JSON lines, so that a backup of SQLite restores to PostgreSQL and back.
"""

import hashlib
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import anchor_file
from phantom_core.core.errors import InputError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.database.audit import GENESIS, AuditEntry
from phantom_core.signing.keys import PublicKeys, Signature, public_keys

PURPOSE: Final = "backup"
FORMAT: Final = "phantom-backup/1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
CONTROL: Final = "control/"
WORKSPACE: Final = "workspace/"


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup holds.

    Attributes:
        format: of the archive.
        created_ms: UTC milliseconds.
        revision: of the control database's schema.
        n_entries, head: of the audit chain; GENESIS for an empty one.
        rows: rows by table of the control database.
        files: SHA-256 by name in the archive.
        has_lake: whether the lake's tables are in it.
    """

    format: str
    created_ms: int
    revision: str
    n_entries: int
    head: str
    rows: dict[str, int]
    files: dict[str, str]
    has_lake: bool

    def to_bytes(self) -> bytes:
        """The manifest as it is stored and signed."""
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class BackupVerification:
    """The result of a verification.

    Attributes:
        manifest: of the backup.
        problems: what is wrong, one sentence each; empty where the backup can be restored.
        notes: what could not be verified, one sentence each.
    """

    manifest: BackupManifest
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path) as archive:
            yield archive
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as a backup: {error}.", hint="Choose another one."
        ) from None


@requires(Permission.PRIVACY)
def read_manifest(path: Path) -> BackupManifest:
    """Read what a backup says of itself.

    Raises:
        InputError: it is no backup, or one of a newer release.
    """
    with _opened(path) as archive:
        return _manifest(archive, path)


@requires(Permission.PRIVACY)
def verify_backup(settings: Settings, path: Path) -> BackupVerification:
    """Verify signature, hashes and audit chain of a backup, and compare it with the anchor.

    Args:
        settings: name the trusted keys and the anchor.
        path: of the backup.
    Raises:
        InputError: it is no backup.
    """
    problems: list[str] = []
    notes: list[str] = []
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        signed = _content(archive, SIGNATURE)
        problems += _signature_problems(settings, manifest, signed, notes)
        names = {one.name for one in archive.getmembers() if one.isfile()} - {MANIFEST, SIGNATURE}
        problems += [f"{name} is missing." for name in sorted(set(manifest.files) - names)]
        problems += [
            f"{name} does not belong to it." for name in sorted(names - set(manifest.files))
        ]
        for name in sorted(names & set(manifest.files)):
            if hashlib.sha256(_content(archive, name)).hexdigest() != manifest.files[name]:
                problems.append(f"{name} was changed.")
        entries = [AuditEntry(**row) for row in table_rows(archive, "audit")]
    problems += _chain_problems(manifest, entries)
    problems += _anchor_problems(settings, manifest, notes)
    return BackupVerification(manifest, tuple(problems), tuple(notes))


@requires(Permission.PRIVACY)
def table_rows(archive: tarfile.TarFile, table: str) -> list[dict[str, Any]]:
    """Rows of a table of the control database; none where it is not in the backup."""
    name = f"{CONTROL}{table}.jsonl"
    if name not in archive.getnames():
        return []
    return [json.loads(line) for line in _content(archive, name).splitlines()]


def _manifest(archive: tarfile.TarFile, path: Path) -> BackupManifest:
    try:
        found = json.loads(_content(archive, MANIFEST))
        if found.get("format") != FORMAT:
            raise ValueError
        return BackupManifest(**found)
    except (KeyError, ValueError, TypeError, AttributeError):
        raise InputError(f"{path} is no backup that this release can read.") from None


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    if stream is None:
        raise KeyError(name)
    return stream.read()


def _signature_problems(
    settings: Settings, manifest: BackupManifest, signed: bytes, notes: list[str]
) -> list[str]:
    try:
        keys: PublicKeys = public_keys(settings)
        signature = Signature(**json.loads(signed))
    except (PhantomError, ValueError, TypeError) as error:
        return [f"Its signature cannot be verified: {error}"]
    if signature.key_id not in keys.key_ids:
        # An empty workspace has a new key; the operator decides whether this is theirs.
        notes.append(
            f"It was signed with the key {signature.key_id}, which this installation does not "
            "know. Compare it with the one you wrote down, or name the public keys in "
            "PHANTOM_SIGNING_PUBLIC_KEYS_FILE."
        )
        return []
    is_signed = keys.is_signed(PURPOSE, manifest.to_bytes(), signature)
    return [] if is_signed else ["Its manifest was changed after it was signed."]


def _chain_problems(manifest: BackupManifest, entries: list[AuditEntry]) -> Iterator[str]:
    previous = GENESIS
    for n, entry in enumerate(entries, 1):
        if (entry.seq, entry.previous) != (n, previous) or entry.computed_hash() != entry.hash:
            yield f"Entry {entry.seq} of its audit chain does not hold."
            return
        previous = entry.hash
    if (len(entries), previous) != (manifest.n_entries, manifest.head):
        yield "Its audit chain is not the one that its manifest names."


def _anchor_problems(
    settings: Settings, manifest: BackupManifest, notes: list[str]
) -> Iterator[str]:
    try:
        heads = anchor_file(settings).read()
    except PhantomError as error:
        notes.append(f"It was not compared with the anchor. {error.message}")
        return
    same = [head for head in heads if head.seq == manifest.n_entries]
    if not heads:
        notes.append("It was not compared with an anchor, as there is none here.")
    elif same and same[-1].hash != manifest.head:
        yield f"Entry {manifest.n_entries:,} of its audit chain is not the one of the anchor."
    elif heads[-1].seq > manifest.n_entries:
        notes.append(
            f"The anchor holds {heads[-1].seq - manifest.n_entries:,} entries that are newer."
        )
