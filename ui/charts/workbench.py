"""Chart of a query's result."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from ui.charts.frame import COLOURS, MODEL, frame_chart

_MOST_GROUPS: Final = 12
KINDS: Final[Mapping[str, Callable[..., Any]]] = {
    "Bars": go.Bar,
    "Lines": go.Scatter,
    "Points": go.Scatter,
}
_MODES: Final = {"Lines": "lines+markers", "Points": "markers"}


def result_chart(rows: pd.DataFrame, kind: str, x: str, y: str, colour: str | None) -> go.Figure:
    """One column against another, in colours by a third.

    Args:
        rows: of the result.
        kind: one of KINDS.
        x: column of the horizontal axis.
        y: column of the vertical axis, numbers.
        colour: column whose most frequent values get a series each; None for one series.
    """
    figure = go.Figure()
    for name, part in _groups(rows, colour):
        style = {"mode": _MODES[kind]} if kind in _MODES else {}
        trace = KINDS[kind](x=part[x], y=part[y], name=name, **style)
        if name in COLOURS or not name:
            trace.marker.color = COLOURS.get(name, MODEL)
        figure.add_trace(trace)
    return frame_chart(figure, x=x, y=y, height_px=380, has_legend=colour is not None)


def _groups(rows: pd.DataFrame, colour: str | None) -> list[tuple[str, pd.DataFrame]]:
    if colour is None:
        return [("", rows)]
    most = rows[colour].astype(str).value_counts().index[:_MOST_GROUPS]
    return [(str(name), rows[rows[colour].astype(str) == name]) for name in most]
