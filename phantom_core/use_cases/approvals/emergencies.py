"""Emergencies: who may publish without approvals, what it overrules, and its review afterwards."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from phantom_core.accounts.permissions import requires
from phantom_core.accounts.roles import Permission
from phantom_core.alerts.alerts import Alerts
from phantom_core.approvals import emergencies, releases, requests
from phantom_core.approvals.change_request import Request
from phantom_core.approvals.emergencies import Emergency, Prices, describe_emergency
from phantom_core.approvals.limits import read_price_limits
from phantom_core.approvals.releases import PublishedRelease
from phantom_core.core.errors import InputError, NotFoundError
from phantom_core.core.settings import Settings
from phantom_core.database import audit
from phantom_core.database.connection import write_transaction
from phantom_core.database.upgrade import RESTORED
from phantom_core.evidence.evidence import Evidence
from phantom_core.evidence.gates import Gate
from phantom_core.publishing.release import parse_release
from phantom_core.rules.never_raises import never_raises
from phantom_core.rules.rule_set import RuleSet
from phantom_core.session_market.market import NO_MARKUP
from phantom_core.use_cases.alerting.send_alerts import notify_channels
from phantom_core.use_cases.approvals.change_requests import (
    check_gates,
    control_database,
    evidence_of,
    rules_of,
)
from phantom_core.use_cases.audit.verify_audit import require_intact_audit

# Not even an emergency publish may leave the guard rails.
NEVER_OVERRULED: Final = ("guard rails",)
_LOG: Final = logging.getLogger(__name__)
_DAY_MS: Final = 86_400_000
_CONSTRAINTS: Final = "database_constraints"
_OVER: Final = "It was reviewed, or is no longer live."


@dataclass(frozen=True, slots=True)
class EmergencyPreview:
    """What an emergency publication of a request would mean.

    Attributes:
        prices: whether it can only lower prices.
        says: why, in a sentence.
        overruled: closed gates that it would overrule.
        blocking: closed gates that not even an emergency overrules.
        seconds: logins of people other than the author who approved or confirmed it.
    """

    prices: Prices
    says: str
    overruled: tuple[Gate, ...]
    blocking: tuple[Gate, ...]
    seconds: tuple[str, ...]


@requires(Permission.READ)
def preview_emergency(settings: Settings, request_id: int) -> EmergencyPreview:
    """What an emergency publication would overrule, and whether it takes a second person.

    Raises:
        NotFoundError: there is no such request, or it was never submitted.
    """
    with control_database(settings).connect() as connection:
        request = requests.find_request(connection, request_id)
        evidence = evidence_of(connection, request)
        if evidence is None:
            raise NotFoundError(f"Request {request_id} has no evidence.", hint="Submit it first.")
        return assess_emergency(connection, settings, request, evidence)


@requires(Permission.READ)
def assess_emergency(
    connection: sa.Connection, settings: Settings, request: Request, evidence: Evidence
) -> EmergencyPreview:
    """The same within a transaction."""
    closed = [
        gate for gate in check_gates(connection, settings, request, evidence) if not gate.is_open
    ]
    prices, says = _compare_prices(connection, settings, request, evidence)
    seconds = {
        one.who
        for one in requests.decisions_of(connection, request.request_id)
        if one.revision == request.revision and one.verdict in ("approve", "confirm")
    }
    return EmergencyPreview(
        prices,
        says,
        tuple(gate for gate in closed if gate.name not in NEVER_OVERRULED),
        tuple(gate for gate in closed if gate.name in NEVER_OVERRULED),
        tuple(sorted(seconds - {request.author})),
    )


@requires(Permission.APPROVE)
def confirm_emergency(
    settings: Settings, who: str, request_id: int, revision: int, *, comment: str, now_ms: int
) -> Request:
    """Confirm, as a second person, that a revision may be published by an emergency."""
    require_intact_audit(settings)
    with write_transaction(control_database(settings)) as connection:
        return requests.confirm_emergency(
            connection, who, request_id, revision, comment, now_ms=now_ms
        )


@requires(Permission.APPROVE)
def review_emergency(
    settings: Settings, who: str, request_id: int, *, comment: str, now_ms: int
) -> Emergency:
    """Review an emergency publication, as another person; its alerts end with that."""
    with write_transaction(control_database(settings)) as connection:
        found = emergencies.review_emergency(connection, who, request_id, comment, now_ms=now_ms)
    alert_emergencies(settings, now_ms=now_ms)
    return found


@requires(Permission.READ)
def live_emergencies(
    connection: sa.Connection, release: PublishedRelease | None
) -> tuple[Emergency, ...]:
    """Emergencies by which a live version was published, reviewed or not."""
    versions = {release.version, release.stable} - {""} if release else set()
    found = [releases.request_of(connection, version) for version in sorted(versions)]
    return tuple(emergencies.list_emergencies(connection, found))


@requires(Permission.READ)
def alert_emergencies(settings: Settings, *, now_ms: int) -> tuple[str, ...]:
    """Raise and resolve the alerts of emergencies, and notify the channels.

    Returns:
        Channels that could not be notified, a sentence each.
    """
    with control_database(settings).connect() as connection:
        live = live_emergencies(connection, releases.current_release(connection))
        restored = _restored_constraints(connection, now_ms)
    raised = {
        f"emergency_{one.request_id}": describe_emergency(one)
        for one in live
        if not one.is_reviewed
    }
    raised |= {
        f"emergency_review_{one.request_id}": f"The emergency publication of request "
        f"{one.request_id} by {one.who} was to be reviewed by another person by now: "
        f"rules review {one.request_id}, or the page Live."
        for one in live
        if one.is_overdue(now_ms)
    }
    raised |= {_CONSTRAINTS: restored} if restored else {}
    alerts = Alerts(settings)
    known = [one for one in alerts.all() if one.name.startswith(("emergency_", _CONSTRAINTS))]
    cleared = {one.name for one in known if one.is_open} - raised.keys()
    fresh = raised.keys() - {one.name for one in known if one.is_open}
    if not fresh and not cleared:
        return ()
    alerts.follow(raised, frozenset(cleared), now_ms)
    try:
        problems = notify_channels(settings, alerts, dict.fromkeys(cleared, _OVER))
    except InputError as error:
        problems = (str(error),)
    for problem in problems:
        _LOG.warning("A channel was not notified of an emergency. %s", problem)
    return problems


def _restored_constraints(connection: sa.Connection, now_ms: int) -> str:
    """What was found changed in the database in the last day, in a sentence; empty for nothing."""
    newest = connection.execute(
        sa.select(audit.AUDIT.c.at_ms, audit.AUDIT.c.details)
        .where(audit.AUDIT.c.action == RESTORED, audit.AUDIT.c.at_ms > now_ms - _DAY_MS)
        .order_by(audit.AUDIT.c.seq.desc())
        .limit(1)
    ).first()
    if newest is None:
        return ""
    return (
        "Constraints of the control database had been removed or changed, and were restored: "
        f"{newest.details}. Whatever was written meanwhile is unchecked: verify the audit chain."
    )


def _compare_prices(
    connection: sa.Connection, settings: Settings, request: Request, evidence: Evidence
) -> tuple[Prices, str]:
    """Whether a request can only lower prices against everything that is live."""
    if request.policy != "rules":
        return "raise", "The network sets prices, which may rise for any session."
    release = releases.current_release(connection)
    within = read_price_limits(settings, connection).guard_rails
    before = release.guard_rails if release else within
    for rules in _live_rule_sets(connection, release):
        if rules is None:
            lowest = RuleSet("network", (), otherwise=before.lowest_markup)
            proven = never_raises(rules_of(request), lowest, within, before)
        else:
            proven = never_raises(rules_of(request), rules, within, before)
        if not proven:
            return "raise", "Some session may pay more than now."
    if risen := _risen(evidence, release):
        return "raise", f"{risen:,} recorded quotes would rise."
    return "lower", "No session pays more than now."


def _live_rule_sets(
    connection: sa.Connection, release: PublishedRelease | None
) -> Sequence[RuleSet | None]:
    """Rules of all versions that are live; None where the network sets prices."""
    if release is None:
        return (NO_MARKUP,)
    versions = [release.version] if release.share >= 1 else [release.version, release.stable]
    found: list[RuleSet | None] = []
    for version in versions:
        if not version:
            found.append(NO_MARKUP)
        elif releases.request_of(connection, version).policy == "model":
            found.append(None)
        else:
            document = releases.release_document(connection, version)
            found.append(parse_release(document).rules())
    return found


def _risen(evidence: Evidence, release: PublishedRelease | None) -> int:
    """Recorded quotes that would rise against the version of most sessions, as replayed."""
    live = release.full_version if release else ""
    replay = evidence.replay.found if evidence.base_version == live else None
    return sum(
        one.quotes
        for one in (replay.moved if replay else ())
        if one.markup_after > one.markup_before
    )
