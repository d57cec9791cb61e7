"""Verbs about the approved catalogue: status, submit, approve and reject base prices."""

from typing import TYPE_CHECKING, Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, identified

if TYPE_CHECKING:
    from phantom_core.core.settings import Settings
    from phantom_core.use_cases.data.catalogue import WaitingPrices

Number = Annotated[int, typer.Argument(help="Number of the waiting change, see `status`.")]
Seen = Annotated[
    str | None,
    typer.Option(help="SHA-256 of what you reviewed, see `status`; default what waits now."),
]


def status(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show the catalogue in force, and the base prices that wait for a second person."""
    from phantom_core.use_cases.data.catalogue import catalogue_status

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = catalogue_status(settings)
        if as_json:
            emit(found.to_json(), as_json)
            return
        head = found.head
        emit({"source": found.source, "version": head.number if head else "none yet"}, as_json)
        if head:
            emit({"products": head.products, "sha256": head.sha256}, as_json)
        for one in found.waiting:
            print(
                f"change {one.change_id} by {one.author}: {one.products:,} base prices wait, "
                f"{len(one.approvals)} of {one.needed} approvals"
            )
            for price in one.prices[:20]:
                print(f"  {price.sentence}")


def submit(*, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Bring the approved catalogue up to date with its source, within the bounds."""
    from dataclasses import asdict

    from phantom_core.use_cases.data.catalogue import restore_head, submit_catalogue

    with running(workspace, "comparing prices", as_json=as_json) as (settings, _):
        restore_head(settings)
        if who:
            identified(settings, who, now_ms())
        emit(asdict(submit_catalogue(settings, now_ms=now_ms())), as_json)


def approve(
    number: Number,
    *,
    comment: Annotated[str, typer.Option(help="Stored with the decision.")] = "",
    sha256: Seen = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Approve base prices that another person loaded."""
    from phantom_core.use_cases.data.catalogue import approve_prices

    with running(workspace, "approving", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = sha256 or _waiting(settings, number).payload_sha256
        change = approve_prices(settings, login, number, seen, comment, now_ms=now_ms())
        emit({"change": change.change_id, "state": change.state}, as_json)


def reject(
    number: Number,
    *,
    comment: Annotated[str, typer.Option(help="Why; the author has to know.")],
    sha256: Seen = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Reject base prices: products keep the price that was approved last."""
    from phantom_core.use_cases.data.catalogue import reject_prices

    with running(workspace, "rejecting", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = sha256 or _waiting(settings, number).payload_sha256
        change = reject_prices(settings, login, number, seen, comment, now_ms=now_ms())
        emit({"change": change.change_id, "state": change.state}, as_json)


def _waiting(settings: "Settings", number: int) -> "WaitingPrices":
    from phantom_core.core.errors import NotFoundError
    from phantom_core.use_cases.data.catalogue import catalogue_status

    for one in catalogue_status(settings).waiting:
        if one.change_id == number:
            return one
    raise NotFoundError(
        f"No base prices wait as change {number}.",
        hint="See: python -m phantom_core catalogue status",
    )
