"""Verbs about personal data: export, erase, resume, allow, retain."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, administrator
from phantom_core.core.errors import InputError

if TYPE_CHECKING:
    from phantom_core.use_cases.privacy.personal_data import PersonKind

Session = Annotated[str, typer.Option(help="Id of a session.")]
Subject = Annotated[str, typer.Option(help="Name of an experiment subject, with all sessions.")]
Account = Annotated[str, typer.Option(help="Login of an account.")]
WaitS = Annotated[float, typer.Option(min=0, help="Wait for running jobs, seconds.")]


def export(
    *,
    session: Session = "",
    subject: Subject = "",
    account: Account = "",
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Export everything that is stored about a session, subject or account, as JSON."""
    from phantom_core.use_cases.privacy.export import export_personal_data

    with running(workspace, "collecting", as_json=as_json) as (settings, _):
        kind, name = _chosen(session, subject, account)
        author = administrator(settings, who, now_ms())
        found = export_personal_data(settings, author, kind, name, now_ms=now_ms()).to_json()
        if out is None:
            print(json.dumps(found, default=str, indent=None if as_json else 2))
            return
        out.write_text(json.dumps(found, default=str, indent=2), encoding="utf-8")
        emit({"file": str(out), "sessions": found["sessions"]}, as_json)


def erase(
    *,
    session: Session = "",
    subject: Subject = "",
    account: Account = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait_s: WaitS = 0.0,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Erase everything about a session, subject or account, for good."""
    from phantom_core.use_cases.privacy.erase import erase_personal_data

    with running(workspace, "erasing", as_json=as_json) as (settings, progress):
        kind, name = _chosen(session, subject, account)
        if not yes:
            typer.confirm(f"Erase the {kind} '{name}' for good?", abort=True, err=True)
        author = administrator(settings, who, now_ms())
        report = erase_personal_data(
            settings, author, kind, name, now_ms=now_ms(), wait_s=wait_s, progress=progress
        )
        emit(report.to_json(), as_json)
    if report.remains:
        raise typer.Exit(1)


def resume(
    *, wait_s: WaitS = 0.0, who: As = "", workspace: Workspace = None, as_json: Json = False
) -> None:
    """Finish an erasure that was interrupted."""
    from phantom_core.use_cases.privacy.erase import resume_erasure

    with running(workspace, "erasing", as_json=as_json) as (settings, _):
        author = administrator(settings, who, now_ms())
        report = resume_erasure(settings, author, now_ms=now_ms(), wait_s=wait_s)
        emit(report.to_json(), as_json)
    if report.remains:
        raise typer.Exit(1)


def allow(
    *,
    session: Session = "",
    subject: Subject = "",
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Allow an erased session or subject to be loaded again."""
    from phantom_core.use_cases.privacy.erase import allow_again

    with running(workspace, "allowing", as_json=as_json) as (settings, _):
        kind, name = _chosen(session, subject, "")
        author = administrator(settings, who, now_ms())
        emit({"allowed": allow_again(settings, author, kind, name, now_ms=now_ms())}, as_json)


def retain(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Delete now what is older than the settings keep it (PHANTOM_RETENTION_*)."""
    from phantom_core.use_cases.privacy.retention import apply_retention

    with running(workspace, "deleting", as_json=as_json) as (settings, progress):
        emit(apply_retention(settings, now_ms=now_ms(), progress=progress).to_json(), as_json)


def _chosen(session: str, subject: str, account: str) -> "tuple[PersonKind, str]":
    options: list[tuple[PersonKind, str]] = [
        ("session", session),
        ("subject", subject),
        ("account", account),
    ]
    given = [(kind, name) for kind, name in options if name]
    if len(given) != 1:
        raise InputError(
            "Name one session, subject or account.", hint="Give --session, --subject or --account."
        )
    return given[0]
