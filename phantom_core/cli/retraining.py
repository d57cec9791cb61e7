"""Verbs about models: retrain and list them, and decide which one prices depend on."""

from typing import TYPE_CHECKING, Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, Why, identified
from phantom_core.model_kinds.model_kind import MODEL_KINDS, default_kind
from phantom_core.use_cases.models.job_retrain import RetrainRequest

if TYPE_CHECKING:
    from phantom_core.approvals.governed_changes import GovernedChange
    from phantom_core.core.settings import Settings

Number = Annotated[int, typer.Argument(help="Number of the waiting change, see `status`.")]
Seen = Annotated[
    str | None,
    typer.Option(help="SHA-256 of what you reviewed, see `status`; default what waits now."),
]
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
    """Train challengers on recent days, and compare them on held-out days."""
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
    from phantom_core.use_cases.models.model_use import model_status

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        store = ModelStore(settings.workspace, MODEL_KINDS.find(kind).name)
        used, why = store.in_use(), {move.version: move.why for move in store.promotions()}
        approved = model_status(settings, kind).approved
        shown = {
            name: ("in use" if name == used else "saved")
            + (", approved for pricing" if name == approved else "")
            + (f": {why[name]}" if name in why else "")
            for name in store.choices()
        }
        emit(shown, as_json)


def promote(
    kind: Annotated[str, typer.Argument(help=f"{_KINDS}.")],
    version: Annotated[str, typer.Argument(help="Name of a saved model.")],
    *,
    why: Why = "Chosen by hand.",
    despite_doubts: Annotated[
        bool,
        typer.Option(
            "--despite-doubts", help="Confirm a model that is worse, or whose labels changed."
        ),
    ] = False,
    publish: Annotated[bool, typer.Option(help="Let services score with it from now on.")] = True,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Let prices depend on a saved model; a second person approves where live rules read it."""
    from phantom_core.use_cases.models.model_use import use_model

    with running(workspace, "comparing models", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        change = use_model(
            settings,
            login,
            kind,
            version,
            why=why,
            now_ms=now_ms(),
            despite_doubts=despite_doubts,
        )
        emit(_outcome(settings, change, publish=publish), as_json)


def status(
    kind: Annotated[str, typer.Argument(help=f"{_KINDS}.")] = default_kind(),
    *,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Show the model that prices depend on, what reads it, and what waits for a second person."""
    from phantom_core.use_cases.models.model_use import model_status

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        found = model_status(settings, kind)
        waiting = [
            {
                "change": one.change.change_id,
                "kind": one.change.kind,
                "version": one.version,
                "author": one.change.author,
                "needed": one.change.needed,
                "approvals": list(one.approvals),
                "sha256": one.change.payload_sha256,
                "comparison": one.sentence,
            }
            for one in found.waiting
        ]
        emit(
            {
                "kind": found.kind,
                "approved": found.approved,
                "before": found.before,
                "in_use": found.in_use,
                "readers": list(found.readers),
                "policy": found.policy,
                "waiting": waiting,
                "problem": found.problem,
            },
            as_json,
        )


def approve(
    number: Number,
    *,
    comment: Annotated[str, typer.Option(help="Stored with the decision.")] = "",
    sha256: Seen = None,
    publish: Annotated[bool, typer.Option(help="Let services score with it from now on.")] = True,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Approve a model or a promotion policy that another person proposed."""
    from phantom_core.use_cases.models.model_use import approve_model

    with running(workspace, "approving", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = sha256 or _seen(settings, number)
        change = approve_model(settings, login, number, seen, comment, now_ms=now_ms())
        emit(_outcome(settings, change, publish=publish), as_json)


def reject(
    number: Number,
    *,
    comment: Annotated[str, typer.Option(help="Why; the author has to know.")],
    sha256: Seen = None,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Reject a model or a promotion policy; what is in force stays."""
    from phantom_core.use_cases.models.model_use import reject_model

    with running(workspace, "rejecting", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        seen = sha256 or _seen(settings, number)
        change = reject_model(settings, login, number, seen, comment, now_ms=now_ms())
        emit({"change": change.change_id, "state": change.state}, as_json)


def revert(
    kind: Annotated[str, typer.Argument(help=f"{_KINDS}.")],
    *,
    why: Why,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Go back to the model that was approved before."""
    from phantom_core.use_cases.models.model_use import revert_model

    with running(workspace, "going back", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        change = revert_model(settings, login, kind, why=why, now_ms=now_ms())
        emit(_outcome(settings, change, publish=True), as_json)


def policy(
    kind: Annotated[str, typer.Argument(help=f"{_KINDS}.")],
    *,
    rule: Annotated[
        str | None, typer.Option(help="better or not_worse; default PHANTOM_RETRAIN_RULE.")
    ] = None,
    margin: Annotated[float | None, typer.Option(min=0, help="Of ROC-AUC, for not_worse.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End the policy in force.")] = False,
    why: Why,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Propose when a retraining may promote by itself; another person approves it."""
    from phantom_core.use_cases.models.model_use import end_policy, propose_policy
    from phantom_core.use_cases.models.retrain import promotion_gates

    with running(workspace, "proposing", as_json=as_json) as (settings, _):
        login = identified(settings, who, now_ms())
        if end:
            change = end_policy(settings, login, kind, why=why, now_ms=now_ms())
        else:
            change = propose_policy(
                settings,
                login,
                kind,
                rule=rule or settings.retraining.rule,
                margin=settings.retraining.margin if margin is None else margin,
                gates=promotion_gates(settings, kind),
                why=why,
                now_ms=now_ms(),
            )
        emit({"change": change.change_id, "state": change.state}, as_json)


def _seen(settings: "Settings", number: int) -> str:
    from phantom_core.anchoring.audit_anchor import control_engine
    from phantom_core.approvals.governed_changes import find_change

    with control_engine(settings).connect() as connection:
        return find_change(connection, number).payload_sha256


def _outcome(settings: "Settings", change: "GovernedChange", *, publish: bool) -> dict[str, object]:
    from phantom_core.use_cases.models.publish_model import publish_approved

    content = change.content()
    comparison = content.get("comparison")
    is_model = change.kind == "model"
    is_published = publish and is_model and change.state == "approved"
    return {
        "change": change.change_id,
        "state": change.state,
        "needed": change.needed,
        "version": str(content.get("version", "")),
        "comparison": comparison.get("sentence", "") if isinstance(comparison, dict) else "",
        "published": publish_approved(settings, change.subject, now_ms()) if is_published else "",
    }
