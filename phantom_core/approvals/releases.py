"""Releases: what was made live, when, by whom; the database's word on what servers should hold."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.people import MACHINE, require_permission
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
NOTHING: Final = ""


@dataclass(frozen=True, slots=True)
class PublishedRelease:
    """One switch of what is live.

    Attributes:
        epoch: 1, 2, 3, …; the order of switches.
        kind: what was done.
        state: pending while servers are told, then done or failed.
        request_id: of the version that is live with it; 0 for none.
        version: of the rules; empty for base prices.
        share: of the sessions that get it.
        stable: version that the other sessions get; empty for base prices.
        salt: of the hash that deals sessions out.
        is_killed: whether every price is the base price.
        lowest_markup, highest_markup: guard rails in force then, over base price.
        who: did it.
        why: said so.
        audit_seq, audit_hash: entry of the chain that says so.
        at_ms: when, UTC milliseconds.
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

    @property
    def guard_rails(self) -> GuardRails:
        """Every price that follows from it lies within them."""
        return GuardRails(self.lowest_markup, self.highest_markup)

    @property
    def full_version(self) -> str:
        """What most sessions get: the version itself, or what stands beside a canary."""
        return self.version if self.share >= 1 else self.stable


@dataclass(frozen=True, slots=True)
class Switch:
    """What a release changes; the rest stays as it is.

    Attributes:
        kind: what is done.
        request_id, version, share, stable, is_killed, policy: see Release.
    """

    kind: Kind
    request_id: int
    version: str
    share: float
    stable: str
    is_killed: bool
    policy: Policy


def current_release(connection: sa.Connection) -> PublishedRelease | None:
    """What is live by the database's word; None before the first release."""
    row = connection.execute(
        RELEASES.select()
        .where(RELEASES.c.state == "done")
        .order_by(RELEASES.c.epoch.desc())
        .limit(1)
    ).mappings()
    return next((PublishedRelease(**one) for one in row), None)


def pending_release(connection: sa.Connection) -> PublishedRelease | None:
    """The release that servers are just being told of, or that was interrupted."""
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


def keep_document(connection: sa.Connection, version: str, text: str, sha256: str) -> None:
    """Keep a release document for ever; the same one may be kept twice."""
    known = connection.execute(
        sa.select(DOCUMENTS.c.sha256).where(DOCUMENTS.c.version == version)
    ).scalar()
    if known is None:
        connection.execute(DOCUMENTS.insert().values(version=version, document=text, sha256=sha256))
    elif known != sha256:
        raise ConflictError(f"Version '{version}' exists with another content.")


def request_of(connection: sa.Connection, version: str) -> Request:
    """The request that a version came from."""
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
) -> PublishedRelease:
    """Write a switch down before servers are told.

    Args:
        connection: of `database.writing`.
        who: does it.
        switch: what changes.
        why: said so.
        salt: for a new canary.
        guard_rails: in force.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: not by this person.
        ConflictError: another switch is on its way.
    """
    if who != MACHINE:
        require_permission(connection, who, NEEDS[switch.kind])
    if waiting := pending_release(connection):
        raise ConflictError(
            f"{waiting.who} is just publishing {waiting.version or 'base prices'}.",
            hint="Wait a moment and look again.",
        )
    before = current_release(connection)
    epoch = (connection.execute(sa.select(sa.func.max(RELEASES.c.epoch))).scalar() or 0) + 1
    details = {
        "epoch": epoch,
        "version": switch.version,
        "share": switch.share,
        "stable": switch.stable,
        "killed": switch.is_killed,
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
    keeps_salt = before is not None and before.version == switch.version
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
    )
    connection.execute(
        RELEASES.insert().values(
            {name: getattr(release, name) for name in PublishedRelease.__slots__}
        )
    )
    return release


def finish_release(
    connection: sa.Connection, release: PublishedRelease, *, now_ms: int
) -> PublishedRelease:
    """Servers hold it: move the requests that it touches; whoever else settled it the same way is
    no conflict.
    """
    if _state(connection, release) == "done":
        return replace(release, state="done")
    _settle(connection, release, "done")
    before = connection.execute(REQUESTS.select().where(REQUESTS.c.state == "live")).mappings()
    left = {"roll back": "rolled back", "expire": "expired"}.get(release.kind, "superseded")
    for request in [Request(**row) for row in before]:
        if request.version == release.version or (
            request.version == release.stable and release.share < 1
        ):
            continue
        # Whatever a promoted canary replaces was superseded; whatever a roll back removes was
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
    """Servers did not take it: everything stays as it was."""
    _settle(connection, release, "failed")
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


def _settle(connection: sa.Connection, release: PublishedRelease, state: str) -> None:
    changed = connection.execute(
        RELEASES.update()
        .where(RELEASES.c.epoch == release.epoch, RELEASES.c.state == "pending")
        .values(state=state)
    ).rowcount
    if changed != 1:
        raise ConflictError(f"Release {release.epoch} was settled by somebody else.")
