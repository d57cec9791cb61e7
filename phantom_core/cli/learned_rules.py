"""Verb about rules learned for money."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from phantom_core.cli.run import Json, Workspace, emit, now_ms, running
from phantom_core.core.errors import InputError
from phantom_core.use_cases.rules.job_learn_policy import LearnPolicyRequest

if TYPE_CHECKING:
    from phantom_core.core.estimate import Estimate
    from phantom_core.policy_learning.learned_policy import LearnedPolicy
    from phantom_core.policy_learning.policy_figures import Changes

_DEFAULT = LearnPolicyRequest()


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
    depth: Annotated[
        int, typer.Option(min=1, max=5, help="Most conditions on a path.")
    ] = _DEFAULT.depth,
    most_rules: Annotated[
        int, typer.Option("--rules", min=1, help="Most rules besides ELSE.")
    ] = _DEFAULT.most_rules,
    lowest: Annotated[
        float | None, typer.Option(help="Lowest mark-up; default what the gates allow.")
    ] = None,
    highest: Annotated[
        float | None, typer.Option(help="Highest mark-up; default what the gates allow.")
    ] = None,
    without: Annotated[
        str, typer.Option(help="More features that no price may depend on, with commas.")
    ] = "",
    agent_share: Annotated[
        str,
        typer.Option(help="Be prepared for any share of agents between two, such as 0.3,0.7."),
    ] = "",
    seed: Annotated[int | None, typer.Option(help="Seed; default PHANTOM_SEED.")] = None,
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
            seed=seed,
        ).run(settings, now_ms=now_ms(), progress=progress)
        if out:
            out.write_text(format_rules(learned.rules), encoding="utf-8")
        if as_json:
            emit(learned.to_json(), as_json)
            return
    _print_learned(learned)
    print(format_rules(learned.rules), end="")


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
