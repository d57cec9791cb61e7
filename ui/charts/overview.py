"""Charts of the overview: traffic, leakage and classes of shoppers."""

from collections.abc import Sequence
from math import isnan

import pandas as pd
import plotly.graph_objects as go

from phantom_core.leakage.business_summary import ClassBusiness, DayLeakage
from phantom_core.views.workspace.snapshot import LABELS
from phantom_core.views.workspace.time_bins import WIDTHS_MS
from ui.charts.frame import AGENT, BAND, BASELINE, COLOURS, HUMAN, LEAKAGE, frame_chart
from ui.frame.wording import format_count, format_interval, format_percent


def traffic_chart(traffic: pd.DataFrame, bin_width_ms: int) -> go.Figure:
    """Sessions in time, stacked by class."""
    figure = go.Figure()
    for label in LABELS:
        rows = traffic[traffic["label"] == label]
        if len(rows):
            figure.add_bar(
                x=rows["start"],
                y=rows["sessions"],
                name=label,
                # Explicit, since plotly would make bars as wide as the gaps in the data.
                width=0.88 * bin_width_ms,
                offset=0.06 * bin_width_ms,
                marker={"color": COLOURS[label], "line": {"width": 0}},
                hovertemplate="%{y:,} %{fullData.name}<extra></extra>",
            )
    figure.update_layout(barmode="stack", hovermode="x unified")
    return frame_chart(
        figure,
        x="first event of the session (UTC)",
        y=f"sessions per {WIDTHS_MS[bin_width_ms]}",
        height_px=290,
    )


def leakage_trend_chart(days: Sequence[DayLeakage], start_ms: int, unit: str) -> go.Figure:
    """Leakage of each 24 hours with its interval, both periods apart.

    Args:
        days: oldest first.
        start_ms: where the period begins and the one before ends, UTC milliseconds.
        unit: of amounts.
    """
    figure = go.Figure()
    when = [pd.Timestamp(day.start_ms, unit="ms", tz="UTC") for day in days]
    for bound, fill in (([d.leakage.high for d in days], None), (_lows(days), "tonexty")):
        figure.add_scatter(
            x=when,
            y=bound,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=BAND,
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_scatter(
        x=when,
        y=[day.leakage.value for day in days],
        mode="lines+markers",
        line={"color": LEAKAGE, "width": 2},
        marker={"size": 5},
        hovertemplate="24 h from %{x|%d %b %H:%M}: %{y:,.0f}<extra></extra>",
        showlegend=False,
    )
    if days and days[0].start_ms < start_ms:
        figure.add_vline(x=start_ms, line={"color": BASELINE, "dash": "dot", "width": 1})
    figure.update_yaxes(rangemode="tozero", tickformat=",")
    return frame_chart(
        figure, x="24 hours from (UTC)", y=f"leakage, {unit}", height_px=360, has_legend=False
    )


def _lows(days: Sequence[DayLeakage]) -> list[float]:
    return [day.leakage.low for day in days]


def conversion_chart(classes: Sequence[ClassBusiness]) -> go.Figure:
    """Conversion of each class of shoppers with its interval."""
    figure = go.Figure()
    for one in classes:
        share = one.conversion.now
        if isnan(share.value):
            continue
        figure.add_bar(
            x=[share.value],
            y=[one.name],
            orientation="h",
            marker={"color": HUMAN if one.name == "humans" else AGENT, "line": {"width": 0}},
            error_x={
                "type": "data",
                "array": [share.high - share.value],
                "arrayminus": [share.value - share.low],
                "thickness": 1.5,
                "color": BASELINE,
                "width": 5,
            },
            hovertemplate=f"{format_percent(share.value, 1)} of {format_count(one.sessions)} "
            f"sessions buy (95 %: {format_interval(share, 1)})<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    return frame_chart(
        figure,
        x="conversion, share of sessions",
        y="",
        height_px=90 + 40 * len(classes),
        has_legend=False,
    )
