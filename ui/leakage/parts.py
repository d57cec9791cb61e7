"""Leakage parts: the total, its breakdowns, and the purchases behind it."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from phantom_core.core.estimate import Estimate
from phantom_core.core.settings import Settings
from phantom_core.leakage.leakage import Leakage
from phantom_core.leakage.ledger import Account
from phantom_core.views.leakage.leakage import everything_table, parts_table, purchases_of
from ui.charts.frame import show_chart
from ui.charts.leakage import MOST_BARS, day_chart, parts_chart, references_chart
from ui.frame.currency import Currency
from ui.frame.empty import show_missing
from ui.frame.metrics import show_metric
from ui.frame.tables import csv_button
from ui.frame.wording import (
    capitalise,
    escape,
    format_interval,
    format_money,
    format_number_of,
    format_percent,
    format_range,
)

_ALL: Final = "all parts"
_COLUMNS: Final = (
    "session",
    "time",
    "product",
    "label",
    "family",
    "p_agent",
    "units",
    "price",
    "base_price",
    "leaks",
    "rule",
    "channel",
)


def leakage_figures(found: Leakage, account: Account, currency: Currency) -> None:
    """The total, its share of revenue, and who would bear the correction."""
    human = found.humans
    with st.grid(5, min_column_width=190, gap="small"):
        show_metric(
            "Leakage",
            currency.money(account.leakage.value),
            f"95 %: {format_range(account.leakage)}",
            f"Reference price: {account.says}.",
        )
        show_metric(
            "Share of revenue",
            format_percent(account.share_of_revenue.value, 1),
            format_interval(account.share_of_revenue, 1),
            "Leakage / total revenue.",
        )
        share = found.agent_revenue.value / found.revenue.value if found.revenue.value else None
        show_metric(
            "Revenue from agents",
            currency.money(found.agent_revenue.value),
            f"{format_percent(share)} of {currency.money(found.revenue.value)}",
            "Expected, by P(agent).",
        )
        if human:
            show_metric(
                "Humans marked up",
                format_percent(human.marked_up.value, 1),
                f"{format_interval(human.marked_up, 1)} under {found.rules}",
                "Side effect of the recovery: share of humans with a quote above the base price.",
            )
            show_metric(
                "Average premium paid by humans",
                format_percent(human.premium.value, 1),
                f"{format_interval(human.premium, 1)} under {found.rules}",
                "Mean of price / base price − 1 over all quotes to humans.",
            )


def leakage_charts(found: Leakage, account: Account, by: str, currency: Currency) -> None:
    """By day, by the chosen dimension, and by reference price."""
    days, parts = parts_table(account, "day"), parts_table(account, by)
    with st.grid(2, min_column_width=420, gap="medium") as grid:
        with grid.cell():
            more = f"The largest {MOST_BARS} of {len(parts)}. " if len(parts) > MOST_BARS else ""
            show_chart(
                parts_chart(parts, currency.unit),
                _top_part(parts, by),
                f"{more}Parts add up to the total. n.s.: not significantly more than the second.",
                key="leakage_parts",
                download=f"leakage_by_{by}",
            )
        with grid.cell():
            worst = days.iloc[int(days["leakage"].argmax())]
            show_chart(
                day_chart(days, currency.unit),
                f"Highest leakage on {worst['key']}: {currency.money(worst['leakage'])} "
                f"({format_range(Estimate(worst['leakage'], worst['low'], worst['high']))})",
                "The band is the 95 % interval of each day.",
                key="leakage_days_chart",
                download="leakage_by_day",
            )
        with grid.cell():
            reading = " ".join(
                f"{one.reference.replace('_', ' ')}: {escape(one.problem or f'{one.says}.')}"
                for one in found.accounts
            )
            show_chart(
                references_chart(found.accounts, currency.unit),
                _range_of_references(found.accounts),
                reading,
                key="leakage_references",
                download="leakage_by_reference",
            )
        with grid.cell():
            _table(found, account, by)


def _top_part(parts: pd.DataFrame, by: str) -> str:
    first = parts.iloc[0]
    is_clear = len(parts) < 2 or first["low"] > parts.iloc[1]["high"]
    share = f"{format_percent(first['share'])} of leakage{'' if is_clear else ' (n.s.)'}"
    return f"Top {by}: {escape(str(first['key']))}, {share}"


def _range_of_references(accounts: Sequence[Account]) -> str:
    known = sorted((one for one in accounts if not one.problem), key=lambda one: one.leakage.value)
    if not known:
        return "No reference price is available"
    low, high = known[0], known[-1]
    return (
        f"Leakage ranges from {format_money(low.leakage.value)} "
        f"({low.reference.replace('_', ' ')}) to {format_money(high.leakage.value)} "
        f"({high.reference.replace('_', ' ')}) by reference price"
    )


def drill_down(settings: Settings, account: Account, by: str, ledger: str) -> None:
    """The purchases of one part."""
    st.header("Purchases behind the leakage")
    keys = [part.key for part in account.parts[by]]
    key = st.selectbox(
        capitalise(by),
        [_ALL, *keys],
        key=f"leakage_part_{by.replace(' ', '_')}",
        bind="query-params",
        width=420,
    )
    rows = purchases_of(
        settings, by, "" if key == _ALL else str(key), account.reference, ledger=ledger
    )
    if not len(rows):
        show_missing("The purchases of this ledger were deleted", "Measure leakage again.")
        return
    st.dataframe(
        rows.assign(
            session=[f"/sessions?session={name}" for name in rows["session_id"]],
            leaks=rows[f"leakage_{account.reference}"],
        ),
        hide_index=True,
        placeholder="–",
        height=360,
        column_order=list(_COLUMNS),
        column_config={
            "session": st.column_config.LinkColumn(
                "Session", display_text=r"session=(.*)$", help="Opens the page Sessions."
            ),
            "time": st.column_config.DatetimeColumn(
                "Bought (UTC)", format="YYYY-MM-DD HH:mm", width=135
            ),
            "product": st.column_config.TextColumn("Product", width=100),
            "label": st.column_config.TextColumn("Label", width=75),
            "family": st.column_config.TextColumn("Family", width=130),
            "p_agent": st.column_config.ProgressColumn(
                "Agent",
                format="%.2f",
                min_value=0,
                max_value=1,
                color="orange",
                help="The label where there is one, else P(agent).",
            ),
            "units": st.column_config.NumberColumn("Units", width=60),
            "price": st.column_config.NumberColumn("Price", format="localized", width=75),
            "base_price": st.column_config.NumberColumn("Base", format="localized", width=75),
            "leaks": st.column_config.NumberColumn(
                "Leakage",
                format="%.2f",
                width=80,
                help=f"Expected, reference price {account.reference}.",
            ),
            "rule": st.column_config.TextColumn("Rule at the quote"),
            "channel": st.column_config.TextColumn("Channel", width=100),
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        csv_button(
            "Download purchases as CSV", rows, "leaking_purchases.csv", "leakage_purchases_csv"
        )
        st.caption(
            f"{format_number_of(len(rows), 'purchase')}, highest leakage first; the CSV has all "
            "columns."
        )


def _table(found: Leakage, account: Account, by: str) -> None:
    st.markdown(f"**Breakdown by {by}**")
    st.dataframe(
        parts_table(account, by).round({"leakage": 0, "low": 0, "high": 0}),
        hide_index=True,
        placeholder="–",
        height=300,
        column_order=[
            "key",
            "leakage",
            "low",
            "high",
            "share_of_revenue",
            "purchases",
            "by_agents",
        ],
        column_config={
            "key": st.column_config.TextColumn(capitalise(by), pinned=True),
            "leakage": st.column_config.NumberColumn("Leakage", format="localized", width=80),
            "low": st.column_config.NumberColumn(
                "from", format="localized", width=70, help="Of the 95 % interval."
            ),
            "high": st.column_config.NumberColumn(
                "to", format="localized", width=70, help="Of the 95 % interval."
            ),
            "share_of_revenue": st.column_config.NumberColumn(
                "Share of its revenue", format="percent", width=140
            ),
            "purchases": st.column_config.NumberColumn("Purchases", format="localized", width=75),
            "by_agents": st.column_config.NumberColumn(
                "By agents", format="%.1f", width=85, help="Expected number."
            ),
        },
    )
    csv_button(
        "Download all breakdowns as CSV",
        everything_table(found),
        "leakage.csv",
        "leakage_csv",
    )
