"""Verbs about price experiments: plan, start, status, stop."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.cli.who import As, identified

if TYPE_CHECKING:
    from phantom_core.experiments.experiment_size import Baseline
    from phantom_core.use_cases.approvals.plan_experiment import Sized

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
    question: Annotated[str, typer.Option(help="Question that it answers, in words.")] = "",
    metric: Annotated[
        str, typer.Option(help="revenue (a session) or conversion (sessions that buy).")
    ] = "revenue",
    effect: Annotated[float, typer.Option(help="Minimum detectable effect, relative.")] = 0.05,
    alpha: Annotated[
        float, typer.Option(help="Probability of a false positive, at any time.")
    ] = 0.05,
    power: Annotated[
        float, typer.Option(help="Probability of detecting the effect within the planned sessions.")
    ] = 0.8,
    tolerated_drop: Annotated[
        float, typer.Option(help="Guardrail: tolerated relative loss of human conversion.")
    ] = 0.0,
    mean: Annotated[
        float | None, typer.Option(help="Outcome of a session today; default from the lake.")
    ] = None,
    sd: Annotated[float | None, typer.Option(help="Its standard deviation.")] = None,
    per_day: Annotated[float | None, typer.Option(help="Sessions a day.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only compute the sample size.")] = False,
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Compute the sample size, and save the plan as a draft."""
    from phantom_core.use_cases.approvals.plan_experiment import (
        metric_named,
        parse_arms,
        plan_experiment,
        size_experiment,
    )

    with running(workspace, "planning", as_json=as_json) as (settings, _):
        arms, chosen, moment = parse_arms(arm), metric_named(metric), now_ms()
        sized = size_experiment(
            settings,
            arms,
            chosen,
            effect,
            now_ms=moment,
            alpha=alpha,
            power=power,
            baseline=_baseline(mean, sd, per_day),
        )
        if not dry:
            login = identified(settings, who, moment)
            plan_experiment(
                settings,
                login,
                name,
                question,
                arms,
                sized,
                metric=chosen,
                effect=effect,
                now_ms=moment,
                alpha=alpha,
                power=power,
                tolerated_drop=tolerated_drop,
            )
        state = "not kept" if dry else "draft"
        emit({"experiment": name, "state": state, **_figures(sized)}, as_json)


def _baseline(mean: float | None, sd: float | None, per_day: float | None) -> "Baseline | None":
    """A baseline that was given; None where neither figure was."""
    from phantom_core.core.errors import InputError
    from phantom_core.experiments.experiment_size import Baseline

    if (mean is None) != (sd is None):
        raise InputError(
            "A mean needs its standard deviation, and vice versa.",
            hint="Give --mean and --sd, or neither.",
        )
    return None if mean is None or sd is None else Baseline(mean, sd, per_day or float("nan"))


def _figures(sized: "Sized") -> dict[str, object]:
    """Sizes and the baseline as JSON, which has no NaN."""
    figures = {**asdict(sized.size), **asdict(sized.baseline)}
    return {
        "baseline_sessions": sized.seen,
        "guard_sessions": sized.guard_sessions or None,
        **{
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in figures.items()
        },
    }


def start(name: Name, *, who: As = "", workspace: Workspace = None, as_json: Json = False) -> None:
    """Start a planned experiment."""
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
    """Results of an experiment so far; a tripped guardrail stops it. Without a name: all."""
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
    why: Annotated[str, typer.Option(help="Why, in a sentence; it is stored.")],
    who: As = "",
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Stop an experiment for good; every session then gets the live prices."""
    from phantom_core.use_cases.approvals.experiments import stop_experiment

    with running(workspace, "stopping", as_json=as_json) as (settings, _):
        found = stop_experiment(
            settings, identified(settings, who, now_ms()), name, why, now_ms=now_ms()
        )
        emit({"experiment": found.experiment_id, "state": found.state, "why": found.why}, as_json)
