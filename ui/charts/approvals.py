"""Charts of a change request: its expected effects, with intervals."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from phantom_core.views.approvals.change_requests import Figure
from ui.charts.frame import BASELINE, MODEL, SECOND, frame_chart


def effects_chart(found: Sequence[Figure], *, is_share: bool) -> go.Figure:
    """Each figure as a point with its 95 % interval; zero is no change."""
    known = [one for one in found[::-1] if one[1] is not None]
    values = [one[1] or 0.0 for one in known]
    figure = go.Figure(
        go.Scatter(
            x=values,
            y=[one[0] for one in known],
            mode="markers",
            marker={"size": 10, "color": MODEL},
            error_x={
                "type": "data",
                "array": [(one[3] or 0.0) - (one[1] or 0.0) for one in known],
                "arrayminus": [(one[1] or 0.0) - (one[2] or 0.0) for one in known],
                "color": MODEL,
            },
            hovertemplate="%{y}: %{x:.2%}<extra></extra>"
            if is_share
            else "%{y}: %{x:,.0f}<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": BASELINE, "width": 1, "dash": "dot"})
    figure.update_xaxes(tickformat=".1%" if is_share else ",.0f", rangemode="normal")
    unit = "share, 95 % interval" if is_share else "currency, 95 % interval"
    return frame_chart(
        figure, x=unit, y="", height_px=80 + 34 * max(1, len(known)), has_legend=False
    )


def trial_chart(trial: pd.DataFrame) -> go.Figure:
    """Reward of the proposed, the live and the optimal prices."""
    colours = {"proposed": MODEL, "live": SECOND, "optimum": BASELINE}
    figure = go.Figure(
        go.Bar(
            x=trial["reward"],
            y=trial["prices"],
            orientation="h",
            marker={"color": [colours[name] for name in trial["prices"]]},
            error_x={
                "type": "data",
                "array": trial["high"] - trial["reward"],
                "arrayminus": trial["reward"] - trial["low"],
            },
            text=[f"{share:.1%} of the optimum" for share in trial["share_of_optimum"]],
            textposition="inside",
            insidetextanchor="start",
            hovertemplate="%{y}: %{x:,.0f}<extra></extra>",
        )
    )
    return frame_chart(
        figure,
        x="reward (revenue − ½ leakage), currency, 95 % interval",
        y="",
        height_px=200,
        has_legend=False,
    )
