"""Verbs about the audit chain: list, verify, export."""

from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.change_requests import Number
from phantom_core.cli.run import Json, Workspace, emit, now_ms, running


def entries(
    *,
    newest: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """List the newest entries."""
    from phantom_core.database import audit
    from phantom_core.use_cases.approvals.change_requests import control_database

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        with control_database(settings).connect() as connection:
            found = audit.list_entries(connection, newest=newest)
        if as_json:
            emit(
                {
                    "entries": [
                        {name: getattr(one, name) for name in one.__slots__} for one in found
                    ]
                },
                as_json,
            )
            return
        for one in found:
            print(
                f"{one.seq:>6}  {one.who:<20} {one.action:<22} {one.about:<16} {one.details[:80]}"
            )


def verify(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Verify that no entry was changed, removed or re-ordered; exit code 1 where one was."""
    from phantom_core.use_cases.approvals.audit_pack import verify_chain

    with running(workspace, "verifying", as_json=as_json) as (settings, _):
        found = verify_chain(settings)
        emit(
            {
                "holds": found.holds,
                "entries": found.n_entries,
                "head": found.head,
                "problems": list(found.problems),
            },
            as_json,
        )
    if not found.holds:
        raise typer.Exit(1)


def export(
    number: Number,
    *,
    out: Annotated[
        Path, typer.Option(help="Folder for the pack: one HTML and one JSON file.")
    ] = Path(),
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Export everything about a change request as a pack that can be read without PHANTOM."""
    from phantom_core.use_cases.approvals.audit_pack import export_audit_pack

    with running(workspace, "exporting", as_json=as_json) as (settings, _):
        files = export_audit_pack(settings, number, now_ms=now_ms())
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (out / name).write_bytes(content)
        emit({"files": [str(out / name) for name in files]}, as_json)
