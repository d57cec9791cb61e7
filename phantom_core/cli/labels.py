"""Verbs about labels: next, give, status, apply, export, audit."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, identified

Given = Literal["agent", "human", "skip"]


def next_sessions(
    *,
    count: Annotated[int, typer.Option(min=1, max=200, help="Sessions wanted.")] = 20,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """List the sessions whose label is worth most."""
    from phantom_core.views.labels.desk_queue import desk_queue
    from phantom_core.views.labels.label_state import label_state
    from phantom_core.views.workspace.snapshot import open_snapshot, read_stamp

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        snapshot = open_snapshot(settings, read_stamp(settings))
        queue = desk_queue(snapshot, set(label_state(settings).said), length=count)
        sessions = [
            {
                "session": one.session_id,
                "p_agent": round(one.p_agent, 4),
                "at_stake": one.at_stake,
                "worth": round(one.worth, 4),
                "signs": [f"{sign.says}: {sign.title}" for sign in one.signs],
            }
            for one in queue.sessions
        ]
        emit({"open": queue.n_open, "source": queue.source, "sessions": sessions}, as_json)


def give(
    session: Annotated[str, typer.Argument(help="The session.")],
    label: Annotated[Given, typer.Argument(help="agent, human, or skip: cannot tell.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; stored with the label.")] = "",
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Say what a session is; `labels apply` makes labels of it."""
    from phantom_core.use_cases.labels.give_label import give_label

    with running(workspace, "labelling", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        given = give_label(
            settings, login, session, label, reason=reason, how="command line", now_ms=now_ms()
        )
        emit({"label": given.verdict_id, "session": session, "verdict": given.verdict}, as_json)


def status(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show how many labels people gave, and how well they agree."""
    from phantom_core.views.labels.label_state import label_state

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        emit(label_state(settings).to_json(), as_json)


def apply(*, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Write what people agree on to the data, for models to learn from."""
    from phantom_core.use_cases.labels.apply_labels import apply_labels

    with running(workspace, "applying", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        emit(apply_labels(settings, login, now_ms=now_ms()).to_json(), as_json)


def export(
    out: Annotated[Path, typer.Argument(help="Write to this CSV or Parquet file.")],
    *,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Write every label with who, when, how and why to a file."""
    from phantom_core.core.csv_file import write_table
    from phantom_core.use_cases.labels.export_labels import export_labels

    with running(workspace, "exporting", as_json=as_json) as (settings, _):
        table = export_labels(settings)
        write_table(table, out)
        emit({"labels": table.num_rows, "file": str(out)}, as_json)


def audit(
    *,
    seed: Annotated[int | None, typer.Option(help="Seed; default PHANTOM_SEED.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Find labels that contradict models which did not see them."""
    from phantom_core.use_cases.labels.job_audit_labels import AuditLabelsRequest

    with running(workspace, "auditing", as_json=as_json) as (settings, progress):
        report = AuditLabelsRequest(seed=seed).run(settings, now_ms=now_ms(), progress=progress)
        emit(report.to_json(), as_json)
