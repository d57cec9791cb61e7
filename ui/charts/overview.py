"""Charts of the overview: traffic and classes."""

import pandas as pd
import plotly.graph_objects as go

from phantom_core.views.overview import ClassFigures
from phantom_core.views.snapshot import LABELS
from phantom_core.views.time_bins import WIDTHS_MS
from ui.charts.frame import BASELINE, COLOURS, framed
from ui.wording import count, interval, percent


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
                # Told, since a chart with long pauses would draw bars as wide as the pauses.
                width=0.88 * bin_width_ms,
                offset=0.06 * bin_width_ms,
                marker={"color": COLOURS[label], "line": {"width": 0}},
                hovertemplate="%{y:,} %{fullData.name}<extra></extra>",
            )
    figure.update_layout(barmode="stack", hovermode="x unified")
    return framed(figure, x="first event of the session (UTC)", y=f"sessions per {WIDTHS_MS[bin_width_ms]}", height_px=290)


def conversion_chart(classes: tuple[ClassFigures, ...]) -> go.Figure:
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
            text=f"{percent(share.value, 1)}",
            textposition="inside",
            insidetextanchor="start",
            textfont={"color": "white"},
            hovertemplate=f"{percent(share.value, 1)} of {count(share.n)} sessions buy (95 %: {interval(share, 1)})<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    return framed(figure, x="sessions with a purchase", y="", height_px=90 + 50 * len(classes), has_legend=False)
