"""Trial tables: all figures of a trial, as rows to read and to download."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from phantom_core.accounts.permissions import needs_no_permission
from phantom_core.market.figures import TrialFigure
from phantom_core.market.trial import MarketTrial, PolicyResult


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that every policy of a trial has.

    Attributes:
        name: of the column.
        title: as pages show it.
        unit: in words.
        meaning: one sentence.
    """

    name: str
    title: str
    unit: str
    meaning: str


MEASURES: Final = (
    Measure("reward", "Reward", "money", "Revenue minus weighted leakage, per episode."),
    Measure(
        "pct_of_optimum",
        "Share of optimum",
        "%",
        "Reward in percent of the optimum.",
    ),
    Measure("revenue", "Revenue", "money", "Revenue per episode."),
    Measure(
        "leakage",
        "Leakage",
        "money",
        "Amount that agents paid below the reference price, per episode.",
    ),
    Measure("leakage_share", "Leakage share", "share", "Leakage / revenue."),
    Measure(
        "human_conversion",
        "Human conversion",
        "share",
        "Of all humans who arrived, also after the shop sold out.",
    ),
    Measure(
        "human_premium",
        "Average premium paid by humans",
        "share",
        "Mean of price / base price − 1 over the purchases of humans.",
    ),
    Measure(
        "agent_conversion",
        "Agent conversion",
        "share",
        "Of all agents who arrived, also after the shop sold out.",
    ),
    Measure(
        "volatility",
        "Price volatility",
        "share",
        "Standard deviation of the change of price from hour to hour, in base prices.",
    ),
    Measure(
        "sell_out_h",
        "Sold out after",
        "h",
        "Hours until the stock is sold out; the whole horizon if it is not.",
    ),
    Measure(
        "vs_fixed",
        "vs base price",
        "money",
        "Reward minus that of the base price, on the same shoppers.",
    ),
    Measure(
        "vs_best_fixed",
        "vs best fixed price",
        "money",
        "Reward minus that of the best fixed price, on the same shoppers.",
    ),
)


@needs_no_permission
def shown_results(trial: MarketTrial) -> tuple[PolicyResult, ...]:
    """Results of a trial, after those of the two reference policies that are not among them."""
    simulated = {result.name for result in trial.results}
    references = (("fixed", trial.base), ("best_fixed", trial.best_fixed))
    return (*(result for name, result in references if name not in simulated), *trial.results)


@needs_no_permission
def figures_table(trial: MarketTrial) -> pd.DataFrame:
    """All figures with their intervals.

    Returns:
        One row per policy and measure: policy, n_seeds, measure, unit, value, low, high.
    """
    rows = [
        {
            "policy": result.name,
            "n_seeds": result.n_seeds,
            "measure": measure.name,
            "unit": measure.unit,
            **_ends(figure_of(result, measure.name)),
        }
        for result in shown_results(trial)
        for measure in MEASURES
    ]
    return pd.DataFrame(rows)


@needs_no_permission
def paths_table(trial: MarketTrial) -> pd.DataFrame:
    """Paths by hour.

    Returns:
        One row per policy and hour: policy, hour, ratio, ratio_p10, ratio_p90, revenue, leakage,
        stock.
    """
    return pd.concat([_path(result) for result in shown_results(trial)], ignore_index=True)


@needs_no_permission
def figure_of(result: PolicyResult, name: str) -> TrialFigure:
    """One of a policy's figures."""
    found = getattr(result, name)
    assert isinstance(found, TrialFigure)
    return found


@needs_no_permission
def ordered_policies(results: Sequence[PolicyResult]) -> list[PolicyResult]:
    """The one with the highest reward first."""
    return sorted(results, key=lambda result: -(result.reward.value or 0.0))


def _ends(figure: TrialFigure) -> dict[str, float | None]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def _path(result: PolicyResult) -> pd.DataFrame:
    paths = result.paths
    return pd.DataFrame(
        {
            "policy": result.name,
            "hour": range(1, len(paths.ratio) + 1),
            "ratio": paths.ratio,
            "ratio_p10": paths.ratio_p10,
            "ratio_p90": paths.ratio_p90,
            "revenue": paths.revenue,
            "leakage": paths.leakage,
            "stock": paths.stock,
        }
    )
