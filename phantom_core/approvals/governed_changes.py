"""Governed changes: everything beside rules that moves prices or grants rights, each proposed by
one account and decided by others.

One record serves every kind: what changes stands in the payload, a small JSON document that is
never edited. At most one change of a subject is approved at a time: it is the one in force.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal, is_internal
from phantom_core.accounts.people import find_account, has_accounts, require_permission
from phantom_core.approvals.governed_kinds import GovernedKind
from phantom_core.approvals.governed_tables import CHANGES, GOVERNED_DECISIONS
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from phantom_core.database import audit

ChangeState = Literal["waiting", "approved", "rejected", "withdrawn", "superseded"]
DecisionVerdict = Literal["approve", "reject"]
_MOST_PAYLOAD_CHARS: Final = 200_000


@dataclass(frozen=True, slots=True)
class GovernedChange:
    """One proposed change.

    Attributes:
        change_id: its number.
        kind: name of a governed kind.
        subject: what it is about: "classifier", "catalogue", a login.
        payload: what changes, canonical JSON.
        payload_sha256: of the payload; whoever decides names what they saw by it.
        state: approved means in force.
        author: login of the account that proposed it, or the part of PHANTOM that did.
        why: one sentence.
        needed: approvals by accounts other than the author.
        created_ms, changed_ms: UTC milliseconds.
    """

    change_id: int
    kind: str
    subject: str
    payload: str
    payload_sha256: str
    state: ChangeState
    author: str
    why: str
    needed: int
    created_ms: int
    changed_ms: int

    @property
    def about(self) -> str:
        """Its name in the audit chain."""
        return f"governed change {self.change_id}"

    def content(self) -> dict[str, object]:
        """The payload as a dictionary."""
        found: dict[str, object] = json.loads(self.payload)
        return found


@dataclass(frozen=True, slots=True)
class GovernedDecision:
    """A decision of one account on a change.

    Attributes:
        change_id: of the change.
        who: login.
        verdict: approve or reject.
        comment: may be empty where it approves.
        at_ms: UTC milliseconds.
    """

    change_id: int
    who: str
    verdict: DecisionVerdict
    comment: str
    at_ms: int


def propose_change(
    connection: sa.Connection,
    kind: GovernedKind,
    who: str,
    subject: str,
    payload: Mapping[str, object],
    *,
    why: str,
    needed: int,
    now_ms: int,
) -> GovernedChange:
    """Propose a change; where it needs no approval it is in force at once.

    Args:
        connection: of `write_transaction`, as in all that write.
        kind: of the change.
        who: login of the author, or the part of PHANTOM that acts.
        subject: what it is about.
        payload: what changes; JSON values.
        why: one sentence.
        needed: approvals by others, see `approvals_needed_of`.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: not by this account.
        InputError: without a reason, or with fewer approvals than the kind needs.
    """
    if not (who and is_internal(who)):
        require_permission(connection, who, kind.propose)
    if not why.strip():
        raise InputError("The reason for the change is missing.", hint="Say why in a sentence.")
    if needed < max(kind.least_needed, 0):
        raise InputError(f"A {kind.name} needs {kind.least_needed} approvals by others.")
    text = json.dumps(dict(payload), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if len(text) > _MOST_PAYLOAD_CHARS:
        raise InputError("The description of the change is too long.")
    last = connection.execute(sa.select(sa.func.max(CHANGES.c.change_id))).scalar() or 0
    change = GovernedChange(
        last + 1,
        kind.name,
        subject,
        text,
        hashlib.sha256(text.encode()).hexdigest(),
        "waiting",
        who,
        why.strip(),
        needed,
        now_ms,
        now_ms,
    )
    connection.execute(
        CHANGES.insert().values({name: getattr(change, name) for name in change.__slots__})
    )
    _audit(connection, change, who, "change.proposed", now_ms, {"why": change.why})
    return _enter_into_force(connection, change, now_ms) if needed == 0 else change


def approvals_needed_of(connection: sa.Connection, author: str, needed: int) -> int:
    """Approvals that a change of an author needs: one more where nobody answers for the author.

    Args:
        connection: any.
        author: login; a part of PHANTOM answers for nothing while there are accounts.
        needed: approvals by people other than a known author.
    """
    if needed == 0 or find_account(connection, author) or not has_accounts(connection):
        return needed
    return needed + 1


def approve_change(
    connection: sa.Connection,
    kind: GovernedKind,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str = "",
    *,
    now_ms: int,
) -> GovernedChange:
    """Approve a change; with enough approvals it is in force, and replaces the one before.

    Args:
        connection: of `write_transaction`.
        kind: of the change.
        who: login of the account that decides.
        change_id: its number.
        payload_sha256: of what the account has seen.
        comment: stored with the decision.
        now_ms: UTC milliseconds.
    Raises:
        NotAllowedError: by its author, or not by this account.
        ConflictError: it is not open, is another one than was seen, or was decided by this account.
    """
    change = _decide(
        connection, kind, who, change_id, payload_sha256, "approve", comment, now_ms=now_ms
    )
    approvals = sum(one.verdict == "approve" for one in decisions_on(connection, change_id))
    _audit(
        connection,
        change,
        who,
        "change.approved",
        now_ms,
        {"comment": comment, "approvals": f"{approvals} of {change.needed}"},
    )
    return _enter_into_force(connection, change, now_ms) if approvals >= change.needed else change


def reject_change(
    connection: sa.Connection,
    kind: GovernedKind,
    who: str,
    change_id: int,
    payload_sha256: str,
    comment: str,
    *,
    now_ms: int,
) -> GovernedChange:
    """Reject a change for good.

    Raises:
        InputError: without a reason.
        NotAllowedError, ConflictError: as for an approval.
    """
    if not comment.strip():
        raise InputError(
            "The reason for the rejection is missing.",
            hint="The author has to know what to change.",
        )
    change = _decide(
        connection, kind, who, change_id, payload_sha256, "reject", comment, now_ms=now_ms
    )
    _audit(connection, change, who, "change.rejected", now_ms, {"comment": comment})
    return _move(connection, change, "rejected", now_ms)


def withdraw_change(
    connection: sa.Connection, who: str, change_id: int, *, now_ms: int
) -> GovernedChange:
    """Withdraw a waiting change, by its author."""
    change = find_change(connection, change_id)
    if change.author != who:
        raise NotAllowedError(f"Only {change.author} can withdraw change {change_id}.")
    _require_waiting(change)
    _audit(connection, change, who, "change.withdrawn", now_ms, {})
    return _move(connection, change, "withdrawn", now_ms)


def supersede_change(
    connection: sa.Connection, change: GovernedChange, why: str, *, now_ms: int
) -> GovernedChange:
    """Close a waiting change whose occasion is gone, or end one in force."""
    _audit(connection, change, Internal.WATCHER, "change.superseded", now_ms, {"why": why})
    return _move(connection, change, "superseded", now_ms)


def find_change(connection: sa.Connection, change_id: int) -> GovernedChange:
    """Find a change.

    Raises:
        NotFoundError: there is none of this number.
    """
    found = _read(connection, CHANGES.c.change_id == change_id)
    if not found:
        raise NotFoundError(f"There is no governed change {change_id}.")
    return found[0]


def change_in_force(
    connection: sa.Connection, kind: GovernedKind, subject: str
) -> GovernedChange | None:
    """The approved change of a subject; None where none was approved."""
    found = _read(
        connection,
        CHANGES.c.kind == kind.name,
        CHANGES.c.subject == subject,
        CHANGES.c.state == "approved",
    )
    return found[0] if found else None


def waiting_changes(
    connection: sa.Connection, kind: GovernedKind | None = None, subject: str | None = None
) -> list[GovernedChange]:
    """Changes that wait for a decision, newest first."""
    return list_changes(connection, kind, subject, state="waiting")


def list_changes(
    connection: sa.Connection,
    kind: GovernedKind | None = None,
    subject: str | None = None,
    *,
    state: ChangeState | None = None,
    after_ms: int | None = None,
    newest: int | None = None,
) -> list[GovernedChange]:
    """Changes, newest first.

    Args:
        connection: any.
        kind: only of this kind; None means all.
        subject: only of this one; None means all.
        state: only in this one; None means all.
        after_ms: only those proposed later, UTC milliseconds; None means all.
        newest: only so many; None means all.
    """
    conditions = [
        column == value
        for column, value in (
            (CHANGES.c.kind, kind and kind.name),
            (CHANGES.c.subject, subject),
            (CHANGES.c.state, state),
        )
        if value is not None
    ]
    if after_ms is not None:
        conditions.append(CHANGES.c.created_ms > after_ms)
    return _read(connection, *conditions, newest=newest)


def change_in_force_at(
    connection: sa.Connection, kind: GovernedKind, subject: str, at_ms: int
) -> GovernedChange | None:
    """The newest change of a subject that was proposed by some time and has been in force."""
    found = _read(
        connection,
        CHANGES.c.kind == kind.name,
        CHANGES.c.subject == subject,
        CHANGES.c.state.in_(("approved", "superseded")),
        CHANGES.c.created_ms <= at_ms,
        newest=1,
    )
    return found[0] if found else None


def decisions_on(connection: sa.Connection, change_id: int) -> list[GovernedDecision]:
    """Decisions on a change, in order."""
    query = GOVERNED_DECISIONS.select().where(GOVERNED_DECISIONS.c.change_id == change_id)
    rows = connection.execute(query.order_by(GOVERNED_DECISIONS.c.at_ms)).mappings()
    return [GovernedDecision(**row) for row in rows]


def _read(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], newest: int | None = None
) -> list[GovernedChange]:
    query = CHANGES.select().where(*conditions).order_by(CHANGES.c.change_id.desc())
    query = query.limit(newest) if newest is not None else query
    return [GovernedChange(**row) for row in connection.execute(query).mappings()]


def _decide(
    connection: sa.Connection,
    kind: GovernedKind,
    who: str,
    change_id: int,
    payload_sha256: str,
    verdict: DecisionVerdict,
    comment: str,
    *,
    now_ms: int,
) -> GovernedChange:
    require_permission(connection, who, kind.decide)
    change = find_change(connection, change_id)
    if change.kind != kind.name:
        raise ConflictError(f"Change {change_id} is a {change.kind}, not a {kind.name}.")
    if change.author == who:
        raise NotAllowedError(
            "Authors cannot decide on their own change (four-eyes principle).",
            hint="Ask another account with this permission.",
        )
    _require_waiting(change)
    if change.payload_sha256 != payload_sha256:
        raise ConflictError(f"Change {change_id} is not the one you saw.", hint="Read it again.")
    if any(one.who == who for one in decisions_on(connection, change_id)):
        raise ConflictError("You have already decided on this change.")
    decision = GovernedDecision(change_id, who, verdict, comment, now_ms)
    connection.execute(
        GOVERNED_DECISIONS.insert().values(
            {name: getattr(decision, name) for name in decision.__slots__}
        )
    )
    return change


def _require_waiting(change: GovernedChange) -> None:
    if change.state != "waiting":
        raise ConflictError(f"Change {change.change_id} is {change.state}; it is not open.")


def _enter_into_force(
    connection: sa.Connection, change: GovernedChange, now_ms: int
) -> GovernedChange:
    before = _read(
        connection,
        CHANGES.c.kind == change.kind,
        CHANGES.c.subject == change.subject,
        CHANGES.c.state == "approved",
    )
    for one in before:
        _move(connection, one, "superseded", now_ms)
    details = {"needed": change.needed, "replaces": before[0].change_id if before else None}
    _audit(connection, change, change.author, "change.in_force", now_ms, details)
    return _move(connection, change, "approved", now_ms)


def _move(
    connection: sa.Connection, change: GovernedChange, state: ChangeState, now_ms: int
) -> GovernedChange:
    connection.execute(
        CHANGES.update()
        .where(CHANGES.c.change_id == change.change_id)
        .values(state=state, changed_ms=now_ms)
    )
    return replace(change, state=state, changed_ms=now_ms)


def _audit(
    connection: sa.Connection,
    change: GovernedChange,
    who: str,
    action: str,
    now_ms: int,
    details: Mapping[str, object],
) -> None:
    known = {
        "kind": change.kind,
        "subject": change.subject,
        "payload_sha256": change.payload_sha256,
    }
    audit.append_entry(connection, now_ms, who, action, change.about, known | dict(details))
