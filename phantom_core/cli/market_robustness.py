"""Verb about prices that are robust to the agents' share."""

from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from phantom_core.cli.run import Json, Workspace, emit, running


def robust(
    *,
    scenario: Annotated[
        str, typer.Option(help="A built-in scenario, or a TOML file; one product.")
    ] = "tight",
    lowest: Annotated[float, typer.Option(help="Lowest share of agents, in every hour.")] = 0.5,
    highest: Annotated[float, typer.Option(help="Highest share of agents.")] = 0.9,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """What prices earn at the nominal share of agents, and in the worst case of an interval."""
    from phantom_core.market.scenario import load_scenario
    from phantom_core.use_cases.markets.compare_robustness import compare_robustness

    with running(workspace, "comparing", as_json=as_json) as (settings, _):
        found = compare_robustness(settings, load_scenario(scenario), lowest, highest)
        if as_json:
            emit(found.to_json(), as_json)
            return
    title = f"{found.scenario}, agents {lowest:.0%} to {highest:.0%} in every hour"
    table = Table("policy", "nominal", "worst case", "price of robustness", title=title, box=SIMPLE)
    for one in found.policies:
        table.add_row(
            one.policy,
            f"{one.nominal:,.2f}",
            f"{one.worst_case:,.2f}",
            f"{100 * one.price_of_robustness:.2f} %",
        )
    Console().print(table)
