"""Verbs that simulate price policies in a market."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from phantom_core.cli.run import Json, Seed, Workspace, emit, now_ms, running
from phantom_core.core.errors import InputError
from phantom_core.use_cases.markets.job_simulate import SimulateRequest

if TYPE_CHECKING:
    from phantom_core.market.figures import TrialFigure
    from phantom_core.market.trial import MarketTrial, PolicyResult

_DEFAULT = SimulateRequest()
# Figure, heading, factor, digits, whether its interval is shown.
_COLUMNS = (
    ("reward", "reward", 1.0, 2, True),
    ("pct_of_optimum", "% of {}", 1.0, 1, True),
    ("vs_best_fixed", "vs best fixed", 1.0, 2, True),
    ("revenue", "revenue", 1.0, 2, False),
    ("leakage", "leakage", 1.0, 2, False),
    ("human_conversion", "human conv. %", 100.0, 1, False),
    ("human_premium", "human premium %", 100.0, 1, False),
    ("agent_conversion", "agent conv. %", 100.0, 1, False),
)
_LEAST_WIDTH = 150


def run(
    *,
    scenario: Annotated[
        str, typer.Option(help="Name of a shipped scenario, or a TOML file.")
    ] = _DEFAULT.scenario,
    policies: Annotated[
        str | None,
        typer.Option(
            help="Names with commas, also fixed:1.2, rules:FILE, ppo:RUN; default all without a "
            "colon."
        ),
    ] = None,
    episodes: Annotated[
        int, typer.Option(help="Episodes per policy, against the same shoppers.")
    ] = _DEFAULT.episodes,
    seed: Seed = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="What if: KEY=NUMBER, for example agent_share=0.8."),
    ] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Simulate policies side by side, and measure each against the optimum."""
    from phantom_core.market.policies.kind import plain_policies
    from phantom_core.market.scenario import load_scenario
    from phantom_core.use_cases.markets.simulate import simulate_policies

    with running(workspace, "simulating", as_json=as_json) as (settings, progress):
        market = load_scenario(scenario)
        if change:
            market = market.with_(**dict(_change(text) for text in change))
        chosen = plain_policies() if policies is None else policies
        saved = simulate_policies(
            settings,
            market,
            chosen,
            n_episodes=episodes,
            seed=seed,
            now_ms=now_ms(),
            progress=progress,
        )
        if as_json:
            emit(_json(saved.trial_id, saved.trial), as_json)
            return
    _print_table(saved.trial)


def scenarios(*, workspace: Workspace = None, as_json: Json = False) -> None:
    """List the shipped scenarios."""
    from phantom_core.market.scenario import load_scenario, shipped_names

    with running(workspace, "reading", as_json=as_json):
        emit(
            {
                name: f"{(found := load_scenario(name)).title}. {found.note}"
                for name in shipped_names()
            },
            as_json,
        )


def show(
    name: Annotated[str, typer.Argument(help="Name of a shipped scenario, or a TOML file.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Write it to this TOML file.")] = None,
    workspace: Workspace = None,
) -> None:
    """Print a scenario in full, as a template for a file of your own."""
    from phantom_core.market.scenario import load_scenario

    with running(workspace, "reading"):
        text = load_scenario(name).to_toml()
        if out:
            out.write_text(text, encoding="utf-8")
        else:
            print(text, end="")


def _change(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        equals = ""
        number = 0.0
    if not equals:
        raise InputError(f"'{text}' changes nothing.", hint="Write --set agent_share=0.8.")
    return name.strip(), int(number) if number.is_integer() else number


def _json(trial_id: str, trial: "MarketTrial") -> Mapping[str, object]:
    market = {
        "trial": trial_id,
        "scenario": trial.scenario.name,
        "episodes": trial.n_episodes,
        "seed": trial.seed,
        "optimum": trial.optimum,
        "bound": trial.bound,
        "pct_of": trial.measured_by,
        "best_fixed_ratio": trial.best_fixed_ratio,
    }
    return {**{result.name: _figures(result) for result in trial.results}, "market": market}


def _figures(result: "PolicyResult") -> dict[str, object]:
    found: dict[str, object] = {"n_seeds": result.n_seeds}
    for field in fields(result):
        value = getattr(result, field.name)
        if hasattr(value, "low"):
            found[field.name] = value.value
            found[f"{field.name}_ci"] = [value.low, value.high]
    return found


def _print_table(trial: "MarketTrial") -> None:
    known = "" if trial.optimum is None else f"optimum {trial.optimum:.2f}, "
    title = (
        f"{trial.scenario.title or trial.scenario.name}: {known}bound {trial.bound:.2f}, "
        f"{trial.n_episodes} episodes, 95 % intervals"
    )
    table = Table(
        "policy",
        *(heading.format(trial.measured_by) for _, heading, *_ in _COLUMNS),
        title=title,
        box=SIMPLE,
    )
    for result in trial.results:
        table.add_row(
            result.name,
            *(
                _cell(getattr(result, name), factor, digits, both)
                for name, _, factor, digits, both in _COLUMNS
            ),
        )
    Console(width=max(Console().width, _LEAST_WIDTH)).print(table)


def _cell(figure: "TrialFigure", scale: float, digits: int, with_interval: bool) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "–"
    value, low, high = (
        f"{scale * number:.{digits}f}" for number in (figure.value, figure.low, figure.high)
    )
    return f"{value} [{low}, {high}]" if with_interval else value
