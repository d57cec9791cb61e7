"""Verbs about the audit chain: list, verify, recover, export."""

from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.change_requests import Number
from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, Why


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


def verify(
    *,
    heads: Annotated[
        Path | None,
        typer.Option(help="Also verify against heads that somebody else kept, a file of lines."),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Verify chain, anchors and tables; exit code 0: holds, 1: does not hold, 3: cannot tell."""
    from phantom_core.use_cases.approvals.audit_pack import verify_chain
    from phantom_core.use_cases.audit.verify_audit import AuditAnswer

    with running(workspace, "verifying", as_json=as_json) as (settings, _):
        found = verify_chain(settings, heads=heads)
        emit(
            {
                "answer": found.answer.value,
                "holds": found.holds,
                "entries": found.n_entries,
                "head": found.head,
                "anchored": found.anchored,
                "problems": list(found.problems),
                "unknown": list(found.unknown),
                "notes": list(found.notes),
            },
            as_json,
        )
    codes = {AuditAnswer.HOLDS: 0, AuditAnswer.BROKEN: 1, AuditAnswer.UNKNOWN: 3}
    if not found.holds:
        raise typer.Exit(codes[found.answer])


def recover(
    *,
    why: Why,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Begin the audit chain anew after the control database was lost; named for ever."""
    from phantom_core.accounts.people import MACHINE, has_administrator
    from phantom_core.anchoring.audit_anchor import control_engine
    from phantom_core.cli.who import identified
    from phantom_core.use_cases.audit.verify_audit import recover_audit

    with running(workspace, "recovering", as_json=as_json) as (settings, _):
        # Not `administrator`, which begins a chain by writing the limits.
        with control_engine(settings).connect() as connection:
            is_open = not has_administrator(connection)
        author = MACHINE if is_open and not who else identified(settings, who, now_ms())
        entry = recover_audit(settings, author, why, now_ms=now_ms())
        emit({"entry": entry.seq, "details": entry.details}, as_json)


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
