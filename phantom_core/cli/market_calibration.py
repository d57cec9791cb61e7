"""Verb that measures a market on the lake."""

from pathlib import Path
from typing import Annotated

import typer

from phantom_core.cli.run import Json, Seed, Workspace, emit, now_ms, running
from phantom_core.use_cases.markets.job_calibrate import CalibrateRequest


def calibrate(
    *,
    out: Annotated[Path | None, typer.Option(help="Write the scenario to this TOML file.")] = None,
    stock: Annotated[
        int | None,
        typer.Option(min=0, help="Units on sale; default a week's sales at the base price."),
    ] = None,
    hours: Annotated[
        int, typer.Option(min=1, max=8760, help="Horizon of the scenario, hours.")
    ] = 168,
    seed: Seed = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Measure arrivals, agent share, base prices and price sensitivities on the lake."""
    with running(workspace, "calibrating", as_json=as_json) as (settings, progress):
        found = CalibrateRequest(seed=seed).run(settings, now_ms=now_ms(), progress=progress)
        if out:
            out.write_text(found.scenario(horizon_h=hours, stock=stock).to_toml(), encoding="utf-8")
        emit(found.to_json(), as_json)
