"""Rollout: the shares and the earlier versions that an approval covers."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.approvals.change_request import Request
from phantom_core.approvals.emergencies import HOUR_MS, emergency_of
from phantom_core.approvals.ramp import TOLERANCE
from phantom_core.approvals.releases import PublishedRelease, release_history, request_of
from phantom_core.approvals.requests import find_request, is_approved
from phantom_core.core.errors import NotAllowedError

_HISTORY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the live canary may grow.

    Attributes:
        share: the largest share that is allowed now.
        next_share: the next step of its ramp; None for none.
        next_ms: when that is allowed if nothing changes, UTC milliseconds; 0 where its time does
            not run, as the share before is not live.
    """

    share: float
    next_share: float | None = None
    next_ms: int = 0


def allowed_rollout(connection: sa.Connection, live: PublishedRelease, *, now_ms: int) -> Rollout:
    """The largest share to which the live version may grow now.

    A step of a ramp is allowed once the share before it, or a larger one, was live without a break
    for the step's time; a kill switch is a break. An emergency without a review does not grow.

    Args:
        connection: any.
        live: the current release, of a version.
        now_ms: UTC milliseconds.
    """
    request = find_request(connection, live.request_id)
    emergency = emergency_of(connection, request)
    if emergency and not emergency.is_reviewed and not is_approved(connection, request):
        return Rollout(live.share)
    share = request.share
    for step in request.steps:
        since_ms = _since_ms(connection, live.version, share)
        due_ms = since_ms + round(step.wait_h * HOUR_MS) if since_ms else 0
        if not due_ms or now_ms < due_ms:
            return Rollout(share, step.share, due_ms)
        share = step.share
    return Rollout(share)


def check_rollout(
    connection: sa.Connection, live: PublishedRelease, share: float, *, now_ms: int
) -> None:
    """Reject a share that the approval of the live version does not cover now.

    Raises:
        NotAllowedError: it does not.
    """
    allowed = allowed_rollout(connection, live, now_ms=now_ms)
    if share <= max(allowed.share, live.share) + TOLERANCE:
        return
    request = find_request(connection, live.request_id)
    if allowed.next_share is None and share <= request.top_share + TOLERANCE:
        raise NotAllowedError(
            f"Request {request.request_id} was published by an emergency, so its share does not "
            "grow before another person has reviewed it.",
            hint=f"Ask another pricing manager: `rules review {request.request_id} --comment …`.",
        )
    if share <= request.top_share + TOLERANCE:
        left_h = max(0, allowed.next_ms - now_ms) / HOUR_MS
        when = (
            f"in {left_h:.1f} hours"
            if allowed.next_ms
            else f"once {allowed.share:.0%} of the sessions have had it for the step's time"
        )
        raise NotAllowedError(
            f"The ramp of request {request.request_id} leads to {allowed.next_share:.0%} of the "
            f"sessions {when}; {allowed.share:.0%} is allowed now.",
            hint="Wait, or propose a larger rollout and have it approved.",
        )
    raise NotAllowedError(
        f"Request {request.request_id} was approved for {request.top_share:.0%} of the sessions, "
        f"not for {share:.0%}.",
        hint=f"Propose a larger rollout and have it approved: `rules widen {share:g} --why …`, or "
        "the page Live.",
    )


def is_restorable(connection: sa.Connection, version: str) -> bool:
    """Whether all sessions may get a version again; base prices always."""
    return not version or not _obstacle(connection, request_of(connection, version))


def check_restorable(connection: sa.Connection, request: Request) -> None:
    """Reject a rollback to a version that nobody approved for all sessions.

    Raises:
        NotAllowedError: it was an emergency without a review, or approved for a share only.
    """
    if obstacle := _obstacle(connection, request):
        raise NotAllowedError(obstacle, hint=_way_out(connection, request))


def _obstacle(connection: sa.Connection, request: Request) -> str:
    emergency = emergency_of(connection, request)
    if not is_approved(connection, request) and not (emergency and emergency.is_reviewed):
        return f"{request.version} was never approved, so it cannot be restored."
    was_full = any(
        one.state == "done" and one.full_version == request.version
        for one in release_history(connection, newest=_HISTORY)
    )
    if not was_full and request.share < 1 - TOLERANCE:
        return (
            f"{request.version} was approved for {request.share:.0%} of the sessions and was never "
            "live for all, so it cannot be restored for all."
        )
    return ""


def _way_out(connection: sa.Connection, request: Request) -> str:
    if emergency_of(connection, request) and not is_approved(connection, request):
        return (
            "It was an emergency publication: another person reviews it first "
            f"(`rules review {request.request_id}`)."
        )
    return "Choose another version, or propose these rules again."


def _since_ms(connection: sa.Connection, version: str, share: float) -> int:
    """Since when at least a share has had a version without a break; 0 where it has not."""
    since_ms = 0
    for one in release_history(connection, newest=_HISTORY):
        if one.state != "done":
            continue
        if one.version != version or one.share < share - TOLERANCE or one.is_killed:
            break
        since_ms = one.at_ms
    return since_ms
