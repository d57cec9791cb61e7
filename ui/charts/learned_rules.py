"""Charts of learned rules: what policies change, revenue against leakage."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from ui.charts.frame import AGENT, BASELINE, HUMAN, MODEL, SECOND, frame_chart

_COLOURS: Final = (MODEL, BASELINE, AGENT, HUMAN, SECOND, "#6f9a3c", "#c765a0")


def compared_chart(table: pd.DataFrame) -> go.Figure:
    """Policies by change of leakage and of revenue.

    Args:
        table: `views.rules.learned_rules.compared_table`; the first row is the learned rules.
    """
    figure = go.Figure()
    for position, row in enumerate(table.to_dict("records")):
        figure.add_scatter(
            x=[row["leakage"]],
            y=[row["revenue"]],
            name=str(row["policy"]),
            mode="markers",
            marker={
                "size": 14 if position == 0 else 10,
                "color": _COLOURS[position % len(_COLOURS)],
                "symbol": "star" if position == 0 else "circle",
            },
            error_x=_interval(row, "leakage"),
            error_y=_interval(row, "revenue"),
            hovertemplate="leakage %{x:+.1%}, revenue %{y:+.1%}, human conversion "
            f"{row['human_conversion']:+.1%}<extra>{row['policy']}</extra>",
        )
    figure.add_hline(y=0, line={"color": BASELINE, "width": 1})
    figure.add_vline(x=0, line={"color": BASELINE, "width": 1})
    figure.update_xaxes(tickformat="+.0%")
    figure.update_yaxes(tickformat="+.0%")
    return frame_chart(
        figure,
        x="change of leakage against base prices, %",
        y="change of revenue against base prices, %",
        height_px=360,
    )


def _interval(row: Mapping[Hashable, Any], name: str) -> dict[str, object]:
    return {
        "type": "data",
        "array": [row[f"{name}_high"] - row[name]],
        "arrayminus": [row[name] - row[f"{name}_low"]],
        "thickness": 1.2,
        "width": 3,
    }
