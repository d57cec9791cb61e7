"""Verbs about backups: create, verify, restore."""

from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, administrator

File = Annotated[Path, typer.Argument(help="The backup, a .tar.gz file.")]


def create(
    file: File,
    *,
    lake: Annotated[bool, typer.Option("--lake", help="With the tables of the lake.")] = False,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Write control database, models, rules and keys to a file that only its owner may read."""
    from phantom_core.use_cases.backups.create_backup import create_backup

    with running(workspace, "writing", as_json=as_json) as (settings, _):
        author = administrator(settings, who, now_ms())
        made = create_backup(settings, author, file, now_ms=now_ms(), with_lake=lake)
        emit(
            {
                "file": str(file),
                "entries": made.n_entries,
                "head": made.head,
                "rows": sum(made.rows.values()),
                "files": len(made.files),
            },
            as_json,
        )


def verify(file: File, *, workspace: Workspace = None, as_json: Json = False) -> None:
    """Verify signature, hashes and audit chain of a backup; exit code 1 where one is wrong."""
    from phantom_core.use_cases.backups.backup_file import verify_backup

    with running(workspace, "verifying", as_json=as_json) as (settings, _):
        found = verify_backup(settings, file)
        emit(
            {
                "holds": not found.problems,
                "entries": found.manifest.n_entries,
                "problems": list(found.problems),
                "notes": list(found.notes),
            },
            as_json,
        )
    if found.problems:
        raise typer.Exit(1)


def restore(file: File, *, workspace: Workspace = None, as_json: Json = False) -> None:
    """Restore a backup into an empty workspace and database; exit code 1 if it does not hold."""
    from phantom_core.accounts.people import MACHINE
    from phantom_core.use_cases.backups.restore_backup import restore_backup

    with running(workspace, "restoring", as_json=as_json) as (settings, _):
        found = restore_backup(settings, MACHINE, file, now_ms=now_ms())
        emit(
            {
                "rows": found.rows,
                "files": found.files,
                "lost": found.lost,
                "answer": found.audit.answer.value,
                "notes": [*found.notes, *found.audit.notes],
            },
            as_json,
        )
    if not found.audit.holds:
        raise typer.Exit(1)
