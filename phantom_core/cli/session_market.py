"""Verb that tries rule sets on generated sessions."""

from typing import Annotated

import typer

from phantom_core.cli.run import Json, Workspace, emit, running


def sessions(
    *,
    rules: Annotated[
        list[str], typer.Option("--rules", help="none, bands, or a file of rules; may be repeated.")
    ],
    n_sessions: Annotated[
        int, typer.Option("--sessions", min=1, max=300_000, help="How many sessions.")
    ] = 2_000,
    seed: Annotated[int | None, typer.Option(help="Seed; default PHANTOM_SEED + 1.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Try rule sets on generated shoppers: events, features, probability, rule, price, purchase."""
    from phantom_core.use_cases.markets.simulate_sessions import simulate_sessions

    with running(workspace, "simulating", as_json=as_json) as (settings, progress):
        emit(
            simulate_sessions(
                settings, rules, n_sessions=n_sessions, seed=seed, progress=progress
            ).to_json(),
            as_json,
        )
