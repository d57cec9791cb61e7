"""Emergencies: publications without the required approvals, and their reviews by other people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa

from phantom_core.accounts.people import require_permission
from phantom_core.accounts.roles import Permission
from phantom_core.approvals.change_request import Request, describe_request
from phantom_core.approvals.requests import decisions_of, find_request, mark_emergency
from phantom_core.approvals.states import OPEN
from phantom_core.approvals.tables import may_sql
from phantom_core.core.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from phantom_core.database import audit
from phantom_core.database.connection import METADATA
from phantom_core.database.constraints import forbid_change, never_changed

Prices = Literal["lower", "raise"]
FEWEST_WORDS: Final = 3
HOUR_MS: Final = 3_600_000

EMERGENCIES: Final = sa.Table(
    "emergencies",
    METADATA,
    sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("prices", sa.String(16), nullable=False),
    sa.Column("gates", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("review_by_ms", sa.BigInteger, nullable=False),
)
REVIEWS: Final = sa.Table(
    "emergency_reviews",
    METADATA,
    sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)
never_changed(EMERGENCIES)
never_changed(REVIEWS)
forbid_change(
    EMERGENCIES,
    "emergencies_who",
    "INSERT",
    f"NEW.why = '' OR NEW.prices NOT IN ('lower', 'raise')"
    f" OR NOT {may_sql('NEW.who', Permission.PUBLISH)}"
    " OR NOT EXISTS (SELECT 1 FROM change_requests r WHERE r.request_id = NEW.request_id"
    " AND r.revision = NEW.revision AND r.state IN ('submitted', 'approved', 'scheduled')"
    " AND (EXISTS (SELECT 1 FROM decisions d WHERE d.request_id = r.request_id"
    " AND d.revision = r.revision AND d.verdict IN ('approve', 'confirm') AND d.who <> NEW.who)"
    " OR (NEW.prices = 'lower' AND r.author <> NEW.who)))",
    "an emergency needs a second person, or lowers prices and is not by the author",
)
forbid_change(
    REVIEWS,
    "emergency_reviews_who",
    "INSERT",
    f"NOT {may_sql('NEW.who', Permission.APPROVE)}"
    " OR NOT EXISTS (SELECT 1 FROM emergencies e, change_requests r"
    " WHERE e.request_id = NEW.request_id AND e.revision = NEW.revision"
    " AND r.request_id = e.request_id AND e.who <> NEW.who AND r.author <> NEW.who)",
    "an emergency is reviewed by another person",
)


@dataclass(frozen=True, slots=True)
class Emergency:
    """A publication without the required approvals.

    Attributes:
        request_id, revision: what was published.
        who: login of the account that published it.
        why: its reason.
        prices: whether it can only lower prices, or may raise some.
        gates: closed gates that it overruled, a sentence each.
        at_ms: when, UTC milliseconds.
        review_by_ms: until when another person reviews it, UTC milliseconds.
        reviewed_by: login of the account that reviewed it; empty before.
        comment: of the review.
        reviewed_ms: when, UTC milliseconds; 0 before.
    """

    request_id: int
    revision: int
    who: str
    why: str
    prices: Prices
    gates: tuple[str, ...]
    at_ms: int
    review_by_ms: int
    reviewed_by: str = ""
    comment: str = ""
    reviewed_ms: int = 0

    @property
    def is_reviewed(self) -> bool:
        """Whether another person reviewed it."""
        return bool(self.reviewed_by)

    def is_overdue(self, now_ms: int) -> bool:
        """Whether its review is missing after its time."""
        return not self.is_reviewed and now_ms > self.review_by_ms


def begin_emergency(
    connection: sa.Connection,
    who: str,
    request_id: int,
    why: str,
    *,
    prices: Prices,
    gates: Sequence[str],
    limits: str,
    review_hours: float,
    now_ms: int,
) -> Request:
    """Mark a revision permanently as published without the required approvals.

    Args:
        connection: of `write_transaction`.
        who: login of an account that may publish.
        request_id: which.
        why: the reason, in a few words at least.
        prices: whether it can only lower prices.
        gates: closed gates that it overrules, a sentence each.
        limits: in force, JSON.
        review_hours: within which another person reviews it.
        now_ms: UTC milliseconds.
    Raises:
        InputError: without a reason.
        NotAllowedError: it needs a second person, or somebody else than its author.
        ConflictError: it was not submitted, so there is no evidence.
    """
    require_permission(connection, who, Permission.PUBLISH)
    _check_reason(why)
    request = find_request(connection, request_id)
    if request.state not in OPEN:
        raise ConflictError(
            f"Request {request_id} is {request.state}; submit it first, so that there is evidence."
        )
    _check_people(connection, request, who, prices)
    details = {
        "why": why,
        "revision": request.revision,
        "prices": prices,
        "gates_overruled": list(gates),
        "second_person": sorted(_seconds(connection, request, who)),
        "limits": json.loads(limits),
    }
    audit.append_entry(connection, now_ms, who, "request.glass_broken", request.about, details)
    connection.execute(
        EMERGENCIES.insert().values(
            request_id=request_id,
            revision=request.revision,
            who=who,
            why=why,
            prices=prices,
            gates=json.dumps(list(gates)),
            at_ms=now_ms,
            review_by_ms=now_ms + round(review_hours * HOUR_MS),
        )
    )
    return mark_emergency(connection, request, why, now_ms)


def review_emergency(
    connection: sa.Connection, who: str, request_id: int, comment: str, *, now_ms: int
) -> Emergency:
    """Record that another person reviewed an emergency publication.

    Raises:
        NotFoundError: it was not published by an emergency.
        NotAllowedError: by its author, or by whoever published it.
        ConflictError: it was reviewed before.
        InputError: without a comment.
    """
    require_permission(connection, who, Permission.APPROVE)
    request = find_request(connection, request_id)
    found = emergency_of(connection, request)
    if found is None:
        raise NotFoundError(f"Request {request_id} was not published by an emergency.")
    if who in (found.who, request.author):
        raise NotAllowedError(
            "An emergency is reviewed by another person than its author and who published it.",
            hint="Ask another pricing manager.",
        )
    if found.is_reviewed:
        raise ConflictError(f"{found.reviewed_by} has reviewed it already.")
    if not comment.strip():
        raise InputError(
            "The comment of the review is missing.", hint="Say what you found, in a sentence."
        )
    details = {"revision": found.revision, "comment": comment}
    audit.append_entry(connection, now_ms, who, "request.reviewed", request.about, details)
    connection.execute(
        REVIEWS.insert().values(
            request_id=request_id,
            revision=found.revision,
            who=who,
            comment=comment,
            at_ms=now_ms,
        )
    )
    reviewed = emergency_of(connection, request)
    assert reviewed
    return reviewed


def emergency_of(connection: sa.Connection, request: Request) -> Emergency | None:
    """The emergency by which the newest revision of a request was published; None for none."""
    if request.break_revision != request.revision:
        return None
    key = (EMERGENCIES.c.request_id == request.request_id) & (
        EMERGENCIES.c.revision == request.revision
    )
    row = connection.execute(EMERGENCIES.select().where(key)).mappings().first()
    if row is None:
        return None
    review = (
        connection.execute(
            REVIEWS.select().where(
                REVIEWS.c.request_id == request.request_id, REVIEWS.c.revision == request.revision
            )
        )
        .mappings()
        .first()
    )
    return Emergency(
        **{**row, "gates": tuple(json.loads(row["gates"]))},
        **(
            {
                "reviewed_by": review["who"],
                "comment": review["comment"],
                "reviewed_ms": review["at_ms"],
            }
            if review
            else {}
        ),
    )


def list_emergencies(connection: sa.Connection, requests: Sequence[Request]) -> list[Emergency]:
    """The emergencies by which some requests were published, in their order."""
    found = (emergency_of(connection, request) for request in requests)
    return [one for one in found if one]


def _check_people(connection: sa.Connection, request: Request, who: str, prices: Prices) -> None:
    """Raising prices takes a second person, and nobody publishes their own change alone."""
    if _seconds(connection, request, who):
        return
    way_out = f"rules confirm {request.request_id}"
    if prices == "raise":
        raise NotAllowedError(
            f"Request {request.request_id} may raise prices, so an emergency takes a second "
            "person.",
            hint="Ask another pricing manager to confirm it on the page Approvals, or with "
            f"`{way_out}`. One person alone can roll back or use the kill switch.",
        )
    if who == request.author:
        raise NotAllowedError(
            "Authors cannot publish their own change by an emergency alone.",
            hint=f"Ask another pricing manager to publish or to confirm it (`{way_out}`).",
        )


def _seconds(connection: sa.Connection, request: Request, who: str) -> set[str]:
    """People other than the author and the publisher who stand for a revision."""
    return {
        one.who
        for one in decisions_of(connection, request.request_id)
        if one.revision == request.revision and one.verdict in ("approve", "confirm")
    } - {who, request.author}


def _check_reason(why: str) -> None:
    if len(why.split()) < FEWEST_WORDS:
        raise InputError(
            "The reason for the emergency is missing or too short.",
            hint=f"It is permanent: say in {FEWEST_WORDS} words or more what happened.",
        )


def describe_emergency(found: Emergency) -> str:
    """An emergency in a sentence, for alerts and pages.

    Args:
        found: the emergency.
    """
    overruled = f" Gates overruled: {'; '.join(found.gates)}." if found.gates else ""
    return (
        f"{found.who} published {describe_request(found.request_id)} without the required "
        f"approvals: {found.why}{'' if found.why.endswith('.') else '.'}{overruled}"
    )
