"""Verbs about change requests: propose, review and schedule rules."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from phantom_core.cli.rules import File
from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, Why, identified
from phantom_core.core.errors import InputError

if TYPE_CHECKING:
    from phantom_core.approvals.change_request import Policy, Request
    from phantom_core.use_cases.approvals.change_requests import Reviewed
    from phantom_core.use_cases.approvals.emergencies import EmergencyPreview

Number = Annotated[int, typer.Argument(help="Number of the change request.")]
Comment = Annotated[str, typer.Option(help="Review comment; a rejection needs one.")]
Revision = Annotated[
    int | None, typer.Option(help="Revision that you reviewed; default the newest.")
]
Zone = Annotated[str, typer.Option("--zone", help="Time zone of the date, such as Europe/Vienna.")]


def submit(
    file: File,
    *,
    why: Why,
    answers: Annotated[str, typer.Option(help="Your answers to warnings of the checks.")] = "",
    share: Annotated[
        float, typer.Option(help="Initial canary, as a share of the sessions; 0.1 is every tenth.")
    ] = 1.0,
    ramp: Annotated[
        str,
        typer.Option(
            help="Larger shares that the approval covers, as share:hours after the one before: "
            "0.5:24,1:48."
        ),
    ] = "",
    policy: Annotated[
        str, typer.Option(help="rules, or model: the network's optimal mark-up.")
    ] = "rules",
    expires: Annotated[str, typer.Option(help="When it ends: 2026-12-31T18:00.")] = "",
    zone: Zone = "UTC",
    edit: Annotated[
        int | None,
        typer.Option(help="Edit this request instead of drafting one; its approvals are void."),
    ] = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Propose rules: gather the evidence, freeze it and ask for approval."""
    from phantom_core.approvals.ramp import parse_ramp
    from phantom_core.use_cases.approvals import change_requests
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    with running(workspace, "gathering evidence", as_json=as_json) as (settings, progress):
        # The file is the shell's, whose user owns it, not one that the account asks the server for.
        rules = open_rule_set(settings, file)
        author = identified(settings, who, now_ms())
        ends_ms = _moment_ms(expires, zone) if expires else 0
        request = change_requests.propose_rules(
            settings,
            author,
            rules,
            why=why,
            answers=answers,
            policy=_policy(policy),
            share=share,
            ramp=parse_ramp(ramp),
            expires_ms=ends_ms,
            time_zone=zone,
            now_ms=now_ms(),
            request_id=edit,
        )
        change_requests.submit_request(
            settings, author, request.request_id, now_ms=now_ms(), progress=progress
        )
        emit(_shown(change_requests.review_request(settings, request.request_id)), as_json)


def approve(
    number: Number,
    *,
    revision: Revision = None,
    comment: Comment = "",
    accept: Annotated[
        list[str] | None,
        typer.Option(help="Closed gate whose risk you accept, where it can be: 'expected money'."),
    ] = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Approve a change; authors cannot approve their own."""
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "approving", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        reviewed = (
            change_requests.review_request(settings, number).request.revision
            if revision is None
            else revision
        )
        emit(
            _brief(
                change_requests.approve_request(
                    settings,
                    login,
                    number,
                    reviewed,
                    comment=comment,
                    accept=accept or (),
                    now_ms=now_ms(),
                )
            ),
            as_json,
        )


def reject(
    number: Number,
    *,
    comment: Comment,
    revision: Revision = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Reject a change; it stays rejected until its author edits it."""
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "rejecting", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        reviewed = (
            change_requests.review_request(settings, number).request.revision
            if revision is None
            else revision
        )
        emit(
            _brief(
                change_requests.reject_request(
                    settings, login, number, reviewed, comment=comment, now_ms=now_ms()
                )
            ),
            as_json,
        )


def confirm(
    number: Number,
    *,
    comment: Comment,
    revision: Revision = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Confirm, as a second person, that a change may be published by an emergency."""
    from phantom_core.use_cases.approvals import change_requests, emergencies

    with running(workspace, "confirming", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        reviewed = (
            change_requests.review_request(settings, number).request.revision
            if revision is None
            else revision
        )
        emergencies.confirm_emergency(
            settings, login, number, reviewed, comment=comment, now_ms=now_ms()
        )
        emit(_preview(emergencies.preview_emergency(settings, number)), as_json)


def preview(number: Number, *, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show what an emergency publication would overrule, and whether it takes a second person."""
    from phantom_core.use_cases.approvals.emergencies import preview_emergency

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        emit(_preview(preview_emergency(settings, number)), as_json)


def review(
    number: Number,
    *,
    comment: Comment,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Review an emergency publication; not by its author, nor by who published it."""
    from phantom_core.use_cases.approvals.emergencies import review_emergency

    with running(workspace, "reviewing", as_json=as_json) as (settings, _):
        found = review_emergency(
            settings, identified(settings, who, now_ms()), number, comment=comment, now_ms=now_ms()
        )
        emit(
            {
                "request": found.request_id,
                "published_by": found.who,
                "reviewed_by": found.reviewed_by,
                "comment": found.comment,
                "gates_overruled": list(found.gates),
            },
            as_json,
        )


def widen(
    share: Annotated[float, typer.Argument(help="Share of the sessions that the canary gets.")],
    *,
    why: Why,
    ramp: Annotated[
        str, typer.Option(help="Larger shares that the approval covers: share:hours, 1:48.")
    ] = "",
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Propose a larger rollout of the canary than the approved one, and ask for approval."""
    from phantom_core.approvals.ramp import parse_ramp
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "gathering evidence", as_json=as_json) as (settings, progress):
        author = identified(settings, who, now_ms())
        request = change_requests.propose_rollout(
            settings, author, share, why=why, ramp=parse_ramp(ramp), now_ms=now_ms()
        )
        change_requests.submit_request(
            settings, author, request.request_id, now_ms=now_ms(), progress=progress
        )
        emit(_shown(change_requests.review_request(settings, request.request_id)), as_json)


def withdraw(
    number: Number, *, who: As = "", workspace: Workspace = None, as_json: Json = False
) -> None:
    """Withdraw your own change for good."""
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "withdrawing", as_json=as_json) as (settings, _):
        emit(
            _brief(
                change_requests.withdraw_request(
                    settings, identified(settings, who, now_ms()), number, now_ms=now_ms()
                )
            ),
            as_json,
        )


def rebase(
    number: Number, *, who: As = "", workspace: Workspace = None, as_json: Json = False
) -> None:
    """Rebase your change onto what is live now, and ask for approval again."""
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "gathering evidence", as_json=as_json) as (settings, progress):
        login = identified(settings, who, now_ms())
        change_requests.rebase_request(settings, login, number, now_ms=now_ms())
        change_requests.submit_request(settings, login, number, now_ms=now_ms(), progress=progress)
        emit(_shown(change_requests.review_request(settings, number)), as_json)


def schedule(
    number: Number,
    *,
    at: Annotated[str, typer.Option(help="When it goes live: 2026-12-01T09:00.")],
    zone: Zone = "UTC",
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Schedule an approved change; `rules watch` or the app publishes it then."""
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "scheduling", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        emit(
            _brief(
                change_requests.schedule_request(
                    settings, login, number, _moment_ms(at, zone), zone, now_ms=now_ms()
                )
            ),
            as_json,
        )


def requests(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """List change requests, newest first."""
    from phantom_core.use_cases.approvals.change_requests import list_requests

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = list_requests(settings)
        if as_json:
            emit({"requests": [_brief(one) for one in found]}, as_json)
            return
        for one in found:
            print(
                f"{one.request_id:>4}  {one.state:<12} {one.name:<24} {one.author:<20} "
                f"{one.why.splitlines()[0][:60]}"
            )
        if not found:
            print("There are no change requests yet: rules submit FILE --why …")


def show(number: Number, *, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show a change request: its gates, decisions and evidence."""
    from phantom_core.use_cases.approvals.change_requests import review_request

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        emit(_shown(review_request(settings, number)), as_json)


def _brief(request: "Request") -> dict[str, object]:
    return {
        "request": request.request_id,
        "state": request.state,
        "name": request.name,
        "author": request.author,
        "revision": request.revision,
        "share": request.share,
        "version": request.version,
        "base_version": request.base_version,
        "evidence": request.evidence,
        "break_glass": request.break_glass,
        "ramp": [
            {"share": step.share, "wait_h": step.wait_h, "sessions": step.sessions}
            for step in request.steps
        ],
        "needed": request.needed,
    }


def _preview(found: "EmergencyPreview") -> dict[str, object]:
    return {
        "prices": found.prices,
        "says": found.says,
        "gates_overruled": [f"{gate.name}: {gate.says}" for gate in found.overruled],
        "gates_that_block": [f"{gate.name}: {gate.says}" for gate in found.blocking],
        "second_person": list(found.seconds),
    }


def _shown(review: "Reviewed") -> dict[str, object]:
    gates = [
        {"gate": gate.name, "open": gate.is_open, "says": gate.says, "fix": gate.fix}
        for gate in review.gates
    ]
    decisions = [
        {"who": one.who, "verdict": one.verdict, "revision": one.revision, "comment": one.comment}
        for one in review.decisions
    ]
    return {
        **_brief(review.request),
        "gates": gates,
        "decisions": decisions,
        "rivals": list(review.competing),
    }


def _policy(text: str) -> "Policy":
    if text == "model":
        return "model"
    if text == "rules":
        return "rules"
    raise InputError(f"'{text}' is not a policy.", hint="Choose rules or model.")


def _moment_ms(text: str, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise InputError(
            f"'{text}' is not a date and time.", hint="Write it like 2026-12-01T09:00."
        ) from None
    except ZoneInfoNotFoundError:
        raise InputError(
            f"'{zone}' is not a time zone.", hint="Write it like Europe/Vienna or UTC."
        ) from None
    return round(local.astimezone(UTC).timestamp() * 1_000)
