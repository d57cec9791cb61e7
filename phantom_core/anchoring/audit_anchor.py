"""Anchor the audit chain: a signed head outside the database at every entry."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.alerts.watch_log import read_watch_result, store_watch_result
from phantom_core.anchoring.entry_signatures import (
    sign_entry,
    signed_from,
    unsigned_entries,
)
from phantom_core.anchoring.heads import (
    Anchor,
    AnchorFile,
    AnchorStore,
    AnchorWebhook,
    SignedHead,
    sign_head,
)
from phantom_core.core.errors import ConflictError, PhantomError, UnavailableError
from phantom_core.core.settings import Settings
from phantom_core.core.workspace_id import workspace_id
from phantom_core.database.audit import (
    AuditEntry,
    append_entry,
    find_entry,
    first_signed,
    follow_chain,
    list_entries,
    newest_entry,
)
from phantom_core.database.connection import (
    control_of,
    has_constraints,
    repair_database,
    write_transaction,
)
from phantom_core.model_store.store import replace_file
from phantom_core.publishing.publish import read_live
from phantom_core.signing.keys import public_keys, signing_key
from phantom_core.valkey.server import connect_server

_LOG: Final = logging.getLogger("phantom.audit")
RECOVERED: Final = "audit.recovered"
_identities: Final[dict[sa.Engine, tuple[int, int]]] = {}


@dataclass(frozen=True, slots=True)
class RemoteAnchor:
    """What a store or webhook has received.

    Attributes:
        name: of the anchor.
        seq: number of the newest head that it accepted; 0 for none.
        failing_since_ms: since when it accepts none, UTC milliseconds; 0 while it does.
        sent_ms: time of the last attempt, UTC milliseconds.
        problem: why the last attempt failed; empty where it did not.
    """

    name: str
    seq: int = 0
    failing_since_ms: int = 0
    sent_ms: int = 0
    problem: str = ""


class _Follower:
    """Signs each entry that this process appends, and anchors it in the anchor file."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._file = settings, anchor_file(settings)
        self._is_recovery = False

    def before_first_entry(self) -> None:
        if not self._is_recovery and (witness := earlier_life(self._settings)):
            raise ConflictError(
                f"The control database is empty, but {witness}: it was deleted or replaced.",
                hint="Restore it from a backup. If there is none: audit recover --why …",
            )

    def sign(self, entry: AuditEntry) -> tuple[str, str]:
        return sign_entry(signing_key(self._settings), entry)

    def after_entry(self, entry: AuditEntry) -> None:
        anchor_entry(self._settings, self._file, entry, is_recovery=self._is_recovery)
        if self._is_recovery:
            self._is_recovery = False
            head = _head(self._settings, entry, is_recovery=True)
            for anchor in remote_anchors(self._settings):
                anchor.send(head)

    def recover(self) -> None:
        self._is_recovery = True


def control_engine(settings: Settings) -> sa.Engine:
    """The control database of an installation, whose audit chain is signed and anchored.

    Database constraints that were removed, switched off or changed are created again, with an
    entry in the audit chain.

    Raises:
        UnavailableError: the database does not answer.
    """
    engine = control_of(settings.database_url, settings.workspace)
    if engine not in _identities:
        follow_chain(engine, _Follower(settings))
        if not has_constraints(engine):
            repair_database(engine)
        _identities[engine] = _file_identity(settings)
    return engine


def database_file_problem(settings: Settings) -> str:
    """What happened to the SQLite file while this process used it, a sentence; else empty."""
    engine = control_engine(settings)
    if settings.database_url:
        return ""
    now, path = _file_identity(settings), settings.paths.control_database
    if now == _identities[engine]:
        return ""
    if now == (0, 0):
        return f"{path} was deleted while it was in use."
    return f"{path} was replaced while it was in use."


def anchor_file(settings: Settings) -> AnchorFile:
    """The anchor file of an installation."""
    return AnchorFile(settings.audit.anchor_file or settings.paths.audit_anchor)


def remote_anchors(settings: Settings) -> tuple[Anchor, ...]:
    """The anchors that may be away: a store, a webhook."""
    found: list[Anchor] = []
    if settings.audit.anchor_store:
        found.append(AnchorStore(settings.audit.anchor_store))
    if settings.audit.anchor_webhook:
        found.append(AnchorWebhook(settings.audit.anchor_webhook))
    return tuple(found)


def anchor_entry(
    settings: Settings, file: AnchorFile, entry: AuditEntry, *, is_recovery: bool = False
) -> None:
    """Append an entry to the anchor file; a failure is logged, and made up for by the watcher."""
    try:
        is_new = not file.path.exists()
        if is_new and not is_recovery and read_mark(settings) is not None:
            _LOG.error("The anchor %s is gone; the audit chain is not anchored.", file.path)
            return
        file.send(_head(settings, entry, is_recovery=is_recovery))
        if is_new or is_recovery:
            _store_mark(settings, file)
    except (PhantomError, OSError) as error:
        _LOG.error("The audit chain is not anchored: %s", error)


def anchor_pending(settings: Settings, *, now_ms: int) -> tuple[str, ...]:
    """Anchor what is not anchored yet, in every anchor.

    A chain that contradicts its anchor file, or has an entry that should be signed and is not, is
    not anchored again.

    Args:
        settings: database, keys and anchors.
        now_ms: the clock, UTC milliseconds.
    Returns:
        Anchors that are behind, a sentence each.
    Raises:
        UnavailableError, InputError: the anchor file cannot be read.
    """
    engine, file = control_engine(settings), anchor_file(settings)
    if problem := mark_problem(settings):
        return (problem,)
    last, _ = file.tail()
    with engine.connect() as connection:
        newest = newest_entry(connection)
        if newest is None:
            return ()
        if last is not None and not _continues(connection, last):
            return (f"{file.name} and the database hold different audit chains.",)
        begins = signed_from(connection, [last] if last else [])
        since = max(last.seq + 1 if last else 1, begins)
        pending = list_entries(connection, newest=newest.seq - since + 1) if begins else []
        if bad := next(unsigned_entries(connection, public_keys(settings), pending), None):
            return (f"Entry {bad.seq} carries no valid signature, so it is not anchored.",)
    if last is None or last.seq < newest.seq:
        anchor_entry(settings, file, newest)
    _store_mark(settings, file)
    return tuple(_send_remote(settings, newest, now_ms))


def read_mark(settings: Settings) -> tuple[int, int] | None:
    """Number of the newest anchored entry that the database knows of, and where its line ends in
    the anchor file, bytes; None where this workspace never anchored anything.
    """
    found = read_watch_result(control_engine(settings), _mark_name(settings))
    return (int(found.problems[0]), int(found.problems[1])) if found else None


def mark_problem(settings: Settings) -> str:
    """What is missing of the anchor file, a sentence; empty for nothing.

    Raises:
        UnavailableError, InputError: the anchor file cannot be read.
    """
    mark, file = read_mark(settings), anchor_file(settings)
    if mark is None:
        return ""
    seq, end = mark
    last, size = file.tail(end)
    if last is None:
        return f"The anchor {file.path} is gone; it held {seq:,} entries."
    if (last.seq, size) != mark:
        return f"The anchor {file.path} no longer holds entry {seq:,}: it was cut or replaced."
    return ""


def remote_states(settings: Settings) -> dict[str, RemoteAnchor]:
    """What each remote anchor has received, by its name."""
    try:
        found = json.loads(settings.paths.anchor_state.read_bytes())
        known = {name: RemoteAnchor(**state) for name, state in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        known = {}
    return {
        one.name: known.get(one.name, RemoteAnchor(one.name)) for one in remote_anchors(settings)
    }


def earlier_life(settings: Settings) -> str:
    """What shows that an empty database was not empty before, as part of a sentence; else empty."""
    with suppress(PhantomError):
        if heads := anchor_file(settings).read():
            return f"{anchor_file(settings).name} holds an audit chain of {heads[-1].seq:,} entries"
    if settings.audit.anchor_store:
        with suppress(PhantomError):
            if heads := AnchorStore(settings.audit.anchor_store).read():
                return f"the anchor store holds an audit chain of {heads[-1].seq:,} entries"
    if settings.redis_url or settings.paths.embedded_data.is_dir():
        with suppress(PhantomError), connect_server(settings) as client:
            live = read_live(client, public_keys(settings))
            if live is not None and live.audit_seq:
                return f"the pricing servers follow release {live.epoch}"
    return ""


def recover_chain(
    settings: Settings, who: str, why: str, *, now_ms: int, is_restored: bool = False
) -> AuditEntry:
    """Begin an audit chain anew, in an empty database, though there was another one before; or
    continue that of a restored backup, though its end is lost.

    The anchors go on showing the earlier chain, and every verification names the recovery.

    Args:
        settings: database, keys and anchors.
        who: the account, or the machine's owner.
        why: what happened, a sentence.
        now_ms: the clock, UTC milliseconds.
        is_restored: whether the database holds the chain of a backup.
    Raises:
        ConflictError: the database is not empty, or nothing was lost.
    """
    engine, follower = control_engine(settings), _Follower(settings)
    witness = earlier_life(settings)
    if not witness:
        raise ConflictError("Nothing shows an earlier audit chain, so there is none to recover.")
    heads = anchor_file(settings).read()
    details = {"why": why, "witness": witness, "lost": heads[-1].seq if heads else None}
    if heads:
        details["lost_hash"] = heads[-1].hash
    follower.recover()
    follow_chain(engine, follower)
    with write_transaction(engine) as connection:
        if newest_entry(connection) is not None and not is_restored:
            raise ConflictError(
                "The control database has an audit chain.", hint="See: audit verify."
            )
        return append_entry(connection, now_ms, who, RECOVERED, "audit chain", details)


def _send_remote(settings: Settings, newest: AuditEntry, now_ms: int) -> Iterator[str]:
    before, after = remote_states(settings), {}
    for anchor in remote_anchors(settings):
        state = before[anchor.name]
        is_due = now_ms - state.sent_ms >= settings.audit.anchor_every_s * 1_000
        if state.seq != newest.seq and is_due:
            state = _sent(anchor, state, lambda: _head(settings, newest), now_ms)
        after[anchor.name] = state
        if state.problem:
            yield state.problem
    if after != before:
        content = {
            name: {field: getattr(one, field) for field in RemoteAnchor.__slots__}
            for name, one in after.items()
        }
        replace_file(settings.paths.anchor_state, json.dumps(content).encode())


def _sent(
    anchor: Anchor, state: RemoteAnchor, make: Callable[[], SignedHead], now_ms: int
) -> RemoteAnchor:
    try:
        head = make()
        anchor.send(head)
    except UnavailableError as error:
        since_ms = state.failing_since_ms or now_ms
        return RemoteAnchor(anchor.name, state.seq, since_ms, now_ms, error.message)
    return RemoteAnchor(anchor.name, head.seq, 0, now_ms)


def _head(settings: Settings, entry: AuditEntry, *, is_recovery: bool = False) -> SignedHead:
    """The signed head of the chain at an entry."""
    with control_engine(settings).connect() as connection:
        begins = first_signed(connection)
    return sign_head(signing_key(settings), entry, min(begins, entry.seq), is_recovery=is_recovery)


def _continues(connection: sa.Connection, head: SignedHead) -> bool:
    found = find_entry(connection, head.seq)
    return found is not None and found.hash == head.hash


def _store_mark(settings: Settings, file: AnchorFile) -> None:
    """Note in the database how far the anchor file reaches, so that its absence is noticed."""
    last, end = file.tail()
    if last is not None and read_mark(settings) != (last.seq, end):
        engine, said = control_engine(settings), (str(last.seq), str(end))
        store_watch_result(engine, _mark_name(settings), said, now_ms=last.at_ms)


def _mark_name(settings: Settings) -> str:
    return f"anchor {workspace_id(settings.workspace)[:16]}"


def _file_identity(settings: Settings) -> tuple[int, int]:
    try:
        found = settings.paths.control_database.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
