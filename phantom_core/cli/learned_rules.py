"""Verbs about rules learned for money, and about what prices can reach."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from phantom_core.cli.run import Json, Seed, Workspace, emit, now_ms, running
from phantom_core.core.errors import InputError
from phantom_core.core.registry import choose_named
from phantom_core.use_cases.rules.job_learn_policy import LearnPolicyRequest
from phantom_core.use_cases.rules.job_trace_frontier import TraceFrontierRequest

WantedSource = Literal["log", "market", "auto"]

if TYPE_CHECKING:
    from phantom_core.core.estimate import Estimate
    from phantom_core.policy_learning.frontier import PolicyFrontier
    from phantom_core.policy_learning.learned_policy import LearnedPolicy
    from phantom_core.policy_learning.policy_figures import Changes

_DEFAULT, _FRONTIER = LearnPolicyRequest(), TraceFrontierRequest()
_SOURCES: Final[tuple[WantedSource, ...]] = ("log", "market", "auto")
# Options of learned rules, whichever verb learns them.
_Depth = Annotated[int, typer.Option(min=1, max=5, help="Most conditions on a path.")]
_MostRules = Annotated[int, typer.Option("--rules", min=1, help="Most rules besides ELSE.")]
_Lowest = Annotated[
    float | None, typer.Option(help="Lowest mark-up; default what the gates allow.")
]
_Highest = Annotated[
    float | None, typer.Option(help="Highest mark-up; default what the gates allow.")
]
_Source = Annotated[
    str, typer.Option(help="log (recorded shoppers), market (simulated ones), or auto.")
]


def learn(
    *,
    leakage_cut: Annotated[
        float, typer.Option(help="Least share of the leakage at base prices to recover.")
    ] = _DEFAULT.leakage_cut,
    human_loss: Annotated[
        float, typer.Option(help="Most purchases by humans to lose, as a share.")
    ] = _DEFAULT.human_conversion_loss,
    human_premium: Annotated[
        float | None,
        typer.Option(help="Most that humans pay above base on average; default the limit."),
    ] = None,
    depth: _Depth = _DEFAULT.depth,
    most_rules: _MostRules = _DEFAULT.most_rules,
    lowest: _Lowest = None,
    highest: _Highest = None,
    without: Annotated[
        str, typer.Option(help="More features that no price may depend on, with commas.")
    ] = "",
    agent_share: Annotated[
        str,
        typer.Option(help="Be prepared for any share of agents between two, such as 0.3,0.7."),
    ] = "",
    source: _Source = _DEFAULT.source,
    seed: Seed = None,
    out: Annotated[Path | None, typer.Option(help="Write the rules to this text file.")] = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """Learn the rules with the most revenue that recover leakage and spare humans."""
    from phantom_core.rules.text import format_rules

    with running(workspace, "learning", as_json=as_json) as (settings, progress):
        learned = LearnPolicyRequest(
            leakage_cut=leakage_cut,
            human_conversion_loss=human_loss,
            human_premium=human_premium,
            depth=depth,
            most_rules=most_rules,
            lowest_markup=lowest,
            highest_markup=highest,
            without=tuple(part.strip() for part in without.split(",") if part.strip()),
            agent_share=_shares(agent_share),
            source=choose_named("source", source, _SOURCES),
            seed=seed,
        ).run(settings, now_ms=now_ms(), progress=progress)
        if out:
            out.write_text(format_rules(learned.rules), encoding="utf-8")
        if as_json:
            emit(learned.to_json(), as_json)
            return
    _print_learned(learned)
    print(format_rules(learned.rules), end="")


def frontier(
    *,
    leakage_cut: Annotated[
        float, typer.Option(help="Target: share of the leakage to recover.")
    ] = _FRONTIER.leakage_cut,
    revenue_gain: Annotated[
        float, typer.Option(help="Target: share of the revenue to gain.")
    ] = _FRONTIER.revenue_gain,
    human_loss: Annotated[
        float, typer.Option(help="Target: most human purchases to lose, as a share.")
    ] = _FRONTIER.human_conversion_loss,
    depth: _Depth = _FRONTIER.depth,
    most_rules: _MostRules = _FRONTIER.most_rules,
    lowest: _Lowest = None,
    highest: _Highest = None,
    source: _Source = _FRONTIER.source,
    seed: Seed = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """What prices can reach on this shop: revenue against leakage, for every policy."""
    with running(workspace, "tracing", as_json=as_json) as (settings, progress):
        found = TraceFrontierRequest(
            leakage_cut=leakage_cut,
            revenue_gain=revenue_gain,
            human_conversion_loss=human_loss,
            depth=depth,
            most_rules=most_rules,
            lowest_markup=lowest,
            highest_markup=highest,
            source=choose_named("source", source, _SOURCES),
            seed=seed,
        ).run(settings, now_ms=now_ms(), progress=progress)
        if as_json:
            emit(found.to_json(), as_json)
            return
    _print_frontier(found)


def _print_frontier(found: "PolicyFrontier") -> None:
    about = found.learned_from
    title = f"{about.quotes:,} quotes from the {about.source}, 95 % intervals"
    table = Table("policy", "revenue", "leakage", "human purchases", title=title, box=SIMPLE)
    for point in found.points:
        table.add_row(point.title, *_changes(point.figures.by_curves))
    Console().print(table)
    print(f"{about.problem}\n{found.verdict.says}".strip())


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise InputError(
            f"'{text}' is not two shares of agents.", hint="Write them as 0.3,0.7."
        ) from None


def _print_learned(learned: "LearnedPolicy") -> None:
    about = learned.learned_from
    title = (
        f"{learned.version}: changes against the base price on {about.quotes:,} quotes of actors "
        "not learned from, 95 % intervals"
    )
    table = Table("policy", "revenue", "leakage", "human purchases", title=title, box=SIMPLE)
    table.add_row("learned rules", *_changes(learned.figures.by_curves))
    if learned.figures.doubly_robust:
        table.add_row("  doubly robust", *_changes(learned.figures.doubly_robust))
    for other in learned.compared:
        table.add_row(other.title, *_changes(other.figures.by_curves))
    Console().print(table)


def _changes(changes: "Changes") -> tuple[str, str, str]:
    return (
        _shown(changes.revenue),
        _shown(changes.leakage),
        _shown(changes.human_conversion),
    )


def _shown(estimate: "Estimate") -> str:
    value, low, high = (
        f"{100 * end:+.1f}" for end in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} % [{low}, {high}]"
