"""Verbs about the multi-task network: train it, tune it, price an offer."""

from typing import Annotated

import typer

from phantom_core.cli.run import Json, Seed, Workspace, emit, lake_of, now_ms, running
from phantom_core.use_cases.models.job_train_multitask import TrainMultitaskRequest
from phantom_core.use_cases.models.job_tune_multitask import TuneMultitaskRequest

_TRAINING, _TUNING = TrainMultitaskRequest(), TuneMultitaskRequest()


def train_multitask(
    *,
    folds: Annotated[
        int, typer.Option(min=3, max=20, help="Folds, grouped by actor.")
    ] = _TRAINING.folds,
    moments: Annotated[
        str | None, typer.Option(help="first_quote or before_cart; default by the quotes loaded.")
    ] = None,
    learn_weights: Annotated[
        bool, typer.Option("--learn-weights", help="Let the training weigh the two losses.")
    ] = False,
    tuned: Annotated[
        bool, typer.Option("--tuned", help="Use the best hyperparameters found by tuning.")
    ] = False,
    for_pricing: Annotated[
        bool,
        typer.Option(
            "--for-pricing/--for-analysis",
            help="Leave out the features that prices may not depend on; with them a network is "
            "for analysis only.",
        ),
    ] = _TRAINING.for_pricing,
    seed: Seed = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Train the network of P(agent) and P(purchase | price), evaluated on held-out actors."""
    with running(workspace, "training", as_json=as_json) as (settings, progress):
        request = TrainMultitaskRequest(
            folds=folds,
            moments=moments,
            seed=seed,
            learns_weights=learn_weights,
            tuned=tuned,
            for_pricing=for_pricing,
        )
        emit(request.run(settings, now_ms=now_ms(), progress=progress).to_json(), as_json)


def tune_multitask(
    *,
    seconds: Annotated[float, typer.Option(min=1.0, help="Time budget.")] = _TUNING.seconds,
    seed: Seed = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Search for better hyperparameters; continues the last search of this workspace."""
    with running(workspace, "tuning", as_json=as_json) as (settings, progress):
        request = TuneMultitaskRequest(seconds=seconds, seed=seed)
        emit(request.run(settings, now_ms=now_ms(), progress=progress).to_json(), as_json)


def price(
    *,
    session: Annotated[str, typer.Option(help="Id of the session.")],
    product: Annotated[str, typer.Option(help="Id of the product.")],
    objective: Annotated[
        str, typer.Option(help="net_of_leakage or as_first_written.")
    ] = "net_of_leakage",
    version: Annotated[
        str | None, typer.Option(help="Version of the network; default the newest.")
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Price a product for a session, with its demand curve."""
    from dataclasses import replace

    from phantom_core.models.optimal_price import objective_named
    from phantom_core.use_cases.models.price import default_objective, price_offer

    with running(workspace, "pricing", as_json=as_json) as (settings, _):
        pricing = replace(default_objective(settings), objective=objective_named(objective))
        answer = price_offer(
            settings, lake_of(settings), session, product, version=version, objective=pricing
        ).to_json()
        emit(
            answer
            if as_json
            else {name: value for name, value in answer.items() if name != "curve"},
            as_json,
        )
