"""Verbs about the agent classifier: train it, score with it, read its card."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from phantom_core.cli.run import Json, Seed, Workspace, emit, lake_of, now_ms, running
from phantom_core.model_kinds.model_kind import MODEL_KINDS, default_kind
from phantom_core.use_cases.models.job_study_classifier import StudyClassifierRequest
from phantom_core.use_cases.models.job_train_classifier import TrainClassifierRequest

LabelChoice = Literal["auto", "given", "weak"]
_DEFAULT = TrainClassifierRequest()


def train_classifier(
    *,
    folds: Annotated[
        int, typer.Option(min=3, max=20, help="Folds, grouped by experiment.")
    ] = _DEFAULT.folds,
    without: Annotated[
        str, typer.Option(help="Feature families to leave out: timing, user_agent.")
    ] = "",
    for_pricing: Annotated[
        bool,
        typer.Option(
            "--for-pricing/--for-analysis",
            help="Leave out the features that prices may not depend on; with them a classifier is "
            "for analysis only.",
        ),
    ] = _DEFAULT.for_pricing,
    seed: Seed = None,
    labels: Annotated[
        LabelChoice,
        typer.Option(
            help="Labels to learn from; auto: weak rules or known agents where few are given."
        ),
    ] = _DEFAULT.labels,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Train the agent classifier and evaluate it on held-out actors."""
    with running(workspace, "training", as_json=as_json) as (settings, progress):
        left_out = tuple(part.strip() for part in without.split(",") if part.strip())
        request = TrainClassifierRequest(
            folds=folds, without=left_out, for_pricing=for_pricing, seed=seed, labels=labels
        )
        emit(request.run(settings, now_ms=now_ms(), progress=progress).to_json(), as_json)


def study_classifier(
    *,
    version: Annotated[
        str | None, typer.Option(help="Version of the model; default the one in use.")
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Study a saved classifier on new agents, short sessions and forged clocks.

    An interrupted study goes on where it stopped.
    """
    with running(workspace, "studying", as_json=as_json) as (settings, progress):
        request = StudyClassifierRequest(version=version)
        emit(request.run(settings, now_ms=now_ms(), progress=progress).to_json(), as_json)


def score(
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write the probabilities to this Parquet or CSV file.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Version of the model; default the newest.")
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Give every session its probability of being an agent."""
    import pyarrow.compute as pc

    from phantom_core.core.csv_file import write_table
    from phantom_core.use_cases.models.score import score_sessions

    with running(workspace, "scoring", as_json=as_json) as (settings, progress):
        scores = score_sessions(settings, lake_of(settings), version=version, progress=progress)
        if out:
            write_table(scores, out)
        figures = {
            "sessions": scores.num_rows,
            "predicted_agents": pc.sum(scores["is_agent_predicted"]).as_py() or 0,
            "expected_agents": round(pc.sum(scores["agent_probability"]).as_py() or 0.0, 1),
            "model_version": scores["model_version"][0].as_py() if scores.num_rows else None,
        }
        emit(figures, as_json)


def card(
    *,
    model: Annotated[
        str, typer.Option(help=f"Kind of model: {', '.join(MODEL_KINDS.names())}.")
    ] = default_kind(),
    version: Annotated[
        str | None, typer.Option(help="Version of the model; default the newest.")
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the card of a saved model."""
    from phantom_core.model_store.store import ModelStore
    from phantom_core.views.workspace.saved_models import read_saved

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        kind = MODEL_KINDS.find(model)
        _, text = read_saved(ModelStore(settings.workspace, kind.name).open(version), kind)
        emit({"card": text}, as_json=True) if as_json else print(text)
