"""Change requests: propose rules, attach the evidence, have them approved."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from phantom_core.accounts.people import require_permission
from phantom_core.accounts.permissions import needs_no_permission, requires
from phantom_core.accounts.roles import Permission
from phantom_core.approvals import requests
from phantom_core.approvals.change_request import Policy, Proposal, Request, ReviewDecision
from phantom_core.approvals.emergencies import Emergency, emergency_of
from phantom_core.approvals.limits import (
    limits_in_words,
    read_banned_features,
    read_price_limits,
    seeded_database,
)
from phantom_core.approvals.ramp import RampStep, ramp_text
from phantom_core.approvals.releases import current_release
from phantom_core.approvals.states import OPEN
from phantom_core.approvals.tables import EVIDENCE
from phantom_core.core.errors import ConflictError, InputError, NotFoundError
from phantom_core.core.progress import Progress, no_progress
from phantom_core.core.settings import Settings
from phantom_core.database.connection import write_transaction
from phantom_core.evidence.evidence import Evidence, parse_evidence
from phantom_core.evidence.gates import Gate, evaluate_gates
from phantom_core.model_kinds.multitask import NETWORK
from phantom_core.model_store.store import ModelStore
from phantom_core.rules.document import from_json, to_json
from phantom_core.rules.rule_set import RuleSet
from phantom_core.use_cases.approvals.gather_evidence import TRIAL_SESSIONS, gather_evidence
from phantom_core.use_cases.audit.verify_audit import require_intact_audit
from phantom_core.use_cases.rules.live_rules import live_policy, live_rules, live_version


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A change request as its approver sees it.

    Attributes:
        request: the change request.
        decisions: review decisions of all revisions, in order.
        evidence: of this revision; None before it is submitted.
        gates: evaluated now; empty without evidence.
        competing: numbers of other open requests written against the same live version.
        needed: approvals that it needs now.
        emergency: by which this revision was published; None for none.
    """

    request: Request
    decisions: tuple[ReviewDecision, ...]
    evidence: Evidence | None
    gates: tuple[Gate, ...]
    competing: tuple[int, ...]
    needed: int
    emergency: Emergency | None = None

    @property
    def n_approvals(self) -> int:
        """Approvals of this revision."""
        return sum(
            one.revision == self.request.revision and one.verdict == "approve"
            for one in self.decisions
        )

    @property
    def closed_gates(self) -> tuple[Gate, ...]:
        """Gates that block approval."""
        return tuple(gate for gate in self.gates if not gate.is_open)


@requires(Permission.READ)
def control_database(settings: Settings) -> sa.Engine:
    """The control database of an installation, which has limits."""
    return seeded_database(settings)


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
    ramp: Sequence[RampStep] = (),
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
        ramp: larger shares that the approval covers, each after a while at the one before.
        now_ms: UTC milliseconds.
        request_id: of the request to edit; None drafts a new one.
    """
    text = json.dumps(to_json(rules), sort_keys=True, ensure_ascii=False)
    steps = ramp_text(share, ramp)
    proposal = Proposal(rules.name, text, why, answers, policy, share, expires_ms, time_zone, steps)
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
def propose_rollout(
    settings: Settings,
    who: str,
    share: float,
    *,
    why: str,
    ramp: Sequence[RampStep] = (),
    now_ms: int,
) -> Request:
    """Draft a larger share for the live canary, beyond the one that was approved.

    Args:
        settings: workspace and database.
        who: the author's login.
        share: of the sessions, above the live one.
        why: reason for the change.
        ramp: larger shares that the approval covers.
        now_ms: UTC milliseconds.
    Raises:
        ConflictError: no canary is live.
        InputError: a share that is not above the live one.
    """
    with control_database(settings).connect() as connection:
        release = current_release(connection)
        if release is None or not release.version or release.share >= 1:
            raise ConflictError("No canary is live, so there is no rollout to enlarge.")
        live = requests.find_request(connection, release.request_id)
    if share <= release.share:
        raise InputError(
            f"The canary has {release.share:.0%} of the sessions already.",
            hint="A smaller share needs no approval: use `rules share` or the page Live.",
        )
    return propose_rules(
        settings,
        who,
        replace(rules_of(live), name=live.name),
        why=why,
        answers=live.answers,
        policy=live.policy,
        share=share,
        expires_ms=live.expires_ms,
        time_zone=live.time_zone,
        ramp=ramp,
        now_ms=now_ms,
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
        live, policy = live_rules(connection), live_policy(connection)
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
        settings,
        request,
        live,
        live_policy=policy,
        now_ms=now_ms,
        trial_sessions=trial_sessions,
        progress=progress,
    )
    with write_transaction(control_database(settings)) as connection:
        _freeze(connection, evidence)
        return requests.submit_request(
            connection,
            who,
            request_id,
            request.revision,
            evidence.sha256,
            now_ms=now_ms,
            needed=read_price_limits(settings, connection).approvals_needed,
        )


@requires(Permission.APPROVE)
def approve_request(
    settings: Settings,
    who: str,
    request_id: int,
    revision: int,
    *,
    comment: str = "",
    accept: Sequence[str] = (),
    now_ms: int,
) -> Request:
    """Approve the reviewed revision, if every gate is open.

    Args:
        settings: workspace and database.
        who: login of an account that may approve.
        request_id: which.
        revision: that was reviewed.
        comment: for everybody; needed where a risk is accepted.
        accept: names of closed gates whose risk the approver accepts, of those that allow it.
        now_ms: UTC milliseconds.
    Raises:
        ConflictError: a gate is closed, the request changed meanwhile, or the audit chain does
            not hold.
        NotAllowedError: this person may not approve it.
        InputError: a risk is accepted without a comment, or cannot be accepted.
    """
    require_intact_audit(settings)
    with write_transaction(control_database(settings)) as connection:
        require_permission(connection, who, Permission.APPROVE)
        reviewed = _review(connection, settings, request_id)
        _check_accepted(reviewed, accept, comment)
        closed = tuple(gate for gate in reviewed.closed_gates if gate.name not in accept)
        if reviewed.request.state in OPEN and closed:
            raise ConflictError(
                f"A gate is closed: {_describe_gates(closed)}",
                hint="Approve with a comment and accept this risk, or reject the change."
                if all(gate.is_acceptable for gate in closed)
                else "The author has to edit and submit it again.",
            )
        return requests.approve_request(
            connection,
            who,
            request_id,
            revision,
            comment,
            now_ms=now_ms,
            needed=read_price_limits(settings, connection).approvals_needed,
            accepted=accept,
            judged={
                "limits": json.loads(limits_in_force(connection, settings)),
                "gates": describe_verdicts(reviewed.gates),
            },
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
    """Evaluate the gates of a request by the limits in force now."""
    accepted = {
        name: one.who
        for one in requests.decisions_of(connection, request.request_id)
        if one.revision == request.revision and one.verdict == "approve"
        for name in one.accepted_gates
    }
    return evaluate_gates(
        evidence,
        read_price_limits(settings, connection),
        answers=request.answers,
        revision=request.revision,
        base_version=live_version(connection),
        is_first=current_release(connection) is None,
        banned=read_banned_features(settings, connection),
        network=network_in_use(settings),
        accepted=accepted,
    )


@requires(Permission.READ)
def network_in_use(settings: Settings) -> str:
    """Version of the network that pricing servers use; empty for none."""
    in_use = ModelStore(settings.workspace, NETWORK.name).in_use()
    return in_use or ""


@requires(Permission.READ)
def limits_in_force(connection: sa.Connection, settings: Settings) -> str:
    """Guard rails, gates and banned features in force, JSON."""
    return limits_in_words(
        read_price_limits(settings, connection), read_banned_features(settings, connection)
    )


@needs_no_permission
def describe_verdicts(gates: Sequence[Gate]) -> dict[str, str]:
    """Gates as the audit chain stores them: name → open or closed, and what was found."""
    return {gate.name: f"{'open' if gate.is_open else 'closed'}: {gate.says}" for gate in gates}


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
        max(request.needed, read_price_limits(settings, connection).approvals_needed)
        if is_open
        else request.needed,
        emergency_of(connection, request),
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


def _check_accepted(reviewed: Reviewed, accept: Sequence[str], comment: str) -> None:
    acceptable = {gate.name for gate in reviewed.closed_gates if gate.is_acceptable}
    if wrong := sorted(set(accept) - acceptable):
        raise InputError(
            f"The risk '{wrong[0]}' cannot be accepted.",
            hint=f"There is {', '.join(sorted(acceptable))}."
            if acceptable
            else "No closed gate of this request allows that.",
        )
    if accept and not comment.strip():
        raise InputError(
            "A comment is missing.", hint="Say why the risk is acceptable; it is permanent."
        )


def _describe_gates(closed: tuple[Gate, ...]) -> str:
    return " ".join(f"{gate.name}: {gate.says}" for gate in closed)
