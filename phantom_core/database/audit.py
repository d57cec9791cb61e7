"""Audit: a chain of entries for every relevant step, each with the hash of the one before."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Protocol
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from phantom_core.database.connection import METADATA, after_commit
from phantom_core.database.constraints import forbid_change, never_changed

GENESIS: Final = "0" * 64

AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("about", sa.String(128), nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
)
never_changed(AUDIT)
forbid_change(
    AUDIT,
    "audit_forward",
    "INSERT",
    "EXISTS (SELECT 1 FROM audit a WHERE a.seq = (SELECT MAX(seq) FROM audit)"
    " AND (NEW.seq <> a.seq + 1 OR NEW.previous <> a.hash OR NEW.at_ms < a.at_ms))",
    "an audit entry follows the newest one, and its time never runs backwards",
)


AUDIT_SIGNATURES: Final = sa.Table(
    "audit_signatures",
    METADATA,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("key_id", sa.String(16), nullable=False),
    sa.Column("signature", sa.String(88), nullable=False),
)
never_changed(AUDIT_SIGNATURES)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One step.

    Attributes:
        seq: 1, 2, 3, … without a gap.
        at_ms: when, UTC milliseconds.
        who: login of the person, or the name of the service.
        action: what was done: request.approved.
        about: the object, such as request 12.
        details: the rest, as JSON.
        previous: hash of the entry before.
        hash: SHA-256 of everything above.
    """

    seq: int
    at_ms: int
    who: str
    action: str
    about: str
    details: str
    previous: str
    hash: str

    def computed_hash(self) -> str:
        """The hash of its content."""
        return _hash(
            self.seq, self.at_ms, self.who, self.action, self.about, self.details, self.previous
        )


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """The result of a check of the chain.

    Attributes:
        n_entries: how many were read.
        head: hash of the last one; GENESIS for an empty chain.
        problems: one sentence each; empty where the chain is intact.
    """

    n_entries: int
    head: str
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was changed, removed or re-ordered."""
        return not self.problems


class ChainFollower(Protocol):
    """What is told of every entry that this process appends."""

    def before_first_entry(self) -> None:
        """Called before entry 1 of an empty database.

        Raises:
            ConflictError: the database was not empty before.
        """

    def sign(self, entry: AuditEntry) -> tuple[str, str]:
        """Sign an entry, in the transaction that appends it.

        Returns:
            Id of the key, and the signature.
        Raises:
            UnavailableError, InputError: there is no key to sign with.
        """

    def after_entry(self, entry: AuditEntry) -> None:
        """Called once an entry is committed."""


_FOLLOWERS: Final[WeakKeyDictionary[sa.Engine, ChainFollower]] = WeakKeyDictionary()


def follow_chain(engine: sa.Engine, follower: ChainFollower) -> None:
    """Tell a follower of all entries that are appended with an engine, instead of another one."""
    _FOLLOWERS[engine] = follower


def append_entry(
    connection: sa.Connection,
    now_ms: int,
    who: str,
    action: str,
    about: str,
    details: Mapping[str, object],
) -> AuditEntry:
    """Append an entry, in the transaction of the step itself.

    Times never run backwards: where the clock is behind the newest entry, the entry has the time
    of that one, and its details have the clock's as `clock_ms`.

    Args:
        connection: of `write_transaction`.
        now_ms: the clock, UTC milliseconds.
        who: login of the person.
        action: what was done.
        about: the object.
        details: the rest.
    Raises:
        ConflictError: the chain is empty, but was not before.
    """
    follower = _FOLLOWERS.get(connection.engine)
    last = connection.execute(
        sa.select(AUDIT.c.seq, AUDIT.c.hash, AUDIT.c.at_ms).order_by(AUDIT.c.seq.desc()).limit(1)
    ).first()
    if last is None and follower is not None:
        follower.before_first_entry()
    seq, previous = (last.seq + 1, last.hash) if last else (1, GENESIS)
    at_ms = max(now_ms, last.at_ms) if last else now_ms
    if at_ms != now_ms:
        details = {**details, "clock_ms": now_ms}
    text = json.dumps(dict(details), sort_keys=True, ensure_ascii=False, default=str)
    entry = AuditEntry(
        seq,
        at_ms,
        who,
        action,
        about,
        text,
        previous,
        _hash(seq, at_ms, who, action, about, text, previous),
    )
    connection.execute(AUDIT.insert().values(asdict(entry)))
    if follower is not None:
        key_id, signature = follower.sign(entry)
        connection.execute(
            AUDIT_SIGNATURES.insert().values(hash=entry.hash, key_id=key_id, signature=signature)
        )
        after_commit(connection, lambda: follower.after_entry(entry))
    return entry


def read_signatures(connection: sa.Connection, from_seq: int) -> dict[str, tuple[str, str]]:
    """Id of the key and signature of signed entries from a number on, by the entry's hash."""
    query = AUDIT_SIGNATURES.select().join(AUDIT, AUDIT.c.hash == AUDIT_SIGNATURES.c.hash)
    rows = connection.execute(query.where(AUDIT.c.seq >= from_seq))
    return {row.hash: (row.key_id, row.signature) for row in rows}


def first_signed(connection: sa.Connection) -> int:
    """Number of the first signed entry; 0 where none is signed."""
    signed = AUDIT.join(AUDIT_SIGNATURES, AUDIT.c.hash == AUDIT_SIGNATURES.c.hash)
    return connection.execute(sa.select(sa.func.min(AUDIT.c.seq)).select_from(signed)).scalar() or 0


def fingerprint(*parts: object) -> str:
    """A short hash of values that an entry vouches for without holding them.

    Returns:
        32 hexadecimal digits.
    """
    return hashlib.sha256(
        json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
    ).hexdigest()[:32]


def newest_entry(connection: sa.Connection) -> AuditEntry | None:
    """The last entry; None for an empty chain."""
    row = connection.execute(AUDIT.select().order_by(AUDIT.c.seq.desc()).limit(1)).first()
    return AuditEntry(*row) if row else None


def find_entry(connection: sa.Connection, seq: int) -> AuditEntry | None:
    """An entry by its number, or None."""
    row = connection.execute(AUDIT.select().where(AUDIT.c.seq == seq)).first()
    return AuditEntry(*row) if row else None


def list_entries(
    connection: sa.Connection, about: str | None = None, *, newest: int | None = None
) -> list[AuditEntry]:
    """Entries in order.

    Args:
        connection: any.
        about: only entries of this object; None means all.
        newest: only so many of the newest; None means all.
    """
    query = AUDIT.select().where(AUDIT.c.about == about) if about else AUDIT.select()
    if newest is None:
        return [AuditEntry(*row) for row in connection.execute(query.order_by(AUDIT.c.seq))]
    return [
        AuditEntry(*row)
        for row in connection.execute(query.order_by(AUDIT.c.seq.desc()).limit(newest))
    ][::-1]


def verify_audit_chain(
    connection: sa.Connection, expected_head: str | None = None
) -> ChainVerification:
    """Look for entries that were changed, removed or re-ordered.

    Args:
        connection: any.
        expected_head: a hash that was recorded elsewhere, such as in Redis; it must occur in
            the chain.
    """
    problems: list[str] = []
    seq, previous, seen = 0, GENESIS, False
    for entry in _all(connection):
        if entry.seq != seq + 1:
            problems.append(f"Entry {seq + 1} is missing: entry {entry.seq} follows entry {seq}.")
        elif entry.previous != previous:
            problems.append(
                f"Entry {entry.seq} does not follow from entry {seq}: one of them was replaced."
            )
        if entry.computed_hash() != entry.hash:
            problems.append(
                f"Entry {entry.seq} ({entry.action} by {entry.who}) was changed after it was "
                "written."
            )
        seq, previous = entry.seq, entry.hash
        seen = seen or entry.hash == expected_head
    if expected_head and not seen:
        problems.append(
            f"The chain ends at entry {seq} and does not contain {expected_head[:12]}…, which was "
            "published: its end was removed."
        )
    return ChainVerification(seq, previous, tuple(problems))


def _all(connection: sa.Connection) -> Iterator[AuditEntry]:
    for row in connection.execution_options(yield_per=1_000).execute(
        AUDIT.select().order_by(AUDIT.c.seq)
    ):
        yield AuditEntry(*row)


def _hash(*parts: int | str) -> str:
    return hashlib.sha256(
        json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
    ).hexdigest()
