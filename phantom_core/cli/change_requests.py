"""Verbs about change requests: propose rules, decide on them, choose when they go live."""

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

Number = Annotated[int, typer.Argument(help="Number of the change request.")]
Comment = Annotated[str, typer.Option(help="What you say of it; a decline needs one.")]
Revision = Annotated[
    int | None, typer.Option(help="Revision that you looked at; default the newest.")
]
Zone = Annotated[
    str, typer.Option("--zone", help="Time zone of the moment, such as Europe/Vienna.")
]


def submit(
    file: File,
    *,
    why: Why,
    answers: Annotated[str, typer.Option(help="What you say to warnings of the checks.")] = "",
    share: Annotated[
        float, typer.Option(help="Share of the sessions that gets it first; 0.1 is every tenth.")
    ] = 1.0,
    policy: Annotated[
        str, typer.Option(help="rules, or model: the network's optimal mark-up.")
    ] = "rules",
    expires: Annotated[str, typer.Option(help="When it ends: 2026-12-31T18:00.")] = "",
    zone: Zone = "UTC",
    edit: Annotated[
        int | None,
        typer.Option(help="Write this request anew in place of a new one; its approvals are void."),
    ] = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Propose rules: gather the evidence, freeze it and ask for approval."""
    from phantom_core.use_cases.approvals import change_requests
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    with running(workspace, "gathering evidence", as_json=as_json) as (settings, progress):
        author = identified(settings, who, now_ms())
        ends_ms = _moment_ms(expires, zone) if expires else 0
        request = change_requests.propose_rules(
            settings,
            author,
            open_rule_set(settings, file),
            why=why,
            answers=answers,
            policy=_policy(policy),
            share=share,
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
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say yes to a change; nobody can approve their own."""
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "approving", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = (
            change_requests.review_request(settings, number).request.revision
            if revision is None
            else revision
        )
        emit(
            _brief(
                change_requests.approve_request(
                    settings, login, number, seen, comment=comment, now_ms=now_ms()
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
    """Say no to a change; it goes no further until its author edits it."""
    from phantom_core.use_cases.approvals import change_requests

    with running(workspace, "declining", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = (
            change_requests.review_request(settings, number).request.revision
            if revision is None
            else revision
        )
        emit(
            _brief(
                change_requests.reject_request(
                    settings, login, number, seen, comment=comment, now_ms=now_ms()
                )
            ),
            as_json,
        )


def withdraw(
    number: Number, *, who: As = "", workspace: Workspace = None, as_json: Json = False
) -> None:
    """Take your own change back for good."""
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
    """Hold your change against what is live now, and ask for approval again."""
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
    """Have an approved change go live later; `rules watch` or the app does it then."""
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
            print("Nobody has proposed a change yet: rules submit FILE --why …")


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
    }


def _shown(seen: "Reviewed") -> dict[str, object]:
    gates = [{"gate": gate.name, "open": gate.is_open, "says": gate.says} for gate in seen.gates]
    said = [
        {"who": one.who, "verdict": one.verdict, "revision": one.revision, "comment": one.comment}
        for one in seen.decisions
    ]
    return {**_brief(seen.request), "gates": gates, "decisions": said, "rivals": list(seen.rivals)}


def _policy(text: str) -> "Policy":
    if text == "model":
        return "model"
    if text == "rules":
        return "rules"
    raise InputError(f"'{text}' is no policy.", hint="Choose rules or model.")


def _moment_ms(text: str, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise InputError(
            f"'{text}' is no moment.", hint="Write it like 2026-12-01T09:00."
        ) from None
    except ZoneInfoNotFoundError:
        raise InputError(
            f"'{zone}' is no time zone.", hint="Write it like Europe/Vienna or UTC."
        ) from None
    return round(local.astimezone(UTC).timestamp() * 1_000)
