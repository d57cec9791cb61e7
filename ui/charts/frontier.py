"""Chart of the frontier: revenue against leakage, human conversion as colour, the target marked."""

from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from phantom_core.core.estimate import Estimate
from phantom_core.policy_learning.frontier import PolicyFrontier, ReachedPoint
from ui.charts.frame import BASELINE, MODEL, frame_chart

# Humans buy less (orange) or more (blue) than at base prices; grey where nothing changes.
_SCALE: Final = ((0.0, "#b8551a"), (0.5, "#b9bfc4"), (1.0, "#1f5f9e"))
_MOST_COLOURED: Final = 0.10
_HIGHEST_LEAKAGE: Final = 0.6
_MARGIN: Final = 0.03


def frontier_chart(frontier: PolicyFrontier, chosen: ReachedPoint | None) -> go.Figure:
    """Policies by change of leakage and of revenue; the chosen one is ringed.

    Args:
        frontier: its points beyond twice the leakage are left out of the picture.
        chosen: a learned point.
    """
    figure = go.Figure()
    shown = [
        point
        for point in frontier.points
        if point.figures.by_curves.leakage.value <= _HIGHEST_LEAKAGE
    ]
    known = [point for point in shown if point.kind == "known classes"]
    learned = [point for point in shown if point.kind == "learned"]
    others = [point for point in shown if point.kind == "other"]
    _target(figure, frontier, shown)
    _add(figure, known, "every class known (bound)", "diamond", 8, is_line=True, colour=BASELINE)
    _add(figure, learned, "learned rules, by λ", "circle", 12, is_line=True, colour=MODEL)
    for symbol, point in zip(
        ("square", "x", "triangle-up", "cross", "pentagon"), others, strict=False
    ):
        _add(figure, [point], point.title, symbol, 12, is_line=False, colour=BASELINE)
    if chosen is not None:
        changes = chosen.figures.by_curves
        figure.add_scatter(
            x=[changes.leakage.value],
            y=[changes.revenue.value],
            mode="markers",
            marker={"size": 22, "symbol": "circle-open", "color": MODEL, "line": {"width": 3}},
            name="chosen",
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_hline(y=0, line={"color": BASELINE, "width": 1})
    figure.add_vline(x=0, line={"color": BASELINE, "width": 1})
    figure.update_layout(
        coloraxis={
            "colorscale": _SCALE,
            "cmin": -_MOST_COLOURED,
            "cmax": _MOST_COLOURED,
            "colorbar": {
                "title": {"text": "human<br>purchases"},
                "tickformat": "+.0%",
                "thickness": 12,
            },
        }
    )
    figure.update_xaxes(tickformat="+.0%")
    figure.update_yaxes(tickformat="+.0%")
    return frame_chart(
        figure,
        x="change of leakage against base prices, %",
        y="change of revenue against base prices, %",
        height_px=480,
    )


def _target(figure: go.Figure, frontier: PolicyFrontier, shown: Sequence[ReachedPoint]) -> None:
    """The region that the shop would like to reach."""
    wish = frontier.target
    changes = [point.figures.by_curves for point in shown]
    left = min(-1.0, *(one.leakage.low for one in changes)) - _MARGIN
    top = max(wish.revenue_gain, *(one.revenue.high for one in changes)) + _MARGIN
    figure.add_shape(
        type="rect",
        x0=left,
        x1=-wish.leakage_cut,
        y0=wish.revenue_gain,
        y1=top,
        fillcolor=MODEL,
        opacity=0.16,
        line={"width": 0},
        layer="below",
    )
    figure.add_annotation(
        x=(left - wish.leakage_cut) / 2,
        y=(wish.revenue_gain + top) / 2,
        text="target",
        showarrow=False,
        font={"color": MODEL},
    )
    figure.update_yaxes(range=[min(one.revenue.low for one in changes) - _MARGIN, top])


def _add(
    figure: go.Figure,
    points: Sequence[ReachedPoint],
    name: str,
    symbol: str,
    size: int,
    *,
    is_line: bool,
    colour: str,
) -> None:
    changes = [point.figures.by_curves for point in points]
    figure.add_scatter(
        x=[one.leakage.value for one in changes],
        y=[one.revenue.value for one in changes],
        mode="lines+markers" if is_line else "markers",
        name=name,
        line={"color": colour, "width": 1.5},
        marker={
            "size": size,
            "symbol": symbol,
            "color": [one.human_conversion.value for one in changes],
            "coloraxis": "coloraxis",
            "line": {"width": 1, "color": colour},
        },
        error_x=_bars([one.leakage for one in changes], colour),
        error_y=_bars([one.revenue for one in changes], colour),
        customdata=[
            [point.title, one.human_conversion.value]
            for point, one in zip(points, changes, strict=True)
        ],
        hovertemplate="%{customdata[0]}<br>leakage %{x:+.1%}, revenue %{y:+.1%}, human purchases "
        "%{customdata[1]:+.1%}<extra></extra>",
    )


def _bars(estimates: Sequence[Estimate], colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "array": [one.high - one.value for one in estimates],
        "arrayminus": [one.value - one.low for one in estimates],
        "thickness": 1,
        "width": 0,
        "color": colour,
    }
