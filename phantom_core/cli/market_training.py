"""Verb that trains a price policy in a simulated market."""

from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.use_cases.markets.job_train_policy import TrainPolicyRequest

_DEFAULT = TrainPolicyRequest()


def train(
    scenario: Annotated[
        str, typer.Option(help="Name of a shipped scenario, or a TOML file.")
    ] = _DEFAULT.scenario,
    steps: Annotated[
        int, typer.Option(help="Shop hours to learn from; rounded up to a multiple of 125.")
    ] = _DEFAULT.steps,
    seed: Annotated[
        int | None, typer.Option(help="Of everything random; default PHANTOM_SEED.")
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            help="Train this many policies, each with the next seed, into DIR/seed-….",
            min=1,
            max=100,
        ),
    ] = 1,
    env: Annotated[
        str,
        typer.Option(help="v0 observes five numbers; v1 also the time left and model features."),
    ] = _DEFAULT.env,
    scores: Annotated[
        str,
        typer.Option(
            help="Who scores the visitors in v1: detector (its flags) or network (the newest)."
        ),
    ] = _DEFAULT.scores,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; default policies/SCENARIO-ENV in the workspace."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a training that was cancelled.")
    ] = False,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Train a price policy by PPO, and measure it against the optimum."""
    with running(workspace, "Training prices", as_json=as_json) as (settings, progress):
        from phantom_core.core.registry import choose_named
        from phantom_core.market.scenario import load_scenario
        from phantom_core.use_cases.markets.train_policy import (
            SCORES_BY,
            env_named,
            run_folder,
            train_policies,
            train_policy,
        )

        market, version = load_scenario(scenario), env_named(env)
        scored_by = choose_named("scorer", scores, SCORES_BY)
        suffix = "-network" if scored_by == "network" else ""
        folder = out or run_folder(settings, f"{market.name}-{version}{suffix}")
        first, clock = settings.seed if seed is None else seed, now_ms()
        if seeds > 1:
            reports = train_policies(
                settings,
                market,
                steps=steps,
                seeds=range(first, first + seeds),
                env_version=version,
                scores=scored_by,
                folder=folder,
                resume=resume,
                now_ms=clock,
                progress=progress,
            )
            emit({"run": str(folder), "seeds": [report.to_json() for report in reports]}, as_json)
            return
        report = train_policy(
            settings,
            market,
            steps=steps,
            seed=first,
            env_version=version,
            scores=scored_by,
            run_dir=folder,
            resume=resume,
            now_ms=clock,
            progress=progress,
        )
        emit(report.to_json(), as_json)
