"""Change requests: their transitions, and who may make them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from phantom_core.accounts.actors import Internal
from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import (
    Proposal,
    Request,
    ReviewDecision,
    describe_request,
)
from phantom_core.approvals.states import EDITABLE, OPEN, STEPS, State
from phantom_core.approvals.tables import DECISIONS, RELEASES, REQUESTS
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from phantom_core.core.lookalikes import check_name, require_distinct
from phantom_core.database import audit


def find_request(connection: sa.Connection, request_id: int) -> Request:
    """Find a request.

    Raises:
        NotFoundError: there is none.
    """
    row = (
        connection.execute(REQUESTS.select().where(REQUESTS.c.request_id == request_id))
        .mappings()
        .first()
    )
    if row is None:
        raise NotFoundError(f"There is no change request {request_id}.")
    return Request(**row)


def list_requests(
    connection: sa.Connection, states: tuple[State, ...] | None = None
) -> list[Request]:
    """Requests, newest first."""
    query = REQUESTS.select().order_by(REQUESTS.c.request_id.desc())
    query = query.where(REQUESTS.c.state.in_(states)) if states else query
    return [Request(**row) for row in connection.execute(query).mappings()]


def decisions_of(connection: sa.Connection, request_id: int) -> list[ReviewDecision]:
    """The decisions on a request, on all its revisions, in order."""
    query = (
        DECISIONS.select().where(DECISIONS.c.request_id == request_id).order_by(DECISIONS.c.at_ms)
    )
    return [ReviewDecision(**row) for row in connection.execute(query).mappings()]


def is_approved(connection: sa.Connection, request: Request) -> bool:
    """Whether enough people approved the newest revision of a request, and nobody rejected it."""
    is_rejected = any(
        one.revision == request.revision and one.verdict == "decline"
        for one in decisions_of(connection, request.request_id)
    )
    return _count_approvals(connection, request) >= request.needed and not is_rejected


def create_draft(
    connection: sa.Connection,
    who: str,
    proposal: Proposal,
    *,
    base_version: str,
    needed: int,
    now_ms: int,
) -> Request:
    """Create a request as a draft.

    Args:
        connection: of `write_transaction`, as in all that follow.
        who: the author.
        proposal: what is proposed.
        base_version: version that is live now.
        needed: number of required approvals.
        now_ms: the clock, UTC milliseconds.
    Raises:
        NotAllowedError: not by this person.
        InputError: its end is in the past.
    """
    require_permission(connection, who, Permission.PROPOSE)
    _check_end(proposal, now_ms)
    _check_look(connection, proposal.name)
    request_id = (
        connection.execute(sa.select(sa.func.max(REQUESTS.c.request_id))).scalar() or 0
    ) + 1
    connection.execute(
        REQUESTS.insert().values(
            **_written(proposal),
            request_id=request_id,
            state="draft",
            author=who,
            base_version=base_version,
            revision=1,
            needed=needed,
            evidence="",
            starts_ms=0,
            break_glass="",
            break_revision=0,
            scheduled_by="",
            version="",
            live_share=0.0,
            created_ms=now_ms,
            changed_ms=now_ms,
        )
    )
    audit.append_entry(
        connection,
        now_ms,
        who,
        "request.drafted",
        describe_request(request_id),
        {"name": proposal.name, "why": proposal.why},
    )
    return find_request(connection, request_id)


def edit_draft(
    connection: sa.Connection,
    who: str,
    request_id: int,
    proposal: Proposal,
    *,
    base_version: str,
    now_ms: int,
) -> Request:
    """Edit a request: a new revision without approvals.

    Raises:
        NotAllowedError: not by its author.
        ConflictError: it can no longer be edited, or is being published.
        InputError: its end is in the past.
    """
    require_permission(connection, who, Permission.PROPOSE)
    request = find_request(connection, request_id)
    _only_author(request, who, "edit")
    _check_end(proposal, now_ms)
    _check_look(connection, proposal.name)
    if request.state not in EDITABLE:
        raise ConflictError(
            f"Request {request_id} is {request.state} and cannot be edited.",
            hint="Propose a new change instead.",
        )
    values = {
        "state": "draft",
        "revision": request.revision + 1,
        "evidence": "",
        "starts_ms": 0,
        "base_version": base_version,
    }
    _write(connection, request, now_ms, **_written(proposal), **values)
    audit.append_entry(
        connection,
        now_ms,
        who,
        "request.edited",
        request.about,
        {"revision": request.revision + 1, "was": request.state},
    )
    return find_request(connection, request_id)


def submit_request(
    connection: sa.Connection,
    who: str,
    request_id: int,
    revision: int,
    evidence: str,
    *,
    now_ms: int,
    needed: int = 1,
) -> Request:
    """Submit a request for approval, with its evidence.

    Args:
        connection: of `write_transaction`.
        who: the author.
        request_id: which.
        revision: of the evidence.
        evidence: hash of the stored evidence.
        now_ms: the clock, UTC milliseconds.
        needed: approvals that the limits ask for now; a request never needs fewer than before.
    """
    require_permission(connection, who, Permission.PROPOSE)
    request = _current(connection, request_id, revision)
    _only_author(request, who, "submit")
    found = move_request(
        connection,
        request,
        "submitted",
        now_ms,
        evidence=evidence,
        needed=max(request.needed, needed),
    )
    audit.append_entry(
        connection,
        now_ms,
        who,
        "request.submitted",
        request.about,
        {
            "revision": revision,
            "evidence": evidence,
            "needed": found.needed,
            "content": content_fingerprint(found),
        },
    )
    return found


def approve_request(
    connection: sa.Connection,
    who: str,
    request_id: int,
    revision: int,
    comment: str,
    *,
    now_ms: int,
    needed: int = 1,
    accepted: Sequence[str] = (),
    judged: Mapping[str, object] | None = None,
) -> Request:
    """Approve a revision; with enough approvals the request is approved.

    Args:
        connection: of `write_transaction`.
        who: login of an account that may approve.
        request_id: which.
        revision: that was reviewed.
        comment: for everybody.
        now_ms: UTC milliseconds.
        needed: approvals that the limits ask for now; a request never needs fewer than before.
        accepted: names of the gates whose risk the approver accepts.
        judged: what the approval was given on, for the audit chain: limits and gates.
    Raises:
        NotAllowedError: not by its author, or not by this person.
        ConflictError: it was edited or decided in the meantime, or decided by this person before.
    """
    require_permission(connection, who, Permission.APPROVE)
    request = _current(connection, request_id, revision)
    if request.author == who:
        raise NotAllowedError(
            "Authors cannot approve their own change (four-eyes principle).",
            hint="Ask another pricing manager.",
        )
    lacks_approvals = _count_approvals(connection, request) < max(needed, request.needed)
    if request.state not in OPEN or (request.state != "submitted" and not lacks_approvals):
        raise ConflictError(
            f"Request {request_id} is {request.state}; there is nothing to approve."
        )
    if needed > request.needed:
        request = _write(connection, request, now_ms, needed=needed)
    names = json.dumps(list(accepted)) if accepted else ""
    _decide(
        connection, ReviewDecision(request_id, revision, who, "approve", comment, now_ms, names)
    )
    approvals = _count_approvals(connection, request)
    details = {
        "revision": revision,
        "evidence": request.evidence,
        "comment": comment,
        "approvals": f"{approvals} of {request.needed}",
        "content": content_fingerprint(request),
        "accepted": list(accepted),
        **(judged or {}),
    }
    audit.append_entry(connection, now_ms, who, "request.approved", request.about, details)
    return (
        move_request(connection, request, "approved", now_ms)
        if approvals >= request.needed and request.state == "submitted"
        else request
    )


def _count_approvals(connection: sa.Connection, request: Request) -> int:
    """Approvals of the newest revision."""
    return sum(
        one.revision == request.revision and one.verdict == "approve"
        for one in decisions_of(connection, request.request_id)
    )


def reject_request(
    connection: sa.Connection,
    who: str,
    request_id: int,
    revision: int,
    comment: str,
    *,
    now_ms: int,
) -> Request:
    """Reject a revision; the author has to edit the request.

    Raises:
        InputError: without a reason.
    """
    require_permission(connection, who, Permission.APPROVE)
    if not comment.strip():
        raise InputError(
            "The reason for the rejection is missing.",
            hint="The author has to know what to change.",
        )
    request = _current(connection, request_id, revision)
    if request.state not in OPEN:
        raise ConflictError(f"Request {request_id} is {request.state}; there is nothing to reject.")
    _decide(connection, ReviewDecision(request_id, revision, who, "decline", comment, now_ms))
    audit.append_entry(
        connection,
        now_ms,
        who,
        "request.rejected",
        request.about,
        {"revision": revision, "comment": comment},
    )
    return move_request(connection, request, "rejected", now_ms, starts_ms=0)


def withdraw_request(
    connection: sa.Connection, who: str, request_id: int, *, now_ms: int
) -> Request:
    """Withdraw a request permanently."""
    request = find_request(connection, request_id)
    require_permission(connection, who, Permission.PROPOSE)
    _only_author(request, who, "withdraw")
    audit.append_entry(
        connection, now_ms, who, "request.withdrawn", request.about, {"was": request.state}
    )
    return move_request(connection, request, "withdrawn", now_ms, starts_ms=0)


def schedule_request(
    connection: sa.Connection,
    who: str,
    request_id: int,
    starts_ms: int,
    time_zone: str,
    *,
    now_ms: int,
) -> Request:
    """Schedule the release of an approved request.

    Args:
        connection: of `write_transaction`.
        who: login of an account that may publish.
        request_id: which.
        starts_ms: when, UTC milliseconds, in the future.
        time_zone: in which the start was chosen.
        now_ms: UTC milliseconds.
    """
    require_permission(connection, who, Permission.PUBLISH)
    request = find_request(connection, request_id)
    if starts_ms <= now_ms:
        raise InputError("The start is in the past.", hint="Choose a later one, or publish now.")
    if request.expires_ms and starts_ms >= request.expires_ms:
        raise InputError("The start is after the end.", hint="Choose an earlier start.")
    if request.state == "scheduled":
        _write(
            connection, request, now_ms, starts_ms=starts_ms, time_zone=time_zone, scheduled_by=who
        )
    else:
        move_request(
            connection,
            request,
            "scheduled",
            now_ms,
            starts_ms=starts_ms,
            time_zone=time_zone,
            scheduled_by=who,
        )
    audit.append_entry(
        connection,
        now_ms,
        who,
        "request.scheduled",
        request.about,
        {"starts_ms": starts_ms, "time_zone": time_zone},
    )
    return find_request(connection, request_id)


def unschedule_request(
    connection: sa.Connection, who: str, request_id: int, why: str, *, now_ms: int
) -> Request:
    """Cancel the schedule; the request stays approved."""
    request = find_request(connection, request_id)
    audit.append_entry(connection, now_ms, who, "request.unscheduled", request.about, {"why": why})
    return move_request(connection, request, "approved", now_ms, starts_ms=0, scheduled_by="")


def confirm_emergency(
    connection: sa.Connection,
    who: str,
    request_id: int,
    revision: int,
    comment: str,
    *,
    now_ms: int,
) -> Request:
    """Confirm that a revision may be published by an emergency, whatever its gates say.

    Raises:
        NotAllowedError: by its author, or not by this person.
        InputError: without a reason.
        ConflictError: it is not open, or this person has decided on it.
    """
    require_permission(connection, who, Permission.APPROVE)
    request = _current(connection, request_id, revision)
    if request.author == who:
        raise NotAllowedError(
            "Authors cannot confirm an emergency of their own change (four-eyes principle).",
            hint="Ask another pricing manager.",
        )
    if request.state not in OPEN:
        raise ConflictError(
            f"Request {request_id} is {request.state}; there is nothing to confirm."
        )
    if not comment.strip():
        raise InputError(
            "The reason for the confirmation is missing.", hint="It stays in the audit chain."
        )
    _decide(connection, ReviewDecision(request_id, revision, who, "confirm", comment, now_ms))
    details = {"revision": revision, "evidence": request.evidence, "comment": comment}
    audit.append_entry(
        connection, now_ms, who, "request.emergency_confirmed", request.about, details
    )
    return request


def mark_emergency(connection: sa.Connection, request: Request, why: str, now_ms: int) -> Request:
    """Mark a revision as published by an emergency; see `emergencies.begin_emergency`."""
    return _write(connection, request, now_ms, break_glass=why, break_revision=request.revision)


def expire_requests(connection: sa.Connection, request_id: int, *, now_ms: int) -> Request:
    """Expire an open request; a live one is ended by a release."""
    request = find_request(connection, request_id)
    audit.append_entry(
        connection,
        now_ms,
        Internal.WATCHER,
        "request.expired",
        request.about,
        {"was": request.state},
    )
    return move_request(connection, request, "expired", now_ms, starts_ms=0)


def content_fingerprint(request: Request) -> str:
    """A short hash of what approvers of a request say yes to."""
    return audit.fingerprint(
        request.rules, request.policy, request.share, request.ramp, request.needed
    )


def _current(connection: sa.Connection, request_id: int, revision: int) -> Request:
    request = find_request(connection, request_id)
    if request.revision != revision:
        raise ConflictError(
            f"Request {request_id} was edited: you reviewed revision {revision}, it is at "
            f"{request.revision}.",
            hint="Review it again.",
        )
    return request


def _only_author(request: Request, who: str, what: str) -> None:
    if request.author != who:
        raise NotAllowedError(
            f"Only {request.author} can {what} request {request.request_id}.",
            hint="Propose a change of your own.",
        )


def _decide(connection: sa.Connection, decision: ReviewDecision) -> None:
    decided = {
        (one.revision, one.who): one.verdict
        for one in decisions_of(connection, decision.request_id)
    }
    if verdict := decided.get((decision.revision, decision.who)):
        raise ConflictError(f"You have already decided on this revision: {verdict}.")
    connection.execute(
        DECISIONS.insert().values(
            {name: getattr(decision, name) for name in ReviewDecision.__slots__}
        )
    )


def move_request(
    connection: sa.Connection, request: Request, state: State, now_ms: int, **values: object
) -> Request:
    """Change the state of a request, if that is allowed.

    Raises:
        ConflictError: it is not allowed, or the request is being published.
    """
    if state not in STEPS[request.state]:
        raise ConflictError(
            f"Request {request.request_id} is {request.state} and cannot become {state}."
        )
    return _write(connection, request, now_ms, state=state, **values)


def _write(connection: sa.Connection, request: Request, now_ms: int, **values: object) -> Request:
    if connection.execute(
        RELEASES.select().where(
            RELEASES.c.request_id == request.request_id, RELEASES.c.state == "pending"
        )
    ).first():
        raise ConflictError(
            f"Request {request.request_id} is being published right now.",
            hint="Try again in a moment.",
        )
    connection.execute(
        REQUESTS.update()
        .where(REQUESTS.c.request_id == request.request_id)
        .values(changed_ms=now_ms, **values)
    )
    return replace(request, changed_ms=now_ms, **values)  # type: ignore[arg-type]


def _check_look(connection: sa.Connection, name: str) -> None:
    """Reject a name that approvers could take for that of rules which are open or live."""
    check_name(name, "rules")
    names = sa.select(REQUESTS.c.name).where(REQUESTS.c.state.in_((*OPEN, "live")))
    require_distinct(name, connection.execute(names).scalars(), "change request")


def _check_end(proposal: Proposal, now_ms: int) -> None:
    if 0 < proposal.expires_ms <= now_ms:
        raise InputError(
            "The end of this change is in the past.", hint="Choose a later one, or none."
        )


def _written(proposal: Proposal) -> dict[str, object]:
    written = {name: getattr(proposal, name) for name in Proposal.__slots__}
    return {**written, "top_share": proposal.top_share}
