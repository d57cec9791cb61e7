"""Verbs about prices beside rules: global prices, and prices of single sessions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, identified

if TYPE_CHECKING:
    from phantom_core.approvals.governed_changes import GovernedChange
    from phantom_core.core.settings import Settings

Why = Annotated[str, typer.Option(help="The reason, in a sentence.")]
Number = Annotated[int, typer.Argument(help="Number of the waiting change, see `status`.")]
Seen = Annotated[
    str | None,
    typer.Option(help="SHA-256 of what you reviewed, see `status`; default what waits now."),
]


def status(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show the prices beside rules that are approved, and those that wait."""
    from phantom_core.use_cases.approvals.price_overrides import price_overrides

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = price_overrides(settings)
        emit({"table": found.table.change_id if found.table else None}, as_json)
        emit({"sessions": found.sessions.change_id if found.sessions else None}, as_json)
        for one in found.waiting:
            emit(
                {
                    "change": one.change_id,
                    "subject": one.subject,
                    "author": one.author,
                    "why": one.why,
                    "sha256": one.payload_sha256,
                },
                as_json,
            )


def propose(
    path: Annotated[Path, typer.Argument(help="CSV with the columns product_id, price.")],
    *,
    why: Why,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Propose a table of global prices, for where no rules apply."""
    from phantom_core.use_cases.approvals.price_overrides import propose_global_prices

    with running(workspace, "proposing", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        change = propose_global_prices(settings, login, _prices(path), why, now_ms=now_ms())
        _emit_change(change, as_json=as_json)


def sessions(*, why: Why, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Propose that signed prices of single sessions are served, within the guard rails."""
    from phantom_core.use_cases.approvals.price_overrides import propose_session_prices

    with running(workspace, "proposing", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        change = propose_session_prices(settings, login, why, now_ms=now_ms())
        _emit_change(change, as_json=as_json)


def approve(
    number: Number,
    *,
    comment: Annotated[str, typer.Option(help="Stored with the decision.")] = "",
    sha256: Seen = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Approve prices beside rules that another person proposed."""
    from phantom_core.use_cases.approvals.price_overrides import approve_override

    with running(workspace, "approving", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = sha256 or _waiting(settings, number).payload_sha256
        change = approve_override(settings, login, number, seen, comment, now_ms=now_ms())
        _emit_change(change, as_json=as_json)


def reject(
    number: Number,
    *,
    comment: Annotated[str, typer.Option(help="Why; the author has to know.")],
    sha256: Seen = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Reject prices beside rules."""
    from phantom_core.use_cases.approvals.price_overrides import reject_override

    with running(workspace, "rejecting", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = sha256 or _waiting(settings, number).payload_sha256
        change = reject_override(settings, login, number, seen, comment, now_ms=now_ms())
        _emit_change(change, as_json=as_json)


def end(
    subject: Annotated[str, typer.Argument(help="table or sessions.")],
    *,
    why: Why,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """End global prices, or prices of sessions: rules and base prices apply again."""
    from phantom_core.use_cases.approvals.price_overrides import end_override

    with running(workspace, "ending", as_json=as_json) as (settings, _):
        end_override(settings, identified(settings, who, now_ms()), subject, why, now_ms=now_ms())
        emit({"ended": subject}, as_json)


def _prices(path: Path) -> dict[str, float]:
    import csv

    from phantom_core.core.errors import InputError

    try:
        with path.open(encoding="utf-8-sig", newline="") as f:
            return {row["product_id"]: float(row["price"]) for row in csv.DictReader(f)}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as prices: {error}.",
            hint="Give a CSV with the columns product_id and price.",
        ) from None


def _emit_change(change: "GovernedChange", *, as_json: bool) -> None:
    emit({"change": change.change_id, "state": change.state}, as_json)


def _waiting(settings: "Settings", number: int) -> "GovernedChange":
    from phantom_core.core.errors import NotFoundError
    from phantom_core.use_cases.approvals.price_overrides import price_overrides

    for one in price_overrides(settings).waiting:
        if one.change_id == number:
            return one
    raise NotFoundError(
        f"No prices wait as change {number}.", hint="See: python -m phantom_core prices status"
    )
