"""Verb that adds up the money lost to agents."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from phantom_core.cli.run import Json, Seed, Workspace, emit, now_ms, running
from phantom_core.core.errors import InputError
from phantom_core.core.registry import choose_named
from phantom_core.use_cases.rules.job_measure_leakage import MeasureLeakageRequest

if TYPE_CHECKING:
    from phantom_core.leakage.leakage import Leakage
    from phantom_core.leakage.ledger import Account

_DEFAULT = MeasureLeakageRequest()


def leakage(
    *,
    by: Annotated[
        str, typer.Option(help="day, product, channel, 'store mode', family, cluster or rule.")
    ] = "product",
    reference: Annotated[
        str, typer.Option(help="Reference price: constant, clean_quote or optimal.")
    ] = "constant",
    rules: Annotated[
        str, typer.Option(help="Recovery rule set: for --by rule, and for the impact on humans.")
    ] = _DEFAULT.rules,
    first: Annotated[str, typer.Option("--from", help="First day, UTC: 2026-01-05.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day, UTC.")] = "",
    purchases: Annotated[
        Path | None,
        typer.Option(help="Write every purchase with its leakage to this CSV or Parquet file."),
    ] = None,
    seed: Seed = None,
    workspace: Workspace = None,
    as_json: Json = False,
) -> None:
    """What agents paid less than a reference price, with intervals."""
    import pyarrow.parquet as pq

    from phantom_core.core.csv_file import write_table
    from phantom_core.leakage.leakage import DIMENSIONS
    from phantom_core.replay.period import period_of
    from phantom_core.use_cases.rules.measure_leakage import measure_leakage, purchases_file
    from phantom_core.use_cases.rules.rule_sets import open_rule_set

    with running(workspace, "adding up", as_json=as_json) as (settings, progress):
        dimension = by.replace("_", " ").strip()
        if dimension not in DIMENSIONS:
            raise InputError(
                f"Leakage has no breakdown by '{by}'.",
                hint=f"Choose one of {', '.join(DIMENSIONS)}.",
            )
        found = measure_leakage(
            settings,
            open_rule_set(settings, rules),
            now_ms=now_ms(),
            period=period_of(first, last),
            seed=seed,
            progress=progress,
        )
        chosen = _account(found, reference.strip().replace("-", "_"))
        if purchases:
            write_table(pq.read_table(purchases_file(settings)), purchases)
        if as_json:
            emit(_shown(found, chosen, dimension), as_json)
            return
    _print_table(chosen, dimension)


def _account(found: "Leakage", reference: str) -> "Account":
    by_name = {one.reference: one for one in found.accounts}
    chosen = by_name[choose_named("reference price", reference, by_name)]
    if chosen.problem:
        raise InputError(
            f"The reference price {reference} is not available: {chosen.problem}",
            hint="Use --reference constant.",
        )
    return chosen


def _shown(found: "Leakage", chosen: "Account", by: str) -> Mapping[str, object]:
    from phantom_core.replay.saved import plain_json

    whole = found.to_json()
    names = (
        "lake_version",
        "model",
        "labelled",
        "purchases",
        "unpriced",
        "unknown",
        "revenue",
        "agent_revenue",
        "rules",
        "humans",
    )
    return {
        "reference": chosen.reference,
        "reference_says": chosen.says,
        "leakage": plain_json(chosen.leakage),
        "share_of_revenue": plain_json(chosen.share_of_revenue),
        "by": by,
        "parts": [plain_json(part) for part in chosen.parts[by]],
        **{name: whole[name] for name in names},
    }


def _print_table(chosen: "Account", by: str) -> None:
    total, share = chosen.leakage, 100 * chosen.share_of_revenue.value
    title = (
        f"Leakage, reference price {chosen.says}: {total.value:,.0f} [{total.low:,.0f}, "
        f"{total.high:,.0f}], {share:.1f} % of the revenue"
    )
    table = Table(
        by,
        "leakage",
        "95 % interval",
        "% of its revenue",
        "bought",
        "by agents",
        title=title,
        box=SIMPLE,
    )
    for part in chosen.parts[by]:
        of_revenue = f"{100 * part.leakage.value / part.revenue:.1f}" if part.revenue else "–"
        interval = f"[{part.leakage.low:,.0f}, {part.leakage.high:,.0f}]"
        table.add_row(
            part.key,
            f"{part.leakage.value:,.0f}",
            interval,
            of_revenue,
            f"{part.purchases:,}",
            f"{part.by_agents:,.1f}",
        )
    Console().print(table)
