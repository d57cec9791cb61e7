"""Change requests: propose rules, attach the evidence, have them approved."""

import json
from dataclasses import dataclass

import sqlalchemy as sa

from phantom_core.accounts.people import require_permission
from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.anchoring.audit_anchor import control_engine
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Policy, Proposal, Request, ReviewDecision
from phantom_core.approvals.limits import read_price_limits
from phantom_core.approvals.releases import current_release
from phantom_core.approvals.tables import EVIDENCE
from phantom_core.core.errors import ConflictError, NotFoundError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.evidence.evidence import Evidence, parse_evidence
from phantom_core.evidence.gates import Gate, evaluate_gates
from phantom_core.rules.document import from_json, to_json
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.approvals.gather_evidence import TRIAL_SESSIONS, gather_evidence
from phantom_core.use_cases.rules.live_rules import live_rules, live_version


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A change request as its approver sees it.

    Attributes:
        request: the change request.
        decisions: review decisions of all revisions, in order.
        evidence: of this revision; None before it is submitted.
        gates: evaluated now; empty without evidence.
        competing: numbers of other open requests written against the same live version.
    """

    request: Request
    decisions: tuple[ReviewDecision, ...]
    evidence: Evidence | None
    gates: tuple[Gate, ...]
    competing: tuple[int, ...]

    @property
    def closed_gates(self) -> tuple[Gate, ...]:
        """Gates that block approval."""
        return tuple(gate for gate in self.gates if not gate.is_open)


@requires(Permission.READ)
def control_database(settings: Settings) -> sa.Engine:
    """The control database of an installation."""
    return control_engine(settings)


@requires(Permission.PROPOSE)
def propose_rules(
    settings: Settings,
    who: str,
    rules: RuleSet,
    *,
    why: str,
    answers: str = "",
    policy: Policy = "rules",
    share: float = 1.0,
    expires_ms: int = 0,
    time_zone: str = "UTC",
    now_ms: int,
    request_id: int | None = None,
) -> Request:
    """Draft a change, or edit an existing one, which voids its approvals.

    Args:
        settings: workspace and database.
        who: the author's login.
        rules: proposed.
        why: reason for the change.
        answers: to open warnings.
        policy: rules or model.
        share: initial canary, as a share of the sessions.
        expires_ms: when it ends, UTC milliseconds; 0 for never.
        time_zone: in which the end was chosen.
        now_ms: UTC milliseconds.
        request_id: of the request to edit; None drafts a new one.
    """
    text = json.dumps(to_json(rules), sort_keys=True, ensure_ascii=False)
    proposal = Proposal(rules.name, text, why, answers, policy, share, expires_ms, time_zone)
    with write_transaction(control_database(settings)) as connection:
        base = live_version(connection)
        if request_id is None:
            needed = read_price_limits(settings, connection).approvals_needed
            return requests.create_draft(
                connection, who, proposal, base_version=base, needed=needed, now_ms=now_ms
            )
        return requests.edit_draft(
            connection, who, request_id, proposal, base_version=base, now_ms=now_ms
        )


@requires(Permission.PROPOSE)
def rebase_request(settings: Settings, who: str, request_id: int, *, now_ms: int) -> Request:
    """Rebase a request onto what is live now, which voids its evidence and approvals."""
    with write_transaction(control_database(settings)) as connection:
        request = requests.find_request(connection, request_id)
        proposal = Proposal(**{name: getattr(request, name) for name in Proposal.__slots__})
        return requests.edit_draft(
            connection,
            who,
            request_id,
            proposal,
            base_version=live_version(connection),
            now_ms=now_ms,
        )


@requires(Permission.PROPOSE)
def submit_request(
    settings: Settings,
    who: str,
    request_id: int,
    *,
    now_ms: int,
    trial_sessions: int = TRIAL_SESSIONS,
    progress: Progress = no_progress,
) -> Request:
    """Gather the evidence of a draft, freeze it and ask for approval.

    Raises:
        NotAllowedError: not the author.
        ConflictError: it was edited or submitted meanwhile, or something else went live.
    """
    with control_database(settings).connect() as connection:
        require_permission(connection, who, Permission.PROPOSE)
        request = requests.find_request(connection, request_id)
        base = live_version(connection)
        live = live_rules(connection)
    if request.state != "draft":
        raise ConflictError(
            f"Request {request_id} is {request.state}, so it cannot be submitted.",
            hint="Only drafts can.",
        )
    if base != request.base_version:
        raise ConflictError(
            f"Request {request_id} was written against another version than the live one.",
            hint="Rebase it first.",
        )
    evidence = gather_evidence(
        settings, request, live, now_ms=now_ms, trial_sessions=trial_sessions, progress=progress
    )
    with write_transaction(control_database(settings)) as connection:
        _freeze(connection, evidence)
        return requests.submit_request(
            connection, who, request_id, request.revision, evidence.sha256, now_ms=now_ms
        )


@requires(Permission.APPROVE)
def approve_request(
    settings: Settings, who: str, request_id: int, revision: int, *, comment: str = "", now_ms: int
) -> Request:
    """Approve the reviewed revision, if every gate is open.

    Raises:
        ConflictError: a gate is closed, or the request changed meanwhile.
        NotAllowedError: this person may not approve it.
    """
    with write_transaction(control_database(settings)) as connection:
        require_permission(connection, who, Permission.APPROVE)
        reviewed = _review(connection, settings, request_id)
        if reviewed.request.state == "submitted" and reviewed.closed_gates:
            raise ConflictError(
                f"A gate is closed: {_describe_gates(reviewed.closed_gates)}",
                hint="The author has to edit and submit it again.",
            )
        return requests.approve_request(
            connection, who, request_id, revision, comment, now_ms=now_ms
        )


@requires(Permission.APPROVE)
def reject_request(
    settings: Settings, who: str, request_id: int, revision: int, *, comment: str, now_ms: int
) -> Request:
    """Reject a request, with a reason."""
    with write_transaction(control_database(settings)) as connection:
        return requests.reject_request(
            connection, who, request_id, revision, comment, now_ms=now_ms
        )


@requires(Permission.PROPOSE)
def withdraw_request(settings: Settings, who: str, request_id: int, *, now_ms: int) -> Request:
    """Withdraw one's own request."""
    with write_transaction(control_database(settings)) as connection:
        return requests.withdraw_request(connection, who, request_id, now_ms=now_ms)


@requires(Permission.PUBLISH)
def schedule_request(
    settings: Settings, who: str, request_id: int, starts_ms: int, time_zone: str, *, now_ms: int
) -> Request:
    """Schedule an approved request to go live later."""
    with write_transaction(control_database(settings)) as connection:
        return requests.schedule_request(
            connection, who, request_id, starts_ms, time_zone, now_ms=now_ms
        )


@requires(Permission.PUBLISH)
def unschedule_request(settings: Settings, who: str, request_id: int, *, now_ms: int) -> Request:
    """Cancel the schedule of a request; it stays approved."""
    with write_transaction(control_database(settings)) as connection:
        require_permission(connection, who, Permission.PUBLISH)
        return requests.unschedule_request(connection, who, request_id, "by hand", now_ms=now_ms)


@requires(Permission.READ)
def review_request(settings: Settings, request_id: int) -> Reviewed:
    """A request with its evidence, gates and decisions.

    Raises:
        NotFoundError: there is none.
        DataError: its evidence was changed after submission.
    """
    with control_database(settings).connect() as connection:
        return _review(connection, settings, request_id)


@requires(Permission.READ)
def list_requests(settings: Settings) -> list[Request]:
    """Every request, newest first."""
    with control_database(settings).connect() as connection:
        return requests.list_requests(connection)


@needs_no_permission
def rules_of(request: Request) -> RuleSet:
    """The rules that a request proposes."""
    return from_json(json.loads(request.rules))


@requires(Permission.READ)
def check_gates(
    connection: sa.Connection, settings: Settings, request: Request, evidence: Evidence
) -> tuple[Gate, ...]:
    """Evaluate the gates of a request now."""
    return evaluate_gates(
        evidence,
        read_price_limits(settings, connection),
        answers=request.answers,
        revision=request.revision,
        base_version=live_version(connection),
        is_first=current_release(connection) is None,
    )


@requires(Permission.READ)
def evidence_of(connection: sa.Connection, request: Request) -> Evidence | None:
    """The frozen evidence of a request; None before it is submitted.

    Raises:
        DataError: it was changed after submission.
        NotFoundError: it is missing.
    """
    if not request.evidence:
        return None
    text = connection.execute(
        sa.select(EVIDENCE.c.document).where(EVIDENCE.c.sha256 == request.evidence)
    ).scalar()
    if text is None:
        raise NotFoundError(
            f"The evidence of request {request.request_id} is missing.",
            hint="Do not approve it; verify the audit chain.",
        )
    return parse_evidence(str(text), request.evidence)


def _review(connection: sa.Connection, settings: Settings, request_id: int) -> Reviewed:
    request = requests.find_request(connection, request_id)
    evidence = evidence_of(connection, request)
    is_open = request.state in ("submitted", "approved", "scheduled")
    found = check_gates(connection, settings, request, evidence) if evidence and is_open else ()
    others = (
        requests.list_requests(connection, ("submitted", "approved", "scheduled"))
        if is_open
        else []
    )
    competing = [
        one.request_id
        for one in others
        if one.base_version == request.base_version and one.request_id != request_id
    ]
    return Reviewed(
        request,
        tuple(requests.decisions_of(connection, request_id)),
        evidence,
        found,
        tuple(competing),
    )


def _freeze(connection: sa.Connection, evidence: Evidence) -> None:
    values = {
        "sha256": evidence.sha256,
        "request_id": evidence.request_id,
        "revision": evidence.revision,
        "document": evidence.to_text(),
        "created_ms": evidence.created_ms,
    }
    if (
        connection.execute(
            sa.select(EVIDENCE.c.sha256).where(EVIDENCE.c.sha256 == evidence.sha256)
        ).first()
        is None
    ):
        connection.execute(EVIDENCE.insert().values(values))


def _describe_gates(closed: tuple[Gate, ...]) -> str:
    return " ".join(f"{gate.name}: {gate.says}" for gate in closed)
