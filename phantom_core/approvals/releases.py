"""Releases: what was published, when and by whom; the source of truth for pricing servers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Policy, Request, describe_request
from phantom_core.approvals.requests import find_request, move_request
from phantom_core.approvals.tables import DOCUMENTS, RELEASES, REQUESTS
from phantom_core.core.errors import ConflictError, NotFoundError
from phantom_core.core.limits import GuardRails
from phantom_core.database import audit

Kind = Literal["publish", "share", "roll back", "kill", "revive", "expire"]
NEEDS: Final[dict[Kind, Permission]] = {
    "publish": Permission.PUBLISH,
    "share": Permission.PUBLISH,
    "roll back": Permission.PUBLISH,
    "kill": Permission.KILL,
    "revive": Permission.PUBLISH,
    "expire": Permission.PUBLISH,
}


@dataclass(frozen=True, slots=True)
class PublishedRelease:
    """One switch of what is live.

    Attributes:
        epoch: 1, 2, 3, …; the number of the switch.
        kind: what was done.
        state: pending while servers are updated, then done or failed.
        request_id: of the version that is live with it; 0 for none.
        version: of the rules; empty for base prices.
        share: of the sessions that get it.
        stable: version that the other sessions get; empty for base prices.
        salt: of the hash that assigns sessions to the canary.
        is_killed: whether every price is the base price.
        lowest_markup, highest_markup: guard rails in force then, over base price.
        who: login of the account that did it.
        why: its reason.
        audit_seq, audit_hash: entry of the audit chain.
        at_ms: when, UTC milliseconds.
        limits: guard rails, gates and banned features in force then, JSON; empty in releases that
            are older than this field.
    """

    epoch: int
    kind: Kind
    state: Literal["pending", "done", "failed"]
    request_id: int
    version: str
    share: float
    stable: str
    salt: str
    is_killed: bool
    policy: Policy
    lowest_markup: float
    highest_markup: float
    who: str
    why: str
    audit_seq: int
    audit_hash: str
    at_ms: int
    limits: str = ""

    @property
    def is_to_base(self) -> bool:
        """Whether every price is the base price with it, whatever else its row says."""
        is_base = self.is_killed or not (self.version or self.stable)
        return is_base and self.guard_rails.contains(1.0)

    @property
    def guard_rails(self) -> GuardRails:
        """Bounds of all its prices."""
        return GuardRails(self.lowest_markup, self.highest_markup)

    @property
    def full_version(self) -> str:
        """Version of the sessions outside a canary, or of all sessions."""
        return self.version if self.share >= 1 else self.stable


@dataclass(frozen=True, slots=True)
class Switch:
    """The changes of a release; everything else stays as it is.

    Attributes:
        kind: what is done.
        request_id, version, share, stable, is_killed, policy: see PublishedRelease.
    """

    kind: Kind
    request_id: int
    version: str
    share: float
    stable: str
    is_killed: bool
    policy: Policy


def current_release(connection: sa.Connection) -> PublishedRelease | None:
    """The live release in the database; None before the first one."""
    row = connection.execute(
        RELEASES.select()
        .where(RELEASES.c.state == "done")
        .order_by(RELEASES.c.epoch.desc())
        .limit(1)
    ).mappings()
    return next((PublishedRelease(**one) for one in row), None)


def pending_release(connection: sa.Connection) -> PublishedRelease | None:
    """The release that is being published to servers, or was interrupted."""
    row = (
        connection.execute(RELEASES.select().where(RELEASES.c.state == "pending"))
        .mappings()
        .first()
    )
    return PublishedRelease(**row) if row else None


def release_history(connection: sa.Connection, *, newest: int = 100) -> list[PublishedRelease]:
    """Releases, newest first."""
    rows = connection.execute(
        RELEASES.select().order_by(RELEASES.c.epoch.desc()).limit(newest)
    ).mappings()
    return [PublishedRelease(**row) for row in rows]


def release_document(connection: sa.Connection, version: str) -> str:
    """The release document of a version, as it was published.

    Raises:
        NotFoundError: there is no such version.
    """
    found = connection.execute(
        sa.select(DOCUMENTS.c.document).where(DOCUMENTS.c.version == version)
    ).scalar()
    if found is None:
        raise NotFoundError(f"There is no version '{version}'.", hint="See the list of releases.")
    return str(found)


def store_document(connection: sa.Connection, version: str, text: str, sha256: str) -> None:
    """Store a release document permanently; storing the same one again is allowed."""
    known = connection.execute(
        sa.select(DOCUMENTS.c.sha256).where(DOCUMENTS.c.version == version)
    ).scalar()
    if known is None:
        connection.execute(DOCUMENTS.insert().values(version=version, document=text, sha256=sha256))
    elif known != sha256:
        raise ConflictError(f"Version '{version}' exists with different content.")


def request_of(connection: sa.Connection, version: str) -> Request:
    """The change request of a version."""
    found = connection.execute(
        sa.select(REQUESTS.c.request_id).where(REQUESTS.c.version == version)
    ).scalar()
    if found is None:
        raise NotFoundError(f"There is no version '{version}'.", hint="See the list of releases.")
    return find_request(connection, int(found))


def begin_release(
    connection: sa.Connection,
    who: str,
    switch: Switch,
    why: str,
    *,
    salt: str,
    guard_rails: GuardRails,
    now_ms: int,
    limits: str = "",
    judged: Mapping[str, object] | None = None,
) -> PublishedRelease:
    """Store a switch as pending, before servers are updated.

    Args:
        connection: of `write_transaction`.
        who: login of the account.
        switch: the changes.
        why: its reason.
        salt: for a new canary.
        guard_rails: in force.
        now_ms: UTC milliseconds.
        limits: in force, JSON.
        judged: what a publication was judged by, for the audit chain: its gates.
    Raises:
        NotAllowedError: not by this person.
        ConflictError: another switch is pending.
    """
    if not isinstance(who, Internal):
        require_permission(connection, who, NEEDS[switch.kind])
    if waiting := pending_release(connection):
        raise ConflictError(
            f"{waiting.who} is publishing {waiting.version or 'base prices'} right now.",
            hint="Try again in a moment.",
        )
    before = current_release(connection)
    epoch = (connection.execute(sa.select(sa.func.max(RELEASES.c.epoch))).scalar() or 0) + 1
    details = {
        "epoch": epoch,
        "version": switch.version,
        "share": switch.share,
        "stable": switch.stable,
        "killed": switch.is_killed,
        "policy": switch.policy,
        "guard_rails": [guard_rails.lowest_markup, guard_rails.highest_markup],
        "documents": _document_hashes(connection, switch),
        **({"limits": json.loads(limits)} if limits else {}),
        **(judged or {}),
    }
    subject = describe_request(switch.request_id) if switch.request_id else "live"
    entry = audit.append_entry(
        connection,
        now_ms,
        who,
        f"release.{switch.kind.replace(' ', '_')}",
        subject,
        {**details, "why": why},
    )
    # The sessions of a canary stay in it when it grows, also under a new approval.
    keeps_salt = before is not None and (
        before.version == switch.version or (before.share < 1 and before.stable == switch.stable)
    )
    release = PublishedRelease(
        epoch=epoch,
        kind=switch.kind,
        state="pending",
        request_id=switch.request_id,
        version=switch.version,
        share=switch.share,
        stable=switch.stable,
        salt=before.salt if before and keeps_salt else salt,
        is_killed=switch.is_killed,
        policy=switch.policy,
        lowest_markup=guard_rails.lowest_markup,
        highest_markup=guard_rails.highest_markup,
        who=who,
        why=why,
        audit_seq=entry.seq,
        audit_hash=entry.hash,
        at_ms=now_ms,
        limits=limits,
    )
    connection.execute(
        RELEASES.insert().values(
            {name: getattr(release, name) for name in PublishedRelease.__slots__}
        )
    )
    return release


def _document_hashes(connection: sa.Connection, switch: Switch) -> dict[str, str]:
    query = sa.select(DOCUMENTS.c.version, DOCUMENTS.c.document).where(
        DOCUMENTS.c.version.in_((switch.version, switch.stable))
    )
    return {str(row.version): audit.fingerprint(row.document) for row in connection.execute(query)}


def finish_release(
    connection: sa.Connection, release: PublishedRelease, *, now_ms: int
) -> PublishedRelease:
    """Mark a release as done and update its requests; a second call is no conflict."""
    if _state(connection, release) == "done":
        return replace(release, state="done")
    _set_state(connection, release, "done")
    before = connection.execute(REQUESTS.select().where(REQUESTS.c.state == "live")).mappings()
    left = {"roll back": "rolled back", "expire": "expired"}.get(release.kind, "superseded")
    for request in [Request(**row) for row in before]:
        if request.version == release.version or (
            request.version == release.stable and release.share < 1
        ):
            continue
        # A version that a promoted canary replaces is superseded; one that a rollback removes is
        # rolled back.
        move_request(connection, request, left, now_ms, live_share=0.0)  # type: ignore[arg-type]
    if release.version:
        request = find_request(connection, release.request_id)
        if request.state == "live":
            connection.execute(
                REQUESTS.update()
                .where(REQUESTS.c.request_id == request.request_id)
                .values(live_share=release.share, changed_ms=now_ms)
            )
        else:
            move_request(
                connection,
                request,
                "live",
                now_ms,
                live_share=release.share,
                version=release.version,
            )
    audit.append_entry(
        connection,
        now_ms,
        release.who,
        "release.done",
        _subject(release),
        {"epoch": release.epoch, "version": release.version},
    )
    return replace(release, state="done")


def fail_release(
    connection: sa.Connection, release: PublishedRelease, problem: str, *, now_ms: int
) -> None:
    """Mark a release as failed: everything stays as it was."""
    _set_state(connection, release, "failed")
    audit.append_entry(
        connection,
        now_ms,
        release.who,
        "release.failed",
        _subject(release),
        {"epoch": release.epoch, "problem": problem},
    )


def _subject(release: PublishedRelease) -> str:
    return describe_request(release.request_id) if release.request_id else "live"


def _state(connection: sa.Connection, release: PublishedRelease) -> str:
    return str(
        connection.execute(
            sa.select(RELEASES.c.state).where(RELEASES.c.epoch == release.epoch)
        ).scalar()
    )


def _set_state(connection: sa.Connection, release: PublishedRelease, state: str) -> None:
    changed = connection.execute(
        RELEASES.update()
        .where(RELEASES.c.epoch == release.epoch, RELEASES.c.state == "pending")
        .values(state=state)
    ).rowcount
    if changed != 1:
        raise ConflictError(f"Release {release.epoch} was reconciled by another process.")
