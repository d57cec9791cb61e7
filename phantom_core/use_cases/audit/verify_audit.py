"""Verify the audit chain: in itself, against its anchors, and against the tables it is about."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.alerts.watch_log import WatchResult, read_watch_result, store_watch_result
from phantom_core.anchoring.audit_anchor import (
    RECOVERED,
    anchor_file,
    anchor_pending,
    control_engine,
    database_file_problem,
    mark_problem,
    recover_chain,
    remote_anchors,
    remote_states,
)
from phantom_core.anchoring.entry_signatures import signed_from, unsigned_entries
from phantom_core.anchoring.heads import AnchorFile, AnchorStore, SignedHead
from phantom_core.core.errors import ConflictError, InputError, PhantomError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.audit import AuditEntry
from phantom_core.monitoring.comparison import Check
from phantom_core.publishing.publish import read_live
from phantom_core.signing.keys import PublicKeys, public_keys
from phantom_core.use_cases.alerting.send_alerts import send_alerts
from phantom_core.use_cases.audit.replay_chain import compare_tables, time_reversals
from phantom_core.valkey.server import connect_server

AUDIT: Final = "audit"
_CHECK: Final = "audit_chain"
# Signatures of older heads are not verified again; their hashes are.
_VERIFIED_HEADS: Final = 1_000
_MOST_SENTENCES: Final = 50
# After a verification, a process rests for so many times as long.
_REST: Final = 19
_rests_ms: Final[WeakKeyDictionary[sa.Engine, float]] = WeakKeyDictionary()
_broken: Final[WeakKeyDictionary[sa.Engine, tuple[str, ...]]] = WeakKeyDictionary()


class AuditAnswer(StrEnum):
    """What a verification can say."""

    HOLDS = "holds"
    BROKEN = "does not hold"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """The result of a verification.

    Attributes:
        n_entries: of the chain.
        head: hash of its newest entry; GENESIS for an empty chain.
        problems: what was changed, removed or added, one sentence each.
        unknown: why it cannot be told whether the chain holds, one sentence each.
        notes: what is worth knowing beside that, one sentence each.
        anchored: number of the newest entry that an anchor vouches for; 0 for none.
        newest_head: of the anchors; None for none.
    """

    n_entries: int
    head: str
    problems: tuple[str, ...]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]
    anchored: int
    newest_head: SignedHead | None

    @property
    def answer(self) -> AuditAnswer:
        """Whether nothing was changed, something was, or it cannot be told."""
        if self.problems:
            return AuditAnswer.BROKEN
        return AuditAnswer.UNKNOWN if self.unknown else AuditAnswer.HOLDS

    @property
    def holds(self) -> bool:
        """Whether nothing was changed, as far as the anchors reach."""
        return self.answer is AuditAnswer.HOLDS


@dataclass(frozen=True, slots=True)
class _Witnesses:
    """What places outside the database say.

    Attributes:
        heads: of each place, by its name.
        missing: places that should say something and do not, one sentence each.
    """

    heads: Mapping[str, Sequence[SignedHead]]
    missing: tuple[str, ...]


@requires(Permission.READ)
def verify_audit(settings: Settings, *, heads: Path | None = None) -> AuditVerification:
    """Verify the chain, its anchors and the tables.

    Args:
        settings: database, keys, anchors and server.
        heads: a file of heads that somebody else kept, such as a webhook; a line each.
    Raises:
        UnavailableError: the database does not answer.
        InputError: `heads` holds something else.
    """
    witnesses = _witnesses(settings, heads)
    with control_engine(settings).connect() as connection:
        chain = audit.verify_audit_chain(connection)
        entries = audit.list_entries(connection)
        unsigned = _unsigned_entries(connection, public_keys(settings), entries, witnesses.heads)
        forged = compare_tables(connection, entries) if chain.holds else ()
    notes = [*time_reversals(entries), *_recoveries(entries), *_behind(settings), *_near(settings)]
    problems = [*filter(None, (database_file_problem(settings),)), *chain.problems]
    problems += unsigned
    problems += _contradictions(entries, witnesses.heads)
    problems += _unsigned(settings, witnesses.heads)
    problems += _live_contradictions(settings, entries, witnesses, notes)
    newest = max(
        (found[-1] for found in witnesses.heads.values() if found),
        key=lambda head: head.seq,
        default=None,
    )
    unknown = list(witnesses.missing)
    if entries and newest is None and not unknown:
        unknown.append(
            "Nothing outside the database vouches for its audit chain: it was never anchored. "
            "The watcher of the app or `rules watch` anchors it."
        )
    anchored = newest.seq if newest else 0
    if newest and anchored < len(entries):
        notes.append(
            f"{len(entries) - anchored:,} entries from {_moment(entries[anchored].at_ms)} on are "
            "not anchored yet."
        )
    return AuditVerification(
        chain.n_entries,
        chain.head,
        tuple([*problems, *forged][:_MOST_SENTENCES]),
        tuple(unknown),
        tuple(notes[:_MOST_SENTENCES]),
        anchored,
        newest,
    )


@requires(Permission.WORK)
def watch_audit(settings: Settings, *, now_ms: int) -> WatchResult:
    """Anchor what is pending and, when due, verify; a failure raises an alert.

    It is due as often as the settings say, but takes a twentieth of the time at most.

    Args:
        settings: database, keys, anchors, server and alert channels.
        now_ms: the clock, UTC milliseconds.
    """
    engine = control_engine(settings)
    last, rest_ms = read_watch_result(engine, AUDIT), _rests_ms.get(engine, 0.0)
    every_ms = max(settings.audit.verify_every_s * 1_000, rest_ms)
    is_due = last is None or now_ms - last.checked_ms >= every_ms
    lost = database_file_problem(settings)
    if not (is_due or lost or engine not in _rests_ms):
        anchor_pending(settings, now_ms=now_ms)
        assert last is not None
        return last
    # Verified before it is anchored, so that what was changed is never vouched for.
    began_s = time.monotonic()
    found = verify_audit(settings)
    _rests_ms[engine] = (time.monotonic() - began_s) * 1_000 * _REST
    problems = (*found.problems, *found.unknown)
    if not found.problems:
        anchor_pending(settings, now_ms=now_ms)
        if not found.anchored:
            found = verify_audit(settings)
            problems = (*found.problems, *found.unknown)
    result = store_watch_result(engine, AUDIT, problems, now_ms=now_ms)
    _broken[engine] = found.problems
    sentence = f"The audit chain {found.answer}. {' '.join(problems[:3])}".strip()
    status: Literal["alert", "ok"] = "alert" if problems else "ok"
    send_alerts(settings, [Check(_CHECK, status, float(len(problems)), 0.0, sentence)], now_ms)
    return result


@requires(Permission.READ)
def audit_problems(settings: Settings) -> tuple[str, ...]:
    """What the newest verification of this process found changed, removed or added."""
    return _broken.get(control_engine(settings), ())


@requires(Permission.READ)
def require_intact_audit(settings: Settings) -> None:
    """Reject a step that would build on a forged row, or make a forged approval live.

    Raises:
        ConflictError: the audit chain does not hold.
    """
    if problems := verify_audit(settings).problems:
        raise ConflictError(
            f"Nothing is approved or published while the audit chain does not hold. {problems[0]}",
            hint="See: audit verify. The kill switch and a rollback to base prices still work.",
        )


@requires(Permission.READ)
def recover_audit(settings: Settings, who: str, why: str, *, now_ms: int) -> AuditEntry:
    """Begin the chain anew in an empty database; every alert channel hears of it.

    Args:
        settings: database, keys, anchors and alert channels.
        who: the account, or the machine's owner.
        why: what happened, a sentence.
        now_ms: the clock, UTC milliseconds.
    Raises:
        ConflictError: the database is not empty, or nothing was lost.
        InputError: no reason.
    """
    if not why.strip():
        raise InputError("The reason for the recovery is missing.", hint="It is permanent.")
    if not isinstance(who, Internal):
        with control_engine(settings).connect() as connection:
            require_permission(connection, who, Permission.PEOPLE)
    entry = recover_chain(settings, who, why.strip(), now_ms=now_ms)
    sentence = f"The audit chain was begun anew by {who}: {entry.details}"
    send_alerts(settings, [Check("audit_recovered", "alert", 1.0, 0.0, sentence)], now_ms)
    return entry


@requires(Permission.READ)
def last_verification(settings: Settings) -> WatchResult | None:
    """The watcher's newest verification; None before the first."""
    return read_watch_result(control_engine(settings), AUDIT)


@requires(Permission.READ)
def signed_head(settings: Settings) -> tuple[SignedHead | None, bool, tuple[str, ...]]:
    """The newest head of the anchor file, whether its signature holds, and the trusted keys."""
    found = anchor_file(settings).read()
    keys = public_keys(settings)
    return (found[-1], found[-1].is_signed(keys), keys.key_ids) if found else (None, False, ())


def _witnesses(settings: Settings, heads: Path | None) -> _Witnesses:
    said: dict[str, Sequence[SignedHead]] = {}
    missing: list[str] = []
    file = anchor_file(settings)
    try:
        said[file.name] = file.read()
        if problem := mark_problem(settings):
            missing.append(problem)
    except PhantomError as error:
        missing.append(error.message)
    if settings.audit.anchor_store:
        store = AnchorStore(settings.audit.anchor_store)
        try:
            said[store.name] = store.read()
        except PhantomError as error:
            missing.append(error.message)
    if heads is not None:
        said[f"the file {heads}"] = AnchorFile(heads).read()
    return _Witnesses(said, tuple(missing))


def _contradictions(
    entries: Sequence[AuditEntry], witnesses: Mapping[str, Sequence[SignedHead]]
) -> Iterator[str]:
    hashes = {one.seq: one.hash for one in entries}
    recovered = {one.hash for one in entries if one.action == RECOVERED}
    for name, heads in witnesses.items():
        life = _newest_life(heads)
        if life and life[0].is_recovery and life[0].hash not in recovered:
            yield f"{name} holds a recovery of the audit chain that the database does not hold."
            continue
        wrong = [head for head in life if hashes.get(head.seq) != head.hash]
        beyond = [head for head in wrong if head.seq > len(entries)]
        if beyond and not entries:
            yield (
                f"The database holds no audit entry, but {name} holds {beyond[-1].seq:,}, the last "
                f"of {_moment(beyond[-1].at_ms)}: the database was deleted or replaced."
            )
        elif beyond:
            yield (
                f"The chain ends at entry {len(entries):,}, but {name} holds entry "
                f"{beyond[-1].seq:,} of {_moment(beyond[-1].at_ms)}: its end was removed."
            )
        changed = [head for head in wrong if head.seq <= len(entries)]
        if changed:
            yield (
                f"Entry {changed[0].seq:,} is not the one that {name} holds: the chain was "
                "rewritten, or the database replaced."
            )


def _unsigned_entries(
    connection: sa.Connection,
    keys: PublicKeys,
    entries: Sequence[AuditEntry],
    witnesses: Mapping[str, Sequence[SignedHead]],
) -> list[str]:
    heads = [head for said in witnesses.values() for head in _newest_life(said)]
    begins = signed_from(connection, heads)
    if not begins:
        return []
    found = unsigned_entries(connection, keys, [one for one in entries if one.seq >= begins])
    return [
        f"Entry {one.seq} ({one.action} by {one.who}) carries no valid signature: it was appended "
        "by another program, or with a key that is not trusted here."
        for one in found
    ]


def _newest_life(heads: Sequence[SignedHead]) -> Sequence[SignedHead]:
    """Heads from the newest recovery on."""
    return heads[max((n for n, head in enumerate(heads) if head.is_recovery), default=0) :]


def _unsigned(settings: Settings, witnesses: Mapping[str, Sequence[SignedHead]]) -> Iterator[str]:
    if not any(witnesses.values()):
        return
    keys: PublicKeys = public_keys(settings)
    for name, heads in witnesses.items():
        if bad := [head for head in heads[-_VERIFIED_HEADS:] if not head.is_signed(keys)]:
            yield f"The head of entry {bad[0].seq:,} in {name} carries no valid signature."


def _live_contradictions(
    settings: Settings, entries: Sequence[AuditEntry], witnesses: _Witnesses, notes: list[str]
) -> list[str]:
    """Compare the chain with the entry that the pricing servers' release names."""
    has_released = any(one.action.startswith("release.") for one in entries)
    if not (settings.redis_url or settings.paths.embedded_data.is_dir()):
        return []
    try:
        with connect_server(settings) as client:
            live = read_live(client, public_keys(settings))
    except PhantomError as error:
        if has_released:
            notes.append(f"The pricing servers' release was not compared. {error.message}")
        return []
    if live is None or not live.audit_hash or any(one.hash == live.audit_hash for one in entries):
        return []
    if any(one.action == RECOVERED for one in entries):
        notes.append(f"Release {live.epoch} is from before the recovery of the audit chain.")
        return []
    return [
        f"The pricing servers follow release {live.epoch}, whose audit entry {live.audit_seq:,} "
        "is not in the database: its end was removed, or the database deleted or replaced."
    ]


def _recoveries(entries: Sequence[AuditEntry]) -> Iterator[str]:
    for one in entries:
        if one.action == RECOVERED:
            yield (
                f"The chain was recovered at entry {one.seq} of {_moment(one.at_ms)}, by "
                f"{one.who}: {one.details}"
            )


def _behind(settings: Settings) -> Iterator[str]:
    for state in remote_states(settings).values():
        if state.problem:
            yield (
                f"{state.problem} Not anchored there since {_moment(state.failing_since_ms)}, "
                f"entry {state.seq:,}."
            )


def _near(settings: Settings) -> Iterator[str]:
    """That all anchors lie beside the database, where one pair of hands can replace both."""
    inside = settings.workspace.resolve() in anchor_file(settings).path.resolve().parents
    if inside and not remote_anchors(settings):
        yield (
            "The only anchor is a file of the workspace: putting back an older database together "
            "with its anchor cannot be told from here. Set PHANTOM_AUDIT_ANCHOR_FILE to another "
            "disk, or PHANTOM_AUDIT_ANCHOR_STORE or PHANTOM_AUDIT_ANCHOR_WEBHOOK."
        )


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
