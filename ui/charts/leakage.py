"""Charts of the ledger: leakage by day, by dimension and by reference price."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import plotly.graph_objects as go

from phantom_core.leakage.ledger import Account
from ui.charts.frame import BAND, BASELINE, LEAKAGE, frame_chart

MOST_BARS: Final = 10
_LONGEST: Final = 44


def day_chart(days: pd.DataFrame, unit: str) -> go.Figure:
    """Leakage by day with its interval.

    Args:
        days: key, leakage, low, high.
        unit: of amounts.
    """
    figure = go.Figure()
    for column, fill in (("high", None), ("low", "tonexty")):
        figure.add_scatter(
            x=days["key"],
            y=days[column],
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=BAND,
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_scatter(
        x=days["key"],
        y=days["leakage"],
        mode="lines+markers",
        line={"color": LEAKAGE, "width": 2},
        marker={"size": 4},
        hovertemplate="%{x}: %{y:,.0f}<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(rangemode="tozero", tickformat=",")
    return frame_chart(
        figure, x="day of purchase (UTC)", y=f"leakage, {unit}", height_px=290, has_legend=False
    )


def parts_chart(parts: pd.DataFrame, unit: str) -> go.Figure:
    """The largest parts, the largest on top, with intervals.

    Args:
        parts: key, leakage, low, high; largest first.
        unit: of amounts.
    """
    shown = parts.head(MOST_BARS).iloc[::-1]
    figure = go.Figure(
        go.Bar(
            x=shown["leakage"],
            y=[_short(key) for key in shown["key"]],
            orientation="h",
            marker={"color": LEAKAGE, "line": {"width": 0}},
            error_x={
                "type": "data",
                "array": shown["high"] - shown["leakage"],
                "arrayminus": shown["leakage"] - shown["low"],
                "color": BASELINE,
                "thickness": 1.5,
                "width": 4,
            },
            customdata=shown["key"],
            hovertemplate="%{customdata}: %{x:,.0f}<extra></extra>",
        )
    )
    figure.update_xaxes(rangemode="tozero", tickformat=",")
    return frame_chart(
        figure,
        x=f"leakage, {unit}, 95 % interval",
        y="",
        height_px=70 + 32 * len(shown),
        has_legend=False,
    )


def references_chart(accounts: Sequence[Account], unit: str) -> go.Figure:
    """The total under each reference price."""
    shown = [one for one in reversed(accounts) if not one.problem]
    figure = go.Figure(
        go.Bar(
            x=[one.leakage.value for one in shown],
            y=[one.reference.replace("_", " ") for one in shown],
            orientation="h",
            marker={"color": LEAKAGE, "line": {"width": 0}},
            error_x={
                "type": "data",
                "array": [one.leakage.high - one.leakage.value for one in shown],
                "arrayminus": [one.leakage.value - one.leakage.low for one in shown],
                "color": BASELINE,
                "thickness": 1.5,
                "width": 4,
            },
            hovertemplate="%{y}: %{x:,.0f}<extra></extra>",
        )
    )
    figure.update_xaxes(rangemode="tozero", tickformat=",")
    return frame_chart(
        figure,
        x=f"leakage, {unit}, 95 % interval",
        y="",
        height_px=80 + 44 * len(shown),
        has_legend=False,
    )


def _short(key: str) -> str:
    return key if len(key) <= _LONGEST else f"{key[: _LONGEST - 1]}…"
