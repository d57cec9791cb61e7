"""Charts of the overview: traffic and classes."""

import pandas as pd
import plotly.graph_objects as go

from phantom_core.views.overview.overview import OverviewClassFigures
from phantom_core.views.workspace.snapshot import LABELS
from phantom_core.views.workspace.time_bins import WIDTHS_MS
from ui.charts.frame import BASELINE, COLOURS, frame_chart
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


def conversion_chart(classes: tuple[OverviewClassFigures, ...]) -> go.Figure:
    """Conversion of each class with its interval."""
    figure = go.Figure()
    for figures in classes:
        share = figures.conversion
        figure.add_bar(
            x=[share.value],
            y=[figures.label],
            orientation="h",
            marker={"color": COLOURS[figures.label], "line": {"width": 0}},
            error_x={
                "type": "data",
                "array": [share.high - share.value],
                "arrayminus": [share.value - share.low],
                "thickness": 1.5,
                "color": BASELINE,
                "width": 5,
            },
            text=f"{format_percent(share.value, 1)}",
            textposition="inside",
            insidetextanchor="start",
            textfont={"color": "white"},
            hovertemplate=f"{format_percent(share.value, 1)} of {format_count(share.n)} sessions "
            f"buy (95 %: {format_interval(share, 1)})<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    return frame_chart(
        figure,
        x="conversion, share of sessions",
        y="",
        height_px=90 + 50 * len(classes),
        has_legend=False,
    )
