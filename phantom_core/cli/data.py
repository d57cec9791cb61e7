"""Verbs about data: load it, show quarantined rows, compute features."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, lake_of, now_ms, running
from phantom_core.cli.who import As, identified
from phantom_core.core.progress import part_progress
from phantom_core.use_cases.data.job_demo import DemoRequest
from phantom_core.use_cases.overview.job_prepare_demo import PrepareDemoRequest


def demo(
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the demo set.")] = False,
    prepare: Annotated[
        bool,
        typer.Option(
            "--prepare", help="Also train the classifier, work out the leakage and learn rules."
        ),
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Fill the workspace with generated shoppers."""
    from phantom_core.use_cases.data.demo import remove_demo

    with running(workspace, "demo", as_json=as_json) as (settings, progress):
        if remove:
            remove_demo(settings)
            emit({"removed": True}, as_json)
            return
        loaded = DemoRequest().run(
            settings, now_ms=now_ms(), progress=part_progress(progress, 0, 0.3 if prepare else 1)
        )
        figures = loaded.to_json()
        if prepare:
            found = PrepareDemoRequest().run(
                settings, now_ms=now_ms(), progress=part_progress(progress, 0.3, 1)
            )
            figures |= found.to_json()
        emit(figures, as_json)


def ingest(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files, folders or globs of events or quotes.")
    ] = None,
    *,
    mapping: Annotated[
        str | None, typer.Option(help="A mapping file, or the name of a shipped one.")
    ] = None,
    experiments: Annotated[
        str | None, typer.Option(help="A file, or postgresql://… with a table experiments.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="A file of session and label.")] = None,
    catalogue: Annotated[
        str | None,
        typer.Option(help="A file of products, or postgresql://… with a table catalogue."),
    ] = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Load files; every row is accepted, a known duplicate, or in quarantine."""
    from phantom_core.events.mapping import load_mapping
    from phantom_core.use_cases.data.ingest import ingest_files

    with running(workspace, "loading", as_json=as_json) as (settings, progress):
        if who:
            identified(settings, who, now_ms())
        report = ingest_files(
            settings,
            paths or [],
            now_ms=now_ms(),
            mapping=load_mapping(mapping) if mapping else None,
            experiments=experiments,
            labels=labels,
            catalogue=catalogue,
            progress=progress,
        )
        emit(report.to_json(), as_json)
    if report.failed:
        raise typer.Exit(1)


def loads(
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most this many loads.")] = 20,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """List the loads, newest first, with the ids that `unload` takes."""
    from phantom_core.views.data.loads import load_list

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        emit(load_list(lake_of(settings), limit).to_json(), as_json)


def unload(
    load_id: Annotated[str, typer.Argument(help="Id of the load, or the start of it.")],
    *,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Take a load out: its rows leave the lake and the features."""
    from phantom_core.use_cases.data.unload import unload as take_out

    with running(workspace, "taking out", as_json=as_json) as (settings, progress):
        if who:
            identified(settings, who, now_ms())
        report = take_out(settings, load_id, now_ms=now_ms(), progress=progress)
        emit(report.to_json(), as_json)


def quarantine(
    *,
    reason: Annotated[str | None, typer.Option(help="Only rows with this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 20,
    out: Annotated[
        Path | None, typer.Option(help="Write all matching rows to this CSV file.")
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the rows in quarantine, and why."""
    from phantom_core.views.data.quarantine import quarantine_view

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        view = quarantine_view(lake_of(settings), reason=reason, limit=limit)
        if out:
            view.write_csv(out)
        emit(view.to_json(), as_json)


def features(
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write the feature matrix to this Parquet file.")
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Bring the features of all sessions up to date."""
    import pyarrow.parquet as pq

    from phantom_core.features.store import FeatureStore

    with running(workspace, "features", as_json=as_json) as (settings, progress):
        store = FeatureStore(lake_of(settings))
        report = store.refresh(progress)
        if out:
            pq.write_table(store.matrix(), out)
        per_s = round(report.events / report.seconds) if report.seconds else 0
        emit({**asdict(report), "events_per_s": per_s}, as_json)
