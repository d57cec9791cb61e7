"""Verbs about price experiments: plan, start, look, stop."""

from dataclasses import asdict
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, identified

Name = Annotated[str, typer.Argument(help="Name of the experiment.")]


def plan(
    name: Name,
    *,
    arm: Annotated[
        list[str],
        typer.Option(
            help="name=share:version, the arm to compare with first; version base, live or a "
            "release."
        ),
    ],
    question: Annotated[str, typer.Option(help="What it asks, in words.")] = "",
    metric: Annotated[
        str, typer.Option(help="revenue (a session) or conversion (sessions that buy).")
    ] = "revenue",
    effect: Annotated[float, typer.Option(help="Smallest relative effect that matters.")] = 0.05,
    alpha: Annotated[
        float, typer.Option(help="Probability of ever seeing one that is not there.")
    ] = 0.05,
    power: Annotated[
        float, typer.Option(help="Probability of seeing it within the planned sessions.")
    ] = 0.8,
    tolerated_drop: Annotated[
        float, typer.Option(help="Relative loss of human conversion that is no reason to stop.")
    ] = 0.0,
    mean: Annotated[
        float | None, typer.Option(help="Outcome of a session today; default from the lake.")
    ] = None,
    sd: Annotated[float | None, typer.Option(help="Its standard deviation.")] = None,
    per_day: Annotated[float | None, typer.Option(help="Sessions a day.")] = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Only say how long it would take.")
    ] = False,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Work out how many sessions it takes, and keep the plan as a draft."""
    from phantom_core.core.errors import InputError
    from phantom_core.experiments.experiment_size import Baseline
    from phantom_core.use_cases.approvals.plan_experiment import (
        metric_named,
        parse_arms,
        plan_experiment,
        size_experiment,
    )

    with running(workspace, "planning", as_json=as_json) as (settings, _):
        if (mean is None) != (sd is None):
            raise InputError(
                "A mean needs its standard deviation, and the other way round.",
                hint="Give --mean and --sd, or neither.",
            )
        baseline = (
            None if mean is None or sd is None else Baseline(mean, sd, per_day or float("nan"))
        )
        arms, chosen, moment = parse_arms(arm), metric_named(metric), now_ms()
        sized = size_experiment(
            settings,
            arms,
            chosen,
            effect,
            now_ms=moment,
            alpha=alpha,
            power=power,
            baseline=baseline,
        )
        if not dry:
            login = identified(settings, who, moment)
            plan_experiment(
                settings, login, name, question, arms, sized, metric=chosen, effect=effect, now_ms=moment, alpha=alpha, power=power,
                tolerated_drop=tolerated_drop,
            )  # fmt: skip
        figures = {
            key: None if value != value else value
            for key, value in {**asdict(sized.size), **asdict(sized.baseline)}.items()
        }  # noqa: PLR0124
        emit(
            {
                "experiment": name,
                "state": "not kept" if dry else "draft",
                "baseline_sessions": sized.seen,
                **figures,
            },
            as_json,
        )


def start(name: Name, *, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Let a planned experiment run."""
    from phantom_core.use_cases.approvals.experiments import start_experiment

    with running(workspace, "starting", as_json=as_json) as (settings, _):
        found = start_experiment(
            settings, identified(settings, who, now_ms()), name, now_ms=now_ms()
        )
        emit({"experiment": found.experiment_id, "state": found.state}, as_json)


def status(
    name: Annotated[str | None, typer.Argument(help="Name of the experiment; default all.")] = None,
    *,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """What came of an experiment so far; a tripped guard stops it. Without a name: all
    experiments.
    """
    from phantom_core.use_cases.approvals.experiments import experiment_status, experiments_of

    with running(workspace, "reading", as_json=as_json) as (settings, _):
        if name is None:
            emit(
                {
                    one.experiment_id: {"state": one.state, "question": one.plan.question}
                    for one in experiments_of(settings)
                },
                as_json,
            )
        else:
            emit(experiment_status(settings, name, now_ms=now_ms()).to_json(), as_json)


def stop(
    name: Name,
    *,
    why: Annotated[str, typer.Option(help="Why, in a sentence; it stays.")],
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Stop an experiment for good; every session is then priced as live."""
    from phantom_core.use_cases.approvals.experiments import stop_experiment

    with running(workspace, "stopping", as_json=as_json) as (settings, _):
        found = stop_experiment(
            settings, identified(settings, who, now_ms()), name, why, now_ms=now_ms()
        )
        emit({"experiment": found.experiment_id, "state": found.state, "why": found.why}, as_json)
