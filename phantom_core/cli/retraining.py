"""Verbs about models in use: retrain, list and promote them."""

from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.model_kinds.model_kind import MODEL_KINDS, default_kind
from phantom_core.use_cases.models.job_retrain import RetrainRequest

_KINDS = " or ".join(MODEL_KINDS.names())
_DEFAULT = RetrainRequest()


def retrain(
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option(help=f"{_KINDS}; default all that are in use, and those always retrained."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=2, help="Days of the window; default PHANTOM_RETRAIN_DAYS.")
    ] = None,
    held_out_days: Annotated[
        int | None, typer.Option(min=1, help="The last of them, to evaluate on.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="better or not_worse; default PHANTOM_RETRAIN_RULE.")
    ] = None,
    margin: Annotated[float | None, typer.Option(min=0, help="Of ROC-AUC, for not_worse.")] = None,
    publish: Annotated[
        bool, typer.Option(help="Let services score with what is in use afterwards.")
    ] = _DEFAULT.publish,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Train challengers on recent days, and promote those that win on held-out days."""
    from phantom_core.monitoring.challenger_evaluation import rule_named

    with running(workspace, "retraining", as_json=as_json) as (settings, progress):
        request = RetrainRequest(
            kinds=tuple(kind or ()),
            days=days,
            held_out_days=held_out_days,
            rule=rule_named(rule) if rule else None,
            margin=margin,
            publish=publish,
        )
        report = request.run(settings, now_ms=now_ms(), progress=progress)
        shown = {
            result.kind: f"{result.outcome}: {result.why} {result.published}".rstrip()
            for result in report.verdicts
        }
        emit(report.to_json() if as_json else shown, as_json)


def models(
    *,
    kind: Annotated[str, typer.Argument()] = default_kind(),
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the saved models of a kind, the one in use first."""
    from phantom_core.model_store.store import ModelStore

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        store = ModelStore(settings.workspace, kind)
        used, why = store.in_use(), {move.version: move.why for move in store.promotions()}
        shown = {
            name: ("in use" if name == used else "saved")
            + (f": {why[name]}" if name in why else "")
            for name in store.choices()
        }
        emit(shown, as_json)


def promote(
    kind: Annotated[str, typer.Argument(help=f"{_KINDS}.")],
    version: Annotated[
        str, typer.Argument(help="Name of a saved model, newer or older than the one in use.")
    ],
    *,
    why: Annotated[
        str, typer.Option(help="One sentence, stored in the history.")
    ] = "Chosen by hand.",
    publish: Annotated[bool, typer.Option(help="Let services score with it from now on.")] = True,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Use another saved model, newer or older."""
    from phantom_core.model_store.store import ModelStore
    from phantom_core.use_cases.models.publish_model import publish_in_use

    with running(workspace, "promoting", as_json=as_json) as (settings, _):
        found = MODEL_KINDS.find(kind)
        move = ModelStore(settings.workspace, found.name).promote(version, now_ms=now_ms(), why=why)
        outcome = publish_in_use(settings, kind, now_ms()) if publish else ""
        emit(
            {"in_use": move.version, "before": move.before, "why": move.why, "published": outcome},
            as_json,
        )
