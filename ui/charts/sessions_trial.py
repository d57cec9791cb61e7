"""Chart of a rule replay on simulated sessions: change of each rule set vs no mark-up."""

from collections.abc import Sequence

import plotly.graph_objects as go

from phantom_core.views.simulator.session_trials import SessionArm
from ui.charts.frame import AGENT, BASELINE, MODEL, frame_chart


def change_chart(arms: Sequence[SessionArm]) -> go.Figure:
    """Change of revenue and leakage of each rule set, in percent, with intervals."""
    shown = list(reversed(arms))
    figure = go.Figure()
    for name, colour in (("revenue", MODEL), ("leakage", AGENT)):
        changes = [arm.change(name) for arm in shown]
        values = [change.value for change in changes]
        figure.add_bar(
            x=values,
            y=[arm.name for arm in shown],
            orientation="h",
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            error_x={
                "type": "data",
                "array": [(change.high or 0.0) - (change.value or 0.0) for change in changes],
                "arrayminus": [(change.value or 0.0) - (change.low or 0.0) for change in changes],
                "color": BASELINE,
                "thickness": 1.5,
                "width": 4,
            },
            hovertemplate="%{y}: " + name + " %{x:+.1%}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": BASELINE, "width": 1.5})
    ends = [
        end
        for arm in arms
        for name in ("leakage", "revenue")
        for end in (arm.change(name).low, arm.change(name).high)
        if end is not None
    ]
    low, high = min(0.0, *ends, 0.0), max(0.0, *ends, 0.0)
    margin = 0.04 * max(high - low, 0.01)
    # Zero, the reference of the bars, stays visible.
    figure.update_xaxes(tickformat="+.0%", range=[low - margin, high + margin])
    figure.update_layout(barmode="group", legend_traceorder="reversed")
    return frame_chart(
        figure, x="change vs no mark-up, 95 % interval", y="", height_px=100 + 70 * len(shown)
    )
