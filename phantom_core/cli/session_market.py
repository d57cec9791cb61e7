"""Verb that replays rule sets on simulated sessions."""

from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.use_cases.markets.job_simulate_sessions import SimulateSessionsRequest

_DEFAULT = SimulateSessionsRequest()


def sessions(
    *,
    rules: Annotated[
        list[str], typer.Option("--rules", help="none, bands, or a file of rules; may be repeated.")
    ],
    n_sessions: Annotated[
        int, typer.Option("--sessions", min=1, max=300_000, help="How many sessions.")
    ] = _DEFAULT.sessions,
    seed: Annotated[int | None, typer.Option(help="Seed; default PHANTOM_SEED + 1.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Replay rules on simulated sessions: events, features, probability, rule, price, purchase."""
    with running(workspace, "simulating", as_json=as_json) as (settings, progress):
        request = SimulateSessionsRequest(rules=tuple(rules), sessions=n_sessions, seed=seed)
        emit(request.run(settings, now_ms=now_ms(), progress=progress).to_json(), as_json)
