"""Charts of monitoring: daily figures, with the two weeks that are compared."""

import datetime as dt

import pandas as pd
import plotly.graph_objects as go

from ui.charts.frame import AGENT, BASELINE, GRID, MODEL, frame_chart

_WEEK = dt.timedelta(days=7)


def daily_chart(
    days: pd.DataFrame,
    column: str,
    *,
    means: tuple[float | None, float | None],
    as_of_ms: int,
    y: str,
    is_share: bool = False,
) -> go.Figure:
    """One figure by day; the last week and the one before are shaded, each with its mean.

    Args:
        days: as `days_table` gives them.
        column: to draw.
        means: a day of the week before and of the last week; not of `days`, whose first and last
            day lie only partly in their week.
        as_of_ms: where the last week ends, UTC milliseconds.
        y: title of the vertical axis.
        is_share: whether it is a share, shown in percent.
    """
    end = pd.Timestamp(as_of_ms, unit="ms", tz="UTC")
    shown = "%{y:.1%}" if is_share else "%{y:,.0f}"
    figure = go.Figure()
    figure.add_bar(
        x=days["day"],
        y=days[column],
        marker={"color": AGENT if is_share else MODEL, "line": {"width": 0}},
        hovertemplate="%{x|%a %d %b}: " + shown + "<extra></extra>",
    )
    for start, mean in zip((end - 2 * _WEEK, end - _WEEK), means, strict=True):
        stop = start + _WEEK
        figure.add_vrect(x0=start, x1=stop, fillcolor=GRID, line_width=0, layer="below")
        if pd.notna(mean):
            figure.add_scatter(
                x=[start, stop],
                y=[mean, mean],
                mode="lines",
                line={"color": BASELINE, "width": 2, "dash": "dot"},
                hoverinfo="skip",
            )
    figure.update_yaxes(rangemode="tozero", tickformat=".0%" if is_share else ",.0f")
    return frame_chart(figure, x="day (UTC)", y=y, height_px=280, has_legend=False)
