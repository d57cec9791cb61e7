"""The command line: thin verbs over the workflows.

With --json a verb prints one JSON object on standard output; everything else goes to standard error.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import duckdb
import pyarrow.parquet as pq
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress as Bar
from rich.text import Text

from phantom_core.control.jobs import Jobs
from phantom_core.errors import PhantomError
from phantom_core.lake.lake import Lake
from phantom_core.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="See automated shoppers in clickstream data.")
train = typer.Typer(no_args_is_help=True, help="Train a model.")
app.add_typer(train, name="train")
console = Console(stderr=True)

Workspace = Annotated[Path | None, typer.Option(help="Folder of the workspace; default PHANTOM_WORKSPACE, else data/workspace.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def demo(
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the demo set out again.")] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Fill the workspace with generated shoppers."""
    from phantom_core.workflows import demo as workflow

    with running(workspace, "demo", as_json=as_json) as (settings, progress):
        if remove:
            workflow.remove_demo(settings)
            emit({"removed": True}, as_json)
        else:
            emit(workflow.load_demo(settings, now_ms=now_ms(), progress=progress).to_json(), as_json)


@app.command()
def ingest(
    paths: Annotated[list[str] | None, typer.Argument(help="Files, folders or globs of events or quotes.")] = None,
    *,
    mapping: Annotated[str | None, typer.Option(help="A mapping file, or the name of a shipped one.")] = None,
    experiments: Annotated[str | None, typer.Option(help="A file, or postgresql://… with a table experiments.")] = None,
    labels: Annotated[str | None, typer.Option(help="A file of session and label.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Load files; every row is accepted, a known duplicate, or in quarantine."""
    from phantom_core.events.mapping import load_mapping
    from phantom_core.workflows.ingest import ingest as load

    with running(workspace, "loading", as_json=as_json) as (settings, progress):
        report = load(
            settings,
            paths or [],
            now_ms=now_ms(),
            mapping=load_mapping(mapping) if mapping else None,
            experiments=experiments,
            labels=labels,
            progress=progress,
        )
        emit(report.to_json(), as_json)
    if report.failed:
        raise typer.Exit(1)


@app.command()
def quarantine(
    *,
    reason: Annotated[str | None, typer.Option(help="Only rows with this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Write all matching rows to this CSV file.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the rows that were not taken, and why."""
    from phantom_core.views.quarantine import quarantine_view

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        view = quarantine_view(lake_of(settings), reason=reason, limit=limit)
        if out:
            view.write_csv(out)
        emit(view.to_json(), as_json)


@app.command()
def features(
    *,
    out: Annotated[Path | None, typer.Option(help="Write the feature matrix to this Parquet file.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Bring the features of all sessions up to date."""
    from phantom_core.features.store import FeatureStore

    with running(workspace, "features", as_json=as_json) as (settings, progress):
        store = FeatureStore(lake_of(settings))
        report = store.refresh(progress)
        if out:
            pq.write_table(store.matrix(), out)
        per_s = round(report.events / report.seconds) if report.seconds else 0
        emit({**asdict(report), "events_per_s": per_s}, as_json)


@train.command("classifier")
def train_classifier(
    *,
    folds: Annotated[int, typer.Option(min=3, max=20, help="Folds, grouped by experiment.")] = 5,
    without: Annotated[str, typer.Option(help="Feature families to leave out: timing, user_agent.")] = "",
    seed: Annotated[int | None, typer.Option(help="Seed; default PHANTOM_SEED.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Train the agent classifier and judge it on held-out actors."""
    from phantom_core.workflows.train_classifier import train_classifier as workflow

    with running(workspace, "training", as_json=as_json) as (settings, progress):
        report = workflow(
            settings,
            lake_of(settings),
            now_ms=now_ms(),
            n_folds=folds,
            without=tuple(part.strip() for part in without.split(",") if part.strip()),
            seed=seed,
            progress=progress,
        )
        emit(report.to_json(), as_json)


@app.command()
def score(
    *,
    out: Annotated[Path | None, typer.Option(help="Write the probabilities to this Parquet or CSV file.")] = None,
    version: Annotated[str | None, typer.Option(help="Version of the model; default the newest.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Give every session its probability of being an agent."""
    import pyarrow.compute as pc
    import pyarrow.csv as pa_csv

    from phantom_core.workflows.score import score as workflow

    with running(workspace, "scoring", as_json=as_json) as (settings, progress):
        scores = workflow(settings, lake_of(settings), version=version, progress=progress)
        if out:
            write = pa_csv.write_csv if out.suffix == ".csv" else pq.write_table
            write(scores, out)
        figures = {
            "sessions": scores.num_rows,
            "predicted_agents": pc.sum(scores["is_agent_predicted"]).as_py() or 0,
            "expected_agents": round(pc.sum(scores["agent_probability"]).as_py() or 0.0, 1),
            "model_version": scores["model_version"][0].as_py() if scores.num_rows else None,
        }
        emit(figures, as_json)


@app.command()
def card(
    *,
    version: Annotated[str | None, typer.Option(help="Version of the model; default the newest.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the model card."""
    from phantom_core.artifacts.store import ModelStore
    from phantom_core.workflows.train_classifier import CARD, KIND

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        text = ModelStore(settings.workspace, KIND).open(version).read(CARD).decode()
        emit({"card": text}, as_json=True) if as_json else print(text)


@app.command(hidden=True)
def job(job_id: str, *, workspace: Workspace = None) -> None:
    """Do a job that was written down by another process."""
    from phantom_core.workflows.run_job import run_job

    with running(workspace, "working") as (settings, _):
        run_job(settings, job_id, now_ms())


@app.command()
def jobs(*, limit: Annotated[int, typer.Option(min=1)] = 10, workspace: Workspace = None, as_json: Json = False) -> None:
    """Show the newest long-running jobs."""
    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = Jobs(settings).latest(limit=limit)
        emit({job.job_id: {"kind": job.kind, "state": job.state, "done": job.fraction, "message": job.message} for job in found}, as_json)


@contextmanager
def running(workspace: Path | None, what: str, *, as_json: bool = False) -> Iterator[tuple[Settings, "Reporter"]]:
    """Settings and progress for a verb; what a user can mend becomes one sentence, and exit code 1."""
    try:
        with Bar(console=console, transient=True) as bar:
            yield settings_of(workspace), Reporter(bar, what)
    except PhantomError as error:
        refuse(error.message, error.hint, as_json)
    except ValidationError as error:
        first = error.errors()[0]
        refuse(f"PHANTOM_{str(first['loc'][0]).upper()} cannot be used: {first['msg']}.", "", as_json)
    except duckdb.IOException as error:
        refuse(f"{str(error).splitlines()[0].removeprefix('IO Error: ').rstrip('.')}.", "Check the path, the rights and the disk.", as_json)
    except OSError as error:
        refuse(f"{error.strerror or error}: {error.filename or ''}".rstrip(": ") + ".", "Check the path, the rights and the disk.", as_json)


def refuse(message: str, hint: str, as_json: bool) -> NoReturn:
    """Say why a verb did nothing."""
    if as_json:
        print(json.dumps({"error": message, "hint": hint}))
    console.print(Text.assemble(("✗ ", "bold red"), message))
    if hint:
        console.print(Text(f"  {hint}"))
    raise typer.Exit(1)


class Reporter:
    """Progress as a bar on standard error."""

    def __init__(self, bar: Bar, what: str) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=1.0)

    def __call__(self, fraction: float, message: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=fraction, description=message)


def settings_of(workspace: Path | None) -> Settings:
    """Settings from the environment, with the workspace given on the command line."""
    return Settings(workspace=workspace) if workspace else Settings()


def lake_of(settings: Settings) -> Lake:
    """The lake of a workspace."""
    return Lake(settings.workspace / "lake")


def emit(result: Mapping[str, object], as_json: bool) -> None:
    """Print a result: one JSON object, or a line per figure."""
    if as_json:
        print(json.dumps(result, default=str))
        return
    for name, value in result.items():
        shown = json.dumps(value, default=str) if isinstance(value, dict | list) else value
        print(f"{name:<22} {shown}")


def now_ms() -> int:
    """The clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def main() -> None:
    """Run the command line."""
    app()
