"""Sections: the parts of the results of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.market.trial import PolicyResult
from phantom_core.use_cases.markets.simulate import SavedTrial
from phantom_core.views.demand.demand_curves import demand_curves
from phantom_core.views.simulator.policy_choice import policy_title
from phantom_core.views.simulator.trial_tables import (
    MEASURES,
    figure_of,
    figures_table,
    ordered_policies,
    paths_table,
    shown_results,
)
from ui.charts.frame import show_chart
from ui.charts.simulator import demand_chart, optimum_chart, path_chart, price_chart
from ui.frame.tables import csv_button
from ui.frame.wording import NOTHING, escape
from ui.simulator.conclusion import conclusion_sentences

# Figures that are shares, shown as percentages.
_SHARES: Final = (
    "leakage_share",
    "human_conversion",
    "human_premium",
    "agent_conversion",
    "volatility",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A run on the page.

    Attributes:
        saved: the run.
        place: "a" or "b", part of the keys.
        results: its policies and references, best first.
        is_paired: another run is shown beside it, so each section names its run.
    """

    saved: SavedTrial
    place: str
    results: list[PolicyResult]
    is_paired: bool

    @classmethod
    def of(cls, saved: SavedTrial, place: str, *, is_paired: bool) -> "Shown":
        """A saved run."""
        return cls(saved, place, ordered_policies(shown_results(saved.trial)), is_paired)

    @property
    def title(self) -> str:
        """Of its scenario."""
        return self.saved.trial.scenario.title or self.saved.trial.scenario.name

    def says(self, statement: str) -> str:
        """A finding, with the title of its run where two are shown."""
        return f"{escape(self.title)}: {statement}" if self.is_paired else statement

    def named(self, part: str) -> dict[str, str]:
        """Key and file name of a chart."""
        return {"key": f"{part}_{self.place}", "download": f"{self.saved.trial_id}_{part}"}


def draw_header(shown: Shown) -> None:
    """The market and the number of episodes."""
    trial = shown.saved.trial
    if shown.is_paired:
        st.markdown(f"#### {escape(shown.title)}")
    stock = sum(product.stock for product in trial.scenario.products)
    share = f"{trial.scenario.agent_share:.0%} agents".replace("%", " %")
    market = f"{stock:,} units, {trial.scenario.horizon_h:,} hours, {share}"
    st.caption(f"{market} · {trial.n_episodes:,} episodes, seed {trial.seed} · intervals are 95 %")


def draw_conclusion(shown: Shown) -> None:
    """The findings, in sentences."""
    with st.container(border=True, key=f"conclusion_{shown.place}"):
        for sentence in conclusion_sentences(shown.saved.trial):
            st.markdown(sentence)


def draw_optimality(shown: Shown) -> None:
    """Reward of each policy as a share of the optimum."""
    best = next(result for result in shown.results if result.name != "optimum")
    is_exact = shown.saved.trial.optimum is not None
    finding = (
        f"{policy_title(best.name)} comes closest to the "
        f"{'optimum' if is_exact else 'upper bound'}: "
        f"{best.pct_of_optimum.value or 0:.1f} %"
    )
    line = "the exact optimum" if is_exact else "an upper bound that may not be attainable"
    show_chart(
        optimum_chart(shown.results, shown.saved.trial.measured_by),
        shown.says(finding),
        f"Mean reward per episode with its 95 % interval. The dashed line is {line}.",
        **shown.named("optimum"),
    )


def draw_table(shown: Shown) -> None:
    """All figures with their intervals, a row per policy."""
    titles = [
        policy_title(result.name) + (f" ({result.n_seeds} seeds)" if result.n_seeds > 1 else "")
        for result in shown.results
    ]
    figures = {
        measure.title: [_cell(result, measure.name) for result in shown.results]
        for measure in MEASURES
    }
    helps = {
        measure.title: st.column_config.TextColumn(help=f"{measure.meaning} Unit: {measure.unit}.")
        for measure in MEASURES
    }
    st.dataframe(
        pd.DataFrame({"Policy": titles, **figures}),
        hide_index=True,
        height="content",
        column_config={"Policy": st.column_config.TextColumn(pinned=True, width=140), **helps},
    )


def draw_prices(shown: Shown) -> None:
    """Price paths."""
    paths = [path for result in shown.results for path in result.paths.ratio if path is not None]
    reading = "Mean over open shops by hour; bands hold 80 % of them."
    show_chart(
        price_chart(shown.results),
        shown.says(
            f"Mean prices range from ×{min(paths):.2f} to ×{max(paths):.2f} of the base price"
        ),
        reading,
        **shown.named("prices"),
    )


def draw_revenue(shown: Shown) -> None:
    """Cumulative revenue."""
    top = max(shown.results, key=lambda result: result.revenue.value or 0.0)
    figure = path_chart(
        shown.results,
        lambda result: result.paths.revenue,
        "cumulative revenue per episode, currency",
    )
    show_chart(
        figure,
        shown.says(f"{policy_title(top.name)} has the highest revenue"),
        "Mean of the episodes. Revenue does not account for leakage.",
        **shown.named("revenue"),
    )


def draw_leakage(shown: Shown) -> None:
    """Cumulative leakage."""
    least = min(shown.results, key=lambda result: result.leakage.value or 0.0)
    reading = (
        "Amount that agents paid below the reference price, "
        f"×{shown.saved.trial.scenario.reference_ratio:.2f} of the base price."
    )
    figure = path_chart(
        shown.results,
        lambda result: result.paths.leakage,
        "cumulative leakage per episode, currency",
    )
    show_chart(
        figure,
        shown.says(f"{policy_title(least.name)} has the lowest leakage"),
        reading,
        **shown.named("leakage"),
    )


def draw_stock(shown: Shown) -> None:
    """Remaining stock."""
    last = max(shown.results, key=lambda result: result.paths.stock[-1] or 0.0)
    figure = path_chart(shown.results, lambda result: result.paths.stock, "remaining stock, units")
    show_chart(
        figure,
        shown.says(
            f"{policy_title(last.name)} has the most stock left: {last.paths.stock[-1] or 0:,.0f} "
            "units"
        ),
        "Mean of the episodes; at zero the shop is sold out.",
        **shown.named("stock"),
    )


def draw_demand(shown: Shown) -> None:
    """Demand curves of both classes."""
    scenario = shown.saved.trial.scenario
    human, agent = scenario.human_sensitivity, scenario.agent_sensitivity
    who = (
        f"agents (s = {agent:g}) are more price-sensitive than humans (s = {human:g})"
        if agent > human
        else f"s = {human:g} for humans, {agent:g} for agents"
    )
    figure = demand_chart(demand_curves(scenario), shown.saved.trial.best_fixed_ratio)
    reading = "Purchases of agents below the reference price count as leakage."
    show_chart(
        figure,
        shown.says(f"Half of the visitors buy at the base price; {who}"),
        reading,
        **shown.named("demand"),
    )


def draw_downloads(shown: Shown) -> None:
    """Downloads."""
    name, trial, place = shown.saved.trial_id, shown.saved.trial, shown.place
    st.markdown(f"**{shown.says('Downloads')}**")
    with st.container(horizontal=True):
        csv_button(
            "Figures as CSV", figures_table(trial), f"{name}_figures.csv", f"figures_csv_{place}"
        )
        csv_button("Paths as CSV", paths_table(trial), f"{name}_paths.csv", f"paths_csv_{place}")
        kinds = (
            (
                "Scenario as TOML",
                trial.scenario.to_toml().encode(),
                f"{trial.scenario.name}.toml",
                "application/toml",
            ),
            ("Everything as JSON", trial.to_json(), f"{name}.json", "application/json"),
        )
        for label, content, file_name, mime in kinds:
            st.download_button(
                label,
                content,
                file_name,
                mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"{label}_{place}",
            )
    st.caption("The camera above each chart saves it as PNG.")


WIDE: Final[tuple[Callable[[Shown], None], ...]] = (
    draw_header,
    draw_conclusion,
    draw_optimality,
    draw_table,
)
CHARTS: Final[tuple[Callable[[Shown], None], ...]] = (
    draw_prices,
    draw_revenue,
    draw_leakage,
    draw_stock,
    draw_demand,
    draw_downloads,
)


def _cell(result: PolicyResult, name: str) -> str:
    figure = figure_of(result, name)
    if figure.value is None or figure.low is None or figure.high is None:
        return NOTHING
    factor, digits, unit = 1.0, _digits(figure.value), ""
    if name in _SHARES:
        factor, digits, unit = 100.0, 1, " %"
    elif name == "pct_of_optimum":
        digits, unit = 1, " %"
    value, low, high = (
        f"{part * factor:,.{digits}f}".replace("-", "−")
        for part in (figure.value, figure.low, figure.high)
    )
    return f"{value}{unit} ({low} to {high})" if low != high else f"{value}{unit}"


def _digits(value: float) -> int:
    return 0 if abs(value) >= 1_000 else 1 if abs(value) >= 100 else 2
